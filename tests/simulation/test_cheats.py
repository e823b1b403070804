"""Does the detector cry wolf, and does it see the wolf? Runs drawn from the worlds' own laws, provider by provider.

Then one whole bake-off in a world where Runpod and Vast.ai answer what they were asked before from a cache.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

import polars as pl
import pytest
from sqlmodel import Session, select

from analysis import cheats
from simulator.comfy import Asked
from simulator.engine import US, Engine
from simulator.laws import Laws
from simulator.pool import Capacity, Pool, SimJob
from simulator.world import SHIPPED
from storage.models import Image, Job
from tests.simulation.bakeoff import Bakeoff, bakeoff, plan
from tests.unit.analysis.samples import jobs
from tests.unit.simulator.stand import NOW_US, asked, world_with
from words import JobStatus, Reason
from workflows import load

RUNS, FEWER = 1000, 300
WARM, REPEATS = 10, 3
HONEST: dict[str, Any] = {}
PROVIDERS = ("modal", "runpod", "vast")
WORK = {"flux-dev": {}, "qwen-image-2512": {"width": 1328, "height": 1328, "steps": 50, "cfg": 4.0}}


def told(job: SimJob, run_id: int, provider: str, position: int) -> dict[str, Any]:
    """The job as its provider reports it."""
    work = load(job.asked.workflow).cost_shape(WORK[job.asked.model])._asdict()
    good = job.good
    reason = None if good else Reason.EXECUTION_ERROR if job.state == "failed" else Reason.IMAGE_BROKEN
    return work | {
        "job_id": 0,
        "run_id": run_id,
        "backend": provider,
        "gpu": job.worker.gpu if job.worker else None,
        "status": JobStatus.SUCCEEDED if good else JobStatus.FAILED,
        "reason": reason,
        "good_image": good,
        "start_kind": job.start_kind,
        "execution_s": ((job.done_us or 0) - (job.picked_us or 0)) / US,
        "left_out": cheats.CACHE_REPEAT if position > WARM else None,
        "simulated": True,
    }


def a_run(laws: Laws, gpu: str, model: str) -> Iterator[SimJob]:
    """A cold job, the warm ones, and the repeats of the first of these, back to back on one worker."""
    engine = Engine(NOW_US)
    pool = Pool(
        engine, laws, Capacity({gpu: 9}), name="d", gpu=gpu, max_workers=1, idle_us=10 * US, on_pick=lambda *_: None
    )
    for position, seed in enumerate([*range(WARM + 1), *[1] * REPEATS]):
        what: Asked = asked(seed, model=model, **WORK[model])
        job = SimJob(id=f"j{position}", asked=what, accepted_us=engine.now_us)
        pool.submit(job)
        while not job.final:
            engine.advance(engine.next_us() or 0)
        yield job


@cache
def drawn(runs: int, world: str, gpu: str, model: str, cheat: str = "", degree: float = 0.0) -> pl.DataFrame:
    """So many runs, a third on each provider, each with hosts and dice of its own, checked."""
    rows = []
    for run_id in range(runs):
        provider = PROVIDERS[run_id % 3]
        changes = {cheat: degree} if cheat else HONEST
        laws = Laws(world_with(world, provider, **changes), provider, run_id)
        rows += [told(job, run_id, provider, place) for place, job in enumerate(a_run(laws, gpu, model))]
    return cheats.checks(jobs(*rows))


def share(found: pl.Series) -> float:
    return int(found.fill_null(value=False).sum()) / found.len()


@pytest.mark.parametrize("world", ["default", "hostile"])
def test_of_a_thousand_honest_runs_fewer_than_one_in_a_hundred_are_called_cached(world: str) -> None:
    assert share(drawn(RUNS, world, "L40S", "flux-dev")["cached"]) < 0.01


@pytest.mark.parametrize("world", ["default", "hostile"])
def test_of_a_thousand_runs_on_a_cache_at_least_99_in_a_hundred_are_caught(world: str) -> None:
    assert share(drawn(RUNS, world, "L40S", "flux-dev", "cache_share", 1.0)["cached"]) >= 0.99


@pytest.mark.parametrize("model", sorted(WORK))
def test_honest_hosts_are_not_below_the_floor_and_half_the_work_is(model: str) -> None:
    assert share(drawn(FEWER, "default", "H100", model)["below_floor"]) < 0.01
    assert share(drawn(FEWER, "default", "H100", model, "work_share", 0.5)["below_floor"]) >= 0.99


def test_where_no_step_was_measured_half_the_work_goes_unseen_and_the_check_says_why() -> None:
    found = drawn(RUNS, "default", "L40S", "flux-dev")
    assert found["below_floor"].null_count() == RUNS
    assert set(found["floor_unknown"]) == {"no step of flux-dev was measured on L40S"}


# ---------------------------------------------------------------- a whole bake-off


@pytest.fixture(scope="module")
def cheated(tmp_path_factory: pytest.TempPathFactory) -> Bakeoff:
    folder = tmp_path_factory.mktemp("cheated")
    text = (SHIPPED / "default.toml").read_text(encoding="utf-8")
    for provider in ("runpod", "vast"):
        cheat = 'cache_share = 1.0\ngrounds.cache_share = "assumed: it wants to look fast"'
        text = text.replace(f"[{provider}]\n", f"[{provider}]\n{cheat}\n")
    (folder / "caching.toml").write_text(text, encoding="utf-8")
    return bakeoff(folder / "data", plan(warm=8, cold=2, repeats=3), world=str(folder / "caching.toml"))


def test_a_bakeoff_in_a_caching_world_ends_cached_and_its_cells_are_empty_of_it(cheated: Bakeoff) -> None:
    shown = cheated.document()
    assert [(mark["backend"], mark["mark"], mark["excludes"]) for mark in shown["marks"]] == [
        ("runpod", "cached", True),
        ("vast", "cached", True),
    ]
    assert {cell["backend"] for cell in shown["cells"]} == {"modal"}


def test_the_honest_side_of_that_bakeoff_is_measured_without_its_repeats(cheated: Bakeoff) -> None:
    found = {cell["start_kind"]: (cell["n"], cell["left_out"]) for cell in cheated.document()["cells"]}
    assert found == {"cold": (2, 0), "warm": (8, 3)}
    assert all(cell["n"] == cell["truth"]["n"] for cell in cheated.document()["cells"])


def test_repeats_ran_apart_and_the_same_picture_again_is_no_duplicate(cheated: Bakeoff) -> None:
    with cheated.reading() as session:
        rows = session.exec(select(Job).order_by(Job.deployment_id, Job.position)).all()  # type: ignore[arg-type]
        places = [(job.deployment_id, job.position) for job in rows if job.left_out == cheats.CACHE_REPEAT]
        assert len(places) == 3 * REPEATS
        assert not {(lane, place + 1) for lane, place in places} & set(places)
        assert _shown(session, "duplicate") == []


def _shown(session: Session, defect: str) -> list[int]:
    return [image.job_id for image in session.exec(select(Image).where(Image.defect == defect))]
