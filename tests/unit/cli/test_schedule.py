"""Planning a comparison in blocks and changing it by command; what cannot be kept is refused in a sentence."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import Session, select

from storage.db import DataFolder, open_engine, open_reader
from storage.models import Block, Schedule
from tests.unit.cli.conftest import Command
from tests.unit.cli.test_bad_input import refused
from words import BlockStatus, ScheduleStatus

PLAN = ("schedule", "flux-dev", "--cap", "90", "--seed", "4")


def blocks_in(folder: DataFolder) -> list[Block]:
    with Session(open_reader(folder.db)) as session:
        return list(session.exec(select(Block).order_by(Block.number)))


def test_a_schedule_is_planned_from_tomorrow_on_in_every_day_part(bakeoff: Command, known: DataFolder) -> None:
    said = bakeoff(*PLAN, "--json")
    assert said.code == 0, said
    told, blocks = json.loads(said.out), blocks_in(known)
    assert told["schedule"] == 1
    assert len(told["blocks"]) == len(blocks) == 20
    assert {block.day_part for block in blocks} == {"night", "morning", "afternoon", "evening"}
    assert blocks[0].starts_at.date() > datetime.now(UTC).date() - timedelta(days=1)
    assert [row["starts_at"] for row in told["blocks"]] == [f"{block.starts_at:%H:%M}" for block in blocks]


def test_a_dry_run_shows_the_same_blocks_and_plans_nothing(bakeoff: Command, known: DataFolder) -> None:
    shown = json.loads(bakeoff(*PLAN, "--dry-run", "--json").out)
    assert shown["schedule"] is None
    assert blocks_in(known) == []
    said = bakeoff(*PLAN, "--dry-run")
    assert "Nothing was planned." in said.err
    assert shown["blocks"] == json.loads(bakeoff(*PLAN, "--json").out)["blocks"]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--cap", "1"), ("can never finish within its budget", "20 blocks", "15 s a job", "assumed", "$1.00")),
        (("--cap", "much"), ("number of dollars", "much")),
        (("--days", "0"), ("1 to 60 days",)),
        (("--blocks", "21"), ("5 to 20 blocks", "21")),
        (("--blocks", "2"), ("5 to 20 blocks",)),
        (("--first-day", "soon"), ("YYYY-MM-DD", "soon")),
        (("--first-day", "2026-11-02"), ("already", "or later")),
        (("--first-day", "2099-01-01"), ("more than a year ahead",)),
        (("--backend", "runpod"), ("baseline", "modal")),
        (("--backend", "modal", "--backend", "fal"), ("'fal'", "modal, runpod, vast")),
        (("--gpu", "RTX 4090"), ("RTX 4090", "H100, L40S")),
        (("--warm", "9000"), ("six hours",)),
        (("--seed", "-1"), ("seed",)),
    ],
    ids=lambda value: "-".join(value)[:30],
)
def test_what_cannot_be_kept_is_refused_and_nothing_planned(
    more: tuple[str, ...], words: tuple[str, ...], bakeoff: Command, known: DataFolder
) -> None:
    refused(bakeoff("schedule", "flux-dev", "--cap", "5000", *more), *words)
    assert blocks_in(known) == []


def test_it_is_listed_paused_resumed_and_cancelled(bakeoff: Command, known: DataFolder) -> None:
    bakeoff(*PLAN)
    listed = json.loads(bakeoff("schedules", "--json").out)["schedules"]
    assert [(row["schedule"], row["status"], row["done"], row["usd"]) for row in listed] == [
        (1, "active", "0 of 20", None)
    ]
    assert "paused" in bakeoff("schedules", "1", "--pause").out
    assert "active" in bakeoff("schedules", "1", "--resume").out
    bakeoff("schedules", "1", "--skip", "3")
    at = blocks_in(known)[1].starts_at + timedelta(days=9)
    bakeoff("schedules", "1", "--move", "2", "--to", f"{at:%Y-%m-%dT%H}")
    assert blocks_in(known)[1].starts_at == at
    bakeoff("schedules", "1", "--cap", "120.5")
    shown = json.loads(bakeoff("schedules", "1", "--cancel", "--json").out)["schedules"][0]
    assert (shown["status"], shown["cap_usd"], len(shown["blocks"])) == ("cancelled", "120.50", 20)
    assert shown["aa"] == [], "nothing was measured"
    with Session(open_reader(known.db)) as session:
        assert session.exec(select(Schedule.status)).one() is ScheduleStatus.CANCELLED
    assert {block.status for block in blocks_in(known)} == {BlockStatus.CANCELLED}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("--pause",), ("Name the schedule",)),
        (("9",), ("no schedule 9",)),
        (("9", "--pause"), ("no schedule 9",)),
        (("1", "--pause", "--cancel"), ("One change at a time",)),
        (("1", "--resume"), ("active", "cannot be resumed")),
        (("1", "--replan"), ("No block of schedule 1 was missed",)),
        (("1", "--skip", "99"), ("no block 99",)),
        (("1", "--move", "1"), ("--to",)),
        (("1", "--move", "1", "--to", "noon"), ("YYYY-MM-DDTHH", "noon")),
        (("1", "--move", "1", "--to", "2026-11-01T10"), ("is past",)),
        (("1", "--move", "1", "--to", "2027-01-01T10:30"), ("whole UTC hour",)),
        (("1", "--cap", "0"), ("above $0",)),
    ],
    ids=lambda value: "-".join(value)[:30],
)
def test_a_change_that_cannot_be_made_is_refused(
    change: tuple[str, ...], words: tuple[str, ...], bakeoff: Command, known: DataFolder
) -> None:
    bakeoff(*PLAN)
    before = [block.model_dump() for block in blocks_in(known)]
    refused(bakeoff("schedules", *change), *words)
    assert [block.model_dump() for block in blocks_in(known)] == before


def test_a_missed_block_is_planned_anew(bakeoff: Command, known: DataFolder) -> None:
    bakeoff(*PLAN)
    with Session(open_engine(known.db)) as session:
        session.get_one(Block, 1).status = BlockStatus.MISSED
        session.commit()
    shown = json.loads(bakeoff("schedules", "1", "--replan", "--json").out)["schedules"][0]
    again = next(row for row in shown["blocks"] if row["block"] == 21)
    assert (again["day_part"], again["status"], shown["missed"]) == ("night", "planned", 0)
    assert shown["done"] == "0 of 20"


def test_without_one_it_says_how_to_plan_one(bakeoff: Command, known: DataFolder) -> None:  # noqa: ARG001 - its folder
    assert "bakeoff schedule" in bakeoff("schedules").out
