"""Load profiles: intended starts as pure functions of their data."""

import math
from itertools import pairwise
from statistics import fmean, stdev
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis import arrivals
from analysis.arrivals import Burst, ColdProbe, Concurrent, Constant, EvictionProbe, LoadError, Trace, data_of, load_of
from words import LoadProfile

EXAMPLES: tuple[dict[str, Any], ...] = (
    {"profile": "sequential", "n": 7},
    {"profile": "concurrent", "n": 7, "k": 3},
    {"profile": "constant", "n": 7, "per_hour": 1200.0},
    {"profile": "poisson", "n": 7, "per_hour": 42.0, "seed": 3},
    {"profile": "gamma", "n": 7, "per_hour": 42.0, "cv": 2.0, "seed": 3},
    {"profile": "burst", "size": 4, "bursts": 2, "every_s": 600.0},
    {"profile": "ramp", "n": 7, "from_per_hour": 0.0, "to_per_hour": 360.0},
    {"profile": "trace", "offsets_s": [0.0, 2.5, 2.5, 9.0]},
    {"profile": "cold_probe", "n": 3, "window_s": 10.0},
    {"profile": "eviction_probe", "window_s": 60.0, "repeats": 2, "seed": 5},
)


def offsets(**data: Any) -> list[float]:
    return [start.offset_s for start in load_of(data).starts() if start.offset_s is not None]


@pytest.mark.parametrize("data", EXAMPLES, ids=lambda data: data["profile"])
def test_a_profile_is_data_and_the_same_data_give_the_same_schedule(data: dict[str, Any]) -> None:
    load = load_of(data)
    assert data_of(load) == data
    assert load_of(data_of(load)).starts() == load.starts()
    assert len(load.starts()) == load.n
    assert load.profile == data["profile"]


def test_every_profile_is_shown_here() -> None:
    assert {data["profile"] for data in EXAMPLES} == {profile.value for profile in LoadProfile}
    assert set(arrivals.PROFILES) == set(LoadProfile)


@pytest.mark.parametrize("data", [data for data in EXAMPLES if data["profile"] in ("poisson", "gamma")])
def test_another_seed_gives_another_schedule(data: dict[str, Any]) -> None:
    assert offsets(**data) != offsets(**{**data, "seed": data["seed"] + 1})


def test_closed_loops_name_slots_and_gaps_and_no_instants() -> None:
    assert [start.slot for start in Concurrent(n=5, k=2).starts()] == [0, 1, 0, 1, 0]
    assert {start.offset_s for start in Concurrent(n=5, k=2).starts()} == {None}
    assert [start.gap_s for start in ColdProbe(n=3, window_s=10).starts()] == [0, 15, 15]


def test_constant_arrivals_are_evenly_spaced_from_zero_on() -> None:
    assert offsets(profile="constant", n=4, per_hour=1200) == [0, 3, 6, 9]


def test_a_burst_is_many_at_once_and_again_later() -> None:
    assert [start.offset_s for start in Burst(size=2, bursts=2, every_s=600).starts()] == [0, 0, 600, 600]


def test_a_ramp_has_the_rate_it_names_at_both_ends_and_the_area_below_it() -> None:
    at = offsets(profile="ramp", n=10_000, from_per_hour=360, to_per_hour=3600)
    first, last = at[1] - at[0], at[-1] - at[-2]
    assert first == pytest.approx(10, rel=0.02)
    assert last == pytest.approx(1, rel=0.02)
    assert at[-1] == pytest.approx(2 * 10_000 / (0.1 + 1.0), rel=0.002)
    falling = offsets(profile="ramp", n=100, from_per_hour=3600, to_per_hour=0)
    assert falling == sorted(falling)
    assert math.isfinite(falling[-1])


@pytest.mark.parametrize(("name", "cv"), [("poisson", 1.0), ("gamma", 0.5), ("gamma", 3.0)])
def test_random_arrivals_have_the_mean_and_the_spread_that_they_name(name: str, cv: float) -> None:
    more = {"cv": cv} if name == "gamma" else {}
    at = offsets(profile=name, n=10_000, per_hour=360, seed=11, **more)
    gaps = [after - before for before, after in pairwise([0.0, *at])]
    assert fmean(gaps) == pytest.approx(10, rel=0.1)
    assert stdev(gaps) / fmean(gaps) == pytest.approx(cv, rel=0.1)


def test_an_eviction_probe_lays_each_gap_out_as_often_in_a_drawn_order() -> None:
    gaps = [start.gap_s for start in EvictionProbe(window_s=100, repeats=8).starts()]
    assert gaps[0] == 0
    assert sorted(set(gaps[1:])) == pytest.approx([50, 67, 80, 90, 110, 125, 150, 200])
    assert all(gaps[1:].count(gap) == 8 for gap in set(gaps[1:]))
    assert gaps[1:] != sorted(gaps[1:])
    assert gaps != [start.gap_s for start in EvictionProbe(window_s=100, repeats=8, seed=2).starts()]


@given(st.sampled_from(("poisson", "gamma", "constant")), st.floats(1, 360_000), st.integers(0, 2**32))
def test_open_loop_arrivals_ascend(name: str, per_hour: float, seed: int) -> None:
    more: dict[str, Any] = {} if name == "constant" else {"seed": seed}
    more |= {"cv": 2.0} if name == "gamma" else {}
    at = offsets(profile=name, n=50, per_hour=per_hour, **more)
    assert at == sorted(at)
    assert at[0] >= 0


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"profile": "storm", "n": 1}, "no load profile 'storm'. Known: sequential"),
        ({}, "no load profile 'None'"),
        ({"profile": "poisson", "n": 10, "per_hour": 0}, "per_hour must be above 0"),
        ({"profile": "poisson", "n": 10, "per_hour": -3}, "per_hour must be above 0"),
        ({"profile": "poisson", "n": 10, "per_hour": float("nan")}, "per_hour must be a number"),
        ({"profile": "poisson", "n": 10, "per_hour": "42"}, "per_hour must be a number, not '42'"),
        ({"profile": "poisson", "n": 10}, "takes n, per_hour, seed"),
        ({"profile": "poisson", "n": 10, "per_hour": 1, "rate": 2}, "has no 'rate'. It takes n, per_hour, seed"),
        ({"profile": "sequential", "n": 0}, "n must be a whole number from 1 to 10,000, not 0"),
        ({"profile": "sequential", "n": 10_001}, "n must be a whole number from 1 to 10,000, not 10001"),
        ({"profile": "sequential", "n": True}, "n must be a whole number"),
        ({"profile": "sequential", "n": 2.0}, "n must be a whole number"),
        ({"profile": "concurrent", "n": 2, "k": 3}, "3 jobs cannot be in flight when there are only 2"),
        ({"profile": "gamma", "n": 2, "per_hour": 1, "cv": 0}, "cv must lie between 0.05 and 20"),
        ({"profile": "burst", "size": 101, "bursts": 100}, "n must be a whole number from 1 to 10,000, not 10100"),
        ({"profile": "burst", "size": 1, "every_s": 0}, "every_s must be above 0 s"),
        ({"profile": "ramp", "n": 2, "from_per_hour": 0, "to_per_hour": 0}, "never starts one"),
        ({"profile": "ramp", "n": 2, "from_per_hour": -1, "to_per_hour": 5}, "from_per_hour must lie between 0"),
        ({"profile": "trace", "offsets_s": []}, "n must be a whole number from 1"),
        ({"profile": "trace", "offsets_s": [0, 5, 4]}, "offset 3 of the trace, 4 s, lies before the one above it"),
        ({"profile": "trace", "offsets_s": [-1]}, "offset 1 of the trace"),
        ({"profile": "eviction_probe", "window_s": 1}, "gaps below 1 s"),
        ({"profile": "cold_probe", "n": 1, "window_s": 0}, "window_s must be above 0 s"),
    ],
)
def test_an_impossible_profile_is_refused_with_its_reason(data: dict[str, Any], said: str) -> None:
    with pytest.raises(LoadError) as refused:
        load_of(data)
    assert said in str(refused.value)


def test_a_constant_load_and_a_trace_of_its_instants_are_the_same() -> None:
    load = Constant(n=5, per_hour=60)
    assert Trace(offsets_s=[start.offset_s or 0.0 for start in load.starts()]).starts() == load.starts()
