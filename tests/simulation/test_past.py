"""The story of a demo in virtual time: its past, the last block in another life, and what bills do to the verdict."""

import asyncio
from dataclasses import replace
from pathlib import Path

from sqlmodel import func, select

from analysis.verdict.document import document
from cli import past
from cli.campaign import People
from cli.story import LateRow
from clock import SharedClock, VirtualClock
from collectors.billing import settle
from collectors.service import Service
from simulator.past import woken
from simulator.simulation import Simulation
from storage import verdicts
from storage.blobs import Blobs
from storage.db import DataFolder
from storage.models import Block, Deployment, Job, Vote
from tests.simulation.bakeoff import SMALL, STUDIO
from tests.simulation.quick import Quick
from tests.virtual import EPOCH, run
from words import BlockStatus, Verdict

PAUSE_S = 60.0  # in virtual time nobody waits for it
BLOCKS = 4


def people() -> People:
    """The demo's, on less: two providers, and pictures that are painted in no time."""
    flux = past.people().schedules[0]
    few = {"backends": ("modal", "runpod"), "blocks": BLOCKS, "days": 4, "warm": 4, "cold": 2, "params": SMALL}
    small = replace(flux, **few)
    return replace(past.people(), schedules=[small], card={"candidates": ["runpod"], "looks": [8, 12]})


class Demo(Quick):
    """A data folder of which a past was left; then another collector on the world that wakes."""

    def simulated(self, _clock: VirtualClock) -> Simulation:
        return woken(past.sleeping(self.folder), STUDIO)

    def state(self, clock: VirtualClock) -> str:
        with self.reading() as session:
            found = verdicts.gathered(session, Blobs(self.folder.blobs), now=clock.now())
        return str(document(found.snapshot)["state"])


def test_a_late_row_blocks_until_it_is_corrected_and_nothing_is_left_running(tmp_path: Path) -> None:
    demo = Demo(DataFolder(tmp_path), world="demo", seed=5)

    async def before(clock: VirtualClock) -> None:
        SharedClock.create(demo.folder.clock, epoch=clock.now(), speed=1.0)
        await past.live(demo.folder, demo.engine(), people(), clock)

    async def afterwards(clock: VirtualClock) -> list[str]:
        simulation = demo.simulated(clock)
        demo.simulation = simulation
        story, states = LateRow(simulation.site.odd_bills.plan), [demo.state(clock)]
        service = demo.service(clock)
        pausing = Service(service.ctx, pid=2, when_idle=lambda: settle(service.ctx, pause_s=PAUSE_S))
        working = asyncio.create_task(pausing.run(until=lambda: True))
        while not working.done():
            await clock.sleep(PAUSE_S / 4)
            with demo.reading() as session:
                story.look(session)
            if (state := demo.state(clock)) != states[-1]:
                states.append(state)
        await service.ctx.writer.close()
        return states

    demo.prepared(EPOCH)
    run(before)
    with demo.reading() as session:
        left = session.exec(select(Block).where(Block.status == BlockStatus.PLANNED)).all()
        assert (len(left), left[0].number) == (1, BLOCKS)
        assert session.exec(select(func.count()).select_from(Vote)).one() > 0
    states = run(afterwards, epoch=SharedClock(demo.folder.clock).now())

    assert states == [Verdict.INSUFFICIENT, Verdict.BLOCKED, Verdict.INSUFFICIENT]
    with demo.reading() as session:
        assert (
            session.exec(select(func.count()).select_from(Deployment).where(Deployment.ended_at.is_(None))).one() == 0
        )
        assert {job.status.final for job in session.exec(select(Job))} == {True}
