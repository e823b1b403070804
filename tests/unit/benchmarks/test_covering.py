"""When a share of campaigns is what is stated."""

import pytest

from benchmarks.covering import Found, Row, measure


def row(**more) -> Row:
    return Row(what="x", where="y", stated=(0.935, 0.97), trial=lambda _: (True, None), **more)


@pytest.mark.parametrize(
    ("ours", "n", "holds"),
    [(0.92, 1000, True), (0.919, 1000, False), (0.98, 1000, True), (0.982, 1000, False), (0.92, 4000, False)],
)
def test_ours_lies_within_two_simulation_errors_of_the_range_that_is_stated(ours: float, n: int, holds: bool) -> None:
    assert row(apart=None).holds(Found(ours=ours, naive=None, withheld=0, n=n)) is holds


def test_a_single_figure_is_known_to_three_points() -> None:
    assert [row().holds(Found(ours=ours, naive=None, withheld=0, n=9)) for ours in (0.904, 0.906)] == [False, True]


def test_what_is_withheld_is_not_wrong_and_the_error_is_that_of_a_share() -> None:
    held = iter([(True, False), (None, True), (False, None), (True, None)])
    found = measure(Row(what="x", where="y", stated=(1, 1), trial=lambda _: next(held)), 4)
    assert (found.ours, found.naive, found.withheld, found.n) == (0.75, 0.5, 0.25, 4)
    assert found.error == pytest.approx((0.75 * 0.25 / 4) ** 0.5)
