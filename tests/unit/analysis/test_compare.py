"""Cells and deployments side by side."""

from typing import Any

import pytest

from analysis import compare, schema
from tests.unit.analysis.samples import charge, charges, deployment, deployments, failed, job, jobs


def warm(latency_s: float, **said: Any) -> dict[str, Any]:
    """A good warm job that took this long, bracket wide open."""
    times = {"last_unfinished_at": None, "queue_s": 1.0, "execution_s": latency_s - 1.03}
    return job(**{**times, "first_finished_at": None, **said})


def cell(*rows: dict[str, Any]) -> dict[str, Any]:
    frame = compare.cells(jobs(*rows))
    assert frame.height == 1
    return frame.row(0, named=True)


def test_the_columns_are_those_of_the_schema() -> None:
    assert compare.cells(jobs()).schema == schema.CELLS
    assert compare.cells(jobs(job())).schema == schema.CELLS
    nothing = compare.deployments(deployments(), jobs(), charges())
    assert nothing.schema == schema.DEPLOYMENT_COSTS
    assert compare.arms(deployments(), jobs(), charges()).schema == schema.ARM_COSTS


def test_a_cell_is_one_workflow_settings_backend_gpu_and_start_kind() -> None:
    others = [
        {"workflow": "qwen"}, {"workflow_hash": "h2"}, {"settings": '{"steps": 4}'}, {"backend": "vast"},
        {"gpu": "H100"}, {"start_kind": "cold"}, {"start_kind": "restored"},
    ]  # fmt: skip
    frame = compare.cells(jobs(job(), *(job(**other) for other in others)))
    assert frame["n"].to_list() == [1] * 8
    assert frame.select(compare.CELL).equals(frame.select(compare.CELL).sort(compare.CELL))
    same = [{"run_id": 2}, {"deployment_id": 2}, {"prompt_id": "q"}, {"worker_id": "w2"}]
    assert compare.cells(jobs(job(), *(job(**other) for other in same)))["n"].to_list() == [5]


@pytest.mark.parametrize("kind", ["unknown", None])
def test_a_job_whose_start_kind_is_not_known_enters_no_cell(kind: str | None) -> None:
    assert compare.cells(jobs(job(start_kind=kind))).height == 0


def test_success_counts_first_attempts_that_say_something_about_the_provider() -> None:
    row = cell(
        *(job() for _ in range(5)),
        failed("worker_lost"),
        failed("stuck_in_queue", "timed_out"),
        failed("image_broken"),
        failed("invalid_request"),
        failed("fate_unknown", "lost"),
        failed("stopped", "cancelled"),
        failed("worker_lost", retry_of=6),
        job(retry_of=6),
        job(status="running"),
    )
    assert (row["n"], row["good"], row["ours"], row["fate_unknown"]) == (8, 5, 1, 1)
    assert row["success_rate"] == 0.625


def test_what_is_left_out_is_counted_and_enters_no_number() -> None:
    slow = [warm(90.0, left_out=why) for why in ("cache_repeat", "cold_in_warm_series")]
    ours = failed("invalid_request", left_out="cache_repeat")
    row = cell(warm(10.0), *slow, ours, job(status="running", left_out="cache_repeat"))
    assert (row["n"], row["good"], row["ours"], row["left_out"], row["discarded"]) == (1, 1, 0, 3, 1)
    assert row["latency_p50_s"] == pytest.approx(10.0)
    assert row["execution_s"] == pytest.approx(10.0 - 1.03)


def test_a_run_that_was_answered_from_a_cache_enters_no_cell_and_the_others_do() -> None:
    cheat = [job(run_id=2, left_out=left, execution_s=0.1) for left in ("cache_repeat",) * 3]
    row = cell(job(run_id=1), job(run_id=2), *cheat)
    assert (row["n"], row["left_out"]) == (1, 4)
    assert compare.cells(jobs(job(run_id=2), *cheat)).height == 0


def test_a_cell_of_our_own_failures_alone_is_no_cell() -> None:
    assert compare.cells(jobs(failed("invalid_request"))).height == 0


def test_a_rate_has_limits_from_30_jobs_on() -> None:
    few = cell(*(job() for _ in range(29)))
    assert (few["success_rate"], few["success_lo"], few["success_hi"]) == (1.0, None, None)
    assert few["success_withheld"] == "needs 1 more"
    enough = cell(*(job() for _ in range(29)), failed("worker_lost"))
    assert (enough["success_lo"], enough["success_hi"]) == pytest.approx((0.8333, 0.9941), abs=5e-5)
    assert enough["success_withheld"] is None


def test_quantiles_are_values_that_occurred_with_limits_when_there_are_enough() -> None:
    rows = [warm(float(i)) for i in range(2, 22)]
    row = cell(*rows)
    assert row["latency_p50_s"] == pytest.approx(11.0)
    assert (row["latency_p50_lo_s"], row["latency_p50_hi_s"]) == pytest.approx((7.0, 16.0))
    assert row["latency_p50_withheld"] is None
    assert row["latency_p95_s"] == pytest.approx(20.0)
    assert (row["latency_p95_lo_s"], row["latency_p95_hi_s"]) == (None, None)
    assert row["latency_p95_withheld"] == "needs 52 more"
    assert cell(*rows[:5])["latency_p50_withheld"] == "needs 1 more"


def test_failures_push_a_quantile_up_and_in_the_end_make_it_unbounded() -> None:
    good = [warm(float(i)) for i in range(2, 12)]
    lost = [failed("worker_lost") for _ in range(10)]
    assert cell(*good, *lost[:9])["latency_p50_s"] == pytest.approx(11.0)
    row = cell(*good[:9], *lost)
    assert (row["latency_p50_s"], row["latency_p50_hi_s"], row["latency_p50_withheld"]) == (None, None, None)
    assert row["latency_p50_lo_s"] == pytest.approx(6.0)


def test_limits_reach_over_the_whole_bracket_of_each_job() -> None:
    rows = [job(queue_s=None) for _ in range(6)]  # seen unfinished at 9.5 s, finished at 10.5 s
    row = cell(*rows)
    assert (row["latency_p50_lo_s"], row["latency_p50_s"], row["latency_p50_hi_s"]) == (9.5, 10.5, 10.5)


def test_phases_and_marginal_cost_are_means_of_good_jobs() -> None:
    row = cell(
        job(queue_s=1.0, execution_s=8.0, boot_s=4.0, load_s=2.0, start_kind="cold"),
        job(queue_s=2.0, execution_s=9.0, start_kind="cold"),
        failed("worker_lost", queue_s=50.0, execution_s=50.0, start_kind="cold"),
        job(retry_of=3, queue_s=70.0, execution_s=70.0, start_kind="cold"),
    )
    assert (row["queue_s"], row["execution_s"], row["dispatch_s"]) == (1.5, 8.5, 0.01)
    assert (row["boot_s"], row["load_s"]) == (4.0, 2.0)
    assert row["marginal_usd_per_image"] == pytest.approx(8.5 * 0.00053)


def test_what_nobody_measured_is_null() -> None:
    row = cell(failed("worker_lost", queue_s=None, execution_s=None))
    assert (row["n"], row["success_rate"]) == (1, 0.0)
    unknown = ("latency_p50_s", "queue_s", "execution_s", "boot_s", "load_s", "marginal_usd_per_image")
    assert [row[name] for name in unknown] == [None] * 6
    assert cell(job(usd_per_s_nano=None))["marginal_usd_per_image"] is None


def test_one_simulated_job_marks_its_cell() -> None:
    assert cell(job(simulated=False), job(simulated=True))["simulated"] is True
    assert cell(job(simulated=False))["simulated"] is False


def test_fully_loaded_is_every_dollar_over_the_good_images() -> None:
    bill = charges(charge(80_000_000), charge(7_953_288, sku="disk", state="open"))
    row = compare.deployments(deployments(deployment()), jobs(job(), job(), failed("worker_lost")), bill).row(
        0, named=True
    )
    assert (row["deployment"], row["jobs"], row["good_images"], row["state"]) == ("d1", 3, 2, "open")
    assert row["billed_usd"] == pytest.approx(0.087953288)
    assert row["fully_loaded_usd_per_image"] == pytest.approx(0.043976644)


def test_without_a_bill_the_estimate_stands_and_says_so() -> None:
    row = compare.deployments(deployments(deployment()), jobs(job(start_kind="cold")), charges()).row(0, named=True)
    assert (row["billed_usd"], row["state"]) == (None, "estimated")
    assert row["fully_loaded_usd_per_image"] == row["estimated_usd"] == pytest.approx(20 * 0.00053)


def test_money_without_a_good_image_has_no_price_per_image() -> None:
    row = compare.deployments(deployments(deployment()), jobs(failed("worker_lost")), charges(charge(9))).row(
        0, named=True
    )
    assert (row["good_images"], row["fully_loaded_usd_per_image"]) == (0, None)


def test_every_deployment_has_a_row_in_order_and_its_own_bill() -> None:
    rented = deployments(*(deployment(deployment_id=i, deployment=f"d{i}") for i in (3, 1, 2)))
    measured = jobs(*(job(deployment_id=i) for i in (1, 1, 2)))
    bill = charges(charge(4, deployment_id=1), charge(6, deployment_id=3), charge(9, deployment_id=None))
    frame = compare.deployments(rented, measured, bill)
    assert frame["deployment"].to_list() == ["d1", "d2", "d3"]
    assert frame["good_images"].to_list() == [2, 1, 0]
    assert [None if usd is None else round(usd * 1e9) for usd in frame["billed_usd"]] == [4, None, 6]


def test_arms_share_their_dollars_among_all_their_good_images() -> None:
    rented = deployments(*(deployment(deployment_id=i) for i in (1, 2)))
    measured = jobs(job(deployment_id=1), job(deployment_id=2), job(deployment_id=2))
    bill = charges(charge(4_000_000, deployment_id=1), charge(5_000_000, deployment_id=2, state="provisional"))
    row = compare.arms(rented, measured, bill).row(0, named=True)
    assert (row["deployments"], row["good_images"], row["state"]) == (2, 3, "provisional")
    assert row["fully_loaded_usd_per_image"] == pytest.approx(0.003)
