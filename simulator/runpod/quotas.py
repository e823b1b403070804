"""How often Runpod lets itself be asked, in world time."""

import math
from dataclasses import dataclass, field

from simulator.engine import US


@dataclass(frozen=True, kw_only=True)
class Window:
    """At most `limit` calls in `seconds`; windows start at whole multiples of their length."""

    name: str
    limit: int
    seconds: int


# REST v2 per user: the example policy of its specification, 2026-08-18.
REST = (
    Window(name="minute", limit=60, seconds=60),
    Window(name="hour", limit=3000, seconds=3600),
    Window(name="day", limit=50_000, seconds=86_400),
)
# The job API per endpoint (Runpod documentation, operation reference, 2026-08-20). It scales up with the running
# workers by a rule that is not published: not simulated.
JOBS = {
    "run": Window(name="run", limit=1000, seconds=10),
    "runsync": Window(name="runsync", limit=2000, seconds=10),
    "status": Window(name="status", limit=2000, seconds=10),
    "stream": Window(name="status", limit=2000, seconds=10),
    "cancel": Window(name="cancel", limit=100, seconds=10),
    "purge-queue": Window(name="purge-queue", limit=2, seconds=10),
    "requests": Window(name="requests", limit=10, seconds=10),
}

_NONE = (-1, 0)  # no window yet, nothing used


@dataclass
class Quotas:
    """Calls counted per holder and window."""

    _used: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)

    def take(self, holder: str, windows: tuple[Window, ...], now_us: int) -> Window | None:
        """Count one call; the window that is full, None when all have room."""
        full = next((window for window in windows if self.left(holder, window, now_us) <= 0), None)
        if full is None:
            for window in windows:
                number = now_us // (window.seconds * US)
                seen, used = self._used.get((holder, window.name), _NONE)
                self._used[holder, window.name] = (number, used + 1 if seen == number else 1)
        return full

    def left(self, holder: str, window: Window, now_us: int) -> int:
        """Calls that still fit."""
        seen, used = self._used.get((holder, window.name), _NONE)
        return window.limit - (used if seen == now_us // (window.seconds * US) else 0)

    def headers(self, holder: str, now_us: int) -> dict[str, str]:
        """`RateLimit` and `RateLimit-Policy`, which REST v2 puts on every response to an authenticated request."""
        state = [f'"{w.name}";r={self.left(holder, w, now_us)};t={resets_s(w, now_us)}' for w in REST]
        policy = [f'"{w.name}";q={w.limit};w={w.seconds}' for w in REST]
        return {"RateLimit": ", ".join(state), "RateLimit-Policy": ", ".join(policy)}


def resets_s(window: Window, now_us: int) -> int:
    """Whole seconds until the window starts anew."""
    span_us = window.seconds * US
    return math.ceil((span_us - now_us % span_us) / US)
