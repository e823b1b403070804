"""The ways of one HTTP call: aiohttp's sockets, httpx's, or a simulation without any. They carry bytes, judge nothing.

Why two stacks: aiohttp silently repeats a PUT or DELETE whose kept-alive connection dropped (Vast.ai rents by PUT, so
twice); httpx costs three times the CPU and collapses beyond 500 jobs polled each second. So GET, whose repeat does no
harm, and POST, which aiohttp never repeats, go through aiohttp, and the rest through httpx.
"""

from collections.abc import AsyncIterable, Mapping
from functools import lru_cache
from typing import Protocol, runtime_checkable

import aiohttp
import httpx

from backends.reading import MOST_BYTES

_CONNECTIONS, _KEPT_S, _CONNECT_S = 400, 2.0, 10.0  # liveness seconds
_LIMITS = httpx.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=100, keepalive_expiry=_KEPT_S)
_NEVER_OPENED = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
)
BROKEN = (aiohttp.ClientError, httpx.TransportError, OSError)  # OSError: TimeoutError and ConnectionError too
Parts = tuple[int, Mapping[str, str], bytes]  # status, headers with names in lower case, body as it was packed


@runtime_checkable
class Wire(Protocol):
    """How bytes get to a provider and back. Follows no redirect, keeps no cookie, unpacks nothing."""

    async def ask(self, method: str, url: str, *, headers: Mapping[str, str], body: bytes, read_s: float) -> Parts:
        """Status, headers (names in lower case) and body, which ends with the part that goes beyond `MOST_BYTES`.

        `read_s`: liveness seconds to wait for a free connection, and for each part of the answer. Raises one of
        `BROKEN`.
        """
        ...

    async def aclose(self) -> None:
        """Release the connections."""
        ...


def never_opened(error: BaseException) -> bool:
    """True only where the connection provably never opened, so that nothing can have taken effect."""
    return isinstance(error, _NEVER_OPENED)


class Sockets:
    """GET and POST through aiohttp, every other method through httpx's own transport, which never repeats."""

    def __init__(self) -> None:
        self._tls = httpx.create_ssl_context()
        self._once = ByHttpx(httpx.AsyncHTTPTransport(verify=self._tls, limits=_LIMITS))
        self._session: aiohttp.ClientSession | None = None  # opened by the first call: it takes a running loop

    async def ask(self, method: str, url: str, *, headers: Mapping[str, str], body: bytes, read_s: float) -> Parts:
        """Send it by the way that suits its method."""
        if method not in ("GET", "POST"):
            return await self._once.ask(method, url, headers=headers, body=body, read_s=read_s)
        session = self._session = self._session or self._opened()
        async with session.request(
            method,
            url,
            headers=headers,
            data=body or None,
            allow_redirects=False,
            timeout=_patience(read_s),
        ) as response:
            named = {name.lower(): _text(value) for name, value in response.headers.items()}
            return response.status, named, await _bounded(response.content.iter_any())

    async def aclose(self) -> None:
        """Close both ways."""
        await self._once.aclose()
        if self._session is not None:
            await self._session.close()

    def _opened(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=_CONNECTIONS, keepalive_timeout=_KEPT_S, ssl=self._tls),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=["Content-Type"],  # it would name a type where there is no body
        )


class ByHttpx:
    """Any transport of httpx as a wire, without the client that would go on top."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport

    async def ask(self, method: str, url: str, *, headers: Mapping[str, str], body: bytes, read_s: float) -> Parts:
        """As every wire does."""
        timeout = httpx.Timeout(read_s, connect=_CONNECT_S).as_dict()
        request = httpx.Request(method, url, headers=headers, content=body, extensions={"timeout": timeout})
        response = await self._transport.handle_async_request(request)
        try:
            if not isinstance(response.stream, httpx.AsyncByteStream):
                raise TypeError("an asynchronous transport gave a stream that is none")
            return response.status_code, dict(response.headers.items()), await _bounded(response.stream)
        finally:
            await response.aclose()

    async def aclose(self) -> None:
        """Close the transport."""
        await self._transport.aclose()


async def _bounded(parts: AsyncIterable[bytes]) -> bytes:
    """The body, read no further than the part that goes beyond `MOST_BYTES`."""
    taken, size = [], 0
    async for part in parts:
        taken.append(part)
        size += len(part)
        if size > MOST_BYTES:
            break
    return b"".join(taken)


@lru_cache(maxsize=16)
def _patience(read_s: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(connect=read_s, sock_connect=_CONNECT_S, sock_read=read_s)


def _text(header: str) -> str:
    """aiohttp leaves halves of characters where a header is no UTF-8; nothing could store them."""
    return header if header.isascii() else header.encode(errors="surrogateescape").decode(errors="replace")
