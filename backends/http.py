"""HTTP to providers: the transport, the retries and the naming of what went wrong. Nobody else imports httpx.

Why not one stack: aiohttp silently repeats a PUT or DELETE whose connection dropped (Vast.ai rents by PUT, so
twice), and httpx-aiohttp names a connection lost after sending ConnectTimeout; plain httpx collapses beyond 500 jobs
polled each second. So GET and POST go through aiohttp, the rest through httpx's own, and causes decide.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Protocol

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_attempt
from tenacity.wait import wait_base

from backends.errors import (
    LONGEST_RAW,
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
from backends.reading import LONGEST_HEADER, MOST_BYTES, MOST_HEADERS, Answer, span_s
from clock import Clock

_LIMITS = httpx.Limits(max_connections=400, max_keepalive_connections=100, keepalive_expiry=2.0)
_TIMEOUT = httpx.Timeout(20.0, connect=10.0)  # liveness seconds
_CODINGS = ("", "identity", "gzip", "deflate")  # one of them: a body packed twice unpacks a million times its size
_TRIES = 6
_LONGEST_WAIT_S = 60.0  # world seconds
_REFUSED_GAPS = 3  # Vast.ai closes `create` for 12 s, some three gaps, when it is called too early


class RoutedTransport(httpx.AsyncBaseTransport):
    """GET and POST through aiohttp, every other method through httpx's own, which never repeats."""

    def __init__(self) -> None:
        self._fast = AiohttpTransport(limits=_LIMITS)
        self._once = httpx.AsyncHTTPTransport(limits=_LIMITS)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send it by the way that suits its method."""
        way = self._fast if request.method in ("GET", "POST") else self._once
        return await way.handle_async_request(request)

    async def aclose(self) -> None:
        """Close both ways."""
        await self._fast.aclose()
        await self._once.aclose()


def never_opened(error: httpx.TransportError) -> bool:
    """True only where the connection provably never opened, so that nothing can have taken effect."""
    cause = error.__cause__
    if isinstance(cause, aiohttp.ClientError):
        return isinstance(cause, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError)
    return isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)


class Dialect(Protocol):
    """How a provider words its refusals; None = nothing special, the status code decides."""

    def __call__(self, status: int, text: str, /) -> BackendError | None: ...


def plain(status: int, text: str) -> BackendError | None:  # noqa: ARG001 - the shape of a Dialect
    """No dialect: status codes mean what they say."""
    return None


@dataclass
class Http:
    """One provider's HTTP. `paces`: least world seconds between two calls of a named pace.

    `trickle_s`: liveness seconds that an answer may take beyond the read timeout, which each byte starts anew.
    """

    client: httpx.AsyncClient
    clock: Clock
    provider: str
    dialect: Dialect = plain
    paces: Mapping[str, float] | None = None
    trickle_s: float = 60.0

    def __post_init__(self) -> None:
        self._turns = {pace: _Turn(self.clock, gap_s) for pace, gap_s in (self.paces or {}).items()}

    async def read(self, method: str, path: str, *, pace: str = "", **request: Any) -> Any:
        """A call that may be repeated: JSON, None if empty. Retries 429, 408, 5xx and lost connections."""
        return await self._patiently(method, path, pace, Unavailable, request)

    async def send(self, method: str, path: str, *, pace: str = "", **request: Any) -> Any:
        """A call with a price: sent once. Repeated only on 429 or where no connection ever opened.

        Raises FateUnknown when the answer is missing or a 5xx: the caller looks it up and never sends it again.
        """
        return await self._patiently(method, path, pace, FateUnknown, request)

    async def glance(self, path: str, *, pace: str) -> Any:
        """A GET that is a bonus: it waits for no turn and is never repeated. None where that gives no JSON."""
        if not self._turns[pace].free:
            return None
        try:
            return await self._attempt("GET", path, pace, Unavailable, {})
        except BackendError:
            return None

    async def exchange(
        self, method: str, path: str, *, lost: type[BackendError] = FateUnknown, **request: Any
    ) -> Answer:
        """One call as it is: any status and body, no redirect followed, never repeated.

        Raises Unavailable where no connection ever opened, `lost` where one broke or was too slow before the answer
        was here, TooLarge beyond `MOST_BYTES`.
        """
        call = f"{self.provider} {method} {path}"
        read_s = request.get("timeout", self.client.timeout.read) or 0
        try:
            async with (
                asyncio.timeout(read_s + self.trickle_s),
                self.client.stream(method, path, **request) as response,
            ):
                return await _taken(response, call)
        except httpx.TransportError as error:
            if never_opened(error):
                raise Unavailable(f"{self.provider} cannot be reached ({type(error).__name__}).") from error
            raise lost(f"{call}: the connection broke before an answer came ({type(error).__name__}).") from error
        except (aiohttp.ClientError, TimeoutError) as error:  # no HTTP at all, or a trickle without an end
            raise lost(f"{call}: no whole answer came ({type(error).__name__}).") from error

    async def aclose(self) -> None:
        """Release the connections."""
        await self.client.aclose()

    async def _patiently(self, *call: Any) -> Any:
        """Attempts until one is answered. The first alone, as it mostly is: tenacity would cost a third of a look."""
        try:
            return await self._attempt(*call)
        except (RateLimited, Unavailable) as error:
            failed = [error]

        async def attempt() -> Any:
            if failed:
                raise failed.pop()
            return await self._attempt(*call)

        return await self._retrying()(attempt)

    def _retrying(self) -> AsyncRetrying:
        return AsyncRetrying(
            sleep=self.clock.sleep,
            stop=stop_after_attempt(_TRIES),
            wait=_Backoff(),
            retry=retry_if_exception_type((RateLimited, Unavailable)),
            reraise=True,
        )

    async def _attempt(
        self, method: str, path: str, pace: str, lost: type[BackendError], request: dict[str, Any]
    ) -> Any:
        if not pace:
            return await self._call(method, path, lost, request)
        async with self._turns[pace]:
            return await self._call(method, path, lost, request)

    async def _call(self, method: str, path: str, lost: type[BackendError], request: dict[str, Any]) -> Any:
        call = f"{self.provider} {method} {path}"
        answer = await self.exchange(method, path, lost=lost, **request)
        if 300 <= answer.status_code < 400:
            raise UnexpectedReply(f"{call} sends us elsewhere ({answer.status_code}); we do not go.", raw=answer.text)
        if not answer.is_success:
            raise self._named(answer, call, lost)
        return _parsed(answer, call)

    def _named(self, answer: Answer, call: str, lost: type[BackendError]) -> BackendError:
        status, text = answer.status_code, answer.text
        if (special := self.dialect(status, text)) is not None:
            return special
        said = f"{call} was answered {status}: {text[:300]}"
        if status in (401, 403):
            return AuthFailed(f"{self.provider} refused the key ({status}).")
        if status == 429:
            return RateLimited(said, retry_after_s=_seconds(answer.headers.get("retry-after")))
        if status >= 500 or status == 408:
            return lost(said)
        return {404: NotFound, 410: Retired}.get(status, InvalidRequest)(said)


class _Turn:
    """One call of a pace at a time, each a gap after the answer to the one before; a refusal closes it for longer.

    From answer to call, not from call to call: whatever delays a call on its way must not shorten the gap that the
    provider sees.
    """

    def __init__(self, clock: Clock, gap_s: float) -> None:
        self._clock, self._gap_s = clock, gap_s
        self._lock = asyncio.Lock()
        self._free_at: datetime | None = None

    @property
    def free(self) -> bool:
        """Would a call go out at once?"""
        return not self._lock.locked() and (self._free_at is None or self._clock.now() >= self._free_at)

    async def __aenter__(self) -> None:
        await self._lock.acquire()
        try:
            if self._free_at is not None:
                await self._clock.sleep_until(self._free_at)
        except BaseException:  # cancelled while waiting: whoever is next must not wait for ever
            self._lock.release()
            raise

    async def __aexit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        gaps = _REFUSED_GAPS if isinstance(error, RateLimited) else 1
        self._free_at = self._clock.now() + timedelta(seconds=self._gap_s * gaps)
        self._lock.release()


class _Backoff(wait_base):
    """Retry-After when the provider gave one, else 1, 2, 4, .. world seconds."""

    def __call__(self, retry_state: RetryCallState) -> float:
        error = retry_state.outcome.exception() if retry_state.outcome else None
        hint = error.retry_after_s if isinstance(error, RateLimited) else None
        return min(_LONGEST_WAIT_S, hint if hint is not None else 2.0 ** (retry_state.attempt_number - 1))


def client(base_url: str, token: str | None, transport: httpx.AsyncBaseTransport | None = None) -> httpx.AsyncClient:
    """A client for one base URL with a bearer token; `transport` replaces the sockets in virtual time.

    It keeps no cookie, and asks for no packing that it would not open.
    """
    headers = {"Accept-Encoding": "gzip, deflate"} | ({"Authorization": f"Bearer {token}"} if token else {})
    return httpx.AsyncClient(
        base_url=base_url,
        headers=headers,
        timeout=_TIMEOUT,
        transport=transport or RoutedTransport(),
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
    )


async def _taken(response: httpx.Response, call: str) -> Answer:
    """The answer, read no further than `MOST_BYTES`."""
    coding = response.headers.get("content-encoding", "").strip().lower()
    if coding not in _CODINGS:
        raise UnexpectedReply(f"{call} was answered in a packing that we do not open.", raw=coding)
    body = bytearray()
    try:
        async for part in response.aiter_bytes():
            body += part
            if len(body) > MOST_BYTES:
                start = body[:LONGEST_RAW].decode("utf-8", errors="replace")
                raise TooLarge(f"{call} was answered with more than {MOST_BYTES // 2**20} MB.", raw=start)
    except httpx.DecodingError:
        raise UnexpectedReply(f"{call} was answered with a body that cannot be unpacked.") from None
    headers = {name: value[:LONGEST_HEADER] for name, value in list(response.headers.items())[:MOST_HEADERS]}
    return Answer(status_code=response.status_code, headers=headers, content=bytes(body))


def _parsed(answer: Answer, call: str) -> Any:
    try:
        return answer.json()
    except ValueError as error:
        said = f"{call} was answered with something that is no JSON of ours: {error}."
        raise UnexpectedReply(said[:LONGEST_RAW], raw=answer.text) from None


def _seconds(header: str | None) -> float | None:
    try:
        return span_s(float(header)) if header is not None else None
    except ValueError:
        return None
