"""What a job's wait proves of the worker that took it, from durations alone: no worker's clock is compared with ours.

Our own instants bracket when a provider accepted a job; the provider's durations, each measured on one clock, lead from
there to its pick-up and its end. A worker that is up and free takes a job at once. A wait beyond that is a boot.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

from words import JobStatus, Reason, StartKind

# A worker that is up asks for work about once a second, and takes its first job 1.5 s after its process was started at
# the soonest, without a model to load (runpod SDK 1.12.0 on loopback, 2026-11-23). In between nothing is proven.
UP_S, BOOT_S = 1.5, 3.0
_CANCEL_S = 30.0  # a job that we gave up at its deadline is cancelled by then
_NEVER = float("inf")


class Span(NamedTuple):
    """Seconds between which a value must lie; an instant counts from 1970."""

    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One job as far as it is known. Instants by our clock; durations in the provider's or its worker's words."""

    status: JobStatus
    reason: str | None = None
    start_kind: StartKind | None = None  # of one that was decided
    worker_id: str | None = None
    sent_at: datetime | None = None
    accepted_at: datetime | None = None
    deadline_at: datetime | None = None
    last_unfinished_at: datetime | None = None
    first_finished_at: datetime | None = None
    queue_s: float | None = None
    execution_s: float | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def accepted(self) -> Span | None:
        """Between our sending and the answer; None where one of them is missing."""
        if self.sent_at is None or self.accepted_at is None:
            return None
        return Span(self.sent_at.timestamp(), self.accepted_at.timestamp())

    @cached_property
    def picked(self) -> Span | None:
        """When a worker took it: its wait after it was accepted, else its execution before it was seen finished."""
        if self.accepted is not None and self.queue_s is not None:
            return Span(self.accepted.low + self.queue_s, self.accepted.high + self.queue_s)
        if self.accepted is None or self.execution_s is None or self.first_finished_at is None:
            return None
        low = self._unfinished - self.execution_s
        return Span(max(self.accepted.low, low), self.first_finished_at.timestamp() - self.execution_s)

    @cached_property
    def done(self) -> Span:
        """When its worker was free again; without an upper end while it is open."""
        if self.picked is not None and self.execution_s is not None and self.status.final:
            return Span(self.picked.low + self.execution_s, self.picked.high + self.execution_s)
        if not self.status.final:
            return Span(self._unfinished, _NEVER)
        if self.first_finished_at is not None:
            return Span(self._unfinished, self.first_finished_at.timestamp())
        given_up = None if self.deadline_at is None else self.deadline_at.timestamp() + _CANCEL_S
        return Span(self._unfinished, _NEVER if given_up is None else given_up)

    def sent_by(self, at: float) -> bool:
        """Was it sent by then?"""
        return self.sent_at is not None and self.sent_at.timestamp() <= at

    def began_before(self, picked: Span) -> bool:
        """Was it on its worker before a job that was picked up there then? A worker has one job at a time."""
        if not self.status.final:
            return self.status is JobStatus.RUNNING and self.done.low <= picked.low
        return self.done.low < picked.high if self.picked is None else sum(self.picked) < sum(picked)

    @cached_property
    def _unfinished(self) -> float:
        seen = [at.timestamp() for at in (self.sent_at, self.last_unfinished_at) if at is not None]
        return max(seen, default=-_NEVER)


@dataclass(frozen=True, kw_only=True)
class Case:
    """A job whose start is to be decided, the other jobs of its deployment that matter, and its idle window."""

    job: Sample
    others: Sequence[Sample] = ()
    idle_window_s: float = 0.0

    @cached_property
    def last(self) -> Sample | None:
        """The job that was on this worker, or one of its name, before: perhaps one whose end was not seen yet."""
        picked, worker = self.job.picked, self.job.worker_id
        if picked is None or worker is None:
            return None
        before = [other for other in self.others if other.worker_id == worker and other.began_before(picked)]
        return max(before, key=lambda other: other.done.high, default=None)

    @cached_property
    def died(self) -> bool:
        """Did the job before end with its worker's life?"""
        return self.last is not None and self.last.reason == Reason.WORKER_LOST

    @cached_property
    def queued(self) -> Span | None:
        """How long it waited."""
        job = self.job
        if job.queue_s is not None:
            return Span(job.queue_s, job.queue_s)
        return None if job.accepted is None or job.picked is None else _between(job.accepted, job.picked)

    @cached_property
    def waited(self) -> Span | None:
        """How long it waited while no known job was on its worker: below UP_S if that was up, BOOT_S if it was not."""
        if self.queued is None or self.job.picked is None or self.last is None:
            return self.queued
        free = _between(self.last.done, self.job.picked)
        return Span(min(self.queued.low, free.low), min(self.queued.high, free.high))

    @cached_property
    def idle(self) -> Span | None:
        """How long its worker had been idle when it came."""
        if self.last is None or self.job.accepted is None:
            return None
        return _between(self.last.done, self.job.accepted)

    @cached_property
    def unseen(self) -> int:
        """Jobs that may have been on this worker during the wait: where they ran, or until when, nobody knows."""
        accepted, picked = self.job.accepted, self.job.picked
        if accepted is None or picked is None:
            return 0
        since = max(accepted.low, self.last.done.low if self.last else -_NEVER)
        return sum(
            other.sent_by(picked.high) and since < other.done.high and other.done.low <= picked.high
            for other in self.others
            if other is not self.last and other.worker_id in (None, self.job.worker_id)
            if not (other.status.final and other.worker_id)
        )


def _between(start: Span, end: Span) -> Span:
    return Span(max(0.0, end.low - start.high), max(0.0, end.high - start.low))
