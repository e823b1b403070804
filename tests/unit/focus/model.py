"""The FinOps Foundation's requirement model of FOCUS 1.2, held against an export.

The model lies beside the project (../shared/data/specs). A rule is a check, or a list of rules, under a condition; both
are trees of check functions, which become polars expressions here. A rule applies where its criteria and those of the
rules that name it are supported, to the rows that meet its condition and theirs.
"""

import io
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from analysis.spreadsheet import ISO

MODEL = Path(__file__).resolve().parents[4] / "shared" / "data" / "specs" / "focus-1.2-requirements.json"
NUMBER = r"^-?\d+(\.\d+)?$"
INSTANT = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$"
UNIT = r"^([A-Z]{3}|(GPU|Core|Unit|GiB|GB)-(Seconds|Hours|Months)|GB|GiB|Hours|Seconds)$"
CURRENCIES = frozenset({"USD", "EUR", "GBP", "CHF", "JPY", "CAD", "AUD", "SEK", "NOK", "DKK", "INR", "CNY"})
_TEXT = "__text"  # suffix of a column as the CSV file has it
_HALF_NANO = 0.5e-9

Check = Mapping[str, Any]


@dataclass(frozen=True)
class Export:
    """One provider's rows, or all: typed as in Parquet, and as the texts of the CSV file; with their billing lines."""

    frame: pl.DataFrame
    text: pl.DataFrame
    lines: pl.DataFrame

    @classmethod
    def of(cls, frame: pl.DataFrame, lines: pl.DataFrame) -> "Export":
        """The export of a frame."""
        written = frame.write_csv(datetime_format=ISO)
        return cls(frame, pl.read_csv(io.StringIO(written), infer_schema=False), lines)

    def of_provider(self, label: str, provider: str) -> "Export":
        """The rows of one provider alone."""
        mine = self.frame["ProviderName"] == label
        return Export(self.frame.filter(mine), self.text.filter(mine), self.lines.filter(provider=provider))

    def both(self) -> pl.DataFrame:
        """Typed columns and texts side by side."""
        return self.frame.hstack(self.text.rename(lambda name: name + _TEXT))


@dataclass(frozen=True)
class Rule:
    """One rule with its condition and those of the rules that name it."""

    id: str
    function: str  # Composite, Presence, Type, Format, Nullability, Validation
    keyword: str
    words: str
    criteria: frozenset[str]
    conditions: tuple[Check, ...]
    requirement: Check
    any_of: bool = False  # its parent asks for one of its parts, and is checked in their stead

    @property
    def must(self) -> bool:
        """True of MUST and MUST NOT."""
        return self.keyword.startswith("MUST")

    @property
    def unchecked(self) -> bool:
        """True if the model has no check for it."""
        return not self.requirement

    def mentions(self, column: str) -> bool:
        """True if its check or a condition asks for the column."""
        return f"'{column}'" in str((self.requirement, self.conditions))

    @property
    def parts(self) -> bool:
        """True of a rule that is nothing but its parts, all of them."""
        return self.function == "Composite" and self.requirement["CheckFunction"] == "AND"

    @property
    def checked(self) -> bool:
        """True if it is checked by itself: neither by its parts, nor in its parent."""
        return not (self.unchecked or self.parts or self.any_of)


def rules(errata: Mapping[str, Mapping[str, Check]]) -> dict[str, Rule]:
    """All rules of the model; `errata` replaces conditions and requirements that do not say what the rule says."""
    told = _told()
    read = {name: _rule(name, rule, errata.get(name, {})) for name, rule in told.items()}
    return {name: _in_context(rule, read, _parents(told)) for name, rule in read.items()}


@cache
def columns_of_model() -> frozenset[str]:
    """The ids of all columns of FOCUS 1.2."""
    return frozenset(rule["Reference"] for rule in _told().values() if rule["EntityType"] == "Column")


@cache
def check_functions() -> frozenset[str]:
    """The names of the model's check functions."""
    return frozenset(json.loads(MODEL.read_text(encoding="utf-8"))["CheckFunctions"])


@cache
def _told() -> Mapping[str, Any]:
    rules: Mapping[str, Any] = json.loads(MODEL.read_text(encoding="utf-8"))["ModelRules"]
    return rules


def applies(rule: Rule, supported: Collection[str]) -> bool:
    """True if everything that the rule presupposes is supported."""
    return rule.criteria <= set(supported)


def broken(checked: Iterable[Rule], export: Export, every: Mapping[str, Rule]) -> set[str]:
    """The rules that a row breaks; a MAY is never broken. Raises KeyError for a check function it does not know."""
    both = export.both()
    asked = [_broken(rule, both, every) for rule in checked if rule.keyword != "MAY"]
    found = both.select(each.any() for each in asked).row(0, named=True)
    return {name for name, is_broken in found.items() if is_broken}


def _broken(rule: Rule, both: pl.DataFrame, every: Mapping[str, Rule]) -> pl.Expr:
    meant = pl.all_horizontal(pl.lit(True), *(_expression(each, both) for each in rule.conditions))
    return (meant & ~_held(rule, both, every)).alias(rule.id)


def _held(rule: Rule, both: pl.DataFrame, every: Mapping[str, Rule]) -> pl.Expr:
    if rule.function == "Composite" and rule.requirement["CheckFunction"] == "OR":
        parts = [every[item["ModelRuleId"]] for item in rule.requirement["Items"]]
        return pl.any_horizontal(
            _expression(part.requirement, both)
            & pl.all_horizontal(pl.lit(True), *(_expression(each, both) for each in part.conditions))
            for part in parts
        )
    return _expression(rule.requirement, both)


def _rule(name: str, told: Mapping[str, Any], erratum: Mapping[str, Check]) -> Rule:
    criteria = told["ValidationCriteria"]
    condition = erratum.get("Condition", criteria["Condition"])
    return Rule(
        id=name,
        function=told["Function"],
        keyword=criteria["Keyword"],
        words=criteria["MustSatisfy"],
        criteria=frozenset(told["ApplicabilityCriteria"]),
        conditions=(condition,) if condition else (),
        requirement=erratum.get("Requirement", criteria["Requirement"]),
    )


def _parents(told: Mapping[str, Any]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, rule in told.items():
        if rule["Function"] == "Composite":
            for item in rule["ValidationCriteria"]["Requirement"]["Items"]:
                found.setdefault(item["ModelRuleId"], []).append(name)
    return found


def _in_context(rule: Rule, every: Mapping[str, Rule], parents: Mapping[str, list[str]]) -> Rule:
    above = list(_above(rule.id, parents))
    inherited = [every[name] for name in above]
    return replace(
        rule,
        criteria=rule.criteria.union(*(parent.criteria for parent in inherited)),
        conditions=tuple(each for one in (rule, *inherited) for each in one.conditions),
        any_of=any(every[name].requirement["CheckFunction"] == "OR" for name in parents.get(rule.id, [])),
    )


def _above(name: str, parents: Mapping[str, list[str]]) -> Iterator[str]:
    for parent in parents.get(name, []):
        yield parent
        yield from _above(parent, parents)


# ---------------------------------------------------------------- check functions


def _expression(check: Check, both: pl.DataFrame) -> pl.Expr:
    """True for each row that meets the check. A column that is not there is null to a value, and of no type."""
    return _CHECKS[check["CheckFunction"]](check, both)


def _column(name: str, both: pl.DataFrame) -> pl.Expr:
    return pl.col(name) if name in both.columns else pl.lit(None)


def _value(check: Check, both: pl.DataFrame) -> pl.Expr:
    column = _column(check["ColumnName"], both)
    return column.is_null() if check["Value"] is None else column.eq_missing(pl.lit(check["Value"]))


def _at_least(check: Check, both: pl.DataFrame) -> pl.Expr:
    return _column(check["ColumnName"], both).ge(pl.lit(check["Value"])).fill_null(value=True)


def _product(check: Check, both: pl.DataFrame) -> pl.Expr:
    one, other, result = (_column(check[f"{part}Name"], both) for part in ("ColumnA", "ColumnB", "ResultColumn"))
    return ((one * other - result).cast(pl.Float64).abs() < _HALF_NANO).fill_null(value=True)


def _distinct(check: Check, both: pl.DataFrame) -> pl.Expr:
    one, other = check["ColumnAName"], check["ColumnBName"]
    if not {one, other} <= set(both.columns):
        return pl.lit(False)
    return pl.col(one).is_null() | pl.col(other).n_unique().over(one).eq(pl.lit(check["ExpectedCount"]))


def _matches(pattern: str) -> Callable[[Check, pl.DataFrame], pl.Expr]:
    """The text of the column in the CSV file, where it has one."""

    def told(check: Check, both: pl.DataFrame) -> pl.Expr:
        name = check["ColumnName"] + _TEXT
        return pl.col(name).str.contains(pattern).fill_null(value=True) if name in both.columns else pl.lit(False)

    return told


def _typed(meant: Callable[[pl.DataType], bool]) -> Callable[[Check, pl.DataFrame], pl.Expr]:
    def told(check: Check, both: pl.DataFrame) -> pl.Expr:
        dtype = both.schema.get(check["ColumnName"])
        return pl.lit(dtype is not None and meant(dtype))

    return told


def _key_value(check: Check, both: pl.DataFrame) -> pl.Expr:
    if check["ColumnName"] not in both.columns:
        return pl.lit(False)
    return pl.col(check["ColumnName"]).map_elements(is_key_value, return_dtype=pl.Boolean).fill_null(value=True)


@cache
def is_key_value(text: str) -> bool:
    """True of a JSON object with unique keys and plain values."""
    try:
        pairs = json.loads(text, object_pairs_hook=lambda pairs: pairs)
    except ValueError:
        return False
    if not isinstance(pairs, list) or any(not isinstance(pair, tuple) for pair in pairs):
        return False
    keys = [key for key, _ in pairs]
    return len(set(keys)) == len(keys) and not any(isinstance(value, list | dict) for _, value in pairs)


def _listed(check: Check, both: pl.DataFrame) -> list[pl.Expr]:
    return [_expression(item, both) for item in check["Items"]]


_CHECKS: dict[str, Callable[[Check, pl.DataFrame], pl.Expr]] = {
    "AND": lambda check, both: pl.all_horizontal(_listed(check, both)),
    "OR": lambda check, both: pl.any_horizontal(_listed(check, both)),
    "ColumnPresent": lambda check, both: pl.lit(check["ColumnName"] in both.columns),
    "CheckValue": _value,
    "CheckNotValue": lambda check, both: ~_value(check, both),
    "CheckSameValue": lambda check, both: _column(check["ColumnAName"], both).eq_missing(
        _column(check["ColumnBName"], both)
    ),
    "CheckNotSameValue": lambda check, both: _column(check["ColumnAName"], both).ne_missing(
        _column(check["ColumnBName"], both)
    ),
    "CheckGreaterOrEqualThanValue": _at_least,
    "CheckDistinctCount": _distinct,
    "ColumnByColumnEqualsColumnValue": _product,
    "CheckDecimalValue": lambda check, both: _column(check["ColumnName"], both).is_not_null(),
    "CheckNationalCurrency": lambda check, both: _column(check["ColumnName"], both).is_in(list(CURRENCIES)),
    "TypeDecimal": _typed(lambda dtype: dtype.is_decimal()),
    "TypeString": _typed(lambda dtype: dtype == pl.String),
    "TypeDateTime": _typed(lambda dtype: isinstance(dtype, pl.Datetime) and dtype.time_zone == "UTC"),
    "FormatNumeric": _matches(NUMBER),
    "FormatDateTime": _matches(INSTANT),
    "FormatCurrency": _matches(r"^[A-Z]{3}$"),
    "FormatUnit": _matches(UNIT),
    "FormatString": lambda check, both: _column(check["ColumnName"], both).ne("").fill_null(value=True),
    "FormatKeyValue": _key_value,
}
