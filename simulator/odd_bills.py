"""What may be wrong with a bill on the wire, until it is taken back; the ledger keeps the truth."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Literal, Protocol, TypeVar, get_args

OddKind = Literal[
    "gap",  # no row is published
    "vanish",  # the first row is missing
    "duplicate",  # each row comes twice, as when a page is sent again
    "loop",  # the next page is always the first one; where a list has pages
    "text",  # the first row's amounts are words
    "two_amounts",  # the first row comes once more with twice the amount
    "overlap",  # the first row comes once more and begins half way
    "foreign",  # the first row is in EUR; where a row can say so
    "dear",  # the last row's amounts are 2.5 times what they will be: it is corrected once this is taken back
    "negative",  # the first row's amounts are below zero
    "no_rights",  # the key may not read bills
]
DEAR = 2.5
R = TypeVar("R")


class Shape(Protocol[R]):
    """How to bend one provider's row."""

    def scaled(self, row: R, factor: float) -> R:
        """All its amounts times a factor."""

    def worded(self, row: R) -> R:
        """Its amounts as words."""

    def later(self, row: R) -> R:
        """The second half of its time."""

    def foreign(self, row: R) -> R:
        """In EUR."""


class OddBills:
    """Provider -> what is wrong with its bills now."""

    def __init__(self) -> None:
        self.planned: dict[str, frozenset[str]] = {}

    def plan(self, wanted: dict[str, list[str]]) -> None:
        """Replaces all that was planned. Raises ValueError for a kind that there is not."""
        if unknown := sorted({kind for kinds in wanted.values() for kind in kinds} - set(get_args(OddKind))):
            raise ValueError(f"There is no odd bill '{unknown[0]}'. Known: {', '.join(get_args(OddKind))}.")
        self.planned = {provider: frozenset(kinds) for provider, kinds in wanted.items()}

    def has(self, provider: str, kind: OddKind) -> bool:
        """Is this wrong now?"""
        return kind in self.planned.get(provider, ())

    def bent(self, provider: str, rows: Sequence[R], shape: Shape[R]) -> list[R]:
        """The rows as they are sent."""
        wrong = self.planned.get(provider)
        if not wrong or not rows:
            return list(rows)
        first, rest = rows[0], list(rows[1:])
        if "gap" in wrong:
            return []
        for kind, bend in (("text", shape.worded), ("foreign", shape.foreign)):
            first = bend(first) if kind in wrong else first
        if "negative" in wrong:
            first = shape.scaled(first, -1.0)
        found = rest if "vanish" in wrong else [first, *rest]
        if "dear" in wrong and found:
            found[-1] = shape.scaled(found[-1], DEAR)
        if "two_amounts" in wrong:
            found.append(shape.scaled(first, 2.0))
        if "overlap" in wrong:
            found.append(shape.later(first))
        return found * 2 if "duplicate" in wrong else found


def times(value: Any, factor: float) -> Any:
    """An amount of a row times a factor, as exact as it was written."""
    return float(Decimal(str(value)) * Decimal(str(factor)))
