"""Tables on their way into a spreadsheet, where a cell that looks like a formula would be run."""

import polars as pl

# Excel, LibreOffice and Google Sheets take a cell for a formula by its first sign (OWASP, CSV Injection); in East Asian
# locales by the wide forms too. A signed number with its unit, such as "+0.100 s", is none.
_FORMULA = "^\\s*[=+\\-@\uff1d\uff0b\uff0d\uff20\t\r]"
ISO = "%Y-%m-%dT%H:%M:%S%.fZ"  # our instants are UTC
_SIGNED_NUMBER = r"^[+-][0-9][0-9.,]*( ?[a-zA-Z%]{1,3})?$"


def defused(frame: pl.DataFrame) -> pl.DataFrame:
    """The same frame with an apostrophe before each text that a spreadsheet would run."""
    texts = [name for name, dtype in frame.schema.items() if dtype == pl.String]
    return frame.with_columns(_defused(pl.col(name)).alias(name) for name in texts)


def csv(frame: pl.DataFrame) -> str:
    """The frame as CSV that no spreadsheet runs; instants as ISO 8601."""
    return defused(frame).write_csv(datetime_format=ISO)


def _defused(text: pl.Expr) -> pl.Expr:
    runs = text.str.contains(_FORMULA) & ~text.str.contains(_SIGNED_NUMBER)
    return pl.when(runs).then(pl.lit("'") + text).otherwise(text)
