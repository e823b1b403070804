"""The simulated Runpod, asked request by request, at instants that a test sets."""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import workflows
from simulator.runpod.endpoint import Endpoint
from simulator.simulation import Simulation
from simulator.studio import InlineStudio
from simulator.wire import Reply, Request
from simulator.world import Failures, World, load_world
from tests.virtual import EPOCH

KEY = "canary-runpod-key"
CREATE: dict[str, Any] = {
    "name": "bakeoff-wire",
    "type": "QUEUE",
    "image": "runpod/worker-comfyui:5.8.5-base",
    "gpu": {"pools": ["ADA_48_PRO"], "excludedTypes": ["NVIDIA L40", "NVIDIA RTX 6000 Ada Generation"]},
    "workers": {"min": 0, "max": 1, "idleTimeout": 30},
    "scaling": {"type": "QUEUE_DELAY", "queueDelay": 1},
    "timeout": 600_000,
}


def runpod_world(**changes: Any) -> World:
    """The default world, nothing failing at Runpod unless `changes` says so."""
    world = load_world("default")
    own = world.runpod.model_copy(update={"failures": Failures(), **changes})
    return world.model_copy(update={"runpod": own})


def graph(seed: int = 1, **params: Any) -> dict[str, Any]:
    """A small flux-dev job."""
    values = {"prompt": "a lighthouse at dusk", "seed": seed, "width": 256, "height": 256} | params
    return workflows.load("flux-dev").render(values)


@dataclass
class Wire:
    """One simulated world and its clock."""

    world: World = field(default_factory=runpod_world)
    now: datetime = EPOCH

    def __post_init__(self) -> None:
        keys = {"runpod": KEY}
        self.simulation = Simulation(self.world, seed=3, studio=InlineStudio(), now=self.now, keys=keys)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)

    def rest(self, method: str, path: str, body: Any = None, *, key: str | None = KEY, **query: str) -> Reply:
        """One call of the control plane; `path` without /v2."""
        return self._ask("runpod_rest", method, f"/v2{path}", body, key, query)

    def jobs(self, method: str, path: str, body: Any = None, *, key: str | None = KEY, **query: str) -> Reply:
        """One call of the job API; `path` without /v2."""
        return self._ask("runpod_jobs", method, f"/v2{path}", body, key, query)

    def endpoint(self, **changes: Any) -> Endpoint:
        """A fresh endpoint."""
        reply = self.rest("POST", "/serverless", CREATE | changes)
        assert reply.status == 201, reply.body
        return self.simulation.runpod.endpoints[reply.body["id"]]

    def run(self, endpoint: Endpoint, seed: int = 1, **more: Any) -> str:
        """Submit one job; its id."""
        reply = self.jobs("POST", f"/{endpoint.id}/run", {"input": {"workflow": graph(seed)}, **more})
        assert reply.body["status"] == "IN_QUEUE"
        return reply.body["id"]

    def status(self, endpoint: Endpoint, job: str) -> dict[str, Any]:
        """The job as /status shows it."""
        reply = self.jobs("GET", f"/{endpoint.id}/status/{job}")
        assert reply.status == 200
        return reply.body

    def finish(self, endpoint: Endpoint, job: str) -> dict[str, Any]:
        """The job's terminal body."""
        while (seen := self.status(endpoint, job))["status"] in ("IN_QUEUE", "IN_PROGRESS"):
            self.wait(1)
        return seen

    def _ask(self, service: str, method: str, path: str, body: Any, key: str | None, query: dict[str, str]) -> Reply:
        request = Request(
            service=service,
            method=method,
            path=path,
            query=query,
            headers={"authorization": f"Bearer {key}"} if key else {},
            body=b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode(),
        )
        return self.simulation.handle(request, self.now)
