"""What Vast.ai's and the wrapper's words for a failure mean: total tables, the source beside each row."""

from collections.abc import Mapping
from typing import Any

from backends import signs
from backends.errors import AuthFailed, BackendError, InvalidRequest, NoCapacity
from backends.reading import loads
from backends.signs import Sign
from words import Reason, WorkerState

_WRAPPER = "ai-dock/comfyui-api-wrapper @e1d04af (2026-05-08), run 2026-11-23"
_ITS_TESTS = "ai-dock/comfyui-api-wrapper, its own tests of error texts, @c7bdd52 and @3cf8714 (2026)"
_DOCS = "github.com/vast-ai/docs, 2026-08-07: exited, unknown and offline never come to running"
_QA = "github.com/vast-ai/base-image, Vast.ai's own QA code, 2026-08-21"
GONE = "HTTP 404"

# A job's end in the wrapper's words; the text is its `message`.
SIGNS = (
    Sign(
        state="failed",
        words="comfyui node errors",
        reason=Reason.INVALID_REQUEST,
        said="Generation failed: ComfyUI node errors: {}",
        source=f"{_WRAPPER}: ComfyUI refused the graph; for an unknown node the cause is lost",
    ),
    Sign(
        state="failed",
        words="out of memory|OutOfMemory|memory allocation failed|insufficient memory",
        reason=Reason.OUT_OF_MEMORY,
        said="torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 24.00 GiB.",
        source=f"{_ITS_TESTS}; not seen on the wire, since the wrapper's own fault (next row) hides it",
    ),
    Sign(
        state="failed",
        words='no field "comfyui_job_id"',
        reason=Reason.EXECUTION_ERROR,
        said='"Result" object has no field "comfyui_job_id"',
        source=f"{_WRAPPER}: a node raised, of whatever kind; the real error is lost",
    ),
    Sign(
        state="failed",
        words="cannot connect|failed to post workflow|connection refused|network error getting result",
        reason=Reason.WORKER_LOST,
        said="Failed to post workflow after 5 attempts: ClientConnectorError",
        source=f"{_ITS_TESTS}: ComfyUI behind the wrapper is gone (its README: answered with 502)",
    ),
    Sign(
        state="failed",
        words="timed out|websocket timeout",
        reason=Reason.EXECUTION_TIMEOUT,
        said="WebSocket timeout for job abc",
        source=_ITS_TESTS,
    ),
    Sign(
        state="failed",
        words="cuda error|device-side assert|unspecified launch failure|illegal memory access|comfyui error",
        reason=Reason.EXECUTION_ERROR,
        said="CUDA error: an illegal memory access was encountered",
        source=f"{_ITS_TESTS}: the GPU is latched as unrecoverable",
    ),
    Sign(state="completed", reason=Reason.RESULT_MISSING, source=f"{_WRAPPER}: a file above 10 MB comes without data"),
    Sign(state="timeout", reason=Reason.EXECUTION_TIMEOUT, said="Operation timed out after 30s", source=_WRAPPER),
    Sign(state="cancelled", reason=Reason.STOPPED, said="Request cancelled by client", source=_WRAPPER),
    Sign(
        state=GONE,
        reason=Reason.VANISHED,
        said="Request ID not found",
        source=f"{_WRAPPER}: its memory is the process's, so a restarted wrapper has forgotten every job",
    ),
)
FINAL = frozenset(sign.state for sign in SIGNS) - {GONE}

# An instance that will never run (again), by `actual_status`; on the way up ("starting") `status_msg` tells.
_UP = "starting"
HOSTS = (
    Sign(state="exited", reason=Reason.WORKER_LOST, said="container exited", source=_DOCS),
    Sign(state="unknown", reason=Reason.WORKER_LOST, source=f"{_DOCS}; no heartbeat"),
    Sign(state="offline", reason=Reason.WORKER_LOST, source=_DOCS),
    Sign(state="error", reason=Reason.WORKER_LOST, source=_QA),
    Sign(state="stopped", reason=Reason.WORKER_LOST, said="stopped", source="github.com/vast-ai/docs, 2026-08-07"),
    Sign(state="frozen", reason=Reason.WORKER_LOST, source="github.com/vast-ai/docs, 2026-08-07: GPU still billed"),
    Sign(
        state=_UP,
        words="manifest unknown|unauthorized",
        reason=Reason.INVALID_REQUEST,
        said="Error response from daemon: manifest for vastai/comfy:x not found: manifest unknown",
        source=f"{_QA}: the registry does not know the image that we named, or does not let us in",
    ),
    Sign(
        state=_UP,
        words="error response from daemon|failed to pull image|unexpected eof",
        reason=Reason.NEVER_READY,
        said="failed to pull image: unexpected EOF",
        source=_QA,
    ),
    Sign(
        state=_UP,
        words="no space left on device",
        reason=Reason.NEVER_READY,
        said="write /var/lib/docker: no space left on device",
        source=f"{_QA}: hosts give less disk than was ordered",
    ),
    Sign(
        state=_UP,
        words="oci runtime create failed",
        reason=Reason.NEVER_READY,
        said="OCI runtime create failed: nvidia-container-cli: initialization error",
        source="dstack, its Vast.ai backend, 2026",
    ),
)
DEAD = frozenset({"exited", "unknown", "offline", "error"})
ASLEEP = frozenset({"stopped", "frozen"})
# `actual_status` on the way up, and running; null while nothing is known (Vast.ai docs, client 1.9.1, 2026-08-06).
OPEN = frozenset({None, "created", "loading", "running", "rebooting"})


class JobEnded(BackendError):
    """Not an error of the call: the wrapper puts a job's end into the HTTP status (500, 499, 502). Holds the reply."""

    def __init__(self, reply: Mapping[str, Any]) -> None:
        super().__init__(f"The job ended as {reply.get('status')}.")
        self.reply = reply


def reason_of(status: str, message: str) -> Reason:
    """Why a job without a picture has none."""
    return signs.reason_of(SIGNS, status, message)


def doom_of(status: str | None, status_msg: str | None) -> str | None:
    """Why an instance will never run (again), in Vast.ai's words; None while it may."""
    said = status_msg or ""
    if status in DEAD:
        return f"The instance is {status}: {said}".rstrip(": ")
    if status == "running" or status in ASLEEP:
        return None
    return said if any(sign.fits(_UP, said) for sign in HOSTS) else None


def cause_of(status: str | None, status_msg: str | None) -> Reason:
    """The same as a reason of ours, of an instance that is doomed or asleep."""
    return signs.reason_of(HOSTS, status if status in DEAD | ASLEEP else _UP, status_msg or "")


def workers_of(status: str | None, health: Any) -> dict[WorkerState, int]:
    """The one worker of a rental. `health` is the wrapper's reply; None while nothing (or no JSON) answers.

    Its status is healthy or not, and its GPU latch is set after a CUDA fault, or when ComfyUI was gone three times
    running. A queue in front of it means that it is at work.
    """
    if status in DEAD:
        return {}
    said = health.get("status") if isinstance(health, Mapping) else None
    if status != "running" or not isinstance(said, str):
        return {WorkerState.STARTING: 1}
    latch = health.get("gpu")
    if said != "healthy" or (isinstance(latch, Mapping) and latch.get("unrecoverable")):
        return {WorkerState.UNHEALTHY: 1}
    queues = health.get("queues")
    waiting = queues.get("generation") if isinstance(queues, Mapping) else 0
    return {WorkerState.RUNNING if waiting else WorkerState.IDLE: 1}


def console_dialect(status: int, text: str) -> BackendError | None:
    """The console's refusals: a bad key is 404, a vanished offer 404 or 410; either of error and msg may be missing.

    auth_error: 404 "Invalid user key", 403 without one (vastai 1.9.1 and the OpenAPI, 2026-08-07). no_such_ask: 404 as
    `invalid_args`, 410 with cancel_unavail (the same). search_quota_exceeded: a comment in vastai 1.9.1 alone.
    "currently unavailable": a stopped instance that cannot start (guide, 2026-08-07). spend_rate_limit: new accounts.
    """
    body = _object(text)
    error, said = str(body.get("error") or ""), f"{body.get('msg') or ''}"
    if error == "auth_error" or "invalid user key" in said.lower():
        return AuthFailed(f"Vast.ai refused the key ({status}): {said}")
    if error == "search_quota_exceeded":
        return NoCapacity("Vast.ai's daily quota of searches is used up until midnight UTC.")
    if error == "no_such_ask" or "no_such_ask" in said or "currently unavailable" in said:
        return NoCapacity(f"Vast.ai: {said}")
    if status == 403:  # "not your own offer"; a spend limit of a new account: nothing was rented, the key is right
        return NoCapacity(f"Vast.ai refused the offer: {said or error or text[:200]}") if error else None
    return InvalidRequest(f"Vast.ai: {error} {said}") if error == "spend_rate_limit" else None


def wrapper_dialect(status: int, text: str) -> BackendError | None:
    """The wrapper answers a finished job's lookup with its end as HTTP status and the whole result as body."""
    body = _object(text) if status in (499, 500, 502) else {}
    return JobEnded(body) if isinstance(ended := body.get("status"), str) and ended in FINAL else None


def _object(text: str) -> Mapping[str, Any]:
    try:
        body = loads(text)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
