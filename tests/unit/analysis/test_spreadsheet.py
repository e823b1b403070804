"""No cell of an export is run by the spreadsheet that opens it."""

import csv as reader
import io

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.spreadsheet import csv, defused

FORMULAS = [
    "=cmd|' /C calc'!A0", "+cmd|' /C calc'!A0", "-2+3+cmd|' /C calc'!A0", "@SUM(1+1)*cmd|' /C calc'!A0", "\t=1+1",
    "\r=1+1", "  =1+1", "\n=1+1",
    "=HYPERLINK(\"http://evil.example\")", "\uff1d1+1", "\uff0b1+1", "\uff0d1+1", "\uff20SUM(1)", "=", "-",
    "+5 s; =1",
]  # fmt: skip


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_becomes_a_text(text: str) -> None:
    assert defused(pl.DataFrame({"said": [text]}))["said"].item() == f"'{text}"


@pytest.mark.parametrize("text", ["", "a=b", "worker-1", "+0.100 s", "-3", "-1,234.5", "+12 %", "−0.5 s", "'=1"])
def test_words_and_signed_numbers_stay(text: str) -> None:
    assert defused(pl.DataFrame({"said": [text]}))["said"].item() == text


def test_only_texts_are_touched_and_no_data_stays_none() -> None:
    frame = pl.DataFrame(
        {"n": [-1, None], "x": [-0.5, None], "said": [None, "=1"], "kinds": [["=1"], []], "ok": [True, None]}
    )
    found = defused(frame)
    assert found.drop("said").equals(frame.drop("said"))
    assert found["said"].to_list() == [None, "'=1"]


def test_a_file_is_the_same_table_defused() -> None:
    assert csv(pl.DataFrame({"a": ["=1", "x"], "n": [1, None]})) == "a,n\n'=1,1\nx,\n"
    assert csv(pl.DataFrame({"a": pl.Series([], dtype=pl.String)})) == "a\n"


@given(st.lists(st.text(), min_size=1))
def test_no_cell_of_a_file_begins_as_a_formula_but_signed_numbers(texts: list[str]) -> None:
    written = csv(pl.DataFrame({"said": texts}, schema={"said": pl.String}))
    rows = list(reader.reader(io.StringIO(written, newline="")))[1:]
    for row in rows:
        text = row[0].lstrip(" \t\r\n") if row else ""
        assert text[:1] not in set("=@\uff1d\uff0b\uff0d\uff20")
        assert text[:1] not in ("+", "-") or text[1:2].isdigit()
