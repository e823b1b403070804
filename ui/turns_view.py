"""What would flip a verdict, and what to buy where it is open: sentences for each candidate. Pure."""

from collections.abc import Sequence

from analysis.verdict.card import Card
from analysis.verdict.flips import Flip, flips
from analysis.verdict.levers import Known, levers
from analysis.verdict.rule import Case
from ui.names import label


def turns(card: Card, cases: Sequence[Case]) -> list[Flip]:
    """Every lever of every case that has reached a look; prices and volumes that need a replay are left out."""
    found: list[Flip] = []
    for case in cases:
        others = [each for each in cases if each.workflow == case.workflow and each is not case]
        found += flips(card, case, levers(card, case, Known()), others)
    return found


def rows(found: Sequence[Flip]) -> list[dict[str, str]]:
    """A row for each lever that turns a ruling, nearest first as the levers come."""
    return [
        {
            "Move": f"{each.workflow} on {label(each.candidate)}",
            "What": each.lever.name,
            "Now": each.lever.write(each.lever.now),
            "Turns at": each.lever.write(each.point),
            "So that": each.sentence,
        }
        for each in found
        if each.point is not None
    ]
