"""The ledger: what truly happened and what was truly billed, whatever any wire said about it."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from simulator.engine import US
from simulator.pool import Pool, SimJob


@dataclass(frozen=True, kw_only=True)
class TrueCharge:
    """One thing that was billed: exact amount and the seconds or bytes behind it."""

    provider: str
    deployment: str  # the name that the caller gave it
    resource_id: str
    sku: str
    start_us: int
    end_us: int
    usd: Decimal


@dataclass(kw_only=True)
class Rented:
    """One deployment in the ledger. `usd_per_s`: the true rate of one worker while it is billed."""

    backend: str
    name: str
    resource_id: str
    usd_per_s: Decimal
    pool: Pool
    created_us: int
    simulated: bool = True


@dataclass
class Ledger:
    """Every deployment, every paid call that took effect, and the providers' own books."""

    rented: list[Rented] = field(default_factory=list)
    paid_calls: dict[str, int] = field(default_factory=lambda: defaultdict(int))  # "runpod.deploy" -> n
    books: list[Any] = field(default_factory=list)  # providers: true_charges() -> list[TrueCharge]

    def count(self, backend: str, verb: str) -> None:
        """A paid call took effect ("deploy" or "submit")."""
        self.paid_calls[f"{backend}.{verb}"] += 1

    def charges(self) -> list[TrueCharge]:
        """Everything billed so far, published or not."""
        return [charge for book in self.books for charge in book.true_charges()]

    def as_json(self) -> dict[str, Any]:
        """The whole ledger for `/ledger`; instants ISO, durations s, money as decimal strings."""
        return {
            "simulated": True,
            "jobs": [_job_json(rented, job) for rented in self.rented for job in rented.pool.jobs.values()],
            "workers": [_worker_json(rented) for rented in self.rented],
            "charges": [_charge_json(charge) for charge in self.charges()],
            "paid_calls": dict(self.paid_calls),
            "truth": truth(self),
        }


def truth(ledger: Ledger) -> dict[str, Any]:
    """Cells and deployments as they truly were. Quantile = value at rank ceil(q n), failures count as infinite.

    A prompt and seed counts once per deployment: repeats are there to find caches.
    """
    cells: dict[tuple[str, str, str, str], list[tuple[Rented, SimJob]]] = defaultdict(list)
    for rented in ledger.rented:
        for job in rented.pool.jobs.values():
            if job.final and job.state != "cancelled" and job.start_kind and not job.repeat:
                cells[job.asked.workflow, rented.backend, rented.pool.gpu, job.start_kind].append((rented, job))
    billed: dict[str, Decimal] = defaultdict(Decimal)
    for charge in ledger.charges():
        billed[charge.deployment] += charge.usd
    return {
        "jobs": sum(len(rented.pool.jobs) for rented in ledger.rented),
        "paid_calls": sum(ledger.paid_calls.values()),
        "cells": [_cell_truth(key, rows) for key, rows in sorted(cells.items())],
        "deployments": [_deployment_truth(rented, billed) for rented in ledger.rented],
    }


def quantile(values: Sequence[float], q: float) -> float | None:
    """The value at rank ceil(q n); None without values or where it is infinite."""
    if not values:
        return None
    value = sorted(values)[max(0, math.ceil(q * len(values)) - 1)]
    return value if math.isfinite(value) else None


def _cell_truth(key: tuple[str, str, str, str], rows: list[tuple[Rented, SimJob]]) -> dict[str, Any]:
    good = [(rented, job) for rented, job in rows if job.good]
    latencies = [_s(job.accepted_us, job.done_us) if job.good else math.inf for _, job in rows]
    busy = sum((Decimal(str(_s(job.picked_us, job.done_us))) * rented.usd_per_s for rented, job in good), Decimal())
    return {
        **dict(zip(("workflow", "backend", "gpu", "start_kind"), key, strict=True)),
        "n": len(rows),
        "success_rate": len(good) / len(rows),
        "latency_s": {"p50": quantile(latencies, 0.5), "p95": quantile(latencies, 0.95)},
        "queue_s": _mean(_s(job.accepted_us, job.picked_us) for _, job in good),
        "execution_s": _mean(_s(job.picked_us, job.done_us) for _, job in good),
        "marginal_usd_per_image": float(busy / len(good)) if good else None,
    }


def _deployment_truth(rented: Rented, billed: dict[str, Decimal]) -> dict[str, Any]:
    good = sum(job.good for job in rented.pool.jobs.values())
    workflows = sorted({job.asked.workflow for job in rented.pool.jobs.values()})
    usd = billed.get(rented.name)
    return {
        "deployment": rented.name,
        "workflow": workflows[0] if len(workflows) == 1 else None,
        "backend": rented.backend,
        "gpu": rented.pool.gpu,
        "good_images": good,
        "billed_usd": float(usd) if usd is not None else None,
        "fully_loaded_usd_per_image": float(usd / good) if usd is not None and good else None,
    }


def _job_json(rented: Rented, job: SimJob) -> dict[str, Any]:
    busy_s = _s(job.picked_us, job.done_us) if job.picked_us is not None and job.done_us is not None else None
    return {
        "backend": rented.backend,
        "deployment": rented.name,
        "job_id": job.id,
        "workflow": job.asked.workflow,
        "gpu": rented.pool.gpu,
        "seed": job.asked.seed,
        "start_kind": job.start_kind,
        "worker": job.worker.id if job.worker else None,
        "accepted_at": iso(job.accepted_us),
        "picked_at": iso(job.picked_us),
        "done_at": iso(job.done_us),
        "load_s": job.load_us / US if job.picked_us is not None else None,
        "state": job.state,
        "fate": job.fate,
        "cached": job.cached,
        "busy_s": busy_s,
        "true_cost_usd": str(Decimal(str(busy_s)) * rented.usd_per_s) if busy_s is not None else None,
    }


def _worker_json(rented: Rented) -> dict[str, Any]:
    return {
        "deployment": rented.name,
        "backend": rented.backend,
        "created_at": iso(rented.created_us),
        "closed_at": iso(rented.pool.closed_us),
        "workers": [
            {
                "id": worker.id,
                "kind": worker.draw.kind,
                "created_at": iso(worker.created_us),
                "pulled_at": iso(worker.pulled_us),
                "ready_at": iso(worker.ready_us),
                "crashed_at": iso(worker.crashed_us),
                "stopped_at": iso(worker.stopped_us),
            }
            for worker in rented.pool.workers
        ],
    }


def _charge_json(charge: TrueCharge) -> dict[str, Any]:
    return {
        "provider": charge.provider,
        "deployment": charge.deployment,
        "resource_id": charge.resource_id,
        "sku": charge.sku,
        "start_at": iso(charge.start_us),
        "end_at": iso(charge.end_us),
        "usd": str(charge.usd),
    }


def iso(at_us: int | None) -> str | None:
    """RFC 3339 with microseconds, UTC; None stays None."""
    if at_us is None:
        return None
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at_us)).isoformat().replace("+00:00", "Z")


def _s(start_us: int | None, end_us: int | None) -> float:
    if start_us is None or end_us is None:
        raise ValueError("this job has not got both instants")
    return (end_us - start_us) / US


def _mean(values: Iterable[float]) -> float | None:
    listed = list(values)
    return sum(listed) / len(listed) if listed else None
