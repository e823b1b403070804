"""Which worker takes which request: the loops behind `analysis.traffic.replay`, compiled; instants in seconds.

`bound`: a request that starts a worker waits for that one. `pulled`: it starts one all the same, but requests wait in
one queue, and whichever worker gets ready or free first takes the oldest. Either sees a million requests, and a verdict
replays a few thousand times: compiled they take a fiftieth of what they take in plain Python.
"""

# mypy: disable-error-code="arg-type,index,misc,no-untyped-def"
# The compiler infers what its loops work on, and refuses what does not fit.

import math
from heapq import heappop, heappush
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

_Floats = NDArray[np.float64]
_Ints = NDArray[np.int64]


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

    work: _Floats
    pull: _Floats
    boot: _Floats
    load: _Floats
    window: _Floats


class Ran(NamedTuple):
    """starts: when each is taken, or its own worker's boot is done where that is its own (`bound`). booted: for which
    requests a worker was started. firsts: which are the first of a worker that booted, and owners, for which request
    that one was started. idle: paid idle seconds since the request before. lives: of the workers that went.
    """

    starts: _Floats
    booted: _Ints
    firsts: _Ints
    owners: _Ints
    idle: _Floats
    lives: _Floats


# A worker: free at; its number, which no other has; window after that; paid from; and, of one that is pulled from a
# queue, the request it was started for, -1 once it has loaded.
_FREE, _NUMBER, _WINDOW, _BORN, _FOR = range(5)


def bound(at_s: _Floats, end_s: float, scaling: Scaling, each: Each) -> Ran:
    """At the most workers a request waits for the one free first."""
    starts, colds, idle, lives = _bound(at_s, end_s, *scaling, *each)
    return Ran(starts, colds, colds, colds, idle, lives)


def pulled(at_s: _Floats, end_s: float, scaling: Scaling, each: Each) -> Ran:
    """A request that finds no idle worker starts one if fewer than `room` for each worker are open, it among them.

    A worker that gets ready when nobody waits is idle from then on, and loads with its first request.
    """
    return Ran(*_pulled(at_s, end_s, *scaling, *each))


_compiled = njit(cache=True)  # kept beside this file: a process after the first does not wait for the compiler


@_compiled
def _bound(at_s, end_s, window_s, room, least, most, work, pull, boot, load, windows):
    n, alive, number = at_s.size, least, least
    idle = [(0.0, i, window_s, 0.0, -1) for i in range(least)]  # last used at the end
    busy = idle[:0]  # the first free at the start
    ends = np.full((least + n, room), -math.inf)  # a ring of each worker's last requests: room once the oldest ended
    oldest = np.zeros(least + n, np.int64)
    soonest, full_until = math.inf, -math.inf
    starts, idle_each, colds, lives = np.zeros(n), np.zeros(n), [0][:0], [0.0][:0]
    for i in range(n):
        now, at = at_s[i], -1
        while len(busy) and busy[0][_FREE] <= now:
            idle.append(busy.pop(0))
            soonest = min(soonest, _gone_at(idle[-1]))
        if soonest <= now and len(idle):
            gone, idle_each[i], soonest = _evict(idle, now, alive - least, lives)
            alive -= gone
        if len(idle):
            worker = idle.pop()
            idle_each[i] += now - worker[_FREE]
            starts[i] = now
        else:
            if room > 1 and full_until <= now:
                at, full_until = _with_room(busy, ends, oldest, now)
            if at < 0 and alive < most:
                worker = (0.0, number, 0.0, now + pull[i], -1)
                starts[i] = worker[_BORN] + boot[i] + load[i]
                alive, number, full_until = alive + 1, number + 1, -math.inf
                colds.append(i)
            else:
                worker = busy.pop(max(at, 0))
                starts[i] = worker[_FREE]
        mine, free_at = worker[_NUMBER], starts[i] + work[i]
        ends[mine, oldest[mine]] = free_at
        oldest[mine] = (oldest[mine] + 1) % room
        _insert(busy, (free_at, mine, windows[i], worker[_BORN], -1))
    idle_each[-1] += _at_the_end(idle + busy, alive - least, end_s, lives)
    return starts, np.array(colds), idle_each, np.array(lives)


@_compiled
def _pulled(at_s, end_s, window_s, room, least, most, work, pull, boot, load, windows):
    n, alive, number = at_s.size, least, least
    idle = [(0.0, i, window_s, 0.0, -1) for i in range(least)]
    coming = idle[:0]  # those that boot or work, a heap by when they get ready or free
    waiting, head, working = [0][:0], 0, 0  # requests from `head` on
    booted, firsts, owners, lives = [0][:0], [0][:0], [0][:0], [0.0][:0]
    starts, idle_each, soonest = np.zeros(n), np.zeros(n), math.inf
    for i in range(n + 1):  # once more at the end: whoever is still to come takes who still waits
        now = at_s[i] if i < n else math.inf
        while len(coming) and coming[0][_FREE] <= now:
            worker = heappop(coming)
            working -= worker[_FOR] < 0
            if head == len(waiting):
                idle.append(worker)
                soonest = min(soonest, _gone_at(worker))
            else:
                _take(worker, waiting[head], worker[_FREE], (work, load, windows), coming, starts, firsts, owners)
                head, working = head + 1, working + 1
        if i == n:
            break
        if soonest <= now and len(idle):
            gone, idle_each[i], soonest = _evict(idle, now, alive - least, lives)
            alive -= gone
        if len(idle):
            worker = idle.pop()
            idle_each[i] += now - worker[_FREE]
            _take(worker, i, now, (work, load, windows), coming, starts, firsts, owners)
            working += 1
            continue
        waiting.append(i)
        if alive < most and len(waiting) - head + working > room * alive:
            heappush(coming, (now + pull[i] + boot[i], number, windows[i], now + pull[i], i))
            booted.append(i)
            alive, number = alive + 1, number + 1
    idle_each[-1] += _at_the_end(idle, alive - least, end_s, lives)
    return starts, np.array(booted), np.array(firsts), np.array(owners), idle_each, np.array(lives)


@_compiled
def _take(worker, i, at, each, coming, starts, firsts, owners):
    """The first request of a worker waits for its load too."""
    work, load, windows = each
    starts[i] = at
    if worker[_FOR] >= 0:
        at += load[worker[_FOR]]
        firsts.append(i)
        owners.append(worker[_FOR])
    heappush(coming, (at + work[i], worker[_NUMBER], windows[i], worker[_BORN], -1))


@_compiled
def _gone_at(worker):
    return worker[_FREE] + worker[_WINDOW]


@_compiled
def _insert(busy, worker):
    """After those that are free as soon."""
    at = len(busy)
    while at and busy[at - 1][_FREE] > worker[_FREE]:
        at -= 1
    busy.insert(at, worker)


@_compiled
def _with_room(busy, ends, oldest, now):
    """The one free first of those with room, and until when there is none if there is none (-1)."""
    until = math.inf
    for at in range(len(busy)):
        mine = busy[at][_NUMBER]
        if ends[mine, oldest[mine]] <= now:
            return at, -math.inf
        until = min(until, ends[mine, oldest[mine]])
    return -1, until if len(busy) else -math.inf


@_compiled
def _evict(idle, now, spare, lives):
    """Take out whose window has ended, no more than `spare`: how many, their last windows, when the next one ends.

    Their lives are added.
    """
    due = [worker for worker in idle if _gone_at(worker) <= now]
    if len(due) > spare:
        due = _by_end(due)[: max(0, spare)]
    paid_s = 0.0
    for worker in due:
        idle.remove(worker)
        lives.append(_gone_at(worker) - worker[_BORN])
        paid_s += worker[_WINDOW]
    soonest = math.inf
    if len(due) < spare:
        for worker in idle:
            soonest = min(soonest, _gone_at(worker))
    return len(due), paid_s, soonest


@_compiled
def _at_the_end(workers, spare, end_s, lives):
    """Idle seconds after the last request: whole windows of who goes, of who stays until the end of the stretch."""
    paid_s = 0.0
    for worker in _by_end(workers):
        if spare > 0 and math.isfinite(_gone_at(worker)):
            spare -= 1
            lives.append(_gone_at(worker) - worker[_BORN])
            paid_s += worker[_WINDOW]
        else:
            spare = 0
            paid_s += max(0.0, end_s - worker[_FREE])
    return paid_s


@_compiled
def _by_end(workers):
    """By when their windows end; of those that end together, the first stays first."""
    ends = np.array([_gone_at(worker) for worker in workers])
    return [workers[at] for at in np.argsort(ends, kind="mergesort")]
