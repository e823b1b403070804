"""Crash safety by seeds: `python -m benchmarks.seeds --seeds 10000`, or `--seed N` to see one again.

Each seed is a small world with faults, deaths and restarts, held to what must always hold (tests/simulation). Every
tenth is lived twice and must give the same rows and the same ledger, byte for byte. Prints how often each combination
of verb, fault and crash point was met. Exit code 1 if anything does not hold.

Ten thousand take hours: with `--keep FILE` each seed is kept as it is lived, and a second call goes on after them.
"""

import argparse
import logging
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

from rich.console import Console
from rich.table import Table
from sqlmodel import func, select

from benchmarks import keeping
from storage.models import Job
from tests.simulation.draws import NEVER, deck, impossible
from tests.simulation.invariants import trace, violations
from tests.simulation.mishaps import BACKENDS, CRASHES, FAULTS, VERBS, Cell
from tests.simulation.quick import scratch, settle
from tests.simulation.seeds import Seeded, live

REPLAYED = 10  # each so many-th seed is lived twice
MANY = 10_000  # seeds from which on each combination must have been met ..
LEAST = 20  # .. so often
JOBS = 40  # of each seed, at least
TOLD = 100  # seeds between two words on how far it is


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What came of one seed."""

    seed: int
    violations: Sequence[str]
    met: Mapping[Cell, int] = field(default_factory=dict)
    jobs: int = 0  # in our tables
    sent: int = 0  # .. of which a provider knows
    lives: int = 0
    between_awaits: int = 0
    replayed: bool = False

    @property
    def again(self) -> str:
        """The command that shows it again."""
        return f".venv/bin/python -m benchmarks.seeds --seed {self.seed}"


def main(arguments: Sequence[str]) -> int:
    """One seed in words, or many as a table; 0 if everything holds."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.seeds", description=__doc__)
    parser.add_argument("--seed", type=int, help="show this one again")
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument(
        "--keep", type=Path, help="a file of one line a seed; those in it, of the same code, are not lived again"
    )
    asked = parser.parse_args(arguments)
    if asked.seed is not None:
        return _one(asked.seed)
    return _many(range(asked.first, asked.first + asked.seeds), workers=asked.workers, keep=asked.keep)


def look(seed: int, folder: Path) -> Seen:
    """Live one seed and hold it to what must hold; one that breaks down does not hold."""
    try:
        made = live(seed, folder)
        jobs, found = _jobs(made), violations(made)
        if jobs < JOBS:
            found.append(f"jobs: {jobs}, where a seed has at least {JOBS}")
        replayed = seed % REPLAYED == 0
        if replayed:
            found += _replay(made, folder)
    except Exception as error:
        return Seen(seed=seed, violations=[f"broke down: {error!r}"])
    return Seen(
        seed=seed,
        violations=found,
        met=made.script.met,
        jobs=jobs,
        sent=sum(len(rented.pool.jobs) for rented in made.simulation.ledger.rented),
        lives=made.lives,
        between_awaits=made.script.between_awaits,
        replayed=replayed,
    )


def _jobs(made: Seeded) -> int:
    with made.reading() as session:
        return session.exec(select(func.count()).select_from(Job)).one()


def _replay(made: Seeded, folder: Path) -> list[str]:
    before = trace(made)
    after = trace(live(made.seed, folder))
    if before == after:
        return []
    at = next((i for i, pair in enumerate(zip(before, after, strict=False)) if pair[0] != pair[1]), len(before))
    return [f"another life differs: {before[at - 60 : at + 60]!r} became {after[at - 60 : at + 60]!r}"]


def _one(seed: int) -> int:
    """Its mishaps, its events and what does not hold."""
    logging.disable(logging.CRITICAL)
    with scratch() as folder:
        made = live(seed, folder)
        found = violations(made) + _replay(made, folder)
    for plant in made.script.plants:
        print(f"{'met    ' if plant.met else 'not met'} {', '.join(plant.cell)}: {plant.times} times")
    print(f"{made.lives} lives, {made.script.between_awaits} of them ended between two awaits")
    for since, until in made.script.ups:
        print(f"  at work {since:%Y-%m-%d %H:%M:%S.%f} to {until:%Y-%m-%d %H:%M:%S.%f}")
    print("\n".join(found) or "everything holds")
    return 1 if found else 0


def _many(seeds: Sequence[int], *, workers: int, keep: Path | None) -> int:
    started = time.perf_counter()
    kept = [each for each in _kept(keep) if each.seed in seeds] if keep else []
    left = sorted({*seeds} - {each.seed for each in kept})
    with scratch() as folder:
        seen = kept + list(_told(_spread(left, folder, workers=workers), len(left), keep))
    console = Console(width=200)
    met: Counter[Cell] = Counter()
    for each in seen:
        met.update(each.met)
    console.print(_coverage(met))
    console.print(_never())
    cells = {*deck()}
    rare = [cell for cell in cells if met[cell] < LEAST]
    bad = [each for each in seen if each.violations]
    print(
        f"{len(seen)} seeds in {time.perf_counter() - started:.0f} s: {sum(each.jobs for each in seen)} jobs "
        f"(at least {min(each.jobs for each in seen)} in each), {sum(each.sent for each in seen)} of them sent, "
        f"{sum(each.lives for each in seen)} collectors, {sum(met.values())} mishaps, "
        f"{sum(each.between_awaits for each in seen)} more deaths between two awaits, "
        f"{sum(each.replayed for each in seen)} seeds lived twice. Of {len(cells)} possible combinations "
        f"{len(rare)} were met less than {LEAST} times. {len(bad)} seeds do not hold."
    )
    for cell in sorted(rare) if len(seen) >= MANY else []:
        print(f"rarely met: {', '.join(cell)}: {met[cell]}", file=sys.stderr)
    return 1 if bad or (len(seen) >= MANY and rare) else 0


def _spread(seeds: Sequence[int], folder: Path, *, workers: int) -> Iterator[Seen]:
    """Over the cores, each in processes of its own that begin with nothing."""
    os.environ.setdefault("POLARS_MAX_THREADS", "1")  # for a dozen rows; the other cores have seeds of their own
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_settle, initargs=(folder,))
    with pool:
        yield from pool.map(_in_worker, seeds, chunksize=4)


_FOLDER: list[Path] = []


def _settle(folder: Path) -> None:
    settle()
    own = folder / str(os.getpid())
    own.mkdir()
    _FOLDER.append(own)


def _in_worker(seed: int) -> Seen:
    return look(seed, _FOLDER[0])


def _kept(file: Path) -> list[Seen]:
    return [Seen(**{**row, "met": {tuple(cell): times for cell, times in row["met"]}}) for row in keeping.rows(file)]


def _keep(seen: Seen, file: Path) -> None:
    keeping.add({**vars(seen), "met": [*seen.met.items()], "violations": [*seen.violations]}, file)


def _told(found: Iterable[Seen], total: int, keep: Path | None) -> Iterator[Seen]:
    for number, seen in enumerate(found, start=1):
        if keep:
            _keep(seen, keep)
        if seen.violations:
            print(f"Seed {seen.seed} does not hold. See it again: {seen.again}", file=sys.stderr, flush=True)
            for violation in seen.violations:
                print(f"  {violation}", file=sys.stderr, flush=True)
        if number % TOLD == 0:
            print(f"{number} of {total} seeds", file=sys.stderr, flush=True)
        yield seen


def _coverage(met: Mapping[Cell, int]) -> Table:
    """A line for each verb and crash point, a column for each fault; a dot where it cannot be."""
    table = Table(title="Mishaps met", padding=(0, 1, 0, 0))
    for name in ("backend", "verb", "crash"):
        table.add_column(name, no_wrap=True)
    for fault in FAULTS:
        table.add_column(fault.replace("_", " "), justify="right", overflow="fold")
    for backend in BACKENDS:
        for verb in VERBS:
            for crash in CRASHES:
                cells = [(backend, verb, fault, crash) for fault in FAULTS]
                counts = ["." if impossible(cell) else str(met.get(cell, 0)) for cell in cells]
                table.add_row(backend, verb, crash, *counts, end_section=crash == CRASHES[-1])
    return table


def _never() -> Table:
    table = Table("cannot be", "because", title="Impossible combinations")
    for rule in NEVER:
        table.add_row(rule.cells, rule.why)
    return table


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
