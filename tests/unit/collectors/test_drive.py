"""The life of one job: intent before payment, every end, every lost answer, every restart."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from backends.base import Deployment, DeploymentRef, Observation
from backends.errors import (
    AuthFailed,
    BackendError,
    FateUnknown,
    InvalidRequest,
    NoCapacity,
    NotFound,
    RateLimited,
    Unavailable,
    UnexpectedReply,
)
from collectors.drive import AHEAD_S
from collectors.load import TIMEOUT_S
from collectors.looks import COARSE_S, FINE_S, LONG_POLL_S
from collectors.runs import drive_run
from collectors.spending import Ceilings, Limit
from storage.models import Image, Job
from storage.models import Observation as ObservationRow
from tests.unit.collectors.fakes import (
    RENTED,
    SERVERLESS,
    Desk,
    FakeBackend,
    FakeJob,
    killed,
    picture,
    play,
    until,
)
from words import STATUS_OF, Feature, JobStatus, Reason, RunStatus, StartKind, WorkerState

LONG = SERVERLESS | {Feature.LONG_POLL}


def with_features(features: frozenset[Feature], **more: Any):  # type: ignore[no-untyped-def]
    return lambda clock: FakeBackend(clock, features=features, **more)


async def one_job(desk: Desk, **more: Any) -> Job:
    """A run of one cold job, to its end."""
    await drive_run(desk.ctx, desk.ask(warm=0, cold=1, **more))
    (job,) = desk.jobs()
    return job


# ---------------------------------------------------------------- the good way


def test_a_good_job_keeps_instants_durations_reply_and_picture(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> tuple[Job, Any, Any, bytes]:
        job = await one_job(desk)
        (image,), (seen,) = desk.rows(Image), desk.rows(ObservationRow)
        return job, image, seen, desk.ctx.blobs.get(image.sha256)

    job, image, seen, kept = play(tmp_path, scenario)
    assert (job.status, job.reason, job.error) == (JobStatus.SUCCEEDED, None, None)
    assert job.sent_at == job.intended_at
    assert job.accepted_at is not None
    assert (job.queue_us, job.execution_us, job.boot_us) == (2_000_000, 8_000_000, None)
    assert job.last_unfinished_at < job.accepted_at + timedelta(seconds=10) <= job.first_finished_at
    assert job.first_finished_at - job.last_unfinished_at <= timedelta(seconds=COARSE_S)
    assert job.deadline_at == job.intended_at + timedelta(seconds=TIMEOUT_S)
    assert (job.worker_id, job.evidence["worker_id"]) == ("w1", "w1")
    assert (seen.status, seen.raw["status"]) == (JobStatus.SUCCEEDED, "COMPLETED")
    assert (kept, image.good, image.defect, image.width) == (picture(0), True, None, 256)


def test_the_intent_is_durable_before_the_paid_call_and_the_call_comes_on_time(tmp_path: Path) -> None:
    intents: list[tuple[JobStatus, float]] = []

    class Watching(FakeBackend):
        async def submit(self, ref, job, key):  # type: ignore[no-untyped-def]
            (row,) = desks[0].jobs()
            intents.append((row.status, (self.clock.now() - row.intended_at).total_seconds()))
            return await super().submit(ref, job, key)

    desks: list[Desk] = []

    async def scenario(desk: Desk) -> None:
        desks.append(desk)
        await one_job(desk)

    play(tmp_path, scenario, Watching)
    assert intents == [(JobStatus.SUBMITTING, 0.0)]
    assert AHEAD_S > 0


def test_a_held_look_needs_few_calls_and_brackets_the_end_exactly(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> tuple[Job, int]:
        return await one_job(desk), desk.backend.count("poll")

    job, polls = play(tmp_path, scenario, with_features(LONG))
    assert job.status is JobStatus.SUCCEEDED
    assert polls <= 3
    assert job.first_finished_at == job.accepted_at + timedelta(seconds=10)


def test_a_provider_that_says_it_can_hold_and_does_not_is_not_asked_in_a_frenzy(tmp_path: Path) -> None:
    class Hasty(FakeBackend):
        async def poll(self, ref, wait_s=0):  # type: ignore[no-untyped-def]
            return await super().poll(ref, wait_s * 0)

    async def scenario(desk: Desk) -> tuple[Job, int]:
        return await one_job(desk), desk.backend.count("poll")

    job, polls = play(tmp_path, scenario, lambda clock: Hasty(clock, features=LONG))
    assert job.status is JobStatus.SUCCEEDED
    assert polls <= 10 / FINE_S + 2


def test_nothing_is_written_per_look(tmp_path: Path) -> None:
    commits: list[str] = []

    async def scenario(desk: Desk) -> int:
        desk.ctx.writer._on_commit = commits.append
        await one_job(desk)
        return desk.backend.count("poll")

    short = play(tmp_path / "short", scenario), len(commits)
    commits.clear()
    long = play(tmp_path / "long", scenario, lambda clock: FakeBackend(clock, run_s=300)), len(commits)
    assert long[0] > short[0] + 50
    assert long[1] == short[1]


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("error", "reason", "status"),
    [
        (InvalidRequest("node 3 has no input"), Reason.INVALID_REQUEST, JobStatus.FAILED),
        (AuthFailed("no such key"), Reason.AUTH_REFUSED, JobStatus.FAILED),
        (NoCapacity("full"), Reason.NO_CAPACITY, JobStatus.FAILED),
        (RateLimited("slow down"), Reason.UNREACHABLE, JobStatus.FAILED),
        (Unavailable("away"), Reason.UNREACHABLE, JobStatus.FAILED),
    ],
)
def test_a_refused_submission_ends_the_job_with_its_reason_and_is_not_tried_again(
    tmp_path: Path, error: BackendError, reason: Reason, status: JobStatus
) -> None:
    async def scenario(desk: Desk) -> tuple[Job, int, RunStatus]:
        desk.backend.plan("submit", error)
        return await one_job(desk), desk.backend.count("submit"), desk.run().status

    job, submits, run_status = play(tmp_path, scenario)
    assert (job.status, job.reason, job.error) == (status, reason, str(error))
    assert job.accepted_at is job.provider_job_id is None
    assert submits == 1
    assert run_status is RunStatus.DONE


def test_a_failed_job_keeps_the_providers_words_and_reply(tmp_path: Path) -> None:
    def outcome(_job: FakeJob) -> Observation:
        return Observation(
            status=JobStatus.FAILED, reason=Reason.OUT_OF_MEMORY, error="CUDA out of memory", raw={"status": "FAILED"}
        )

    async def scenario(desk: Desk) -> tuple[Job, Any, list[str]]:
        return await one_job(desk), desk.rows(ObservationRow)[0].raw, desk.told("job")

    job, raw, told = play(tmp_path, scenario, lambda clock: FakeBackend(clock, outcome=outcome))
    assert (job.status, job.reason, job.error) == (JobStatus.FAILED, Reason.OUT_OF_MEMORY, "CUDA out of memory")
    assert raw == {"status": "FAILED"}
    assert told == [f"Job {job.id} ended as failed: out_of_memory."]


@pytest.mark.parametrize(
    ("images", "reason"),
    [
        ([], Reason.RESULT_MISSING),
        ([b"no image at all"], Reason.IMAGE_BROKEN),
        ([picture(1)[:200]], Reason.IMAGE_BROKEN),
    ],
)
def test_a_success_without_a_whole_picture_is_none(tmp_path: Path, images: list[bytes], reason: Reason) -> None:
    async def scenario(desk: Desk) -> Job:
        return await one_job(desk)

    job = play(
        tmp_path,
        scenario,
        lambda clock: FakeBackend(
            clock, outcome=lambda _job: Observation(status=JobStatus.SUCCEEDED, images=images, worker_id="w")
        ),
    )
    assert (job.status, job.reason) == (JobStatus.FAILED, reason)


def test_the_same_pixels_for_another_seed_are_a_duplicate(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> list[str | None]:
        await drive_run(desk.ctx, desk.ask(warm=2))
        return [image.defect for image in desk.rows(Image)]

    same = Observation(status=JobStatus.SUCCEEDED, images=[picture(7)], worker_id="w")
    assert play(tmp_path, scenario, lambda clock: FakeBackend(clock, outcome=lambda _job: same)) == [
        None,
        "duplicate",
        "duplicate",
    ]


def test_a_picture_of_another_size_than_asked_is_broken(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> Job:
        return await one_job(desk, params={"width": 512, "height": 512})

    job = play(tmp_path, scenario)
    assert (job.reason, job.error) == (Reason.IMAGE_BROKEN, "The image is wrong_size.")


def test_what_is_known_of_a_worker_from_its_earlier_jobs_is_evidence_for_the_next(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> list[Job]:
        await drive_run(desk.ctx, desk.ask(warm=1, cold=1, idle_timeout_s=60))
        return desk.jobs()

    first, second = play(tmp_path, scenario, lambda clock: FakeBackend(clock, name="vast", queue_s=0.5))
    assert [job.evidence["decided_by"]["earlier_job_ran"] for job in (first, second)] == [False, True]
    assert (first.start_kind, second.start_kind) == (StartKind.COLD, StartKind.WARM)


# ---------------------------------------------------------------- lost answers


@pytest.mark.parametrize("error", [FateUnknown("the connection broke"), UnexpectedReply("<html>")])
def test_a_lost_answer_is_a_lost_job_where_nothing_can_be_looked_up(tmp_path: Path, error: BackendError) -> None:
    async def scenario(desk: Desk) -> tuple[Job, int]:
        desk.backend.plan("submit", error, took_effect=True)
        return await one_job(desk), desk.backend.count("submit")

    job, submits = play(tmp_path, scenario)
    assert (job.status, job.reason, submits) == (JobStatus.LOST, Reason.FATE_UNKNOWN, 1)


@pytest.mark.parametrize("error", [FateUnknown("the connection broke"), UnexpectedReply("<html>")])
def test_a_lost_answer_is_looked_up_by_key_where_the_provider_can(tmp_path: Path, error: BackendError) -> None:
    async def scenario(desk: Desk) -> tuple[Job, int]:
        desk.backend.plan("submit", error, took_effect=True)
        return await one_job(desk), desk.backend.count("submit")

    job, submits = play(tmp_path, scenario, with_features(RENTED))
    assert (job.status, submits) == (JobStatus.SUCCEEDED, 1)
    assert job.provider_job_id == job.key
    assert job.sent_at is job.accepted_at is None  # nobody knows when


def test_a_job_that_never_arrived_is_lost_and_never_sent_again(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> tuple[Job, int]:
        desk.backend.plan("submit", FateUnknown("the connection broke"))
        return await one_job(desk), desk.backend.count("submit")

    job, submits = play(tmp_path, scenario, with_features(RENTED))
    assert (job.status, job.reason, submits) == (JobStatus.LOST, Reason.FATE_UNKNOWN, 1)


def test_a_provider_that_is_away_while_a_job_is_looked_up_is_asked_again(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> Job:
        desk.backend.plan("submit", FateUnknown("the connection broke"), took_effect=True)
        desk.backend.plan("poll", *[Unavailable("away"), RateLimited("slow"), UnexpectedReply("?")] * 10)
        return await one_job(desk)

    assert play(tmp_path, scenario, with_features(RENTED)).status is JobStatus.SUCCEEDED


def test_a_provider_that_stays_away_loses_the_job_at_its_deadline_and_not_before(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> tuple[Job, float]:
        desk.backend.plan("submit", FateUnknown("the connection broke"), took_effect=True)
        desk.backend.plan("poll", *[Unavailable("away")] * 1000)
        job = await one_job(desk)
        assert job.deadline_at is not None
        return job, (desk.clock.now() - job.deadline_at).total_seconds()

    job, late_s = play(tmp_path, scenario, with_features(RENTED))
    assert (job.status, job.reason) == (JobStatus.LOST, Reason.FATE_UNKNOWN)
    assert 0 <= late_s <= 2 * COARSE_S


# ---------------------------------------------------------------- while it runs


@pytest.mark.parametrize("features", [SERVERLESS, LONG])
def test_failed_looks_are_no_failed_job(tmp_path: Path, features: frozenset[Feature]) -> None:
    async def scenario(desk: Desk) -> Job:
        desk.backend.plan("poll", Unavailable("away"), RateLimited("slow"), UnexpectedReply("?"), AuthFailed("hm"))
        return await one_job(desk)

    assert play(tmp_path, scenario, with_features(features)).status is JobStatus.SUCCEEDED


def test_a_job_that_the_provider_no_longer_knows_has_vanished(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> Job:
        desk.backend.plan("poll", NotFound("no such job"))
        return await one_job(desk)

    job = play(tmp_path, scenario)
    assert (job.status, job.reason, job.error) == (JobStatus.LOST, Reason.VANISHED, "no such job")


@pytest.mark.parametrize(
    ("stuck", "reason"),
    [({"queue_s": 10_000}, Reason.STUCK_IN_QUEUE), ({"run_s": 10_000}, Reason.EXECUTION_TIMEOUT)],
)
@pytest.mark.parametrize("features", [SERVERLESS, LONG])
def test_past_its_deadline_a_job_is_cancelled_and_says_whether_it_ever_ran(
    tmp_path: Path, stuck: dict[str, float], reason: Reason, features: frozenset[Feature]
) -> None:
    async def scenario(desk: Desk) -> tuple[Job, bool, float]:
        job = await one_job(desk)
        (given,) = desk.backend.jobs.values()
        return job, given.cancelled, (desk.clock.now() - job.deadline_at).total_seconds()  # type: ignore[operator]

    job, cancelled, late_s = play(tmp_path, scenario, with_features(features, **stuck))
    assert (job.status, job.reason, cancelled) == (JobStatus.TIMED_OUT, reason, True)
    assert 0 <= late_s <= COARSE_S
    assert job.first_finished_at is None


@pytest.mark.parametrize(
    ("workers", "reason", "said"),
    [
        ({WorkerState.UNHEALTHY: 1}, Reason.CRASH_LOOP, "1 unhealthy"),
        ({WorkerState.THROTTLED: 1}, Reason.STUCK_IN_QUEUE, "1 throttled"),
        ({}, Reason.STUCK_IN_QUEUE, "none"),
        ({WorkerState.RUNNING: 1}, Reason.EXECUTION_TIMEOUT, "1 running"),
    ],
)
def test_a_job_that_nobody_took_is_told_apart_by_one_look_at_the_workers(
    tmp_path: Path, workers: Mapping[WorkerState, int], reason: Reason, said: str
) -> None:
    class Telling(FakeBackend):
        async def observe(self, ref: DeploymentRef) -> Deployment:
            return replace(await super().observe(ref), workers=workers)

    job = play(tmp_path, one_job, lambda clock: Telling(clock, queue_s=10_000))
    assert (job.status, job.reason) == (STATUS_OF[reason], reason)
    assert job.error == f"Workers at its deadline: {said}."


def test_a_cancel_that_fails_still_ends_the_job_here(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> Job:
        desk.backend.plan("cancel", Unavailable("away"))
        return await one_job(desk)

    assert play(tmp_path, scenario, with_features(SERVERLESS, run_s=10_000)).status is JobStatus.TIMED_OUT


@pytest.mark.parametrize("features", [SERVERLESS, LONG])
def test_a_stop_cancels_the_running_job_soon(tmp_path: Path, features: frozenset[Feature]) -> None:
    async def scenario(desk: Desk) -> tuple[Job, bool, float]:
        run_id = desk.ask(warm=0, cold=1)
        task = asyncio.create_task(drive_run(desk.ctx, run_id))
        await until(desk.clock, lambda: bool(desk.backend.jobs))
        asked_at = desk.clock.now()
        desk.ctx.stopping.add(run_id)
        await task
        (job,), (given,) = desk.jobs(), desk.backend.jobs.values()
        return job, given.cancelled, (desk.clock.now() - asked_at).total_seconds()

    job, cancelled, took_s = play(tmp_path, scenario, with_features(features, run_s=10_000))
    assert (job.status, job.reason, cancelled) == (JobStatus.CANCELLED, Reason.STOPPED, True)
    assert took_s <= LONG_POLL_S + 1


def test_a_fault_of_ours_ends_one_job_and_no_other(tmp_path: Path) -> None:
    class Faulty(FakeBackend):
        async def submit(self, ref, job, key):  # type: ignore[no-untyped-def]
            if key.endswith("-j1"):
                raise KeyError("a reply without an id")
            return await super().submit(ref, job, key)

    async def scenario(desk: Desk) -> list[tuple[JobStatus, str | None]]:
        await drive_run(desk.ctx, desk.ask(warm=2))
        return [(job.status, job.reason) for job in desk.jobs()]

    assert play(tmp_path, scenario, Faulty) == [
        (JobStatus.SUCCEEDED, None),
        (JobStatus.LOST, Reason.OUR_FAULT),
        (JobStatus.SUCCEEDED, None),
    ]


# ---------------------------------------------------------------- leases and restarts


def test_results_under_a_lease_that_somebody_took_are_dropped(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> tuple[Job, int, int]:
        run_id = desk.ask(warm=0, cold=1)
        task = asyncio.create_task(drive_run(desk.ctx, run_id))
        await until(desk.clock, lambda: bool(desk.backend.jobs))
        await desk.clock.sleep(3)
        (job,) = desk.jobs()
        desk.change(job, lease_token=99)
        await desk.clock.sleep(20)
        (job,) = desk.jobs()
        found = job, len(desk.rows(Image)), len(desk.rows(ObservationRow))
        await killed(task)
        return found

    job, images, replies = play(tmp_path, scenario)
    assert job.status is JobStatus.RUNNING
    assert (images, replies) == (0, 0)


def test_a_job_whose_lease_is_gone_is_not_even_sent(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> int:
        run_id = desk.ask(warm=0, cold=1)
        task = asyncio.create_task(drive_run(desk.ctx, run_id))
        await until(desk.clock, lambda: bool(desk.jobs()))
        desk.change(desk.jobs()[0], lease_token=99)
        await desk.clock.sleep(120)
        await killed(task)
        return desk.backend.count("submit")

    assert play(tmp_path, scenario) == 0


async def killed_when(desk: Desk, status: JobStatus, *, wait_s: float) -> Desk:
    """A collector that dies while its only job is in this state; the next one starts `wait_s` later."""
    task = asyncio.create_task(drive_run(desk.ctx, desk.ask(warm=0, cold=1)))
    await until(desk.clock, lambda: [job.status for job in desk.jobs()] == [status])
    await killed(task)
    await desk.clock.sleep(wait_s)
    return desk.restart()


@pytest.mark.parametrize("status", [JobStatus.QUEUED, JobStatus.SUBMITTED, JobStatus.RUNNING])
@pytest.mark.parametrize("wait_s", [0, 5, 60])
def test_a_killed_collectors_job_is_brought_to_its_end_and_paid_once(
    tmp_path: Path, status: JobStatus, wait_s: float
) -> None:
    async def scenario(desk: Desk) -> tuple[Job, int, int]:
        again = await killed_when(desk, status, wait_s=wait_s)
        await drive_run(again.ctx, 1)
        return again.jobs()[0], desk.backend.count("submit"), desk.backend.count("deploy")

    job, submits, deploys = play(tmp_path, scenario)
    assert (job.status, submits, deploys) == (JobStatus.SUCCEEDED, 1, 1)


@pytest.mark.parametrize(("features", "status"), [(SERVERLESS, JobStatus.LOST), (RENTED, JobStatus.SUCCEEDED)])
def test_a_job_killed_between_intent_and_answer_is_looked_up_or_lost(
    tmp_path: Path, features: frozenset[Feature], status: JobStatus
) -> None:
    async def scenario(desk: Desk) -> tuple[JobStatus, int]:
        task = asyncio.create_task(drive_run(desk.ctx, desk.ask(warm=0, cold=1)))
        await until(desk.clock, lambda: bool(desk.backend.jobs))
        await killed(task)
        desk.change(desk.jobs()[0], status=JobStatus.SUBMITTING, provider_job_id=None, accepted_at=None, sent_at=None)
        again = desk.restart()
        await drive_run(again.ctx, 1)
        return again.jobs()[0].status, desk.backend.count("submit")

    assert play(tmp_path, scenario, with_features(features)) == (status, 1)


def test_a_result_that_came_while_no_collector_ran_is_taken_though_its_deadline_has_passed(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> tuple[Job, bool]:
        again = await killed_when(desk, JobStatus.RUNNING, wait_s=TIMEOUT_S + 100)
        await drive_run(again.ctx, 1)
        (given,) = desk.backend.jobs.values()
        return again.jobs()[0], given.cancelled

    job, cancelled = play(tmp_path, scenario)
    assert (job.status, cancelled) == (JobStatus.SUCCEEDED, False)
    assert job.first_finished_at > job.deadline_at


def test_a_job_still_running_past_its_deadline_after_a_restart_is_looked_at_before_and_after_its_cancel(
    tmp_path: Path,
) -> None:
    async def scenario(desk: Desk) -> tuple[Job, int]:
        again = await killed_when(desk, JobStatus.RUNNING, wait_s=TIMEOUT_S + 100)
        before = desk.backend.count("poll")
        await drive_run(again.ctx, 1)
        return again.jobs()[0], desk.backend.count("poll") - before

    job, looks = play(tmp_path, scenario, with_features(LONG, run_s=10_000))
    assert (job.status, job.reason, looks) == (JobStatus.TIMED_OUT, Reason.EXECUTION_TIMEOUT, 2)


# ---------------------------------------------------------------- money


def test_a_reached_cap_pays_for_no_further_job_and_says_so(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> tuple[list[JobStatus], set[str | None], str | None, Any, str | None]:
        await drive_run(desk.ctx, desk.ask(warm=9, cap="0.035"))  # 70 s at $0.0005
        jobs, run = desk.jobs(), desk.run()
        refused = {job.reason for job in jobs if job.status is not JobStatus.SUCCEEDED}
        return [job.status for job in jobs], refused, jobs[-1].error, run.status, run.stop_reason

    statuses, refused, error, run_status, why = play(tmp_path, scenario)
    paid = statuses.count(JobStatus.SUCCEEDED)
    assert 0 < paid < 10
    assert statuses == [JobStatus.SUCCEEDED] * paid + [JobStatus.CANCELLED] * (10 - paid)
    assert refused == {Reason.BUDGET_REACHED}
    assert error is not None
    assert error.endswith("teardown included; the ceiling is $0.0350.")
    assert (run_status, why) == (RunStatus.STOPPED, error)


def test_the_cap_of_the_data_folder_holds_over_all_runs(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> tuple[list[str | None], list[str]]:
        desk.ctx.ceilings = Ceilings(installation=Limit(Decimal("0.04")))
        await drive_run(desk.ctx, desk.ask(warm=0))
        await drive_run(desk.ctx, desk.ask(warm=9))
        return desk.reasons(), [row.reason or "" for row in desk.deployments()]

    reasons, failed = play(tmp_path, scenario)
    assert reasons[0] is None
    assert set(reasons[1:]) == {Reason.BUDGET_REACHED}
    assert failed[1].startswith("With a deployment on alpha, all runs together may come to $0.0")
    assert failed[1].endswith("the ceiling is $0.0400 (BAKEOFF_SPEND_CAP_USD).")


def test_a_row_says_who_it_belongs_to_from_the_start(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> set[int | None]:
        desk.ctx.lease_token = 42
        await one_job(desk)
        read = select(Job.lease_token)
        return set(await desk.ctx.load(lambda session: session.exec(read).all()))

    assert play(tmp_path, scenario) == {42}
