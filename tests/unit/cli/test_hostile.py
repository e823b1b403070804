"""Words of a provider that means harm on their way to a terminal, a log and a spreadsheet."""

import csv
import logging
import sys
from pathlib import Path

import polars as pl
from sqlmodel import Session

from cli.output import LONGEST_ENTRY, Harmless
from storage.db import DataFolder, open_engine
from tests.unit.cli.conftest import Command
from tests.unit.storage.rows import deployment_of, jobs_of, launch, ready

FORMULA = "=cmd|' /C calc'!A0"
STEERING = "\x1b[2J\x1b]0;owned\x07\u202egepj"


def entry(text: str, *, of: BaseException | None = None) -> str:
    info = (type(of), of, of.__traceback__) if of else None
    record = logging.LogRecord("bakeoff", logging.INFO, __file__, 1, "said: %s", (text,), info)
    return Harmless("%(message)s").format(record)


def test_a_log_entry_steers_no_terminal() -> None:
    assert entry(STEERING) == "said: \ufffd[2J\ufffd]0;owned\ufffd\ufffdgepj"


def test_a_log_entry_passes_for_no_entry_of_its_own() -> None:
    assert entry("x\nrun: Run 7 is done.\r\nfine") == "said: x\n  run: Run 7 is done.\ufffd\n  fine"


def test_a_log_entry_ends_somewhere_and_keeps_its_traceback() -> None:
    assert len(entry("x" * 10 * LONGEST_ENTRY)) == LONGEST_ENTRY
    try:
        raise ValueError(STEERING)
    except ValueError as error:
        told = entry("x", of=error)
    assert "\n  Traceback" in told
    assert "\x1b" not in told


def test_an_export_holds_no_formula_and_a_parquet_file_the_very_words(
    bakeoff: Command, known: DataFolder, tmp_path: Path
) -> None:
    with Session(open_engine(known.db)) as session:
        deployment = deployment_of(session, launch(session), "vast")
        ready(deployment, FORMULA)
        job = jobs_of(session, deployment)[0]
        job.error, job.worker_id = FORMULA, FORMULA
        session.commit()
    for form in ("csv", "parquet"):
        assert bakeoff("export", str(tmp_path / form), "--format", form).code == 0
    csv.field_size_limit(sys.maxsize)
    with (tmp_path / "csv" / "jobs.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["error"] for row in rows if row["error"]] == [f"'{FORMULA}"]
    assert not any(cell.startswith("=") for row in rows for cell in row.values())
    kept = pl.read_parquet(tmp_path / "parquet" / "jobs.parquet")
    assert FORMULA in kept["error"].to_list()


def test_a_table_on_the_terminal_is_text(bakeoff: Command, known: DataFolder) -> None:
    with Session(open_engine(known.db)) as session:
        run = launch(session)
        run.note = STEERING + "[bold red]x[/]"
        session.commit()
        run_id = run.id
    said = bakeoff("runs", str(run_id))
    assert said.code == 0
    assert not any(sign in said.out + said.err for sign in ("\x1b", "\x07", "\u202e"))
