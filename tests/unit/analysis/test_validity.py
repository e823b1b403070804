"""Every mark with its limit, its sentence and what it keeps out."""

from typing import Any

import pytest

from analysis import schema, validity
from tests.unit.analysis.samples import after, failed, job, jobs
from tests.unit.analysis.test_cheats import FLUX, fresh, repeats
from words import Mark


def marked(*rows: dict[str, Any]) -> list[tuple[str, str, float, float]]:
    found = validity.marks(jobs(*rows))
    assert found.schema == schema.MARKS
    return found.select("mark", "reason", "value", "limit").rows()


def late(by_s: float, **said: Any) -> dict[str, Any]:
    """A job of 10 s that went out `by_s` late."""
    times = {"accepted_at": None, "first_finished_at": after(10), "queue_s": None}
    return job(sent_at=after(by_s), **times, **said)


def test_an_honest_run_has_no_mark() -> None:
    assert marked(*fresh(8.0, 9.0, 9.0, **FLUX), *repeats(9.0, 9.0, 8.0), failed("worker_lost")) == []


def test_no_jobs_have_no_marks() -> None:
    assert marked() == []


@pytest.mark.parametrize(("by_s", "busy"), [(0.1, False), (0.11, True)])
def test_a_host_is_too_busy_above_one_percent_of_the_median_latency(by_s: float, busy: bool) -> None:
    found = marked(*[late(0.0)] * 98, *[late(by_s)] * 2)
    assert [row[0] for row in found] == ["host_too_busy"] * busy
    assert marked(*[late(0.0)] * 99, late(by_s)) == []  # one in a hundred may be late


def test_a_busy_host_says_how_late_and_how_late_it_may_be() -> None:
    assert marked(late(0.25)) == [
        (
            Mark.HOST_TOO_BUSY,
            "Our jobs went out late: 99 % within 0.250 s, where 1 % of the median latency is 0.100 s.",
            0.25,
            0.1,
        )
    ]


def test_a_run_of_failures_alone_has_no_latency_to_be_late_against() -> None:
    assert marked(failed("worker_lost", sent_at=after(5))) == []


def test_a_cache_says_what_the_repeats_took() -> None:
    assert marked(*fresh(9.0), *repeats(0.1, 0.1, 0.1)) == [
        (
            Mark.CACHED,
            "3 repeats of one prompt and seed took 0.10 s (median), fresh ones 9.00 s: answers come from a cache.",
            0.1,
            4.5,
        )
    ]


def test_a_cached_sampling_says_of_how_many_jobs() -> None:
    assert marked(*fresh(9.0, 9.0, sampler_cached=True)) == [
        (Mark.CACHED, "ComfyUI had the sampling of 2 jobs with a fresh prompt or seed in its cache.", 2, 0)
    ]


def test_below_the_floor_says_what_the_steps_take() -> None:
    (typical,) = marked(*fresh(2.0, 2.0, **FLUX))
    assert typical == (
        Mark.BELOW_FLOOR,
        "2 jobs took 2.00 s (median), less than the 3.62 s that the steps alone take on H100: a cache, a smaller "
        "model or fewer steps.",
        2.0,
        pytest.approx(0.9 * 3.622),
    )
    ((mark, reason, value, limit),) = marked(*fresh(5.0, 5.0, 0.1, **FLUX))
    assert (mark, value, limit) == (Mark.BELOW_FLOOR, 1, 0)
    assert reason.startswith("1 of 3 jobs took less than half of the 3.62 s that the steps alone take on H100")


@pytest.mark.parametrize(
    ("row", "mark", "reason"),
    [
        (
            failed("image_broken", defect="duplicate"),
            Mark.IGNORED_SEED,
            "1 job gave the pixels of another prompt or seed; each counts as a failure.",
        ),
        (
            failed("image_broken", defect="wrong_size"),
            Mark.WRONG_SIZE,
            "1 job gave an image of another size than asked; each counts as a failure.",
        ),
        (
            failed("result_missing"),
            Mark.NO_OUTPUT,
            "1 job ended as completed without an image; each counts as a failure.",
        ),
    ],
)
def test_broken_output_is_marked_and_counted(row: dict[str, Any], mark: Mark, reason: str) -> None:
    assert marked(job(), row) == [(mark, reason, 1, 0)]


def test_more_than_one_in_fifty_of_our_own_failures_are_too_many() -> None:
    ours = failed("invalid_request")
    assert marked(*[job()] * 49, ours) == []
    assert marked(*[job()] * 48, ours) == [
        (Mark.TOO_MANY_OURS, "1 of 49 jobs failed by our own mistake, more than 2 %.", 1 / 49, 0.02)
    ]


def test_a_ceiling_leaves_a_valid_partial_run() -> None:
    unsent = [failed("budget_reached", status="cancelled", sent_at=None)] * 3
    rest = failed("not_sent", status="cancelled", sent_at=None)
    found = validity.marks(jobs(job(), *unsent, rest))
    assert found.select("mark", "reason", "excludes").rows() == [
        (Mark.PARTIAL, "A ceiling was reached: 3 of 5 jobs were not run.", False)
    ]


def test_a_saturated_lane_says_so() -> None:
    assert marked(job(), failed("saturated", status="cancelled")) == [
        (Mark.SATURATED, "More came in than it could carry: 1 of 2 jobs were not run.", 1, 0)
    ]


def test_marks_are_of_one_run_and_backend_in_the_order_of_the_words() -> None:
    rows = [
        failed("result_missing", run_id=1, backend="vast"),
        *fresh(9.0, run_id=2, backend="modal", sampler_cached=True),
        failed("image_broken", defect="duplicate", run_id=2, backend="modal"),
        *fresh(9.0, run_id=2, backend="runpod"),
    ]
    assert validity.marks(jobs(*rows)).select("run_id", "backend", "mark", "simulated").rows() == [
        (1, "vast", Mark.NO_OUTPUT, True),
        (2, "modal", Mark.CACHED, True),
        (2, "modal", Mark.IGNORED_SEED, True),
    ]


def test_what_spoils_times_or_shows_our_fault_keeps_a_run_out_of_verdicts() -> None:
    assert [mark for mark in Mark if mark.excludes] == [
        Mark.HOST_TOO_BUSY,
        Mark.CACHED,
        Mark.BELOW_FLOOR,
        Mark.TOO_MANY_OURS,
        Mark.UNEXPLAINED,
    ]


def test_what_was_not_tested_is_said() -> None:
    assert validity.untested(jobs(*fresh(9.0, gpu="L40S", model="flux-dev", width=1, height=1, steps=1))) == [
        (1, "runpod", "A cache was not tested for: no prompt was repeated."),
        (1, "runpod", "No physical floor is known: its workflow has changed."),
    ]
    assert validity.untested(jobs(*fresh(9.0, **FLUX | {"gpu": "L40S"}), *repeats(9.0, 9.0, 9.0))) == [
        (1, "runpod", "No physical floor is known: no step of flux-dev was measured on L40S.")
    ]
    assert validity.untested(jobs(*fresh(9.0, **FLUX), *repeats(9.0, 9.0, 9.0))) == []


def test_numbers_are_made_of_what_was_neither_left_out_nor_cached() -> None:
    rows = jobs(
        *fresh(9.0, 9.0, backend="modal"),
        *repeats(9.0, 9.0, 9.0, backend="modal"),
        *fresh(9.0, backend="vast"),
        *repeats(0.1, 0.1, 0.1, backend="vast"),
        *fresh(9.0, backend="vast", run_id=2),
    )
    assert validity.measured(rows)["job_id"].to_list() == [1, 2, 10]
