"""Bring spending to zero: no further paid call, everything of ours torn down side by side, and the proof.

The lanes end their jobs and deployments as well; this does not wait for them, and finds what no lane knows of.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlmodel import col, select

from backends.base import Backend, LiveResource
from backends.errors import BackendError
from collectors import deployments
from collectors.context import Context, log
from storage.models import Job
from words import Feature, JobStatus

STOP_S = 60.0  # world seconds from the wish to nothing that costs money
HOME_S = 10.0  # of them, at most, for a last look at the jobs in flight
LOOK_S = 1.0


async def stop(ctx: Context, runs: Sequence[int], prefix: str) -> dict[str, int | None]:
    """End these runs and destroy whatever is live under the prefix; what is left, by backend.

    0 is a provider's own word that it lists nothing; None says that it could not be asked within STOP_S.
    """
    ctx.stopping.update(runs)
    until = ctx.clock.now() + timedelta(seconds=STOP_S)
    await _home(ctx, runs)
    named = [name for name, backend in ctx.backends.items() if Feature.DEPLOYS in backend.features]
    left = await asyncio.gather(*(_clear(ctx, ctx.backends[name], prefix, until) for name in named))
    return dict(zip(named, left, strict=True))


async def _home(ctx: Context, runs: Sequence[int]) -> None:
    """Let the lanes take a last look: a result that lies on a machine of ours was paid for, and goes with it."""
    until = ctx.clock.now() + timedelta(seconds=HOME_S)
    sent = (JobStatus.SUBMITTING, JobStatus.SUBMITTED, JobStatus.RUNNING)
    query = select(Job.id).where(col(Job.run_id).in_(runs), col(Job.status).in_(sent))
    while await ctx.load(lambda session: session.exec(query).first()) is not None and ctx.clock.now() < until:
        await ctx.clock.sleep(LOOK_S)


async def _clear(ctx: Context, backend: Backend, prefix: str, until: datetime) -> int | None:
    """Destroy until the provider lists nothing, and once more when no order is on its way any more."""
    ordered = False
    while True:
        found = await _listed(backend, prefix)
        if found:
            await _destroy(ctx, backend, found, until)
        elif found is not None and ordered:
            return 0
        elif found is not None:
            ordered = await _no_order(ctx, backend, until)
        if ctx.clock.now() >= until:
            return None if found is None else len(found)
        await ctx.clock.sleep(LOOK_S)


async def _listed(backend: Backend, prefix: str) -> list[LiveResource] | None:
    try:
        return await backend.live(prefix)
    except BackendError as error:
        log.warning("%s could not be asked what is live: %s", backend.name, error)
        return None


async def _destroy(ctx: Context, backend: Backend, found: Sequence[LiveResource], until: datetime) -> None:
    tasks = [asyncio.create_task(deployments.destroy(ctx, backend, live.ref)) for live in found]
    await _by(ctx, tasks, until)


async def _no_order(ctx: Context, backend: Backend, until: datetime) -> bool:
    """True once an order that was on its way when the runs were stopped has been answered; none follows it."""

    async def answered() -> None:
        async with ctx.ordering[backend.name]:
            return

    return await _by(ctx, [asyncio.create_task(answered())], until)


async def _by(ctx: Context, tasks: Sequence["asyncio.Task[None]"], until: datetime) -> bool:
    """Wait for all of them, in world time; what is not done by then is left to the lanes and the next sweep."""
    while not all(task.done() for task in tasks) and ctx.clock.now() < until:
        await ctx.clock.sleep(LOOK_S / 2)
    for task in tasks:
        task.cancel()
    ends = await asyncio.gather(*tasks, return_exceptions=True)
    return not any(isinstance(end, BaseException) for end in ends)
