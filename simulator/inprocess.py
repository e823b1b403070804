"""The simulator behind an httpx transport, without a socket: for virtual time, where results are exact."""

from collections.abc import Mapping

import httpx

from clock import Clock
from simulator.simulation import Simulation, carry
from simulator.wire import Request

# The hosts that production settings name, so that a test needs no other settings.
HOSTS: Mapping[str, str] = {
    "api.runpod.ai": "runpod_jobs",
    "api.runpod.io": "runpod_rest",
    "console.vast.ai": "vast_console",
    "run.vast.ai": "vast_console",
    "control.simulator": "control",
}


class InProcessTransport(httpx.AsyncBaseTransport):
    """Routes by host: a provider's own, `*.modal.run`, or `127.0.0.1:PORT` of a rented instance."""

    def __init__(self, simulation: Simulation, clock: Clock) -> None:
        self._simulation, self._clock = simulation, clock

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Raises what httpx raises on a socket: ReadError when cut, ReadTimeout when nothing comes in time."""
        host = request.url.host
        service = HOSTS.get(host) or ("modal_web" if host.endswith(".modal.run") else "vast_wrapper")
        asked = Request(
            service=service,
            method=request.method,
            path=request.url.path,
            query=dict(request.url.params),
            headers={name.lower(): value for name, value in request.headers.items()},
            body=await request.aread(),
            port=request.url.port,
        )
        reply = await carry(self._simulation, asked, self._clock)
        if reply.cut == "reset":
            raise httpx.ReadError("connection reset by the simulator", request=request)
        if reply.cut == "hang":
            await self._clock.rest(request.extensions.get("timeout", {}).get("read") or 3600)
            raise httpx.ReadTimeout("the simulator never answered", request=request)
        body, headers = reply.encoded()
        return httpx.Response(reply.status, headers=headers, content=body, request=request)
