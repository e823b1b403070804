"""Looks at a job that cannot be read: patience with what may be a passing fault, and an end to it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from backends.base import Observation
from backends.errors import UnexpectedReply
from backends.reading import unreadable

PATIENCE = timedelta(seconds=120)  # world time; a job that nobody can read holds its lane, and a rented machine


@dataclass
class Unread:
    """The looks at one job that could not be read, since the last one that could."""

    since: datetime | None = None

    def read(self) -> None:
        """A look could be read."""
        self.since = None

    def given_up(self, error: UnexpectedReply, now: datetime) -> Observation | None:
        """The job's end as failed, with what was received, once patience is over; None before."""
        self.since = self.since or now
        return unreadable(error) if now - self.since >= PATIENCE else None
