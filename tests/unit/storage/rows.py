"""A small data folder made through the real tables and plans: one run, two backends, jobs in several states."""

import shutil
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from storage import db, migrate
from storage.models import Deployment, Image, Installation, Job, Observation, Run
from storage.plans import RunPlan, insert_run, lanes, lay_out
from tests.unit.collectors.fakes import fresh_tables
from words import DeploymentState, JobStatus, Reason, RunStatus, StartKind

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
RATE = Decimal("0.00053")


def after(seconds: float) -> datetime:
    return AT + timedelta(seconds=seconds)


def fresh(path: Path) -> Engine:
    """An engine on a new database with the current tables."""
    migrate.upgrade(path)
    return db.open_engine(path)


def copied(path: Path) -> Engine:
    """The same from a template, in a hundredth of the time."""
    shutil.copy(fresh_tables(), path)
    return db.open_engine(path)


def plan(**changes: object) -> RunPlan:
    given = {"workflow": "flux-dev", "gpu": "L40S", "backends": ["runpod", "vast"], "warm": 2, "cold": 1}
    return RunPlan(**{**given, "cap_usd": Decimal(5), "params": {"width": 512, "height": 512}, **changes})


def launch(session: Session, **changes: object) -> Run:
    """A run that was laid out and has begun."""
    if session.get(Installation, 1) is None:
        session.add(Installation(token="bakeoff-abc", simulated=True, created_at=AT))
        session.flush()
    asked = plan(**changes)
    run = session.get_one(Run, insert_run(session, asked, now=AT))
    for name in asked.backends:
        lay_out(session, run, lanes(asked, name, fresh_host_is_cold=name == "vast"), lease_token=1)
    run.status, run.started_at = RunStatus.RUNNING, after(1)
    session.flush()
    return run


def deployment_of(session: Session, run: Run, backend: str) -> Deployment:
    """The run's first deployment there."""
    query = select(Deployment).where(Deployment.run_id == run.id, Deployment.backend == backend)
    return session.exec(query.order_by(col(Deployment.id))).first()


def ready(deployment: Deployment, provider_id: str) -> None:
    deployment.state, deployment.provider_id, deployment.usd_per_s = DeploymentState.READY, provider_id, RATE
    deployment.created_at, deployment.ready_at = after(2), after(10)


def jobs_of(session: Session, deployment: Deployment) -> list[Job]:
    return list(session.exec(select(Job).where(Job.deployment_id == deployment.id).order_by(col(Job.position))))


def succeed(session: Session, job: Job, *, start_s: float, kind: StartKind = StartKind.WARM, good: bool = True) -> None:
    """The job ran from `start_s`: 1.5 s in the queue, 8.25 s of work, seen unfinished at +9 s and finished at +10 s."""
    job.status = JobStatus.SUCCEEDED if good else JobStatus.FAILED
    job.reason = None if good else Reason.IMAGE_BROKEN.value
    job.start_kind, job.worker_id, job.provider_job_id = kind, "w1", f"p{job.id}"
    job.intended_at, job.sent_at, job.accepted_at = after(start_s), after(start_s + 0.01), after(start_s + 0.05)
    job.last_unfinished_at, job.first_finished_at = after(start_s + 9), after(start_s + 10)
    job.queue_us, job.execution_us = 1_500_000, 8_250_000
    session.add(Observation(job_id=job.id, seen_at=after(start_s + 10), status=job.status, raw={"id": job.id}))
    session.add(
        Image(
            job_id=job.id,
            sha256=f"{job.id:064x}",
            size_bytes=9,
            width=512,
            height=512,
            good=good,
            defect=None if good else "black",
        )
    )
    session.flush()
