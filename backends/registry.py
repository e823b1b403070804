"""The backends by name: one line each. What a backend needs to reach its provider comes in as `Access`."""

from dataclasses import dataclass
from typing import Any

from backends.base import Backend
from clock import Clock


@dataclass(frozen=True, kw_only=True, repr=False)
class Access:
    """Addresses and keys, read at the edge. Has no repr, so that no log can hold a key."""

    runpod_jobs_url: str
    runpod_rest_url: str
    runpod_key: str | None
    runpod_image: str
    vast_console_url: str
    vast_key: str | None
    vast_image: str
    hf_token: str | None
    modal_server_url: str | None
    modal_token_id: str | None
    modal_token_secret: str | None
    modal_web_url: str | None
    modal_workspace: str
    touch_production: bool
    simulated: bool
    transport: Any = None  # replaces the sockets of httpx in virtual time
    modal_client: Any = None  # replaces the modal SDK in virtual time


def build(access: Access, clock: Clock) -> dict[str, Backend]:
    """Every backend whose key is there, in the order in which pages show them."""
    made = {name: make(access, clock) for name, make in REGISTRY.items()}
    return {name: backend for name, backend in made.items() if backend is not None}
