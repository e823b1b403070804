"""The event heap that everything simulated hangs on. No timers: each call advances it lazily to `now`.

Instants are integer microseconds since 1970, so that the truth is exact and the same on sockets and in
virtual time.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field

US = 1_000_000  # microseconds in a second


def us(seconds: float) -> int:
    """Seconds as whole microseconds."""
    return round(seconds * US)


@dataclass(order=True)
class Event:
    """Something due at `when_us`; equal instants run in the order in which they were planned."""

    when_us: int
    serial: int
    action: Callable[[], None] = field(compare=False)
    cancelled: bool = field(default=False, compare=False)

    def cancel(self) -> None:
        """Take it back; running it becomes a no-op."""
        self.cancelled = True


class Engine:
    """The simulated world's own clock and agenda."""

    def __init__(self, now_us: int) -> None:
        self.now_us = now_us
        self._heap: list[Event] = []
        self._serial = 0

    def at(self, when_us: int, action: Callable[[], None]) -> Event:
        """Plan `action`; an instant in the past runs at the next advance, at its own instant."""
        self._serial += 1
        event = Event(max(when_us, self.now_us), self._serial, action)
        heapq.heappush(self._heap, event)
        return event

    def after(self, delay_us: int, action: Callable[[], None]) -> Event:
        """Plan `action` `delay_us` from now."""
        return self.at(self.now_us + delay_us, action)

    def advance(self, now_us: int) -> None:
        """Run everything due up to `now_us`, each at its own instant; time never runs back."""
        while self._heap and self._heap[0].when_us <= now_us:
            event = heapq.heappop(self._heap)
            self.now_us = event.when_us
            if not event.cancelled:
                event.action()
        self.now_us = max(self.now_us, now_us)

    def next_us(self) -> int | None:
        """The instant of the next event, None when nothing is planned."""
        while self._heap and self._heap[0].cancelled:
            heapq.heappop(self._heap)
        return self._heap[0].when_us if self._heap else None
