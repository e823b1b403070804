"""Whose dollars, what blocks a verdict, and how far off the estimates were."""

from typing import Any

import polars as pl
import pytest

from analysis import attribution, cost, schema
from tests.unit.analysis.samples import after, charge, charges, deployment, deployments, jobs
from tests.unit.analysis.test_ledgers import MODAL_LEDGER, RENTAL, RUNPOD_LEDGER, VAST_BILL, VAST_LEDGER
from words import Mark

PARTS = [f"{part}_nano" for part in (*cost.PARTS, "billed")]


def vast(*lines: dict[str, Any], state: str = "final") -> pl.DataFrame:
    bill = charges(*(line | {"state": state} for line in (*VAST_BILL, *lines)))
    return cost.waterfall(VAST_LEDGER[0], VAST_LEDGER[1], bill)


def late(nano: int, **said: Any) -> dict[str, Any]:
    return charge(nano, provider="vast", charge_id="late", **said)


def test_deployments_add_up_to_their_runs_and_runs_to_their_backends() -> None:
    falls = pl.concat(
        [
            cost.waterfall(*MODAL_LEDGER),
            cost.waterfall(*VAST_LEDGER),
            cost.waterfall(*VAST_LEDGER).with_columns(pl.lit("provisional").alias("cost_state")),
            cost.waterfall(*VAST_LEDGER).with_columns(run_id=pl.lit(2, pl.Int64), simulated=pl.lit(value=False)),
        ]
    )
    runs = attribution.summed(falls, "run_id", "backend")
    assert runs.select("run_id", "backend", "billed_nano", "cost_state", "simulated").rows() == [
        (1, "modal", 270_235_184, "final", True),
        (1, "vast", 2 * 396_000_000, "provisional", True),
        (2, "vast", 396_000_000, "final", False),
    ]
    assert attribution.summed(falls, "backend").select(PARTS).sum().equals(falls.select(PARTS).sum())


def test_a_provider_has_what_its_deployments_have_and_the_lines_of_nobody() -> None:
    owner, work, bill = RUNPOD_LEDGER
    web = deployments(deployment(deployment_id=2, backend="runpod-web", ended_at=after(3600)))
    plan = charge(30_000_000_000, charge_id="plan", sku="fee", deployment_id=None)
    rest = charge(
        999, charge_id="old", sku="storage", resource_id="v0", deployment_id=None, charge_period_start=after(5e3)
    )
    strange = charge(55, charge_id="s", sku="gpu", provider="modal", deployment_id=None, simulated=False)
    bill = pl.concat([bill, charges(plan, rest, strange, charge(10, charge_id="w", sku="disk", deployment_id=2))])
    rented, volumes = pl.concat([owner, web]), ["vol-1", "v0"]
    falls = cost.waterfall(rented, work, bill, volumes=volumes)
    found = {row["provider"]: row for row in attribution.of_providers(falls, rented, bill, volumes=volumes).to_dicts()}
    assert found["runpod"]["billed_nano"] == 87_953_288 + 30_000_000_000 + 999 + 10
    assert found["runpod"]["fee_nano"] == 800_000 + 30_000_000_000
    assert found["runpod"]["storage_nano"] == 1_369_863 + 5_753_425 + 999 + 10
    assert found["runpod"]["unexplained_nano"] == 530_000
    assert found["runpod"]["not_ours_nano"] == 0
    stranger = found["modal"]
    assert (stranger["not_ours_nano"], stranger["unexplained_nano"], stranger["billed_nano"]) == (55, 0, 55)
    assert stranger["simulated"] is False
    without = attribution.of_providers(cost.waterfall(rented, work, bill), rented, bill)
    assert without.filter(provider="runpod")["not_ours_nano"].item() == 999 + 5_753_425
    assert without["billed_nano"].sum() == bill["billed_nano"].sum()


def test_a_phantom_charge_of_seven_percent_blocks_its_run_and_says_why() -> None:
    assert attribution.marks(vast()).schema == schema.MARKS
    assert attribution.marks(vast()).is_empty()
    (row,) = attribution.marks(vast(late(27_720_000))).iter_rows(named=True)
    assert (row["run_id"], row["backend"], row["mark"], row["excludes"]) == (1, "vast", Mark.UNEXPLAINED, True)
    assert (row["value"], row["limit"]) == (pytest.approx(27_720_000 / 423_720_000), 0.05)
    assert row["reason"] == (
        "Nothing that we measured explains $0.0277 of Vast.ai's bill of $0.4237, 6.5 %; the limit is 5 %."
    )
    assert attribution.blocked(vast(late(27_720_000))) == {"vast": row["reason"]}
    assert attribution.blocked(vast(late(19_800_000))) == {}


def test_a_bill_that_is_too_small_blocks_once_it_is_final_and_an_open_one_never() -> None:
    small = late(-40_000_000)
    assert attribution.blocked(vast(small))["vast"] == (
        "What we measured costs $0.0400 more than Vast.ai's bill of $0.3560, 11.2 % of it; the limit is 5 %."
    )
    assert attribution.blocked(vast(small, state="provisional")) == {}
    assert set(attribution.blocked(vast(late(40_000_000), state="provisional"))) == {"vast"}
    assert attribution.blocked(vast(late(40_000_000), state="open")) == {}


def test_a_bill_below_zero_has_its_sign_before_the_dollar() -> None:
    assert attribution.blocked(vast(late(-400_000_000)))["vast"].startswith(
        "What we measured costs $0.4000 more than Vast.ai's bill of -$0.0040, "
    )


def test_a_bill_of_nothing_for_measured_time_is_blocked() -> None:
    falls = cost.waterfall(VAST_LEDGER[0], VAST_LEDGER[1], charges(charge(0, provider="vast")))
    assert attribution.marks(falls)["value"].item() == float("-inf")
    assert "all of it" in attribution.blocked(falls)["vast"]
    nothing = cost.waterfall(deployments(deployment()), jobs(), charges(charge(0)))
    assert attribution.share(nothing.row(0, named=True)) == 0.0
    strange = cost.waterfall(deployments(deployment()), jobs(), charges(charge(3), charge(-3, sku="fee")))
    assert attribution.share(strange.row(0, named=True)) == float("inf")


def test_estimates_stand_beside_the_bills_of_the_same_deployments_in_order_of_time() -> None:
    second = deployments(RENTAL, RENTAL | {"deployment_id": 2, "run_id": 2}, RENTAL | {"deployment_id": 3, "run_id": 2})
    lines = [*VAST_BILL, charge(400_000_000, provider="vast", deployment_id=2, charge_period_end=after(99))]
    bill = charges(*lines, charge(7, deployment_id=None))
    costs, falls = cost.of_deployments(second, VAST_LEDGER[1], bill), cost.waterfall(second, VAST_LEDGER[1], bill)
    found = attribution.estimates(costs, falls, bill)
    assert found.schema == attribution.ESTIMATES
    older, newer = found.to_dicts()
    assert (older["run_id"], older["deployments"], older["billed_nano"], older["at"]) == (2, 1, 400_000_000, after(99))
    assert older["estimated_nano"] == 440_958_904
    assert older["unexplained_nano"] == 40_000_000
    assert older["error"] == pytest.approx(440_958_904 / 400_000_000 - 1)
    assert (newer["run_id"], newer["billed_nano"], newer["cost_state"]) == (1, 396_000_000, "final")
    assert newer["error"] == pytest.approx(395_958_904 / 396_000_000 - 1)


def test_of_a_bill_of_nothing_no_error_is_known() -> None:
    bill = charges(charge(0, provider="vast"))
    costs, falls = cost.of_deployments(*VAST_LEDGER[:2], bill), cost.waterfall(*VAST_LEDGER[:2], bill)
    assert attribution.estimates(costs, falls, bill)["error"].to_list() == [None]
