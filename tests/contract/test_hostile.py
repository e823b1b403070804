"""A result that can never be read ends its job at once, with what was received; nobody is sent anywhere by a reply."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from backends.addresses import loopback, public
from backends.base import Backend, DeploymentRef
from backends.errors import UnexpectedReply
from backends.modal_web import ModalWebBackend, endpoint_urls
from backends.runpod.adapter import RunpodBackend
from backends.vast.adapter import VastBackend
from simulator.faults import FaultKind
from simulator.world import Failures
from tests.contract.stage import KEY, Bench, Stage, contract_world, play_in_process
from tests.contract.test_vast import IMAGE
from words import DeploymentState, JobStatus, Provider, Reason


def runpod(stage: Stage) -> Backend:
    urls = {name: f"{stage.urls[f'runpod_{name}']}/v2" for name in ("jobs", "rest")}
    return RunpodBackend(
        jobs_url=urls["jobs"], rest_url=urls["rest"], key=KEY, clock=stage.clock, image="i", transport=stage.transport
    )


def vast(stage: Stage, **more: Any) -> VastBackend:
    given = {"machines": loopback, "transport": stage.transport} | more
    return VastBackend(
        console_url=stage.urls["vast_console"], key=KEY, clock=stage.clock, image=IMAGE, web_password=KEY, **given
    )


def modal_web(stage: Stage) -> Backend:
    urls = endpoint_urls("w", stage.urls["modal_web"])
    return ModalWebBackend(urls=urls, clock=stage.clock, simulated=True, transport=stage.transport)


WAYS: dict[str, tuple[Provider, Callable[[Stage], Backend], tuple[str, str]]] = {
    "runpod": (Provider.RUNPOD, runpod, ("runpod_jobs", "^GET /v2/.*/status/")),
    "vast": (Provider.VAST, vast, ("vast_wrapper", "^GET /result/")),
    "modal-web": (Provider.MODAL, modal_web, ("modal_web", "^POST ")),
}


def play(provider: Provider, connect: Callable[[Stage], Backend], scenario: Callable[[Bench], Awaitable[Any]]) -> Any:
    async def on(stage: Stage) -> Any:
        bench = Bench(stage=stage, backend=connect(stage), gpu="L40S")
        found = await scenario(bench)
        await bench.backend.aclose()
        return found

    return play_in_process(contract_world(provider, Failures()), on)


@pytest.mark.parametrize("name", WAYS)
def test_a_result_beyond_all_limits_ends_its_job_failed_with_its_beginning(name: str) -> None:
    provider, connect, result = WAYS[name]

    async def scenario(bench: Bench) -> Any:
        ref = await bench.deployed()
        bench.plan(result, "oversized")
        return await bench.finished(await bench.submit(ref))

    seen = play(provider, connect, scenario)
    assert (seen.status, seen.reason) == (JobStatus.FAILED, Reason.UNEXPECTED_REPLY)
    assert seen.error.endswith("was answered with more than 32 MB.")
    assert seen.raw == {"received": '["x",' * 400}


@pytest.mark.parametrize("name", ["runpod", "vast"])
@pytest.mark.parametrize("kind", ["nested", "elsewhere", "garbage"])
def test_a_look_that_cannot_be_read_is_no_end_and_the_next_one_is_one(name: str, kind: FaultKind) -> None:
    provider, connect, result = WAYS[name]

    async def scenario(bench: Bench) -> Any:
        job = await bench.submit(await bench.deployed())
        bench.plan(result, kind)
        with pytest.raises(UnexpectedReply):
            await bench.backend.poll(job)
        return await bench.finished(job)

    assert play(provider, connect, scenario).status is JobStatus.SUCCEEDED


def test_production_is_not_followed_to_somebody_else() -> None:
    async def scenario(bench: Bench) -> Any:
        ref = await bench.deployed()
        bench.plan(("modal_web", "^POST "), "elsewhere")
        return await bench.finished(await bench.submit(ref))

    seen = play(Provider.MODAL, modal_web, scenario)
    assert (seen.status, seen.reason, seen.evidence["hops"]) == (JobStatus.LOST, Reason.FATE_UNKNOWN, 1)
    assert "169.254.169.254" in seen.error


def test_a_machine_at_an_address_of_ours_is_never_called_and_shunned() -> None:
    """The simulator's machines are on 127.0.0.1: for a real provider that is an attack."""
    asked: list[httpx.URL] = []

    class Tap(httpx.AsyncBaseTransport):
        def __init__(self, inner: httpx.AsyncBaseTransport | None) -> None:
            self._inner = inner

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            asked.append(request.url)
            assert self._inner is not None
            return await self._inner.handle_async_request(request)

    async def scenario(bench: Bench) -> Any:
        ref, looks = await bench.deploy(), []
        while not looks or looks[-1].state is DeploymentState.PROVISIONING:
            looks.append(await bench.backend.observe(ref))
            await bench.clock.sleep(5)
        (live,) = await bench.backend.live("bakeoff-")
        machine = ref.detail["machine_id"]
        known = DeploymentRef(backend="vast", id=ref.id, key=ref.key, detail={"url": "http://169.254.169.254:80"})
        with pytest.raises(UnexpectedReply):
            await bench.backend.submit(known, None, "k")  # type: ignore[arg-type]
        offered = [offer.detail["machine_id"] for offer in await bench.backend.offers("L40S")]
        return looks[-1], live, machine in offered

    last, live, offered = play(
        Provider.VAST, lambda stage: vast(stage, machines=public, transport=Tap(stage.transport)), scenario
    )
    assert last.state is DeploymentState.FAILED
    assert "an address that we do not call" in last.reason
    assert "http://127.0.0.1:" in last.reason
    assert "url" not in live.ref.detail
    assert not offered
    assert {url.host for url in asked} == {"console.vast.ai"}
