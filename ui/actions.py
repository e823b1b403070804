"""What a person may ask for: a run, or something of the collector. One row each; the collector acts on it."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from storage import queries
from storage.db import told
from storage.models import Request
from storage.plans import RunPlan, insert_run
from ui.source import Source
from words import RequestKind

ASKED_BY = "web"  # until people sign in
_T = TypeVar("_T")


def launch(source: Source, plan: RunPlan) -> int:
    """Insert the run and give its id. Raises PlanError or StorageError, each one sentence."""
    try:
        with source.writing() as session:
            return insert_run(session, plan, now=source.now())
    except DBAPIError as error:
        raise told(error) from error


def change(source: Source, what: Callable[[Session], _T]) -> _T:
    """Change rows that the collector acts on, all or none. Raises StorageError, and what `what` raises."""
    try:
        with source.writing() as session:
            return what(session)
    except DBAPIError as error:
        raise told(error) from error


def ask(source: Source, kind: RequestKind, arguments: Mapping[str, Any]) -> int:
    """Put a request into the collector's inbox and give its id. Raises StorageError."""
    try:
        with source.writing() as session:
            row = queries.ask(session, kind, arguments, asked_by=ASKED_BY, now=source.now())
            return row.id or 0
    except DBAPIError as error:
        raise told(error) from error


def answer(source: Source, request_id: int) -> Request | None:
    """The request with the collector's reply so far."""
    with source.reading() as session:
        return session.get(Request, request_id)
