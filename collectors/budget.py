"""The spend cap, asked before every paid call."""

from datetime import datetime
from decimal import Decimal

from sqlmodel import Session, col, select

from collectors.context import Context
from storage.models import Deployment, Run


def spent_at_most(session: Session, run_id: int, now: datetime) -> Decimal:
    """Upper bound of what a run has cost, USD: each deployment's rate times the whole time since it was rented.

    Serverless capacity that scaled to zero costs less than this; a cap that errs stops early, never late.
    """
    rows = session.exec(select(Deployment).where(Deployment.run_id == run_id, col(Deployment.usd_per_s).is_not(None)))
    total = Decimal()
    for row in rows:
        since = row.created_at or row.intended_at
        if since and row.usd_per_s:
            total += row.usd_per_s * Decimal(str(((row.ended_at or now) - since).total_seconds()))
    return total


async def refusal(ctx: Context, run_id: int) -> str | None:
    """Why no further paid call may be made for this run, None if one may."""
    now = ctx.clock.now()

    def read(session: Session) -> tuple[Decimal, Decimal]:
        return spent_at_most(session, run_id, now), session.get_one(Run, run_id).cap_usd

    spent, cap = await ctx.load(read)
    if spent >= cap:
        return f"The run may have cost ${spent:.2f} by now; its cap is ${cap:.2f}."
    return None
