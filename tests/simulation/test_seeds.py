"""A hundred small worlds with faults, deaths and restarts; what must always hold, holds in each."""

import contextlib
import logging
import re
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import update
from sqlmodel import Session, col

from analysis.quality import inspect
from benchmarks.seeds import look
from simulator.picture import Defect, Picture
from storage.models import Charge, Deployment, Event, Job, Run
from tests.simulation.draws import NEVER, PLANTS, deck, impossible
from tests.simulation.invariants import violations
from tests.simulation.mishaps import BACKENDS, CRASHES, FAULTS, VERBS, Cell
from tests.simulation.pictures import PooledStudio
from tests.simulation.quick import scratch
from tests.simulation.seeds import STRANGERS, Seeded, live
from words import JobStatus, RunStatus

SEEDS, TOGETHER = 100, 10
CALM = 9  # a seed in which most jobs come home


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with scratch() as made:
        yield made


@pytest.fixture(autouse=True)
def _silent() -> Iterator[None]:
    """What goes wrong here is meant to, and is logged a hundred times a second."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("first", range(1, SEEDS, TOGETHER))
def test_whatever_fails_and_whoever_dies_what_must_hold_holds(first: int, folder: Path) -> None:
    seen = [look(seed, folder) for seed in range(first, first + TOGETHER)]

    assert {each.again: list(each.violations) for each in seen if each.violations} == {}
    assert sum(each.replayed for each in seen) == 1
    assert sum(each.lives for each in seen) > 2 * TOGETHER
    assert sum(sum(each.met.values()) for each in seen) > 0.8 * PLANTS * TOGETHER
    assert not [cell for each in seen for cell in each.met if impossible(cell)]


def test_what_was_lived_is_kept_and_not_lived_again(tmp_path: Path) -> None:
    file = tmp_path / "lived"

    def soak() -> str:
        """A program of its own: it starts processes, which begin with what is `__main__`, in a page's test the page."""
        asked = [sys.executable, "-m", "benchmarks.seeds", "--seeds", "2", "--workers", "1", "--keep", str(file)]
        return subprocess.run(asked, check=True, capture_output=True, text=True, timeout=120).stdout

    said, lived = soak(), file.read_text()
    file.write_text(lived + '\n{"seed": 3, "violations": ["was cut')
    again = soak()

    assert file.read_text().startswith(lived + '\n{"seed": 3')
    assert len(file.read_text().splitlines()) == len(lived.splitlines()) + 1
    assert re.sub(r" in \d+ s", "", again) == re.sub(r" in \d+ s", "", said)


# ---------------------------------------------------------------- would they notice?


@pytest.fixture(scope="module")
def lived() -> Iterator[Seeded]:
    with scratch() as made:
        yield live(CALM, made)


@pytest.fixture
def made(lived: Seeded) -> Iterator[Seeded]:
    """A world that has been lived, as it was again after each test."""
    ledger, tables = lived.simulation.ledger, sqlite3.connect(lived.folder.db)
    rented, closed = list(ledger.rented), [row.pool.closed_us for row in ledger.rented]
    with contextlib.closing(tables), contextlib.closing(sqlite3.connect(":memory:")) as kept:
        tables.backup(kept)
        yield lived
        kept.backup(tables)
    ledger.rented[:] = rented
    for row, closed_us in zip(rented, closed, strict=True):
        row.pool.closed_us = closed_us


def _jobs(values: dict[str, object], status: JobStatus = JobStatus.SUCCEEDED) -> Callable[[Session], object]:
    return lambda session: session.execute(update(Job).where(col(Job.status) == status).values(**values))


def _rows(model: type, values: dict[str, object]) -> Callable[[Session], object]:
    return lambda session: session.execute(update(model).values(**values))


@pytest.mark.parametrize(
    ("check", "tamper"),
    [
        ("ends", _jobs({"status": JobStatus.RUNNING})),
        ("ends", _jobs({"status": JobStatus.FAILED, "reason": "because"})),
        ("ends", _rows(Run, {"left_running": None})),
        ("ends", _rows(Run, {"left_running": 1})),
        ("ends", _rows(Run, {"status": RunStatus.FAILED})),
        ("ends", _rows(Deployment, {"state": "ready"})),
        ("paid_once", _jobs({"intended_at": None})),
        ("strangers", lambda session: session.execute(update(Event).values(text=f"{STRANGERS[0]} is ours."))),
        ("nothing_lost", _jobs({"status": JobStatus.LOST, "reason": "fate_unknown"})),
        ("nothing_lost", _jobs({"status": JobStatus.FAILED, "reason": "execution_error"})),
        ("brackets", _jobs({"first_finished_at": col(Job.accepted_at)})),
        ("brackets", _jobs({"last_unfinished_at": col(Job.deadline_at)})),
        ("brackets", _jobs({"execution_us": 90_000_000})),
        ("costs", _rows(Charge, {"billed_cost": Decimal("0.5")})),
        ("costs", _rows(Charge, {"state": "provisional"})),
        ("ceilings", _rows(Run, {"cap_usd": Decimal(-9)})),
    ],
)
def test_a_row_that_is_not_the_truth_is_noticed(check: str, tamper: Callable[[Session], object], made: Seeded) -> None:
    with Session(made.engine()) as session:
        tamper(session)
        session.commit()

    assert check in _violated(made)


def _left_rented(made: Seeded) -> None:
    made.simulation.ledger.rented[-1].pool.closed_us = None


def _rented_twice(made: Seeded) -> None:
    made.simulation.ledger.rented.append(made.simulation.ledger.rented[-1])


def _stranger_ended(made: Seeded) -> None:
    made.simulation.ledger.rented[0].pool.close()


@pytest.mark.parametrize(
    ("check", "tamper"),
    [("nothing_left", _left_rented), ("paid_once", _rented_twice), ("strangers", _stranger_ended)],
)
def test_a_truth_that_is_not_ours_is_noticed(check: str, tamper: Callable[[Seeded], None], made: Seeded) -> None:
    tamper(made)

    assert check in _violated(made)


def test_nothing_is_noticed_where_nothing_was_changed(made: Seeded) -> None:
    assert violations(made) == []


def _violated(made: Seeded) -> set[str]:
    return {each.split(":")[0] for each in violations(made)}


# ---------------------------------------------------------------- what is planted


def test_every_combination_that_can_be_is_planted_and_each_other_has_a_reason() -> None:
    cells: list[Cell] = [
        (backend, verb, fault, crash) for backend in BACKENDS for verb in VERBS for fault in FAULTS for crash in CRASHES
    ]
    assert set(deck()) == {cell for cell in cells if impossible(cell) is None}
    assert Counter(impossible(cell) for cell in cells if impossible(cell)).keys() == set(NEVER)


def test_pooled_pictures_are_whole_each_its_own_and_broken_where_they_are_to_be() -> None:
    studio = PooledStudio()

    def facts(seed: int, defect: Defect | None = None) -> tuple[str | None, str | None]:
        picture = Picture(prompt="a fox", seed=seed, width=256, height=256, steps=20, reference_steps=20, defect=defect)
        found, _ = inspect(studio.image(picture), (256, 256))
        return found.defect, found.pixel_sha256

    whole = [facts(seed) for seed in range(50)]
    assert {defect for defect, _ in whole} == {None}
    assert len({pixels for _, pixels in whole}) == 50
    broken = (Defect.BLACK, Defect.NOISE, Defect.WRONG_SIZE, Defect.TRUNCATED)
    assert [facts(1, defect)[0] for defect in broken] == ["black", "noise", "wrong_size", "truncated"]
