"""`bakeoff collect`: the background process."""

import asyncio
import gc
import logging
import os
import secrets
import signal
import sys
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Annotated

import typer
import uvloop
from pydantic import SecretStr
from sqlmodel import Session, col, select

from backends.base import NAME_PREFIX
from backends.registry import Access, build
from cli.output import Harmless, Refused, data_folder, say, world_clock
from cli.processes import end_with_parent
from collectors import billing
from collectors.context import Context
from collectors.service import Service
from collectors.spending import Ceilings, Limit
from settings import Settings, in_simulated_world, simulated_world
from storage.blobs import Blobs
from storage.db import DataFolder, lock_folder, open_engine
from storage.migrate import upgrade
from storage.models import Deployment, Installation, Job
from storage.writer import Writer

SWITCH_S = 0.0005  # the writing thread gives way to the loop, whose timers dispatch jobs: by default after 5 ms only


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("collect")(collect)


TouchProduction = Annotated[
    bool, typer.Option("--touch-production", help="Allow modal-web: our jobs queue before a customer's, 20 a day.")
]


def collect(
    settle: Annotated[bool, typer.Option(help="Simulated worlds: leap until the bills are final.")] = False,
    pause: Annotated[float, typer.Option(min=0, help="Seconds before each such leap, for who watches.")] = 0.0,
    touch_production: TouchProduction = False,
) -> None:
    """Drive runs, read bills and prices, answer requests, until SIGTERM; whatever it left is taken over next time."""
    handler = logging.StreamHandler()
    handler.setFormatter(Harmless("%(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    for chatty in ("httpx", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    settings = Settings()
    settings.touch_production = settings.touch_production or touch_production
    folder = data_folder(settings)
    line = simulated_world(settings)
    if line is None and settings.spend_cap_usd is None:
        raise Refused("Real providers need a spend cap: set BAKEOFF_SPEND_CAP_USD, or try `bakeoff demo` first.")
    if settle and line is None:
        raise Refused("Only a simulated world can leap to its final bills; leave out --settle.")
    with lock_folder(folder):
        upgrade(folder.db)
        access = access_of(in_simulated_world(settings, line) if line else settings, simulated=line is not None)
        ceilings = Ceilings() if line else ceilings_of(settings)
        uvloop.run(_serve(folder, access, settle=settle, pause_s=pause, ceilings=ceilings))


def access_of(settings: Settings, *, simulated: bool) -> Access:
    """What the backends need of the settings; the only place where keys leave their wrapping."""
    return Access(
        runpod_jobs_url=settings.runpod_jobs_url,
        runpod_rest_url=settings.runpod_rest_url,
        runpod_key=_bare(settings.runpod_api_key),
        runpod_image=settings.runpod_image,
        vast_console_url=settings.vast_console_url,
        vast_key=_bare(settings.vast_api_key),
        vast_image=settings.vast_image,
        hf_token=_bare(settings.hf_token),
        modal_server_url=settings.modal_server_url,
        modal_token_id=_bare(settings.modal_token_id),
        modal_token_secret=_bare(settings.modal_token_secret),
        modal_web_url=settings.modal_web_url,
        modal_workspace=settings.modal_workspace,
        touch_production=settings.touch_production,
        simulated=simulated,
    )


def ceilings_of(settings: Settings) -> Ceilings:
    """The ceilings beside those of each run; a simulated world has none."""
    return Ceilings(
        job=Limit(settings.job_cap_usd, settings.job_cap_gpu_s),
        day=Limit(settings.day_cap_usd, settings.day_cap_gpu_s),
        installation=Limit(settings.spend_cap_usd, settings.spend_cap_gpu_s),
    )


async def _serve(folder: DataFolder, access: Access, *, settle: bool, pause_s: float, ceilings: Ceilings) -> None:
    loop = asyncio.get_running_loop()
    end_with_parent()
    clock = world_clock(folder)
    writer = Writer(open_engine(folder.db))
    sent = await writer.run(_sent_to_production)
    backends = build(replace(access, sent_to_production_at=sent), clock)
    installation = await writer.run(lambda session: _installation(session, clock.now(), simulated=access.simulated))
    ctx = Context(
        clock=clock,
        writer=writer,
        backends=backends,
        blobs=Blobs(folder.blobs),
        token=installation.token,
        simulated=access.simulated,
        ceilings=ceilings,
    )
    service = Service(ctx, pid=os.getpid(), when_idle=partial(billing.settle, ctx, pause_s=pause_s) if settle else None)
    task = asyncio.create_task(service.run())
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, _end, service, task)
    gc.collect()
    gc.freeze()  # a full collection stops the loop for 40-50 ms, which is 0.5 s of a demo's world
    sys.setswitchinterval(SWITCH_S)
    say(f"collector {os.getpid()} works on {folder.path} with {', '.join(backends) or 'no provider'}")
    try:
        await task
    except asyncio.CancelledError:
        say("collector was told twice: what is in flight is taken over by the next start")
    finally:
        say(await writer.run(_farewell))
        await writer.close()
        for backend in backends.values():
            await backend.aclose()


def _sent_to_production(session: Session) -> list[datetime]:
    """When jobs went to the production endpoint: its daily limit outlives this process."""
    jobs = select(Job.sent_at).join(Deployment, col(Deployment.id) == Job.deployment_id)
    rows = session.exec(jobs.where(Deployment.backend == "modal-web", col(Job.sent_at).is_not(None)))
    return [at for at in rows if at is not None]


def _end(service: Service, task: "asyncio.Task[None]") -> None:
    """The first signal drains, the second does not wait."""
    if service.ctx.draining:
        task.cancel()
    service.drain()


def _farewell(session: Session) -> str:
    """What stays rented while no collector runs, and what that costs at most."""
    up = select(Deployment).where(col(Deployment.provider_id).is_not(None), col(Deployment.ended_at).is_(None))
    rows = session.exec(up).all()
    if not rows:
        return "collector stops; nothing is rented"
    usd_per_h = sum((row.usd_per_s or Decimal(0)) * 3600 for row in rows)
    return (
        f"collector stops; {len(rows)} deployments stay rented, at most ${usd_per_h:.2f} an hour. "
        "Start it again: it takes over and tears them down."
    )


def _installation(session: Session, now: datetime, *, simulated: bool) -> Installation:
    row = session.get(Installation, 1)
    if row is None:
        row = Installation(token=f"{NAME_PREFIX}{secrets.token_hex(3)}", simulated=simulated, created_at=now)
        session.add(row)
        session.flush()
    if row.simulated is not simulated:
        kind = "a simulated world" if row.simulated else "real providers"
        raise Refused(f"This data folder belongs to {kind}. Set BAKEOFF_DATA_DIR to another folder.")
    return row


def _bare(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None
