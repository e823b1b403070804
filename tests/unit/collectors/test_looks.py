"""When to look again: coarsely, finely around the predicted end, coarsely again when it stays away."""

from datetime import UTC, datetime, timedelta

import pytest

from collectors.looks import COARSE_S, FINE_S, LOOKS_PER_S, Expected, next_look_s
from storage.models import Job
from words import JobStatus, StartKind

AT = datetime(2026, 11, 2, 8, tzinfo=UTC)


def warm(execution_s: float | None, *, took_s: float = 12.0, **changes: object) -> Job:
    return Job(
        **{
            "status": JobStatus.SUCCEEDED,
            "start_kind": StartKind.WARM,
            "accepted_at": AT,
            "first_finished_at": AT + timedelta(seconds=took_s),
            "execution_us": None if execution_s is None else round(execution_s * 1e6),
            **changes,
        }
    )


@pytest.mark.parametrize(
    ("waited_s", "left_s", "gap_s"),
    [
        (0, 20, 2.0),  # far from the end
        (17, 3.0, 1.5),  # 1.5 s before the predicted end looks become fine: no further than that
        (18.4, 1.6, FINE_S),  # what is left until then is no more than a fine gap
        (20, 0, FINE_S),
        (21, -1.0, FINE_S),  # as overdue as a job may be
        (41, -21.5, 2.0),  # overdue by far: what it waits for is not what was predicted
        (31.5, -11.5, 1.0),
        (0, None, FINE_S),  # no prediction: grows with the wait
        (20, None, 1.0),
        (30, None, 1.5),
        (400, None, 2.0),
    ],
)
def test_looks_are_coarse_while_the_end_is_far_and_fine_around_it(
    waited_s: float, left_s: float | None, gap_s: float
) -> None:
    assert next_look_s(waited_s, left_s, spread_s=0.6) == pytest.approx(gap_s)


def test_a_job_that_ends_as_predicted_is_seen_within_a_fine_gap_and_with_few_looks() -> None:
    for tenths in range(20, 600):
        end_s, at_s, looks = tenths / 10, 0.0, 0
        while at_s < end_s:
            at_s += next_look_s(at_s, end_s - at_s, spread_s=0.04 * end_s)
            looks += 1
        assert at_s - end_s <= FINE_S
        assert looks <= 2 * end_s + 2


def test_many_jobs_of_one_deployment_share_what_its_provider_answers() -> None:
    alone, crowded = (next_look_s(9.0, 0.5, spread_s=1.0, looking=n) for n in (1, 1000))
    assert alone == FINE_S
    assert crowded == 1000 / LOOKS_PER_S
    assert next_look_s(0.0, 60.0, spread_s=1.0, looking=1000) >= 1000 / LOOKS_PER_S


def test_the_prediction_is_the_median_execution_of_warm_jobs_from_the_pick_up_on() -> None:
    expected = Expected()
    assert expected.end_of(AT) is None
    for execution_s in (8.0, 9.0, 30.0):
        expected.learn(warm(execution_s))
    assert expected.end_of(AT) == AT + timedelta(seconds=9)
    assert expected.end_of(None) is None
    assert expected.spread_s == pytest.approx(1.4826)


def test_without_the_providers_seconds_ours_from_acceptance_are_taken() -> None:
    expected = Expected()
    expected.learn(warm(None, took_s=11.0))
    assert expected.end_of(AT) == AT + timedelta(seconds=11)
    assert expected.spread_s == pytest.approx(0.44)  # one job shows no spread: the least is assumed


@pytest.mark.parametrize(
    "other",
    [
        {"start_kind": StartKind.COLD},
        {"start_kind": StartKind.RESTORED},
        {"status": JobStatus.FAILED},
        {"accepted_at": None},
    ],
)
def test_cold_failed_and_untimed_jobs_teach_nothing(other: dict[str, object]) -> None:
    expected = Expected()
    expected.learn(warm(None, **other))
    assert expected.end_of(AT) is None
    assert expected.spread_s == 0.0


def test_only_the_latest_jobs_are_remembered() -> None:
    expected = Expected()
    for execution_s in (100.0, *[10.0] * 9):
        expected.learn(warm(execution_s))
    assert expected.spread_s == pytest.approx(0.4)
    assert COARSE_S > FINE_S
