"""When does idle capacity go away? From probes after known idle gaps to the scaledown window, as data allow.

Where every warm gap is shorter than every cold one the window is a number in that bracket. Where they overlap it is
drawn anew per idle period, and P(cold | gap) is a log-logistic law of the gap. What matters of either is `cold_chance`:
E exp(-lambda W), the chance that an idle worker is gone when the next job of a Poisson stream arrives.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, stdtrit

GAPS = (0.5, 0.67, 0.8, 0.9, 1.1, 1.25, 1.5, 2.0)  # of the window that was set: dense where it should end
REPEATS = 8
LEAST_OVERLAPPING = 64  # with 32 probes the interval of an overlapping window holds the truth in .72 to .93 only

_Floats = NDArray[np.float64]
_LEVELS = logit((np.arange(2000) + 0.5) / 2000)  # midpoints in probability: a mean over a window's law


class Probe(NamedTuple):
    """One job: how long the capacity had been idle before it, and whether it met none."""

    gap_s: float
    cold: bool


class Chance(NamedTuple):
    """A probability and its two-sided 95 % limits; the point is None where only limits are known."""

    low: float
    point: float | None
    high: float


@dataclass(frozen=True, kw_only=True)
class Fixed:
    """The window lies in (low_s, high_s]: the longest warm gap (0: none) and the shortest cold one (infinite: none)."""

    n: int
    low_s: float
    high_s: float

    @property
    def window_s(self) -> float | None:
        """The middle of the bracket; None while it has no upper end."""
        return (self.low_s + self.high_s) / 2 if math.isfinite(self.high_s) else None

    def cold_after(self, gap_s: float) -> Chance:
        """Within the bracket nothing is known."""
        if gap_s <= self.low_s:
            return Chance(0.0, 0.0, 0.0)
        return Chance(1.0, 1.0, 1.0) if gap_s >= self.high_s else Chance(0.0, None, 1.0)

    def cold_chance(self, per_hour: float) -> Chance:
        """exp(-lambda W) at the middle and at both ends; a longer window is the smaller chance."""
        low, high = math.exp(-per_hour / 3600 * self.high_s), math.exp(-per_hour / 3600 * self.low_s)
        middle = self.window_s
        return Chance(low, None if middle is None else math.exp(-per_hour / 3600 * middle), high)


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """P(cold | gap) = 1 / (1 + (gap / median_s)^-steepness): the law from which each idle period draws its window.

    covariance: of logit P at a gap of `centre_s` and of the steepness.
    """

    n: int
    median_s: float
    steepness: float
    centre_s: float
    covariance: _Floats

    def cold_after(self, gap_s: float) -> Chance:
        """P(cold | gap), with limits by the delta method on its logit, t with n - 2."""
        x = np.array([1.0, math.log(gap_s / self.centre_s)])
        level = self.steepness * math.log(gap_s / self.median_s)
        half = float(stdtrit(self.n - 2, 0.975)) * math.sqrt(float(x @ self.covariance @ x))
        return Chance(float(expit(level - half)), float(expit(level)), float(expit(level + half)))

    def cold_chance(self, per_hour: float) -> Chance:
        """E exp(-lambda W), with limits by the delta method on its logit, t with n - 2."""
        level = -self.steepness * math.log(self.median_s / self.centre_s)
        log_ratio = (_LEVELS - level) / self.steepness  # ln(W / centre) at each probability
        paced = per_hour / 3600 * self.centre_s * np.exp(log_ratio)  # lambda W
        gone = np.exp(-paced)
        q = float(gone.mean())
        slope = np.array([(paced * gone).mean(), (paced * gone * log_ratio).mean()]) / self.steepness / (q * (1 - q))
        half = float(stdtrit(self.n - 2, 0.975)) * math.sqrt(float(slope @ self.covariance @ slope))
        return Chance(float(expit(logit(q) - half)), q, float(expit(logit(q) + half)))


@dataclass(frozen=True, kw_only=True)
class Withheld:
    """No window can be told from so few or such probes; `needs` more may tell (0: not a matter of number)."""

    n: int
    needs: int
    reason: str


def probe_gaps(window_s: float, *, repeats: int = REPEATS, seed: int = 1) -> list[float]:
    """Idle gaps in seconds around the window that was set, each `repeats` times, in an order drawn from `seed`."""
    gaps = [window_s * factor for factor in GAPS for _ in range(repeats)]
    Random(seed).shuffle(gaps)
    return gaps


def window_of(probes: Sequence[Probe]) -> Fixed | Drawn | Withheld:
    """What the probes tell of the window. At a gap of exactly the window capacity is gone."""
    n = len(probes)
    longest_warm = max((probe.gap_s for probe in probes if not probe.cold), default=0.0)
    shortest_cold = min((probe.gap_s for probe in probes if probe.cold), default=math.inf)
    if n == 0:
        return Withheld(n=0, needs=1, reason="no probe yet")
    if longest_warm < shortest_cold:
        return Fixed(n=n, low_s=longest_warm, high_s=shortest_cold)
    if len({probe.gap_s for probe in probes}) == 1:
        return Withheld(n=n, needs=1, reason="one gap met both warm and cold capacity: needs another gap")
    if n < LEAST_OVERLAPPING:
        more = LEAST_OVERLAPPING - n
        return Withheld(n=n, needs=more, reason=f"warm after longer gaps than cold ones: needs {more} more probes")
    return _drawn(probes)


def _drawn(probes: Sequence[Probe]) -> Drawn | Withheld:
    logs = np.log([probe.gap_s for probe in probes])
    centre = float(logs.mean())
    (level, steepness), covariance = _logistic(logs - centre, np.array([probe.cold for probe in probes], dtype=float))
    if steepness <= 0:
        return Withheld(n=len(probes), needs=0, reason="capacity is no likelier to be gone after a longer gap")
    return Drawn(
        n=len(probes),
        median_s=math.exp(centre - level / steepness),
        steepness=steepness,
        centre_s=math.exp(centre),
        covariance=covariance,
    )


def _logistic(x: _Floats, hit: _Floats) -> tuple[tuple[float, float], _Floats]:
    """Level and slope of logit P(hit | x), and their covariance.

    Firth 1993: the likelihood times the root of the information, finite where the plain one has no largest value, as
    when a single gap has met both.
    """
    design = np.column_stack([np.ones_like(x), x])
    found = np.zeros(2)
    for _ in range(200):
        p = expit(design @ found)
        weight = p * (1 - p)
        covariance = np.linalg.inv(design.T @ (weight[:, None] * design))
        leverage = weight * np.einsum("ij,jk,ik->i", design, covariance, design)
        step = covariance @ (design.T @ (hit - p + leverage * (0.5 - p)))
        found = found + step * min(1.0, 2.0 / float(np.abs(step).max(initial=1e-300)))
        if float(np.abs(step).max()) < 1e-8:
            break
    return (float(found[0]), float(found[1])), covariance
