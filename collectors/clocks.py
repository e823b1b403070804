"""What the jobs of a run tell of their workers' clocks, kept beside them."""

from functools import partial

from sqlmodel import Session, col, delete, select

from analysis.clocks import clocks
from collectors.context import Context
from storage import frames
from storage.models import Deployment, WorkerClock


async def keep(ctx: Context, run_id: int) -> None:
    """Write the clocks of a run's workers; what was kept of them before is replaced."""
    await ctx.writer.run(partial(_write, run_id))


def _write(run_id: int, session: Session) -> None:
    own = select(Deployment.id).where(Deployment.run_id == run_id)
    session.exec(delete(WorkerClock).where(col(WorkerClock.deployment_id).in_(own)))
    session.add_all(WorkerClock(**row) for row in clocks(frames.jobs(session, [run_id])).iter_rows(named=True))
