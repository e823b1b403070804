"""Traffic becomes arrivals, or a sentence that says why not."""

from datetime import UTC, datetime

import numpy as np
import pytest

from analysis.arrivals import LoadError
from analysis.traces import read_instants
from analysis.traffic.profile import (
    FLAT,
    KNOWN,
    Curve,
    Recorded,
    arrivals,
    at_volume,
    curve_of,
    first_days,
    hours_for,
    recorded,
    share_of,
)

NIGHT = (0.0,) * 12 + (1.0,) * 12
MONTH_S = 730 * 3600


def test_a_curve_fills_a_month_with_its_volume_in_its_hours() -> None:
    came = arrivals(Curve(per_day=1000, weights=NIGHT), seed=5)
    assert came.span_s == MONTH_S
    assert came.n == 30_000  # 30 days and the first ten hours of one, which are quiet
    hours = (came.at_s // 3600).astype(int) % 24
    assert set(hours.tolist()) == set(range(12, 24))
    assert np.bincount(hours)[12:] == pytest.approx([2500] * 12, rel=0.1)


def test_arrivals_are_poisson() -> None:
    came = arrivals(Curve(per_day=2400), seed=2)
    gaps = np.diff(came.at_s)
    assert gaps.mean() == pytest.approx(36, rel=0.02)
    assert gaps.std() == pytest.approx(36, rel=0.02)
    assert came.n == 73_000
    counts = np.bincount((came.at_s // 3600).astype(int), minlength=730)
    assert counts.var() / counts.mean() == pytest.approx(1, abs=0.2)


def test_the_seed_decides_and_another_volume_is_the_same_traffic_closer_together() -> None:
    curve = Curve(per_day=100, weights=(1.0, 3.0) * 12)
    assert (arrivals(curve, seed=3).at_s == arrivals(curve, seed=3).at_s).all()
    assert not (arrivals(curve, seed=4).at_s == arrivals(curve, seed=3).at_s).any()
    thin, dense = (arrivals(at_volume(curve, volume), seed=3).at_s for volume in (100, 101))
    assert (thin.size, dense.size) == (3042, 3072)
    assert (dense[: thin.size] < thin).all()
    assert dense[:50] == pytest.approx(thin[:50], rel=0.05)


def test_a_record_repeats_whole_as_often_as_comes_nearest_to_a_month() -> None:
    came = arrivals(Recorded(offsets_s=[100.0, 90_000.0]))
    assert came.span_s == 15 * 172_800  # two days, 15 times: 720 hours
    assert came.at_s[:4].tolist() == [100, 90_000, 172_900, 262_800]
    assert came.n == 30
    for days, times in ((20, 2), (21, 1), (28, 1), (90, 1)):
        assert arrivals(Recorded(offsets_s=[0.0, days * 86_400.0 - 1])).span_s == times * days * 86_400


def test_a_record_may_say_how_long_it_lasted() -> None:
    record = Recorded(offsets_s=[0.0, 10.0], covers_s=7200)
    assert record.per_day == 24
    assert arrivals(record, hours=4).at_s.tolist() == [0, 10, 7200, 7210]


def test_a_file_of_instants_becomes_a_record_of_whole_days() -> None:
    text = "2026-11-02T08:00:00Z\n2026-11-02T08:00:00Z\n2026-11-03T23:30:00Z\n"
    found = recorded(read_instants(text, now=datetime(2026, 11, 5, tzinfo=UTC)), source="the gateway's log")
    assert found.offsets_s == [28_800, 28_800, 171_000]
    assert found.span_s == 172_800
    assert found.per_day == 1.5
    assert [hour for hour, count in enumerate(found.weights) if count] == [8, 23]
    curve = at_volume(found, 300)
    assert (curve.per_day, curve.weights[8], curve.weights[23], curve.source) == (300, 2, 1, "the gateway's log")
    assert curve_of(found).per_day == 1.5
    assert curve_of(curve) is curve
    assert (share_of(found, 1), share_of(found, 0.5).per_day) == (found, 0.75)


def test_a_replay_lasts_whole_days_until_enough_requests_have_come() -> None:
    assert hours_for(Curve(per_day=1000), 20_000) == 20 * 24
    assert hours_for(Curve(per_day=100_000 / 2), 20_000) == 7 * 24
    assert hours_for(Curve(per_day=3), 10) == 7 * 24
    assert hours_for(Curve(per_day=1), 20) == 20 * 24


def test_the_first_days_are_whole_and_hold_enough() -> None:
    came = arrivals(Recorded(offsets_s=[100.0, 90_000.0]))
    few = first_days(came, 3)
    assert (few.at_s.tolist(), few.span_s) == ([100, 90_000, 172_900], 259_200)
    assert first_days(came, 30) is came
    assert first_days(arrivals(Curve(per_day=24), hours=25), 20).span_s == 86_400


def test_the_products_volumes_say_that_nobody_measured_them() -> None:
    assert [round(curve.per_day, 2) for curve in KNOWN.values()] == [1000, 328.77, 32.88]
    assert all("not measured" in curve.source for curve in KNOWN.values())


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: Curve(per_day=0), "Requests a day must be above 0 and at most 98,630, not 0"),
        (lambda: Curve(per_day=float("nan")), "Requests a day must be above 0"),
        (lambda: Curve(per_day=1e6), "at most 98,630, not 1e\\+06"),
        (lambda: Curve(per_day=1, weights=FLAT[:23]), "24 weights"),
        (lambda: Curve(per_day=1, weights=(float("nan"), *FLAT[:23])), "24 weights"),
        (lambda: Recorded(offsets_s=[]), "A record holds 1 to 3,000,000 instants, not 0"),
        (lambda: Recorded(offsets_s=[5.0, 4.0]), "must ascend from 0 s on"),
        (lambda: Recorded(offsets_s=[5.0, 4000.0], covers_s=3600), "must cover an hour at least, and all"),
        (lambda: Recorded(offsets_s=[5.0], covers_s=60), "must cover an hour at least"),
        (lambda: arrivals(Curve(per_day=1), hours=0), "an hour at least, not 0"),
        (lambda: arrivals(Curve(per_day=98_000), hours=10_000), "40,833,333 requests in 10,000 hours"),
        (lambda: arrivals(Curve(per_day=1e-6), seed=1), "give none in 730 hours"),
    ],
)
def test_impossible_traffic_is_refused(made, said: str) -> None:
    with pytest.raises(LoadError, match=said):
        made()


def test_a_trace_of_more_than_a_replay_takes_is_refused() -> None:
    with pytest.raises(LoadError, match="holds 3 instants; at most 2 are taken"):
        read_instants("2026-11-02T08:00:00Z\n" * 3, now=datetime(2026, 11, 5, tzinfo=UTC), most=2)
