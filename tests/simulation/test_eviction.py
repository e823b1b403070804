"""The eviction probe finds the scaledown window that each provider was set to, through the whole pipeline."""

from pathlib import Path

from analysis.eviction import Fixed, window_of
from analysis.probes import probes
from clock import VirtualClock
from storage import frames
from storage.db import DataFolder
from tests.simulation.bakeoff import Bakeoff, plan
from tests.simulation.pictures import PooledStudio
from tests.virtual import run


def test_the_probe_brackets_the_window_that_was_planted(tmp_path: Path) -> None:
    window_s = 20
    made = Bakeoff(DataFolder(tmp_path), "quiet", 5, PooledStudio())

    async def scenario(clock: VirtualClock) -> None:
        made.open(clock)
        load = {"profile": "eviction_probe", "window_s": float(window_s), "repeats": 8, "seed": 3}
        both = ("modal", "runpod")
        made.ask(clock, plan(warm=0, cold=0, load=load, backends=both, idle_timeout_s=window_s))
        await made.collect(clock)

    run(scenario)
    with made.reading() as session:
        found = probes(frames.jobs(session))
    assert set(found) == {"modal", "runpod"}
    for backend, seen in found.items():
        told = window_of(seen)
        assert isinstance(told, Fixed), backend
        assert told.n >= 60
        assert told.low_s < window_s <= told.high_s
        assert told.low_s >= 0.85 * window_s
        assert told.high_s <= 1.15 * window_s
