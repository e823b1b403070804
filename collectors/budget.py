"""The spend cap, asked before every paid call."""

from datetime import datetime
from decimal import Decimal

from sqlmodel import Session, col, select

from collectors.context import Context
from storage.models import Deployment, Run


def spent_at_most(session: Session, now: datetime, run_id: int | None = None) -> Decimal:
    """Upper bound of what a run has cost, or all of them, USD: each deployment's rate times the time since its order.

    Serverless capacity that scaled to zero costs less than this; a cap that errs stops early, never late.
    """
    query = select(Deployment).where(col(Deployment.usd_per_s).is_not(None))
    total = Decimal()
    for row in session.exec(query if run_id is None else query.where(Deployment.run_id == run_id)):
        since = row.intended_at or row.created_at
        if since and row.usd_per_s:
            total += row.usd_per_s * Decimal(str(((row.ended_at or now) - since).total_seconds()))
    return total


async def refusal(ctx: Context, run_id: int) -> str | None:
    """Why no further paid call may be made for this run, None if one may."""
    now = ctx.clock.now()

    def read(session: Session) -> tuple[Decimal, Decimal, Decimal]:
        cap = session.get_one(Run, run_id).cap_usd
        return spent_at_most(session, now, run_id), cap, spent_at_most(session, now)

    spent, cap, spent_by_all = await ctx.load(read)
    if spent >= cap:
        return f"The run may have cost ${spent:.2f} by now; its cap is ${cap:.2f}."
    if ctx.spend_cap_usd is not None and spent_by_all >= ctx.spend_cap_usd:
        return (
            f"All runs together may have cost ${spent_by_all:.2f} by now; the cap is ${ctx.spend_cap_usd:.2f} "
            "(BAKEOFF_SPEND_CAP_USD)."
        )
    return None
