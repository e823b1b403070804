"""What goes wrong in one seed: faults on chosen calls, full disks, jumping clocks, and where the collector dies.

A plant names a verb of a backend, a fault that its call meets, and where around that call the collector is killed.
From a death on nothing of the dead process may have an effect any more, so that no `finally` can tidy up what a
SIGKILL would not.
"""

import sqlite3
from collections import Counter
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import get_args

from sqlalchemy.exc import OperationalError

from clock import VirtualClock
from simulator.faults import FaultKind

BACKENDS = ("modal", "runpod", "vast")
VERBS = ("offers", "deploy", "observe", "teardown", "live", "submit", "poll", "cancel", "charges", "account")
CRASHES = ("none", "before call", "after effect", "after reply", "before commit", "after commit")
NO_FAULT = "no fault"
WIRE: tuple[str, ...] = get_args(FaultKind)
STORAGE = {"disk full": "database or disk is full", "locked": "database is locked"}
CLOCK = ("clock pause", "clock step")
FAULTS = (NO_FAULT, *WIRE, *STORAGE, *CLOCK)

Cell = tuple[str, str, str, str]  # backend, verb, fault, crash point


class Killed(SystemExit):
    """Leaves the event loop at once, as a SIGKILL would."""


@dataclass(kw_only=True)
class Plant:
    """One mishap. Lets `calls` calls of its verb pass, then `requests` of that call's; strikes `times` in a row."""

    backend: str
    verb: str
    fault: str
    crash: str
    calls: int = 0
    requests: int = 0
    times: int = 1
    jump_s: float = 0.0
    left: int = field(init=False)  # strikes still to come
    called: bool = False  # the death before the call is behind it
    held: bool = False  # a call is under way that it belongs to
    struck: bool = False
    ended: bool = False  # the call that was struck has ended
    met: bool = False  # it is counted
    over: bool = False

    def __post_init__(self) -> None:
        self.left = self.times

    @property
    def cell(self) -> Cell:
        """Its place in the table of what was met."""
        return self.backend, self.verb, self.fault, self.crash

    def again(self) -> None:
        """The process died of something else meanwhile: all of it is still to come, but for a disk that stays full."""
        if self.fault in STORAGE and self.ended:
            return
        self.left, self.held, self.struck, self.ended, self.calls = self.times, False, False, False, 0


CALL: ContextVar[Plant | None] = ContextVar("CALL", default=None)  # the plant of the verb that is being called


class SteppedClock:
    """The collector's clock: the world's, less exact by steps. Sleeps last as long as they were begun for."""

    speed = 1.0

    def __init__(self, world: VirtualClock, offset_s: float = 0.0) -> None:
        self.world, self.offset = world, timedelta(seconds=offset_s)

    def now(self) -> datetime:
        return self.world.now() + self.offset

    async def sleep(self, world_s: float) -> None:
        await self.world.sleep(world_s)

    async def sleep_until(self, at: datetime) -> None:
        await self.world.sleep(max(0.0, (at - self.now()).total_seconds()))

    def leap(self, to: datetime) -> None:
        self.world.leap(to - self.offset)

    def alive_s(self) -> float:
        return self.world.alive_s()

    async def rest(self, alive_s: float) -> None:
        await self.world.rest(alive_s)


@dataclass(kw_only=True)
class Script:
    """The mishaps of one seed, who is dead, and what was met."""

    plants: list[Plant]
    fatal_steps: list[int] = field(default_factory=list)  # of the event loop: deaths between any two awaits
    clock: SteppedClock = field(init=False)
    dead: bool = False
    lives: int = 0  # processes that have ended
    steps: int = 0
    met: Counter[Cell] = field(default_factory=Counter)
    between_awaits: int = 0
    ups: list[tuple[datetime, datetime]] = field(default_factory=list)  # of the world: a collector was at work
    offsets: list[tuple[datetime, timedelta]] = field(default_factory=list)  # since this instant of the world
    _since: datetime = field(init=False)

    def begin(self, world: VirtualClock) -> SteppedClock:
        """A process starts: its clock."""
        offset = self.offsets[-1][1] if self.offsets else timedelta()
        self.clock = SteppedClock(world, offset.total_seconds())
        self.offsets = self.offsets or [(world.now(), offset)]
        self.dead, self._since = False, world.now()
        return self.clock

    def end(self) -> None:
        """The process has ended, or died: what it did not come to is still to come."""
        self.lives += 1
        self.ups.append((self._since, self.clock.world.now()))
        for plant in self.plants:
            if not plant.over:
                plant.again()

    def die(self, plant: Plant | None = None) -> None:
        """Raises Killed; everything that passes a point from now on does as well."""
        if plant is not None:
            self._meet(plant)
            plant.over = True
        self.dead = True
        raise Killed

    def alive(self) -> None:
        """Raises Killed in a process that is dead."""
        if self.dead:
            raise Killed

    # -- the points of a verb's call ----------------------------------------------------------------------

    def called(self, backend: str, verb: str) -> Plant | None:
        """A verb is about to be called: the plant that it meets, if any."""
        self.alive()
        for plant in self.plants:
            if (plant.backend, plant.verb) != (backend, verb) or plant.over or plant.held or plant.ended:
                continue
            if plant.calls > 0:
                plant.calls -= 1
                continue
            if plant.crash == "before call" and not plant.called:
                plant.called = self.dead = True
                raise Killed
            plant.held = True
            return plant
        return None

    def strikes(self, replied: Callable[[], bool]) -> FaultKind | None:
        """A request of the call is on the wire: the fault that it meets. `replied`: was it answered before?"""
        plant = CALL.get()
        if plant is None or plant.left <= 0 or plant.fault in STORAGE:
            return None
        if plant.fault == "stale" and not replied():
            # A call that is made once has no earlier reply: it gets lost on its way, and comes at the next try.
            return "lost_reply" if plant.verb in ("teardown", "cancel") else None
        if plant.requests > 0:
            plant.requests -= 1
            return None
        plant.left -= 1
        plant.struck = True
        return plant.fault if plant.fault in WIRE else None  # type: ignore[return-value]

    def took_effect(self) -> None:
        """The provider has dealt with a request, and nobody has read the reply."""
        self.alive()
        plant = CALL.get()
        if plant is None or not plant.struck or plant.over:
            return
        if plant.fault in CLOCK and plant.left >= 0:
            plant.left = -1
            self._jump(plant)
        if plant.crash == "after effect":
            self.die(plant)

    def replied(self, plant: Plant) -> None:
        """The verb has returned or raised."""
        self.alive()
        plant.held, plant.requests = False, 0
        if plant.fault in STORAGE:
            plant.ended = True  # what it commits next fails
        elif plant.struck and plant.crash == "after reply":
            self.die(plant)
        elif plant.struck and plant.crash.endswith("commit"):
            plant.ended = True
        elif plant.struck:
            self._meet(plant)
            plant.struck, plant.over = False, plant.left <= 0

    def commit(self, point: str) -> None:
        """The writer's hook: before and after each commit."""
        self.alive()
        for plant in self.plants:
            if not plant.ended or plant.over:
                continue
            if plant.fault in STORAGE and plant.left > 0:
                if point == "before":
                    self._fail(plant)
                    raise OperationalError("COMMIT", {}, sqlite3.OperationalError(STORAGE[plant.fault]))
            elif plant.crash == f"{point} commit":
                self.die(plant)

    def full(self) -> bool:
        """A file is to be written: is there no space for it?"""
        self.alive()
        for plant in self.plants:
            if plant.fault == "disk full" and plant.ended and plant.left > 0:
                self._fail(plant)
                return True
        return False

    def _fail(self, plant: Plant) -> None:
        plant.left -= 1
        if plant.crash in ("none", "before call"):
            self._meet(plant)
            plant.over = plant.left <= 0

    def step(self) -> bool:
        """One more step of the event loop; True if the process dies in front of it."""
        self.steps += not self.dead
        if self.fatal_steps and self.steps >= self.fatal_steps[0] and not self.dead:
            del self.fatal_steps[0]
            self.between_awaits += 1
            return True
        return False

    def _meet(self, plant: Plant) -> None:
        if not plant.met:
            plant.met = True
            self.met[plant.cell] += 1

    def _jump(self, plant: Plant) -> None:
        """The whole machine was asleep while the world went on, or its clock was set anew."""
        world = self.clock.world
        if plant.fault == "clock pause":
            self.ups.append((self._since, world.now()))
            world.leap(world.now() + timedelta(seconds=abs(plant.jump_s)))
            self._since = world.now()
        else:
            self.clock.offset += timedelta(seconds=plant.jump_s)
            self.offsets.append((world.now(), self.clock.offset))
