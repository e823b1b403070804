"""What stands between a Modal client and the workspace: the world's time, the key, faults, and repeated calls."""

import asyncio
from collections.abc import Callable
from typing import Any

from clock import Clock, to_us
from simulator.engine import us
from simulator.faults import FaultKind
from simulator.modal.cloud import ModalCall, Outcome
from simulator.simulation import Simulation
from simulator.studio import StillPainting
from simulator.wire import Request

# The calls that change something: repeated with the same idempotency key they have one effect.
CHANGES = frozenset(
    {"AppCreate", "FunctionPrecreate", "FunctionCreate", "ClassCreate", "AppPublish", "AppStop", "FunctionMap"}
)
NAP_US = us(5)  # after which a held call looks again, should another call have made news
# Faults as gRPC says them; "stale" has no meaning where every call is a stream of its own.
BEFORE: dict[str, tuple[str, str]] = {
    "unauthorized": ("UNAUTHENTICATED", "Token missing or invalid"),
    "rate_limited": ("RESOURCE_EXHAUSTED", "Rate limit exceeded"),
    "rate_limited_hint": ("RESOURCE_EXHAUSTED", "Rate limit exceeded"),
    "server_error": ("INTERNAL", "Internal error"),
    "unavailable": ("UNAVAILABLE", "Service unavailable"),
}
AFTER: dict[str, tuple[str, str]] = {"garbage": ("INTERNAL", "failed to decode the response")}
RETRY_AFTER_S = 3.0


class Failed(Exception):
    """The call ends with a gRPC status."""

    def __init__(self, status: str, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.retry_after_s = status, message, retry_after_s


class Cut(Exception):
    """The connection is reset; the call may have taken effect."""


class Hung(Exception):
    """No answer ever comes; the call may have taken effect."""


class Gate:
    """One door to one simulated workspace."""

    def __init__(self, simulation: Simulation, clock: Clock) -> None:
        self.simulation, self.clock = simulation, clock
        self.cloud = simulation.modal

    def now_us(self) -> int:
        """The world's instant, after everything due by now has happened."""
        now_us = to_us(self.clock.now())
        self.simulation.engine.advance(now_us)
        return now_us

    def admit(self, secret: str | None) -> None:
        """Raises Failed unless the token is the workspace's; without a set key any token is taken."""
        if secret is None or secret != self.simulation.site.keys.get("modal", secret):
            raise Failed(*BEFORE["unauthorized"])

    def perform(self, rpc: str, effect: Callable[[], Any], *, key: str | None) -> Any:
        """Run the call, or fail as planned. A `key` that was seen before gives the first result again."""
        self.now_us()
        kind = self.simulation.faults.due(Request(service="modal_grpc", method="RPC", path=f"/{rpc}"))
        _before(kind)
        result = self.cloud.once(key, effect) if key else effect()
        _after(kind)
        return result

    async def outcome(self, call: ModalCall, wait_s: float) -> Outcome:
        """Where the call stands once it has ended or `wait_s` world seconds have passed."""
        until_us = self.now_us() + us(wait_s)
        while True:
            now_us = self.now_us()
            try:
                outcome = self.cloud.outcome(call)
            except StillPainting as wait:
                await asyncio.wrap_future(wait.painted)
                continue
            if outcome.status != "pending" or now_us >= until_us:
                return outcome
            next_us = self.simulation.engine.next_us() or until_us
            await self.clock.sleep((min(next_us, until_us, now_us + NAP_US) - now_us) / 1e6)


def _before(kind: FaultKind | None) -> None:
    if kind == "drop":
        raise Cut
    if kind == "hang":
        raise Hung
    if kind in BEFORE:
        raise Failed(*BEFORE[kind], RETRY_AFTER_S if kind == "rate_limited_hint" else None)


def _after(kind: FaultKind | None) -> None:
    if kind == "lost_reply":
        raise Cut
    if kind == "hang_after":
        raise Hung
    if kind in AFTER:
        raise Failed(*AFTER[kind])
