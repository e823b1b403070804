"""The gates: each criterion of the card held against what a look saw, with the estimate that decides it.

A gate passes where its limit clears the margin, shows harm where the other limit does, and is open in between.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from analysis import estimates, stats
from analysis.estimates import Counts, Estimate, Jobs
from analysis.planning import payback_months
from analysis.verdict.card import Card
from words import Gate

BODY = 2.0  # good warm jobs of up to so many medians are the body; what took longer has stalled
TAIL = 0.95
Quality = Literal["alike", "unlike", "undecided"]
_NO_COST = "what it would cost at our traffic is not known"


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One provider's counted first attempts in the blocks of a look; r as `blocks.relative` has it, seconds else.

    warm: r, of failures infinite; good_warm: r of good ones; cold, good_cold: latency in s. counts: good of counted, of
    every start kind. lost: of each of its blocks, how many were lost before they were acknowledged.
    """

    warm: Jobs
    good_warm: Jobs
    cold: Jobs
    good_cold: Jobs
    counts: Counts
    stalled: Counts
    lost: Sequence[int] = ()


@dataclass(frozen=True, kw_only=True)
class Money:
    """What the move would save and cost a month, in metered dollars. saving: at equal service; None: not known."""

    saving: stats.Saving | None
    baseline_usd: float | None  # a month, of the workflow at the baseline's cheapest setting that serves as well
    more_usd: float | None = 0.0  # a month beside the bill, candidate less baseline; None: nobody knows its minutes
    one_off_usd: float = 0.0
    slack: float = 0.0
    why: str = ""  # there is no saving


@dataclass(frozen=True, kw_only=True)
class Look:
    """What is known of a candidate for one workflow after so many of its blocks.

    cold_share_high: the upper limit of the candidate's cold share at its cheapest setting; None: not known.
    never_as_well: no window keeps the blended p95 within its margin, and an endless one is surely beyond it.
    bills_final: of all lines of both arms.
    """

    blocks: int
    candidate: Arm
    baseline: Arm
    money: Money
    cold_share_high: float | None = None
    never_as_well: bool = False
    quality: Quality = "undecided"
    quality_why: str = "no pair was compared"
    preference_high: float | None = None  # upper limit of the candidate's share of blind votes
    bills_final: bool = False
    days: int = 0
    day_parts: int = 0
    hosts: int | None = None  # of rented machines; None: hosts are not ours to count


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A gate at one look. passes: None while it is open. estimate: the interval that decided; None: it has none.

    least: True where the value has to be above the margin. why: what is missing, or why the gate does not bind.
    """

    gate: Gate
    estimate: Estimate | None
    margin: float
    least: bool
    passes: bool | None
    harm: bool = False
    why: str = ""

    @property
    def withheld(self) -> bool:
        """Can this not be told yet, however the numbers lie?"""
        return self.passes is None and bool(self.why)


def gates(card: Card, look: Look, *, alpha: float) -> list[Judged]:
    """Every gate in the order of `words.Gate`, each limit at this one-sided alpha."""
    return [rule(card, look, alpha) for rule in _RULES]


def shown(card: Card, look: Look, *, alpha: float) -> list[Judged]:
    """All jobs, failures infinite: passing decides nothing, but what is surely beyond its margin is harm."""
    warm = estimates.quantile_ratio(look.candidate.warm, look.baseline.warm, TAIL, alpha=alpha)
    cold = estimates.quantile_ratio(look.candidate.cold, look.baseline.cold, TAIL, alpha=alpha)
    return [
        replace(_at_most(Gate.WARM_P95, warm, card.margins.warm_p95, card), passes=None),
        replace(_at_most(Gate.COLD, cold, card.margins.cold, card), passes=None),
    ]


def _success(card: Card, look: Look, alpha: float) -> Judged:
    """Jobs lost before they were acknowledged: it has to hold as if they had failed by the candidate too."""
    found = _difference(look.candidate.counts, look.baseline.counts, alpha)
    judged = _at_least(Gate.SUCCESS, found, -card.margins.success, card)
    if not sum(look.candidate.lost) or not judged.passes:
        return judged
    counts = look.candidate.counts
    of = [n + lost for n, lost in zip(counts.of, look.candidate.lost, strict=True)]
    worse = _difference(Counts(good=counts.good, of=of), look.baseline.counts, alpha)
    if _at_least(Gate.SUCCESS, worse, -card.margins.success, card).passes:
        return judged
    return replace(judged, passes=False, why="it does not hold with lost jobs as the candidate's failures")


def _warm_p95(card: Card, look: Look, alpha: float) -> Judged:
    candidate, baseline = (arm.good_warm.where(arm.good_warm.high <= BODY) for arm in (look.candidate, look.baseline))
    found = estimates.quantile_ratio(candidate, baseline, TAIL, alpha=alpha)
    return _at_most(Gate.WARM_P95, found, card.margins.warm_p95, card)


def _stalls(card: Card, look: Look, alpha: float) -> Judged:
    found = _difference(look.candidate.stalled, look.baseline.stalled, alpha)
    return _at_most(Gate.STALLS, found, card.margins.stalls, card, strict=True)


def _cold(card: Card, look: Look, alpha: float) -> Judged:
    found = estimates.mean_ratio(look.candidate.good_cold, look.baseline.good_cold, alpha=alpha)
    judged = _at_most(Gate.COLD, found, card.margins.cold, card)
    if look.cold_share_high is None or look.cold_share_high > card.minima.cold_share:
        return judged
    why = f"at most {look.cold_share_high * 100:.1f} % of requests would be cold"
    return replace(judged, passes=True, harm=False, why=why)


def _quality(card: Card, look: Look, _alpha: float) -> Judged:
    passes = {"alike": True, "unlike": False, "undecided": None}[look.quality]
    least = 0.5 - card.margins.preference
    harm = look.preference_high is not None and look.preference_high < least
    return Judged(
        gate=Gate.QUALITY, estimate=None, margin=least, least=True, passes=passes, harm=harm, why=look.quality_why
    )


def _saving(card: Card, look: Look, alpha: float) -> Judged:
    if look.money.saving is None:
        return _open(Gate.SAVING, card.margins.saving, look.money.why or _NO_COST)
    found = estimates.saving(look.money.saving, alpha=alpha)
    judged = _at_least(Gate.SAVING, found, card.margins.saving, card)
    return judged if judged.passes is not False or judged.harm else replace(judged, why=_left_open(card, look, alpha))


def _left_open(card: Card, look: Look, alpha: float) -> str:
    """Would it pass, or surely not, if it were known which settings serve as well?"""
    assert look.money.saving  # noqa: S101 - of a saving that was judged
    known = estimates.saving(replace(look.money.saving, worse=0.0, better=0.0), alpha=alpha)
    judged = _at_least(Gate.SAVING, known, card.margins.saving, card)
    one, other = ("baseline", "candidate") if judged.passes else ("candidate", "baseline")
    said = f"set as the {other} is, the {one} would cost less, and it is not surely slower so"
    return said if judged.passes or judged.harm else ""


def _worth(card: Card, look: Look, alpha: float) -> Judged:
    """Dollars a month that are left of the saving; they also have to pay the move back in time, at the lower limit."""
    money = look.money
    if money.saving is None or money.baseline_usd is None:
        return _open(Gate.WORTH, 0.0, money.why or _NO_COST)
    if money.more_usd is None:
        return _open(Gate.WORTH, 0.0, "nobody has timed its operations")
    net = _scaled(estimates.saving(money.saving, alpha=alpha), money.baseline_usd, money.more_usd)
    judged = _at_least(Gate.WORTH, net, 0.0, card)
    if not judged.passes or net.limits.low is None:
        return judged
    months = payback_months(money.one_off_usd, net.limits.low, 0.0)
    if months <= card.margins.payback_months:
        return judged
    why = f"it may take {months:.0f} months to pay back, {card.margins.payback_months:g} are allowed"
    return replace(judged, passes=False, why=why)


_RULES = (_success, _warm_p95, _stalls, _cold, _quality, _saving, _worth)


def _difference(candidate: Counts, baseline: Counts, alpha: float) -> Estimate:
    return estimates.rate_difference(candidate, baseline, alpha=alpha)


def _open(gate: Gate, margin: float, why: str) -> Judged:
    return Judged(gate=gate, estimate=None, margin=margin, least=True, passes=None, why=why)


def _at_most(gate: Gate, found: Estimate, margin: float, card: Card, *, strict: bool = False) -> Judged:
    low, high = found.limits.low, found.limits.high
    passes = None if high is None else (high < margin if strict else high <= margin)
    harm = low is not None and low > margin
    return _judged(gate, found, margin, card, least=False, passes=passes, harm=harm)


def _at_least(gate: Gate, found: Estimate, margin: float, card: Card) -> Judged:
    low, high = found.limits.low, found.limits.high
    passes = None if low is None else low > margin
    return _judged(gate, found, margin, card, least=True, passes=passes, harm=high is not None and high < margin)


def _judged(
    gate: Gate, found: Estimate, margin: float, card: Card, *, least: bool, passes: bool | None, harm: bool
) -> Judged:
    """Nothing is claimed below so many blocks, neither way."""
    enough = found.blocks >= card.minima.harm_blocks
    return Judged(
        gate=gate,
        estimate=found,
        margin=margin,
        least=least,
        passes=passes if enough or passes is False else None,
        harm=harm and enough,
        why=found.withheld or "",
    )


def _scaled(found: Estimate, by: float, less: float) -> Estimate:
    """Dollars a month of a saving that is a share of them."""
    ends = [None if end is None else end * by - less for end in (found.limits.low, found.limits.high)]
    point = math.nan if found.point is None else found.point * by - less
    return replace(found, point=point, limits=stats.Limits(*ends))
