"""What lies behind a demo: a campaign by the real collector in virtual time, all but its last block.

It writes into the demo's own folder, so that the pages show it as it comes, and leaves the world asleep in a file for
the simulator that goes on with it on sockets.
"""

import asyncio
import gc
import logging
import os
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import typer
from sqlalchemy import Engine, event
from sqlmodel import Session, col, func, select

from backends.registry import build
from cli.campaign import ANA, People, access_in, promise, vote
from cli.output import Refused, data_folder, say
from cli.processes import end_with_parent
from clock import SharedClock, VirtualClock, run_virtual
from collectors import pairs, schedules
from collectors.context import Context
from collectors.service import Service
from simulator.past import put_to_sleep
from simulator.simulation import Simulation
from simulator.studio import InlineStudio
from simulator.world import load_world
from storage.blobs import Blobs
from storage.db import DataFolder, lock_folder, open_engine
from storage.models import Backend, Block, Installation, Job, Run
from storage.schedules import SchedulePlan
from storage.writer import Writer
from words import BlockStatus, Provider, RunStatus

LOOK_S = 20.0  # world seconds between two looks at what is under way
RARELY = (20_000, 20, 20)  # objects, and rounds, until garbage is looked for
PICTURES = 1_000  # that the painter remembers: each prompt and seed comes again in every block
_FIRST_DAY = date(2026, 11, 4)
_SETTINGS = {"width": 1024, "height": 1024}  # of both: one of qwen's own size is painted in twice the time
_OPEN_RUN = select(Run.id).where(col(Run.status).not_in([status for status in RunStatus if status.final])).limit(1)


def register(app: typer.Typer) -> None:
    """Add the verb; only a demo calls it."""
    app.command("past", hidden=True)(past)


def people() -> People:
    """Both workflows on all three: flux-dev in 20 blocks over five days, qwen-image-2512 as far as its first look."""
    shared: dict[str, Any] = {
        "backends": ("modal", "runpod", "vast"),
        "cap_usd": Decimal(400),
        "seed": 7,
        "idle_timeout_s": 20,  # two real seconds at ten times the speed: a busy machine turns no warm job cold
        "params": _SETTINGS,
        "asked_by": ANA,
        "note": "demo",
    }
    return People(
        schedules=[
            SchedulePlan(workflow="flux-dev", gpu="L40S", first_day=_FIRST_DAY, warm=28, cold=2, **shared),
            SchedulePlan(
                workflow="qwen-image-2512", gpu="H100", first_day=_FIRST_DAY, days=3, blocks=12, warm=20, **shared
            ),
        ],
        raters=8,  # on 30 pairs: 230 votes are asked for
        per_day=1250.0,  # 38,000 images a month
        card={
            "weights": {"flux-dev": 0.8, "qwen-image-2512": 0.2},
            "late_share": 0.05,  # each real millisecond of a demo counts as ten
        },
    )


def sleeping(folder: DataFolder) -> Path:
    """Where the world is left."""
    return folder.path / "world.pickle"


def past() -> None:
    """Live through it."""
    folder = data_folder()
    if not folder.clock.exists() or not folder.db.exists():
        raise Refused("Only a demo has a past: start it with `bakeoff demo`.")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    end_with_parent()
    gc.freeze()  # what is imported by now stays, and of what comes little is ever garbage
    gc.set_threshold(*RARELY)
    with lock_folder(folder):
        engine = _hurried(folder)
        world = load_world(_installed(engine).world or "default")
        run_virtual(partial(live, folder, engine, people()), epoch=world.epoch)


def _hurried(folder: DataFolder) -> Engine:
    """Nothing here has to survive a power cut: a demo that lost its past makes it again."""
    engine = open_engine(folder.db)

    @event.listens_for(engine, "connect")
    def _no_wait(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA synchronous=OFF")

    return engine


def _installed(engine: Engine) -> Installation:
    """The demo's own; raises Refused where anything has happened, or where anything could be real."""
    with Session(engine) as session:
        found = session.get(Installation, 1)
        if found is None or not found.simulated or session.exec(select(Run.id)).first() is not None:
            raise Refused("This folder has a past of its own: nothing was changed.")
        return found


async def live(folder: DataFolder, engine: Engine, people: People, clock: VirtualClock) -> None:
    """All that happens before the last block of those that `people` planned; the world then sleeps in the folder."""
    installation = _installed(engine)
    world = load_world(installation.world or "default")
    studio = InlineStudio(remembered=PICTURES)
    simulation = Simulation(world, seed=installation.seed or 0, studio=studio, now=clock.now())
    ctx = Context(
        clock=clock,
        writer=Writer(engine),
        backends=build(access_in(simulation, clock), clock),
        blobs=Blobs(folder.blobs),
        token=installation.token,
        simulated=True,
        look_s=LOOK_S,
    )
    service = Service(ctx, pid=os.getpid())
    working = asyncio.create_task(service.run())
    while await ctx.load(_unpriced):  # what each backend asks is known first: the collector begins with that
        await clock.sleep(LOOK_S)
    await ctx.writer.run(lambda session: promise(session, people, now=clock.now()))
    await _until_the_last_block(ctx, SharedClock(folder.clock))
    await pairs.compare_all(ctx)
    await ctx.writer.run(lambda session: vote(session, ctx.blobs, people, now=clock.now()))
    service.drain()
    await working
    await ctx.writer.close()
    put_to_sleep(simulation, sleeping(folder))


def _unpriced(session: Session) -> bool:
    return session.exec(select(func.count()).select_from(Backend)).one() < len(Provider)


async def _until_the_last_block(ctx: Context, shared: SharedClock) -> None:
    """Leap from block to block, with the clock that the pages read, until one is left."""
    while True:
        await ctx.clock.sleep(LOOK_S)
        shared.leap(ctx.clock.now())
        if await ctx.load(_under_way):
            continue
        jobs, left, at = await ctx.load(_between)
        if left == 1 or at is None:
            return
        if at > ctx.clock.now():  # else the collector has not seen yet that it is due
            say(f"{jobs:,} jobs so far, {left} blocks to go")
            ctx.clock.leap(at)


def _under_way(session: Session) -> bool:
    return session.exec(_OPEN_RUN).first() is not None


def _between(session: Session) -> tuple[int, int, datetime | None]:
    """Jobs so far, blocks that are still to start, and when the next one does."""
    jobs = session.exec(select(func.count()).select_from(Job)).one()
    left = session.exec(select(func.count()).select_from(Block).where(Block.status == BlockStatus.PLANNED)).one()
    return jobs, left, schedules.next_start(session)
