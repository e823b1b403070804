"""Time to get a GPU, and how often there was none: each with its own n."""

from typing import Any

import pytest

from analysis import capacity, stats, timing
from tests.unit.analysis.samples import after, deployment, deployments, failed, job, jobs
from words import FAILURE_OF, FailureClass, Reason


def measured(orders: list[dict[str, Any]], *rows: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The metrics of one backend and GPU by name."""
    found = capacity.capacity(deployments(*orders), timing.timed(jobs(*rows)))
    return {row["metric"]: row for row in found.iter_rows(named=True)}


def order(took_s: float = 6.0, **said: Any) -> dict[str, Any]:
    return deployment(intended_at=after(0), created_at=after(1), ready_at=after(took_s), **said)


def refused(cause: Reason, **said: Any) -> dict[str, Any]:
    return deployment(cause=cause.value, state="failed", ready_at=None, intended_at=None, created_at=None, **said)


def test_the_time_to_get_a_gpu_runs_from_the_order_to_ready() -> None:
    times = [3.0, 9.0, 6.0, 12.0, 15.0, 18.0]
    row = measured([order(took_s) for took_s in times])["time_to_ready_p50"]
    limits = stats.quantile_limits(times, times, 0.5)
    assert (row["unit"], row["n"], row["value"], row["withheld"]) == ("s", 6, 9.0, None)
    assert (row["low"], row["high"]) == (limits.low, limits.high) == (3.0, 18.0)


def test_an_order_without_an_order_instant_counts_from_its_answer() -> None:
    orders = [deployment(intended_at=None, created_at=after(1), ready_at=after(6)) for _ in range(6)]
    assert measured(orders)["time_to_ready_p50"]["value"] == 5.0


def test_an_order_that_came_to_nothing_took_for_ever() -> None:
    orders = [order(5.0)] * 3 + [refused(Reason.NO_CAPACITY)] * 3 + [refused(Reason.CRASH_LOOP)]
    row = measured(orders)["time_to_ready_p50"]
    assert (row["n"], row["value"], row["high"], row["withheld"]) == (7, None, None, None)
    assert row["low"] == 5.0


def test_a_share_has_its_own_n_and_wilsons_interval() -> None:
    orders = [order()] * 30 + [refused(Reason.NO_CAPACITY)] * 6 + [refused(Reason.NEVER_READY)] * 4
    found = measured(orders)
    ready, missing = found["orders_ready"], found["orders_without_capacity"]
    assert (ready["n"], ready["hits"], ready["value"], ready["unit"]) == (40, 30, 0.75, "share")
    assert (ready["low"], ready["high"]) == stats.wilson(30, 40)
    assert (missing["n"], missing["hits"], missing["value"]) == (40, 6, 0.15)
    assert (missing["low"], missing["high"]) == stats.wilson(6, 40)


def test_too_few_are_withheld_and_say_how_many_more_it_takes() -> None:
    found = measured([order()] * 5)
    assert found["orders_ready"]["withheld"] == "needs 25 more"
    assert (found["orders_ready"]["value"], found["orders_ready"]["low"]) == (1.0, None)
    assert found["time_to_ready_p50"]["withheld"] == "needs 1 more"
    assert found["time_to_ready_p95"]["withheld"] == "needs 67 more"
    assert found["time_to_ready_p50"]["value"] is None


@pytest.mark.parametrize("cause", list(Reason))
def test_only_provider_and_capacity_count_against_a_provider(cause: Reason) -> None:
    row = measured([order(), refused(cause)])["orders_ready"]
    counts = FAILURE_OF[cause] in (FailureClass.PROVIDER, FailureClass.CAPACITY, FailureClass.QUALITY)
    assert (row["n"], row["left_out"]) == ((2, 0) if counts else (1, 1))


def test_an_order_that_is_still_open_or_was_ended_unready_by_us_is_none() -> None:
    still_open = deployment(state="provisioning", ready_at=None, ended_at=None)
    row = measured([order(), still_open])["orders_ready"]
    assert (row["n"], row["left_out"]) == (1, 0)


def test_a_deployment_that_died_later_had_got_ready() -> None:
    row = measured([order(cause="worker_lost", state="failed")])["orders_ready"]
    assert (row["n"], row["hits"]) == (1, 1)


def test_a_cause_of_a_later_version_is_nobodys() -> None:
    later = deployment(cause="of_next_year", ready_at=None)
    assert measured([order(), later])["orders_ready"]["left_out"] == 1


def cold(wait_s: float | None = 2.0, **said: Any) -> dict[str, Any]:
    started = None if wait_s is None else after(0.05 + wait_s)
    return job(start_kind="cold", worker_started_at=started, **said)


def test_the_wait_of_a_cold_job_runs_from_its_acceptance_to_its_workers_start() -> None:
    row = measured([], *(cold(wait) for wait in (1.0, 2.0, 3.0, 4.0, 5.0, 6.0)))["wait_for_worker_p50"]
    assert (row["n"], row["value"]) == (6, pytest.approx(3.0))


def test_jobs_that_never_got_a_worker_waited_at_least_until_their_deadline() -> None:
    stuck = [failed("stuck_in_queue", "timed_out", start_kind=None) for _ in range(3)]
    found = measured([], *(cold() for _ in range(4)), *stuck)
    row = found["wait_for_worker_p50"]
    assert (row["n"], row["value"], row["low"], row["high"]) == (7, pytest.approx(2.0), pytest.approx(2.0), None)
    share = found["jobs_without_capacity"]
    assert (share["n"], share["hits"], share["value"]) == (7, 3, pytest.approx(3 / 7))


def test_warm_jobs_unknown_starts_and_clocks_that_are_off_tell_no_wait() -> None:
    rows = [job(worker_started_at=after(3)), cold(None), cold(-1.0)]
    assert "wait_for_worker_p50" not in measured([], *rows)
    assert measured([], *rows, cold())["wait_for_worker_p50"]["n"] == 1


def test_a_crash_loop_is_no_capacity_failure() -> None:
    rows = [failed("crash_loop", "timed_out"), failed("stuck_in_queue", "timed_out"), job()]
    assert measured([], *rows)["jobs_without_capacity"]["hits"] == 1


def test_retries_and_open_jobs_count_nowhere() -> None:
    rows = [job(), job(retry_of=1), job(status="running", good_image=None)]
    assert measured([], *rows)["jobs_without_capacity"]["n"] == 1


def test_backends_and_gpus_are_kept_apart_and_simulated_rows_are_marked() -> None:
    orders = [order(), order(backend="vast", simulated=False), order(gpu="H100")]
    found = capacity.capacity(deployments(*orders), timing.timed(jobs()))
    assert found.schema == capacity.CAPACITY
    assert set(found.select("backend", "gpu", "simulated").rows()) == {
        ("runpod", "L40S", True),
        ("runpod", "H100", True),
        ("vast", "L40S", False),
    }
    assert set(found["metric"]) <= set(capacity.METRICS)
    assert capacity.capacity(deployments(), timing.timed(jobs())).schema == capacity.CAPACITY


def test_failures_are_counted_by_class_and_reason_with_an_example() -> None:
    rows = [
        job(),
        failed("worker_lost", error="the host died"),
        failed("stuck_in_queue", "timed_out"),
        failed("worker_lost", error="another host died"),
        failed("worker_lost", retry_of=2),
        job(good_image=None),
        job(good_image=False, defect="black"),
    ]
    found = capacity.failures(timing.timed(jobs(*rows)))
    assert found.schema == capacity.FAILURES
    columns = ("failure_class", "reason", "jobs", "n", "example_job", "said")
    assert found.select(columns).rows() == [
        ("provider", "worker_lost", 2, 6, 4, "another host died"),
        ("quality", "image_broken", 1, 6, 7, "black"),
        ("provider", "result_missing", 1, 6, 6, None),
        ("capacity", "stuck_in_queue", 1, 6, 3, None),
    ]


def test_without_jobs_there_is_no_failure() -> None:
    found = capacity.failures(timing.timed(jobs()))
    assert (found.height, found.schema) == (0, capacity.FAILURES)
