"""What it costs to measure, before any of it is spent: of a job, of a block, of a plan. Estimates by list price."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from analysis.estimates import HOSTS_MATTER, Estimate
from analysis.traffic.service import Service
from analysis.verdict.campaigns import Plan

BLOCKS_PER_DAY = 4  # one in each day-part


@dataclass(frozen=True, kw_only=True)
class Meter:
    """One provider while it is measured. USD of a second of a worker; seconds of a job's work and of a boot.

    window_s: how long a worker stays, and is paid, after the last job of a block; probe_window_s: after each cold
    probe. boot_usd: of the model files that each boot downloads.
    """

    usd_per_s: float
    service_s: float
    boot_s: float
    window_s: float = 0.0
    probe_window_s: float = 0.0
    boot_usd: float = 0.0

    @property
    def warm_usd(self) -> float:
        """Of one warm job."""
        return self.usd_per_s * self.service_s

    @property
    def cold_usd(self) -> float:
        """Of one cold probe, with the window after it."""
        return self.usd_per_s * (self.service_s + self.boot_s + self.probe_window_s) + self.boot_usd

    def block_usd(self, warm: float, cold: float) -> float:
        """rate [n_w s + n_c (s + b + W_probe) + W] + boots x GB x $/GB."""
        return warm * self.warm_usd + cold * self.cold_usd + self.usd_per_s * self.window_s

    def block_s(self, warm: float, cold: float) -> float:
        """Jobs go one after another."""
        return warm * self.service_s + cold * (self.service_s + self.boot_s + self.probe_window_s) + self.window_s


def meter(service: Service, *, probe_window_s: float, window_s: float | None = None) -> Meter:
    """Of a product as measured, at its price times billed over estimated. window_s None: as long as a probe's.

    Raises ValueError where nothing is measured of it.
    """
    if service.missing:
        raise ValueError(f"What it costs to measure is not known: {service.missing}.")
    return Meter(
        usd_per_s=service.usd_per_s_nano / 1e9 * service.kappa,
        service_s=float(service.service.high.mean()) + service.overhead_s,
        boot_s=float(service.boot.high.mean()),
        window_s=probe_window_s if window_s is None else window_s,
        probe_window_s=probe_window_s,
        boot_usd=service.usd_per_boot_nano / 1e9,
    )


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Both arms of a comparison."""

    candidate: Meter
    baseline: Meter

    def block_usd(self, warm: float, cold: float) -> float:
        return sum(arm.block_usd(warm, cold) for arm in (self.candidate, self.baseline))

    def block_s(self, warm: float, cold: float) -> float:
        """The arms are measured side by side, so the slower one tells."""
        return max(arm.block_s(warm, cold) for arm in (self.candidate, self.baseline))

    @property
    def warm_usd(self) -> float:
        """Of one more warm job on each side."""
        return self.candidate.warm_usd + self.baseline.warm_usd

    @property
    def cold_usd(self) -> float:
        """Of one more cold probe on each side."""
        return self.candidate.cold_usd + self.baseline.cold_usd


@dataclass(frozen=True, kw_only=True)
class Expense:
    """Of a plan. usd: by arm. hours: of measuring, the arms side by side. days: at a block in each day-part."""

    usd: Mapping[str, float]
    hours: float
    days: int

    @property
    def total_usd(self) -> float:
        return sum(self.usd.values())


def expense(plan: Plan, meters: Mapping[str, Meter]) -> Expense:
    """Of all blocks on every arm."""
    return Expense(
        usd={name: plan.blocks * each.block_usd(plan.warm, plan.cold) for name, each in meters.items()},
        hours=plan.blocks * max(each.block_s(plan.warm, plan.cold) for each in meters.values()) / 3600,
        days=days_of(plan.blocks),
    )


def days_of(blocks: int) -> int:
    """How many days so many blocks take."""
    return math.ceil(blocks / BLOCKS_PER_DAY)


def needs(found: Estimate, pair: Pair, plan: Plan, *, cold: bool = False) -> str | None:
    """What a withheld number takes and costs: needs 14 more warm jobs on each side, about $0.21. None: nothing."""
    if blocks := found.needs_blocks:
        price = blocks / plan.parts * pair.block_usd(plan.warm, plan.cold)
        return f"needs {blocks} more {_blocks(blocks, plan.parts)}, about ${price:,.2f}"
    if jobs := found.needs_jobs:
        price = jobs * (pair.cold_usd if cold else pair.warm_usd)
        kind = f"{'cold' if cold else 'warm'} job{'s' if jobs > 1 else ''}"
        where = ", on other hosts" if found.deff > HOSTS_MATTER else ""
        return f"needs {jobs} more {kind} on each side{where}, about ${price:,.2f}"
    return None


def _blocks(count: int, parts: int) -> str:
    return f"{'half-' if parts > 1 else ''}block{'s' if count > 1 else ''}"
