"""A schedule of blocks kept by the real collector against the simulated providers, in virtual time."""

import contextlib
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from sqlmodel import Session, col, select

from clock import VirtualClock
from storage import frames, schedule_edits
from storage.db import DataFolder
from storage.models import Block, Event, Run, Schedule
from storage.schedules import SchedulePlan, insert_schedule
from tests.simulation.bakeoff import SMALL, Bakeoff
from tests.simulation.crash import Kill, Killed
from tests.virtual import run
from words import BlockStatus, RunStatus, ScheduleStatus

PLAN = SchedulePlan(
    workflow="flux-dev", gpu="L40S", backends=("modal", "vast"), cap_usd=Decimal(30), seed=3, first_day=date(2026, 11, 3),
    days=1, blocks=4, warm=2, cold=2, repeats=0, params=SMALL,
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

    def told(self) -> list[str]:
        with self.made.reading() as session:
            return list(session.exec(select(Event.text).where(Event.kind == "schedule").order_by(col(Event.id))))


def test_each_block_starts_in_its_hour_as_one_run_and_all_are_done(tmp_path: Path) -> None:
    kept = Kept(tmp_path)

    async def scenario(clock: VirtualClock) -> None:
        await kept.begin(clock)
        await kept.made.collect(clock)

    run(scenario)
    blocks, runs = kept.blocks(), kept.runs()
    assert [block.status for block in blocks] == [BlockStatus.DONE] * 4
    assert [block.day_part for block in blocks] == ["night", "morning", "afternoon", "evening"]
    assert [block.run_id for block in blocks] == [each.id for each in runs]
    for block, each in zip(blocks, runs, strict=True):
        assert timedelta() <= each.started_at - block.starts_at < timedelta(seconds=10)
        assert each.ended_at.hour // 6 == block.starts_at.hour // 6
        assert (each.status, each.left_running) == (RunStatus.DONE, 0)
    assert kept.schedule().status is ScheduleStatus.DONE
    with kept.made.reading() as session:
        jobs = frames.jobs(session)
    per_block = jobs.group_by("block_id", "backend").agg(pl.len(), pl.col("half").n_unique())
    assert per_block.height == 8
    assert set(per_block["len"]) == {4}
    assert per_block.filter(pl.col("backend") == "vast")["half"].to_list() == [2] * 4
