"""What a case rests on beside its looks: prices, production's volume, what people's hours and a block's jobs cost.

It is kept in the snapshot, so that what would turn a ruling, and what knowing more costs, are told of a frozen one too.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from analysis import timing
from analysis.lives import RENTED
from analysis.traffic.service import Service
from analysis.verdict.campaigns import Plan
from analysis.verdict.evidence import WARM, Compared
from analysis.verdict.expense import Meter, Pair, meter
from analysis.verdict.levers import AtVolume, Known


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One side. usd_per_hour: of a worker, as our traffic was replayed at it; backend: our name of the product."""

    backend: str
    usd_per_hour: float
    meter: Meter


@dataclass(frozen=True, kw_only=True)
class Rests:
    """Of one case. per_day: requests. more_hours: a month of operations, candidate less baseline; None: not timed.

    warm, cold: counted jobs of a block, on average, of the arm that has more; parts: of the candidate's blocks.
    An arm is None where it cannot be replayed.
    """

    workflow: str
    candidate: Arm | None
    baseline: Arm | None
    per_day: float
    more_hours: float | None
    warm: int
    cold: int
    parts: int

    @property
    def pair(self) -> Pair | None:
        """What both cost to measure."""
        if self.candidate is None or self.baseline is None:
            return None
        return Pair(candidate=self.candidate.meter, baseline=self.baseline.meter)

    @property
    def plan(self) -> Plan | None:
        """A block as it was measured; None: no job of it counted."""
        if not self.warm or not self.cold:
            return None
        return Plan(warm=self.warm, cold=self.cold, parts=self.parts)

    def known(self, at_volume: AtVolume | None = None) -> Known:
        """What levers move. at_volume: replays the traffic anew; without it the volume is none of them."""
        return Known(
            usd_per_hour=self.candidate.usd_per_hour if self.candidate else None,
            baseline_usd_per_hour=self.baseline.usd_per_hour if self.baseline else None,
            per_day=self.per_day,
            more_hours=self.more_hours,
            at_volume=at_volume,
        )


def rests(compared: Compared) -> Rests:
    """By all blocks in which both arms have counted jobs."""
    seen, beside = compared.paired, compared.beside
    services = compared.services(seen) if seen else {}
    hours = [beside.ops_hours.get(name) for name in (compared.candidate, compared.card.baseline)]
    warm, cold = (_a_block(compared, kind) for kind in (WARM, timing.STARTED))
    return Rests(
        workflow=compared.workflow,
        candidate=_arm(compared, compared.candidate, services),
        baseline=_arm(compared, compared.card.baseline, services),
        per_day=beside.traffic[compared.workflow].per_day,
        more_hours=None if hours[0] is None or hours[1] is None else hours[0] - hours[1],
        warm=warm,
        cold=cold,
        parts=compared.parts,
    )


def read(found: Mapping[str, Any]) -> Rests:
    """From plain values, as a snapshot has them."""
    return Rests(**{**found, **{name: _read_arm(found[name]) for name in ("candidate", "baseline")}})


def _read_arm(found: Mapping[str, Any] | None) -> Arm | None:
    return Arm(**{**found, "meter": Meter(**found["meter"])}) if found else None


def _arm(compared: Compared, backend: str, services: Mapping[str, Service]) -> Arm | None:
    service = services.get(backend)
    if service is None:
        return None
    window_s = 0.0 if backend in RENTED else _window_s(compared, backend)
    return Arm(
        backend=backend,
        usd_per_hour=service.usd_per_s_nano * 3600 / 1e9,
        meter=meter(service, probe_window_s=window_s),
    )


def _window_s(compared: Compared, backend: str) -> float:
    """How long a worker stays after its last job while it is measured; a rented machine ends with its block."""
    median = compared.mine.deployments.filter(backend=backend)["idle_timeout_s"].median()
    return median if isinstance(median, float) else 0.0


def _a_block(compared: Compared, kind: pl.Expr) -> int:
    """Half-blocks of rented machines are one block together."""
    counted = compared.relative.filter(kind).group_by("backend", "block_id").len()
    most = counted.group_by("backend").agg(pl.col("len").mean())["len"].max()
    return math.ceil(most) if isinstance(most, float) else 0
