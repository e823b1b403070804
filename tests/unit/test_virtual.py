"""The virtual loop keeps its promises: exact, instant, the same each time, and never silently stuck."""

import asyncio
import threading
from datetime import timedelta

import pytest

from clock import Deadlock
from tests.virtual import EPOCH, run


def test_hours_pass_at_once_and_to_the_microsecond() -> None:
    async def scenario(clock):
        await clock.sleep(100_000.000001)
        return clock.now()

    assert run(scenario) == EPOCH + timedelta(seconds=100_000.000001)


def test_sleepers_wake_in_the_order_of_their_instants() -> None:
    async def scenario(clock):
        woken = []

        async def sleeper(after_s):
            await clock.sleep(after_s)
            woken.append(((clock.now() - EPOCH).total_seconds(), after_s))

        async with asyncio.TaskGroup() as group:
            for after_s in (3, 1, 2):
                group.create_task(sleeper(after_s))
        return woken

    assert run(scenario) == [(1, 1), (2, 2), (3, 3)]


def test_waiting_for_what_never_comes_is_an_error_and_no_hang() -> None:
    async def scenario(_clock):
        await asyncio.Event().wait()

    with pytest.raises(Deadlock):
        run(scenario)


def test_a_timeout_expires_in_virtual_time() -> None:
    async def scenario(clock):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(30):
                await asyncio.Event().wait()
        return clock.alive_s()

    assert run(scenario) == pytest.approx(30)


def test_work_for_an_executor_runs_in_the_same_thread_and_takes_no_time() -> None:
    async def scenario(clock):
        thread = await asyncio.get_running_loop().run_in_executor(None, threading.get_ident)
        return thread, clock.alive_s()

    assert run(scenario) == (threading.get_ident(), 0)


def test_an_error_in_an_executor_reaches_its_caller() -> None:
    async def scenario(_clock):
        await asyncio.to_thread(int, "x")

    with pytest.raises(ValueError, match="invalid literal"):
        run(scenario)


def test_sets_of_tasks_iterate_in_the_order_of_birth() -> None:
    async def scenario(clock):
        tasks = [asyncio.create_task(clock.sleep(1)) for _ in range(30)]
        done, _ = await asyncio.wait(tasks)
        return [tasks.index(task) for task in done]

    assert run(scenario) == run(scenario) == sorted(run(scenario))
