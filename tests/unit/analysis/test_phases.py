"""Every phase of a job has its seconds, or a reason."""

import pytest

from analysis.phases import NEVER_TOLD, PHASES, phases
from words import StartKind

ALL = dict.fromkeys(PHASES, 1.5)


def told(seconds: dict[str, float | None], **more: object) -> dict[str, tuple[float | None, str | None]]:
    given = {"backend": "runpod", "kind": StartKind.COLD, "ended": True, **more}
    return {phase.name: (phase.seconds, phase.absent) for phase in phases(seconds, **given)}  # type: ignore[arg-type]


def test_a_phase_that_is_known_has_no_reason_and_one_that_is_not_has_one() -> None:
    assert told(ALL) == dict.fromkeys(PHASES, (1.5, None))
    for seconds, absent in told({}).values():
        assert seconds is None
        assert absent


def test_zero_seconds_are_known() -> None:
    assert told({"queue": 0.0})["queue"] == (0.0, None)


@pytest.mark.parametrize("backend", NEVER_TOLD)
def test_a_warm_job_has_no_start(backend: str) -> None:
    found = told({}, backend=backend, kind=StartKind.WARM)
    assert {found[name][1] for name in ("pull", "boot", "load")} == {"it met ready capacity"}


def test_a_cold_job_says_what_its_backend_counts_elsewhere() -> None:
    assert "part of the queue" in str(told({})["pull"][1])
    assert "part of the execution" in str(told({})["load"][1])
    assert "time to get a GPU" in str(told({}, backend="vast")["pull"][1])
    assert told({}, backend="modal")["load"][1] == "the provider did not say it of this job"
    assert "production endpoint" in str(told({}, backend="modal-web", kind=None)["execution"][1])


def test_what_has_not_happened_yet_is_said_to_come() -> None:
    found = told({}, ended=False)
    assert found["dispatch"][1] == "it has not been sent yet"
    assert {absent for name, (_, absent) in found.items() if name != "dispatch"} == {"the job has not ended yet"}
    assert told({})["dispatch"][1] == "when it was sent is not known"


def test_a_result_found_by_looks_alone_has_no_fetch() -> None:
    assert "looks alone" in str(told({"execution": None})["fetch"][1])
