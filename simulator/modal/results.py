"""What a call of the deployed class returns: the very dict of `deploy/modal/app.py`, told from the ledger's truth."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from simulator.engine import US
from simulator.pool import SimJob, SimWorker
from simulator.site import Site

if TYPE_CHECKING:
    from simulator.modal.cloud import ModalApp, ModalCall

NVIDIA_SMI = {"L40S": "NVIDIA L40S", "H100": "NVIDIA H100 80GB HBM3", "H200": "NVIDIA H200"}
COMFYUI = "0.12.1"
_ERRORS = {
    "out_of_memory": ("out_of_memory", "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.31 GiB."),
    "execution_error": ("execution", "RuntimeError: mat1 and mat2 shapes cannot be multiplied"),
    "timeout": ("timeout", "not finished within the time allowed"),
    "result_missing": ("no_image", "ComfyUI reported success without an image"),
}


def result_of(site: Site, app: "ModalApp", job: SimJob) -> dict[str, Any]:
    """The result of a call that a container ran to its end, with the container's stamps (seconds since 1970)."""
    worker = job.worker
    if worker is None:
        raise ValueError(f"call {job.id} never had a container")
    error = _ERRORS.get(job.fate or "")
    return {
        "ok": error is None,
        "error": None if error is None else {"type": error[0], "message": error[1]},
        "images": [] if error else [site.image(app.pool, job)],
        **_stamps(worker, job, "memory" if app.pool.laws.own.restore_share else "off"),
    }


def refusal_of(status: int, body: Any) -> dict[str, Any]:
    """The result of a graph that ComfyUI refused; `body` as /prompt answered."""
    message = f"ComfyUI refused the graph ({status}): {body}"
    return {"ok": False, "error": {"type": "refused", "message": message}, "images": []}


@dataclass(frozen=True, kw_only=True)
class CallRow:
    """One line of `modal function calls`. Its durations are in seconds, None until there is something to tell."""

    call_id: str
    status: str  # a FunctionCallInputStatus in lower case
    enqueued_us: int
    started_us: int | None = None
    container_id: str | None = None
    startup_s: float | None = None
    execution_s: float | None = None


def call_row(call: "ModalCall", as_of_us: int) -> CallRow:
    """How the call list shows a call, what came of it after that instant left out."""
    job = call.job
    if job is None:
        return CallRow(call_id=call.id, status="success", enqueued_us=call.enqueued_us)
    picked_us, done_us = _by(as_of_us, job.picked_us), _by(as_of_us, job.done_us)
    worker = None if picked_us is None else job.worker
    first = worker is not None and worker.jobs[0] is job
    return CallRow(
        call_id=call.id,
        status=_row_status(job, picked_us, done_us),
        enqueued_us=call.enqueued_us,
        started_us=picked_us,
        container_id=container_id(worker) if worker else None,
        # When Modal fills this in is not documented; plausibly for the input that met a new container.
        startup_s=_span_s(worker.pulled_us, worker.ready_us) if worker and first else None,
        execution_s=_span_s(picked_us, done_us),
    )


def _by(as_of_us: int, at_us: int | None) -> int | None:
    return at_us if at_us is not None and at_us <= as_of_us else None


def _row_status(job: SimJob, picked_us: int | None, done_us: int | None) -> str:
    if done_us is None:
        return "pending" if picked_us is None else "running"
    if job.state == "cancelled":
        return "terminated"
    # Our function catches everything and returns, so that even a failed image is a successful input.
    return {"worker_lost": "internal_failure", "init_failure": "init_failure"}.get(job.fate or "", "success")


def container_id(worker: SimWorker) -> str:
    """Modal's name for a container."""
    return f"ta-{worker.known_as}"


def _stamps(worker: SimWorker, job: SimJob, snapshot_mode: str) -> dict[str, Any]:
    def stamp(at_us: int | None) -> float | None:
        """By the container's own clock."""
        return None if at_us is None else (at_us + worker.draw.clock_us) / US

    restored = worker.draw.kind == "restored"
    return {
        "container_id": container_id(worker),
        "region": "us-ashburn-1",
        "cloud": "oci",
        "gpu": NVIDIA_SMI.get(worker.gpu, f"NVIDIA {worker.gpu}"),
        "driver": "580.95.05",
        "image_id": "im-0000000000000000000001",
        "comfyui": COMFYUI,
        "call_index": worker.jobs.index(job),
        "snapshot_mode": snapshot_mode,
        "enter_started_at": stamp(worker.pulled_us),
        "enter_done_at": stamp(worker.ready_us),
        "restored_at": stamp(worker.ready_us) if restored else None,
        "received_at": stamp(job.picked_us),
        "exec_started_at": stamp(job.picked_us),
        "exec_done_at": stamp(job.done_us),
        "returned_at": stamp(job.done_us),
        "model_load_s": job.load_us / US,
        "cached_nodes": [],
    }


def _span_s(start_us: int | None, end_us: int | None) -> float | None:
    return None if start_us is None or end_us is None else (end_us - start_us) / US
