"""A whole bake-off in virtual time: the real collector, the real adapters, the simulator behind a transport."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session

from backends.registry import Access, build
from cli.campaign import access_in
from cli.report import document
from clock import VirtualClock
from collectors import billing
from collectors.context import Context
from collectors.service import Service
from simulator.ledger import truth
from simulator.simulation import Simulation
from simulator.studio import InlineStudio
from simulator.world import load_world
from storage.blobs import Blobs
from storage.db import DataFolder, open_engine, open_reader
from storage.migrate import upgrade
from storage.models import Installation
from storage.plans import RunPlan, insert_run
from storage.writer import Writer
from tests.virtual import run

STUDIO = InlineStudio()  # shared: the same seeds paint the same pictures in every test
SMALL = {"width": 256, "height": 256}  # pictures of this size are painted in a few milliseconds


def plan(workflow: str = "flux-dev", *, warm: int = 8, cold: int = 2, **more: Any) -> RunPlan:
    """A small plan on all three providers."""
    given = {"gpu": "L40S", "backends": ("modal", "runpod", "vast"), "cap_usd": Decimal(50), "params": SMALL} | more
    return RunPlan(workflow=workflow, warm=warm, cold=cold, **given)


@dataclass
class Bakeoff:
    """One data folder and one simulated world; `collect` may be called again after a crash."""

    folder: DataFolder
    world: str = "default"
    seed: int = 1
    studio: Any = STUDIO
    only: Sequence[str] = ()  # backends that it has keys for; none named: all
    simulation: Simulation = field(init=False)

    def open(self, clock: VirtualClock) -> None:
        """Make the world and the tables."""
        self.folder.create()
        upgrade(self.folder.db)
        self.simulation = Simulation(load_world(self.world), seed=self.seed, studio=self.studio, now=clock.now())
        with Session(open_engine(self.folder.db)) as session:
            token = f"bakeoff-s{self.seed}"
            session.add(Installation(token=token, simulated=True, world=self.world, created_at=clock.now()))
            session.commit()

    def ask(self, clock: VirtualClock, *plans: RunPlan) -> list[int]:
        """Insert runs, as the web or the command line does."""
        with Session(self.engine()) as session:
            asked = [insert_run(session, each, now=clock.now()) for each in plans]
            session.commit()
        return asked

    def engine(self) -> Engine:
        """For who writes."""
        return open_engine(self.folder.db)

    def access(self, clock: VirtualClock) -> Access:
        """How the collector reaches the simulated providers."""
        return access_in(self.simulation, clock)

    def service(
        self, clock: VirtualClock, *, on_commit: Callable[[str], None] = lambda _: None, wrap: Any = None
    ) -> Service:
        """A collector on the folder; close its writer when it has run."""
        backends = build(self.access(clock), clock)
        if self.only:
            backends = {name: backends[name] for name in self.only}
        if wrap:
            backends = {name: wrap(backend) for name, backend in backends.items()}
        ctx = Context(
            clock=clock,
            writer=Writer(self.engine(), on_commit=on_commit),
            backends=backends,
            blobs=Blobs(self.folder.blobs),
            token=f"bakeoff-s{self.seed}",
            simulated=True,
        )
        return Service(ctx, pid=1, when_idle=lambda: billing.settle(ctx))

    async def collect(self, clock: VirtualClock, **hooks: Any) -> None:
        """Run the collector until no run is open and the bills are final."""
        service = self.service(clock, **hooks)
        await service.run(until=lambda: True)
        await service.ctx.writer.close()

    def document(self) -> dict[str, Any]:
        """Our comparison beside the ledger's truth."""
        with self.reading() as session:
            return document(session, truth(self.simulation.ledger))

    def reading(self) -> Session:
        """A read-only session."""
        return Session(open_reader(self.folder.db))


def bakeoff(path: Path, *plans: RunPlan, world: str = "default", seed: int = 1) -> Bakeoff:
    """Run the plans to their end in one go."""
    made = Bakeoff(DataFolder(path), world, seed)

    async def scenario(clock: VirtualClock) -> None:
        made.open(clock)
        made.ask(clock, *plans)
        await made.collect(clock)

    run(scenario)
    return made


def cells(shown: dict[str, Any], start_kind: str) -> Sequence[dict[str, Any]]:
    """The cells of one start kind."""
    return [cell for cell in shown["cells"] if cell["start_kind"] == start_kind]
