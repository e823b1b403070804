"""The data folder, its lock, and the engines on it."""

import errno
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError, StatementError
from sqlmodel import Session, select, text

from storage import db, migrate
from storage.db import DataFolder, DiskFull, FolderInUse, FolderUnusable, StorageError
from storage.models import Installation, Offer, Request
from words import RequestState

AT = datetime(2026, 11, 23, 12, 0, 0, 123456, UTC)


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    folder = DataFolder(tmp_path / "data")
    folder.create()
    migrate.upgrade(folder.db)
    return folder


def test_a_second_collector_is_told_who_holds_the_folder(folder: DataFolder) -> None:
    says = pytest.raises(FolderInUse, match=rf"pid {os.getpid()}\b.*BAKEOFF_DATA_DIR")
    with db.lock_folder(folder), says, db.lock_folder(folder):
        pass


def test_the_lock_ends_with_its_holder(folder: DataFolder) -> None:
    with db.lock_folder(folder):
        pass
    with db.lock_folder(folder):
        assert folder.lock.read_text() == f"{os.getpid()}\n"


def test_the_lock_of_a_killed_collector_is_free(folder: DataFolder) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from storage.db import DataFolder, lock_folder\n"
        "with lock_folder(DataFolder(Path(sys.argv[1]))): os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(folder.path)], check=False)
    assert killed.returncode == -9
    assert folder.lock.read_text() != ""
    with db.lock_folder(folder):
        assert folder.lock.read_text() == f"{os.getpid()}\n"


def test_a_folder_that_cannot_be_made_says_so_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FolderUnusable, match=r"Cannot use .*file/data: Not a directory"):
        DataFolder(tmp_path / "file" / "data").create()


def test_a_lock_file_that_cannot_be_opened_says_so(folder: DataFolder) -> None:
    folder.lock.mkdir()
    with pytest.raises(FolderUnusable, match=r"collector\.lock: Is a directory"), db.lock_folder(folder):
        pass


def test_everything_of_an_installation_lies_in_its_folder(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    places = [folder.db, folder.blobs, folder.clock, folder.lock]
    assert [place.parent for place in places] == [tmp_path] * 4
    assert len(set(places)) == 4


def test_postgresql_gets_an_engine_without_sqlites_habits() -> None:
    engine = db.open_engine("postgresql+psycopg://nobody@127.0.0.1:1/none")
    assert engine.dialect.name == "postgresql"
    engine.dispose()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_has_its_own_error(number: int) -> None:
    assert isinstance(db.told(OSError(number, "full")), DiskFull)


def test_a_database_on_a_full_disk_is_told_as_one(folder: DataFolder) -> None:
    engine = db.open_engine(folder.db)
    with engine.connect() as connection:
        pages = connection.execute(text("PRAGMA page_count")).scalar_one()
        connection.execute(text(f"PRAGMA max_page_count={pages}"))  # SQLite's own full disk
        with pytest.raises(OperationalError) as caught:
            connection.execute(text("CREATE TABLE big AS SELECT zeroblob(1000000)"))
    engine.dispose()
    assert isinstance(db.told(caught.value), DiskFull)


def test_another_refusal_of_the_database_is_told_with_its_cause(folder: DataFolder) -> None:
    engine = db.open_reader(folder.db)
    with Session(engine) as session, pytest.raises(OperationalError) as caught:
        session.execute(text("SELECT * FROM nowhere"))
    engine.dispose()
    told = db.told(caught.value)
    assert type(told) is StorageError
    assert "no such table: nowhere" in str(told)


def test_a_reader_cannot_write(folder: DataFolder) -> None:
    engine = db.open_reader(folder.db)
    with Session(engine) as session, pytest.raises(OperationalError, match="readonly"):
        session.execute(text("DELETE FROM job"))
    engine.dispose()


def test_a_reader_is_not_kept_waiting_by_a_writer(folder: DataFolder) -> None:
    writer, reader = db.open_engine(folder.db), db.open_reader(folder.db)
    with Session(writer) as writing, Session(reader) as reading:
        writing.add(Request(kind="dry_run", asked_at=AT))
        writing.flush()
        assert reading.exec(select(Request)).all() == []
        writing.commit()
    with Session(reader) as reading:
        assert len(reading.exec(select(Request)).all()) == 1
    writer.dispose()
    reader.dispose()


def test_a_writer_takes_the_lock_before_it_reads(folder: DataFolder) -> None:
    """Else two read-then-write transactions would race, and the loser fail at once."""
    engine, other = db.open_engine(folder.db), db.open_engine(folder.db)
    with engine.begin() as connection:
        connection.execute(text("SELECT 1"))
        raw = other.raw_connection()
        raw.cursor().execute("PRAGMA busy_timeout=0")
        with pytest.raises(Exception, match="database is locked"):
            raw.cursor().execute("BEGIN IMMEDIATE")
        raw.close()
    engine.dispose()
    other.dispose()


def test_writers_survive_power_loss_and_foreign_keys_hold(folder: DataFolder) -> None:
    engine = db.open_engine(folder.db)
    with engine.connect() as connection:
        found = [connection.execute(text(f"PRAGMA {name}")).scalar_one() for name in PRAGMAS]
    engine.dispose()
    assert found == list(PRAGMAS.values())


PRAGMAS = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 15000}


def test_instants_money_and_words_come_back_as_they_were(folder: DataFolder) -> None:
    engine = db.open_engine(folder.db)
    with Session(engine) as session:
        session.add(Installation(token="t", simulated=True, created_at=AT.astimezone(timezone(timedelta(hours=2)))))
        session.add(offer(Decimal("0.000000001")))
        session.add(Request(kind="dry_run", state=RequestState.REFUSED, asked_at=AT))
        session.commit()
        session.expunge_all()
        assert session.get_one(Installation, 1).created_at == AT
        assert session.get_one(Installation, 1).created_at.tzinfo is UTC
        assert session.get_one(Offer, 1).usd_per_s == Decimal("0.000000001")
        assert session.get_one(Request, 1).state is RequestState.REFUSED
        raw = session.execute(text("SELECT o.usd_per_s, o.seen_at, r.state FROM offer o, request r")).one()
    engine.dispose()
    assert tuple(raw) == (1, 1795435200123456, "refused")


@pytest.mark.parametrize("usd", [Decimal("0.0000000005"), Decimal("0.0000000025")])
def test_money_is_rounded_half_to_even_at_the_ninth_place(folder: DataFolder, usd: Decimal) -> None:
    engine = db.open_engine(folder.db)
    with Session(engine) as session:
        session.add(offer(usd))
        session.commit()
        nano = session.execute(text("SELECT usd_per_s FROM offer")).scalar_one()
    engine.dispose()
    assert nano == {Decimal("0.0000000005"): 0, Decimal("0.0000000025"): 2}[usd]


@pytest.mark.parametrize("wrong", [{"seen_at": AT.replace(tzinfo=None)}, {"usd_per_s": 0.1}])
def test_naive_instants_and_float_money_are_refused(folder: DataFolder, wrong: dict) -> None:
    engine = db.open_engine(folder.db)
    with Session(engine) as session:
        row = offer(Decimal(1))
        for name, value in wrong.items():
            setattr(row, name, value)
        session.add(row)
        with pytest.raises((StatementError, TypeError), match=r"no time zone|Money is Decimal"):
            session.flush()
    engine.dispose()


def offer(usd_per_s: Decimal) -> Offer:
    return Offer(
        backend="runpod", gpu="L40S", offer_id="x", unit="s", usd_per_unit=usd_per_s, usd_per_s=usd_per_s,
        source="catalog", seen_at=AT,
    )  # fmt: skip
