"""`bakeoff runs RUN` and `bakeoff compare` say what is wrong with a run's measurements."""

import json

import pytest
from sqlmodel import Session

from storage.db import DataFolder, open_engine
from storage.models import Image
from tests.unit.cli.conftest import Command
from tests.unit.storage.rows import deployment_of, jobs_of, launch, succeed

CACHED = "3 repeats of one prompt and seed took 0.10 s (median), fresh ones 8.25 s: answers come from a cache."


@pytest.fixture
def cheated(known: DataFolder) -> DataFolder:
    """Run 1, whose Runpod repeats came from a cache, and whose second job showed somebody else's picture."""
    with Session(open_engine(known.db)) as session:
        run = launch(session, backends=["modal", "runpod"], warm=2, cold=1, repeats=3)
        rows = jobs_of(session, deployment_of(session, run, "runpod"))
        for place, job in enumerate(rows):
            succeed(session, job, start_s=20 * place)
            job.execution_us = 100_000 if job.left_out else job.execution_us
        image = session.get_one(Image, 2)
        image.good, image.defect = False, "duplicate"
        session.commit()
    return known


def test_a_run_by_its_number_carries_its_marks_and_what_was_not_checked(bakeoff: Command, cheated: DataFolder) -> None:
    assert cheated.db.exists()
    shown = json.loads(bakeoff("runs", "1", "--json").out)
    assert [row["run"] for row in shown["runs"]] == [1]
    assert shown["marks"] == [
        {
            "run_id": 1,
            "backend": "runpod",
            "mark": "cached",
            "excludes": True,
            "reason": CACHED,
            "value": pytest.approx(0.1),
            "limit": 4.125,
        },
        {
            "run_id": 1,
            "backend": "runpod",
            "mark": "ignored_seed",
            "excludes": False,
            "reason": "1 job gave the pixels of another prompt or seed; each counts as a failure.",
            "value": 1,
            "limit": 0,
        },
    ]
    assert {"backend": "modal", "reason": "A cache was not tested for: 0 of 3 repeats can be compared."} in shown[
        "unchecked"
    ]


def test_a_person_reads_the_same_in_words(bakeoff: Command, cheated: DataFolder) -> None:
    assert cheated.db.exists()
    said = bakeoff("runs", "1").out
    assert CACHED in said
    assert "Runpod: No physical floor is known: no step of flux-dev was measured on L40S." in said
    assert "Marks" not in bakeoff("runs").out


def test_a_run_that_is_not_there_is_refused(bakeoff: Command, cheated: DataFolder) -> None:
    assert cheated.db.exists()
    said = bakeoff("runs", "7")
    assert (said.code, said.err.strip()) == (2, "bakeoff: There is no run 7. `bakeoff runs` lists them.")


def test_a_comparison_names_the_mark_and_has_no_cell_of_the_cached(bakeoff: Command, cheated: DataFolder) -> None:
    assert cheated.db.exists()
    shown = json.loads(bakeoff("compare", "--json").out)
    assert [(mark["backend"], mark["mark"]) for mark in shown["marks"]] == [
        ("runpod", "cached"),
        ("runpod", "ignored_seed"),
    ]
    assert shown["cells"] == []
    assert CACHED in bakeoff("compare").out
