"""Vast.ai keeps the contract: a rented machine on the simulated market, its wrapper on a port of its own."""

from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from typing import Any, ClassVar

from backends.addresses import loopback
from backends.base import Backend
from backends.vast.adapter import VastBackend
from simulator.world import Duration, World
from tests.contract.contract import BackendContract, SocketContract, WireContract
from tests.contract.stage import Stage
from words import Provider

IMAGE = "vastai/comfy:v0.3.71-cuda-12.9-py312"


class _Vast(WireContract):
    provider, gpu = Provider.VAST, "L40S"
    deploy_call = ("vast_console", r"^PUT /api/v0/asks/\d+/$")
    submit_call = ("vast_wrapper", r"^POST /generate$")
    services = ("vast_console", "vast_wrapper")
    resolution_s = 0.003  # three stages and a total, each in whole milliseconds
    rounding_usd = Decimal("0.0005")  # amounts have three decimals
    excused: ClassVar[Mapping[str, str]] = {
        "test_each_way_to_fail_has_its_reason[out_of_memory]": (
            "the wrapper's own fault hides what a node raised, out of memory included (@e1d04af, run 2026-11-23)"
        ),
        "test_a_job_over_its_limit_times_out": "the wrapper takes no execution limit; the collector's deadline cancels",
    }

    def connect(self, stage: Stage, key: str) -> Backend:
        return VastBackend(
            console_url=stage.urls["vast_console"],
            key=key,
            clock=stage.clock,
            image=IMAGE,
            web_password=key,
            machines=loopback,
            transport=stage.transport,
        )


class TestVast(_Vast, BackendContract):
    """In virtual time."""


class TestVastOnSockets(_Vast, SocketContract):
    """On sockets, with machines that are ready within seconds: the waiting itself is proven in virtual time."""

    def act(self, world: World, scenario: Callable[[Stage], Awaitable[Any]]) -> Any:
        soon = Duration(median_s=20, sigma=0.1, source="assumed: short, since sockets cost real time")
        vast = world.vast.model_copy(update={"pull": soon, "boot": soon})
        return super().act(world.model_copy(update={"vast": vast}), scenario)
