"""Small frames for the pure views: name what matters, the rest is null."""

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from analysis import schema
from analysis.timing import timed

START = datetime(2026, 11, 2, 8, tzinfo=UTC)
SOME = {"workflow": "flux-dev", "workflow_hash": "h", "settings": "{}", "gpu": "L40S", "simulated": True}


def cell(backend: str, start_kind: str = "warm", **values: Any) -> dict[str, Any]:
    """One cell; `n` good jobs of `n` unless told."""
    n = values.get("n", 100)
    row = {**SOME, "backend": backend, "start_kind": start_kind, "n": n, "good": n, "ours": 0, "fate_unknown": 0}
    return {**row, "success_rate": 1.0, **values}


def cells(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame([{name: row.get(name) for name in schema.CELLS} for row in rows], schema=schema.CELLS)


def speed(p50: float, low: float, high: float) -> dict[str, float]:
    """A warm p50 with its limits."""
    return {"latency_p50_s": p50, "latency_p50_lo_s": low, "latency_p50_hi_s": high}


def arm(backend: str, usd_per_image: float | None, state: str | None = "final", **values: Any) -> dict[str, Any]:
    """One provider's dollars per good image."""
    row = {**SOME, "backend": backend, "deployments": 1, "jobs": 100, "good_images": 100, "state": state}
    return {**row, "fully_loaded_usd_per_image": usd_per_image, **values}


def arms(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame([{name: row.get(name) for name in schema.ARM_COSTS} for row in rows], schema=schema.ARM_COSTS)


def job(job_id: int, backend: str = "modal", *, seconds: float = 9.0, **values: Any) -> dict[str, Any]:
    """One good warm job that took `seconds`, unless told otherwise."""
    at = START + timedelta(minutes=job_id)
    row = {
        **SOME, "job_id": job_id, "key": f"j{job_id}", "run_id": 1, "deployment_id": 1, "deployment": "d",
        "backend": backend, "prompt_id": "product-01", "stratum": "product", "seed": job_id, "profile": "sequential",
        "position": job_id, "status": "succeeded", "start_kind": "warm", "intended_at": at, "sent_at": at,
        "accepted_at": at, "first_finished_at": at + timedelta(seconds=seconds), "execution_s": seconds - 1,
        "queue_s": 0.5, "good_image": True, "usd_per_s_nano": 1_000_000,
    }  # fmt: skip
    return {**row, **values}


def jobs(*rows: dict[str, Any]) -> pl.DataFrame:
    """`schema.JOBS`."""
    return pl.DataFrame([{name: row.get(name) for name in schema.JOBS} for row in rows], schema=schema.JOBS)


def timed_jobs(*rows: dict[str, Any]) -> pl.DataFrame:
    """The same with latencies."""
    return timed(jobs(*rows))


def image(job_id: int, backend: str = "modal", **values: Any) -> dict[str, Any]:
    return {
        "image_id": job_id, "job_id": job_id, "run_id": 1, "workflow": "flux-dev", "backend": backend,
        "prompt_id": "product-01", "prompt": "a red mug", "stratum": "product", "seed": 1, "sha256": f"{job_id:064x}",
        "width": 64, "height": 64, "good": True, "simulated": True, **values,
    }  # fmt: skip


def images(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame([{name: row.get(name) for name in schema.IMAGES} for row in rows], schema=schema.IMAGES)
