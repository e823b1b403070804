"""Which of our own tests proves which rules that the model has no check for, and a spoiled export that it must notice.

A rule that no dataset can prove has a stated reason instead.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from analysis.focus_columns import FOCUS
from tests.unit.focus import meaning, written
from tests.unit.focus.model import Export

Spoil = Callable[[Export], Export]


def wrong(column: str, value: Any) -> Spoil:
    """The column holds this in every row."""
    return changed(column, pl.lit(value).cast(FOCUS.get(column, pl.String)))


def changed(column: str, change: pl.Expr) -> Spoil:
    """The column is computed anew."""
    return lambda export: Export.of(export.frame.with_columns(change.alias(column)), export.lines)


def one_cell(column: str, value: Any) -> Spoil:
    """The column holds this in its first row."""
    first = pl.int_range(pl.len()) == 0
    return changed(column, pl.when(first).then(pl.lit(value).cast(FOCUS[column])).otherwise(pl.col(column)))


def misspelt(column: str, value: str) -> Spoil:
    """The file says this in every row, whatever the value is."""
    return lambda export: replace(export, text=export.text.with_columns(pl.lit(value).alias(column)))


def renamed(column: str, other: str) -> Spoil:
    """The column has another name."""
    return lambda export: replace(export, frame=export.frame.rename({column: other}))


@dataclass(frozen=True)
class Own:
    """One test, the rules that it proves, and a spoiled export that it must notice."""

    holds: Callable[[Export], bool]
    rules: tuple[str, ...]
    spoil: Spoil

    @property
    def says(self) -> str:
        """The test in words."""
        return " ".join((self.holds.__doc__ or "").split())


def _all(column: str, *ends: str) -> tuple[str, ...]:
    """Ids of rules of one column."""
    return tuple(f"{column}-{end}" for end in ends)


_DISCOUNT = tuple(
    f"DiscountHandling-A-{number:03}-C" for number in (3, 4, 6, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19)
)
_COMMITMENT = (
    *_DISCOUNT,
    *_all("CommitmentDiscountId", "C-004-C", "C-005-C", "C-007-M"),
    *_all("CommitmentDiscountName", "C-006-C"),
    *_all("CommitmentDiscountQuantity", "C-009-M", "C-011-C", "C-012-C", "C-014-C", "C-015-C"),
    *_all("CommitmentDiscountUnit", "C-008-M", "C-009-M"),
    *_all("EffectiveCost", "C-012-C", "C-013-C"),
    *_all("PricingCategory", "C-009-C"),
)
_NUMBERS = tuple(f"NumericFormat-A-{number:03}-M" for number in range(2, 11))
_CURRENCY = (
    *_all("BillingCurrency", "C-005-M"),
    *(f"{column}-C-{number}-{kind}" for column, number, kind in (
        ("BilledCost", "006", "M"), ("EffectiveCost", "006", "M"), ("ContractedCost", "005", "M"),
        ("ListCost", "005", "M"), ("ListUnitPrice", "009", "M"), ("ContractedUnitPrice", "010", "C"),
    )),
)  # fmt: skip
OWN: tuple[Own, ...] = (
    Own(
        written.instants_are_utc,
        ("DateTimeFormat-A-001-M",),
        changed("ChargePeriodStart", pl.col("ChargePeriodStart").dt.offset_by("1h")),
    ),
    Own(
        written.instants_are_iso,
        _all("DateTimeFormat", "A-002-M", "A-004-M", "A-005-M", "A-006-M"),
        misspelt("ChargePeriodEnd", "2026-11-02 8:00"),
    ),
    Own(written.currency_is_a_code, _all("CurrencyFormat", "A-001-C", "A-002-C"), wrong("BillingCurrency", "Credits")),
    Own(written.numbers_are_plain, _NUMBERS, misspelt("BilledCost", "1.5E+3")),
    Own(written.minus_means_negative, ("NumericFormat-A-011-M",), misspelt("BilledCost", "-0.5")),
    Own(written.numbers_are_decimals, ("NumericFormat-A-012-M",), changed("ListCost", pl.col("ListCost").cast(float))),
    Own(written.texts_are_unicode, ("StringHandling-A-001-M",), wrong("ResourceName", "bak\ufffdoff")),
    Own(
        written.texts_are_the_providers,
        ("StringHandling-A-003-M",),
        changed("ResourceId", pl.col("ResourceId").str.to_uppercase() + " "),
    ),
    Own(
        written.names_are_of_their_time,
        _all("StringHandling", "A-004-M", "A-005-M"),
        changed("ResourceName", pl.col("ResourceName").last()),
    ),
    Own(written.ids_stay, ("StringHandling-A-006-M",), changed("RegionId", pl.int_range(pl.len()).cast(pl.String))),
    Own(
        written.columns_are_the_specifications,
        _all("ColumnHandling", "A-002-M", "A-006-M"),
        renamed("BillingAccountId", "BillingAcctId"),
    ),
    Own(
        written.columns_are_pascal_case,
        _all("ColumnHandling", "A-001-M", "A-003-M"),
        renamed("BilledCost", "billed_cost"),
    ),
    Own(written.categories_are_normalized, ("ColumnHandling-A-008-M",), wrong("ChargeCategory", "usage")),
    Own(written.our_columns_say_so, ("ColumnHandling-A-010-M",), renamed("x_run_id", "RunId")),
    Own(written.units_are_spelt, ("UnitFormat-A-003-M",), wrong("PricingUnit", "gpu hours")),
    Own(
        written.objects_are_flat_json,
        tuple(f"KeyValueFormat-A-{number:03}-M" for number in range(1, 5)),
        wrong("SkuPriceDetails", '{"GpuCount": [1]}'),
    ),
    Own(written.no_empty_texts, ("NullHandling-A-001-C",), wrong("InvoiceId", "")),
    Own(written.no_placeholders, ("NullHandling-A-002-M",), wrong("ConsumedQuantity", 0)),
    Own(
        meaning.one_account_a_provider,
        ("BillingAccountId-C-004-M",),
        changed("BillingAccountId", pl.int_range(pl.len()).cast(pl.String)),
    ),
    Own(
        meaning.months_are_whole,
        _all("BillingPeriodStart", "C-004-M") + _all("BillingPeriodEnd", "C-004-M"),
        changed("BillingPeriodEnd", pl.col("BillingPeriodEnd").dt.offset_by("-1us")),
    ),
    Own(
        meaning.charges_lie_in_their_period,
        _all("ChargePeriodStart", "C-004-M") + _all("ChargePeriodEnd", "C-004-M"),
        changed("ChargePeriodEnd", pl.col("ChargePeriodEnd").dt.offset_by("-1s")),
    ),
    Own(
        meaning.corrections_are_of_closed_periods,
        _all("ChargeClass", "C-003-C", "C-004-C"),
        wrong("ChargeClass", "Correction"),
    ),
    Own(meaning.one_currency, _CURRENCY, wrong("BillingCurrency", "EUR")),
    Own(
        meaning.products_match,
        _all("PricingQuantity", "C-009-C") + _all("ContractedCost", "C-009-C"),
        changed("PricingQuantity", pl.col("PricingQuantity") + 1),
    ),
    Own(
        meaning.unpriced_costs_are_as_billed,
        (*_all("EffectiveCost", "C-010-C"), *_all("ContractedCost", "C-008-C"), *_all("ListCost", "C-008-C")),
        changed("BilledCost", pl.col("BilledCost") + 1),
    ),
    Own(
        meaning.no_taxes,
        (
            *_all("EffectiveCost", "C-009-C"),
            *_all("ContractedCost", "C-007-C"),
            *_all("ListCost", "C-007-C"),
            "DiscountHandling-A-020-C",
        ),
        wrong("ChargeCategory", "Tax"),
    ),
    Own(
        meaning.no_invoice,
        _all("InvoiceId", "C-007-C") + _all("BilledCost", "C-007-M"),
        wrong("InvoiceId", "in_1"),
    ),
    Own(meaning.nothing_is_committed, _COMMITMENT, wrong("CommitmentDiscountId", "cd-1")),
    Own(
        meaning.prices_are_standard,
        _all("PricingCategory", "C-008-C", "C-010-C", "C-011-C"),
        wrong("PricingCategory", "Dynamic"),
    ),
    Own(meaning.units_are_the_price_lists, ("PricingUnit-C-008-M",), wrong("PricingUnit", "GPU-Months")),
    Own(
        meaning.quantities_are_numbers,
        ("ConsumedQuantity-C-008-C",),
        changed("ConsumedQuantity", pl.col("ConsumedQuantity").cast(pl.String)),
    ),
    Own(
        meaning.price_ids_mean_one_price,
        _all("SkuPriceId", "C-009-M", "C-014-C"),
        changed("ListUnitPrice", pl.col("ListUnitPrice") * 2),
    ),
    Own(
        meaning.contracted_price_is_in_the_id,
        ("SkuPriceId-C-015-C",),
        changed("ContractedUnitPrice", pl.col("ContractedUnitPrice") * 2),
    ),
    Own(
        meaning.skus_hold_no_price_and_no_account,
        _all("SkuId", "C-008-M", "C-009-M", "C-010-M") + _all("SkuPriceId", "C-010-M"),
        changed("SkuId", pl.col("SkuPriceId")),
    ),
    Own(
        meaning.skus_are_of_a_service,
        _all("SkuId", "C-011-C") + _all("SkuPriceId", "C-012-C"),
        wrong("SkuId", None),
    ),
    Own(
        meaning.details_are_of_their_price,
        ("SkuPriceDetails-C-007-M",),
        changed("SkuPriceDetails", pl.int_range(pl.len()).cast(pl.String)),
    ),
    Own(meaning.details_fit_the_meter, ("SkuPriceDetails-C-008-M",), wrong("SkuMeter", "Disk Storage")),
    Own(
        meaning.details_are_defined_or_ours,
        _all("SkuPriceDetails", "C-010-C", "C-017-C", "C-020-M", "C-021-M"),
        wrong("SkuPriceDetails", '{"GpuCount": 1, "Model": "L40S"}'),
    ),
    Own(
        meaning.details_are_of_one_unit,
        _all("SkuPriceDetails", "C-018-C", "C-022-C"),
        wrong("SkuPriceDetails", '{"GpuCount": 2}'),
    ),
    Own(meaning.ids_are_the_lines, _all("ResourceId", "C-004-C", "C-005-C"), wrong("ResourceId", None)),
    Own(meaning.ids_mean_one_resource, ("ResourceId-C-007-M",), wrong("ResourceId", "r-1")),
    Own(
        meaning.names_where_there_are_some,
        _all("ResourceName", "C-004-C", "C-005-C", "C-006-C"),
        changed("ResourceName", pl.col("ResourceId")),
    ),
    Own(meaning.regions_are_the_offers, ("RegionId-C-004-C",), wrong("RegionId", "eu")),
    Own(meaning.services_have_a_category, ("ServiceName-C-006-C",), wrong("ServiceCategory", "Other")),
    Own(meaning.tags_are_the_bills, _all("Tags", "C-004-M", "C-010-C", "C-016-C"), wrong("Tags", '{"x/project": "y"}')),
    Own(meaning.tags_have_values, ("Tags-C-008-M",), wrong("Tags", '{"project": null}')),
)
OWN += (  # what the model does not ask
    Own(meaning.sums_are_the_lines, (), changed("EffectiveCost", pl.col("EffectiveCost") * 2)),
    Own(meaning.names_are_the_providers, (), wrong("PublisherName", "A host")),
)
STATED: Mapping[str, str] = {
    "SkuPriceId-C-013-M": "an offer's and a list price's id holds the very price of the provider's list; a line whose"
    " price nobody knows (x_price_source is amount) refers to no list, and says so",
    "PricingUnit-C-009-C": "no invoice of a provider that we can read has units of measure",
    "Tags-C-005-M": "Modal reports tags with the hour that it bills; a line is read again until it is final",
    "Tags-C-012-M": "Modal adds no tags of its own",
    "Tags-C-015-C": "Modal has one scheme of tags",
    "Tags-C-017-M": "what Modal lets its users write as keys; we set project, workflow and gpu",
}
