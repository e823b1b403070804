"""Runpod keeps the contract: in virtual time on the simulator, and over sockets."""

from typing import ClassVar

from backends.base import Backend
from backends.runpod.adapter import RunpodBackend
from tests.contract.contract import BackendContract, SocketContract
from tests.contract.stage import Stage
from words import Provider

IMAGE = "runpod/worker-comfyui:5.8.5-{workflow}"


class _Runpod:
    provider: ClassVar = Provider.RUNPOD
    deploy_call: ClassVar = ("runpod_rest", r"^POST /v2/serverless$")
    submit_call: ClassVar = ("runpod_jobs", r"^POST /v2/[^/]+/run$")
    services: ClassVar = ("runpod_jobs", "runpod_rest")

    def connect(self, stage: Stage, key: str) -> Backend:
        return RunpodBackend(
            jobs_url=f"{stage.urls['runpod_jobs']}/v2",
            rest_url=f"{stage.urls['runpod_rest']}/v2",
            key=key,
            clock=stage.clock,
            image=IMAGE,
            transport=stage.transport,
        )


class TestRunpod(_Runpod, BackendContract):
    """Exact, in virtual time."""


class TestRunpodOnSockets(_Runpod, SocketContract):
    """The same wire over loopback."""
