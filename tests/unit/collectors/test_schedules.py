"""Schedules: each block in its time and once, missed ones with their reason, all of them within the budget."""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session

from clock import Clock, VirtualClock
from collectors import prices, schedules
from storage import schedule_edits as edits
from storage.db import DataFolder, open_engine
from storage.models import Backend, Block, Deployment, Run, Schedule, Workflow
from storage.schedules import SchedulePlan, insert_schedule
from storage.writer import Writer
from tests import virtual
from tests.simulation.crash import Kill, Killed
from tests.unit.collectors.fakes import RENTED, SIZE, Desk, FakeBackend, context, killed, play
from words import BlockStatus, Provider, RunStatus, ScheduleStatus

DAY = date(2026, 11, 3)  # the day after the virtual clock's epoch
SECOND = timedelta(seconds=1)
PLANNED, STARTED, DONE, MISSED = BlockStatus.PLANNED, BlockStatus.STARTED, BlockStatus.DONE, BlockStatus.MISSED


def modal(clock: Clock) -> FakeBackend:
    return FakeBackend(clock, name="modal", provider=Provider.MODAL)


def vast(clock: Clock) -> FakeBackend:
    return FakeBackend(clock, name="vast", provider=Provider.VAST, features=RENTED)


async def planned(desk: Desk, **changes: Any) -> None:
    """A schedule of four blocks on one day, on two fakes whose prices are known."""
    await prices.refresh(desk.ctx)
    given = {"workflow": "flux-dev", "gpu": "L40S", "backends": ("modal", "vast"), "cap_usd": Decimal(20), "seed": 3}
    small = {"first_day": DAY, "days": 1, "blocks": 4, "warm": 2, "cold": 2, "repeats": 0, "params": SIZE}
    edit(desk, lambda session: insert_schedule(session, SchedulePlan(**given | small | changes), now=desk.clock.now()))


def edit(desk: Desk, change: Callable[[Session], Any]) -> None:
    with Session(desk.engine) as session:
        change(session)
        session.commit()


def blocks(desk: Desk) -> list[Block]:
    return sorted(desk.rows(Block), key=lambda block: block.starts_at)


def states(desk: Desk) -> list[BlockStatus]:
    return [block.status for block in blocks(desk)]


def schedule(desk: Desk) -> Schedule:
    (row,) = desk.rows(Schedule)
    return row


async def at(desk: Desk, when: datetime) -> None:
    """Be there, and let the collector look once."""
    desk.clock.leap(when)
    await schedules.turn(desk.ctx)


async def nothing() -> None:
    """Instead of bills that become final."""


async def wait(desk: Desk, happened: Callable[[], bool]) -> None:
    """Until something is so; the collector leaps between blocks, so that a thousand looks are many."""
    for _ in range(1000):
        if happened():
            return
        await desk.clock.sleep(2)
    raise AssertionError("it never happened")


async def to_the_end(desk: Desk) -> None:
    await desk.service(when_idle=nothing).run(until=lambda: True)


def seen(path: Path, scenario: Callable[[Desk], Awaitable[Any]]) -> Any:
    return play(path, scenario, modal, vast)


# ---------------------------------------------------------------- when


@pytest.mark.parametrize(
    ("late", "state"), [(-SECOND, PLANNED), (timedelta(), STARTED), (timedelta(minutes=10), STARTED), (None, STARTED)]
)
def test_a_block_starts_at_its_hour_and_until_it_could_no_longer_end_in_its_day_part(
    late: timedelta | None, state: BlockStatus, tmp_path: Path
) -> None:
    async def scenario(desk: Desk) -> None:
        await planned(desk)
        first = blocks(desk)[0]
        await at(desk, first.latest_at if late is None else first.starts_at + late)
        assert states(desk) == [state, PLANNED, PLANNED, PLANNED]
        runs = desk.rows(Run)
        assert [run.id for run in runs] == [block.run_id for block in blocks(desk) if block.run_id]
        assert all(run.note.startswith("schedule 1, block 1, night") for run in runs)
        assert all(run.cap_usd == Decimal(5) for run in runs), "its share of what is left"

    seen(tmp_path, scenario)


def test_one_that_could_not_begin_is_missed_by_name_and_the_later_ones_are_unaffected(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        await planned(desk)
        first, second = blocks(desk)[:2]
        await at(desk, first.latest_at + SECOND)
        assert states(desk) == [MISSED, PLANNED, PLANNED, PLANNED]
        assert blocks(desk)[0].reason == schedules.DOWN
        assert desk.told("schedule") == [f"Block 1 of schedule 1 was missed: {schedules.DOWN}."]
        await at(desk, second.starts_at)
        assert states(desk) == [MISSED, STARTED, PLANNED, PLANNED]

    seen(tmp_path, scenario)


def test_two_blocks_never_run_at_once_and_the_one_that_waited_says_for_what(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        await planned(desk)
        first, second, third, _ = blocks(desk)
        await at(desk, first.starts_at)
        await at(desk, second.starts_at)
        assert states(desk) == [STARTED, PLANNED, PLANNED, PLANNED]
        assert blocks(desk)[1].reason == "block 1 was still running"
        await at(desk, second.latest_at + SECOND)
        assert blocks(desk)[1].status is MISSED
        assert blocks(desk)[1].reason == "block 1 was still running"
        desk.change(desk.rows(Run)[0], status=RunStatus.DONE)
        await at(desk, third.starts_at)
        assert states(desk) == [DONE, MISSED, STARTED, PLANNED]
        assert len(desk.rows(Run)) == 2

    seen(tmp_path, scenario)


# ---------------------------------------------------------------- what is in the way


def test_a_provider_that_is_down_is_waited_for_and_named(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        await planned(desk)
        first, second = blocks(desk)[:2]
        (row,) = [each for each in with_names(desk) if each.name == "vast"]
        row.state = "Vast.ai answered 503."
        edit(desk, lambda session: session.merge(row))
        await at(desk, first.starts_at)
        assert states(desk)[0] is PLANNED
        await at(desk, first.latest_at + SECOND)
        assert blocks(desk)[0].reason == "Vast.ai was not ready: Vast.ai answered 503"
        row.state = "ready"
        edit(desk, lambda session: session.merge(row))
        await at(desk, second.starts_at)
        assert states(desk)[:2] == [MISSED, STARTED]

    seen(tmp_path, scenario)


def with_names(desk: Desk) -> list[Backend]:
    with Session(desk.engine) as session:
        return [session.get_one(Backend, name) for name in ("modal", "vast")]


def test_a_backend_without_a_key_is_named(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        await planned(desk)
        desk.ctx.backends = {"modal": desk.ctx.backends["modal"]}
        await at(desk, blocks(desk)[0].starts_at)
        assert "no backend 'vast'" in (blocks(desk)[0].reason or "")
        assert desk.rows(Run) == []

    seen(tmp_path, scenario)


def test_a_paused_schedule_starts_nothing_and_a_resumed_one_goes_on(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        await planned(desk)
        first, second = blocks(desk)[:2]
        edit(desk, lambda session: edits.pause(session, 1, asked_by="ada"))
        await at(desk, first.starts_at)
        assert states(desk)[0] is PLANNED
        await at(desk, first.latest_at + SECOND)
        assert blocks(desk)[0].reason == "the schedule was not active: paused by ada"
        edit(desk, lambda session: edits.resume(session, 1))
        await at(desk, second.starts_at)
        assert states(desk)[:2] == [MISSED, STARTED]

    seen(tmp_path, scenario)


def test_a_block_whose_run_failed_is_missed_and_one_that_was_stopped_is_done_with_the_reason(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        await planned(desk)
        for number, (status, reason) in enumerate(
            [(RunStatus.FAILED, "a fault of ours"), (RunStatus.STOPPED, "asked by ada"), (RunStatus.DONE, None)]
        ):
            await at(desk, blocks(desk)[number].starts_at)
            desk.change(desk.rows(Run)[number], status=status, stop_reason=reason)
            await schedules.turn(desk.ctx)
        assert [(block.status, block.reason) for block in blocks(desk)[:3]] == [
            (MISSED, "its run failed: a fault of ours"), (DONE, "asked by ada"), (DONE, None),
        ]  # fmt: skip

    seen(tmp_path, scenario)


def test_a_workflow_that_has_changed_pauses_it(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        await planned(desk)

        def other(session: Session) -> None:
            row = session.get_one(Schedule, 1)
            known = session.get_one(Workflow, row.workflow_hash)
            session.add(Workflow(**{**known.model_dump(), "hash": "old"}))
            session.flush()
            row.workflow_hash = "old"

        edit(desk, other)
        await at(desk, blocks(desk)[0].starts_at)
        assert schedule(desk).status is ScheduleStatus.PAUSED
        assert "has changed since this was planned" in (schedule(desk).reason or "")
        assert desk.rows(Run) == []

    seen(tmp_path, scenario)


# ---------------------------------------------------------------- whole schedules


def test_a_simulated_world_leaps_from_block_to_block_and_ends_with_the_last(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        await planned(desk)
        await to_the_end(desk)
        assert states(desk) == [DONE] * 4
        assert schedule(desk).status is ScheduleStatus.DONE
        for block, run in zip(blocks(desk), desk.rows(Run), strict=True):
            assert timedelta() <= run.started_at - block.starts_at <= timedelta(seconds=10)
            assert run.left_running == 0

    seen(tmp_path, scenario)


def test_the_arms_start_in_the_order_that_the_block_s_seed_draws(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        await planned(desk)
        await to_the_end(desk)
        found = []
        for block in blocks(desk):
            order = [f"{row.backend}-{row.key[-1]}" for row in desk.rows(Deployment) if row.run_id == block.run_id]
            drawn = ["modal-0", "vast-0", "vast-1"]
            random.Random(block.seed).shuffle(drawn)
            assert order == drawn
            found.append(tuple(order))
        assert len(set(found)) > 1

    seen(tmp_path, scenario)


def test_after_an_outage_it_goes_on_names_what_was_missed_and_plans_it_anew(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        await planned(desk, days=2, blocks=8, cap_usd=Decimal(40))
        task = asyncio.create_task(desk.service(when_idle=nothing).run())
        await wait(desk, lambda: states(desk)[1] is DONE)
        await killed(task)
        fourth = blocks(desk)[3]
        desk.clock.leap(fourth.starts_at + timedelta(minutes=10))

        after = desk.restart()
        await to_the_end(after)
        assert states(desk) == [DONE, DONE, MISSED, *[DONE] * 5]
        assert [block.reason for block in blocks(desk) if block.status is MISSED] == [schedules.DOWN]
        assert f"Block 3 of schedule 1 was missed: {schedules.DOWN}." in desk.told("schedule")
        late = next(run for run in desk.rows(Run) if run.id == fourth.run_id or run.id == blocks(desk)[3].run_id)
        assert late.started_at - fourth.starts_at >= timedelta(minutes=10)
        assert schedule(desk).status is ScheduleStatus.DONE

        edit(desk, lambda session: edits.replan(session, 1, now=desk.clock.now()))
        assert schedule(desk).status is ScheduleStatus.ACTIVE
        await to_the_end(after.restart())
        missed, again = blocks(desk)[2], blocks(desk)[-1]
        assert (again.status, again.number, again.day_part, again.seed) == (DONE, 9, missed.day_part, missed.seed)
        assert again.starts_at - missed.starts_at == timedelta(days=2), "the next afternoon is taken"
        assert schedule(desk).status is ScheduleStatus.DONE

    seen(tmp_path, scenario)


def test_it_never_spends_more_than_its_cap_and_pauses_with_the_reason(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        await planned(desk)
        task = asyncio.create_task(desk.service(when_idle=nothing).run())
        await wait(desk, lambda: states(desk)[0] is DONE)
        spent = await booked(desk)
        need = Decimal(schedule(desk).plan["block_usd"])
        assert spent < need, "the estimate errs on the dear side"
        cap = need + spent * Decimal("1.5")
        edit(desk, lambda session: edits.set_cap(session, 1, cap))
        await wait(desk, lambda: schedule(desk).status is ScheduleStatus.PAUSED)
        await killed(task)
        assert states(desk) == [DONE, DONE, PLANNED, PLANNED]
        assert spent < await booked(desk) <= cap
        assert [block.reason for block in blocks(desk)[:2]] == [None, None], "none was cut short"
        assert desk.rows(Run)[1].cap_usd == pytest.approx(cap - spent), "no block may spend what is not left"
        assert f"the cap is ${cap:.2f}" in (schedule(desk).reason or "")
        assert any(text.startswith("Schedule 1 is paused: its blocks may have cost") for text in desk.told("schedule"))

        edit(desk, lambda session: edits.set_cap(session, 1, Decimal(20)))
        edit(desk, lambda session: edits.resume(session, 1))
        await to_the_end(desk.restart())
        assert states(desk) == [DONE] * 4

    seen(tmp_path, scenario)


async def booked(desk: Desk) -> Decimal:
    """What all runs cost at most, by the book that the ceilings are held to."""
    spent = await schedules._spent(desk.ctx, [run.id for run in desk.rows(Run)], desk.clock.now())
    return sum(spent.values(), Decimal())


# ---------------------------------------------------------------- a kill between a block's start and its run


@pytest.mark.parametrize("point", range(1, 7))
def test_a_collector_that_is_killed_around_the_start_of_a_block_starts_it_once(point: int, tmp_path: Path) -> None:
    kill, begun = Kill(None), []

    async def first(desk: Desk) -> None:
        await planned(desk)
        begun.append(blocks(desk)[0].starts_at)
        desk.clock.leap(begun[0])
        kill.at, desk.ctx.writer = point, Writer(open_engine(desk.folder.db), on_commit=kill.point)
        for _ in range(2):
            await schedules.turn(desk.ctx)

    with contextlib.suppress(Killed):
        seen(tmp_path, first)
    assert kill.dead, "the point was reached"

    async def second(clock: VirtualClock) -> None:
        folder = DataFolder(tmp_path)
        known = {"modal": modal(clock), "vast": vast(clock)}
        desk = Desk(folder, clock, context(folder, clock, known), open_engine(folder.db))
        for _ in range(3):
            await schedules.turn(desk.ctx)
        (run,) = desk.rows(Run)
        assert states(desk) == [STARTED, PLANNED, PLANNED, PLANNED]
        assert blocks(desk)[0].run_id == run.id
        await desk.ctx.writer.close()

    virtual.run(second, epoch=begun[0] + SECOND)
