"""What the whole pipeline says of a bill that does not add up, and of one that is corrected late."""

from decimal import Decimal
from pathlib import Path

import pytest
from sqlmodel import select

from analysis import attribution, cost, marks
from cli.report import MARK_FIELDS, document
from simulator.world import SHIPPED
from storage import frames
from storage.models import Charge
from tests.simulation.bakeoff import Bakeoff, bakeoff, plan
from words import Mark


def billed(path: Path, twist: str) -> Bakeoff:
    """A small run on Runpod in the default world, its bills twisted."""
    world = path / "twisted.toml"
    told = (SHIPPED / "default.toml").read_text(encoding="utf-8")
    plain = "billing = { lag_s = 900,"
    assert told.count(plain) == 1
    world.write_text(told.replace(plain, f"{plain} {twist},"), encoding="utf-8")
    return bakeoff(path / "data", plan(warm=6, cold=1, backends=("runpod",)), world=str(world))


def test_a_phantom_charge_of_seven_percent_blocks_the_run_and_says_why(tmp_path: Path) -> None:
    made = billed(tmp_path, f"phantom_share = {0.07 / 0.93}")
    with made.reading() as session:
        found = marks.marks(frames.deployments(session), frames.jobs(session), frames.charges(session))
        shown = document(session)
    (row,) = found.iter_rows(named=True)
    assert (row["mark"], row["excludes"], row["backend"]) == (Mark.UNEXPLAINED, True, "runpod")
    assert row["value"] == pytest.approx(0.07, abs=0.01)
    assert "Runpod's bill" in row["reason"]
    assert "the limit is 5 %" in row["reason"]
    assert shown["marks"] == [{name: row[name] for name in MARK_FIELDS}]


def test_a_late_correction_of_three_percent_changes_the_run_and_both_amounts_are_kept(tmp_path: Path) -> None:
    made = billed(tmp_path, "late_correction = 0.03, correct_after_s = 72000")
    with made.reading() as session:
        known = frames.deployments(session), frames.jobs(session), frames.charges(session)
        rows = session.exec(select(Charge)).all()
        corrected = document(session)["corrected"]
    assert all(row.earlier for row in rows)
    first = sum(Decimal(row.earlier[0]["billed_cost"]) for row in rows)
    assert float(sum(row.sum_usd for row in rows) / first) == pytest.approx(1.03, abs=1e-4)
    assert sum(change["was"] for change in corrected) == first
    assert sum(change["now"] for change in corrected) == sum(row.sum_usd for row in rows)
    falls = cost.waterfall(*known)
    (told,) = attribution.estimates(cost.of_deployments(*known), falls, known[2]).iter_rows(named=True)
    assert told["error"] == pytest.approx(1 / 1.03 - 1, abs=0.01)
    assert attribution.marks(falls).is_empty()
