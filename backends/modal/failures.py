"""What Modal's and our own function's words for a failure mean, as total tables; the wire evidence beside each."""

from collections.abc import Mapping

from backends.errors import (
    AuthFailed,
    BackendError,
    InvalidRequest,
    NotFound,
    RateLimited,
)
from words import Reason

# The error types that `deploy/modal/app.py` returns. It catches everything: a TimeoutError raised by a function cannot
# be told from the SDK's own "not ready yet", which is the same built-in class (modal 1.6.4).
REASON_OF_ERROR: Mapping[str, Reason] = {
    "refused": Reason.INVALID_REQUEST,  # ComfyUI answered /prompt with 400, or 200 with node_errors
    "out_of_memory": Reason.OUT_OF_MEMORY,  # execution_error with an OutOfMemoryError
    "execution": Reason.EXECUTION_ERROR,  # execution_error with anything else
    "timeout": Reason.EXECUTION_TIMEOUT,  # not in /history within timeout_s
    "no_image": Reason.RESULT_MISSING,  # success without an output image
    "comfyui_down": Reason.WORKER_LOST,  # nothing answers on the container's port
    "internal": Reason.EXECUTION_ERROR,  # anything else that our function caught
}

# The states in which `InnerClient.get` gives a call back without a result of ours.
REASON_OF_STATE: Mapping[str, Reason] = {
    "failed": Reason.EXECUTION_ERROR,  # modal.exception.RemoteError, or the function's own exception
    "timed_out": Reason.EXECUTION_TIMEOUT,  # modal.exception.FunctionTimeoutError: the app's own backstop
    "internal_failure": Reason.WORKER_LOST,  # modal.exception.InternalFailure
    "expired": Reason.VANISHED,  # modal.exception.OutputExpiredError: read too late, after 7 days
}
CANCELLED_ROW = "terminated"  # the call list's status of a cancelled input; the SDK raises a plain RemoteError for it


def reason_of_error(error_type: str) -> Reason:
    """Why our function says that there is no image; a type we do not know is an error of the execution."""
    return REASON_OF_ERROR.get(error_type, Reason.EXECUTION_ERROR)


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
            return InvalidRequest(f"Modal does not offer this to the workspace's plan ({verb}): {error}")
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
