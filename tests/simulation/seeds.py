"""One seed = one small world: drawn providers, some runs, and mishaps that a script plants; all in virtual time.

The collector is started again after each death until every run is over and every bill is final.
"""

import asyncio
import contextlib
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import bindparam
from sqlmodel import Session, col, select

from backends.registry import Access
from cli.campaign import access_in
from clock import VirtualClock
from collectors import billing
from collectors.service import Service
from simulator.modal.cloud import Settings
from simulator.simulation import Simulation
from storage.db import DataFolder, StorageError
from storage.models import Deployment, Job, Request, Run
from storage.queries import ask
from tests.simulation.draws import Wish, gap_s, plants, wishes, world_of
from tests.simulation.killable import FullBlobs, KillableLoop, KillableModalClient, KillableSimulation, Staged
from tests.simulation.mishaps import BACKENDS, Killed, Plant, Script, SteppedClock
from tests.simulation.pictures import PooledStudio
from tests.simulation.quick import Quick, emptied
from tests.virtual import EPOCH
from words import JobStatus, RequestKind, RequestState

STEPS = 3_500  # of the event loop, over which deaths between two awaits are spread
RETENTION = timedelta(minutes=30)  # of Runpod's results
PATIENCE = 60  # looks, of a person who wants to stop a run while it works
MOST_LIVES = 40  # processes of one seed; more means that it dies for ever
STRANGERS = ("bakeoff-s-r1-modal-0", "bakeoff-other-r1-modal-0")  # of other installations, live all the time
STUDIO = PooledStudio()  # shared by all seeds of a process
# Asked every second or two: to build a statement, or a session for it, costs more than to run it.
_ASKED = select(Request.id).where(Request.state == RequestState.ASKED).limit(1)
_STATUS = select(Run.status).where(Run.id == bindparam("run"))
_UNDER_WAY = (
    select(Job.id)
    .join(Deployment, col(Deployment.id) == Job.deployment_id)
    .where(Job.run_id == bindparam("run"), Deployment.backend == bindparam("backend"))
    .where(col(Job.status).in_((JobStatus.SUBMITTED, JobStatus.RUNNING)))
    .limit(1)
)


@dataclass
class Seeded(Quick):
    """A bake-off whose world, wishes and mishaps come from its seed alone."""

    script: Script = field(init=False)
    wishes: list[Wish] = field(init=False)
    started_at: datetime = field(init=False)
    asked: int = 0  # wishes that were spoken
    quiet: bool = False  # nobody will ask for anything more
    lives: int = 0

    def open(self, clock: VirtualClock) -> None:
        """Make the world and the tables."""
        self.started_at = clock.now()
        super().open(clock)
        for name in STRANGERS:
            settings = Settings(gpu="L40S", cpu=4, memory_gib=32, scaledown_s=10, max_containers=1)
            self.simulation.modal.deploy(name, settings, {})

    def simulated(self, clock: VirtualClock) -> Simulation:
        """The drawn world, which the script may disturb."""
        return KillableSimulation(self.script, world_of(self.seed), seed=self.seed, studio=STUDIO, now=clock.now())

    def access(self, clock: Any) -> Access:
        """The simulation under the world's own clock, whatever the collector's says."""
        client = KillableModalClient(self.simulation, clock.world, secret="as")
        return replace(access_in(self.simulation, clock.world), modal_client=client)

    def scripted(self, clock: SteppedClock) -> Service:
        """A collector that the script may kill."""
        made = self.service(clock, on_commit=self.script.commit, wrap=lambda backend: Staged(backend, self.script))
        ctx = made.ctx
        ctx.backends = {name: ctx.backends[name] for name in BACKENDS}
        ctx.blobs = FullBlobs(self.folder.blobs, self.script)
        return Service(ctx, pid=1, when_idle=lambda: billing.settle(ctx))

    async def one_life(self, world: VirtualClock) -> None:
        """One process: until nobody asks for more and all is over, or until it dies."""
        clock = self.script.begin(world)
        if self.lives == 0:
            self.open(world)
        self.lives += 1
        people = asyncio.create_task(self._people(world))
        service = self.scripted(clock)
        await service.run(until=lambda: self.quiet)
        await people
        await service.ctx.writer.close()
        self.script.end()

    async def _people(self, world: VirtualClock) -> None:
        """Ask for what is wished, each at its time or as soon as there is a collector again."""
        while self.asked < len(self.wishes):
            wish = self.wishes[self.asked]
            await world.sleep_until(self.started_at + timedelta(seconds=wish.at_s))
            self.script.alive()
            if wish.plan is not None:
                self.ask(world, wish.plan)
            elif wish.plant is None or await self._under_way(wish.stop, wish.plant, world):
                self._stop(wish, world.now())
            self.asked += 1
        while self._open_requests():
            await world.sleep(1.0)
        self.quiet = True

    async def _under_way(self, run_id: int | None, plant: Plant, world: VirtualClock) -> bool:
        """Wait until the run has a job under way on the plant's backend; False if it was met, or never will be."""
        asked = {"run": run_id, "backend": plant.backend}
        for _ in range(PATIENCE):
            if plant.met:
                return False
            with self.engine().connect() as connection:
                if connection.execute(_UNDER_WAY, asked).first() is not None:
                    return True
                if connection.execute(_STATUS, asked).scalar_one().final:
                    return False
            await world.sleep(2.0)
            self.script.alive()
        return False

    def _stop(self, wish: Wish, now: datetime) -> None:
        with Session(self.engine()) as session:
            ask(session, RequestKind.STOP_RUN, {"run_id": wish.stop}, asked_by="a person", now=now)
            session.commit()

    def _open_requests(self) -> bool:
        with self.engine().connect() as connection:
            return connection.execute(_ASKED).first() is not None


def live(seed: int, folder: Path) -> Seeded:
    """The whole life of a seed's world, deaths and all; what an earlier seed left in the folder goes."""
    dice = Random(f"seed {seed}")
    made = Seeded(DataFolder(emptied(folder)), f"drawn-{seed}", seed)
    fatal = sorted(dice.randint(1, STEPS) for _ in range(dice.choice((0, 1, 1, 2))))
    made.script = Script(plants=plants(seed, dice), fatal_steps=fatal)
    made.wishes = wishes(dice, made.script.plants)
    at = EPOCH
    for _ in range(MOST_LIVES):
        if _lived(made, at):
            return made
        at = made.script.clock.world.now() + timedelta(seconds=gap_s(dice))
    raise RuntimeError(f"Seed {seed} was still dying after {MOST_LIVES} lives.")


def _lived(made: Seeded, at: datetime) -> bool:
    """One process from `at` on; False if it died, or could not write a word at its start."""
    loop = KillableLoop(made.script)
    try:
        loop.run_until_complete(made.one_life(VirtualClock(loop, at)))
    except (Killed, StorageError):
        made.script.end()
        return False
    finally:
        _bury(loop)
    return True


def _bury(loop: KillableLoop) -> None:
    """End every task that is left, here and now: one that the garbage collector ends later disturbs whoever runs then.

    Each that meets a point of the script once more leaves the loop again.
    """
    while left := asyncio.all_tasks(loop):
        for task in left:
            task.cancel()
        loop.call_soon(loop.stop)
        with contextlib.suppress(Killed):
            loop.run_forever()
    loop.close()
