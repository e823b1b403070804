"""Recurring work on the Clock: on its grid, once after a leap, never ended by a failure."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

import pytest
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.date import DateTrigger

from backends.errors import Unavailable
from clock import VirtualClock
from collectors.schedule import each, repeat
from tests.virtual import EPOCH, run

Action = Callable[[], Awaitable[object]]


def fires(
    seconds: int,
    *,
    lasts_s: float = 0.0,
    until_s: float = 1000.0,
    leap: tuple[float, float] | None = None,
    errors: Sequence[Exception] = (),
    start: datetime = EPOCH,
) -> list[float]:
    """When an action fired, in seconds since the epoch; `leap`: at which second, by how many."""
    fired: list[float] = []
    planned = list(errors)

    async def scenario(clock: VirtualClock) -> None:
        async def action() -> None:
            fired.append((clock.now() - EPOCH).total_seconds())
            await clock.sleep(lasts_s)
            if planned:
                raise planned.pop(0)

        task = asyncio.create_task(repeat(clock, each(timedelta(seconds=seconds), start=start), action))
        if leap:
            await clock.sleep(leap[0])
            clock.leap(clock.now() + timedelta(seconds=leap[1]))
        await clock.sleep_until(EPOCH + timedelta(seconds=until_s))
        task.cancel()
        await asyncio.wait([task])

    run(scenario)
    return fired


def test_it_fires_at_once_and_then_on_its_grid() -> None:
    assert fires(300) == [0, 300, 600, 900]


def test_before_its_start_it_waits() -> None:
    assert fires(300, start=EPOCH + timedelta(seconds=250)) == [250, 550, 850]


def test_a_start_in_the_past_keeps_the_grid_and_is_not_made_up_for() -> None:
    assert fires(300, start=EPOCH - timedelta(seconds=100)) == [200, 500, 800]


def test_fire_times_missed_by_a_leap_become_one_at_once_and_the_grid_goes_on() -> None:
    twelve_hours = 12 * 3600.0
    found = fires(300, leap=(450, twelve_hours), until_s=twelve_hours + 1300)
    assert found == [0, 300, twelve_hours + 450, twelve_hours + 600, twelve_hours + 900, twelve_hours + 1200]


def test_a_slow_action_skips_the_turns_that_it_missed_and_never_overlaps_itself() -> None:
    assert fires(100, lasts_s=250) == [0, 300, 600, 900]


def test_an_action_as_long_as_its_interval_takes_every_turn() -> None:
    assert fires(250, lasts_s=250, until_s=1100) == [0, 250, 500, 750, 1000]


def test_a_fractional_start_fires_once_per_turn() -> None:
    start = EPOCH + timedelta(microseconds=333_333)
    assert fires(300, start=start) == pytest.approx([0.333333, 300.333333, 600.333333, 900.333333])


@pytest.mark.parametrize("error", [Unavailable("the provider is away"), ValueError("a bill that is none")])
def test_whatever_goes_wrong_the_next_turn_comes(error: Exception) -> None:
    assert fires(300, errors=[error, error]) == [0, 300, 600, 900]


def test_a_trigger_that_ends_ends_the_round() -> None:
    async def scenario(clock: VirtualClock) -> int:
        count = 0

        async def action() -> None:
            nonlocal count
            count += 1

        await repeat(clock, DateTrigger(EPOCH + timedelta(seconds=5)), action)
        return count

    assert run(scenario) == 1


def test_any_trigger_of_the_library_will_do() -> None:
    fired: list[datetime] = []

    async def scenario(clock: VirtualClock) -> None:
        async def action() -> None:
            fired.append(clock.now())

        task = asyncio.create_task(repeat(clock, CronTrigger(hour=3, timezone="UTC"), action))
        await clock.sleep(3 * 86_400)
        task.cancel()
        await asyncio.wait([task])

    run(scenario)
    assert [(at.day, at.hour) for at in fired] == [(3, 3), (4, 3), (5, 3)]
