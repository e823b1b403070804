"""What was paid, and the bills it was paid by, on the command line: every dollar with its state, every gap named."""

import json
import re
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlmodel import Session

from storage.db import DataFolder, open_engine
from storage.models import BillRead, Charge, Job, Run
from tests.unit.cli.conftest import AT, Command
from tests.unit.cli.test_bad_input import refused
from tests.unit.storage.rows import after, deployment_of, jobs_of, launch, ready, succeed
from words import BillOutcome, CostState, JobStatus, RunStatus, StartKind

NANO = 10**9


def line(deployment: int | None, usd: str, **said: object) -> Charge:
    given = {
        "id": f"c{deployment}", "provider": "runpod", "resource_id": "ep1", "deployment_id": deployment, "sku": "gpu",
        "charge_period_start": after(0), "charge_period_end": after(3600), "billed_cost": Decimal(usd),
        "state": CostState.FINAL, "simulated": True, "first_seen_at": after(4000), "same_since": after(4000),
        "fetched_at": after(9000),
    }  # fmt: skip
    return Charge(**given | said)


@pytest.fixture
def measured(known: DataFolder) -> DataFolder:
    """A run on Runpod of a cold and two warm jobs, 45 s of a worker with what it waits; billed $0.05 of it."""
    with Session(open_engine(known.db)) as session:
        run = launch(session, backends=["runpod"])
        deployment = deployment_of(session, run, "runpod")
        ready(deployment, "ep1")
        deployment.ended_at = after(400)
        for i, job in enumerate(jobs_of(session, deployment)):
            succeed(session, job, start_s=20 + 12 * i, kind=StartKind.WARM if i else StartKind.COLD)
        run.status, run.ended_at = RunStatus.DONE, after(500)
        session.add(line(deployment.id, "0.05"))
        session.commit()
    return known


def test_both_bases_stand_beside_each_other_with_units_and_state(bakeoff: Command, measured: DataFolder) -> None:  # noqa: ARG001 - its folder
    told = json.loads(bakeoff("costs", "--json").out)
    bases = {(row["basis"], row["unit"]): row for row in told["bases"]}
    assert {unit for _, unit in bases} == {"image", "thousand_images", "job", "hour", "gpu_s"}
    loaded, marginal = bases["fully_loaded", "image"], bases["marginal", "image"]
    assert loaded["usd"] == pytest.approx(0.05 / 3)
    assert (loaded["cost_state"], marginal["cost_state"]) == ("final", "estimated")
    assert 0 < marginal["usd"] < loaded["usd"]
    assert "more blocks" in loaded["withheld"]
    assert told["simulated"] is True


def test_the_parts_of_a_bill_add_up_to_it_and_stand_beside_the_estimate(bakeoff: Command, measured: DataFolder) -> None:  # noqa: ARG001
    told = json.loads(bakeoff("costs", "1", "--json").out)
    (fall,) = told["waterfall"]
    parts = ("good", "failed", "cold", "idle", "storage", "network", "fee", "rounding", "unexplained")
    assert sum(fall[f"{part}_nano"] for part in parts) == fall["billed_nano"] == 0.05 * NANO
    (estimate,) = told["estimates"]
    assert (estimate["run_id"], estimate["billed_nano"]) == (1, 0.05 * NANO)
    assert estimate["error"] == pytest.approx(estimate["estimated_nano"] / estimate["billed_nano"] - 1)
    assert told["blocked"].keys() == {"runpod"}, "nothing measured explains so much"


def test_work_of_unknown_length_is_named_beneath_the_parts(bakeoff: Command, measured: DataFolder) -> None:
    said = "Runpod: How long 1 job worked is not known: it is in idle, or unexplained."
    assert said not in bakeoff("costs").out
    with Session(open_engine(measured.db)) as session:
        session.get_one(Job, 2).execution_us = None
        session.commit()
    assert said in bakeoff("costs").out
    assert json.loads(bakeoff("costs", "--json").out)["waterfall"][0]["unknown_jobs"] == 1


def test_for_people_what_is_estimated_has_a_tilde_and_what_is_blocked_a_sentence(
    bakeoff: Command,
    measured: DataFolder,  # noqa: ARG001
) -> None:
    said = bakeoff("costs").out
    assert said.startswith("SIMULATED")
    (marginal,) = [row for row in said.splitlines() if "marginal" in row and "thousand" in row]
    assert "~" in marginal
    (loaded,) = [row for row in said.splitlines() if "fully_loaded" in row and "thousand" in row]
    assert re.search(r"16\.7 \(needs \d more blocks\) +0\.003 +1 +final", loaded)
    assert "~" not in loaded
    assert "Runpod: no verdict rests on this bill." in said


def test_a_layer_changes_the_bases_and_never_the_bill(bakeoff: Command, measured: DataFolder) -> None:  # noqa: ARG001
    def loaded(*more: str) -> tuple[float, int, list[str]]:
        told = json.loads(bakeoff("costs", "--json", *more).out)
        (row,) = [row for row in told["bases"] if (row["basis"], row["unit"]) == ("fully_loaded", "image")]
        return row["usd"], told["waterfall"][0]["billed_nano"], told["layers"]

    before = loaded()
    bakeoff(
        "prices", "add", "half", "--kind", "discount", "--backend", "runpod", "--percent", "50", "--from", "2026-01-01"
    )
    assert loaded() == (pytest.approx(before[0] / 2), before[1], ["half"])
    assert loaded("--as-stated") == before
    bakeoff("prices", "revoke", "1")
    assert loaded() == before


def test_without_a_bill_all_is_estimated_and_without_a_run_nothing(bakeoff: Command, measured: DataFolder) -> None:
    with Session(open_engine(measured.db)) as session:
        session.delete(session.get_one(Charge, "c1"))
        session.commit()
    assert "No bill yet: all of this is estimated." in bakeoff("costs").out
    refused(bakeoff("costs", "9"), "There is no run 9", "bakeoff runs")


def test_before_anything_is_measured_it_says_how_to_begin(bakeoff: Command, known: DataFolder) -> None:  # noqa: ARG001
    assert "bakeoff launch" in bakeoff("costs").out
    assert "bakeoff collect" in bakeoff("bills").out
    assert json.loads(bakeoff("bills", "--json").out)["bills"] == []


# ---------------------------------------------------------------- bills


@pytest.fixture
def billed(measured: DataFolder) -> DataFolder:
    """The same, read long after, with odd lines and a job in an hour that nobody billed."""
    late = after(9 * 86_400)
    with Session(open_engine(measured.db)) as session:
        session.add(
            BillRead(
                backend="runpod", read_at=late, since=AT, until=late, outcome=BillOutcome.PARTIAL, lines=4, new=0,
                changed=0, text="One day could not be read. It is asked for again.", simulated=True,
            )
        )  # fmt: skip
        session.add(
            BillRead(
                backend="runpod", read_at=late - timedelta(hours=1), since=AT, until=late, outcome=BillOutcome.READ,
                lines=4, new=0, changed=0, simulated=True,
            )
        )  # fmt: skip
        strange = line(None, "-0.25", id="strange", resource_id="else", earlier=[{"billed_cost": "-0.2"}])
        strange.flag(["no_resource", "negative"])
        euro = line(None, "3", id="euro", resource_id="else", billing_currency="EUR")
        euro.flag(["foreign_currency"])
        session.add_all([strange, euro])
        job = session.get_one(Job, 3)
        job.last_unfinished_at, job.first_finished_at = after(7299), after(7300)
        assert job.status is JobStatus.SUCCEEDED
        session.commit()
    return measured


def test_a_bill_says_how_it_was_read_how_sure_it_is_and_what_is_odd(bakeoff: Command, billed: DataFolder) -> None:  # noqa: ARG001
    told = json.loads(bakeoff("bills", "--json").out)
    (bill,) = told["bills"]
    assert (bill["backend"], bill["outcome"], bill["lines"]) == ("runpod", "partial", 3)
    assert bill["by_state"] == {"final": "0.05"}
    assert bill["odd"] == {"no_resource": 1, "negative": 1, "foreign_currency": 1}
    assert {row["id"] for row in told["odd"]} == {"strange", "euro"}
    assert bill["left_out"] == {"EUR": "3"}
    (gap,) = told["gaps"]
    assert (gap["start"][:13], bill["gaps"]) == ("2026-11-23 14", 1)


def test_for_people_nothing_odd_is_passed_over(bakeoff: Command, billed: DataFolder) -> None:  # noqa: ARG001
    said = bakeoff("bills").out
    assert "Runpod: One day could not be read. It is asked for again." in said
    assert "$0.0500 final" in said
    (strange,) = [row for row in said.splitlines() if row.rstrip().endswith("strange")]
    assert "negative, no_resource, corrected" in strange
    assert "-0.25" in strange
    (euro,) = [row for row in said.splitlines() if row.rstrip().endswith("euro")]
    assert " no " in euro, "it is in no sum"
    assert "2026-11-23 14:00  2026-11-23 15:00" in said


def test_a_run_is_read_alone(bakeoff: Command, measured: DataFolder) -> None:
    with Session(open_engine(measured.db)) as session:
        run = launch(session, backends=["vast"])
        ready(deployment_of(session, run, "vast"), "c1")
        session.commit()
        assert session.get_one(Run, 2).id == 2
    backends = {row["backend"] for row in json.loads(bakeoff("costs", "1", "--json").out)["bases"]}
    assert backends == {"runpod"}
