"""What the web asked for: answered here, since only this process holds keys."""

import contextlib
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Any

from sqlmodel import Session, col, select, update
from sqlmodel.sql.expression import SelectOfScalar

from backends.errors import BackendError
from collectors import budget, prices, stopping
from collectors.context import Context, log, to_the_end
from collectors.spending import Limit
from storage.db import StorageError
from storage.models import Request, Run, Schedule
from storage.plans import PlanError, RunPlan, lanes
from words import Feature, RequestKind, RequestState, RunStatus, ScheduleStatus, called

STOPS = (RequestKind.STOP_RUN, RequestKind.STOP_ALL)
_OVER = [status for status in RunStatus if status.final]
_OPEN = select(Request).where(Request.state == RequestState.ASKED).order_by(col(Request.id))
_OPEN_STOPS = _OPEN.where(col(Request.kind).in_(STOPS))
_ANY_STOP = select(Request.id).where(Request.state == RequestState.ASKED, col(Request.kind).in_(STOPS)).limit(1)
_OTHERS = _OPEN.where(col(Request.kind).not_in(STOPS))
_Answer = tuple[RequestState, dict[str, Any]]


async def answer_all(ctx: Context) -> None:
    """Answer every open request but the stops, oldest first."""
    for row in await ctx.load(partial(_asked, _OTHERS)):
        await _settle(ctx, row)


async def answer_stops(ctx: Context) -> None:
    """Answer every open wish to stop, side by side: none waits for a price list, nor for another stop."""
    if not await ctx.load(stop_asked):
        return
    rows = await ctx.load(partial(_asked, _OPEN_STOPS))
    await to_the_end(*(_settle(ctx, row) for row in rows))


async def listen(ctx: Context) -> None:
    """Answer stops for as long as the process lives, whatever else it is busy with."""
    while True:
        with contextlib.suppress(StorageError):  # it stays open and is answered at the next turn
            await answer_stops(ctx)
        await ctx.clock.sleep(ctx.look_s)


def stop_asked(session: Session) -> bool:
    """Is there a wish to stop that nobody has carried out?"""
    return session.connection().execute(_ANY_STOP).first() is not None


def _asked(which: SelectOfScalar[Request], session: Session) -> Sequence[Request]:
    return session.exec(which).all()


async def _settle(ctx: Context, row: Request) -> None:
    state, reply = await _answer(ctx, row)
    await ctx.writer.run(partial(_reply, ctx, row, state, reply))


async def _answer(ctx: Context, row: Request) -> _Answer:
    """The answer, whatever was asked: a request that raised would be asked again for ever."""
    try:
        match row.kind:
            case RequestKind.RECHECK:
                await prices.refresh(ctx)
                return RequestState.DONE, {}
            case RequestKind.STOP_RUN:
                return await _stop_run(ctx, row)
            case RequestKind.STOP_ALL:
                return await _stop_all(ctx, row)
            case RequestKind.DRY_RUN:
                return await _dry_run(ctx, row.arguments)
    except StorageError:
        raise  # nothing could be written: it stays open
    except Exception as error:
        log.exception("request %s failed in our own code", row.id)
        return _refuse(f"The request failed on a fault of ours ({type(error).__name__}).")
    return _refuse(f"The collector does not know the request '{row.kind}'.")


async def _stop_run(ctx: Context, row: Request) -> _Answer:
    """The wish is written into the run's row first, so that it outlives this process."""
    run_id = row.arguments.get("run_id")

    def write(session: Session) -> str | None:
        run = session.get(Run, run_id) if isinstance(run_id, int) else None
        if run is None:
            return f"There is no run {run_id}."
        if run.status.final:
            return f"Run {run_id} is {run.status.value} already."
        run.stop_reason = _by(row)
        session.add(run)
        return None

    if refusal := await ctx.writer.run(write):
        return _refuse(refusal)
    await ctx.tell("run", f"Run {run_id} was asked to stop.", run_id=run_id)
    left = await stopping.stop(ctx, [int(run_id or 0)], f"{ctx.token}-r{run_id}-")
    return RequestState.DONE, {"runs": [run_id], "left": left}


async def _stop_all(ctx: Context, row: Request) -> _Answer:
    """Every run and schedule, and what is live without one. Asked again after a crash, it does the same again."""

    def write(session: Session) -> list[int]:
        open_runs = session.exec(select(Run).where(col(Run.status).not_in(_OVER)).order_by(col(Run.id))).all()
        for run in open_runs:
            run.stop_reason = run.stop_reason or _by(row)
            session.add(run)
        active = update(Schedule).where(col(Schedule.status) == ScheduleStatus.ACTIVE)
        session.execute(active.values(status=ScheduleStatus.PAUSED, reason=_by(row)))
        return [run.id for run in open_runs if run.id is not None]

    runs = await ctx.writer.run(write)
    named = f" ({', '.join(map(str, runs))})" if runs else ""
    await ctx.tell("run", f"Everything was asked to stop: {len(runs)} runs{named}.")
    left = await stopping.stop(ctx, runs, f"{ctx.token}-")
    told = ", ".join(f"{called(name)} {'unknown' if count is None else count}" for name, count in left.items())
    await ctx.tell("run", f"Left running after everything was stopped: {told or 'nothing that we rent'}.")
    return RequestState.DONE, {"runs": runs, "left": left}


def _by(row: Request) -> str:
    return f"asked by {row.asked_by}" if row.asked_by else "asked by a person"


async def _dry_run(ctx: Context, arguments: dict[str, Any]) -> _Answer:
    """Read-only calls only: what would be started, and what each backend asks for it now."""
    try:
        plan = RunPlan(**{**arguments, "cap_usd": _decimal(arguments.get("cap_usd"))})
    except (PlanError, TypeError, ValueError) as error:
        return _refuse(str(error))
    arms: dict[str, Any] = {}
    for name in plan.backends:
        backend = ctx.backends.get(name)
        if backend is None:
            return _refuse(f"There is no backend '{name}'. Known: {', '.join(ctx.backends)}.")
        planned = lanes(plan, name, fresh_host_is_cold=Feature.FRESH_HOST_IS_COLD in backend.features)
        try:
            offers = await backend.offers(plan.gpu)
        except BackendError as error:
            arms[name] = {"error": str(error)}
            continue
        arms[name] = {
            "deployments": len(planned),
            "jobs": sum(len(lane.jobs) for lane in planned),
            "offers": len(offers),
            "usd_per_s": str(offers[0].usd_per_s) if offers else None,
        }
    return RequestState.DONE, {"arms": arms, "ceilings": await budget.shown(ctx, Limit(plan.cap_usd, plan.cap_gpu_s))}


def _decimal(value: Any) -> Decimal:
    try:
        return Decimal(str(value))
    except InvalidOperation:
        raise ValueError(f"The spend cap must be a number of dollars, not {value!r}.") from None


def _refuse(why: str) -> _Answer:
    return RequestState.REFUSED, {"error": why}


def _reply(ctx: Context, row: Request, state: RequestState, reply: dict[str, Any], session: Session) -> None:
    fresh = session.get_one(Request, row.id)
    fresh.state, fresh.reply, fresh.answered_at = state, reply, ctx.clock.now()
    session.add(fresh)
