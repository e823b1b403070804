"""From the rulings on candidates to a workflow's, and from those to one sentence for all: go, stay or split."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analysis.verdict.card import Card
from analysis.verdict.rule import STAYS, Ruling
from words import Verdict


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A workflow: what the rule says of it, and where it runs best. decided_by: of its candidates, the one that did."""

    workflow: str
    state: Verdict
    destination: str
    decided_by: Ruling


@dataclass(frozen=True, kw_only=True)
class Overall:
    """Of all workflows. low_usd: lower limit of what the moves save a month, operations paid; None: nothing moves."""

    state: Verdict
    placed: Sequence[Placed]
    reason: str
    low_usd: float | None = None

    def moving(self) -> Sequence[Placed]:
        """The workflows that leave the baseline, in the card's order."""
        return [each for each in self.placed if each.state is Verdict.GO]


def overall(card: Card, rulings: Sequence[Ruling], ops_usd: Mapping[str, float | None]) -> Overall:
    """`ops_usd`: what running each provider costs a month, the baseline's too; None or absent: not known, so 0 here,
    since a gate of its own asks for it."""
    placed = [_placed(card, workflow, rulings) for workflow in card.workflows]
    for state in (Verdict.BLOCKED, Verdict.INSUFFICIENT):
        if found := next((each for each in placed if each.state is state), None):
            return Overall(state=state, placed=placed, reason=f"{found.workflow}: {found.decided_by.reason}")
    moving = [each for each in placed if each.state is Verdict.GO]
    if not moving:
        return _none_moves(rulings, placed)
    low = _low_usd(card, placed, ops_usd)
    places = {each.destination for each in placed}
    if len(places) == 1:
        return Overall(state=Verdict.GO, placed=placed, reason="every workflow goes to one provider", low_usd=low)
    if low > 0:
        reason = "each workflow goes where it saves, and the saving pays for running more than one provider"
        return Overall(state=Verdict.SPLIT, placed=placed, reason=reason, low_usd=low)
    return _best_single(card, rulings, placed, ops_usd)


def _placed(card: Card, workflow: str, rulings: Sequence[Ruling]) -> Placed:
    """The GO that surely saves most; else what holds the workflow back most."""
    mine = [each for each in rulings if each.workflow == workflow]
    going = [each for each in mine if each.state is Verdict.GO]
    if going:
        best = max(going, key=lambda each: each.saving_low)
        return Placed(workflow=workflow, state=Verdict.GO, destination=best.candidate, decided_by=best)
    for state in (Verdict.BLOCKED, Verdict.INSUFFICIENT):
        if found := next((each for each in mine if each.state is state), None):
            return Placed(workflow=workflow, state=state, destination=card.baseline, decided_by=found)
    staying = next((each for each in mine if each.state in STAYS), mine[0])
    return Placed(workflow=workflow, state=staying.state, destination=card.baseline, decided_by=staying)


def _none_moves(rulings: Sequence[Ruling], placed: Sequence[Placed]) -> Overall:
    states = {each.state for each in rulings}
    if states == {Verdict.NO_GO}:
        return Overall(state=Verdict.NO_GO, placed=placed, reason="every candidate is surely worse")
    if Verdict.NOT_SHOWN in states:
        return Overall(state=Verdict.NOT_SHOWN, placed=placed, reason="no saving was shown within the plan")
    return Overall(state=Verdict.NOT_WORTH_IT, placed=placed, reason="no candidate saves what the card asks for")


def _best_single(
    card: Card, rulings: Sequence[Ruling], placed: Sequence[Placed], ops_usd: Mapping[str, float | None]
) -> Overall:
    """One provider for all: a candidate that is a GO for each workflow and surely saves, else the baseline."""
    found = []
    for candidate in card.candidates:
        mine = [each for each in rulings if each.candidate == candidate and each.state is Verdict.GO]
        if len(mine) == len(card.workflows):
            alone = [
                Placed(workflow=each.workflow, state=Verdict.GO, destination=candidate, decided_by=each)
                for each in sorted(mine, key=lambda each: card.workflows.index(each.workflow))
            ]
            found.append((_low_usd(card, alone, ops_usd), alone))
    if found and (best := max(found, key=lambda each: each[0]))[0] > 0:
        reason = "running more than one provider costs more than the second saves"
        return Overall(state=Verdict.GO, placed=best[1], reason=reason, low_usd=best[0])
    stays = [
        Placed(
            workflow=each.workflow, state=Verdict.NOT_WORTH_IT, destination=card.baseline, decided_by=each.decided_by
        )
        for each in placed
    ]
    reason = "the saving does not surely pay for running more than one provider"
    return Overall(state=Verdict.NOT_WORTH_IT, placed=stays, reason=reason)


def _low_usd(card: Card, placed: Sequence[Placed], ops_usd: Mapping[str, float | None]) -> float:
    """Lower limit of the moves' savings a month, less each provider's operations, more the baseline's if all leave."""
    places = {each.destination for each in placed}
    gross = sum(each.decided_by.gross_low_usd for each in placed if each.state is Verdict.GO)
    added = sum(ops_usd.get(name) or 0.0 for name in places - {card.baseline})
    return gross - added + (0.0 if card.baseline in places else ops_usd.get(card.baseline) or 0.0)
