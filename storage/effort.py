"""The effort log: minutes that people entered or a command took, and waits that deployments themselves tell."""

import math
from datetime import datetime

import polars as pl
from sqlmodel import Session, col, select

from analysis import effort as analysis
from storage import frames
from storage.models import Backend, Effort, Installation
from storage.plans import PlanError
from words import EffortKind

MOST_MINUTES = 24 * 60  # of one entry


class EffortRefused(PlanError):
    """Minutes that cannot be logged; one sentence."""


def log_effort(
    session: Session,
    *,
    backend: str,
    kind: str,
    minutes: float,
    by: str,
    now: datetime,
    text: str = "",
    note: str = "",
    at: datetime | None = None,
    measured: bool = False,
) -> Effort:
    """Insert minutes of work on a backend, at `at` or now. `kind`: a word of `EffortKind`. Raises EffortRefused."""
    installation = session.get(Installation, 1)
    if installation is None:
        raise EffortRefused("The collector has never run on this data folder. Start it with `bakeoff collect`.")
    known = sorted(session.exec(select(Backend.name)))
    if backend not in known:
        raise EffortRefused(f"No backend is called {backend!r}. Known here: {', '.join(known) or 'none yet'}.")
    if kind not in set(EffortKind):
        raise EffortRefused(f"No kind of effort is called {kind!r}. There are: {', '.join(EffortKind)}.")
    if not (math.isfinite(minutes) and 0 < minutes <= MOST_MINUTES):
        raise EffortRefused(f"Minutes are above 0 and at most {MOST_MINUTES:,}, a day at a time, not {minutes:g}.")
    if at is not None and (at.tzinfo is None or at > now):
        raise EffortRefused(f"Work is logged once it is done, with a zone in its time, not {at.isoformat()}.")
    row = Effort(
        at=at or now,
        backend=backend,
        kind=EffortKind(kind),
        minutes=minutes,
        measured=measured,
        by=by,
        text=text,
        note=note,
        simulated=installation.simulated,
        created_at=now,
    )
    session.add(row)
    session.flush()
    return row


def drop_effort(session: Session, number: int) -> None:
    """Take an entry out again that was logged by mistake. Raises EffortRefused."""
    row = session.get(Effort, number)
    if row is None:
        raise EffortRefused(f"There is no effort entry {number}.")
    session.delete(row)
    session.flush()


def effort(session: Session) -> pl.DataFrame:
    """`analysis.effort.EFFORT`: every entry, and what deployments tell (marked measured), ordered by time."""
    rows = session.exec(select(Effort).order_by(col(Effort.at), col(Effort.id)))
    logged = [
        {
            "effort_id": row.id,
            "deployment_id": None,
            "at": row.at,
            "backend": row.backend,
            "kind": row.kind.value,
            "minutes": row.minutes,
            "measured": row.measured,
            "by": row.by,
            "text": row.text,
            "note": row.note,
            "simulated": row.simulated,
        }
        for row in rows
    ]
    told = analysis.measured(frames.deployments(session))
    return pl.concat([pl.DataFrame(logged, schema=analysis.EFFORT), told]).sort("at", "effort_id", maintain_order=True)
