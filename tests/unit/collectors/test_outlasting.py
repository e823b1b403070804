"""What passes is outlasted: a database that takes nothing, a look that comes late, an answer that comes again."""

import asyncio
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from backends.base import JobRef, Observation
from backends.errors import FateUnknown, Unavailable
from collectors.billing import SETTLED, settle
from collectors.deployments import READY_LIMIT_S
from collectors.runs import drive_run
from storage.blobs import Blobs
from storage.db import DiskFull
from storage.models import Deployment, Job
from storage.writer import Writer
from tests.unit.collectors.fakes import RENTED, Desk, FakeBackend, killed, play, until
from words import DeploymentState, Feature, JobStatus, Reason, RunStatus

LOCKED = OperationalError("COMMIT", {}, sqlite3.OperationalError("database is locked"))


class Outage:
    """A database that takes nothing while `on`, whoever asks."""

    on = False

    def hook(self, point: str) -> None:
        if self.on and point == "before":
            raise LOCKED


def brittle(desk: Desk, outage: Outage) -> None:
    """Give the collector a writer that loses patience at once."""
    desk.ctx.writer = Writer(desk.engine, on_commit=outage.hook, patience_s=0)


@pytest.mark.parametrize("begun", ["queued", "submitting", "submitted", "running"])
def test_a_run_goes_on_where_it_was_once_the_database_takes_something_again(tmp_path: Path, begun: str) -> None:
    async def scenario(desk: Desk) -> tuple[Desk, int]:
        outage = Outage()
        brittle(desk, outage)
        desk.ask(warm=2)
        service = desk.service()

        async def trouble() -> None:
            await until(desk.clock, lambda: begun in {job.status.value for job in desk.jobs()})
            outage.on = True
            await desk.clock.sleep(60)
            outage.on = False

        async with asyncio.TaskGroup() as group:
            group.create_task(trouble())
            group.create_task(service.run(until=lambda: desk.run().status.final))
        return desk, desk.backend.count("submit")

    desk, submitted = play(tmp_path, scenario)
    assert desk.run().status is RunStatus.DONE
    assert desk.run().left_running == 0
    assert submitted <= 3
    assert {job.status for job in desk.jobs()} <= {JobStatus.SUCCEEDED, JobStatus.LOST}
    assert desk.reasons().count(Reason.FATE_UNKNOWN) <= 1  # sent, and its id could not be kept


class FullFolder(Blobs):
    """No space for the first pictures."""

    left = 3

    def put(self, content: bytes) -> str:
        if self.left:
            self.left -= 1
            raise DiskFull("The disk is full.")
        return super().put(content)


def test_a_picture_that_finds_no_space_is_fetched_again_and_its_job_is_good(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> Desk:
        desk.ctx.blobs = FullFolder(desk.folder.blobs)
        desk.ask(warm=0)
        await desk.service().run(until=lambda: desk.run().status.final)
        return desk

    desk = play(tmp_path, scenario)
    assert [job.status for job in desk.jobs()] == [JobStatus.SUCCEEDED]
    assert desk.backend.count("submit") == 1


def test_what_came_between_the_last_look_and_the_cancel_is_taken(tmp_path: Path) -> None:
    """It ends while the cancel is on its way: the cancel finds it over, and so does the look after it."""

    class Slow(FakeBackend):
        async def cancel(self, ref: JobRef) -> None:  # noqa: ARG002 - a job that is over stays as it is
            await self.clock.sleep(30)

    async def scenario(desk: Desk) -> Job:
        run_id = desk.ask(warm=0)
        task = asyncio.create_task(drive_run(desk.ctx, run_id))
        await until(desk.clock, lambda: desk.jobs() != [] and desk.jobs()[0].status is JobStatus.RUNNING)
        desk.ctx.stopping.add(run_id)
        await task
        return desk.jobs()[0]

    job = play(tmp_path, scenario, Slow)
    assert (job.status, job.reason) == (JobStatus.SUCCEEDED, None)


@pytest.mark.parametrize(
    ("hurried", "ends"),
    [
        (False, (JobStatus.SUCCEEDED, None)),
        (True, (JobStatus.CANCELLED, Reason.STOPPED)),
    ],
)
def test_only_a_person_s_stop_does_not_wait_for_a_provider_that_is_away(
    hurried: bool, ends: tuple[JobStatus, Reason | None], tmp_path: Path
) -> None:
    """It came while the cancel was on its way, and for a minute after that nobody answers."""

    class Away(FakeBackend):
        until_s: float | None = None

        async def cancel(self, ref: JobRef) -> None:  # noqa: ARG002 - a job that is over stays as it is
            await self.clock.sleep(30)
            self.until_s = self.clock.alive_s() + 60

        async def poll(self, ref: JobRef, wait_s: float = 0.0) -> Observation:
            if self.until_s is not None and self.clock.alive_s() < self.until_s:
                raise Unavailable("Nobody is here.")
            return await super().poll(ref, wait_s)

    async def scenario(desk: Desk) -> Job:
        run_id = desk.ask(warm=0)
        task = asyncio.create_task(drive_run(desk.ctx, run_id))
        await until(desk.clock, lambda: desk.jobs() != [] and desk.jobs()[0].status is JobStatus.RUNNING)
        if hurried:
            desk.ctx.stopping.add(run_id)
        else:
            desk.ctx.saturated.add(desk.jobs()[0].deployment_id)
        await task
        return desk.jobs()[0]

    job = play(tmp_path, scenario, Away)
    assert (job.status, job.reason) == ends


def test_an_answer_with_the_id_of_an_earlier_job_is_no_answer(tmp_path: Path) -> None:
    class Repeating(FakeBackend):
        async def submit(self, *args, **more):  # type: ignore[no-untyped-def]
            fresh = await super().submit(*args, **more)
            first = next(iter(self.jobs))
            return JobRef(deployment=fresh.deployment, id=first)

    async def scenario(desk: Desk) -> Desk:
        await drive_run(desk.ctx, desk.ask(warm=1))
        return desk

    jobs = play(tmp_path, scenario, Repeating).jobs()
    assert [(job.status, job.reason) for job in jobs] == [
        (JobStatus.SUCCEEDED, None),
        (JobStatus.LOST, Reason.FATE_UNKNOWN),
    ]
    assert jobs[1].provider_job_id is None


def test_a_deployment_that_got_ready_while_no_collector_ran_is_ready_however_late(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> Desk:
        task = asyncio.create_task(drive_run(desk.ctx, desk.ask(warm=0)))
        await until(desk.clock, lambda: _states(desk) == {DeploymentState.PROVISIONING})
        await killed(task)
        await desk.clock.sleep(READY_LIMIT_S + 100)
        again = desk.restart()
        await drive_run(again.ctx, 1)
        return again

    assert [job.status for job in play(tmp_path, scenario).jobs()] == [JobStatus.SUCCEEDED]


def test_a_sent_job_is_looked_for_again_after_its_deadline_while_the_provider_is_away(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> Job:
        desk.backend.plan("submit", FateUnknown("lost"), took_effect=True)
        desk.backend.plan("poll", *[Unavailable("away")] * 1000)
        task = asyncio.create_task(drive_run(desk.ctx, desk.ask(warm=0)))
        await until(desk.clock, lambda: desk.backend.count("poll") > 0)
        await killed(task)
        await desk.clock.sleep(3600)
        desk.backend._errors.clear()
        desk.backend.plan("poll", *[Unavailable("away")] * 3)
        again = desk.restart()
        await drive_run(again.ctx, 1)
        return again.jobs()[0]

    job = play(tmp_path, scenario, lambda clock: FakeBackend(clock, features=RENTED))
    assert job.status is JobStatus.SUCCEEDED


def _states(desk: Desk) -> set[DeploymentState]:
    return {row.state for row in desk.rows(Deployment)}


@pytest.mark.parametrize(("worked", "told"), [(True, "Some bills are not final yet"), (False, "All bills are final")])
def test_only_capacity_that_worked_is_waited_for_until_it_is_billed(tmp_path: Path, worked: bool, told: str) -> None:
    async def scenario(desk: Desk) -> list[str]:
        if not worked:
            desk.backend.plan("submit", *[Unavailable("away")] * 9)
        await drive_run(desk.ctx, desk.ask(warm=0))
        await settle(desk.ctx)
        return desk.told(SETTLED)

    found = play(tmp_path, scenario, lambda clock: FakeBackend(clock, features=BILLED))
    assert [text[: len(told)] for text in found] == [told]


BILLED = frozenset({Feature.SCALES_TO_ZERO, Feature.DEPLOYS, Feature.BILLED})
