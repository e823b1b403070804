"""No call with a price is ever sent twice, whatever the connection does; and what was refused is named for what to do.

On real sockets, since the surprises are in the stacks: aiohttp repeats a PUT or DELETE whose connection dropped.
"""

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from typing import Any

import httpx
import pytest

from backends.errors import (
    AuthFailed,
    BackendError,
    FateUnknown,
    InvalidRequest,
    NotFound,
    RateLimited,
    Retired,
    TooLarge,
    Unavailable,
    UnexpectedReply,
)
from backends.http import Http, client
from backends.reading import MOST_BYTES
from backends.wires import Sockets
from clock import WallClock
from tests import virtual
from tests.contract.broken_server import BrokenServer, Manner, listening

PAID = ["POST", "PUT", "PATCH", "DELETE"]  # no provider takes money for a GET, which aiohttp would repeat by itself
TOKEN = "canary-7a11-bearer"


class QuickClock(WallClock):
    """World time that passes at once; keeps what was slept, and lets a test act meanwhile."""

    def __init__(self, meanwhile: Callable[[], Awaitable[Any]] | None = None) -> None:
        self.slept_s: list[float] = []
        self._meanwhile = meanwhile

    async def sleep(self, world_s: float) -> None:
        self.slept_s.append(world_s)
        if self._meanwhile:
            await self._meanwhile()

    async def sleep_until(self, at: datetime) -> None:
        raise NotImplementedError


def http_to(url: str, clock: WallClock) -> Http:
    """Our HTTP over our own transport, as `client` builds it, with less patience."""
    inner = client(url, TOKEN)
    inner.read_s = 0.3
    return Http(inner, clock, "Testco", trickle_s=0.2)


async def sent(server: BrokenServer, method: str, *, warm: bool) -> BackendError | None:
    """What became of one paid call, on a fresh connection or on one that has served another call."""
    async with listening(server) as url:
        http = http_to(url, QuickClock())
        try:
            if warm:
                await http.read(method, "/warm")
            await http.send(method, "/pay", json={"n": 1})
        except BackendError as error:
            return error
        finally:
            await http.aclose()
    return None


@pytest.mark.parametrize("warm", [False, True], ids=["cold", "warm"])
@pytest.mark.parametrize("manner", ["drop", "reset", "hang"])
@pytest.mark.parametrize("method", PAID)
async def test_a_paid_call_without_an_answer_is_sent_once_and_its_fate_is_unknown(
    method: str, manner: Manner, warm: bool
) -> None:
    server = BrokenServer(*(["answer"] if warm else []), manner, "answer")
    error = await sent(server, method, warm=warm)
    assert isinstance(error, FateUnknown)
    assert server.seen == [method] * (2 if warm else 1)
    if warm:
        assert server.connections == 1  # or the case would have been another cold one


@pytest.mark.parametrize("manner", ["drop", "reset", "hang"])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_a_free_call_is_repeated_until_it_is_answered(method: str, manner: Manner) -> None:
    server = BrokenServer(manner, manner, "answer")
    async with listening(server) as url:
        clock = QuickClock()
        http = http_to(url, clock)
        assert await http.read(method, "/look") == {}
        await http.aclose()
    assert server.seen == [method] * 3
    assert clock.slept_s in ([1, 2], [1])  # aiohttp repeats a dropped GET once by itself, which does no harm


@pytest.mark.parametrize("method", PAID)
async def test_a_refused_connection_never_opened_so_a_paid_call_is_tried_again(method: str) -> None:
    """The port is taken and nobody listens, until the first wait."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    server, opened = BrokenServer("answer"), []

    async def open_up() -> None:
        if not opened:
            opened.append(await asyncio.start_server(server, sock=sock))

    clock = QuickClock(meanwhile=open_up)
    http = http_to(f"http://127.0.0.1:{sock.getsockname()[1]}", clock)
    assert await http.send(method, "/pay", json={}) == {}
    await http.aclose()
    opened[0].close()
    server.end()
    assert server.seen == [method]
    assert clock.slept_s == [1]


@pytest.mark.parametrize("method", PAID)
async def test_a_provider_that_cannot_be_reached_is_given_up_after_six_tries(method: str) -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        clock = QuickClock()
        http = http_to(f"http://127.0.0.1:{sock.getsockname()[1]}", clock)
        with pytest.raises(Unavailable):
            await http.send(method, "/pay", json={})
        await http.aclose()
    assert clock.slept_s == [1, 2, 4, 8, 16]


# ---------------------------------------------------------------- what an answer means


def answering(*replies: httpx.Response, clock: Any = None, **more: Any) -> tuple[Http, list[httpx.Request]]:
    """Our HTTP over a transport that gives these replies in turn, the last for ever; and what it was asked."""
    asked: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return replies[min(len(asked), len(replies)) - 1]

    inner = client("https://api.test/v9", TOKEN, httpx.MockTransport(handle))
    return Http(inner, clock or QuickClock(), "Testco", **more), asked


async def outcome(http: Http, verb: str) -> BackendError | Any:
    try:
        return await getattr(http, verb)("POST", "/thing", json={})
    except BackendError as error:
        return error


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidRequest),
        (401, AuthFailed),
        (403, AuthFailed),
        (404, NotFound),
        (409, InvalidRequest),
        (410, Retired),
        (422, InvalidRequest),
    ],
)
@pytest.mark.parametrize("verb", ["read", "send"])
async def test_a_refusal_is_named_by_what_to_do_and_not_repeated(status: int, kind: type, verb: str) -> None:
    http, asked = answering(httpx.Response(status, text="no"))
    assert type(await outcome(http, verb)) is kind
    assert len(asked) == 1


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
async def test_a_server_error_leaves_a_paid_call_in_doubt(status: int) -> None:
    http, asked = answering(httpx.Response(status))
    assert isinstance(await outcome(http, "send"), FateUnknown)
    assert len(asked) == 1


@pytest.mark.parametrize("status", [408, 500, 503])
async def test_a_server_error_of_a_free_call_is_waited_out(status: int) -> None:
    http, asked = answering(httpx.Response(status), httpx.Response(status), httpx.Response(200, json=[1]))
    assert await outcome(http, "read") == [1]
    assert len(asked) == 3


@pytest.mark.parametrize("verb", ["read", "send"])
@pytest.mark.parametrize(
    ("hint", "waits"), [("7", [7, 7]), (None, [1, 2]), ("Fri, 31 Dec", [1, 2]), ("3600", [60, 60])]
)
async def test_too_many_calls_wait_as_told_within_a_minute_or_twice_as_long_each_time(
    hint: str | None, waits: list[int], verb: str
) -> None:
    busy = httpx.Response(429, headers={"retry-after": hint} if hint else {})
    clock = QuickClock()
    http, asked = answering(busy, busy, httpx.Response(200, json={}), clock=clock)
    assert await outcome(http, verb) == {}
    assert (clock.slept_s, len(asked)) == (waits, 3)


async def test_too_many_calls_for_too_long_is_an_error_with_the_hint() -> None:
    http, asked = answering(httpx.Response(429, headers={"retry-after": "2"}))
    error = await outcome(http, "send")
    assert isinstance(error, RateLimited)
    assert (error.retry_after_s, len(asked)) == (2, 6)


# ---------------------------------------------------------------- answers that mean harm


@pytest.mark.parametrize("method", ["GET", "PUT"], ids=["through aiohttp", "through httpx"])
@pytest.mark.parametrize(("manner", "kind"), [("trickle", Unavailable), ("no_http", Unavailable), ("flood", TooLarge)])
async def test_an_answer_that_never_ends_is_left_in_time(method: str, manner: Manner, kind: type) -> None:
    async with listening(BrokenServer(manner)) as url:
        http = http_to(url, QuickClock())
        with pytest.raises(kind) as caught:
            await http.exchange(method, "/look", lost=Unavailable)
        await http.aclose()
    if isinstance(caught.value, TooLarge):
        assert caught.value.raw == ("{}" + '["x",' * 400)[:2000]
        assert str(caught.value) == f"Testco {method} /look was answered with more than 32 MB."


async def test_a_paid_call_whose_answer_trickles_is_in_doubt() -> None:
    server = BrokenServer("trickle")
    assert isinstance(await sent(server, "POST", warm=False), FateUnknown)
    assert server.seen == ["POST"]


async def test_a_small_answer_that_unpacks_to_a_huge_one_is_cut_where_ours_end() -> None:
    packed = gzip.compress(b" " * (MOST_BYTES + 1))
    assert len(packed) < 40_000
    http, _ = answering(httpx.Response(200, stream=Chunks(packed), headers={"content-encoding": "gzip"}))
    assert isinstance(await outcome(http, "read"), TooLarge)


@pytest.mark.parametrize("coding", ["gzip, gzip", "br", "zstd", "x-nobody"])
async def test_a_packing_that_we_did_not_ask_for_is_not_opened(coding: str) -> None:
    http, _ = answering(httpx.Response(200, stream=Chunks(b"{}"), headers={"content-encoding": coding}))
    error = await outcome(http, "read")
    assert isinstance(error, UnexpectedReply)
    assert error.raw == coding


async def test_a_body_that_is_not_packed_as_it_says_cannot_be_read() -> None:
    http, _ = answering(httpx.Response(200, stream=Chunks(b"{}"), headers={"content-encoding": "gzip"}))
    assert isinstance(await outcome(http, "read"), UnexpectedReply)


async def test_an_honest_packed_answer_is_read() -> None:
    packed = Chunks(gzip.compress(b'{"n": 1}'))
    http, _ = answering(httpx.Response(200, stream=packed, headers={"content-encoding": "gzip"}))
    assert await outcome(http, "read") == {"n": 1}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 304])
async def test_an_answer_that_sends_us_elsewhere_is_not_followed_and_no_success(status: int) -> None:
    http, asked = answering(httpx.Response(status, headers={"location": "http://169.254.169.254/latest"}))
    assert isinstance(await outcome(http, "read"), UnexpectedReply)
    assert len(asked) == 1


async def test_a_charset_that_unpacks_is_not_obeyed() -> None:
    wanted = httpx.Response(400, content=b"no", headers={"content-type": "text/plain; charset=zlib"})
    http, _ = answering(wanted)
    assert isinstance(await outcome(http, "read"), InvalidRequest)


async def test_headers_are_kept_in_number_and_length_as_we_choose() -> None:
    headers = [("x-long", "y" * 9000), *((f"x-{n}", "z") for n in range(300))]
    http, _ = answering(httpx.Response(200, headers=headers))
    kept = (await http.exchange("GET", "/x")).headers
    assert (len(kept), kept["x-long"]) == (100, "y" * 4000)


@pytest.mark.parametrize("hint", ["nan", "inf", "-5", "1e400"])
async def test_a_hint_that_is_no_duration_is_none(hint: str) -> None:
    clock = QuickClock()
    busy = httpx.Response(429, headers={"retry-after": hint})
    http, _ = answering(busy, httpx.Response(200, json={}), clock=clock)
    assert await outcome(http, "read") == {}
    assert clock.slept_s == [1]


async def test_no_cookie_of_a_provider_is_kept() -> None:
    http, asked = answering(httpx.Response(200, json={}, headers={"set-cookie": "a=b; Path=/"}))
    await outcome(http, "read")
    await outcome(http, "read")
    assert "cookie" not in asked[1].headers


class Chunks(httpx.AsyncByteStream):
    """A body as it comes over a socket, still packed."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._content


async def test_an_answer_that_is_no_json_is_kept_for_the_reader() -> None:
    http, _ = answering(httpx.Response(200, text="<html>"))
    error = await outcome(http, "read")
    assert isinstance(error, UnexpectedReply)
    assert error.raw == "<html>"


async def test_an_empty_answer_is_none() -> None:
    http, _ = answering(httpx.Response(204))
    assert await outcome(http, "read") is None


async def test_a_providers_own_words_come_before_the_status() -> None:
    http, _ = answering(
        httpx.Response(400, text="no such ask"),
        dialect=lambda status, text: NotFound("gone") if (status, text) == (400, "no such ask") else None,
    )
    assert isinstance(await outcome(http, "send"), NotFound)


async def test_the_key_goes_into_the_header_and_into_no_error() -> None:
    http, asked = answering(httpx.Response(401, text="bad key"))
    error = await outcome(http, "send")
    assert asked[0].headers["authorization"] == f"Bearer {TOKEN}"
    assert asked[0].url == "https://api.test/v9/thing"
    assert TOKEN not in f"{error} {error!r}"


def test_calls_of_one_pace_are_spaced_and_others_are_not_held_up() -> None:
    async def scenario(clock: Any) -> list[float]:
        http, _ = answering(httpx.Response(200, json={}), clock=clock, paces={"slow": 2.0})
        start, at = clock.now(), []

        async def call(pace: str) -> None:
            await http.read("GET", "/x", pace=pace)
            at.append((pace, (clock.now() - start).total_seconds()))

        await asyncio.gather(call("slow"), call("slow"), call(""), call("slow"))
        return sorted(at)

    assert virtual.run(scenario) == [("", 0), ("slow", 0), ("slow", 2), ("slow", 4)]


def test_clients_get_our_sockets_our_patience_and_no_header_without_a_key() -> None:
    made = client("https://api.test", None)
    assert isinstance(made.wire, Sockets)
    assert made.read_s == 20
    assert set(made.headers) == {"Accept", "Accept-Encoding", "User-Agent"}


async def test_a_long_refusal_is_quoted_by_its_beginning() -> None:
    http, _ = answering(httpx.Response(400, text="x" * 500))
    assert str(await outcome(http, "send")) == "Testco POST /thing was answered 400: " + "x" * 300
