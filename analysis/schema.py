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
        "block_id": pl.Int64,  # null: its run is of no schedule
        "deployment_id": pl.Int64,
        "deployment": pl.String,
        "half": pl.Int64,  # of its block, on rented machines
        "workflow": pl.String,
        "workflow_hash": pl.String,
        "settings": pl.String,  # the run's parameters (size, steps, ..) as canonical JSON
        "model": pl.String,  # whose steps it pays for; this and the next four are null where its workflow has changed
        "width": pl.Int64,
        "height": pl.Int64,
        "steps": pl.Int64,
        "forwards_per_step": pl.Int64,
        "backend": pl.String,
        "gpu": pl.String,
        "prompt_id": pl.String,
        "stratum": pl.String,
        "seed": pl.Int64,
        "profile": pl.String,
        "position": pl.Int64,
        "slot": pl.Int64,
        "offset_s": pl.Float64,  # open loop: intended so long after the load began
        "gap_s": pl.Float64,  # closed loop: idle time after the job before it
        "status": pl.String,
        "reason": pl.String,
        "error": pl.String,
        "start_kind": pl.String,
        "worker_id": pl.String,
        "worker_started_at": _AT,  # of its present life, where the provider says
        "retry_of": pl.Int64,
        "redraw_of": pl.Int64,
        "left_out": pl.String,  # why it enters no cell, though it was measured
        "intended_at": _AT,
        "sent_at": _AT,
        "accepted_at": _AT,
        "deadline_at": _AT,
        "last_unfinished_at": _AT,
        "first_finished_at": _AT,
        "worker_began_at": _AT,  # this and the next by the worker's own clock
        "worker_ended_at": _AT,
        "queue_s": pl.Float64,
        "execution_s": pl.Float64,
        "boot_s": pl.Float64,
        "load_s": pl.Float64,
        "usd_per_s_nano": pl.Int64,  # rate of the deployment's worker while it is up
        "estimated_nano": pl.Int64,
        "good_image": pl.Boolean,  # null: no image
        "defect": pl.String,
        "sampler_cached": pl.Boolean,  # ComfyUI answered the sampling from its own cache; null: it was not seen
        "simulated": pl.Boolean,
    }
)

DEPLOYMENTS = _schema(
    {
        "deployment_id": pl.Int64,
        "deployment": pl.String,
        "half": pl.Int64,
        "run_id": pl.Int64,
        "block_id": pl.Int64,
        "workflow": pl.String,
        "backend": pl.String,
        "gpu": pl.String,
        "state": pl.String,
        "cause": pl.String,  # the reason, where it never became ready or died
        "provider_id": pl.String,
        "idle_timeout_s": pl.Int64,
        "usd_per_s_nano": pl.Int64,
        "storage_usd_per_h_nano": pl.Int64,  # of its disk, as the offer says; null: it does not, here and next
        "network_usd_per_gb_nano": pl.Int64,
        "model_gb": pl.Float64,  # files of its workflow, which a rented machine downloads
        "intended_at": _AT,  # null: nothing was ordered
        "created_at": _AT,
        "ready_at": _AT,
        "ended_at": _AT,
        "simulated": pl.Boolean,
    }
)

BLOCKS = _schema(
    {
        "block_id": pl.Int64,
        "schedule_id": pl.Int64,
        "number": pl.Int64,
        "workflow": pl.String,
        "gpu": pl.String,
        "day_part": pl.String,
        "status": pl.String,
        "starts_at": _AT,
        "latest_at": _AT,
        "run_id": pl.Int64,
        "seed": pl.Int64,  # of the starting order and the A/A split
        "reason": pl.String,
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
        "description": pl.String,  # as the provider words the line; null: it has no words
        "charge_period_start": _AT,
        "charge_period_end": _AT,
        "billed_nano": pl.Int64,  # null: it is in no sum
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
        "brightness": pl.Float64,
        "contrast": pl.Float64,
        "colourfulness": pl.Float64,
        "good": pl.Boolean,
        "defect": pl.String,
        "simulated": pl.Boolean,
    }
)

TIMED = _schema(  # what `timing.timed` adds to JOBS
    {
        "outcome": pl.String,
        "counted": pl.Boolean,
        "dispatch_s": pl.Float64,
        "bracket_lo_s": pl.Float64,
        "bracket_hi_s": pl.Float64,
        "corrected": pl.Boolean,
        "latency_lo_s": pl.Float64,
        "latency_hi_s": pl.Float64,
        "latency_s": pl.Float64,
    }
)

LIVES = _schema(
    {
        "deployment_id": pl.Int64,
        "worker_id": pl.String,
        "backend": pl.String,
        "usd_per_s_nano": pl.Int64,
        "start_us": pl.Int64,
        "end_us": pl.Int64,
        "life_us": pl.Int64,
        "billed_us": pl.Int64,
    }
)

COSTS = _schema(
    {
        "deployment_id": pl.Int64,
        "deployment": pl.String,
        "run_id": pl.Int64,
        "workflow": pl.String,
        "backend": pl.String,
        "gpu": pl.String,
        "jobs": pl.Int64,
        "good_images": pl.Int64,
        "billed_nano": pl.Int64,
        "estimated_nano": pl.Int64,
        "cost_state": pl.String,  # of the bill, else of the estimate; null: nothing is known
        "simulated": pl.Boolean,
    }
)

ARMS = _schema(
    {
        "workflow": pl.String,
        "backend": pl.String,
        "gpu": pl.String,
        "deployments": pl.Int64,
        "jobs": pl.Int64,
        "good_images": pl.Int64,
        "cost_nano": pl.Int64,
        "billed_nano": pl.Int64,
        "estimated_nano": pl.Int64,
        "cost_state": pl.String,
        "simulated": pl.Boolean,
    }
)

WATERFALL = _schema(
    {
        "deployment_id": pl.Int64,
        "deployment": pl.String,
        "run_id": pl.Int64,
        "workflow": pl.String,
        "backend": pl.String,
        "gpu": pl.String,
        "good_nano": pl.Int64,
        "failed_nano": pl.Int64,
        "cold_nano": pl.Int64,
        "idle_nano": pl.Int64,
        "storage_nano": pl.Int64,
        "network_nano": pl.Int64,
        "fee_nano": pl.Int64,
        "rounding_nano": pl.Int64,
        "unexplained_nano": pl.Int64,
        "billed_nano": pl.Int64,
        "unknown_jobs": pl.Int64,  # worked for nobody says how long: it is in idle, or unexplained
        "cost_state": pl.String,
        "simulated": pl.Boolean,
    }
)

CELLS = _schema(
    {
        "workflow": pl.String,
        "workflow_hash": pl.String,
        "settings": pl.String,
        "backend": pl.String,
        "gpu": pl.String,
        "start_kind": pl.String,
        "n": pl.Int64,
        "good": pl.Int64,
        "ours": pl.Int64,
        "fate_unknown": pl.Int64,
        "left_out": pl.Int64,  # measured and not in n: see `left_out` of the job
        "discarded": pl.Int64,  # of these: good, but met the wrong start or warmed a deployment up
        "success_rate": pl.Float64,
        "success_lo": pl.Float64,
        "success_hi": pl.Float64,
        "success_withheld": pl.String,
        "latency_p50_s": pl.Float64,
        "latency_p50_lo_s": pl.Float64,
        "latency_p50_hi_s": pl.Float64,
        "latency_p50_withheld": pl.String,
        "latency_p95_s": pl.Float64,
        "latency_p95_lo_s": pl.Float64,
        "latency_p95_hi_s": pl.Float64,
        "latency_p95_withheld": pl.String,
        "dispatch_s": pl.Float64,
        "queue_s": pl.Float64,
        "boot_s": pl.Float64,
        "load_s": pl.Float64,
        "execution_s": pl.Float64,
        "marginal_usd_per_image": pl.Float64,
        "simulated": pl.Boolean,
    }
)

CHECKS = _schema(  # of `cheats.checks`: one run on one backend
    {
        "run_id": pl.Int64,
        "backend": pl.String,
        "gpu": pl.String,
        "repeats": pl.Int64,  # that can be compared
        "repeat_s": pl.Float64,  # median execution
        "fresh": pl.Int64,
        "fresh_s": pl.Float64,  # median execution
        "sampler_cached": pl.Int64,  # fresh prompts whose sampling ComfyUI had in its cache
        "cached": pl.Boolean,
        "cached_untested": pl.String,
        "floor_s": pl.Float64,
        "floor_unknown": pl.String,
        "executed": pl.Int64,
        "execution_s": pl.Float64,  # median
        "far_below": pl.Int64,  # jobs under half of the floor
        "below_floor": pl.Boolean,
        "duplicates": pl.Int64,
        "wrong_size": pl.Int64,
        "no_output": pl.Int64,
        "simulated": pl.Boolean,
    }
)

MARKS = _schema(  # of `validity.marks`: something wrong with one run on one backend
    {
        "run_id": pl.Int64,
        "backend": pl.String,
        "mark": pl.String,
        "reason": pl.String,  # one sentence
        "value": pl.Float64,
        "limit": pl.Float64,  # the mark is set beyond it
        "excludes": pl.Boolean,  # it keeps the measurements out of verdicts
        "simulated": pl.Boolean,
    }
)

DEPLOYMENT_COSTS = _schema(
    {
        "deployment_id": pl.Int64,
        "deployment": pl.String,
        "run_id": pl.Int64,
        "workflow": pl.String,
        "backend": pl.String,
        "gpu": pl.String,
        "jobs": pl.Int64,
        "good_images": pl.Int64,
        "billed_usd": pl.Float64,
        "estimated_usd": pl.Float64,
        "state": pl.String,
        "fully_loaded_usd_per_image": pl.Float64,
        "simulated": pl.Boolean,
    }
)

ARM_COSTS = _schema(
    {
        "workflow": pl.String,
        "backend": pl.String,
        "gpu": pl.String,
        "deployments": pl.Int64,
        "jobs": pl.Int64,
        "good_images": pl.Int64,
        "billed_usd": pl.Float64,
        "estimated_usd": pl.Float64,
        "state": pl.String,
        "fully_loaded_usd_per_image": pl.Float64,
        "simulated": pl.Boolean,
    }
)
