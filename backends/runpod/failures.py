"""Why a Runpod job gave no picture: its status and words, as a total table with the wire evidence beside each line.

First match wins. Texts are worker-comfyui 5.8.5's and the platform's, run or recorded 2026-03 to 2026-11.
"""

import re
from dataclasses import dataclass

from words import Reason


@dataclass(frozen=True)
class Rule:
    """Error texts (with the details of `output`) that this pattern finds mean `reason`."""

    pattern: str
    reason: Reason


RULES = (
    # ComfyUI reports running out of memory as an execution error like any other: only the text tells.
    Rule(r"out of memory|OutOfMemory|Allocation on device", Reason.OUT_OF_MEMORY),
    # A worker that died is seen by its job running out. The same words stand for some bad payloads (Runpod's own
    # plug-in notes, live test gp15, 2026-08-20), which ours never are: the graph was validated before.
    Rule(r"job timed out after \d+ retries", Reason.WORKER_LOST),
    Rule(r"execution ?timeout", Reason.EXECUTION_TIMEOUT),
    # ComfyUI's 400: per node, or "Cannot execute because ... Raw response: {..}"; its 500 for what is no graph.
    Rule(r"Workflow validation failed|Raw response: \{|Error queuing workflow", Reason.INVALID_REQUEST),
    Rule(
        r"Missing 'workflow' parameter|Please provide input|Invalid JSON format in input|missing field\(s\)",
        Reason.INVALID_REQUEST,
    ),
    # ComfyUI is gone while the container lives: the worker can do nothing more.
    Rule(
        r"not reachable after multiple retries|WebSocket communication error|HTTP communication error",
        Reason.WORKER_LOST,
    ),
)
OTHERWISE = Reason.EXECUTION_ERROR  # "Job processing failed", "Workflow execution error: ..", whatever comes next year

# Terminal statuses that need no text.
REASON_OF_STATUS = {"CANCELLED": Reason.STOPPED, "TIMED_OUT": Reason.EXECUTION_TIMEOUT}

# COMPLETED without `output`: the upload of the result was refused, mostly above 10 to 20 MB, and the platform still
# says COMPLETED (worker-comfyui issues 167 and 129).
NO_RESULT = "Runpod says COMPLETED and gives no picture."


def reason_of(status: str, text: str) -> Reason:
    """Why a job that ended as `status` with these words failed."""
    if status in REASON_OF_STATUS:
        return REASON_OF_STATUS[status]
    return next((rule.reason for rule in RULES if re.search(rule.pattern, text, re.IGNORECASE)), OTHERWISE)
