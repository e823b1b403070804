"""Why a Runpod job gave no picture, and what its workers' states mean: total tables, the source beside each row."""

from collections.abc import Mapping

from backends import signs
from backends.signs import Sign
from words import Reason, WorkerState

_WORKER = "worker-comfyui 5.8.5 (@d2a5572) with runpod 1.7.13, run 2026-11-23"
_PLATFORM = "Runpod documentation, operation reference, 2026-08-20"
_NOTES = "Runpod's own plug-in notes (@8be10ce), live test gp15, 2026-08-20"
GONE = "HTTP 404"

SIGNS = (
    # -- FAILED: `error`, with the details that worker-comfyui puts into `output`
    Sign(
        state="FAILED",
        words=r"out of memory|OutOfMemory|Allocation on device",
        reason=Reason.OUT_OF_MEMORY,
        said="Job processing failed Workflow execution error: Node Type: KSampler, Node ID: 3, "
        "Message: Allocation on device 0 would exceed allowed memory. (out of memory)",
        source=f"{_WORKER}: an execution error like any other, only the text tells",
    ),
    Sign(
        state="FAILED",
        words=r"job timed out after \d+ retries",
        reason=Reason.WORKER_LOST,
        said="job timed out after 1 retries",
        source=f"{_NOTES}: a dead worker; also some bad payloads, which ours never are, since they were validated",
    ),
    Sign(
        state="FAILED",
        words=r"execution ?timeout",
        reason=Reason.EXECUTION_TIMEOUT,
        said="executionTimeout exceeded",
        source="assumed from the policy's name; documented is the status TIMED_OUT",
    ),
    Sign(
        state="FAILED",
        words=r"Workflow validation failed|Raw response: \{|Error queuing workflow",
        reason=Reason.INVALID_REQUEST,
        said="Workflow validation failed:\n\u2022 Node 4 (ckpt_name): value_not_in_list",
        source=f"{_WORKER}: ComfyUI's 400 per node or as a raw response, its 500 for what is no graph",
    ),
    Sign(
        state="FAILED",
        words=r"Missing 'workflow' parameter|Please provide input|Invalid JSON format in input|missing field\(s\)",
        reason=Reason.INVALID_REQUEST,
        said="Missing 'workflow' parameter",
        source=f"{_WORKER}; missing field(s): {_NOTES}",
    ),
    Sign(
        state="FAILED",
        words=r"not reachable after multiple retries|WebSocket communication error|HTTP communication error",
        reason=Reason.WORKER_LOST,
        said="ComfyUI server (127.0.0.1:8188) not reachable after multiple retries.",
        source=f"{_WORKER}: ComfyUI is gone while the container lives, so the worker can do nothing more",
    ),
    Sign(
        state="FAILED",
        words=r"Job processing failed|Workflow execution error",
        reason=Reason.EXECUTION_ERROR,
        said="Job processing failed Workflow execution error: Node Type: KSampler, Node ID: 3, Message: CUDA error",
        source=_WORKER,
    ),
    Sign(
        state="FAILED",
        words=r'"error_type":',
        reason=Reason.EXECUTION_ERROR,
        said='{"error_type": "<class \'KeyError\'>", "error_message": "\'images\'", "worker_id": "w"}',
        source="runpod 1.11 to 1.12.0, run 2026-11-23: the handler itself raised",
    ),
    # -- the other ends need no text
    Sign(
        state="COMPLETED",
        reason=Reason.RESULT_MISSING,
        source="worker-comfyui issues 167 (2026-06) and 129: the upload of the result was refused, mostly above "
        "10 to 20 MB, and the platform still says COMPLETED",
    ),
    Sign(state="TIMED_OUT", reason=Reason.EXECUTION_TIMEOUT, source=f"{_PLATFORM}: beyond executionTimeout"),
    Sign(state="CANCELLED", reason=Reason.STOPPED, source=_PLATFORM),
    Sign(
        state=GONE,
        reason=Reason.VANISHED,
        source=f"{_PLATFORM}: never known, older than its ttl, or finished more than 30 minutes ago",
    ),
)
NO_RESULT = "Runpod says COMPLETED and gives no picture."

# "Derived worker state, reconciled from the worker pod's lifecycle status and the live job-queue view" (REST v2
# specification, WorkerStatus, 2026-08-18).
WORKERS: Mapping[str, WorkerState] = {
    "RUNNING": WorkerState.RUNNING,
    "IDLE": WorkerState.IDLE,
    "INITIALIZING": WorkerState.STARTING,
    "THROTTLED": WorkerState.THROTTLED,
    "UNHEALTHY": WorkerState.UNHEALTHY,
}


def reason_of(status: str, text: str) -> Reason:
    """Why a job that ended as `status` with these words gave no picture."""
    return signs.reason_of(SIGNS, status, text)
