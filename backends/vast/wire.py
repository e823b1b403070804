"""What goes to Vast.ai and what comes back: request bodies, and replies read into values. Raises UnexpectedReply."""

import base64
import binascii
import hashlib
import math
import re
import shlex
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from backends.base import DeploymentRef, Observation, Offer, Times
from backends.errors import UnexpectedReply
from backends.vast.failures import FINAL, reason_of, workers_of
from words import STATUS_OF, JobStatus, Reason, WorkerState

BACKEND = "vast"
WRAPPER_PORT = "8288"
DISK_GB = 80  # image 20 GB, the largest workflow's files 34 GB, outputs and room to unpack
_ROOM_GB = 45
# Our GPU names in the market's words, with spaces on the wire, and the least VRAM in MB that tells twins apart (an
# A100 of 40 GB has the same name). H100 is SXM alone: PCIE and NVL are other, slower cards.
GPUS: Mapping[str, tuple[Sequence[str], int]] = {
    "RTX 4090": (("RTX 4090",), 24_000),
    "RTX 5090": (("RTX 5090",), 32_000),
    "L40S": (("L40S",), 45_000),
    "A100-80GB": (("A100 SXM4", "A100 PCIE"), 79_000),
    "H100": (("H100 SXM",), 79_000),
    "H200": (("H200",), 140_000),
}
# The floors of Vast's own QA (2026-08-21) where it has one; reliability is the share of time a host was up.
_FLOORS: Mapping[str, Any] = {"reliability": {"gte": 0.98}, "inet_down": {"gte": 500}, "direct_port_count": {"gte": 2}}
_KEPT = (
    "machine_id", "host_id", "gpu_name", "gpu_ram", "dph_base", "dph_total", "storage_cost", "storage_total_cost",
    "inet_up_cost", "inet_down_cost", "inet_down", "reliability", "verification", "geolocation", "driver_version",
    "cuda_max_good", "disk_space",
)  # fmt: skip
# The image starts a service only if the portal names it, and proxies the first port to the second behind the password.
_PORTAL = "localhost:8188:18188:/:ComfyUI|localhost:8288:18288:/docs:API Wrapper"


# -- what is sent ----------------------------------------------------------------------------------------------


def search_body(gpu: str, image: str, *, max_life_s: float) -> dict[str, Any]:
    """A search for on-demand offers of one such GPU on verified hosts, cheapest first."""
    names, vram_mb = GPUS[gpu]
    cuda = re.search(r"cuda-(\d+\.\d+)", image)
    return {
        "type": "ondemand",
        "verified": {"eq": True},
        "rentable": {"eq": True},
        "rented": {"eq": False},
        "num_gpus": {"eq": 1},
        "gpu_name": {"in": list(names)},
        "gpu_ram": {"gte": vram_mb},
        "disk_space": {"gte": DISK_GB},
        "duration": {"gte": max_life_s},
        **_FLOORS,
        **({"cuda_max_good": {"gte": float(cuda[1])}} if cuda else {}),
        "order": [["dph_base", "asc"]],
        "allocated_storage": DISK_GB,
        "limit": 40,
    }


@dataclass(frozen=True, kw_only=True, repr=False)
class Launch:
    """What a new instance is told. Has no repr: it holds the password and the download token."""

    label: str
    image: str
    model_gb: float
    files: Sequence[tuple[str, int, str]]  # path below ComfyUI's models, bytes, address
    password: str
    hf_token: str | None
    provision: str  # the script, run once before ComfyUI starts
    console_url: str
    max_life_s: int

    def body(self) -> dict[str, Any]:
        """The body of the one paid call. `price` stays out: it would make the instance interruptible."""
        return {
            "client_id": "me",
            "image": self.image,
            "label": self.label,
            "disk": max(DISK_GB, math.ceil(self.model_gb) + _ROOM_GB),
            "env": self._env(),
            "onstart": self._onstart(),
            "runtype": "ssh_direct",
            "target_state": "running",
            # Otherwise an unavailable host leaves a stopped instance whose storage is billed.
            "cancel_unavail": True,
        }

    def _env(self) -> dict[str, str]:
        """A JSON object, ports as keys: the OpenAPI shows a flag string and is wrong (guide and client agree)."""
        env = {
            f"-p {WRAPPER_PORT}:{WRAPPER_PORT}": "1",
            "PORTAL_CONFIG": _PORTAL,
            "COMFYUI_API_BASE": "http://localhost:18188",  # 8188 is the portal's, and asks for the password
            "WEB_PASSWORD": self.password,
            "PROVISIONING_SCRIPT": "/provisioning.sh",
            "PROVISIONER_FAILURE_ACTION": "destroy",  # a host that cannot download is of no use
            "BAKEOFF_FILES": ";".join(f"{path}|{size}|{url}" for path, size, url in self.files),
        }
        return env | ({"HF_TOKEN": self.hf_token} if self.hf_token else {})

    def _onstart(self) -> str:
        """Write the provisioning script, set the dead man's timer, start the image.

        The timer ends the rental even if we are gone: CONTAINER_API_KEY can destroy its own instance and nothing else
        (Vast.ai guide), so our key never reaches the machine.
        """
        script = base64.b64encode(self.provision.encode()).decode()
        url = shlex.quote(f"{self.console_url}/api/v0/instances/")
        destroy = (
            f'curl -fsS --retry 20 -X DELETE {url}"$CONTAINER_ID/" -H "Authorization: Bearer $CONTAINER_API_KEY"'
            " -H 'Content-Type: application/json' -d '{}'"
        )
        return "\n".join(
            [
                f"echo {script} | base64 -d > /provisioning.sh && chmod +x /provisioning.sh",
                f"(sleep {self.max_life_s}; {destroy}) >/dev/null 2>&1 &",
                "entrypoint.sh",
            ]
        )


def job_body(graph: Mapping[str, Any], key: str) -> dict[str, Any]:
    """One job; its own name lets a lost answer be looked up."""
    return {"input": {"request_id": key, "workflow_json": dict(graph), "return_outputs_as_base64": True}}


# -- what comes back: the console ------------------------------------------------------------------------------


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
        offer_id=str(_field(row, "id")),
        unit="h",
        usd_per_unit=usd_per_h,
        usd_per_s=usd_per_h / 3600,
        source="offer row",
        seen_at=seen_at,
        region=row.get("geolocation"),
        detail={name: row.get(name) for name in _KEPT} | {"disk_gb": DISK_GB},
    )


def contract_of(reply: Any) -> str:
    """The id of the instance that was just rented. The reply also holds a key: it is never kept or shown."""
    if isinstance(reply, dict) and reply.get("success") and isinstance(reply.get("new_contract"), int):
        return str(reply["new_contract"])
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


def instance_of(reply: Any) -> Instance | None:
    """The instance of a look by id; None when it is gone. `instances` may be an object, a list or null (QA code)."""
    if not isinstance(reply, dict) or "instances" not in reply:
        raise UnexpectedReply("Vast.ai answered a look at an instance without one.", raw=_shape(reply))
    found = reply["instances"]
    row = found[0] if isinstance(found, list) and found else found
    return _instance(row) if row else None


def page_of(reply: Any) -> tuple[list[Instance], str | None]:
    """One page of the list, and the token of the next. An unreadable page is never an empty one."""
    rows = reply.get("instances") if isinstance(reply, dict) else None
    if not isinstance(rows, list):
        raise UnexpectedReply("Vast.ai answered a listing without a list.", raw=_shape(reply))
    return [_instance(row) for row in rows], reply.get("next_token")


def _instance(row: Any) -> Instance:
    given = {"gpu_name": row.get("gpu_name"), "region": row.get("geolocation"), "image": row.get("image_uuid")}
    return Instance(
        id=str(_field(row, "id")),
        label=row.get("label") or "",
        status=row.get("actual_status"),
        status_msg=row.get("status_msg"),
        usd_per_s=money(row, "dph_base") / 3600,
        started_at=instant(row.get("start_date")),
        uptime_s=None if row.get("uptime_mins") is None else row["uptime_mins"] * 60,
        machine_id=row.get("machine_id"),
        url=_url(row),
        provenance={name: str(value) for name, value in given.items() if value},
    )


def _url(row: Mapping[str, Any]) -> str | None:
    mapped = (row.get("ports") or {}).get(f"{WRAPPER_PORT}/tcp") if isinstance(row.get("ports"), dict) else None
    if not mapped or not row.get("public_ipaddr"):
        return None
    # Plain HTTP, as the image serves it: its certificate would be the host's own. The password is worth one rental.
    return f"http://{str(row['public_ipaddr']).strip()}:{mapped[0]['HostPort']}"


# -- what comes back: the wrapper ------------------------------------------------------------------------------


def healthy(reply: Any) -> dict[str, str] | None:
    """What a healthy wrapper says of its ComfyUI and its GPU; None when it is not ready, or never will be."""
    if WorkerState.IDLE not in (states := workers_of("running", reply)) and WorkerState.RUNNING not in states:
        return None
    stats = next((backend.get("system_stats") or {} for backend in reply.get("backends") or []), {})
    device: Mapping[str, Any] = next(iter(stats.get("devices") or []), {})
    given = {"comfyui": (stats.get("system") or {}).get("comfyui_version"), "gpu_device": device.get("name")}
    return {name: str(value) for name, value in given.items() if value}


def observation_of(reply: Any, host: DeploymentRef) -> Observation:
    """One look at a job on `host`; what is known of the host is kept as evidence."""
    status = reply.get("status") if isinstance(reply, dict) else None
    if not isinstance(status, str):
        raise UnexpectedReply("The wrapper answered without a status.", raw=_shape(reply))
    if status not in FINAL:
        running = status not in ("pending", "queued", "preprocessing")
        return Observation(status=JobStatus.RUNNING if running else JobStatus.SUBMITTED, worker_id=host.id)
    images, reason = _images(reply), None
    if images is None:
        reason = Reason.IMAGE_BROKEN
    elif status != "completed" or not images:
        reason = reason_of(status, str(reply.get("message") or ""))
    return Observation(
        status=JobStatus.SUCCEEDED if reason is None else STATUS_OF[reason],
        reason=reason,
        error=None if reason is None else str(reply.get("message") or status),
        times=replace(_times(reply.get("timings") or {}), boot_s=host.detail.get("boot_s")),
        worker_id=host.id,
        evidence={**facts_of(host), **_comfy_facts(reply.get("comfyui_response") or {})},
        images=images if images and reason is None else (),
        raw=_kept(reply),
    )


def facts_of(host: DeploymentRef) -> dict[str, Any]:
    """Which machine it was."""
    return {"worker_id": host.id, "machine_id": host.detail.get("machine_id")}


def _images(reply: Mapping[str, Any]) -> tuple[bytes, ...] | None:
    """PNG bytes of each saved picture; None if one is no base64. A file above 10 MB comes without data: missing."""
    try:
        return tuple(base64.b64decode(file["data"]) for file in reply.get("output") or [] if file.get("data"))
    except (binascii.Error, TypeError, ValueError):
        return None


def _times(timings: Mapping[str, Any]) -> Times:
    """Queue wait = total - the three stages. generation_ms holds the wrapper's own waits, 0.5 to 1.1 s a job."""
    stages = [timings.get(name) for name in ("preprocess_ms", "generation_ms", "postprocess_ms")]
    total = timings.get("total_ms")
    if not all(isinstance(stage, int | float) for stage in stages):
        return Times()
    execution_ms = sum(stage for stage in stages if stage is not None)
    queue_ms = max(0, total - execution_ms) if isinstance(total, int | float) else None
    return Times(queue_s=None if queue_ms is None else queue_ms / 1000, execution_s=execution_ms / 1000)


def _comfy_facts(history: Mapping[str, Any]) -> dict[str, Any]:
    """ComfyUI's own seconds and the nodes it had in its cache: none on a fresh server, the loaders on a warm one."""
    stamps: dict[str, Any] = {}
    for entry in history.values():
        stamps |= dict(entry.get("status", {}).get("messages", []))
    start, end = stamps.get("execution_start"), stamps.get("execution_success")
    facts: dict[str, Any] = {}
    if start and end:
        facts["comfyui_s"] = (end["timestamp"] - start["timestamp"]) / 1000
    if "execution_cached" in stamps:
        facts["cached_nodes"] = stamps["execution_cached"]["nodes"]
    return facts


def _kept(reply: Mapping[str, Any]) -> dict[str, Any]:
    """The reply without picture bytes and without the graph that ComfyUI's history repeats."""
    output = [_without_data(file) for file in reply.get("output") or []]
    history = {id: {"status": entry.get("status")} for id, entry in (reply.get("comfyui_response") or {}).items()}
    return {**reply, "output": output, "comfyui_response": history}


def _without_data(file: Mapping[str, Any]) -> dict[str, Any]:
    if not file.get("data"):
        return dict(file)
    data = str(file["data"]).encode()
    with suppress(binascii.Error, ValueError):
        data = base64.b64decode(data)
    return {**file, "data": {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}}


def money(row: Mapping[str, Any], name: str) -> Decimal:
    """An amount in USD, exactly as written."""
    try:
        return Decimal(str(_field(row, name)))
    except InvalidOperation:
        raise UnexpectedReply(f"Vast.ai gave {name} = {row[name]!r}, which is no amount.") from None


def instant(seconds: Any) -> datetime | None:
    """Seconds since 1970, which may be null."""
    return datetime.fromtimestamp(seconds, UTC) if isinstance(seconds, int | float) else None


def _field(row: Any, name: str) -> Any:
    if not isinstance(row, Mapping) or row.get(name) is None:
        raise UnexpectedReply(f"Vast.ai left out {name}.", raw=_shape(row))
    return row[name]


def _shape(reply: Any) -> str:
    """The names of a reply, never its values: instance rows carry the environment with its secrets."""
    return str(sorted(reply)) if isinstance(reply, Mapping) else type(reply).__name__
