"""Workers that take requests from one queue, as anybody would write it first: objects moved from event to event.

The slow peer of `analysis.traffic.workers.pulled`, for its speed and for its property tests.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from analysis.traffic.replay import Setting


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request, in seconds: its work, and what a worker that is started for it takes; window: that follows either."""

    at_s: float
    work_s: float
    boot_s: float
    load_s: float = 0.0
    pull_s: float = 0.0
    window_s: float | None = None


@dataclass(eq=False, kw_only=True)
class Worker:
    """since_s: when it gets or got ready or free."""

    number: int
    born_s: float
    since_s: float
    window_s: float
    load_s: float = 0.0
    fresh: bool = False
    works: bool = False

    @property
    def gone_s(self) -> float:
        return self.since_s + self.window_s


@dataclass(kw_only=True)
class Queue:
    """Ends of all requests, which met a worker that nobody had used, workers that booted, and paid seconds."""

    setting: Setting
    asked: Sequence[Asked]
    ends: list[float] = field(default_factory=list)
    cold: list[bool] = field(default_factory=list)
    boots: int = 0
    paid_s: float = 0.0
    coming: list[Worker] = field(default_factory=list)
    idle: list[Worker] = field(default_factory=list)
    waiting: list[int] = field(default_factory=list)

    def run(self, end_s: float) -> "Queue":
        """All requests, then until everybody is gone or the end has come."""
        self.ends, self.cold = [math.nan] * len(self.asked), [False] * len(self.asked)
        window_s = self.setting.window_s
        self.idle = [Worker(number=i, born_s=0, since_s=0, window_s=window_s) for i in range(self.setting.min_workers)]
        for i, asked in enumerate(self.asked):
            self.release(asked.at_s)
            self.bury(asked.at_s)
            if self.idle:
                self.give(self.idle.pop(), i, asked.at_s)
            else:
                self.waiting.append(i)
                self.scale(asked)
        self.release(math.inf)
        self.bury(math.inf)
        self.paid_s += sum(max(end_s, worker.since_s) - worker.born_s for worker in self.idle)
        return self

    def release(self, until_s: float) -> None:
        """Of those that come up to then one after the other takes whoever waits longest."""
        while due := [worker for worker in self.coming if worker.since_s <= until_s]:
            worker = min(due, key=lambda each: (each.since_s, each.number))
            self.coming.remove(worker)
            worker.works = False
            if self.waiting:
                self.give(worker, self.waiting.pop(0), worker.since_s)
            else:
                self.idle.append(worker)

    def bury(self, now_s: float) -> None:
        """Let go whose window has ended, the first to end first, while more than the fewest are there."""
        for worker in sorted(self.idle, key=lambda each: each.gone_s):
            spare = len(self.idle) + len(self.coming) > self.setting.min_workers
            if worker.gone_s <= now_s and math.isfinite(worker.gone_s) and spare:
                self.idle.remove(worker)
                self.paid_s += worker.gone_s - worker.born_s

    def give(self, worker: Worker, i: int, now_s: float) -> None:
        asked = self.asked[i]
        self.cold[i] = worker.fresh
        self.ends[i] = now_s + (worker.load_s if worker.fresh else 0) + asked.work_s
        worker.since_s, worker.works, worker.fresh = self.ends[i], True, False
        worker.window_s = self.window_of(asked)
        self.coming.append(worker)

    def scale(self, asked: Asked) -> None:
        """One more worker if more is open than those that are there have room for."""
        alive = len(self.coming)  # nobody is idle
        is_open = len(self.waiting) + sum(worker.works for worker in self.coming)
        full = self.setting.max_workers is not None and alive >= self.setting.max_workers
        if full or is_open <= self.setting.concurrency * alive:
            return
        born_s, number = asked.at_s + asked.pull_s, self.setting.min_workers + self.boots
        ready_s, window_s = born_s + asked.boot_s - asked.load_s, self.window_of(asked)
        made = Worker(number=number, born_s=born_s, since_s=ready_s, window_s=window_s, load_s=asked.load_s, fresh=True)
        self.coming.append(made)
        self.boots += 1

    def window_of(self, asked: Asked) -> float:
        return self.setting.window_s if asked.window_s is None else asked.window_s
