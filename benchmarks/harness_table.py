"""The figures of each contender, side by side, and our bounds."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.table import Table

from analysis.stats import quantile
from benchmarks.harness_load import Load, Look, rate
from benchmarks.judge import Check
from benchmarks.tables import ratio

DISPATCH_MS = 3.0  # p99 above the machine's own timers
POLLED_MS, STAMPED_MS = 250.0, 50.0  # p95
MOST_REQUESTS = 2.0  # of what looking each second would cost
MOST_CORES = {1000: 0.5, 2000: 1.0}  # at one look a second and job
NO = float("nan")


@dataclass(kw_only=True)
class Contender:
    """One contender's run. told: {"due", "sent", "id", "seen", ..} per job; the rest is what others saw of it."""

    start_at: float
    endpoints: Sequence[str]  # the first half has the short jobs
    told: Sequence[Mapping[str, Any]]
    looks: Sequence[Look]
    used: Callable[[float, float], tuple[float, float]]
    truth: Mapping[str, Any] = field(default_factory=dict)
    counts: Sequence[tuple[float, Mapping[str, int]]] = ()
    floors_ms: tuple[float, float] = (NO, NO)

    def figures(self, load: Load) -> dict[str, float]:
        """Everything that is compared, by name."""
        found: dict[str, float] = {}
        for level in load.levels:
            sent = self._between(*load.dispatched(level))
            found[f"sent late at {level:,} in flight, p99 ms"] = p(99, [_ms(job["sent"] - job["due"]) for job in sent])
            found[f"reached the provider late at {level:,}, p99 ms"] = p(
                99, [_ms(self.truth[job["id"]][0] / 1e6 - job["due"]) for job in sent if job.get("id") in self.truth]
            )
        short = [job for job in self._between(0, load.long_at) if self._kind(job) == "warm"]
        found |= self._errors(short, "")
        found["looks a job and second of its life"] = self._looked(load)
        found |= self._errors(self._between(load.long_at, math.inf), f" at {load.levels[-1]:,} in flight")
        for level in load.levels:
            found |= self._used(load, level)
        found["truth inside its bracket, %"] = self._inside()
        found["jobs that failed"] = float(sum("error" in job for job in self.told))
        return found

    def _between(self, since_s: float, until_s: float) -> list[Mapping[str, Any]]:
        return [job for job in self.told if since_s - 1e-6 <= job["due"] - self.start_at < until_s - 1e-6]

    def _kind(self, job: Mapping[str, Any]) -> str | None:
        true = self.truth.get(job.get("id", ""))
        return None if true is None else true[2]

    def _done(self, job: Mapping[str, Any]) -> float | None:
        """When it truly ended, seconds since 1970."""
        true = self.truth.get(job.get("id", ""))
        return None if true is None or true[1] is None else true[1] / 1e6

    def _errors(self, jobs: Sequence[Mapping[str, Any]], where: str) -> dict[str, float]:
        ended = [(job, done) for job in jobs if "seen" in job and (done := self._done(job)) is not None]
        corrected = [_ms(abs(job["corrected"] - done)) for job, done in ended if "corrected" in job]
        return {
            f"latency error by looking{where}, p95 ms": p(95, [_ms(job["seen"] - done) for job, done in ended]),
            f"latency error by the provider's seconds{where}, p95 ms": p(95, corrected),
        }

    def _looked(self, load: Load) -> float:
        """Looks at the short jobs, against one each second of what they took."""
        calls = self.counts[-1][1] if self.counts else {}
        looks = sum(calls.get(f"{endpoint}/status", 0) for endpoint in self.endpoints[: load.spaces])
        seconds = sum(job["seen"] - job["due"] for job in self._between(0, load.long_at) if "seen" in job)
        return looks / seconds if seconds else NO

    def _used(self, load: Load, level: int) -> dict[str, float]:
        since, until = (self.start_at + at for at in load.window(level))
        cores, memory_mb = self.used(since, until)
        looks_s = rate(self.counts, [f"{endpoint}/status" for endpoint in self.endpoints], since, until)
        hz = looks_s / level
        return {
            f"CPU at {level:,} in flight, cores": cores,
            f"looks a second and job at {level:,}": hz,
            f"CPU at {level:,} in flight and one look a second, cores": cores * max(1.0, 1 / hz) if hz else NO,
            f"memory at {level:,} in flight, MB": memory_mb,
        }

    def _inside(self) -> float:
        known = [(job, done) for job in self.told if "unseen" in job and (done := self._done(job)) is not None]
        inside = sum(job["unseen"] - 1e-6 <= done <= job["seen"] + 1e-6 for job, done in known)
        return 100 * inside / len(known) if known else NO


def plain(figures: Mapping[str, float]) -> dict[str, float | None]:
    """The figures as data: None where there is none."""
    return {name: None if math.isnan(value) else value for name, value in figures.items()}


def p(percent: int, values: Sequence[float]) -> float:
    """A percentile; not a number without values."""
    found = quantile(list(values), percent / 100) if values else None
    return NO if found is None else found


def compared(load: Load, found: Mapping[str, Contender]) -> Table:
    """One line a figure, one column a contender, and how many times ours theirs is."""
    peers = [name for name in found if name != "ours"]
    columns = ["", *(["ours"] if "ours" in found else [])]
    for name in peers:
        columns += [_TITLES[name], *(["ratio"] if "ours" in found else [])]
    table = Table(*columns, title="Ours beside others, the same jobs at the same provider", title_justify="left")
    figures = {name: contender.figures(load) for name, contender in found.items()}
    for name in next(iter(figures.values())):
        own = figures.get("ours", {}).get(name)
        cells = [name] + ([_shown(own)] if own is not None else [])
        for peer in peers:
            cells += [_shown(figures[peer][name]), *([_ratio(own, figures[peer][name])] if own is not None else [])]
        table.add_row(*cells)
    return table


_TITLES = {"script": "httpx script", "locust": "Locust"}


def _shown(value: float) -> str:
    if math.isnan(value):
        return "-"
    return f"{value:,.2f}" if abs(value) < 10 else f"{value:,.0f}"


def _ratio(ours: float, theirs: float) -> str:
    return "-" if math.isnan(ours) or math.isnan(theirs) else ratio(ours, theirs)


def bounds(load: Load, ours: Contender, *, timed: bool) -> list[Check]:
    """What we promise. `timed` False: only what does not depend on how busy the machine is."""
    found = ours.figures(load)
    checks = [
        _least("truth inside its bracket, %", found["truth inside its bracket, %"], 100),
        _most("jobs that failed", found["jobs that failed"], 0),
    ]
    if not timed:
        return checks
    before_ms, after_ms = ours.floors_ms
    level = load.levels[-2]
    return [
        *checks,
        _most(
            name := f"sent late at {level:,} in flight, p99 ms",
            found[name],
            max(before_ms, after_ms) + DISPATCH_MS,
            f" (the machine's timers: {before_ms:.1f} before, {after_ms:.1f} after)",
        ),
        _most(name := "latency error by looking, p95 ms", found[name], POLLED_MS),
        _most(name := "looks a job and second of its life", found[name], MOST_REQUESTS),
        _most(name := "latency error by the provider's seconds, p95 ms", found[name], STAMPED_MS),
        *(
            _most(name, found[name], most)
            for each, most in MOST_CORES.items()
            if (name := f"CPU at {each:,} in flight and one look a second, cores") in found
        ),
    ]


def _most(name: str, found: float, most: float, beside: str = "") -> Check:
    return Check(name, _shown(found), f"<= {_shown(most)}{beside}", found <= most)


def _least(name: str, found: float, least: float) -> Check:
    return Check(name, _shown(found), f">= {_shown(least)}", found >= least)


def _ms(seconds: float) -> float:
    return seconds * 1e3
