"""What workers that come and go would have done with given requests: who waits, who meets a cold start, what is paid.

A worker takes one request at a time, in the order of arrival. A request goes to the idle worker used last; else to one
that boots or works and holds fewer than `concurrency` requests, the one free first; else to a new worker, which it is
bound to and whose boot it waits for; else, at `max_workers`, to the one free first. A worker is gone `window_s` after
its last finish (at exactly that instant: gone). Rented machines have hours instead.
"""

import math
from bisect import insort
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

MONTH_S = 2_628_000  # 730 hours
DAY_S = 86_400

_Floats = NDArray[np.float64]
# Free at, its last `concurrency` finishes, the window that follows, paid from.
_Worker = tuple[float, "deque[float]", float, float]
_Seconds = tuple[list[float], list[float], list[float], list[float]]  # of each request: work, pull, boot, window
_Ran = tuple[list[float], list[int], list[float], list[float]]


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
    """Per request, in order: latency, wait in the queue (without the boot of its own worker), cold; and seconds in all.

    Of workers that stay to the end, idle seconds count until the end of the stretch; of others, the whole last window.
    paid_each_s: what was paid since the request before, all in all as much as is paid. lives_s: those of the workers
    that came and went, boot to the end of the window.
    """

    latency_s: _Floats
    wait_s: _Floats
    cold: NDArray[np.bool_]
    paid_each_s: _Floats
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
    pull_s: ArrayLike = 0.0,
    windows_s: ArrayLike | None = None,
) -> Replayed:
    """Seconds of work and, should it be cold, of boot: one number for all requests, or one each.

    pull_s: until a new worker's paid life begins (a host is found, the image comes): they are waited for, not paid.
    windows_s: drawn windows in place of the setting's, that of a request for the idle period that may follow it.
    Raises ReplayError for negative or infinite seconds.
    """
    n = arrivals.n
    service, boot, pull = _each("service_s", service_s, n), _each("boot_s", boot_s, n), _each("pull_s", pull_s, n)
    windows = [setting.window_s] * n if windows_s is None else _each("windows_s", windows_s, n).tolist()
    at = arrivals.at_s if setting.hours is None else _held(arrivals.at_s, setting.hours)
    seconds = service.tolist(), pull.tolist(), boot.tolist(), windows
    starts, colds, idle, lives = _run(at.tolist(), arrivals.span_s, setting, seconds)
    cold = np.zeros(n, dtype=np.bool_)
    cold[colds] = True
    boots = np.where(cold, boot, 0.0)
    wait = np.where(cold, 0.0, np.asarray(starts) - arrivals.at_s)  # its own worker is waited for by boot alone
    busy_s, boot_in_all_s, idle_s = float(service.sum()), float(boots.sum()), math.fsum(idle)
    paid = service + boots + idle
    if setting.hours is not None:
        up_s, days = _up_s(arrivals, setting.hours, np.asarray(starts) + service)
        idle_s = setting.min_workers * up_s - busy_s
        boot_in_all_s = setting.min_workers * days * float(boot.mean())
        paid = np.full(n, (busy_s + boot_in_all_s + idle_s) / n)
    return Replayed(
        latency_s=wait + np.where(cold, pull, 0.0) + boots + service,
        wait_s=wait,
        cold=cold,
        paid_each_s=paid,
        busy_s=busy_s,
        boot_s=boot_in_all_s,
        idle_s=idle_s,
        lives_s=np.asarray(lives, dtype=np.float64),
    )


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


def _run(at_s: list[float], end_s: float, setting: Setting, each: _Seconds) -> _Ran:
    """When the work of each starts, which were cold, idle seconds since the one before; lives of workers that went.

    It sees a million requests.
    """
    (service, pull, boot, windows), room, least = each, setting.concurrency, setting.min_workers
    most = math.inf if setting.max_workers is None else setting.max_workers
    idle: list[_Worker] = [(0.0, _inputs(room), setting.window_s, 0.0) for _ in range(least)]  # last used at the end
    busy: list[_Worker] = []  # the first free at the start
    lives: list[float] = []
    alive, soonest, full_until = least, math.inf, -math.inf
    starts: list[float] = []
    colds: list[int] = []
    idle_each = [0.0] * len(at_s)
    for i, now in enumerate(at_s):
        while busy and busy[0][0] <= now:
            worker = busy.pop(0)
            idle.append(worker)
            if worker[0] + worker[2] < soonest:
                soonest = worker[0] + worker[2]
        if soonest <= now and idle:
            due, soonest = _evict(idle, now, alive - least)
            alive -= len(due)
            idle_each[i] = sum(worker[2] for worker in due)
            lives += [worker[0] + worker[2] - worker[3] for worker in due]
        if idle:
            free_at, inputs, _, born = idle.pop()
            idle_each[i] += now - free_at
            start = now
        else:
            at, full_until = _with_room(busy, now) if room > 1 and full_until <= now else (None, full_until)
            if at is None and alive < most:
                born, inputs, alive, full_until = now + pull[i], _inputs(room), alive + 1, -math.inf
                start = born + boot[i]
                colds.append(i)
            else:
                start, inputs, _, born = busy.pop(at or 0)
        starts.append(start)
        free_at = start + service[i]
        inputs.append(free_at)
        insort(busy, (free_at, inputs, windows[i], born))
    going, staying = _at_the_end(idle + busy, alive - least)
    idle_each[-1] += sum(worker[2] for worker in going) + sum(max(0.0, end_s - worker[0]) for worker in staying)
    return starts, colds, idle_each, lives + [worker[0] + worker[2] - worker[3] for worker in going]


def _inputs(room: int) -> "deque[float]":
    """When the last `room` requests of a worker end: it has room for one more once the oldest of them has ended."""
    return deque([-math.inf] * room, room)


def _with_room(busy: list[_Worker], now: float) -> tuple[int | None, float]:
    """The one free first of those with room, and until when there is none if there is none."""
    for at, worker in enumerate(busy):
        if worker[1][0] <= now:
            return at, -math.inf
    return None, min((worker[1][0] for worker in busy), default=-math.inf)


def _evict(idle: list[_Worker], now: float, spare: int) -> tuple[list[_Worker], float]:
    """Take out whose window has ended, no more than `spare`; and when the next one ends."""
    due = [worker for worker in idle if worker[0] + worker[2] <= now]
    if len(due) > spare:
        due = sorted(due, key=_gone_at)[: max(0, spare)]
    for worker in due:
        idle.remove(worker)
    if not idle or len(due) >= spare:
        return due, math.inf
    return due, _gone_at(idle[0]) if len(idle) == 1 else min(map(_gone_at, idle))


def _at_the_end(workers: list[_Worker], spare: int) -> tuple[list[_Worker], list[_Worker]]:
    """After the last request: whose windows end, and who stays."""
    ordered = sorted(workers, key=_gone_at)
    going = [worker for worker in ordered[: max(0, spare)] if math.isfinite(_gone_at(worker))]
    return going, ordered[len(going) :]


def _gone_at(worker: _Worker) -> float:
    return worker[0] + worker[2]


def _each(name: str, values: ArrayLike, n: int) -> _Floats:
    found = np.asarray(values, dtype=np.float64)
    if found.ndim and found.size != n:
        raise ReplayError(f"{name} gives {found.size:,} numbers for {n:,} requests.")
    if not (found >= 0).all() or (name != "windows_s" and np.isinf(found).any()):
        raise ReplayError(f"{name} must be finite seconds, none negative.")
    return np.broadcast_to(found, (n,))
