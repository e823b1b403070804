"""What pages, commands and the collector ask of the tables: named, session first, rows or small values out."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import BigInteger, String, bindparam, func, inspect, type_coerce
from sqlalchemy.sql.elements import ColumnElement
from sqlmodel import Session, SQLModel, col, select

from analysis.cost import weakest
from storage.billing import upsert_charges as upsert_charges
from storage.models import (
    Answer,
    Backend,
    BillRead,
    Charge,
    Collector,
    DecisionCard,
    Deployment,
    Effort,
    Event,
    Image,
    Installation,
    Job,
    Observation,
    Offer,
    Pair,
    PriceLayer,
    Prompt,
    Request,
    Run,
    SignOff,
    Snapshot,
    TrafficProfile,
    Vote,
    Workflow,
)
from words import CostState, JobStatus, RequestKind, RequestState, RunStatus

_Row = TypeVar("_Row", bound=SQLModel)


def one(session: Session, model: type[_Row], key: Any) -> _Row:
    """The row of this key, as `session.get_one` gives it, which builds its statement anew each time.

    Raises NoResultFound.
    """
    found: _Row = session.exec(_by_key(model), params={"key": key}).one()
    return found


@cache
def _by_key(model: type[SQLModel]) -> Any:
    return select(model).where(inspect(model).primary_key[0] == bindparam("key"))


@dataclass(frozen=True, kw_only=True)
class RunLine:
    """A run and how far it is. `billed_usd` is None until a line of its deployments is billed."""

    run: Run
    workflow: str
    backends: Sequence[str]
    jobs: int
    by_status: Mapping[JobStatus, int]
    good_images: int
    billed_usd: Decimal | None
    cost_state: CostState | None  # the weakest of its lines

    @property
    def finished(self) -> int:
        """Jobs that can change no more."""
        return sum(count for status, count in self.by_status.items() if status.final)


@dataclass(frozen=True, kw_only=True)
class RunDetail:
    """A run with its deployments; jobs as a frame from `storage.frames`."""

    line: RunLine
    deployments: Sequence[Deployment]
    events: Sequence[Event]


@dataclass(frozen=True, kw_only=True)
class JobDetail:
    """One job with all that is known of it."""

    job: Job
    run: Run
    deployment: Deployment
    workflow: Workflow
    prompt: Prompt
    observations: Sequence[Observation]
    images: Sequence[Image]
    events: Sequence[Event]


def installation(session: Session) -> Installation | None:
    """Who we are; None before the collector has ever run."""
    return session.get(Installation, 1)


def collector(session: Session) -> Collector | None:
    """The background process as last heard of."""
    return session.get(Collector, 1)


def backends(session: Session) -> Sequence[Backend]:
    """Every backend as last checked, by name."""
    return session.exec(select(Backend).order_by(Backend.name)).all()


def latest_offers(session: Session) -> Sequence[Offer]:
    """What each (backend, GPU) offered when it was last asked, cheapest first."""
    newest = (
        select(Offer.backend, Offer.gpu, func.max(Offer.seen_at).label("seen_at"))
        .group_by(Offer.backend, Offer.gpu)
        .subquery()
    )
    query = (
        select(Offer)
        .join(newest, (col(Offer.backend) == newest.c.backend) & (col(Offer.gpu) == newest.c.gpu))
        .where(Offer.seen_at == newest.c.seen_at)
        .order_by(Offer.backend, Offer.gpu, col(Offer.usd_per_s), col(Offer.id))
    )
    return session.exec(query).all()


def runs(session: Session, *, limit: int | None = None) -> list[RunLine]:
    """Runs with their progress, newest first."""
    query = select(Run).order_by(col(Run.id).desc()).limit(limit)
    return _lines(session, session.exec(query).all())


def run_detail(session: Session, run_id: int) -> RunDetail | None:
    """One run; None if there is none of that number."""
    row = session.get(Run, run_id)
    if row is None:
        return None
    deployments = session.exec(select(Deployment).where(Deployment.run_id == run_id).order_by(col(Deployment.id)))
    return RunDetail(
        line=_lines(session, [row])[0], deployments=deployments.all(), events=events(session, run_id=run_id)
    )


def job_detail(session: Session, job_id: int) -> JobDetail | None:
    """One job with run, replies and images; None if there is none of that number."""
    job = session.get(Job, job_id)
    if job is None:
        return None
    run = session.get_one(Run, job.run_id)
    return JobDetail(
        job=job,
        run=run,
        deployment=session.get_one(Deployment, job.deployment_id),
        workflow=session.get_one(Workflow, run.workflow_hash),
        prompt=session.get_one(Prompt, job.prompt_id),
        observations=session.exec(
            select(Observation).where(Observation.job_id == job_id).order_by(col(Observation.id))
        ).all(),
        images=session.exec(select(Image).where(Image.job_id == job_id).order_by(col(Image.id))).all(),
        events=session.exec(select(Event).where(Event.job_id == job_id).order_by(col(Event.id))).all(),
    )


def events(session: Session, *, run_id: int | None = None, limit: int = 200) -> Sequence[Event]:
    """What happened, newest first: of one run, or of all."""
    query = select(Event).order_by(col(Event.id).desc()).limit(limit)
    return session.exec(query if run_id is None else query.where(Event.run_id == run_id)).all()


def ask(session: Session, kind: RequestKind, arguments: Mapping[str, Any], *, asked_by: str, now: datetime) -> Request:
    """Put a request into the collector's inbox; the caller commits, then watches the row."""
    row = Request(kind=kind.value, arguments=dict(arguments), asked_by=asked_by, asked_at=now)
    session.add(row)
    session.flush()
    return row


def open_requests(session: Session) -> Sequence[Request]:
    """What nobody has answered yet, oldest first."""
    query = select(Request).where(Request.state == RequestState.ASKED).order_by(col(Request.id))
    return session.exec(query).all()


def votes(session: Session) -> int:
    """Blind votes that were cast."""
    return session.exec(select(func.count(col(Vote.id)))).one()


_ENDED = [status for status in RunStatus if status.final]
_LIVE: Sequence[Any] = (Run, Job, Deployment, Image, Observation, Event, Offer, Request, Pair)
_GROUND: Sequence[Any] = (
    *(BillRead, PriceLayer, Effort, TrafficProfile, DecisionCard),
    *(Answer, Snapshot, SignOff, Vote),
)


def data_version(session: Session) -> str:
    """Changes whenever a page would show something else: the key of every cached frame.

    Rows only ever move forward through their states, so counts per state and newest ids tell every change.
    """
    moved = [
        func.max(type_coerce(Backend.checked_at, BigInteger)),
        func.max(type_coerce(Offer.seen_at, BigInteger)),
        func.max(type_coerce(Request.answered_at, BigInteger)),
    ]
    states = [_states(session, state) for state in (Run.status, Job.status, Deployment.state)]
    return repr([*_newest(session, _LIVE), *_scalars(session, moved), *states, verdict_version(session)])


def verdict_version(session: Session) -> str:
    """Changes whenever a verdict may: runs and pairs that are done, bills, and what people said. Not with each job."""
    moved = [
        func.max(type_coerce(Charge.fetched_at, BigInteger)),
        func.max(type_coerce(BillRead.read_at, BigInteger)),
        func.count(type_coerce(PriceLayer.revoked_at, BigInteger)),
        func.count(type_coerce(DecisionCard.locked_at, BigInteger)),
        func.count(type_coerce(DecisionCard.reviewed_at, BigInteger)),
        func.count(col(Effort.id)),  # an entry can be dropped
    ]
    over = [row for row in _states(session, Run.status) if row[0] in _ENDED]
    ground = [*_newest(session, _GROUND), *_scalars(session, moved), _states(session, Charge.state)]
    return repr([*ground, over, ended_pairs(session)])


def ended_pairs(session: Session) -> int:
    """Pairs of images whose run is over."""
    query = select(func.count(col(Pair.id))).join(Image, col(Image.id) == Pair.other_image_id)
    query = query.join(Job, col(Job.id) == Image.job_id).join(Run, col(Run.id) == Job.run_id)
    return session.exec(query.where(col(Run.status).in_(_ENDED))).one()


def _newest(session: Session, models: Sequence[Any]) -> list[Any]:
    return _scalars(session, [func.max(col(model.id)) for model in models])


def _scalars(session: Session, values: Sequence[ColumnElement[Any]]) -> list[Any]:
    return [session.execute(select(value)).scalar_one() for value in values]


def _states(session: Session, state: Any) -> list[tuple[Any, ...]]:
    """How many rows are in each state."""
    counts = select(type_coerce(state, String), func.count()).group_by(state).order_by(state)
    return [tuple(row) for row in session.execute(counts)]


def _lines(session: Session, rows: Sequence[Run]) -> list[RunLine]:
    ids = [row.id for row in rows if row.id is not None]
    statuses, good, billed = _statuses(session, ids), _good_images(session, ids), _billed(session, ids)
    names = dict(session.exec(select(Workflow.hash, Workflow.name)).all())
    return [
        RunLine(
            run=row,
            workflow=names[row.workflow_hash],
            backends=row.plan["backends"],
            jobs=sum(statuses[row.id].values()),
            by_status=statuses[row.id],
            good_images=good.get(row.id, 0),
            billed_usd=sum(billed[row.id].values(), Decimal()) if row.id in billed else None,
            cost_state=weakest(billed[row.id]) if row.id in billed else None,
        )
        for row in rows
        if row.id is not None
    ]


def _statuses(session: Session, run_ids: Sequence[int]) -> Mapping[int, dict[JobStatus, int]]:
    found: dict[int, dict[JobStatus, int]] = defaultdict(dict)
    query = select(Job.run_id, Job.status, func.count()).where(col(Job.run_id).in_(run_ids))
    for run_id, status, count in session.exec(query.group_by(col(Job.run_id), col(Job.status))):
        found[run_id][JobStatus(status)] = count
    return found


def _good_images(session: Session, run_ids: Sequence[int]) -> dict[int, int]:
    query = (
        select(Job.run_id, func.count(func.distinct(Job.id)))
        .join(Image, col(Image.job_id) == Job.id)
        .where(col(Job.run_id).in_(run_ids), Job.status == JobStatus.SUCCEEDED, col(Image.good).is_(True))
        .group_by(col(Job.run_id))
    )
    return dict(session.exec(query).all())


def _billed(session: Session, run_ids: Sequence[int]) -> Mapping[int, dict[CostState, Decimal]]:
    found: dict[int, dict[CostState, Decimal]] = defaultdict(dict)
    query = (
        select(Deployment.run_id, Charge.state, func.sum(Charge.billed_cost))
        .join(Deployment, col(Deployment.id) == Charge.deployment_id)
        .where(col(Deployment.run_id).in_(run_ids), col(Charge.counts).is_(True))
        .group_by(col(Deployment.run_id), col(Charge.state))
    )
    for run_id, state, usd in session.exec(query):
        found[run_id][CostState(state)] = usd or Decimal()
    return found
