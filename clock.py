"""The one Clock. A leaf: everything that needs time gets a Clock passed in.

Two kinds of time. *World time* (instants, deadlines, Retry-After, poll gaps) scales and can leap.
*Liveness time* (leases, HTTP timeouts, heartbeats, grace) never does: at speed 80 a two-minute lease
in world time would last 1.5 real seconds and a live collector would be declared dead.
"""

import asyncio
import itertools
import mmap
import selectors
import struct
import time
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol, TypeVar

_T = TypeVar("_T")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAYOUT = struct.Struct("<qdqq")  # epoch_us, speed, anchor_ns, leap_us
_NAP_S = 0.2  # real seconds: the longest a sleeper overlooks another process's leap


def to_us(at: datetime) -> int:
    """Microseconds since 1970 of a UTC-aware instant; a naive one is refused with ValueError."""
    if at.tzinfo is None:
        raise ValueError(f"{at!r} has no time zone; instants are UTC-aware.")
    return (at - _EPOCH) // timedelta(microseconds=1)


def from_us(us: int) -> datetime:
    """The UTC-aware instant of `us` microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=us)


class Clock(Protocol):
    """World time, which scales and leaps, beside liveness time, which does not."""

    @property
    def speed(self) -> float:
        """World seconds per real second."""

    def now(self) -> datetime:
        """The world instant, UTC-aware."""

    async def sleep(self, world_s: float) -> None:
        """Wait `world_s` seconds of world time; zero or less yields once."""

    async def sleep_until(self, at: datetime) -> None:
        """Wait until the world instant `at`."""

    def leap(self, to: datetime) -> None:
        """Jump forward to `to`. The caller makes sure that no job is in flight and nothing is rented."""

    def alive_s(self) -> float:
        """Liveness seconds since an arbitrary start, monotonic."""

    async def rest(self, alive_s: float) -> None:
        """Wait `alive_s` seconds of liveness time."""


class WallClock:
    """Production: world time is the wall's, and nobody can leap it."""

    speed = 1.0

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, world_s: float) -> None:
        await asyncio.sleep(max(0.0, world_s))

    async def sleep_until(self, at: datetime) -> None:
        await self.sleep((at - self.now()).total_seconds())

    def leap(self, to: datetime) -> None:
        raise RuntimeError(f"Real time cannot leap to {to:%Y-%m-%d %H:%M}; only simulated worlds can.")

    def alive_s(self) -> float:
        return time.monotonic()

    async def rest(self, alive_s: float) -> None:
        await asyncio.sleep(max(0.0, alive_s))


class SharedClock(WallClock):
    """World time shared by processes: epoch, speed, a CLOCK_MONOTONIC anchor and the leaps, in one mapped file."""

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), _LAYOUT.size)
        self._epoch_us: int
        self._speed: float
        self._anchor_ns: int
        self._epoch_us, self._speed, self._anchor_ns, _ = _LAYOUT.unpack(self._map[:])

    @classmethod
    def create(cls, path: Path, *, epoch: datetime, speed: float) -> "SharedClock":
        """Start a world at `epoch` running `speed` times faster than the wall, and share it at `path`."""
        if speed <= 0:
            raise ValueError(f"A clock's speed must be positive, not {speed}.")
        path.write_bytes(_LAYOUT.pack(to_us(epoch), speed, time.monotonic_ns(), 0))
        return cls(path)

    @property
    def speed(self) -> float:  # type: ignore[override]
        return self._speed

    def now(self) -> datetime:
        leap_us = _LAYOUT.unpack(self._map[:])[3]
        elapsed_us = int((time.monotonic_ns() - self._anchor_ns) / 1000 * self._speed)
        return from_us(self._epoch_us + elapsed_us + leap_us)

    async def sleep(self, world_s: float) -> None:
        await self.sleep_until(self.now() + timedelta(seconds=max(0.0, world_s)))

    async def sleep_until(self, at: datetime) -> None:
        while (left_s := (at - self.now()).total_seconds() / self._speed) > 0:
            await asyncio.sleep(min(left_s, _NAP_S))
        await asyncio.sleep(0)

    def leap(self, to: datetime) -> None:
        ahead_us = to_us(to) - to_us(self.now())
        if ahead_us > 0:
            leap_us = _LAYOUT.unpack(self._map[:])[3] + ahead_us
            self._map[24:32] = struct.pack("<q", leap_us)


class VirtualClock:
    """World and liveness time of a virtual event loop: `loop.time()` is the only clock there is."""

    speed = 1.0

    def __init__(self, loop: asyncio.AbstractEventLoop, epoch: datetime) -> None:
        self._loop, self._epoch, self._leap = loop, epoch, timedelta()
        self._sleepers: dict[asyncio.Future[None], None] = {}  # a dict, so that they wake in the order they lay down

    def now(self) -> datetime:
        # Rounded, not floored: a sleeper must wake at or after its instant, not a microsecond before.
        return self._epoch + self._leap + timedelta(microseconds=round(self._loop.time() * 1e6))

    async def sleep(self, world_s: float) -> None:
        if world_s <= 0:
            await asyncio.sleep(0)
            return
        await self.sleep_until(self.now() + timedelta(seconds=world_s))

    async def sleep_until(self, at: datetime) -> None:
        while (left_s := (at - self.now()).total_seconds()) > 0:
            woken = self._loop.create_future()
            timer = self._loop.call_later(left_s, _wake, woken)
            self._sleepers[woken] = None
            try:
                await woken
            finally:
                timer.cancel()
                del self._sleepers[woken]

    def leap(self, to: datetime) -> None:
        self._leap += max(timedelta(), to - self.now())
        for woken in self._sleepers:  # each looks at the time again
            _wake(woken)

    def alive_s(self) -> float:
        return self._loop.time()

    async def rest(self, alive_s: float) -> None:
        await asyncio.sleep(max(0.0, alive_s))


def _wake(sleeper: "asyncio.Future[None]") -> None:
    if not sleeper.done():
        sleeper.set_result(None)


class Deadlock(RuntimeError):
    """Nothing is ready and no timer is set: everything waits for something that never comes."""


class SerialTask(asyncio.Task[Any]):
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
        if len(self._inner.get_map()) > 1 and (events := self._inner.select(0)):  # beside the loop's own pipe
            return events
        if timeout is None:
            raise Deadlock("Nothing is ready and no timer is set.")
        self._loop.now_s += max(0.0, timeout)
        return []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose `time()` starts at 0 and moves only by jumps."""

    def __init__(self) -> None:
        self.now_s, self.serials = 0.0, itertools.count()
        super().__init__(_Jumping(self))  # type: ignore[arg-type]  # all that a loop asks of a selector
        self._clock_resolution = 1e-6
        self.set_task_factory(lambda loop, coro, **more: SerialTask(coro, loop=loop, **more))

    def time(self) -> float:
        return self.now_s

    def run_in_executor(self, executor: Any, func: Callable[..., _T], *args: Any) -> asyncio.Future[_T]:  # type: ignore[override]  # noqa: ARG002 - as any loop's, without its odd types
        """Runs it here and now: a thread would leave the loop idle and time would jump past its work."""
        future: asyncio.Future[_T] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # the caller's to see, like any executor's
            future.set_exception(error)
        return future


def run_virtual(scenario: Callable[[VirtualClock], Coroutine[Any, Any, _T]], *, epoch: datetime) -> _T:
    """Run `scenario(clock)` to its end on a fresh virtual loop that starts at `epoch`.

    Nothing waits, the clock jumps to the next timer. No threads and no sockets inside: a real thread pool would let
    the clock run away while it works.
    """
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(scenario(VirtualClock(runner.get_loop(), epoch)))
