"""Child processes that end with us: the simulator, the collector and the web server of a demo.

Each child holds the read end of a pipe that only this process writes: when we are gone, however that came, it reads
EOF and ends itself. honcho and multiprocessing left orphans when the supervisor was killed.
"""

import asyncio
import contextlib
import os
import signal
import stat
import sys
import threading
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cli.output import plain

GRACE_S = 8.0  # liveness seconds between SIGTERM and SIGKILL
_LONGEST_LINE = 2**20  # bytes; a longer one is dropped, not the rest of the output


@dataclass
class Child:
    """One running child and its name in the output.

    ready: its first line that begins as it should; None when it ended without one. last: what it said last.
    """

    name: str
    process: Process
    ready: "asyncio.Future[str | None]"
    last: str = ""
    pump: "asyncio.Task[None] | None" = None


@dataclass
class Supervisor:
    """Starts children, prefixes their output on stderr, and ends them in reverse order."""

    children: list[Child] = field(default_factory=list)
    grace_s: float = GRACE_S

    async def start(self, name: str, command: Sequence[str], env: Mapping[str, str], *, ready: str = "") -> Child:
        """Start `python command..`; its environment is ours plus `env`. `ready`: how its ready line begins."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *command,
            stdin=PIPE,
            stdout=PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, **env},
            start_new_session=True,
            limit=_LONGEST_LINE,
        )
        child = Child(name, process, asyncio.get_running_loop().create_future())
        child.pump = asyncio.create_task(_pump(child, ready))
        self.children.append(child)
        return child

    async def ended(self) -> Child:
        """Wait until any child ends on its own; it is no child any more then."""
        waits = {asyncio.create_task(child.process.wait()): child for child in self.children}
        done, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        child = waits[done.pop()]
        self.children.remove(child)
        return child

    async def stop(self) -> None:
        """End every child, newest first."""
        for child in reversed(self.children):
            if child.process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    child.process.send_signal(signal.SIGTERM)
                try:
                    await asyncio.wait_for(child.process.wait(), self.grace_s)
                except TimeoutError:
                    child.process.kill()
                    await child.process.wait()
            if child.pump:
                await child.pump
        self.children.clear()


async def _pump(child: Child, ready: str) -> None:
    """Tell what the child says, line by line; a ready line that is data (JSON) is for us alone."""
    assert child.process.stdout is not None  # noqa: S101 - opened with PIPE
    while True:
        try:
            raw = await child.process.stdout.readline()
        except ValueError:  # longer than the limit
            continue
        if not raw:
            break
        child.last = plain(raw.decode(errors="replace").rstrip())
        if not child.ready.done() and child.last.startswith(ready):
            child.ready.set_result(child.last)
            if child.last.startswith("{"):
                continue
        print(f"{child.name:<10} {child.last}", file=sys.stderr, flush=True)  # noqa: T201 - the supervisor's output
    if not child.ready.done():
        child.ready.set_result(None)


def end_with_parent() -> None:
    """In a child: SIGTERM ourselves once stdin closes, that is, once the supervisor is gone.

    Only where stdin is somebody's pipe: a terminal or /dev/null has no supervisor behind it, and who reads from a
    terminal in the background is stopped.
    """
    with contextlib.suppress(OSError):  # closed
        mode = os.fstat(0).st_mode
        if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
            threading.Thread(target=_follow_stdin, daemon=True).start()


def _follow_stdin() -> None:
    while os.read(0, 65_536):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait(GRACE_S)
    os.kill(
        os.getpid(), signal.SIGTERM
    )  # a collector takes the first as leave to finish its jobs, the second as an order
