"""The official requirement model of FOCUS 1.2 holds on the exported rows of all three providers, rule by rule."""

from functools import cache
from pathlib import Path

import polars as pl
import pytest

from analysis.focus_columns import FOCUS
from cli.export_files import Form, write
from tests.unit.focus.facts import CRITERIA, supported
from tests.unit.focus.model import Export, Rule, applies, broken, check_functions
from tests.unit.focus.proofs import OWN, STATED, Own, Spoil, changed, misspelt, one_cell, renamed
from tests.unit.focus.report import every, text
from tests.unit.focus.rows import THEIRS
from tests.unit.focus.world import exported, lines
from words import Provider

PROVIDERS = list(Provider)
FORMS: tuple[Form, ...] = ("csv", "parquet")
ROOT = Path(__file__).resolve().parents[3]


@cache
def whole() -> Export:
    return Export.of(exported(), lines())


@cache
def of(provider: Provider) -> Export:
    return whole().of_provider(provider.label, provider.value)


@cache
def checked(*providers: Provider) -> list[Rule]:
    """The rules with a check of the model's own that apply to one of these providers."""
    criteria = frozenset[str]().union(*(supported(each) for each in providers))
    return [rule for rule in every().values() if applies(rule, criteria) and rule.checked]


def noticed(export: Export, column: str) -> bool:
    """A test of ours fails, or a rule about the column is broken."""
    about = [rule for rule in checked(*PROVIDERS) if rule.must and rule.mentions(column)]
    return not all(own.holds(export) for own in OWN) or bool(broken(about, export, every()))


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_rule_that_must_hold_and_has_a_check_holds(provider: Provider) -> None:
    must = [rule for rule in checked(provider) if rule.must]
    assert len(must) > 150
    assert broken(must, of(provider), every()) == set()


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_recommendation_that_has_a_check_is_followed(provider: Provider) -> None:
    assert broken(checked(provider), of(provider), every()) == set()


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_files_keep_every_rule_that_the_rows_keep(provider: Provider, tmp_path: Path) -> None:
    for form in FORMS:
        write(tmp_path, {"focus": exported()}, form)
    frame = pl.read_parquet(tmp_path / "focus.parquet")
    read = pl.read_csv(tmp_path / "focus.csv", infer_schema=False)
    export = Export(frame, read, lines()).of_provider(provider.label, provider.value)
    assert broken(checked(provider), export, every()) == set()
    assert all(own.holds(export) for own in OWN)


@pytest.mark.parametrize("own", OWN, ids=lambda own: own.holds.__name__)
def test_our_own_test_holds_for_every_provider_and_fails_for_spoiled_rows(own: Own) -> None:
    assert [provider for provider in PROVIDERS if not own.holds(of(provider))] == []
    assert own.holds(whole())
    assert not own.holds(own.spoil(whole()))


def test_each_rule_without_a_check_has_a_test_of_ours_or_a_stated_reason_or_does_not_apply() -> None:
    unchecked = [rule for rule in every().values() if rule.unchecked and rule.must]
    assert len(unchecked) == 145
    applicable = {rule.id for rule in unchecked if any(applies(rule, supported(each)) for each in Provider)}
    proved = [name for own in OWN for name in own.rules]
    assert len(proved) == len(set(proved))
    assert set(proved) | set(STATED) == applicable
    assert not set(proved) & set(STATED)


def test_the_page_says_what_became_of_each_rule() -> None:
    page = (ROOT / "docs" / "reference" / "focus.md").read_text(encoding="utf-8")
    assert text() in page, "run python -m benchmarks.focus and put its tables at the end of the page"


def test_each_criterion_of_the_model_is_decided_with_its_reason() -> None:
    assert {name for rule in every().values() for name in rule.criteria} <= set(CRITERIA)
    assert all(support.why for support in CRITERIA.values())


# ---------------------------------------------------------------- what is wrong is noticed

TAMPERED: dict[str, tuple[str, Spoil]] = {  # check function -> a rule that uses it, and rows that break it
    "ColumnPresent": ("CostAndUsage-D-006-M", renamed("BilledCost", "x_billed_cost")),
    "TypeDecimal": ("BilledCost-C-001-M", changed("BilledCost", pl.col("BilledCost").cast(float))),
    "TypeString": ("ProviderName-C-001-M", changed("ProviderName", pl.lit(1))),
    "TypeDateTime": (
        "ChargePeriodStart-C-001-M",
        changed("ChargePeriodStart", pl.col("ChargePeriodStart").dt.replace_time_zone(None)),
    ),
    "FormatDateTime": ("ChargePeriodEnd-C-002-M", misspelt("ChargePeriodEnd", "2026-11-02T08:00:00+01:00")),
    "FormatNumeric": ("BilledCost-C-002-M", misspelt("BilledCost", "1,000.0")),
    "FormatString": ("ServiceName-C-002-M", one_cell("ServiceName", "")),
    "FormatKeyValue": ("Tags-C-001-M", one_cell("Tags", '{"project": "a", "project": "b"}')),
    "FormatCurrency": ("BillingCurrency-C-003-M", one_cell("BillingCurrency", "usd")),
    "CheckNationalCurrency": ("BillingCurrency-C-006-M", one_cell("BillingCurrency", "XXX")),
    "CheckNotValue": ("BillingPeriodStart-C-003-M", one_cell("BillingPeriodStart", None)),
    "CheckDecimalValue": ("BilledCost-C-004-M", one_cell("BilledCost", None)),
    "CheckValue": ("ChargeClass-C-005-C", one_cell("ChargeClass", "Mistake")),
    "OR": ("ChargeCategory-C-003-M", one_cell("ChargeCategory", "Gift")),
    "AND": ("ServiceSubcategory-C-004-M", one_cell("ServiceCategory", "Storage")),
    "CheckGreaterOrEqualThanValue": ("ListUnitPrice-C-008-M", one_cell("ListUnitPrice", -1)),
    "ColumnByColumnEqualsColumnValue": (
        "ListCost-C-009-C",
        changed("ListCost", pl.col("ListCost") + pl.lit("0.000000001").cast(FOCUS["ListCost"])),
    ),
    "CheckDistinctCount": (
        "SkuPriceId-C-008-M",
        changed("SkuId", pl.int_range(pl.len()).cast(pl.String)),
    ),
    "CheckNotSameValue": ("BilledCost-C-005-C", one_cell("InvoiceIssuerName", "A marketplace")),
    "FormatUnit": ("PricingUnit-C-003-O", one_cell("PricingUnit", "gpu hours")),
}
NEVER_BROKEN = {
    "CheckSameValue": "the one rule that uses it is a MAY",
    "CheckModelRule": "names a part; the part is checked",
}


def test_there_are_tampered_rows_for_each_check_function() -> None:
    assert set(TAMPERED) | set(NEVER_BROKEN) == check_functions()


@pytest.mark.parametrize("function", TAMPERED)
def test_tampered_rows_break_the_rule_that_forbids_them(function: str) -> None:
    rule, spoil = TAMPERED[function]
    used = str(every()[rule].requirement) + str(every()[rule].conditions)
    assert f"'CheckFunction': '{function}'" in used
    assert broken([every()[rule]], whole(), every()) == set()
    assert broken([every()[rule]], spoil(whole()), every()) == {rule}


@pytest.mark.parametrize("column", THEIRS)
def test_one_wrong_cell_in_any_column_is_noticed(column: str) -> None:
    values = {pl.String: "Else", pl.Datetime("us", "UTC"): lines()["same_since"][0]}
    assert noticed(one_cell(column, values.get(FOCUS[column], 12))(whole()), column)


@pytest.mark.parametrize("column", THEIRS)
def test_a_missing_column_is_noticed(column: str) -> None:
    missing = Export.of(exported().drop(column), lines())
    assert broken([rule for rule in checked(*PROVIDERS) if rule.mentions(column)], missing, every())
