"""What our own tests of FOCUS rules share: each row beside its line, and conditions over rows."""

import json
from typing import Any

import polars as pl

from analysis.focus_columns import FOCUS, LINES
from tests.unit.focus.model import Export, is_key_value

THEIRS = [name for name in FOCUS if not name.startswith("x_")]
COSTS = ("BilledCost", "ContractedCost", "EffectiveCost", "ListCost")


def every(condition: pl.Expr, frame: pl.DataFrame) -> bool:
    """The condition holds in each row where it can be told."""
    return bool(frame.select(condition.fill_null(value=True).all()).item())


def beside(export: Export) -> pl.DataFrame:
    """Each row with the line that it is made from."""
    names = {name: f"line_{name}" for name in LINES}
    joined = export.frame.join(
        export.lines.rename(names), left_on="x_charge_id", right_on="line_charge_id", how="left", validate="m:1"
    )
    assert joined["line_provider"].null_count() == 0, "rows of no line"
    return joined


def one(column: str, of: str, export: Export) -> bool:
    """Each value of `of` has one value of `column`."""
    return every(pl.col(of).is_null() | (pl.col(column).n_unique().over(of) == 1), export.frame)


def objects(export: Export, *columns: str) -> list[dict[str, Any]]:
    texts = [text for column in columns for text in export.frame[column].drop_nulls()]
    return [json.loads(text) if is_key_value(text) else {"": None} for text in texts]
