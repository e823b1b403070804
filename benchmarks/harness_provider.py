"""A simulated Runpod for the harness, in a process of its own: `python -m benchmarks.harness_provider ENDPOINTS`.

The simulator itself, behind the smallest HTTP server that keeps up with some thousand looks a second, and with
pictures from a small pool: on two cores, what serves must cost less than what is measured. World time is the wall's.
Prints a ready line; GET /ledger and /counts tell what truly happened. Ends when its stdin does.
"""

import asyncio
import gc
import json
import sys
from collections import Counter
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

import uvloop

from clock import WallClock
from simulator.modal.grpc import serve_grpc
from simulator.runpod.bodies import CreateEndpoint
from simulator.simulation import Simulation, carry
from simulator.wire import Reply, Request
from simulator.world import Duration, Step, World, load_world
from tests.simulation.pictures import PooledStudio

GPU, WIDTH = "L40S", 256
STEP_S, BESIDE_S = 0.75, 0.5  # of a job: steps x STEP_S + BESIDE_S, spread by JOB_SIGMA
JOB_SIGMA = 0.02
_AT_ONCE = Duration(median_s=0.001, source="assumed: start-up is not what is measured here")
_MOST = 100_000
MOST_WORKERS = 400  # of an endpoint
SERVICES = ("control", "runpod_jobs", "runpod_rest", "vast_console", "modal_web")


def world() -> World:
    """The quiet world with workers without end, which start at once, and jobs whose steps set their seconds."""
    quiet = load_world("quiet")
    own = quiet.runpod.model_copy(
        update={"pull": _AT_ONCE, "boot": _AT_ONCE, "job_sigma": JOB_SIGMA, "overhead_s": BESIDE_S / 2,
                "capacity": {GPU: _MOST}}
    )  # fmt: skip
    flux = quiet.models["flux-dev"].model_copy(
        update={
            "reference_px": WIDTH,
            "fixed_s": BESIDE_S / 2,
            "step": {GPU: Step(s=STEP_S, source="assumed: so that steps set the seconds")},
            "load": dict.fromkeys(("modal", "runpod", "vast"), _AT_ONCE),
        }
    )
    return quiet.model_copy(update={"runpod": own, "models": {**quiet.models, "flux-dev": flux}})


class Door(asyncio.Protocol):
    """One connection: requests with a length, answered one after the other; what a client of ours sends, no more."""

    def __init__(self, simulation: Simulation, service: str, counts: Counter[str]) -> None:
        self._simulation, self._service, self._counts = simulation, service, counts
        self._data = b""
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport: Any = transport

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's shape
        """Nobody waits for the answer any more."""
        if self._task:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        """Answer once a request is whole."""
        self._data += data
        head, found, rest = self._data.partition(b"\r\n\r\n")
        if not found:
            return
        start, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", 0))
        if len(rest) < length:
            return
        self._data = rest[length:]
        method, target, _ = start.split(" ", 2)
        path, _, query = target.partition("?")
        request = Request(
            service=self._service,
            method=method,
            path=path,
            query=dict(parse_qsl(query)),
            headers=headers,
            body=rest[:length],
        )
        self._counts[_counted(self._service, path)] += 1
        self._task = asyncio.create_task(self._answer(request))

    async def _answer(self, request: Request) -> None:
        reply = self._told(request.path) or await carry(self._simulation, request, WallClock())
        body, headers = reply.encoded()
        head = [f"HTTP/1.1 {reply.status} Simulated", *(f"{name}: {value}" for name, value in headers.items())]
        head.append(f"content-length: {len(body)}")
        self._transport.write("\r\n".join([*head, "", ""]).encode("latin-1") + body)

    def _told(self, path: str) -> Reply | None:
        """What only the control address says: the truth about each job, and the calls so far."""
        if self._service != "control":
            return None
        return Reply(body=self._counts if path == "/counts" else truth(self._simulation))


def truth(simulation: Simulation) -> dict[str, list[Any]]:
    """Per job id: when it was accepted and done, microseconds, the latter None while it is not, and its start kind."""
    jobs = [job for rented in simulation.ledger.rented for job in rented.pool.jobs.values()]
    return {job.id: [job.accepted_us, job.done_us, job.start_kind] for job in jobs}


def _counted(service: str, path: str) -> str:
    """Calls of the job API are counted by endpoint and verb: "abc123/status"."""
    return "/".join(path.split("/")[2:4]) if service == "runpod_jobs" else service


def endpoints(simulation: Simulation, count: int) -> list[str]:
    """Ids of so many endpoints, made behind the wire: its quota would take a minute for sixty."""
    made = []
    for number in range(count):
        asked = CreateEndpoint.model_validate(
            {
                "name": f"harness-{number}",
                "type": "QUEUE",
                "image": "any",
                "gpu": {"pools": ["ADA_48_PRO"], "excludedTypes": ["NVIDIA L40", "NVIDIA RTX 6000 Ada Generation"]},
                "workers": {"min": 0, "max": MOST_WORKERS, "idleTimeout": 3600},
                "scaling": {"type": "QUEUE_DELAY", "queueDelay": 1},
                "timeout": 600_000,
            }
        )
        made.append(simulation.runpod.create(asked, {}).id)
    return made


async def serve(count: int) -> None:
    """Open the doors, say where they are, serve until stdin ends."""
    loop, clock, counts = asyncio.get_running_loop(), WallClock(), Counter[str]()
    simulation = Simulation(world(), seed=1, studio=PooledStudio(), now=clock.now())
    urls = {}
    for service in SERVICES:
        door = partial(Door, simulation, service, counts)
        server = await loop.create_server(door, "127.0.0.1", 0, backlog=2048)
        urls[service] = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    modal_grpc, close = await serve_grpc(simulation, clock)
    gc.collect()
    gc.freeze()
    line = {"ready": True, "simulated": True, "world": "harness", "seed": 1, "speed": 1.0, "urls": urls}
    print(json.dumps({**line, "modal_grpc": modal_grpc, "endpoints": endpoints(simulation, count)}), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await close()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
