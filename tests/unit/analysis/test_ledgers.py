"""Three bills worked by hand to the nano-dollar, as the tables hold them: jobs, deployments, charges."""

from typing import Any

import polars as pl
import pytest

from analysis import attribution, cost
from backends.runpod.adapter import SPARE_DISK_GB
from tests.unit.analysis.samples import after, charge, charges, deployment, deployments, failed, job, jobs

PARTS = (*cost.PARTS, "billed")
MILL = 1_000_000


def at(picked_s: float, **said: Any) -> dict[str, Any]:
    """A job that a worker picked up at `picked_s`, after `queue_s`."""
    return {"accepted_at": after(picked_s - said["queue_s"]), **said}


# GPU, 4 cores and 32 GiB: 542,000 + 4 x 13,100 + 32 x 2,220 nano-USD/s. A container of 405.6 s: 41.2 s of boot and
# load, five executions (a failed one whose retry is good, a black one), 6 s between them, a window of 300 s. 406.1 s
# are billed.
GPU, CORES, MEMORY = 542_000, 4 * 13_100, 32 * 2_220
MODAL = {"backend": "modal", "worker_id": "ta-1", "usd_per_s_nano": GPU + CORES + MEMORY, "queue_s": 0.0}
MODAL_LEDGER = (
    deployments(deployment(backend="modal", idle_timeout_s=300, usd_per_s_nano=GPU + CORES + MEMORY)),
    jobs(
        job(**MODAL | at(20, queue_s=20.0), execution_s=21.2 + 9.1, boot_s=20.0, load_s=21.2, start_kind="cold"),
        job(**MODAL | at(56.3, queue_s=0.0), execution_s=8.9),
        failed("execution_error", **MODAL | at(71.2, queue_s=0.0), execution_s=4.2),
        job(**MODAL | at(81.4, queue_s=0.0), execution_s=9.0, retry_of=3),
        failed("image_broken", **MODAL | at(96.4, queue_s=0.0), execution_s=9.2, good_image=False),
    ),
    charges(
        charge(GPU * 4061 // 10, provider="modal", charge_id="a"),
        charge(CORES * 4061 // 10, provider="modal", charge_id="b", sku="cpu"),
        charge(MEMORY * 4061 // 10, provider="modal", charge_id="c", sku="memory"),
    ),
)

# Workers of 65.35, 60.26 and 22.9 s at 530,000 nano-USD/s, billed as 66 + 61 + 23 s, and then one second more. 40 GB of
# disk, three times 5 minutes at $.10; 60 GB of a volume that another resource bills, an hour at $.07; a platform fee.
RUNPOD_LEDGER = (
    deployments(deployment(model_gb=20.0)),
    jobs(
        job(**at(20, queue_s=20.0), execution_s=18.3 + 8.6, boot_s=20.0, load_s=18.3, start_kind="cold"),
        job(**at(46.9, queue_s=0.0), execution_s=8.45),
        job(**at(120, queue_s=18.0), execution_s=17.72 + 8.91, boot_s=18.0, load_s=17.72, start_kind="cold"),
        failed("execution_error", **at(150.13, queue_s=0.0), execution_s=2.13),
        job(**at(304.2, queue_s=4.2), execution_s=8.7, boot_s=4.2, load_s=0.0, start_kind="restored"),
    ),
    charges(
        charge(151 * 530_000, charge_id="a"),
        charge(1_369_863, charge_id="b", sku="disk"),
        charge(5_753_425, charge_id="c", sku="storage", resource_id="vol-1", deployment_id=None),
        charge(800_000, charge_id="d", sku="fee"),
    ),
)

# A machine at 150,000 nano-USD/s: ordered at 0 s, running from 300 s, ready at 900 s, destroyed at 2,400 s. 80 GB of
# disk at $.15 a month, 35 GB down and .03 GB up at $2 a TB. The bill shows three decimals.
VAST = {"backend": "vast", "worker_id": "31", "usd_per_s_nano": 150_000, "queue_s": 0.0}
RENTAL = deployment(
    backend="vast", provider_id="31", usd_per_s_nano=150_000, storage_usd_per_h_nano=16_438_356,
    network_usd_per_gb_nano=2_000_000, model_gb=35.0, ready_at=after(900), ended_at=after(2400),
)  # fmt: skip
VAST_BILL = [
    charge(315 * MILL, provider="vast", charge_id="a", description="0.583 hours at $0.540/hour"),
    charge(11 * MILL, provider="vast", charge_id="b", sku="disk", description="80.0 GB for 0.667 hours"),
    charge(70 * MILL, provider="vast", charge_id="c", sku="network", description="35.000 GB at $2.00/TB"),
    charge(0, provider="vast", charge_id="d", sku="network", description="0.030 GB at $2.00/TB"),
    charge(0, provider="vast", charge_id="e", sku="rounding"),
]
VAST_LEDGER = (
    deployments(RENTAL),
    jobs(
        job(**VAST | at(950, queue_s=0.0), execution_s=40 + 12.0, boot_s=600.0, load_s=40.0, start_kind="cold"),
        job(**VAST | at(1100, queue_s=0.0), execution_s=12.0),
        job(**VAST | at(1200, queue_s=0.0), execution_s=12.5),
        failed("execution_error", **VAST | at(1300, queue_s=0.0), execution_s=6.0),
        job(**VAST | at(1400, queue_s=0.0), execution_s=12.5),
    ),
    charges(*VAST_BILL),
)


def fall(*frames: pl.DataFrame, **more: Any) -> dict[str, int]:
    row = cost.waterfall(*frames, **more).row(0, named=True)
    assert sum(row[f"{part}_nano"] for part in cost.PARTS) == row["billed_nano"]
    return {part: row[f"{part}_nano"] for part in PARTS if row[f"{part}_nano"]}


def vast(*lines: dict[str, Any], **said: Any) -> dict[str, int]:
    return fall(deployments(RENTAL | said), VAST_LEDGER[1], charges(*lines))


def test_where_a_modal_bill_went() -> None:
    assert fall(*MODAL_LEDGER) == {
        "good": 17_966_880, "failed": 8_916_896, "cold": 27_416_128, "idle": 215_602_560, "unexplained": 332_720,
        "billed": 270_235_184,
    }  # fmt: skip


def test_where_a_runpod_bill_went_with_a_volume_of_ours() -> None:
    assert fall(*RUNPOD_LEDGER, volumes={"vol-1"}) == {
        "good": 18_369_800, "failed": 1_128_900, "cold": 41_456_600, "idle": 17_755_000,
        "storage": 1_369_863 + 5_753_425, "fee": 800_000, "rounding": 789_700, "unexplained": 530_000,
        "billed": 87_953_288,
    }  # fmt: skip


def test_where_a_vast_bill_went() -> None:
    assert fall(*VAST_LEDGER) == {
        "good": 7_350_000, "failed": 900_000, "cold": 96_000_000, "idle": 210_750_000, "storage": 10_958_904,
        "network": 70_060_000, "rounding": -18_904, "billed": 396_000_000,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("ledger", "good", "loaded", "marginal"),
    [(MODAL_LEDGER, 3, 0.090078, 0.005989), (RUNPOD_LEDGER, 4, 0.021988, 0.004592), (VAST_LEDGER, 4, 0.099, 0.0018375)],
)
def test_dollars_for_a_good_image(ledger: tuple, good: int, loaded: float, marginal: float) -> None:
    row = cost.waterfall(*ledger, volumes={"vol-1"}).row(0, named=True)
    assert cost.of_deployments(*ledger)["good_images"].item() == good
    assert row["billed_nano"] / good / 1e9 == pytest.approx(loaded, abs=5e-7)
    assert row["good_nano"] / good / 1e9 == pytest.approx(marginal, abs=5e-7)


def test_estimates_price_lives_disks_and_downloads_and_no_fee_or_volume() -> None:
    assert cost.of_deployments(*MODAL_LEDGER)["estimated_nano"].item() == 665_440 * 4056 // 10
    assert cost.of_deployments(*RUNPOD_LEDGER)["estimated_nano"].item() == 150 * 530_000 + 1_369_863
    assert cost.of_deployments(*VAST_LEDGER)["estimated_nano"].item() == 315 * MILL + 10_958_904 + 70 * MILL
    unready = deployments(RENTAL | {"ready_at": None})
    assert cost.of_deployments(unready, jobs(), charges())["estimated_nano"].item() == 360 * MILL + 10_958_904


def test_the_disk_that_is_estimated_is_the_disk_that_is_ordered() -> None:
    assert cost.LAWS["runpod"].disk.spare_gb == SPARE_DISK_GB


def test_a_volume_that_nobody_named_is_on_no_bill_of_ours_and_on_ours_it_is_unexplained() -> None:
    assert fall(*RUNPOD_LEDGER)["billed"] == 87_953_288 - 5_753_425
    with_it = RUNPOD_LEDGER[2].with_columns(deployment_id=pl.lit(1, pl.Int64))
    assert fall(*RUNPOD_LEDGER[:2], with_it)["unexplained"] == 530_000 + 5_753_425


def test_a_line_for_something_that_we_do_not_know_is_unexplained() -> None:
    bill = pl.concat([RUNPOD_LEDGER[2], charges(charge(7, sku="other"), charge(5, sku="snapshots"))])
    assert fall(*RUNPOD_LEDGER[:2], bill)["unexplained"] == 530_000 + 12


def test_a_shared_volume_is_split_by_the_time_in_which_deployments_were_up() -> None:
    short = deployment(deployment_id=2, deployment="d2", created_at=after(100), ended_at=after(434))
    other = deployment(deployment_id=3, deployment="d3", backend="vast")
    never = deployment(deployment_id=4, deployment="d4", created_at=None)
    both = deployments(deployment(), short, other, never)
    line = charge(1_000, sku="storage", resource_id="v", deployment_id=None)
    found = cost.waterfall(both, jobs(), charges(line), volumes=["v"])
    assert dict(found.select("deployment_id", "storage_nano").rows()) == {1: 749, 2: 251}
    assert cost.waterfall(both, jobs(), charges(line)).is_empty()
    late = charges(line | {"charge_period_start": after(1000)})
    assert cost.waterfall(both, jobs(), late, volumes=["v"]).is_empty()


def test_a_difference_that_three_decimals_cannot_show_is_rounding_and_a_larger_one_is_not_explained() -> None:
    time, disk, network, *rest = VAST_BILL
    near = vast(time | {"billed_nano": 315_500_000}, disk, network, *rest)
    assert (near["rounding"], "unexplained" in near) == (-18_904 + 500_000, False)
    far = vast(time | {"billed_nano": 315_500_001}, disk, network, *rest)
    assert (far["rounding"], far["unexplained"]) == (-18_904, 500_001)
    bigger = vast(time, disk | {"billed_nano": 12 * MILL}, network, *rest)
    assert (bigger["storage"], bigger["unexplained"]) == (10_958_904, 12 * MILL - 10_958_904)
    unlike = vast(time, disk, network | {"billed_nano": 71 * MILL}, *rest)
    assert (unlike["network"], unlike["rounding"]) == (71_060_000, -18_904)


def test_without_a_price_of_the_disk_its_line_is_taken_as_it_is() -> None:
    found = vast(*VAST_BILL, storage_usd_per_h_nano=None)
    assert (found["storage"], found["rounding"]) == (11 * MILL, -60_000)
    assert "storage" not in vast(VAST_BILL[0])


def test_no_part_is_below_zero_where_jobs_ran_outside_of_every_life_that_we_know() -> None:
    nowhere = RUNPOD_LEDGER[1].with_columns(worker_id=pl.lit(""))
    found = fall(RUNPOD_LEDGER[0], nowhere, RUNPOD_LEDGER[2])
    assert "idle" not in found
    assert found["unexplained"] == 151 * 530_000 - 18_369_800 - 1_128_900 - 41_456_600


def test_a_line_whose_amount_cannot_be_read_adds_nothing() -> None:
    bill = pl.concat([MODAL_LEDGER[2], charges(charge(None, charge_id="x", provider="modal"))])
    assert fall(*MODAL_LEDGER[:2], bill)["billed"] == 270_235_184


UNTOLD = {"execution_s": None}


def ledger_without(place: int, **said: Any) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Vast.ai's ledger, of whose n-th job the provider gives no seconds of work."""
    owner, work, bill = VAST_LEDGER
    rows = work.to_dicts()
    rows[place] |= UNTOLD | said
    return owner, jobs(*rows), bill


def test_a_good_job_without_seconds_has_those_between_its_workers_own_stamps() -> None:
    stamps = {"worker_began_at": after(5000), "worker_ended_at": after(5012)}  # of a clock that is an hour ahead
    told = ledger_without(1, **stamps)
    assert fall(*told) == fall(*VAST_LEDGER)
    assert cost.waterfall(*told)["unknown_jobs"].to_list() == [0]
    assert cost.busy(told[1])["busy_nano"].to_list() == cost.busy(VAST_LEDGER[1])["busy_nano"].to_list()


@pytest.mark.parametrize("stamps", [{}, {"worker_began_at": after(9), "worker_ended_at": after(8)}])
def test_work_that_nobody_tells_the_length_of_is_idle_and_the_row_says_so(stamps: dict[str, Any]) -> None:
    told = ledger_without(1, **stamps)
    known, found = fall(*VAST_LEDGER), fall(*told)
    assert (found["good"], found["idle"]) == (known["good"] - 12 * 150_000, known["idle"] + 12 * 150_000)
    (row,) = attribution.summed(cost.waterfall(*told), "backend").to_dicts()
    assert row["unknown_jobs"] == 1
    assert attribution.unknown_work(row) == "How long 1 job worked is not known: it is in idle, or unexplained."
    (provider,) = attribution.of_providers(cost.waterfall(*told), told[0], told[2]).to_dicts()
    assert provider["unknown_jobs"] == 1


def test_a_job_that_no_worker_had_is_not_of_unknown_length() -> None:
    owner, work, bill = VAST_LEDGER
    never = failed("stuck_in_queue", **VAST | UNTOLD | {"worker_id": None, "status": "timed_out"})
    lost = failed("worker_lost", **VAST | UNTOLD)
    running = job(**VAST | UNTOLD | {"status": "running", "good_image": None})
    for extra, n in ((never, 0), (running, 0), (lost, 1)):
        (row,) = cost.waterfall(owner, jobs(*work.to_dicts(), extra), bill).to_dicts()
        assert row["unknown_jobs"] == n, extra["reason"]
    (row,) = attribution.summed(cost.waterfall(owner, work, bill), "backend").to_dicts()
    assert attribution.unknown_work(row) is None
