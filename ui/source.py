"""Where the pages read from: the data folder's tables, blobs and clock. The only place of the web that reads settings.

The web process holds no provider keys: it reads, and inserts rows for the collector to act on.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from pathlib import Path

from sqlalchemy import Engine
from sqlmodel import Session

from clock import Clock, SharedClock, WallClock
from settings import Settings
from storage import migrate
from storage.blobs import Blobs
from storage.db import DataFolder, FolderUnusable, open_engine, open_reader

WALL = WallClock()  # heartbeats of the collector are on the wall's time, also in simulated worlds


@dataclass(frozen=True)
class Source:
    """One data folder, opened when first used; safe to share between sessions."""

    folder: DataFolder
    made_at: int

    @property
    def state(self) -> migrate.State:
        """Whether the tables are there and of this program's version."""
        return migrate.state(self.folder.db)

    @property
    def exists(self) -> bool:
        """Whether a collector or a demo has ever made the database."""
        return self.folder.db.exists()

    @cached_property
    def clock(self) -> Clock:
        """World time: the simulated world's shared clock where there is one, else the wall."""
        return SharedClock(self.folder.clock) if self.folder.clock.exists() else WALL

    @cached_property
    def blobs(self) -> Blobs:
        """Images and thumbnails."""
        return Blobs(self.folder.blobs)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that cannot write; rows stay readable after it. Raises FolderUnusable where nothing is any more."""
        if not self.exists:  # opening it would make an empty file, in the way of whoever starts over
            raise FolderUnusable(f"There is no database in {self.folder.path} any more. Reload this page.")
        with Session(self._reader, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session that commits at its end. Raises sqlalchemy's DBAPIError."""
        with Session(self._writer) as session:
            yield session
            session.commit()

    @cached_property
    def _reader(self) -> Engine:
        return open_reader(self.folder.db)

    @cached_property
    def _writer(self) -> Engine:
        return open_engine(self.folder.db)

    def now(self) -> datetime:
        """The world instant."""
        return self.clock.now()


def modal_workspace() -> str:
    """The billing account of Modal."""
    return Settings().modal_workspace


def source() -> Source:
    """The data folder that the settings name."""
    folder = Settings().data_dir.resolve()
    return source_at(str(folder), _made_at(folder))


@lru_cache(maxsize=8)
def source_at(folder: str, made_at: int) -> Source:
    """One source per folder and making: a demo that starts over replaces the database under a running server."""
    return Source(DataFolder(Path(folder)), made_at)


def _made_at(folder: Path) -> int:
    """The database file's identity, 0 where there is none."""
    try:
        return DataFolder(folder).db.stat().st_ino
    except FileNotFoundError:
        return 0
