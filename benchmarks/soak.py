"""One long life in virtual time: `python -m benchmarks.soak [--hours 48] [--seed 1]`, some minutes of CPU.

A run every hour on three providers, faults on the wire now and then, and every few hours another collector on the same
folder: the one before was drained or simply cut off. Held to bounds at the end: memory, database and open things stay
in proportion to the jobs, nothing is left rented, nothing was paid for twice. Exit code 1 if any fails.

The simulated providers live in the same process, so the memory per job is theirs and ours together.
"""

import argparse
import asyncio
import contextlib
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any, get_args

from rich.console import Console
from rich.table import Table
from sqlmodel import select

from benchmarks.demos import nothing_left
from benchmarks.judge import Check, failing
from clock import VirtualClock
from collectors.service import Service
from simulator.faults import Fault, FaultKind
from storage.db import DataFolder
from storage.models import Charge, Job, Run
from tests.simulation.bakeoff import Bakeoff, plan
from tests.virtual import run
from words import CostState, JobStatus, Reason

SERVICES = ("runpod_jobs", "runpod_rest", "vast_console", "vast_wrapper", "modal_grpc")
HARMLESS = ("unauthorized",)  # a refused key is a state of its own, not a mishap that passes
LOOK_H, RESTART_H = 6, 4
WARM_UP_H = 12  # after which growth is counted
MOST_RSS_KB, MOST_DB_KB = 50.0, 6.0  # a job, its share of prices, events and bills included
LEAST_GOOD = 0.9  # of the jobs: faults cost some, never most


@dataclass(frozen=True, kw_only=True)
class Look:
    """The state of things at the end of an hour, when nothing is running."""

    hour: int
    jobs: int
    good: int
    restarts: int
    faults: int
    rss_kb: int
    db_kb: int
    blobs_kb: int
    tasks: int
    files: int


@dataclass(kw_only=True)
class Life:
    """One data folder, its world, and the collector that is at work."""

    made: Bakeoff
    clock: VirtualClock
    dice: Random
    service: Service = field(init=False)
    task: "asyncio.Task[None]" = field(init=False)
    restarts: int = 0
    planted: int = 0
    looks: list[Look] = field(default_factory=list)

    def start(self) -> None:
        """A collector that never ends by itself and leaps nowhere."""
        self.service = Service(self.made.service(self.clock).ctx, pid=1)
        self.task = asyncio.create_task(self.service.run())

    async def stop(self) -> None:
        """Drain it, or cut it off where it stands."""
        if self.dice.random() < 0.5:
            self.service.drain()
        else:
            self.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.task
        await self.service.ctx.writer.close()

    async def hour(self, number: int) -> None:
        """One run, up to three faults, and at some hours another collector somewhere in between."""
        for _ in range(self.dice.randint(0, 3)):
            kind = self.dice.choice([kind for kind in get_args(FaultKind) if kind not in HARMLESS])
            fault = Fault(service=self.dice.choice(SERVICES), kind=kind, skip=self.dice.randint(0, 40))
            self.made.simulation.faults.planned.append(fault)
            self.planted += 1
        ends_at = self.clock.now() + timedelta(hours=1)
        workflow, gpu = self.dice.choice((("flux-dev", "L40S"), ("qwen-image-2512", "H100")))
        self.made.ask(self.clock, plan(workflow, warm=6, cold=2, gpu=gpu))
        if number % RESTART_H == 0:
            await self.clock.sleep(self.dice.uniform(10, 900))
            await self.stop()
            await self.clock.sleep(self.dice.uniform(1, 60))
            self.restarts += 1
            self.start()
        await self.clock.sleep_until(ends_at)

    def look(self, hour: int) -> None:
        """Remember how things are."""
        with self.made.reading() as session:
            statuses = Counter(session.exec(select(Job.status)).all())
        folder = self.made.folder
        self.looks.append(
            Look(
                hour=hour,
                jobs=sum(statuses.values()),
                good=statuses[JobStatus.SUCCEEDED],
                restarts=self.restarts,
                faults=self.planted - sum(fault.times for fault in self.made.simulation.faults.planned),
                rss_kb=int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024,
                db_kb=sum(path.stat().st_size for path in folder.db.parent.glob(f"{folder.db.name}*")) // 1024,
                blobs_kb=sum(path.stat().st_size for path in folder.blobs.rglob("*") if path.is_file()) // 1024,
                tasks=len(asyncio.all_tasks()),
                files=len(os.listdir("/proc/self/fd")),
            )
        )
        print(f"hour {hour}: {self.looks[-1].jobs} jobs, {self.restarts} restarts", file=sys.stderr, flush=True)


def main(arguments: Sequence[str]) -> int:
    """Live, look, judge; 0 if every bound holds."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--hours", type=int, default=48)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--world", default="default")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="bakeoff-soak-") as folder:
        made = Bakeoff(DataFolder(Path(folder)), asked.world, asked.seed)
        looks = run(lambda clock: _live(made, clock, hours=asked.hours, seed=asked.seed))
        checks = [*_grown(looks), *_ended(made)]
    console = Console(width=130)
    console.print(_looks_table(looks))
    console.print(_bounds_table(checks))
    for bad in failing(checks):
        print(bad, file=sys.stderr)
    return 0 if all(check.holds for check in checks) else 1


async def _live(made: Bakeoff, clock: VirtualClock, *, hours: int, seed: int) -> list[Look]:
    made.open(clock)
    life = Life(made=made, clock=clock, dice=Random(seed))
    life.start()
    for number in range(1, hours + 1):
        await life.hour(number)
        if number % LOOK_H == 0 or number == hours:
            life.look(number)
    await life.stop()
    made.simulation.faults.planned.clear()
    await made.collect(clock)  # what is still open, and the bills to their end
    return life.looks


def _grown(looks: Sequence[Look]) -> list[Check]:
    """What a job costs in memory and on disk once everything is warm, and whether anything is never let go of."""
    warm = [look for look in looks if look.hour >= WARM_UP_H] or list(looks)
    first, last = warm[0], warm[-1]
    jobs = max(1, last.jobs - first.jobs)
    return [
        _most("memory a job, KB", (last.rss_kb - first.rss_kb) / jobs, MOST_RSS_KB),
        _most("database a job, KB", (last.db_kb - first.db_kb) / jobs, MOST_DB_KB),
        _most("more tasks than at first", last.tasks - first.tasks, 0),
        _most("more open files than at first", last.files - first.files, 2),
        Check("good jobs", f"{last.good / last.jobs:.1%}", f">= {LEAST_GOOD:.0%}", last.good >= LEAST_GOOD * last.jobs),
    ]


def _ended(made: Bakeoff) -> list[Check]:
    """Nothing left, nothing twice; and we count at least what was truly paid, at most what may have been."""
    shown, ledger = made.document(), made.simulation.ledger.as_json()
    with made.reading() as session:
        unknown = len(session.exec(select(Job.id).where(Job.reason == Reason.FATE_UNKNOWN)).all())
        bills = set(session.exec(select(Charge.state)))
        open_runs = [each for each in session.exec(select(Run)) if not each.status.final]
    surplus = shown["paid_calls"] - shown["truth"]["paid_calls"]
    return [
        *nothing_left(made.folder, ledger),
        Check("open runs", str(len(open_runs)), "0", not open_runs),
        Check(
            "paid calls beyond the ledger's", str(surplus), f"0 to {unknown} of unknown fate", 0 <= surplus <= unknown
        ),
        Check("bills", ", ".join(sorted(bills)) or "none", "final", bills == {CostState.FINAL}),
    ]


def _most(name: str, found: float, most: float) -> Check:
    return Check(name, f"{found:.1f}", f"<= {most:g}", found <= most)


def _looks_table(looks: Sequence[Look]) -> Table:
    columns = ("hour", "jobs", "good", "restarts", "faults", "memory MB", "database MB", "images MB", "tasks", "files")
    table = Table(*columns, title="Soak")
    for look in looks:
        sizes = (f"{kb / 1024:.1f}" for kb in (look.rss_kb, look.db_kb, look.blobs_kb))
        counts: tuple[Any, ...] = (look.hour, look.jobs, look.good, look.restarts, look.faults)
        table.add_row(*map(str, counts), *sizes, str(look.tasks), str(look.files))
    return table


def _bounds_table(checks: Sequence[Check]) -> Table:
    table = Table("bound", "found", "allowed", "holds", title="Bounds")
    for check in checks:
        table.add_row(check.name, check.found, check.allowed, "yes" if check.holds else "NO")
    return table


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
