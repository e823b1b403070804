"""Intervals hold the truth as often as they are stated to: a few rows of `benchmarks.coverage`, seeded."""

import pytest

from benchmarks import coverage
from benchmarks.coverage import Row

CHEAP = {
    ("p95", "n 72"),
    ("p95 upper, host sd .10", "8x65"),
    ("p95 upper, host sd .10", "12x50"),
    ("p95 upper, host sd .10", "24x25"),
    ("p95 ratio upper", "n 200"),
    ("body p95 ratio, 4 % stalls, h .06", "20x60"),
    ("p95 ratio upper, 4 % stalls", "n 200"),
    ("Newcombe, false pass", "n 521"),
    ("Newcombe, false pass", "20x64, ICC 0.05"),
    ("saving, jackknife-t", "12 blocks"),
    ("block-t, host sd .2", "3x20"),
    ("block-t, host sd .2", "12x20"),
    ("blended p95", "cold share 0.08"),
}
ROWS = [row for row in coverage.rows() if (row.what, row.where) in CHEAP]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.what}, {row.where}")
def test_an_interval_holds_the_truth_as_often_as_stated(row: Row) -> None:
    found = coverage.measure(row, 1500)
    low, high = row.stated
    assert low - 0.02 <= found.ours <= high + 0.02


@pytest.mark.parametrize(("where", "withheld"), [("8x65", 0.47), ("12x50", 0.24), ("24x25", 0.03)])
def test_a_p95_of_few_hosts_is_withheld_rather_than_wrong(where: str, withheld: float) -> None:
    row = next(row for row in ROWS if (row.what, row.where) == ("p95 upper, host sd .10", where))
    found = coverage.measure(row, 1500, seed=2)
    assert found.withheld == pytest.approx(withheld, abs=0.05)
    assert found.naive < found.ours - 0.1


def test_every_row_named_here_is_in_the_table() -> None:
    assert {(row.what, row.where) for row in ROWS} == CHEAP
