"""Worlds with a known right answer through the whole pipeline: three small ones of those that `make worlds` runs."""

from dataclasses import replace
from pathlib import Path

import pytest

from simulator.world import laid_over
from tests.simulation.planted import Planted, ruled, small, worlds
from words import Verdict


@pytest.mark.parametrize("planted", small(), ids=lambda planted: planted.name)
def test_the_right_verdict_is_named_with_its_reason(planted: Planted, tmp_path: Path) -> None:
    rulings, whole = ruled(planted, tmp_path, seed=5)

    assert planted.holds(rulings, whole), [(each.state, each.gate, each.reason) for each in rulings]
    other = replace(planted, answers=[(Verdict.GO, ())], why="")
    assert not other.holds(rulings, whole), "another answer would have been noticed"


def test_every_kind_of_world_is_planted_on_laws_that_a_world_may_have() -> None:
    names = [world.name for world in worlds()]

    assert len(names) == len({*names}) == 13
    assert {world.overall for world in worlds()} == {*Verdict} - {Verdict.NOT_SHOWN, Verdict.STALE}
    for world in worlds():
        assert laid_over({"over": "default", **world.truth}).modal.failures.execution_error == 0.002, world.name
