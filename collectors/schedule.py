"""Recurring work: APScheduler's triggers say when, the Clock waits. Its schedulers read the wall and cannot leap."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.interval import IntervalTrigger

from backends.errors import BackendError
from clock import Clock
from collectors.context import log


def each(*, seconds: int, start: datetime) -> IntervalTrigger:
    """Fires at `start` and every `seconds` of world time from there on."""
    return IntervalTrigger(seconds=seconds, start_date=start, timezone=UTC)


async def repeat(clock: Clock, trigger: BaseTrigger, action: Callable[[], Awaitable[object]]) -> None:
    """Run `action` at every fire time; after a leap the missed ones coalesce into one.

    A provider that fails does not end the round: the next fire time tries again.
    """
    previous: datetime | None = None
    while True:
        due = trigger.get_next_fire_time(previous, clock.now())
        if due is None:
            return
        await clock.sleep_until(due)
        previous = due
        try:
            await action()
        except BackendError as error:
            log.warning("recurring work failed, next try at its next turn: %s", error)
