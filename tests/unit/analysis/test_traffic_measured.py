"""From rows of jobs, deployments and bills to services: what enters, what does not, and what is said to be missing."""

from typing import Any

import polars as pl
import pytest

from analysis.eviction import Fixed
from analysis.layers import Layer
from analysis.traffic.measured import DEPLOYED, Subject, Unmeasured, services, subjects
from analysis.traffic.replay import Setting, rented
from tests.unit.analysis.samples import AT, RATE, after, charge, charges, deployment, deployments, job, jobs
from words import LayerKind

SUBJECT = Subject("flux-dev", "h", "{}")


def warm(block: int | None, execution_s: float = 9.0, **said: Any) -> dict[str, Any]:
    return job(block_id=block, execution_s=execution_s, **said)


def cold(block: int | None, **said: Any) -> dict[str, Any]:
    """40 s in the queue, which is its boot, and 12 s of work, of which 3 s are the load of the model."""
    return warm(block, 12.0, start_kind="cold", profile="cold_probe", queue_s=40.0, **said)


def of(*rows: dict[str, Any], up: pl.DataFrame | None = None, bill: pl.DataFrame | None = None, **more: Any) -> Any:
    given = {"subject": SUBJECT, "at": AT, **more}
    (found,) = services(
        deployments(deployment()) if up is None else up, jobs(*rows), charges() if bill is None else bill, **given
    )
    return found


def test_seconds_are_those_of_good_jobs_by_block() -> None:
    found = of(warm(1, 9), warm(1, 10), warm(2, 11), cold(1), cold(2))
    assert (found.name, found.gpu, found.simulated, found.missing) == ("Runpod", "L40S", True, None)
    assert dict(zip(found.service.high.tolist(), found.service.block.tolist(), strict=True)) == {9: 1, 10: 1, 11: 2}
    assert found.boot.high.tolist() == pytest.approx([40 + 2, 40 + 2]), "12 s less the usual 10 s are its load"
    assert found.boot.block.tolist() == [1, 2]
    assert (found.load.high.tolist(), found.load.block.tolist()) == ([2, 2], [1, 2])
    assert (found.warm.n, found.cold.n) == (3, 2)
    assert found.good == {1: (3, 3), 2: (2, 2)}


def test_what_a_cold_job_waited_before_its_worker_was_paid_for_is_its_pull() -> None:
    """40 s in the queue: at 25 s its worker began, whose boot then took 15 s. A warm job has none."""
    told = cold(1, worker_started_at=after(0.05 + 25), start_s=0.0)
    found = of(warm(1), told, cold(2))
    assert found.pull.high.tolist() == pytest.approx([25, 0]), "of the other nobody said when its worker began"
    assert found.pull.block.tolist() == [1, 2]
    assert found.boot.high.tolist() == pytest.approx([15 + 3, 40 + 3])
    assert found.load.high.tolist() == [3, 3]


def test_what_is_not_known_of_a_boot_is_not_known_of_its_load() -> None:
    """They are of the same jobs in the same order."""
    found = of(warm(1), cold(1), cold(2) | {"queue_s": None}, cold(3) | {"execution_s": 17.0})
    assert found.load.high.tolist() == [3, 8], "12 and 17 s less the usual 9 s"
    assert found.load.block.tolist() == found.boot.block.tolist() == [1, 3]


def test_a_failure_costs_success_and_latency_and_no_second() -> None:
    lost = warm(1, status="failed", reason="worker_lost", good_image=None)
    found = of(warm(1), lost, cold(1))
    assert found.service.n == 1
    assert found.warm.high.tolist()[1] == float("inf")
    assert found.good == {1: (2, 3)}


@pytest.mark.parametrize(
    "other",
    [
        {"profile": "poisson"},
        {"profile": "concurrent"},
        {"left_out": "cache_repeat"},
        {"retry_of": 1},
        {"settings": '{"steps":4}'},
        {"workflow_hash": "other"},
        {"status": "cancelled", "reason": "stopped", "good_image": None},
    ],
    ids=lambda other: "-".join(other),
)
def test_jobs_that_waited_for_others_or_are_no_sample_stay_out(other: dict[str, Any]) -> None:
    found = of(warm(1), cold(1), warm(1, 99, **other))
    assert found.service.high.tolist() == [9]
    assert found.good == {1: (2, 2)}


def test_runs_of_no_schedule_are_blocks_of_their_own() -> None:
    found = of(warm(None, run_id=3), cold(None, run_id=3), warm(None, run_id=4))
    assert found.blocks == [-5, -4]


def test_halves_of_a_block_are_one_so_that_arms_pair_up() -> None:
    found = of(warm(7, half=0), warm(7, half=1), cold(7, half=0))
    assert found.blocks == [7]


def test_what_was_not_measured_is_said_and_nothing_made_up() -> None:
    assert of(warm(1)).missing == "no boot time was measured on Runpod"
    assert of(cold(1)).missing == "no warm execution time was measured on Runpod"
    unpriced = of(warm(1), cold(1), up=deployments(deployment(usd_per_s_nano=None)))
    assert unpriced == Unmeasured(name="Runpod", gpu="L40S", reason="No price of Runpod was seen.")


def test_bills_are_held_against_estimates_by_block_once_they_have_ended() -> None:
    up = deployments(
        deployment(block_id=1, deployment_id=1), deployment(block_id=2, deployment_id=2, deployment="d2"),
        deployment(block_id=3, deployment_id=3, deployment="d3"),
    )  # fmt: skip
    rows = [row | {"deployment_id": block} for block in (1, 2, 3) for row in (warm(block), cold(block, start_s=-90))]
    bill = charges(charge(40_000_000), charge(9, charge_id="o", deployment_id=2, state="open"))
    found = of(*rows, up=up, bill=bill)
    assert list(found.billed) == [1], "an open bucket may grow, and the third has no bill"
    billed, estimated = found.billed[1]
    assert billed == 40_000_000
    assert found.kappa == billed / estimated
    assert estimated > 0


def test_the_price_is_the_median_of_its_deployments_with_the_layers_of_today() -> None:
    up = deployments(
        *(deployment(deployment_id=i, usd_per_s_nano=nano) for i, nano in enumerate((RATE, 2 * RATE, 9 * RATE), 1))
    )
    rows = [warm(1, deployment_id=i) for i in (1, 2, 3)] + [cold(1)]
    assert of(*rows, up=up).usd_per_s_nano == 2 * RATE
    half = Layer(name="half", kind=LayerKind.DISCOUNT, backend="runpod", percent=50.0, valid_from=AT)
    assert of(*rows, up=up, layers=[half]).usd_per_s_nano == RATE
    assert of(*rows, up=up, layers=[half], at=after(-1)).usd_per_s_nano == 2 * RATE


def test_a_worker_pays_for_its_disk_beside_its_time() -> None:
    # 20 GB and 24 GB of models at $0.10 a GB and month of 2,628,000 s
    serverless = of(warm(1), cold(1), up=deployments(deployment(model_gb=24.0)))
    assert serverless.usd_per_s_nano == RATE + round(44 * 1e8 / 2_628_000)
    assert serverless.steps == [(1.0, RATE), (300.0, round(44 * 1e8 / 2_628_000))]
    machine = {"backend": "vast", "storage_usd_per_h_nano": 3_600_000, "usd_per_s_nano": 150_000}
    renting = of(warm(1, backend="vast"), cold(1, backend="vast"), up=deployments(deployment(**machine)))
    assert (renting.usd_per_s_nano, renting.steps) == (151_000, [])


def test_where_a_gb_over_the_network_has_a_price_each_boot_pays_for_the_model_files() -> None:
    """24 GB at the median of $0.002, $0.003 and $0.009; of a third offer no price is known."""
    machine = {"backend": "vast", "model_gb": 24.0}
    prices = (2_000_000, 9_000_000, 3_000_000, None)
    up = deployments(
        *(deployment(deployment_id=i, network_usd_per_gb_nano=nano, **machine) for i, nano in enumerate(prices, 1))
    )
    rows = [warm(1, backend="vast", deployment_id=i) for i in (1, 2, 3, 4)]
    assert of(*rows, cold(1, backend="vast"), up=up).usd_per_boot_nano == 24 * 3_000_000
    assert of(warm(1), cold(1), up=deployments(deployment(model_gb=24.0))).usd_per_boot_nano == 0


@pytest.mark.parametrize("backend", ["modal", "runpod", "vast"])
def test_a_backend_is_set_as_production_has_it(backend: str) -> None:
    up = deployments(deployment(backend=backend))
    assert of(warm(1, backend=backend), up=up).setting == DEPLOYED[backend]
    assert DEPLOYED["modal"] == Setting(window_s=300, concurrency=5, bound=False)
    assert DEPLOYED["vast"] == rented()


def test_an_unknown_backend_is_set_as_it_was_measured() -> None:
    up = deployments(deployment(backend="comfyui", idle_timeout_s=45))
    assert of(warm(1, backend="comfyui"), up=up).setting == Setting(window_s=45)


def test_probes_tell_the_window_only_of_deployments_that_had_it() -> None:
    def probe(start_s: float, kind: str) -> dict[str, Any]:
        return warm(1, start_s=start_s, profile="eviction_probe", start_kind=kind)

    rows = [warm(1), cold(1), probe(0, "cold"), probe(16, "warm"), probe(46, "cold")]
    found = of(*rows).window
    assert isinstance(found, Fixed)
    assert (found.low_s, found.high_s) == pytest.approx((16 - 10.03 + 0.01, 20 - 0.02), abs=0.05)
    assert of(*rows, deployed={"runpod": Setting(window_s=60)}).window is None


def test_subjects_come_with_the_most_measured_first() -> None:
    rows = [warm(1, workflow="qwen", workflow_hash="q"), warm(1), warm(1), warm(1, settings='{"steps":4}')]
    assert subjects(jobs(*rows)) == [
        SUBJECT, Subject("flux-dev", "h", '{"steps":4}'), Subject("qwen", "q", "{}"),
    ]  # fmt: skip
    assert subjects(jobs(warm(1, first_finished_at=None))) == []
