"""Two thousand jobs whose start is known, in a world made to fool whoever has to tell it."""

from collections import Counter
from pathlib import Path

import pytest
from sqlmodel import select

from analysis.cold import COLD_IN_WARM, SNAPSHOT_BUILDING
from clock import VirtualClock
from simulator.pool import SimJob
from simulator.simulation import Simulation
from storage.db import DataFolder
from storage.models import Deployment, Job
from tests.simulation.bakeoff import Bakeoff, plan
from tests.simulation.hard_world import HARD, PROVIDERS, Field, hard_world
from tests.simulation.pictures import PooledStudio
from tests.virtual import run
from words import JobStatus, LoadProfile, StartKind

COLD, RESTORED, WARM, UNKNOWN = (kind.value for kind in StartKind)


@pytest.fixture(scope="module")
def played() -> Field:
    async def scenario(clock: VirtualClock) -> Field:
        made = Field(clock, seed=1)
        await made.work()
        return made

    return run(scenario)


def took_place(simulation: Simulation) -> dict[str, SimJob]:
    """The jobs that a worker took, by the provider's id."""
    jobs = (job for rented in simulation.ledger.rented for job in rented.pool.jobs.values())
    return {job.id: job for job in jobs if job.picked_us is not None}


def true_kind(job: SimJob) -> str:
    """As the ledger has it. First on a worker that stood ready is neither cold nor warm: unknown is right of it."""
    return job.start_kind or UNKNOWN


def test_of_two_thousand_starts_99_in_100_are_told_right_none_wrong_and_the_rest_unknown(played: Field) -> None:
    true = took_place(played.simulation)
    told = [(true_kind(true[job.job_id]), job.kind.value) for job in played.judged if job.job_id in true]
    wrong = [
        (job, true[job.job_id]) for job in played.judged if job.job_id in true and _wrong(job.kind, true, job.job_id)
    ]
    assert wrong == []
    assert len(told) >= 2000
    assert sum(truth == kind for truth, kind in told) >= 0.99 * len(told)


def _wrong(kind: StartKind, true: dict[str, SimJob], job_id: str) -> bool:
    return kind.value not in (true_kind(true[job_id]), UNKNOWN)


def test_that_world_is_as_hard_as_it_is_meant_to_be(played: Field) -> None:
    """Each start and each thing that hides it is there in number, and the plain reading of ids is often wrong."""
    true = took_place(played.simulation)
    judged = [job for job in played.judged if job.job_id in true]
    kinds = Counter((job.backend, true_kind(true[job.job_id])) for job in judged)
    at_least = {("modal", COLD): 80, ("modal", RESTORED): 50, ("modal", WARM): 300, ("modal", UNKNOWN): 3}
    at_least |= {("runpod", COLD): 100, ("runpod", WARM): 300, ("runpod", UNKNOWN): 3}
    at_least |= {("vast", COLD): 10, ("vast", WARM): 400}
    assert {key: kinds[key] for key in at_least if kinds[key] < at_least[key]} == {}
    workers = [worker for rented in played.simulation.ledger.rented for worker in rented.pool.workers]
    assert max(abs(worker.draw.clock_us) for worker in workers) > 0.95e6 * HARD["clock_skew_s"]
    assert max(worker.draw.lag_us for worker in workers) > 0.95e6 * HARD["listing_lag_s"]
    known: set[tuple[str, str | None]] = set()
    misread = 0
    for job in judged:
        by_id = WARM if (job.backend, job.worker_id) in known else COLD
        misread += by_id != true_kind(true[job.job_id])
        known.add((job.backend, job.worker_id))
    assert misread > 0.05 * len(judged)


def test_each_verdict_names_the_facts_that_decided_it(played: Field) -> None:
    assert {job.backend for job in played.judged} == set(PROVIDERS)
    assert all(job.why["rule"] and job.why["decided_by"] for job in played.judged)


def test_the_collector_tells_the_same_world_right_and_leaves_out_what_no_cell_may_have(tmp_path: Path) -> None:
    made = Bakeoff(DataFolder(tmp_path), "hostile", seed=1)
    overlapping = {"profile": "concurrent", "n": 16, "k": 4}

    async def scenario(clock: VirtualClock) -> None:
        made.open(clock)
        made.simulation = Simulation(hard_world(), seed=made.seed, studio=PooledStudio(), now=clock.now())
        made.ask(clock, plan(warm=24, cold=5), plan(warm=0, cold=0, load=overlapping, max_workers=3))
        await made.collect(clock)

    run(scenario)
    true = took_place(made.simulation)
    with made.reading() as session:
        rows = session.exec(select(Job, Deployment.backend).join(Deployment)).all()
        ended = [(job, backend) for job, backend in rows if job.provider_job_id in true and job.start_kind]
    assert len(ended) > 100
    assert [job.key for job, _ in ended if _wrong(job.start_kind, true, job.provider_job_id)] == []
    unknown = sum(job.start_kind is StartKind.UNKNOWN for job, _ in ended)
    assert unknown <= 0.05 * len(ended)
    assert {(SNAPSHOT_BUILDING, "modal"), (COLD_IN_WARM, "runpod")} <= {(job.left_out, on) for job, on in ended}
    _left_out_is_right([job for job, _ in ended])


def _left_out_is_right(ended: list[Job]) -> None:
    """All that met a start their series is not for, none that failed; and each of them is drawn again."""
    started = (StartKind.COLD, StartKind.RESTORED)
    warm = [job for job in ended if job.profile is LoadProfile.SEQUENTIAL and job.status is JobStatus.SUCCEEDED]
    wrong = {job.id for job in warm if job.start_kind in started and job.left_out != SNAPSHOT_BUILDING}
    assert {job.id for job in ended if job.left_out == COLD_IN_WARM} == wrong
    assert wrong <= {job.redraw_of for job in ended}
    assert all(job.start_kind is StartKind.COLD for job in ended if job.left_out == SNAPSHOT_BUILDING)
    assert all(job.status is JobStatus.SUCCEEDED for job in ended if job.left_out)
