"""What a planned run would answer and cost, before anything is spent. Pure.

Seconds come from what was measured; where nothing was, from the assumptions below, and the panel says so.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import polars as pl

from analysis import stats
from analysis.arrivals import data_of, load_typed
from analysis.ceilings import most_beyond_usd
from analysis.verdict.expense import days_of
from storage.block_cost import ASSUMED_COLD_S, ASSUMED_JOB_S, ASSUMED_RENTAL_COLD_S, ASSUMED_RENTAL_READY_S
from storage.models import Backend, Offer
from storage.plans import LEAST_REPEATS
from ui.names import label, provider_of
from words import Feature, JobStatus, StartKind

# GB of the GPUs that the providers rent to us; a workflow is offered those it fits on.
GPU_GB = {"RTX 4090": 24, "L40S": 48, "A100": 80, "H100": 80, "H200": 141}
WORST = 4 / 3  # every cold start and execution a third slower than likely

SAMPLES = {"Smoke": (5, 1), "First look": (88, 8), "One block": (60, 4)}  # warm and cold jobs per provider
CUSTOM, UNDER_LOAD = "Custom", "Under load"
# What a load profile starts as in the form; its parameters are named in docs/reference/cli.md.
LOADS = {
    "constant": "n=60 per_hour=120",
    "poisson": "n=60 per_hour=60 seed=1",
    "gamma": "n=60 per_hour=60 cv=2 seed=1",
    "burst": "size=10 bursts=2 every_s=600",
    "ramp": "n=60 from_per_hour=30 to_per_hour=240",
    "concurrent": "n=40 k=4",
    "eviction_probe": "window_s=10 repeats=8 seed=1",
}


@dataclass(frozen=True, kw_only=True)
class Seconds:
    """Medians that a cost is made of; `measured` is False where they are assumed."""

    execution_s: float
    cold_s: float  # boot and model load of a cold job, as far as its execution does not hold them
    ready_s: float  # rented machines: from the order to ready
    measured: bool


# Assumed until measured: a 20-step 1024 px picture on an L40S, a boot and a model load, a marketplace host pulling.
ASSUMED = Seconds(execution_s=ASSUMED_JOB_S, cold_s=ASSUMED_COLD_S, ready_s=40.0, measured=False)
ASSUMED_RENTAL = Seconds(
    execution_s=ASSUMED_JOB_S, cold_s=ASSUMED_RENTAL_COLD_S, ready_s=ASSUMED_RENTAL_READY_S, measured=False
)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What the form asks for; one number of jobs for every backend. A `load` as typed stands for warm + cold jobs."""

    workflow: str
    gpu: str
    backends: Sequence[str]
    warm: int
    cold: int
    idle_timeout_s: int
    load: str = ""

    @property
    def repeats(self) -> int:
        """Jobs of the cache check: of a warm job, where there is one and no load says how all arrive."""
        return LEAST_REPEATS if self.warm and not self.load else 0

    @property
    def asked(self) -> dict[str, Any]:
        """How many jobs and how they arrive, as `RunPlan` takes it. Raises LoadError."""
        if self.load:
            return {"load": data_of(load_typed(self.load))}
        return {"warm": self.warm, "cold": self.cold, "repeats": self.repeats}


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One backend's part of the plan. `likely_usd` is None where no price is known."""

    backend: str
    rentals: int
    likely_usd: float | None
    duration: timedelta
    measured: bool
    beyond_usd: float = 0.0  # what it may cost beyond a ceiling: jobs in flight to their deadline, and idle tails


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """The whole plan. Sums are None as long as an arm has no price."""

    arms: Sequence[Arm]

    @property
    def likely_usd(self) -> float | None:
        """Sum of the arms."""
        known = [arm.likely_usd for arm in self.arms if arm.likely_usd is not None]
        return sum(known) if known and len(known) == len(self.arms) else None

    @property
    def worst_usd(self) -> float | None:
        """Everything a third slower."""
        return None if self.likely_usd is None else self.likely_usd * WORST

    @property
    def beyond_usd(self) -> float:
        """What all arms together may cost beyond the spend cap, at most."""
        return sum(arm.beyond_usd for arm in self.arms)

    @property
    def duration(self) -> timedelta:
        """The longest arm: they run side by side."""
        return max((arm.duration for arm in self.arms), default=timedelta())

    @property
    def assumed(self) -> list[str]:
        """Backends whose seconds are not measured yet."""
        return [arm.backend for arm in self.arms if not arm.measured]

    @property
    def unpriced(self) -> list[str]:
        """Backends without a price for this GPU."""
        return [arm.backend for arm in self.arms if arm.likely_usd is None]


def fitting(gpus: Sequence[str], vram_gb: float) -> list[str]:
    """GPUs that are on offer and that the workflow fits on, smallest first; unknown ones stay, at the end."""
    fits = {gpu for gpu in gpus if GPU_GB.get(gpu, vram_gb) >= vram_gb}
    return sorted(fits, key=lambda gpu: (GPU_GB.get(gpu, 1000), gpu))


def estimate(
    plan: Plan, jobs: pl.DataFrame, deployments: pl.DataFrame, offers: Sequence[Offer], backends: Sequence[Backend]
) -> Estimate:
    """Likely cost per arm from the cheapest price and the measured medians of this workflow, backend and GPU."""
    features = {row.name: row.features for row in backends}
    prices = _cheapest(offers, plan.gpu)
    arms = []
    for name in plan.backends:
        rents = Feature.FRESH_HOST_IS_COLD in features.get(name, [])
        seconds = _seconds(jobs, deployments, plan, name, ASSUMED_RENTAL if rents else ASSUMED)
        paid_s = _paid_s(plan, seconds, rentals=plan.cold if rents else 1)
        price = prices.get(name)
        arms.append(
            Arm(
                backend=name,
                rentals=plan.cold if rents else 1,
                likely_usd=None if price is None else price * paid_s,
                duration=timedelta(seconds=paid_s / (plan.cold if rents and plan.cold else 1)),
                measured=seconds.measured,
                beyond_usd=_beyond(plan, price, rents=rents),
            )
        )
    return Estimate(arms=arms)


def _beyond(plan: Plan, usd_per_s: float | None, *, rents: bool) -> float:
    """Each of the arm's workers takes one job to its deadline and leaves its idle tail."""
    rate = Decimal(str(usd_per_s or 0))
    each = most_beyond_usd(rate, workers=1, idle_s=plan.idle_timeout_s, scales=not rents)
    return float(each) * (plan.cold if rents else 1)


def basis(found: Estimate) -> str:
    """Where the seconds come from: Runpod measured here; Vast.ai assumed (..)"""
    measured = [label(arm.backend) for arm in found.arms if arm.measured]
    assumed = [label(name) for name in found.assumed]
    parts = [f"{', '.join(measured)} by measured medians of this workflow and GPU"] if measured else []
    if assumed:
        parts.append(f"{', '.join(assumed)} by assumption (15 s a job, 45 s a cold start): too few were measured")
    return f"Seconds: {'; '.join(parts)}. Prices: the cheapest offer last seen." if parts else ""


def ceiling_rows(reply: Mapping[str, Any]) -> list[dict[str, str]]:
    """A dry run's ceilings as a table's rows: of what, the ceiling, what is taken of it now."""
    whose = {"job": "a job", "run": "this run", "day": "this UTC day", "installation": "all runs together"}
    rows = []
    for name, of in whose.items():
        given = reply.get(name, {})
        for unit, shown in (("usd", "dollars"), ("gpu_s", "GPU-seconds")):
            if given.get(unit) is not None:
                taken = given.get(f"taken_{unit}")
                rows.append({"Ceiling of": of, "in": shown, "is": _number(given[unit]), "taken": _number(taken)})
    return rows


def _number(value: Any) -> str:
    return "–" if value is None else f"{float(value):,.2f}"


def questions(plan: Plan, *, simulated: bool) -> pl.DataFrame:
    """Planned of needed jobs for each number that a run can give; the charts' frame."""
    sent = plan.warm + plan.cold
    rows = [
        ("Warm p50 ± 95 %", plan.warm, stats.min_n(0.5)),
        ("Success ± 95 %", sent, stats.MIN_RATE_N),
        ("Warm p95 ± 95 %", plan.warm, stats.min_n(0.95)),
        ("Cold p50 ± 95 %", plan.cold, stats.min_n(0.5)),
    ]
    return pl.DataFrame(
        [
            {"question": name, "planned": planned, "needed": needed, "simulated": simulated}
            for name, planned, needed in rows
        ]
    )


def questions_title(rows: pl.DataFrame, backends: int) -> str:
    """96 jobs on each of 3 answer 3 of 4"""
    answered = rows.filter(pl.col("planned") >= pl.col("needed")).height
    jobs = int(rows.filter(pl.col("question") == "Success ± 95 %")["planned"][0])
    return f"{jobs:,} jobs on each of {backends} answer {answered} of {rows.height} questions"


def cost_parts(found: Estimate, *, simulated: bool) -> pl.DataFrame:
    """The arms end to end, for the cost bar."""
    rows, at = [], 0.0
    for arm in found.arms:
        usd = arm.likely_usd or 0.0
        text = f"{label(arm.backend)} ${usd:,.2f}"
        rows.append(
            {"key": provider_of(arm.backend), "label": text, "low": at, "high": at + usd, "simulated": simulated}
        )
        at += usd
    return pl.DataFrame(rows)


def default_cap(found: Estimate) -> float:
    """1.5 x likely, in steps of half a dollar; $20 while the cost is not known."""
    return 20.0 if found.likely_usd is None else min(500.0, max(0.5, math.ceil(found.likely_usd * 3) / 2))


def command(plan: Plan, cap_usd: float, cap_gpu_s: int | None = None) -> str:
    """The same launch at a terminal."""
    caps = f"--cap {cap_usd:g}" + (f" --cap-gpu-seconds {cap_gpu_s}" if cap_gpu_s else "")
    jobs = f'--load "{plan.load}"' if plan.load else f"--warm {plan.warm} --cold {plan.cold}"
    return f"bakeoff launch {_of(plan)} {jobs} {caps}"


def schedule_commands(plan: Plan, cap_usd: float, blocks: int) -> list[str]:
    """What so many blocks of it would show, and the schedule of them, each block with this cap."""
    jobs = f"{_of(plan)} --warm {plan.warm} --cold {plan.cold} --blocks {blocks}"
    return [f"bakeoff plan {jobs}", f"bakeoff schedule {jobs} --days {days_of(blocks)} --cap {cap_usd * blocks:g}"]


def _of(plan: Plan) -> str:
    arms = " ".join(f"--backend {name}" for name in plan.backends)
    gpu = f'"{plan.gpu}"' if " " in plan.gpu else plan.gpu
    return f"{plan.workflow} --gpu {gpu} {arms}"


def _cheapest(offers: Sequence[Offer], gpu: str) -> dict[str, float]:
    prices: dict[str, float] = {}
    for offer in offers:
        if offer.gpu == gpu:
            usd = float(offer.usd_per_s)
            prices[offer.backend] = min(usd, prices.get(offer.backend, usd))
    return prices


def _paid_s(plan: Plan, seconds: Seconds, *, rentals: int) -> float:
    """Busy seconds of all jobs, cold starts, the way to ready of each rental and an idle tail after each cold probe."""
    busy = (plan.warm + plan.repeats + plan.cold) * seconds.execution_s + plan.cold * seconds.cold_s
    tails = plan.idle_timeout_s * max(1, plan.cold)
    return busy + rentals * seconds.ready_s + tails


def _seconds(jobs: pl.DataFrame, deployments: pl.DataFrame, plan: Plan, backend: str, assumed: Seconds) -> Seconds:
    """Measured medians once there are enough warm jobs for one, else the assumption."""
    mine = jobs.filter(
        (pl.col("workflow") == plan.workflow)
        & (pl.col("backend") == backend)
        & (pl.col("gpu") == plan.gpu)
        & (pl.col("status") == JobStatus.SUCCEEDED)
    )
    warm = mine.filter(pl.col("start_kind") == StartKind.WARM)["execution_s"].drop_nulls()
    cold = mine.filter(pl.col("start_kind") == StartKind.COLD)["latency_s"].drop_nulls()
    if warm.len() < stats.min_n(0.5) or cold.len() == 0:
        return assumed
    execution_s, cold_s = _median(warm), _median(cold)
    mine_up = deployments.filter(
        (pl.col("backend") == backend) & (pl.col("gpu") == plan.gpu) & pl.col("ready_at").is_not_null()
    )
    ready = ((mine_up["ready_at"] - mine_up["created_at"]).dt.total_microseconds() / 1e6).drop_nulls()
    return Seconds(
        execution_s=execution_s,
        cold_s=max(0.0, cold_s - execution_s),
        ready_s=_median(ready) if ready.len() else assumed.ready_s,
        measured=True,
    )


def _median(values: pl.Series) -> float:
    middle = values.median()
    return float(middle) if isinstance(middle, int | float) else 0.0
