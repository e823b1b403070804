"""What the rule is given: every candidate of every workflow of the card, with its looks and why it may be blocked."""

from analysis.verdict.blocked import blocked
from analysis.verdict.card import Card
from analysis.verdict.evidence import Beside, Compared, Frames
from analysis.verdict.overall import Overall, overall
from analysis.verdict.rule import Case, Ruling, judge


def cases(card: Card, frames: Frames, beside: Beside) -> list[Case]:
    """In the order of the card. Raises LoadError where a workflow's traffic cannot be replayed."""
    return [_case(Compared(card, frames, beside, of, name)) for of in card.workflows for name in card.candidates]


def verdict(card: Card, frames: Frames, beside: Beside) -> tuple[list[Ruling], Overall]:
    """The ruling on each case, and what they mean together."""
    rulings = judge(card, cases(card, frames, beside))
    return rulings, overall(card, rulings, beside.ops_usd)


def _case(compared: Compared) -> Case:
    return Case(
        workflow=compared.workflow,
        candidate=compared.candidate,
        looks=compared.looks(),
        seen=len(compared.paired) * compared.parts,
        rented=compared.rented,
        blocked=blocked(compared),
    )
