"""Amounts that a provider changed after their billing period had closed.

FOCUS 1.2, Charge Class: null for a row that is no correction, or corrects within the current billing period;
"Correction" for a change to a billing period that was invoiced already. The three providers issue no rows of
correction: they change the line. So one whose amount changed after the end of its month is exported as two rows: what
the line said when the month closed, in that month, and the difference, in the month in which it changed. Their sum is
the line as it stands, and a later amount moves no closed month's total. (A line that the provider withdrew, or that
counts in no sum for another reason, is in no month at all.)
"""

import json
from datetime import datetime
from decimal import Decimal
from typing import Any

import polars as pl

from analysis.focus_columns import LINES, Columns

CORRECTION = "Correction"
NANO = 10**9
_ADDED: Columns = {
    "charge_class": pl.String,
    "billed_at": LINES["charge_period_start"],
}


def corrected(lines: pl.DataFrame) -> pl.DataFrame:
    """`focus_columns.LINES` and charge_class, billed_at (an instant in the billing period); split where corrected."""
    plain = lines.with_columns(charge_class=pl.lit(None, pl.String), billed_at="charge_period_start")
    changed = plain.filter(pl.col("earlier") != "[]")
    rows = [row for line in changed.iter_rows(named=True) for row in _rows(line)]
    split = pl.DataFrame(rows, schema={**LINES, **_ADDED}, orient="row")
    return pl.concat([plain.filter(pl.col("earlier") == "[]"), split])


def _rows(line: dict[str, Any]) -> list[dict[str, Any]]:
    closed_nano = _when_closed(line)
    if closed_nano is None:
        return [line]
    rest = line["billed_nano"] - closed_nano
    late = {"billed_nano": rest, "charge_class": CORRECTION, "billed_at": line["same_since"]}
    return [line | {"billed_nano": closed_nano}, line | late]


def _when_closed(line: dict[str, Any]) -> int | None:
    """What the line said at the end of its month; None if it has said the same since, or said nothing yet."""
    closes_at = _next_month(line["charge_period_start"])
    if line["same_since"] <= closes_at:
        return None
    before = [each for each in json.loads(line["earlier"]) if "currency" not in each]  # else it was not in USD
    said = [each for each in before if datetime.fromisoformat(each["same_since"]) <= closes_at]
    return int(Decimal(said[-1]["billed_cost"]) * NANO) if said else None


def _next_month(at: datetime) -> datetime:
    first = at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return first.replace(year=at.year + at.month // 12, month=at.month % 12 + 1)
