"""Our numbers against the ledger, exactly: virtual time has no noise."""

import shutil
from pathlib import Path

import pytest
from sqlmodel import Session, func, select

from benchmarks.judge import failing, judge
from storage.db import DataFolder, open_engine
from storage.models import Charge, Deployment, Job, Run
from tests.simulation.bakeoff import Bakeoff, bakeoff, cells, plan
from words import CostState, DeploymentState, JobStatus, RunStatus


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Bakeoff:
    return bakeoff(
        tmp_path_factory.mktemp("bakeoff"),
        plan("flux-dev", warm=24, cold=3),
        plan("qwen-image-2512", warm=24, cold=3, gpu="H100"),
    )


def test_every_job_reaches_a_final_state_and_nothing_is_left_rented(done: Bakeoff) -> None:
    with done.reading() as session:
        assert all(job.status.final for job in session.exec(select(Job)))
        assert {run.status for run in session.exec(select(Run))} == {RunStatus.DONE}
        assert {run.left_running for run in session.exec(select(Run))} == {0}
        assert {row.state for row in session.exec(select(Deployment))} == {DeploymentState.GONE}


def test_all_six_warm_cells_and_every_cold_cell_are_there(done: Bakeoff) -> None:
    shown = done.document()

    assert len(cells(shown, "warm")) == 6
    assert all(cell["n"] >= 20 for cell in cells(shown, "warm"))
    assert len(cells(shown, "cold")) == 6
    assert all(cell["n"] >= 3 for cell in cells(shown, "cold"))
    assert not cells(shown, "unknown")


def test_every_cell_has_the_truths_counts_and_rates(done: Bakeoff) -> None:
    for cell in done.document()["cells"]:
        assert cell["n"] == cell["truth"]["n"], cell
        assert cell["success_rate"] == cell["truth"]["success_rate"], cell


def test_warm_latency_and_marginal_cost_are_the_truths(done: Bakeoff) -> None:
    for cell in cells(done.document(), "warm"):
        assert cell["latency_s"]["p50"] == pytest.approx(cell["truth"]["latency_s"]["p50"], rel=0.02), cell
        assert cell["marginal_usd_per_image"] == pytest.approx(cell["truth"]["marginal_usd_per_image"], rel=0.005)


def test_fully_loaded_cost_of_every_deployment_is_the_truths(done: Bakeoff) -> None:
    rows = done.document()["deployments"]

    assert len(rows) == 2 * (1 + 1 + 3)
    for row in rows:
        truth = row["truth"]["fully_loaded_usd_per_image"]
        assert (row["fully_loaded_usd_per_image"] is None) == (truth is None)
        if truth is not None:
            assert row["fully_loaded_usd_per_image"] == pytest.approx(truth, rel=0.01), row


def test_every_order_got_its_gpu_and_each_failure_has_an_example(done: Bakeoff) -> None:
    shown = done.document()
    ready = [row for row in shown["capacity"] if row["metric"] == "orders_ready" and row["gpu"] == "L40S"]
    orders = {row["backend"]: row for row in ready}
    assert {name: (row["n"], row["hits"], row["left_out"]) for name, row in orders.items()} == {
        "modal": (1, 1, 0), "runpod": (1, 1, 0), "vast": (3, 3, 0),
    }  # fmt: skip
    assert all(row["withheld"] or row["high"] is not None for row in shown["capacity"] if row["unit"] == "share")
    with done.reading() as session:
        failed = {job.id: job.reason for job in session.exec(select(Job)) if job.status is not JobStatus.SUCCEEDED}
    assert sum(row["jobs"] for row in shown["failures"]) == len(failed)
    assert all(failed[row["example_job"]] == row["reason"] for row in shown["failures"])


def test_paid_calls_equal_the_ledgers(done: Bakeoff) -> None:
    assert done.document()["paid_calls"] == sum(done.simulation.ledger.paid_calls.values())


def test_all_bills_are_final_and_belong_to_a_deployment(done: Bakeoff) -> None:
    with done.reading() as session:
        states = set(session.exec(select(Charge.state)))
        unmatched = session.exec(select(func.count()).select_from(Charge).where(Charge.deployment_id == None)).one()  # noqa: E711

    assert states == {CostState.FINAL}
    assert unmatched == 0


def test_the_same_seed_gives_the_same_comparison(done: Bakeoff, tmp_path: Path) -> None:
    again = bakeoff(
        tmp_path,
        plan("flux-dev", warm=24, cold=3),
        plan("qwen-image-2512", warm=24, cold=3, gpu="H100"),
    )

    assert again.document() == done.document()


def test_the_check_against_the_ledger_holds_and_fails_once_measured_instants_are_a_tenth_off(
    done: Bakeoff, tmp_path: Path
) -> None:
    assert list(failing(judge(done.document(), jobs=162))) == []

    falsified = Bakeoff(DataFolder(tmp_path / "falsified"), done.world, done.seed)
    shutil.copytree(done.folder.path, falsified.folder.path)
    falsified.simulation = done.simulation
    _stretch(falsified, 1.1)

    found = " ".join(failing(judge(falsified.document(), jobs=162)))
    assert "warm p50" in found
    assert "marginal cost" in found


def _stretch(made: Bakeoff, factor: float) -> None:
    """Move every measured instant away from the intended start, and every reported duration with it."""
    with Session(open_engine(made.folder.db)) as session:
        for job in session.exec(select(Job).where(Job.intended_at != None)):  # noqa: E711
            for name in ("sent_at", "accepted_at", "last_unfinished_at", "first_finished_at"):
                if (at := getattr(job, name)) is not None:
                    setattr(job, name, job.intended_at + (at - job.intended_at) * factor)
            for name in ("queue_us", "execution_us"):
                if (lasted := getattr(job, name)) is not None:
                    setattr(job, name, round(lasted * factor))
            session.add(job)
        session.commit()


def test_deployments_carry_where_they_ran(done: Bakeoff) -> None:
    with done.reading() as session:
        for row in session.exec(select(Deployment)):
            assert row.provenance.get("gpu_name"), row.key
            assert row.usd_per_s
