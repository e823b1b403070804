"""What the web asked for: answered here, since only this process holds keys."""

from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Any

from sqlmodel import Session, col, select

from backends.errors import BackendError
from collectors import prices
from collectors.context import Context, log
from storage.db import StorageError
from storage.models import Request, Run
from storage.plans import PlanError, RunPlan, lanes
from words import Feature, RequestKind, RequestState

_Answer = tuple[RequestState, dict[str, Any]]


async def answer_all(ctx: Context) -> None:
    """Answer every open request, oldest first."""
    rows = await ctx.load(
        lambda session: session.exec(
            select(Request).where(Request.state == RequestState.ASKED).order_by(col(Request.id))
        ).all()
    )
    for row in rows:
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
                return await _stop(ctx, row)
            case RequestKind.DRY_RUN:
                return await _dry_run(ctx, row.arguments)
    except StorageError:
        raise  # nothing could be written: it stays open
    except Exception as error:
        log.exception("request %s failed in our own code", row.id)
        return _refuse(f"The request failed on a fault of ours ({type(error).__name__}).")
    return _refuse(f"The collector does not know the request '{row.kind}'.")


async def _stop(ctx: Context, row: Request) -> _Answer:
    """The wish is written into the run's row first, so that it outlives this process."""
    run_id = row.arguments.get("run_id")

    def write(session: Session) -> str | None:
        run = session.get(Run, run_id) if isinstance(run_id, int) else None
        if run is None:
            return f"There is no run {run_id}."
        if run.status.final:
            return f"Run {run_id} is {run.status.value} already."
        run.stop_reason = f"asked by {row.asked_by}" if row.asked_by else "asked by a person"
        session.add(run)
        return None

    if refusal := await ctx.writer.run(write):
        return _refuse(refusal)
    ctx.stopping.add(int(run_id or 0))
    await ctx.tell("run", f"Run {run_id} was asked to stop.", run_id=run_id)
    return RequestState.DONE, {}


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
    return RequestState.DONE, {"arms": arms}


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
