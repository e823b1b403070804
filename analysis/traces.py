"""Traffic as it came or as it comes: a file of instants, or a daily curve. Both become a load profile `Trace`."""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from random import Random

from analysis.arrivals import MOST_JOBS, LoadError, Trace, positive, rate

MOST_REQUESTS = 3_000_000  # of a month's traffic: about one a second


def read_trace(text: str, *, now: datetime) -> Trace:
    """The load profile of a CSV of instants, as `read_instants` reads it; none may come twice.

    The first instant is offset 0. Raises LoadError with the line at fault.
    """
    rows = read_instants(text, now=now, most=MOST_JOBS)
    for (_, before), (number, at) in pairwise(rows):
        if at == before:
            raise LoadError(f"Line {number} of the trace repeats the instant above it: {at.isoformat()}.")
    return Trace(offsets_s=[(at - rows[0][1]).total_seconds() for _, at in rows])


def read_instants(text: str, *, now: datetime, most: int = MOST_REQUESTS) -> list[tuple[int, datetime]]:
    """A CSV of instants, one a line, ISO 8601 in UTC, ascending; a first line that is no instant is its heading.

    Line number and instant of each; equal ones stay, as several requests may come at once. Raises LoadError with the
    line at fault: unsorted, in the future, without a zone or in another one than UTC; or if there are more than `most`.
    """
    lines = [(number, line.split(",")[0].strip()) for number, line in enumerate(text.splitlines(), start=1)]
    rows = [(number, field) for number, field in lines if field]
    if rows and _instant(rows[0][1]) is None and rows[0][0] == 1:
        rows = rows[1:]
    if not rows:
        raise LoadError("The trace holds no instant. Put one a line, such as 2026-11-02T08:00:00Z.")
    if len(rows) > most:
        raise LoadError(f"The trace holds {len(rows):,} instants; at most {most:,} are taken.")
    instants: list[tuple[int, datetime]] = []
    for number, field in rows:
        at = _checked(number, field, after=instants[-1][1] if instants else None, now=now)
        instants.append((number, at))
    return instants


def _checked(number: int, field: str, *, after: datetime | None, now: datetime) -> datetime:
    """The instant of a line, held to the one before it."""
    at = _instant(field)
    if at is None:
        raise LoadError(f"Line {number} of the trace is no instant: {field[:40]!r}. Write 2026-11-02T08:00:00Z.")
    if at.utcoffset() != timedelta():
        raise LoadError(f"Line {number} of the trace is not in UTC: {field[:40]}. Write it with Z at its end.")
    if at > now:
        raise LoadError(f"Line {number} of the trace lies in the future: {field[:40]}.")
    if after is not None and at < after:
        raise LoadError(f"Line {number} of the trace is earlier than the line above it: {field[:40]}. Sort it.")
    return at


def _instant(field: str) -> datetime | None:
    """None if it is no instant at all; one without a zone is told apart by its missing offset."""
    try:
        return datetime.fromisoformat(field)
    except ValueError:
        return None


def daily_curve(weights: Sequence[float], *, per_day: float, hours: float, from_hour: int = 0, seed: int = 1) -> Trace:
    """A Poisson trace whose rate follows 24 hourly weights, scaled to `per_day` jobs; `hours` long, from `from_hour`.

    Thinning (Lewis & Shedler 1979) of arrivals at the busiest hour's rate.
    """
    share = hourly_shares(weights)
    positive("hours", hours)
    rate("per_day", per_day * max(share))
    dice, most = Random(seed), per_day * max(share) / 3600
    kept: list[float] = []
    at = dice.expovariate(most)
    while at < hours * 3600 and len(kept) <= MOST_JOBS:
        if dice.random() * max(share) < share[int(from_hour + at / 3600) % 24]:
            kept.append(at)
        at += dice.expovariate(most)
    if not 0 < len(kept) <= MOST_JOBS:
        found = f"{len(kept):,} or more" if kept else "none"
        raise LoadError(f"{per_day:g} jobs a day give {found} in {hours:g} hours; a run takes 1 to {MOST_JOBS:,}.")
    return Trace(offsets_s=kept)


def hourly_shares(weights: Sequence[float]) -> list[float]:
    """24 weights as shares of the day, from midnight on. Raises LoadError."""
    if len(weights) != 24 or not all(weight >= 0 for weight in weights) or not 0 < sum(weights) < math.inf:
        raise LoadError("A daily curve is 24 weights, none negative and not all zero.")
    whole = sum(weights)
    return [weight / whole for weight in weights]
