"""Each row of the definition of latency and of success, as a table: what happened to a job, and what it then is.

Latency = intended start -> result in hands, as [lo, hi]: succeeded [last not done, first done]; timed out, lost after
acknowledgement, cancelled in flight [elapsed, infinite]; provider, capacity and quality failures [infinite, infinite].
Success = good / (good + provider + capacity + quality), first attempts only.
"""

from typing import Any, NamedTuple

import pytest

from analysis import compare, timing
from tests.unit.analysis.samples import after, failed, job, jobs
from words import FAILURE_OF, STATUS_OF, FailureClass, JobStatus, Reason

INF = float("inf")
UNTOLD = {"queue_s": None, "execution_s": None}  # the provider gives no durations: only our looks
UNSEEN = {"first_finished_at": None}
UNSENT = dict.fromkeys(("sent_at", "accepted_at", "last_unfinished_at", "first_finished_at"))


class Case(NamedTuple):
    """A job's row, and what the definition makes of it."""

    said: str
    row: dict[str, Any]
    outcome: str
    low: float
    high: float
    counted: bool


def ended(reason: Reason, **said: Any) -> dict[str, Any]:
    return failed(reason.value, STATUS_OF[reason].value, **said)


CASES = [
    Case("succeeded: between the two looks", job(**UNTOLD), "good", 9.5, 10.5, True),
    Case("succeeded, durations told: that point, inside the looks", job(), "good", 10.03, 10.03, True),
    Case(
        "timed out while queued: capacity, at least until the deadline",
        ended(Reason.STUCK_IN_QUEUE, **UNSEEN), "capacity", 600, INF, True,
    ),
    Case(
        "timed out while running: provider, at least until the deadline",
        ended(Reason.EXECUTION_TIMEOUT, **UNSEEN), "provider", 600, INF, True,
    ),
    Case(
        "timed out by the provider before our deadline: as long as it was seen unfinished",
        ended(Reason.EXECUTION_TIMEOUT, last_unfinished_at=after(80), first_finished_at=after(82)),
        "provider", 80, INF, True,
    ),
    Case(
        "lost after acknowledgement: provider, at least as long as it was seen",
        ended(Reason.VANISHED, last_unfinished_at=after(70)), "provider", 70, INF, True,
    ),
    Case(
        "lost before acknowledgement: nobody can tell, in no rate",
        ended(Reason.FATE_UNKNOWN, accepted_at=None, last_unfinished_at=None, **UNSEEN), "unknown", 0, INF, False,
    ),
    Case("cancelled in flight: elapsed, in no rate", ended(Reason.STOPPED, **UNSEEN), "cancelled", 9.5, INF, False),
    Case("provider failure", ended(Reason.WORKER_LOST), "provider", INF, INF, True),
    Case("a crash loop is a provider failure", ended(Reason.CRASH_LOOP, **UNSEEN), "provider", INF, INF, True),
    Case("capacity failure", ended(Reason.NO_CAPACITY, **UNSENT), "capacity", INF, INF, True),
    Case("completed without an image: provider", job(good_image=None), "provider", INF, INF, True),
    Case("broken image: quality", ended(Reason.IMAGE_BROKEN), "quality", INF, INF, True),
    Case("a bad image of a success: quality", job(good_image=False), "quality", INF, INF, True),
    Case("invalid request: ours", ended(Reason.INVALID_REQUEST), "ours", INF, INF, False),
    Case("auth: ours", ended(Reason.AUTH_REFUSED, **UNSENT), "ours", INF, INF, False),
    Case("our crash: ours", ended(Reason.OUR_FAULT, **UNSEEN), "ours", 9.5, INF, False),
    Case("a retry enters no rate", job(retry_of=1), "good", 10.03, 10.03, False),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.said)
def test_each_row_of_the_definition(case: Case) -> None:
    row = timing.timed(jobs(case.row)).row(0, named=True)
    assert (row["outcome"], row["counted"]) == (case.outcome, case.counted)
    assert (row["latency_lo_s"], row["latency_hi_s"]) == (pytest.approx(case.low), pytest.approx(case.high))


@pytest.mark.parametrize("reason", list(Reason))
def test_no_failure_is_ever_quick(reason: Reason) -> None:
    """However early it came, its latency has no upper end; and only what stayed open has a lower one."""
    row = timing.timed(jobs(ended(reason, first_finished_at=after(0.2), last_unfinished_at=None))).row(0, named=True)
    assert row["latency_hi_s"] == INF
    still_open = STATUS_OF[reason] in (JobStatus.TIMED_OUT, JobStatus.LOST, JobStatus.CANCELLED)
    assert (row["latency_lo_s"] == INF) is not still_open


def test_success_is_good_over_good_provider_capacity_and_quality_of_first_attempts() -> None:
    rows = [case.row for case in CASES]
    (cell,) = compare.cells(jobs(*rows)).iter_rows(named=True)
    counted = [case for case in CASES if case.counted]
    assert (cell["n"], cell["good"]) == (len(counted), 2)
    assert cell["ours"] == sum(case.outcome == "ours" for case in CASES)
    assert cell["fate_unknown"] == sum(case.outcome == "unknown" for case in CASES)


def test_each_class_of_the_definition_has_its_reasons() -> None:
    of = {failure: {reason for reason in Reason if FAILURE_OF[reason] is failure} for failure in FailureClass}
    assert of[FailureClass.CAPACITY] == {Reason.NO_CAPACITY, Reason.STUCK_IN_QUEUE}
    assert of[FailureClass.QUALITY] == {Reason.IMAGE_BROKEN}
    assert {Reason.EXECUTION_TIMEOUT, Reason.VANISHED, Reason.RESULT_MISSING} < of[FailureClass.PROVIDER]
    assert {Reason.INVALID_REQUEST, Reason.AUTH_REFUSED, Reason.OUR_FAULT, Reason.NOT_SENT} < of[FailureClass.OURS]
    assert of[FailureClass.UNKNOWN] == {Reason.FATE_UNKNOWN, Reason.UNEXPECTED_REPLY}
