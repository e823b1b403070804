"""What the verbs share: how they print, refuse, and open a data folder."""

import json
import logging
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text
from sqlmodel import Session

from clock import Clock, SharedClock, WallClock
from settings import Settings
from storage.db import DataFolder, open_engine, open_reader
from storage.migrate import require_current

LONGEST_ENTRY = 20_000  # characters of one log entry, its traceback included
_WIDE = 10_000  # columns: a narrow or missing terminal cuts nothing off

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, nothing else there.")]


class Refused(Exception):
    """One sentence with the cause and the way out; the command ends with exit code 2."""


def say(text: str) -> None:
    """One line for a person, on stderr, so that stdout stays for data."""
    print(plain(text), file=sys.stderr, flush=True)  # noqa: T201 - the command line speaks here


def give(document: Any) -> None:
    """The document as JSON on stdout."""
    print(json.dumps(document, indent=1, default=str), flush=True)  # noqa: T201 - the command line speaks here


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A table on stdout; None is shown as a dash."""
    drawn = Table(box=None, pad_edge=False)
    for column in columns:
        drawn.add_column(column, no_wrap=True)
    for row in rows:
        drawn.add_row(*("-" if value is None else Text(plain(str(value))) for value in row))
    Console(width=_WIDE).print(drawn)


def plain(text: str) -> str:
    """Text from outside is data: what would steer a terminal becomes a replacement character."""
    return "".join(sign if sign.isprintable() or sign in "\n\t" else "\ufffd" for sign in text)


class Harmless(logging.Formatter):
    """A log entry whose text steers no terminal, ends somewhere, and passes for no entry of its own: it is indented
    from its second line on.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The entry as it is written."""
        return plain(super().format(record)[:LONGEST_ENTRY]).replace("\n", "\n  ")


def data_folder(settings: Settings | None = None) -> DataFolder:
    """The data folder of the settings."""
    return DataFolder((settings or Settings()).data_dir)


@contextmanager
def reading() -> Iterator[Session]:
    """A read-only session on the data folder; refuses where there is none or its tables are of another version."""
    folder = data_folder()
    if not folder.db.exists():
        raise Refused(f"There is nothing at {folder.path} yet. Run `bakeoff demo`, or set BAKEOFF_DATA_DIR.")
    require_current(folder.db)
    with Session(open_reader(folder.db)) as session:
        yield session


@contextmanager
def writing() -> Iterator[Session]:
    """A session that commits at the end, for the one row that a verb inserts."""
    folder = data_folder()
    if not folder.db.exists():
        raise Refused(f"There is nothing at {folder.path} yet. Start the collector with `bakeoff collect`.")
    require_current(folder.db)
    with Session(open_engine(folder.db)) as session:
        yield session
        session.commit()


def world_clock(folder: DataFolder) -> Clock:
    """The folder's shared clock in a simulated world, else the wall."""
    return shared_clock(folder.clock) if folder.clock.exists() else WallClock()


def shared_clock(path: Path) -> SharedClock:
    """The clock in this file."""
    try:
        return SharedClock(path)
    except (OSError, ValueError) as error:
        raise Refused(f"{path} is no world's clock: {error}. Run `bakeoff demo` anew.") from None


def ids(row: Mapping[str, Any], *names: str) -> list[Any]:
    """The named values of a row, in order."""
    return [row[name] for name in names]


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    part = path.with_name(f".{path.name}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
