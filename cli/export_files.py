"""Tables as files: CSV, Parquet, an Excel workbook. What each of them can and cannot hold is decided here."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

import polars as pl
from polars.datatypes import DataTypeClass
from xlsxwriter import Workbook

from analysis.focus_columns import MONEY, QUANTITY
from analysis.spreadsheet import ISO, defused

Form = Literal["csv", "parquet", "xlsx"]
WORKBOOK = "bakeoff.xlsx"
EXCEL_ROWS = 1_048_575  # of a sheet, its header not counted (Excel specifications and limits)
EXCEL_SIGNS = 32_767  # of a cell
EXCEL_EXACT = 10**15  # integers are exact to 15 digits there
_FORMATS: dict[DataTypeClass | pl.DataType | Iterable[DataTypeClass | pl.DataType], str] = {
    pl.Datetime("us"): "yyyy-mm-dd hh:mm:ss.000",
    pl.Int64(): "0",
    pl.Float64(): "General",
    MONEY: "0.000000000",
    QUANTITY: "0.000000000000",
}
_ASIS = {"strings_to_formulas": False, "strings_to_numbers": False, "strings_to_urls": False}


class TooLong(ValueError):
    """A table that a sheet cannot hold; one sentence."""


def write(folder: Path, tables: Mapping[str, pl.DataFrame], form: Form) -> None:
    """The tables by name, as files of their own or as the sheets of one workbook. Raises TooLong, OSError."""
    if form == "xlsx":
        _workbook(folder / WORKBOOK, tables)
        return
    for name, frame in tables.items():
        path = folder / f"{name}.{form}"
        if form == "csv":
            defused(frame).write_csv(path, datetime_format=ISO)
        else:
            frame.write_parquet(path)


def _workbook(path: Path, tables: Mapping[str, pl.DataFrame]) -> None:
    """A sheet per table. Texts are written as texts, so that no id becomes a number and no word a formula."""
    for name, frame in tables.items():
        if frame.height > EXCEL_ROWS:
            raise TooLong(f"{name} has {frame.height} rows and a sheet takes {EXCEL_ROWS}. Use --format parquet.")
    with Workbook(path, _ASIS) as book:
        for name, frame in tables.items():
            frame.select(_fitting(frame)).write_excel(
                book,
                name,
                table_style=None,
                autofit=False,
                autofilter=False,
                freeze_panes=(1, 0),
                dtype_formats=_FORMATS,
            )


def _fitting(frame: pl.DataFrame) -> list[pl.Expr]:
    """What a cell can hold: instants without their zone (UTC), integers beyond 15 digits and lists as text."""
    return [_cell(frame[name]) for name in frame.columns]


def _cell(column: pl.Series) -> pl.Expr:
    cell = pl.col(column.name)
    if isinstance(column.dtype, pl.Datetime):
        return cell.dt.replace_time_zone(None)
    if column.dtype.is_integer() and column.len() and (column.abs() >= EXCEL_EXACT).any():
        return cell.cast(pl.String)
    if column.dtype == pl.String:
        return cell.str.head(EXCEL_SIGNS)
    return cell
