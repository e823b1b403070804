"""What people answered to questions that no measurement answers. The newest of a subject counts, and all are kept.

Licence: may production use the workflow's model? Content: does the provider allow what production makes? Parity: does
the provider have what production uses on the baseline? Who answered is a name that a person typed.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session, col, select

import workflows
from storage.card_values import BASELINE, CardRefused
from storage.cards import signed
from storage.foreign import SENTENCE, kept_text
from storage.models import Answer, Installation
from words import AnswerKind, Provider, called

PARITY_ITEMS = ("deploy", "logs", "debugging", "secrets", "volumes", "auto-recovery")
YES_NO = {1: "yes", 0: "no"}
GAPS = {2: "as on the baseline", 1: "with work", 0: "missing"}
CANDIDATES = tuple(each.value for each in Provider if each.value != BASELINE)


def scores(kind: AnswerKind) -> dict[int, str]:
    """What may be answered, with its words."""
    return GAPS if kind is AnswerKind.PARITY else YES_NO


def subjects(kind: AnswerKind) -> list[str]:
    """What can be asked about: workflows; providers; of parity each candidate with each item, as in runpod secrets."""
    if kind is AnswerKind.LICENCE:
        return workflows.names()
    if kind is AnswerKind.CONTENT:
        return [each.value for each in Provider]
    return [f"{name} {item}" for name in CANDIDATES for item in PARITY_ITEMS]


def answer(
    session: Session, *, kind: AnswerKind, subject: str, score: int, by: str, now: datetime, note: str = ""
) -> Answer:
    """Insert an answer; what was answered before stays. Raises CardRefused."""
    installation = session.get(Installation, 1)
    if installation is None:
        raise CardRefused("The collector has never run on this data folder. Start it with `bakeoff collect`.")
    if subject not in subjects(kind):
        raise CardRefused(f"Nothing to answer is called {subject!r} here. There are: {', '.join(subjects(kind))}.")
    if score not in scores(kind):
        may = ", ".join(f"{each} {words}" for each, words in scores(kind).items())
        raise CardRefused(f"The answer about {kind.value} is one of {may}, not {score!r}.")
    row = Answer(
        kind=kind,
        subject=subject,
        score=score,
        note=kept_text(note.strip(), SENTENCE),
        by=signed(by),
        at=now,
        simulated=installation.simulated,
    )
    session.add(row)
    session.flush()
    return row


def history(session: Session) -> Sequence[Answer]:
    """Every answer that was ever given, newest first."""
    return session.exec(select(Answer).order_by(col(Answer.id).desc())).all()


def newest(session: Session) -> dict[tuple[AnswerKind, str], Answer]:
    """What counts, by kind and subject; what nobody answered is absent."""
    return {(row.kind, row.subject): row for row in reversed(history(session))}


def licensed(session: Session) -> list[str]:
    """Workflows of which a person answered that production may use them: `Beside.licensed`."""
    return [name for (kind, name), row in newest(session).items() if kind is AnswerKind.LICENCE and row.score]


def content_open(session: Session, backends: Sequence[str]) -> dict[str, str]:
    """By backend why its content policy lets nothing be decided: not answered, or no. `Beside.content_open`."""
    known = newest(session)
    found = {}
    for backend in backends:
        row = known.get((AnswerKind.CONTENT, backend.partition("-")[0]))
        if row is None:
            found[backend] = f"Whether {called(backend)} allows the content that production makes is not answered."
        elif not row.score:
            found[backend] = f"{called(backend)} does not allow the content that production makes, says {row.by}."
    return found
