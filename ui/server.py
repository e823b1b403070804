"""What the web server does beside the pages: health, images, security headers, and being ready before the first one."""

import gc
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any

from sqlalchemy.exc import DBAPIError
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from storage.db import StorageError
from ui.status import heartbeat
from ui.source import source

_BLOB = re.compile(r"([0-9a-f]{64})\.(webp|png)")
_HEAVY = ("altair", "ui.charts", "ui.load")

# Streamlit 1.67 needs inline styles and compiles chart expressions (Vega); components v2 load from blob: URLs.
_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-eval' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = (
    (b"content-security-policy", _POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
)


class SecurityHeaders:
    """Adds the headers to each HTTP response."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *_HEADERS]
            await send(message)

        await self.app(scope, receive, send_with_headers)


def health(request: Request) -> Response:  # noqa: ARG001 - a route takes its request
    """200 when the tables can be read, 503 with one sentence when not; the collector's silence is told, not judged."""
    try:
        here = source()
        if here.state != "current":
            return JSONResponse({"status": "no_database", "database": here.state}, status_code=503)
        beat = heartbeat(here)
    except (StorageError, DBAPIError) as error:
        return JSONResponse({"status": "unreadable", "cause": str(error)}, status_code=503)
    silent_s = beat.silent.total_seconds() if beat else None
    return JSONResponse({"status": "ok", "database": "current", "collector_silent_s": silent_s})


def blob(request: Request) -> Response:
    """An image by its content hash; it can never change, so browsers keep it for ever."""
    match = _BLOB.fullmatch(request.path_params["name"])
    path = source().blobs.path(match[1]) if match else None
    if match is None or path is None or not path.is_file():
        return PlainTextResponse("No such image.", status_code=404)
    headers = {"Cache-Control": "private, max-age=31536000, immutable"}
    return FileResponse(path, media_type=f"image/{match[2]}", headers=headers)


@asynccontextmanager
async def lifespan(app: Any) -> AsyncIterator[dict[str, Any]]:  # noqa: ARG001 - Starlette passes itself
    """Import what pages need before the first one, then freeze it.

    Streamlit collects garbage after every script run; with the libraries' objects frozen a rerun takes 32 ms, not 119.
    """
    for name in _HEAVY:
        import_module(name)
    gc.collect()
    gc.freeze()
    yield {}


ROUTES: Sequence[BaseRoute] = (
    Route("/api/health", health, methods=["GET"]),
    Route("/blob/{name}", blob, methods=["GET"]),
)
MIDDLEWARE: Sequence[Middleware] = (Middleware(SecurityHeaders),)
