"""Worlds with a known right answer, three small ones of those that the benchmark runs with four seeds each."""

from dataclasses import replace

import pytest

from analysis.verdict.campaigns import Plan
from benchmarks.planted_worlds import Planted, judged, runpod, tables, worlds

SMALL = ("cheaper but slower", "caching provider", "too few samples")


@pytest.mark.parametrize("world", [world for world in worlds() if world.name in SMALL], ids=lambda world: world.name)
def test_the_right_verdict_is_named_with_its_reason(world: Planted) -> None:
    assert judged(world, 1) == (list(world.answers), world.overall)


def test_another_world_gets_another_answer() -> None:
    slower = next(world for world in worlds() if world.name == "cheaper but slower")
    alike = replace(slower, arms=[slower.arms[0], runpod()], plan=Plan(blocks=12, warm=60, cold=4))

    assert judged(alike, 1) != (list(slower.answers), slower.overall)


def test_every_kind_of_world_is_there_with_ids_of_its_own() -> None:
    names = [world.name for world in worlds()]
    split = next(world for world in worlds() if world.name == "split")
    found = tables(replace(split, plan=Plan(blocks=2, warm=4, cold=2)), 1)

    assert len(names) == len({*names}) == 13
    assert found.jobs["job_id"].is_unique().all()
    assert found.blocks["workflow"].n_unique() == 2
    assert {*found.jobs["block_id"]} == {*found.blocks["block_id"]}
