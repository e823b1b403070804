"""What polling costs: our HTTP, which sends GET through aiohttp, against plain httpx, on the same calls."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from statistics import quantiles
from typing import Any

import httpx

from backends.errors import BackendError
from backends.http import Http, client
from benchmarks.tables import Measured, ratio
from clock import WallClock

CALLS_EACH = 8
CROWDS = (50, 400)  # jobs polled at one time
_SERVER = """
import asyncio, sys
BODY = b'{"id": "x", "status": "IN_PROGRESS", "delayTime": 1234, "workerId": "w"}'
REPLY = b"HTTP/1.1 200 OK\\r\\ncontent-type: application/json\\r\\ncontent-length: %d\\r\\n\\r\\n" % len(BODY) + BODY

class Answering(asyncio.Protocol):
    def connection_made(self, transport): self.transport = transport
    def data_received(self, data): self.transport.write(REPLY * data.count(b"\\r\\n\\r\\n"))

async def main():
    server = await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)

asyncio.run(main())
"""


@dataclass(frozen=True)
class Cost:
    """Of one crowd: CPU of this process per call, and how long the slowest twentieth of the calls took; ms."""

    cpu_ms: float
    p95_ms: float
    failed: int


def measure() -> Measured:
    """CPU per call and the tail, at a small and a large crowd."""
    with subprocess.Popen([sys.executable, "-c", _SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        if server.stdout is None:
            raise RuntimeError("opened with PIPE")
        url = f"http://127.0.0.1:{int(server.stdout.readline())}/v2/e/status/j"
        rows = [_row(crowd, url) for crowd in CROWDS]
        server.terminate()
    return Measured(
        title="Polling over HTTP",
        columns=(
            "jobs at one time",
            "ours: CPU ms a call",
            "plain httpx",
            "ratio",
            "ours: p95 ms",
            "plain httpx",
            "ratio",
        ),
        rows=rows,
        note=f"{CALLS_EACH} looks at each job, all jobs at once, against a server in another process.",
    )


def _row(crowd: int, url: str) -> list[str]:
    ours, peer = asyncio.run(_ours(crowd, url)), asyncio.run(_plain(crowd, url))
    lost = f" ({peer.failed} failed)" if peer.failed else ""
    return [
        str(crowd),
        f"{ours.cpu_ms:.2f}",
        f"{peer.cpu_ms:.2f}{lost}",
        ratio(ours.cpu_ms, peer.cpu_ms),
        f"{ours.p95_ms:.0f}",
        f"{peer.p95_ms:.0f}",
        ratio(ours.p95_ms, peer.p95_ms),
    ]


async def _ours(crowd: int, url: str) -> Cost:
    async with aclosing(Http(client(url, None), WallClock(), "Testco")) as http:
        return await _cost(crowd, lambda: http.read("GET", ""))


async def _plain(crowd: int, url: str) -> Cost:
    limits = httpx.Limits(max_connections=crowd, max_keepalive_connections=crowd)
    async with httpx.AsyncClient(limits=limits, timeout=30) as http:

        async def look() -> Any:
            return (await http.get(url)).json()

        return await _cost(crowd, look)


async def _cost(crowd: int, look: Callable[[], Awaitable[Any]]) -> Cost:
    took_ms: list[float] = []
    failed = 0

    async def timed() -> None:
        nonlocal failed
        started = time.perf_counter()
        try:
            await look()
        except (httpx.HTTPError, BackendError):
            failed += 1
        took_ms.append((time.perf_counter() - started) * 1e3)

    await asyncio.gather(*(timed() for _ in range(crowd)))  # connections open
    took_ms.clear()
    cpu_s = time.process_time()
    for _ in range(CALLS_EACH):
        await asyncio.gather(*(timed() for _ in range(crowd)))
    cpu_s = time.process_time() - cpu_s
    return Cost(cpu_s * 1e3 / len(took_ms), quantiles(took_ms, n=20)[-1], failed)
