"""The simulated providers as a process: every door open, one clock, a ready line, an end on request."""

import asyncio
import json
import os
import signal
import stat
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import uvloop

from clock import Clock, SharedClock
from simulator.modal.grpc import serve_grpc
from simulator.past import woken
from simulator.server import Doors, serve
from simulator.simulation import Simulation
from simulator.studio import ProcessStudio
from simulator.world import load_world

Announce = Callable[[Mapping[str, object]], None]


@dataclass(frozen=True, kw_only=True)
class Options:
    """What to simulate. `clock`: the file of a clock that others share; without one, a clock of its own starts."""

    world: str = "default"
    seed: int = 0
    speed: float = 1.0
    clock: Path | None = None
    control: bool = False  # open the control address: /ledger, /truth, POST /faults
    keys: Mapping[str, str] = field(default_factory=dict)  # provider -> the only key it accepts
    past: Path | None = None  # a world that was put to sleep (`simulator.past`): this one goes on


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
        await asyncio.wrap_future(studio.ready)  # told to end while it starts, a painter would complain on stderr
        simulation = (
            woken(options.past, studio)
            if options.past
            else Simulation(world, seed=options.seed, studio=studio, now=clock.now(), keys=options.keys)
        )
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
    """Host until SIGTERM, SIGINT or, where stdin is somebody's pipe, its end. Only the ready line goes to stdout."""
    uvloop.run(_until_told(options))


async def _until_told(options: Options) -> None:
    loop, hosting = asyncio.get_running_loop(), asyncio.create_task(host(options, _say))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, hosting.cancel)
    threading.Thread(target=_end_with_stdin, args=(loop, hosting), daemon=True).start()
    with suppress(asyncio.CancelledError):
        await hosting


def _end_with_stdin(loop: asyncio.AbstractEventLoop, hosting: asyncio.Task[None]) -> None:
    """A supervisor that dies, however it dies, closes its end of our stdin. /dev/null and terminals mean nothing."""
    mode = os.fstat(0).st_mode
    if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):
        return
    while os.read(0, 65_536):
        pass
    with suppress(RuntimeError):  # the loop is closed already
        loop.call_soon_threadsafe(hosting.cancel)


def _say(line: Mapping[str, object]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


async def _open_modal(simulation: Simulation, clock: Clock, stack: AsyncExitStack) -> str:
    url, close = await serve_grpc(simulation, clock)
    stack.push_async_callback(close)
    return url
