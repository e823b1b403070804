"""Three clocks, two kinds of time: what scales, what leaps, and who wakes."""

import asyncio
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clock import SharedClock, VirtualClock, WallClock, from_us, to_us
from tests.virtual import EPOCH, run

DAY = timedelta(days=1)
SLEEPER = """
import asyncio, sys
from datetime import datetime
from pathlib import Path
from clock import SharedClock
clock = SharedClock(Path(sys.argv[1]))
print("asleep", flush=True)
asyncio.run(clock.sleep_until(datetime.fromisoformat(sys.argv[2])))
print(clock.now().isoformat())
"""


def shared(tmp_path: Path, *, speed: float = 10.0) -> SharedClock:
    return SharedClock.create(tmp_path / "clock", epoch=EPOCH, speed=speed)


# ---------------------------------------------------------------- instants


@given(st.datetimes(min_value=datetime(1950, 1, 1), max_value=datetime(2200, 1, 1)))  # noqa: DTZ001 - zone added below
def test_an_instant_survives_the_way_through_microseconds(naive: datetime) -> None:
    at = naive.replace(tzinfo=UTC)
    assert from_us(to_us(at)) == at


def test_microseconds_count_from_1970_in_utc_whatever_the_zone() -> None:
    assert to_us(datetime(1970, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))) == 0
    assert to_us(datetime(1970, 1, 1, 0, 0, 1, 5, tzinfo=UTC)) == 1_000_005
    assert from_us(-1) == datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    assert from_us(0).tzinfo is UTC


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        to_us(datetime(2026, 1, 1))  # noqa: DTZ001 - that is the point


# ---------------------------------------------------------------- the wall


async def test_real_time_is_aware_and_cannot_leap() -> None:
    clock = WallClock()
    assert clock.now().utcoffset() == timedelta()
    assert clock.speed == 1.0
    with pytest.raises(RuntimeError, match="only simulated worlds"):
        clock.leap(clock.now() + DAY)


@pytest.mark.parametrize("kind", ["wall", "shared", "virtual"])
async def test_a_sleep_of_no_length_lets_others_go_first(kind: str, tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    clock = {"wall": WallClock(), "shared": shared(tmp_path), "virtual": VirtualClock(loop, EPOCH)}[kind]
    order: list[str] = []
    other = asyncio.create_task(asyncio.sleep(0, order.append("before")))
    loop.call_soon(order.append, "others")
    await clock.sleep(-5)
    order.append("after")
    await other
    assert order == ["before", "others", "after"]


# ---------------------------------------------------------------- shared by processes


def test_a_shared_clock_starts_at_its_epoch_and_runs_at_its_speed(tmp_path: Path) -> None:
    clock = shared(tmp_path, speed=1000.0)
    alive_before = clock.alive_s()
    first = clock.now()
    asyncio.run(clock.sleep(20))
    world_s = (clock.now() - first).total_seconds()
    real_s = clock.alive_s() - alive_before
    assert first >= EPOCH
    assert world_s >= 20
    assert world_s <= real_s * 1000.0  # measured inside the real bracket


@pytest.mark.parametrize("speed", [0, -1])
def test_a_clock_that_stands_still_or_runs_back_is_refused(tmp_path: Path, speed: float) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        shared(tmp_path, speed=speed)
    assert not (tmp_path / "clock").exists()


def test_who_opens_the_file_later_reads_the_same_time_and_speed(tmp_path: Path) -> None:
    first = shared(tmp_path, speed=5.0)
    second = SharedClock(tmp_path / "clock")
    before, between, after = first.now(), second.now(), first.now()
    assert before <= between <= after
    assert second.speed == 5.0


def test_a_leap_is_seen_by_everyone_at_once_and_adds_up(tmp_path: Path) -> None:
    first, second = shared(tmp_path), SharedClock(tmp_path / "clock")
    first.leap(EPOCH + DAY)
    second.leap(EPOCH + 3 * DAY)
    for clock in (first, second):
        assert EPOCH + 3 * DAY <= clock.now() < EPOCH + 3 * DAY + timedelta(hours=1)


def test_a_leap_never_goes_back(tmp_path: Path) -> None:
    clock = shared(tmp_path)
    clock.leap(EPOCH + DAY)
    clock.leap(EPOCH)
    assert clock.now() >= EPOCH + DAY


async def test_a_leap_wakes_those_who_sleep_in_this_process(tmp_path: Path) -> None:
    clock = shared(tmp_path)
    sleepers = [asyncio.create_task(clock.sleep(86_400)), asyncio.create_task(clock.sleep_until(EPOCH + 2 * DAY))]
    await asyncio.sleep(0)
    clock.leap(EPOCH + 1.5 * DAY)
    done, pending = await asyncio.wait(sleepers, timeout=2)
    assert done == {sleepers[0]}
    pending.pop().cancel()


def test_a_leap_wakes_those_who_sleep_in_another_process(tmp_path: Path) -> None:
    clock = shared(tmp_path)
    until = EPOCH + 10 * DAY
    command = [sys.executable, "-c", SLEEPER, str(tmp_path / "clock"), until.isoformat()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "asleep\n"
        clock.leap(until)
        woken_at = process.communicate(timeout=10)[0].strip()
    assert datetime.fromisoformat(woken_at) >= until


async def test_liveness_time_neither_scales_nor_leaps(tmp_path: Path) -> None:
    clock = shared(tmp_path, speed=1000.0)
    before = clock.alive_s()
    clock.leap(EPOCH + 1000 * DAY)
    await clock.rest(0.01)
    assert 0.01 <= clock.alive_s() - before < 5


# ---------------------------------------------------------------- virtual


def test_virtual_time_leaps_and_wakes_who_has_slept_enough_in_the_order_they_lay_down() -> None:
    async def scenario(clock: VirtualClock) -> tuple[list[str], float]:
        woken: list[str] = []

        async def sleeper(name: str, seconds: float) -> None:
            await clock.sleep(seconds)
            woken.append(name)

        tasks = [asyncio.create_task(sleeper(name, s)) for name, s in (("long", 3000), ("short", 10), ("over", 4000))]
        await asyncio.sleep(0)
        clock.leap(EPOCH + timedelta(seconds=3500))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        so_far = list(woken)
        await asyncio.gather(*tasks)
        return so_far, clock.alive_s()

    woken, alive_s = run(scenario)
    assert woken == ["long", "short"]
    assert alive_s == pytest.approx(500)  # the third slept on: 3,500 of its 4,000 s were leapt over


def test_virtual_liveness_time_does_not_leap() -> None:
    async def scenario(clock: VirtualClock) -> tuple[float, timedelta]:
        clock.leap(EPOCH + DAY)
        clock.leap(EPOCH)  # never back
        await clock.rest(7)
        return clock.alive_s(), clock.now() - EPOCH

    assert run(scenario) == (7.0, DAY + timedelta(seconds=7))


def test_a_cancelled_sleeper_leaves_no_timer_behind() -> None:
    async def scenario(clock: VirtualClock) -> float:
        task = asyncio.create_task(clock.sleep(1000))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        clock.leap(EPOCH + DAY)
        await clock.sleep(1)
        return clock.alive_s()

    assert run(scenario) == pytest.approx(1)


def test_virtual_sleepers_wake_at_their_instant_and_not_before() -> None:
    async def scenario(clock: VirtualClock) -> list[timedelta]:
        late = []
        for step in range(1, 200):
            at = clock.now() + timedelta(microseconds=step * 333_333)
            await clock.sleep_until(at)
            late.append(clock.now() - at)
        return late

    assert set(run(scenario)) == {timedelta()}


def test_the_clock_file_is_shared_between_threads_too(tmp_path: Path) -> None:
    clock = shared(tmp_path)
    thread = threading.Thread(target=lambda: SharedClock(tmp_path / "clock").leap(EPOCH + DAY))
    thread.start()
    thread.join()
    assert clock.now() >= EPOCH + DAY
