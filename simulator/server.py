"""The simulator on loopback sockets: one port per service, and one per rented instance."""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

import uvicorn

from clock import Clock
from simulator.simulation import Simulation, carry
from simulator.wire import Reply, Request

SERVICES = ("control", "runpod_jobs", "runpod_rest", "vast_console", "modal_web")
WRAPPER_PORTS = 32  # rented instances that can run at one time
_Scope = dict[str, Any]
_Receive = Callable[[], Awaitable[dict[str, Any]]]
_Send = Callable[[dict[str, Any]], Awaitable[None]]


class Doors:
    """The bound sockets; port 0 lets the system choose. `control` may be left shut."""

    def __init__(self, *, control: bool) -> None:
        wanted = [name for name in SERVICES if control or name != "control"]
        self.sockets = {name: _bind() for name in wanted}
        self.wrappers = [_bind() for _ in range(WRAPPER_PORTS)]
        self.service_of = {_port(sock): name for name, sock in self.sockets.items()}
        self.service_of |= {_port(sock): "vast_wrapper" for sock in self.wrappers}

    def urls(self) -> Mapping[str, str]:
        """Base URL per service."""
        return {name: f"http://127.0.0.1:{_port(sock)}" for name, sock in self.sockets.items()}

    def wrapper_ports(self) -> list[int]:
        """Ports for rented instances."""
        return [_port(sock) for sock in self.wrappers]

    def all(self) -> list[socket.socket]:
        """Every socket, to be served."""
        return [*self.sockets.values(), *self.wrappers]


class App:
    """A small ASGI application: socket in, `Simulation.handle`, socket out."""

    def __init__(self, simulation: Simulation, clock: Clock, service_of: Mapping[int, str]) -> None:
        self._simulation, self._clock, self._service_of = simulation, clock, service_of

    async def __call__(self, scope: _Scope, receive: _Receive, send: _Send) -> None:
        """Serve one HTTP request."""
        if scope["type"] != "http":
            return
        request = _request(scope, await _body(receive), self._service_of)
        reply = await carry(self._simulation, request, self._clock)
        if reply.cut == "reset":
            # uvicorn's cycle is the only way to the bare connection; ASGI has no word for a reset.
            receive.__self__.transport.abort()  # type: ignore[attr-defined]
        if reply.cut:
            while (await receive())["type"] != "http.disconnect":
                pass
            return
        await _send_reply(reply, send)


async def serve(simulation: Simulation, clock: Clock, doors: Doors, ready: Callable[[], None]) -> None:
    """Serve until cancelled, then close every socket; calls `ready` once connections are accepted."""
    simulation.site.ports.extend(doors.wrapper_ports())
    config = uvicorn.Config(
        App(simulation, clock, doors.service_of),
        log_level="error",
        lifespan="off",
        access_log=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=doors.all()))
    while not server.started and not task.done():
        await asyncio.sleep(0.01)
    ready()
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        server.should_exit = True  # cancelling uvicorn itself would leave its sockets open
        await task
        raise


class _Server(uvicorn.Server):
    """Leaves signals to whoever hosts it: uvicorn would take them over and exit with their number."""

    capture_signals = contextlib.nullcontext  # type: ignore[assignment]


def _request(scope: _Scope, body: bytes, service_of: Mapping[int, str]) -> Request:
    port = scope["server"][1]
    return Request(
        service=service_of[port],
        method=scope["method"],
        path=scope["path"],
        query=dict(parse_qsl(scope["query_string"].decode(), keep_blank_values=True)),
        headers={name.decode().lower(): value.decode() for name, value in scope["headers"]},
        body=body,
        port=port,
    )


async def _body(receive: _Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


async def _send_reply(reply: Reply, send: _Send) -> None:
    body, headers = reply.encoded()
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    encoded.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": reply.status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})


def _bind() -> socket.socket:
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    sock.listen(256)
    return sock


def _port(sock: socket.socket) -> int:
    return int(sock.getsockname()[1])
