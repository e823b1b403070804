"""Readings of bills: how fresh each backend's are, from when on they have to be read again, and what never came."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol

from sqlalchemy import String, bindparam, cast, func
from sqlalchemy import select as sa_select
from sqlmodel import Session, col, select

from storage.billing import FINAL_AFTER
from storage.models import BillRead, Charge, Deployment, Job, Payment, Statement
from words import BillOutcome, ChargeFlag, CostState, JobStatus, Provider

WINDOW = timedelta(days=4)  # charges become final 48 h after their end, so two days more than that
LONGEST = timedelta(days=35)  # what has not closed until then is given up: it stays provisional, or a gap
HOUR = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Gap:
    """An hour in which a job of ours ran, closed for long, and no line that counts bills its deployment then."""

    backend: str
    deployment_id: int
    key: str
    start: datetime
    end: datetime


@dataclass(kw_only=True)
class Freshness:
    """One backend's bills: when and how they were last read, and what they hold."""

    backend: str
    outcome: BillOutcome
    read_at: datetime
    text: str  # what is wrong and the way out; empty where all is well
    whole_at: datetime | None  # the last reading of a whole window
    lines: int = 0
    billed_usd: Decimal = Decimal()  # of our deployments, lines that count
    by_state: dict[CostState, Decimal] = field(default_factory=dict)  # the same by state
    others_usd: Decimal = Decimal()  # lines that count and bill nothing of ours
    odd: dict[ChargeFlag, int] = field(default_factory=dict)  # lines with each flag
    left_out: dict[str, Decimal] = field(default_factory=dict)  # currency -> amount of lines that are in no sum
    gaps: int = 0


def keep_reading(session: Session, read: BillRead) -> BillRead | None:
    """Store a reading; gives the one before. One that says the same with nothing new moves that one on instead."""
    last = last_reading(session, read.backend)
    before = BillRead(**last.model_dump()) if last is not None else None
    if last is not None and not read.new + read.changed and _says(last) == _says(read):
        last.read_at, last.since, last.until = read.read_at, read.since, read.until
        last.lines, last.new, last.changed = read.lines, read.new, read.changed
        session.add(last)
    else:
        session.add(read)
    return before


def last_reading(session: Session, backend: str, outcome: BillOutcome | None = None) -> BillRead | None:
    """The newest reading of a backend's bills, of all or of those that ended so."""
    given = {"backend": backend, "outcomes": list(BillOutcome) if outcome is None else [outcome]}
    return session.exec(_LAST, params=given).first()


_WHOLE = BillOutcome.READ
# Asked for at each reading of bills: to build these statements took longer than to run them.
_LAST = (
    select(BillRead)
    .where(BillRead.backend == bindparam("backend"), col(BillRead.outcome).in_(bindparam("outcomes", expanding=True)))
    .order_by(col(BillRead.read_at).desc(), col(BillRead.id).desc())
    .limit(1)
)
_OPEN_SINCE = sa_select(func.min(Charge.charge_period_start)).where(
    col(Charge.provider) == bindparam("provider"),
    col(Charge.state) != CostState.FINAL,
    col(Charge.charge_period_start) >= bindparam("longest"),
)
_UNBILLED_SINCE = sa_select(func.min(Deployment.created_at)).where(
    col(Deployment.backend) == bindparam("backend"),
    col(Deployment.created_at) >= bindparam("longest"),
    col(Deployment.id).not_in(sa_select(col(Charge.deployment_id)).where(col(Charge.deployment_id).is_not(None))),
    col(Deployment.id).in_(sa_select(col(Job.deployment_id)).where(col(Job.first_finished_at).is_not(None))),
)
_GOOD_JOBS = (
    sa_select(
        *(col(Deployment.backend), col(Deployment.id), col(Deployment.key)),
        *(col(Job.first_finished_at), col(Job.execution_us)),
    )
    .join(Job, col(Job.deployment_id) == Deployment.id)
    .where(
        col(Deployment.backend).in_(bindparam("backends", expanding=True)),
        col(Job.status) == JobStatus.SUCCEEDED,
        col(Job.first_finished_at) >= bindparam("longest"),
    )
)


def window_start(session: Session, backend: str, provider: Provider, now: datetime) -> datetime:
    """From when on bills are to be read: a few days back, and to the oldest line, deployment or gap not closed."""
    given = {"backend": backend, "provider": provider.value, "longest": now - LONGEST}
    starts = [session.connection().execute(query, given).scalar() for query in (_OPEN_SINCE, _UNBILLED_SINCE)]
    starts += [now - WINDOW, *(gap.start for gap in gaps(session, now, backends=[backend]))]
    return max(now - LONGEST, min(start for start in starts if start is not None))


def gaps(session: Session, now: datetime, *, backends: Iterable[str] | None = None) -> list[Gap]:
    """Hours that were never published, by backend, deployment and time; none where nothing was used.

    backends: of these; None: of all.
    """
    busy = _busy_hours(session, now, _backends(session) if backends is None else backends)
    if not busy:
        return []
    ids = {deployment_id for _, deployment_id, _ in busy}
    query = select(Charge.deployment_id, Charge.charge_period_start, Charge.charge_period_end).where(
        col(Charge.deployment_id).in_(ids), col(Charge.counts).is_(True)
    )
    billed: dict[int | None, list[tuple[datetime, datetime]]] = defaultdict(list)
    for deployment_id, start, end in session.exec(query):
        billed[deployment_id].append((start, end))
    return [
        Gap(backend=backend, deployment_id=deployment_id, key=key, start=hour, end=hour + HOUR)
        for (backend, deployment_id, key), hours in sorted(busy.items())
        for hour in sorted(hours)
        if not any(start < hour + HOUR and end > hour for start, end in billed[deployment_id])
    ]


def _busy_hours(
    session: Session, now: datetime, backends: Iterable[str]
) -> Mapping[tuple[str, int, str], set[datetime]]:
    """Hours in the middle of a good job, over for so long that a whole reading should have had them."""
    read_at = {name: read.read_at for name in backends if (read := last_reading(session, name, _WHOLE))}
    found: dict[tuple[str, int, str], set[datetime]] = defaultdict(set)
    given = {"backends": list(read_at), "longest": now - LONGEST}
    for backend, deployment_id, key, finished_at, execution_us in session.connection().execute(_GOOD_JOBS, given):
        if deployment_id is None or finished_at is None:
            continue
        middle = finished_at - timedelta(microseconds=(execution_us or 0) // 2)
        hour = middle.replace(minute=0, second=0, microsecond=0)
        if hour + HOUR + FINAL_AFTER <= read_at[backend]:
            found[backend, deployment_id, key].add(hour)
    return found


def freshness(session: Session, now: datetime) -> list[Freshness]:
    """Of each backend whose bills were ever asked for, by name."""
    found = {}
    for name in _backends(session):
        last, whole = last_reading(session, name), last_reading(session, name, _WHOLE)
        if last is not None:
            found[name] = Freshness(
                backend=name,
                outcome=last.outcome,
                read_at=last.read_at,
                text=last.text,
                whole_at=whole.read_at if whole else None,
            )
    for row in _sums(session):
        if (fresh := found.get(row[0])) is not None:
            _add(fresh, row)
    for gap in gaps(session, now):
        found[gap.backend].gaps += 1
    return list(found.values())


def _backends(session: Session) -> list[str]:
    return sorted(session.exec(select(BillRead.backend).distinct()))


def _sums(session: Session) -> Iterable[Any]:
    """(provider, flags, currency, state, counts, lines, amount): a backend with bills has its provider's name."""
    flags = cast(col(Charge.flags), String)
    keys: Any = (col(Charge.provider), flags, col(Charge.billing_currency), col(Charge.state), col(Charge.counts))
    return session.execute(sa_select(*keys, func.count(), func.sum(Charge.billed_cost)).group_by(*keys)).all()


def _add(fresh: Freshness, row: Any) -> None:
    _, said, currency, state, counts, lines, amount = row
    flags, usd = [ChargeFlag(name) for name in json.loads(said)], amount or Decimal()
    fresh.lines += lines
    for name in flags:
        fresh.odd[name] = fresh.odd.get(name, 0) + lines
    if not counts:
        fresh.left_out[currency] = fresh.left_out.get(currency, Decimal()) + usd
    elif ChargeFlag.NO_RESOURCE in flags:
        fresh.others_usd += usd
    else:
        fresh.billed_usd += usd
        fresh.by_state[state] = fresh.by_state.get(state, Decimal()) + usd


def _says(read: BillRead) -> tuple[Any, ...]:
    return read.outcome, read.text, read.unread


class PaymentLine(Protocol):
    """What a backend's `account` gives of a payment."""

    @property
    def payment_id(self) -> str: ...
    @property
    def provider(self) -> Provider: ...
    @property
    def at(self) -> datetime: ...
    @property
    def amount(self) -> Decimal | None: ...
    @property
    def currency(self) -> str: ...
    @property
    def service(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def raw(self) -> Mapping[str, Any]: ...


class Total(Protocol):
    """What a backend's `account` gives of a total."""

    @property
    def provider(self) -> Provider: ...
    @property
    def kind(self) -> str: ...
    @property
    def period_start(self) -> datetime: ...
    @property
    def period_end(self) -> datetime: ...
    @property
    def metered_usd(self) -> Decimal | None: ...
    @property
    def billed_usd(self) -> Decimal | None: ...
    @property
    def parts(self) -> Mapping[str, str]: ...


def keep_account(
    session: Session,
    payments: Iterable[PaymentLine],
    statements: Iterable[Total],
    *,
    now: datetime,
    simulated: bool,
) -> None:
    """Write payments and totals; the same one read again updates its row."""
    for line in payments:
        session.merge(
            Payment(
                id=line.payment_id,
                provider=line.provider.value,
                at=line.at,
                amount=line.amount,
                currency=line.currency,
                service=line.service,
                text=line.text,
                simulated=simulated,
                fetched_at=now,
                raw=dict(line.raw),
            )
        )
    for total in statements:
        session.merge(
            Statement(
                id=f"{total.provider.value}/{total.kind}/{total.period_start:%Y-%m-%dT%H:%MZ}",
                provider=total.provider.value,
                kind=total.kind,
                period_start=total.period_start,
                period_end=total.period_end,
                metered_usd=total.metered_usd,
                billed_usd=total.billed_usd,
                parts=dict(total.parts),
                simulated=simulated,
                fetched_at=now,
            )
        )
