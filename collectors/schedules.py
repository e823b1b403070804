"""Schedules: starts each block in its time, ends it with its run, names those that were missed, and keeps the budget.

A block and its run are one transaction: a collector that is killed in between has done both or neither.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial

from sqlalchemy import bindparam
from sqlmodel import Session, col, func, select

from collectors.context import Context
from collectors.lanes import keyless
from collectors.prices import READY
from collectors.spending import Sum
from storage.models import Backend, Block, Event, Run, Schedule
from storage.plans import PlanError, insert_run
from storage.schedules import run_plan
from words import BlockStatus, Feature, RunStatus, ScheduleStatus, called
from workflows import WorkflowError

_OPEN = (BlockStatus.PLANNED, BlockStatus.STARTED)
# Asked each turn: built once.
_ANY_DUE = select(Block.id).where(Block.status == BlockStatus.PLANNED, Block.starts_at <= bindparam("now")).limit(1)
_ANY_RAN = (
    select(Block.id)
    .join(Run, col(Run.id) == Block.run_id)
    .where(Block.status == BlockStatus.STARTED, col(Run.status).in_([status for status in RunStatus if status.final]))
    .limit(1)
)
DOWN = "the collector was not running in its time"


def due(session: Session, now: datetime) -> bool:
    """Is a block to start, or has the run of one ended?"""
    asked = session.connection()
    return any(asked.execute(query, {"now": now}).first() for query in (_ANY_DUE, _ANY_RAN))


def next_start(session: Session) -> datetime | None:
    """When the next planned block of an active schedule starts; None if none is left."""
    query = select(func.min(Block.starts_at)).join(Schedule, col(Schedule.id) == Block.schedule_id)
    return session.exec(
        query.where(Block.status == BlockStatus.PLANNED, Schedule.status == ScheduleStatus.ACTIVE)
    ).one()


def under_way(session: Session) -> bool:
    """Will a block start by itself, or does one run?"""
    running = select(Block.id).where(Block.status == BlockStatus.STARTED)
    return session.exec(running).first() is not None or next_start(session) is not None


async def turn(ctx: Context) -> None:
    """One look at all blocks: what has ended, what was missed, what is due."""
    now = ctx.clock.now()
    runs = await ctx.load(partial(_runs_beside_due, now))
    spent = await _spent(ctx, runs, now) if runs else {}
    await ctx.writer.run(partial(_turn, ctx, now, spent))


async def _spent(ctx: Context, runs: Sequence[int], now: datetime) -> dict[int, Decimal]:
    """What each of these may have cost at most, USD, by the same book as the ceiling of a run."""

    def scales(backend: str) -> bool:
        return backend in ctx.backends and Feature.SCALES_TO_ZERO in ctx.backends[backend].features

    await ctx.book.read(ctx.load, max(runs), now=now, scales=scales)
    return {run_id: ctx.book.spent.get(("run", run_id), Sum()).usd for run_id in runs}


def _runs_beside_due(now: datetime, session: Session) -> list[int]:
    """The runs so far of schedules with a block that is due."""
    due = select(Block.schedule_id).where(
        Block.status == BlockStatus.PLANNED, Block.starts_at <= now, Block.latest_at >= now
    )
    runs = session.exec(select(Block.run_id).where(col(Block.schedule_id).in_(due)))
    return [run_id for run_id in runs if run_id is not None]


def _turn(ctx: Context, now: datetime, spent: Mapping[int, Decimal], session: Session) -> None:
    open_ones = select(Block.schedule_id).where(col(Block.status).in_(_OPEN)).distinct()
    for schedule in session.exec(select(Schedule).where(col(Schedule.id).in_(open_ones)).order_by(col(Schedule.id))):
        query = select(Block).where(Block.schedule_id == schedule.id)
        blocks = session.exec(query.order_by(col(Block.starts_at), col(Block.id))).all()
        _Look(ctx=ctx, session=session, now=now, spent=spent, schedule=schedule, blocks=blocks).take()


@dataclass(frozen=True, kw_only=True)
class _Look:
    """One schedule in one transaction."""

    ctx: Context
    session: Session
    now: datetime
    spent: Mapping[int, Decimal]  # of each of its runs, USD, at most
    schedule: Schedule
    blocks: Sequence[Block]

    def take(self) -> None:
        for block in self._in(BlockStatus.STARTED):
            self._end(block)
        for block in self._in(BlockStatus.PLANNED):
            if block.latest_at < self.now:
                self._miss(block)
            elif block.starts_at <= self.now:
                self._try(block)
        if self.schedule.status is ScheduleStatus.ACTIVE and not any(each.status in _OPEN for each in self.blocks):
            self._set(ScheduleStatus.DONE, None)
            done = len(list(self._in(BlockStatus.DONE)))
            self._tell(f"Schedule {self.schedule.id} is over: {done} blocks done.")

    def _end(self, block: Block) -> None:
        """A block ends with its run. One whose run failed has measured nothing that it was meant to."""
        run = self.session.get_one(Run, block.run_id)
        if not run.status.final:
            return
        failed = run.status is RunStatus.FAILED
        block.status = BlockStatus.MISSED if failed else BlockStatus.DONE
        block.reason = f"its run failed: {run.stop_reason}" if failed else run.stop_reason
        self.session.add(block)
        why = f": {block.reason}" if block.reason else "."
        self._tell(f"Block {block.number} of schedule {self.schedule.id} is {block.status.value}{why}", run.id)

    def _miss(self, block: Block) -> None:
        block.status, block.reason = BlockStatus.MISSED, block.reason or DOWN
        self.session.add(block)
        self._tell(f"Block {block.number} of schedule {self.schedule.id} was missed: {block.reason}.")

    def _try(self, block: Block) -> None:
        """Start it; what is in the way is kept on its row, and is why it was missed if that lasts."""
        reason = self._in_the_way()
        if reason is None:
            reason = self._start(block)
        if block.reason != reason:
            block.reason = reason
            self.session.add(block)

    def _in_the_way(self) -> str | None:
        if self.schedule.status is not ScheduleStatus.ACTIVE:
            return f"the schedule was not active: {self.schedule.reason}"
        if running := next(self._in(BlockStatus.STARTED), None):
            return f"block {running.number} was still running"
        for name in self.schedule.plan["backends"]:
            if name not in self.ctx.backends:
                return keyless(name).rstrip(".")
            row = self.session.get(Backend, name)
            if row is None or row.state != READY:
                return f"{called(name)} was not ready: {(row.state if row else 'never checked').rstrip('.')}"
        return None

    def _start(self, block: Block) -> str | None:
        """Insert its run, in this transaction. A schedule that cannot go on is paused; why."""
        spent, expected = sum(self._costs(self.blocks), Decimal()), self._expected()
        left = self.schedule.cap_usd - spent
        if left < expected:
            return self._pause(
                f"its blocks may have cost ${spent:.2f} by now, the next may cost ${expected:.2f}, and the cap is "
                f"${self.schedule.cap_usd:.2f}"
            )
        share = left / len(list(self._in(BlockStatus.PLANNED)))
        try:
            plan = run_plan(self.session, self.schedule, block, cap_usd=min(left, max(2 * expected, share)))
            block.run_id = insert_run(self.session, plan, now=self.now)
        except (PlanError, WorkflowError) as error:
            return self._pause(str(error).rstrip("."))
        block.status = BlockStatus.STARTED
        self.session.add(block)
        self._tell(f"Block {block.number} of schedule {self.schedule.id} starts.", block.run_id)
        return None

    def _expected(self) -> Decimal:
        """What the next block may cost: as planned, or as the dearest of those that ran as planned."""
        whole = (each for each in self._in(BlockStatus.DONE) if each.reason is None)
        return max([Decimal(self.schedule.plan["block_usd"]), *self._costs(whole)])

    def _costs(self, blocks: Iterable[Block]) -> list[Decimal]:
        runs = [each.run_id for each in blocks if each.run_id is not None]
        return [self.spent[run_id] for run_id in runs if run_id in self.spent]

    def _pause(self, reason: str) -> str:
        self._set(ScheduleStatus.PAUSED, reason)
        self._tell(f"Schedule {self.schedule.id} is paused: {reason}.")
        return f"the schedule was not active: {reason}"

    def _set(self, status: ScheduleStatus, reason: str | None) -> None:
        self.schedule.status, self.schedule.reason = status, reason
        self.session.add(self.schedule)

    def _in(self, status: BlockStatus) -> Iterator[Block]:
        return (each for each in self.blocks if each.status is status)

    def _tell(self, text: str, run_id: int | None = None) -> None:
        self.session.add(Event(at=self.now, kind="schedule", text=text, run_id=run_id))
