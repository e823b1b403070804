"""Total cost of ownership: what a move costs once, what running a provider costs a month beside its bill, and when the
saving has paid for it.

Dollars a month as floats: they rest on estimates. What is not known is None: it is never counted as nothing.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import polars as pl

from analysis.planning import payback_months
from words import EffortKind

HOURLY_USD = 100.0  # of a person, unless told otherwise
Outcome = Literal["pays_back", "too_small", "never", "undecided"]


@dataclass(frozen=True, kw_only=True)
class Span:
    """A number with its limits; None where it has none."""

    point: float
    low: float | None = None
    high: float | None = None

    def less(self, amount: float) -> "Span":
        """All three less so much."""
        ends = [None if end is None else end - amount for end in (self.low, self.high)]
        return Span(point=self.point - amount, low=ends[0], high=ends[1])


@dataclass(frozen=True, kw_only=True)
class Beside:
    """What a provider costs a month beside its metered bill. usd: None while minutes of a planned task are unknown."""

    hours: float | None
    ops_usd: float | None
    plan_usd: float
    storage_usd: float
    unknown: tuple[str, ...] = ()  # kinds of planned tasks that nobody has timed there
    waits: tuple[str, ...] = ()  # kinds for which no person logged minutes: measured waits stand for them

    @property
    def usd(self) -> float | None:
        """Operations, plan fee and storage at rest."""
        return None if self.ops_usd is None else self.ops_usd + self.plan_usd + self.storage_usd


@dataclass(frozen=True, kw_only=True)
class Ownership:
    """A move, in dollars. payback: months, infinite: never; each of its ends belongs to one of the saving's."""

    one_off_usd: float
    more_usd: float  # a month beside the bill, candidate less baseline
    net: Span  # saving a month less that
    payback: Span
    outcome: Outcome


def beside(
    minutes: pl.DataFrame,
    backend: str,
    *,
    per_month: Mapping[EffortKind, float],
    hourly_usd: float = HOURLY_USD,
    plan_usd: float = 0.0,
    storage_usd: float = 0.0,
) -> Beside:
    """Operations: sum over kinds of tasks a month x mean minutes of one there x the hourly rate; fees beside them.

    `minutes`: a row per backend, kind and measured, with n tasks and minutes of all. A person's minutes count; measured
    waits do where nobody logged any. `per_month`: how often each task will come up, an assumption; a kind that is not
    in it does not.
    """
    each = [_each(minutes, backend, measured) for measured in (True, False)]
    known = each[0] | each[1]
    planned = {kind.value: often for kind, often in per_month.items() if often > 0}
    unknown = tuple(sorted(planned.keys() - known.keys()))
    hours = None if unknown else sum(often * known[kind] for kind, often in planned.items()) / 60
    return Beside(
        hours=hours,
        ops_usd=None if hours is None else hours * hourly_usd,
        plan_usd=plan_usd,
        storage_usd=storage_usd,
        unknown=unknown,
        waits=tuple(sorted(planned.keys() & each[0].keys() - each[1].keys())),
    )


def _each(minutes: pl.DataFrame, backend: str, measured: bool) -> dict[str, float]:
    mine = minutes.filter(pl.col("n") > 0, backend=backend, measured=measured)
    return dict(mine.select("kind", pl.col("minutes") / pl.col("n")).iter_rows())


def ownership(
    saving: Span,
    candidate: Beside,
    baseline: Beside,
    *,
    one_off_hours: float,
    least_usd: float,
    hourly_usd: float = HOURLY_USD,
) -> Ownership | None:
    """A monthly saving in metered dollars held against what the move costs; None while either `Beside` is unknown.

    payback = one-off / (saving - more beside the bill), never if that is not above 0; its limits are those at both ends
    of the saving. `least_usd`: a net saving below this a month is too small to matter.
    """
    if candidate.usd is None or baseline.usd is None:
        return None
    one_off, more = one_off_hours * hourly_usd, candidate.usd - baseline.usd
    months = [None if end is None else payback_months(one_off, end, more) for end in (saving.high, saving.low)]
    net = saving.less(more)
    return Ownership(
        one_off_usd=one_off,
        more_usd=more,
        net=net,
        payback=Span(point=payback_months(one_off, saving.point, more), low=months[0], high=months[1]),
        outcome=_outcome(net, least_usd),
    )


def _outcome(net: Span, least_usd: float) -> Outcome:
    """Both ends have to say so; a saving without limits decides nothing."""
    low, high = (-math.inf if net.low is None else net.low), (math.inf if net.high is None else net.high)
    if high <= 0:
        return "never"
    if high < least_usd:
        return "too_small"
    return "pays_back" if low > 0 and low >= least_usd else "undecided"
