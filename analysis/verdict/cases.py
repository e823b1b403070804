"""What the rule is given: every candidate of every workflow of the card, with its looks and why it may be blocked."""

from collections.abc import Sequence
from dataclasses import replace

from analysis.traffic import profile
from analysis.verdict.blocked import blocked
from analysis.verdict.card import Card
from analysis.verdict.evidence import Beside, Compared, Frames
from analysis.verdict.overall import Overall, overall
from analysis.verdict.rule import Case, Ruling, judge


def cases(card: Card, frames: Frames, beside: Beside) -> list[Case]:
    """In the order of the card. Raises LoadError where a workflow's traffic cannot be replayed."""
    return [case(each) for each in pairs(card, frames, beside)]


def pairs(card: Card, frames: Frames, beside: Beside) -> list[Compared]:
    """Every candidate beside the baseline for every workflow, in the order of the card."""
    return [Compared(card, frames, beside, of, name) for of in card.workflows for name in card.candidates]


def verdict(card: Card, frames: Frames, beside: Beside) -> tuple[list[Ruling], Overall]:
    """The ruling on each case, and what they mean together."""
    rulings = judge(card, cases(card, frames, beside))
    return rulings, overall(card, rulings, beside.ops_usd)


def at_volume(compared: Compared, per_day: float, *, requests: int | None = None) -> Case:
    """The same measurements under our hours at another volume, replayed anew; what may block it is left aside.

    requests: so many at least enter each replay, fewer being faster; None: as many as a verdict's. Raises LoadError
    where that traffic cannot be replayed.
    """
    traffic = profile.at_volume(compared.beside.traffic[compared.workflow], per_day)
    known = compared.beside
    all_traffic = {**known.traffic, compared.workflow: traffic}
    beside = replace(known, traffic=all_traffic, requests=known.requests if requests is None else requests)
    return case(replace(compared, beside=beside), [])


def case(compared: Compared, flaws: Sequence[str] | None = None) -> Case:
    """What the rule is given of it. flaws: why it is blocked, None: as it is found. Raises LoadError."""
    return Case(
        workflow=compared.workflow,
        candidate=compared.candidate,
        looks=compared.looks(),
        seen=len(compared.paired) * compared.parts,
        rented=compared.rented,
        blocked=blocked(compared) if flaws is None else flaws,
    )
