"""Kill the collector at a chosen point and start another on the same tables: the points of one whole bake-off.

A point lies before and after each commit and, for each paid call, before it and after its effect. From the crash on
nothing of the dead process may have an effect any more, so that no `finally` can tidy up what a SIGKILL would not.
"""

import contextlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from clock import VirtualClock, from_us
from storage.db import DataFolder
from tests.simulation.bakeoff import Bakeoff, plan
from tests.virtual import run

PAID = frozenset({"deploy", "submit"})
RESTART_S = 5.0


class Killed(SystemExit):
    """Leaves the event loop at once, as a SIGKILL would."""


@dataclass
class Kill:
    """Counts points; at point `at` everything stops. `at` None only counts."""

    at: int | None
    seen: int = 0
    dead: bool = False

    def point(self, _name: str = "") -> None:
        """One point passed; raises Killed at the chosen one and at every one after it."""
        if self.dead:
            raise Killed
        self.seen += 1
        if self.seen == self.at:
            self.dead = True
            raise Killed


class Mortal:
    """A backend whose calls pass through the kill switch."""

    def __init__(self, backend: Any, kill: Kill) -> None:
        self._backend, self._kill = backend, kill

    def __getattr__(self, name: str) -> Any:
        verb = getattr(self._backend, name)
        if name not in ("offers", "deploy", "observe", "teardown", "live", "submit", "poll", "cancel", "charges"):
            return verb
        return self._guarded(name, verb)

    def _guarded(self, name: str, verb: Any) -> Any:
        async def call(*args: Any, **more: Any) -> Any:
            if self._kill.dead:
                raise Killed
            if name in PAID:
                self._kill.point()
            reply = await verb(*args, **more)
            if name in PAID:
                self._kill.point()
            elif self._kill.dead:
                raise Killed
            return reply

        return call


def crash_at(path: Path, at: int | None) -> tuple[Bakeoff, Kill]:
    """Run a small bake-off that dies at point `at`; then start the collector again and let it end."""
    made = Bakeoff(DataFolder(path), "quiet", 7)
    kill = Kill(at)

    async def first(clock: VirtualClock) -> None:
        made.open(clock)
        made.ask(clock, plan(warm=2, cold=2))
        await made.collect(clock, on_commit=kill.point, wrap=lambda backend: Mortal(backend, kill))

    with contextlib.suppress(Killed):
        run(first)
    if at is not None:
        run(made.collect, epoch=_later(made))
    return made, kill


def _later(made: Bakeoff) -> datetime:
    return from_us(made.simulation.engine.now_us) + timedelta(seconds=RESTART_S)
