"""From tables to the typed frames of `analysis.schema`.

Columns are read as raw integers and strings and turned into instants by polars: building Python datetimes takes
three times as long and, at 100,000 rows, stops the other threads of a web server for most of a second.
"""

import json
from collections.abc import Collection, Mapping
from typing import Any

import polars as pl
from sqlalchemy import BigInteger, ColumnElement, Select, String, case, cast, func, select, type_coerce
from sqlmodel import Session, col

from analysis import schema
from storage.models import Block, Charge, Deployment, Image, Job, Offer, Prompt, Run, Schedule, Workflow
from words import JobStatus
from workflows import UnknownWorkflow, load

_PART = 50_000
_Columns = Mapping[str, Any]


def _integer(column: Any) -> ColumnElement[Any]:
    return type_coerce(column, BigInteger)


def _text(column: Any) -> ColumnElement[Any]:
    return type_coerce(column, String)


_WRITTEN_OUT = ("worker_started_at",)  # instants that evidence holds as ISO 8601 text
_INSTANTS = (
    "intended_at", "sent_at", "accepted_at", "deadline_at", "last_unfinished_at", "first_finished_at",
    "worker_began_at", "worker_ended_at",
)  # fmt: skip
_SAMPLERS = frozenset({"KSampler", "KSamplerAdvanced", "SamplerCustom", "SamplerCustomAdvanced"})
_WORK = ("model", "width", "height", "steps", "forwards_per_step", "sampler_cached")  # follows from the workflow
_BESIDE = ("storage_usd_per_h_nano", "network_usd_per_gb_nano", "model_gb")  # from the offer and the workflow
_SEEN = (  # what the images of a job say of it: good if all are
    select(
        col(Image.job_id).label("job_id"),
        func.min(case((col(Image.good), 1), else_=0)).label("good"),
        func.min(Image.defect).label("defect"),
    )
    .group_by(col(Image.job_id))
    .subquery()
)
_JOBS: _Columns = {
    "job_id": Job.id,
    "key": Job.key,
    "run_id": Job.run_id,
    "block_id": Block.id,
    "deployment_id": Job.deployment_id,
    "deployment": col(Deployment.key),
    "half": Deployment.half,
    "workflow": Workflow.name,
    "workflow_hash": Run.workflow_hash,
    "settings": cast(Run.params, String),
    "backend": Deployment.backend,
    "gpu": Deployment.gpu,
    "prompt_id": Job.prompt_id,
    "stratum": Prompt.stratum,
    "seed": Job.seed,
    "profile": _text(Job.profile),
    "position": Job.position,
    "slot": Job.slot,
    "offset_s": Job.offset_us,
    "gap_s": Job.gap_us,
    "status": _text(Job.status),
    "reason": Job.reason,
    "error": Job.error,
    "start_kind": _text(Job.start_kind),
    "worker_id": Job.worker_id,
    "worker_started_at": col(Job.evidence)["worker_started_at"].as_string(),
    "retry_of": Job.retry_of,
    "redraw_of": Job.redraw_of,
    "left_out": Job.left_out,
    **{name: _integer(getattr(Job, name)) for name in _INSTANTS},
    "queue_s": Job.queue_us,
    "execution_s": Job.execution_us,
    "boot_s": Job.boot_us,
    "load_s": Job.load_us,
    "usd_per_s_nano": _integer(Deployment.usd_per_s),
    "estimated_nano": _integer(Job.estimated_usd),
    "good_image": _SEEN.c.good == 1,
    "defect": _SEEN.c.defect,
    "cached_nodes": cast(col(Job.evidence)["cached_nodes"], String),  # JSON, whatever was told
    "simulated": Run.simulated,
}
_DEPLOYMENTS: _Columns = {
    "deployment_id": Deployment.id,
    "deployment": Deployment.key,
    "half": Deployment.half,
    "run_id": Deployment.run_id,
    "block_id": Block.id,
    "workflow": Workflow.name,
    "backend": Deployment.backend,
    "gpu": Deployment.gpu,
    "state": _text(Deployment.state),
    "cause": Deployment.cause,
    "provider_id": Deployment.provider_id,
    "idle_timeout_s": Deployment.idle_timeout_s,
    "usd_per_s_nano": _integer(Deployment.usd_per_s),
    "workflow_hash": Run.workflow_hash,
    "disk_usd_per_second": col(Offer.detail)["storage_usd_per_s"].as_string(),
    "network_usd_per_gb": col(Offer.detail)["network_usd_per_gb"].as_string(),
    "intended_at": _integer(Deployment.intended_at),
    "created_at": _integer(Deployment.created_at),
    "ready_at": _integer(Deployment.ready_at),
    "ended_at": _integer(Deployment.ended_at),
    "simulated": Deployment.simulated,
}
_BLOCKS: _Columns = {
    "block_id": Block.id,
    "schedule_id": Block.schedule_id,
    "number": Block.number,
    "workflow": Workflow.name,
    "gpu": Schedule.gpu,
    "day_part": Block.day_part,
    "status": _text(Block.status),
    "starts_at": _integer(Block.starts_at),
    "latest_at": _integer(Block.latest_at),
    "run_id": Block.run_id,
    "seed": Block.seed,
    "reason": Block.reason,
    "simulated": Schedule.simulated,
}
_CHARGES: _Columns = {
    "charge_id": Charge.id,
    "provider": Charge.provider,
    "resource_id": Charge.resource_id,
    "deployment_id": Charge.deployment_id,
    "sku": Charge.sku,
    "description": col(Charge.raw)["line"]["description"].as_string(),
    "charge_period_start": _integer(Charge.charge_period_start),
    "charge_period_end": _integer(Charge.charge_period_end),
    "billed_nano": case((col(Charge.counts), _integer(Charge.billed_cost))),  # null: a flag keeps it out of every sum
    "state": _text(Charge.state),
    "simulated": Charge.simulated,
}
_IMAGES: _Columns = {
    "image_id": Image.id,
    "job_id": Image.job_id,
    "run_id": Job.run_id,
    "workflow": Workflow.name,
    "backend": Deployment.backend,
    "prompt_id": Job.prompt_id,
    "prompt": Prompt.text,
    "stratum": Prompt.stratum,
    "seed": Job.seed,
    "sha256": Image.sha256,
    "thumbnail_sha256": Image.thumbnail_sha256,
    "width": Image.width,
    "height": Image.height,
    "sharpness": Image.sharpness,
    "brightness": Image.luma_mean,
    "contrast": Image.luma_sd,
    "colourfulness": Image.colourfulness,
    "good": col(Image.good) & (col(Job.status) == JobStatus.SUCCEEDED),
    "defect": Image.defect,
    "simulated": Run.simulated,
}


def jobs(session: Session, run_ids: Collection[int] | None = None) -> pl.DataFrame:
    """One row per job, `schema.JOBS`, ordered by job_id; of these runs, or of all."""
    query = (
        select(*_labelled(_JOBS))
        .select_from(Job)
        .join(Deployment, col(Deployment.id) == Job.deployment_id)
        .join(Run, col(Run.id) == Job.run_id)
        .join(Workflow, col(Workflow.hash) == Run.workflow_hash)
        .join(Prompt, col(Prompt.id) == Job.prompt_id)
        .outerjoin(_SEEN, _SEEN.c.job_id == Job.id)
        .outerjoin(Block, col(Block.run_id) == Job.run_id)
        .order_by(col(Job.id))
    )
    read = {name: dtype for name, dtype in schema.JOBS.items() if name not in _WORK} | {"cached_nodes": pl.String()}
    rows = _frame(session, _of_runs(query, Job.run_id, run_ids), pl.Schema(read)).with_columns(_canonical("settings"))
    return _with_work(rows).select(schema.JOBS.names())


def deployments(session: Session, run_ids: Collection[int] | None = None) -> pl.DataFrame:
    """One row per deployment, `schema.DEPLOYMENTS`, ordered by deployment_id."""
    query = (
        select(*_labelled(_DEPLOYMENTS))
        .select_from(Deployment)
        .join(Run, col(Run.id) == Deployment.run_id)
        .join(Workflow, col(Workflow.hash) == Run.workflow_hash)
        .outerjoin(Block, col(Block.run_id) == Deployment.run_id)
        .outerjoin(Offer, col(Offer.id) == Deployment.offer_id)
        .order_by(col(Deployment.id))
    )
    told = ("workflow_hash", "disk_usd_per_second", "network_usd_per_gb")
    read = {name: dtype for name, dtype in schema.DEPLOYMENTS.items() if name not in _BESIDE}
    rows = _frame(
        session, _of_runs(query, Deployment.run_id, run_ids), pl.Schema(read | dict.fromkeys(told, pl.String()))
    )
    return rows.with_columns(
        _nano("disk_usd_per_second", 3600).alias("storage_usd_per_h_nano"),
        _nano("network_usd_per_gb", 1).alias("network_usd_per_gb_nano"),
        pl.col("workflow_hash")
        .replace_strict(_model_gb(session), default=None, return_dtype=pl.Float64)
        .alias("model_gb"),
    ).select(schema.DEPLOYMENTS.names())


def blocks(session: Session, schedule_id: int | None = None) -> pl.DataFrame:
    """One row per block, `schema.BLOCKS`, ordered by schedule and start; of one schedule, or of all."""
    query = (
        select(*_labelled(_BLOCKS))
        .select_from(Block)
        .join(Schedule, col(Schedule.id) == Block.schedule_id)
        .join(Workflow, col(Workflow.hash) == Schedule.workflow_hash)
        .order_by(col(Block.schedule_id), col(Block.starts_at), col(Block.id))
    )
    chosen = query if schedule_id is None else query.where(col(Block.schedule_id) == schedule_id)
    return _frame(session, chosen, schema.BLOCKS)


def charges(session: Session, run_ids: Collection[int] | None = None) -> pl.DataFrame:
    """One row per billing line, `schema.CHARGES`, by period and id; lines of no deployment only if all are asked."""
    query = (
        select(*_labelled(_CHARGES))
        .select_from(Charge)
        .outerjoin(Deployment, col(Deployment.id) == Charge.deployment_id)
        .order_by(col(Charge.charge_period_start), col(Charge.id))
    )
    return _frame(session, _of_runs(query, Deployment.run_id, run_ids), schema.CHARGES)


def images(session: Session, run_ids: Collection[int] | None = None) -> pl.DataFrame:
    """One row per image, `schema.IMAGES`, ordered by image_id."""
    query = (
        select(*_labelled(_IMAGES))
        .select_from(Image)
        .join(Job, col(Job.id) == Image.job_id)
        .join(Deployment, col(Deployment.id) == Job.deployment_id)
        .join(Run, col(Run.id) == Job.run_id)
        .join(Workflow, col(Workflow.hash) == Run.workflow_hash)
        .join(Prompt, col(Prompt.id) == Job.prompt_id)
        .order_by(col(Image.id))
    )
    return _frame(session, _of_runs(query, Job.run_id, run_ids), schema.IMAGES)


def _nano(usd: str, times: int) -> pl.Expr:
    """A price that is kept as text, in nano-USD."""
    return (pl.col(usd).cast(pl.Float64) * times * 1e9).round().cast(pl.Int64)


def _model_gb(session: Session) -> dict[str, float]:
    """Decimal gigabytes of each workflow's files, by its hash."""
    rows = session.execute(select(col(Workflow.hash), col(Workflow.content))).all()
    return {name: sum(file["size_bytes"] for file in content["files"]) / 1e9 for name, content in rows}


def _with_work(rows: pl.DataFrame) -> pl.DataFrame:
    """Add what the workflow and its settings say of a job's work; null where the workflow is no longer the same."""
    told = ("workflow", "workflow_hash", "settings", "cached_nodes")
    known = [dict(zip(told, texts, strict=True)) for texts in rows.select(told).unique().iter_rows()]
    wanted = pl.Schema({name: dtype for name, dtype in rows.schema.items() if name in told})
    work = pl.DataFrame(
        [{**each, **_work(**each)} for each in known],
        schema={**wanted, **{name: schema.JOBS[name] for name in _WORK}},
    )
    return rows.join(work, on=told, how="left", nulls_equal=True, maintain_order="left")


def _work(workflow: str, workflow_hash: str, settings: str, cached_nodes: str) -> dict[str, Any]:
    try:
        known = load(workflow)
    except UnknownWorkflow:
        return dict.fromkeys(_WORK)
    if known.hash != workflow_hash:
        return dict.fromkeys(_WORK)
    nodes = json.loads(cached_nodes)
    samplers = [name for name, node in known.graph.items() if node["class_type"] in _SAMPLERS]
    cached = any(name in nodes for name in samplers) if isinstance(nodes, list) else None
    return known.cost_shape(json.loads(settings))._asdict() | {"sampler_cached": cached}


def _of_runs(query: Select[Any], run_id: Any, run_ids: Collection[int] | None) -> Select[Any]:
    return query if run_ids is None else query.where(col(run_id).in_(run_ids))


def _labelled(columns: _Columns) -> list[ColumnElement[Any]]:
    return [column.label(name) for name, column in columns.items()]


def _frame(session: Session, query: Select[Any], wanted: pl.Schema) -> pl.DataFrame:
    """Read in parts, each as columns by name; instants arrive as integer microseconds, durations `*_s` as well."""
    rows = session.execute(query, execution_options={"yield_per": _PART})
    raw = pl.Schema({name: _raw(name, wanted[name]) for name in rows.keys()})  # noqa: SIM118 - a result is no mapping
    parts = [pl.DataFrame(list(zip(*part, strict=True)), schema=raw, orient="col") for part in rows.partitions()]
    whole = pl.concat(parts) if parts else raw.to_frame()
    return whole.select(_typed(name, dtype) for name, dtype in wanted.items())


def _canonical(column: str) -> pl.Expr:
    """JSON objects with sorted keys, so that equal ones are equal as text."""
    return pl.col(column).map_batches(_sorted_json, return_dtype=pl.String)


def _sorted_json(texts: pl.Series) -> pl.Series:
    known = {text: json.dumps(json.loads(text), sort_keys=True) for text in texts.unique()}
    return texts.replace_strict(known, return_dtype=pl.String)


def _raw(name: str, dtype: pl.DataType) -> Any:
    if name in _WRITTEN_OUT:
        return pl.String
    return pl.Int64 if isinstance(dtype, pl.Datetime) or _is_duration(name, dtype) else dtype


def _typed(name: str, dtype: pl.DataType) -> pl.Expr:
    if name in _WRITTEN_OUT:
        return pl.col(name).str.to_datetime("%+", time_unit="us", time_zone="UTC", strict=False)
    return pl.col(name) / 1e6 if _is_duration(name, dtype) else pl.col(name).cast(dtype)


def _is_duration(name: str, dtype: pl.DataType) -> bool:
    return name.endswith("_s") and dtype == pl.Float64
