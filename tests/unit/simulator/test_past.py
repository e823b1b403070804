"""A world that sleeps in a file is the same one when it wakes, and goes on."""

from pathlib import Path

import pytest

from clock import VirtualClock, from_us
from simulator.past import put_to_sleep, woken
from simulator.picture import Picture
from simulator.simulation import Simulation
from storage.db import DataFolder
from tests.simulation.bakeoff import STUDIO, Bakeoff, plan
from tests.virtual import run

PICTURE = Picture(prompt="a fox", seed=1, width=64, height=64, steps=20, reference_steps=20)


def test_what_was_true_before_is_true_afterwards_and_the_next_run_adds_to_it(tmp_path: Path) -> None:
    made = Bakeoff(DataFolder(tmp_path / "data"), "quiet")
    asleep = tmp_path / "world"

    async def before(clock: VirtualClock) -> Simulation:
        made.open(clock)
        made.ask(clock, plan(warm=1, cold=1))
        await made.collect(clock)
        return made.simulation

    async def afterwards(clock: VirtualClock) -> None:
        made.simulation = woken(asleep, STUDIO)
        made.ask(clock, plan(warm=1, cold=1))
        await made.collect(clock)

    first = run(before)
    kept = first.ledger.as_json()
    until = first.engine.now_us
    put_to_sleep(first, asleep)
    with pytest.raises(RuntimeError, match="sleeps"):
        first.site.studio.image(PICTURE)

    assert woken(asleep, STUDIO).ledger.as_json() == kept
    run(afterwards, epoch=from_us(until))
    later = made.simulation.ledger.as_json()
    assert [row for row in later["charges"] if row in kept["charges"]] == kept["charges"]
    assert len(later["charges"]) > len(kept["charges"])
    shown = made.document()
    assert shown["jobs"] == shown["paid_calls"] - 6 == 12, "six deployments, each once"
