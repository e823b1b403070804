"""What stands behind a verdict: gathered from the tables of a campaign, frozen with it, and the same once thawed."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import Session, col, func, select

from analysis.verdict.campaigns import Plan
from analysis.verdict.document import document
from analysis.verdict.frozen import freeze, thaw
from benchmarks.measured import FIRST
from storage import answers, verdicts
from storage.blobs import Blobs
from storage.db import DataFolder, open_engine
from storage.effort import log_effort
from storage.models import BillRead, Charge, Deployment, Job
from tests.pages.campaign import LATER, build
from words import AnswerKind, BillOutcome, EffortKind, JobStatus, Reason

NOW = FIRST + LATER


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> DataFolder:
    """Two blocks; three jobs of one host were lost, and one deployment was never billed."""
    made = build(tmp_path_factory.mktemp("campaign"), plan=Plan(blocks=2, warm=36, cold=4))
    with Session(open_engine(made.db)) as session:
        lane = session.exec(select(Deployment).where(Deployment.backend == "vast")).first()
        assert lane is not None
        for job in session.exec(select(Job).where(Job.deployment_id == lane.id).limit(3)):
            job.status, job.reason, job.error = JobStatus.LOST, Reason.VANISHED.value, "x" * 500
        for charge in session.exec(select(Charge).where(Charge.deployment_id == lane.id)):
            session.delete(charge)
        read = {"backend": "vast", "outcome": BillOutcome.READ, "read_at": NOW, "since": FIRST, "until": NOW}
        session.add(BillRead(**read, lines=0, new=0, changed=0, text="", simulated=True))
        now = FIRST - timedelta(hours=1)
        answers.answer(session, kind=AnswerKind.PARITY, subject="vast logs", score=1, by="ben", now=now, note="by ssh")
        log_effort(session, backend="vast", kind=EffortKind.DEBUG, minutes=45, by="ana", text="ssh", now=now)
        session.commit()
    return made


@pytest.fixture(scope="module")
def found(folder: DataFolder) -> dict[str, Any]:
    with Session(open_engine(folder.db)) as session:
        snapshot = verdicts.whole(session, Blobs(folder.blobs), now=NOW)
    told: dict[str, Any] = document(snapshot)["appendix"]
    assert document(thaw(freeze(snapshot)))["appendix"] == told
    return told


def _numbers(ranges: str) -> Iterator[int]:
    for part in ranges.split(", "):
        first, _, last = part.partition("–")
        yield from range(int(first), int(last or first) + 1)


def test_every_job_is_behind_some_deployment(folder: DataFolder, found: dict[str, Any]) -> None:
    with Session(open_engine(folder.db)) as session:
        jobs = session.exec(select(func.count()).select_from(Job)).one()
        ids = set(session.exec(select(Job.id)))
        keys = set(session.exec(select(Deployment.key)))
    assert sum(row["jobs"] for row in found["samples"]) == jobs
    assert {row["deployment"] for row in found["samples"]} == keys
    assert {number for row in found["samples"] for number in _numbers(row["numbers"])} == ids
    assert {row["block"] for row in found["samples"]} == {1, 2}


def test_failures_are_counted_by_their_reason_and_what_was_said_is_cut(
    folder: DataFolder, found: dict[str, Any]
) -> None:
    with Session(open_engine(folder.db)) as session:
        failed = session.exec(select(Job).where(col(Job.status) != JobStatus.SUCCEEDED)).all()
        lanes = {row.id: row.backend for row in session.exec(select(Deployment))}
    counted = Counter((lanes[job.deployment_id], job.reason) for job in failed)
    assert {(row["backend"], row["reason"]): row["jobs"] for row in found["failures"]} == counted
    (lost,) = (row for row in found["failures"] if row["reason"] == Reason.VANISHED.value)
    assert (lost["workflow"], lost["jobs"], len(lost["said"])) == ("flux-dev", 3, 120)


def test_an_hour_with_jobs_and_without_a_bill_is_a_gap(folder: DataFolder, found: dict[str, Any]) -> None:
    with Session(open_engine(folder.db)) as session:
        lane = session.exec(select(Deployment).where(Deployment.backend == "vast")).first()
    assert lane is not None
    assert {(row["backend"], row["deployment"]) for row in found["gaps"]} == {("vast", lane.key)}


def test_what_people_said_and_timed_is_there(found: dict[str, Any]) -> None:
    logs = {row["backend"]: row for row in found["parity"] if row["item"] == "logs"}
    assert (logs["vast"]["words"], logs["vast"]["note"], logs["vast"]["by"]) == ("with work", "by ssh", "ben")
    assert logs["runpod"]["words"] is None
    (timed,) = (row for row in found["effort"] if not row["measured"])
    assert (timed["backend"], timed["kind"], timed["n"], timed["minutes"]) == ("vast", "debug", 1, 45)
    assert {row["backend"] for row in found["effort"] if row["measured"]} == {"modal", "runpod", "vast"}
