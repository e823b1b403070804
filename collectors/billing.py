"""Bills: every provider's charges of a trailing window, read again and again until they are final."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

from sqlmodel import Session, col, func, select

from backends.base import Backend, Charge
from backends.errors import AuthFailed, BackendError, NotOffered, Retired
from collectors.context import Context, log
from storage.billing import FINAL_AFTER, Ingested, upsert_charges, withdraw_missing
from storage.bills import keep_account, keep_reading, last_reading, window_start
from storage.models import BillRead, Deployment, Job
from storage.models import Charge as ChargeRow
from words import BillOutcome, CostState, Feature, called

DAY = timedelta(days=1)
LINES_AT_ONCE = 2_000  # in one transaction: the intents of jobs wait behind it
MOST_FAILED = 2  # days in a row: then the provider is away, and the rest is left for the next reading
SETTLE_STEP = timedelta(hours=12)
SETTLE_TRIES = 10
SETTLED, LEAPT = "settled", "leapt"  # kinds of event: the one that ends a demo, and each leap before it
_FOR_ALL = (AuthFailed, NotOffered, Retired)  # says the same of any other day


@dataclass
class _Read:
    """One reading as far as it got."""

    since: datetime
    until: datetime
    lines: int = 0
    counts: Ingested = field(default_factory=lambda: Ingested(0, 0, 0))
    errors: dict[datetime, BackendError | None] = field(default_factory=dict)  # day -> why not; None: not asked for
    days: int = 0


async def ingest(ctx: Context) -> int:
    """Read the window of every billed backend; gives how many lines were new or changed."""
    changed = 0
    for name, backend in ctx.backends.items():
        if Feature.BILLED in backend.features:
            read = await _read(ctx, name, backend)
            await _conclude(ctx, name, backend, read)
            changed += read.counts.new + read.counts.changed
    return changed


async def due(ctx: Context, *, every: timedelta) -> datetime:
    """When bills are to be read next: `every` after the oldest backend's last whole reading, now if one has none.

    Else a collector that is started again and again would ask for what the one before it has just read.
    """
    billed = [name for name, backend in ctx.backends.items() if Feature.BILLED in backend.features]
    now = ctx.clock.now()
    last = await ctx.load(lambda session: [last_reading(session, name) for name in billed])
    whole = [read.read_at if read and read.outcome is BillOutcome.READ else now - every for read in last]
    return max(now, min(whole, default=now) + every)


async def _read(ctx: Context, name: str, backend: Backend) -> _Read:
    """The whole window at once; where that fails day by day, so that what can be read is kept."""
    now = ctx.clock.now()
    since = await ctx.load(lambda session: window_start(session, name, backend.provider, now))
    read = _Read(since=since, until=now)
    try:
        await _take(ctx, backend, read, since, now)
    except _FOR_ALL as error:
        read.errors[since] = error
    except BackendError as error:
        log.warning("bills of %s could not be read in one: %s", name, error)
        await _by_day(ctx, backend, read)
    return read


async def _by_day(ctx: Context, backend: Backend, read: _Read) -> None:
    failed = 0
    for start, end in days(read.since, read.until):
        read.days += 1
        if failed == MOST_FAILED:
            read.errors[start] = None
            continue
        try:
            await _take(ctx, backend, read, start, end)
            failed = 0
        except BackendError as error:
            read.errors[start] = error
            failed += 1


async def _take(ctx: Context, backend: Backend, read: _Read, start: datetime, end: datetime) -> None:
    """Read [start, end) and write it; what is known of that time and did not come was withdrawn."""
    now = ctx.clock.now()
    charges = await backend.charges(start, end)
    charges.sort(key=lambda line: (line.resource_id, line.charge_id))
    for part in parts(charges):
        write = partial(upsert_charges, charges=part, now=now, simulated=ctx.simulated)
        read.counts += await ctx.writer.run(write)
    read.lines += len(charges)
    gone = partial(withdraw_missing, provider=backend.provider, since=start, until=end, now=now)
    read.counts += Ingested(0, await ctx.writer.run(gone), 0)


def days(start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
    """[start, end) cut at midnights (UTC)."""
    cuts = [start]
    while (midnight := cuts[-1].astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + DAY) < end:
        cuts.append(midnight)
    return list(zip(cuts, [*cuts[1:], end], strict=True))


def parts(charges: Sequence[Charge]) -> list[Sequence[Charge]]:
    """Lines sorted by resource and id in parts of about LINES_AT_ONCE, those of one id together."""
    found, start = [], 0
    while start < len(charges):
        end = min(start + LINES_AT_ONCE, len(charges))
        while end < len(charges) and charges[end].charge_id == charges[end - 1].charge_id:
            end += 1
        found.append(charges[start:end])
        start = end
    return found


async def _conclude(ctx: Context, name: str, backend: Backend, read: _Read) -> None:
    """Keep how it went, and tell it where that is news: not at each reading."""
    outcome, text = _outcome(name, read)
    now = ctx.clock.now()
    row = BillRead(
        backend=name,
        read_at=now,
        since=read.since,
        until=read.until,
        outcome=outcome,
        unread=[day.isoformat() for day in read.errors],
        lines=read.lines,
        new=read.counts.new,
        changed=read.counts.changed,
        text=text,
        simulated=ctx.simulated,
    )
    before = await ctx.writer.run(partial(keep_reading, read=row))
    was = (before.outcome, before.text) if before else (BillOutcome.READ, "")
    if was != (outcome, text):
        await ctx.tell("billing", text or f"Bills of {called(name)} can be read again.")
    if outcome in (BillOutcome.READ, BillOutcome.NO_REPORT) and (before is None or before.read_at.date() < now.date()):
        await _account(ctx, name, backend, read)


def _outcome(name: str, read: _Read) -> tuple[BillOutcome, str]:
    error = next((error for error in read.errors.values() if error is not None), None)
    match error:
        case None:
            return BillOutcome.READ, ""
        case NotOffered():
            text = f"{called(name)}'s plan has no bills to read, so that its costs stay estimated. {error}"
            return BillOutcome.NO_REPORT, text
        case AuthFailed():
            text = f"The key may not read the bills of {called(name)}; its costs stay estimated until it may. {error}"
            return BillOutcome.REFUSED, text
    if len(read.errors) < read.days:
        text = f"{len(read.errors)} of {read.days} days of the bills of {called(name)} could not be read: {error}"
        return BillOutcome.PARTIAL, text
    return BillOutcome.FAILED, f"Bills of {called(name)} could not be read: {error}"


async def _account(ctx: Context, name: str, backend: Backend, read: _Read) -> None:
    """Once a day: payments and the provider's own totals. They bill nothing, so that a failure is only logged."""
    now = ctx.clock.now()
    try:
        found = await backend.account(read.since, read.until)
    except BackendError as error:
        log.warning("payments and totals of %s could not be read: %s", name, error)
        return
    await ctx.writer.run(
        lambda session: keep_account(session, found.payments, found.statements, now=now, simulated=ctx.simulated)
    )


async def settle(ctx: Context, *, pause_s: float = 0.0) -> None:
    """Simulated worlds only, with nothing rented: leap until every line is final, and say how that went.

    pause_s: liveness seconds before each leap, for who watches.
    """
    for _ in range(SETTLE_TRIES):
        await ingest(ctx)
        if await ctx.load(partial(_settled, ctx.clock.now())):
            await ctx.tell(SETTLED, "All bills are final.")
            return
        await ctx.clock.rest(pause_s)
        ctx.clock.leap(ctx.clock.now() + SETTLE_STEP)
        await ctx.tell(LEAPT, f"Bills close: +{SETTLE_STEP // timedelta(hours=1)} h.")
    await ctx.tell(SETTLED, "Some bills are not final yet, though their time has passed.")


def _settled(now: datetime, session: Session) -> bool:
    """Every charge of ours is final, and every deployment is billed whose plan has bills.

    Capacity that scales to zero and never had a worker never will be: where no job ended, nobody waits for a bill
    beyond FINAL_AFTER.
    """
    ours = select(func.count()).select_from(ChargeRow).where(col(ChargeRow.deployment_id).is_not(None))
    open_lines = session.exec(ours.where(ChargeRow.state != CostState.FINAL)).one()
    billed = set(session.exec(select(ChargeRow.deployment_id)).all())
    rented = session.exec(select(Deployment).where(col(Deployment.created_at).is_not(None)))
    worked = set(session.exec(select(Job.deployment_id).where(col(Job.first_finished_at).is_not(None))).all())
    missing = [row for row in rented if row.id not in billed and not _has_no_report(session, row.backend)]
    never = all(row.id not in worked and row.ended_at and now > row.ended_at + FINAL_AFTER for row in missing)
    return open_lines == 0 and never


def _has_no_report(session: Session, backend: str) -> bool:
    last = last_reading(session, backend)
    return last is not None and last.outcome is BillOutcome.NO_REPORT
