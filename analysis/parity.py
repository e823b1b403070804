"""Do a candidate's images differ from the baseline's more than the baseline's differ among themselves?

Similarity, never quality: another image may be as good or better. So likeness can pass a candidate, and what is not
alike goes to people's votes (`analysis.votes`); it alone never speaks against anybody.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from PIL import Image

from analysis import stats
from analysis.pictures import NoPicture, pixels

COMPARED_PX = 512  # the longer side, at most
PAIRS = 60  # of a candidate's images with the baseline's
SPREAD_PAIRS = stats.TOLERANCE_PAIRS  # of the baseline's images among themselves
MOST_BEYOND = 0.15  # share of pairs that may lie beyond the baseline's spread, at its upper limit
ALPHA = 0.05  # of that limit, one-sided
_WINDOW_PX = 7  # of the structural similarity
_NONE = "no pair was compared"
_DECIMALS = 6  # the rest is rounding of single precision

Luma = NDArray[np.uint8]

PAIRED = pl.Schema(
    {
        "pair_id": pl.Int64(),
        "workflow": pl.String(),
        "workflow_hash": pl.String(),
        "settings": pl.String(),
        "gpu": pl.String(),
        "backend": pl.String(),  # of the other image
        "spread": pl.Boolean(),  # both are the baseline's
        "prompt_id": pl.String(),
        "seed": pl.Int64(),
        "baseline_image_id": pl.Int64(),
        "other_image_id": pl.Int64(),
        "baseline_job_id": pl.Int64(),
        "other_job_id": pl.Int64(),
        "dissimilarity": pl.Float64(),  # null: it could not be told
        "simulated": pl.Boolean(),
    }
)


def dissimilarity(mine: Luma, base: Luma) -> float:
    """1 - SSIM of what `luma` gave (Wang et al. 2004, windows of 7 x 7): 0 for the same picture, 2 at most.

    Raises NoPicture where their sizes differ or are below 7 px: there is nothing to compare.
    """
    from skimage.metrics import structural_similarity  # 0.4 s, and only who compares needs it

    if mine.shape != base.shape or min(mine.shape) < _WINDOW_PX:
        raise NoPicture("wrong_size", mine.shape[::-1])
    alike = float(
        structural_similarity(mine.astype(np.float32), base.astype(np.float32), win_size=_WINDOW_PX, data_range=255)
    )
    return round(max(0.0, 1 - alike), _DECIMALS)


def luma(image: bytes) -> Luma:
    """0-255, shape (height, width), the longer side 512 px or less. Raises NoPicture."""
    picture = pixels(image).convert("L")
    scale = COMPARED_PX / max(picture.size)
    if scale < 1:
        width, height = (max(1, round(side * scale)) for side in picture.size)
        picture = picture.resize((width, height), Image.Resampling.BOX)
    return np.asarray(picture)


@dataclass(frozen=True, kw_only=True)
class Likeness:
    """What a candidate's pairs say. beyond: pairs further apart than limit, which is the baseline's own spread.

    spread: pairs of the baseline that the limit rests on; it is None below 59. unread: pairs left out, as one of their
    images cannot be read. high: upper limit of the share beyond, 95 % one-sided; None without pairs or without limit.
    """

    pairs: int
    beyond: int
    spread: int
    limit: float | None
    high: float | None
    unread: int = 0

    @property
    def alike(self) -> bool:
        """Surely no more beyond the baseline's spread than is allowed: at most 4 of 60. False: not shown."""
        return self.high is not None and self.high <= MOST_BEYOND

    @property
    def missing(self) -> int | None:
        """How many more pairs would pass if none of them lay beyond; None where it would take more than 60 in all."""
        found = next((n for n in range(max(1, self.pairs), PAIRS + 1) if _high(self.beyond, n) <= MOST_BEYOND), None)
        return None if found is None else found - self.pairs

    @property
    def sentence(self) -> str:
        """The finding with its numbers; without an end mark."""
        left_out = f"; {self.unread} more could not be read" if self.unread else ""
        return self._finding() + left_out

    @property
    def found(self) -> int:
        """Pairs of any kind."""
        return self.pairs + self.spread + self.unread

    def _finding(self) -> str:
        if self.limit is None:
            lacking = SPREAD_PAIRS - self.spread
            return (
                f"needs {lacking} more pairs of the baseline with itself, for its own spread" if self.found else _NONE
            )
        if self.high is None:
            return _NONE
        told = (
            f"{self.beyond} of {self.pairs} pairs differ more than the baseline's images among themselves "
            f"(1 - SSIM above {self.limit:.4f}, the largest of {self.spread} pairs)"
        )
        share = f"at most {self.high * 100:.1f} % of all, where {MOST_BEYOND * 100:.0f} % may"
        if self.alike:
            return f"{told}: {share}"
        more = f"needs {self.missing} more pairs" if self.missing else "only votes can tell whether they are worse"
        return f"{told}: {share}; {more}"


def likeness(pairs: Sequence[float | None], spread: Sequence[float | None]) -> Likeness:
    """From the dissimilarity of each pair, None where it could not be told; `spread`: the baseline with itself.

    The limit is the largest of the first 59 of the spread, above 95 % of all with confidence 95 %: more pairs would
    only widen it. Raises ValueError where a number is no dissimilarity.
    """
    mine, own = _known(pairs), _known(spread)[:SPREAD_PAIRS]
    limit = stats.tolerance_limit(own)
    beyond = 0 if limit is None else sum(each > limit for each in mine)
    return Likeness(
        pairs=len(mine),
        beyond=beyond,
        spread=len(own),
        limit=limit,
        high=_high(beyond, len(mine)) if mine and limit is not None else None,
        unread=len(pairs) - len(mine),
    )


def _high(beyond: int, pairs: int) -> float:
    return stats.clopper_pearson(beyond, pairs, alpha=ALPHA)[1]


def _known(values: Sequence[float | None]) -> list[float]:
    found = [each for each in values if each is not None]
    if any(not (math.isfinite(each) and 0 <= each <= 2) for each in found):
        raise ValueError("A dissimilarity is between 0 and 2.")
    return found
