"""HTTP to providers: one call with its retries, its turns and the naming of what went wrong. `wires` carries it."""

import asyncio
import json as json_text
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Protocol

import httpx
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
from backends.reading import CODINGS, LONGEST_HEADER, MOST_BYTES, MOST_HEADERS, Answer, span_s, unpacked
from backends.wires import BROKEN, ByHttpx, Parts, Sockets, Wire, never_opened
from clock import Clock

_TRIES = 6
_LONGEST_WAIT_S = 60.0  # world seconds
_READ_S = 20.0  # liveness seconds
_HEADERS = {"Accept": "*/*", "Accept-Encoding": "gzip, deflate", "User-Agent": "gpu-bakeoff"}
_REFUSED_GAPS = 3  # Vast.ai closes `create` for 12 s, some three gaps, when it is called too early


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

    client: "Client"
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
        try:
            async with asyncio.timeout(request.get("timeout", self.client.read_s) + self.trickle_s):
                parts = await self.client.ask(method, path, **request)
        except BROKEN as error:
            if never_opened(error):
                raise Unavailable(f"{self.provider} cannot be reached ({type(error).__name__}).") from error
            raise lost(f"{call}: no whole answer came ({type(error).__name__}).") from error
        return _taken(parts, call)

    async def aclose(self) -> None:
        """Release the connections."""
        await self.client.wire.aclose()

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


@dataclass
class Client:
    """One base URL, what goes with each call there, and the way. `read_s`: liveness seconds, see `Wire.ask`."""

    base_url: str
    headers: Mapping[str, str]
    wire: Wire
    read_s: float = _READ_S

    async def ask(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Parts:
        """One call to a path below the base URL, or to a whole URL, as httpx would put it together."""
        url = path if path.startswith(("http://", "https://")) else f"{self.base_url}/{path.lstrip('/')}"
        if params:
            url = f"{url}?{httpx.QueryParams(params)}"
        sent, body = {**self.headers, **(headers or {})}, b""
        if json is not None:
            body = json_text.dumps(json, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
            sent["Content-Type"] = "application/json"
        return await self.wire.ask(
            method, url, headers=sent, body=body, read_s=self.read_s if timeout is None else timeout
        )


def client(base_url: str, token: str | None, transport: Wire | httpx.AsyncBaseTransport | None = None) -> Client:
    """A client for one base URL with a bearer token; `transport` replaces the sockets in virtual time."""
    bearer = {"Authorization": f"Bearer {token}"} if token else {}
    if transport is None:
        wire: Wire = Sockets()
    else:
        wire = transport if isinstance(transport, Wire) else ByHttpx(transport)
    return Client(base_url.rstrip("/"), _HEADERS | bearer, wire)


def _taken(parts: Parts, call: str) -> Answer:
    """The answer, if it is packed as we can open it and no larger than `MOST_BYTES`."""
    status, headers, body = parts
    coding = headers.get("content-encoding", "").strip().lower()
    if coding not in CODINGS:
        raise UnexpectedReply(f"{call} was answered in a packing that we do not open.", raw=coding)
    if len(body) <= MOST_BYTES:
        try:
            body = unpacked(body, coding)
        except ValueError:
            raise UnexpectedReply(f"{call} was answered with a body that cannot be unpacked.") from None
    if len(body) > MOST_BYTES:
        start = body[:LONGEST_RAW].decode("utf-8", errors="replace")
        raise TooLarge(f"{call} was answered with more than {MOST_BYTES // 2**20} MB.", raw=start)
    kept = {name: value[:LONGEST_HEADER] for name, value in islice(headers.items(), MOST_HEADERS)}
    return Answer(status_code=status, headers=kept, content=body)


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
