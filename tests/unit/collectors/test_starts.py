"""How a job started, decided beside the rows of its deployment."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session

from analysis.cold import COLD_IN_WARM, SNAPSHOT_BUILDING, WARM_IN_COLD
from collectors import starts
from storage.models import Deployment, Job, Run, Workflow
from storage.models import Prompt as PromptRow
from tests.unit.collectors.fakes import Desk, play
from words import JobStatus, LoadProfile, StartKind

DONE = JobStatus.SUCCEEDED


def decide(
    path: Path,
    backend: str,
    *jobs: Mapping[str, Any],
    ended: Mapping[str, Any] | None = None,
    evidence: Mapping[str, Any] | None = None,
    looked_s: Mapping[int, float] | None = None,
) -> dict[str, Any]:
    """What is decided of the last of the jobs, whose instants are seconds after the world began."""

    async def scenario(desk: Desk) -> dict[str, Any]:
        at = _instants(desk.clock.now())
        with Session(desk.engine) as session:
            rows = _rows(session, backend, jobs, at)
            values = {"status": DONE, "reason": None, "worker_id": "w1", "queue_us": None, "execution_us": None}
            values |= {"first_finished_at": at(10.2)} | (ended or {})
            looked = {rows[number].id: at(second) for number, second in (looked_s or {}).items()}
            return starts.decided(session, rows[-1], values, evidence or {}, looked=looked)

    return play(path, scenario)


def _instants(began: datetime) -> Callable[[float], datetime]:
    return lambda second: began + timedelta(seconds=second)


def _rows(
    session: Session, backend: str, jobs: tuple[Mapping[str, Any], ...], at: Callable[[float], datetime]
) -> list[Job]:
    session.add(Workflow(hash="h", name="flux-dev", title="", licence="", vram_gb=1, created_at=at(0)))
    session.add(PromptRow(id="p", stratum="", text=""))
    session.flush()
    run = Run(workflow_hash="h", gpu="L40S", cap_usd=Decimal(1), simulated=True, asked_at=at(0))
    session.add(run)
    session.flush()
    place = Deployment(run_id=run.id, key="k", backend=backend, gpu="L40S", idle_timeout_s=30, simulated=True)
    session.add(place)
    session.flush()
    rows = []
    for number, given in enumerate(jobs):
        plain = {"position": number, "profile": LoadProfile.SEQUENTIAL, "prompt_id": "p", "seed": number}
        values = {name: at(value) if name.endswith("_at") else value for name, value in given.items()}
        rows.append(Job(run_id=run.id, deployment_id=place.id, key=f"j{number}", **(plain | values)))
    session.add_all(rows)
    session.flush()
    return rows


def sent(second: float, **more: Any) -> dict[str, Any]:
    return {"sent_at": second, "accepted_at": second, "status": JobStatus.SUBMITTED} | more


def past(second: float, *, took_s: float = 5.0, worker: str = "w1", **more: Any) -> dict[str, Any]:
    over = {"status": DONE, "worker_id": worker, "queue_us": 0, "execution_us": round(took_s * 1e6)}
    return sent(second) | over | {"first_finished_at": second + took_s, "start_kind": StartKind.WARM} | more


AT_ONCE = {"queue_us": 0, "execution_us": 5_000_000}


def test_the_job_before_on_its_worker_is_found_among_many(tmp_path: Path) -> None:
    others = [past(-600 + 5 * number, took_s=4, worker="w2") for number in range(100)]
    found = decide(tmp_path, "runpod", past(-700), *others, past(-20), sent(0), ended=AT_ONCE)
    assert found["start_kind"] is StartKind.WARM
    assert found["evidence"]["decided_by"]["idle_before_s"] == [15.0, 15.0]
    assert found["evidence"]["worker_id"] == "w1"


@pytest.mark.parametrize(("looked_s", "kind"), [(None, StartKind.UNKNOWN), (9.0, StartKind.COLD)])
def test_what_was_last_seen_of_a_job_under_way_decides_for_the_one_beside_it(
    tmp_path: Path, looked_s: float | None, kind: StartKind
) -> None:
    looked = {} if looked_s is None else {0: looked_s}
    ended = {"queue_us": 5_000_000, "execution_us": 5_000_000}
    assert decide(tmp_path, "runpod", sent(-1), sent(0), ended=ended, looked_s=looked)["start_kind"] is kind


def test_jobs_that_were_never_sent_explain_no_wait(tmp_path: Path) -> None:
    ended = {"queue_us": 5_000_000, "execution_us": 5_000_000}
    assert decide(tmp_path, "runpod", {}, {}, sent(0), ended=ended)["start_kind"] is StartKind.COLD


SNAPSHOTS = {"call_index": 0, "snapshot_mode": "memory"}


@pytest.mark.parametrize(
    ("given", "status", "evidence", "left_out"),
    [
        ({}, DONE, {"call_index": 0}, COLD_IN_WARM),
        ({}, JobStatus.FAILED, {"call_index": 0}, None),
        ({}, DONE, {"call_index": 3}, None),
        ({"position": 0}, DONE, {"call_index": 0}, None),
        ({"left_out": "cache_repeat"}, DONE, {"call_index": 0}, "cache_repeat"),
        ({"left_out": "cache_repeat"}, JobStatus.FAILED, {"call_index": 0}, "cache_repeat"),
        ({"profile": LoadProfile.COLD_PROBE}, DONE, {"call_index": 3}, WARM_IN_COLD),
        ({"profile": LoadProfile.COLD_PROBE}, DONE, SNAPSHOTS, SNAPSHOT_BUILDING),
        ({}, DONE, SNAPSHOTS, SNAPSHOT_BUILDING),  # the first boots of a deployment are drawn again by nobody
    ],
)
def test_what_enters_no_cell_is_left_out_unless_it_failed(
    tmp_path: Path, given: dict[str, Any], status: JobStatus, evidence: dict[str, Any], left_out: str | None
) -> None:
    found = decide(tmp_path, "modal", sent(0, **{"position": 5} | given), ended={"status": status}, evidence=evidence)
    assert found["left_out"] == left_out


@pytest.mark.parametrize("restored", [False, True])
def test_the_first_boots_of_a_deployment_are_counted_over_all_its_jobs(tmp_path: Path, restored: bool) -> None:
    kind = StartKind.RESTORED if restored else StartKind.WARM
    before = [past(-9000 + 10 * n, worker=f"w{n + 5}", start_kind=StartKind.COLD) for n in range(2)]
    later = [past(-5000 + 10 * n, worker="w9", start_kind=kind) for n in range(30)]
    found = decide(tmp_path, "modal", *before, *later, sent(0), evidence=SNAPSHOTS)
    assert found["left_out"] == (COLD_IN_WARM if restored else SNAPSHOT_BUILDING)
