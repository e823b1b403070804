"""What every contender of the harness has to send and when, and how its process is watched."""

import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import workflows
from benchmarks.harness_provider import BESIDE_S, STEP_S, WIDTH
from clock import WallClock
from workflows.prompts import draw

_PAGE_KB, _TICKS = os.sysconf("SC_PAGE_SIZE") // 1024, os.sysconf("SC_CLK_TCK")
LOOK_S = 0.25


@dataclass(frozen=True, kw_only=True)
class Load:
    """First short jobs, whose ends are seen; then long ones, step by step up to each of `levels` in flight.

    spaces: endpoints, the same number again for each half. per_s: jobs a second over all of them. hold_s: at each
    level, without a new job. extra: jobs sent beyond the last level.
    """

    spaces: int = 10
    short_n: int = 600
    short_per_s: float = 20.0
    short_s: float = 5.0
    levels: Sequence[int] = (500, 1000, 2000)
    per_s: float = 50.0
    hold_s: float = 5.0
    extra: int = 200
    long_s: float = 62.0
    tail_s: float = 8.0  # after the last dispatch
    settle_s: float = 1.0  # of hold_s, before CPU is counted
    floor_s: float = 5.0  # for which the machine's timers are measured

    @property
    def long_at(self) -> float:
        """When the long jobs begin, seconds after the start."""
        return self.short_n / self.short_per_s + self.short_s * 1.5

    @property
    def steps(self) -> list[tuple[float, float, int]]:
        """Each climb: when it begins and ends, and how many are in flight before it."""
        at, found = self.long_at, []
        for low, high in pairwise((0, *self.levels, self.levels[-1] + self.extra)):
            found.append((at, at + (high - low) / self.per_s, low))
            at = found[-1][1] + self.hold_s
        return found

    @property
    def took_s(self) -> float:
        """From the start to the end of everything."""
        return self.steps[-1][1] + self.tail_s

    def offsets_s(self) -> list[list[float]]:
        """When jobs start, by endpoint: the first half of the endpoints has the short ones."""
        spaces: list[list[float]] = [[] for _ in range(2 * self.spaces)]
        for number in range(self.short_n):
            spaces[number % self.spaces].append(number / self.short_per_s)
        sent = 0
        for begins, ends, _ in self.steps:
            for number in range(round((ends - begins) * self.per_s)):
                spaces[self.spaces + sent % self.spaces].append(begins + number / self.per_s)
                sent += 1
        return spaces

    def params(self, space: int) -> dict[str, Any]:
        """The workflow's parameters at an endpoint."""
        seconds = self.short_s if space < self.spaces else self.long_s
        return {"width": WIDTH, "height": WIDTH, "steps": round((seconds - BESIDE_S) / STEP_S)}

    def window(self, level: int) -> tuple[float, float]:
        """Seconds after the start between which so many are in flight and none is sent."""
        begins = next(begins for begins, _, low in self.steps if low == level)
        return begins - self.hold_s + self.settle_s, begins

    def dispatched(self, level: int) -> tuple[float, float]:
        """.. and between which jobs are sent while at least so many are in flight."""
        return next((begins, ends) for begins, ends, low in self.steps if low == level)


QUICK = Load(spaces=1, short_n=30, short_per_s=10.0, short_s=1.25, levels=(25, 50, 100), per_s=80.0, hold_s=0.75,
             extra=20, long_s=5.0, tail_s=2.0, settle_s=0.1, floor_s=1.0)  # fmt: skip


def now_s() -> float:
    """Seconds since 1970, by which every contender keeps its schedule."""
    return WallClock().now().timestamp()


def requests(load: Load, urls: Sequence[str]) -> list[dict[str, Any]]:
    """The jobs as a script sends them: {"after_s", "url", "body"}."""
    graph, jobs = workflows.load("flux-dev"), []
    for space, (offsets, url) in enumerate(zip(load.offsets_s(), urls, strict=True)):
        for after_s, prompt in zip(offsets, draw(len(offsets), 1), strict=True):
            values = {**load.params(space), "prompt": prompt.text, "seed": prompt.seed}
            body = {"input": {"workflow": graph.render(values)}, "policy": {"executionTimeout": 600_000}}
            jobs.append({"after_s": after_s, "url": url, "body": body})
    return sorted(jobs, key=lambda job: job["after_s"])


@dataclass(frozen=True)
class Look:
    """A process at an instant: CPU seconds so far, and its memory."""

    at: float
    cpu_s: float
    memory_mb: float


@dataclass
class Watch:
    """Looks at a process until it is told to stop, from a thread."""

    pid: int
    looks: list[Look] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "Watch":
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(LOOK_S):
            parts = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
            cpu_s = (int(parts[11]) + int(parts[12])) / _TICKS
            self.looks.append(Look(now_s(), cpu_s, int(parts[21]) * _PAGE_KB / 1024))

    def used(self, since: float, until: float) -> tuple[float, float]:
        """Cores and MB between two instants."""
        found = [look for look in self.looks if since <= look.at <= until]
        if len(found) < 2:
            return float("nan"), float("nan")
        cores = (found[-1].cpu_s - found[0].cpu_s) / (found[-1].at - found[0].at)
        return cores, max(look.memory_mb for look in found)


def rate(counts: Sequence[tuple[float, Mapping[str, int]]], names: Sequence[str], since: float, until: float) -> float:
    """Calls a second of the named kinds between two instants; of the counts around them where a busy machine took fewer
    than two in between.
    """
    every = [(at, sum(seen.get(name, 0) for name in names)) for at, seen in counts]
    found = [each for each in every if since <= each[0] <= until]
    if len(found) < 2:
        before, after = [each for each in every if each[0] < since], [each for each in every if each[0] > until]
        found = [*before[-1:], *found, *after[:1]]
    if len(found) < 2:
        return float("nan")
    return (found[-1][1] - found[0][1]) / (found[-1][0] - found[0][0])
