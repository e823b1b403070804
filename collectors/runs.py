"""A run: its lanes side by side, then the proof that nothing is left."""

import asyncio
import random
from datetime import timedelta
from functools import partial
from typing import Any

from sqlmodel import Session, col, select

from backends.errors import BackendError
from collectors import budget, decide, deployments, orphans
from collectors.context import Context, Drained, log
from collectors.drive import Sample, drive
from storage.models import Deployment, Job, Prompt, Run, Workflow
from storage.plans import Lane, PlanError, lanes, lay_out, plan_of
from words import STATUS_OF, DeploymentState, Feature, JobStatus, LoadProfile, Reason, RunStatus
from workflows import WorkflowError, load

STOP_LOOK_S = 5.0  # world seconds after which a waiting lane notices that its run is to stop
PROOF_TRIES, PROOF_GAP_S = 5, 5.0  # a provider that is away for a moment must not cost the proof that nothing is left
SLACK_S = 600.0  # world seconds that a job may take beyond what its workflow is expected to


class RunRefused(Exception):
    """A run that cannot be started; one sentence with the cause."""


async def drive_run(ctx: Context, run_id: int) -> None:
    """Bring a run to its end, from whatever step its rows say; its own outermost catch."""
    try:
        await _start(ctx, run_id)
        await _lanes(ctx, run_id)
        await _finish(ctx, run_id)
    except (asyncio.CancelledError, Drained):
        raise
    except (RunRefused, PlanError, WorkflowError) as refusal:
        await ctx.tell("run", f"Run {run_id} cannot be started: {refusal}", run_id=run_id)
        await _set(ctx, run_id, status=RunStatus.FAILED, ended_at=ctx.clock.now(), stop_reason=str(refusal))
    except Exception as error:
        log.exception("run %s failed in our own code", run_id)
        await ctx.tell("run", f"Run {run_id} stopped on a fault of ours: {type(error).__name__}.", run_id=run_id)
        await _lanes_down(ctx, run_id)
        await _set(ctx, run_id, status=RunStatus.FAILED, ended_at=ctx.clock.now(), stop_reason="a fault of ours")


async def _start(ctx: Context, run_id: int) -> None:
    now = ctx.clock.now()

    def write(session: Session) -> bool:
        run = session.get_one(Run, run_id)
        if run.stop_reason:
            ctx.stopping.add(run_id)  # asked for before this process began
        if run.status is not RunStatus.QUEUED:
            return False
        lay_out(session, run, _planned(ctx, run), lease_token=ctx.lease_token)
        run.status, run.started_at = RunStatus.RUNNING, now
        session.add(run)
        return True

    if await ctx.writer.run(write):
        await ctx.tell("run", f"Run {run_id} starts.", run_id=run_id)


def _planned(ctx: Context, run: Run) -> list[Lane]:
    plan = plan_of(run)
    planned: list[Lane] = []
    for name in plan.backends:
        if name not in ctx.backends:
            raise RunRefused(_keyless(name))
        fresh = Feature.FRESH_HOST_IS_COLD in ctx.backends[name].features
        planned += lanes(plan, name, fresh_host_is_cold=fresh)
    random.Random(run.id).shuffle(planned)
    return planned


def _keyless(backend: str) -> str:
    return f"This collector has no backend '{backend}'. Set its key and start the collector again."


async def _lanes(ctx: Context, run_id: int) -> None:
    """Every lane to its end; one that fails ends no other, and none outlives this call."""
    rows = await ctx.load(
        lambda session: session.exec(
            select(Deployment).where(Deployment.run_id == run_id).order_by(col(Deployment.id))
        ).all()
    )
    ends = await asyncio.gather(
        *(_lane(ctx, row) for row in rows if row.state is not DeploymentState.GONE), return_exceptions=True
    )
    for end in ends:
        if isinstance(end, BaseException):
            raise end


async def _lane(ctx: Context, row: Deployment) -> None:
    """One deployment: ready, its jobs in order, torn down, whatever happened in between."""
    assert row.id is not None  # noqa: S101 - the row was read from the table
    if row.backend not in ctx.backends:
        row.reason = _keyless(row.backend)
        await ctx.tell("deployment", f"{row.key} cannot be reached, it may still run: {row.reason}", run_id=row.run_id)
        await _give_up(ctx, row)
        return
    try:
        row = await deployments.ensure_ready(ctx, row.id)
        if row.state is DeploymentState.READY:
            row = await _jobs(ctx, row)
    except (asyncio.CancelledError, Drained):
        raise
    except Exception:
        log.exception("lane %s failed in our own code", row.key)
        await ctx.tell("deployment", f"{row.key} stopped on a fault of ours.", run_id=row.run_id)
    await _give_up(ctx, row)
    await deployments.teardown(ctx, row)


async def _jobs(ctx: Context, row: Deployment) -> Deployment:
    """The lane's jobs one after the other; ends early when the run is to stop or the capacity has died."""
    expected_s: float | None = None
    for job in await _open_jobs(ctx, row):
        if job.status is JobStatus.QUEUED:
            await _wait_for_turn(ctx, row, job)
        if row.run_id in ctx.stopping:
            break
        if ctx.draining and job.status is JobStatus.QUEUED:
            raise Drained
        await drive(ctx, await _sample(ctx, row, job, expected_s))
        ended = await ctx.load(partial(_job, job.id))
        expected_s = _duration_s(ended)
        if ended.status is not JobStatus.SUCCEEDED:
            row = await deployments.check(ctx, row)
        if row.state is not DeploymentState.READY:
            break
    return row


async def _wait_for_turn(ctx: Context, row: Deployment, job: Job) -> None:
    """Warm jobs go at once; a cold probe waits until the capacity of the job before it has gone away."""
    if job.profile is not LoadProfile.COLD_PROBE or job.position == 0:
        return
    ends = await ctx.load(
        lambda session: session.exec(
            select(Job.first_finished_at).where(Job.deployment_id == row.id, col(Job.first_finished_at).is_not(None))
        ).all()
    )
    if not ends:
        return
    turn_at = decide.probe_at(max(at for at in ends if at), row.idle_timeout_s)
    while ctx.clock.now() < turn_at and not (ctx.draining or row.run_id in ctx.stopping):
        await ctx.clock.sleep_until(min(turn_at, ctx.clock.now() + timedelta(seconds=STOP_LOOK_S)))


async def _sample(ctx: Context, row: Deployment, job: Job, expected_s: float | None) -> Sample:
    def read(session: Session) -> Sample:
        run = session.get_one(Run, row.run_id)
        workflow = load(session.get_one(Workflow, run.workflow_hash).name)
        prompt = session.get_one(Prompt, job.prompt_id)
        return Sample(
            job=job,
            deployment=row,
            ref=deployments.ref_of(row),
            backend=ctx.backends[row.backend],
            graph=workflow.render({**run.params, "prompt": prompt.text, "seed": job.seed}),
            timeout_s=SLACK_S,
            expected_s=expected_s,
        )

    return await ctx.load(read)


async def _open_jobs(ctx: Context, row: Deployment) -> list[Job]:
    rows = await ctx.load(
        lambda session: session.exec(select(Job).where(Job.deployment_id == row.id).order_by(col(Job.position))).all()
    )
    return [job for job in rows if not job.status.final]


async def _give_up(ctx: Context, row: Deployment) -> None:
    """What is still open on a lane that ends: jobs never sent are cancelled; of those that were, nobody will know."""
    stopped = row.run_id in ctx.stopping
    unpaid = row.intended_at is None and await budget.refusal(ctx, row.run_id) is not None
    unsent = Reason.BUDGET_REACHED if unpaid else Reason.NOT_SENT
    ours = select(Job).where(Job.deployment_id == row.id, Job.lease_token == ctx.lease_token)

    def write(session: Session) -> int:
        left = [job for job in session.exec(ours) if not job.status.final]
        for job in left:
            unknown = unsent if job.status is JobStatus.QUEUED else Reason.FATE_UNKNOWN
            reason = Reason.STOPPED if stopped else unknown
            job.status, job.reason, job.error = STATUS_OF[reason], reason.value, row.reason
            session.add(job)
        return len(left)

    if count := await ctx.writer.run(write):
        why = row.reason or ("the run was asked to stop." if stopped else "its lane ended.")
        await ctx.tell("run", f"{count} jobs of {row.key} were given up: {why}", run_id=row.run_id)


async def _finish(ctx: Context, run_id: int) -> None:
    await _set(ctx, run_id, status=RunStatus.TEARING_DOWN)
    left = await _left_running(ctx, run_id)
    if left:
        await orphans.sweep(ctx)
        left = await _left_running(ctx, run_id)
    why = await ctx.load(partial(_stopped_why, run_id))
    status = RunStatus.STOPPED if why else RunStatus.DONE
    await _set(ctx, run_id, status=status, ended_at=ctx.clock.now(), left_running=left, stop_reason=why)
    ctx.stopping.discard(run_id)
    told = "what is left running is not known" if left is None else f"{left or 'nothing'} left running"
    await ctx.tell("run", f"Run {run_id} is {status.value}; {told}.", run_id=run_id)


def _stopped_why(run_id: int, session: Session) -> str | None:
    """By a person, or at its cap; None if it ran to its end."""
    over_budget = select(Job.id).where(Job.run_id == run_id, Job.reason == Reason.BUDGET_REACHED)
    at_cap = "its spend cap was reached" if session.exec(over_budget).first() is not None else None
    return session.get_one(Run, run_id).stop_reason or at_cap


async def _left_running(ctx: Context, run_id: int) -> int | None:
    """How many resources of this run the providers still list; None if one of them could not be asked."""
    rows = await ctx.load(lambda session: session.exec(select(Deployment).where(Deployment.run_id == run_id)).all())
    total = 0
    for name in sorted({row.backend for row in rows}):
        listed = await _listed(ctx, name, f"{ctx.token}-r{run_id}-") if name in ctx.backends else None
        if listed is None:
            return None
        total += listed
    return total


async def _listed(ctx: Context, name: str, prefix: str) -> int | None:
    """How many live resources carry the prefix; None if the backend cannot be asked, though it is asked again."""
    for _ in range(PROOF_TRIES):
        try:
            return len(await ctx.backends[name].live(prefix))
        except BackendError as error:
            log.warning("%s could not be asked what is left: %s", name, error)
            await ctx.clock.sleep(PROOF_GAP_S)
    return None


async def _lanes_down(ctx: Context, run_id: int) -> None:
    rows = await ctx.load(lambda session: session.exec(select(Deployment).where(Deployment.run_id == run_id)).all())
    for row in rows:
        await _give_up(ctx, row)
        if row.backend in ctx.backends:
            await deployments.teardown(ctx, row)


async def _set(ctx: Context, run_id: int, **values: Any) -> None:
    def write(session: Session) -> None:
        run = session.get_one(Run, run_id)
        for name, value in values.items():
            setattr(run, name, value)
        session.add(run)

    await ctx.writer.run(write)


def _job(job_id: int | None, session: Session) -> Job:
    return session.get_one(Job, job_id)


def _duration_s(job: Job) -> float | None:
    if job.accepted_at is None or job.first_finished_at is None:
        return None
    return (job.first_finished_at - job.accepted_at).total_seconds()
