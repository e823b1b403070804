"""Traffic as it came: read, or refused with the line and the reason."""

from datetime import UTC, datetime

import pytest

from analysis.arrivals import LoadError
from analysis.traces import daily_curve, read_trace

NOW = datetime(2026, 11, 3, tzinfo=UTC)
GOOD = "at,images\n2026-11-02T08:00:00Z,1\n\n2026-11-02T08:00:01.500Z,1\n2026-11-02T09:00:00+00:00,2\n"


def test_a_trace_is_read_from_its_first_instant_on() -> None:
    assert list(read_trace(GOOD, now=NOW).offsets_s) == [0, 1.5, 3600]


def test_a_trace_needs_no_heading() -> None:
    assert list(read_trace(GOOD.split("\n", 1)[1], now=NOW).offsets_s) == [0, 1.5, 3600]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["2026-11-02T08:00:01Z", "2026-11-02T08:00:00Z"], "Line 2 of the trace is earlier than the line above it"),
        (["2026-11-02T08:00:01Z", "2026-11-02T08:00:01Z"], "Line 2 of the trace repeats the instant above it"),
        (["2026-11-03T00:00:01Z"], "Line 1 of the trace lies in the future"),
        (["2026-11-02T08:00:00"], "Line 1 of the trace is not in UTC"),
        (["at", "2026-11-02T08:00:00+01:00"], "Line 2 of the trace is not in UTC"),
        (["at", "2026-11-02T08:00:00Z", "soon"], "Line 3 of the trace is no instant: 'soon'"),
        (["at", "also at"], "Line 2 of the trace is no instant"),
        (["at"], "holds no instant"),
        ([], "holds no instant"),
    ],
)
def test_a_bad_trace_is_refused_with_its_line(lines: list[str], said: str) -> None:
    with pytest.raises(LoadError) as refused:
        read_trace("\n".join(lines), now=NOW)
    assert said in str(refused.value)


def test_a_trace_of_more_than_a_run_takes_is_refused() -> None:
    with pytest.raises(LoadError, match="10,001 instants"):
        read_trace("\n".join(["2026-11-02T08:00:00Z"] * 10_001), now=NOW)


def test_a_daily_curve_gives_its_volume_in_its_hours() -> None:
    weights = [0.0] * 24
    weights[9], weights[20] = 1.0, 3.0
    trace = daily_curve(weights, per_day=4000, hours=24, seed=2)
    hours = [int(offset // 3600) for offset in trace.offsets_s]
    assert set(hours) == {9, 20}
    assert hours.count(9) == pytest.approx(1000, rel=0.1)
    assert hours.count(20) == pytest.approx(3000, rel=0.1)
    assert trace == daily_curve(weights, per_day=4000, hours=24, seed=2)
    later = daily_curve(weights, per_day=4000, hours=3, from_hour=8, seed=2)
    assert {int(offset // 3600) for offset in later.offsets_s} == {1}


@pytest.mark.parametrize(
    ("weights", "more", "said"),
    [
        ([1.0] * 23, {}, "24 weights"),
        ([0.0] * 24, {}, "not all zero"),
        ([1.0] * 23 + [-1.0], {}, "none negative"),
        ([1.0] * 24, {"per_day": 0}, "per_day must be above 0"),
        ([1.0] * 24, {"hours": 0}, "hours must be above 0"),
        ([1.0] * 24, {"per_day": 1_000_000, "hours": 24}, "10,001 or more in 24 hours"),
        ([1.0] * 24, {"per_day": 0.001, "hours": 1}, "give none in 1 hours"),
    ],
)
def test_an_impossible_curve_is_refused(weights: list[float], more: dict[str, float], said: str) -> None:
    with pytest.raises(LoadError) as refused:
        daily_curve(weights, **{"per_day": 100, "hours": 24, **more})
    assert said in str(refused.value)
