"""A lane: one deployment from its order to its end, its jobs in between, whatever happens to them."""

import asyncio

from sqlmodel import Session, select

from collectors import deployments
from collectors.context import Context, Drained, log
from collectors.load import run_load
from storage.db import StorageError
from storage.models import Deployment, Job
from words import STATUS_OF, DeploymentState, JobStatus, Reason


async def lane(ctx: Context, row: Deployment) -> None:
    """One deployment: ready, its jobs as their profile says, torn down, whatever happened in between."""
    assert row.id is not None  # noqa: S101 - the row was read from the table
    if row.backend not in ctx.backends:
        row.reason = keyless(row.backend)
        await ctx.tell("deployment", f"{row.key} cannot be reached, it may still run: {row.reason}", run_id=row.run_id)
        await give_up(ctx, row)
        return
    try:
        row = await deployments.ensure_ready(ctx, row.id)
        if row.state is DeploymentState.READY:
            row = await run_load(ctx, row)
    except (asyncio.CancelledError, Drained, StorageError):
        raise
    except Exception:
        log.exception("lane %s failed in our own code", row.key)
        await ctx.tell("deployment", f"{row.key} stopped on a fault of ours.", run_id=row.run_id)
    await give_up(ctx, row)
    await deployments.teardown(ctx, row)


def keyless(backend: str) -> str:
    """Why a lane of a backend that this process does not know cannot go on, and the way out."""
    return f"This collector has no backend '{backend}'. Set its key and start the collector again."


async def give_up(ctx: Context, row: Deployment) -> None:
    """What is still open on a lane that ends: jobs never sent are cancelled; of those that were, nobody will know."""
    why = await _why_unsent(ctx, row)
    ours = select(Job).where(Job.deployment_id == row.id, Job.lease_token == ctx.lease_token)

    def write(session: Session) -> int:
        left = [job for job in session.exec(ours) if not job.status.final]
        for job in left:
            sent = job.status is not JobStatus.QUEUED and why is not Reason.STOPPED
            reason = Reason.FATE_UNKNOWN if sent else why
            job.status, job.reason = STATUS_OF[reason], reason.value
            job.error = row.reason or ctx.book.refused.get(row.run_id)
            session.add(job)
        return len(left)

    if count := await ctx.writer.run(write):
        told = row.reason or ctx.book.refused.get(row.run_id) or "its lane ended."
        told = "the run was asked to stop." if why is Reason.STOPPED else told
        await ctx.tell("run", f"{count} jobs of {row.key} were given up: {told}", run_id=row.run_id)


async def _why_unsent(ctx: Context, row: Deployment) -> Reason:
    if row.run_id in ctx.stopping:
        return Reason.STOPPED
    if row.id in ctx.saturated:
        return Reason.SATURATED
    unpaid = row.run_id in ctx.book.refused or row.cause == Reason.BUDGET_REACHED
    return Reason.BUDGET_REACHED if unpaid else Reason.NOT_SENT
