"""Interval estimators: order statistics for quantiles, Wilson and Newcombe for rates, block-t for means.

alpha is one-sided throughout: a two-sided 95 % interval is two limits at 0.025 each. `n_star` is the number of
independent observations that n clustered ones are worth (`effective_n`); without blocks it is n.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import bdtr, betaincinv, ndtri, stdtrit

TWO_SIDED = 0.025
MIN_RATE_N = 30

_Floats = NDArray[np.float64]


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
    worth = n if n_star is None else n_star
    ranks = quantile_ranks(math.floor(worth), q, alpha=alpha)
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


def needs(n: float, least: int, *, deff: float = 1.0) -> int:
    """How many more jobs a withheld number needs; 0 if it is not withheld."""
    return max(0, math.ceil((least - n) * deff))


def ratio_limits(point: tuple[float, float], limits: tuple[Limits, Limits]) -> Limits:
    """Limits of the ratio of two quantiles, each arm's (candidate, baseline) point and one-sided limits given.

    MOVER on the log scale (Donner & Zou 2012): U = d + sqrt(ln(u_c/c)^2 + ln(b/l_b)^2); the lower with arms swapped.
    """
    (c, b), (of_c, of_b) = point, limits
    return Limits(
        low=None if (up := _mover(b, c, of_b.high, of_c.low)) is None else 1 / up,
        high=_mover(c, b, of_c.high, of_b.low),
    )


def _mover(c: float, b: float, c_high: float | None, b_low: float | None) -> float | None:
    if c_high is None or b_low is None:
        return None
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


def effective_n(n: int, *, deff: float, df: int, alpha: float) -> float:
    """n_star before rounding: f n / deff, f = (z / t_df)^2 for the few clusters (Korn & Graubard 1998)."""
    return float((ndtri(1 - alpha) / stdtrit(df, 1 - alpha)) ** 2) * n / deff


def block_t(differences: ArrayLike, *, alpha: float) -> tuple[float, float]:
    """t limits of the mean of one difference per block."""
    d = np.asarray(differences, dtype=np.float64)
    half = float(stdtrit(d.size - 1, 1 - alpha)) * float(d.std(ddof=1)) / math.sqrt(d.size)
    return float(d.mean()) - half, float(d.mean()) + half


def _rank(q: float, n: int) -> int:
    return max(1, math.ceil(q * n))
