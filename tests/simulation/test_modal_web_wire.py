"""The simulated production endpoint, and our backend on it: what is deployed today, quirks included."""

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

import workflows
from backends.base import DeploymentSpec, JobRef, JobSpec
from backends.errors import InvalidRequest, RateLimited
from backends.modal_web import JOBS_A_DAY, ModalWebBackend, endpoint_urls, request_fields
from clock import Clock
from simulator.faults import Fault
from simulator.inprocess import InProcessTransport
from simulator.simulation import Simulation
from simulator.studio import InlineStudio
from simulator.world import World
from tests import virtual
from tests.simulation.modal_stage import quiet_world
from words import JobStatus, Reason

URLS = endpoint_urls("ryla")
FLUX, QWEN = URLS["flux-dev"], URLS["qwen-image-2512"]
SMALL = {"prompt": "a red fox", "seed": 7, "width": 256, "height": 256}


class Place:
    """The endpoint with a bare HTTP client and with our backend."""

    def __init__(self, clock: Clock, world: World) -> None:
        self.clock = clock
        self.simulation = Simulation(world, seed=3, studio=InlineStudio(), now=clock.now())
        self.transport = InProcessTransport(self.simulation, clock)
        self.http = httpx.AsyncClient(transport=self.transport, timeout=400)

    def backend(self, **changes: Any) -> ModalWebBackend:
        plain = {"urls": URLS, "clock": self.clock, "simulated": True, "transport": self.transport}
        return ModalWebBackend(**(plain | changes))

    def workers(self, app: str = "ryla-flux") -> list[Any]:
        found = self.simulation.modal.app_named(app)
        return found.pool.workers if found else []


def play(scenario: Callable[[Place], Awaitable[Any]], *, world: World | None = None) -> Any:
    async def on(clock: Clock) -> Any:
        return await scenario(Place(clock, world or quiet_world()))

    return virtual.run(on)


def spec(**changes: str) -> DeploymentSpec:
    plain = {"workflow": "flux-dev", "workflow_hash": "", "gpu": "L40S"}
    return DeploymentSpec(**(plain | changes), idle_timeout_s=300)


async def job(backend: ModalWebBackend, *, seed: int = 1, key: str = "k") -> JobRef:
    """A small flux-dev job through our backend."""
    graph = workflows.load("flux-dev").render(SMALL | {"seed": seed})
    return await backend.submit(await backend.deploy(spec(), "bakeoff-web"), JobSpec(graph=graph, timeout_s=600), key)


# ---------------------------------------------------------------- the wire


def test_an_answer_says_jpeg_sends_png_and_names_the_call() -> None:
    async def scenario(here: Place) -> None:
        answer = await here.http.post(FLUX, json=SMALL)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
        assert answer.content.startswith(b"\x89PNG")
        assert answer.headers["modal-function-call-id"].startswith("fc-")

    play(scenario)


def test_after_150_seconds_the_caller_is_sent_to_a_result_url_until_the_image_is_there() -> None:
    async def scenario(here: Place) -> None:
        before = here.clock.now()
        answer = await here.http.post(QWEN, json={"prompt": "a red fox", "seed": 1, "steps": 80})
        assert (answer.status_code, here.clock.now() - before) == (303, timedelta(seconds=150))
        there = answer.headers["location"]
        assert there == f"{QWEN}?__modal_function_call_id={answer.headers['modal-function-call-id']}"
        assert (await here.http.post(there)).status_code == 400
        result = await here.http.get(there)
        assert result.status_code == 200
        assert (await here.http.get(there)).content == result.content  # may be loaded again
        assert len(here.simulation.modal.calls) == 1

    play(scenario)


def test_an_unknown_result_is_408_and_an_unknown_path_404() -> None:
    async def scenario(here: Place) -> None:
        assert (await here.http.get(f"{FLUX}?__modal_function_call_id=fc-none")).status_code == 408
        assert (await here.http.post(FLUX.replace("flux-dev", "flux-nope"))).status_code == 404
        assert (await here.http.get(FLUX)).status_code == 405

    play(scenario)


def test_health_boots_the_gpu_and_starts_its_window() -> None:
    async def scenario(here: Place) -> None:
        url = FLUX.replace("/flux-dev", "/health")
        answer = await here.http.get(url)
        (worker,) = here.workers()
        assert answer.json() == {"status": "healthy", "app": "ryla-flux"}
        assert worker.state == "idle"
        await here.clock.sleep(299)
        await here.http.get(url)
        await here.clock.sleep(299)
        await here.http.get(url)
        assert len(here.workers()) == 1
        assert (await here.http.get(QWEN.replace("/qwen-image-2512", "/health"))).json()["app"] == "ryla-qwen-image"

    play(scenario)


@pytest.mark.parametrize(("requests", "containers"), [(5, 1), (6, 2)])
def test_one_container_takes_five_requests_before_a_second_starts(requests: int, containers: int) -> None:
    async def scenario(here: Place) -> int:
        async def ask(seed: int) -> None:
            await here.http.post(FLUX, json=SMALL | {"seed": seed})

        async with asyncio.TaskGroup() as group:
            for seed in range(requests):
                group.create_task(ask(seed))
        first = sorted((done.picked_us, done.done_us) for done in here.workers()[0].jobs)
        assert all(end <= start for (_, end), (start, _) in itertools.pairwise(first))  # one by one
        return len(here.workers())

    assert play(scenario) == containers


def test_fields_have_the_handlers_defaults_and_unknown_ones_are_ignored() -> None:
    async def scenario(here: Place) -> None:
        for url, fields in ((FLUX, {"prompt": "p", "num_inference_steps": 3}), (QWEN, {"aspect_ratio": "16:9"})):
            await here.http.post(url, json=fields)
        flux, qwen = [call.job.asked for call in here.simulation.modal.calls.values() if call.job]
        assert (flux.steps, flux.cfg, flux.seed, flux.width) == (20, 1.0, 42, 1024)
        assert (qwen.prompt, qwen.steps, qwen.cfg, qwen.width, qwen.height) == ("A beautiful woman", 50, 4.0, 1664, 928)

    play(scenario)


def test_flux_without_a_prompt_is_a_500_with_the_handlers_words() -> None:
    async def scenario(here: Place) -> None:
        answer = await here.http.post(FLUX, json={"seed": 1})
        assert (answer.status_code, answer.json()["type"]) == (500, "KeyError")
        assert {"error", "details", "type"} <= set(answer.json())

    play(scenario)


# ---------------------------------------------------------------- our backend on it


def test_a_long_job_is_followed_over_its_redirects_and_sent_once() -> None:
    async def scenario(here: Place) -> None:
        backend = here.backend()
        graph = workflows.load("qwen-image-2512").render({"prompt": "a red fox", "seed": 5, "steps": 80})
        ref = await backend.submit(
            await backend.deploy(spec(workflow="qwen-image-2512"), "b"), JobSpec(graph=graph, timeout_s=900), "k"
        )
        seen = await backend.poll(ref, 900)
        assert (seen.status, seen.evidence["hops"]) == (JobStatus.SUCCEEDED, 1)
        assert here.simulation.ledger.paid_calls == {"modal-web.submit": 1}

    play(scenario)


@pytest.mark.parametrize(
    ("kind", "reason", "sent"),
    [
        ("drop", Reason.FATE_UNKNOWN, 0),
        ("lost_reply", Reason.FATE_UNKNOWN, 1),
        ("hang_after", Reason.FATE_UNKNOWN, 1),
        ("rate_limited", Reason.UNREACHABLE, 0),
        ("garbage", Reason.RESULT_MISSING, 1),
        ("server_error", Reason.EXECUTION_ERROR, 0),
    ],
)
def test_whatever_becomes_of_the_request_it_is_sent_once(kind: str, reason: Reason, sent: int) -> None:
    async def scenario(here: Place) -> None:
        here.simulation.faults.planned.append(Fault(service="modal_web", call="POST", kind=kind))
        backend = here.backend()
        seen = await backend.poll(await job(backend), 900)
        assert (seen.status.final, seen.reason) == (True, reason)
        assert here.simulation.ledger.paid_calls.get("modal-web.submit", 0) == sent

    play(scenario)


@pytest.mark.parametrize(("times", "status"), [(2, JobStatus.SUCCEEDED), (3, JobStatus.LOST)])
def test_a_result_is_read_again_when_its_connection_breaks_but_not_for_ever(times: int, status: JobStatus) -> None:
    async def scenario(here: Place) -> JobStatus:
        backend = here.backend()
        here.simulation.faults.planned.append(Fault(service="modal_web", call="GET", kind="drop", times=times))
        ref = await backend.deploy(spec(workflow="qwen-image-2512"), "b")
        graph = workflows.load("qwen-image-2512").render({"prompt": "a red fox", "seed": 5, "steps": 80})
        return (await backend.poll(await backend.submit(ref, JobSpec(graph=graph, timeout_s=900), "k"), 900)).status

    assert play(scenario) is status


def test_a_redirect_to_somebody_else_is_not_followed() -> None:
    asked = []

    def elsewhere(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        return httpx.Response(303, headers={"location": "https://elsewhere.example/flux-dev"})

    async def scenario(here: Place) -> JobStatus:
        backend = here.backend(transport=httpx.MockTransport(elsewhere))
        return (await backend.poll(await job(backend), 900)).status

    assert play(scenario) is JobStatus.LOST
    assert asked == ["ryla--ryla-flux-comfyui-fastapi-app.modal.run"]


@pytest.mark.parametrize(("changes", "words"), [({"workflow": "sdxl"}, "sdxl"), ({"gpu": "H100"}, "L40S")])
def test_what_production_does_not_run_is_refused(changes: dict[str, str], words: str) -> None:
    async def scenario(here: Place) -> None:
        with pytest.raises(InvalidRequest, match=words):
            await here.backend().deploy(spec(**changes), "b")

    play(scenario)


def test_a_second_job_waits_for_the_first() -> None:
    async def scenario(here: Place) -> None:
        backend = here.backend()
        first = await job(backend)
        with pytest.raises(RateLimited):
            await job(backend, seed=2, key="k2")
        await backend.poll(first, 900)
        await job(backend, seed=2, key="k2")
        await backend.aclose()

    play(scenario)


def test_outside_simulated_worlds_it_says_whom_it_delays_and_asks_first() -> None:
    async def scenario(here: Place) -> None:
        with pytest.raises(InvalidRequest, match=r"customer.*--touch-production.*20 a day"):
            await job(here.backend(simulated=False))
        assert here.simulation.modal.calls == {}

    play(scenario)


def test_outside_simulated_worlds_it_stops_at_the_days_limit_and_starts_anew_the_next_day() -> None:
    async def scenario(here: Place) -> None:
        sent = [here.clock.now() - timedelta(hours=1)] * JOBS_A_DAY
        backend = here.backend(simulated=False, touch_production=True, earlier=sent)
        with pytest.raises(InvalidRequest, match="20 a day"):
            await job(backend)
        await here.clock.sleep(86_400)
        assert (await backend.poll(await job(backend), 900)).status is JobStatus.SUCCEEDED
        last = here.backend(simulated=False, touch_production=True, earlier=[here.clock.now()] * (JOBS_A_DAY - 1))
        await last.poll(await job(last), 900)
        with pytest.raises(InvalidRequest, match="20 a day"):
            await job(last, key="k2")

    play(scenario)


def test_a_job_of_an_earlier_process_has_vanished() -> None:
    async def scenario(here: Place) -> None:
        ref = await job(here.backend())
        assert (await here.backend().poll(ref)).reason is Reason.VANISHED

    play(scenario)


def test_the_fields_say_what_the_graph_says() -> None:
    graph = workflows.load("qwen-image-2512").render(
        {"prompt": "a fox", "seed": 9, "width": 512, "height": 768, "steps": 30}
    )
    fields = request_fields(graph)
    assert {name: fields[name] for name in ("prompt", "seed", "width", "height", "steps")} == {
        "prompt": "a fox",
        "seed": 9,
        "width": 512,
        "height": 768,
        "steps": 30,
    }
    assert fields["cfg"] == graph["sampler"]["inputs"]["cfg"]
    assert json.loads(json.dumps(fields)) == fields


def test_a_graph_without_a_sampler_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(InvalidRequest):
        request_fields({"1": {"class_type": "EmptyImage", "inputs": {}}})
