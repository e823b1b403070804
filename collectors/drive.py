"""The life of one job, from durable intent to its final row; entered at whatever step the row says.

1. The intent (submitting, key, intended instant) is committed before the paid call. 2. No transaction is open across
a network call. 3. Every write asks for our lease token. 4. Every step may run twice. 5. A job whose submission nobody
answered is looked up where the provider can, else it is lost: a missing sample beats a doubled bill.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam
from sqlmodel import Session, select

from backends.base import Backend, DeploymentRef, JobRef, JobSpec, Observation
from backends.errors import BackendError, FateUnknown, NotFound, UnexpectedReply
from collectors import budget, decide, deployments, results
from collectors.context import Context, log
from collectors.looks import COARSE_S, FINE_S, LONG_POLL_S, Expected, next_look_s
from collectors.unread import Unread
from storage.db import StorageError
from storage.models import Deployment, Event, Job
from storage.writer import guarded_update
from words import STATUS_OF, Feature, JobStatus, Reason, called

AHEAD_S = 0.5  # world seconds between the commit of an intent and its intended instant
STOP_S, AWAY_S = 10.0, 600.0  # world seconds in which a provider that is away may answer: at a stop, otherwise
_ANSWERED_BEFORE = (
    select(Job.id)
    .where(Job.deployment_id == bindparam("lane"), Job.provider_job_id == bindparam("answered"))
    .where(Job.id != bindparam("job"))
    .limit(1)
)
_TAKEN_AWAY = (Reason.WORKER_LOST, Reason.VANISHED)  # what a job says whose deployment was destroyed


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A job, where it runs and what it sends."""

    job: Job
    deployment: Deployment
    ref: DeploymentRef
    backend: Backend
    graph: Mapping[str, Any]
    timeout_s: float
    intended_at: datetime | None = None  # as its profile says; None: as soon as its intent is durable
    expected: Expected = field(default_factory=Expected)  # of the jobs before it on this lane
    looking: Callable[[], int] = lambda: 1  # jobs of this deployment that are being looked at
    unread: Unread = field(default_factory=Unread)


async def drive(ctx: Context, sample: Sample) -> None:
    """Bring the job to a final status. The one place with a broad catch: one job never ends the others.

    Raises StorageError where nothing can be written: the row says where to go on.
    """
    try:
        await _live(ctx, sample)
    except (asyncio.CancelledError, StorageError):
        raise
    except Exception as error:
        log.exception("job %s failed in our own code", sample.job.key)
        await _end_without_result(ctx, sample, Reason.OUR_FAULT, f"{type(error).__name__} in the collector")
    finally:
        ctx.looked.pop(sample.job.id, None)


async def _live(ctx: Context, sample: Sample) -> None:
    status = sample.job.status
    if status is JobStatus.QUEUED:
        if not await _claim(ctx, sample):
            return
        ref = await _submit(ctx, sample)
    elif status is JobStatus.SUBMITTING:
        ref = await _recover(ctx, sample)
    else:
        ref = JobRef(deployment=sample.ref, id=sample.job.provider_job_id or "")
    if ref is not None:
        await _follow(ctx, sample, ref)


async def _claim(ctx: Context, sample: Sample) -> bool:
    """Commit the intent; False if the run must not pay for another job."""
    soon = ctx.clock.now() + timedelta(seconds=AHEAD_S)
    intended_at = sample.intended_at or soon
    if sample.job.run_id in ctx.stopping:
        await _end_without_result(ctx, sample, Reason.STOPPED, None)
        return False
    if refusal := await budget.refusal(ctx, sample.job.run_id, budget.a_job(ctx, sample.deployment)):
        await _end_without_result(ctx, sample, Reason.BUDGET_REACHED, refusal)
        return False
    deadline_at = max(intended_at, soon) + timedelta(seconds=sample.timeout_s)
    values = {"status": JobStatus.SUBMITTING, "intended_at": intended_at, "deadline_at": deadline_at}
    if not await _write(ctx, sample, values):
        return False
    sample.job.intended_at, sample.job.deadline_at = intended_at, deadline_at
    await ctx.clock.sleep_until(intended_at)
    return True


async def _submit(ctx: Context, sample: Sample) -> JobRef | None:
    sent_at = ctx.clock.now()
    spec = JobSpec(graph=sample.graph, timeout_s=sample.timeout_s)
    try:
        ref = await sample.backend.submit(sample.ref, spec, sample.job.key)
    except (FateUnknown, UnexpectedReply) as error:
        log.warning("job %s was sent and its answer is missing: %s", sample.job.key, error)
        return await _recover(ctx, sample)
    except BackendError as error:
        await _end_without_result(ctx, sample, decide.reason_of_submit(error), str(error))
        return None
    if not await _accepted(ctx, sample, ref, sent_at):
        log.warning("job %s was answered with the id of an earlier job", sample.job.key)
        return await _recover(ctx, sample)
    return ref


async def _recover(ctx: Context, sample: Sample) -> JobRef | None:
    """The intent is durable and no answer is: find the job by its key, or give the sample up."""
    ref = JobRef(deployment=sample.ref, id=sample.job.key)
    if Feature.FINDS_JOBS in sample.backend.features and await _found(ctx, sample, ref):
        await _accepted(ctx, sample, ref, None)
        return ref
    await _end_without_result(ctx, sample, Reason.FATE_UNKNOWN, "Sent, and no answer ever came.")
    return None


async def _found(ctx: Context, sample: Sample, ref: JobRef) -> bool:
    """Does the provider know the job? Only its own "no" counts as one; a provider that is away is asked again."""
    give_up_at = ctx.clock.now() + timedelta(seconds=AWAY_S)
    while True:
        try:
            seen = await sample.backend.poll(ref)
        except NotFound:
            return False
        except BackendError as error:
            log.info("looking for job %s failed: %s", sample.job.key, error)
            if _overdue(ctx, sample.job) and ctx.clock.now() >= give_up_at:
                return False
            await ctx.clock.sleep(COARSE_S)
        else:
            return seen.status is not JobStatus.LOST


async def _accepted(ctx: Context, sample: Sample, ref: JobRef, sent_at: datetime | None) -> bool:
    """Write it down; False if the id is another job's: an earlier answer came again, and nobody knows of ours."""
    job, token = sample.job, ctx.lease_token
    accepted_at = ctx.clock.now() if sent_at else None
    values = {
        "status": JobStatus.SUBMITTED,
        "provider_job_id": ref.id,
        "sent_at": sent_at,
        "accepted_at": accepted_at,
    }
    same = {"lane": job.deployment_id, "answered": ref.id, "job": job.id}

    def write(session: Session) -> bool:
        if session.exec(_ANSWERED_BEFORE, params=same).first() is not None:
            return False
        guarded_update(session, Job, job.id, token, values)
        return True

    if not await ctx.writer.run(write):
        return False
    job.sent_at, job.accepted_at, job.provider_job_id = sent_at, accepted_at, ref.id
    return True


async def _follow(ctx: Context, sample: Sample, ref: JobRef) -> None:
    """Look until the end, the deadline or a stop. A failed look is no failed job.

    Overdue or stopped is decided after a look: a result that came while no collector ran was paid for and is taken.
    """
    job = sample.job
    picked_up_at = job.accepted_at if job.status is JobStatus.RUNNING else None
    while True:
        asked_at = ctx.clock.now()
        ending = _to_end(ctx, sample, picked_up_at)
        seen = await _look(ctx, sample, ref, 0.0 if ending else _hold_s(sample, asked_at))
        ending = _to_end(ctx, sample, picked_up_at)
        if seen is not None and _came(ctx, sample, seen):
            await results.finish(ctx, job, seen, finished_at=ctx.clock.now(), asked_size=_size(sample.graph))
            return
        if ending or _overdue(ctx, job):
            break
        if seen is not None:
            job.last_unfinished_at = ctx.looked[job.id] = asked_at
        if seen is not None and seen.status is JobStatus.RUNNING and picked_up_at is None:
            picked_up_at = _picked_up_at(job, seen, asked_at)
            running = {"status": JobStatus.RUNNING, "worker_id": seen.worker_id, "last_unfinished_at": asked_at}
            await _write(ctx, sample, running)
        await ctx.clock.sleep(_gap_s(ctx, sample, asked_at, seen, picked_up_at or job.accepted_at))
    await _cancel(ctx, sample, ref, picked_up=picked_up_at is not None, ending=ending)


def _came(ctx: Context, sample: Sample, seen: Observation) -> bool:
    """Has it ended, and not because a stop of ours took its deployment away?"""
    what = (sample.backend.name, sample.ref.id)
    stopped = sample.job.run_id in ctx.stopping and seen.reason in _TAKEN_AWAY  # perhaps by an earlier process
    torn = stopped or what in ctx.gone or ctx.ending[what].locked()
    return seen.status.final and (seen.status is JobStatus.SUCCEEDED or not torn)


def _to_end(ctx: Context, sample: Sample, picked_up_at: datetime | None) -> Reason | None:
    """Why it is to end now: its run was asked to stop, its lane carries no more, or its money is spent.

    Once a run's money is spent, jobs that a worker has taken come home; those in a queue would cost as much again.
    """
    job, limit_s = sample.job, budget.job_limit_s(ctx, sample.deployment)
    if job.run_id in ctx.stopping:
        return Reason.STOPPED
    if job.deployment_id in ctx.saturated:
        return Reason.SATURATED
    if picked_up_at is None:
        return Reason.BUDGET_REACHED if job.run_id in ctx.book.overdrawn else None
    beyond = limit_s is not None and ctx.clock.now() >= picked_up_at + timedelta(seconds=limit_s)
    return Reason.BUDGET_REACHED if beyond else None


def _picked_up_at(job: Job, seen: Observation, asked_at: datetime) -> datetime:
    """When a worker took the job: as the provider says, else when that was first seen."""
    if seen.times.queue_s is None or job.accepted_at is None:
        return asked_at
    return job.accepted_at + timedelta(seconds=seen.times.queue_s)


def _overdue(ctx: Context, job: Job) -> bool:
    return job.deadline_at is not None and ctx.clock.now() >= job.deadline_at


def _hold_s(sample: Sample, now: datetime) -> float:
    """World seconds that a look may hold, never beyond the deadline."""
    if Feature.LONG_POLL not in sample.backend.features:
        return 0.0
    left_s = (sample.job.deadline_at - now).total_seconds() if sample.job.deadline_at else LONG_POLL_S
    return min(LONG_POLL_S, max(0.0, left_s))


def _gap_s(
    ctx: Context, sample: Sample, asked_at: datetime, seen: Observation | None, began_at: datetime | None
) -> float:
    """World seconds until the next look. A look that held needs no gap; one that came back at once does."""
    if seen is None:
        return COARSE_S
    took_s = (ctx.clock.now() - asked_at).total_seconds()
    if Feature.LONG_POLL in sample.backend.features:
        return max(0.0, FINE_S - took_s)
    end_at = sample.expected.end_of(began_at)
    gap_s = next_look_s(
        (asked_at - (sample.job.accepted_at or asked_at)).total_seconds(),
        None if end_at is None else (end_at - asked_at).total_seconds(),
        spread_s=sample.expected.spread_s,
        looking=sample.looking(),
    )
    return max(0.0, gap_s - took_s)


async def _look(ctx: Context, sample: Sample, ref: JobRef, wait_s: float) -> Observation | None:
    """One look; None if it could not be had this time. A job that cannot be read for long is ended as failed."""
    try:
        seen = await sample.backend.poll(ref, wait_s)
        sample.unread.read()
        return seen
    except NotFound as error:
        return Observation(status=JobStatus.LOST, reason=Reason.VANISHED, error=str(error))
    except UnexpectedReply as error:
        log.warning("unreadable reply while polling %s: %s", ref.id, error)
        if over := sample.unread.given_up(error, ctx.clock.now()):
            with suppress(BackendError):
                await sample.backend.cancel(ref)
            return over
    except BackendError as error:
        log.info("poll of %s failed: %s", ref.id, error)
    return None


async def _cancel(ctx: Context, sample: Sample, ref: JobRef, *, picked_up: bool, ending: Reason | None) -> None:
    seen = None if picked_up or ending else await deployments.look(ctx, sample.deployment)
    reason = ending or decide.reason_of_deadline(picked_up=picked_up, seen=seen, in_flight=sample.looking())
    try:
        await sample.backend.cancel(ref)
    except BackendError as error:
        log.warning("cancel of %s failed: %s", ref.id, error)
    if (last := await _last_look(ctx, sample, ref)) is not None:
        await results.finish(ctx, sample.job, last, finished_at=ctx.clock.now(), asked_size=_size(sample.graph))
        return
    await _end_without_result(ctx, sample, reason, decide.evidence_of_deadline(seen))


async def _last_look(ctx: Context, sample: Sample, ref: JobRef) -> Observation | None:
    """What came before our cancel was paid for and is taken; None if nothing did, or nobody answers for so long.

    Only a person's stop is in a hurry: a run whose money is spent has paid for what came.
    """
    since = ctx.clock.now()
    while (seen := await _look(ctx, sample, ref, 0.0)) is None:
        patience_s = STOP_S if sample.job.run_id in ctx.stopping else AWAY_S
        if ctx.clock.now() >= since + timedelta(seconds=patience_s):
            break
        await ctx.clock.sleep(COARSE_S)
    if seen is None or seen.status in (JobStatus.CANCELLED, JobStatus.LOST):
        return None
    return seen if _came(ctx, sample, seen) else None


async def _end_without_result(ctx: Context, sample: Sample, reason: Reason, error: str | None) -> None:
    """The final row and its event in one transaction: whoever dies right after it has told when it was given up."""
    job, token, at = sample.job, ctx.lease_token, ctx.clock.now()
    text = f"Job {job.id} on {called(sample.backend.name)} ended as {STATUS_OF[reason].value}: {reason.value}."
    values = {
        "status": STATUS_OF[reason],
        "reason": reason.value,
        "error": error,
        "last_unfinished_at": sample.job.last_unfinished_at,
    }

    def write(session: Session) -> None:
        if guarded_update(session, Job, job.id, token, values):
            ids = {"run_id": job.run_id, "deployment_id": sample.deployment.id, "job_id": job.id}
            session.add(Event(at=at, kind="job", text=text, **ids))

    await ctx.writer.run(write)


async def _write(ctx: Context, sample: Sample, values: Mapping[str, Any]) -> bool:
    job_id, token = sample.job.id, ctx.lease_token
    return await ctx.writer.run(lambda session: guarded_update(session, Job, job_id, token, values))


def _size(graph: Mapping[str, Any]) -> tuple[int, int] | None:
    """Width and height that the graph's latent asks for."""
    for node in graph.values():
        inputs = node["inputs"]
        if node["class_type"].startswith("Empty") and "width" in inputs:
            return int(inputs["width"]), int(inputs["height"])
    return None
