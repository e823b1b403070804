"""A share of campaigns in which an interval held the truth, beside the share that the method is stated to have."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis import stats

Dice = np.random.Generator
Floats = NDArray[np.float64]
Held = tuple[bool | None, bool | None]  # ours, the naive one's; None: withheld, or there is no naive one

WITHIN = 0.12  # sd of the logarithm of one host's warm latencies
APART = 0.03  # of what is stated as one figure: that is a simulation's too, right to .02


@dataclass(frozen=True, kw_only=True)
class Row:
    """One cell of the table. `stated`: the lowest and highest share that is told of the method here.

    apart: how far beyond these ours may be; None: two simulation errors of ours.
    """

    what: str
    where: str
    stated: tuple[float, float]
    trial: Callable[[Dice], Held]
    naive: str = ""
    apart: float | None = APART

    def holds(self, found: "Found") -> bool:
        low, high = self.stated
        apart = [2 * error_of(end, found.n) if self.apart is None else self.apart for end in (low, high)]
        return low - apart[0] <= found.ours <= high + apart[1]


@dataclass(frozen=True, kw_only=True)
class Found:
    ours: float
    naive: float | None
    withheld: float
    n: int

    @property
    def error(self) -> float:
        """Standard error of ours by the number of campaigns."""
        return error_of(self.ours, self.n)


def error_of(share: float, n: int) -> float:
    """sqrt(p (1 - p) / n)."""
    return math.sqrt(share * (1 - share) / n)


def measure(row: Row, campaigns: int, *, seed: int = 1) -> Found:
    """Shares of the campaigns; what is withheld claims nothing and so is not wrong."""
    dice = np.random.default_rng(seed)
    held = [row.trial(dice) for _ in range(campaigns)]
    ours = [mine is not False for mine, _ in held]
    naive = [other for _, other in held if other is not None]
    return Found(
        ours=sum(ours) / campaigns,
        naive=sum(naive) / len(naive) if naive else None,
        withheld=sum(mine is None for mine, _ in held) / campaigns,
        n=campaigns,
    )


def inside(limits: stats.Limits, truth: float) -> bool | None:
    return None if limits.low is None or limits.high is None else limits.low <= truth <= limits.high


def below(truth: float, high: float | None) -> bool | None:
    return None if high is None else truth <= high


def mean_of(*spreads: float) -> float:
    """Mean of a lognormal of median 1 whose spreads add up."""
    return math.exp(math.fsum(sd * sd for sd in spreads) / 2)
