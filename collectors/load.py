"""How the jobs of a lane are sent, as their load profile says.

Closed loop: the jobs of a slot follow each other, each after its gap. Open loop: each goes out at its instant, whether
or not answers come; one that is overdue goes out late and is never dropped, and its latency counts from when it was
meant to start.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy import bindparam
from sqlmodel import Session, col, func, select

from analysis.cold import WRONG_START
from analysis.saturation import Load, saturated
from collectors import deployments
from collectors.context import Context, Drained, to_the_end
from collectors.drive import AHEAD_S, Sample, drive
from collectors.looks import Expected
from storage.models import Deployment, Job, Prompt, Run, Workflow
from storage.plans import drawn_again
from storage.queries import one
from words import DeploymentState, JobStatus
from workflows import Workflow as WorkflowFile
from workflows import load

STOP_LOOK_S = 5.0  # world seconds after which a lane that waits notices that its run is to stop
CLAIM_AHEAD_S = 2.0  # world seconds between the claim of an open-loop job and its instant: the commit is not in its way
TIMEOUT_S = 600.0  # world seconds that a job may take
_BY_LANE = select(Job).where(Job.deployment_id == bindparam("lane")).order_by(col(Job.position))  # for each job
_TOLD: Sequence[Any] = (Job.id, Job.slot, Job.offset_us, Job.status, Job.left_out, Job.redraw_of)
_COURSE = (  # of a lane's jobs, all that says which comes next: whole rows would take four times as long
    sa.select(*_TOLD).where(col(Job.deployment_id) == bindparam("lane")).order_by(col(Job.position))
)
_TEXTS = (
    select(col(Prompt.id), col(Prompt.text))
    .join(Job, col(Job.prompt_id) == Prompt.id)
    .where(Job.deployment_id == bindparam("lane"))
)
REDRAWS = 0.5  # of the jobs planned on a lane, at most, are drawn again


@dataclass(kw_only=True)
class _Lane:
    """What the jobs of a lane share while this process drives them."""

    ctx: Context
    row: Deployment
    load_from: datetime
    run: Run
    workflow: WorkflowFile
    expected: Expected = field(default_factory=Expected)
    loaded: list[Load] = field(default_factory=list)
    in_flight: int = 0
    last_end: datetime | None = None
    driven: set[int | None] = field(default_factory=set)  # ids; each is driven once by one process
    texts: dict[str, str] = field(default_factory=dict)  # of its prompts, by id

    @property
    def over(self) -> bool:
        """No further job is to be sent."""
        ended = self.row.state is not DeploymentState.READY
        run_id, ctx = self.row.run_id, self.ctx
        return ended or run_id in ctx.stopping or run_id in ctx.book.refused or self.row.id in ctx.saturated


async def run_load(ctx: Context, row: Deployment) -> Deployment:
    """Every open job of the lane; ends early when the run is to stop or the capacity has died. Raises Drained."""
    load_from, (run, workflow) = await _begin(ctx, row), await ctx.load(partial(_sent, row))
    lane = _Lane(ctx=ctx, row=row, load_from=load_from, run=run, workflow=workflow)
    jobs = await _open_jobs(ctx, row)
    arrivals = [job for job in jobs if job.offset_us is not None]
    slots = sorted({job.slot for job in jobs if job.offset_us is None} | (set() if arrivals else {0}))
    await to_the_end(_arrivals(lane, arrivals), *(_slot(lane, slot) for slot in slots))
    if ctx.draining and await _open_jobs(ctx, row):
        raise Drained
    return lane.row


async def _begin(ctx: Context, row: Deployment) -> datetime:
    """The instant from which the profile counts; it stays what it was when an earlier process began."""
    now = ctx.clock.now() + timedelta(seconds=CLAIM_AHEAD_S)

    def write(session: Session) -> datetime:
        fresh = one(session, Deployment, row.id)
        fresh.load_from = fresh.load_from or now
        session.add(fresh)
        return fresh.load_from

    return await ctx.writer.run(write)


# ---------------------------------------------------------------- open loop


async def _arrivals(lane: _Lane, jobs: Sequence[Job]) -> None:
    """Each at its instant. Those that were sent by an earlier process are followed at once."""
    try:
        async with asyncio.TaskGroup() as group:
            for job in jobs:
                if job.status is not JobStatus.QUEUED:
                    group.create_task(_one(lane, job, None))
            for job in sorted((each for each in jobs if each.status is JobStatus.QUEUED), key=_offset):
                at = lane.load_from + _offset(job)
                await _wait(lane, at - timedelta(seconds=CLAIM_AHEAD_S))
                if lane.over or lane.ctx.draining:
                    return
                group.create_task(_one(lane, job, at))
    except ExceptionGroup as failed:  # what it is decides what becomes of the lane
        raise failed.exceptions[0] from failed


def _offset(job: Job) -> timedelta:
    return timedelta(microseconds=job.offset_us or 0)


# ---------------------------------------------------------------- closed loop


async def _slot(lane: _Lane, slot: int) -> None:
    """One after the other; a sample whose start was not what its series asks for is drawn again at the end."""
    ctx = lane.ctx
    while (job := await ctx.load(partial(_next, lane, slot))) is not None:
        due = None
        if job.status is JobStatus.QUEUED:
            due = await _due(lane, job)
            await _wait(lane, due - timedelta(seconds=AHEAD_S))
            if ctx.draining or lane.over:
                return
        await _one(lane, job, due)


def _next(lane: _Lane, slot: int, session: Session) -> Job | None:
    """The first open job of the slot, after adding those that are to be drawn again."""
    jobs: list[Any] = list(session.connection().execute(_COURSE, {"lane": lane.row.id}))
    for job in _to_redraw(jobs):
        again = drawn_again(session, session.get_one(Job, job.id), len(jobs))
        again.lease_token = lane.ctx.lease_token
        session.add(again)
        session.flush()
        jobs.append(again)
    left = [job.id for job in jobs if job.slot == slot and job.offset_us is None and not job.status.final]
    found = next((id for id in left if id not in lane.driven), None)
    return session.get_one(Job, found) if found is not None else None


def _to_redraw(jobs: Sequence[Any]) -> list[Any]:
    """Those that met the wrong start and have no successor yet, as far as the lane's allowance goes."""
    replaced = {job.redraw_of for job in jobs if job.redraw_of is not None}
    allowed = max(1, int(REDRAWS * (len(jobs) - len(replaced)))) - len(replaced)
    wrong = [job for job in jobs if job.left_out in WRONG_START and job.id not in replaced]
    return wrong[: max(0, allowed)]


async def _due(lane: _Lane, job: Job) -> datetime:
    """When the job is meant to start: its gap after the last end on this lane; without a gap, as soon as it can."""
    soon = lane.ctx.clock.now() + timedelta(seconds=AHEAD_S)
    if not job.gap_us:
        return soon
    last = await lane.ctx.load(
        lambda session: session.exec(
            select(func.max(Job.first_finished_at)).where(Job.deployment_id == job.deployment_id)
        ).one()
    )
    ends = [end for end in (last, lane.last_end) if end is not None]
    return max(soon, max(ends) + timedelta(microseconds=job.gap_us)) if ends else soon


# ---------------------------------------------------------------- one job


async def _wait(lane: _Lane, until: datetime) -> None:
    """World time until `until`, or until nothing more is to be sent."""
    ctx = lane.ctx
    while ctx.clock.now() < until and not (ctx.draining or lane.over):
        await ctx.clock.sleep_until(min(until, ctx.clock.now() + timedelta(seconds=STOP_LOOK_S)))


async def _one(lane: _Lane, job: Job, intended_at: datetime | None) -> None:
    ctx = lane.ctx
    lane.in_flight += 1
    lane.driven.add(job.id)
    try:
        if job.prompt_id not in lane.texts:
            lane.texts = await ctx.load(partial(_texts, lane.row))
        await drive(ctx, _sample(lane, job, intended_at))
    finally:
        lane.in_flight -= 1
    lane.last_end = ctx.clock.now()
    ended = await ctx.load(lambda session: one(session, Job, job.id))
    lane.expected.learn(ended)
    if job.offset_us is not None:
        await _watch(lane, ended)
    if ended.status is not JobStatus.SUCCEEDED and not lane.over:
        lane.row = await deployments.check(ctx, lane.row)


async def _watch(lane: _Lane, ended: Job) -> None:
    """Stop the lane once more comes in than it can carry: from there on every dollar buys a longer queue."""
    if ended.intended_at is None or ended.first_finished_at is None:
        return
    latency_s = (ended.first_finished_at - ended.intended_at).total_seconds()
    lane.loaded.append(Load(latency_s=latency_s, in_flight=lane.in_flight))
    if lane.row.id in lane.ctx.saturated or not saturated(lane.loaded):
        return
    lane.ctx.saturated.add(lane.row.id or 0)
    lane.row.reason = f"More jobs came in than it could carry: {lane.in_flight} in flight, {latency_s:.0f} s latency."
    await lane.ctx.tell("deployment", f"{lane.row.key} was stopped. {lane.row.reason}", run_id=lane.row.run_id)


def _sent(row: Deployment, session: Session) -> tuple[Run, WorkflowFile]:
    """What all jobs of the lane have in common."""
    run = one(session, Run, row.run_id)
    return run, load(one(session, Workflow, run.workflow_hash).name)


def _texts(row: Deployment, session: Session) -> dict[str, str]:
    """The prompts of all jobs of the lane, read once: a job on its way out waits for no table."""
    return dict(session.exec(_TEXTS, params={"lane": row.id}).all())


def _sample(lane: _Lane, job: Job, intended_at: datetime | None) -> Sample:
    values = {**lane.run.params, "prompt": lane.texts[job.prompt_id], "seed": job.seed}
    return Sample(
        job=job,
        deployment=lane.row,
        ref=deployments.ref_of(lane.row),
        backend=lane.ctx.backends[lane.row.backend],
        graph=lane.workflow.render(values),
        timeout_s=TIMEOUT_S,
        intended_at=intended_at,
        expected=lane.expected,
        looking=lambda: lane.in_flight,
    )


async def _open_jobs(ctx: Context, row: Deployment) -> list[Job]:
    rows = await ctx.load(lambda session: session.exec(_BY_LANE, params={"lane": row.id}).all())
    return [job for job in rows if not job.status.final]
