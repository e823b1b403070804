"""Worlds with a known right answer: does the whole pipeline name it, and why? `python -m benchmarks.planted_worlds`.

Each is a campaign that the real collector runs on the simulated providers in virtual time: blocks over days, bills that
become final, pictures compared, people's votes and answers where they are a part of the world, and the ordinary rule
on the tables. With the seed of its own and three more it takes about 20 minutes on two cores; `--worlds` names some of
them, `--seeds` other seeds. Exit code 1 if a verdict or its reason is not the planted one.
"""

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

from rich.console import Console
from rich.table import Table

from benchmarks.tables import timed
from tests.simulation.planted import Planted, ruled, worlds
from tests.simulation.quick import scratch, settle

SEEDS = (1, 2, 3, 4)


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What came of one world with one seed. said: empty where it is right."""

    world: str
    seed: int
    said: str
    took_s: float


def main(arguments: Sequence[str]) -> int:
    """Print the table; 0 if every world ends right with every seed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.planted_worlds", description=__doc__)
    parser.add_argument("--seeds", default=",".join(map(str, SEEDS)), help="for example 5,6,7")
    parser.add_argument("--worlds", default="", help="only those whose name holds this")
    asked = parser.parse_args(arguments)
    seeds = [int(seed) for seed in asked.seeds.split(",")]
    chosen = [world for world in worlds() if asked.worlds in world.name]
    found = list(_lived([(world.name, seed) for world in chosen for seed in seeds]))
    Console(width=200).print(_table(chosen, seeds, found))
    wrong = [each for each in found if each.said]
    print(f"{len(found) - len(wrong)} of {len(found)} verdicts and reasons are the planted ones.")
    return 1 if wrong or not found else 0


def look(name: str, seed: int) -> Seen:
    """Live through it."""
    world = next(each for each in worlds() if each.name == name)
    with scratch() as folder:
        (rulings, whole), took_s = timed(lambda: ruled(world, folder, seed=seed))
    each = "; ".join(f"{one.state.value} ({one.gate and one.gate.value}): {one.reason}" for one in rulings)
    right = world.holds(rulings, whole)
    return Seen(world=name, seed=seed, said="" if right else f"{whole.state.value}: {each}", took_s=took_s)


def _lived(tasks: Sequence[tuple[str, int]]) -> Iterator[Seen]:
    os.environ.setdefault("POLARS_MAX_THREADS", "1")  # the other cores have worlds of their own
    pool = ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn"), initializer=settle)
    with pool:
        for seen in pool.map(look, *zip(*tasks, strict=True)):
            print(f"{seen.world}, seed {seen.seed}: {seen.said or 'right'} ({seen.took_s:.0f} s)", file=sys.stderr)
            yield seen


def _table(chosen: Sequence[Planted], seeds: Sequence[int], found: Sequence[Seen]) -> Table:
    table = Table("world", "right answer", *(f"seed {seed}" for seed in seeds), title="Planted worlds")
    said = {(each.world, each.seed): each.said or "right" for each in found}
    for world in chosen:
        each = "; ".join(
            " ".join([state.value, " or ".join(f"({gate.value})" for gate in gates)]).strip()
            for state, gates in world.answers
        )
        right = each if len(world.answers) == 1 else f"{world.overall.value}: {each}"
        table.add_row(world.name, right, *(said[world.name, seed] for seed in seeds))
    return table


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
