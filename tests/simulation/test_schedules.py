"""A schedule of blocks kept by the real collector against the simulated providers, in virtual time."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlmodel import Session, col, select

from analysis import blocks as in_blocks
from analysis import validity
from analysis.timing import timed
from clock import VirtualClock
from collectors import schedules
from storage import frames, schedule_edits
from storage.db import DataFolder
from storage.models import Block, Event, Run, Schedule
from storage.schedules import SchedulePlan, insert_schedule
from tests.simulation.bakeoff import SMALL, Bakeoff
from tests.virtual import run
from words import BlockStatus, RunStatus, ScheduleStatus

PLAN = SchedulePlan(
    workflow="flux-dev", gpu="L40S", backends=("modal", "vast"), cap_usd=Decimal(30), seed=3,
    first_day=date(2026, 11, 3), days=1, blocks=4, warm=2, cold=2, repeats=0, params=SMALL,
)  # fmt: skip


class Kept:
    """A data folder with one schedule, and the collector on it."""

    def __init__(self, path: Path, plan: SchedulePlan = PLAN) -> None:
        self.made, self.plan = Bakeoff(DataFolder(path), "quiet", 5), plan

    async def begin(self, clock: VirtualClock) -> None:
        """The collector looks at prices once; then a person plans."""
        self.made.open(clock)
        await self.made.collect(clock)
        self.edit(lambda session: insert_schedule(session, self.plan, now=clock.now()))

    def edit(self, change: Callable[[Session], Any]) -> None:
        with Session(self.made.engine()) as session:
            change(session)
            session.commit()

    def blocks(self) -> list[Block]:
        with self.made.reading() as session:
            return list(session.exec(select(Block).order_by(col(Block.starts_at))))

    def schedule(self) -> Schedule:
        with self.made.reading() as session:
            return session.exec(select(Schedule)).one()

    def runs(self) -> list[Run]:
        with self.made.reading() as session:
            return list(session.exec(select(Run).order_by(col(Run.id))))

    def billed_usd(self) -> Decimal:
        """The ledger's truth, as billed."""
        return sum((charge.usd for charge in self.made.simulation.ledger.charges()), Decimal())

    def told(self) -> list[str]:
        with self.made.reading() as session:
            return list(session.exec(select(Event.text).where(Event.kind == "schedule").order_by(col(Event.id))))


def test_each_block_is_one_run_in_its_hour_and_its_jobs_say_which_block_and_half(tmp_path: Path) -> None:
    kept = Kept(tmp_path)

    async def scenario(clock: VirtualClock) -> None:
        await kept.begin(clock)
        await kept.made.collect(clock)

    run(scenario)
    found, runs = kept.blocks(), kept.runs()
    assert [block.status for block in found] == [BlockStatus.DONE] * 4
    assert [block.day_part for block in found] == ["night", "morning", "afternoon", "evening"]
    assert [block.run_id for block in found] == [each.id for each in runs]
    for block, each in zip(found, runs, strict=True):
        assert timedelta() <= each.started_at - block.starts_at < timedelta(seconds=10)
        assert each.ended_at.hour // 6 == block.starts_at.hour // 6
        assert (each.status, each.left_running) == (RunStatus.DONE, 0)
    assert kept.schedule().status is ScheduleStatus.DONE
    with kept.made.reading() as session:
        jobs, planned = frames.jobs(session), frames.blocks(session)
    per_arm = in_blocks.arms(timed(validity.measured(jobs)))
    assert per_arm.group_by("block_id", "backend").len().height == 8
    assert per_arm.filter(backend="vast")["unit"].n_unique() == 8, "two half-blocks each"
    assert per_arm.filter(backend="modal")["unit"].n_unique() == 4
    assert in_blocks.aa(timed(validity.measured(jobs)), planned)["withheld"].to_list() == ["needs 1 more blocks"] * 3


def test_a_kill_and_an_outage_cost_the_block_whose_time_they_took_and_no_more(tmp_path: Path) -> None:
    """The collector dies while block 2 runs, and is away until block 4 could have begun for ten minutes."""
    kept = Kept(tmp_path, replace(PLAN, cap_usd=Decimal(60)))  # what ran on meanwhile counts until it was seen to end
    back_at = []

    async def first(clock: VirtualClock) -> None:
        await kept.begin(clock)
        task = asyncio.create_task(kept.made.collect(clock))
        while RunStatus.RUNNING not in [each.status for each in kept.runs()[1:]]:
            await clock.sleep(1)
        await clock.sleep(20)
        back_at.append(kept.blocks()[3].starts_at + timedelta(minutes=10))
        task.cancel()
        await asyncio.wait([task])

    async def second(clock: VirtualClock) -> None:
        await kept.made.collect(clock)

    run(first)
    run(second, epoch=back_at[0])
    found, runs = kept.blocks(), kept.runs()
    assert [block.status for block in found] == [
        BlockStatus.DONE,
        BlockStatus.DONE,
        BlockStatus.MISSED,
        BlockStatus.DONE,
    ]
    assert found[2].reason == schedules.DOWN
    assert f"Block 3 of schedule 1 was missed: {schedules.DOWN}." in kept.told()
    assert len(runs) == 3
    assert runs[2].started_at > runs[1].ended_at > back_at[0], "one after the other"
    assert [each.left_running for each in runs] == [0, 0, 0]
    assert kept.billed_usd() <= kept.plan.cap_usd


def test_the_truth_of_all_blocks_together_stays_under_the_cap_and_the_schedule_says_why_it_paused(
    tmp_path: Path,
) -> None:
    kept = Kept(tmp_path)

    async def scenario(clock: VirtualClock) -> None:
        await kept.begin(clock)
        task = asyncio.create_task(kept.made.collect(clock))
        while kept.blocks()[0].status is not BlockStatus.DONE:
            await clock.sleep(5)
        cap = Decimal(kept.schedule().plan["block_usd"]) + kept.billed_usd() * Decimal("1.5")
        kept.edit(lambda session: schedule_edits.set_cap(session, 1, cap))
        await task

    run(scenario)
    schedule = kept.schedule()
    states = [block.status for block in kept.blocks()]
    assert schedule.status is ScheduleStatus.PAUSED
    assert "the cap is" in schedule.reason
    assert states[:2] == [BlockStatus.DONE] * 2
    assert Decimal() < kept.billed_usd() <= schedule.cap_usd
