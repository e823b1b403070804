"""The production endpoint from outside: what is sent, where a redirect may lead, what each answer means."""

import asyncio
import contextlib
import hashlib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from backends.base import DeploymentRef, DeploymentSpec, JobSpec, Observation
from backends.errors import InvalidRequest, RateLimited
from backends.modal_web import ASK_FIRST, JOBS_A_DAY, MOST_HOPS, ModalWebBackend, endpoint_urls, request_fields
from clock import VirtualClock
from tests import virtual
from words import DeploymentState, JobStatus, Provider, Reason
from workflows import load

PNG = b"\x89PNG\r\n\x1a\n and a picture"
JPEG = b"\xff\xd8\xff and a picture"
URL = "https://ryla--ryla-flux-comfyui-fastapi-app.modal.run/flux-dev"
RESULT = "https://ryla--ryla-flux-comfyui-fastapi-app.modal.run/?__modal_function_call_id=fc-1"
PARAMS = {"prompt": "a fox", "seed": 7, "width": 512, "height": 256, "steps": 9}
Answer = httpx.Response | Exception


class Endpoint(httpx.AsyncBaseTransport):
    """Gives the answers in order, the last one for ever, and remembers what was asked."""

    def __init__(self, *answers: Answer) -> None:
        self.answers, self.asked = list(answers), []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append((request.method, str(request.url), request.content, request.extensions["timeout"]["read"]))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def spec(workflow: str = "flux-dev", gpu: str = "L40S") -> DeploymentSpec:
    return DeploymentSpec(workflow=workflow, workflow_hash="h", gpu=gpu, idle_timeout_s=10)


def job(**params: Any) -> JobSpec:
    return JobSpec(graph=load("flux-dev").render(PARAMS | params), timeout_s=600)


def play(scenario: Callable[[ModalWebBackend, VirtualClock], Awaitable[Any]], endpoint: Endpoint, **more: Any) -> Any:
    async def scene(clock: VirtualClock) -> Any:
        given = {"simulated": True} | {name: value(clock) if callable(value) else value for name, value in more.items()}
        backend = ModalWebBackend(urls=endpoint_urls("ryla"), clock=clock, transport=endpoint, **given)
        try:
            return await scenario(backend, clock)
        finally:
            await backend.aclose()

    return virtual.run(scene)


def answered(*answers: Answer) -> tuple[Observation, Endpoint]:
    """The end of one job, and what the endpoint was asked."""
    endpoint = Endpoint(*answers)

    async def scenario(backend: ModalWebBackend, _clock: VirtualClock) -> Observation:
        ref = await backend.submit(await backend.deploy(spec(), "k"), job(), "k-1")
        return await backend.poll(ref, 600)

    return play(scenario, endpoint), endpoint


def test_each_workflow_has_its_endpoint_in_the_workspaces_domain_or_below_a_given_address() -> None:
    qwen = "https://x--ryla-qwen-image-comfyui-fastapi-app.modal.run"
    assert endpoint_urls("x") == {
        "flux-dev": "https://x--ryla-flux-comfyui-fastapi-app.modal.run/flux-dev",
        "qwen-image-2512": f"{qwen}/qwen-image-2512",
        "qwen-image-2512-fast": f"{qwen}/qwen-image-2512-fast",
    }
    assert endpoint_urls("x", "http://127.0.0.1:9")["flux-dev"] == "http://127.0.0.1:9/flux-dev"


def test_the_endpoints_fields_are_read_from_the_graph() -> None:
    fields = request_fields(load("flux-dev").render(PARAMS | {"negative": "", "cfg": 1.5}))
    assert fields == PARAMS | {"negative_prompt": "", "cfg": 1.5}


@pytest.mark.parametrize("breakage", ["no sampler", "two samplers", "no latent", "no prompt"])
def test_a_graph_that_does_not_say_what_the_endpoint_needs_is_refused(breakage: str) -> None:
    graph = load("flux-dev").render(PARAMS)
    (name,) = (name for name, node in graph.items() if node["class_type"] == "KSampler")
    inputs = graph[name]["inputs"]
    if breakage == "no sampler":
        del graph[name]
    elif breakage == "two samplers":
        graph["another"] = graph[name]
    elif breakage == "no latent":
        del graph[inputs["latent_image"][0]]
    else:
        del graph[inputs["positive"][0]]["inputs"]["text"]
    with pytest.raises(InvalidRequest, match="does not say what the endpoint needs"):
        request_fields(graph)


def test_a_picture_is_a_success_that_keeps_a_digest_and_what_was_seen_from_outside() -> None:
    headers = {"modal-function-call-id": "fc-9", "content-type": "image/jpeg"}
    seen, endpoint = answered(httpx.Response(200, content=PNG, headers=headers))
    assert (seen.status, seen.images, seen.reason) == (JobStatus.SUCCEEDED, (PNG,), None)
    assert seen.raw["image"] == {"sha256": hashlib.sha256(PNG).hexdigest(), "bytes": len(PNG)}
    assert (seen.raw["status"], seen.raw["headers"]["content-type"]) == (200, "image/jpeg")
    assert seen.evidence == {"function_call_id": "fc-9", "hops": 0, "sent_at": virtual.EPOCH.isoformat()}
    ((method, url, content, read_s),) = endpoint.asked
    assert (method, url, read_s) == ("POST", URL, 170.0)
    assert b'"prompt":"a fox"' in content


def test_a_redirect_is_followed_by_reading_and_never_by_sending_again() -> None:
    there = httpx.Response(303, headers={"location": RESULT})
    seen, endpoint = answered(there, there, httpx.Response(200, content=JPEG))
    assert (seen.status, seen.evidence["hops"], seen.evidence["function_call_id"]) == (JobStatus.SUCCEEDED, 2, None)
    assert [each[:2] for each in endpoint.asked] == [("POST", URL), ("GET", RESULT), ("GET", RESULT)]
    assert {each[3] for each in endpoint.asked} == {170.0}


@pytest.mark.parametrize(
    "location", ["https://elsewhere.example/x", "http://ryla--ryla-flux-comfyui-fastapi-app.modal.run/x", "/x", None]
)
def test_a_redirect_to_somebody_else_is_not_followed(location: str | None) -> None:
    seen, endpoint = answered(httpx.Response(303, headers={"location": location} if location else {}))
    assert (seen.status, seen.reason, seen.evidence["hops"]) == (JobStatus.LOST, Reason.FATE_UNKNOWN, 1)
    assert f"({location or ''})" in (seen.error or "")
    assert len(endpoint.asked) == 1


def test_redirects_without_end_are_given_up() -> None:
    seen, endpoint = answered(httpx.Response(303, headers={"location": RESULT}))
    assert (seen.reason, seen.evidence["hops"]) == (Reason.FATE_UNKNOWN, MOST_HOPS + 1)
    assert len(endpoint.asked) == MOST_HOPS + 1


def test_a_result_is_read_three_times_a_second_apart_and_then_its_fate_is_unknown() -> None:
    endpoint = Endpoint(httpx.Response(303, headers={"location": RESULT}), httpx.ReadError("reset"))

    async def scenario(backend: ModalWebBackend, clock: VirtualClock) -> tuple[Observation, timedelta]:
        ref = await backend.submit(await backend.deploy(spec(), "k"), job(), "k-1")
        return await backend.poll(ref, 600), clock.now() - virtual.EPOCH

    seen, took = play(scenario, endpoint)
    assert (seen.reason, len(endpoint.asked), took) == (Reason.FATE_UNKNOWN, 4, timedelta(seconds=3))
    assert RESULT in (seen.error or "")


def test_a_result_that_can_be_read_the_third_time_is_one() -> None:
    broken, there = httpx.ReadError("reset"), httpx.Response(303, headers={"location": RESULT})
    seen, _ = answered(there, broken, broken, httpx.Response(200, content=PNG))
    assert seen.status is JobStatus.SUCCEEDED


@pytest.mark.parametrize(
    ("error", "reason"),
    [(httpx.ReadError("reset"), Reason.FATE_UNKNOWN), (httpx.ConnectError("refused"), Reason.UNREACHABLE)],
)
def test_a_request_that_broke_is_never_sent_again(error: Exception, reason: Reason) -> None:
    seen, endpoint = answered(error)
    assert (seen.reason, len(endpoint.asked)) == (reason, 1)
    assert seen.evidence["hops"] == 0
    assert seen.error


@pytest.mark.parametrize(
    ("status", "text", "reason"),
    [
        (429, "busy", Reason.UNREACHABLE),
        (408, "modal-http: bad request: missing request", Reason.VANISHED),
        (400, "no prompt", Reason.INVALID_REQUEST),
        (499, "", Reason.UNEXPECTED_REPLY),
        (500, "modal-http: internal error: function was terminated by signal", Reason.WORKER_LOST),
        (500, "torch.cuda.OutOfMemoryError", Reason.OUT_OF_MEMORY),
        (500, '{"error": "x", "details": "..", "type": "KeyError"}', Reason.EXECUTION_ERROR),
        (500, "", Reason.UNEXPECTED_REPLY),
        (503, "anything", Reason.UNEXPECTED_REPLY),
    ],
)
def test_each_refusal_has_its_reason_and_is_kept(status: int, text: str, reason: Reason) -> None:
    seen, _ = answered(httpx.Response(status, text=text))
    assert (seen.reason, seen.error) == (reason, text or str(status))
    assert (seen.raw["status"], seen.raw["text"]) == (status, text)
    assert seen.evidence["sent_at"]


def test_a_long_complaint_is_cut() -> None:
    seen, _ = answered(httpx.Response(500, text="x" * 3000))
    assert (len(seen.error or ""), len(seen.raw["text"])) == (2000, 2000)


def test_an_answer_that_is_no_image_is_a_missing_result() -> None:
    seen, _ = answered(httpx.Response(200, text="<html>"))
    assert (seen.status, seen.reason) == (JobStatus.FAILED, Reason.RESULT_MISSING)
    assert (seen.error, seen.raw["status"]) == ("The answer is no image.", 200)


def test_one_job_at_a_time_and_the_next_when_it_is_over() -> None:
    slow = Slow(10)

    async def scenario(backend: ModalWebBackend, clock: VirtualClock) -> list[JobStatus]:
        ref = await backend.deploy(spec(), "k")
        first = await backend.submit(ref, job(), "k-1")
        with pytest.raises(RateLimited, match="one job of ours at a time"):
            await backend.submit(ref, job(), "k-2")
        statuses = [(await backend.poll(first, 4)).status]
        assert clock.now() == virtual.EPOCH + timedelta(seconds=4)
        statuses.append((await backend.poll(first, 60)).status)
        await backend.submit(ref, job(), "k-2")
        return statuses

    assert play(scenario, slow) == [JobStatus.SUBMITTED, JobStatus.SUCCEEDED]


def test_a_job_that_we_stop_waiting_for_is_stopped_and_one_of_another_process_cannot_be_read() -> None:
    async def scenario(backend: ModalWebBackend, _clock: VirtualClock) -> tuple[Observation, Observation]:
        ref = await backend.submit(await backend.deploy(spec(), "k"), job(), "k-1")
        await backend.cancel(ref)
        other = type(ref)(deployment=ref.deployment, id="another")
        await backend.cancel(other)
        return await backend.poll(ref), await backend.poll(other)

    stopped, unknown = play(scenario, Slow(10))
    assert (stopped.status, stopped.reason) == (JobStatus.CANCELLED, Reason.STOPPED)
    assert (unknown.status, unknown.reason, unknown.evidence) == (JobStatus.LOST, Reason.VANISHED, {})
    assert "finishes it" in (stopped.error or "")
    assert "another process" in (unknown.error or "")


class Slow(Endpoint):
    """Answers with a picture after so many seconds."""

    def __init__(self, after_s: float) -> None:
        super().__init__(httpx.Response(200, content=PNG))
        self.after_s = after_s

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(self.after_s)
        return await super().handle_async_request(request)


def test_production_is_touched_only_with_permission() -> None:
    endpoint = Endpoint(httpx.Response(200, content=PNG))

    async def scenario(backend: ModalWebBackend, _clock: VirtualClock) -> None:
        with pytest.raises(InvalidRequest) as refused:
            await backend.deploy(spec(), "k")
        assert str(refused.value) == ASK_FIRST
        with pytest.raises(InvalidRequest):
            await backend.submit(DeploymentRef(backend="modal-web", id="flux-dev", key="k"), job(), "k-1")

    play(scenario, endpoint, simulated=False)
    assert not endpoint.asked


def earlier(count: int, age: timedelta) -> Callable[[VirtualClock], list[Any]]:
    return lambda clock: [clock.now() - age] * count


@pytest.mark.parametrize(
    ("sent", "simulated", "allowed"),
    [
        (earlier(JOBS_A_DAY - 1, timedelta(hours=1)), False, True),
        (earlier(JOBS_A_DAY, timedelta(hours=1)), False, False),
        (earlier(JOBS_A_DAY, timedelta(hours=9)), False, True),  # the clock starts at 8: yesterday's
        (earlier(JOBS_A_DAY, timedelta(hours=1)), True, True),
    ],
)
def test_production_gets_so_many_jobs_of_a_day_and_no_more(sent: Any, simulated: bool, allowed: bool) -> None:
    async def scenario(backend: ModalWebBackend, _clock: VirtualClock) -> None:
        refused = pytest.raises(InvalidRequest, match=f"{JOBS_A_DAY} a day is the limit")
        with contextlib.nullcontext() if allowed else refused:
            await backend.deploy(spec(), "k")

    play(scenario, Endpoint(), earlier=sent, simulated=simulated, touch_production=True)


def test_a_job_of_this_process_counts_as_well() -> None:
    async def scenario(backend: ModalWebBackend, _clock: VirtualClock) -> None:
        ref = await backend.deploy(spec(), "k")
        await backend.poll(await backend.submit(ref, job(), "k-1"), 60)
        with pytest.raises(InvalidRequest, match="20 jobs went to production today"):
            await backend.submit(ref, job(), "k-2")

    endpoint = Endpoint(httpx.Response(200, content=PNG))
    sent = earlier(JOBS_A_DAY - 1, timedelta(hours=1))
    play(scenario, endpoint, earlier=sent, simulated=False, touch_production=True)
    assert len(endpoint.asked) == 1


def test_nothing_is_deployed_and_nothing_is_ours() -> None:
    endpoint = Endpoint(httpx.Response(200, content=PNG))

    async def scenario(backend: ModalWebBackend, clock: VirtualClock) -> None:
        ref = await backend.deploy(spec(), "k")
        seen = await backend.observe(ref)
        assert (ref.id, ref.key, ref.backend) == ("flux-dev", "k", "modal-web")
        assert (seen.state, seen.usd_per_s) == (DeploymentState.READY, Decimal("0.000542"))
        await backend.teardown(ref)
        assert await backend.live("") == []
        assert await backend.charges(clock.now(), clock.now()) == []
        for wrong in (spec("sdxl"), spec(gpu="H100")):
            with pytest.raises(InvalidRequest, match=r"sdxl|H100"):
                await backend.deploy(wrong, "k")

    play(scenario, endpoint)
    assert not endpoint.asked


def test_its_one_offer_is_the_list_price_of_its_one_gpu() -> None:
    async def scenario(backend: ModalWebBackend, clock: VirtualClock) -> None:
        (offer,) = await backend.offers("L40S")
        assert (offer.backend, offer.gpu, offer.unit, offer.seen_at) == ("modal-web", "L40S", "s", clock.now())
        assert offer.usd_per_unit == offer.usd_per_s == Decimal("0.000542")
        assert "modal.com/pricing 2026-07-01" in offer.source
        with pytest.raises(InvalidRequest, match="run on L40S, not on 'H100'"):
            await backend.offers("H100")
        assert backend.provider is Provider.MODAL

    play(scenario, Endpoint(httpx.Response(200, content=PNG)))
