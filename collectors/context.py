"""What every part of the collector works with."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import insert
from sqlmodel import Session

from backends.base import Backend
from clock import Clock
from collectors.spending import Book, Ceilings
from storage.blobs import Blobs
from storage.models import Event
from storage.writer import Writer

_T = TypeVar("_T")
_EVENT = insert(Event)  # no object, no unit of work: there is a sentence for whatever happens
LOOK_S = 2.0  # world seconds between looks for new runs, blocks that are due and what the web asked for
log = logging.getLogger("bakeoff.collector")


class Drained(Exception):
    """This process begins nothing more; the rows stay as they are for the next one."""


@dataclass(kw_only=True)
class Context:
    """Passed in everywhere; nothing here is global. `lease_token` names this process among all that ever ran."""

    clock: Clock
    writer: Writer
    backends: Mapping[str, Backend]
    blobs: Blobs
    token: str  # the installation's resource-name prefix
    simulated: bool
    look_s: float = LOOK_S
    ceilings: Ceilings = field(default_factory=Ceilings)  # beside those of each run; none in simulated worlds
    book: Book = field(default_factory=Book)
    lease_token: int = 0
    stopping: set[int] = field(default_factory=set)  # runs that are to end now
    saturated: set[int] = field(default_factory=set)  # deployments that cannot carry their load
    ending: defaultdict[tuple[str, str], asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))
    gone: set[tuple[str, str]] = field(default_factory=set)  # (backend, its id): destroyed, and its provider said so
    looked: dict[int | None, datetime] = field(default_factory=dict)  # job under way -> the last look: in memory only
    kept: dict[tuple[Any, ...], Any] = field(default_factory=dict)  # what was found of bytes that may come again
    paired_to: int | None = None  # the newest image when no pair was left to compare
    draining: bool = False  # this process is to end: what is in flight comes home, nothing new begins
    ordering: defaultdict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))  # by backend

    async def load(self, read: Callable[[Session], _T]) -> _T:
        """Read through the writer's connection, so that what was just written is seen."""
        return await self.writer.run(read)

    async def tell(self, kind: str, text: str, **ids: Any) -> None:
        """One sentence for the page "What happened"; ids: run_id, deployment_id, job_id."""
        log.info("%s: %s", kind, text)
        at = self.clock.now()
        event = {"at": at, "kind": kind, "text": text, "run_id": None, "deployment_id": None, "job_id": None} | ids
        await self.writer.run(lambda session: _insert(session, event))


def _insert(session: Session, event: Mapping[str, Any]) -> None:
    session.connection().execute(_EVENT, event)


async def to_the_end(*parts: Coroutine[Any, Any, None]) -> None:
    """Every part to its end, side by side: one that fails ends no other, and none outlives this call."""
    for end in await asyncio.gather(*parts, return_exceptions=True):
        if isinstance(end, BaseException):
            raise end
