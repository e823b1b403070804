"""What workers that come and go would have done with given requests: who waits, who meets a cold start, what is paid.

A worker takes one request at a time, in the order of arrival. A request goes to the idle worker used last; else to one
that boots or works and holds fewer than `concurrency` requests, the one free first; else to a new worker, which it is
bound to and whose boot it waits for; else, at `max_workers`, to the one free first. Where requests are not `bound`,
they wait in one queue from which whichever worker is ready or free first takes the oldest. A worker is gone `window_s`
after its last finish (at exactly that instant: gone). Rented machines have hours instead.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.traffic import workers

MONTH_S = 2_628_000  # 730 hours
DAY_S = 86_400

_Floats = NDArray[np.float64]


class ReplayError(ValueError):
    """Traffic or a setting that cannot be replayed; one sentence with the cause."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """How a provider scales. `window_s`: idle seconds before a worker goes, infinite: never, 0: at once.

    `min_workers` are up before the first request and stay to the end; `max_workers` None: no limit. `hours`: from and
    to which hour of each UTC day they are rented, None: around the clock; what comes outside waits until they begin.
    """

    window_s: float
    concurrency: int = 1
    max_workers: int | None = None
    min_workers: int = 0
    hours: tuple[int, int] | None = None
    bound: bool = True

    def __post_init__(self) -> None:
        if not self.window_s >= 0:
            raise ReplayError(f"A window is 0 s or more, not {self.window_s:g}.")
        if self.concurrency < 1:
            raise ReplayError(f"A worker holds at least one request, not {self.concurrency}.")
        if self.min_workers < 0:
            raise ReplayError(f"min_workers is 0 or more, not {self.min_workers}.")
        if self.max_workers is not None and self.max_workers < max(1, self.min_workers):
            raise ReplayError(f"max_workers {self.max_workers} is below 1 or below min_workers {self.min_workers}.")
        if self.hours is not None and not 0 <= self.hours[0] < self.hours[1] <= 24:
            raise ReplayError(f"Hours go from 0 on to 24 at most, the end after the beginning, not {self.hours}.")
        if self.hours is not None and (self.min_workers, self.window_s) != (self.max_workers, math.inf):
            raise ReplayError(
                "Machines rented by the hour are as many at least as at most, and their window is infinite."
            )

    @property
    def stands(self) -> bool:
        """Are as many up as there may be, as rented machines are? Then no window matters."""
        return self.min_workers == self.max_workers


def rented(machines: int = 1, *, hours: tuple[int, int] | None = None) -> Setting:
    """So many machines, around the clock or in these hours of each day."""
    return Setting(window_s=math.inf, min_workers=machines, max_workers=machines, hours=hours)


@dataclass(frozen=True, kw_only=True)
class Arrivals:
    """Instants of requests, seconds from the start of a stretch of time that is `span_s` long; ascending."""

    at_s: _Floats
    span_s: float

    def __post_init__(self) -> None:
        if not self.at_s.size:
            raise ReplayError("There is no request to replay.")
        if not np.isfinite(self.at_s).all() or self.at_s[0] < 0 or (np.diff(self.at_s) < 0).any():
            raise ReplayError("Requests must come at finite instants from 0 s on, in ascending order.")
        if not self.at_s[-1] <= self.span_s < math.inf:
            raise ReplayError(f"The last request, at {self.at_s[-1]:g} s, comes after the end, at {self.span_s:g} s.")

    @property
    def n(self) -> int:
        return int(self.at_s.size)


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """Per request, in order: latency, wait in the queue, cold (its worker's first); and seconds in all.

    wait_s: of a cold one without its worker's pull and boot; below 0 where those began before it came. boots: workers
    that booted, those that no request was left for too.
    Of workers that stay to the end, idle seconds count until the end of the stretch; of others, the whole last window.
    paid_each_s: what was paid since the request before, all in all as much as is paid. lives_s: those of the workers
    that came and went, boot to the end of the window.
    """

    latency_s: _Floats
    wait_s: _Floats
    cold: NDArray[np.bool_]
    paid_each_s: _Floats
    boots: int
    busy_s: float
    boot_s: float
    idle_s: float
    lives_s: _Floats

    @property
    def n(self) -> int:
        return int(self.latency_s.size)

    @property
    def cold_share(self) -> float:
        return float(self.cold.mean())

    @property
    def paid_s(self) -> float:
        return self.boot_s + self.busy_s + self.idle_s


def replay(
    arrivals: Arrivals,
    setting: Setting,
    *,
    service_s: ArrayLike,
    boot_s: ArrayLike,
    load_s: ArrayLike = 0.0,
    pull_s: ArrayLike = 0.0,
    windows_s: ArrayLike | None = None,
) -> Replayed:
    """Seconds of work and, should a worker be started for it, of boot: one number for all requests, or one each.

    load_s: how much of a boot comes only with the worker's first request, which need not be the one it was started for.
    pull_s: until a new worker's paid life begins (a host is found, the image comes): they are waited for, not paid.
    windows_s: drawn windows in place of the setting's, that of a request for the idle period that may follow it or the
    readiness of the worker that was started for it. Raises ReplayError for negative or infinite seconds.
    """
    n = arrivals.n
    service, boot, load, pull = (
        _each(name, values, n)
        for name, values in (("service_s", service_s), ("boot_s", boot_s), ("load_s", load_s), ("pull_s", pull_s))
    )
    if (load > boot).any():
        raise ReplayError("load_s is a part of boot_s, no more than it.")
    windows = _each("windows_s", setting.window_s if windows_s is None else windows_s, n)
    at = arrivals.at_s if setting.hours is None else _held(arrivals.at_s, setting.hours)
    each = workers.Each(service, pull, boot - load, load, windows)
    run = workers.bound if setting.bound else workers.pulled
    ran = run(at, arrivals.span_s, _scaling(setting), each)
    return _summed(arrivals, setting, ran, (service, boot, load, pull))


def _scaling(setting: Setting) -> workers.Scaling:
    most = math.inf if setting.max_workers is None else float(setting.max_workers)
    return workers.Scaling(float(setting.window_s), setting.concurrency, setting.min_workers, most)


def _summed(
    arrivals: Arrivals, setting: Setting, ran: workers.Ran, seconds: tuple[_Floats, _Floats, _Floats, _Floats]
) -> Replayed:
    """From when each request was taken to what it waited and what was paid."""
    (service, boot, load, pull), n, starts = seconds, arrivals.n, np.asarray(ran.starts)
    cold, boots = np.zeros(n, dtype=np.bool_), np.zeros(n)
    cold[ran.firsts] = True
    boots[ran.booted] = (boot - load)[ran.booted]
    boots[ran.firsts] += load[ran.owners]
    before = np.zeros(n)  # a cold request's worker: its pull and boot
    before[ran.firsts] = (pull + boot)[ran.owners]
    wait = _wait(arrivals.at_s, ran, load, before)
    busy_s, boot_in_all_s, idle_s, booted = (
        float(service.sum()),
        float(boots.sum()),
        math.fsum(ran.idle),
        len(ran.booted),
    )
    paid = service + boots + ran.idle
    if setting.hours is not None:
        up_s, days = _up_s(arrivals, setting.hours, starts + service)
        booted = setting.min_workers * days
        idle_s = setting.min_workers * up_s - busy_s
        boot_in_all_s = booted * float(boot.mean())
        paid = np.full(n, (busy_s + boot_in_all_s + idle_s) / n)
    return Replayed(
        latency_s=wait + before + service,
        wait_s=wait,
        cold=cold,
        paid_each_s=paid,
        boots=booted,
        busy_s=busy_s,
        boot_s=boot_in_all_s,
        idle_s=idle_s,
        lives_s=np.asarray(ran.lives, dtype=np.float64),
    )


def _wait(at_s: _Floats, ran: workers.Ran, load: _Floats, before: _Floats) -> _Floats:
    """In the queue; of a request whose worker was started for it, nothing but pull and boot."""
    wait = np.asarray(ran.starts) - at_s
    wait[ran.firsts] += load[ran.owners] - before[ran.firsts]
    own = [first for first, owner in zip(ran.firsts, ran.owners, strict=True) if first == owner]
    wait[own] = 0.0
    return wait


def _held(at_s: _Floats, hours: tuple[int, int]) -> _Floats:
    """Instants moved to the next opening where they lie outside of the hours."""
    opens, closes = (hour * 3600.0 for hour in hours)
    midnight = np.floor(at_s / DAY_S) * DAY_S
    into = at_s - midnight
    opening = np.where(into < closes, midnight, midnight + DAY_S) + opens
    return np.maximum(at_s, np.where((opens <= into) & (into < closes), at_s, opening))


def _up_s(arrivals: Arrivals, hours: tuple[int, int], ends: _Floats) -> tuple[float, int]:
    """Seconds that one machine is rented, and on how many days: all stay until the last of a day's work is done."""
    opens, closes = (hour * 3600.0 for hour in hours)
    day = (_held(arrivals.at_s, hours) // DAY_S).astype(np.int64)
    days = max(math.ceil(arrivals.span_s / DAY_S), int(day[-1]) + 1)
    last = np.full(days, -math.inf)
    np.maximum.at(last, day, ends)
    over = np.clip(last - (np.arange(days) * DAY_S + closes), 0, DAY_S - (closes - opens))
    return days * (closes - opens) + float(over.sum()), days


def _each(name: str, values: ArrayLike, n: int) -> _Floats:
    found = np.asarray(values, dtype=np.float64)
    if found.ndim and found.size != n:
        raise ReplayError(f"{name} gives {found.size:,} numbers for {n:,} requests.")
    if not (found >= 0).all() or (name != "windows_s" and np.isinf(found).any()):
        raise ReplayError(f"{name} must be finite seconds, none negative.")
    return np.ascontiguousarray(np.broadcast_to(found, (n,)))  # of one layout: compiled loops know no other
