"""Schedules on Runs: the calendar says what stands where, and a person's changes are rows for the collector."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from sqlmodel import Session, select
from streamlit.testing.v1 import AppTest

from analysis.blocks import AA
from storage.db import DataFolder, open_engine, open_reader
from storage.models import Block, Request, Run, Schedule
from storage.schedule_lines import ScheduleLine, checks_of
from storage.schedules import SchedulePlan, insert_schedule
from tests.pages.conftest import Open, words
from ui.schedule_view import baseline_check, calendar, remarks, schedule_scope, schedule_title
from ui.source import source_at
from words import BlockStatus, CostState, RequestKind, RunStatus, ScheduleStatus

HOSTILE = "down <script>x</script> [free](http://evil.example) $x$"


def edit(folder: Path, change: Callable[[Session], Any]) -> None:
    with Session(open_engine(DataFolder(folder).db)) as session:
        change(session)
        session.commit()


def blocks(folder: Path) -> list[Block]:
    with Session(open_reader(DataFolder(folder).db)) as session:
        return list(session.exec(select(Block).order_by(Block.number)))


def one(folder: Path, model: type) -> Any:
    with Session(open_reader(DataFolder(folder).db)) as session:
        return session.exec(select(model)).one()


@pytest.fixture
def planned(copy: Path) -> Path:
    """The seeded folder with a schedule of five days: block 1 missed, 2 done by run 1, 3 running as run 3."""
    now = source_at(str(copy), 0).now()

    def plan(session: Session) -> None:
        insert_schedule(
            session,
            SchedulePlan(
                workflow="flux-dev", gpu="L40S", backends=["modal", "vast"], cap_usd=Decimal(150), seed=1,
                first_day=now.date() + timedelta(days=1), note=HOSTILE,
            ),
            now=now,
        )  # fmt: skip
        rows = session.exec(select(Block).order_by(Block.number)).all()
        states = (BlockStatus.MISSED, None, HOSTILE), (BlockStatus.DONE, 1, None), (BlockStatus.STARTED, 3, None)
        for row, (status, run_id, reason) in zip(rows, states, strict=False):
            row.status, row.run_id, row.reason = status, run_id, reason

    edit(copy, plan)
    return copy


def press(app: AppTest, key: str) -> AppTest:
    app.button(key=key).click().run()
    assert [error.message for error in app.exception] == []
    return app


# ---------------------------------------------------------------- what is shown


def test_the_calendar_has_a_row_a_day_and_the_state_of_every_block_in_words(planned: Path, open_page: Open) -> None:
    app = open_page(planned, "runs")
    assert app.exception == []
    assert app.error == []
    assert "Schedule 1: 1 of 20 blocks done, 1 missed, " in words(app)
    assert ", cap \\$150.00" in words(app)
    shown = app.table[0].value
    assert list(shown.columns) == [
        "Day, UTC",
        "Night 0–6",
        "Morning 6–12",
        "Afternoon 12–18",
        "Evening 18–24",
        "Source",
    ]
    assert len(shown) == 5
    assert list(shown.iloc[0])[1:4] == ["1 × missed", "2 ✓ done", "3 ▶ running"]
    assert shown.iloc[0]["Evening 18–24"] == f"4 ○ {blocks(planned)[3].starts_at:%H:%M}"
    assert set(shown["Source"]) == {":violet[SIMULATED]"}


def test_strangers_words_in_reasons_and_notes_stay_words(planned: Path, open_page: Open) -> None:
    said = words(open_page(planned, "runs"))
    assert "was missed: down" in said
    for mark in ("<script>", "](http://evil", "$x$"):
        assert mark not in said


def test_a_schedule_before_the_first_run_is_shown_too(empty: Path, open_page: Open) -> None:
    assert "Schedule" not in words(open_page(empty, "runs"))


def line(**changes: Any) -> ScheduleLine:
    at = datetime.fromisoformat("2026-11-04T02:00+00:00")
    row = Schedule(
        id=3, workflow_hash="h", gpu="L40S", plan={"backends": ["modal", "vast"], "warm": 60, "cold": 4},
        cap_usd=Decimal(60), seed=1, simulated=True, asked_at=at,
    )  # fmt: skip
    made = [
        Block(schedule_id=3, number=i, day_part="night", starts_at=at + timedelta(days=i), latest_at=at, seed=i)
        for i in range(3)
    ]
    return ScheduleLine(**{"schedule": row, "workflow": "flux-dev", "blocks": made, **changes})


def test_the_sentence_says_how_far_it_is_and_how_sure_the_money_is() -> None:
    assert schedule_title(line()) == "Schedule 3: 0 of 3 blocks done, nothing spent yet, cap $60.00"
    spent = line(usd=8.41, cost_state=CostState.ESTIMATED)
    spent.schedule.status = ScheduleStatus.PAUSED
    spent.blocks[0].status = BlockStatus.DONE
    spent.blocks[1].status = BlockStatus.CANCELLED
    assert schedule_title(spent) == "Schedule 3 is paused: 1 of 2 blocks done, ~$8.41, cap $60.00"
    assert schedule_scope(line()) == (
        "flux-dev, L40S · Modal and Vast.ai · 60 warm + 4 cold jobs a block · next 4 Nov 02:00 UTC"
    )


def test_a_block_that_was_missed_and_planned_anew_is_wanted_once() -> None:
    found = line()
    found.blocks[0].status, found.blocks[2].seed = BlockStatus.MISSED, 0
    assert (found.wanted, found.missed) == (2, [])
    assert [row["Night 0–6"] for row in calendar(found.blocks)] == ["0 × missed", "1 ○ 02:00", "2 ○ 02:00"]


def test_what_waits_what_was_missed_and_what_ended_early_have_their_reasons() -> None:
    found = line().blocks
    for block, status in zip(found, (BlockStatus.MISSED, BlockStatus.PLANNED, BlockStatus.DONE), strict=True):
        block.status, block.reason = status, "why"
    assert remarks(found) == [
        "Block 0, night of 4 Nov, was missed: why.",
        "Block 1, night of 5 Nov, waits: why.",
        "Block 2, night of 6 Nov, ended early: why.",
    ]


def checks(**changes: Any) -> pl.DataFrame:
    shared = {"workflow": "flux-dev", "workflow_hash": "h", "settings": "{}", "gpu": "L40S", "jobs": 720, "blocks": 12}
    latency = {"metric": "latency", "value": 1.002, "low": 0.987, "high": 1.017, "neutral": 1.0, "passes": True}
    success = {"metric": "success", "value": 0.001, "low": -0.009, "high": 0.011, "neutral": 0.0, "passes": True}
    both = [shared | latency | changes, shared | success]
    return pl.DataFrame([row | {"simulated": True, "withheld": None} for row in both], schema=AA)


def test_the_check_of_the_baseline_against_itself_says_what_it_means() -> None:
    numbers = "latency 1.002× [0.987, 1.017]; success +0.1 pp [−0.9, +1.1]"
    assert baseline_check(checks()) == (f"A/A: the baseline agrees with itself over 12 blocks ({numbers}).", True)
    told, passes = baseline_check(checks(low=1.001, passes=False))
    assert passes is False
    assert told.startswith("A/A: the baseline differs from itself, so nothing measured here may decide (latency 1.002×")
    assert baseline_check(AA.to_frame()) == ("A/A: no block is measured yet.", None)
    few = checks().with_columns(passes=None, withheld=pl.lit("needs 3 more blocks"))
    assert baseline_check(few) == ("A/A: needs 3 more blocks.", None)


def test_only_the_rows_of_its_own_workflow_settings_and_gpu_are_a_schedule_s() -> None:
    assert checks_of(line(), checks()).height == 2
    for other in ({"gpu": "H100"}, {"settings": '{"steps": 4}'}, {"workflow_hash": "x"}):
        assert checks_of(line(), checks(**other)).height == 1


def test_a_schedule_says_on_its_page_how_far_its_check_is(planned: Path, open_page: Open) -> None:
    assert "A/A: needs 3 more blocks." in words(open_page(planned, "runs"))


# ---------------------------------------------------------------- what a person changes


def test_pause_and_resume(planned: Path, open_page: Open) -> None:
    app = press(open_page(planned, "runs"), "pause-1")
    assert one(planned, Schedule).status is ScheduleStatus.PAUSED
    assert "Paused: paused by web." in words(app)
    press(app, "resume-1")
    assert one(planned, Schedule).status is ScheduleStatus.ACTIVE


def test_cancelling_ends_what_is_planned_and_asks_for_the_end_of_what_runs(planned: Path, open_page: Open) -> None:
    with Session(open_reader(DataFolder(planned).db)) as session:
        assert session.get_one(Run, 3).status is RunStatus.RUNNING
    press(open_page(planned, "runs"), "cancel-1")
    assert one(planned, Schedule).status is ScheduleStatus.CANCELLED
    states = [block.status for block in blocks(planned)]
    assert states == [BlockStatus.MISSED, BlockStatus.DONE, BlockStatus.STARTED, *[BlockStatus.CANCELLED] * 17]
    with Session(open_reader(DataFolder(planned).db)) as session:
        asked = session.exec(select(Request).where(Request.kind == RequestKind.STOP_RUN)).all()
    assert [row.arguments for row in asked] == [{"run_id": 3}]


def test_the_cap_of_all_blocks_is_raised(planned: Path, open_page: Open) -> None:
    app = open_page(planned, "runs")
    app.number_input(key="cap-1").set_value(175.5).run()
    press(app, "set-cap-1")
    assert one(planned, Schedule).cap_usd == Decimal("175.5")
    assert "cap \\$175.50" in words(app)


def test_a_block_is_moved_to_a_free_day_part(planned: Path, open_page: Open) -> None:
    app = open_page(planned, "runs")
    day = blocks(planned)[-1].starts_at.date() + timedelta(days=1)
    app.selectbox(key="block-1").set_value(5)
    app.date_input(key="day-1").set_value(day)
    app.selectbox(key="hour-1").set_value(13).run()
    press(app, "move-1")
    moved = blocks(planned)[4]
    assert (moved.starts_at.date(), moved.starts_at.hour, moved.day_part) == (day, 13, "afternoon")
    assert moved.starts_at < moved.latest_at < moved.starts_at + timedelta(hours=5)


def test_a_move_onto_another_block_is_refused_in_a_sentence(planned: Path, open_page: Open) -> None:
    app = open_page(planned, "runs")
    other = blocks(planned)[5]
    app.selectbox(key="block-1").set_value(5)
    app.date_input(key="day-1").set_value(other.starts_at.date())
    app.selectbox(key="hour-1").set_value(other.starts_at.hour).run()
    before = blocks(planned)[4].starts_at
    press(app, "move-1")
    assert "a day\\-part holds one block" in app.error[0].value
    assert blocks(planned)[4].starts_at == before


def test_skip_and_plan_anew(planned: Path, open_page: Open) -> None:
    app = open_page(planned, "runs")
    app.selectbox(key="block-1").set_value(6).run()
    press(app, "skip-1")
    assert blocks(planned)[5].status is BlockStatus.CANCELLED
    press(app, "replan-1")
    again = blocks(planned)[-1]
    assert (again.number, again.day_part, again.seed) == (21, "night", blocks(planned)[0].seed)
