"""One HTTP request and its reply, whatever carries them: a socket or a transport in virtual time."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request as the server sees it. `path` has no query; header names are lower case."""

    service: str  # runpod_jobs, runpod_rest, vast_console, vast_wrapper, modal_web, control
    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    port: int | None = None  # the port it came in on: tells rented instances apart

    @property
    def bearer(self) -> str | None:
        """The bearer token, None without one."""
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token if scheme.lower() == "bearer" and token else None

    def json(self) -> Any:
        """The body parsed; ValueError if it is no JSON."""
        return json.loads(self.body)


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What goes back. `cut`: the connection is reset, or never answered, instead of the reply.

    `hold`: a long poll. The carrier asks it as the world goes on and sends the first reply that it gives; after
    `hold_until_us` it sends this reply itself.
    """

    status: int = 200
    body: Any = None  # bytes as they are, str as text/plain, anything else as JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: Literal["reset", "hang"] | None = None
    hold: Callable[[], "Reply | None"] | None = None
    hold_until_us: int = 0

    def encoded(self) -> tuple[bytes, dict[str, str]]:
        """Body bytes and headers with a content type."""
        headers = {k.lower(): v for k, v in self.headers.items()}
        if isinstance(self.body, bytes):
            return self.body, {"content-type": "application/octet-stream"} | headers
        if isinstance(self.body, str):
            return self.body.encode(), {"content-type": "text/plain; charset=utf-8"} | headers
        if self.body is None:
            return b"", headers
        return json.dumps(self.body).encode(), {"content-type": "application/json"} | headers
