"""An endpoint's settings: what the wire shows of what was asked, and the rules beyond the schema (400)."""

from collections.abc import Mapping
from typing import Any

from simulator.ledger import iso
from simulator.runpod.bodies import CreateEndpoint, Gpu, UpdateEndpoint
from simulator.runpod.gpus import POOLS, TYPES

CONTAINER_DEFAULTS: Mapping[str, Any] = {"args": "", "disk": 20, "env": {}, "ports": [], "registry": None}
IDLE_DEFAULT_S = 10  # REST v2's default; the console's is 5 (Runpod documentation, 2026-08-20)
_VERBS = {
    "run": "run", "runSync": "runsync", "status": "status/{job_id}", "stream": "stream/{job_id}",
    "cancel": "cancel/{job_id}", "retry": "retry/{job_id}", "purgeQueue": "purge-queue", "health": "health",
}  # fmt: skip


class BadRequest(ValueError):
    """400: the request conflicts with a rule that the schema does not hold."""


def shown_settings(
    asked: CreateEndpoint, template: Mapping[str, Any], *, endpoint_id: str, base: str, created_us: int
) -> dict[str, Any]:
    """The new endpoint's body. Raises BadRequest. A template is copied once; there is no live link to it."""
    if asked.gpu is None or asked.cpu is not None:
        raise BadRequest("exactly one of gpu and cpu is required; this simulator has no CPU endpoints")
    own = {name: getattr(asked, name) for name in (*CONTAINER_DEFAULTS, "image")}
    container = {**CONTAINER_DEFAULTS, **template, **{name: value for name, value in own.items() if value is not None}}
    if not container.get("image"):
        raise BadRequest("image is required unless templateId is set")
    scaling = asked.scaling.model_dump()
    sent = asked.workers.model_dump(exclude_none=True)
    workers = {"min": 0, "max": 3, **_idle(sent, scaling), **sent}
    return {
        "id": endpoint_id,
        "name": asked.name,
        "type": asked.type,
        "requestUrls": {name: f"{base}/v2/{endpoint_id}/{path}" for name, path in _VERBS.items()},
        **{name: container[name] for name in ("image", *CONTAINER_DEFAULTS)},
        "gpu": gpu_settings(asked.gpu),
        "workers": workers,
        "scaling": scaling,
        "dataCenterIds": asked.dataCenterIds,
        "networkVolumes": asked.networkVolumes,
        "timeout": asked.timeout,
        "flashboot": asked.flashboot,
        "createdAt": iso(created_us),
    }


def changed_settings(body: Mapping[str, Any], asked: UpdateEndpoint) -> dict[str, Any]:
    """The body after a PATCH: only what was sent changes. Raises BadRequest."""
    sent = asked.model_dump(exclude_none=True, exclude={"templateId"})
    if asked.gpu is not None:
        sent["gpu"] = gpu_settings(asked.gpu)
    scaling = sent.get("scaling", body["scaling"])
    workers = sent.get("workers", {})
    idle = _idle(workers, scaling)
    kept = {name: value for name, value in body["workers"].items() if name != "idleTimeout" or idle}
    return {**body, **sent, "workers": {**idle, **kept, **workers}}


def gpu_settings(gpu: Gpu) -> dict[str, Any]:
    """The selection as the wire shows it. Raises BadRequest for unknown pools and for one that leaves no card."""
    if unknown := sorted(set(gpu.pools) - POOLS):
        raise BadRequest(f"unknown GPU pool: {', '.join(unknown)}")
    if not any(card.pool in gpu.pools and card.id not in gpu.excludedTypes for card in TYPES):
        raise BadRequest("gpu.excludedTypes leaves no GPU type in the selection")
    if gpu.allowedCudaVersions and gpu.minCudaVersion:
        raise BadRequest("allowedCudaVersions and minCudaVersion are mutually exclusive")
    return gpu.model_dump()


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A release's diff."""
    fields = sorted(name for name in after if before.get(name) != after[name])
    return [{"field": name, "old": before.get(name), "new": after[name]} for name in fields]


def _idle(sent: Mapping[str, Any], scaling: Mapping[str, Any]) -> dict[str, Any]:
    """The default idle timeout; "rejected on create/update and omitted from responses" with REQUEST_COUNT."""
    if scaling["type"] == "QUEUE_DELAY":
        return {"idleTimeout": IDLE_DEFAULT_S}
    if "idleTimeout" in sent:
        raise BadRequest("workers.idleTimeout is not applicable to queue endpoints that scale on requestCount")
    return {}
