"""How likely more data settles a case: each gate's statistic now, and where it will be at the end of a plan.

The statistic is how many standard errors the estimate is from its margin, told by its own limit, so that a gate passes
exactly where it exceeds the look's boundary. Gates count as independent.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from scipy.special import ndtr, ndtri

from analysis.planning import predictive_power
from analysis.verdict.card import Card
from analysis.verdict.gates import Judged, Look
from analysis.verdict.rule import Ruling
from words import Gate

GUARDS = (Gate.SUCCESS, Gate.WARM_P95, Gate.STALLS, Gate.COLD)


class Z(NamedTuple):
    """In standard errors: how far on the good side of the margin, by the limit that passes the gate, and how far on the
    bad side, by the one that shows harm."""

    passes: float
    harm: float


@dataclass(frozen=True, kw_only=True)
class Prospects:
    """A ruling at a look. last: the blocks at the end of its plan."""

    card: Card
    look: Look
    ruling: Ruling
    last: int

    @property
    def share(self) -> float:
        """Of the plan, seen."""
        return self.look.blocks / self.last

    @property
    def c(self) -> float:
        """The boundary's constant: a gate passes at the share t where its statistic exceeds c / sqrt(t)."""
        return -float(ndtri(self.ruling.alpha)) * math.sqrt(self.share)

    @property
    def open(self) -> list[Judged]:
        """Gates that jobs decide and that do not pass yet."""
        return [each for each in self.ruling.gates if not each.passes and each.estimate is not None]

    def z(self, judged: Judged) -> Z | None:
        """None: withheld. A net saving has to pay the move back in time before it passes."""
        passing = judged.margin
        if judged.gate is Gate.WORTH:
            passing = max(passing, self.look.money.one_off_usd / self.card.margins.payback_months)
        return _z(judged, passing, self.ruling.alpha)

    def at_end(self, z: float) -> float:
        """The chance that a statistic is beyond the boundary at the last look of this card."""
        return predictive_power(z, self.share, self.c) if self.share < 1 else float(z > self.c)

    def anew(self, blocks: float) -> Callable[[float], float]:
        """The same of a new card with so many blocks, k times those seen: z' has mean z sqrt(k) and variance 1 + k."""
        k = blocks / self.look.blocks
        return lambda z: float(ndtr((z * math.sqrt(k) - self.c) / math.sqrt(1 + k)))

    def settles(self, chance: Callable[[float], float]) -> float | None:
        """All gates pass, or one shows harm or too small a saving; None where no gate has a statistic."""
        known = [z for each in self.ruling.gates if not _idle(each) and (z := self.z(each)) is not None]
        if not known:
            return None
        passes = math.prod(chance(z.passes) for z in known)
        return passes + 1 - math.prod(1 - chance(z.harm) for z in known)

    def jobs_short(self, share: float) -> float:
        """Jobs that open gates need, over those that they have at this share of the plan; at most 1: enough."""
        short = [
            (each.estimate.n + each.estimate.needs_jobs) / (each.estimate.n * share / self.share)
            for each in self.open
            if each.estimate and each.estimate.needs_jobs and each.estimate.n
        ]
        return max([0.0, *short])

    def guards_hold(self) -> float:
        """The chance that no guardrail is truly broken."""
        holds = [z.passes for each in self._guards() if (z := self.z(each)) is not None]
        return math.prod(float(ndtr(z)) for z in holds)

    def _guards(self) -> Sequence[Judged]:
        return [each for each in self.ruling.gates if each.gate in GUARDS and not _idle(each)]


def _idle(judged: Judged) -> bool:
    """Does it pass because it does not bind (almost no request is cold)?"""
    return bool(judged.passes and judged.why)


def _z(judged: Judged, passing: float, alpha: float) -> Z | None:
    """z_alpha x (point - margin) / (point - limit), on the scale on which the limit was computed."""
    found = judged.estimate
    if found is None or found.point is None or found.limits.low is None or found.limits.high is None:
        return None
    sign = 1.0 if judged.least else -1.0
    ends = (found.limits.low, found.limits.high) if judged.least else (found.limits.high, found.limits.low)
    point, good, bad, over, under = (
        sign * _scaled(judged.gate, value) for value in (found.point, *ends, passing, judged.margin)
    )
    z = -float(ndtri(alpha))
    return Z(passes=z * _over(point - over, point - good), harm=z * _over(under - point, bad - point))


def _over(ahead: float, half: float) -> float:
    """A limit without an end tells nothing; one that is its own point leaves no doubt."""
    if math.isfinite(ahead) and half > 0:
        return ahead / half
    return math.copysign(math.inf, ahead)


def _scaled(gate: Gate, value: float) -> float:
    if gate in (Gate.WARM_P95, Gate.COLD):
        return math.log(value) if value > 0 else -math.inf
    if gate is Gate.SAVING:
        return -math.log1p(-value) if value < 1 else math.inf
    return value
