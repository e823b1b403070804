"""The rule: for each candidate and workflow the first state that holds, then what that means for all of them.

A pure function of the card and of what each look saw. Looks are fixed on the card; what lies between two changes no
state. A workflow's candidates share the card's alpha by Holm's steps; harm is not corrected.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from analysis.looks import alphas
from analysis.verdict.card import Card
from analysis.verdict.gates import Judged, Look, gates, shown
from words import Gate, Verdict

DAY_PARTS = 4
STAYS = (Verdict.NOT_WORTH_IT, Verdict.NOT_SHOWN)


@dataclass(frozen=True, kw_only=True)
class Case:
    """A candidate for one workflow. looks: those that were reached, in order. seen: blocks so far.

    blocked: sentences on why nothing may be decided now. rented: its blocks are half-blocks of fresh hosts.
    """

    workflow: str
    candidate: str
    looks: Sequence[Look]
    seen: int
    rented: bool = False
    blocked: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Ruling:
    """What the rule says of a candidate, at which look, by which gate and why, with every gate as it was then.

    look: its number from 1, 0 before the first. alpha: of each limit that had to pass; harm_alpha: of the other side.
    """

    workflow: str
    candidate: str
    state: Verdict
    gate: Gate | None
    reason: str
    look: int
    blocks: int
    alpha: float
    gates: Sequence[Judged]
    all_jobs: Sequence[Judged] = ()
    baseline_usd: float | None = None  # a month, what the saving is a share of

    def of(self, gate: Gate) -> Judged | None:
        return next((each for each in self.gates if each.gate is gate), None)

    @property
    def saving_low(self) -> float:
        """The lower limit of the saving; of none known, minus infinity."""
        found = self.of(Gate.SAVING)
        low = found.estimate.limits.low if found and found.estimate else None
        return -math.inf if low is None else low

    @property
    def gross_low_usd(self) -> float:
        """The same in dollars a month, before operations."""
        return -math.inf if self.baseline_usd is None else self.saving_low * self.baseline_usd


def judge(card: Card, cases: Sequence[Case]) -> list[Ruling]:
    """Every case's ruling, in the order given; those of a workflow share alpha by Holm's steps.

    Each candidate is first held to alpha over their number; once one is a GO, the others are held to more.
    """
    found: dict[tuple[str, str], Ruling] = {}
    for workflow in dict.fromkeys(case.workflow for case in cases):
        left = [case for case in cases if case.workflow == workflow]
        while left:
            rulings = {case.candidate: rule(card, case, alpha=card.alpha / len(left)) for case in left}
            found |= {(workflow, name): ruling for name, ruling in rulings.items()}
            rest = [case for case in left if rulings[case.candidate].state is not Verdict.GO]
            left = rest if len(rest) < len(left) else []
    return [found[case.workflow, case.candidate] for case in cases]


def rule(card: Card, case: Case, *, alpha: float) -> Ruling:
    """One candidate over all looks that were reached: the first that ends it, else what the last one says."""
    ruling = _before(card, case, alpha)
    for number in range(1, len(case.looks) + 1):
        ruling = _at(card, case, number, alpha)
        if ruling.state in _ENDS:
            break
    if not case.blocked:
        return ruling
    return replace(ruling, state=Verdict.BLOCKED, gate=None, reason=" ".join(case.blocked))


_ENDS = (Verdict.GO, Verdict.NO_GO, Verdict.NOT_WORTH_IT)
_GUARDS = (Gate.SUCCESS, Gate.WARM_P95, Gate.STALLS, Gate.COLD, Gate.QUALITY)


def _before(card: Card, case: Case, alpha: float) -> Ruling:
    planned = _planned(card, case)
    return Ruling(
        workflow=case.workflow,
        candidate=case.candidate,
        state=Verdict.INSUFFICIENT,
        gate=None,
        reason=f"the first look is after {planned[0]} blocks, and there are {case.seen}",
        look=0,
        blocks=case.seen,
        alpha=alphas(planned, alpha=alpha)[0],
        gates=(),
    )


def _at(card: Card, case: Case, number: int, alpha: float) -> Ruling:
    planned, look = _planned(card, case), case.looks[number - 1]
    level, harm_level = (alphas(planned, alpha=each)[number - 1] for each in (alpha, card.alpha))
    passing, harming = (gates(card, look, alpha=each) for each in (level, harm_level))
    judged = [replace(one, harm=other.harm) for one, other in zip(passing, harming, strict=True)]
    all_jobs = shown(card, look, alpha=harm_level)
    left = planned[number] if number < len(planned) else None
    state, gate, reason = _state(card, look, judged, all_jobs, next_look=left)
    return Ruling(
        workflow=case.workflow,
        candidate=case.candidate,
        state=state,
        gate=gate,
        reason=reason,
        look=number,
        blocks=look.blocks,
        alpha=level,
        gates=judged,
        all_jobs=all_jobs,
        baseline_usd=look.money.baseline_usd,
    )


def _planned(card: Card, case: Case) -> Sequence[int]:
    return card.looks_rented if case.rented else card.looks


_Said = tuple[Verdict, Gate | None, str]


def _state(
    card: Card, look: Look, judged: Sequence[Judged], all_jobs: Sequence[Judged], *, next_look: int | None
) -> _Said:
    """The first that holds: worse, not worth it, GO, not enough, not shown."""
    if worse := _worse(look, judged, all_jobs):
        return worse
    for each in judged:
        if each.gate in (Gate.SAVING, Gate.WORTH) and each.harm:
            return Verdict.NOT_WORTH_IT, each.gate, "it surely does not save what the card asks for"
    missing = _lacks(card, look)
    binding = next((each.gate for each in judged if not each.passes), None)
    if binding is None and not missing:
        return Verdict.GO, None, "it saves enough, and every guardrail holds"
    if next_look is not None:
        return Verdict.INSUFFICIENT, binding, f"the next look is after {next_look} blocks"
    if missing:
        return Verdict.INSUFFICIENT, None, missing[0]
    if withheld := next((each for each in judged if each.withheld), None):
        return Verdict.INSUFFICIENT, withheld.gate, withheld.why
    return Verdict.NOT_SHOWN, binding, f"{look.blocks} blocks did not show it"


def _worse(look: Look, judged: Sequence[Judged], all_jobs: Sequence[Judged]) -> _Said | None:
    for each in judged:
        if each.gate in _GUARDS and each.harm:
            return Verdict.NO_GO, each.gate, "it is surely worse than its margin"
    for each in all_jobs:
        if each.harm:
            return Verdict.NO_GO, each.gate, "over all jobs, failures as endless, it is surely worse than its margin"
    if look.never_as_well:
        return (
            Verdict.NO_GO,
            Gate.WARM_P95,
            "no window serves our traffic as well: even workers that never go are slower",
        )
    return None


def _lacks(card: Card, look: Look) -> list[str]:
    """What a GO needs beside gates that pass."""
    minima = card.minima
    found = [f"needs {minima.blocks - look.blocks} more blocks"] if look.blocks < minima.blocks else []
    if look.days < minima.days:
        found.append(f"needs {minima.days - look.days} more days")
    if look.day_parts < DAY_PARTS:
        found.append(f"needs blocks in {DAY_PARTS - look.day_parts} more day-parts")
    if look.hosts is not None and look.hosts < minima.hosts:
        found.append(f"needs {minima.hosts - look.hosts} more hosts")
    if not look.bills_final:
        found.append("bills are not final")
    return found
