"""Marginal and fully loaded: each on its own, in every unit, with limits that know blocks."""

import math
from typing import Any

import polars as pl
import pytest

from analysis import bases
from tests.unit.analysis.samples import RATE, charge, charges, deployment, deployments, failed, job, jobs
from tests.unit.analysis.test_ledgers import MODAL_LEDGER, RUNPOD_LEDGER, VAST_LEDGER


def found(frame: pl.DataFrame, basis: str, unit: str = "image") -> dict[str, Any]:
    return frame.filter(basis=basis, unit=unit).row(0, named=True)


@pytest.mark.parametrize(
    ("ledger", "marginal", "loaded"),
    [
        (MODAL_LEDGER, 0.00598896, 0.090078395),
        (RUNPOD_LEDGER, 0.00459245, 0.020549966),
        (VAST_LEDGER, 0.0018375, 0.099),
    ],
)
def test_both_bases_of_the_ledgers(ledger: tuple, marginal: float, loaded: float) -> None:
    frame = bases.bases(*ledger)
    assert frame.schema == bases.BASES
    assert found(frame, "marginal")["usd"] == pytest.approx(marginal, rel=1e-7)
    assert found(frame, "fully_loaded")["usd"] == pytest.approx(loaded, rel=1e-7)
    assert found(frame, "marginal", "thousand_images")["usd"] == pytest.approx(1000 * marginal, rel=1e-7)
    assert set(frame["withheld"]) == {"needs 4 more blocks"}
    assert frame["usd_lo"].null_count() == frame.height


def test_dollars_for_an_hour_a_second_and_a_job() -> None:
    frame = bases.bases(*VAST_LEDGER)
    assert found(frame, "marginal", "hour")["usd"] == pytest.approx(150_000e-9 * 3600)
    assert found(frame, "fully_loaded", "hour")["usd"] == pytest.approx(0.396 / 2100 * 3600)
    assert found(frame, "fully_loaded", "gpu_s")["usd"] == pytest.approx(0.396 / 2100)
    row = found(frame, "fully_loaded", "job")
    assert (row["usd"], row["of_units"], row["cost_nano"]) == (pytest.approx(0.396 / 5), 5, 396_000_000)


def test_a_marginal_cost_is_never_billed_and_a_whole_one_is_as_sure_as_its_weakest_bill() -> None:
    frame = bases.bases(*VAST_LEDGER)
    assert (found(frame, "marginal")["cost_state"], found(frame, "fully_loaded")["cost_state"]) == (
        "estimated",
        "final",
    )
    unbilled = bases.bases(*VAST_LEDGER[:2], charges())
    assert found(unbilled, "fully_loaded")["cost_state"] == "estimated"


def test_without_a_good_image_nothing_has_a_price() -> None:
    frame = bases.bases(deployments(deployment()), jobs(failed("worker_lost")), charges(charge(5)))
    row = found(frame, "fully_loaded")
    assert (row["usd"], row["withheld"], row["cost_nano"], row["claims"]) == (None, "there is none of it yet", 5, False)


def in_blocks(count: int, **said: Any) -> tuple[pl.DataFrame, ...]:
    """One deployment a block with two images of 9 and 9 + block s, billed 10 s more than that."""
    rented = deployments(*(deployment(deployment_id=i, block_id=i, **said) for i in range(1, count + 1)))
    rows = [
        job(deployment_id=i, block_id=i, execution_s=execution_s)
        for i in range(1, count + 1)
        for execution_s in (9.0, 9.0 + i)
    ]
    bill = charges(*(charge((28 + i) * RATE, deployment_id=i) for i in range(1, count + 1)))
    return rented, jobs(*rows), bill


def test_limits_come_from_the_spread_of_blocks() -> None:
    row = found(bases.bases(*in_blocks(8)), "fully_loaded")
    dollars = [(28 + i) * RATE / 1e9 for i in range(1, 9)]
    deleted = [math.log((sum(dollars) - each) / 14) for each in dollars]
    mean = sum(deleted) / 8
    half = 2.3646243 * math.sqrt(7 / 8 * sum((each - mean) ** 2 for each in deleted))
    usd = sum(dollars) / 16
    assert (row["usd"], row["blocks"], row["claims"], row["withheld"]) == (pytest.approx(usd), 8, True, None)
    assert (row["usd_lo"], row["usd_hi"]) == (pytest.approx(usd / math.exp(half)), pytest.approx(usd * math.exp(half)))
    few = found(bases.bases(*in_blocks(5)), "marginal")
    assert (few["claims"], few["usd_lo"] is None) == (False, False)
    assert found(bases.bases(*in_blocks(4)), "marginal")["withheld"] == "needs 1 more block"


def test_the_halves_of_a_rented_block_are_two_clusters_and_deployments_of_one_half_are_one() -> None:
    rented, measured, bill = in_blocks(6)
    halves = rented.with_columns(block_id=(pl.col("deployment_id") + 1) // 2, half=pl.col("deployment_id") % 2)
    assert found(bases.bases(halves, measured, bill), "marginal")["blocks"] == 6
    whole = rented.with_columns(block_id=(pl.col("deployment_id") + 1) // 2)
    assert found(bases.bases(whole, measured, bill), "marginal")["blocks"] == 3
    apart = rented.with_columns(block_id=pl.lit(None, pl.Int64))
    assert found(bases.bases(apart, measured, bill), "marginal")["blocks"] == 6


def test_one_block_that_made_all_images_gives_no_limits() -> None:
    rented, measured, bill = in_blocks(5)
    lonely = measured.with_columns(good_image=pl.col("block_id") == 2)
    row = found(bases.bases(rented, lonely, bill), "fully_loaded")
    assert (row["usd_lo"], row["withheld"], row["claims"]) == (None, "needs 1 more block", False)
    assert row["usd"] == pytest.approx(bill["billed_nano"].sum() / 2 / 1e9)
