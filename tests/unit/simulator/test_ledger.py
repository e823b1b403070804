"""The truth of a ledger that was made by hand, to the cent."""

import json
import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.engine import US
from simulator.ledger import Ledger, Rented, TrueCharge, iso, quantile, truth
from simulator.pool import JobState, Pool, SimJob
from tests.unit.simulator.stand import NOW_US, Stand, asked

RATE = Decimal("0.0005")
CELL = {"workflow": "flux-dev", "backend": "runpod", "gpu": "L40S", "start_kind": "warm"}


class Book:
    """A provider's books that hold what a test puts there."""

    def __init__(self, *charges: TrueCharge) -> None:
        self._charges = list(charges)

    def true_charges(self) -> list[TrueCharge]:
        return self._charges


def charge(deployment: str, usd: str) -> TrueCharge:
    return TrueCharge(
        provider="runpod",
        deployment=deployment,
        resource_id="r1",
        sku="gpu",
        start_us=NOW_US,
        end_us=NOW_US + 3600 * US,
        usd=Decimal(usd),
    )


def put(
    pool: Pool,
    job_id: str,
    *,
    wait_s: float | None = 2,
    busy_s: float | None = 10,
    state: JobState = "completed",
    fate: str = "good",
    kind: str | None = "warm",
    **what: object,
) -> SimJob:
    """A job as it might have gone: accepted now, picked up after wait_s, over after busy_s more."""
    picked_us = None if wait_s is None else NOW_US + round(wait_s * US)
    done_us = None if busy_s is None else (picked_us or NOW_US) + round(busy_s * US)
    job = SimJob(id=job_id, asked=asked(**what), accepted_us=NOW_US, state=state, fate=fate, start_kind=kind)  # type: ignore[arg-type]
    job.picked_us, job.done_us = picked_us, done_us
    pool.jobs[job_id] = job
    return job


def ledger_of(*pools: Pool, charges: tuple[TrueCharge, ...] = (), usd_per_s: Decimal = RATE) -> Ledger:
    ledger = Ledger(books=[Book(*charges)])
    for pool in pools:
        rented = Rented(
            backend="runpod", name=pool.name, resource_id="r1", usd_per_s=usd_per_s, pool=pool, created_us=NOW_US
        )
        ledger.rented.append(rented)
    return ledger


@pytest.fixture
def pool() -> Pool:
    return Stand().pool("d1")


# ---------------------------------------------------------------- quantiles


@pytest.mark.parametrize(
    ("n", "q", "rank"),
    [(1, 0.5, 1), (2, 0.5, 1), (3, 0.5, 2), (4, 0.5, 2), (20, 0.95, 19), (21, 0.95, 20), (1, 0.95, 1)],
)
def test_a_quantile_is_the_value_at_rank_ceil_of_q_n(n: int, q: float, rank: int) -> None:
    assert quantile([float(value) for value in range(n, 0, -1)], q) == rank


@given(st.integers(1, 3000))
def test_no_rank_is_off_by_one_for_want_of_exact_fractions(n: int) -> None:
    values = [float(value) for value in range(1, n + 1)]
    assert quantile(values, 0.95) == (95 * n + 99) // 100
    assert quantile(values, 0.5) == (n + 1) // 2


def test_without_values_or_where_most_failed_there_is_no_quantile() -> None:
    assert quantile([], 0.5) is None
    assert quantile([1.0, math.inf, math.inf], 0.5) is None
    assert quantile([1.0, 2.0, math.inf], 0.5) == 2.0


# ---------------------------------------------------------------- cells


def test_a_cell_says_what_happened_to_its_good_jobs(pool: Pool) -> None:
    put(pool, "a", wait_s=1, busy_s=9)
    put(pool, "b", wait_s=3, busy_s=11)
    put(pool, "c", wait_s=2, busy_s=13)
    (cell,) = truth(ledger_of(pool))["cells"]
    assert cell == {
        **CELL,
        "n": 3,
        "success_rate": 1.0,
        "latency_s": {"p50": 14.0, "p95": 15.0},
        "queue_s": 2.0,
        "execution_s": 11.0,
        "marginal_usd_per_image": pytest.approx(11 * 0.0005),
    }


def test_a_failure_counts_in_n_as_an_infinite_latency_and_costs_no_image(pool: Pool) -> None:
    put(pool, "a", wait_s=1, busy_s=9)
    put(pool, "b", wait_s=3, busy_s=11)
    put(pool, "failed", busy_s=500, state="failed", fate="worker_lost")
    put(pool, "late", busy_s=600, state="timed_out", fate="timeout")
    put(pool, "black", busy_s=11, fate="black")
    (cell,) = truth(ledger_of(pool))["cells"]
    assert (cell["n"], cell["success_rate"]) == (5, 0.4)
    assert cell["latency_s"] == {"p50": None, "p95": None}
    assert (cell["queue_s"], cell["execution_s"]) == (2.0, 10.0)
    assert cell["marginal_usd_per_image"] == pytest.approx(10 * 0.0005)


def test_cancelled_open_and_never_picked_jobs_are_in_no_cell_but_are_counted(pool: Pool) -> None:
    put(pool, "a")
    put(pool, "cancelled", state="cancelled", fate="cancelled")
    put(pool, "running", busy_s=None, state="running")
    put(pool, "queued", wait_s=None, busy_s=None, state="queued", kind=None)
    found = truth(ledger_of(pool))
    assert [cell["n"] for cell in found["cells"]] == [1]
    assert found["jobs"] == 4


def test_a_cell_without_a_good_job_has_no_means_and_no_cost(pool: Pool) -> None:
    put(pool, "a", state="failed", fate="execution_error")
    (cell,) = truth(ledger_of(pool))["cells"]
    assert cell["success_rate"] == 0.0
    assert cell["queue_s"] is cell["execution_s"] is cell["marginal_usd_per_image"] is None


def test_cells_are_apart_by_workflow_backend_gpu_and_start_kind_and_not_by_deployment() -> None:
    stand = Stand()
    first, second = stand.pool("d1"), stand.pool("d2")
    put(first, "a", kind="cold")
    put(first, "b")
    put(second, "c")
    put(second, "d", model="qwen-image-2512")
    put(second, "e", model="qwen-image-2512", lora="4steps")
    cells = truth(ledger_of(first, second))["cells"]
    assert [(cell["workflow"], cell["start_kind"], cell["n"]) for cell in cells] == [
        ("flux-dev", "cold", 1),
        ("flux-dev", "warm", 2),
        ("qwen-image-2512", "warm", 1),
        ("qwen-image-2512-fast", "warm", 1),
    ]


def test_each_job_costs_at_the_rate_of_its_own_deployment() -> None:
    stand = Stand()
    cheap, dear = stand.pool("cheap"), stand.pool("dear")
    put(cheap, "a", busy_s=10)
    put(dear, "b", busy_s=10)
    ledger = ledger_of(cheap)
    ledger.rented += ledger_of(dear, usd_per_s=RATE * 3).rented
    (cell,) = truth(ledger)["cells"]
    assert cell["marginal_usd_per_image"] == pytest.approx((10 * 0.0005 + 10 * 0.0015) / 2)


# ---------------------------------------------------------------- deployments


def test_a_deployment_bears_every_dollar_billed_for_its_good_images(pool: Pool) -> None:
    put(pool, "a")
    put(pool, "b")
    put(pool, "c", fate="black")
    ledger = ledger_of(pool, charges=(charge("d1", "0.10"), charge("d1", "0.02"), charge("other", "9")))
    (row,) = truth(ledger)["deployments"]
    assert row == {
        "deployment": "d1",
        "workflow": "flux-dev",
        "backend": "runpod",
        "gpu": "L40S",
        "good_images": 2,
        "billed_usd": pytest.approx(0.12),
        "fully_loaded_usd_per_image": pytest.approx(0.06),
    }


def test_an_unbilled_deployment_has_no_cost_and_not_zero(pool: Pool) -> None:
    put(pool, "a")
    (row,) = truth(ledger_of(pool))["deployments"]
    assert (row["billed_usd"], row["fully_loaded_usd_per_image"]) == (None, None)


def test_a_deployment_without_a_good_image_is_billed_and_has_no_price_per_image(pool: Pool) -> None:
    put(pool, "a", state="failed", fate="worker_lost")
    (row,) = truth(ledger_of(pool, charges=(charge("d1", "0.10"),)))["deployments"]
    assert (row["good_images"], row["billed_usd"], row["fully_loaded_usd_per_image"]) == (0, pytest.approx(0.1), None)


def test_a_deployment_that_served_two_workflows_names_none(pool: Pool) -> None:
    put(pool, "a")
    put(pool, "b", model="qwen-image-2512")
    (row,) = truth(ledger_of(pool))["deployments"]
    assert row["workflow"] is None


def test_paid_calls_are_those_that_took_effect() -> None:
    ledger = Ledger()
    for verb in ("deploy", "submit", "submit"):
        ledger.count("vast", verb)
    assert ledger.paid_calls == {"vast.deploy": 1, "vast.submit": 2}
    assert truth(ledger)["paid_calls"] == 3


# ---------------------------------------------------------------- as JSON


def test_the_whole_ledger_is_json_with_exact_instants_and_money() -> None:
    stand = Stand()
    pool = stand.pool("d1")
    job = stand.submit(pool, "a")
    waiting = stand.submit(pool, "b", seed=2)
    stand.finish(job)
    pool.close()
    shown = json.loads(json.dumps(ledger_of(pool, charges=(charge("d1", "0.123456789"),)).as_json()))
    assert shown["simulated"] is True
    first, second = shown["jobs"]
    assert first["accepted_at"] == iso(NOW_US)
    assert (first["worker"], first["start_kind"], first["fate"]) == ("d1-w0", "cold", "good")
    assert Decimal(first["true_cost_usd"]) == Decimal(str(first["busy_s"])) * RATE
    assert second["job_id"] == waiting.id
    assert second["state"] == "cancelled"
    assert shown["workers"][0]["closed_at"] == shown["workers"][0]["workers"][0]["stopped_at"]
    assert shown["charges"][0]["usd"] == "0.123456789"
    assert shown["truth"]["jobs"] == 2


def test_what_has_not_happened_is_null_and_costs_nothing_yet(pool: Pool) -> None:
    put(pool, "a", wait_s=None, busy_s=None, state="queued", kind=None)
    (job,) = ledger_of(pool).as_json()["jobs"]
    for name in ("picked_at", "done_at", "load_s", "busy_s", "true_cost_usd", "worker"):
        assert job[name] is None, name


def test_instants_are_told_in_utc_with_a_z() -> None:
    assert iso(0) == "1970-01-01T00:00:00Z"
    assert iso(1_500_000) == "1970-01-01T00:00:01.500000Z"
    assert iso(None) is None


def test_a_repeat_is_in_no_cell_and_still_a_job_that_was_paid_for() -> None:
    stand = Stand()
    pool = stand.pool()
    put(pool, "a")
    put(pool, "b").repeat = True
    rented = Rented(backend="runpod", name="d", resource_id="r1", usd_per_s=RATE, pool=pool, created_us=NOW_US)
    true = truth(Ledger(rented=[rented]))
    assert [cell["n"] for cell in true["cells"]] == [1]
    assert (true["jobs"], true["deployments"][0]["good_images"]) == (2, 2)
