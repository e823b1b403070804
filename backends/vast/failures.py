"""What Vast.ai's and the wrapper's words for a failure mean: one table each, the evidence beside it."""

import json
from collections.abc import Mapping
from typing import Any

from backends.errors import AuthFailed, BackendError, InvalidRequest, NoCapacity
from words import Reason

# status_msg of a host that will never get there (vast-ai/base-image, its QA code, 2026-08-21; dstack adds the last).
DOOMED = (
    "error response from daemon",
    "failed to pull image",
    "no space left on device",
    "manifest unknown",
    "unauthorized",
    "unexpected eof",
    "oci runtime create failed",
)
# actual_status that never comes to running (Vast.ai docs, 2026-08-07; "error" from its QA code).
DEAD = frozenset({"exited", "unknown", "offline", "error"})

# What the message of a failed job contains -> why; the first that fits. Wrapper run on 2026-11-23 (@e1d04af).
_REASON_OF_MESSAGE: tuple[tuple[str, Reason], ...] = (
    ("comfyui node errors", Reason.INVALID_REQUEST),  # ComfyUI refused the graph; for an unknown node the cause is lost
    ("out of memory", Reason.OUT_OF_MEMORY),  # not seen on the wire: the wrapper's own fault (below) hides it
    ('no field "comfyui_job_id"', Reason.EXECUTION_ERROR),  # a node raised, of whatever kind: the real error is lost
    ("cannot connect", Reason.WORKER_LOST),  # ComfyUI behind the wrapper is gone (its README: answered with 502)
    ("failed to post workflow", Reason.WORKER_LOST),
    ("connection refused", Reason.WORKER_LOST),
    ("timed out", Reason.EXECUTION_TIMEOUT),
)
# A job's final status in the wrapper's words -> why it has no picture; None = read the message.
_REASON_OF_STATUS: Mapping[str, Reason | None] = {
    "completed": None,
    "failed": None,
    "cancelled": Reason.STOPPED,
    "timeout": Reason.EXECUTION_TIMEOUT,
}
FINAL = frozenset(_REASON_OF_STATUS)


class JobEnded(BackendError):
    """Not an error of the call: the wrapper puts a job's end into the HTTP status (500, 499, 502). Holds the reply."""

    def __init__(self, reply: Mapping[str, Any]) -> None:
        super().__init__(f"The job ended as {reply.get('status')}.")
        self.reply = reply


def reason_of(status: str, message: str) -> Reason:
    """Why a job without a picture has none."""
    if (told := _REASON_OF_STATUS.get(status)) is not None:
        return told
    if status == "completed":
        return Reason.RESULT_MISSING
    said = message.lower()
    return next((reason for words, reason in _REASON_OF_MESSAGE if words in said), Reason.EXECUTION_ERROR)


def doom_of(status: str | None, status_msg: str | None) -> str | None:
    """Why an instance will never run (again); None while it may."""
    said = status_msg or ""
    if status in DEAD:
        return f"The instance is {status}: {said}".rstrip(": ")
    if status != "running" and any(words in said.lower() for words in DOOMED):
        return said
    return None


def console_dialect(status: int, text: str) -> BackendError | None:
    """The console's refusals: a bad key is 404, a vanished offer 404 or 410; either of error and msg may be missing."""
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
    if status in (499, 500, 502) and (body := _object(text)).get("status") in FINAL:
        return JobEnded(body)
    return None


def _object(text: str) -> Mapping[str, Any]:
    try:
        body = json.loads(text)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
