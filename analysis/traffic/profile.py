"""How many requests come, and when: a volume with its hourly curve, or recorded instants. Both become arrivals."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from analysis.arrivals import LoadError
from analysis.traces import MOST_REQUESTS, hourly_shares
from analysis.traffic.replay import DAY_S, MONTH_S, Arrivals

MONTH_HOURS = MONTH_S // 3600
DAYS_PER_MONTH = MONTH_S / DAY_S
MOST_PER_DAY = math.floor(MOST_REQUESTS / DAYS_PER_MONTH)
FLAT = (1.0,) * 24

_Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Curve:
    """Random arrivals, `per_day` on average, by 24 hourly weights from midnight on. `source`: who says so."""

    per_day: float
    weights: Sequence[float] = FLAT
    source: str = ""

    def __post_init__(self) -> None:
        hourly_shares(self.weights)
        if not 0 < self.per_day <= MOST_PER_DAY:
            said = f"above 0 and at most {MOST_PER_DAY:,}"
            raise LoadError(f"Requests a day must be {said}, not {self.per_day:,g}.")


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """Instants as they came, seconds from the midnight that begins the record, and how long that lasted.

    covers_s None: whole days, up to the end of that of the last instant.
    """

    offsets_s: Sequence[float]
    covers_s: float | None = None
    source: str = ""
    _at: _Floats = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        at = np.asarray(self.offsets_s, dtype=np.float64)
        object.__setattr__(self, "_at", at)
        if not 0 < at.size <= MOST_REQUESTS:
            raise LoadError(f"A record holds 1 to {MOST_REQUESTS:,} instants, not {at.size:,}.")
        if not np.isfinite(at).all() or at[0] < 0 or (np.diff(at) < 0).any():
            raise LoadError("The instants of a record must ascend from 0 s on.")
        if not at[-1] < self.span_s < math.inf or self.span_s < 3600:
            raise LoadError("A record must cover an hour at least, and all its instants.")

    @property
    def span_s(self) -> float:
        """How long it lasted."""
        whole = (math.floor(float(self._at[-1]) / DAY_S) + 1) * float(DAY_S)
        return whole if self.covers_s is None else self.covers_s

    @property
    def per_day(self) -> float:
        return float(self._at.size / self.span_s * DAY_S)

    @property
    def weights(self) -> Sequence[float]:
        """How many came in each hour of the day."""
        hours = (self._at // 3600).astype(np.int64) % 24
        return tuple(np.bincount(hours, minlength=24).astype(float).tolist())


Traffic = Curve | Recorded


def recorded(rows: Sequence[tuple[int, datetime]], *, source: str = "") -> Recorded:
    """The record that `analysis.traces.read_instants` read: whole UTC days, from that of the first instant on."""
    midnight = rows[0][1].replace(hour=0, minute=0, second=0, microsecond=0)
    return Recorded(offsets_s=[(at - midnight).total_seconds() for _, at in rows], source=source)


_SHEET = "projections in the product's own documents of January 2026, not measured"
KNOWN: Mapping[str, Curve] = MappingProxyType(
    {
        "1,000 requests a day": Curve(per_day=1000, source=f"cost sheet of its Modal apps; {_SHEET}"),
        "10,000 images a month": Curve(per_day=10_000 / DAYS_PER_MONTH, source=f"its provider guide; {_SHEET}"),
        "1,000 images a month": Curve(per_day=1000 / DAYS_PER_MONTH, source=f"its typical mixed use; {_SHEET}"),
    }
)


def arrivals(traffic: Traffic, *, seed: int = 1, hours: int = MONTH_HOURS) -> Arrivals:
    """Instants over `hours` (a month: 730). Of a record: it whole, end to end, as often as comes nearest to that.

    A curve's are drawn by the seed, Poisson given that they are as many as it says: arrival i of n is where the summed
    rate reaches the share S_i / S_(n+1) of its whole, S being sums of unit exponentials. Another volume with the same
    seed is thus the same traffic, closer together (time rescaling, Cox & Lewis 1966).
    Raises LoadError if there would be none, or more than a replay takes.
    """
    if hours < 1:
        raise LoadError(f"Traffic lasts an hour at least, not {hours}.")
    expected = traffic.per_day * hours / 24
    if expected > MOST_REQUESTS:
        raise LoadError(f"{expected:,.0f} requests in {hours:,} hours; a replay takes at most {MOST_REQUESTS:,}.")
    at, span_s = _repeated(traffic, hours) if isinstance(traffic, Recorded) else _drawn(traffic, hours, seed)
    if not at.size:
        raise LoadError(f"{traffic.per_day:g} requests a day give none in {hours:,} hours.")
    return Arrivals(at_s=at, span_s=span_s)


def at_volume(traffic: Traffic, per_day: float) -> Curve:
    """The same hours of the day at another volume; of a record, Poisson arrivals by its hourly counts."""
    return replace(curve_of(traffic), per_day=per_day)


def share_of(traffic: Traffic, share: float) -> Traffic:
    """What of it goes to one workflow."""
    return traffic if share == 1 else at_volume(traffic, traffic.per_day * share)


def curve_of(traffic: Traffic) -> Curve:
    """A curve as it is; a record as the curve of its hourly counts."""
    if isinstance(traffic, Curve):
        return traffic
    return Curve(per_day=traffic.per_day, weights=traffic.weights, source=traffic.source)


def hours_for(traffic: Traffic, requests: int) -> int:
    """Whole days, a week at least, in which about so many requests come: how long a replay must be to be exact."""
    return 24 * max(7, math.ceil(requests / traffic.per_day))


def first_days(came: Arrivals, requests: int) -> Arrivals:
    """The fewest whole days from the start in which so many requests have come; all of it if there are no more."""
    if came.n <= requests:
        return came
    span_s = min(came.span_s, (math.floor(float(came.at_s[requests - 1]) / DAY_S) + 1) * float(DAY_S))
    return Arrivals(at_s=came.at_s[: int(np.searchsorted(came.at_s, span_s))], span_s=span_s)


def _drawn(curve: Curve, hours: int, seed: int) -> tuple[_Floats, float]:
    rates = curve.per_day * np.asarray(hourly_shares(curve.weights))
    reached = np.concatenate([[0.0], np.cumsum(np.resize(rates, hours))])
    expected = float(reached[-1])
    n = round(expected)
    units = np.cumsum(np.random.default_rng(seed).standard_exponential(n + 1))
    at = np.interp(units[:n] / units[n] * expected, reached, np.arange(hours + 1) * 3600.0)
    return np.asarray(at, dtype=np.float64), hours * 3600.0


def _repeated(record: Recorded, hours: int) -> tuple[_Floats, float]:
    times = max(1, round(hours * 3600 / record.span_s))
    starts = np.arange(times, dtype=np.float64) * record.span_s
    return np.add.outer(starts, np.asarray(record.offsets_s, dtype=np.float64)).ravel(), times * record.span_s
