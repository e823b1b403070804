"""Runpod's replies as values. Total: what does not have the documented shape is an UnexpectedReply."""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any, TypeVar

from backends.addresses import path_id
from backends.base import Observation, Times
from backends.errors import UnexpectedReply
from backends.reading import (
    amount_or_none,
    instant_or_none,
    readable,
    span_s,
    text_or_none,
    unreadable,
)
from backends.runpod.failures import NO_RESULT, WORKERS, reason_of
from words import STATUS_OF, JobStatus, Reason, WorkerState

T = TypeVar("T")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_TEXT = 2000  # characters; anything longer in a reply is a picture

# Our names for cards whose catalogue name says more.
TYPE_IDS = {
    "A100": "NVIDIA A100-SXM4-80GB",
    "H100": "NVIDIA H100 80GB HBM3",
    "H200": "NVIDIA H200",
}
# Documented, and RUNNING beside IN_PROGRESS. A string that nobody documented is no end.
_OPEN = {"IN_QUEUE": JobStatus.SUBMITTED, "IN_PROGRESS": JobStatus.RUNNING, "RUNNING": JobStatus.RUNNING}
_ENDED = ("COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT")


@dataclass(frozen=True, kw_only=True)
class Card:
    """A GPU type of the catalogue that serverless endpoints can have."""

    type_id: str
    name: str
    pool: str
    memory_gb: int
    usd_per_hour: Decimal
    availability: str | None  # HIGH, MEDIUM, LOW or NONE


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """A serverless endpoint: what we need of it."""

    id: str
    name: str
    pools: tuple[str, ...]
    excluded: frozenset[str]
    gpu_count: int
    max_workers: int
    image: str | None
    flashboot: str
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class Worker:
    """An active worker."""

    id: str
    status: str
    started_at: str | None  # ISO 8601 as given; None until its container starts
    type_id: str | None
    data_center: str | None


def _shown(reply: Any) -> str:
    return json.dumps(_without_pictures(reply, _decoded), default=str)


@readable("Runpod", _shown)
def cards(reply: Any) -> list[Card]:
    """The serverless part of `GET /v2/catalog/gpus`. Prices are USD per GPU-hour."""
    return [_card(row) for row in rows(reply, "gpus") if row.get("pool") and "serverless" in _get(row, "price", dict)]


def _card(row: Mapping[str, Any]) -> Card:
    return Card(
        type_id=_get(row, "id", str),
        name=_get(row, "name", str),
        pool=_get(row, "pool", str),
        memory_gb=_get(row, "memory", int),
        usd_per_hour=money(_get(row, "price", dict), "serverless"),
        availability=text_or_none(row.get("availability")),
    )


@readable("Runpod", _shown)
def endpoint(row: Any) -> Endpoint:
    """One endpoint of `GET /v2/serverless` or `/v2/serverless/{id}`."""
    gpu = row.get("gpu") or {} if isinstance(row, Mapping) else {}
    return Endpoint(
        id=path_id(_get(row, "id", str)),
        name=_get(row, "name", str),
        pools=tuple(gpu.get("pools", ())),
        excluded=frozenset(gpu.get("excludedTypes", ())),
        gpu_count=_get({"count": 1, **gpu}, "count", int),
        max_workers=_get(_get(row, "workers", dict), "max", int),
        image=text_or_none(row.get("image")),
        flashboot=_get(row, "flashboot", str),
        created_at=instant(row, "createdAt"),
    )


@readable("Runpod", _shown)
def workers(reply: Any) -> list[Worker]:
    """`GET /v2/serverless/{id}/workers`: active ones only."""
    return [
        Worker(
            id=_get(row, "id", str),
            status=_get(row, "status", str),
            started_at=text_or_none(row.get("startedAt")),
            type_id=text_or_none(row.get("gpuTypeId")),
            data_center=text_or_none(row.get("dataCenterId")),
        )
        for row in rows(reply, "workers")
    ]


def worker_states(listed: list[Worker]) -> dict[WorkerState, int]:
    """How many workers are in each state. One that nobody documented is left out: it says nothing that we know."""
    states = [WORKERS[worker.status] for worker in listed if worker.status in WORKERS]
    return {state: states.count(state) for state in WorkerState if state in states}


def job_id(reply: Any) -> str:
    """The id that `POST /run` gives."""
    return path_id(_get(reply, "id", str))


def observation(reply: Any) -> Observation:
    """What `GET /status/{id}` says. Times are milliseconds on the wire, seconds here.

    A job that is over and says it in a way that cannot be read has failed, with what it said.
    """
    status = _get(reply, "status", str)
    worker_id = text_or_none(reply.get("workerId"))
    if status not in _ENDED:
        return Observation(status=_OPEN.get(status, JobStatus.SUBMITTED), times=_times(reply), worker_id=worker_id)
    try:
        return _end(reply, status, worker_id)
    except UnexpectedReply as error:
        return unreadable(error, worker_id)


@readable("Runpod", _shown)
def _end(reply: Mapping[str, Any], status: str, worker_id: str | None) -> Observation:
    output, text = reply.get("output"), _said(reply)
    decoded = cache(_decoded)  # asked twice of each picture: for its bytes, and for what is kept of the reply
    images, broken = _images(output, decoded) if status == "COMPLETED" else ((), None)
    reason = _reason(status, text, images, broken)
    return Observation(
        status=STATUS_OF[reason] if reason else JobStatus.SUCCEEDED,
        reason=reason,
        error=_error(status, text, broken) if reason else None,
        times=_times(reply),
        worker_id=worker_id,
        evidence={"retries": reply["retries"]} if reply.get("retries") else {},
        images=images,
        raw=_without_pictures(reply, decoded),
    )


def _reason(status: str, text: str, images: tuple[bytes, ...], broken: str | None) -> Reason | None:
    if broken:
        return Reason.IMAGE_BROKEN
    return None if images else reason_of(status, text)


def _error(status: str, text: str, broken: str | None) -> str:
    if broken:
        return broken
    return NO_RESULT if status == "COMPLETED" else text or f"Runpod ended the job as {status} and says no more."


def _said(reply: Mapping[str, Any]) -> str:
    """`error`, and the details that worker-comfyui puts into `output`."""
    error, output = reply.get("error"), reply.get("output")
    details = output.get("details", ()) if isinstance(output, Mapping) else ()
    parts = [error, *(details if isinstance(details, list) else ())]
    return " ".join(part if isinstance(part, str) else json.dumps(part) for part in parts if part)


def _times(reply: Mapping[str, Any]) -> Times:
    """After a retry of the platform's own `delayTime` is that of the last attempt only (Runpod's plug-in notes, live
    test gp15, 2026-08-20): delay + execution is then no duration of the job, so the queue time is unknown."""
    delay = None if reply.get("retries") else reply.get("delayTime")
    return Times(queue_s=span_s(delay, 1000), execution_s=span_s(reply.get("executionTime"), 1000))


def _images(output: Any, decoded: Callable[[str], bytes]) -> tuple[tuple[bytes, ...], str | None]:
    """The pictures of an output, and what is wrong where one cannot be read.

    worker-comfyui >= 5: `images: [{filename, type: "base64", data}]`; older ones `message`; the product's first
    handlers `images: [data URL]`.
    """
    found = output.get("images") if isinstance(output, Mapping) else None
    items = found if isinstance(found, list) else []
    if not items and isinstance(output, Mapping) and isinstance(output.get("message"), str):
        items = [output["message"]]
    given = [item.get("data") if isinstance(item, Mapping) else item for item in items]
    texts = [text for text in given if isinstance(text, str)]
    if len(texts) == len(given):
        with suppress(ValueError):
            return tuple(map(decoded, texts)), None
    return (), "Runpod's output holds a picture that is no base64."


def _decoded(text: str) -> bytes:
    return base64.b64decode(text.rpartition(",")[2], validate=True)


def _without_pictures(value: Any, decoded: Callable[[str], bytes]) -> Any:
    """The reply as it is kept: each picture replaced by its hash and size."""
    if isinstance(value, Mapping):
        return {key: _without_pictures(item, decoded) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_pictures(item, decoded) for item in value]
    if isinstance(value, str) and len(value) > _LONGEST_TEXT:
        try:
            data = decoded(value)
        except ValueError:
            data = value.encode()
        return {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    return value


# -- reading ---------------------------------------------------------------------------------------------


def rows(reply: Any, name: str) -> list[Mapping[str, Any]]:
    """A wrapped list."""
    found = _get(reply, name, list)
    if not all(isinstance(row, Mapping) for row in found):
        raise _unexpected(f"'{name}' holds something that is no object", reply)
    return found


def next_page(reply: Any) -> str | None:
    """The cursor to the next page. The specification of 2026-08-18 has none; SkyPilot's client of September met one."""
    cursor = reply.get("nextCursor") or reply.get("next_cursor")
    return cursor if isinstance(cursor, str) else None


def money(row: Mapping[str, Any], name: str) -> Decimal:
    """An amount in USD, exactly as written."""
    value = row.get(name)
    amount = None if isinstance(value, str) else amount_or_none(value)
    if amount is None:
        raise _unexpected(f"'{name}' is no amount", row)
    return amount


def instant(row: Mapping[str, Any], name: str) -> datetime:
    """A UTC-aware instant."""
    try:
        at = datetime.fromisoformat(_get(row, name, str))
    except ValueError:
        raise _unexpected(f"'{name}' is no instant", row) from None
    if at.tzinfo is None:
        raise _unexpected(f"'{name}' has no time zone", row)
    if instant_or_none((at - _EPOCH).total_seconds()) is None:
        raise _unexpected(f"'{name}' is no instant of our time", row)
    return at


def _get(row: Any, name: str, kind: type[T]) -> T:
    value = row.get(name) if isinstance(row, Mapping) else None
    if not isinstance(value, kind):
        raise _unexpected(f"'{name}' is missing or no {kind.__name__}", row)
    return value


def _unexpected(what: str, reply: Any) -> UnexpectedReply:
    return UnexpectedReply(f"Runpod's reply cannot be read: {what}.", raw=_shown(reply))
