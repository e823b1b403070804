"""What each provider costs at other volumes of one workflow, at the settings by which the last look compares them."""

from collections.abc import Sequence
from typing import Any

import polars as pl

from analysis.traffic.breakeven import Curves, Served, curves_of, grid
from analysis.traffic.equal import Tried
from analysis.traffic.profile import MOST_PER_DAY
from analysis.verdict.evidence import Compared
from analysis.verdict.levers import VOLUME_TIMES
from words import called

POINTS = 5  # on each side of ours
REQUESTS_PER_BLOCK = 500  # of each replay without a block: a band, that decides nothing
_COLUMNS = ("option", "per_day", "usd_per_image_nano", "usd_per_image_low_nano", "usd_per_image_high_nano", "blocks")


def volumes(pairs: Sequence[Compared]) -> Curves | None:
    """From a fifth of our volume to five times as much; pairs: of one workflow. None before its first look.

    Raises LoadError where that traffic cannot be replayed.
    """
    options = _options(pairs)
    if not options:
        return None
    traffic = pairs[0].beside.traffic[pairs[0].workflow]
    ours = traffic.per_day
    most = min(ours * VOLUME_TIMES, MOST_PER_DAY)
    above = grid(ours, most, points=POINTS)[1:] if most > ours else []
    at = [*grid(ours / VOLUME_TIMES, ours, points=POINTS)[:-1], ours, *above]
    return curves_of(options, at, traffic, requests_per_block=REQUESTS_PER_BLOCK)


def rows(pairs: Sequence[Compared], found: Curves) -> list[dict[str, Any]]:
    """Plain values, for a snapshot: a row for each option and volume. serves: known to serve as well as now."""
    slower = [called(each.candidate) for each in pairs if each.last is not None and each.last.best is None]
    frame = found.curves.select(*_COLUMNS).with_columns(
        workflow=pl.lit(pairs[0].workflow), serves=~pl.col("option").is_in(slower)
    )
    return frame.to_dicts()


def of_all(pairs: Sequence[Compared]) -> list[dict[str, Any]]:
    """`rows` of every workflow of the pairs, replayed anew, in their order. Raises LoadError as `volumes`."""
    each = [
        [pair for pair in pairs if pair.workflow == name] for name in dict.fromkeys(pair.workflow for pair in pairs)
    ]
    return [row for of in each if (found := volumes(of)) for row in rows(of, found)]


def _options(pairs: Sequence[Compared]) -> list[Served]:
    """The baseline first, as the first pair that tells compares it."""
    told = [(each, each.last) for each in pairs if each.last is not None]
    bases = [_served(each.card.baseline, last.base) for each, last in told if last.base is not None]
    return [*bases[:1], *(_served(each.candidate, last.best or last.as_is) for each, last in told)]


def _served(backend: str, tried: Tried) -> Served:
    return Served(name=called(backend), service=tried.service, setting=tried.setting)
