"""SIGTERM drains: jobs in flight come home, nothing new begins, and the next collector goes on where this one ended."""

import asyncio
from pathlib import Path

from sqlmodel import Session, col, select

from clock import VirtualClock
from collectors.service import Service
from storage.db import DataFolder
from storage.models import Deployment, Job, Run
from tests.simulation.bakeoff import Bakeoff, plan
from tests.virtual import run
from words import DeploymentState, JobStatus, RunStatus


def _statuses(session: Session) -> list[JobStatus]:
    return [job.status for job in session.exec(select(Job))]


def test_a_drained_collector_finishes_what_is_in_flight_and_the_next_one_the_rest(tmp_path: Path) -> None:
    made = Bakeoff(DataFolder(tmp_path), "quiet", 5)

    async def scenario(clock: VirtualClock) -> list[JobStatus]:
        made.open(clock)
        made.ask(clock, plan(warm=4, cold=1, backends=("modal", "runpod")))
        service = made.service(clock)
        collecting = asyncio.create_task(service.run(until=lambda: True))
        await clock.sleep(42)  # the first, cold jobs are on their way
        service.drain()
        await collecting
        await service.ctx.writer.close()
        with made.reading() as session:
            drained = _statuses(session)
            assert {run.status for run in session.exec(select(Run))} == {RunStatus.RUNNING}
            assert {row.state for row in session.exec(select(Deployment))} == {DeploymentState.READY}
        await made.collect(clock)
        return drained

    drained = run(scenario)

    assert set(drained) == {JobStatus.SUCCEEDED, JobStatus.QUEUED}
    with made.reading() as session:
        assert set(_statuses(session)) == {JobStatus.SUCCEEDED}
        assert {row.state for row in session.exec(select(Deployment))} == {DeploymentState.GONE}
        again = session.exec(select(Job).where(col(Job.redraw_of).is_not(None))).all()
    # While nobody sent anything the workers went away: the next warm job of each lane met a boot and is drawn again.
    assert len(again) == 2
    assert made.document()["paid_calls"] == made.document()["truth"]["paid_calls"] == 12 + len(again)


def test_a_service_without_runs_ends_at_once_when_told(tmp_path: Path) -> None:
    made = Bakeoff(DataFolder(tmp_path), "quiet", 5)

    async def scenario(clock: VirtualClock) -> float:
        made.open(clock)
        service: Service = made.service(clock)
        collecting = asyncio.create_task(service.run())
        await clock.sleep(30)
        service.drain()
        await collecting
        await service.ctx.writer.close()
        return clock.alive_s()

    assert run(scenario) < 40
