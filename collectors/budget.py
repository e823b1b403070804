"""The ceilings, asked before every paid call: of a job, a run, a day and the installation, in dollars and GPU-seconds.

A purchase is refused unless spent + promised + reserve + its own price fit under each ceiling. Spent is an upper bound;
promised is what jobs in flight and orders will still take; the reserve is for the end: the idle window of each worker,
and DESTROY_S of each rental.

Prices are expected ones, so a run may end above its ceiling, by `analysis.ceilings.TOLERANCE` at most.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from analysis.ceilings import WATCH_S
from backends.base import DeploymentSpec
from collectors.context import Context
from collectors.spending import (
    FIRST_JOB_S,
    NO_LIMIT,
    NO_SUM,
    READ_EVERY_S,
    READY_S,
    Book,
    Limit,
    Rate,
    Scope,
    Sum,
    scopes,
)
from storage.db import StorageError
from storage.models import Deployment
from words import Feature, called


@dataclass(frozen=True, kw_only=True)
class Purchase:
    """What is about to be paid."""

    called: str
    price: Sum = NO_SUM
    deployment: int = 0
    job: bool = False
    burn: Sum = NO_SUM  # of an order: what it costs a second from then on
    promised: bool = False  # the first job of a deployment was paid for by its order


NOTHING = Purchase(called="a further call")


def an_order(ctx: Context, row: Deployment, spec: DeploymentSpec) -> Purchase:
    """A deployment: until it is ready, its model files, its first job, and its end."""
    assert spec.offer is not None  # noqa: S101 - an order names its offer
    scales, beside = _scales(ctx, row.backend), spec.offer.detail
    rate = Rate(
        usd_per_s=spec.offer.usd_per_s + Decimal(beside.get("storage_usd_per_s") or 0),
        once_usd=Decimal(beside.get("network_usd_per_gb") or 0) * Decimal(str(spec.model_gb)),
        workers=spec.max_workers if scales else 1,
        idle_s=row.idle_timeout_s,
        scales=scales,
    )
    price = rate.of(FIRST_JOB_S + rate.tail_s + (0.0 if scales else READY_S)) + Sum(rate.once_usd)
    burn, name = rate.of(rate.workers), f"a deployment on {called(row.backend)}"
    return Purchase(called=name, price=price, burn=burn, deployment=row.id or 0)


def a_job(ctx: Context, row: Deployment) -> Purchase:
    """The next job of a deployment, as long as those before it on average."""
    line = ctx.book.lines.get(row.id or 0)
    seconds = FIRST_JOB_S if line is None else line.job_s
    rate = Rate(usd_per_s=row.usd_per_s or Decimal()) if line is None else line.rate
    first = line is not None and line.sent == 0 and row.id not in ctx.book.begun
    return Purchase(
        called=f"a job on {called(row.backend)}",
        price=rate.of(seconds),
        deployment=row.id or 0,
        job=True,
        promised=first,
    )


def job_limit_s(ctx: Context, row: Deployment) -> float | None:
    """World seconds after which a job that was picked up has reached the ceiling of a job; None without one."""
    limit, rate = ctx.ceilings.job, row.usd_per_s
    by_usd = float(limit.usd / rate) if limit.usd is not None and rate else None
    return min((each for each in (by_usd, limit.gpu_s) if each is not None), default=None)


async def refusal(ctx: Context, run_id: int, about: Purchase = NOTHING) -> str | None:
    """Why this may not be paid for, None if it may; then it counts as promised at once.

    A refused job ends the run: its sentence is kept, and nothing more is asked. Another lane's order may still fit.
    """
    if run_id in ctx.book.refused:
        return ctx.book.refused[run_id]
    now = ctx.clock.now()
    await _read(ctx, run_id, now)
    why = _beyond_a_job(ctx, about) or _beyond(ctx, run_id, about, now)
    if why is not None:
        async with ctx.book.doubt:
            if run_id in ctx.book.refused:
                return ctx.book.refused[run_id]
            await _read(ctx, run_id, now, within_s=0)  # a job may have ended since the last reading
            why = _beyond_a_job(ctx, about) or _beyond(ctx, run_id, about, now)
    if why is None:
        _hold(ctx, run_id, about, now)
    elif about.job:
        ctx.book.refused[run_id] = why
    return why


def _hold(ctx: Context, run_id: int, about: Purchase, now: datetime) -> None:
    if about.job:
        ctx.book.begun.add(about.deployment)
        ctx.book.hold(run_id, _extra(ctx, about), now=now)
    elif about.deployment:
        ctx.book.hold_order(run_id, about.price, about.burn, now=now, deployment=about.deployment)


async def shown(ctx: Context, run: Limit) -> dict[str, dict[str, str | None]]:
    """The ceilings that a run with these of its own would meet, and what is taken of the shared ones by now."""
    now = ctx.clock.now()
    await _read(ctx, 0, now, within_s=0)
    given = {"job": (ctx.ceilings.job, None), "run": (run, None)}
    shared = {
        "day": (ctx.ceilings.day, scopes(0, now)[1]),
        "installation": (ctx.ceilings.installation, scopes(0, now)[2]),
    }
    return {name: _shown(ctx, limit, scope) for name, (limit, scope) in (given | shared).items()}


def _shown(ctx: Context, limit: Limit, scope: Scope | None) -> dict[str, str | None]:
    found = {"usd": limit.usd, "gpu_s": limit.gpu_s}
    if scope is not None:
        taken = ctx.book.spent.get(scope, NO_SUM) + ctx.book.held.get(scope, NO_SUM)
        found |= {"taken_usd": round(taken.usd, 4), "taken_gpu_s": round(taken.gpu_s, 1)}
    return {name: None if value is None else str(value) for name, value in found.items()}


@contextlib.asynccontextmanager
async def watched(ctx: Context, run_id: int) -> AsyncIterator[None]:
    """Look at the run's spending while it goes on: what is rented costs money between two purchases as well."""
    task = asyncio.create_task(_watch(ctx, run_id))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _watch(ctx: Context, run_id: int) -> None:
    while True:
        await ctx.clock.sleep(WATCH_S)
        with contextlib.suppress(StorageError):  # it is looked at again
            await look(ctx, run_id)


async def look(ctx: Context, run_id: int) -> None:
    """End what a run has under way, but for the jobs that were picked up, once its money is spent."""
    now, book = ctx.clock.now(), ctx.book
    if ("run", run_id) in book.limits and not any(_near(book, *each, now) for each in _limits(ctx, run_id, now)):
        return  # however fast it was spent since: the tables need not be asked
    await _read(ctx, run_id, now)
    for scope, limit in _limits(ctx, run_id, now):
        if why := _reached(scope, limit, book.spent.get(scope, NO_SUM) + book.reserve.get(scope, NO_SUM)):
            book.overdrawn.add(run_id)
            book.refused.setdefault(run_id, why)


def _near(book: Book, scope: Scope, limit: Limit, now: datetime) -> bool:
    """Could it have been reached since the last reading?"""
    age_s = (now - (book.read_at or now)).total_seconds()
    burnt = book.burn.get(scope, NO_SUM).times(max(0.0, age_s))
    return _reached(scope, limit, book.spent.get(scope, NO_SUM) + book.held.get(scope, NO_SUM) + burnt) is not None


def _extra(ctx: Context, about: Purchase) -> Sum:
    """What it adds to what is promised already."""
    if about.promised:
        return NO_SUM
    return about.price if about.job or not about.deployment else about.price - ctx.book.held_for(about.deployment)


async def _read(ctx: Context, run_id: int, now: datetime, *, within_s: float = READ_EVERY_S) -> None:
    await ctx.book.read(ctx.load, run_id, now=now, scales=lambda name: _scales(ctx, name), within_s=within_s)


def _scales(ctx: Context, backend: str) -> bool:
    return backend in ctx.backends and Feature.SCALES_TO_ZERO in ctx.backends[backend].features


def _limits(ctx: Context, run_id: int, now: datetime) -> list[tuple[Scope, Limit]]:
    run, day, over_all = scopes(run_id, now)
    given = ((run, ctx.book.limits[run]), (day, ctx.ceilings.day), (over_all, ctx.ceilings.installation))
    return [(scope, limit) for scope, limit in given if limit != NO_LIMIT]


def _beyond_a_job(ctx: Context, about: Purchase) -> str | None:
    limit = ctx.ceilings.job
    if about.job and limit.usd is not None and about.price.usd > limit.usd:
        price, cap = _usd(about.price.usd), _usd(limit.usd)
        return f"{about.called.capitalize()} costs about {price}; the ceiling of a job is {cap} (BAKEOFF_JOB_CAP_USD)."
    if about.job and limit.gpu_s is not None and about.price.gpu_s > limit.gpu_s:
        return (
            f"{about.called.capitalize()} takes about {about.price.gpu_s:.0f} GPU-seconds; the ceiling of a job is "
            f"{limit.gpu_s:.0f} (BAKEOFF_JOB_CAP_GPU_S)."
        )
    return None


def _beyond(ctx: Context, run_id: int, about: Purchase, now: datetime) -> str | None:
    for scope, limit in _limits(ctx, run_id, now):
        taken = ctx.book.spent.get(scope, NO_SUM) + ctx.book.held.get(scope, NO_SUM)
        if why := _reached(scope, limit, taken + _extra(ctx, about), what=about.called if about.deployment else None):
            return why
    return None


_WHOSE = {"run": "this run", "day": "this UTC day", "all": "all runs together"}
_NAMES = {"run": ("", ""), "day": (" (BAKEOFF_DAY_CAP_USD)", " (BAKEOFF_DAY_CAP_GPU_S)"),
          "all": (" (BAKEOFF_SPEND_CAP_USD)", " (BAKEOFF_SPEND_CAP_GPU_S)")}  # fmt: skip


def _reached(scope: Scope, limit: Limit, taken: Sum, *, what: str | None = None) -> str | None:
    """The sentence, if this sum is above the ceiling, or at it with nothing more to buy."""
    whose, (usd, gpu_s) = _WHOSE[scope[0]], _NAMES[scope[0]]
    then = f"With {what}, {whose}" if what else whose[0].upper() + whose[1:]
    if limit.usd is not None and (taken.usd > limit.usd or (what is None and taken.usd == limit.usd)):
        return f"{then} may come to {_usd(taken.usd)}, teardown included; the ceiling is {_usd(limit.usd)}{usd}."
    if limit.gpu_s is not None and (taken.gpu_s > limit.gpu_s or (what is None and taken.gpu_s == limit.gpu_s)):
        return (
            f"{then} may come to {taken.gpu_s:,.0f} GPU-seconds, teardown included; "
            f"the ceiling is {limit.gpu_s:,.0f}{gpu_s}."
        )
    return None


def _usd(amount: Decimal) -> str:
    """Cents, or what a smaller amount needs."""
    return f"${amount:.2f}" if amount >= 1 else f"${amount:.4f}"
