"""The decisions in a job's life: pure functions of what is known, so that each can be tested on its own."""

from collections.abc import Mapping

from backends.base import Deployment
from backends.errors import (
    AuthFailed,
    BackendError,
    FateUnknown,
    InvalidRequest,
    NoCapacity,
    NotFound,
    NotYetGone,
    RateLimited,
    Retired,
    Unavailable,
    UnexpectedReply,
)
from words import DeploymentState, Reason, WorkerState

_OVER = (DeploymentState.FAILED, DeploymentState.STOPPED, DeploymentState.GONE)
_ON_SUBMIT: Mapping[type[BackendError], Reason] = {
    AuthFailed: Reason.AUTH_REFUSED,
    InvalidRequest: Reason.INVALID_REQUEST,
    Retired: Reason.INVALID_REQUEST,  # 410: this program is too old for the provider
    NoCapacity: Reason.NO_CAPACITY,
    NotFound: Reason.WORKER_LOST,  # what it was rented to has died
    NotYetGone: Reason.WORKER_LOST,
    RateLimited: Reason.UNREACHABLE,
    Unavailable: Reason.UNREACHABLE,
    FateUnknown: Reason.FATE_UNKNOWN,
    UnexpectedReply: Reason.FATE_UNKNOWN,  # something answered: it may well have taken the job
}


def reason_of_submit(error: BackendError) -> Reason:
    """Why a job that `submit` raised for will never have a sample; the same for an order that was refused."""
    return _ON_SUBMIT.get(type(error), Reason.UNREACHABLE)


def reason_of_death(seen: Deployment) -> Reason:
    """Why a deployment that will take no job (any more) is over."""
    return seen.cause or (Reason.VANISHED if seen.state is DeploymentState.GONE else Reason.WORKER_LOST)


def reason_of_deadline(*, picked_up: bool, seen: Deployment | None, in_flight: int) -> Reason:
    """Past its deadline. `seen`: one look at its deployment, None without one; `in_flight`: its jobs that are open.

    At work: the provider's time-out, also where that was never told: as many workers are at work as jobs are open.
    In a queue: capacity, unless its workers tell that they crash, or its deployment is over.
    """
    if picked_up:
        return Reason.EXECUTION_TIMEOUT
    if seen is not None and seen.state in _OVER:
        return reason_of_death(seen)
    workers = {} if seen is None or seen.workers is None else seen.workers
    at_work = workers.get(WorkerState.RUNNING, 0)
    if workers.get(WorkerState.UNHEALTHY) and not at_work and not workers.get(WorkerState.IDLE):
        return Reason.CRASH_LOOP
    return Reason.EXECUTION_TIMEOUT if at_work >= max(1, in_flight) else Reason.STUCK_IN_QUEUE


def reason_of_delay(seen: Deployment | None) -> Reason:
    """Why a deployment that was rented took no job in its time; `seen`: the last look at it."""
    workers = {} if seen is None or seen.workers is None else seen.workers
    return Reason.CRASH_LOOP if workers.get(WorkerState.UNHEALTHY) else Reason.NEVER_READY


def evidence_of_deadline(seen: Deployment | None) -> str | None:
    """What the look at a deadline showed, in one sentence for the job's row; None without a look."""
    if seen is None:
        return None
    if seen.reason:
        return f"At its deadline: {seen.reason}"
    if seen.workers is None:
        return "At its deadline the provider did not tell of its workers."
    counted = ", ".join(f"{number} {state.value}" for state, number in seen.workers.items()) or "none"
    return f"Workers at its deadline: {counted}."
