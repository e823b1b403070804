"""Child processes that end with us: the simulator, the collector and the web server of a demo.

Each child holds the read end of a pipe that only this process writes: when we are gone, however that came, it reads
EOF and ends itself. honcho and multiprocessing left orphans when the supervisor was killed.
"""

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

GRACE_S = 8.0  # liveness seconds between SIGTERM and SIGKILL


@dataclass
class Child:
    """One running child and its name in the output."""

    name: str
    process: Process
    first_line: "asyncio.Future[str]"
    pump: "asyncio.Task[None]"


@dataclass
class Supervisor:
    """Starts children, prefixes their output on stderr, and ends them in reverse order."""

    children: list[Child] = field(default_factory=list)

    async def start(self, name: str, command: Sequence[str], env: Mapping[str, str]) -> Child:
        """Start `python -m ..`; its environment is ours plus `env`."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *command,
            stdin=PIPE,
            stdout=PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, **env},
            start_new_session=True,
        )
        first: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        child = Child(name, process, first, asyncio.create_task(_pump(name, process, first)))
        self.children.append(child)
        return child

    async def ended(self) -> Child:
        """Wait until any child ends on its own."""
        waits = {asyncio.create_task(child.process.wait()): child for child in self.children}
        done, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        return waits[done.pop()]

    async def stop(self) -> None:
        """End every child, newest first."""
        for child in reversed(self.children):
            if child.process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    child.process.send_signal(signal.SIGTERM)
                try:
                    await asyncio.wait_for(child.process.wait(), GRACE_S)
                except TimeoutError:
                    child.process.kill()
                    await child.process.wait()
            await child.pump
        self.children.clear()


async def _pump(name: str, process: Process, first: "asyncio.Future[str]") -> None:
    assert process.stdout is not None  # noqa: S101 - opened with PIPE
    async for raw in process.stdout:
        line = raw.decode(errors="replace").rstrip()
        if not first.done():
            first.set_result(line)
            if line.startswith("{"):
                continue
        print(f"{name:<10} {line}", file=sys.stderr, flush=True)  # noqa: T201 - the supervisor's output
    if not first.done():
        first.set_result("")


def end_with_parent(loop: asyncio.AbstractEventLoop) -> None:
    """In a child: SIGTERM ourselves once stdin closes, that is, once the supervisor is gone."""

    def readable() -> None:
        if not os.read(0, 4096):
            loop.remove_reader(0)
            os.kill(os.getpid(), signal.SIGTERM)

    with contextlib.suppress(PermissionError, OSError):  # stdin is a file or closed: nobody supervises us
        loop.add_reader(0, readable)
