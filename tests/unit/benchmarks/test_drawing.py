"""Drawn worlds are worlds: they load, they are new, and a seed gives the same one again."""

from pathlib import Path

import pytest

from benchmarks.drawing import PROVIDERS, drawn, write
from simulator.world import load_world


@pytest.mark.parametrize("seed", range(1, 31))
def test_every_drawn_world_is_a_valid_one(seed: int, tmp_path: Path) -> None:
    world = load_world(str(write(tmp_path, seed)))
    assert world.name == f"drawn-{seed}"
    assert all(min(world.provider(name).capacity.values()) >= 3 for name in PROVIDERS)


def test_a_seed_gives_the_same_world_again_and_another_one_another() -> None:
    assert drawn(7) == drawn(7) != drawn(8)


def test_laws_prices_and_failures_are_drawn_and_ground_nothing_on_a_measurement(tmp_path: Path) -> None:
    world, default = load_world(str(write(tmp_path, 3))), load_world("default")
    assert world.models["flux-dev"].step["L40S"].s != default.models["flux-dev"].step["L40S"].s
    for name in PROVIDERS:
        here, there = world.provider(name), default.provider(name)
        assert here.boot.median_s != there.boot.median_s
        assert here.price["L40S"].usd_per_s != there.price["L40S"].usd_per_s
        assert here.failures != there.failures
        assert {here.boot.source, *here.grounds.values()} == {"assumed: drawn from a seed"}


def test_among_thirty_worlds_bills_are_wrong_in_every_way() -> None:
    text = "".join(map(drawn, range(1, 31)))
    assert all(word in text for word in ('"phantom_share"', '"late_correction"', '"fewer_steps"', '"fp8"'))
