"""The decisions in a job's life: pure functions of what is known, so that each can be tested on its own."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from backends.errors import (
    AuthFailed,
    BackendError,
    FateUnknown,
    InvalidRequest,
    NoCapacity,
    RateLimited,
    Unavailable,
    UnexpectedReply,
)
from words import Reason

COARSE_S = 2.0  # world seconds between polls while the end is far
FINE_S = 0.5  # .. and around the predicted end
LONG_POLL_S = 20.0
COLD_MARGIN_S = 3.0

_ON_SUBMIT: Mapping[type[BackendError], Reason] = {
    AuthFailed: Reason.AUTH_REFUSED,
    InvalidRequest: Reason.INVALID_REQUEST,
    NoCapacity: Reason.NO_CAPACITY,
    RateLimited: Reason.UNREACHABLE,
    Unavailable: Reason.UNREACHABLE,
    FateUnknown: Reason.FATE_UNKNOWN,
    UnexpectedReply: Reason.FATE_UNKNOWN,  # something answered: it may well have taken the job
}


def reason_of_submit(error: BackendError) -> Reason:
    """Why a job that `submit` raised for will never have a sample."""
    return _ON_SUBMIT.get(type(error), Reason.UNREACHABLE)


def next_poll_s(waited_s: float, expected_s: float | None) -> float:
    """World seconds until the next look: coarse until 85 % of the expected duration, fine from there on.

    Without an expectation (nothing finished yet on this lane) the gap grows with the wait, from fine to coarse.
    """
    if expected_s is None:
        return min(COARSE_S, max(FINE_S, waited_s * 0.05))
    until_fine_s = expected_s * 0.85 - waited_s
    return min(COARSE_S, until_fine_s) if until_fine_s > FINE_S else FINE_S


def reason_of_deadline(*, picked_up: bool) -> Reason:
    """Past its deadline: a job that no worker ever took says capacity, one that was running says provider."""
    return Reason.EXECUTION_TIMEOUT if picked_up else Reason.STUCK_IN_QUEUE


def probe_at(last_end: datetime, idle_timeout_s: float) -> datetime:
    """The earliest instant at which the lane's capacity has surely gone away after its last job."""
    return last_end + timedelta(seconds=idle_timeout_s * 1.2 + COLD_MARGIN_S)
