"""The simulator without a socket: for virtual time, where results are exact."""

from collections.abc import Mapping
from urllib.parse import parse_qsl, unquote, urlsplit

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
    """Routes by host: a provider's own, `*.modal.run`, or `127.0.0.1:PORT` of a rented instance.

    Asked by `ask`, the way of our own calls, or as a transport below any client of httpx.
    """

    def __init__(self, simulation: Simulation, clock: Clock) -> None:
        self._simulation, self._clock = simulation, clock

    async def ask(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes, read_s: float
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers and body. ConnectionResetError when cut, TimeoutError when nothing comes in `read_s`."""
        target = urlsplit(url)
        host = target.hostname or ""
        asked = Request(
            service=HOSTS.get(host) or ("modal_web" if host.endswith(".modal.run") else "vast_wrapper"),
            method=method,
            path=unquote(target.path),
            query=dict(parse_qsl(target.query, keep_blank_values=True)),
            headers={"host": target.netloc, **{name.lower(): value for name, value in headers.items()}},
            body=body,
            port=target.port,
        )
        reply = await carry(self._simulation, asked, self._clock)
        if reply.cut == "reset":
            raise ConnectionResetError("connection reset by the simulator")
        if reply.cut == "hang":
            await self._clock.rest(read_s)
            raise TimeoutError("the simulator never answered")
        content, named = reply.encoded()
        return reply.status, named, content

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The same for httpx; raises what httpx raises on a socket: ReadError when cut, ReadTimeout for no answer."""
        read_s = request.extensions.get("timeout", {}).get("read") or 3600
        try:
            status, headers, content = await self.ask(
                request.method, str(request.url), headers=request.headers, body=await request.aread(), read_s=read_s
            )
        except ConnectionResetError as error:
            raise httpx.ReadError(str(error), request=request) from error
        except TimeoutError as error:
            raise httpx.ReadTimeout(str(error), request=request) from error
        return httpx.Response(status, headers=headers, content=content, request=request)
