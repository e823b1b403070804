"""What has been spent at most, what is promised, and what is kept for teardown: by run, by day and over all.

Read from the tables once a second at most. Between two readings each purchase is added to what is held, so that a
thousand jobs claimed in one moment all see each other, for the price of one query.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy import BigInteger, bindparam, case, func, type_coerce
from sqlmodel import Session, col

from analysis.ceilings import DESTROY_S
from clock import to_us
from storage.models import Deployment, Job, Offer, Run, Workflow
from words import JobStatus, RunStatus

READ_EVERY_S = 1.0  # world seconds for which a reading holds
FIRST_JOB_S = 60.0  # what a job is taken to last until one of its lane has ended: 45 s to boot and load, 15 s to run
READY_S = 300.0  # .. and a rental until it is ready
BOOT_S = 120.0  # of a worker that was started for a job which another one took
Scope = tuple[str, Any]  # ("run", its id), ("day", its UTC date), ("all", None)
ALL: Scope = ("all", None)
_OVER = [status for status in RunStatus if status.final]
_ENDED = [status for status in JobStatus if status.final]


@dataclass(frozen=True)
class Sum:
    """Dollars and seconds of GPUs."""

    usd: Decimal = Decimal()
    gpu_s: float = 0.0

    def __add__(self, other: "Sum") -> "Sum":
        return Sum(self.usd + other.usd, self.gpu_s + other.gpu_s)

    def __sub__(self, other: "Sum") -> "Sum":
        return Sum(self.usd - other.usd, self.gpu_s - other.gpu_s)

    def times(self, factor: float) -> "Sum":
        """So many of it."""
        return Sum(self.usd * Decimal(str(factor)), self.gpu_s * factor)


@dataclass(frozen=True)
class Limit:
    """A ceiling in dollars, in seconds of GPUs, in both or in neither."""

    usd: Decimal | None = None
    gpu_s: float | None = None


NO_SUM, NO_LIMIT = Sum(), Limit()


@dataclass(frozen=True, kw_only=True)
class Ceilings:
    """Beside those of a run: of one job, of a UTC day, and of all runs of the data folder together."""

    job: Limit = NO_LIMIT
    day: Limit = NO_LIMIT
    installation: Limit = NO_LIMIT


@dataclass(frozen=True, kw_only=True)
class Rate:
    """What a deployment costs. once_usd: for the network, at its order. usd_per_s: one worker, a rented disk too."""

    usd_per_s: Decimal
    once_usd: Decimal = Decimal()
    workers: int = 1
    idle_s: float = 0.0
    scales: bool = False  # to zero: it costs nothing while no job is there and its idle window is over

    def of(self, seconds: float) -> Sum:
        """The price of so many worker-seconds."""
        return Sum(self.usd_per_s * Decimal(str(seconds)), seconds)

    @property
    def tail_s(self) -> float:
        """Worker-seconds from the last job's end until it costs nothing."""
        return self.workers * self.idle_s if self.scales else DESTROY_S


@dataclass(frozen=True, kw_only=True)
class Jobs:
    """The jobs of a deployment: sent so far, in flight, seconds of all together, and what one lasts."""

    sent: int = 0
    in_flight: int = 0
    took_s: float = 0.0
    each_s: float | None = None


@dataclass(frozen=True, kw_only=True)
class Line:
    """One deployment at the instant of a reading."""

    run_id: int
    rate: Rate
    spent: Sum
    today: Sum
    promised: Sum
    reserve: Sum
    job_s: float  # what its next job is expected to take
    sent: int


@dataclass
class Book:
    """The sums of one collector. `refused`: why a run may pay for nothing more; `overdrawn`: runs that spent it all."""

    spent: dict[Scope, Sum] = field(default_factory=dict)
    held: dict[Scope, Sum] = field(default_factory=dict)  # promised, and reserved for teardown
    reserve: dict[Scope, Sum] = field(default_factory=dict)
    burn: dict[Scope, Sum] = field(default_factory=dict)  # a second, at most
    limits: dict[Scope, Limit] = field(default_factory=dict)  # of the open runs
    lines: dict[int, Line] = field(default_factory=dict)  # by deployment
    refused: dict[int, str] = field(default_factory=dict)
    overdrawn: set[int] = field(default_factory=set)
    begun: set[int] = field(default_factory=set)  # deployments whose first job was allowed: their order had paid for it
    read_at: datetime | None = None
    _closed: dict[Scope, Sum] = field(default_factory=dict)
    _open: set[int] = field(default_factory=set)
    _last: int = 0
    _orders: dict[int, tuple[Sum, Sum]] = field(default_factory=dict)  # allowed, and not in their rows yet
    _model_gb: dict[str, Decimal] = field(default_factory=dict)
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock)
    doubt: asyncio.Lock = field(default_factory=asyncio.Lock)  # one refusal at a time is made sure of

    async def read(
        self,
        load: Callable[[Callable[[Session], None]], Awaitable[None]],
        run_id: int,
        *,
        now: datetime,
        scales: Callable[[str], bool],
        within_s: float = READ_EVERY_S,
    ) -> None:
        """Bring the sums up to date, unless they are younger than `within_s` and know the run."""
        async with self._reading:
            age_s = None if self.read_at is None else (now - self.read_at).total_seconds()
            if age_s is None or not 0 <= age_s < within_s or ("run", run_id) not in self.limits:
                await load(lambda session: self._take(session, now, scales, run_id))

    def hold(self, run_id: int, price: Sum, *, now: datetime) -> None:
        """A purchase that was allowed."""
        _add(self.held, run_id, price, None, now)

    def hold_order(self, run_id: int, price: Sum, burn: Sum, *, now: datetime, deployment: int) -> None:
        """An order that was allowed: its row will say so later, and from now on it costs `burn` a second."""
        self.hold(run_id, price - self.held_for(deployment), now=now)
        _add(self.burn, run_id, burn, None, now)
        self._orders[deployment] = price, burn

    def held_for(self, deployment: int) -> Sum:
        """What is held for an order already: the offer before this one may have been gone."""
        line, (price, _) = self.lines.get(deployment), self._orders.get(deployment, (NO_SUM, NO_SUM))
        return price if line is None else price + line.promised + line.reserve

    def _take(self, session: Session, now: datetime, scales: Callable[[str], bool], run_id: int) -> None:
        rows = session.connection().execute(_DEPLOYMENTS, {"known": sorted(self._open), "last": self._last}).all()
        jobs = _jobs(session, [row.id for row in rows], now)
        self.lines, self.spent, self.held, self.reserve, self.burn = {}, dict(self._closed), {}, {}, {}
        for row in rows:
            self._last = max(self._last, row.id)
            self._open.add(row.id)
            rate = self._rate(session, row, scales(row.backend))
            line = _line(row, rate, jobs.get(row.id, Jobs()), now)
            _add(self.spent, line.run_id, line.spent, line.today, now)
            if row.ended_at is not None:
                self._close(row.id, line, now)
                continue
            self.lines[row.id] = line
            if row.intended_at is not None:
                self._orders.pop(row.id, None)
            waiting, burning = self._orders.get(row.id, (NO_SUM, rate.of(rate.workers)))
            _add(self.held, line.run_id, line.promised + line.reserve + waiting, None, now)
            _add(self.reserve, line.run_id, line.reserve, None, now)
            _add(self.burn, line.run_id, burning, None, now)
        self.read_at, self.limits = now, _limits(session, run_id)

    def _close(self, deployment: int, line: Line, now: datetime) -> None:
        """It costs nothing more: its sum is kept, its row is not read again."""
        _add(self._closed, line.run_id, line.spent, line.today, now)
        self._open.discard(deployment)
        self._orders.pop(deployment, None)

    def _rate(self, session: Session, row: Any, scales: bool) -> Rate:
        detail: Mapping[str, Any] = row.detail or {}
        once = Decimal(detail.get("network_usd_per_gb") or 0)
        return Rate(
            usd_per_s=(row.usd_per_s or Decimal()) + Decimal(detail.get("storage_usd_per_s") or 0),
            once_usd=once * self._gb(session, row.workflow_hash) if once else once,
            workers=row.plan.get("max_workers", 1) if scales else 1,
            idle_s=row.idle_timeout_s,
            scales=scales,
        )

    def _gb(self, session: Session, workflow: str) -> Decimal:
        if workflow not in self._model_gb:
            files = session.get_one(Workflow, workflow).content["files"]
            self._model_gb[workflow] = Decimal(sum(file["size_bytes"] for file in files)) / 10**9
        return self._model_gb[workflow]


def scopes(run_id: int, now: datetime) -> tuple[Scope, Scope, Scope]:
    """Where a dollar of this run counts now."""
    return ("run", run_id), ("day", now.date()), ALL


def _add(sums: dict[Scope, Sum], run_id: int, total: Sum, today: Sum | None, now: datetime) -> None:
    run, day, over_all = scopes(run_id, now)
    for scope, part in ((run, total), (day, total if today is None else today), (over_all, total)):
        sums[scope] = sums.get(scope, NO_SUM) + part


def _line(row: Any, rate: Rate, jobs: Jobs, now: datetime) -> Line:
    """Where a deployment stands. Its time counts from the order, since a lost answer may hide what it bills."""
    since = row.intended_at or row.created_at or now
    wall_s = _span_s(since, row.ended_at or now)
    seconds = rate.workers * wall_s
    if rate.scales:
        # A worker is up while a job of its own is under way and in the idle window after it, and no longer.
        beside_s = rate.idle_s + (BOOT_S if rate.workers > 1 else 0.0)
        seconds = min(seconds, jobs.took_s + jobs.sent * beside_s)
    today = datetime.combine(now.date(), time.min, UTC)
    today_s = min(seconds, rate.workers * _span_s(max(since, today), row.ended_at or now))
    once = Sum(rate.once_usd) if row.intended_at is not None else NO_SUM
    ordered = row.intended_at is not None or row.created_at is not None
    job_s = jobs.each_s or FIRST_JOB_S
    return Line(
        run_id=row.run_id,
        rate=rate,
        spent=rate.of(seconds) + once,
        today=rate.of(today_s) + (once if since >= today else NO_SUM),
        promised=rate.of(jobs.in_flight * job_s if jobs.sent else _first_s(row, rate, wall_s)) if ordered else NO_SUM,
        reserve=rate.of(rate.tail_s) if ordered else NO_SUM,
        job_s=job_s,
        sent=jobs.sent,
    )


def _first_s(row: Any, rate: Rate, wall_s: float) -> float:
    """What an order still takes until its first job has ended."""
    if row.reason is not None:
        return 0.0
    waits = not rate.scales and row.ready_at is None
    return FIRST_JOB_S + (max(0.0, READY_S - wall_s) if waits else 0.0)


def _span_s(since: datetime, until: datetime) -> float:
    return max(0.0, (until - since).total_seconds())


# ---------------------------------------------------------------- the tables


def _us(column: Any) -> Any:
    """An instant as the microseconds it is stored as."""
    return type_coerce(column, BigInteger)


# Read once a second under load, hence built once: to build these statements took longer than to run them.
# The deployments that may still cost money, and those that are new.
_DEPLOYMENTS = (
    sa.select(
        *(col(getattr(Deployment, name)) for name in (
            "id", "run_id", "backend", "usd_per_s", "idle_timeout_s", "intended_at", "created_at", "ready_at",
            "ended_at", "reason",
        )),
        col(Offer.detail),
        col(Run.workflow_hash),
        col(Run.plan),
    )
    .join(Run, col(Run.id) == Deployment.run_id)
    .join(Offer, col(Offer.id) == Deployment.offer_id, isouter=True)
    .where(col(Deployment.id).in_(bindparam("known", expanding=True)) | (col(Deployment.id) > bindparam("last")))
    .order_by(col(Deployment.id))
)  # fmt: skip


def _of_jobs() -> Any:
    """What the jobs of deployments took, one row each.

    A job lasts from its sending until it was seen at its end, or cancelled; one that is lost until its deadline, as
    nobody knows better; one in flight until now.
    """
    now_us, over = bindparam("now_us", type_=BigInteger), col(Job.status).in_(_ENDED)
    began = func.coalesce(_us(Job.sent_at), _us(Job.intended_at))
    seen = func.coalesce(_us(Job.first_finished_at), _us(Job.last_unfinished_at), began)
    deadline = case((_us(Job.deadline_at) < now_us, _us(Job.deadline_at)), else_=now_us)
    lost = (col(Job.status) == JobStatus.LOST) & col(Job.first_finished_at).is_(None)
    ended = case((lost, deadline), (over, seen), else_=now_us)
    took = case((ended > began, ended - began), else_=0)
    # In an open loop latency holds the queue, in which nothing is billed.
    busy = case((col(Job.offset_us).is_(None), took), else_=func.coalesce(col(Job.execution_us), took))
    good = col(Job.status) == JobStatus.SUCCEEDED
    given: Any = bindparam("deployments", expanding=True)
    return (
        sa.select(
            col(Job.deployment_id),
            func.count(),
            func.sum(case((over, 0), else_=1)),
            func.sum(took),
            func.avg(case((good, busy))),
        )
        .where(col(Job.deployment_id).in_(given), col(Job.intended_at).is_not(None))
        .group_by(col(Job.deployment_id))
    )


_JOBS = _of_jobs()
_CAPS = sa.select(col(Run.id), col(Run.cap_usd), col(Run.cap_gpu_s)).where(
    col(Run.status).not_in(_OVER) | (col(Run.id) == bindparam("run_id"))
)


def _jobs(session: Session, deployments: list[int], now: datetime) -> dict[int, Jobs]:
    found = session.connection().execute(_JOBS, {"deployments": deployments, "now_us": to_us(now)})
    return {row[0]: _counted(row) for row in found}


def _counted(row: Any) -> Jobs:
    _, sent, in_flight, took_us, each_us = row
    each_s = None if each_us is None else float(each_us) / 1e6
    return Jobs(sent=sent, in_flight=in_flight, took_s=float(took_us) / 1e6, each_s=each_s)


def _limits(session: Session, run_id: int) -> dict[Scope, Limit]:
    found = session.connection().execute(_CAPS, {"run_id": run_id})
    return {("run", number): Limit(usd, gpu_s) for number, usd, gpu_s in found}
