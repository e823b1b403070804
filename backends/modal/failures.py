"""What Modal's and our own function's words for a failure mean: total tables, the source beside each row."""

from collections.abc import Mapping

from backends import signs
from backends.errors import (
    AuthFailed,
    BackendError,
    InvalidRequest,
    NotFound,
    NotOffered,
    RateLimited,
)
from backends.signs import Sign
from words import Reason, WorkerState

_PROGRAM = "deploy/modal/app.py: it catches everything, so that its own failure is a call that went well"
_PROTO = "modal_proto of modal 1.6.4, GenericResult and FunctionCallInputStatus, read 2026-11-23"
RETURNED = "success"  # the call's own state when our function returned, with or without a picture

# A call's end in the words of Modal's call list, in small letters. Of a call that returned, the text begins with the
# error's type.
SIGNS = (
    Sign(
        state=RETURNED,
        words=r"^refused: ",
        reason=Reason.INVALID_REQUEST,
        said="refused: ComfyUI refused the graph (400): {..}",
        source=f"{_PROGRAM}; ComfyUI answered /prompt with 400, or 200 with node_errors",
    ),
    Sign(
        state=RETURNED,
        words=r"^out_of_memory: ",
        reason=Reason.OUT_OF_MEMORY,
        said="out_of_memory: torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.31 GiB.",
        source=f"{_PROGRAM}; execution_error with an OutOfMemoryError",
    ),
    Sign(
        state=RETURNED,
        words=r"^(execution|internal): ",
        reason=Reason.EXECUTION_ERROR,
        said="execution: RuntimeError: mat1 and mat2 shapes cannot be multiplied",
        source=f"{_PROGRAM}; execution_error with anything else, or whatever else it caught (internal)",
    ),
    Sign(
        state=RETURNED,
        words=r"^timeout: ",
        reason=Reason.EXECUTION_TIMEOUT,
        said="timeout: not finished within 600 s",
        source=f"{_PROGRAM}; not done within timeout_s",
    ),
    Sign(
        state=RETURNED,
        words=r"^no_image: ",
        reason=Reason.RESULT_MISSING,
        said="no_image: ComfyUI reported success without an image",
        source=_PROGRAM,
    ),
    Sign(
        state=RETURNED,
        words=r"^comfyui_down: ",
        reason=Reason.WORKER_LOST,
        said="comfyui_down: ClientConnectorError: Cannot connect to host 127.0.0.1:8188",
        source=f"{_PROGRAM}; nothing answers on the container's port",
    ),
    Sign(
        state="failure",
        reason=Reason.EXECUTION_ERROR,
        said="RemoteError: RuntimeError: x",
        source=f"{_PROTO}: the function raised",
    ),
    Sign(
        state="timeout",
        reason=Reason.EXECUTION_TIMEOUT,
        said="Task's current input hit its timeout of 3600s",
        source="modal 1.6.4, FunctionTimeoutError: the app's own backstop, read 2026-11-23",
    ),
    Sign(
        state="init_failure",
        reason=Reason.CRASH_LOOP,
        said="RuntimeError: ComfyUI ended with code 1 before it answered",
        source="modal 1.6.4, function_utils.py: an exception while a container starts (crash looping) that got "
        "escalated to its inputs",
    ),
    Sign(
        state="internal_failure",
        reason=Reason.WORKER_LOST,
        said="Runner terminated unexpectedly",
        source="modal 1.6.4, InternalFailure: lost inputs or a preempted worker, read 2026-11-23",
    ),
    Sign(state="idle_timeout", reason=Reason.WORKER_LOST, source=_PROTO),
    Sign(state="memory_manager_eviction", reason=Reason.OUT_OF_MEMORY, source=f"{_PROTO}: the container's memory"),
    Sign(state="memory_thrashing_eviction", reason=Reason.OUT_OF_MEMORY, source=f"{_PROTO}: the container's memory"),
    Sign(state="kernel_oom_kill", reason=Reason.OUT_OF_MEMORY, source=f"{_PROTO}: the container's memory"),
    Sign(state="terminated", reason=Reason.STOPPED, said="RemoteError: Input was cancelled by user", source=_PROTO),
    Sign(
        state="expired",
        reason=Reason.VANISHED,
        source="modal 1.6.4, OutputExpiredError: read too late, after 7 days",
    ),
    Sign(state="not_found", reason=Reason.VANISHED, source="modal 1.6.4, NotFoundError: no such call"),
)
# What `InnerClient.get` calls the ends that it can tell apart; the call list, which may be late, says it finer.
STATE_OF: Mapping[str, str] = {
    "failed": "failure",
    "timed_out": "timeout",
    "internal_failure": "internal_failure",
    "expired": "expired",
}
_ENDS = frozenset(sign.state for sign in SIGNS) - {RETURNED}


def state_of(told: str, listed: str | None) -> str | None:
    """How a call ended without a result of ours, `listed` in the call list; None for what is no end that we know.

    The SDK raises one RemoteError for most ends, so the list's word goes first where it is an end.
    """
    state = STATE_OF.get(told)
    return listed if state is not None and listed in _ENDS else state


def reason_of(state: str, text: str) -> Reason:
    """Why a call that ended so gave no picture."""
    return signs.reason_of(SIGNS, state, text)


def workers_of(stats: Mapping[str, int]) -> dict[WorkerState, int]:
    """The containers that exist, from an app's backlog, containers and running inputs.

    Modal does not say which of them still start; a container that is wanted and not there is not counted, and one
    that crashes ends its inputs as `init_failure`.
    """
    running = min(stats["running"], stats["containers"])
    counted = {WorkerState.RUNNING: running, WorkerState.IDLE: stats["containers"] - running}
    return {state: number for state, number in counted.items() if number > 0}


def named(error: Exception, verb: str, lost: type[BackendError]) -> BackendError:
    """The inner client's built-in error as the error that says what to do next.

    `lost` is what a call without an answer means: Unavailable, or FateUnknown when it had a price.
    """
    text = f"Modal {verb}: {error}"
    match error:
        case PermissionError():
            return AuthFailed(f"Modal refused the token ({verb}).")
        case LookupError():
            return NotFound(text)
        case ValueError():
            return InvalidRequest(text)
        case NotImplementedError():
            return NotOffered(f"Modal does not offer this to the workspace's plan ({verb}): {error}")
        case BlockingIOError():
            return RateLimited(text)
    return lost(text)


EXPECTED = (
    PermissionError,
    LookupError,
    ValueError,
    NotImplementedError,
    BlockingIOError,
    ConnectionError,
    TimeoutError,
)
