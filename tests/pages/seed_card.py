"""A decision card beside the runs of `seed`: a locked version, a draft after it, and answers; its words are hostile."""

from datetime import datetime, timedelta

from sqlmodel import Session

from storage.answers import answer
from storage.cards import draft, edit, lock
from words import AnswerKind


def add(session: Session, *, now: datetime, hostile: str) -> None:
    """Version 1 by ana, locked before the first sample; version 2, a draft by a stranger."""
    draft(session, {"workflows": "flux-dev"}, made_by="ana", now=now, note="to begin with")
    lock(session, by="ana", now=now)
    edit(session, {"margins.saving": 0.12}, made_by=hostile[:60], now=now + timedelta(hours=1), note=hostile)
    for kind, subject, score in (
        (AnswerKind.LICENCE, "flux-dev", 0),
        (AnswerKind.CONTENT, "runpod", 1),
        (AnswerKind.PARITY, "runpod secrets", 1),
    ):
        answer(session, kind=kind, subject=subject, score=score, by=hostile[:60], now=now, note=hostile)
