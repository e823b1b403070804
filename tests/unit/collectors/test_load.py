"""Load profiles as they are driven: schedules are kept, overdue jobs go out late, and nothing hides a delay."""

import asyncio
import math
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session

from analysis import stats, timing
from analysis.arrivals import load_of
from backends.base import Observation
from clock import Clock
from storage import frames
from tests.unit.collectors.fakes import Desk, FakeBackend, killed, play, until
from words import JobStatus, LoadProfile, Reason

POISSON = {"profile": "poisson", "n": 40, "per_hour": 3600.0, "seed": 4}


def under(desk: Desk, load: dict[str, Any], **more: Any) -> int:
    return desk.ask(warm=0, cold=0, load=load, **more)


def latencies(desk: Desk) -> list[float]:
    with Session(desk.engine) as session:
        return sorted(timing.timed(frames.jobs(session))["latency_s"].drop_nulls().to_list())


async def to_its_end(desk: Desk) -> None:
    await desk.service().run(until=lambda: True)


def test_an_open_loop_keeps_its_schedule_whether_or_not_answers_come(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        under(desk, POISSON)
        desk.backend.run_s = 60  # each takes as long as all arrivals together
        await to_its_end(desk)
        (lane,) = desk.deployments()
        planned = [start.offset_s or 0.0 for start in load_of(POISSON).starts()]
        for job, offset_s in zip(desk.jobs(), planned, strict=True):
            assert job.intended_at - lane.load_from == pytest.approx(
                timedelta(seconds=offset_s), abs=timedelta(0, 0, 1)
            )
            assert job.sent_at == job.intended_at
            assert job.status is JobStatus.SUCCEEDED
        assert {job.profile for job in desk.jobs()} == {LoadProfile.POISSON}

    play(tmp_path, scenario)


def test_a_closed_loop_keeps_so_many_in_flight(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        under(desk, {"profile": "concurrent", "n": 12, "k": 3})
        await to_its_end(desk)
        spans = [(job.sent_at, job.first_finished_at) for job in desk.jobs()]
        at_once = [sum(begun <= sent < ended for begun, ended in spans) for sent, _ in spans]
        assert max(at_once) == 3
        assert at_once.count(3) >= 8

    play(tmp_path, scenario)


def test_gaps_count_from_the_end_of_the_job_before(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        under(desk, {"profile": "eviction_probe", "window_s": 30.0, "repeats": 1})
        await to_its_end(desk)
        gaps = [
            start.gap_s for start in load_of({"profile": "eviction_probe", "window_s": 30.0, "repeats": 1}).starts()
        ]
        jobs = desk.jobs()
        for before, job, gap_s in zip(jobs, jobs[1:], gaps[1:], strict=False):
            assert (job.intended_at - before.first_finished_at).total_seconds() == pytest.approx(gap_s, abs=0.01)

    play(tmp_path, scenario)


def test_after_an_outage_overdue_jobs_go_out_late_and_none_is_dropped(tmp_path: Path) -> None:
    """The next process sends them at once; their latency counts from when they were meant to start."""

    async def scenario(desk: Desk) -> None:
        under(desk, POISSON)
        first = asyncio.create_task(desk.service().run())
        await until(desk.clock, lambda: sum(job.status is not JobStatus.QUEUED for job in desk.jobs()) >= 8)
        await killed(first)
        await desk.clock.sleep(300)
        back_at = desk.clock.now()
        again = desk.restart()
        await to_its_end(again)

        jobs = again.jobs()
        lost = [job for job in jobs if job.status is not JobStatus.SUCCEEDED]
        assert {job.reason for job in lost} <= {Reason.FATE_UNKNOWN}
        assert len(lost) <= 5  # claimed when the process died: whether they were sent, nobody can know
        (lane,) = again.deployments()
        late = [job for job in jobs if job.sent_at and job.sent_at >= back_at]
        assert len(late) >= 20
        for job, start in zip(jobs, load_of(POISSON).starts(), strict=True):
            assert job.intended_at == lane.load_from + timedelta(microseconds=round((start.offset_s or 0) * 1e6))
        with Session(again.engine) as session:
            timed = timing.timed(frames.jobs(session))
        assert timed["dispatch_s"].max() > 250
        assert timed["latency_s"].max() > 250

    play(tmp_path, scenario)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    begins_s=st.floats(0.5, 30),
    stall_s=st.sampled_from((10.0, 3.0, 25.0)),
    seed=st.integers(0, 1000),
)
def test_a_stall_of_the_generator_raises_the_percentile_by_what_the_schedule_implies(
    tmp_path_factory: pytest.TempPathFactory, begins_s: float, stall_s: float, seed: int
) -> None:
    """The process is frozen: what was meant to start meanwhile starts when it wakes, and says so.

    Closed form: latency = service + max(0, waking - intended) for each start within the stall.
    """
    load = {**POISSON, "seed": seed}
    service_s = 10.0

    async def scenario(desk: Desk) -> list[float]:
        under(desk, load)
        desk.backend.queue_s, desk.backend.run_s = 0.0, service_s
        loop: Any = asyncio.get_running_loop()

        def freeze() -> None:
            loop.now_s += stall_s

        task = asyncio.create_task(to_its_end(desk))
        await until(desk.clock, lambda: desk.deployments() != [] and desk.deployments()[0].load_from is not None)
        load_from = desk.deployments()[0].load_from
        loop.call_later((load_from - desk.clock.now()).total_seconds() + begins_s, freeze)
        await task
        return latencies(desk)

    wakes_s = begins_s + stall_s
    starts = [start.offset_s or 0.0 for start in load_of(load).starts()]
    implied = sorted(service_s + (wakes_s - at if begins_s <= at < wakes_s else 0.0) for at in starts)
    reported = play(tmp_path_factory.mktemp("stall"), scenario)
    assert reported == pytest.approx(implied, abs=1e-3)
    p95 = implied[math.ceil(0.95 * len(implied)) - 1]
    assert stats.quantile(reported, 0.95) == pytest.approx(p95, abs=1e-3)


class Serial(FakeBackend):
    """One worker: jobs wait for each other."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.queue_s, self.run_s = 0.0, 10.0

    def _look(self, ref: Any) -> Observation:
        job = self.jobs.get(ref.id)
        earlier = sorted((each for each in self.jobs.values() if not each.cancelled), key=lambda each: each.accepted_at)
        free_at = None
        for each in earlier:
            begun = each.accepted_at if free_at is None else max(free_at, each.accepted_at)
            free_at = begun + timedelta(seconds=self.run_s)
            if job is not None and each.id == job.id:
                waited_s = (begun - each.accepted_at).total_seconds()
                self.queue_s = waited_s
        seen = super()._look(ref)
        self.queue_s = 0.0
        return seen


def test_a_lane_that_cannot_carry_its_load_is_stopped_and_says_so(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        under(desk, {"profile": "constant", "n": 300, "per_hour": 1080.0})
        await to_its_end(desk)
        reasons = desk.reasons()
        assert reasons.count(Reason.SATURATED) >= 150
        assert all(job.status is JobStatus.CANCELLED for job in desk.jobs() if job.reason == Reason.SATURATED)
        assert any("More jobs came in than it could carry" in text for text in desk.told("deployment"))
        assert not desk.backend.standing()

    play(tmp_path, scenario, Serial)


def test_a_lane_that_keeps_up_is_not_stopped(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        under(desk, {"profile": "poisson", "n": 60, "per_hour": 216.0})
        await to_its_end(desk)
        assert [job.status for job in desk.jobs()] == [JobStatus.SUCCEEDED] * 60

    play(tmp_path, scenario, Serial)


def test_a_sample_that_met_the_wrong_start_is_drawn_again_once_with_a_prompt_of_its_own(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.ask(warm=3, cold=1)
        task = asyncio.create_task(to_its_end(desk))
        await until(desk.clock, lambda: any(job.status.final for job in desk.jobs()))
        desk.change(desk.jobs()[2], left_out="cold_in_warm_series")
        await task
        jobs = desk.jobs()
        (again,) = [job for job in jobs if job.redraw_of is not None]
        assert again.redraw_of == jobs[2].id
        assert (again.profile, again.status, again.position) == (LoadProfile.SEQUENTIAL, JobStatus.SUCCEEDED, 4)
        assert again.seed not in {job.seed for job in jobs if job.id != again.id}
        assert again.left_out is None

    play(tmp_path, scenario)


def test_samples_are_drawn_again_within_an_allowance(tmp_path: Path) -> None:
    """A series that never meets its start would go on for ever."""

    async def scenario(desk: Desk) -> None:
        desk.ask(warm=7, cold=1)
        task = asyncio.create_task(to_its_end(desk))
        while not task.done():
            for job in desk.jobs():
                if job.left_out is None:
                    desk.change(job, left_out="warm_in_cold_series")
            await desk.clock.sleep(1)
        await task
        assert len([job for job in desk.jobs() if job.redraw_of is not None]) == 4

    play(tmp_path, scenario)


def test_looks_are_fine_only_around_the_end_that_earlier_jobs_predict(tmp_path: Path) -> None:

    async def scenario(desk: Desk) -> None:
        desk.backend.run_s = 20.0
        desk.ask(warm=6, cold=1)
        await to_its_end(desk)
        looks = desk.backend.count("poll")
        assert looks <= 2 * 22 * len(desk.jobs())
        for job in desk.jobs()[1:]:
            assert job.first_finished_at - job.last_unfinished_at <= timedelta(seconds=0.26)

    play(tmp_path, scenario)
