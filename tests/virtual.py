"""Virtual time for tests that want exact results.

def test_x():
    async def scenario(clock): ...
    run(scenario)
"""

from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any, TypeVar

from clock import VirtualClock, run_virtual

T = TypeVar("T")
EPOCH = datetime(2026, 11, 2, 8, tzinfo=UTC)


def run(scenario: Callable[[VirtualClock], Coroutine[Any, Any, T]], *, epoch: datetime | None = None) -> T:
    """Run `scenario(clock)` to its end, from `epoch` on."""
    return run_virtual(scenario, epoch=epoch or EPOCH)
