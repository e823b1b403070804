"""One seed = one small world: drawn providers, three runs, and mishaps that a script plants; all in virtual time.

The collector is started again after each death until every run is over and every bill is final.
"""

import asyncio
import contextlib
import shutil
import sqlite3
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import product
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from backends.registry import Access
from benchmarks.drawing import drawn
from clock import VirtualClock
from collectors import billing
from collectors.service import Service
from simulator.world import World
from storage.db import DataFolder, StorageError, open_engine
from storage.migrate import upgrade
from storage.models import Deployment, Installation, Job, Request, Run
from storage.plans import RunPlan
from storage.queries import ask
from tests.simulation.bakeoff import Bakeoff, access_in, plan
from tests.simulation.killable import FullBlobs, KillableLoop, KillableModalClient, KillableSimulation, Staged
from tests.simulation.mishaps import (
    BACKENDS,
    CLOCK,
    CRASHES,
    FAULTS,
    NO_FAULT,
    STORAGE,
    VERBS,
    Cell,
    Killed,
    Plant,
    Script,
    SteppedClock,
)
from tests.simulation.pictures import PooledStudio
from tests.virtual import EPOCH
from words import JobStatus, RequestKind, RequestState

PLANTS = 8  # mishaps of one seed
RUNS = 4
STEPS = 3_500  # of the event loop, over which deaths between two awaits are spread
RETENTION = timedelta(minutes=30)  # of Runpod's results
PATIENCE = 60  # looks, of a person who wants to stop a run while it works
MOST_LIVES = 40  # processes of one seed; more means that it dies for ever
STUDIO = PooledStudio()  # shared by all seeds of a process
# About how often a verb of one backend is called in a seed: the calls that a plant lets pass are drawn up to here.
_CALLS = {
    "offers": 4, "deploy": 2, "observe": 6, "teardown": 2, "live": 3, "submit": 12, "poll": 30, "cancel": 0,
    "charges": 2,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a person asks for, `at_s` world seconds after the beginning: a run, or the end of one.

    An end may wait until the run has a job under way on a backend, and is not asked for once its plant was met.
    """

    at_s: float
    plan: RunPlan | None = None
    stop: int | None = None
    plant: Plant | None = None


@dataclass(frozen=True)
class Never:
    """Cells of the table that cannot be met: which, and why."""

    cells: str
    why: str
    holds: Callable[[str, str, str, str], bool]  # backend, verb, fault, crash


NEVER = (
    Never(
        "no fault, no crash", "nothing goes wrong", lambda _b, _v, fault, crash: (fault, crash) == (NO_FAULT, "none")
    ),
    Never(
        "modal, stale",
        "each gRPC call is a stream of its own: no earlier reply can come again",
        lambda backend, _v, fault, _c: (backend, fault) == ("modal", "stale"),
    ),
    Never(
        "modal, elsewhere",
        "gRPC knows no redirect",
        lambda backend, _v, fault, _c: (backend, fault) == ("modal", "elsewhere"),
    ),
    Never(
        "disk full or locked, after effect or after reply",
        "the process is dead before what it would commit next can fail",
        lambda _b, _v, fault, crash: fault in STORAGE and crash in ("after effect", "after reply"),
    ),
)


def impossible(cell: Cell) -> Never | None:
    """Why a cell of the table cannot be met; None where it can."""
    return next((rule for rule in NEVER if rule.holds(*cell)), None)


@cache
def deck() -> tuple[Cell, ...]:
    """Every cell that can be met, shuffled once for all: the seeds take their plants from it in turn."""
    cells = [cell for cell in product(BACKENDS, VERBS, FAULTS, CRASHES) if impossible(cell) is None]
    Random("deck").shuffle(cells)
    return tuple(cells)


def plants(seed: int, dice: Random) -> list[Plant]:
    """The mishaps of a seed."""
    cells = [deck()[(seed * PLANTS + i) % len(deck())] for i in range(PLANTS)]
    return [
        Plant(
            backend=backend,
            verb=verb,
            fault=fault,
            crash=crash,
            calls=dice.randint(0, _CALLS[verb]),
            requests=dice.choice((0, 0, 1)),
            times=_times(fault, dice),
            jump_s=_jump_s(fault, dice),
        )
        for backend, verb, fault, crash in cells
    ]


def _times(fault: str, dice: Random) -> int:
    if fault in CLOCK or fault == NO_FAULT:
        return 1
    if fault == "unauthorized":  # a key that stays refused is a state of its own, not a mishap that passes
        return dice.choice((1, 1, 2))
    if fault in STORAGE:  # a try a second: the long ones outlast the writer's patience
        return dice.choice((1, 3, 20, 45, 100))
    return dice.choice((1, 1, 1, 2, 3, 7))


def _jump_s(fault: str, dice: Random) -> float:
    """A pause goes beyond what Runpod keeps a result now and then; a step goes either way."""
    if fault == "clock pause":
        return dice.choice((5.0, 90.0, 600.0, 2400.0)) * dice.uniform(0.5, 1.5)
    return dice.choice((-1, 1)) * dice.choice((0.5, 5.0, 60.0)) * dice.uniform(0.5, 1.5)


def gap_s(dice: Random) -> float:
    """How long nobody starts the collector again: mostly soon, sometimes later than Runpod keeps a result."""
    longest_s = dice.choice((10, 10, 30, 60, 120, 1200, 7200))
    return dice.uniform(1, longest_s)


def wishes(dice: Random, planted: list[Plant]) -> list[Wish]:
    """Runs that overlap, at least 40 jobs together; some may meet their cap, some are stopped.

    A job is only cancelled where its run is stopped: for each plant that waits for that, one run after the other.
    """
    found: list[Wish] = []
    at_s = 0.0
    for _ in range(RUNS):
        workflow, gpu = dice.choice((("flux-dev", "L40S"), ("qwen-image-2512", "H100")))
        cap_usd = Decimal(str(round(dice.uniform(0.02, 0.4), 4))) if dice.random() < 0.12 else Decimal(50)
        warm, cold = dice.choice(((3, 1), (2, 2), (3, 1), (4, 1)))
        asked = plan(workflow, warm=warm, cold=cold, gpu=gpu, cap_usd=cap_usd)
        found.append(Wish(at_s=at_s, plan=asked))
        at_s += dice.uniform(5, 200)
    stops = [plant for plant in planted if plant.verb == "cancel"]
    for plant in stops:
        found += [Wish(at_s=found[i].at_s + dice.uniform(5, 60), stop=i + 1, plant=plant) for i in range(RUNS)]
    if not stops and dice.random() < 0.3:
        number = dice.randrange(RUNS)
        found.append(Wish(at_s=found[number].at_s + dice.uniform(10, 400), stop=number + 1))
    return sorted(found, key=lambda wish: wish.at_s)


def world_of(seed: int) -> World:
    """The drawn world of the seed, its hosts ready sooner: nobody learns from watching one pull."""
    figures = tomllib.loads(drawn(seed))
    for name in ("pull", "boot"):
        figures["vast"][name]["median_s"] /= 6
    return World.model_validate(figures)


@cache
def _tables() -> bytes:
    """A database with all tables and no row."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "empty.db"
        upgrade(path)
        with contextlib.closing(sqlite3.connect(path)) as connection:
            return connection.serialize()


@cache
def _engine(path: Path) -> Engine:
    """One for all lives in a folder: the statements that it has compiled are half of what a life costs."""
    return open_engine(path)


@dataclass
class Seeded(Bakeoff):
    """A bake-off whose world, wishes and mishaps come from its seed alone."""

    script: Script = field(init=False)
    wishes: list[Wish] = field(init=False)
    started_at: datetime = field(init=False)
    asked: int = 0  # wishes that were spoken
    quiet: bool = False  # nobody will ask for anything more
    lives: int = 0

    def open(self, clock: VirtualClock) -> None:
        """Make the world and the tables."""
        self.folder.db.write_bytes(_tables())
        self.started_at = clock.now()
        self.simulation = KillableSimulation(
            self.script, world_of(self.seed), seed=self.seed, studio=STUDIO, now=clock.now()
        )
        with Session(self.engine()) as session:
            token = f"bakeoff-s{self.seed}"
            session.add(Installation(token=token, simulated=True, world=self.world, created_at=clock.now()))
            session.commit()

    def engine(self) -> Engine:
        """Shared by every life."""
        return _engine(self.folder.db)

    def reading(self) -> Session:
        """The same engine: readers are opened by the dozen here."""
        return Session(self.engine())

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
        under_way = (JobStatus.SUBMITTED, JobStatus.RUNNING)
        job = select(Job.id).join(Deployment, col(Deployment.id) == Job.deployment_id).where(Job.run_id == run_id)
        job = job.where(Deployment.backend == plant.backend, col(Job.status).in_(under_way))
        for _ in range(PATIENCE):
            if plant.met:
                return False
            with self.reading() as session:
                if session.exec(job).first() is not None:
                    return True
                if session.get_one(Run, run_id).status.final:
                    return False
            await world.sleep(2.0)
            self.script.alive()
        return False

    def _stop(self, wish: Wish, now: datetime) -> None:
        with Session(self.engine()) as session:
            ask(session, RequestKind.STOP_RUN, {"run_id": wish.stop}, asked_by="a person", now=now)
            session.commit()

    def _open_requests(self) -> bool:
        with self.reading() as session:
            return session.exec(select(Request.id).where(Request.state == RequestState.ASKED)).first() is not None


def live(seed: int, folder: Path) -> Seeded:
    """The whole life of a seed's world, deaths and all; what an earlier seed left in the folder goes."""
    _engine(folder / "bakeoff.db").dispose()
    for left in folder.iterdir():
        shutil.rmtree(left) if left.is_dir() else left.unlink()
    dice = Random(f"seed {seed}")
    made = Seeded(DataFolder(folder), f"drawn-{seed}", seed)
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
    try:
        with asyncio.Runner(loop_factory=lambda: KillableLoop(made.script)) as runner:
            runner.run(made.one_life(VirtualClock(runner.get_loop(), at)))
    except (Killed, StorageError):
        made.script.end()
        return False
    return True


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """A folder in memory where there is one: 40 jobs flush some 200 commits."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder of our own with a random name is made in it
    with tempfile.TemporaryDirectory(prefix="bakeoff-seed-", dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)
