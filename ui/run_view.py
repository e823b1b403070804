"""What a run's page says while it runs and after: title, arms, lanes, spend and what is known so far. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from analysis import validity
from analysis.lives import lives
from storage.models import Deployment
from storage.queries import RunDetail
from ui.charts.burn import Point
from ui.formats import count, duration, listed, plain, usd
from ui.names import in_order, label, provider_of
from ui.runs_view import LIVE, failed_jobs
from words import DeploymentState, JobStatus, Mark, RunStatus, StartKind

BURN_STEPS = 40
_UP = (DeploymentState.READY, DeploymentState.STOPPED)
_FINAL = [status.value for status in JobStatus if status.final]


@dataclass(frozen=True, kw_only=True)
class MarkLine:
    """Something wrong with the run's measurements on a backend, or with what they were billed."""

    heading: str
    reason: str
    excludes: bool


@dataclass(frozen=True, kw_only=True)
class ArmLine:
    """One provider's side of the run: its deployments' state and how far its jobs are."""

    backend: str
    state: DeploymentState
    jobs: int
    ended: int
    cold: int
    failed: int
    spent_usd: float
    up: int
    rented: int
    reason: str | None

    @property
    def counts(self) -> str:
        """136 of 593 · 12 cold · 1 failed"""
        return f"{count(self.ended)} of {count(self.jobs)} · {self.cold} cold · {self.failed} failed"

    @property
    def share(self) -> float:
        """How much of it has ended, 0 to 1."""
        return self.ended / self.jobs if self.jobs else 0.0

    @property
    def capacity(self) -> str:
        """1 of 4 rentals up"""
        if self.rented == 1:
            return "up" if self.up else "not up"
        return f"{self.up} of {self.rented} rentals up"


def arm_lines(detail: RunDetail, jobs: pl.DataFrame, spent: Mapping[str, float]) -> list[ArmLine]:
    """Per backend of the plan; `jobs` is `schema.TIMED` of this run, `spent` the estimate in dollars by backend."""
    return [_arm(name, detail.deployments, jobs, spent) for name in in_order(detail.line.run.plan["backends"])]


def run_title(detail: RunDetail, lines: Sequence[ArmLine], spent_usd: float) -> str:
    """The first that applies: waits, boots, runs, tears down, stopped, done with what is left."""
    run, done, total = detail.line.run, detail.line.finished, detail.line.jobs
    name = f"Run {run.id}"
    match run.status:
        case RunStatus.QUEUED:
            return f"{name} waits for the collector"
        case RunStatus.RUNNING if not done:
            ready = sum(line.state in _UP for line in lines)
            return f"{name} is booting: {ready} of {len(lines)} ready"
        case RunStatus.RUNNING:
            return f"{name} is running: {count(done)} of {count(total)} jobs, ~{usd(spent_usd)} of ${run.cap_usd:,.0f}"
        case RunStatus.TEARING_DOWN:
            left = sum(row.state not in (DeploymentState.GONE, DeploymentState.FAILED) for row in detail.deployments)
            return f"{name} is tearing down: {left} left"
        case RunStatus.FAILED:
            return f"{name} failed: {plain(run.stop_reason or 'a fault of ours')}"
    if run.left_running:
        return f"{name} ended but {run.left_running} resources are up"
    how = "was stopped" if run.status is RunStatus.STOPPED else "is done"
    rest = "nothing left running" if run.left_running == 0 else "what is left running was not checked"
    return f"{name} {how}: {count(done)} jobs, {failed_jobs(detail.line)} failed, {_cost(detail, spent_usd)}, {rest}"


def run_caption(detail: RunDetail, now: datetime) -> str:
    """flux-dev on L40S · 60 warm + 4 cold on each of 3 · started 4 Nov 14:02 by ana · ends in about 4 min"""
    run = detail.line.run
    plan = f"{run.plan['warm']} warm + {run.plan['cold']} cold on each of {len(run.plan['backends'])}"
    began = run.started_at or run.asked_at
    verb = "started" if run.started_at else "asked"
    said = [f"{detail.line.workflow} on {run.gpu}", plan, f"{verb} {began.day} {began:%b %H:%M} UTC"]
    if run.ended_at and run.started_at:
        said.append(f"took {duration(run.ended_at - run.started_at)}")
    elif left := time_left(detail, now):
        said.append(f"about {duration(left)} left at this pace")
    return " · ".join(said)


def mark_lines(found: pl.DataFrame) -> list[MarkLine]:
    """`schema.MARKS` of the run in words, those first that keep it out of verdicts."""
    return [
        MarkLine(
            heading=f"{label(row['backend'])}: {Mark(row['mark']).label}"
            + (", kept out of verdicts" if row["excludes"] else ""),
            reason=row["reason"],
            excludes=row["excludes"],
        )
        for row in found.sort("excludes", descending=True, maintain_order=True).iter_rows(named=True)
    ]


def unchecked_lines(jobs: pl.DataFrame) -> list[str]:
    """Modal, Runpod and Vast.ai: No physical floor is known: no step of flux-dev was measured on L40S."""
    backends: dict[str, list[str]] = {}
    for _, backend, reason in validity.untested(jobs):
        backends.setdefault(reason, []).append(backend)
    return [f"{listed([label(name) for name in in_order(names)])}: {reason}" for reason, names in backends.items()]


def time_left(detail: RunDetail, now: datetime) -> timedelta | None:
    """At the pace so far; None before the first job has ended, and after the last."""
    run, done = detail.line.run, detail.line.finished
    if run.started_at is None or run.status not in LIVE or not done:
        return None
    return (now - run.started_at) * ((detail.line.jobs - done) / done)


def lane_rows(jobs: pl.DataFrame, started_at: datetime) -> pl.DataFrame:
    """Ended jobs for the chart `lanes`: row, key, job_id, minutes, look, simulated."""
    ended = jobs.filter(pl.col("status").is_in(_FINAL) & pl.col("first_finished_at").is_not_null())
    names = in_order(ended["backend"].to_list())
    failed = pl.col("status") != JobStatus.SUCCEEDED
    cold = pl.col("start_kind").is_in([StartKind.COLD.value, StartKind.RESTORED.value])
    return ended.select(
        row=pl.col("backend").replace_strict({name: label(name) for name in names}, default=""),
        key=pl.col("backend").replace_strict({name: provider_of(name) for name in names}, default="muted"),
        job_id="job_id",
        minutes=(pl.col("first_finished_at") - started_at).dt.total_microseconds() / 60e6,
        look=pl.when(failed).then(pl.lit("failed")).when(cold).then(pl.lit("cold")).otherwise(pl.lit("warm")),
        simulated="simulated",
    )


def spend(deployments: pl.DataFrame, jobs: pl.DataFrame, started_at: datetime, until: datetime) -> pl.DataFrame:
    """Estimated dollars by then, per backend, at even steps: key, backend, minutes, usd, simulated.

    Each worker's life so far at its rate, by `analysis.lives`: what the provider's law makes of it.
    """
    lived = lives(deployments, jobs)
    start_us = int(started_at.timestamp() * 1e6)
    span_us = max(1, int((until - started_at).total_seconds() * 1e6))
    steps = [start_us + span_us * i // BURN_STEPS for i in range(BURN_STEPS + 1)]
    simulated = bool(deployments["simulated"].any())
    rows = [
        {
            "key": provider_of(name),
            "backend": name,
            "minutes": (at_us - start_us) / 60e6,
            "usd": _usd_until(lived.filter(pl.col("backend") == name), at_us),
            "simulated": simulated,
        }
        for name in in_order(deployments["backend"].to_list())
        for at_us in steps
    ]
    return pl.DataFrame(rows)


def latest_spend(spent: pl.DataFrame) -> dict[str, float]:
    """Dollars by now, per backend."""
    last = spent.group_by("backend", maintain_order=True).last()
    return dict(last.select("backend", "usd").iter_rows())


def forecast(detail: RunDetail, spent_usd: float, now: datetime) -> Point | None:
    """Where minutes and dollars end at the present pace, held at the cap; None when nothing is left to come."""
    run, left = detail.line.run, time_left(detail, now)
    if left is None or run.started_at is None or not detail.line.finished:
        return None
    minutes = (now + left - run.started_at).total_seconds() / 60
    usd_at_end = spent_usd * detail.line.jobs / detail.line.finished
    return Point(minutes, min(usd_at_end, float(run.cap_usd)))


def job_rows(jobs: pl.DataFrame) -> pl.DataFrame:
    """The run's jobs as a table, last finished first and queued ones last; `open` is a button."""
    newest = jobs.sort("first_finished_at", "job_id", descending=[True, False], nulls_last=True)
    return newest.select(
        open=pl.lit(":material/arrow_forward: Job"),
        job="job_id",
        provider=pl.col("backend").map_elements(label, return_dtype=pl.String),
        state=pl.col("status").str.replace_all("_", " "),
        reason=pl.col("reason").str.replace_all("_", " "),
        start="start_kind",
        latency=pl.when(pl.col("latency_s").is_finite()).then("latency_s"),
        execution="execution_s",
        prompt="prompt_id",
        seed="seed",
        worker="worker_id",
        simulated="simulated",
    )


def settings_record(detail: RunDetail) -> dict[str, object]:
    """What was asked for and where it ran: enough to run it again."""
    run = detail.line.run
    places = {row.key: {"state": row.state.value, "reason": row.reason, **row.provenance} for row in detail.deployments}
    return {
        "workflow": detail.line.workflow,
        "workflow_hash": run.workflow_hash,
        "gpu": run.gpu,
        "plan": run.plan,
        "parameters": run.params,
        "cap_usd": str(run.cap_usd),
        "asked_by": run.asked_by,
        "simulated": run.simulated,
        "deployments": places,
    }


def _arm(backend: str, deployments: Sequence[Deployment], jobs: pl.DataFrame, spent: Mapping[str, float]) -> ArmLine:
    rows = [row for row in deployments if row.backend == backend]
    mine = jobs.filter(pl.col("backend") == backend)
    ended = mine.filter(pl.col("status").is_in(_FINAL))
    quiet = [JobStatus.SUCCEEDED.value, JobStatus.CANCELLED.value]
    return ArmLine(
        backend=backend,
        state=_state([row.state for row in rows]),
        jobs=mine.height,
        ended=ended.height,
        cold=ended.filter(pl.col("start_kind") == StartKind.COLD).height,
        failed=ended.filter(~pl.col("status").is_in(quiet)).height,
        spent_usd=spent.get(backend, 0.0),
        up=sum(row.state in _UP for row in rows),
        rented=len(rows),
        reason=next((row.reason for row in rows if row.reason), None),
    )


def _state(states: Sequence[DeploymentState]) -> DeploymentState:
    """The most alive state of several rentals: one that is ready makes the arm ready."""
    alive = (DeploymentState.READY, DeploymentState.PROVISIONING, DeploymentState.INTENDED, DeploymentState.STOPPED)
    return next((state for state in (*alive, DeploymentState.FAILED) if state in states), DeploymentState.GONE)


def _usd_until(lived: pl.DataFrame, at_us: int) -> float:
    spent_us = (pl.min_horizontal("end_us", pl.lit(at_us)) - pl.col("start_us")).clip(lower_bound=0)
    nano = lived.select((spent_us * pl.col("usd_per_s_nano") / 1e6).sum()).item()
    return float(nano or 0) / 1e9


def _cost(detail: RunDetail, spent_usd: float) -> str:
    line = detail.line
    return f"~{usd(spent_usd)}" if line.billed_usd is None else f"{usd(float(line.billed_usd))} billed"


def not_ready(lines: Sequence[ArmLine]) -> str:
    """Names of arms whose capacity failed, for a warning; empty when none did."""
    return listed([label(line.backend) for line in lines if line.state is DeploymentState.FAILED])
