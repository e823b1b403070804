"""Answers of people: the newest of a subject counts, all are kept, and what was not answered lets nothing pass."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, select

from storage.answers import PARITY_ITEMS, answer, content_open, history, licensed, newest, subjects
from storage.card_values import CardRefused
from storage.models import Answer, Installation
from tests.unit.storage.campaign import begin
from tests.unit.storage.rows import after, copied
from words import AnswerKind

LICENCE, CONTENT, PARITY = AnswerKind.LICENCE, AnswerKind.CONTENT, AnswerKind.PARITY


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    with Session(copied(tmp_path / "x.db")) as session:
        begin(session)
        yield session


def say(session: Session, kind: AnswerKind, subject: str, score: int, **more: Any) -> Answer:
    return answer(session, kind=kind, subject=subject, score=score, **{"by": "ana", "now": after(1), **more})


def test_an_answer_is_kept_with_who_when_and_why(session: Session) -> None:
    say(session, LICENCE, "flux-dev", 1, by=" Ana  B ", note=" bought 3 Nov ", now=after(7))
    session.expire_all()
    row = session.exec(select(Answer)).one()

    assert (row.kind, row.subject, row.score, row.by, row.note, row.at, row.simulated) == (
        LICENCE, "flux-dev", 1, "Ana B", "bought 3 Nov", after(7), True,
    )  # fmt: skip


def test_the_newest_of_a_subject_counts_and_the_others_stay(session: Session) -> None:
    say(session, PARITY, "runpod secrets", 0)
    say(session, PARITY, "vast secrets", 2)
    say(session, PARITY, "runpod secrets", 1, by="bo", note="by template")

    known = newest(session)
    assert {subject: row.score for (_, subject), row in known.items()} == {"runpod secrets": 1, "vast secrets": 2}
    assert known[PARITY, "runpod secrets"].by == "bo"
    assert [(row.subject, row.score) for row in history(session)] == [
        ("runpod secrets", 1), ("vast secrets", 2), ("runpod secrets", 0),
    ]  # fmt: skip


def test_a_workflow_is_licensed_by_a_yes_until_a_no_follows(session: Session) -> None:
    assert licensed(session) == []
    say(session, LICENCE, "flux-dev", 1)
    say(session, LICENCE, "qwen-image-2512", 0)
    assert licensed(session) == ["flux-dev"]
    say(session, LICENCE, "flux-dev", 0)
    assert licensed(session) == []


def test_content_is_open_until_a_yes_for_that_provider(session: Session) -> None:
    say(session, CONTENT, "runpod", 0, by="bo")
    assert content_open(session, ["runpod", "vast", "vast-serverless"]) == {
        "runpod": "Runpod does not allow the content that production makes, says bo.",
        "vast": "Whether Vast.ai allows the content that production makes is not answered.",
        "vast-serverless": "Whether Vast.ai serverless allows the content that production makes is not answered.",
    }
    say(session, CONTENT, "vast", 1)
    assert list(content_open(session, ["runpod", "vast", "vast-serverless"])) == ["runpod"]


def test_parity_asks_six_things_of_each_candidate_and_none_of_the_baseline() -> None:
    assert PARITY_ITEMS == ("deploy", "logs", "debugging", "secrets", "volumes", "auto-recovery")
    assert len(subjects(PARITY)) == 12
    assert not [subject for subject in subjects(PARITY) if subject.startswith("modal")]
    assert subjects(CONTENT) == ["modal", "runpod", "vast"]


@pytest.mark.parametrize(
    ("kind", "subject", "score", "more", "said"),
    [
        (LICENCE, "sdxl", 1, {}, "Nothing to answer is called 'sdxl' here. There are: flux-dev"),
        (LICENCE, "flux-dev", 2, {}, "is one of 1 yes, 0 no, not 2"),
        (CONTENT, "fal", 1, {}, "There are: modal, runpod, vast."),
        (CONTENT, "runpod", -1, {}, "is one of 1 yes, 0 no"),
        (PARITY, "runpod coffee", 1, {}, "Nothing to answer is called 'runpod coffee'"),
        (PARITY, "modal secrets", 2, {}, "Nothing to answer is called 'modal secrets'"),
        (PARITY, "runpod secrets", 3, {}, "2 as on the baseline, 1 with work, 0 missing, not 3"),
        (LICENCE, "flux-dev", 1, {"by": "  "}, "who says so"),
    ],
)
def test_what_cannot_be_answered_so_is_refused_and_leaves_no_row(
    session: Session, kind: AnswerKind, subject: str, score: int, more: dict[str, Any], said: str
) -> None:
    with pytest.raises(CardRefused) as refused:
        say(session, kind, subject, score, **more)
    assert said in str(refused.value)
    assert list(history(session)) == []


def test_without_an_installation_nothing_is_answered(session: Session) -> None:
    session.delete(session.get_one(Installation, 1))
    session.flush()
    with pytest.raises(CardRefused, match="bakeoff collect"):
        say(session, LICENCE, "flux-dev", 1)
