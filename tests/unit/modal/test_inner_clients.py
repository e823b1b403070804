"""The two inner clients see one world: over the SDK and gRPC on a socket, and in process."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from backends.modal.wire import InnerClient, ModalSdkClient
from clock import SharedClock, to_us
from simulator.faults import Fault, FaultKind
from simulator.modal.grpc import serve_grpc
from simulator.modal.inner import SimulatedModalClient
from simulator.simulation import Simulation
from simulator.studio import InlineStudio
from simulator.world import Failures
from tests.simulation.modal_stage import Workspace, app_spec, quiet_world

SECRET = "as-canary-0c0ffee"
SPEED = 500.0


@dataclass(frozen=True, kw_only=True)
class Both:
    """One simulation with both clients on it."""

    simulation: Simulation
    clock: SharedClock
    sdk: InnerClient
    inner: InnerClient
    here: Workspace
    url: str

    def advance(self, span: timedelta) -> None:
        self.clock.leap(self.clock.now() + span)
        self.simulation.engine.advance(to_us(self.clock.now()))

    def plan(self, rpc: str, kind: FaultKind) -> None:
        self.simulation.faults.planned.append(Fault(service="modal_grpc", call=f"/{rpc}$", kind=kind))

    def sdk_client(self, *, secret: str = SECRET, patience_s: float = 10.0) -> ModalSdkClient:
        return ModalSdkClient(
            token_id="ak-test", token_secret=secret, clock=self.clock, server_url=self.url, patience_s=patience_s
        )


@pytest_asyncio.fixture
async def both(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Both]:
    failures = getattr(request, "param", {})
    world = quiet_world(failures=Failures(**failures))
    clock = SharedClock.create(tmp_path / "clock", epoch=world.epoch, speed=SPEED)
    keys = {"modal": SECRET}
    simulation = Simulation(world, seed=3, studio=InlineStudio(), now=clock.now(), keys=keys)
    url, close = await serve_grpc(simulation, clock)
    inner = SimulatedModalClient(simulation, clock, secret=SECRET)
    made = Both(
        simulation=simulation,
        clock=clock,
        sdk=inner,
        inner=inner,
        here=Workspace(simulation=simulation, clock=clock, client=inner),
        url=url,
    )
    made = replace(made, sdk=made.sdk_client())
    yield made
    await made.sdk.aclose()
    await close()


async def test_a_deploy_through_the_sdk_arrives_with_everything_that_was_asked_for(both: Both) -> None:
    spec = app_spec(gpu="H100!", cpu=2.5, memory_gib=24.0, scaledown_s=300, max_containers=3, tags={"workflow": "w"})
    app_id = await both.sdk.deploy(spec)
    app = both.simulation.modal.apps[app_id]
    settings = app.settings
    assert (app.name, app.tags) == ("bakeoff-app", {"workflow": "w"})
    assert (settings.gpu, settings.gpu_type, settings.cpu, settings.memory_gib) == ("H100!", "H100", 2.5, 24.0)
    assert (settings.scaledown_s, settings.max_containers, settings.inputs_per_container) == (300, 3, 1)


async def test_both_clients_tell_the_same_of_apps_calls_rates_and_bills(both: Both) -> None:
    app_id = await both.sdk.deploy(app_spec(scaledown_s=600))
    call = await both.sdk.spawn("bakeoff-app", both.here.graph(), 600)
    done = await both.sdk.get(call, 3600)
    assert done == await both.inner.get(call, 0)
    assert done[0] == "done"
    assert done[1]["images"][0].startswith(b"\x89PNG")
    both.advance(timedelta(hours=3))
    start, end = datetime(2026, 11, 2, 8, tzinfo=UTC), datetime(2026, 11, 2, 11, tzinfo=UTC)
    month = start.replace(day=1, hour=0)
    for ask in (
        lambda client: client.apps(),
        lambda client: client.tags(app_id),
        lambda client: client.calls("bakeoff-app"),
        lambda client: client.stats("bakeoff-app"),
        lambda client: client.rates(),
        lambda client: client.report(start, end),
        lambda client: client.summary(month),
    ):
        told = await ask(both.sdk)
        assert told == await ask(both.inner)
        assert told


async def test_both_clients_tell_a_pending_a_running_and_a_cancelled_call_alike(both: Both) -> None:
    await both.sdk.deploy(app_spec())
    call = await both.sdk.spawn("bakeoff-app", both.here.graph(width=1024, height=1024, steps=50), 600)
    assert await both.sdk.get(call, 0) == await both.inner.get(call, 0) == ("pending", None)
    both.advance(timedelta(seconds=30))
    assert [(row["status"], row["execution_s"]) for row in await both.sdk.calls("bakeoff-app")] == [("running", None)]
    await both.sdk.cancel(call)
    ended = await both.sdk.get(call, 0)
    assert ended == await both.inner.get(call, 0)
    assert ended[0] == "failed"
    assert (await both.sdk.calls("bakeoff-app"))[0]["status"] == "terminated"


@pytest.mark.parametrize("both", [{"worker_lost": 1.0}], indirect=True)
async def test_both_clients_tell_a_lost_container_alike(both: Both) -> None:
    await both.sdk.deploy(app_spec())
    call = await both.sdk.spawn("bakeoff-app", both.here.graph(), 600)
    ended = await both.sdk.get(call, 3600)
    assert ended == await both.inner.get(call, 0)
    assert ended[0] == "internal_failure"


async def test_both_clients_tell_an_expired_result_alike(both: Both) -> None:
    await both.sdk.deploy(app_spec())
    call = await both.sdk.spawn("bakeoff-app", both.here.graph(), 600)
    both.advance(timedelta(days=8))
    assert await both.sdk.get(call, 0) == await both.inner.get(call, 0) == ("expired", None)


async def test_a_stopped_app_is_gone_for_both(both: Both) -> None:
    app_id = await both.sdk.deploy(app_spec())
    await both.sdk.stop(app_id)
    assert await both.sdk.apps() == await both.inner.apps() == []
    for client in (both.sdk, both.inner):
        with pytest.raises(LookupError):
            await client.stop(app_id)


async def error_of(call: Awaitable[Any]) -> type[Exception] | None:
    try:
        await call
    except Exception as error:
        return type(error)
    return None


async def test_both_clients_have_one_vocabulary_of_errors(both: Both) -> None:
    both.simulation.modal.plan = "starter"
    day = datetime(2026, 11, 2, tzinfo=UTC)
    asked: list[tuple[type[Exception], Callable[[InnerClient], Awaitable[Any]]]] = [
        (LookupError, lambda client: client.spawn("bakeoff-none", both.here.graph(), 60)),
        (LookupError, lambda client: client.get("fc-none", 0)),
        (LookupError, lambda client: client.stats("bakeoff-none")),
        (ValueError, lambda client: client.deploy(app_spec(gpu="A9000"))),
        (NotImplementedError, lambda client: client.report(day, day + timedelta(days=1))),
    ]
    for wanted, ask in asked:
        for client in (both.sdk, both.inner):
            found = await error_of(ask(client))
            assert found is not None
            assert issubclass(found, wanted), (client, found)


async def test_a_refused_secret_is_a_permission_error_that_does_not_show_it(both: Both) -> None:
    client = both.sdk_client(secret="as-canary-wrong")
    try:
        with pytest.raises(PermissionError) as caught:
            await client.apps()
        assert "as-canary" not in str(caught.value) + repr(caught.value.__cause__)
    finally:
        await client.aclose()


async def test_throttling_without_a_hint_is_told_and_nothing_was_done(both: Both) -> None:
    await both.sdk.deploy(app_spec())
    both.plan("FunctionMap", "rate_limited")
    with pytest.raises(BlockingIOError):
        await both.sdk.spawn("bakeoff-app", both.here.graph(), 60)
    assert both.simulation.modal.calls == {}


@pytest.mark.parametrize("kind", ["lost_reply", "drop", "unavailable", "garbage"])
async def test_a_spawn_that_failed_on_the_way_is_executed_once(both: Both, kind: FaultKind) -> None:
    await both.sdk.deploy(app_spec())
    both.plan("FunctionMap", kind)
    call = await both.sdk.spawn("bakeoff-app", both.here.graph(), 60)
    assert list(both.simulation.modal.calls) == [call]


async def test_a_server_that_never_answers_meets_our_own_deadline(both: Both) -> None:
    client = both.sdk_client(patience_s=2.0)
    try:
        await client.apps()
        both.plan("AppList", "hang")
        async with asyncio.timeout(10):
            with pytest.raises(TimeoutError):
                await client.apps()
    finally:
        await client.aclose()


async def test_an_unreachable_server_meets_our_own_deadline_and_not_the_sdk_s_56_seconds(both: Both) -> None:
    client = ModalSdkClient(
        token_id="ak", token_secret="as", clock=both.clock, server_url="http://127.0.0.1:9", patience_s=0.5
    )
    try:
        async with asyncio.timeout(5):
            with pytest.raises((TimeoutError, ConnectionError)):
                await client.apps()
    finally:
        await client.aclose()


async def test_a_call_graph_and_a_call_s_inputs_are_told_to_the_sdk(both: Both) -> None:
    import modal

    await both.sdk.deploy(app_spec())
    call_id = await both.sdk.spawn("bakeoff-app", both.here.graph(), 60)
    client = await modal.Client.from_credentials.aio("ak-test", SECRET)
    call = modal.FunctionCall.from_id(call_id, client=client)
    assert await call.num_inputs.aio() == 1
    (node,) = await call.get_call_graph.aio()
    assert (node.function_call_id, node.function_name, node.status.name) == (call_id, "Comfy.run", "PENDING")
    await client.close.aio()


async def test_closing_twice_is_no_error(both: Both) -> None:
    await both.sdk.apps()
    await both.sdk.aclose()
    await both.sdk.aclose()
