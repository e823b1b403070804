"""The decisions in a job's life, one by one."""

import pytest

from backends import errors
from backends.base import Deployment
from backends.errors import BackendError
from collectors import decide
from words import STATUS_OF, DeploymentState, JobStatus, Reason, WorkerState

ALL_ERRORS = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, BackendError)]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (errors.AuthFailed("x"), Reason.AUTH_REFUSED),
        (errors.InvalidRequest("x"), Reason.INVALID_REQUEST),
        (errors.NoCapacity("x"), Reason.NO_CAPACITY),
        (errors.RateLimited("x"), Reason.UNREACHABLE),
        (errors.Unavailable("x"), Reason.UNREACHABLE),
        (errors.NotFound("x"), Reason.WORKER_LOST),
        (errors.NotYetGone("x"), Reason.WORKER_LOST),
        (errors.Retired("x"), Reason.INVALID_REQUEST),
        (errors.BackendError("x"), Reason.UNREACHABLE),
        (errors.FateUnknown("x"), Reason.FATE_UNKNOWN),
        (errors.UnexpectedReply("x"), Reason.FATE_UNKNOWN),
    ],
)
def test_a_refused_submission_has_its_reason(error: BackendError, reason: Reason) -> None:
    assert decide.reason_of_submit(error) is reason


def test_only_an_answer_that_is_missing_or_unreadable_leaves_the_fate_open() -> None:
    """Any other error proves that nothing was taken; a job called lost for it would be a sample thrown away."""
    open_fates = {kind for kind in ALL_ERRORS if decide.reason_of_submit(kind("x")) is Reason.FATE_UNKNOWN}
    assert open_fates == {errors.FateUnknown, errors.UnexpectedReply}
    assert all(STATUS_OF[decide.reason_of_submit(kind("x"))].final for kind in ALL_ERRORS)


def seen(state: DeploymentState = DeploymentState.READY, cause: Reason | None = None, **workers: int) -> Deployment:
    """A look that counts those workers; none given: the provider does not tell."""
    counted = {WorkerState(name): number for name, number in workers.items() if number}
    return Deployment(state=state, cause=cause, workers=counted if workers else None)


@pytest.mark.parametrize(
    ("look", "in_flight", "reason"),
    [
        (None, 1, Reason.STUCK_IN_QUEUE),  # the look failed
        (seen(), 1, Reason.STUCK_IN_QUEUE),  # the provider does not tell
        (seen(idle=0), 1, Reason.STUCK_IN_QUEUE),  # no worker at all
        (seen(throttled=2), 1, Reason.STUCK_IN_QUEUE),
        (seen(starting=1), 1, Reason.STUCK_IN_QUEUE),
        (seen(idle=1), 1, Reason.STUCK_IN_QUEUE),
        (seen(unhealthy=1), 1, Reason.CRASH_LOOP),
        (seen(unhealthy=1, starting=1, throttled=1), 1, Reason.CRASH_LOOP),
        (seen(unhealthy=1, idle=1), 1, Reason.STUCK_IN_QUEUE),  # a sound one could have taken it
        (seen(unhealthy=1, running=1), 2, Reason.STUCK_IN_QUEUE),
        (seen(running=1), 1, Reason.EXECUTION_TIMEOUT),  # its pick-up was never told
        (seen(running=2), 2, Reason.EXECUTION_TIMEOUT),
        (seen(running=1), 2, Reason.STUCK_IN_QUEUE),  # the worker is at another one
        (seen(idle=0), 0, Reason.STUCK_IN_QUEUE),
        (seen(DeploymentState.FAILED, Reason.WORKER_LOST, running=1), 1, Reason.WORKER_LOST),
        (seen(DeploymentState.STOPPED), 1, Reason.WORKER_LOST),
        (seen(DeploymentState.GONE), 1, Reason.VANISHED),
    ],
)
def test_a_deadline_in_a_queue_is_decided_by_the_workers_states(
    look: Deployment | None, in_flight: int, reason: Reason
) -> None:
    assert decide.reason_of_deadline(picked_up=False, seen=look, in_flight=in_flight) is reason


@pytest.mark.parametrize("look", [None, seen(unhealthy=1), seen(throttled=1), seen(DeploymentState.GONE)])
def test_a_job_that_a_worker_took_ran_out_of_time_whatever_its_workers_do_now(look: Deployment | None) -> None:
    reason = decide.reason_of_deadline(picked_up=True, seen=look, in_flight=1)
    assert (reason, STATUS_OF[reason]) == (Reason.EXECUTION_TIMEOUT, JobStatus.TIMED_OUT)


def test_what_the_look_at_a_deadline_showed_is_kept_in_a_sentence() -> None:
    assert decide.evidence_of_deadline(None) is None
    assert decide.evidence_of_deadline(seen(throttled=2)) == "Workers at its deadline: 2 throttled."
    assert decide.evidence_of_deadline(seen(idle=0)) == "Workers at its deadline: none."
    assert "did not tell" in (decide.evidence_of_deadline(seen()) or "")
    told = Deployment(state=DeploymentState.READY, reason="1 of its workers wait for capacity.", workers={})
    assert decide.evidence_of_deadline(told) == "At its deadline: 1 of its workers wait for capacity."


@pytest.mark.parametrize(
    ("look", "reason"),
    [
        (None, Reason.NEVER_READY),
        (seen(), Reason.NEVER_READY),
        (seen(starting=1), Reason.NEVER_READY),
        (seen(unhealthy=1), Reason.CRASH_LOOP),
    ],
)
def test_a_deployment_that_took_too_long_never_got_ready_unless_its_worker_crashes(
    look: Deployment | None, reason: Reason
) -> None:
    assert decide.reason_of_delay(look) is reason
