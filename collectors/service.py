"""The background process: takes over what an earlier one left, then drives runs, bills, prices and requests."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import bindparam, exists
from sqlmodel import Session, col, select, update

from clock import WallClock
from collectors import billing, orphans, pairs, prices, requests, schedules
from collectors.context import Context, Drained, log
from collectors.runs import drive_run
from collectors.schedule import each, repeat
from storage.db import StorageError
from storage.models import Collector, Job, Request, Run
from words import JobStatus, RequestState, RunStatus

HEARTBEAT_S = 5.0  # liveness seconds
DRAIN_S = 60.0  # liveness seconds that jobs in flight get to come home after SIGTERM
PRICES, BILLS, SWEEP, PAIRS = (
    timedelta(minutes=minutes) for minutes in (15, 10, 5, 5)
)  # of the world, between two of each
_OPEN = [status for status in RunStatus if not status.final]
# What is asked each turn is built once: to build a statement costs more than to run it.
_ASKED = select(exists().where(col(Request.state) == RequestState.ASKED))
_ANY_RUN = select(Run.id).limit(1)
_MINE = update(Job).where(col(Job.status).not_in([status for status in JobStatus if status.final]))
_MINE = _MINE.values(lease_token=bindparam("lease"))
_BEAT = update(Collector).values(seen_at=bindparam("at"), doing=bindparam("does"))
_OPEN_RUNS = select(Run.id).where(col(Run.status).in_(_OPEN)).order_by(col(Run.id))
_WALL = WallClock()


class Service:
    """One collector on one data folder; the caller holds the folder's lock.

    `when_idle` runs each time the last open run has ended, also if an earlier collector ended it and was killed
    then: in simulated worlds it leaps until the bills are final.
    """

    def __init__(self, ctx: Context, *, pid: int, when_idle: Callable[[], Awaitable[None]] | None = None) -> None:
        self.ctx, self._pid, self._when_idle = ctx, pid, when_idle
        self._runs: dict[int, asyncio.Task[None]] = {}
        self._unsettled = False  # a run was seen since `when_idle` ran
        self._priced = False  # prices were asked for at the start

    async def start(self) -> None:
        """Own every lease at once (the lock proves the old owner dead), then sweep before the first submit."""
        started_at = _WALL.now()

        def take_over(session: Session) -> int:
            last = session.get(Collector, 1)
            token = last.lease_token + 1 if last else 1
            row = Collector(id=1, pid=self._pid, started_at=started_at, seen_at=started_at, lease_token=token)
            session.merge(row)
            session.connection().execute(_MINE, {"lease": token})
            return token

        self.ctx.lease_token = await self.ctx.writer.run(take_over)
        self._unsettled = await self.ctx.load(lambda session: session.exec(_ANY_RUN).first() is not None)
        self._priced = not await self.ctx.load(requests.stop_asked)  # which comes first: prices take their time
        if self._priced:
            await prices.refresh(self.ctx)
        await orphans.sweep(self.ctx)

    async def run(self, until: Callable[[], bool] = lambda: False) -> None:
        """Work until cancelled, or until `until` says so at a moment when no run is open."""
        await self.start()
        now = self.ctx.clock.now()
        recurring = [
            self._recurring(PRICES, self._prices, now + PRICES if self._priced else now),
            self._recurring(BILLS, self._bills, await billing.due(self.ctx, every=BILLS)),
            self._recurring(SWEEP, self._sweep, now + SWEEP),
            self._recurring(PAIRS, self._pairs, now + PAIRS),
            asyncio.create_task(self._heartbeat()),
            asyncio.create_task(requests.listen(self.ctx)),
        ]
        try:
            while not self.ctx.draining and not await self._over(until):
                await self.ctx.clock.sleep(self.ctx.look_s)
            if self._runs:
                await asyncio.wait(self._runs.values(), timeout=DRAIN_S)
        finally:
            await self._end(recurring)

    def drain(self) -> None:
        """Begin nothing new; `run` returns once what is in flight has come home, or after DRAIN_S."""
        self.ctx.draining = True

    async def _over(self, until: Callable[[], bool]) -> bool:
        """One turn; True once nothing is left to do. A database that takes nothing ends no collector.

        What is under way waits or ends where its rows stand, and is taken up again like after a start.
        """
        try:
            await self._turn()
            return until() and not self._must_settle and await self._idle() and not await self._scheduled()
        except StorageError as error:
            log.error("%s The collector goes on trying.", error)
            return False

    async def _turn(self) -> None:
        now = self.ctx.clock.now()
        asked, open_runs, due = await self.ctx.load(
            lambda session: (_asked(session), _open_runs(session), schedules.due(session, now))
        )
        if asked:
            await requests.answer_all(self.ctx)
        if due:
            await schedules.turn(self.ctx)
        for run_id in open_runs:
            self._unsettled = True
            if run_id not in self._runs:
                self._runs[run_id] = asyncio.create_task(drive_run(self.ctx, run_id))
        for run_id in [run_id for run_id, task in self._runs.items() if task.done()]:
            _say_why(run_id, self._runs.pop(run_id))
        if self._when_idle and await self._idle():
            await self._leap(self._when_idle)

    async def _leap(self, when_idle: Callable[[], Awaitable[None]]) -> None:
        """In a simulated world nobody waits: to the next block, or until the bills of what ran are final."""
        at = await self.ctx.load(schedules.next_start)
        if at is not None and at > self.ctx.clock.now():
            await orphans.sweep(self.ctx)  # time leaps now: nothing must be left rented
            self.ctx.clock.leap(at)
        elif self._must_settle and not await self._scheduled():
            await orphans.sweep(self.ctx)
            await pairs.compare_all(self.ctx)
            await when_idle()
            self._unsettled = False

    async def _scheduled(self) -> bool:
        return await self.ctx.load(schedules.under_way)

    @property
    def _must_settle(self) -> bool:
        return self._unsettled and self._when_idle is not None

    async def _idle(self) -> bool:
        return not self._runs and not await self.ctx.load(lambda session: _open_runs(session) or _asked(session))

    def _recurring(
        self, every: timedelta, action: Callable[[], Awaitable[None]], first: datetime
    ) -> asyncio.Task[None]:
        return asyncio.create_task(repeat(self.ctx.clock, each(every, start=first), action))

    async def _prices(self) -> None:
        await prices.refresh(self.ctx)

    async def _bills(self) -> None:
        await billing.ingest(self.ctx)

    async def _sweep(self) -> None:
        await orphans.sweep(self.ctx)

    async def _pairs(self) -> None:
        await pairs.compare(self.ctx)

    async def _heartbeat(self) -> None:
        while True:
            doing = f"{len(self._runs)} runs" if self._runs else "idle"
            beat = {"at": _WALL.now(), "does": doing}
            with contextlib.suppress(StorageError):  # the page then says for how long it has been silent
                await self.ctx.writer.run(partial(_beat, beat))
            await self.ctx.clock.rest(HEARTBEAT_S)

    async def _end(self, recurring: list[asyncio.Task[None]]) -> None:
        """What did not come home in time stays in its row and is taken over by the next start."""
        tasks = [*recurring, *self._runs.values()]
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception) and not isinstance(result, Drained):
                log.error("a task ended badly: %r", result)


def _asked(session: Session) -> bool:
    return bool(session.connection().execute(_ASKED).scalar_one())


def _open_runs(session: Session) -> list[int]:
    return [run_id for (run_id,) in session.connection().execute(_OPEN_RUNS)]


def _say_why(run_id: int, task: "asyncio.Task[None]") -> None:
    """A run's task that ended badly is begun anew from its rows."""
    if not task.cancelled() and (error := task.exception()) is not None and not isinstance(error, Drained):
        log.error("run %s is taken up again: %r", run_id, error)


def _beat(beat: Mapping[str, Any], session: Session) -> None:
    session.connection().execute(_BEAT, beat)
