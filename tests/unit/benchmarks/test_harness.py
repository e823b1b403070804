"""The harness's figures on made-up runs, whose truth is known, and its bounds, each of which can fail."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from benchmarks.harness_load import Load, rate, requests
from benchmarks.harness_table import Contender, bounds, compared, plain

LOAD = Load(spaces=2, short_n=40, short_per_s=10.0, short_s=2.0, levels=(20, 1000, 2000), per_s=100.0, hold_s=5.0,
            extra=100, long_s=40.0)  # fmt: skip
LATE_S = {20: 0.001, 1000: 0.002, 2000: 0.003}


def told(after_s: float, number: int) -> dict[str, Any]:
    """A job sent a millisecond late, seen 200 ms after its end, corrected to within 10 ms."""
    due, name = 1000 + after_s, f"j{number}"
    done = due + 2
    return {"due": due, "sent": due + 0.001, "id": name, "seen": done + 0.2, "unseen": done - 0.1,
            "corrected": done - 0.01}  # fmt: skip


@pytest.fixture
def ours() -> Contender:
    """A run that holds every bound."""
    jobs = [told(at, n) for n, at in enumerate(sorted(at for space in LOAD.offsets_s() for at in space))]
    accepted = {job["id"]: [round((job["sent"] + 0.004) * 1e6), round((job["due"] + 2) * 1e6), "warm"] for job in jobs}
    looks = [(1000.0 + at / 4, {"s1/status": 4 * at, "s2/status": 100 * at, "other/status": 999}) for at in range(400)]
    return Contender(
        start_at=1000.0, endpoints=["s1", "s3", "s2", "s4"], told=jobs, looks=[], used=lambda *_: (0.2, 150.0),
        truth=accepted, counts=looks, floors_ms=(1.0, 1.4),
    )  # fmt: skip


def failing(contender: Contender) -> list[str]:
    return [check.name for check in bounds(LOAD, contender, timed=True) if not check.holds]


def test_a_run_within_its_bounds_holds_them_all(ours: Contender) -> None:
    ours.counts = [(at, {name: min(n, 120) if name == "s1/status" else n * 5 for name, n in seen.items()})
                   for at, seen in ours.counts]  # fmt: skip
    assert failing(ours) == []


def changed(ours: Contender, **values: Any) -> Contender:
    return replace(ours, told=[{**job, **{name: job[base] + by for name, (base, by) in values.items()}}
                               for job in ours.told])  # fmt: skip


@pytest.mark.parametrize(
    ("values", "bound"),
    [
        ({"sent": ("due", 0.0045)}, "sent late at 1,000 in flight, p99 ms"),
        ({"seen": ("seen", 0.06)}, "latency error by looking, p95 ms"),
        ({"corrected": ("corrected", -0.05)}, "latency error by the provider's seconds, p95 ms"),
        ({"corrected": ("corrected", 0.07)}, "latency error by the provider's seconds, p95 ms"),
        ({"unseen": ("unseen", 0.11)}, "truth inside its bracket, %"),
    ],
)
def test_each_bound_on_time_can_fail(ours: Contender, values: Mapping[str, Any], bound: str) -> None:
    assert bound in failing(changed(ours, **values))


def test_what_is_sent_late_within_three_ms_of_the_machines_own_timers_holds(ours: Contender) -> None:
    late = changed(ours, sent=("due", 0.0043))
    assert "sent late at 1,000 in flight, p99 ms" not in failing(late)
    late.floors_ms = (1.0, 1.0)
    assert "sent late at 1,000 in flight, p99 ms" in failing(late)


@pytest.mark.parametrize(("cores", "hz", "most"), [(0.4, 1.0, 1.0), (0.6, 1.0, 0.5), (0.4, 0.5, 0.5)])
def test_cpu_is_held_to_one_look_a_second_and_job(ours: Contender, cores: float, hz: float, most: float) -> None:
    """Whoever looks half as often must not look half as dear."""
    ours.counts = [(1000.0 + at, {"s2/status": round(at * 1000 * hz)}) for at in range(100)]
    ours.used = lambda *_: (cores, 150.0)
    found = ours.figures(LOAD)
    assert found["looks a second and job at 1,000"] == pytest.approx(hz)
    assert found["CPU at 1,000 in flight and one look a second, cores"] == pytest.approx(cores / hz)
    assert ("CPU at 1,000 in flight and one look a second, cores" in failing(ours)) is (cores / hz > 0.5)
    assert most >= 0.5


def test_looks_are_held_against_one_each_second_of_the_short_jobs(ours: Contender) -> None:
    """40 short jobs of 2.2 s; the other half of the endpoints has the long ones."""
    ours.counts = [(1001.0, {"s1/status": 100, "s3/status": 76, "s2/status": 5000})]
    assert ours.figures(LOAD)["looks a job and second of its life"] == pytest.approx(176 / 88)
    assert "looks a job and second of its life" not in failing(ours)
    ours.counts = [(1001.0, {"s1/status": 100, "s3/status": 77})]
    assert "looks a job and second of its life" in failing(ours)


def test_only_warm_jobs_count_for_the_latency_error(ours: Contender) -> None:
    cold = {job["id"] for job in ours.told[:4]}
    ours.told = [{**job, "seen": job["seen"] + 5} if job["id"] in cold else job for job in ours.told]
    assert ours.figures(LOAD)["latency error by looking, p95 ms"] == pytest.approx(5200)
    ours.truth = {name: [*true[:2], "cold" if name in cold else "warm"] for name, true in ours.truth.items()}
    assert ours.figures(LOAD)["latency error by looking, p95 ms"] == pytest.approx(200)


def test_a_failed_job_fails_the_run_and_an_open_one_does_not(ours: Contender) -> None:
    first, *rest = ours.told
    ours.told = [{name: first[name] for name in ("due", "sent")}, *rest]
    assert "jobs that failed" not in failing(ours)
    ours.told = [{**first, "error": "timeout"}, *rest]
    assert "jobs that failed" in failing(ours)


def test_quick_runs_have_no_bound_on_time(ours: Contender) -> None:
    assert [check.name for check in bounds(LOAD, ours, timed=False)] == [
        "truth inside its bracket, %", "jobs that failed",
    ]  # fmt: skip


def test_the_load_climbs_to_each_level_and_stays_there(ours: Contender) -> None:
    offsets = sorted(at for space in LOAD.offsets_s() for at in space)
    for level in LOAD.levels:
        since, until = LOAD.window(level)
        assert until - since == pytest.approx(LOAD.hold_s - LOAD.settle_s)
        assert sum(LOAD.long_at <= at < since for at in offsets) == level
        assert not [at for at in offsets if since < at < until - 1e-6]
    assert len(offsets) == 40 + 2000 + 100
    assert max(offsets) - LOAD.long_at < LOAD.long_s  # the first is still in flight when the last is sent
    assert len(ours.told) == len(offsets)


def test_every_script_gets_the_same_jobs_at_the_same_times() -> None:
    jobs = requests(LOAD, ["a", "b", "c", "d"])
    assert [job["after_s"] for job in jobs] == sorted(at for space in LOAD.offsets_s() for at in space)
    steps = {job["url"]: job["body"]["input"]["workflow"]["sampler"]["inputs"]["steps"] for job in jobs}
    assert steps["a"] == steps["b"] < steps["c"] == steps["d"]


def test_the_table_shows_how_many_times_ours_theirs_is(ours: Contender) -> None:
    theirs = changed(ours, seen=("seen", 0.6))
    table = compared(LOAD, {"script": theirs, "ours": ours})
    assert [column.header for column in table.columns] == ["", "ours", "httpx script", "ratio"]
    cells = dict(
        zip(table.columns[0].cells, zip(*(column.cells for column in table.columns[1:]), strict=True), strict=True)
    )
    assert cells["latency error by looking, p95 ms"] == ("200", "800", "4.0x")


def test_what_is_not_known_is_none() -> None:
    assert plain({"a": math.nan, "b": 1.5}) == {"a": None, "b": 1.5}


def test_a_rate_is_of_the_counts_in_between_and_where_those_are_few_of_those_around() -> None:
    counts = [(float(at), {"looks": 10 * at}) for at in range(0, 9, 2)] + [(10.0, {"looks": 180})]

    assert rate(counts, ["looks"], 1.0, 7.0) == 10.0
    assert rate(counts, ["looks"], 8.5, 9.5) == 50.0, "of the last before and the first after"
    assert math.isnan(rate(counts[:1], ["looks"], 0.0, 9.0))
