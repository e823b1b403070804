"""What jobs in blocks say of a cell or of two arms: point, limits, what they are worth, and why something is withheld.

A block is one day-part of one day, with a fresh deployment or host per arm. Jobs of a block resemble each other, so n
of them are worth n_star = f n / deff (`stats.design_effect`, `stats.few_clusters`), rounded down where ranks are
counted. alpha is one-sided, of each limit. Below 5 blocks there is no interval; with 5 to 7 there is one, and nothing
is claimed from it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis import stats
from analysis.stats import Limits

NONE = Limits(None, None)
LEAST_BLOCKS, CLAIM_BLOCKS = 5, 8
LEAST_DIFFERENCE = 100, 12  # jobs of each arm and blocks, for a difference of rates
LEAST_MEAN = 40, 8  # ... for a ratio of block means
HOSTS_MATTER = 2.0  # above this design effect further jobs on the same hosts say little: a host is worth 1/ICC at most

Scale = Literal["log", "share"]

_Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Jobs:
    """Values of jobs, each known as [low, high] (equal where exact, infinite where it failed), and each one's block."""

    low: _Floats
    high: _Floats
    block: NDArray[np.int64]

    @classmethod
    def exact(cls, values: ArrayLike, block: ArrayLike) -> "Jobs":
        known = np.asarray(values, dtype=np.float64)
        return cls(low=known, high=known, block=np.asarray(block, dtype=np.int64))

    def where(self, kept: NDArray[np.bool_]) -> "Jobs":
        return Jobs(low=self.low[kept], high=self.high[kept], block=self.block[kept])

    @property
    def n(self) -> int:
        return int(self.high.size)

    @property
    def blocks(self) -> int:
        return int(np.unique(self.block).size)


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Good jobs of all counted ones, per block."""

    good: Sequence[int]
    of: Sequence[int]

    @property
    def n(self) -> int:
        return sum(self.of)

    @property
    def rate(self) -> float:
        return sum(self.good) / self.n


@dataclass(frozen=True, kw_only=True)
class Blend:
    """Production's mixture: cold and warm jobs, the share of cold ones (low, point, high), the waits of the replay.

    A wait in seconds is added to each latency of its class, each wait being as likely.
    """

    cold: Jobs
    warm: Jobs
    cold_share: tuple[float, float, float]
    cold_waits: Sequence[float] = (0.0,)
    warm_waits: Sequence[float] = (0.0,)

    @property
    def n(self) -> int:
        return self.cold.n + self.warm.n

    @property
    def blocks(self) -> int:
        return int(np.unique(np.concatenate([self.cold.block, self.warm.block])).size)


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A number with its limits; a missing limit is None, and then `withheld` says what it takes."""

    point: float | None
    limits: Limits = NONE
    n: int
    blocks: int
    deff: float = 1.0
    needs_jobs: int = 0
    needs_blocks: int = 0

    @property
    def withheld(self) -> str | None:
        """needs 14 more; needs 3 more blocks."""
        if self.needs_blocks:
            return f"needs {self.needs_blocks} more block{'s' if self.needs_blocks > 1 else ''}"
        if self.needs_jobs:
            return f"needs {self.needs_jobs} more" + (", other hosts" if self.deff > HOSTS_MATTER else "")
        return None

    @property
    def claims(self) -> bool:
        """May a gate rest on it? Not on fewer than 8 blocks."""
        return self.withheld is None and self.blocks >= CLAIM_BLOCKS


# ---------------------------------------------------------------- quantiles


def quantile(jobs: Jobs, q: float, *, alpha: float = stats.TWO_SIDED) -> Estimate:
    """A quantile by order statistics at n_star, df B - 1."""
    return _quantile(jobs, q, alpha=alpha, df=jobs.blocks - 1)


def quantile_ratio(candidate: Jobs, baseline: Jobs, q: float, *, alpha: float = stats.TWO_SIDED) -> Estimate:
    """Candidate's quantile over the baseline's: MOVER, df 2 (B - 1)."""
    df = 2 * (min(candidate.blocks, baseline.blocks) - 1)
    return _ratio(*(_quantile(arm, q, alpha=alpha, df=df) for arm in (candidate, baseline)))


def relative(jobs: Jobs, reference: Jobs) -> Jobs:
    """Each job over the median of the reference's jobs in the same block; jobs of a block without one are left out."""
    blocks = np.unique(reference.block).tolist()
    medians = {block: stats.quantile(reference.high[reference.block == block], 0.5) for block in blocks}
    unit = np.array([medians.get(block) or math.nan for block in jobs.block.tolist()])
    scaled = Jobs(low=jobs.low / unit, high=jobs.high / unit, block=jobs.block)
    return scaled.where(np.isfinite(unit))


def blended_quantile(blend: Blend, q: float, *, alpha: float = stats.TWO_SIDED) -> Estimate:
    """A quantile of production's mixture, df B - 1; each limit at the end of the cold share that is worse for it."""
    return _blended(blend, q, alpha=alpha, df=blend.blocks - 1)


def blended_point(blend: Blend, q: float) -> float:
    """The same without limits."""
    return stats.weighted_quantile(*_mixed(blend, blend.cold_share[1])[1:], q)


def blended_ratio(candidate: Blend, baseline: Blend, q: float, *, alpha: float = stats.TWO_SIDED) -> Estimate:
    """The same of both arms: MOVER, df 2 (B - 1)."""
    df = 2 * (min(candidate.blocks, baseline.blocks) - 1)
    return _ratio(*(_blended(arm, q, alpha=alpha, df=df) for arm in (candidate, baseline)))


def _quantile(jobs: Jobs, q: float, *, alpha: float, df: int) -> Estimate:
    point = stats.quantile(jobs.high, q)
    if point is None or jobs.blocks < LEAST_BLOCKS:
        return Estimate(point=point, n=jobs.n, blocks=jobs.blocks, needs_blocks=LEAST_BLOCKS - jobs.blocks)
    deff = stats.design_effect(*_by_block(jobs.high <= point, jobs.block))
    n_star = stats.effective_n(jobs.n, deff=deff, df=df, alpha=alpha)
    limits = stats.quantile_limits(jobs.low, jobs.high, q, alpha=alpha, n_star=n_star)
    more = _more(n_star, q, deff=deff, df=df, alpha=alpha)
    return Estimate(point=point, limits=limits, n=jobs.n, blocks=jobs.blocks, deff=deff, needs_jobs=more)


def _blended(blend: Blend, q: float, *, alpha: float, df: int) -> Estimate:
    point, (least, _, most) = blended_point(blend, q), blend.cold_share
    if blend.blocks < LEAST_BLOCKS:
        return Estimate(point=point, n=blend.n, blocks=blend.blocks, needs_blocks=LEAST_BLOCKS - blend.blocks)
    ends = [_blended_at(blend, end, q, alpha=alpha, df=df) for end in {least, most}]
    deff = max(deff for _, deff in ends)
    n_star = stats.effective_n(blend.n, deff=deff, df=df, alpha=alpha)
    return Estimate(
        point=point,
        limits=_widest([limits for limits, _ in ends]),
        n=blend.n,
        blocks=blend.blocks,
        deff=deff,
        needs_jobs=_more(n_star, q, deff=deff, df=df, alpha=alpha),
    )


def _blended_at(blend: Blend, share: float, q: float, *, alpha: float, df: int) -> tuple[Limits, float]:
    """Limits and design effect at one cold share: V is that of the weighted distribution at the quantile."""
    mixed = _mixed(blend, share)
    point = stats.weighted_quantile(*mixed[1:], q)
    blocks = np.unique(np.concatenate([blend.cold.block, blend.warm.block]))
    apart = np.zeros(blocks.size)
    for jobs, waits, part in _classes(blend, share):
        up_to = (jobs.high[:, None] + np.asarray(waits)[None, :] <= point).mean(axis=1)
        at = np.searchsorted(blocks, jobs.block)
        apart += part / jobs.n * np.bincount(at, weights=up_to - up_to.mean(), minlength=blocks.size)
    variance = blocks.size / (blocks.size - 1) * float((apart**2).sum())
    deff = max(1.0, variance * blend.n / (q * (1 - q)))
    n_star = stats.effective_n(blend.n, deff=deff, df=df, alpha=alpha)
    return stats.weighted_limits(mixed, q, alpha=alpha, n_star=n_star), deff


def _mixed(blend: Blend, share: float) -> tuple[_Floats, _Floats, _Floats]:
    """Low, high and weight of every latency with every wait of its class."""
    parts = [
        (
            (jobs.low[:, None] + np.asarray(waits)[None, :]).ravel(),
            (jobs.high[:, None] + np.asarray(waits)[None, :]).ravel(),
            np.full(jobs.n * len(waits), part / jobs.n / len(waits)),
        )
        for jobs, waits, part in _classes(blend, share)
    ]
    low, high, weight = (np.concatenate(each) for each in zip(*parts, strict=True))
    return low, high, weight


def _classes(blend: Blend, share: float) -> list[tuple[Jobs, Sequence[float], float]]:
    return [(blend.cold, blend.cold_waits, share), (blend.warm, blend.warm_waits, 1 - share)]


def _widest(each: Sequence[Limits]) -> Limits:
    """The lowest and the highest; none where one of them has none."""
    lows, highs = [limits.low for limits in each], [limits.high for limits in each]
    return Limits(
        low=None if None in lows else min(low for low in lows if low is not None),
        high=None if None in highs else max(high for high in highs if high is not None),
    )


def _ratio(candidate: Estimate, baseline: Estimate) -> Estimate:
    c, b = candidate.point, baseline.point
    if c is None or b is None:
        point, limits = None, NONE
    else:
        point = c / b if math.isfinite(b) else None
        limits = stats.ratio_limits((c, b), (candidate.limits, baseline.limits))
    return Estimate(
        point=point,
        limits=limits,
        n=min(candidate.n, baseline.n),
        blocks=min(candidate.blocks, baseline.blocks),
        deff=max(candidate.deff, baseline.deff),
        needs_jobs=max(candidate.needs_jobs, baseline.needs_jobs),
        needs_blocks=max(candidate.needs_blocks, baseline.needs_blocks),
    )


def _more(n_star: float, q: float, *, deff: float, df: int, alpha: float) -> int:
    least, factor = stats.min_n(q, alpha=alpha), stats.few_clusters(df, alpha=alpha)
    return stats.needs(math.floor(n_star), least, deff=deff, factor=factor)


# ---------------------------------------------------------------- rates


def rate(counts: Counts, *, alpha: float = stats.TWO_SIDED) -> Estimate:
    """One rate: Wilson at n_star, df B - 1."""
    blocks, n = len(counts.of), counts.n
    few = _too_few(counts.rate if n else None, n, blocks, least=(stats.MIN_RATE_N, LEAST_BLOCKS))
    if few:
        return few
    deff = stats.design_effect(counts.good, counts.of)
    worth = stats.effective_n(n, deff=deff, df=blocks - 1, alpha=alpha)
    limits = Limits(*stats.wilson(counts.rate * worth, worth, alpha=alpha))
    return Estimate(point=counts.rate, limits=limits, n=n, blocks=blocks, deff=deff)


def rate_difference(candidate: Counts, baseline: Counts, *, alpha: float = stats.TWO_SIDED) -> Estimate:
    """Candidate's rate less the baseline's: Newcombe at n_star with the larger design effect, df 2 (B - 1).

    The larger, because an arm without failures shows none.
    """
    arms = candidate, baseline
    n, blocks = min(arm.n for arm in arms), min(len(arm.of) for arm in arms)
    point = candidate.rate - baseline.rate if n else None
    few = _too_few(point, n, blocks, least=LEAST_DIFFERENCE)
    if few:
        return few
    deff = max(stats.design_effect(arm.good, arm.of) for arm in arms)
    c, b = (stats.effective_n(arm.n, deff=deff, df=2 * (blocks - 1), alpha=alpha) for arm in arms)
    limits = Limits(*stats.newcombe((candidate.rate * c, c), (baseline.rate * b, b), alpha=alpha))
    return Estimate(point=point, limits=limits, n=n, blocks=blocks, deff=deff)


# ---------------------------------------------------------------- means and money


def mean_ratio(candidate: Jobs, baseline: Jobs, *, alpha: float = stats.TWO_SIDED) -> Estimate:
    """Candidate over baseline, of good jobs: exp of block-t on the differences of block means of the logarithm."""
    shared = np.intersect1d(candidate.block, baseline.block)
    n, blocks = min(candidate.n, baseline.n), int(shared.size)
    apart = [_mean_log(candidate, block) - _mean_log(baseline, block) for block in shared]
    point = math.exp(float(np.mean(apart))) if blocks else None
    few = _too_few(point, n, blocks, least=LEAST_MEAN)
    if few:
        return few
    low, high = stats.block_t(apart, alpha=alpha)
    return Estimate(point=point, limits=Limits(math.exp(low), math.exp(high)), n=n, blocks=blocks)


def saving(found: stats.Saving, *, alpha: float = stats.TWO_SIDED) -> Estimate:
    """A saving with its jackknife limits; from 8 blocks on. n is the number of blocks."""
    blocks = found.df + 1
    if blocks < CLAIM_BLOCKS:
        return Estimate(point=found.point, n=blocks, blocks=blocks, needs_blocks=CLAIM_BLOCKS - blocks)
    return Estimate(point=found.point, limits=Limits(*found.limits(alpha=alpha)), n=blocks, blocks=blocks)


def recomputed(
    point: float,
    without: Sequence[float],
    *,
    least: int = LEAST_BLOCKS,
    scale: Scale = "log",
    chance: float = 0.0,
    alpha: float = stats.TWO_SIDED,
) -> Estimate:
    """What a replay of measured seconds comes to, by jackknife: the same recomputed without each block in turn.

    Dollars on the scale of their logarithm; shares as they are, held between 0 and 1. least: blocks below which there
    are no limits. chance: the point's own standard error on that scale, of the replay's draws. n: how many blocks.
    """
    blocks = len(without)
    if blocks < least:
        return Estimate(point=point, n=blocks, blocks=blocks, needs_blocks=least - blocks)
    if scale == "log":
        low, high = stats.jackknife(math.log(point), np.log(without), alpha=alpha, chance=chance)
        limits = Limits(math.exp(low), math.exp(high))
    else:
        low, high = stats.jackknife(point, without, alpha=alpha, chance=chance)
        limits = Limits(max(0.0, low), min(1.0, high))
    return Estimate(point=point, limits=limits, n=blocks, blocks=blocks)


def _mean_log(jobs: Jobs, block: int) -> float:
    return float(np.log(jobs.high[jobs.block == block]).mean())


def _too_few(point: float | None, n: int, blocks: int, *, least: tuple[int, int]) -> Estimate | None:
    """The point without limits, saying what it takes; None if there are enough jobs and blocks."""
    jobs, of_blocks = stats.needs(n, least[0]), max(0, least[1] - blocks)
    if not jobs and not of_blocks:
        return None
    return Estimate(point=point, n=n, blocks=blocks, needs_jobs=jobs, needs_blocks=of_blocks)


def _by_block(hit: NDArray[np.bool_], block: NDArray[np.int64]) -> tuple[Sequence[float], Sequence[float]]:
    at = np.unique(block, return_inverse=True)[1]
    return np.bincount(at, weights=hit).tolist(), np.bincount(at).tolist()
