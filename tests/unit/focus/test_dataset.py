"""The FOCUS dataset says what the billing lines say."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from analysis import attribution, cost, focus
from analysis.focus_columns import FOCUS, LINES
from storage import bills, frames
from storage.list_prices import listed
from tests.unit.focus.world import ACCOUNTS, LATE, billed, exported, lines, world


def test_all_three_providers_are_in_it_with_the_columns_and_types_that_are_promised() -> None:
    found = exported()
    assert found.schema == pl.Schema(FOCUS)
    assert set(found["ProviderName"]) == {"Modal", "Runpod", "Vast.ai"}


def test_the_sums_are_those_of_the_lines_that_count_to_the_nano_dollar() -> None:
    ours = lines().filter("counts").group_by("provider").agg(pl.col("billed_nano").sum()).sort("provider")
    label = {"Modal": "modal", "Runpod": "runpod", "Vast.ai": "vast"}
    theirs = (
        exported()
        .group_by(provider=pl.col("ProviderName").replace_strict(label))
        .agg(billed_nano=(pl.col("BilledCost").sum() * 10**9).cast(pl.Int64))
        .sort("provider")
    )
    assert_frame_equal(ours, theirs)
    assert "vast/euro" not in set(exported()["x_charge_id"])


def test_the_sums_are_those_of_the_tables_and_pages() -> None:
    with world().reading() as session:
        data = [load(session) for load in (frames.deployments, frames.jobs, frames.charges)]
        fresh = {each.backend: each.billed_usd + each.others_usd for each in bills.freshness(session, LATE)}
    focused = focus.of(billed(), ACCOUNTS, listed())
    by_run = dict(focused.group_by("x_run_id").agg(pl.col("BilledCost").sum()).iter_rows())
    costs = cost.of_deployments(*data).group_by("run_id").agg(pl.col("billed_nano").sum())
    assert by_run == {run: Decimal(nano) / 10**9 for run, nano in costs.iter_rows()}
    by_backend = dict(focused.group_by("x_backend").agg(pl.col("BilledCost").sum()).iter_rows())
    assert by_backend == fresh
    deployments, _, charges = data
    providers = attribution.of_providers(cost.waterfall(*data), deployments, charges)
    assert by_backend == {
        row["provider"]: Decimal(row["billed_nano"]) / 10**9 for row in providers.iter_rows(named=True)
    }


def test_every_column_is_explained_on_its_page() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "reference" / "focus.md").read_text(encoding="utf-8")
    assert [name for name in FOCUS if f"`{name}`" not in page] == []


def test_a_row_can_be_traced_to_its_run_its_workflow_and_its_bill() -> None:
    told = exported().join(billed(), left_on="x_charge_id", right_on="charge_id")
    assert told.height == billed().height
    for ours, theirs in (("x_run_id", "run_id"), ("x_workflow_hash", "workflow_hash"), ("x_backend", "backend")):
        assert told[ours].null_count() == 0
        assert told[ours].to_list() == told[theirs].to_list()
    assert told["x_cost_state"].to_list() == told["state"].to_list()
    assert told["x_simulated"].all()


def one(**changes: Any) -> dict[str, Any]:
    """The GPU line of Vast.ai with these changes, as its FOCUS rows; the last of them."""
    return rows(**changes)[-1]


def rows(**changes: Any) -> list[dict[str, Any]]:
    line = billed().filter(provider="vast", sku="gpu").row(0, named=True)
    return focus.of(pl.DataFrame([line | changes], schema=LINES, orient="row"), ACCOUNTS, listed()).to_dicts()


def test_a_quantity_is_what_was_billed_over_the_price_of_the_offer() -> None:
    row = one(billed_nano=821_260_000, gpu_usd_nano=410_630_000)
    assert (row["PricingQuantity"], row["PricingUnit"]) == (Decimal(2), "GPU-Hours")
    assert (row["ListUnitPrice"], row["x_price_source"]) == (Decimal("0.41063"), "offer")
    assert row["SkuPriceId"] == "vast/instance/gpu/L40S@0.41063/GPU-Hours"


@pytest.mark.parametrize(
    ("sku", "meter", "price", "unit"),
    [
        ("disk", "disk", "0.15", "GB-Months"),
        ("network", "bwd", "0.002", "GB"),
        ("network", "bwu", "0.07", "GB"),
        ("gpu", "gpu", "0.41063", "GPU-Hours"),
    ],
)
def test_each_thing_that_a_host_bills_has_its_own_price(sku: str, meter: str, price: str, unit: str) -> None:
    row = one(sku=sku, meter=meter, up_usd_per_gb="0.07")
    assert (row["ListUnitPrice"], row["PricingUnit"]) == (Decimal(price), unit)


def test_a_line_whose_price_nobody_knows_is_its_own_measure_and_says_so() -> None:
    row = one(gpu_usd_nano=None, gpu_unit=None)
    assert (row["ListUnitPrice"], row["PricingUnit"], row["x_price_source"]) == (1, "USD", "amount")
    assert row["PricingQuantity"] == row["BilledCost"]


def test_a_price_of_zero_is_none() -> None:
    assert one(gpu_usd_nano=0)["x_price_source"] == "amount"


@pytest.mark.parametrize("sku", ["rounding", "fee", "other"])
def test_what_no_price_list_names_is_an_adjustment_without_price(sku: str) -> None:
    row = one(sku=sku)
    assert row["ChargeCategory"] == "Adjustment"
    priced = ("ListUnitPrice", "PricingQuantity", "ConsumedQuantity", "SkuId", "PricingCategory", "x_price_source")
    assert [row[name] for name in priced] == [None] * len(priced)


def said(usd: str, at: str, **more: str) -> dict[str, str]:
    return {"billed_cost": usd, "state": "provisional", "same_since": at, **more}


EARLIER = [said("0.02", "2026-11-03T08:00:00+00:00"), said("0.03", "2026-11-30T23:00:00+00:00")]
AFTER = [said("0.032", "2026-12-01T12:00:00+00:00")]


def split(earlier: list[dict[str, str]], same_since: datetime) -> list[tuple[str | None, int, Decimal]]:
    """Class, month of the billing period and amount of each row."""
    found = rows(billed_nano=35_000_000, earlier=json.dumps(earlier), same_since=same_since)
    return [(row["ChargeClass"], row["BillingPeriodStart"].month, row["BilledCost"]) for row in found]


@pytest.mark.parametrize(
    ("earlier", "same_since", "expected"),
    [
        (EARLIER, LATE, [(None, 11, "0.03"), ("Correction", 12, "0.005")]),
        (EARLIER + AFTER, LATE, [(None, 11, "0.03"), ("Correction", 12, "0.005")]),
        (EARLIER, datetime(2027, 1, 5, tzinfo=UTC), [(None, 11, "0.03"), ("Correction", 1, "0.005")]),
        (EARLIER, datetime(2026, 11, 30, 23, 30, tzinfo=UTC), [(None, 11, "0.035")]),
        (EARLIER, datetime(2026, 12, 1, tzinfo=UTC), [(None, 11, "0.035")]),
        (AFTER, LATE, [(None, 11, "0.035")]),
        ([said("0.03", "2026-11-03T08:00:00+00:00", currency="EUR")], LATE, [(None, 11, "0.035")]),
    ],
    ids=[
        "once",
        "again",
        "in another year",
        "before the month closed",
        "as it closed",
        "not told by then",
        "other money",
    ],
)
def test_a_change_after_the_month_closed_is_a_correction_in_the_month_of_the_change(
    earlier: list[dict[str, str]], same_since: datetime, expected: list[tuple[str | None, int, str]]
) -> None:
    assert split(earlier, same_since) == [(kind, month, Decimal(usd)) for kind, month, usd in expected]


def test_what_a_line_said_before_stays_readable() -> None:
    assert json.loads(one(earlier=json.dumps(EARLIER))["x_earlier_billed_costs"]) == EARLIER
    assert one(earlier="[]")["x_earlier_billed_costs"] is None


def test_december_ends_with_the_year() -> None:
    at = datetime(2026, 12, 31, 23, tzinfo=UTC)
    row = one(charge_period_start=at, charge_period_end=datetime(2027, 1, 1, tzinfo=UTC))
    assert (row["BillingPeriodStart"], row["BillingPeriodEnd"]) == (
        datetime(2026, 12, 1, tzinfo=UTC),
        datetime(2027, 1, 1, tzinfo=UTC),
    )


def test_an_account_that_nobody_named_is_refused() -> None:
    with pytest.raises(KeyError, match="runpod, vast"):
        focus.of(billed(), {"modal": "ryla"}, listed())


def test_no_lines_make_an_empty_dataset_with_all_its_columns() -> None:
    assert focus.of(pl.DataFrame(schema=LINES), {}, listed()).schema == pl.Schema(FOCUS)


def test_ten_thousand_lines_keep_their_sum_whatever_their_prices() -> None:
    many = pl.concat([billed()] * 1000).with_columns(
        billed_nano=pl.int_range(pl.len()) * 987_654_321 % 10**12 - 10**11, gpu_usd_nano=1 + pl.int_range(pl.len())
    )
    found = focus.of(many.with_columns(charge_id=pl.int_range(pl.len()).cast(pl.String)), ACCOUNTS, listed())
    assert found["BilledCost"].sum() * 10**9 == many["billed_nano"].sum()
    products = (found["ListUnitPrice"] * found["PricingQuantity"]).round(9)
    assert (products == found["ListCost"]).all()
