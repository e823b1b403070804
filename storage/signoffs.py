"""What people said to a verdict: agreed, or overridden with a reason and a second person. Kept for ever.

Names are typed, and nothing here verifies them.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from analysis.verdict import said
from storage.card_values import CardRefused
from storage.cards import same_person, signed
from storage.foreign import SENTENCE, kept_text
from storage.models import SignOff, Snapshot
from words import Verdict

INSTEAD = (Verdict.GO, Verdict.NO_GO, Verdict.NOT_WORTH_IT)


def agreed(name: str, *, now: datetime) -> SignOff:
    """This person stands by what the rule says; not kept yet. Raises CardRefused without a name."""
    return SignOff(snapshot_id=0, name=signed(name), at=now)


def overridden(instead: Verdict, *, name: str, second_name: str, reason: str, now: datetime) -> SignOff:
    """Decided otherwise than the rule says; not kept yet. Raises CardRefused without a reason or a second person."""
    who = signed(name)
    if not second_name.strip():
        raise CardRefused("An override needs a second person: give their name beside your own.")
    second, why = signed(second_name), kept_text(reason.strip(), SENTENCE)
    if same_person(who, second):
        raise CardRefused(f"An override needs a second person, and {second} is the first.")
    if not why:
        raise CardRefused("An override needs a reason: one sentence that a stranger understands a year from now.")
    if instead not in INSTEAD:
        raise CardRefused(f"A verdict is overridden with one of {', '.join(each.value for each in INSTEAD)}.")
    return SignOff(snapshot_id=0, name=who, second_name=second, reason=why, instead=instead, at=now)


def keep(session: Session, snapshot: Snapshot, row: SignOff) -> SignOff:
    """Keep the word on that snapshot. Raises CardRefused where it was said already, or would change nothing."""
    same = [each for each in of_snapshot(session, snapshot) if each.instead is row.instead]
    if any(same_person(each.name, row.name) for each in same):
        raise CardRefused(f"{row.name} has said so of this verdict already.")
    if row.instead is snapshot.state:
        raise CardRefused(f"The rule says {snapshot.state.value} already: sign it off instead.")
    row.snapshot_id = snapshot.id or 0
    session.add(row)
    session.flush()
    return row


def of_snapshot(session: Session, snapshot: Snapshot) -> Sequence[SignOff]:
    """Newest first."""
    query = select(SignOff).where(SignOff.snapshot_id == snapshot.id).order_by(col(SignOff.id).desc())
    return session.exec(query).all()


def every(session: Session) -> Sequence[tuple[SignOff, Snapshot]]:
    """All that was ever signed or overridden, newest first, with what it was about."""
    query = select(SignOff, Snapshot).join(Snapshot, col(Snapshot.id) == SignOff.snapshot_id)
    return session.exec(query.order_by(col(SignOff.id).desc())).all()


def heard(session: Session, document: Mapping[str, Any]) -> dict[str, Any]:
    """A verdict's document with what people said to it: of every snapshot that found the same under the same card.

    So an override outlives the snapshot that it was said of, until the rule says something else.
    """
    return said.heard(document, [_told(*each) for each in every(session) if _same(each[1], document)])


def _same(snapshot: Snapshot, document: Mapping[str, Any]) -> bool:
    card: str = snapshot.verdict["card"]["digest"]
    return (snapshot.title, card) == (document["title"], document["card"]["digest"])


def _told(row: SignOff, snapshot: Snapshot) -> dict[str, Any]:
    return {
        "name": row.name,
        "second_name": row.second_name,
        "reason": row.reason,
        "instead": row.instead and row.instead.value,
        "at": row.at.isoformat(),
        "snapshot": snapshot.digest,
    }
