"""How the verbs print, and how they open a data folder."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError
from sqlmodel import select

from cli.output import Refused, give, ids, reading, say, table, world_clock, write_text, writing
from clock import SharedClock, WallClock
from storage.db import DataFolder
from storage.models import Backend, Request
from tests.unit.cli.conftest import AT, Command


def test_words_go_to_stderr_and_data_to_stdout(capfd: pytest.CaptureFixture[str]) -> None:
    say("hello")
    give({"usd": Decimal("0.10"), "at": datetime(2026, 1, 1, tzinfo=UTC), "none": None})
    out, err = capfd.readouterr()
    assert err == "hello\n"
    assert json.loads(out) == {"usd": "0.10", "at": "2026-01-01 00:00:00+00:00", "none": None}


def test_a_table_shows_a_dash_for_nothing_and_markup_as_it_is(capfd: pytest.CaptureFixture[str]) -> None:
    table(("name", "usd"), [("[bold]x[/bold] [red]", None), ("zero", 0)])
    out = capfd.readouterr().out
    assert "[bold]x[/bold] [red]" in out
    assert [line.split()[-1] for line in out.splitlines()] == ["usd", "-", "0"]


def test_a_table_is_cut_off_nowhere(capfd: pytest.CaptureFixture[str]) -> None:
    table(("one", "two"), [("x" * 300, "y" * 300)])
    assert "x" * 300 + "  " + "y" * 300 in capfd.readouterr().out


def test_what_comes_from_outside_cannot_steer_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    table(("name",), [("a\x1b[2Jb\rc",)])
    say("run \x1b]0;title\x07 done\nnext line")
    out, err = capfd.readouterr()
    assert "a\ufffd[2Jb\ufffdc" in out
    assert err == "run \ufffd]0;title\ufffd done\nnext line\n"


def test_the_named_values_of_a_row_come_in_order() -> None:
    assert ids({"a": 1, "b": 2, "c": 3}, "c", "a") == [3, 1]


def test_a_reader_cannot_write(known: DataFolder) -> None:
    with pytest.raises(OperationalError, match="readonly"), reading() as session:  # noqa: PT012 - the flush is inside
        session.add(Request(kind="recheck", asked_at=AT))
        session.flush()
    assert known.db.exists()


def test_a_writer_commits_at_the_end_and_nothing_if_it_failed(known: DataFolder) -> None:
    with writing() as session:
        session.add(Request(kind="kept", asked_at=AT))
    with pytest.raises(ValueError, match="mine"), writing() as session:  # noqa: PT012 - the flush is inside
        session.add(Request(kind="dropped", asked_at=AT))
        session.flush()
        raise ValueError("mine")
    with reading() as session:
        assert session.exec(select(Request.kind)).all() == ["kept"]
    assert known.db.exists()


def test_time_is_the_worlds_where_there_is_one_and_the_walls_elsewhere(folder: DataFolder) -> None:
    assert type(world_clock(folder)) is WallClock
    folder.create()
    SharedClock.create(folder.clock, epoch=AT, speed=10)
    clock = world_clock(folder)
    assert clock.speed == 10
    assert clock.now().year == AT.year


@pytest.mark.parametrize("content", [b"", b"x" * 8])
def test_a_clock_file_that_is_none_is_refused(folder: DataFolder, content: bytes) -> None:
    folder.create()
    folder.clock.write_bytes(content)
    with pytest.raises(Refused, match="no world's clock"):
        world_clock(folder)


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "compare.json"
    write_text(path, "one")
    with pytest.raises(UnicodeEncodeError):
        write_text(path, "two \ud800")
    assert path.read_text() == "one"
    write_text(path, "three")
    assert [entry.name for entry in tmp_path.iterdir() if not entry.name.startswith(".")] == ["compare.json"]
    assert path.read_text() == "three"


def test_runs_without_a_run_say_how_to_ask_for_one(bakeoff: Command, known: DataFolder) -> None:
    assert known.db.exists()
    said = bakeoff("runs")
    assert (said.code, said.out) == (0, "No run yet. Ask for one with `bakeoff launch`.\n")
    assert json.loads(bakeoff("runs", "--json").out) == {"runs": []}


def test_a_run_that_was_asked_for_is_listed(bakeoff: Command, known: DataFolder) -> None:
    assert known.db.exists()
    bakeoff("launch", "flux-dev", "--cap", "5")
    (row,) = json.loads(bakeoff("runs", "--json").out)["runs"]
    assert (row["run"], row["status"], row["workflow"], row["backends"]) == (
        1,
        "queued",
        "flux-dev",
        "modal, runpod, vast",
    )
    assert (row["jobs"], row["done"], row["failed"], row["cap_usd"], row["left_running"]) == (0, 0, 0, "5.00", None)
    assert row["simulated"] is True
    assert "flux-dev" in bakeoff("runs").out


def test_a_comparison_without_a_job_is_empty_and_marked(bakeoff: Command, known: DataFolder) -> None:
    assert known.db.exists()
    shown = json.loads(bakeoff("compare", "--json").out)
    lists = ("marks", "corrected", "cells", "deployments", "capacity", "failures")
    assert shown == {"simulated": True, "jobs": 0, "paid_calls": 0, **{name: [] for name in lists}}
    assert bakeoff("compare").out.startswith("SIMULATED")


TABLES = ("blocks", "jobs", "deployments", "charges", "images", "allocations", "focus")


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_an_export_writes_every_table_and_the_comparison(
    form: str, bakeoff: Command, known: DataFolder, tmp_path: Path
) -> None:
    assert known.db.exists()
    said = bakeoff("export", str(tmp_path / "out"), "--format", form, "--json")
    assert said.code == 0
    assert json.loads(said.out)["rows"] == {f"{name}.{form}": 0 for name in TABLES}
    assert {entry.name for entry in (tmp_path / "out").iterdir()} == {
        "compare.json",
        *(f"{name}.{form}" for name in TABLES),
    }


def test_migrating_says_what_it_did(bakeoff: Command, folder: DataFolder) -> None:
    assert bakeoff("migrate").err == f"{folder.db}: brought up to date.\n"
    assert bakeoff("migrate").err == f"{folder.db}: was current already.\n"
    with reading() as session:
        assert session.exec(select(Backend)).all() == []
