"""The frames that analysis works on: one schema each, and nowhere else.

Instants are Datetime("us", "UTC"), durations `*_s` Float64, money `*_nano` Int64 nano-USD. Null = not known.
"""

from collections.abc import Mapping

import polars as pl
from polars.datatypes import DataTypeClass

_AT = pl.Datetime("us", "UTC")


def _schema(columns: Mapping[str, pl.DataType | DataTypeClass]) -> pl.Schema:
    return pl.Schema(columns)


JOBS = _schema(
    {
        "job_id": pl.Int64,
        "key": pl.String,
        "run_id": pl.Int64,
        "deployment_id": pl.Int64,
        "deployment": pl.String,
        "workflow": pl.String,
        "workflow_hash": pl.String,
        "backend": pl.String,
        "gpu": pl.String,
        "prompt_id": pl.String,
        "stratum": pl.String,
        "seed": pl.Int64,
        "profile": pl.String,
        "position": pl.Int64,
        "status": pl.String,
        "reason": pl.String,
        "error": pl.String,
        "start_kind": pl.String,
        "worker_id": pl.String,
        "retry_of": pl.Int64,
        "intended_at": _AT,
        "sent_at": _AT,
        "accepted_at": _AT,
        "deadline_at": _AT,
        "last_unfinished_at": _AT,
        "first_finished_at": _AT,
        "queue_s": pl.Float64,
        "execution_s": pl.Float64,
        "boot_s": pl.Float64,
        "load_s": pl.Float64,
        "usd_per_s_nano": pl.Int64,  # rate of the deployment's worker while it is up
        "estimated_nano": pl.Int64,
        "good_image": pl.Boolean,  # null: no image
        "defect": pl.String,
        "simulated": pl.Boolean,
    }
)

DEPLOYMENTS = _schema(
    {
        "deployment_id": pl.Int64,
        "deployment": pl.String,
        "run_id": pl.Int64,
        "workflow": pl.String,
        "backend": pl.String,
        "gpu": pl.String,
        "state": pl.String,
        "provider_id": pl.String,
        "idle_timeout_s": pl.Int64,
        "usd_per_s_nano": pl.Int64,
        "created_at": _AT,
        "ready_at": _AT,
        "ended_at": _AT,
        "simulated": pl.Boolean,
    }
)

CHARGES = _schema(
    {
        "charge_id": pl.String,
        "provider": pl.String,
        "resource_id": pl.String,
        "deployment_id": pl.Int64,
        "sku": pl.String,
        "charge_period_start": _AT,
        "charge_period_end": _AT,
        "billed_nano": pl.Int64,
        "state": pl.String,
        "simulated": pl.Boolean,
    }
)

IMAGES = _schema(
    {
        "image_id": pl.Int64,
        "job_id": pl.Int64,
        "run_id": pl.Int64,
        "workflow": pl.String,
        "backend": pl.String,
        "prompt_id": pl.String,
        "prompt": pl.String,
        "stratum": pl.String,
        "seed": pl.Int64,
        "sha256": pl.String,
        "thumbnail_sha256": pl.String,
        "width": pl.Int64,
        "height": pl.Int64,
        "sharpness": pl.Float64,
        "good": pl.Boolean,
        "defect": pl.String,
        "simulated": pl.Boolean,
    }
)
