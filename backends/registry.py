"""The backends by name: one line each. What a backend needs to reach its provider comes in as `Access`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from backends.addresses import loopback, public
from backends.base import Backend
from backends.modal.adapter import ModalBackend
from backends.modal.wire import ModalSdkClient
from backends.modal_web import ModalWebBackend, endpoint_urls
from backends.runpod.adapter import RunpodBackend
from backends.vast.adapter import VastBackend
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
    sent_to_production_at: Sequence[datetime] = ()  # earlier jobs, for the daily limit
    transport: Any = None  # replaces the sockets in virtual time
    modal_client: Any = None  # replaces the modal SDK in virtual time


def build(access: Access, clock: Clock) -> dict[str, Backend]:
    """Every backend whose key is there, in the order in which pages show them."""
    made = {name: make(access, clock) for name, make in REGISTRY.items()}
    return {name: backend for name, backend in made.items() if backend is not None}


def _modal(access: Access, clock: Clock) -> Backend | None:
    if not (access.modal_token_id and access.modal_token_secret):
        return None
    client = access.modal_client or ModalSdkClient(
        token_id=access.modal_token_id,
        token_secret=access.modal_token_secret,
        clock=clock,
        server_url=access.modal_server_url,
    )
    return ModalBackend(client=client, clock=clock)


def _runpod(access: Access, clock: Clock) -> Backend | None:
    if not access.runpod_key:
        return None
    return RunpodBackend(
        jobs_url=access.runpod_jobs_url,
        rest_url=access.runpod_rest_url,
        key=access.runpod_key,
        clock=clock,
        image=access.runpod_image,
        transport=access.transport,
    )


def _vast(access: Access, clock: Clock) -> Backend | None:
    if not access.vast_key:
        return None
    return VastBackend(
        console_url=access.vast_console_url,
        key=access.vast_key,
        clock=clock,
        image=access.vast_image,
        web_password=access.vast_key,
        hf_token=access.hf_token,
        machines=loopback if access.simulated else public,
        transport=access.transport,
    )


def _modal_web(access: Access, clock: Clock) -> Backend | None:
    if not (access.simulated or access.modal_token_id):
        return None  # without Modal there is no production to look at
    return ModalWebBackend(
        urls=endpoint_urls(access.modal_workspace, access.modal_web_url),
        clock=clock,
        simulated=access.simulated,
        touch_production=access.touch_production,
        earlier=access.sent_to_production_at,
        transport=access.transport,
    )


REGISTRY: Mapping[str, Callable[[Access, Clock], Backend | None]] = {
    "modal": _modal,
    "runpod": _runpod,
    "vast": _vast,
    "modal-web": _modal_web,
}
