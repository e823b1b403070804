"""How a job started, decided from what is stored of it and of the jobs beside it: start kind, evidence, left out."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, or_, select, union_all
from sqlmodel import Session, col

from analysis.cold import mismatch, start_kind, warm_up
from analysis.waits import Case, Sample
from storage.models import Deployment, Job
from words import JobStatus, StartKind

_LATEST, _FIRST = 3, 4  # of the jobs on one worker, and of those that met no capacity
_STARTED = (StartKind.COLD, StartKind.RESTORED)
_COLUMNS: Sequence[Any] = (
    Job.id, Job.status, Job.reason, Job.start_kind, Job.worker_id, Job.sent_at, Job.accepted_at, Job.deadline_at,
    Job.last_unfinished_at, Job.first_finished_at, Job.queue_us, Job.execution_us, Job.evidence,
)  # fmt: skip
_SENT = select(*_COLUMNS).where(
    col(Job.deployment_id) == bindparam("deployment"),
    col(Job.id) != bindparam("job"),
    col(Job.sent_at).is_not(None),
)
_ended_at = col(Job.first_finished_at)
_EACH = (
    _SENT.where(or_(_ended_at.is_(None), _ended_at >= bindparam("sent"))),
    _SENT.where(col(Job.worker_id) == bindparam("worker"), _ended_at.is_not(None))
    .order_by(_ended_at.desc())
    .limit(_LATEST),
    _SENT.where(col(Job.start_kind).in_(_STARTED)).order_by(col(Job.id)).limit(_FIRST),
    _SENT.where(col(Job.start_kind) == StartKind.RESTORED).limit(1),
)
_LANE = select(col(Deployment.backend), col(Deployment.idle_timeout_s)).where(
    col(Deployment.id) == bindparam("deployment")
)
_OTHERS = union_all(*(select(each.subquery()) for each in _EACH))


def decided(
    session: Session,
    job: Job,
    ended: Mapping[str, Any],
    evidence: Mapping[str, Any],
    *,
    looked: Mapping[int | None, datetime],
) -> dict[str, Any]:
    """The columns start_kind, evidence and left_out of a job whose other columns are to become `ended`.

    looked: last looks that saw other jobs unfinished, by id: of jobs under way they are in memory only.
    """
    backend, idle_window_s = session.connection().execute(_LANE, {"deployment": job.deployment_id}).one()
    case = Case(
        job=_sample({**job.model_dump(), **ended, "evidence": evidence}, job.last_unfinished_at),
        others=_others(session, job, ended["worker_id"], looked),
        idle_window_s=idle_window_s,
    )
    kind, why = start_kind(backend, case)
    left_out = job.left_out
    if ended["status"] is JobStatus.SUCCEEDED:
        left_out = left_out or warm_up(backend, case, kind) or mismatch(job.profile, job.position, kind)
    evidence = {**evidence, "worker_id": ended["worker_id"], **why}
    return {"start_kind": kind, "evidence": evidence, "left_out": left_out}


def _others(session: Session, job: Job, worker_id: str | None, looked: Mapping[int | None, datetime]) -> list[Sample]:
    """The jobs of the deployment that were under way at the same time, were on this worker last, or met no capacity
    first: they decide, however many others there are."""
    given = {"deployment": job.deployment_id, "job": job.id, "worker": worker_id, "sent": job.sent_at}
    rows = {row["id"]: row for row in session.connection().execute(_OTHERS, given).mappings()}
    return [_sample(row, looked.get(id, row["last_unfinished_at"])) for id, row in rows.items()]


def _sample(row: Mapping[Any, Any], last_unfinished_at: datetime | None) -> Sample:
    same = ("status", "reason", "start_kind", "worker_id", "sent_at", "accepted_at", "deadline_at", "first_finished_at")
    return Sample(
        **{name: row[name] for name in same},
        last_unfinished_at=last_unfinished_at,
        queue_s=_seconds(row["queue_us"]),
        execution_s=_seconds(row["execution_us"]),
        evidence=row["evidence"] or {},
    )


def _seconds(micros: int | None) -> float | None:
    return None if micros is None else micros / 1e6
