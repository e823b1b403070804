"""The contract on live providers: one deployment, one picture, torn down. Real money, a few cents each.

Collected only where it is asked for: a provider's keys and BAKEOFF_SPEND_CAP_USD in the environment, as for `make up`.
    BAKEOFF_SPEND_CAP_USD=2 RUNPOD_API_KEY=... .venv/bin/python -m pytest tests/contract/test_live.py -v
A provider whose offer could cost more than the cap within LONGEST_S is refused before anything is rented.
"""

import asyncio
import io
import uuid
from datetime import timedelta
from decimal import Decimal

import pytest
from PIL import Image

import workflows
from backends.base import NAME_PREFIX, Backend, DeploymentRef, DeploymentSpec, JobSpec, Offer
from backends.errors import NotYetGone
from backends.registry import build
from cli.collect import access_of
from clock import WallClock
from settings import Settings
from words import DeploymentState, JobStatus

GPU = "L40S"
LONGEST_S = 3600
_SETTINGS = Settings()
_CAP_USD = _SETTINGS.spend_cap_usd
_ACCESS = access_of(_SETTINGS, simulated=False)
_KEYS = {"runpod": _ACCESS.runpod_key, "vast": _ACCESS.vast_key, "modal": _ACCESS.modal_token_secret}
LIVE = [name for name, key in _KEYS.items() if key] if _CAP_USD else []


def affordable(offers: list[Offer]) -> Offer:
    """The cheapest offer, if an hour of it stays below the cap."""
    offer = offers[0]
    worst = offer.usd_per_s * LONGEST_S
    assert worst <= (_CAP_USD or Decimal()), f"An hour costs {worst:.2f} USD, more than the cap of {_CAP_USD} USD."
    return offer


async def gone(backend: Backend, ref: DeploymentRef) -> None:
    """Tear down, and see that it is gone."""
    while True:
        try:
            await backend.teardown(ref)
            break
        except NotYetGone:
            await asyncio.sleep(3)
    assert (await backend.observe(ref)).state is DeploymentState.GONE
    assert all(live.key != ref.key for live in await backend.live(NAME_PREFIX))


async def ready(backend: Backend, ref: DeploymentRef) -> DeploymentRef:
    """The address once it takes jobs."""
    while True:
        seen = await backend.observe(ref)
        ref = seen.ref or ref
        if seen.state is DeploymentState.READY:
            return ref
        assert seen.state is DeploymentState.PROVISIONING, seen
        await asyncio.sleep(5)


async def one_picture(backend: Backend, ref: DeploymentRef) -> None:
    """A small job, cold."""
    graph = workflows.load("flux-dev").render(
        {"prompt": "a red fox", "seed": 1, "width": 512, "height": 512, "steps": 4}
    )
    job = await backend.submit(ref, JobSpec(graph=graph, timeout_s=900), f"{NAME_PREFIX}{uuid.uuid4()}")
    while not (seen := await backend.poll(job, 5)).status.final:
        await asyncio.sleep(2)
    assert seen.status is JobStatus.SUCCEEDED, seen.error
    with Image.open(io.BytesIO(seen.images[0])) as image:
        assert image.size == (512, 512)
    await backend.cancel(job)


async def play(name: str) -> None:
    """Everything, with the teardown whatever happens."""
    clock = WallClock()
    backend = build(_ACCESS, clock)[name]
    started, key = clock.now(), f"{NAME_PREFIX}live-{uuid.uuid4().hex[:8]}"
    flux = workflows.load("flux-dev")
    try:
        async with asyncio.timeout(LONGEST_S):
            offer = affordable(await backend.offers(GPU))
            spec = DeploymentSpec(
                workflow=flux.name,
                workflow_hash=flux.hash,
                gpu=GPU,
                idle_timeout_s=30,
                model_gb=flux.size_gb,
                offer=offer,
            )
            ref = await backend.deploy(spec, key)
            assert key in {live.key for live in await backend.live(NAME_PREFIX)}
            await one_picture(backend, await ready(backend, ref))
            await backend.charges(started - timedelta(hours=1), clock.now())
    finally:
        for live in [live for live in await backend.live(key) if live.key == key]:
            await gone(backend, live.ref)
        await backend.aclose()


if LIVE:

    @pytest.mark.enable_socket
    @pytest.mark.parametrize("name", LIVE)
    async def test_a_live_provider_keeps_the_contract_for_one_picture(name: str) -> None:
        await play(name)
