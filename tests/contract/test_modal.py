"""Modal keeps the contract: over our inner client in virtual time, and over the official SDK and gRPC on sockets."""

from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

from backends.base import Backend
from backends.modal.adapter import ModalBackend
from backends.modal.wire import ModalSdkClient
from simulator.modal.grpc import serve_grpc
from simulator.modal.inner import SimulatedModalClient
from simulator.world import World
from tests.contract.contract import BackendContract, SocketContract
from tests.contract.stage import Bench, Stage, play_on_sockets
from words import JobStatus, Provider, Reason

REPEATED = (
    "the SDK repeats a call that failed on the way with the same idempotency key: one effect, and its answer comes"
)
# test_modal_simulation.py and tests/peers prove the one effect.
SURVIVES: dict[str, str] = {
    "test_a_deploy_whose_answer_was_lost_is_found_by_its_key": REPEATED,
    "test_a_job_whose_answer_was_lost_is_never_sent_again": REPEATED,
}


class TestModal(BackendContract):
    provider = Provider.MODAL
    deploy_call = ("modal_grpc", "/AppPublish$")
    submit_call = ("modal_grpc", "/FunctionMap$")
    services = ("modal_grpc",)
    excused: ClassVar = SURVIVES | {
        f"test_{check}[{kind}]": REPEATED
        for check, kinds in {
            "a_deploy_that_took_effect_unheard_is_found_and_never_repeated": ("lost_reply", "garbage"),
            "a_deploy_that_never_took_effect_leaves_nothing_behind": ("drop", "server_error", "unavailable"),
            "a_job_whose_fate_is_unknown_is_never_sent_again": ("lost_reply", "drop", "server_error", "garbage"),
        }.items()
        for kind in kinds
    }

    def connect(self, stage: Stage, key: str) -> Backend:
        client = SimulatedModalClient(stage.simulation, stage.clock, secret=key)
        return ModalBackend(client=client, clock=stage.clock)


class TestModalOverTheSdk(SocketContract):
    provider = Provider.MODAL
    deploy_call = TestModal.deploy_call
    submit_call = TestModal.submit_call
    services = TestModal.services
    excused: ClassVar = SURVIVES

    def act(self, world: World, scenario: Callable[[Stage], Awaitable[Any]]) -> Any:
        async def with_grpc(stage: Stage) -> Any:
            self.url, close = await serve_grpc(stage.simulation, stage.clock)
            try:
                return await scenario(stage)
            finally:
                await close()

        return play_on_sockets(world, with_grpc)

    def connect(self, stage: Stage, key: str) -> Backend:
        client = ModalSdkClient(token_id="ak-contract", token_secret=key, clock=stage.clock, server_url=self.url)
        return ModalBackend(client=client, clock=stage.clock)

    def test_a_container_that_never_starts_ends_its_call_as_a_crash_loop(self) -> None:
        """The SDK raises the same RemoteError as for a function's own failure: the call list tells."""

        async def scenario(bench: Bench) -> None:
            last = await bench.finished(await bench.submit(await bench.deployed()))
            assert (last.status, last.reason) == (JobStatus.FAILED, Reason.CRASH_LOOP)
            assert "before it answered" in (last.error or "")

        self.play(scenario, own={"crash_share": 1.0})
