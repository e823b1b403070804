"""One writer: batches, isolation of failures, leases, crash points."""

import asyncio
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.exc import IntegrityError, StatementError
from sqlmodel import Session, select, text

from clock import VirtualClock
from storage import db, migrate
from storage.models import Deployment, Event, Request, Run, Workflow
from storage.writer import Writer, guarded_update
from tests import virtual
from words import DeploymentState

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    migrate.upgrade(tmp_path / "bakeoff.db")
    engine = db.open_engine(tmp_path / "bakeoff.db")
    yield engine
    engine.dispose()


def ask(kind: str):
    def fn(session: Session) -> Request:
        row = Request(kind=kind, asked_at=AT)
        session.add(row)
        return row

    return fn


def kinds(engine: Engine) -> list[str]:
    with Session(engine) as session:
        return sorted(session.exec(select(Request.kind)).all())


async def test_what_was_asked_for_together_is_committed_once(engine: Engine) -> None:
    points: list[str] = []
    writer = Writer(engine, on_commit=points.append)
    rows = await asyncio.gather(*(writer.run(ask(str(i))) for i in range(20)))
    await writer.close()
    assert [row.kind for row in rows] == [str(i) for i in range(20)]
    assert len({row.id for row in rows}) == 20
    assert points == ["before", "after"]
    assert len(kinds(engine)) == 20


async def test_a_returned_row_can_be_read_after_the_commit_of_its_batch(engine: Engine) -> None:
    writer = Writer(engine)
    row = await writer.run(ask("a"))
    again = await writer.run(lambda session: session.get_one(Request, row.id))
    await writer.close()
    assert (again.kind, again.asked_at) == ("a", AT)
    assert again is not row


async def test_one_failure_undoes_its_own_work_and_nobody_elses(engine: Engine) -> None:
    def half(session: Session) -> None:
        ask("half")(session)
        session.flush()
        raise ValueError("mine")

    def broken(session: Session) -> None:
        session.add(Run(workflow_hash="none", gpu="L40S", cap_usd=1, simulated=True, asked_at=AT))

    writer = Writer(engine)
    outcomes = await asyncio.gather(
        writer.run(ask("a")), writer.run(half), writer.run(broken), writer.run(ask("b")), return_exceptions=True
    )
    await writer.close()
    assert [type(outcome) for outcome in outcomes[1:3]] == [ValueError, StatementError]
    assert kinds(engine) == ["a", "b"]


async def test_a_constraint_that_fails_reaches_who_broke_it(engine: Engine) -> None:
    writer = Writer(engine)
    with pytest.raises(IntegrityError):
        await writer.run(lambda session: session.add(Event(at=AT, run_id=99, kind="x", text="no such run")))
    await writer.close()


async def test_a_later_write_sees_an_earlier_one_of_its_batch(engine: Engine) -> None:
    writer = Writer(engine)
    _, seen = await asyncio.gather(
        writer.run(ask("a")), writer.run(lambda session: session.exec(select(Request.kind)).all())
    )
    await writer.close()
    assert seen == ["a"]


async def test_a_full_disk_reaches_all_of_the_batch_and_the_next_batch_works(engine: Engine) -> None:
    def fill(session: Session) -> None:
        pages = session.execute(text("PRAGMA page_count")).scalar_one()
        session.execute(text(f"PRAGMA max_page_count={pages}"))

    writer = Writer(engine, patience_s=0)
    await writer.run(fill)
    outcomes = await asyncio.gather(
        writer.run(ask("a")), writer.run(ask("x" * 100_000)), writer.run(ask("c")), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes] == [db.DiskFull] * 3
    await writer.run(ask("b"))
    await writer.close()
    assert kinds(engine) == ["b"]


async def test_a_commit_that_fails_is_told_to_everyone_who_waited_for_it(engine: Engine) -> None:
    """A deferred foreign key is the one thing that fails at COMMIT alone."""

    def defer(session: Session) -> None:
        session.execute(text("PRAGMA defer_foreign_keys=ON"))
        session.add(Event(at=AT, run_id=99, kind="x", text="no such run"))

    writer = Writer(engine)
    outcomes = await asyncio.gather(writer.run(defer), writer.run(ask("a")), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [db.StorageError, db.StorageError]
    assert kinds(engine) == []
    await writer.run(ask("b"))
    await writer.close()
    assert kinds(engine) == ["b"]


def test_a_database_that_another_process_holds_is_waited_for(engine: Engine, tmp_path: Path) -> None:
    """A real lock: SQLite refuses at once, and takes the write once the other has let go."""
    other = sqlite3.connect(tmp_path / "bakeoff.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    async def scenario(clock: VirtualClock) -> float:
        writer = Writer(impatient(engine))
        asyncio.get_running_loop().call_later(4.5, other.execute, "ROLLBACK")
        first = asyncio.create_task(writer.run(ask("a")))
        await clock.rest(2)
        await asyncio.gather(first, writer.run(ask("joined meanwhile")))
        await writer.close()
        return clock.alive_s()

    assert virtual.run(scenario) == 5
    other.close()
    assert kinds(engine) == ["a", "joined meanwhile"]


def test_a_disk_that_has_space_again_takes_what_waited(engine: Engine) -> None:
    """Really full: the file may not grow. What fills it sees to it that it is full for three tries."""
    tries = []

    def big(session: Session) -> None:
        tries.append(session.execute(text("PRAGMA page_count")).scalar_one())
        if len(tries) < 4:
            session.execute(text(f"PRAGMA max_page_count={tries[-1]}"))
        session.add(Request(kind="x" * 100_000, asked_at=AT))

    async def scenario(clock: VirtualClock) -> float:
        writer = Writer(engine)
        await writer.run(big)
        await writer.close()
        return clock.alive_s()

    assert virtual.run(scenario) == 3
    assert [len(kind) for kind in kinds(engine)] == [100_000]


def test_a_database_that_takes_nothing_for_long_is_given_up(engine: Engine, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "bakeoff.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    async def scenario(clock: VirtualClock) -> float:
        writer = Writer(impatient(engine))
        with pytest.raises(db.StorageError, match="locked"):
            await writer.run(ask("a"))
        await writer.close()
        return clock.alive_s()

    assert virtual.run(scenario) == 30
    other.close()
    assert kinds(engine) == []


def test_a_statement_that_is_wrong_is_not_tried_again(engine: Engine) -> None:
    async def scenario(clock: VirtualClock) -> float:
        writer = Writer(engine)
        with pytest.raises(db.StorageError, match="no such table"):
            await writer.run(lambda session: session.execute(text("SELECT * FROM missing")))
        await writer.close()
        return clock.alive_s()

    assert virtual.run(scenario) == 0


def impatient(engine: Engine) -> Engine:
    """SQLite itself waits for nobody: its own patience is real time."""
    event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout=0"))
    return engine


async def test_closing_carries_out_what_waits(engine: Engine) -> None:
    writer = Writer(engine)
    waiting = [asyncio.create_task(writer.run(ask(str(i)))) for i in range(3)]
    await asyncio.sleep(0)
    await writer.close()
    await writer.close()
    assert all(task.done() for task in waiting)
    assert kinds(engine) == ["0", "1", "2"]
    with pytest.raises(RuntimeError, match="closed"):
        await writer.run(ask("late"))


async def test_a_call_cancelled_while_it_waits_is_not_carried_out_and_hurts_nobody(engine: Engine) -> None:
    writer = Writer(engine)
    first, second = asyncio.create_task(writer.run(ask("a"))), asyncio.create_task(writer.run(ask("b")))
    await asyncio.sleep(0)
    second.cancel()
    await first
    await writer.close()
    assert kinds(engine) == ["a"]


async def test_a_call_cancelled_during_its_commit_leaves_the_others_their_answers(engine: Engine) -> None:
    loop = asyncio.get_running_loop()
    tasks: list[asyncio.Task[Request]] = []

    def cancel_the_second(point: str) -> None:
        if point == "before":
            loop.call_soon_threadsafe(tasks[1].cancel)

    writer = Writer(engine, on_commit=cancel_the_second)
    tasks += [asyncio.create_task(writer.run(ask(kind))) for kind in "abc"]
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    await writer.close()
    assert [getattr(outcome, "kind", type(outcome)) for outcome in outcomes] == ["a", asyncio.CancelledError, "c"]
    assert kinds(engine) == ["a", "b", "c"]


def test_in_virtual_time_a_write_takes_none(engine: Engine) -> None:
    async def scenario(clock: VirtualClock) -> float:
        writer = Writer(engine)
        await asyncio.gather(*(writer.run(ask(str(i))) for i in range(3)))
        await writer.close()
        return clock.alive_s()

    assert virtual.run(scenario) == 0
    assert kinds(engine) == ["0", "1", "2"]


class Crash(SystemExit):
    """A crash leaves the loop at once and no `except Exception` holds it."""


@pytest.mark.parametrize(("point", "kept"), [("before", []), ("after", ["a"])])
def test_a_crash_loses_what_was_not_committed_and_nothing_else(engine: Engine, point: str, kept: list[str]) -> None:
    def crash(at: str) -> None:
        if at == point:
            raise Crash

    async def main() -> None:
        writer = Writer(engine, on_commit=crash)
        await writer.run(ask("a"))

    with pytest.raises(Crash):
        asyncio.run(main())
    assert kinds(engine) == kept


def test_only_the_holder_of_the_lease_can_write(engine: Engine) -> None:
    with Session(engine) as session:
        session.add(Workflow(hash="h", name="flux-dev", title="", licence="", vram_gb=24, created_at=AT))
        session.flush()
        session.execute(
            text(
                "INSERT INTO run (id, workflow_hash, status, gpu, params, plan, cap_usd, simulated, asked_by, note,"
                " asked_at) VALUES (1, 'h', 'queued', 'L40S', '{}', '{}', 1, 1, '', '', 1)"
            )
        )
        session.execute(
            text(
                "INSERT INTO deployment (id, run_id, key, backend, gpu, state, ref_detail, idle_timeout_s, provenance,"
                " simulated, lease_token) VALUES (1, 1, 'k', 'vast', 'L40S', 'intended', '{}', 10, '{}', 1, 7)"
            )
        )
        ready = {"state": DeploymentState.READY, "ready_at": AT}
        assert not guarded_update(session, Deployment, 1, 6, ready)
        assert not guarded_update(session, Deployment, 2, 7, ready)
        assert session.get_one(Deployment, 1).state is DeploymentState.INTENDED
        session.expunge_all()
        assert guarded_update(session, Deployment, 1, 7, ready)
        row = session.get_one(Deployment, 1)
        assert (row.state, row.ready_at) == (DeploymentState.READY, AT)
