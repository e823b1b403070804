"""A run: its lanes side by side, then the proof that nothing is left."""

import asyncio
import random
from functools import partial
from typing import Any

from sqlalchemy import bindparam
from sqlmodel import Session, col, select

from backends.errors import BackendError
from collectors import budget, clocks, deployments, orphans
from collectors.context import Context, Drained, log, to_the_end
from collectors.lanes import give_up, keyless, lane
from storage.db import StorageError
from storage.models import Deployment, Job, Run
from storage.plans import Lane, PlanError, lanes, lay_out, plan_of
from storage.queries import one
from storage.schedules import starting_order
from words import DeploymentState, Feature, Reason, RunStatus
from workflows import WorkflowError

_OF_RUN = select(Deployment).where(Deployment.run_id == bindparam("run")).order_by(col(Deployment.id))
PROOF_TRIES, PROOF_GAP_S = 12, 5.0  # a provider that is away for a moment must not cost the proof that nothing is left


class RunRefused(Exception):
    """A run that cannot be started; one sentence with the cause."""


async def drive_run(ctx: Context, run_id: int) -> None:
    """Bring a run to its end, from whatever step its rows say; its own outermost catch."""
    try:
        await _start(ctx, run_id)
        await _lanes(ctx, run_id)
        await _finish(ctx, run_id)
    except (asyncio.CancelledError, Drained, StorageError):
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
        run = one(session, Run, run_id)
        if run.stop_reason:
            ctx.stopping.add(run_id)  # asked for before this process began
        if run.status is not RunStatus.QUEUED:
            return False
        lay_out(session, run, _planned(ctx, run, starting_order(session, run)), lease_token=ctx.lease_token)
        run.status, run.started_at = RunStatus.RUNNING, now
        session.add(run)
        return True

    if await ctx.writer.run(write):
        await ctx.tell("run", f"Run {run_id} starts.", run_id=run_id)


def _planned(ctx: Context, run: Run, seed: int) -> list[Lane]:
    plan = plan_of(run)
    planned: list[Lane] = []
    for name in plan.backends:
        if name not in ctx.backends:
            raise RunRefused(keyless(name))
        fresh = Feature.FRESH_HOST_IS_COLD in ctx.backends[name].features
        planned += lanes(plan, name, fresh_host_is_cold=fresh)
    random.Random(seed).shuffle(planned)
    return planned


async def _lanes(ctx: Context, run_id: int) -> None:
    """Every lane to its end; one that fails ends no other, and none outlives this call."""
    rows = await ctx.load(lambda session: session.exec(_OF_RUN, params={"run": run_id}).all())
    async with budget.watched(ctx, run_id):
        await to_the_end(*(lane(ctx, row) for row in rows if row.state is not DeploymentState.GONE))


async def _finish(ctx: Context, run_id: int) -> None:
    await _set(ctx, run_id, status=RunStatus.TEARING_DOWN)
    left = await _left_running(ctx, run_id)
    for _ in range(PROOF_TRIES if left else 0):  # a list may be late, or an earlier one that came again
        await orphans.sweep(ctx)
        if not (left := await _left_running(ctx, run_id)):
            break
        await ctx.clock.sleep(PROOF_GAP_S)
    await clocks.keep(ctx, run_id)
    why = await ctx.load(partial(_stopped_why, run_id))
    status = RunStatus.STOPPED if why else RunStatus.DONE
    await _set(ctx, run_id, status=status, ended_at=ctx.clock.now(), left_running=left, stop_reason=why)
    ctx.stopping.discard(run_id)
    told = "what is left running is not known" if left is None else f"{left or 'nothing'} left running"
    await ctx.tell("run", f"Run {run_id} is {status.value}; {told}.", run_id=run_id)


def _stopped_why(run_id: int, session: Session) -> str | None:
    """By a person, or at its cap; None if it ran to its end."""
    unsent = (Job.run_id == run_id, Job.reason == Reason.BUDGET_REACHED, col(Job.intended_at).is_(None))
    return session.get_one(Run, run_id).stop_reason or session.exec(select(Job.error).where(*unsent)).first()


async def _left_running(ctx: Context, run_id: int) -> int | None:
    """How many resources of this run the providers still list; None if one of them could not be asked."""
    rows = await ctx.load(lambda session: session.exec(_OF_RUN, params={"run": run_id}).all())
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
    rows = await ctx.load(lambda session: session.exec(_OF_RUN, params={"run": run_id}).all())
    for row in rows:
        await give_up(ctx, row)
        if row.backend in ctx.backends:
            await deployments.teardown(ctx, row)


async def _set(ctx: Context, run_id: int, **values: Any) -> None:
    def write(session: Session) -> None:
        run = one(session, Run, run_id)
        for name, value in values.items():
            setattr(run, name, value)
        session.add(run)

    await ctx.writer.run(write)
