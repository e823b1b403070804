"""All writes of the collector go through one task with group commit: one connection, one transaction per batch.

A commit per write in the event loop delays the dispatch of jobs by tens of milliseconds under load; a batch in a
thread costs the loop nothing, even with synchronous=FULL.

A full disk and a locked database pass: the batch waits and is tried again, and what is asked for meanwhile joins the
next one. The id of a job that was just paid for is known nowhere else until it is written.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import Connection, CursorResult, Engine, Update, bindparam, update
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlmodel import Session, SQLModel

from storage.db import told

_T = TypeVar("_T")
log = logging.getLogger("bakeoff.writer")
PATIENCE_S = 30.0  # liveness seconds for which a database that takes nothing is asked again
AGAIN_S = 1.0


@dataclass(frozen=True)
class _Write:
    fn: Callable[[Session], Any]
    done: asyncio.Future[Any]


class Writer:
    """`await run(fn)` commits what `fn(session)` did before it returns. Start and close it on the same loop.

    on_commit: told "before" and "after" each commit, in the writing thread; tests crash there.
    patience_s: liveness seconds until a database that takes nothing is given up; a function may run several times.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        on_commit: Callable[[str], None] = lambda _point: None,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._engine, self._on_commit, self._patience_s = engine, on_commit, patience_s
        self._queue: asyncio.Queue[_Write | None] = asyncio.Queue()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="writer")
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    async def run(self, fn: Callable[[Session], _T]) -> _T:
        """What `fn` returned, once it is durable; raises what `fn` raised, and then nothing of it was kept.

        Rows that `fn` returns are detached with all they had loaded. A call cancelled while it waits may still
        have been carried out. Raises StorageError if the commit failed.
        """
        if self._closed:
            raise RuntimeError("The writer is closed.")
        if self._task is None:
            self._task = asyncio.create_task(self._work(), name="writer")
        done: asyncio.Future[_T] = asyncio.get_running_loop().create_future()
        self._queue.put_nowait(_Write(fn, done))
        return await done

    async def close(self) -> None:
        """Carry out all that was asked for, then end. Idempotent."""
        self._closed = True
        if self._task is not None:
            self._queue.put_nowait(None)
            await self._task
            self._task = None
        self._thread.shutdown()

    async def _work(self) -> None:
        last = False
        while not last:
            taken = [await self._queue.get()]
            while not self._queue.empty():
                taken.append(self._queue.get_nowait())
            last = None in taken
            batch = [write for write in taken if write is not None and not write.done.done()]
            if batch:
                _resolve(batch, await self._patiently([write.fn for write in batch]))

    async def _patiently(self, fns: Sequence[Callable[[Session], Any]]) -> list[Any]:
        """The outcomes, asked for again while the database takes nothing at all."""
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + self._patience_s
        while True:
            try:
                return await loop.run_in_executor(self._thread, self._commit, fns)
            except DBAPIError as error:
                if not _passes(error) or loop.time() >= give_up_at:
                    return [_Failed(told(error))] * len(fns)
                log.warning("%s It will be tried again.", told(error))
            await asyncio.sleep(AGAIN_S)

    def _commit(self, fns: Sequence[Callable[[Session], Any]]) -> list[Any]:
        """One outcome per fn: its value, or what undid it. Raises DBAPIError if the database took nothing.

        A savepoint for each would cost as much as most of them do: only a batch in which one failed gets them.
        """
        with self._engine.connect() as connection:
            try:
                try:
                    outcomes = self._transact(connection, fns, _bare)
                except _Undone as undone:
                    outcomes = [undone.failed] if len(fns) == 1 else self._transact(connection, fns, _attempt)
            except DBAPIError:
                connection.invalidate()  # SQLite keeps the transaction open after a COMMIT that failed
                raise
        self._on_commit("after")
        return outcomes

    def _transact(
        self,
        connection: Connection,
        fns: Sequence[Callable[[Session], Any]],
        attempt: Callable[[Connection, Callable[[Session], Any]], Any],
    ) -> list[Any]:
        with connection.begin() as transaction:
            outcomes = [attempt(connection, fn) for fn in fns]
            self._on_commit("before")
            transaction.commit()
        return outcomes


def guarded_update(
    session: Session, model: type[SQLModel], row_id: int | None, lease_token: int, values: Mapping[str, Any]
) -> bool:
    """Update the row if it is still under our lease; False means that somebody else owns it: drop your result."""
    given = {f"new_{name}": value for name, value in values.items()} | {"row": row_id, "lease": lease_token}
    result = session.connection().execute(_owned(model, tuple(values)), given)
    return isinstance(result, CursorResult) and result.rowcount == 1


@cache
def _owned(model: type[SQLModel], names: Sequence[str]) -> Update:
    """Built once for the columns that are set: it takes longer to build than to run."""
    columns: Any = model
    owned = update(model).where(columns.id == bindparam("row"), columns.lease_token == bindparam("lease"))
    return owned.values({name: bindparam(f"new_{name}") for name in names})


def _passes(error: DBAPIError) -> bool:
    """A full disk, a lock, a lost connection: not what SQLite says of a statement that is wrong."""
    cause: BaseException | None = error
    while cause is not None:  # a rollback may have failed on top of it
        code = getattr(getattr(cause, "orig", None), "sqlite_errorcode", None)
        if isinstance(cause, OperationalError) and code != sqlite3.SQLITE_ERROR:
            return True
        cause = cause.__context__
    return False


def _bare(connection: Connection, fn: Callable[[Session], Any]) -> Any:
    """Run fn in a session of its own. Raises _Undone where it failed, and then the whole transaction must go."""
    session = Session(connection, join_transaction_mode="rollback_only", expire_on_commit=False)
    try:
        with session:
            value = fn(session)
            session.flush()  # the transaction is the batch's: a commit of the session's own would only cost time
    except OperationalError:
        raise
    except Exception as error:
        raise _Undone(_Failed(error)) from error
    return value


def _attempt(connection: Connection, fn: Callable[[Session], Any]) -> Any:
    """Run fn in a savepoint and a session of its own, so that its failure undoes nobody else's work."""
    session = Session(connection, join_transaction_mode="create_savepoint", expire_on_commit=False)
    try:
        with session:
            value = fn(session)
            session.commit()
    except OperationalError:
        raise  # a full disk or a lost connection ended the whole transaction, not this savepoint alone
    except Exception as error:  # it belongs to who asked, not to the batch
        return _Failed(error)
    return value


@dataclass(frozen=True)
class _Failed:
    error: Exception


class _Undone(Exception):
    def __init__(self, failed: _Failed) -> None:
        super().__init__(failed)
        self.failed = failed


def _resolve(batch: Sequence[_Write], outcomes: Sequence[Any]) -> None:
    for write, outcome in zip(batch, outcomes, strict=True):
        if write.done.done():  # cancelled meanwhile
            continue
        if isinstance(outcome, _Failed):
            write.done.set_exception(outcome.error)
        else:
            write.done.set_result(outcome)
