"""What holds for every pool, whatever is asked of it and in whatever order."""

import itertools
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from simulator.engine import US
from simulator.ledger import Ledger, Rented, truth
from simulator.pool import Pool, SimJob
from simulator.world import World, load_world
from tests.unit.simulator.stand import GPU, Stand, spans, world_with

HOSTILE = load_world("hostile")
# Every host alike, so that which worker takes a job makes no difference to it; a duplicate needs an earlier job.
FAIR: World = world_with(
    "hostile",
    host_sigma=0.0,
    failures={"out_of_memory": 0.1, "execution_error": 0.1, "worker_lost": 0.1, "black": 0.1, "result_missing": 0.1},
)
SERIALS = st.integers(0, 10**6)
STEP = st.one_of(
    st.tuples(st.just("submit"), st.integers(0, 3), st.sampled_from([None, 5, 600])),
    st.tuples(st.just("wait"), st.floats(0, 400), st.none()),
    st.tuples(st.just("cancel"), SERIALS, st.none()),
    st.tuples(st.just("visit"), st.integers(0, 3), st.none()),
    st.tuples(st.just("close"), st.integers(0, 3), st.none()),
)
STORY = st.lists(STEP, max_size=40)


def play(story: Sequence[tuple[Any, ...]], *, exists: int, max_workers: int) -> tuple[Stand, list[Pool], list[SimJob]]:
    """Four pools that share one capacity live through a story; then the world goes on until nothing happens."""
    stand = Stand(HOSTILE, exists={GPU: exists})
    pools = [stand.pool(f"d{number}", max_workers=max_workers) for number in range(4)]
    jobs: list[SimJob] = []
    homes: dict[str, Pool] = {}
    for verb, what, limit_s in story:
        if verb == "submit" and pools[what].closed_us is None:
            jobs.append(stand.submit(pools[what], f"j{len(jobs)}", seed=len(jobs), limit_s=limit_s))
            homes[jobs[-1].id] = pools[what]
        elif verb == "wait":
            stand.wait(what)
        elif verb == "cancel" and jobs:
            job = jobs[what % len(jobs)]
            homes[job.id].cancel(job)
        elif verb in ("visit", "close"):
            getattr(pools[what], verb)()
    stand.wait(30 * 86_400)
    return stand, pools, jobs


def stood_ready(job: SimJob) -> bool:
    """Was its worker, which it is the first job of, ready before it came?"""
    worker = job.worker
    assert worker
    return worker.jobs[0] is job and worker.ready_us is not None and worker.ready_us <= job.accepted_us


@given(STORY, st.integers(1, 4), st.integers(1, 3))
@example([("visit", 0, None), ("wait", 17.0, None), ("submit", 0, None)], 1, 1)
def test_every_job_ends_and_says_how(story: list[tuple[Any, ...]], exists: int, max_workers: int) -> None:
    stand, _, jobs = play(story, exists=exists, max_workers=max_workers)
    for job in jobs:
        assert job.final, job
        assert job.fate is not None
        assert job.done_us is not None
        assert job.accepted_us <= (job.picked_us or job.accepted_us) <= job.done_us
        assert (job.start_kind is None) == (job.picked_us is None or stood_ready(job))
        assert job.picked_us is not None or job.state == "cancelled"
        if job.limit_us is not None and job.picked_us is not None:
            assert job.done_us - job.picked_us <= job.limit_us
    assert stand.engine.next_us() is None


@given(STORY, st.integers(1, 4), st.integers(1, 3))
def test_a_worker_runs_one_job_at_a_time_and_only_while_it_lives(
    story: list[tuple[Any, ...]], exists: int, max_workers: int
) -> None:
    _, pools, jobs = play(story, exists=exists, max_workers=max_workers)
    for pool in pools:
        for worker, runs in zip(pool.workers, spans(pool.workers), strict=True):
            assert all(earlier[1] <= later[0] for earlier, later in itertools.pairwise(runs))
            assert worker.stopped_us is not None
            assert all((worker.ready_us or 0) <= start <= end <= worker.stopped_us for start, end in runs)
    ran = [job.id for pool in pools for worker in pool.workers for job in worker.jobs]
    assert sorted(ran) == sorted(job.id for job in jobs if job.picked_us is not None)


@given(STORY, st.integers(1, 4), st.integers(1, 3))
def test_no_more_workers_live_at_once_than_exist_and_than_the_pool_may_have(
    story: list[tuple[Any, ...]], exists: int, max_workers: int
) -> None:
    stand, pools, _ = play(story, exists=exists, max_workers=max_workers)
    lives = [(worker.created_us, worker.stopped_us or 0, pool.name) for pool in pools for worker in pool.workers]
    assert most_at_once(lives) <= exists
    for pool in pools:
        assert most_at_once([life for life in lives if life[2] == pool.name]) <= max_workers
    assert stand.capacity.free(GPU) == exists


@given(STORY)
def test_a_pool_of_one_bills_intervals_that_never_overlap(story: list[tuple[Any, ...]]) -> None:
    """What is billed is a worker's life from its pulled image on; with one worker at a time no second counts twice."""
    _, pools, _ = play(story, exists=9, max_workers=1)
    for pool in pools:
        billed = [(worker.pulled_us, worker.stopped_us) for worker in pool.workers if worker.pulled_us is not None]
        assert all(start <= (end or 0) for start, end in billed)
        assert all((earlier[1] or 0) <= later[0] for earlier, later in itertools.pairwise(billed))


@given(STORY, st.lists(st.integers(0, 4000), max_size=30))
def test_how_often_the_world_is_looked_at_changes_nothing_in_it(story: list[tuple[Any, ...]], looks: list[int]) -> None:
    def seen(cuts: Sequence[int]) -> list[Any]:
        stand = Stand(HOSTILE, exists={GPU: 3})
        pool = stand.pool(max_workers=2)
        jobs = [stand.submit(pool, f"j{number}", seed=number) for number, _ in enumerate(story)]
        start_us = stand.engine.now_us
        for cut_s in sorted(cuts):
            stand.engine.advance(start_us + cut_s * US)
        stand.engine.advance(start_us + 86_400 * US)
        return [(job.state, job.fate, job.picked_us, job.done_us) for job in jobs]

    assert seen(looks) == seen([])


@given(st.permutations(range(8)), st.integers(1, 8), st.lists(st.floats(0, 100), min_size=8, max_size=8))
def test_the_order_and_the_moments_of_arrival_cannot_change_a_jobs_fate(
    order: list[int], max_workers: int, gaps_s: list[float]
) -> None:
    def fates(arrivals: Sequence[int], workers: int, gaps: Sequence[float]) -> dict[int, Any]:
        stand = Stand(FAIR)
        pool = stand.pool(max_workers=workers)
        jobs = {}
        for seed, gap_s in zip(arrivals, gaps, strict=True):
            stand.wait(gap_s)
            jobs[seed] = stand.submit(pool, f"j{seed}", seed=seed)
        stand.finish(*jobs.values())
        return {seed: (job.fate, job.run) for seed, job in jobs.items()}

    assert fates(order, max_workers, gaps_s) == fates(range(8), 1, [0.0] * 8)


@given(STORY, st.integers(1, 4), st.integers(1, 3))
@settings(max_examples=50)
def test_the_truth_counts_each_picked_job_once_and_adds_up(
    story: list[tuple[Any, ...]], exists: int, max_workers: int
) -> None:
    _, pools, jobs = play(story, exists=exists, max_workers=max_workers)
    ledger = Ledger()
    for pool in pools:
        rate = Decimal(str(HOSTILE.provider("runpod").price[GPU].usd_per_s))
        ledger.rented.append(
            Rented(backend="runpod", name=pool.name, resource_id="r", usd_per_s=rate, pool=pool, created_us=0)
        )
    found = truth(ledger)
    ended = [job for job in jobs if job.picked_us is not None and job.state != "cancelled"]
    assert found["jobs"] == len(jobs)
    assert sum(cell["n"] for cell in found["cells"]) == len(ended)
    good = sum(job.good for job in ended)
    assert sum(cell["n"] * cell["success_rate"] for cell in found["cells"]) == pytest.approx(good)
    assert sum(row["good_images"] for row in found["deployments"]) == good


def most_at_once(lives: Sequence[tuple[int, int, str]]) -> int:
    """The most lives [start, end) that any instant has."""
    edges = sorted([(start, 1) for start, _, _ in lives] + [(end, -1) for _, end, _ in lives])
    return max(itertools.accumulate(change for _, change in edges), default=0)
