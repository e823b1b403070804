"""What comes back from Vast.ai and its wrapper: replies read into values. Raises UnexpectedReply."""

import base64
import binascii
import hashlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

from backends.addresses import path_id
from backends.base import DeploymentRef, Observation, Offer, Times
from backends.errors import UnexpectedReply
from backends.reading import (
    MISREAD,
    amount_or_none,
    instant_or_none,
    number_or_none,
    readable,
    span_s,
    text_or_none,
    unreadable,
)
from backends.vast.failures import FINAL, reason_of, workers_of
from backends.vast.orders import DISK_GB, WRAPPER_PORT
from words import STATUS_OF, JobStatus, Reason, WorkerState

BACKEND = "vast"
_BOTH_ENDS = ("execution_start", "execution_success")  # of ComfyUI's history
_KEPT = (
    "machine_id", "host_id", "gpu_name", "gpu_ram", "dph_base", "dph_total", "storage_cost", "storage_total_cost",
    "inet_up_cost", "inet_down_cost", "inet_down", "reliability", "verification", "geolocation", "driver_version",
    "cuda_max_good", "disk_space",
)  # fmt: skip


# -- what comes back: the console ------------------------------------------------------------------------------


def _shape(reply: Any) -> str:
    """The names of a reply, never its values: instance rows carry the environment with its secrets."""
    return str(sorted(map(str, reply))) if isinstance(reply, Mapping) else type(reply).__name__


@readable("Vast.ai", _shape)
def offers_of(reply: Any, gpu: str, seen_at: datetime) -> list[Offer]:
    """Offers, cheapest first. The price is the GPU's: storage and network are billed as items of their own."""
    rows = reply.get("offers") if isinstance(reply, dict) else None
    if not isinstance(rows, list):  # the OpenAPI's example shows an object
        raise UnexpectedReply("Vast.ai answered a search without a list of offers.", raw=str(reply))
    return sorted((_offer(row, gpu, seen_at) for row in rows), key=lambda offer: (offer.usd_per_s, offer.offer_id))


def _offer(row: Mapping[str, Any], gpu: str, seen_at: datetime) -> Offer:
    usd_per_h = money(row, "dph_base")
    return Offer(
        backend=BACKEND,
        gpu=gpu,
        offer_id=path_id(_field(row, "id")),
        unit="h",
        usd_per_unit=usd_per_h,
        usd_per_s=usd_per_h / 3600,
        source="offer row",
        seen_at=seen_at,
        region=text_or_none(row.get("geolocation")),
        detail={name: row.get(name) for name in _KEPT}
        | {"machine_id": number_or_none(row.get("machine_id")), "disk_gb": DISK_GB}
        | _beside(row),
    )


def _beside(row: Mapping[str, Any]) -> dict[str, str]:
    """What a rental costs beside its GPU, in the words that every backend's offers share; left out where not said."""
    disk, network = amount_or_none(row.get("storage_total_cost")), amount_or_none(row.get("inet_down_cost"))
    found = {"storage_usd_per_s": disk and disk / 3600, "network_usd_per_gb": network}
    return {name: str(amount) for name, amount in found.items() if amount and amount > 0}


def contract_of(reply: Any) -> str:
    """The id of the instance that was just rented. The reply also holds a key: it is never kept or shown."""
    if isinstance(reply, dict) and reply.get("success") and isinstance(reply.get("new_contract"), int):
        return path_id(reply["new_contract"])
    said = {name: reply.get(name) for name in ("success", "error", "msg")} if isinstance(reply, dict) else type(reply)
    raise UnexpectedReply("Vast.ai answered an order without a contract number.", raw=str(said))


@dataclass(frozen=True, kw_only=True)
class Instance:
    """One rented instance as the API tells it; its environment, which holds the password, is left out."""

    id: str
    label: str
    status: str | None
    status_msg: str | None
    usd_per_s: Decimal
    started_at: datetime | None  # of the contract, not of the container
    uptime_s: float | None  # of the container
    machine_id: int | None
    url: str | None  # of the wrapper; only the list gives it, and only while it runs
    provenance: Mapping[str, str]

    def instants(self, now: datetime) -> dict[str, datetime]:
        """The contract's start, and the container's: from there on the GPU is billed."""
        found = {} if self.started_at is None else {"contract_started": self.started_at}
        if self.uptime_s is not None:
            found["container_started"] = now - timedelta(seconds=self.uptime_s)
        return found


@readable("Vast.ai", _shape)
def instance_of(reply: Any) -> Instance | None:
    """The instance of a look by id; None when it is gone. `instances` may be an object, a list or null (QA code)."""
    if not isinstance(reply, dict) or "instances" not in reply:
        raise UnexpectedReply("Vast.ai answered a look at an instance without one.", raw=_shape(reply))
    found = reply["instances"]
    row = found[0] if isinstance(found, list) and found else found
    return _instance(row) if row else None


@readable("Vast.ai", _shape)
def page_of(reply: Any) -> tuple[list[Instance], str | None]:
    """One page of the list, and the token of the next. An unreadable page is never an empty one."""
    rows = reply.get("instances") if isinstance(reply, dict) else None
    if not isinstance(rows, list):
        raise UnexpectedReply("Vast.ai answered a listing without a list.", raw=_shape(reply))
    return [_instance(row) for row in rows], token_of(reply)


def token_of(reply: Mapping[str, Any]) -> str | None:
    """The token of a list's next page."""
    token = reply.get("next_token")
    if token is not None and not isinstance(token, str | int):
        raise UnexpectedReply("Vast.ai's token of the next page is none.", raw=_shape(reply))
    return None if token is None else str(token)


def _instance(row: Any) -> Instance:
    given = {"gpu_name": row.get("gpu_name"), "region": row.get("geolocation"), "image": row.get("image_uuid")}
    uptime_mins = span_s(row.get("uptime_mins"))
    return Instance(
        id=path_id(_field(row, "id")),
        label=text_or_none(row.get("label")) or "",
        status=text_or_none(row.get("actual_status")),
        status_msg=text_or_none(row.get("status_msg")),
        usd_per_s=money(row, "dph_base") / 3600,
        started_at=instant_or_none(row.get("start_date")),
        uptime_s=None if uptime_mins is None else uptime_mins * 60,
        machine_id=number_or_none(row.get("machine_id")),
        url=_url(row),
        provenance={name: str(value) for name, value in given.items() if value},
    )


def _url(row: Mapping[str, Any]) -> str | None:
    """As the row says; the adapter asks `backends.addresses` before it calls there."""
    ports = row.get("ports")
    mapped = ports.get(f"{WRAPPER_PORT}/tcp") if isinstance(ports, Mapping) else None
    if not mapped or not row.get("public_ipaddr"):
        return None
    # Plain HTTP, as the image serves it: its certificate would be the host's own. The password is worth one rental.
    return f"http://{str(row['public_ipaddr']).strip()}:{mapped[0]['HostPort']}"


# -- what comes back: the wrapper ------------------------------------------------------------------------------


@readable("The wrapper", _shape)
def healthy(reply: Any) -> dict[str, str] | None:
    """What a healthy wrapper says of its ComfyUI and its GPU; None when it is not ready, or never will be."""
    if WorkerState.IDLE not in (states := workers_of("running", reply)) and WorkerState.RUNNING not in states:
        return None
    stats = next((backend.get("system_stats") or {} for backend in reply.get("backends") or []), {})
    device: Mapping[str, Any] = next(iter(stats.get("devices") or []), {})
    given = {"comfyui": (stats.get("system") or {}).get("comfyui_version"), "gpu_device": device.get("name")}
    return {name: str(value) for name, value in given.items() if value}


def observation_of(reply: Any, host: DeploymentRef) -> Observation:
    """One look at a job on `host`; what is known of the host is kept as evidence.

    A job that is over and says it in a way that cannot be read has failed, with what it said.
    """
    status = reply.get("status") if isinstance(reply, dict) else None
    if not isinstance(status, str):
        raise UnexpectedReply("The wrapper answered without a status.", raw=_shape(reply))
    if status not in FINAL:
        running = status not in ("pending", "queued", "preprocessing")
        return Observation(status=JobStatus.RUNNING if running else JobStatus.SUBMITTED, worker_id=host.id)
    try:
        return _end(reply, status, host)
    except UnexpectedReply as error:
        return unreadable(error, host.id)


@readable("The wrapper", str)
def _end(reply: Mapping[str, Any], status: str, host: DeploymentRef) -> Observation:
    decoded = cache(base64.b64decode)  # asked twice of each picture: for its bytes, and for what is kept of the reply
    images, reason = _images(reply, decoded), None
    if images is None:
        reason = Reason.IMAGE_BROKEN
    elif status != "completed" or not images:
        reason = reason_of(status, str(reply.get("message") or ""))
    return Observation(
        status=JobStatus.SUCCEEDED if reason is None else STATUS_OF[reason],
        reason=reason,
        error=None if reason is None else str(reply.get("message") or status),
        times=replace(_times(reply), boot_s=host.detail.get("boot_s")),
        worker_id=host.id,
        evidence={**facts_of(host), **_comfy_facts(reply.get("comfyui_response") or {})},
        images=images if images and reason is None else (),
        raw=_kept(reply, decoded),
    )


def lost_with_host(host: DeploymentRef, doom: str) -> Observation:
    """The end of a job whose machine is dead."""
    return Observation(
        status=STATUS_OF[Reason.WORKER_LOST],
        reason=Reason.WORKER_LOST,
        error=doom,
        worker_id=host.id,
        times=Times(boot_s=host.detail.get("boot_s")),  # billed, whatever became of the host
        evidence=facts_of(host),
        raw={"instance": host.id, "said": doom},
    )


def facts_of(host: DeploymentRef) -> dict[str, Any]:
    """Which machine it was."""
    return {"worker_id": host.id, "machine_id": host.detail.get("machine_id")}


def _images(reply: Mapping[str, Any], decoded: Callable[[str], bytes]) -> tuple[bytes, ...] | None:
    """PNG bytes of each saved picture; None if one is no base64. A file above 10 MB comes without data: missing."""
    try:
        return tuple(decoded(file["data"]) for file in reply.get("output") or [] if file.get("data"))
    except (binascii.Error, TypeError, ValueError):
        return None


def _times(reply: Mapping[str, Any]) -> Times:
    """Queue wait = total - the three stages. generation_ms holds the wrapper's own waits, 0.5 to 1.1 s a job."""
    began_at, ended_at = _stamps(reply.get("comfyui_response") or {})
    timings = reply.get("timings") or {}
    named = [timings.get(name) for name in ("preprocess_ms", "generation_ms", "postprocess_ms", "total_ms")]
    # Milliseconds are held to the length of a span as well, and are whole: their sum is exact.
    *stages, total = [None if span_s(value, 1000) is None else value for value in named]
    if None in stages:
        return Times(began_at=began_at, ended_at=ended_at)
    execution_ms = sum(stage for stage in stages if stage is not None)
    queue_ms = None if total is None else max(0, total - execution_ms)
    queue_s, execution_s = span_s(queue_ms, 1000), span_s(execution_ms, 1000)
    return Times(queue_s=queue_s, execution_s=execution_s, began_at=began_at, ended_at=ended_at)


def _comfy_facts(history: Mapping[str, Any]) -> dict[str, Any]:
    """ComfyUI's own seconds and the nodes it had in its cache: none on a fresh server, the loaders on a warm one."""
    facts: dict[str, Any] = {}
    with suppress(*MISREAD):  # they are a bonus: a job whose history nobody can read has still ended
        told = _messages(history)
        start, end = told.get("execution_start"), told.get("execution_success")
        if start and end:
            facts["comfyui_s"] = span_s(end["timestamp"] - start["timestamp"], 1000)
        if "execution_cached" in told:
            facts["cached_nodes"] = told["execution_cached"]["nodes"]
    return facts


def _stamps(history: Mapping[str, Any]) -> tuple[datetime | None, datetime | None]:
    """When ComfyUI began and ended, by the host's clock. The wrapper's own waits lie around them."""
    with suppress(*MISREAD):
        told = _messages(history)
        began, ended = (instant_or_none(told[name]["timestamp"] / 1000) for name in _BOTH_ENDS)
        return began, ended
    return None, None


def _messages(history: Mapping[str, Any]) -> dict[str, Any]:
    """What ComfyUI said of an execution, by its name."""
    told: dict[str, Any] = {}
    for entry in history.values():
        told |= dict(entry.get("status", {}).get("messages", []))
    return told


def _kept(reply: Mapping[str, Any], decoded: Callable[[str], bytes]) -> dict[str, Any]:
    """The reply without picture bytes and without the graph that ComfyUI's history repeats."""
    output = [_without_data(file, decoded) for file in reply.get("output") or []]
    history = {id: {"status": entry.get("status")} for id, entry in (reply.get("comfyui_response") or {}).items()}
    return {**reply, "output": output, "comfyui_response": history}


def _without_data(file: Mapping[str, Any], decoded: Callable[[str], bytes]) -> dict[str, Any]:
    if not file.get("data"):
        return dict(file)
    text = str(file["data"])
    data = text.encode()
    with suppress(binascii.Error, ValueError):
        data = decoded(text)
    return {**file, "data": {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}}


def money(row: Mapping[str, Any], name: str) -> Decimal:
    """An amount in USD, exactly as written."""
    amount = amount_or_none(_field(row, name))
    if amount is None:
        raise UnexpectedReply(f"Vast.ai gave {name} = {str(row[name])[:100]!r}, which is no amount.")
    return amount


def _field(row: Any, name: str) -> Any:
    if not isinstance(row, Mapping) or row.get(name) is None:
        raise UnexpectedReply(f"Vast.ai left out {name}.", raw=_shape(row))
    return row[name]
