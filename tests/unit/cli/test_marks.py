"""`bakeoff runs RUN` and `bakeoff compare` say what is wrong with a run's measurements and its bill."""

import json
from decimal import Decimal

import pytest
from sqlmodel import Session

from storage.db import DataFolder, open_engine
from storage.models import Image
from tests.unit.cli.conftest import Command
from tests.unit.cli.test_costs import line
from tests.unit.storage.rows import after, deployment_of, jobs_of, launch, ready, succeed
from words import StartKind

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


@pytest.fixture
def blocked(known: DataFolder) -> DataFolder:
    """Run 1 on Runpod, whose bill of $0.05 was corrected to $0.08, and run 2 without a bill."""
    earlier = [{"billed_cost": "0.05", "state": "provisional", "same_since": after(4000).isoformat()}]
    with Session(open_engine(known.db)) as session:
        for run in (launch(session, backends=["runpod"]), launch(session, backends=["runpod"])):
            deployment = deployment_of(session, run, "runpod")
            ready(deployment, f"ep{run.id}")
            deployment.ended_at = after(400)
            for i, job in enumerate(jobs_of(session, deployment)):
                succeed(session, job, start_s=20 + 12 * i, kind=StartKind.WARM if i else StartKind.COLD)
        session.add(line(1, "0.08", earlier=earlier, same_since=after(90_000)))
        session.commit()
    return known


def test_a_bill_that_nothing_explains_blocks_its_run_and_no_other(bakeoff: Command, blocked: DataFolder) -> None:
    assert blocked.db.exists()
    (mark,) = json.loads(bakeoff("runs", "1", "--json").out)["marks"]
    assert (mark["run_id"], mark["backend"], mark["mark"], mark["excludes"]) == (1, "runpod", "unexplained", True)
    assert "of Runpod's bill of $0.0800" in mark["reason"]
    (row,) = [row for row in bakeoff("runs", "1").out.splitlines() if "BLOCKED" in row]
    assert row.split()[:4] == ["1", "runpod", "BLOCKED", "(unexplained)"]
    assert mark["reason"] in row
    other = json.loads(bakeoff("runs", "2", "--json").out)
    assert (other["marks"], other["corrected"]) == ([], [])


def test_a_corrected_bill_keeps_both_amounts_beside_the_marks(bakeoff: Command, blocked: DataFolder) -> None:
    assert blocked.db.exists()
    for verb in (("runs", "1"), ("compare",)):
        (change,) = json.loads(bakeoff(*verb, "--json").out)["corrected"]
        assert (Decimal(change["was"]), Decimal(change["now"])) == (Decimal("0.05"), Decimal("0.08"))
        said = bakeoff(*verb).out
        assert "BLOCKED (unexplained)" in said
        assert "$0.050000" in said
        assert "$0.080000" in said
