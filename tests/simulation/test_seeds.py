"""A hundred small worlds with faults, deaths and restarts; what must always hold, holds in each."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.seeds import look
from tests.simulation.seeds import scratch

SEEDS, TOGETHER = 100, 10


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with scratch() as made:
        yield made


@pytest.fixture(autouse=True)
def _silent() -> Iterator[None]:
    """What goes wrong here is meant to, and is logged a hundred times a second."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("first", range(1, SEEDS, TOGETHER))
def test_whatever_fails_and_whoever_dies_what_must_hold_holds(first: int, folder: Path) -> None:
    seen = [look(seed, folder) for seed in range(first, first + TOGETHER)]

    assert {each.again: list(each.violations) for each in seen if each.violations} == {}
    assert sum(each.replayed for each in seen) == 1
    assert sum(each.lives for each in seen) > 2 * TOGETHER
