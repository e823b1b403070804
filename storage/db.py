"""The database's engine, the data folder and the lock that makes its one collector the only one."""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError

BUSY_S = 15.0  # how long a writer waits for another process's transaction
_WRITER = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON")  # FULL: an intent must survive power loss
_READER = ("query_only=ON",)
_MIGRATOR = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=OFF")  # a rebuilt table is dropped for a moment
_FULL = "The disk is full: nothing was written. Free some space, or move the data folder (BAKEOFF_DATA_DIR)."


class StorageError(RuntimeError):
    """One sentence with the cause and the way out."""


class FolderInUse(StorageError):
    """Another collector holds the data folder."""


class FolderUnusable(StorageError):
    """The data folder cannot be made or written."""


class NewerSchema(StorageError):
    """The tables are of a newer version than this program."""


class OlderSchema(StorageError):
    """The tables are of an older version than this program."""


class DiskFull(StorageError):
    """No space is left."""


@dataclass(frozen=True)
class DataFolder:
    """Where everything of one installation lives, and what is called what in it."""

    path: Path

    @property
    def db(self) -> Path:
        """The SQLite file."""
        return self.path / "bakeoff.db"

    @property
    def blobs(self) -> Path:
        """Images and thumbnails under their SHA-256."""
        return self.path / "blobs"

    @property
    def clock(self) -> Path:
        """The shared clock of a simulated world."""
        return self.path / "clock"

    @property
    def lock(self) -> Path:
        """Held by the one collector; its text is the holder's pid."""
        return self.path / "collector.lock"

    def create(self) -> None:
        """Make the folder; raises FolderUnusable or DiskFull."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise told(error) from error


def database_url(where: str | Path) -> str:
    """The SQLAlchemy URL of a database file; a URL is given back as it is."""
    return f"sqlite:///{where}" if isinstance(where, Path) else where


def open_engine(where: str | Path) -> Engine:
    """For who writes: every transaction starts as a writer, so that a read before a write cannot go stale.

    A deferred SQLite transaction that turns into a writer fails at once with "database is locked" if another
    process wrote in between; the busy timeout does not help there.
    """
    return _engine(where, begin="BEGIN IMMEDIATE", pragmas=_WRITER)


def open_reader(where: str | Path) -> Engine:
    """For who only reads: never waits for a writer, and any write raises. Raises FolderUnusable if nothing is there.

    SQLite would make an empty file, which the next program takes for a database of no version.
    """
    if isinstance(where, Path) and not where.exists():
        raise FolderUnusable(f"There is no database at {where}. Run `bakeoff demo`, or set BAKEOFF_DATA_DIR.")
    return _engine(where, begin="BEGIN", pragmas=_READER)


def open_migrator(where: str | Path) -> Engine:
    """For `storage.migrate`: foreign keys are off while tables are rebuilt."""
    return _engine(where, begin="BEGIN IMMEDIATE", pragmas=_MIGRATOR)


@contextmanager
def lock_folder(folder: DataFolder) -> Iterator[None]:
    """Be the data folder's one collector. The kernel drops the lock when the process dies, however it dies.

    Raises FolderInUse naming the holder's pid, FolderUnusable, DiskFull.
    """
    folder.create()
    try:
        handle = os.open(folder.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise told(error) from error
    try:
        _take(handle, folder)
        yield
    finally:
        os.close(handle)


def told(error: OSError | DBAPIError) -> StorageError:
    """The sentence for an error of the operating system or the database."""
    if isinstance(error, OSError):
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return DiskFull(_FULL)
        where = error.filename or "the data folder"
        return FolderUnusable(f"Cannot use {where}: {error.strerror}. Name another folder (BAKEOFF_DATA_DIR).")
    cause: BaseException | None = error
    while cause is not None:  # a rollback may have failed on top of it
        if "disk is full" in str(cause):
            return DiskFull(_FULL)
        cause = cause.__context__
    return StorageError(f"The database refused: {error.orig}.")


def _take(handle: int, folder: DataFolder) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        pid = os.pread(handle, 32, 0).decode(errors="replace").strip() or "unknown"
        raise FolderInUse(
            f"Another collector (pid {pid}) works on {folder.path}. Stop it first, or set BAKEOFF_DATA_DIR to another "
            "folder."
        ) from error
    try:
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
    except OSError as error:
        raise told(error) from error


def _engine(where: str | Path, *, begin: str, pragmas: tuple[str, ...]) -> Engine:
    url = make_url(database_url(where))
    if url.get_backend_name() != "sqlite":
        return create_engine(url)
    engine = create_engine(url, connect_args={"timeout": BUSY_S})

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver must not begin transactions of its own
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin_transaction(connection: Any) -> None:
        connection.exec_driver_sql(begin)

    return engine
