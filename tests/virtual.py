"""A virtual-time event loop: nothing waits, the clock jumps to the next timer. For tests that want exact results.

    def test_x():
        async def scenario(clock): ...
        run(scenario)

No threads and no sockets inside: a real thread pool would let the clock run away while it works.
"""

import asyncio
import itertools
import selectors
from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime
from typing import Any, TypeVar

from clock import VirtualClock

T = TypeVar("T")
EPOCH = datetime(2026, 11, 2, 8, tzinfo=UTC)


class Deadlock(RuntimeError):
    """Nothing is ready and no timer is set: everything waits for something that never comes."""


class SerialTask(asyncio.Task):
    """Hashes by birth order, not by address, so that sets of tasks iterate alike in every process."""

    def __init__(self, *args: Any, loop: "VirtualLoop", **more: Any) -> None:
        self._serial = next(loop.serials)
        super().__init__(*args, loop=loop, **more)

    def __hash__(self) -> int:
        return self._serial


class _Jumping:
    """A selector that never blocks: where a real one would sleep, time jumps."""

    def __init__(self, loop: "VirtualLoop") -> None:
        self._inner, self._loop = selectors.DefaultSelector(), loop

    def select(self, timeout: float | None) -> list[Any]:
        events = self._inner.select(0)
        if not events and timeout is None:
            raise Deadlock("Nothing is ready and no timer is set.")
        if not events:
            self._loop.now_s += max(0.0, timeout)
        return events

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose `time()` starts at 0 and moves only by jumps."""

    def __init__(self) -> None:
        self.now_s, self.serials = 0.0, itertools.count()
        super().__init__(_Jumping(self))
        self._clock_resolution = 1e-6
        self.set_task_factory(lambda loop, coro, **more: SerialTask(coro, loop=loop, **more))

    def time(self) -> float:
        return self.now_s

    def run_in_executor(self, executor: Any, func: Callable[..., T], *args: Any) -> Awaitable[T]:  # noqa: ARG002
        """Runs it here and now: a thread would leave the loop idle and time would jump past its work."""
        future: asyncio.Future[T] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # the caller's to see, like any executor's
            future.set_exception(error)
        return future


def run(scenario: Callable[[VirtualClock], Coroutine[Any, Any, T]], *, epoch: datetime | None = None) -> T:
    """Run `scenario(clock)` to its end on a fresh virtual loop that starts at `epoch`."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(scenario(VirtualClock(runner.get_loop(), epoch or EPOCH)))
