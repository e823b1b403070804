"""`bakeoff demo`: a whole bake-off of three simulated providers before the reader's eyes.

First its past: a campaign over five days in virtual time, all but the last block (`cli.past`). Then that block runs
live on sockets, and the clock leaps until the bills are final.
"""

import asyncio
import shutil
import signal
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlmodel import Session, col, func, select

from cli.output import AsJson, Refused, give, say
from cli.processes import Child, Supervisor
from cli.report import document
from cli.simulate import Seed, Speed
from cli.stack import require_loopback, start_collector, start_past, start_simulator, start_web, truth_of
from cli.story import LateRow, to_control
from clock import SharedClock
from collectors.billing import SETTLED
from settings import Settings
from simulator.world import load_world
from storage.db import DataFolder, lock_folder, open_engine, open_reader
from storage.migrate import upgrade
from storage.models import Block, Event, Installation, Job, Run
from storage.plans import RunPlan, insert_run
from words import BlockStatus, JobStatus, RunStatus

SPEED = 8.0  # a demo takes three minutes, and p50 stays within 2 % of the truth; at 40 it does not
ARMS = ("modal", "runpod", "vast")
_DEMO_ALONE = {"clock", "simulator.json", "world.pickle"}  # no data folder on real providers has these
_DEMO_HAS = _DEMO_ALONE | {"bakeoff.db", "bakeoff.db-shm", "bakeoff.db-wal", "blobs", "collector.lock"}
_COLLECTOR = ("--settle", "--pause", "6")
OVER = (RunStatus.DONE, RunStatus.STOPPED, RunStatus.FAILED)


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("demo")(demo)


def demo(
    headless: Annotated[bool, typer.Option(help="No web server; end when the bills are final.")] = False,
    world: Annotated[str | None, typer.Option(help="A shipped world or a TOML file.")] = None,
    speed: Speed = SPEED,
    seed: Seed = 1,
    data: Annotated[Path | None, typer.Option(help="Data folder; it must not hold anything else.")] = None,
    past: Annotated[bool, typer.Option(help="A campaign lies behind it, and its last block is live.")] = True,
    workflow: Annotated[list[str] | None, typer.Option(help="Without a past: only this one; repeat it.")] = None,
    warm: Annotated[int | None, typer.Option(min=0, help="Without a past: warm jobs per provider.")] = None,
    cold: Annotated[int | None, typer.Option(min=1, help="Without a past: cold jobs per provider.")] = None,
    json: AsJson = False,
) -> None:
    """Compare Modal, Runpod and Vast.ai for both workflows, all simulated: no key, no dollar."""
    world = world or ("demo" if past else "default")
    load_world(world)  # a wrong one is refused before anything starts
    require_loopback(Settings().address)
    sizes: dict[str, Any] = {name: n for name, n in (("warm", warm), ("cold", cold)) if n is not None}
    if past and (workflow or sizes):
        raise Refused("Workflows and sizes are of a demo without a past: add --no-past.")
    plans = [] if past else [replace(plan, **sizes) for plan in _chosen(workflow or [])]
    kept = data or (Path(tempfile.mkdtemp(prefix="bakeoff-")) if headless else Settings().data_dir / "demo")
    try:
        shown = asyncio.run(_demo(_fresh(kept), plans, headless=headless, world=world, speed=speed, seed=seed))
    finally:
        if data is None and headless:
            shutil.rmtree(kept, ignore_errors=True)
    if headless and shown is None:
        raise typer.Exit(130)  # as a shell says of a command that was interrupted
    if json and shown is not None:
        give(shown)


def _chosen(workflows: Sequence[str]) -> list[RunPlan]:
    plans = {plan.workflow: plan for plan in demo_plans()}
    for name in workflows:
        if name not in plans:
            raise Refused(f"The demo has no workflow '{name}'. It has {', '.join(plans)}.")
    return [plan for name, plan in plans.items() if not workflows or name in workflows]


def demo_plans() -> list[RunPlan]:
    """Some 20 minutes of world time: qwen-image-2512 on an H100, where 50 steps take 36 s and not 100.

    An idle window of 20 s is 2 real seconds at the default speed: a busy machine does not turn warm jobs cold.
    """
    shared: dict[str, Any] = {
        "backends": ARMS, "cold": 4, "repeats": 3, "idle_timeout_s": 20, "cap_usd": Decimal(20), "note": "demo"
    }  # fmt: skip
    return [
        RunPlan(workflow="flux-dev", gpu="L40S", warm=56, **shared),
        RunPlan(workflow="qwen-image-2512", gpu="H100", warm=22, **shared),
    ]


async def _demo(
    folder: DataFolder, plans: Sequence[RunPlan], *, headless: bool, world: str, speed: float, seed: int
) -> dict[str, Any] | None:
    supervisor = Supervisor()
    ended = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(name, ended.set)
    try:
        clock = SharedClock.create(folder.clock, epoch=load_world(world).epoch, speed=speed)
        upgrade(folder.db)
        _install(folder, world=world, seed=seed, speed=speed, clock=clock)
        if not headless:
            url = await start_web(supervisor, folder, address=Settings().address, port=Settings().port)
            say(f"\nGPU Bake-off is at {url}\nSIMULATED, seed {seed}, {speed:g}x speed. Real money: $0. Ctrl-C ends.\n")
        if not plans and not await _lived(supervisor, folder, ended):
            return None
        line = await start_simulator(supervisor, folder, world=world, seed=seed, speed=speed, keys={})
        await start_collector(supervisor, folder, *_COLLECTOR)
        _ask(folder, plans, clock)
        story = None if plans else LateRow(partial(to_control, line["urls"]["control"]))
        shown = await _watch(folder, supervisor, ended, line, story)
        if not headless and shown is not None:
            say("The bake-off is complete. The pages stay up until Ctrl-C.")
            await _stay(folder, supervisor, ended)
        return shown
    finally:
        await supervisor.stop()


async def _lived(supervisor: Supervisor, folder: DataFolder, ended: asyncio.Event) -> bool:
    """The campaign behind it, all but its last block; False if it was interrupted."""
    say("Five days of measuring come first, in a minute or three: the pages show them as they come.")
    child = await start_past(supervisor, folder)
    waits = [asyncio.create_task(each) for each in (child.process.wait(), ended.wait())]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for task in waits:
        task.cancel()
    if ended.is_set():
        return False
    supervisor.children.remove(child)
    if child.process.returncode:
        raise Refused(f"The campaign behind the demo ended with code {child.process.returncode}: {child.last}")
    say("Now its last block, live.")
    return True


async def _watch(
    folder: DataFolder, supervisor: Supervisor, ended: asyncio.Event, line: dict[str, Any], story: LateRow | None
) -> dict[str, Any] | None:
    """Wait for the end, telling the progress and the story; None if it was interrupted."""
    reader = open_reader(folder.db)
    died = asyncio.create_task(supervisor.ended())
    told = ""
    while not ended.is_set():
        if died.done():
            await _start_again(folder, supervisor, died.result())
            died = asyncio.create_task(supervisor.ended())
        with Session(reader) as session:
            progress, over = _progress(session)
            if story is not None:
                story.look(session)
        if progress != told:
            say(progress)
            told = progress
        if over:
            died.cancel()
            truth = truth_of(line)
            with Session(reader) as session:
                return document(session, truth)
        await asyncio.sleep(0.5)
    died.cancel()
    return None


async def _stay(folder: DataFolder, supervisor: Supervisor, ended: asyncio.Event) -> None:
    """Keep the stack up for the reader's own runs until it is told to end."""
    stop = asyncio.create_task(ended.wait())
    while not stop.done():
        died = asyncio.create_task(supervisor.ended())
        await asyncio.wait({stop, died}, return_when=asyncio.FIRST_COMPLETED)
        if died.done() and not stop.done():
            await _start_again(folder, supervisor, died.result())
        died.cancel()


async def _start_again(folder: DataFolder, supervisor: Supervisor, child: Child) -> None:
    """A collector that died is started again and takes over; without one of the others there is no demo."""
    ended = f"The {child.name} ended with code {child.process.returncode}"
    if child.name != "collector":
        raise Refused(f"{ended}.")
    say(f"{ended}; another one takes over.")
    await start_collector(supervisor, folder, *_COLLECTOR)


def _progress(session: Session) -> tuple[str, bool]:
    """One line for a person, and whether all runs have ended and their bills are settled."""
    done = session.exec(
        select(func.count()).select_from(Job).where(col(Job.status).in_([s for s in JobStatus if s.final]))
    ).one()
    total = session.exec(select(func.count()).select_from(Job)).one()
    statuses = session.exec(select(Run.status)).all()
    settled = session.exec(select(func.count()).select_from(Event).where(Event.kind == SETTLED)).one()
    planned = session.exec(select(Block.id).where(Block.status == BlockStatus.PLANNED)).first()
    over = bool(statuses) and planned is None and all(status in OVER for status in statuses)
    if over and settled:
        return f"{done} of {total} jobs, bills are settled", True
    if over:
        return f"{done} of {total} jobs, nothing is rented, the clock leaps until the bills are final", False
    return f"{done // 10 * 10} of {total} jobs" if total else "renting", False


def _install(folder: DataFolder, *, world: str, seed: int, speed: float, clock: SharedClock) -> None:
    """The token names the seed, so that the same seed draws the same fates."""
    with Session(open_engine(folder.db)) as session:
        session.add(
            Installation(
                token=f"bakeoff-s{seed}",
                simulated=True,
                world=world,
                seed=seed,
                speed=speed,
                created_at=clock.now(),
            )
        )
        session.commit()


def _ask(folder: DataFolder, plans: Sequence[RunPlan], clock: SharedClock) -> None:
    with Session(open_engine(folder.db)) as session:
        for plan in plans:
            insert_run(session, plan, now=clock.now())
        session.commit()


def _fresh(path: Path) -> DataFolder:
    """An empty data folder; an earlier demo's is emptied, anything else is left alone and refused."""
    folder = DataFolder(path)
    try:
        found = {entry.name for entry in path.iterdir()} if path.exists() else set()
    except OSError as error:
        raise Refused(f"Cannot use {path}: {error.strerror}. Name another folder with --data.") from None
    if found:
        if not found & _DEMO_ALONE or not found <= _DEMO_HAS:
            raise Refused(f"{path} is not empty and holds no demo. Name another folder with --data.")
        with lock_folder(folder):  # a demo that still runs keeps its folder
            shutil.rmtree(path)
    folder.create()
    return folder
