"""How fast a world goes by in virtual time: bare pools of workers, and a whole bake-off with the real collector."""

import tempfile
from pathlib import Path

from sqlmodel import select

from benchmarks.tables import Measured, timed
from simulator.comfy import Asked
from simulator.engine import US, Engine
from simulator.laws import Laws
from simulator.pool import Capacity, Pool, SimJob
from simulator.world import load_world
from storage.models import Run
from tests.simulation.bakeoff import bakeoff, plan

JOBS = 5000
DEMO_SPEED = 10  # world seconds per real second of a demo on sockets: the peer


def measure() -> Measured:
    """Jobs per second and world seconds per real second."""
    jobs, world_s, took_s = _pool()
    rows = [_row("pool of 10 workers, no wire", jobs, world_s, took_s)]
    jobs, world_s, took_s = _pipeline()
    rows.append(_row("whole bake-off: collector, adapters, wire, pictures", jobs, world_s, took_s))
    return Measured(
        title="The simulator in virtual time",
        columns=("what", "jobs", "jobs/s", "world s per s", "against the demo on sockets"),
        rows=rows,
        note=f"The demo runs {DEMO_SPEED} world seconds a second, for fidelity and not for want of speed.",
    )


def _row(what: str, jobs: int, world_s: float, took_s: float) -> list[str]:
    rate = world_s / took_s
    return [what, str(jobs), f"{jobs / took_s:,.0f}", f"{rate:,.0f}", f"{rate / DEMO_SPEED:,.0f}x"]


def _pool() -> tuple[int, float, float]:
    world = load_world("default")
    engine = Engine(0)
    pool = Pool(
        engine,
        Laws(world, "runpod", 1),
        Capacity({"L40S": 10}),
        name="bench",
        gpu="L40S",
        max_workers=10,
        idle_us=60 * US,
        on_pick=lambda _pool, _job: None,
    )
    for number in range(JOBS):
        pool.submit(SimJob(id=str(number), asked=_asked(number), accepted_us=0))
    _, took_s = timed(lambda: engine.advance(10**15))
    ends = [job.done_us or 0 for job in pool.jobs.values()]
    return JOBS, max(ends) / US, took_s


def _asked(seed: int) -> Asked:
    return Asked(
        model="flux-dev",
        files=(),
        prompt="a fox",
        negative="",
        seed=seed,
        width=1024,
        height=1024,
        steps=20,
        cfg=1.0,
        lora=None,
        outputs=("9",),
    )


def _pipeline() -> tuple[int, float, float]:
    with tempfile.TemporaryDirectory() as folder:
        made, took_s = timed(lambda: bakeoff(Path(folder), plan(warm=40, cold=2)))
        document = made.document()
        with made.reading() as session:
            (run,) = session.exec(select(Run))
        if run.started_at is None or run.ended_at is None:
            raise RuntimeError("the bake-off did not end")
        return document["jobs"], (run.ended_at - run.started_at).total_seconds(), took_s
