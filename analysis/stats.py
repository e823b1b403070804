"""Interval estimators: order statistics for quantiles, Wilson and Newcombe for rates, block-t and jackknife for means.

alpha is one-sided throughout: a two-sided 95 % interval is two limits at 0.025 each. `n_star` is the number of
independent observations that n clustered ones are worth (`effective_n`); without blocks it is n. `analysis.estimates`
applies them to jobs in blocks; nothing else in the project computes an interval.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import bdtr, bdtrc, betaincinv, ndtri, stdtr, stdtrit

TWO_SIDED = 0.025
MIN_RATE_N = 30
TOLERANCE_PAIRS = 59  # the smallest sample whose largest value is above 95 % of all with confidence 95 %

Side = Literal["above", "below"]

_Floats = NDArray[np.float64]
_ROUNDING = 1e-12  # sums of weights such as 1/3 miss their probability by this much


@dataclass(frozen=True)
class Limits:
    """An interval; None where the sample is too small for that limit."""

    low: float | None
    high: float | None


@dataclass(frozen=True)
class Ranks:
    """Ranks, from 1, of the order statistics that bound a quantile; None where there is none at this n."""

    low: int | None
    high: int | None


# ---------------------------------------------------------------- quantiles


def quantile(values: ArrayLike, q: float) -> float | None:
    """The value at rank ceil(q n); infinite ones count as larger than all. None of no values."""
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    return float(ordered[_rank(q, ordered.size) - 1]) if ordered.size else None


def quantile_limits(
    low: ArrayLike, high: ArrayLike, q: float, *, alpha: float = TWO_SIDED, n_star: float | None = None
) -> Limits:
    """Distribution-free limits for a quantile of values known as [low, high] each (equal where known exactly).

    Hahn & Meeker 1991, section 5.2: ranks of the binomial at n_star, carried over to n.
    """
    lows, highs = np.sort(np.asarray(low, dtype=np.float64)), np.sort(np.asarray(high, dtype=np.float64))
    n = lows.size
    worth = n if n_star is None else math.floor(n_star)
    ranks = quantile_ranks(worth, q, alpha=alpha)
    return Limits(
        low=None if ranks.low is None else float(lows[max(1, math.floor(ranks.low * n / worth)) - 1]),
        high=None if ranks.high is None else float(highs[min(n, math.ceil(ranks.high * n / worth)) - 1]),
    )


def quantile_ranks(n: int, q: float, *, alpha: float = TWO_SIDED) -> Ranks:
    """l = max{r: P(Bin(n,q) <= r-1) < alpha}, u = min{r: P(Bin(n,q) <= r-1) >= 1 - alpha}, 1 <= r <= n."""
    at_most = bdtr(np.arange(n, dtype=np.float64), n, q) if n > 0 else np.empty(0)
    below, above = np.flatnonzero(at_most < alpha), np.flatnonzero(at_most >= 1 - alpha)
    return Ranks(
        low=int(below[-1]) + 1 if below.size else None,
        high=int(above[0]) + 1 if above.size else None,
    )


def min_n(q: float, *, alpha: float = TWO_SIDED) -> int:
    """The smallest n with both limits: the largest value must exceed the quantile, and the smallest fall below it."""
    return math.ceil(max(math.log(alpha) / math.log(q), math.log(alpha) / math.log(1 - q)))


def min_n_upper(q: float, *, alpha: float = 2 * TWO_SIDED) -> int:
    """The smallest n with an upper limit, one-sided."""
    return math.ceil(math.log(alpha) / math.log(q))


def needs(n: float, least: int, *, deff: float = 1.0, factor: float = 1.0) -> int:
    """How many more jobs a withheld number needs; 0 if it is not withheld.

    n: what the jobs so far are worth (n_star). A further job is worth factor / deff (`few_clusters`, `design_effect`).
    """
    return max(0, math.ceil((least - n) * deff / factor))


def tolerance_limit(values: ArrayLike) -> float | None:
    """The largest value: above 95 % of all values with confidence 95 %. None of fewer than 59 (Wilks 1941)."""
    found = np.asarray(values, dtype=np.float64)
    return float(found.max()) if found.size >= TOLERANCE_PAIRS else None


def weighted_limits(
    values: tuple[ArrayLike, ArrayLike, ArrayLike], q: float, *, alpha: float = TWO_SIDED, n_star: float
) -> Limits:
    """Limits for a quantile of a mixture of classes whose shares are known: (low, high, weight) of each value.

    The weights add up to 1, each its class's share over the values in the class. The ranks of `quantile_limits` at
    n_star become probabilities, carried over to the weighted distribution, outwards.
    """
    low, high, weight = (np.asarray(each, dtype=np.float64) for each in values)
    worth = math.floor(n_star)
    ranks = quantile_ranks(worth, q, alpha=alpha)
    return Limits(
        low=None if ranks.low is None else weighted_quantile(low, weight, ranks.low / worth, side="below"),
        high=None if ranks.high is None else weighted_quantile(high, weight, ranks.high / worth),
    )


def weighted_quantile(values: ArrayLike, weight: ArrayLike, q: float, *, side: Side = "above") -> float:
    """The smallest value below or at which weight q lies; `below`: the largest that has no more than q up to it."""
    found, weights = np.asarray(values, dtype=np.float64), np.asarray(weight, dtype=np.float64)
    order = np.argsort(found, kind="stable")
    up_to = np.cumsum(weights[order]) / weights.sum()
    if side == "above":
        at = int(np.searchsorted(up_to, q - _ROUNDING, side="left"))
    else:
        at = int(np.searchsorted(up_to, q + _ROUNDING, side="right")) - 1
    return float(found[order[min(max(at, 0), found.size - 1)]])


def ratio_limits(point: tuple[float, float], limits: tuple[Limits, Limits]) -> Limits:
    """Limits of the ratio of two quantiles, each arm's (candidate, baseline) point and one-sided limits given.

    MOVER on the log scale (Donner & Zou 2012): U = d + sqrt(ln(u_c/c)^2 + ln(b/l_b)^2); the lower with arms swapped.
    An infinite point (that many failed) bounds the ratio on its own side only.
    """
    (c, b), (of_c, of_b) = point, limits
    return Limits(
        low=None if (up := _mover(b, c, of_b.high, of_c.low)) is None else 1 / up,
        high=_mover(c, b, of_c.high, of_b.low),
    )


def _mover(c: float, b: float, c_high: float | None, b_low: float | None) -> float | None:
    if c_high is None or b_low is None or math.isinf(b):
        return None
    if math.isinf(c):
        return math.inf
    return math.exp(math.log(c / b) + math.hypot(math.log(c_high / c), math.log(b / b_low)))


# ---------------------------------------------------------------- rates


def wilson(good: float, n: float, *, alpha: float = TWO_SIDED) -> tuple[float, float]:
    """Wilson 1927 score limits of a rate; counts may be fractional (at n_star). n must be above 0."""
    z = -float(ndtri(alpha))
    p, spread = good / n, z * z / n
    centre = (p + spread / 2) / (1 + spread)
    half = z * math.sqrt(p * (1 - p) / n + spread / (4 * n)) / (1 + spread)
    return max(0.0, centre - half), min(1.0, centre + half)


def clopper_pearson(good: int, n: int, *, alpha: float = TWO_SIDED) -> tuple[float, float]:
    """Exact limits of a rate (Clopper & Pearson 1934)."""
    return (
        0.0 if good == 0 else float(betaincinv(good, n - good + 1, alpha)),
        1.0 if good == n else float(betaincinv(good + 1, n - good, 1 - alpha)),
    )


def newcombe(
    candidate: tuple[float, float], baseline: tuple[float, float], *, alpha: float = TWO_SIDED
) -> tuple[float, float]:
    """Limits of the difference of two rates, each (good, n), from their Wilson limits (Newcombe 1998, method 10)."""
    (good_c, n_c), (good_b, n_b) = candidate, baseline
    p_c, p_b = good_c / n_c, good_b / n_b
    low_c, high_c = wilson(good_c, n_c, alpha=alpha)
    low_b, high_b = wilson(good_b, n_b, alpha=alpha)
    difference = p_c - p_b
    return difference - math.hypot(p_c - low_c, high_b - p_b), difference + math.hypot(high_c - p_c, p_b - low_b)


# ---------------------------------------------------------------- clusters


def design_effect(hits: Sequence[float], sizes: Sequence[float]) -> float:
    """How much less than n independent jobs say n jobs in blocks: hits and size of each block. At least 1.

    deff = max(1, V n / (p (1-p))), V = B/(B-1) sum_b (hits_b - p size_b)^2 / n^2 (Kish 1965; linearised ratio).
    A rate of 0 or 1 shows no spread: 1. Raises ValueError below two blocks; below five it means little.
    """
    blocks = len(sizes)
    if blocks < 2:
        raise ValueError("The spread between blocks needs at least two.")
    y, m = np.asarray(hits, dtype=np.float64), np.asarray(sizes, dtype=np.float64)
    n = float(m.sum())
    p = float(y.sum()) / n
    if p in (0.0, 1.0):
        return 1.0
    variance = blocks / (blocks - 1) * float(((y - p * m) ** 2).sum()) / n**2
    return max(1.0, variance * n / (p * (1 - p)))


def few_clusters(df: int, *, alpha: float) -> float:
    """f = (z / t_df)^2: what is left of n because the spread was itself estimated from few blocks. Below 1."""
    return float((ndtri(1 - alpha) / stdtrit(df, 1 - alpha)) ** 2)


def effective_n(n: float, *, deff: float, df: int, alpha: float) -> float:
    """n_star before rounding: f n / deff (Korn & Graubard 1998)."""
    return few_clusters(df, alpha=alpha) * n / deff


def block_t(differences: ArrayLike, *, alpha: float) -> tuple[float, float]:
    """t limits of the mean of one difference per block; at least two blocks."""
    d = np.asarray(differences, dtype=np.float64)
    half = float(stdtrit(d.size - 1, 1 - alpha)) * float(d.std(ddof=1)) / math.sqrt(d.size)
    return float(d.mean()) - half, float(d.mean()) + half


@dataclass(frozen=True, kw_only=True)
class Saving:
    """1 - candidate's cost / baseline's, known by theta = ln of that ratio, its standard error and B - 1.

    slack: added to both limits of theta where a cost is estimated and no bill can tell. worse, better: how much higher
    and lower theta may be beside that, for what no spread between blocks tells.
    """

    theta: float
    se: float
    df: int
    slack: float = 0.0
    worse: float = 0.0
    better: float = 0.0

    @property
    def point(self) -> float:
        return -math.expm1(self.theta)

    def limits(self, *, alpha: float = TWO_SIDED) -> tuple[float, float]:
        """1 - exp(theta +- (t se + slack)), further by `worse` and `better`."""
        half = float(stdtrit(self.df, 1 - alpha)) * self.se + self.slack
        return -math.expm1(self.theta + half + self.worse), -math.expm1(self.theta - half - self.better)

    def chance_above(self, least: float) -> float:
        """P(saving > least) = T_df((ln(1 - least) - theta) / se)."""
        ahead = math.log1p(-least) - self.theta
        return float(stdtr(self.df, ahead / self.se)) if self.se else float(ahead > 0)


def saving(
    costs: tuple[float, float], without: Sequence[tuple[float, float]], *, slack: float = 0.0, chance: float = 0.0
) -> Saving:
    """From (candidate, baseline) cost of all blocks, and the same recomputed `without` each block in turn.

    chance: standard error of ln of their ratio for another reason than the blocks, such as the draws of a replay.
    Raises ValueError below two blocks.
    """
    se = jackknife_se(np.log([candidate / baseline for candidate, baseline in without]))
    theta = math.log(costs[0] / costs[1])
    return Saving(theta=theta, se=math.hypot(se, chance), df=len(without) - 1, slack=slack)


def jackknife_se(without: ArrayLike) -> float:
    """Standard error of any number, from the same recomputed `without` each block in turn.

    SE^2 = (B - 1)/B sum (theta_(b) - their mean)^2 (Efron & Tibshirani 1993, chapter 11). Raises ValueError below two
    blocks.
    """
    deleted = np.asarray(without, dtype=np.float64)
    blocks = deleted.size
    if blocks < 2:
        raise ValueError("The spread between blocks needs at least two.")
    return math.sqrt((blocks - 1) / blocks * float(((deleted - deleted.mean()) ** 2).sum()))


def jackknife(
    point: float, without: ArrayLike, *, alpha: float = TWO_SIDED, chance: float = 0.0
) -> tuple[float, float]:
    """t limits, df B - 1, of a number known by its point and recomputed `without` each block in turn.

    chance: standard error of the point for another reason than the blocks, such as the draws of a replay.
    """
    half = float(stdtrit(np.size(without) - 1, 1 - alpha)) * math.hypot(jackknife_se(without), chance)
    return point - half, point + half


def residuals(values: ArrayLike, *known: ArrayLike) -> _Floats:
    """What parts of a whole leave of `values` beside the least-squares sum of what is `known` of each part."""
    y, x = np.asarray(values, dtype=np.float64), np.column_stack([np.asarray(each, dtype=np.float64) for each in known])
    return np.asarray(y - x @ np.linalg.lstsq(x, y, rcond=None)[0])


def sum_se(left: ArrayLike, *, fitted: int) -> float:
    """Standard error of the sum over parts, from their `residuals` after so many numbers were fitted (batch means).

    0 where there are no more parts than that: then nothing is known of it.
    """
    parts = np.asarray(left, dtype=np.float64)
    spare = parts.size - fitted
    return math.sqrt(parts.size / spare * float((parts**2).sum())) if spare > 0 else 0.0


# ---------------------------------------------------------------- tests


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p values in the order given, each to be held to alpha (Holm 1979)."""
    adjusted, worst = [0.0] * len(p_values), 0.0
    for place, i in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        worst = min(1.0, max(worst, (len(p_values) - place) * p_values[i]))
        adjusted[i] = worst
    return adjusted


def tost_exact(wins: int, n: int, *, margin: float = 0.10) -> float:
    """p of "the preference is not within 50 % +- margin", from n votes without ties: the larger binomial tail."""
    at_least = float(bdtrc(wins - 1, n, 0.5 - margin)) if wins else 1.0
    return max(at_least, float(bdtr(wins, n, 0.5 + margin)))


def tost(scores: ArrayLike, *, margin: float = 0.10) -> float:
    """The same from scores with ties (1 candidate, 1/2 tie, 0 baseline): two one-sided t tests, Schuirmann 1987."""
    votes = np.asarray(scores, dtype=np.float64)
    within = margin - abs(float(votes.mean()) - 0.5)
    se = float(votes.std(ddof=1)) / math.sqrt(votes.size)
    return float(stdtr(votes.size - 1, -within / se)) if se else float(within <= 0)


def _rank(q: float, n: int) -> int:
    return max(1, math.ceil(q * n))
