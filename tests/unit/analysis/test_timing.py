"""Latency as far as it can be known, and whose failure a job was."""

import math
from typing import Any

import polars as pl
import pytest

from analysis import schema, timing
from tests.unit.analysis.samples import after, failed, job, jobs
from words import FAILURE_OF, STATUS_OF, FailureClass, Reason


def one(row: dict[str, Any]) -> dict[str, Any]:
    return timing.timed(jobs(row)).row(0, named=True)


def test_the_columns_are_those_of_the_schema() -> None:
    frame = timing.timed(jobs(job()))
    assert frame.schema == pl.Schema({**schema.JOBS, **schema.TIMED})
    assert timing.timed(jobs()).schema == frame.schema


def test_latency_is_what_the_provider_says_after_our_own_delay() -> None:
    row = one(job())
    assert row["latency_s"] == pytest.approx((0.01 + 0.05) / 2 + 1.0 + 9.0)
    assert row["latency_lo_s"] == row["latency_hi_s"] == row["latency_s"]
    assert (row["bracket_lo_s"], row["bracket_hi_s"], row["dispatch_s"]) == (9.5, 10.5, 0.01)
    assert (row["outcome"], row["counted"], row["corrected"]) == ("good", True, True)


@pytest.mark.parametrize(("execution_s", "latency_s"), [(30.0, 10.5), (2.0, 9.5)])
def test_what_the_provider_says_stays_inside_what_we_saw(execution_s: float, latency_s: float) -> None:
    assert one(job(execution_s=execution_s))["latency_s"] == latency_s


@pytest.mark.parametrize("missing", ["queue_s", "execution_s", "accepted_at"])
def test_without_the_providers_durations_the_bracket_is_the_answer(missing: str) -> None:
    row = one(job(**{missing: None}))
    assert (row["latency_lo_s"], row["latency_hi_s"], row["latency_s"]) == (9.5, 10.5, 10.5)
    assert row["corrected"] is False


def test_a_job_that_the_first_look_found_finished_took_at_least_until_it_was_accepted() -> None:
    row = one(job(queue_s=None, last_unfinished_at=None))
    assert (row["latency_lo_s"], row["latency_hi_s"]) == (0.05, 10.5)
    row = one(job(queue_s=None, last_unfinished_at=None, accepted_at=None))
    assert (row["latency_lo_s"], row["latency_hi_s"]) == (0.01, 10.5)
    row = one(job(last_unfinished_at=None))
    assert row["latency_s"] == pytest.approx(10.03)


def test_our_own_late_dispatch_is_part_of_the_latency() -> None:
    row = one(job(sent_at=after(3), accepted_at=after(3.05), last_unfinished_at=after(12), first_finished_at=after(14)))
    assert row["latency_s"] == pytest.approx(13.025)
    assert row["dispatch_s"] == 3


@pytest.mark.parametrize("reason", [Reason.WORKER_LOST, Reason.NO_CAPACITY, Reason.IMAGE_BROKEN])
def test_a_failure_took_for_ever(reason: Reason) -> None:
    row = one(failed(reason.value))
    assert row["latency_s"] == row["latency_lo_s"] == row["latency_hi_s"] == math.inf
    assert row["counted"] is True


def test_a_timeout_took_at_least_until_its_deadline() -> None:
    row = one(failed("execution_timeout", "timed_out", last_unfinished_at=after(580), first_finished_at=None))
    assert (row["latency_lo_s"], row["latency_hi_s"]) == (600, math.inf)


def test_a_lost_job_took_at_least_as_long_as_we_saw_it_unfinished() -> None:
    row = one(failed("vanished", "lost", last_unfinished_at=after(80), first_finished_at=after(90)))
    assert (row["latency_lo_s"], row["latency_hi_s"], row["counted"]) == (80, math.inf, True)
    row = one(failed("vanished", "lost", last_unfinished_at=None))
    assert row["latency_lo_s"] == 0.05


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_is_somebodys_and_counts_only_if_it_says_something_about_the_provider(reason: Reason) -> None:
    row = one(failed(reason.value, STATUS_OF[reason].value))
    assert row["outcome"] == FAILURE_OF[reason].value
    says = {FailureClass.PROVIDER, FailureClass.CAPACITY, FailureClass.QUALITY}
    assert row["counted"] is (FAILURE_OF[reason] in says)
    assert (row["latency_s"] is not None) is row["counted"]


@pytest.mark.parametrize("reason", [None, "a reason of a later version"])
def test_a_failure_for_no_known_reason_is_nobodys(reason: str | None) -> None:
    assert one(failed(reason))["outcome"] == "unknown"


@pytest.mark.parametrize(("good_image", "outcome"), [(None, "provider"), (False, "quality"), (True, "good")])
def test_a_success_is_good_only_with_a_good_image(good_image: bool | None, outcome: str) -> None:
    assert one(job(good_image=good_image))["outcome"] == outcome


@pytest.mark.parametrize("status", ["queued", "submitting", "submitted", "running"])
def test_a_job_that_has_not_ended_has_no_outcome_and_no_latency(status: str) -> None:
    row = one(job(status=status, good_image=None, queue_s=None, execution_s=None, first_finished_at=None))
    known = ("outcome", "latency_s", "latency_lo_s", "latency_hi_s")
    assert [row[name] for name in known] == [None] * 4
    assert row["counted"] is False


@pytest.mark.parametrize("kind", ["cold", "restored"])
def test_a_boot_is_as_stamped_else_from_the_workers_start_to_the_pick_up(kind: str) -> None:
    started = {"start_kind": kind, "queue_s": 20.0, "worker_started_at": after(8)}
    assert one(job(**started))["boot_s"] == pytest.approx(12.05)
    assert one(job(**started, boot_s=3.0))["boot_s"] == 3.0
    assert one(job(**started | {"worker_started_at": after(21)}))["boot_s"] is None  # its clock is off
    assert one(job(**started | {"worker_started_at": None}))["boot_s"] is None


@pytest.mark.parametrize("kind", ["warm", "unknown", None])
def test_only_a_job_that_caused_a_boot_has_one(kind: str | None) -> None:
    assert one(job(start_kind=kind, boot_s=3.0, worker_started_at=after(-60)))["boot_s"] is None


def test_what_was_left_out_is_judged_and_not_counted() -> None:
    row = one(job(left_out="cache_repeat"))
    assert (row["outcome"], row["counted"], row["latency_s"]) == ("good", False, None)
    assert row["latency_hi_s"] == pytest.approx(10.03)


def test_a_retry_counts_in_no_rate() -> None:
    row = one(job(retry_of=7))
    assert (row["outcome"], row["counted"], row["latency_s"]) == ("good", False, None)


def test_good_jobs_are_counted_first_attempts_alone() -> None:
    frame = timing.timed(jobs(job(), job(retry_of=1), failed("worker_lost"), job(status="running")))
    assert frame.filter(timing.good())["job_id"].to_list() == [1]


def test_rows_keep_their_order() -> None:
    rows = [job(start_s=s) for s in (50, 10, 30)]
    assert timing.timed(jobs(*rows))["job_id"].to_list() == [1, 2, 3]
