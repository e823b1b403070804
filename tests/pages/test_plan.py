"""What a plan would cost and answer, against sums made by hand."""

from datetime import timedelta
from decimal import Decimal

import polars as pl
import pytest

from analysis import schema
from storage.models import Backend, Offer
from tests.pages.frames import START, job, timed_jobs
from ui import plan_view

SERVERLESS = Backend(name="runpod", provider="runpod", simulated=True, features=["scales_to_zero"])
RENTED = Backend(name="vast", provider="vast", simulated=True, features=["fresh_host_is_cold"])
NO_DEPLOYMENTS = pl.DataFrame(schema=schema.DEPLOYMENTS)


def offer(backend: str, usd: str, gpu: str = "L40S") -> Offer:
    return Offer(
        backend=backend, gpu=gpu, offer_id="o", unit="s", usd_per_unit=Decimal(usd), usd_per_s=Decimal(usd), source="x",
        seen_at=START,
    )  # fmt: skip


def plan(*backends: str, warm: int = 10, cold: int = 2) -> plan_view.Plan:
    return plan_view.Plan(workflow="flux-dev", gpu="L40S", backends=backends, warm=warm, cold=cold, idle_timeout_s=10)


def estimate(of: plan_view.Plan, offers: list[Offer], jobs: pl.DataFrame | None = None) -> plan_view.Estimate:
    rows = timed_jobs() if jobs is None else jobs
    return plan_view.estimate(of, rows, NO_DEPLOYMENTS, offers, [SERVERLESS, RENTED])


def test_an_unmeasured_arm_costs_what_is_assumed_and_says_so() -> None:
    found = estimate(plan("runpod"), [offer("runpod", "0.001"), offer("runpod", "0.002")])

    seconds = 15 * 15 + 2 * 45 + 1 * 40 + 2 * 10
    assert found.likely_usd == pytest.approx(0.001 * seconds)
    assert found.worst_usd == pytest.approx(0.001 * seconds * 4 / 3)
    assert found.assumed == ["runpod"]
    assert found.duration == timedelta(seconds=seconds)


def test_each_cold_job_of_a_rented_machine_is_a_rental() -> None:
    found = estimate(plan("vast"), [offer("vast", "0.001")])

    seconds = 15 * 15 + 2 * 20 + 2 * 640 + 2 * 10
    assert found.arms[0].rentals == 2
    assert found.likely_usd == pytest.approx(0.001 * seconds)
    assert found.duration == timedelta(seconds=seconds / 2), "rentals run side by side"


def test_measured_medians_replace_the_assumptions() -> None:
    warm = [job(i, "runpod", seconds=11, execution_s=10.0) for i in range(1, 7)]
    found = estimate(
        plan("runpod"), [offer("runpod", "0.001")], timed_jobs(*warm, job(9, "runpod", start_kind="cold", seconds=50))
    )

    cold_s = 50 - 10
    assert found.likely_usd == pytest.approx(0.001 * (15 * 10 + 2 * cold_s + 40 + 20), rel=0.02)
    assert found.assumed == []


def test_five_warm_jobs_are_too_few_for_a_median() -> None:
    warm = [job(i, "runpod", execution_s=10.0) for i in range(1, 6)]
    found = estimate(plan("runpod"), [offer("runpod", "0.001")], timed_jobs(*warm, job(9, "runpod", start_kind="cold")))
    assert found.assumed == ["runpod"]


def test_an_arm_without_a_price_makes_the_sum_unknown() -> None:
    found = estimate(plan("runpod", "vast"), [offer("runpod", "0.001"), offer("vast", "0.001", gpu="H100")])

    assert found.likely_usd is None
    assert found.worst_usd is None
    assert found.unpriced == ["vast"]
    assert plan_view.default_cap(found) == 20.0


@pytest.mark.parametrize(("likely", "cap"), [(0.01, 0.5), (2.18, 3.5), (3.0, 4.5), (900.0, 500.0)])
def test_the_cap_starts_at_half_more_than_likely_in_half_dollars(likely: float, cap: float) -> None:
    one = plan_view.Arm(backend="runpod", rentals=1, likely_usd=likely, duration=timedelta(), measured=True)
    assert plan_view.default_cap(plan_view.Estimate(arms=[one])) == cap


def test_gpus_that_the_workflow_does_not_fit_on_are_not_offered() -> None:
    assert plan_view.fitting(["H100", "RTX 4090", "L40S", "H100"], vram_gb=48) == ["L40S", "H100"]


@pytest.mark.parametrize(("warm", "cold", "answered"), [(5, 1, 0), (24, 4, 1), (88, 8, 4)])
def test_the_panel_counts_the_questions_a_plan_answers(warm: int, cold: int, answered: int) -> None:
    asked = plan_view.questions(plan("runpod", warm=warm, cold=cold), simulated=True)
    title = plan_view.questions_title(asked, 3)
    assert title == f"{warm + cold} jobs on each of 3 answer {answered} of 4 questions"


def test_the_parts_of_the_cost_bar_lie_end_to_end() -> None:
    found = estimate(plan("runpod", "vast"), [offer("runpod", "0.001"), offer("vast", "0.001")])
    parts = plan_view.cost_parts(found, simulated=True)
    assert parts["low"].to_list() == [0.0, parts["high"][0]]
    assert parts["high"][-1] == pytest.approx(found.likely_usd)
    assert parts["key"].to_list() == ["Runpod", "Vast.ai"]


def test_a_gpu_with_a_blank_in_its_name_is_quoted_for_the_shell() -> None:
    one = plan_view.Plan(workflow="w", gpu="RTX 4090", backends=["modal"], warm=1, cold=1, idle_timeout_s=10)
    assert plan_view.command(one, 5.0) == 'bakeoff launch w --gpu "RTX 4090" --backend modal --warm 1 --cold 1 --cap 5'


def test_the_command_names_a_ceiling_in_gpu_seconds_where_there_is_one() -> None:
    assert plan_view.command(plan("modal"), 5.0, 900).endswith("--cap 5 --cap-gpu-seconds 900")


def test_beyond_the_cap_each_worker_may_take_a_job_to_its_deadline_and_each_rental_too() -> None:
    found = estimate(plan("runpod", "vast"), [offer("runpod", "0.001"), offer("vast", "0.002")])
    assert found.beyond_usd == pytest.approx(0.001 * (600 + 10 + 5) + 2 * 0.002 * (600 + 120 + 5))


def test_the_basis_of_an_estimate_says_what_was_measured_and_what_is_assumed() -> None:
    warm = [job(i, "runpod", seconds=11, execution_s=10.0) for i in range(1, 7)]
    jobs = timed_jobs(*warm, job(9, "runpod", start_kind="cold", seconds=50))
    found = estimate(plan("runpod", "vast"), [offer("runpod", "0.001"), offer("vast", "0.002")], jobs)
    assert plan_view.basis(found) == (
        "Seconds: Runpod by measured medians of this workflow and GPU; Vast.ai by assumption (15 s a job, 45 s a cold "
        "start): too few were measured. Prices: the cheapest offer last seen."
    )


def test_ceilings_of_a_dry_run_are_shown_with_what_is_taken_and_absent_ones_are_not() -> None:
    reply = {
        "job": {"usd": None, "gpu_s": None},
        "run": {"usd": "10", "gpu_s": "500"},
        "day": {"usd": "7", "gpu_s": None, "taken_usd": "0.035", "taken_gpu_s": "70"},
    }
    assert plan_view.ceiling_rows(reply) == [
        {"Ceiling of": "this run", "in": "dollars", "is": "10.00", "taken": "–"},
        {"Ceiling of": "this run", "in": "GPU-seconds", "is": "500.00", "taken": "–"},
        {"Ceiling of": "this UTC day", "in": "dollars", "is": "7.00", "taken": "0.04"},
    ]
