"""The decisions in a job's life, one by one."""

from datetime import UTC, datetime, timedelta

import pytest

from backends import errors
from backends.errors import BackendError
from collectors import decide
from words import STATUS_OF, JobStatus, Reason

LAST = datetime(2026, 11, 2, 9, tzinfo=UTC)
ALL_ERRORS = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, BackendError)]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (errors.AuthFailed("x"), Reason.AUTH_REFUSED),
        (errors.InvalidRequest("x"), Reason.INVALID_REQUEST),
        (errors.NoCapacity("x"), Reason.NO_CAPACITY),
        (errors.RateLimited("x"), Reason.UNREACHABLE),
        (errors.Unavailable("x"), Reason.UNREACHABLE),
        (errors.NotFound("x"), Reason.UNREACHABLE),
        (errors.Retired("x"), Reason.UNREACHABLE),
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


@pytest.mark.parametrize(
    ("waited_s", "expected_s", "gap_s"),
    [
        (0, 20, 2.0),  # far from the end
        (14, 20, 2.0),  # 17 s is where fine begins
        (15.5, 20, 1.5),  # no further than that
        (16.5, 20, 0.5),  # what is left is no more than a fine gap
        (17, 20, 0.5),
        (25, 20, 0.5),  # overdue
        (0, 0.4, 0.5),
        (0, None, 0.5),  # nothing known: grows with the wait
        (20, None, 1.0),
        (30, None, 1.5),
        (400, None, 2.0),
    ],
)
def test_polling_is_coarse_while_the_end_is_far_and_fine_around_it(
    waited_s: float, expected_s: float | None, gap_s: float
) -> None:
    assert decide.next_poll_s(waited_s, expected_s) == pytest.approx(gap_s)


def test_a_job_polled_as_told_is_never_looked_at_later_than_a_fine_gap_after_an_end_that_was_expected() -> None:
    for tenths in range(10, 600):
        waited_s, expected_s = 0.0, tenths / 10
        while waited_s < expected_s:
            waited_s += decide.next_poll_s(waited_s, expected_s)
        assert waited_s - expected_s <= decide.FINE_S


def test_a_deadline_blames_capacity_where_no_worker_ever_took_the_job() -> None:
    assert decide.reason_of_deadline(picked_up=False) is Reason.STUCK_IN_QUEUE
    assert decide.reason_of_deadline(picked_up=True) is Reason.EXECUTION_TIMEOUT
    assert STATUS_OF[decide.reason_of_deadline(picked_up=True)] is JobStatus.TIMED_OUT


@pytest.mark.parametrize("idle_s", [5, 60, 600])
def test_a_cold_probe_waits_well_past_the_idle_window(idle_s: float) -> None:
    waits_s = (decide.probe_at(LAST, idle_s) - LAST).total_seconds()
    assert waits_s == pytest.approx(idle_s * 1.2 + 3)
    assert decide.probe_at(LAST, idle_s) >= LAST + timedelta(seconds=idle_s + 3)
