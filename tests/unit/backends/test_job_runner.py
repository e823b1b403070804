"""The product's four methods, in the product's words, over a simulated backend."""

import base64
import inspect
import io
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from PIL import Image

import workflows
from backends.base import Backend, DeploymentRef, JobRef
from backends.errors import Unavailable
from backends.job_runner import NEGATIVE, JobRunner, RunPodJobRunner, base_images
from backends.runpod.adapter import RunpodBackend
from simulator.inprocess import InProcessTransport
from simulator.world import Failures, World
from tests import virtual
from tests.contract.stage import IN_PROCESS, KEY, Bench, Stage, simulation_of
from tests.simulation.runpod_stage import runpod_world
from workflows.errors import InvalidParameter

FLUX = workflows.load("flux-dev")


def small(given: Any) -> Any:
    """The product's base image, at a size that is painted at once."""
    graph = dict(base_images(FLUX, lambda: 77)(given))
    graph["latent"] = {**graph["latent"], "inputs": {"width": 256, "height": 256, "batch_size": 1}}
    return graph


def play(scenario: Callable[[JobRunner, Bench], Awaitable[Any]], world: World | None = None) -> Any:
    async def scene(clock: Any) -> Any:
        simulation = simulation_of(world or runpod_world(), clock)
        transport = InProcessTransport(simulation, clock)
        backend: Backend = RunpodBackend(
            jobs_url="https://api.runpod.ai/v2",
            rest_url="https://api.runpod.io/v2",
            key=KEY,
            clock=clock,
            image="i:1",
            transport=transport,
        )
        stage = Stage(simulation=simulation, clock=clock, urls=IN_PROCESS, transport=transport)
        bench = Bench(stage=stage, backend=backend, gpu="L40S")
        runner = JobRunner(backend=backend, deployment=await bench.deployed(), graphs={"base_image": small})
        try:
            return await scenario(runner, bench)
        finally:
            await backend.aclose()

    return virtual.run(scene)


async def followed(runner: JobRunner, bench: Bench, job: str) -> tuple[list[str], dict[str, Any]]:
    """Every status in turn, and the last reply."""
    seen: list[str] = []
    while True:
        reply = await runner.getJobStatus(job)
        if reply["status"] not in seen:
            seen.append(reply["status"])
        if reply["status"] in ("COMPLETED", "FAILED"):
            return seen, reply
        await bench.clock.sleep(1)


def test_a_base_image_goes_through_the_products_words_to_a_data_url() -> None:
    async def scenario(runner: JobRunner, bench: Bench) -> None:
        job = await runner.submitBaseImages(prompt="a red fox", nsfw=False, seed=5)
        seen, reply = await followed(runner, bench, job)
        assert seen == ["IN_QUEUE", "IN_PROGRESS", "COMPLETED"]
        assert set(reply) == {"status", "output"}
        assert (reply["output"]["status"], reply["output"]["count"]) == ("completed", 1)
        (url,) = reply["output"]["images"]
        with Image.open(io.BytesIO(base64.b64decode(url.removeprefix("data:image/png;base64,")))) as image:
            assert image.size == (256, 256)
        (true,) = bench.true_jobs()
        assert (true.asked.seed, true.asked.prompt) == (5, "a red fox")

    play(scenario)


@pytest.mark.parametrize(("nsfw", "extra"), [(False, ", nsfw, nude, naked"), (True, "")])
@pytest.mark.parametrize(("seed", "used"), [(None, 77), (-1, 77), (0, 0), (9, 9)])
def test_what_the_product_leaves_open_is_filled_in_as_it_does(
    nsfw: bool, extra: str, seed: int | None, used: int
) -> None:
    graph = base_images(FLUX, lambda: 77)({"prompt": "x", "nsfw": nsfw, "seed": seed})
    assert graph["negative"]["inputs"]["text"] == f"{NEGATIVE}{extra}"
    assert graph["sampler"]["inputs"]["seed"] == used


def test_a_drawn_seed_is_another_each_time_and_fits_the_workflow() -> None:
    graphs = [base_images(FLUX)({"prompt": "x", "nsfw": True, "seed": None}) for _ in range(5)]
    assert len({graph["sampler"]["inputs"]["seed"] for graph in graphs}) == 5


def test_a_bad_input_is_refused_before_anything_is_sent() -> None:
    async def scenario(runner: JobRunner, bench: Bench) -> None:
        with pytest.raises(InvalidParameter):
            await runner.submitBaseImages(prompt="", nsfw=False)
        assert bench.paid("submit") == 0

    play(scenario)


@pytest.mark.parametrize("fate", ["execution_error", "worker_lost", "result_missing"])
def test_a_job_that_fails_is_failed_with_the_reason(fate: str) -> None:
    async def scenario(runner: JobRunner, bench: Bench) -> None:
        job = await runner.submitBaseImages(prompt="a red fox", nsfw=False, seed=5)
        _, reply = await followed(runner, bench, job)
        assert reply["status"] == "FAILED"
        assert reply["error"]
        assert "output" not in reply

    play(scenario, runpod_world(failures=Failures(**{fate: 1.0})))


def test_cancelled_and_timed_out_jobs_are_failed_since_the_product_would_wait_for_ever() -> None:
    async def scenario(runner: JobRunner, bench: Bench) -> None:
        stopped = await runner.submitBaseImages(prompt="a red fox", nsfw=False, seed=5)
        await runner.backend.cancel(JobRef(deployment=runner.deployment, id=stopped))
        assert (await runner.getJobStatus(stopped))["status"] == "FAILED"
        runner.timeout_s = 5
        late = await runner.submitBaseImages(prompt="a red fox", nsfw=False, seed=6)
        assert (await followed(runner, bench, late))[1]["status"] == "FAILED"

    play(scenario)


def test_an_unknown_job_is_failed() -> None:
    async def scenario(runner: JobRunner, _bench: Bench) -> None:
        assert (await runner.getJobStatus("nobody"))["status"] == "FAILED"

    play(scenario)


def test_what_no_workflow_does_is_a_failed_job_that_says_so_and_costs_nothing() -> None:
    async def scenario(runner: JobRunner, bench: Bench) -> None:
        jobs = {
            "face_swap": await runner.submitFaceSwap(baseImageUrl="https://x/y.png", prompt="p", nsfw=False),
            "character_sheet": await runner.submitCharacterSheet(baseImageUrl="https://x/y.png", nsfw=False),
            "z_image": await runner.submitBaseImages(prompt="p", nsfw=False, useZImage=True),
        }
        assert len(set(jobs.values())) == 3
        for task, job in jobs.items():
            error = f"No workflow of this deployment does {task}."
            assert await runner.getJobStatus(job) == {"status": "FAILED", "error": error}
        assert bench.paid("submit") == 0

    play(scenario)


def test_a_task_with_a_workflow_of_its_own_is_sent_with_all_its_inputs() -> None:
    async def scenario(runner: JobRunner, bench: Bench) -> None:
        given: list[Any] = []

        def sheet(inputs: Any) -> Any:
            given.append(dict(inputs))
            return small({"prompt": "sheet", "nsfw": inputs["nsfw"], "seed": 1})

        runner.graphs = {"character_sheet": sheet, "face_swap": sheet}
        job = await runner.submitCharacterSheet(baseImageUrl="u", nsfw=True, angles=["left"])
        assert (await followed(runner, bench, job))[1]["status"] == "COMPLETED"
        await runner.submitFaceSwap(baseImageUrl="u", prompt="p", nsfw=False, seed=3)
        assert given == [
            {"baseImageUrl": "u", "nsfw": True, "angles": ["left"]},
            {"baseImageUrl": "u", "prompt": "p", "nsfw": False, "seed": 3},
        ]

    play(scenario)


def test_a_look_that_fails_is_an_error_and_no_failed_job() -> None:
    async def scenario(runner: JobRunner, bench: Bench) -> None:
        job = await runner.submitBaseImages(prompt="a red fox", nsfw=False, seed=5)
        bench.plan(("runpod_jobs", "status"), "unavailable", times=99)
        with pytest.raises(Unavailable):
            await runner.getJobStatus(job)
        bench.simulation.faults.planned.clear()
        assert (await followed(runner, bench, job))[1]["status"] == "COMPLETED"

    play(scenario)


def test_a_job_is_found_again_by_another_runner_of_the_same_deployment() -> None:
    async def scenario(runner: JobRunner, bench: Bench) -> None:
        job = await runner.submitBaseImages(prompt="a red fox", nsfw=False, seed=5)
        other = JobRunner(backend=runner.backend, deployment=runner.deployment, graphs={})
        assert (await followed(other, bench, job))[1]["status"] == "COMPLETED"

    play(scenario)


def test_it_has_exactly_the_products_methods_and_fields() -> None:
    methods = {name for name in vars(RunPodJobRunner) if not name.startswith("_")}
    assert methods == {"submitBaseImages", "submitFaceSwap", "submitCharacterSheet", "getJobStatus"}
    assert methods == {name for name, value in vars(JobRunner).items() if inspect.isfunction(value) and name[0] != "_"
                       and name != "new_key"}  # fmt: skip
    fields = {name: list(inspect.signature(getattr(JobRunner, name)).parameters)[1:] for name in methods}
    assert fields == {
        "submitBaseImages": ["prompt", "nsfw", "seed", "useZImage"],
        "submitFaceSwap": ["baseImageUrl", "prompt", "nsfw", "seed"],
        "submitCharacterSheet": ["baseImageUrl", "nsfw", "angles"],
        "getJobStatus": ["jobId"],
    }


def test_each_job_gets_a_key_of_its_own_that_is_ours() -> None:
    runner = JobRunner(backend=None, deployment=DeploymentRef(backend="b", id="i", key="k"), graphs={})
    keys = {runner.new_key() for _ in range(10)}
    assert len(keys) == 10
    assert all(key.startswith("bakeoff-") for key in keys)
    assert runner.timeout_s == 600
