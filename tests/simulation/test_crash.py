"""SIGKILL between any two awaits: nothing is paid twice, every job ends, nothing stays rented."""

from pathlib import Path

import pytest
from sqlmodel import select

from storage.models import Job, Run
from tests.simulation.bakeoff import Bakeoff
from tests.simulation.crash import crash_at
from words import JobStatus, Reason, RunStatus


@pytest.fixture(scope="module")
def points(tmp_path_factory: pytest.TempPathFactory) -> int:
    return crash_at(tmp_path_factory.mktemp("whole"), None)[1].seen


@pytest.mark.parametrize("share", [i / 10 for i in range(10)])
def test_a_killed_collector_is_taken_over_without_a_second_payment(share: float, points: int, tmp_path: Path) -> None:
    made, kill = crash_at(tmp_path, 1 + int(share * points))

    assert kill.dead
    with made.reading() as session:
        jobs = session.exec(select(Job)).all()
        runs = session.exec(select(Run)).all()
    assert {run.status for run in runs} == {RunStatus.DONE}
    assert {run.left_running for run in runs} == {0}
    assert all(job.status.final for job in jobs)
    lost = [job for job in jobs if job.status is not JobStatus.SUCCEEDED]
    assert {job.reason for job in lost} <= {Reason.FATE_UNKNOWN, Reason.NOT_SENT}
    assert len(lost) <= 6  # at most one per lane, or an order that nobody knows was sent: none is repeated
    _nothing_was_paid_twice(made)


def _nothing_was_paid_twice(made: Bakeoff) -> None:
    rented = [row.name for row in made.simulation.ledger.rented]
    assert len(rented) == len(set(rented))
    for row in made.simulation.ledger.rented:
        asked = [(job.asked.prompt, job.asked.seed) for job in row.pool.jobs.values()]
        assert len(asked) == len(set(asked)), row.name
        assert row.pool.closed_us is not None, row.name
