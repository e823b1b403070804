"""Which worker takes which request: the loops behind `analysis.traffic.replay`, over plain lists; instants in seconds.

`bound`: a request that starts a worker waits for that one. `pulled`: it starts one all the same, but requests wait in
one queue, and whichever worker gets ready or free first takes the oldest. Either sees a million requests.
"""

import math
from bisect import insort
from collections import deque
from collections.abc import Sequence
from heapq import heappop, heappush
from itertools import count
from typing import NamedTuple, TypeVar


class Scaling(NamedTuple):
    """As `replay.Setting`; most: infinite without a limit."""

    window_s: float
    room: int
    least: int
    most: float


class Each(NamedTuple):
    """Of each request: its work; and, should a worker be started for it, that one's pull, boot without load, and load.

    window: of the idle period that may follow it.
    """

    work: list[float]
    pull: list[float]
    boot: list[float]
    load: list[float]
    window: list[float]


class Ran(NamedTuple):
    """starts: when each is taken, or its own worker's boot is done where that is its own (`bound`). booted: for which
    requests a worker was started. firsts: which are the first of a worker that booted, and owners, for which request
    that one was started. idle: paid idle seconds since the request before. lives: of the workers that went.
    """

    starts: list[float]
    booted: list[int]
    firsts: list[int]
    owners: list[int]
    idle: list[float]
    lives: list[float]


# Free at, its last `room` finishes; or its number, which no other has: then it is not compared further. Window after
# that, paid from; of a worker that is pulled from a queue also the request it was started for, -1 once it has loaded.
_Bound = tuple[float, "deque[float]", float, float]
_Pulled = tuple[float, int, float, float, int]
_Worker = TypeVar("_Worker", _Bound, _Pulled)


def bound(at_s: list[float], end_s: float, scaling: Scaling, each: Each) -> Ran:
    """At the most workers a request waits for the one free first."""
    (window_s, room, least, most), (work, pull, boot, load, windows) = scaling, each
    idle: list[_Bound] = [(0.0, _inputs(room), window_s, 0.0) for _ in range(least)]  # last used at the end
    busy: list[_Bound] = []  # the first free at the start
    alive, soonest, full_until = least, math.inf, -math.inf
    starts: list[float] = []
    colds: list[int] = []
    lives: list[float] = []
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
            idle_each[i] = _buried(due, lives)
        if idle:
            free_at, inputs, _, born = idle.pop()
            idle_each[i] += now - free_at
            start = now
        else:
            at, full_until = _with_room(busy, now) if room > 1 and full_until <= now else (None, full_until)
            if at is None and alive < most:
                born, inputs, alive, full_until = now + pull[i], _inputs(room), alive + 1, -math.inf
                start = born + boot[i] + load[i]
                colds.append(i)
            else:
                start, inputs, _, born = busy.pop(at or 0)
        starts.append(start)
        free_at = start + work[i]
        inputs.append(free_at)
        insort(busy, (free_at, inputs, windows[i], born))
    idle_each[-1] += _at_the_end(idle + busy, alive - least, end_s, lives)
    return Ran(starts, colds, colds, colds, idle_each, lives)


def pulled(at_s: list[float], end_s: float, scaling: Scaling, each: Each) -> Ran:
    """A request that finds no idle worker starts one if fewer than `room` for each worker are open, it among them.

    A worker that gets ready when nobody waits is idle from then on, and loads with its first request.
    """
    queue = _Queue(scaling, each, n=len(at_s))
    idle, waiting, coming, ran = queue.idle, queue.waiting, queue.coming, queue.ran
    (_, room, least, most), alive, numbers = scaling, scaling.least, count(scaling.least)
    for i, now in enumerate(at_s):
        if coming and coming[0][0] <= now:
            queue.release(now)
        if queue.soonest <= now and idle:
            due, queue.soonest = _evict(idle, now, alive - least)
            alive -= len(due)
            ran.idle[i] = _buried(due, ran.lives)
        if idle:
            worker = idle.pop()
            ran.idle[i] += now - worker[0]
            queue.take(worker, i, now)
            continue
        waiting.append(i)
        if alive < most and len(waiting) + queue.working > room * alive:
            born, alive = now + each.pull[i], alive + 1
            ran.booted.append(i)
            heappush(coming, (born + each.boot[i], next(numbers), each.window[i], born, i))
    queue.release(math.inf)
    ran.idle[-1] += _at_the_end(idle, alive - least, end_s, ran.lives)
    return ran


class _Queue:
    """One queue that workers take from. coming: those that boot or work, a heap by when they get ready or free."""

    __slots__ = ("coming", "each", "idle", "ran", "soonest", "waiting", "working")

    def __init__(self, scaling: Scaling, each: Each, *, n: int) -> None:
        self.each, self.working, self.soonest = each, 0, math.inf
        self.idle: list[_Pulled] = [(0.0, i, scaling.window_s, 0.0, -1) for i in range(scaling.least)]
        self.coming: list[_Pulled] = []
        self.waiting: deque[int] = deque()
        self.ran = Ran([0.0] * n, [], [], [], [0.0] * n, [])

    def release(self, until: float) -> None:
        """Whoever gets ready or free up to then takes the oldest request, or is idle."""
        coming, waiting = self.coming, self.waiting
        while coming and coming[0][0] <= until:
            worker = heappop(coming)
            if worker[4] < 0:
                self.working -= 1
            if waiting:
                self.take(worker, waiting.popleft(), worker[0])
                continue
            self.idle.append(worker)
            if worker[0] + worker[2] < self.soonest:
                self.soonest = worker[0] + worker[2]

    def take(self, worker: _Pulled, i: int, at: float) -> None:
        """The first request of a worker waits for its load too."""
        _, number, _, born, started_for = worker
        self.ran.starts[i] = at
        if started_for >= 0:
            at += self.each.load[started_for]
            self.ran.firsts.append(i)
            self.ran.owners.append(started_for)
        self.working += 1
        heappush(self.coming, (at + self.each.work[i], number, self.each.window[i], born, -1))


def _inputs(room: int) -> "deque[float]":
    """When the last `room` requests of a worker end: it has room for one more once the oldest of them has ended."""
    return deque([-math.inf] * room, room)


def _with_room(busy: list[_Bound], now: float) -> tuple[int | None, float]:
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


def _buried(due: Sequence[_Bound | _Pulled], lives: list[float]) -> float:
    """Their last windows; their lives are added."""
    lives += [worker[0] + worker[2] - worker[3] for worker in due]
    return sum(worker[2] for worker in due)


def _at_the_end(workers: Sequence[_Bound | _Pulled], spare: int, end_s: float, lives: list[float]) -> float:
    """Idle seconds after the last request: whole windows of who goes, of who stays until the end of the stretch."""
    ordered = sorted(workers, key=_gone_at)
    going = [worker for worker in ordered[: max(0, spare)] if math.isfinite(_gone_at(worker))]
    return _buried(going, lives) + sum(max(0.0, end_s - worker[0]) for worker in ordered[len(going) :])


def _gone_at(worker: _Bound | _Pulled) -> float:
    return worker[0] + worker[2]
