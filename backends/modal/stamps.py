"""What a call's stamps, and its line in Modal's call list, say of its times, its container and how that started."""

from collections.abc import Mapping
from typing import Any

from backends.base import Times
from backends.reading import instant_or_none, span_s

_STAMPS = (
    "gpu", "driver", "region", "cloud", "image_id", "comfyui", "call_index", "restored_at", "snapshot_mode",
    "cached_nodes",
)  # fmt: skip


def times_of(stamps: Mapping[str, Any], row: Mapping[str, Any] | None) -> Times:
    """queue_s from Modal's clock alone (enqueued -> started), the rest from the container's clock alone."""
    row = row or {}
    queued = (row.get("started_at"), row.get("enqueued_at"))
    execution_s = _span_s(stamps.get("received_at"), stamps.get("returned_at"))
    first = stamps.get("call_index") == 0
    return Times(
        queue_s=(queued[0] - queued[1]).total_seconds() if queued[0] and queued[1] else None,
        execution_s=row.get("execution_s") if execution_s is None else execution_s,
        boot_s=_span_s(stamps.get("enter_started_at"), stamps.get("enter_done_at")) if first else None,
        load_s=span_s(stamps.get("model_load_s")),
        began_at=instant_or_none(stamps.get("received_at")),
        ended_at=instant_or_none(stamps.get("returned_at")),
    )


def evidence_of(stamps: Mapping[str, Any], row: Mapping[str, Any] | None) -> dict[str, Any]:
    """Facts for the start kind: the container's stamps, instants by its own clock."""
    row = row or {}
    return {
        "worker_started_at": _iso(stamps.get("enter_started_at")),
        "worker_ready_at": _iso(stamps.get("enter_done_at")),
        "received_at": _iso(stamps.get("received_at")),
        "startup_s": row.get("startup_s"),
        **{name: stamps.get(name) for name in _STAMPS},
    }


def worker_of(stamps: Mapping[str, Any], row: Mapping[str, Any] | None) -> str | None:
    """The container; the call list names it where it died without a word."""
    worker = stamps.get("container_id") or (row or {}).get("container_id")
    return None if worker is None else str(worker)


def _span_s(start_s: Any, end_s: Any) -> float | None:
    start, end = instant_or_none(start_s), instant_or_none(end_s)
    return None if start is None or end is None else round(end_s - start_s, 6)


def _iso(epoch_s: Any) -> str | None:
    at = instant_or_none(epoch_s)
    return None if at is None else at.isoformat()
