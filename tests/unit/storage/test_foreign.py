"""What strangers said enters the tables harmless and cut, whoever writes it."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import JSON
from sqlmodel import Session, select

from storage.foreign import (
    CUT,
    DEEPEST,
    ID,
    LONGEST_TEXT,
    MOST_CHARACTERS,
    MOST_VALUES,
    SENTENCE,
    kept_document,
    kept_text,
)
from storage.models import Event, Job, Observation, metadata
from storage.types import Said, SaidDocument
from storage.writer import guarded_update
from tests.unit.storage.rows import AT, deployment_of, fresh, jobs_of, launch
from words import JobStatus

ESCAPES = "\x1b[2J\x1b]0;owned\x07"
BIDI = "gnp.\u202egepj\u2066\u200f"
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=60,
)


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (ESCAPES, "\ufffd[2J\ufffd]0;owned\ufffd"),
        (BIDI, "gnp.\ufffdgepj\ufffd\ufffd"),
        ("a\x00b\x7fc\x85d\u2028e\ufefff\u200bg", "a\ufffdb\ufffdc\ufffdd\ufffde\ufffdf\ufffdg"),
        ("lone \ud800 surrogate", "lone \ufffd surrogate"),
        ("\U000e0041tag", "\ufffdtag"),
        ("line\r\nnext\n\ttab\rover", "line\nnext\n\ttab\ufffdover"),
        ("Zoë, 日本, العربية, 🦊 <b>$5</b>", "Zoë, 日本, العربية, 🦊 <b>$5</b>"),
    ],
)
def test_signs_that_steer_become_a_mark_and_words_stay(said: str, kept: str) -> None:
    assert kept_text(said, 100) == kept


def test_a_cut_text_says_how_long_it_was() -> None:
    assert kept_text("x" * 100, 100) == "x" * 100
    assert kept_text("x" * 101, 100) == "x" * 82 + "… (101 characters)"
    huge = kept_text("x" * 5_000_000, 100)
    assert huge.endswith("… (5,000,000 characters)")
    assert len(huge) == 100


@given(st.text(), st.integers(min_value=40, max_value=200))
def test_any_text_is_kept_in_its_length_and_can_be_written(said: str, cap: int) -> None:
    kept = kept_text(said, cap)
    assert len(kept) <= cap
    assert kept_text(kept, cap) == kept
    kept.encode()


@given(VALUES)
def test_any_value_becomes_json_of_finite_numbers(value: Any) -> None:
    written = json.dumps(kept_document(value), allow_nan=False)
    assert json.loads(written) == kept_document(json.loads(written))


def test_a_plain_reply_is_kept_as_it_is() -> None:
    reply = {"id": "a-1", "delayTime": 12, "cost": 0.5, "output": {"images": [{"ok": True, "data": None}]}}
    assert kept_document(reply) == reply


def test_numbers_that_json_has_not_are_told() -> None:
    said = [float("nan"), float("-inf"), 2**63 - 1, 2**63, b"abc", Decimal("0.5"), datetime(2026, 1, 1, tzinfo=UTC)]
    kept = ["nan", "-inf", 2**63 - 1, "a number of 64 bits", "3 bytes", "0.5", "2026-01-01 00:00:00+00:00"]
    assert kept_document(said) == kept


def test_depth_is_cut() -> None:
    deep: Any = "end"
    for _ in range(500):
        deep = [deep]
    kept = kept_document(deep)
    levels = 0
    while isinstance(kept, list):
        kept, levels = kept[0], levels + 1
    assert (kept, levels) == (CUT, DEEPEST)


def test_a_long_list_and_a_long_object_are_cut_and_say_so() -> None:
    kept = kept_document(list(range(1_000_000)))
    assert (len(kept), kept[-1]) == (MOST_VALUES, CUT)
    named = kept_document({str(n): n for n in range(1_000_000)})
    assert len(named) <= MOST_VALUES
    assert named[CUT] == "1,000,000 in all"


def test_long_texts_are_cut_one_by_one_and_all_together() -> None:
    assert len(kept_document("x" * 10_000)) == LONGEST_TEXT
    assert len(next(iter(kept_document({"n" * 10_000: 1})))) == ID
    assert len(json.dumps(kept_document(["x" * 10_000] * 1000))) < MOST_CHARACTERS + LONGEST_TEXT


def test_whoever_writes_a_row_strangers_words_are_kept_harmless(tmp_path: Path) -> None:
    with Session(fresh(tmp_path / "bakeoff.db")) as session:
        mine = jobs_of(session, deployment_of(session, launch(session), "vast"))[0]
        mine.worker_id, mine.evidence = BIDI, {"said": ESCAPES, "n": float("inf")}
        session.add(Event(at=AT, kind="job", text=BIDI))
        session.add(Observation(job_id=mine.id, seen_at=AT, status=JobStatus.FAILED, raw=["\ud800", 10**400]))
        session.commit()
        assert guarded_update(session, Job, mine.id, 1, {"error": "\x00" + "y" * 9000})
        session.commit()
        session.refresh(mine)
        assert (len(mine.error or ""), (mine.error or "")[:2]) == (SENTENCE, "\ufffdy")
        assert mine.worker_id == "gnp.\ufffdgepj\ufffd\ufffd"
        assert mine.evidence == {"said": "\ufffd[2J\ufffd]0;owned\ufffd", "n": "inf"}
        assert session.exec(select(Event)).one().text == "gnp.\ufffdgepj\ufffd\ufffd"
        assert session.exec(select(Observation)).one().raw == ["\ufffd", "a number of 1329 bits"]


def test_every_document_but_our_own_and_every_text_that_strangers_fill_is_guarded() -> None:
    columns = [column for table in metadata.tables.values() for column in table.columns]
    documents = {str(c) for c in columns if isinstance(c.type, JSON)}
    assert documents == {
        "workflow.content", "backend.features", "run.params", "run.plan", "schedule.params", "schedule.plan",
        "request.arguments", "charge.earlier", "charge.flags", "billread.unread", "trafficprofile.curve",
        "snapshot.verdict",
    }  # fmt: skip
    assert {str(c) for c in columns if isinstance(c.type, SaidDocument)} == {
        "offer.detail", "deployment.ref_detail", "deployment.provenance", "job.evidence", "observation.raw",
        "charge.raw", "request.reply", "payment.raw", "statement.parts",
    }  # fmt: skip
    assert {str(c): c.type.cap for c in columns if isinstance(c.type, Said)} == {
        "backend.state": SENTENCE, "offer.offer_id": ID, "offer.region": ID, "run.stop_reason": SENTENCE,
        "deployment.reason": SENTENCE, "deployment.provider_id": ID, "job.error": SENTENCE, "job.worker_id": ID,
        "job.provider_job_id": ID, "workerclock.worker_id": ID, "charge.resource_id": ID, "charge.resource_name": ID,
        "charge.sku": ID, "charge.product": ID, "charge.meter": ID, "charge.billing_currency": ID,
        "event.text": SENTENCE, "billread.text": SENTENCE, "payment.currency": ID, "payment.service": ID,
        "payment.text": SENTENCE, "statement.kind": ID, "effort.text": SENTENCE, "effort.note": SENTENCE,
        "decisioncard.note": SENTENCE, "signoff.reason": SENTENCE, "answer.note": SENTENCE,
    }  # fmt: skip
