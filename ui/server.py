"""What the web server does beside the pages: health, images, security headers, and being ready before the first one."""

import base64
import gc
import hashlib
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import streamlit
from sqlalchemy.exc import DBAPIError
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from storage.db import StorageError
from ui.exporting import export
from ui.source import source
from ui.status import heartbeat

_SHA256 = re.compile(r"[0-9a-f]{64}")
_KINDS = ((b"\x89PNG", "image/png", "png"), (b"RIFF", "image/webp", "webp"))  # what we draw
_HEAVY = ("altair", "ui.charts", "ui.load")


def _inline_scripts() -> str:
    """The hashes of the scripts inside Streamlit's own index.html, as the policy wants them."""
    page = (Path(streamlit.__file__).parent / "static" / "index.html").read_text(encoding="utf-8")
    scripts = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    return " ".join(f"'sha256-{digest}'" for digest in digests)


# Streamlit 1.67 needs inline styles and compiles chart expressions (Vega); components v2 load from blob: URLs.
_POLICY = "; ".join(
    (
        "default-src 'self'",
        f"script-src 'self' 'unsafe-eval' blob: {_inline_scripts()}",
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
    """An image by its content hash; it can never change, so browsers keep it for ever.

    What a stranger sent is never served: only what we drew from its pixels, under its hash, and nobody may sniff.
    """
    name = request.path_params["sha256"]
    picture = source().blobs.shown(name) if _SHA256.fullmatch(name) else None
    kind, ending = next((kind for magic, *kind in _KINDS if (picture or b"").startswith(magic)), (None, None))
    if picture is None or kind is None:
        return PlainTextResponse("No such image.", status_code=404)
    headers = {
        "Cache-Control": "private, max-age=31536000, immutable",
        "Content-Disposition": f'inline; filename="{name}.{ending}"',
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    return Response(picture, media_type=kind, headers=headers)


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
    Route("/blob/{sha256}", blob, methods=["GET"]),
    Route("/export/{snapshot}", export, methods=["GET"]),
)
MIDDLEWARE: Sequence[Middleware] = (Middleware(SecurityHeaders),)
