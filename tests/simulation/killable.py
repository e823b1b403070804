"""Everything that the collector works with, made so that a script can break it or kill its process there."""

import errno
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from backends.errors import BackendError
from clock import VirtualClock, VirtualLoop
from simulator.faults import FaultKind, Faults
from simulator.modal.gate import Gate
from simulator.modal.inner import SimulatedModalClient
from simulator.simulation import Simulation
from simulator.wire import Reply, Request
from storage.blobs import Blobs
from storage.db import told
from tests.simulation.mishaps import CALL, VERBS, Plant, Script


class Staged:
    """A backend whose calls pass through the script."""

    def __init__(self, backend: Any, script: Script) -> None:
        self._backend, self._script = backend, script

    def __getattr__(self, name: str) -> Any:
        verb = getattr(self._backend, name)
        return self._scripted(name, verb) if name in VERBS else verb

    def _scripted(self, name: str, verb: Any) -> Any:
        async def call(*args: Any, **more: Any) -> Any:
            plant = self._script.called(self._backend.name, name)
            before = CALL.set(plant)
            try:
                reply = await verb(*args, **more)
            except BackendError:
                self._replied(plant)
                raise
            finally:
                CALL.reset(before)
            self._replied(plant)
            return reply

        return call

    def _replied(self, plant: Plant | None) -> None:
        self._script.alive()
        if plant is not None:
            self._script.replied(plant)


class PlantedFaults(Faults):
    """The faults of a script instead of a list."""

    def __init__(self, script: Script) -> None:
        super().__init__()
        self._script = script

    def due(self, request: Request) -> FaultKind | None:
        """The fault that the plant of the present call brings."""
        return self._script.strikes(lambda: (request.service, request.method, request.path) in self._last)


class KillableSimulation(Simulation):
    """Answers a request, after which the one who asked may be dead."""

    def __init__(self, script: Script, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.script, self.faults = script, PlantedFaults(script)

    def handle(self, request: Request, now: datetime) -> Reply:
        """As the simulation answers; a dead process asks nothing."""
        self.script.alive()
        reply = super().handle(request, now)
        self.script.took_effect()
        return reply


class KillableGate(Gate):
    """The same for Modal, whose calls do not come over HTTP."""

    def perform(self, rpc: str, effect: Callable[[], Any], *, key: str | None) -> Any:
        """As the gate performs it; a dead process asks nothing."""
        script = self.simulation.script  # type: ignore[attr-defined]
        script.alive()
        try:
            return super().perform(rpc, effect, key=key)
        finally:
            script.took_effect()


class KillableModalClient(SimulatedModalClient):
    """Our inner client through the killable gate."""

    def __init__(self, simulation: Simulation, clock: VirtualClock, *, secret: str) -> None:
        super().__init__(simulation, clock, secret=secret)
        self._gate = KillableGate(simulation, clock)


class FullBlobs(Blobs):
    """A folder on a disk that is full now and then."""

    def __init__(self, folder: Path, script: Script) -> None:
        super().__init__(folder)
        self._script = script

    def put(self, content: bytes) -> str:
        """Keep the bytes, or raise DiskFull."""
        if self._script.full():
            raise told(OSError(errno.ENOSPC, "No space left on device"))
        return super().put(content)


class KillableLoop(VirtualLoop):
    """A virtual loop that may die in front of any of its steps, which is between any two awaits."""

    def __init__(self, script: Script) -> None:
        self._script, self._life = script, script.lives
        super().__init__()
        self.set_exception_handler(lambda _loop, _context: None)  # nobody is left to ask how the dead tasks ended

    def call_soon(self, callback: Any, *args: Any, context: Any = None) -> Any:
        """Plan a step; the process may be killed in front of it. What of an earlier life is swept up late is none."""
        if self._life == self._script.lives and self._script.step():
            super().call_soon(self._script.die)
        return super().call_soon(callback, *args, context=context)
