"""Money: three ledgers worked by hand, one per billing law, and the rules of sums and states."""

from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from analysis import cost, lives, schema, timing
from tests.unit.analysis.samples import after, charge, charges, deployment, deployments, failed, job, jobs
from words import CostState

PARTS = ("good", "failed", "cold", "idle", "storage", "network", "fee", "rounding", "unexplained", "billed")


def at(picked_s: float, **said: Any) -> dict[str, Any]:
    """A job that a worker picked up at `picked_s`, after `queue_s`."""
    return {"accepted_at": after(picked_s - said["queue_s"]), **said}


# A container of 405.6 s at 665,440 nano-USD/s: boot 20 s, load 21.2 s, five executions, 6 s between them, window 300 s.
MODAL = {"backend": "modal", "worker_id": "ta-1", "usd_per_s_nano": 665_440, "queue_s": 0.0}
MODAL_JOBS = jobs(
    job(**MODAL | at(20, queue_s=20.0), execution_s=21.2 + 9.1, boot_s=20.0, load_s=21.2, start_kind="cold"),
    job(**MODAL | at(56.3, queue_s=0.0), execution_s=8.9),
    failed("execution_error", **MODAL | at(71.2, queue_s=0.0), execution_s=4.2),
    job(**MODAL | at(81.4, queue_s=0.0), execution_s=9.0, retry_of=3),
    failed("image_broken", **MODAL | at(96.4, queue_s=0.0), execution_s=9.2, good_image=False),
)
MODAL_DEPLOYMENT = deployments(deployment(backend="modal", idle_timeout_s=300, usd_per_s_nano=665_440))
MODAL_CHARGES = charges(charge(270_235_184, provider="modal"))  # 406.1 s

# Three lives of workers at 530,000 nano-USD/s, each rounded up to whole seconds: 65.35, 50.26 and 22.9 s.
# The second died under its last job, so that no idle window followed.
RUNPOD_JOBS = jobs(
    job(**at(20, queue_s=20.0), execution_s=18.3 + 8.6, boot_s=20.0, load_s=18.3, start_kind="cold"),
    job(**at(46.9, queue_s=0.0), execution_s=8.45),
    job(**at(120, queue_s=18.0), execution_s=17.72 + 8.91, boot_s=18.0, load_s=17.72, start_kind="cold"),
    failed("worker_lost", **at(150.13, queue_s=0.0), execution_s=2.13),
    job(**at(304.2, queue_s=4.2), execution_s=8.7, boot_s=4.2, load_s=0.0, start_kind="restored"),
)
RUNPOD_CHARGES = charges(
    charge(141 * 530_000), charge(1_369_863 + 5_753_425, sku="disk"), charge(800_000, sku="fee", state="provisional")
)

# A machine at 150,000 nano-USD/s: ordered at 0 s, running from 300 s, ready at 900 s, destroyed at 2,400 s.
VAST = {"backend": "vast", "worker_id": "31", "usd_per_s_nano": 150_000, "queue_s": 0.0}
VAST_JOBS = jobs(
    job(**VAST | at(950, queue_s=0.0), execution_s=40 + 12.0, boot_s=600.0, load_s=40.0, start_kind="cold"),
    job(**VAST | at(1100, queue_s=0.0), execution_s=12.0),
    job(**VAST | at(1200, queue_s=0.0), execution_s=12.5),
    failed("execution_error", **VAST | at(1300, queue_s=0.0), execution_s=6.0),
    job(**VAST | at(1400, queue_s=0.0), execution_s=12.5),
)
VAST_DEPLOYMENT = deployments(
    deployment(backend="vast", provider_id="31", usd_per_s_nano=150_000, ready_at=after(900), ended_at=after(2400))
)
VAST_CHARGES = charges(
    charge(315_000_000, provider="vast"),
    charge(11_000_000, provider="vast", sku="disk"),
    charge(70_000_000, provider="vast", sku="network"),
    charge(0, provider="vast", sku="network"),
)


def fall(*frames: pl.DataFrame) -> dict[str, int]:
    row = cost.waterfall(*frames).row(0, named=True)
    return {part: row[f"{part}_nano"] for part in PARTS}


def test_where_a_modal_bill_went() -> None:
    assert fall(MODAL_DEPLOYMENT, MODAL_JOBS, MODAL_CHARGES) == {
        "good": 17_966_880, "failed": 8_916_896, "cold": 27_416_128, "idle": 215_602_560, "storage": 0, "network": 0,
        "fee": 0, "rounding": 0, "unexplained": 332_720, "billed": 270_235_184,
    }  # fmt: skip


def test_where_a_runpod_bill_went() -> None:
    assert fall(deployments(deployment()), RUNPOD_JOBS, RUNPOD_CHARGES) == {
        "good": 18_369_800, "failed": 1_128_900, "cold": 41_456_600, "idle": 12_455_000, "storage": 7_123_288,
        "network": 0, "fee": 800_000, "rounding": 789_700, "unexplained": 530_000, "billed": 82_653_288,
    }  # fmt: skip


def test_where_a_vast_bill_went() -> None:
    assert fall(VAST_DEPLOYMENT, VAST_JOBS, VAST_CHARGES) == {
        "good": 7_350_000, "failed": 900_000, "cold": 96_000_000, "idle": 210_750_000, "storage": 11_000_000,
        "network": 70_000_000, "fee": 0, "rounding": 0, "unexplained": 0, "billed": 396_000_000,
    }  # fmt: skip


def test_a_charge_that_nothing_caused_is_left_unexplained() -> None:
    phantom = pl.concat([VAST_CHARGES, charges(charge(27_720_000, provider="vast"))])
    assert fall(VAST_DEPLOYMENT, VAST_JOBS, phantom)["unexplained"] == 27_720_000


def test_a_load_that_is_not_stamped_is_what_the_cold_job_took_longer() -> None:
    quiet = VAST_JOBS.with_columns(load_s=pl.lit(None, pl.Float64))  # good warm jobs take 12, 12.5 and 12.5 s
    found = fall(VAST_DEPLOYMENT, quiet, VAST_CHARGES)
    assert found["cold"] == (600_000 + 52_000 - 12_500) * 150
    assert found["good"] == (12_500 + 12_000 + 12_500 + 12_500) * 150
    assert found["idle"] == 210_750_000
    faster = quiet.with_columns(execution_s=pl.when(pl.col("job_id") == 1).then(5.0).otherwise("execution_s"))
    assert fall(VAST_DEPLOYMENT, faster, VAST_CHARGES)["cold"] == 600_000 * 150
    alone = quiet.head(1)
    assert fall(VAST_DEPLOYMENT, alone, VAST_CHARGES)["cold"] == 600_000 * 150


@pytest.mark.parametrize(
    "other", [{"settings": "s"}, {"workflow_hash": "x"}, {"gpu": "H100"}, {"start_kind": "unknown"}]
)
def test_warm_jobs_of_another_kind_say_nothing_about_a_load(other: dict[str, str]) -> None:
    quiet = VAST_JOBS.with_columns(load_s=pl.lit(None, pl.Float64))
    odd = quiet.with_columns(
        pl.when(pl.col("job_id") > 1).then(pl.lit(value)).otherwise(name).alias(name) for name, value in other.items()
    )
    assert fall(VAST_DEPLOYMENT, odd, VAST_CHARGES)["cold"] == 600_000 * 150


def test_what_the_bill_itself_calls_rounding_is_rounding() -> None:
    bill = pl.concat([RUNPOD_CHARGES, charges(charge(-18_904, sku="rounding"))])
    found = fall(deployments(deployment()), RUNPOD_JOBS, bill)
    assert (found["rounding"], found["unexplained"]) == (789_700 - 18_904, 530_000)


def test_a_bill_without_a_single_job_is_all_idle_or_unexplained() -> None:
    assert fall(deployments(deployment()), jobs(), charges(charge(5)))["unexplained"] == 5
    idle = fall(VAST_DEPLOYMENT, jobs(), VAST_CHARGES)
    assert (idle["idle"], idle["unexplained"]) == (2400 * 150_000, 315_000_000 - 2400 * 150_000)


def test_only_billed_deployments_have_a_waterfall() -> None:
    assert cost.waterfall(VAST_DEPLOYMENT, VAST_JOBS, charges()).schema == schema.WATERFALL
    assert cost.waterfall(VAST_DEPLOYMENT, VAST_JOBS, charges(charge(5, deployment_id=None))).height == 0


@pytest.mark.parametrize(
    ("frames", "good", "billed", "estimated", "state"),
    [
        ((MODAL_DEPLOYMENT, MODAL_JOBS, MODAL_CHARGES), 3, 270_235_184, 269_902_464, "final"),
        ((deployments(deployment()), RUNPOD_JOBS, RUNPOD_CHARGES), 4, 82_653_288, 140 * 530_000, "provisional"),
        ((VAST_DEPLOYMENT, VAST_JOBS, VAST_CHARGES), 4, 396_000_000, 2100 * 150_000, "final"),
    ],
)
def test_a_deployment_has_a_bill_and_an_estimate_by_its_providers_law(
    frames: tuple, good: int, billed: int, estimated: int, state: str
) -> None:
    costs = cost.of_deployments(*frames)
    assert costs.schema == schema.COSTS
    row = costs.row(0, named=True)
    assert (row["jobs"], row["good_images"]) == (5, good)
    assert (row["billed_nano"], row["estimated_nano"], row["cost_state"]) == (billed, estimated, state)


def test_without_a_bill_there_is_only_the_estimate() -> None:
    row = cost.of_deployments(VAST_DEPLOYMENT, VAST_JOBS, charges()).row(0, named=True)
    assert (row["billed_nano"], row["estimated_nano"], row["cost_state"]) == (None, 315_000_000, "estimated")


def test_without_anything_measured_nothing_is_known() -> None:
    nothing = deployments(deployment(created_at=None, ready_at=None, ended_at=None, usd_per_s_nano=None))
    row = cost.of_deployments(nothing, jobs(), charges()).row(0, named=True)
    assert (row["jobs"], row["good_images"]) == (0, 0)
    assert (row["billed_nano"], row["estimated_nano"], row["cost_state"]) == (None, None, None)


def test_where_the_boot_is_not_stamped_the_wait_stands_for_it() -> None:
    rental = VAST_JOBS.with_columns(boot_s=pl.lit(None, pl.Float64))
    assert cost.of_deployments(VAST_DEPLOYMENT, rental, charges())["estimated_nano"].item() == 2400 * 150_000
    endpoint = RUNPOD_JOBS.with_columns(boot_s=pl.lit(None, pl.Float64))
    (life, *_) = lives.lives(deployments(deployment()), endpoint).iter_rows(named=True)
    assert life["life_us"] == 65_350_000


def test_where_the_workers_start_is_known_its_life_begins_there() -> None:
    listed = RUNPOD_JOBS.with_columns(boot_s=pl.lit(None, pl.Float64), worker_started_at=pl.lit(after(9)))
    (life, *_) = lives.lives(deployments(deployment()), listed).iter_rows(named=True)
    assert life["life_us"] == 65_350_000 - 9_000_000


def test_a_machine_that_is_still_up_has_cost_what_was_seen_of_it() -> None:
    running = VAST_DEPLOYMENT.with_columns(ended_at=pl.lit(None, schema.DEPLOYMENTS["ended_at"]))
    assert lives.lives(running, VAST_JOBS)["life_us"].item() == (1412_500 - 300_000) * 1000


def test_a_job_whose_wait_is_not_told_has_its_place_in_the_life_of_its_worker() -> None:
    tried_again = {"queue_s": None, "accepted_at": after(150), "start_s": 140.0, "execution_s": 2.13}
    rows = [row for row in RUNPOD_JOBS.iter_rows(named=True) if row["reason"] is None]
    warm = jobs(*rows, failed("worker_lost", **tried_again))  # seen at work until 149.5 s
    assert lives.lives(deployments(deployment()), warm)["life_us"].to_list()[1] == 50_130_000
    late = jobs(*rows, failed("worker_lost", **tried_again | {"start_s": 145.0}))  # until 154.5 s
    assert lives.lives(deployments(deployment()), late)["life_us"].to_list()[1] == 52_500_000


def test_a_worker_that_died_under_its_first_job_has_lived_since_it_was_started() -> None:
    first = {"queue_s": None, "accepted_at": after(10), "worker_started_at": after(15), "start_kind": "cold"}
    died = jobs(failed("worker_lost", **first, start_s=30.0, execution_s=20.0))  # seen at work until 39.5 s
    assert lives.lives(deployments(deployment()), died)["life_us"].to_list() == [24_500_000]
    unseen = died.with_columns(worker_started_at=pl.lit(after(25)))  # after the job, by our reckoning: not known
    assert lives.lives(deployments(deployment()), unseen)["life_us"].to_list() == [None]


def test_a_machine_that_died_under_a_job_costs_no_gpu_after_it_was_last_seen_at_work() -> None:
    died = pl.concat([VAST_JOBS, jobs(failed("worker_lost", **VAST | at(1500, queue_s=0.0), start_s=1492.0))])
    assert lives.lives(VAST_DEPLOYMENT, died)["life_us"].item() == (1501_500 - 300_000) * 1000


def test_a_life_ends_with_its_deployment() -> None:
    gone = deployments(deployment(ended_at=after(310)))
    assert lives.lives(gone, RUNPOD_JOBS)["life_us"].to_list()[2] == 10_000_000


def test_lives_are_told_apart_by_worker_and_by_start() -> None:
    frame = lives.lives(deployments(deployment()), RUNPOD_JOBS)
    assert frame.schema == schema.LIVES
    assert frame["life_us"].to_list() == [65_350_000, 50_260_000, 22_900_000]
    assert frame["billed_us"].to_list() == [66_000_000, 51_000_000, 23_000_000]
    other = RUNPOD_JOBS.with_columns(worker_id=pl.when(pl.col("job_id") == 2).then(pl.lit("w2")).otherwise("worker_id"))
    assert lives.lives(deployments(deployment()), other).height == 4


def test_a_production_endpoint_shared_with_others_is_estimated_by_busy_seconds_alone() -> None:
    shared = deployments(deployment(backend="modal-web"))
    mine = jobs(job(backend="modal-web", execution_s=2.0, start_kind="unknown"))
    row = cost.of_deployments(shared, mine, charges()).row(0, named=True)
    assert (row["estimated_nano"], row["cost_state"]) == (1_060_000, "estimated")


def test_a_jobs_own_cost_is_its_execution_and_the_boot_it_caused() -> None:
    frame = cost.busy(
        timing.timed(
            jobs(job(execution_s=9.0), job(execution_s=9.0, boot_s=2.0, start_kind="cold"), job(execution_s=None))
        )
    )
    assert frame["busy_nano"].to_list() == [4_770_000, 4_770_000, None]
    assert frame["estimated_nano"].to_list() == [4_770_000, 5_830_000, None]
    kept = cost.busy(timing.timed(jobs(job(estimated_nano=7))))
    assert kept["estimated_nano"].to_list() == [7]


@pytest.mark.parametrize(("execution_s", "nano"), [(0.0000004, 0), (0.000001, 1), (0.000002, 1), (0.000003, 2)])
def test_a_cost_is_rounded_to_the_nearest_nano_dollar(execution_s: float, nano: int) -> None:
    row = job(execution_s=execution_s, usd_per_s_nano=500_000)
    assert cost.busy(timing.timed(jobs(row)))["busy_nano"].item() == nano


def test_arms_sum_the_bill_where_there_is_one_and_take_the_weakest_state() -> None:
    costs = pl.concat(
        [
            cost.of_deployments(VAST_DEPLOYMENT, VAST_JOBS, VAST_CHARGES),
            cost.of_deployments(VAST_DEPLOYMENT, VAST_JOBS, charges()),
            cost.of_deployments(deployments(deployment()), RUNPOD_JOBS, RUNPOD_CHARGES),
        ]
    )
    arms = cost.arms(costs)
    assert arms.schema == schema.ARMS
    assert arms["backend"].to_list() == ["runpod", "vast"]
    row = arms.row(1, named=True)
    assert (row["deployments"], row["jobs"], row["good_images"]) == (2, 10, 8)
    assert (row["billed_nano"], row["estimated_nano"], row["cost_nano"]) == (396_000_000, 630_000_000, 711_000_000)
    assert row["cost_state"] == "estimated"
    assert arms["cost_state"][0] == "provisional"


@pytest.mark.parametrize("weaker", range(len(CostState)))
def test_a_sum_is_as_sure_as_its_weakest_part(weaker: int) -> None:
    states = list(CostState)
    for state in states[weaker:]:
        assert cost.weakest([state, states[weaker]]) is states[weaker]
        column = pl.DataFrame({"state": [state.value, states[weaker].value]})
        assert column.select(cost.weakest_state(pl.col("state"))).item() == states[weaker].value


def test_a_sum_of_nothing_has_no_state() -> None:
    with pytest.raises(ValueError, match="empty"):
        cost.weakest([])


def test_nano_dollars_are_exact_decimals() -> None:
    assert cost.usd(1) == Decimal("0.000000001")
    assert cost.usd(None) is None
    assert cost.usd(90_078_395) == Decimal("0.090078395")


@pytest.mark.parametrize(
    ("amount", "places", "said"),
    [
        (-0.015, 4, "-$0.0150"),
        (Decimal("-0.0150"), 4, "-$0.0150"),
        (-0.00004, 4, "$0.0000"),
        (-1234.5, 2, "-$1,234.50"),
        (1234.5, 0, "$1,234"),
        (0.0, 2, "$0.00"),
    ],
)
def test_the_sign_of_money_stands_before_the_dollar(amount: float | Decimal, places: int, said: str) -> None:
    assert cost.dollars(amount, places) == said
