"""The replay that is timed and the plain loop beside it do the same work."""

from benchmarks import cost


def test_ours_and_the_plain_loop_pay_the_same_seconds() -> None:
    found = list(cost.rows(3000))
    assert len(found) == len(cost.SETTINGS)
    assert all(row.agrees for row in found)
    assert [row[0] for row in cost.table(found).rows] == [row.setting for row in found]
