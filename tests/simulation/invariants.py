"""What must hold after every seed: our tables beside the ledger, which knows the truth.

Each check gives the sentences of what is violated, none if it holds.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from itertools import pairwise
from typing import Any

from sqlmodel import Session, SQLModel, select, text

from analysis.ceilings import tolerance_usd
from clock import from_us
from simulator.ledger import Rented, TrueCharge
from simulator.pool import SimJob
from storage.models import Charge, Deployment, Event, Job, Run
from tests.simulation.mishaps import WIRE
from tests.simulation.seeds import RETENTION, STRANGERS, Seeded
from words import FAILURE_OF, CostState, DeploymentState, JobStatus, Reason, RunStatus

GRACE = timedelta(seconds=180)  # of a living collector, until which it has surely looked at every job
AWAY = timedelta(seconds=400)  # a provider that answers nothing readable: seven faults, each hanging 20 s
FOR_NOTHING = Decimal("1.13")  # worlds bill up to 6 % for nothing and correct by up to 6 %
_TIMED = ("gpu", "cpu", "memory")  # what is billed by the second
SHOWN_USD = Decimal("0.0005")  # Vast.ai shows thousandths of a dollar
_LOST = (JobStatus.LOST, JobStatus.CANCELLED, JobStatus.TIMED_OUT)


@dataclass
class Ended:
    """A seed's world after its last collector has ended."""

    made: Seeded

    @cached_property
    def runs(self) -> Sequence[Run]:
        return self._all(Run)

    @cached_property
    def jobs(self) -> Sequence[Job]:
        return self._all(Job)

    @cached_property
    def deployments(self) -> Mapping[int, Deployment]:
        return {row.id: row for row in self._all(Deployment)}

    @cached_property
    def charges(self) -> Sequence[Charge]:
        return self._all(Charge)

    @cached_property
    def given_up(self) -> Mapping[int | None, datetime]:
        """When jobs were ended without a result, by our clock."""
        return {event.job_id: event.at for event in self.events if event.kind == "job"}

    @cached_property
    def events(self) -> Sequence[Event]:
        return self._all(Event)

    @cached_property
    def rented(self) -> Sequence[Rented]:
        """What this installation rented; others' resources are none of its business."""
        return [row for row in self.made.simulation.ledger.rented if row.name.startswith(f"{self.token}-")]

    @cached_property
    def true_charges(self) -> Mapping[str, Sequence[TrueCharge]]:
        """By the name of what they bill."""
        found: dict[str, list[TrueCharge]] = defaultdict(list)
        for charge in self.made.simulation.ledger.charges():
            found[charge.deployment].append(charge)
        return found

    @property
    def token(self) -> str:
        return f"bakeoff-s{self.made.seed}"

    def true_usd(self, name: str) -> Decimal:
        """What a deployment was truly billed."""
        return sum((charge.usd for charge in self.true_charges[name]), Decimal())

    @cached_property
    def true_jobs(self) -> Mapping[str, tuple[Rented, SimJob]]:
        """By the id that the provider knows them by."""
        return {job.id: (row, job) for row in self.rented for job in row.pool.jobs.values()}

    def world_at(self, at: datetime) -> datetime:
        """The world's instant of one of the collector's clock, which was set anew now and then."""
        offset = timedelta()
        for since, stepped in self.made.script.offsets:
            if since + stepped <= at:
                offset = stepped
        return at - offset

    def stepped_within(self, start: datetime, end: datetime) -> timedelta:
        """How far the collector's clock was set anew between two instants of the world."""
        offsets = [(start, timedelta()), *self.made.script.offsets]
        steps = [
            abs(after - before)
            for (_, before), (at, after) in pairwise(offsets)
            if start - _MARGIN <= at <= end + _MARGIN
        ]
        return sum(steps, timedelta())

    def up_s(self, start: datetime, end: datetime) -> float:
        """The longest stretch between two instants of the world through which one collector was at work."""
        spans = [(min(end, until) - max(start, since)).total_seconds() for since, until in self.made.script.ups]
        return max(0.0, *spans, 0.0)

    def down_s(self, start: datetime, end: datetime) -> float:
        """World seconds between two instants in which no collector was at work."""
        up = sum(
            max(0.0, (min(end, until) - max(start, since)).total_seconds()) for since, until in self.made.script.ups
        )
        return (end - start).total_seconds() - up

    def met(self, backend: str, verb: str, *faults: str) -> bool:
        """Did a call of that verb meet one of these faults?"""
        return any(cell[:2] == (backend, verb) and cell[2] in faults for cell in self.made.script.met)

    def _all(self, model: Any) -> Any:
        with self.made.reading() as session:
            return session.exec(select(model)).all()


_MARGIN = timedelta(seconds=120)  # a step may lie between an instant's reading and its use


def violations(made: Seeded) -> list[str]:
    """Everything that does not hold, in words."""
    ended = Ended(made)
    checks = (_ends, _paid_once, _nothing_left, _strangers, _nothing_lost, _brackets, _costs, _ceilings)
    return [f"{check.__name__.strip('_')}: {each}" for check in checks for each in check(ended)]


def _ends(ended: Ended) -> Iterator[str]:
    """Every run, job and deployment in a final state; every failure with a class."""
    if len(ended.runs) < len([wish for wish in ended.made.wishes if wish.plan]):
        yield "a run is missing"
    for run in ended.runs:
        if run.status not in (RunStatus.DONE, RunStatus.STOPPED) or run.left_running != 0:
            yield f"run {run.id} is {run.status}, {run.left_running} left running: {run.stop_reason}"
    for job in ended.jobs:
        if not job.status.final:
            yield f"{job.key} is {job.status}"
        elif job.status is not JobStatus.SUCCEEDED and job.reason not in set(FAILURE_OF):
            yield f"{job.key} is {job.status} without a class: {job.reason}"
    for row in ended.deployments.values():
        if row.state is not DeploymentState.GONE:
            yield f"{row.key} is {row.state}"


def _paid_once(ended: Ended) -> Iterator[str]:
    """No name was rented twice, and nothing was sent more often than we have intents for it."""
    for name, count in Counter(row.name for row in ended.rented).items():
        if count > 1:
            yield f"{name} was rented {count} times"
    intents = Counter(
        (ended.deployments[job.deployment_id].key, job.seed) for job in ended.jobs if job.intended_at is not None
    )
    sent = Counter((row.name, job.asked.seed) for row in ended.rented for job in row.pool.jobs.values())
    for (name, seed), count in (sent - intents).items():
        yield f"{count} jobs of seed {seed} on {name} without an intent of ours"


def _nothing_left(ended: Ended) -> Iterator[str]:
    """Nothing of ours costs money any more."""
    for row in ended.rented:
        if row.pool.closed_us is None:
            yield f"{row.name} is still rented"


def _strangers(ended: Ended) -> Iterator[str]:
    """What another installation named is told once and never touched."""
    for row in ended.made.simulation.ledger.rented:
        if row.name not in STRANGERS:
            continue
        told = sum(event.text.startswith(f"{row.name} ") for event in ended.events)
        if row.pool.closed_us is not None or told != 1:
            yield f"{row.name} was {'ended' if row.pool.closed_us else 'left alone'} and told {told} times"


def _nothing_lost(ended: Ended) -> Iterator[str]:
    """What ended while its result was kept and a collector was up has that result."""
    for job in ended.jobs:
        rented, true = ended.true_jobs.get(job.provider_job_id or "", (None, None))
        if rented is None or true is None or true.done_us is None or true.state == "cancelled":
            continue
        if job.reason == Reason.UNEXPECTED_REPLY:
            continue  # ended at once with what was received, as for a reply beyond all limits
        if job.status in _LOST and not (true.state == "timed_out" and job.status is JobStatus.TIMED_OUT):
            kept_s = _kept_s(ended, rented, true)
            if kept_s > (GRACE + AWAY).total_seconds() and not _excused(ended, job, rented, true):
                yield f"{job.key} is {job.status}: {job.reason}; it {true.state} and was kept for {kept_s:.0f} s"
        elif (job.status is JobStatus.SUCCEEDED) != (true.good or _looks_good(ended, job, true)):
            yield f"{job.key} is {job.status} ({job.reason}: {job.error}), in truth it {true.state} as {true.fate}"


def _excused(ended: Ended, job: Job, rented: Rented, true: SimJob) -> bool:
    """It came after we had given it up, since our cancel was not heard; or a person's stop waited for no answer.

    A worker that died beside a stop: nobody can tell which of the two ended it.
    """
    given_up = ended.given_up.get(job.id)
    late = given_up is not None and ended.world_at(given_up) < from_us(true.done_us or 0)
    unheard = job.reason == Reason.STOPPED and ended.met(rented.backend, "poll", *WIRE)
    return late or unheard or true.fate == "worker_lost"


def _looks_good(ended: Ended, job: Job, true: SimJob) -> bool:
    """No check of a picture counts steps, nor knows one that repeats a picture which never came to us."""
    if true.duplicate_of is None:
        return true.fate == "fewer_steps"
    first = true.duplicate_of.seed
    return not any(
        (other.deployment_id, other.seed) == (job.deployment_id, first) and other.status is JobStatus.SUCCEEDED
        for other in ended.jobs
    )


def _kept_s(ended: Ended, rented: Rented, true: SimJob) -> float:
    """For how long one collector in a row could have seen the result."""
    done = from_us(true.done_us or 0)
    ends = [done + RETENTION] if rented.backend == "runpod" else []
    if rented.pool.closed_us is not None and rented.backend != "modal":
        ends.append(from_us(rented.pool.closed_us))
    return ended.up_s(done, min(ends, default=done + timedelta(days=7)))


def _brackets(ended: Ended) -> Iterator[str]:
    """The truth lies inside: sent, accepted, unfinished, finished, in this order."""
    for job in ended.jobs:
        found = ended.true_jobs.get(job.provider_job_id or "")
        if found is None or job.first_finished_at is None or job.reason == Reason.UNEXPECTED_REPLY:
            continue  # it was ended at once with what was received, as for a reply beyond all limits
        rented, true = found
        if true.done_us is None:
            yield f"{job.key} has an end, and in truth it had none"
            continue
        if ended.met(rented.backend, "poll", "stale"):
            job.last_unfinished_at = None  # an earlier look that came again said so: nobody can tell
        yield from (f"{job.key}: {wrong}" for wrong in _outside(ended, job, true))


def _outside(ended: Ended, job: Job, true: SimJob) -> Iterator[str]:
    accepted, done = from_us(true.accepted_us), from_us(true.done_us or 0)
    began = min(accepted, ended.world_at(job.intended_at)) if job.intended_at else accepted
    slack = ended.stepped_within(began, max(done, ended.world_at(job.first_finished_at)))
    order = (
        [
            ("sent", job.sent_at and ended.world_at(job.sent_at)),
            ("accepted in truth", accepted),
            ("accepted", job.accepted_at and ended.world_at(job.accepted_at)),
        ],
        [
            ("last unfinished", job.last_unfinished_at and ended.world_at(job.last_unfinished_at)),
            ("done in truth", done),
            ("first finished", job.first_finished_at and ended.world_at(job.first_finished_at)),
        ],
    )
    for bracket in order:
        known = [(name, at) for name, at in bracket if at]
        for (before, earlier), (after, later) in pairwise(known):
            if earlier > later + slack + timedelta(microseconds=2):
                yield f"{before} at {earlier} is after {after} at {later}"
    if job.execution_us is not None and true.good and true.picked_us is not None:
        lasted_us = (true.done_us or 0) - true.picked_us
        if abs(job.execution_us - lasted_us) > 1_000_000:
            yield f"execution {job.execution_us / 1e6:.3f} s, in truth {lasted_us / 1e6:.3f} s"


def _costs(ended: Ended) -> Iterator[str]:
    """The final bill of each deployment is the ledger's."""
    lines: dict[int | None, list[Charge]] = defaultdict(list)
    for line in ended.charges:
        lines[line.deployment_id].append(line)
        if line.state is not CostState.FINAL and line.deployment_id is not None:
            yield f"the line {line.id} is {line.state}"
    for row in ended.deployments.values():
        ours, true = sum((line.sum_usd for line in lines[row.id]), Decimal()), ended.true_usd(row.key)
        if abs(ours - true) > SHOWN_USD * (len(lines[row.id]) + 1):
            yield f"{row.key} is billed ${ours:.6f}, in truth ${true:.6f}"


def _ceilings(ended: Ended) -> Iterator[str]:
    """No run costs more than its cap and the stated tolerance."""
    for run in ended.runs:
        rented = [row for row in ended.rented if row.name.startswith(f"{ended.token}-r{run.id}-")]
        spent = sum((ended.true_usd(row.name) for row in rented), Decimal())
        allowed = run.cap_usd + sum((_tolerance_usd(ended, row) for row in rented), Decimal())
        if spent > allowed:
            yield f"run {run.id} cost ${spent:.4f}; its cap is ${run.cap_usd:.4f}, with the tolerance ${allowed:.4f}"


def _tolerance_usd(ended: Ended, rented: Rented) -> Decimal:
    """What a deployment may cost beyond its run's cap, as the money guard states it: one job per worker and the tail.

    To the tail belongs the time in which no collector was up to end it, and in which its provider was away. What is
    billed beside the seconds (network, storage, in some worlds a share for nothing) is not known before the bill.
    """
    closed = from_us(rented.pool.closed_us) if rented.pool.closed_us is not None else ended.made.script.ups[-1][1]
    began = from_us(rented.created_us)
    jobs = [job for job in rented.pool.jobs.values() if job.done_us is not None]
    seconds = tolerance_usd(
        rented.usd_per_s,
        workers=max(1, len({id(job.worker) for job in jobs})),
        longest_job_s=max(((job.done_us - job.accepted_us) / 1e6 for job in jobs), default=0.0),
        tail_s=AWAY.total_seconds() + ended.down_s(began, closed),
    )
    beside = sum(charge.usd for charge in ended.true_charges[rented.name] if charge.sku not in _TIMED)
    return seconds * FOR_NOTHING + beside


def trace(made: Seeded) -> bytes:
    """All rows and the whole ledger as bytes: the same for the same seed, in every process.

    Left out is the one row of liveness time: when the collector began and was last seen, by the wall.
    """
    with made.reading() as session:
        rows = {name: _rows(session, name) for name in SQLModel.metadata.tables if name != "collector"}
    return json.dumps([rows, made.simulation.ledger.as_json()], sort_keys=True).encode()


def _rows(session: Session, table: str) -> list[list[Any]]:
    return sorted(list(row) for row in session.execute(text(f'SELECT * FROM "{table}" ORDER BY 1')))  # noqa: S608
