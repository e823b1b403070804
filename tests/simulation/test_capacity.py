"""No GPU, and workers that crash: what a whole bake-off makes of each, on every provider, in virtual time."""

from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from clock import VirtualClock
from simulator.simulation import Simulation
from simulator.world import World, load_world
from storage.db import DataFolder
from storage.models import Deployment, Job
from tests.simulation.bakeoff import STUDIO, Bakeoff, plan
from tests.virtual import run
from words import Reason

BACKENDS = ("modal", "runpod", "vast")


def changed(**own: Any) -> World:
    """The quiet world with that of every provider."""
    world = load_world("quiet")
    return world.model_copy(update={name: world.provider(name).model_copy(update=own) for name in BACKENDS})


def played(path: Path, world: World) -> Bakeoff:
    made = Bakeoff(DataFolder(path), "quiet", 1)

    async def scenario(clock: VirtualClock) -> None:
        made.open(clock)
        made.simulation = Simulation(world, seed=1, studio=STUDIO, now=clock.now())
        made.ask(clock, plan(warm=0, cold=1))
        await made.collect(clock)

    run(scenario)
    return made


def reasons(made: Bakeoff) -> dict[str, tuple[str | None, str | None]]:
    """Backend -> cause of its deployment, reason of its job."""
    with made.reading() as session:
        rows = session.exec(select(Deployment, Job).join(Job, Job.deployment_id == Deployment.id)).all()
        return {deployment.backend: (deployment.cause, job.reason) for deployment, job in rows}


def metric(made: Bakeoff, name: str) -> dict[str, tuple[int, int]]:
    rows = [row for row in made.document()["capacity"] if row["metric"] == name]
    return {row["backend"]: (row["hits"], row["n"]) for row in rows}


@pytest.fixture(scope="module")
def crashing(tmp_path_factory: pytest.TempPathFactory) -> Bakeoff:
    return played(tmp_path_factory.mktemp("crashing"), changed(crash_share=1.0))


def test_workers_that_crash_are_the_providers_failure_and_no_lack_of_capacity(crashing: Bakeoff) -> None:
    assert reasons(crashing) == {
        "modal": (None, Reason.CRASH_LOOP),
        "runpod": (None, Reason.CRASH_LOOP),
        "vast": (Reason.CRASH_LOOP, Reason.NOT_SENT),
    }
    assert metric(crashing, "jobs_without_capacity") == {"modal": (0, 1), "runpod": (0, 1)}
    assert metric(crashing, "orders_without_capacity") == {"modal": (0, 1), "runpod": (0, 1), "vast": (0, 1)}
    assert metric(crashing, "orders_ready")["vast"] == (0, 1)


def test_what_the_provider_showed_of_a_crash_is_on_the_job_and_an_example_leads_there(crashing: Bakeoff) -> None:
    said = {row["backend"]: row for row in crashing.document()["failures"]}
    assert "fail their health check" in said["runpod"]["said"]
    assert "before it answered" in said["modal"]["said"]
    assert {row["failure_class"] for name, row in said.items() if name != "vast"} == {"provider"}
    assert said["runpod"]["example_url"] == f"/job?id={said['runpod']['example_job']}"


def test_where_no_gpu_is_free_it_is_capacity_on_every_provider(tmp_path: Path) -> None:
    """Modal takes the call and places no container; Runpod's catalogue says NONE; Vast.ai offers nothing."""
    made = played(tmp_path, changed(capacity={"L40S": 0}))
    assert reasons(made) == {
        "modal": (None, Reason.STUCK_IN_QUEUE),
        "runpod": (Reason.NO_CAPACITY, Reason.NOT_SENT),
        "vast": (Reason.NO_CAPACITY, Reason.NOT_SENT),
    }
    assert metric(made, "jobs_without_capacity") == {"modal": (1, 1)}
    assert metric(made, "orders_without_capacity") == {"modal": (0, 1), "runpod": (1, 1), "vast": (1, 1)}


def test_a_gpu_that_is_gone_between_the_order_and_the_job_leaves_the_job_in_the_queue(tmp_path: Path) -> None:
    made = Bakeoff(DataFolder(tmp_path), "quiet", 1)

    async def scenario(clock: VirtualClock) -> None:
        made.open(clock)
        made.ask(clock, plan(warm=0, cold=1, backends=("runpod",)))
        await made.collect(clock, wrap=lambda backend: Robbed(backend, made.simulation))

    run(scenario)
    assert reasons(made) == {"runpod": (None, Reason.STUCK_IN_QUEUE)}
    (failure,) = made.document()["failures"]
    assert (failure["failure_class"], failure["said"]) == (
        "capacity",
        "At its deadline: 1 of its workers wait for capacity.",
    )


class Robbed:
    """The backend, but others take every GPU once the deployment is made."""

    def __init__(self, backend: Any, simulation: Simulation) -> None:
        self._backend, self._simulation = backend, simulation

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)

    async def deploy(self, *args: Any) -> Any:
        ref = await self._backend.deploy(*args)
        while self._simulation.runpod.capacity.take("L40S"):
            pass
        return ref
