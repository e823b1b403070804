"""Vast.ai's rate limits: a least interval between two calls of one endpoint by one identity, in world time."""

from collections import deque
from collections.abc import Mapping

from simulator.engine import us
from simulator.wire import Reply

# Seconds, from the x-rate-limit thresholds of the published OpenAPI (2026-08-07).
INTERVALS_S: Mapping[str, float] = {
    "create": 4.5,
    "list": 1.0,
    "one": 2.0,
    "manage": 1.0,
    "destroy": 3.0,
    "charges": 1.0,
    "invoices": 3.0,
}
CREATE_PENALTY_S = 12.0  # a create that comes too early closes the endpoint for so long
SEARCHES_PER_MINUTE = 10


class Limits:
    """When each identity may call each endpoint again."""

    def __init__(self) -> None:
        self._free_us: dict[tuple[str, str], int] = {}
        self._searches: dict[str, deque[int]] = {}

    def refusal(self, endpoint: str, identity: str, now_us: int) -> Reply | None:
        """The 429 of a call that came too early; None lets it pass and counts it."""
        if endpoint == "search":
            return self._search(identity, now_us)
        interval_s = INTERVALS_S.get(endpoint)
        if interval_s is None:
            return None
        if now_us < self._free_us.get((endpoint, identity), 0):
            if endpoint == "create":
                self._free_us[endpoint, identity] = now_us + us(CREATE_PENALTY_S)
            return _too_frequent(interval_s)
        self._free_us[endpoint, identity] = now_us + us(interval_s)
        return None

    def _search(self, identity: str, now_us: int) -> Reply | None:
        recent = self._searches.setdefault(identity, deque())
        while recent and recent[0] <= now_us - us(60):
            recent.popleft()
        if len(recent) >= SEARCHES_PER_MINUTE:
            return _too_frequent(60 / SEARCHES_PER_MINUTE)
        recent.append(now_us)
        return None


def _too_frequent(threshold_s: float) -> Reply:
    # Mostly plain text, though the OpenAPI shows JSON; no Retry-After is documented.
    return Reply(status=429, body=f"API requests too frequent endpoint threshold={threshold_s}")
