"""What really goes over a socket is what httpx would have sent, by whichever stack; and what comes back is tamed."""

import asyncio
import contextlib
import gzip
import json
import zlib
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import httpx
import pytest

from backends.errors import BackendError, FateUnknown, InvalidRequest, TooLarge, UnexpectedReply
from backends.http import Http, client
from backends.reading import MOST_BYTES, unpacked
from backends.wires import never_opened
from clock import WallClock
from simulator.inprocess import InProcessTransport
from simulator.simulation import Simulation
from simulator.studio import InlineStudio
from simulator.world import load_world
from tests import virtual
from tests.contract.broken_server import BrokenServer, listening

WAYS = pytest.mark.parametrize("method", ["POST", "PUT"], ids=["by aiohttp", "by httpx"])
TOKEN = "canary-7a11-bearer"


class Recorder:
    """A server on a bare socket: keeps each request as its bytes, answers what it is told."""

    def __init__(self, body: bytes = b"{}", *headers: bytes, status: bytes = b"200 OK") -> None:
        lines = [b"HTTP/1.1 " + status, b"content-length: %d" % len(body), *headers]
        self._reply = b"\r\n".join([*lines, b"", b""]) + body
        self.lines: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.bodies: list[bytes] = []
        self.writers: list[asyncio.StreamWriter] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            while True:
                line, *fields = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[:-2]
                headers = {name.lower(): value for name, value in (field.split(": ", 1) for field in fields)}
                self.lines.append(line)
                self.headers.append(headers)
                self.bodies.append(await reader.readexactly(int(headers.get("content-length", 0))))
                writer.write(self._reply)
                await writer.drain()


@contextlib.asynccontextmanager
async def at(server: Recorder, base: str = "/v9", host: str = "127.0.0.1") -> AsyncIterator[Http]:
    """Our HTTP on sockets to that server."""
    listener = await asyncio.start_server(server, "127.0.0.1", 0)
    url = f"http://{host}:{listener.sockets[0].getsockname()[1]}{base}"
    http = Http(client(url, TOKEN), WallClock(), "Testco")
    try:
        yield http
    finally:
        await http.aclose()
        listener.close()
        for writer in server.writers:
            writer.transport.abort()


# ---------------------------------------------------------------- what goes out


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
@pytest.mark.parametrize(
    ("path", "request_"),
    [
        ("/thing", {}),
        ("thing/", {"json": {"a": [1, None, True], "text": "Füchse & \u2603", "f": 0.1}}),
        ("/thing", {"json": {}}),
        ("/a b/ü/%41;c", {"params": {"q": "a b&c=d+e/ü?", "yes": True, "no": False, "none": None, "n": 3}}),
        ("/thing", {"params": {"id": ["x", "y"], "empty": ""}}),
        ("/thing", {"params": {"select_filters": json.dumps({"day": {"gte": 1, "lt": 2}})}}),
        ("/thing", {"params": {}, "headers": {"X-One": "1"}}),
    ],
)
async def test_a_call_is_put_together_as_httpx_would(method: str, path: str, request_: dict[str, Any]) -> None:
    server = Recorder()
    async with at(server) as http:
        await http.read(method, path, **request_)
        base = http.client.base_url
        async with httpx.AsyncClient(base_url=base, headers={"Authorization": f"Bearer {TOKEN}"}) as peer:
            await peer.request(method, path, **request_)
    (ours, theirs), names = server.headers, ("host", "content-type", "content-length", "authorization", "x-one")
    assert [ours.get(name) for name in names] == [theirs.get(name) for name in names]
    assert server.bodies[0] == server.bodies[1]
    assert httpx.URL(server.lines[0].split(" ")[1]).path == httpx.URL(server.lines[1].split(" ")[1]).path
    assert (queried(server.lines[0]), server.lines[0].split(" ")[0]) == (queried(server.lines[1]), method)


def queried(line: str) -> list[tuple[str, str]]:
    """The query as a server reads it: aiohttp leaves `:` and `/` as they are, httpx packs them."""
    return httpx.URL(line.split(" ")[1]).params.multi_items()


@WAYS
async def test_each_call_says_who_we_are_and_asks_for_no_packing_that_we_do_not_open(method: str) -> None:
    server = Recorder(b"{}", b"set-cookie: a=b; Path=/")
    async with at(server, host="localhost") as http:  # by a name: a number's cookies nobody keeps
        await http.read(method, "/thing")
        await http.read(method, "/thing")
    for headers in server.headers:
        assert headers["accept-encoding"] == "gzip, deflate"
        assert (headers["user-agent"], headers["accept"]) == ("gpu-bakeoff", "*/*")
        assert "cookie" not in headers


@WAYS
async def test_a_whole_url_is_called_as_it_is_and_not_followed(method: str) -> None:
    server = Recorder(b"", b"location: /elsewhere", status=b"303 See Other")
    async with at(server, base="") as http:
        answer = await http.exchange(method, f"{http.client.base_url}/there?x=1")
    assert (answer.status_code, answer.headers["location"]) == (303, "/elsewhere")
    assert server.lines == [f"{method} /there?x=1 HTTP/1.1"]


# ---------------------------------------------------------------- what comes back

PLAIN = b'{"n": 1}'
RAW_DEFLATE = zlib.compressobj(wbits=-15)
PACKED = {
    "gzip": gzip.compress(PLAIN),
    "deflate": zlib.compress(PLAIN),
    "raw deflate": RAW_DEFLATE.compress(PLAIN) + RAW_DEFLATE.flush(),
    "identity": PLAIN,
}


async def heard(method: str, body: bytes, coding: str) -> Any:
    async with at(Recorder(body, b"Content-Encoding: " + coding.encode())) as http:
        try:
            return await http.read(method, "/thing")
        except BackendError as error:
            return error


@WAYS
@pytest.mark.parametrize("packing", PACKED)
async def test_a_packed_answer_is_opened(method: str, packing: str) -> None:
    assert await heard(method, PACKED[packing], packing.split()[-1]) == {"n": 1}


@WAYS
async def test_an_empty_answer_that_calls_itself_packed_is_none(method: str) -> None:
    assert await heard(method, b"", "gzip") is None


@WAYS
@pytest.mark.parametrize(
    ("body", "coding", "kind"),
    [
        (gzip.compress(b" " * (MOST_BYTES + 1)), "gzip", TooLarge),
        (gzip.compress(gzip.compress(PLAIN)), "gzip, gzip", UnexpectedReply),
        (PLAIN, "br", UnexpectedReply),
        (PLAIN, "gzip", UnexpectedReply),
        (gzip.compress(PLAIN)[:-9], "gzip", UnexpectedReply),
    ],
    ids=["bomb", "packed twice", "unknown packing", "not packed", "cut short"],
)
async def test_a_body_that_is_not_what_it_says_is_not_taken(method: str, body: bytes, coding: str, kind: type) -> None:
    assert type(await heard(method, body, coding)) is kind


def test_no_more_is_unpacked_than_is_taken() -> None:
    assert len(unpacked(zlib.compress(bytes(2 * MOST_BYTES), 1), "deflate")) == MOST_BYTES + 1


@pytest.mark.parametrize(("method", "kind"), [("POST", "SocketTimeoutError"), ("PUT", "ReadTimeout")])
async def test_an_answer_that_does_not_begin_is_waited_for_as_long_as_the_call_says(method: str, kind: str) -> None:
    async with listening(BrokenServer("hang")) as url:
        http = Http(client(url, TOKEN), WallClock(), "Testco", trickle_s=2)
        with pytest.raises(FateUnknown, match=kind):  # what ends a trickle is called TimeoutError
            await http.send(method, "/pay", json={}, timeout=0.1)
        await http.aclose()


@WAYS
async def test_a_header_that_is_no_text_is_kept_as_one_that_can_be_stored(method: str) -> None:
    async with at(Recorder(b"{}", b"X-Odd: \xff\xfe", status=b"400 No")) as http:
        headers = (await http.exchange(method, "/thing")).headers
        with pytest.raises(InvalidRequest):
            await http.read(method, "/thing")
    assert headers["x-odd"].encode()


def test_a_connection_counts_as_never_opened_only_where_nothing_can_have_been_sent() -> None:
    unopened = [
        aiohttp.ClientConnectorError(None, OSError()),  # type: ignore[arg-type]
        aiohttp.ConnectionTimeoutError(),
        httpx.ConnectError(""),
        httpx.ConnectTimeout(""),
        httpx.PoolTimeout(""),
    ]
    sent = [
        aiohttp.ServerTimeoutError(),
        aiohttp.SocketTimeoutError(),
        aiohttp.ServerDisconnectedError(),
        aiohttp.ClientOSError(),
        aiohttp.ClientPayloadError(),
        httpx.ReadError(""),
        httpx.WriteError(""),
        httpx.ReadTimeout(""),
        ConnectionResetError(),
        TimeoutError(),
    ]
    assert all(map(never_opened, unopened))
    assert not any(map(never_opened, sent))


# ---------------------------------------------------------------- without sockets


def test_a_call_in_process_is_answered_alike_by_our_way_and_by_httpx() -> None:
    async def scenario(clock: Any) -> list[Any]:
        world = Simulation(load_world("default"), seed=7, studio=InlineStudio(), now=clock.now())
        way = InProcessTransport(world, clock)
        url = "https://control.simulator/faults"
        told = await way.ask("POST", url, headers={}, body=b'[{"colour": 1}]', read_s=1)
        async with httpx.AsyncClient(transport=way) as peer:
            reply = await peer.post(url, content=b'[{"colour": 1}]')
        return [
            told[0],
            told[2],
            told[1]["content-type"],
            reply.status_code,
            reply.content,
            reply.headers["content-type"],
        ]

    told = virtual.run(scenario)
    assert told[:3] == told[3:]
    assert told[0] == 422
