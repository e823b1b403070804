"""The start kind of a job, from evidence alone."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from analysis.cold import (
    BUILDING,
    CLOCKS_APART_S,
    COLD_IN_WARM,
    LISTS_LATE_S,
    SNAPSHOT_BUILDING,
    STOOD_S,
    WARM_IN_COLD,
    WARM_UP,
    mismatch,
    start_kind,
    warm_up,
)
from analysis.waits import BOOT_S, UP_S, Case, Sample
from tests.unit.analysis.samples import AT
from words import JobStatus, LoadProfile, StartKind

COLD, RESTORED, WARM, UNKNOWN = StartKind.COLD, StartKind.RESTORED, StartKind.WARM, StartKind.UNKNOWN
WINDOW_S = 60.0


def at(seconds: float | None) -> datetime | None:
    return None if seconds is None else AT + timedelta(seconds=seconds)


def iso(seconds: float) -> str:
    return (AT + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def job(
    sent_s: float | None = 0.0,
    queue_s: float | None = 0.2,
    execution_s: float | None = 10.0,
    *,
    worker: str | None = "w1",
    round_trip_s: float = 0.0,
    **more: Any,
) -> Sample:
    """A job that succeeded, seen finished as it ended; seconds after AT."""
    done_s = None if None in (sent_s, queue_s, execution_s) else sent_s + queue_s + execution_s  # type: ignore[operator]
    given = {
        "status": JobStatus.SUCCEEDED,
        "worker_id": worker,
        "sent_at": at(sent_s),
        "accepted_at": None if sent_s is None else at(sent_s + round_trip_s),
        "last_unfinished_at": None if done_s is None else at(done_s - 0.5),
        "first_finished_at": None if done_s is None else at(done_s),
        "queue_s": queue_s,
        "execution_s": execution_s,
    }
    return Sample(**(given | more))


def kind(backend: str, sample: Sample, *others: Sample, window_s: float = WINDOW_S) -> StartKind:
    found, why = start_kind(backend, Case(job=sample, others=others, idle_window_s=window_s))
    assert why["rule"]
    return found


# ---------------------------------------------------------------- Modal: the container counts its calls


def call(index: int | None, *, stood_s: float = 0.0, queue_s: float | None = 15.0, **evidence: Any) -> Sample:
    """A call of a container that had been ready for `stood_s`, by its own clock, hours from ours."""
    stamps = {"call_index": index, "worker_ready_at": iso(-9000), "received_at": iso(-9000 + stood_s)}
    return job(queue_s=queue_s, first_finished_at=at(25), evidence=stamps | evidence)


@pytest.mark.parametrize(
    ("sample", "expected"),
    [
        (call(0), COLD),
        (call(1), WARM),
        (call(1, restored_at=(AT - timedelta(hours=2.5)).timestamp()), WARM),
        (call(0, restored_at=(AT - timedelta(seconds=9000)).timestamp()), RESTORED),
        (call(0, queue_s=0.1, stood_s=40), UNKNOWN),  # it stood ready, and had the model to load
        (call(0, queue_s=0.1, stood_s=0.1), UNKNOWN),
        (call(0, queue_s=0.2, stood_s=0.1), COLD),  # it waited for the last tenth of a second of a boot
        (call(0, queue_s=None), COLD),  # the call list was late
        (call(0, queue_s=None, stood_s=STOOD_S), UNKNOWN),
        (call(0, worker_ready_at=None), COLD),
    ],
)
def test_a_modal_container_knows_its_first_call_and_how_long_it_had_stood_ready(
    sample: Sample, expected: StartKind
) -> None:
    assert kind("modal", sample) is expected


def test_a_restored_container_had_stood_ready_since_its_restore_and_not_since_its_snapshot_was_taken() -> None:
    restored_at = (AT - timedelta(seconds=9000)).timestamp()
    frozen = {"worker_ready_at": iso(-90_000), "restored_at": restored_at}
    assert kind("modal", call(0, queue_s=3.0, stood_s=0.1, **frozen)) is RESTORED
    assert kind("modal", call(0, queue_s=3.0, stood_s=4.0, **frozen)) is UNKNOWN


def test_modals_ids_do_not_count_where_a_container_has_counted() -> None:
    sample, earlier = call(0), job(-30, 0, 5)
    assert kind("modal", sample, earlier) is COLD
    assert kind("modal", call(1), job(-30, 0, 5, worker="w0")) is WARM


OFF = job(-900, worker="w0", evidence={"snapshot_mode": "off"})


@pytest.mark.parametrize(
    ("queue_s", "others", "expected"),
    [
        (0.1, [job(-30, 0, 5)], WARM),
        (15.0, [OFF], COLD),
        (15.0, [], UNKNOWN),  # whether it takes snapshots is not known
        (15.0, [job(-900, worker="w0", evidence={"snapshot_mode": "memory"})], UNKNOWN),
        (15.0, [job(-900, worker="w0", evidence={"snapshot_mode": "off", "restored_at": 1.0})], UNKNOWN),
        (15.0, [job(-900, worker="w0", evidence={"snapshot_mode": ["off"]})], UNKNOWN),
        (0.1, [], UNKNOWN),
        (None, [OFF], UNKNOWN),
    ],
)
def test_a_modal_call_that_died_with_its_container_is_told_by_its_wait(
    queue_s: float | None, others: list[Sample], expected: StartKind
) -> None:
    assert kind("modal", job(queue_s=queue_s, execution_s=None), *others) is expected


# ---------------------------------------------------------------- Runpod: what a wait proves


@pytest.mark.parametrize(
    ("queue_s", "expected"),
    [(0.0, UNKNOWN), (UP_S - 0.01, UNKNOWN), (UP_S, UNKNOWN), (BOOT_S - 0.01, UNKNOWN), (BOOT_S, COLD), (20.0, COLD)],
)
def test_the_first_job_known_of_a_runpod_worker_is_cold_only_if_it_waited_for_a_boot(
    queue_s: float, expected: StartKind
) -> None:
    assert kind("runpod", job(queue_s=queue_s)) is expected


@pytest.mark.parametrize(
    ("queue_s", "expected"), [(0.0, WARM), (UP_S - 0.01, WARM), (UP_S, UNKNOWN), (BOOT_S, COLD), (40.0, COLD)]
)
def test_a_known_id_is_warm_if_it_took_the_job_at_once_and_cold_if_it_first_had_to_boot(
    queue_s: float, expected: StartKind
) -> None:
    assert kind("runpod", job(queue_s=queue_s), job(-30, 0.1, 10)) is expected


def test_waiting_behind_another_job_is_not_waiting_for_a_boot() -> None:
    before = job(-5, 0.1, 30)  # until 25.1
    assert kind("runpod", job(queue_s=25.1 + UP_S - 0.01), before) is WARM
    assert kind("runpod", job(queue_s=25.1 + BOOT_S + 0.01), before) is COLD  # it died, and its id came up again
    assert kind("runpod", job(queue_s=25.1), job(-5, 0.1, 30, worker="w0")) is COLD


def test_a_job_beside_or_after_it_on_the_same_worker_is_no_job_before_it() -> None:
    assert kind("runpod", job(queue_s=20), job(1, 29.5, 10)) is COLD
    assert kind("runpod", job(queue_s=0.1), job(1, 10, 10)) is UNKNOWN


@pytest.mark.parametrize("clock_s", [-2.0, 0.0, 2.0])
@pytest.mark.parametrize(
    ("gap_s", "started_s", "expected"),
    [
        (WINDOW_S, None, WARM),
        (WINDOW_S + BOOT_S, None, WARM),  # no other life can have come up since its window was over
        (WINDOW_S + BOOT_S + 0.1, None, UNKNOWN),
        (WINDOW_S + LISTS_LATE_S, -500, UNKNOWN),  # the list may still show the life before
        (WINDOW_S + LISTS_LATE_S + 0.1, -500, WARM),  # kept longer than its window
        (WINDOW_S + LISTS_LATE_S + 0.1, None, UNKNOWN),
        (50, -20, UNKNOWN),  # a new life within the window: the old one died
        (WINDOW_S + 100, -20, UNKNOWN),
    ],
)
def test_a_worker_that_was_up_is_warm_only_if_it_still_lived_the_life_of_an_earlier_job(
    gap_s: float, started_s: float | None, expected: StartKind, clock_s: float
) -> None:
    started = {} if started_s is None else {"worker_started_at": iso(started_s + clock_s)}
    sample = job(queue_s=0.2, evidence={"flashboot": "OFF"} | started)
    assert kind("runpod", sample, job(-gap_s - 10, 0, 10)) is expected


@pytest.mark.parametrize(("more_s", "expected"), [(-0.1, WARM), (0.1, UNKNOWN)])
def test_two_clocks_are_compared_with_all_that_they_may_be_apart(more_s: float, expected: StartKind) -> None:
    evidence = {"worker_started_at": iso(-30 + CLOCKS_APART_S + more_s)}
    assert kind("runpod", job(queue_s=0.2, evidence=evidence), job(-40, 0, 10)) is expected


def test_the_job_that_took_its_worker_down_leaves_no_life_behind() -> None:
    before = job(-20, 0, 10, status=JobStatus.FAILED, reason="worker_lost")
    assert kind("runpod", job(queue_s=0.2), before) is UNKNOWN
    assert kind("runpod", job(queue_s=20), before) is COLD


def test_with_flashboot_a_start_may_be_a_restore_that_nobody_tells_of() -> None:
    flash, before = {"flashboot": "FLASHBOOT"}, job(-WINDOW_S - 10, 0, 10)
    assert kind("runpod", job(queue_s=20, evidence=flash)) is UNKNOWN
    assert kind("runpod", job(queue_s=0.2, evidence=flash), before) is WARM
    assert kind("runpod", job(1, queue_s=0.2, evidence=flash), before) is UNKNOWN  # a restore takes half a second


OPEN = {"status": JobStatus.RUNNING, "first_finished_at": None, "queue_s": None, "execution_s": None}


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (job(-50, worker=None, last_unfinished_at=None, **OPEN), UNKNOWN),  # it may have been there, who knows how long
        (job(-50, worker="w0", last_unfinished_at=None, **OPEN), COLD),  # it is elsewhere
        (job(-50, worker=None, last_unfinished_at=at(20.1), **OPEN), COLD),  # not done when this one was picked up
        (job(-50, worker=None, last_unfinished_at=at(19.9), **OPEN), UNKNOWN),
        (job(21, worker=None, last_unfinished_at=None, **OPEN), COLD),  # not sent yet
        (job(None, worker=None, **OPEN | {"status": JobStatus.QUEUED}), COLD),
        (job(-50, None, None, worker=None, status=JobStatus.TIMED_OUT, deadline_at=at(-31)), COLD),  # cancelled by then
        (job(-50, None, None, worker=None, status=JobStatus.TIMED_OUT, deadline_at=at(-29)), UNKNOWN),
        (job(-50, None, None, worker=None, status=JobStatus.LOST), UNKNOWN),
        (job(-50, None, None, worker=None, status=JobStatus.FAILED, first_finished_at=at(-1)), COLD),
    ],
)
def test_a_long_wait_proves_a_boot_only_if_no_job_that_we_lost_sight_of_can_explain_it(
    other: Sample, expected: StartKind
) -> None:
    assert kind("runpod", job(queue_s=20), other) is expected


def test_a_job_seen_running_on_the_worker_just_before_explains_the_wait_though_its_end_was_not_seen() -> None:
    running = OPEN | {"worker": "w1"}
    assert kind("runpod", job(queue_s=20), job(-9, last_unfinished_at=at(19), **running)) is WARM
    assert kind("runpod", job(queue_s=20), job(-9, last_unfinished_at=at(10), **running)) is UNKNOWN
    assert kind("runpod", job(queue_s=20), job(-9, last_unfinished_at=at(30.1), **running)) is COLD  # it came after


def test_where_runpod_tells_no_wait_it_lies_between_our_looks() -> None:
    looked = {"last_unfinished_at": at(10.4), "first_finished_at": at(10.9)}
    assert kind("runpod", job(queue_s=None, **looked), job(-20, 0, 10)) is WARM
    assert kind("runpod", job(queue_s=None, **looked | {"first_finished_at": at(12)}), job(-20, 0, 10)) is UNKNOWN
    late = {"last_unfinished_at": at(30), "first_finished_at": at(31)}
    assert kind("runpod", job(queue_s=None, **late)) is COLD
    assert kind("runpod", job(queue_s=None, execution_s=None, **late)) is UNKNOWN


def test_a_retried_job_met_what_its_first_worker_was() -> None:
    retried = {"retries": 1, "first_worker_id": "w1", "first_queue_s": 0.3}
    sample = job(queue_s=None, worker="w2", last_unfinished_at=at(50), first_finished_at=at(60), evidence=retried)
    assert kind("runpod", sample, job(-20, 0, 10)) is WARM
    assert kind("runpod", sample, job(-20, 0, 10, worker="w2")) is UNKNOWN
    unseen = job(queue_s=None, worker="w2", first_finished_at=at(60), evidence={"retries": 1})
    assert kind("runpod", unseen, job(-20, 0, 10)) is UNKNOWN


@pytest.mark.parametrize("backend", ["runpod", "modal"])
@pytest.mark.parametrize("changes", [{"worker": None}, {"sent_s": None}])
def test_without_a_worker_or_the_instant_of_its_acceptance_nothing_is_told(
    backend: str, changes: dict[str, Any]
) -> None:
    given: dict[str, Any] = {"queue_s": 0.2} | changes
    assert kind(backend, job(**given), job(-20, 0, 10)) is UNKNOWN


def test_a_slow_answer_to_the_submission_widens_what_is_known_of_the_gap() -> None:
    before = job(-WINDOW_S - BOOT_S - 9, 0, 10)  # idle for 62 s when it was sent
    assert kind("runpod", job(queue_s=0.2), before) is WARM
    assert kind("runpod", job(queue_s=0.2, round_trip_s=1.5), before) is UNKNOWN


def test_a_start_that_belongs_to_an_earlier_life_is_no_start_of_a_cold_job() -> None:
    stale = {"worker_started_at": iso(-200), "flashboot": "OFF"}
    case = Case(job=job(queue_s=20, evidence=stale), others=[job(-120, 0, 10)], idle_window_s=WINDOW_S)
    found, why = start_kind("runpod", case)
    assert found is COLD
    assert (why["worker_started_at"], why["listed_start_of_an_earlier_life"]) == (None, iso(-200))
    fresh = Case(job=job(queue_s=20, evidence={"worker_started_at": iso(8)}), others=[job(-120, 0, 10)])
    assert "worker_started_at" not in start_kind("runpod", fresh)[1]


@pytest.mark.parametrize("listed", ["soon", "2026-11-23T11:00:00", None, 7])
def test_a_start_that_is_no_instant_is_no_evidence(listed: Any) -> None:
    assert kind("runpod", job(queue_s=0.2, evidence={"worker_started_at": listed}), job(-20, 0, 10)) is WARM


def test_the_facts_that_decided_are_kept_beside_the_rule() -> None:
    case = Case(job=job(queue_s=0.25), others=[job(-20, 0, 10)], idle_window_s=WINDOW_S)
    assert start_kind("runpod", case) == (
        WARM,
        {
            "rule": "its worker had just run another job, and its idle window left no time for a boot",
            "decided_by": {
                "waited_s": [0.25, 0.25],
                "idle_before_s": [10.0, 10.0],
                "idle_window_s": 60.0,
                "worker_known": True,
                "jobs_unseen": 0,
                "snapshots": False,
            },
        },
    )


# ---------------------------------------------------------------- Vast.ai: the first job of a rental


@pytest.mark.parametrize(
    ("cached", "others", "expected"),
    [
        (None, [], COLD),
        ([], [], COLD),
        (["4"], [], WARM),  # by a job whose end nobody saw
        (None, [job(-20, 0, 10)], WARM),
        ([], [job(-20, 0, 10)], WARM),
        (None, [job(0, 10.3, 10)], COLD),  # sent beside it, ran after it
        (None, [job(5, 5.3, 10)], COLD),
        (None, [job(-20, worker=None, last_unfinished_at=None, **OPEN)], UNKNOWN),
        ([], [job(-20, worker=None, last_unfinished_at=None, **OPEN)], COLD),
        (["4"], [job(-20, worker=None, last_unfinished_at=None, **OPEN)], WARM),
        (None, [job(-20, None, None, status=JobStatus.TIMED_OUT)], WARM),  # it was seen running there
        (None, [job(0, worker=None, last_unfinished_at=at(5), **OPEN)], COLD),  # open when this one ran already
        (None, [job(None, worker=None, **OPEN | {"status": JobStatus.QUEUED})], COLD),
    ],
)
def test_only_the_first_job_that_a_rental_runs_is_cold(cached: Any, others: list[Sample], expected: StartKind) -> None:
    evidence = {} if cached is None else {"cached_nodes": cached}
    assert kind("vast", job(evidence=evidence), *others) is expected


def test_a_job_of_a_rental_that_died_is_told_by_what_was_sent_before_it() -> None:
    died = {"status": JobStatus.LOST, "queue_s": None, "execution_s": None, "first_finished_at": at(9)}
    assert kind("vast", job(**died)) is COLD
    assert kind("vast", job(**died), job(-20, 0, 10)) is WARM
    assert kind("vast", job(worker=None, **died), job(-20, 0, 10)) is UNKNOWN


def test_a_job_that_ended_with_its_host_need_not_have_run_there() -> None:
    died = {"status": JobStatus.LOST, "queue_s": None, "execution_s": None, "first_finished_at": at(9)}
    cancelled = {"status": JobStatus.CANCELLED, "queue_s": 1.0, "execution_s": 0.0, "first_finished_at": at(-1)}
    assert kind("vast", job(**died), job(-1, **died)) is UNKNOWN
    assert kind("vast", job(evidence={"cached_nodes": []}), job(-5, **cancelled)) is COLD
    assert kind("vast", job(), job(-5, **cancelled)) is UNKNOWN


def test_a_backend_without_a_rule_is_never_guessed_at() -> None:
    assert kind("modal-web", call(0)) is UNKNOWN


# ---------------------------------------------------------------- what enters no cell


def label(backend: str, sample: Sample, *others: Sample) -> str | None:
    case = Case(job=sample, others=others, idle_window_s=WINDOW_S)
    return warm_up(backend, case, start_kind(backend, case)[0])


def booted(kind: StartKind = COLD) -> Sample:
    return job(-500, worker="w0", start_kind=kind)


ON = {"snapshot_mode": "memory"}


@pytest.mark.parametrize(
    ("sample", "others", "expected"),
    [
        (call(0, **ON), [], SNAPSHOT_BUILDING),
        (call(0, **ON), [booted()] * (BUILDING - 1), SNAPSHOT_BUILDING),
        (call(0, **ON), [booted()] * BUILDING, None),
        (call(0, **ON), [booted(WARM)] * BUILDING, SNAPSHOT_BUILDING),
        (call(0, **ON), [booted(RESTORED)], None),  # it is built
        (call(0, **ON, restored_at=(AT - timedelta(seconds=9000)).timestamp()), [], None),
        (call(1, **ON), [], None),
        (call(0, snapshot_mode="off"), [], None),
        (call(0), [], None),
    ],
)
def test_modals_first_boots_with_snapshots_on_build_the_snapshot(
    sample: Sample, others: list[Sample], expected: str | None
) -> None:
    assert label("modal", sample, *others) == expected


@pytest.mark.parametrize(
    ("sample", "others", "expected"),
    [
        (job(evidence={"cached_nodes": ["4"]}), [], WARM_UP),
        (job(queue_s=UP_S), [], WARM_UP),
        (job(queue_s=UP_S - 0.01, evidence={"cached_nodes": []}), [], None),
        (job(evidence={"cached_nodes": ["4"]}), [job(-20, 0, 10)], None),
        (job(queue_s=None, execution_s=None, first_finished_at=at(9)), [], None),
    ],
)
def test_a_rented_host_that_was_at_work_before_our_first_job_was_warming_up(
    sample: Sample, others: list[Sample], expected: str | None
) -> None:
    assert label("vast", sample, *others) == expected
    assert label("runpod", sample, *others) is None


@pytest.mark.parametrize(
    ("profile", "position", "kind", "expected"),
    [
        (LoadProfile.COLD_PROBE, 0, COLD, None),
        (LoadProfile.COLD_PROBE, 7, RESTORED, None),
        (LoadProfile.COLD_PROBE, 0, WARM, WARM_IN_COLD),
        (LoadProfile.COLD_PROBE, 7, WARM, WARM_IN_COLD),
        (LoadProfile.COLD_PROBE, 7, UNKNOWN, None),
        (LoadProfile.SEQUENTIAL, 0, COLD, None),  # by design
        (LoadProfile.SEQUENTIAL, 1, COLD, COLD_IN_WARM),
        (LoadProfile.SEQUENTIAL, 1, RESTORED, COLD_IN_WARM),
        (LoadProfile.SEQUENTIAL, 1, WARM, None),
        (LoadProfile.SEQUENTIAL, 1, UNKNOWN, None),
        *((profile, 3, COLD, None) for profile in LoadProfile if profile not in ("sequential",)),
        *((profile, 3, WARM, None) for profile in LoadProfile if profile not in ("cold_probe",)),
    ],
)
def test_a_start_is_wrong_only_in_a_series_that_asks_for_the_other(
    profile: LoadProfile, position: int, kind: StartKind, expected: str | None
) -> None:
    assert mismatch(profile, position, kind) == expected
