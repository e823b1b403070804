"""What one block costs at most and how long it lasts, counted as the spend cap counts: every second of a deployment.

Seconds are medians of what was measured for the same workflow, settings and GPU; where there is too little, they are
assumed, and the basis says so.
"""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

import polars as pl
from sqlmodel import Session, col, select

from analysis import stats
from analysis.arrivals import cold_gap_s
from analysis.ceilings import DESTROY_S
from analysis.step_times import Work, floor_s
from analysis.timing import timed
from storage import frames
from storage.models import Backend, Deployment, Offer, Run
from storage.plans import RunPlan
from storage.queries import latest_offers
from words import Feature, JobStatus, StartKind, called
from workflows import load

# Assumed until measured, on an L40S: 20 steps of flux-dev at 1024 px, and other work in proportion to its steps on the
# GPU whose steps were measured; a boot with model load; a marketplace host that pulls the image.
ASSUMED_JOB_S, ASSUMED_COLD_S = 15.0, 45.0
ASSUMED_RENTAL_COLD_S, ASSUMED_RENTAL_READY_S = 20.0, 640.0
_REFERENCE, _REFERENCE_GPU = Work("flux-dev", 1024, 1024, 20, 1), "H100"


@dataclass(frozen=True, kw_only=True)
class Seconds:
    """What an arm's time is made of: ready (from the order), cold (boot and load), job (intended to seen done)."""

    ready_s: float
    cold_s: float
    job_s: float
    measured: bool


@dataclass(frozen=True, kw_only=True)
class BlockCost:
    """usd: of all arms. lasts: from its start to the end of its last idle tail. basis: a clause, no sentence."""

    usd: Decimal
    lasts: timedelta
    basis: str


class UnknownPrice(ValueError):
    """A backend without a price: one sentence with the way out."""


def block_cost(session: Session, plan: RunPlan) -> BlockCost:
    """Of one block of this plan. Raises UnknownPrice."""
    offers = _cheapest(session, plan)
    known = {row.name: row.features for row in session.exec(select(Backend))}
    usd, lasts_s, said = Decimal(), 0.0, []
    for name in plan.backends:
        rents = Feature.FRESH_HOST_IS_COLD.value in known.get(name, [])
        seconds = _seconds(session, plan, name, rents=rents)
        lane_s, lanes = _lane_s(plan, seconds, rents=rents)
        usd += _lane_usd(offers[name], plan, lane_s) * lanes
        lasts_s = max(lasts_s, lane_s)
        said.append(_said(name, seconds, offers[name].usd_per_s))
    return BlockCost(usd=usd.quantize(Decimal("0.0001")), lasts=timedelta(seconds=lasts_s), basis="; ".join(said))


def _lane_s(plan: RunPlan, seconds: Seconds, *, rents: bool) -> tuple[float, int]:
    """Seconds of one lane, and how many run side by side: a rental for each cold job, or one endpoint for all."""
    if rents:
        jobs = 1 + -(-plan.warm // plan.cold) + plan.repeats
        return seconds.ready_s + seconds.cold_s + jobs * seconds.job_s + DESTROY_S, plan.cold
    jobs = plan.warm + plan.repeats + plan.cold
    gaps_s = (plan.cold - 1) * cold_gap_s(plan.idle_timeout_s) + plan.idle_timeout_s
    return seconds.ready_s + jobs * seconds.job_s + plan.cold * seconds.cold_s + gaps_s, 1


def _lane_usd(offer: Offer, plan: RunPlan, lane_s: float) -> Decimal:
    """A rental's disk is billed beside its GPU, and so are the model files that it downloads."""
    beside = Decimal(offer.detail.get("storage_usd_per_s") or 0)
    network = Decimal(offer.detail.get("network_usd_per_gb") or 0) * Decimal(str(load(plan.workflow).size_gb))
    return (offer.usd_per_s + beside) * Decimal(f"{lane_s:.3f}") + network


def _cheapest(session: Session, plan: RunPlan) -> dict[str, Offer]:
    found: dict[str, Offer] = {}
    for offer in latest_offers(session):
        if offer.gpu == plan.gpu:
            found.setdefault(offer.backend, offer)  # cheapest first
    for name in plan.backends:
        if name not in found:
            seen = sorted(set(session.exec(select(Offer.gpu).where(Offer.backend == name))))
            raise UnknownPrice(
                f"No price of {called(name)} for {plan.gpu} is known, so neither is the cost of a block. On offer "
                f"there: {', '.join(seen) or 'nothing yet'}. Recheck on Providers."
            )
    return found


def _seconds(session: Session, plan: RunPlan, backend: str, *, rents: bool) -> Seconds:
    """Measured medians once there are enough warm jobs for one, else the assumption."""
    assumed = _assumed(plan, rents=rents)
    workflow = load(plan.workflow)
    alike = select(Run.id, Run.params).where(Run.workflow_hash == workflow.hash, Run.gpu == plan.gpu)
    runs = [run_id for run_id, params in session.exec(alike) if run_id is not None and params == plan.params]
    jobs = timed(frames.jobs(session, runs)).filter(pl.col("backend") == backend, status=JobStatus.SUCCEEDED)
    warm = jobs.filter(pl.col("start_kind") == StartKind.WARM)["bracket_hi_s"].drop_nulls()
    cold = jobs.filter(pl.col("start_kind") == StartKind.COLD)["bracket_hi_s"].drop_nulls()
    if warm.len() < stats.min_n(0.5) or cold.is_empty():
        return assumed
    job_s = _median(warm)
    up = select(Deployment).where(col(Deployment.run_id).in_(runs), Deployment.backend == backend)
    ready = [
        (row.ready_at - row.created_at).total_seconds() for row in session.exec(up) if row.ready_at and row.created_at
    ]
    ready_s = stats.quantile(ready, 0.5)
    return Seconds(
        ready_s=assumed.ready_s if ready_s is None else ready_s,
        cold_s=max(0.0, _median(cold) - job_s),
        job_s=job_s,
        measured=True,
    )


def _assumed(plan: RunPlan, *, rents: bool) -> Seconds:
    shape = load(plan.workflow).cost_shape(plan.params)
    known, reference = floor_s(Work(**shape._asdict()), _REFERENCE_GPU), floor_s(_REFERENCE, _REFERENCE_GPU)
    job_s = ASSUMED_JOB_S if known is None or reference is None else ASSUMED_JOB_S * known / reference
    if rents:
        return Seconds(ready_s=ASSUMED_RENTAL_READY_S, cold_s=ASSUMED_RENTAL_COLD_S, job_s=job_s, measured=False)
    return Seconds(ready_s=0.0, cold_s=ASSUMED_COLD_S, job_s=job_s, measured=False)


def _said(backend: str, seconds: Seconds, usd_per_s: Decimal) -> str:
    how = "measured" if seconds.measured else "assumed"
    return (
        f"{called(backend)} {seconds.job_s:.0f} s a job and {seconds.cold_s + seconds.ready_s:.0f} s to start ({how}) "
        f"at ${usd_per_s * 3600:.3f} an hour"
    )


def _median(values: pl.Series) -> float:
    return stats.quantile(values.to_numpy(), 0.5) or 0.0
