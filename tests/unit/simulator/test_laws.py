"""Fates and durations: the same for the same key, whoever asks first, in every process."""

import math
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

from simulator.laws import Laws, ideal_s
from simulator.world import load_world
from tests.unit.simulator.stand import GPU, asked, failing, world_with

ROOT = Path(__file__).resolve().parents[3]
DRAWS = """
from simulator.laws import Laws
from simulator.world import load_world
from tests.unit.simulator.stand import asked
laws = Laws(load_world("hostile"), "vast", 7)
print([laws.boot("d", index) for index in range(5)])
print([laws.run("d", asked(seed), 1, gpu="L40S", host_factor=1.0) for seed in range(20)])
"""


def laws(name: str = "default", provider: str = "runpod", seed: int = 1) -> Laws:
    return Laws(load_world(name), provider, seed)


def run(own: Laws, seed: int, *, attempt: int = 1, deployment: str = "d", host_factor: float = 1.0):  # type: ignore[no-untyped-def]
    return own.run(deployment, asked(seed), attempt, gpu=GPU, host_factor=host_factor)


def test_draws_depend_on_their_key_and_not_on_the_order_of_asking() -> None:
    forwards, backwards = laws(), laws()
    first = {seed: run(forwards, seed) for seed in range(30)}
    second = {seed: run(backwards, seed) for seed in reversed(range(30))}
    assert first == second
    assert [forwards.boot("d", n) for n in (2, 0)] == list(reversed([backwards.boot("d", n) for n in (0, 2)]))


def test_every_part_of_the_key_matters() -> None:
    base = run(laws("hostile"), 1)
    others = [
        run(laws("hostile"), 2),
        run(laws("hostile"), 1, attempt=2),
        run(laws("hostile"), 1, deployment="e"),
        run(laws("hostile", seed=2), 1),
        laws("hostile").run("d", asked(1, "a cat"), 1, gpu=GPU, host_factor=1.0),
        run(laws("hostile", provider="modal"), 1),
    ]
    assert all(other != base for other in others)
    assert laws("hostile").boot("d", 0) != laws("hostile").boot("d", 1)


def test_the_same_seed_draws_the_same_in_another_process_with_other_hashes() -> None:
    outputs = {
        subprocess.run(
            [sys.executable, "-c", DRAWS], cwd=ROOT, env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("0", "4711")
    }
    assert len(outputs) == 1
    assert b"RunDraw" in outputs.pop()


def test_the_ideal_time_is_steps_times_forward_passes_plus_the_fixed_part() -> None:
    world = load_world("default")
    assert ideal_s(world, asked(), "H100") == pytest.approx(20 * 0.1811 + 0.35)
    guided = asked(model="qwen-image-2512", width=1328, height=1328, steps=50, cfg=4.0)
    assert ideal_s(world, guided, "H100") == pytest.approx(50 * 2 * 0.3568 + 0.9)
    assert ideal_s(world, asked(model="qwen-image-2512", width=1328, height=1328, steps=4), "H100") == pytest.approx(
        4 * 0.3568 + 0.9
    )


def test_step_time_follows_the_two_measured_sizes_of_qwen() -> None:
    """0.2005 s at 1024 px and 0.3568 s at 1328 px on an H100 (gpu_step_times.json, 2026-11-23)."""
    world = load_world("default")
    small = asked(model="qwen-image-2512", steps=1)
    found = ideal_s(world, small, "H100")
    assert found is not None
    assert found - 0.9 == pytest.approx(0.2005, rel=0.01)


def test_a_model_that_does_not_fit_has_no_time_and_a_graph_without_one_takes_none() -> None:
    world = load_world("default")
    assert ideal_s(world, asked(model="qwen-image-2512"), "RTX 4090") is None
    assert ideal_s(world, asked(model="unknown"), "H100") == 0.0


def test_the_host_makes_the_gpu_part_slower_and_leaves_the_overhead() -> None:
    own = laws("quiet")
    overhead_us = round(own.own.overhead_s * 1e6)
    plain, slow = run(own, 1), run(own, 1, host_factor=1.5)
    assert slow.execution_us - overhead_us == pytest.approx(1.5 * (plain.execution_us - overhead_us), abs=2)
    assert slow.load_us == plain.load_us


def test_spread_is_lognormal_around_the_median() -> None:
    own = laws("default", "vast")
    pulls = [own.boot("d", index).pull_us / 1e6 for index in range(3000)]
    assert statistics.median(pulls) == pytest.approx(210, rel=0.03)
    assert statistics.stdev(math.log(pull) for pull in pulls) == pytest.approx(0.3, rel=0.05)
    factors = [own.boot("d", index).host_factor for index in range(3000)]
    assert statistics.stdev(math.log(factor) for factor in factors) == pytest.approx(0.05, rel=0.05)


def test_a_quiet_world_has_no_spread_at_all() -> None:
    own = laws("quiet")
    assert {own.boot("d", index) for index in range(20)} == {own.boot("other", 0)}
    assert {run(own, seed).execution_us for seed in range(20)} == {run(own, 0).execution_us}


def test_rates_are_met_in_the_long_run_and_the_rest_is_good() -> None:
    own = laws("hostile", "vast")
    fates = [run(own, seed).fate for seed in range(6000)]
    for name, rate in own.own.failures.model_dump().items():
        assert fates.count(name) / len(fates) == pytest.approx(rate, abs=0.008), name
    assert fates.count("good") / len(fates) == pytest.approx(0.85, abs=0.02)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_certain_restore_is_certain(share: float) -> None:
    world = world_with(restore={"median_s": 4, "source": "assumed: test"}, restore_share=share)
    kinds = {Laws(world, "runpod", 1).boot("d", index).kind for index in range(50)}
    assert kinds == ({"restored"} if share else {"cold"})


def test_a_certain_failure_leaves_nothing_good() -> None:
    own = Laws(failing(truncated=1.0), "runpod", 1)
    assert {run(own, seed).fate for seed in range(50)} == {"truncated"}


def test_a_lost_worker_gets_part_of_the_way() -> None:
    shares = [run(laws(), seed).share for seed in range(500)]
    assert 0.1 <= min(shares) < 0.15
    assert 0.85 < max(shares) <= 0.9


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_certain_cache_is_certain_and_an_honest_provider_has_none(share: float) -> None:
    own = Laws(world_with(cache_share=share), "runpod", 1)
    assert {own.cached("d", asked(seed), 2) for seed in range(200)} == {share == 1.0}


def test_a_cache_that_forgets_has_its_share_of_answers_and_leaves_the_other_draws_alone() -> None:
    own, honest = Laws(world_with(cache_share=0.3), "runpod", 1), Laws(world_with(), "runpod", 1)
    assert sum(own.cached("d", asked(seed), 2) for seed in range(2000)) == pytest.approx(600, abs=60)
    assert run(own, 1) == run(honest, 1)


def test_work_that_is_not_done_takes_no_time_and_the_overhead_stays() -> None:
    half = run(Laws(world_with(work_share=0.5), "runpod", 1), 1).execution_us
    whole = run(Laws(world_with(), "runpod", 1), 1).execution_us
    assert half - 500_000 == pytest.approx((whole - 500_000) / 2, abs=1)


def test_bad_hosts_are_as_many_and_as_slow_as_the_world_says_and_change_no_other_draw() -> None:
    plain, world = load_world("default"), load_world("default")
    bad = world.model_copy(update={"vast": world.vast.model_copy(update={"bad_host_share": 0.1})})
    both = [Laws(each, "vast", 3) for each in (plain, bad)]
    before, after = ([laws.boot(f"d{n}", 0) for n in range(2000)] for laws in both)
    slow = [late.host_factor / early.host_factor for early, late in zip(before, after, strict=True)]

    assert set(map(round, slow)) == {1, 3}
    assert [sum(factor > 2 for factor in slow[n : n + 10]) for n in range(0, 2000, 10)] == [1] * 200
    assert [draw.boot_us for draw in before] == [draw.boot_us for draw in after]


def test_of_endpoints_with_laws_of_their_own_as_many_begin_on_a_bad_host() -> None:
    world = load_world("default")
    bad = world.model_copy(update={"runpod": world.runpod.model_copy(update={"bad_host_share": 0.1})})
    plain, slow = ([Laws(each, "runpod", 3).boot(f"d{n}", 0) for n in range(2000)] for each in (world, bad))
    share = sum(late.host_factor > 2 * early.host_factor for early, late in zip(plain, slow, strict=True)) / 2000

    assert 0.08 < share < 0.12


def test_work_drifts_over_the_day_from_midnight_to_noon() -> None:
    world = load_world("default")
    drifting = world.model_copy(update={"runpod": world.runpod.model_copy(update={"day_drift": 0.2})})
    hour_us = 3_600_000_000

    assert laws().hour_factor(12 * hour_us) == 1.0
    factors = [Laws(drifting, "runpod", 1).hour_factor(hour * hour_us) for hour in (0, 6, 12, 18, 24)]
    assert factors == pytest.approx([1.0, 1.1, 1.2, 1.1, 1.0])
