"""The simulated providers as a process: every door open, one clock, a ready line, an end on request."""

import asyncio
import importlib
import importlib.util
import json
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from clock import Clock, SharedClock
from simulator.server import Doors, serve
from simulator.simulation import Simulation
from simulator.studio import ProcessStudio
from simulator.world import load_world

Announce = Callable[[Mapping[str, object]], None]
_MODAL_GRPC = "simulator.modal.grpc"


@dataclass(frozen=True, kw_only=True)
class Options:
    """What to simulate. `clock`: the file of a clock that others share; without one, a clock of its own starts."""

    world: str = "default"
    seed: int = 0
    speed: float = 1.0
    clock: Path | None = None
    control: bool = False  # open the control address: /ledger, /truth, POST /faults
    keys: Mapping[str, str] = field(default_factory=dict)  # provider -> the only key it accepts


async def host(options: Options, announce: Announce) -> None:
    """Open every door and serve until cancelled. Calls `announce` with the ready line. Raises WorldError."""
    world = load_world(options.world)
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="bakeoff-simulator-")))
        path = options.clock or folder / "clock"
        if options.clock is None:
            SharedClock.create(path, epoch=world.epoch, speed=options.speed)
        clock = SharedClock(path)
        studio = ProcessStudio()
        stack.callback(studio.close)
        simulation = Simulation(world, seed=options.seed, studio=studio, now=clock.now(), keys=options.keys)
        doors = Doors(control=options.control)
        simulation.site.bases = doors.urls()
        line: dict[str, object] = {
            "ready": True,
            "simulated": True,
            "world": world.name,
            "seed": options.seed,
            "speed": clock.speed,
            "clock": str(path),
            "urls": dict(doors.urls()),
            "modal_grpc": await _open_modal(simulation, clock, stack),
        }
        await serve(simulation, clock, doors, lambda: announce(line))


def main(options: Options) -> None:
    """Host until SIGTERM, SIGINT or the end of stdin; the ready line is the only thing on stdout."""
    asyncio.run(_until_told(options))


async def _until_told(options: Options) -> None:
    loop, told = asyncio.get_running_loop(), asyncio.Event()
    hosting = asyncio.create_task(host(options, _say))
    # A thread, since a loop cannot watch every kind of stdin (a regular file, /dev/null).
    threading.Thread(target=_watch_stdin, args=(loop, told), daemon=True).start()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    stopping = asyncio.create_task(told.wait())
    await asyncio.wait({hosting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    hosting.cancel()
    await asyncio.gather(hosting, return_exceptions=True)
    if not hosting.cancelled() and (error := hosting.exception()):
        raise error
