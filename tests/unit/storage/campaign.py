"""What a card rests on: an installation, backends, kept traffic, and blocks whose jobs end as a test says."""

from datetime import timedelta
from decimal import Decimal

from sqlmodel import Session

from storage.models import Backend, Block, Installation, Run, Schedule
from storage.plans import remember_workflow
from storage.profiles import add_daily
from tests.unit.storage.rows import AT, after, deployment_of, jobs_of, launch, ready, succeed
from words import BlockStatus, RunStatus
from workflows import load

TRAFFIC = "ours"


def begin(session: Session) -> None:
    """Three backends that were seen, and traffic; nothing is measured."""
    session.add(Installation(token="bakeoff-t", simulated=True, created_at=AT))
    for name in ("modal", "runpod", "vast"):
        session.add(Backend(name=name, provider=name, simulated=True))
    session.flush()
    add_daily(session, name=TRAFFIC, per_day=1000, made_by="ana", now=AT)


def schedule(
    session: Session, workflow: str = "flux-dev", *, gpu: str = "L40S", params: dict | None = None
) -> Schedule:
    """A schedule without blocks."""
    known = load(workflow)
    remember_workflow(session, known, AT)
    row = Schedule(
        workflow_hash=known.hash,
        gpu=gpu,
        params=params or {},
        plan={},
        cap_usd=Decimal(50),
        seed=1,
        simulated=True,
        asked_at=AT,
    )
    session.add(row)
    session.flush()
    return row


def measured_block(session: Session, of: Schedule, *, workflow: str = "flux-dev") -> Run:
    """A block that ran: on each of two backends 3 jobs that are over and 1 that was never sent."""
    run = launch(session, workflow=workflow, backends=["modal", "runpod"], warm=3)
    for backend in ("modal", "runpod"):
        deployment = deployment_of(session, run, backend)
        ready(deployment, f"{backend}{run.id}")
        for i, job in enumerate(jobs_of(session, deployment)[:3]):
            succeed(session, job, start_s=20 + 12 * i, good=i > 0)
    run.status, run.ended_at = RunStatus.DONE, after(500)
    session.add(
        Block(
            schedule_id=of.id, number=1, day_part="afternoon", status=BlockStatus.DONE, starts_at=AT,
            latest_at=AT + timedelta(hours=1), run_id=run.id, seed=1,
        )
    )  # fmt: skip
    session.flush()
    return run
