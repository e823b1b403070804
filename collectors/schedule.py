"""Recurring work: APScheduler's triggers say when, the Clock waits. Its schedulers read the wall and cannot leap."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.interval import IntervalTrigger

from backends.errors import BackendError
from clock import Clock
from collectors.context import log


def each(every: timedelta, *, start: datetime) -> IntervalTrigger:
    """Fires at `start` and each time that `every` of world time has passed from there on."""
    return IntervalTrigger(seconds=int(every.total_seconds()), start_date=start, timezone=UTC)


async def repeat(clock: Clock, trigger: BaseTrigger, action: Callable[[], Awaitable[object]]) -> None:
    """Run `action` at every fire time; those missed by a leap or by a slow action coalesce into one.

    Whatever goes wrong does not end the round: the next fire time tries again.
    """
    previous: datetime | None = None
    while (due := _next(trigger, previous, clock.now())) is not None:
        await clock.sleep_until(due)
        previous = due
        try:
            await action()
        except BackendError as error:
            log.warning("recurring work failed, next try at its next turn: %s", error)
        except Exception:
            log.exception("recurring work failed in our own code, next try at its next turn")


def _next(trigger: BaseTrigger, previous: datetime | None, now: datetime) -> datetime | None:
    """The first fire time from `now` on that is not the one before; an interval trigger alone would give all missed."""
    due: datetime | None = trigger.get_next_fire_time(None, now)
    if due is not None and previous is not None and due <= previous:
        due = trigger.get_next_fire_time(previous, now)
    return due
