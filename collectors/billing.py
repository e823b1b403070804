"""Bills: every provider's charges of a trailing window, read again and again until they are final."""

from datetime import datetime, timedelta
from functools import partial

from sqlmodel import Session, col, func, select

from backends.errors import BackendError
from collectors.context import Context, log
from storage.billing import FINAL_AFTER
from storage.models import Charge, Deployment, Job
from storage.queries import upsert_charges
from words import CostState, Feature, called

WINDOW = timedelta(days=4)  # charges become final 48 h after their end, so two days more than that
SETTLE_STEP = timedelta(hours=12)
SETTLE_TRIES = 10
SETTLED = "settled"  # the kind of the event that ends a demo


async def ingest(ctx: Context) -> int:
    """Read the window of every billed backend; gives how many lines were new or changed."""
    now = ctx.clock.now()
    since = now - WINDOW
    changed = 0
    for name, backend in ctx.backends.items():
        if Feature.BILLED not in backend.features:
            continue
        try:
            charges = await backend.charges(since, now)
        except BackendError as error:
            log.warning("bills of %s could not be read: %s", name, error)
            await ctx.tell("billing", f"Bills of {called(name)} could not be read: {error}")
            continue
        counts = await ctx.writer.run(partial(upsert_charges, charges=charges, now=now, simulated=ctx.simulated))
        changed += counts.new + counts.changed
    return changed


async def settle(ctx: Context) -> None:
    """Simulated worlds only, with nothing rented: leap until every line is final, and say how that went."""
    for _ in range(SETTLE_TRIES):
        await ingest(ctx)
        if await ctx.load(partial(_settled, ctx.clock.now())):
            await ctx.tell(SETTLED, "All bills are final.")
            return
        ctx.clock.leap(ctx.clock.now() + SETTLE_STEP)
    await ctx.tell(SETTLED, "Some bills are not final yet, though their time has passed.")


def _settled(now: datetime, session: Session) -> bool:
    """Every charge is final, and every deployment is billed.

    Capacity that scales to zero and never had a worker never will be: where no job ended, nobody waits for a bill
    beyond FINAL_AFTER.
    """
    open_lines = session.exec(select(func.count()).select_from(Charge).where(Charge.state != CostState.FINAL)).one()
    billed = set(session.exec(select(Charge.deployment_id)).all())
    rented = session.exec(select(Deployment).where(col(Deployment.created_at).is_not(None)))
    worked = set(session.exec(select(Job.deployment_id).where(col(Job.first_finished_at).is_not(None))).all())
    missing = [row for row in rented if row.id not in billed]
    never = all(row.id not in worked and row.ended_at and now > row.ended_at + FINAL_AFTER for row in missing)
    return open_lines == 0 and never
