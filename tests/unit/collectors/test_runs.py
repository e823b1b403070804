"""A run: lanes side by side, each to its end whatever the others do, and the proof that nothing is left."""

import asyncio
import itertools
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from backends.errors import Unavailable
from collectors.deployments import STOPPED
from collectors.runs import PROOF_GAP_S, PROOF_TRIES, drive_run
from storage.models import Job
from tests.unit.collectors.fakes import RENTED, SERVERLESS, Desk, FakeBackend, killed, play, until
from words import DeploymentState, Feature, JobStatus, LoadProfile, Reason, RunStatus


def second(**more: Any):  # type: ignore[no-untyped-def]
    return lambda clock: FakeBackend(clock, name="beta", **more)


# ---------------------------------------------------------------- layout


def test_capacity_that_scales_to_zero_needs_one_lane_first_cold_then_warm_then_probes(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> list[tuple[int, str]]:
        await drive_run(desk.ctx, desk.ask(warm=2, cold=3))
        return [(job.position, job.profile.value) for job in desk.jobs()]

    assert play(tmp_path, scenario) == [
        (0, LoadProfile.COLD_PROBE),
        (1, LoadProfile.SEQUENTIAL),
        (2, LoadProfile.SEQUENTIAL),
        (3, LoadProfile.COLD_PROBE),
        (4, LoadProfile.COLD_PROBE),
    ]


def test_where_only_a_fresh_host_is_cold_every_cold_job_has_a_host_and_warm_ones_are_dealt_out(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> dict[str, list[str]]:
        await drive_run(desk.ctx, desk.ask(warm=5, cold=3))
        return {
            row.key: [job.profile.value for job in desk.jobs() if job.deployment_id == row.id]
            for row in desk.deployments()
        }

    found = play(tmp_path, scenario, lambda clock: FakeBackend(clock, features=RENTED))
    probe, warm = LoadProfile.COLD_PROBE.value, LoadProfile.SEQUENTIAL.value
    assert {key[-1]: jobs for key, jobs in found.items()} == {
        "0": [probe, warm, warm],
        "1": [probe, warm, warm],
        "2": [probe, warm],
    }


def test_every_provider_gets_the_same_prompts_and_seeds_and_no_seed_twice_within_a_provider(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> dict[str, list[tuple[str, int]]]:
        await drive_run(desk.ctx, desk.ask(warm=4, cold=2))
        backend_of = {row.id: row.backend for row in desk.deployments()}
        asked: dict[str, list[tuple[str, int]]] = {}
        for job in desk.jobs():
            asked.setdefault(backend_of[job.deployment_id], []).append((job.prompt_id, job.seed))
        return asked

    asked = play(tmp_path, scenario, FakeBackend, second(features=RENTED))
    assert sorted(asked["alpha"]) == sorted(asked["beta"])
    assert len({seed for _, seed in asked["alpha"]}) == 6


def test_jobs_of_a_lane_go_one_after_the_other(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> list[Job]:
        await drive_run(desk.ctx, desk.ask(warm=5))
        return desk.jobs()

    jobs = play(tmp_path, scenario)
    for earlier, later in itertools.pairwise(jobs):
        assert earlier.first_finished_at <= later.intended_at


def test_lanes_run_side_by_side(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> float:
        started = desk.clock.now()
        await drive_run(desk.ctx, desk.ask(warm=3))
        return (desk.clock.now() - started).total_seconds()

    alone = play(tmp_path / "alone", scenario)
    assert play(tmp_path / "two", scenario, FakeBackend, second()) == pytest.approx(alone, abs=2)


def test_a_cold_probe_waits_until_the_capacity_before_it_has_surely_gone(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> list[Job]:
        await drive_run(desk.ctx, desk.ask(warm=1, cold=3, idle_timeout_s=60))
        return desk.jobs()

    first, warm, probe, again = play(tmp_path, scenario)
    assert warm.intended_at - first.first_finished_at < timedelta(seconds=2)
    for before, after in ((warm, probe), (probe, again)):
        gap_s = (after.intended_at - before.first_finished_at).total_seconds()
        assert 60 * 1.2 + 3 <= gap_s < 60 * 1.2 + 5


def test_the_end_of_a_run_proves_that_nothing_of_it_is_left(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> tuple[Any, set[DeploymentState], int]:
        run_id = desk.ask()
        desk.backend._rent(f"bakeoff-t-r{run_id}0-alpha-0")  # run 10 is another
        await drive_run(desk.ctx, run_id)
        return desk.run(), {row.state for row in desk.deployments()}, len(desk.backend.standing())

    run, states, standing = play(tmp_path, scenario)
    assert (run.status, run.left_running, run.stop_reason) == (RunStatus.DONE, 0, None)
    assert states == {DeploymentState.GONE}
    assert standing == 1
    assert run.started_at < run.ended_at


def test_where_the_provider_cannot_be_asked_what_is_left_is_unknown_and_not_zero(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> tuple[Any, list[str]]:
        desk.backend.plan("live", *[Unavailable("away")] * PROOF_TRIES)
        await drive_run(desk.ctx, desk.ask())
        return desk.run(), desk.told("run")

    run, told = play(tmp_path, scenario)
    assert (run.status, run.left_running) == (RunStatus.DONE, None)
    assert told[-1] == "Run 1 is done; what is left running is not known."


def test_a_provider_that_is_away_for_a_moment_does_not_cost_the_proof(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> tuple[Any, Any]:
        desk.backend.plan("live", *[Unavailable("away")] * (PROOF_TRIES - 1))
        await drive_run(desk.ctx, desk.ask())
        return desk.run(), desk.deployments()[0].ended_at

    run, gone_at = play(tmp_path, scenario)
    assert (run.status, run.left_running) == (RunStatus.DONE, 0)
    assert run.ended_at - gone_at == timedelta(seconds=(PROOF_TRIES - 1) * PROOF_GAP_S)


# ---------------------------------------------------------------- one lane's trouble is its own


def test_a_provider_that_refuses_everything_leaves_the_other_lane_alone(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> dict[str, list[str | None]]:
        desk.backend.plan("offers", *[Unavailable("away")] * 9)
        await drive_run(desk.ctx, desk.ask())
        return reasons_by_backend(desk)

    assert play(tmp_path, scenario, FakeBackend, second()) == {
        "alpha": [Reason.NOT_SENT] * 3,
        "beta": [None] * 3,
    }


def test_a_fault_of_ours_in_one_lane_ends_its_jobs_tears_it_down_and_leaves_the_other_alone(tmp_path: Path) -> None:
    class Faulty(FakeBackend):
        async def observe(self, ref):  # type: ignore[no-untyped-def]
            raise KeyError(ref.key)

    async def scenario(desk: Desk) -> tuple[dict[str, list[str | None]], RunStatus, int]:
        await drive_run(desk.ctx, desk.ask())
        return reasons_by_backend(desk), desk.run().status, len(desk.backend.standing())

    reasons, status, standing = play(tmp_path, scenario, Faulty, second())
    assert reasons == {"alpha": [Reason.NOT_SENT] * 3, "beta": [None] * 3}
    assert (status, standing) == (RunStatus.DONE, 0)


def test_a_lane_that_cannot_even_be_torn_down_waits_for_the_others_and_fails_the_run(tmp_path: Path) -> None:
    class Faulty(FakeBackend):
        async def teardown(self, ref):  # type: ignore[no-untyped-def]
            if self.count("teardown") == 0:
                self.calls.append(("teardown", ref.key))
                raise KeyError("a reply without a state")
            await super().teardown(ref)

    async def scenario(desk: Desk) -> tuple[dict[str, list[str | None]], Any, int]:
        await drive_run(desk.ctx, desk.ask())
        return reasons_by_backend(desk), desk.run(), len(desk.backend.standing())

    reasons, run, standing = play(tmp_path, scenario, Faulty, second(run_s=100.0))
    assert reasons == {"alpha": [None] * 3, "beta": [None] * 3}
    assert (run.status, run.stop_reason, standing) == (RunStatus.FAILED, "a fault of ours", 0)


def reasons_by_backend(desk: Desk) -> dict[str, list[str | None]]:
    backend_of = {row.id: row.backend for row in desk.deployments()}
    found: dict[str, list[str | None]] = {}
    for job in desk.jobs():
        assert job.status.final, job
        found.setdefault(backend_of[job.deployment_id], []).append(job.reason)
    return found


# ---------------------------------------------------------------- refused runs


def test_a_run_on_a_provider_without_a_key_fails_with_the_way_out_and_rents_nothing(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> tuple[Any, int, int]:
        await drive_run(desk.ctx, desk.ask(backends=("alpha", "beta")))
        return desk.run(), desk.backend.count("deploy"), len(desk.jobs())

    run, orders, jobs = play(tmp_path, scenario)
    assert (run.status, orders, jobs) == (RunStatus.FAILED, 0, 0)
    assert run.stop_reason == "This collector has no backend 'beta'. Set its key and start the collector again."


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"plan": {"workflow": "sdxl", "backends": ["alpha"], "warm": 1, "cold": 1, "idle_timeout_s": 9}}, "'sdxl'"),
        ({"params": {"width": 7}}, "width"),
    ],
)
def test_a_run_whose_workflow_does_not_take_it_fails_with_the_cause(
    tmp_path: Path, values: dict[str, Any], says: str
) -> None:
    async def scenario(desk: Desk) -> Any:
        run_id = desk.ask()
        desk.change(desk.run(), **values)
        await drive_run(desk.ctx, run_id)
        return desk.run()

    run = play(tmp_path, scenario)
    assert run.status is RunStatus.FAILED
    assert says in run.stop_reason


def test_a_key_that_went_missing_while_the_run_was_open_ends_its_lane_and_no_other(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> tuple[dict[str, list[str | None]], Any, list[str]]:
        task = asyncio.create_task(drive_run(desk.ctx, desk.ask()))
        await until(desk.clock, lambda: bool(desk.backend.jobs))
        await killed(task)
        again = desk.restart()
        again.ctx.backends = {"alpha": desk.backend}
        await drive_run(again.ctx, 1)
        return reasons_by_backend(desk), desk.run(), [row.state.value for row in desk.deployments()]

    reasons, run, states = play(tmp_path, scenario, FakeBackend, second())
    assert reasons["alpha"] == [None] * 3
    assert set(reasons["beta"]) <= {Reason.NOT_SENT, Reason.FATE_UNKNOWN}
    assert (run.status, run.left_running) == (RunStatus.DONE, None)
    assert sorted(states) == [DeploymentState.GONE, DeploymentState.READY]  # it may still stand: nothing is claimed


# ---------------------------------------------------------------- stop and restart


async def stopped_at(desk: Desk, after_s: float, **more: Any) -> float:
    """Stop a run after so many seconds; gives how long it took to end."""
    run_id = desk.ask(**more)
    task = asyncio.create_task(drive_run(desk.ctx, run_id))
    await desk.clock.sleep(after_s)
    asked_at = desk.clock.now()
    desk.change(desk.run(), stop_reason="asked by ada")
    desk.ctx.stopping.add(run_id)
    await task
    return (desk.clock.now() - asked_at).total_seconds()


@pytest.mark.parametrize("after_s", [0, 5, 31, 35, 45, 100])
def test_a_stopped_run_ends_within_a_minute_with_every_job_final_and_nothing_left(
    tmp_path: Path, after_s: float
) -> None:
    async def scenario(desk: Desk) -> tuple[float, Any, set[str | None], int]:
        took_s = await stopped_at(desk, after_s, warm=3, cold=3, idle_timeout_s=600)
        reasons = set(desk.reasons())
        assert all(job.status.final for job in desk.jobs())
        return took_s, desk.run(), reasons, len(desk.backend.standing())

    took_s, run, reasons, standing = play(tmp_path, scenario)
    assert took_s <= 25
    assert (run.status, run.stop_reason, run.left_running) == (RunStatus.STOPPED, "asked by ada", 0)
    assert Reason.STOPPED in reasons <= {None, Reason.STOPPED}
    assert standing == 0


def test_a_run_stopped_before_it_rents_rents_nothing(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> tuple[int, str | None, set[JobStatus]]:
        await stopped_at(desk, 0)
        return desk.backend.count("deploy"), desk.deployments()[0].reason, {job.status for job in desk.jobs()}

    assert play(tmp_path, scenario) == (0, STOPPED, {JobStatus.CANCELLED})


def test_a_stop_outlives_the_collector_that_heard_it(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> tuple[int, Any, set[str | None]]:
        task = asyncio.create_task(drive_run(desk.ctx, desk.ask(warm=5)))
        await until(desk.clock, lambda: len(desk.backend.jobs) == 2)
        await killed(task)
        desk.change(desk.run(), stop_reason="asked by ada")
        await drive_run(desk.restart().ctx, 1)
        return desk.backend.count("submit"), desk.run(), set(desk.reasons())

    submits, run, reasons = play(tmp_path, scenario)
    assert submits == 2
    assert (run.status, run.left_running) == (RunStatus.STOPPED, 0)
    assert reasons == {None, Reason.STOPPED}


@pytest.mark.parametrize("features", [SERVERLESS, RENTED])
@pytest.mark.parametrize("kills", [3, 7])
def test_a_run_whose_collector_dies_again_and_again_still_ends_and_pays_once(
    tmp_path: Path, features: frozenset[Feature], kills: int
) -> None:
    async def scenario(desk: Desk) -> tuple[Any, list[str], int]:
        desk.ask(warm=3, cold=2)
        for _ in range(kills):
            task = asyncio.create_task(drive_run(desk.restart().ctx, 1))
            await desk.clock.sleep(9.7)
            await killed(task)
        await drive_run(desk.restart().ctx, 1)
        paid = [key for verb, key in desk.backend.calls if verb in ("deploy", "submit")]
        return desk.run(), paid, len(desk.backend.standing())

    run, paid, standing = play(tmp_path, scenario, lambda clock: FakeBackend(clock, features=features))
    assert (run.status, run.left_running, standing) == (RunStatus.DONE, 0, 0)
    assert len(paid) == len(set(paid))


@pytest.mark.parametrize("status", [RunStatus.RUNNING, RunStatus.TEARING_DOWN])
def test_a_run_killed_near_its_end_is_finished_without_a_new_order(tmp_path: Path, status: RunStatus) -> None:
    async def scenario(desk: Desk) -> tuple[Any, int, int]:
        await drive_run(desk.ctx, desk.ask())
        desk.change(desk.run(), status=status, ended_at=None, left_running=None)
        await drive_run(desk.restart().ctx, 1)
        return desk.run(), desk.backend.count("deploy"), desk.backend.count("submit")

    run, orders, submits = play(tmp_path, scenario)
    assert (run.status, run.left_running, orders, submits) == (RunStatus.DONE, 0, 1, 3)


def test_a_run_laid_out_once_is_not_laid_out_again(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> tuple[int, int]:
        task = asyncio.create_task(drive_run(desk.ctx, desk.ask()))
        await until(desk.clock, lambda: bool(desk.jobs()))
        await killed(task)
        await drive_run(desk.restart().ctx, 1)
        return len(desk.jobs()), len(desk.deployments())

    assert play(tmp_path, scenario) == (3, 1)
