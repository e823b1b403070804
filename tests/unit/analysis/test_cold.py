"""The start kind of a job, from evidence alone."""

from datetime import timedelta
from typing import Any

import pytest

from analysis.cold import start_kind
from tests.unit.analysis.samples import AT
from words import StartKind

COLD, RESTORED, WARM, UNKNOWN = StartKind.COLD, StartKind.RESTORED, StartKind.WARM, StartKind.UNKNOWN


def kind(backend: str, evidence: dict[str, Any], *history: str, accepted: bool = True) -> StartKind:
    found, why = start_kind(backend, evidence, AT if accepted else None, history)
    assert why["rule"]
    return found


@pytest.mark.parametrize(
    ("evidence", "history", "expected"),
    [
        ({"call_index": 0, "restored_at": None, "worker_id": "ta-1"}, (), COLD),
        ({"call_index": 0, "restored_at": 1.0, "worker_id": "ta-1"}, (), RESTORED),
        ({"call_index": 1, "restored_at": None, "worker_id": "ta-1"}, (), WARM),
        ({"call_index": 1, "restored_at": 1.0, "worker_id": "ta-1"}, (), WARM),
        ({"call_index": 0, "worker_id": "ta-1"}, ("ta-1",), COLD),  # the container counts better than we do
        ({"call_index": None, "worker_id": "ta-1"}, ("ta-1",), WARM),
        ({"worker_id": "ta-2"}, ("ta-1",), COLD),
        ({"worker_id": None}, ("ta-1",), UNKNOWN),
        ({}, (), UNKNOWN),
    ],
)
def test_modal_containers_count_their_calls(evidence: dict, history: tuple, expected: StartKind) -> None:
    assert kind("modal", evidence, *history) is expected


def runpod(started_s: float | None = None, **evidence: Any) -> dict[str, Any]:
    at = None if started_s is None else (AT + timedelta(seconds=started_s)).isoformat().replace("+00:00", "Z")
    return {"worker_id": "w1", "flashboot": "OFF", "worker_started_at": at, **evidence}


@pytest.mark.parametrize(
    ("evidence", "history", "expected"),
    [
        (runpod(9), (), COLD),
        (runpod(9), ("w1",), COLD),  # the same id in a new life
        (runpod(-4.9), ("w1",), COLD),  # clocks differ
        (runpod(-5), ("w1",), WARM),
        (runpod(-60), ("w1",), WARM),
        (runpod(-60), ("w0",), COLD),  # started for a job that never ran
        (runpod(None), (), COLD),
        (runpod(None), ("w1",), UNKNOWN),
        (runpod(worker_started_at="soon"), ("w1",), UNKNOWN),
        (runpod(worker_started_at="2026-11-23T11:00:00"), ("w1",), UNKNOWN),  # no zone: not an instant
        (runpod(9, flashboot="FLASHBOOT"), (), UNKNOWN),
        (runpod(-60, flashboot="FLASHBOOT"), ("w1",), WARM),
        (runpod(9, worker_id=None), (), UNKNOWN),
        ({"worker_id": "w1"}, (), COLD),
    ],
)
def test_a_runpod_worker_is_warm_only_if_its_present_life_began_before(
    evidence: dict, history: tuple, expected: StartKind
) -> None:
    assert kind("runpod", evidence, *history) is expected


@pytest.mark.parametrize(("idle_for_s", "expected"), [(0.1, WARM), (0, UNKNOWN), (-3, UNKNOWN)])
def test_a_known_runpod_worker_that_is_listed_no_more_was_up_within_its_idle_window(
    idle_for_s: float, expected: StartKind
) -> None:
    evidence = runpod(None, worker_idle_until=(AT + timedelta(seconds=idle_for_s)).isoformat())

    assert kind("runpod", evidence, "w1") is expected
    assert kind("runpod", evidence, "w1", accepted=False) is UNKNOWN
    assert kind("runpod", evidence, "w0") is COLD
    assert kind("runpod", evidence | runpod(-4.9), "w1") is COLD  # where the present life began says more


def test_a_runpod_job_whose_acceptance_was_not_seen_is_not_called_warm() -> None:
    assert kind("runpod", runpod(-60), "w1", accepted=False) is UNKNOWN


@pytest.mark.parametrize(
    ("evidence", "history", "expected"),
    [
        ({"worker_id": "31"}, (), COLD),
        ({"worker_id": "31"}, ("31",), WARM),
        ({"worker_id": None}, ("31",), WARM),
        ({"worker_id": "31", "cached_nodes": ["4"]}, (), WARM),  # a job of unknown fate ran before
        ({"worker_id": "31", "cached_nodes": []}, (), COLD),
        ({}, (), UNKNOWN),
    ],
)
def test_only_the_first_job_of_a_vast_rental_is_cold(evidence: dict, history: tuple, expected: StartKind) -> None:
    assert kind("vast", evidence, *history) is expected


def test_a_backend_without_a_rule_is_never_guessed_at() -> None:
    assert kind("modal-web", {"worker_id": "x", "call_index": 0}) is UNKNOWN
