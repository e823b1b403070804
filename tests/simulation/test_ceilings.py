"""Ceilings against the ledger of true charges: how far above them a run ends, and what it leaves."""

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlmodel import select

from analysis.ceilings import DESTROY_S, tolerance_usd
from simulator.ledger import Rented
from storage.models import Deployment, Job, Run
from tests.simulation.bakeoff import Bakeoff, bakeoff, plan
from words import JobStatus, Reason, RunStatus

IDLE_S = 10
BURST: Mapping[str, Any] = {"profile": "burst", "size": 40, "bursts": 1, "every_s": 600}


def allowed_usd(row: Rented, workers: int) -> Decimal:
    """What this deployment may add to its run's ceiling, by the longest job that it truly had."""
    jobs = [job for job in row.pool.jobs.values() if job.picked_us is not None and job.done_us is not None]
    longest_s = max(((job.done_us - job.accepted_us) / 1e6 for job in jobs), default=0.0)
    if workers > 1:  # of a queue only the jobs that workers hold come home
        boot_s = (
            max(((each.ready_us or each.created_us) - each.created_us for each in row.pool.workers), default=0) / 1e6
        )
        longest_s = max(((job.done_us - job.picked_us) / 1e6 for job in jobs), default=0.0) + boot_s
    tail_s = DESTROY_S if row.backend == "vast" else IDLE_S
    return tolerance_usd(row.usd_per_s, workers=workers, longest_job_s=longest_s, tail_s=tail_s)


def true_usd(made: Bakeoff) -> Decimal:
    return sum((charge.usd for charge in made.simulation.ledger.charges()), Decimal())


def true_gpu_s(made: Bakeoff) -> float:
    """Seconds of workers from their pull's end: nothing is billed before."""
    lives = [worker for row in made.simulation.ledger.rented for worker in row.pool.workers if worker.pulled_us]
    return sum(((worker.stopped_us or worker.pulled_us) - worker.pulled_us) / 1e6 for worker in lives)


def drawn(seed: int) -> float:
    """From a cent to a dollar and a half, evenly in proportion."""
    return round(0.01 * 150 ** Random(f"cap {seed}").random(), 4)


def rows(made: Bakeoff) -> tuple[Run, list[Job], list[Deployment]]:
    with made.reading() as session:
        (run,) = session.exec(select(Run)).all()
        return run, list(session.exec(select(Job))), list(session.exec(select(Deployment)))


@pytest.mark.parametrize("seed", range(8))
def test_a_run_ends_at_most_a_job_a_worker_and_the_tails_above_its_cap(tmp_path: Path, seed: int) -> None:
    cap = Decimal(str(drawn(seed)))
    made = bakeoff(tmp_path, plan(warm=14, cold=2, cap_usd=cap), seed=seed)
    run, jobs, _ = rows(made)
    tolerance = sum((allowed_usd(row, 1) for row in made.simulation.ledger.rented), Decimal())
    assert true_usd(made) <= cap + tolerance
    check_partial(made, run, jobs)


@pytest.mark.parametrize("seed", range(3))
def test_a_burst_on_many_workers_keeps_to_its_cap_as_well(tmp_path: Path, seed: int) -> None:
    cap, load = Decimal(str(drawn(seed + 100))), {"warm": 0, "cold": 0, "load": BURST, "max_workers": 4}
    made = bakeoff(tmp_path, plan(cap_usd=cap, backends=("modal", "runpod"), **load), seed=seed)
    run, jobs, _ = rows(made)
    tolerance = sum((allowed_usd(row, 4) for row in made.simulation.ledger.rented), Decimal())
    assert true_usd(made) <= cap + tolerance
    check_partial(made, run, jobs)


@pytest.mark.parametrize("seed", range(3))
def test_a_cap_in_gpu_seconds_holds_as_well(tmp_path: Path, seed: int) -> None:
    cap_gpu_s = Random(f"gpu {seed}").randint(60, 1500)
    made = bakeoff(tmp_path, plan(warm=14, cold=2, cap_gpu_s=cap_gpu_s), seed=seed)
    run, jobs, _ = rows(made)
    beyond = sum(float(allowed_usd(row, 1) / row.usd_per_s) for row in made.simulation.ledger.rented)
    assert true_gpu_s(made) <= cap_gpu_s + beyond
    check_partial(made, run, jobs)


def check_partial(made: Bakeoff, run: Run, jobs: list[Job]) -> None:
    """Marked, with its sentence; jobs that were sent came home; nothing is left; what was measured is compared."""
    unsent = [job for job in jobs if job.reason == Reason.BUDGET_REACHED]
    assert all(job.status.final for job in jobs)
    assert run.left_running == 0
    assert (run.status, run.stop_reason is None) == ((RunStatus.STOPPED, False) if unsent else (RunStatus.DONE, True))
    if unsent:
        assert "teardown included; the ceiling is" in (run.stop_reason or "")
        assert all(job.error and "the ceiling is" in job.error for job in unsent if job.intended_at is None)
    counted: dict[str, int] = defaultdict(int)
    for cell in made.document()["cells"]:
        counted[cell["backend"]] += cell["n"] + cell["left_out"]
    done = {job.deployment_id for job in jobs if job.status is JobStatus.SUCCEEDED}
    assert bool(counted) is bool(done)


def test_a_cap_that_pays_for_half_leaves_the_cells_of_what_was_measured(tmp_path: Path) -> None:
    whole, two = {"warm": 120, "cold": 1}, ("modal", "runpod")
    cost = true_usd(bakeoff(tmp_path / "whole", plan(backends=two, **whole)))
    half = bakeoff(tmp_path / "half", plan(backends=two, cap_usd=round(cost * 6 / 10, 6), **whole))
    run, jobs, _ = rows(half)
    good = sum(job.status is JobStatus.SUCCEEDED for job in jobs)
    assert run.status is RunStatus.STOPPED
    assert 60 <= good < 180
    assert {job.reason for job in jobs if job.status is JobStatus.CANCELLED} == {Reason.BUDGET_REACHED}
    warm = [cell for cell in half.document()["cells"] if cell["start_kind"] == "warm"]
    assert {cell["backend"] for cell in warm} == {"modal", "runpod"}
    assert all(cell["n"] == cell["truth"]["n"] for cell in warm)
