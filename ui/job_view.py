"""What one job's page says: title, timeline, evidence, cost in one line. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import polars as pl

from analysis.phases import phases
from storage.models import Image, Job
from storage.queries import JobDetail
from ui.formats import clock_time, money, seconds, usd
from ui.latency_view import Phases, split_phases
from ui.names import label, provider_of, reason_words, status_words
from words import CostState, JobStatus, StartKind

_US = 1e6
_PHASE_OF = {"dispatch": "dispatch", "queue": "queue", "boot": "boot", "load": "load", "execution": "execute"}
INSTANTS = {
    "intended_at": "intended start",
    "sent_at": "sent",
    "accepted_at": "accepted",
    "last_unfinished_at": "last seen unfinished",
    "first_finished_at": "first seen finished",
    "deadline_at": "deadline",
}


def image_figures(image: Image) -> str:
    """Sharpness 812 · brightness 121 · contrast 54 · colourfulness 38: those that were measured."""
    values = {
        "sharpness": image.sharpness,
        "brightness": image.luma_mean,
        "contrast": image.luma_sd,
        "colourfulness": image.colourfulness,
    }
    return " · ".join(f"{name} {value:,.0f}" for name, value in values.items() if value is not None) or "not measured"


def job_title(detail: JobDetail) -> str:
    """Job 1,204: good image, cold start, 46.3 s, ~$0.0246"""
    job = detail.job
    name = f"Job {job.id:,}"
    if not job.status.final:
        return f"{name} is {status_words(job.status)}"
    if job.status is JobStatus.LOST:
        return f"{name} is lost: sent, never answered"
    if job.status is not JobStatus.SUCCEEDED:
        return f"{name} {status_words(job.status)}: {reason_words(job.reason)}"
    image = "good image" if all(image.good for image in detail.images) and detail.images else "broken image"
    start = f"{job.start_kind.value} start" if job.start_kind else "start unknown"
    return f"{name}: {image}, {start}, {seconds(latency_s(job))}, {cost(detail)}"


def job_caption(detail: JobDetail) -> str:
    """Run 17 · flux-dev on Runpod · L40S; strangers' words are not in it."""
    where = f"{detail.workflow.name} on {label(detail.deployment.backend)} · {detail.deployment.gpu}"
    return f"Run {detail.run.id} · {where} · seed {detail.job.seed} · {detail.job.profile.value.replace('_', ' ')}"


def latency_s(job: Job) -> float | None:
    """Intended start to first seen finished; None while one of them is missing."""
    return _between(job.intended_at, job.first_finished_at)


def phase_rows(detail: JobDetail) -> pl.DataFrame:
    """The columns of the chart `joblife`; phases that nobody reports are left out, the rest is `fetch`."""
    parts = _phases(detail.job)
    named = {name: getattr(parts, name) for name in ("dispatch", "queue", "boot", "load", "execute")}
    told = sum(value for value in named.values() if value)
    whole = latency_s(detail.job)
    if whole is not None and told and whole > told:
        named["fetch"] = whole - told
    key = provider_of(detail.deployment.backend)
    rows = [{"key": key, "phase": phase, "seconds": value} for phase, value in named.items() if value is not None]
    schema = {"key": pl.String, "phase": pl.String, "seconds": pl.Float64}
    return pl.DataFrame(rows, schema=schema).with_columns(simulated=pl.lit(detail.run.simulated))


def phase_table(detail: JobDetail) -> pl.DataFrame:
    """Every phase with its seconds, or the reason why there are none."""
    job, parts = detail.job, _phases(detail.job)
    known = {name: getattr(parts, of) for name, of in _PHASE_OF.items()}
    told = [value for value in (parts.dispatch, parts.queue, parts.boot, parts.load, parts.execute) if value]
    whole = latency_s(job)
    if whole is not None and parts.queue is not None and parts.execute is not None:
        known["fetch"] = max(0.0, whole - sum(told))
    found = phases(known, backend=detail.deployment.backend, kind=job.start_kind, ended=job.status.final)
    rows = [
        {"phase": phase.name, "took": seconds(phase.seconds), "why there is none": phase.absent or ""}
        for phase in found
    ]
    return pl.DataFrame(rows).with_columns(simulated=pl.lit(detail.run.simulated))


def boot_before(detail: JobDetail) -> str:
    """A sentence on a boot that is no part of this job's latency; empty where there is none."""
    before = _phases(detail.job).before
    return f"The host took {seconds(before)} to boot, before this job was sent: not in its latency." if before else ""


def bracket(job: Job) -> tuple[float, float] | None:
    """Seconds from the intended start of the last look that saw it unfinished and the first that saw it done."""
    low, high = _between(job.intended_at, job.last_unfinished_at), latency_s(job)
    return (low, high) if low is not None and high is not None else None


def bracket_words(job: Job) -> str:
    """finished between two looks, 0.42 s apart"""
    found = bracket(job)
    return f"black bar: finished between two looks, {found[1] - found[0]:.2f} s apart" if found else ""


def instants(job: Job) -> list[tuple[str, datetime, str]]:
    """Each instant that is known: name, when, and seconds since the intended start."""
    known = [(name, getattr(job, column)) for column, name in INSTANTS.items() if getattr(job, column) is not None]
    return [(name, at, _signed(_between(job.intended_at, at))) for name, at in known]


def instant_rows(detail: JobDetail) -> pl.DataFrame:
    """The instants as a table."""
    rows = [
        {"instant": name, "UTC": f"{clock_time(at)}.{at.microsecond // 1000:03d}", "since intended": since}
        for name, at, since in instants(detail.job)
    ]
    return pl.DataFrame(rows, infer_schema_length=None).with_columns(simulated=pl.lit(detail.run.simulated))


def evidence_lines(evidence: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The rule that decided the start kind first, then the facts: (name, value), both as they were stored."""
    facts = [(str(name), str(value)) for name, value in evidence.items() if name != "rule"]
    rule = evidence.get("rule")
    return ([("rule", str(rule))] if rule else []) + facts


def cost(detail: JobDetail) -> str:
    """~$0.0246; a dash where the price or the seconds are not known."""
    usd = estimate_usd(detail)
    return money(usd, CostState.ESTIMATED)


def estimate_usd(detail: JobDetail) -> float | None:
    """As the collector wrote it down, else execution and the boot that the job caused, at the deployment's rate."""
    job, rate = detail.job, detail.deployment.usd_per_s
    if job.estimated_usd is not None:
        return float(job.estimated_usd)
    busy_s = _busy_s(job)
    return None if busy_s is None or rate is None else busy_s * float(rate)


def cost_line(detail: JobDetail) -> str:
    """~$0.0246: 46.3 s x $0.00053/s, estimated. The bill is by deployment, not by job."""
    busy_s, rate = _busy_s(detail.job), detail.deployment.usd_per_s
    if busy_s is None or rate is None:
        return "Not known: the seconds or the price are missing."
    return f"{cost(detail)}: {seconds(busy_s)} x {usd_rate(float(rate))}/s. ○ estimated; bills are by deployment."


def usd_rate(rate: float) -> str:
    """$0.00053: a price by the second in as many places as it has."""
    return f"${rate:.9f}".rstrip("0") if rate < 0.01 else usd(rate)


def _between(start: datetime | None, end: datetime | None) -> float | None:
    return (end - start).total_seconds() if start is not None and end is not None else None


def _busy_s(job: Job) -> float | None:
    """Execution, and the boot where the job caused it: a rented machine tells its boot with every job."""
    if job.execution_us is None:
        return None
    caused_us = job.boot_us if job.start_kind in (StartKind.COLD, StartKind.RESTORED) else None
    return (job.execution_us + (caused_us or 0)) / _US


def _phases(job: Job) -> Phases:
    return split_phases(
        dispatch_s=_between(job.intended_at, job.sent_at),
        queue_s=_us(job.queue_us),
        boot_s=_us(job.boot_us),
        load_s=_us(job.load_us),
        execution_s=_us(job.execution_us),
    )


def _us(value: int | None) -> float | None:
    return None if value is None else value / _US


def _signed(value: float | None) -> str:
    return "" if value is None else f"{value:+.3f} s".replace("-", "−")
