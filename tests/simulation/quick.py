"""A bake-off for those that run hundreds: tables copied instead of migrated, one engine for all, a folder in memory."""

import contextlib
import gc
import logging
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

from sqlalchemy import Engine
from sqlmodel import Session

from cli.past import RARELY
from clock import VirtualClock
from simulator.simulation import Simulation
from simulator.world import load_world
from storage.db import open_engine
from storage.migrate import upgrade
from storage.models import Installation
from tests.simulation.bakeoff import Bakeoff


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
    """One for all that live in a folder: the statements that it has compiled are half of what a life costs."""
    return open_engine(path)


@dataclass
class Quick(Bakeoff):
    """The same as any other, opened and read in a few milliseconds."""

    def open(self, clock: VirtualClock) -> None:
        """Make the world and the tables."""
        self.prepared(clock.now())
        self.simulation = self.simulated(clock)

    def prepared(self, now: datetime) -> None:
        """Make the tables."""
        self.folder.create()
        self.folder.db.write_bytes(_tables())
        with Session(self.engine()) as session:
            token = f"bakeoff-s{self.seed}"
            row = Installation(token=token, simulated=True, world=self.world, seed=self.seed, created_at=now)
            session.add(row)
            session.commit()

    def simulated(self, clock: VirtualClock) -> Simulation:
        """The world of that name."""
        return Simulation(load_world(self.world), seed=self.seed, studio=self.studio, now=clock.now())

    def engine(self) -> Engine:
        """Shared by all that live in the folder."""
        return _engine(self.folder.db)

    def reading(self) -> Session:
        """The same engine: readers are opened by the dozen here."""
        return Session(self.engine())


def emptied(folder: Path) -> Path:
    """The folder, without what an earlier one left in it."""
    _engine(folder / "bakeoff.db").dispose()
    for left in folder.iterdir():
        shutil.rmtree(left) if left.is_dir() else left.unlink()
    return folder


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """A folder in memory where there is one: 40 jobs flush some 200 commits."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder of our own with a random name is made in it
    with tempfile.TemporaryDirectory(prefix="bakeoff-seed-", dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


def settle() -> None:
    """For a process that does nothing else from now on: silent, and it rarely looks for garbage."""
    logging.disable(logging.CRITICAL)
    gc.freeze()  # what is imported by now stays
    gc.set_threshold(*RARELY)
