"""The background process: takes over, sweeps first, answers, drives, settles, ends."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session

from backends.base import Charge
from backends.errors import AuthFailed, Unavailable
from collectors import billing
from collectors.context import LOOK_S
from storage.models import Charge as ChargeRow
from storage.models import Collector, Request, Run
from tests.unit.collectors.fakes import Desk, FakeBackend, killed, play, until
from words import CostState, Feature, JobStatus, Provider, RequestKind, RequestState, RunStatus

BILLED = frozenset({Feature.SCALES_TO_ZERO, Feature.DEPLOYS, Feature.BILLED})


def settling(desk: Desk) -> Callable[[], Awaitable[None]]:
    return lambda: billing.settle(desk.ctx)


async def to_the_end(desk: Desk, **more: Any) -> None:
    await desk.service(**more).run(until=lambda: True)


def bill(desk: Desk, usd: str = "0.02") -> None:
    """One line for each deployment, from now on."""
    for rental in desk.backend.rentals.values():
        desk.backend.bills.append(
            Charge(
                charge_id=f"c-{rental.ref.id}",
                provider=Provider.RUNPOD,
                resource_id=rental.ref.id,
                resource_name=rental.ref.key,
                sku="gpu",
                charge_period_start=rental.created_at,
                charge_period_end=rental.created_at + timedelta(hours=1),
                billed_cost=Decimal(usd),
                raw={},
            )
        )


# ---------------------------------------------------------------- take-over


def test_every_start_gets_a_higher_token_and_owns_what_is_open_and_no_more(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> tuple[list[int], list[tuple[bool, int | None]]]:
        tokens = []
        await desk.service().start()
        tokens.append(desk.ctx.lease_token)
        task = asyncio.create_task(desk.service().run())
        desk.ask(warm=3)
        await until(desk.clock, lambda: len(desk.backend.jobs) == 3)
        await killed(task)
        again = desk.restart()
        await again.service().start()
        tokens += [desk.ctx.lease_token, again.ctx.lease_token]
        return tokens, [(job.status.final, job.lease_token) for job in desk.jobs()]

    tokens, owned = play(tmp_path, scenario)
    assert tokens == [1, 2, 3]
    assert owned == [(True, 2), (True, 2), (False, 3), (False, 3)]


def test_a_killed_collectors_runs_are_taken_over_and_ended(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> tuple[list[JobStatus], Any, int]:
        task = asyncio.create_task(desk.service().run())
        desk.ask(warm=3)
        await until(desk.clock, lambda: len(desk.backend.jobs) == 2)
        await killed(task)
        await desk.clock.sleep(500)  # far beyond any lease: the new one does not wait for it
        started = desk.clock.now()
        again = desk.restart()
        await to_the_end(again)
        took_s = round((desk.clock.now() - started).total_seconds())
        return [job.status for job in desk.jobs()], desk.run(), took_s

    statuses, run, took_s = play(tmp_path, scenario)
    assert statuses == [JobStatus.SUCCEEDED] * 4
    assert (run.status, run.left_running) == (RunStatus.DONE, 0)
    assert took_s < 60


def test_orphans_are_gone_before_the_first_paid_call(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> list[str]:
        desk.backend._rent("bakeoff-t-r9-alpha-0")
        desk.ask(warm=0)
        await to_the_end(desk)
        return [verb for verb, _ in desk.backend.calls]

    verbs = play(tmp_path, scenario)
    assert verbs.index("teardown") < verbs.index("deploy") < verbs.index("submit")


def test_a_provider_that_is_away_at_the_start_does_not_keep_the_collector_from_starting(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> RunStatus:
        desk.backend.plan("offers", Unavailable("away"))
        desk.backend.plan("live", Unavailable("away"))
        desk.ask(warm=0)
        await to_the_end(desk)
        return desk.run().status

    assert play(tmp_path, scenario) is RunStatus.DONE


# ---------------------------------------------------------------- work


def test_a_run_asked_for_while_it_works_is_started_soon(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> float:
        task = asyncio.create_task(desk.service().run())
        await desk.clock.sleep(100)
        asked_at = desk.clock.now()
        desk.ask(warm=0)
        await until(desk.clock, lambda: desk.run().started_at is not None)
        started_at = desk.run().started_at
        await killed(task)
        return (started_at - asked_at).total_seconds()

    assert play(tmp_path, scenario) <= LOOK_S


def test_runs_go_side_by_side(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> list[float]:
        for _ in range(3):
            desk.ask(warm=2)
        await to_the_end(desk)
        return [run.started_at.timestamp() for run in desk.rows(Run)]

    started = play(tmp_path, scenario)
    assert len(started) == 3
    assert max(started) - min(started) <= LOOK_S


def test_a_request_is_answered_while_a_run_is_under_way(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> tuple[RequestState, RunStatus, set[JobStatus]]:
        task = asyncio.create_task(to_the_end(desk))
        run_id = desk.ask(warm=50)
        await desk.clock.sleep(60)
        with Session(desk.engine) as session:
            session.add(Request(kind=RequestKind.STOP_RUN, arguments={"run_id": run_id}, asked_at=desk.clock.now()))
            session.commit()
        await task
        return desk.rows(Request)[0].state, desk.run().status, {job.status for job in desk.jobs()}

    state, status, jobs = play(tmp_path, scenario)
    assert (state, status) == (RequestState.DONE, RunStatus.STOPPED)
    assert jobs == {JobStatus.SUCCEEDED, JobStatus.CANCELLED}


def test_bills_prices_and_sweeps_come_again_and_again(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> tuple[int, int, int]:
        task = asyncio.create_task(desk.service().run())
        await desk.clock.sleep(3650)
        await killed(task)
        backend = desk.backend
        return backend.count("charges"), backend.count("offers"), backend.count("live")

    bills, offers, sweeps = play(tmp_path, scenario, lambda clock: FakeBackend(clock, features=BILLED))
    assert bills == 1 + 6  # each 600 s
    assert offers == 2 * (1 + 4)  # two GPUs, at the start and each 900 s
    assert sweeps == 1 + 12  # at the start and each 300 s


@pytest.mark.parametrize(("refused", "readings"), [(False, 2), (True, 3)])
def test_a_restart_asks_for_bills_at_once_only_where_the_last_reading_failed(
    refused: bool, readings: int, tmp_path: Path
) -> None:
    async def scenario(desk: Desk) -> int:
        if refused:
            desk.backend.plan("charges", AuthFailed("The key may not read bills."))
        for lasts_s in (60, 60, 600):
            task = asyncio.create_task(desk.service().run())
            await desk.clock.sleep(lasts_s)
            await killed(task)
        return desk.backend.count("charges")

    assert play(tmp_path, scenario, lambda clock: FakeBackend(clock, features=BILLED)) == readings


def test_the_heartbeat_says_what_it_is_doing(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> list[str]:
        task = asyncio.create_task(desk.service().run())
        await desk.clock.sleep(6)
        said = [desk.rows(Collector)[0].doing]
        desk.ask(warm=0)
        await desk.clock.sleep(10)
        said.append(desk.rows(Collector)[0].doing)
        await desk.clock.sleep(200)
        said.append(desk.rows(Collector)[0].doing)
        await killed(task)
        return said

    assert play(tmp_path, scenario) == ["idle", "1 runs", "idle"]


def test_an_end_on_request_leaves_open_jobs_to_the_next_start(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> tuple[list[JobStatus], int]:
        task = asyncio.create_task(desk.service().run())
        desk.ask(warm=1)
        await until(desk.clock, lambda: len(desk.backend.jobs) == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await desk.clock.sleep(100)
        return [job.status for job in desk.jobs()], len(desk.backend.standing())

    statuses, standing = play(tmp_path, scenario)
    assert statuses in ([JobStatus.SUBMITTED, JobStatus.QUEUED], [JobStatus.SUBMITTING, JobStatus.QUEUED])
    assert standing == 1


# ---------------------------------------------------------------- settling


async def billed_later(desk: Desk, after_s: float) -> None:
    await desk.clock.sleep(after_s)
    bill(desk)


def test_when_the_last_run_has_ended_the_clock_leaps_until_every_bill_is_final(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> tuple[list[Any], list[str], float, float]:
        desk.ask(warm=0)
        billed = asyncio.create_task(billed_later(desk, 40))
        before = desk.clock.now()
        await to_the_end(desk, when_idle=settling(desk))
        await billed
        gone = (desk.clock.now() - before).total_seconds()
        with Session(desk.engine) as session:
            states = [session.get_one(ChargeRow, "c-alpha-0").state]
        return states, desk.told(billing.SETTLED), gone, desk.clock.alive_s()

    states, told, gone_s, alive_s = play(tmp_path, scenario, lambda clock: FakeBackend(clock, features=BILLED))
    assert states == [CostState.FINAL]
    assert told == ["All bills are final."]
    assert gone_s > 48 * 3600 > 1000 > alive_s


def test_nothing_is_settled_before_there_was_a_run(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> list[str]:
        task = asyncio.create_task(desk.service(when_idle=settling(desk)).run())
        await desk.clock.sleep(300)
        await killed(task)
        return desk.told(billing.SETTLED)

    assert play(tmp_path, scenario) == []


def test_each_last_run_settles_once(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> int:
        task = asyncio.create_task(desk.service(when_idle=settling(desk)).run())
        for _ in range(2):
            desk.ask(warm=0)
            await desk.clock.rest(300)
        await killed(task)
        return len(desk.told(billing.SETTLED))

    assert play(tmp_path, scenario) == 2


def test_a_collector_killed_after_the_last_run_and_before_its_bills_settles_at_its_next_start(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> tuple[int, list[str]]:
        desk.ask(warm=0)
        await to_the_end(desk)  # it was told nothing of settling: as if it had died just then
        before = len(desk.told(billing.SETTLED))
        again = desk.restart()
        await to_the_end(again, when_idle=settling(again))
        return before, desk.told(billing.SETTLED)

    before, told = play(tmp_path, scenario)
    assert before == 0
    assert len(told) == 1


def test_bills_that_do_not_come_are_said_to_be_missing_and_nobody_waits_for_ever(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> tuple[list[str], float]:
        desk.ask(warm=0)
        before = desk.clock.now()
        await to_the_end(desk, when_idle=settling(desk))
        return desk.told(billing.SETTLED), (desk.clock.now() - before).total_seconds()

    told, gone_s = play(tmp_path, scenario, lambda clock: FakeBackend(clock, features=BILLED))
    assert told == ["Some bills are not final yet, though their time has passed."]
    assert gone_s < 7 * 86_400


def test_a_bill_that_cannot_be_read_is_told_and_read_at_the_next_turn(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> tuple[list[str], int]:
        desk.backend.plan("charges", Unavailable("away"), Unavailable("away"), Unavailable("away"))
        task = asyncio.create_task(desk.service().run())
        desk.ask(warm=0)
        await billed_later(desk, 100)
        await desk.clock.sleep(700)
        await killed(task)
        with Session(desk.engine) as session:
            found = session.get(ChargeRow, "c-alpha-0")
        return desk.told("billing"), int(found is not None)

    told, found = play(tmp_path, scenario, lambda clock: FakeBackend(clock, features=BILLED))
    assert told == ["Bills of alpha could not be read: away", "Bills of alpha can be read again."]
    assert found == 1
