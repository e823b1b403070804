"""Frames of analysis with one thing said per row and everything else at a default."""

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from analysis import schema

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
RATE = 530_000  # nano-USD a second


def after(seconds: float) -> datetime:
    return AT + timedelta(seconds=seconds)


def job(**said: Any) -> dict[str, Any]:
    """A good warm Runpod job, intended at `start_s`, sent after 0.01 s, accepted after 0.05 s."""
    start_s = said.pop("start_s", 0.0)
    row: dict[str, Any] = dict.fromkeys(schema.JOBS.names())
    row |= {
        "job_id": 1, "key": "k", "run_id": 1, "deployment_id": 1, "deployment": "d1", "workflow": "flux-dev",
        "workflow_hash": "h", "settings": "{}", "backend": "runpod", "gpu": "L40S", "prompt_id": "p", "seed": 1,
        "stratum": "portrait", "profile": "sequential", "position": 0, "status": "succeeded", "start_kind": "warm",
        "worker_id": "w1", "intended_at": after(start_s), "sent_at": after(start_s + 0.01),
        "accepted_at": after(start_s + 0.05), "deadline_at": after(start_s + 600),
        "last_unfinished_at": after(start_s + 9.5), "first_finished_at": after(start_s + 10.5), "queue_s": 1.0,
        "execution_s": 9.0, "usd_per_s_nano": RATE, "good_image": True, "simulated": True,
    }  # fmt: skip
    return row | said


def failed(reason: str, status: str = "failed", **said: Any) -> dict[str, Any]:
    """A job that gave no image."""
    return job(**{"status": status, "reason": reason, "good_image": None, **said})


def jobs(*rows: dict[str, Any]) -> pl.DataFrame:
    """Numbered in order."""
    return pl.DataFrame([row | {"job_id": i} for i, row in enumerate(rows, 1)], schema=schema.JOBS, orient="row")


def deployment(**said: Any) -> dict[str, Any]:
    """A Runpod endpoint that was torn down after 1,000 s."""
    row: dict[str, Any] = {
        "deployment_id": 1, "deployment": "d1", "run_id": 1, "workflow": "flux-dev", "backend": "runpod",
        "gpu": "L40S", "state": "gone", "provider_id": "ep1", "idle_timeout_s": 10, "usd_per_s_nano": RATE,
        "storage_usd_per_h_nano": None, "network_usd_per_gb_nano": None, "model_gb": None,
        "cause": None, "intended_at": after(-1), "created_at": AT, "ready_at": after(5), "ended_at": after(1000),
        "simulated": True,
    }  # fmt: skip
    return row | said


def deployments(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=schema.DEPLOYMENTS, orient="row")


def charge(nano: int, **said: Any) -> dict[str, Any]:
    """A final line for GPU time."""
    row: dict[str, Any] = {
        "charge_id": "c", "provider": "runpod", "resource_id": "ep1", "deployment_id": 1, "sku": "gpu",
        "description": None, "charge_period_start": AT, "charge_period_end": after(3600), "billed_nano": nano,
        "state": "final", "simulated": True,
    }  # fmt: skip
    return row | said


def charges(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=schema.CHARGES, orient="row")
