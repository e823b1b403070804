"""Does image parity find swaps, and leave equal images alone? `python -m benchmarks.parity --pool FILE`.

Pairs of each kind are rendered once, from 600 prompts and seeds: 6 minutes, kept in FILE one line each, so that
`--rows N` can do it in parts. Sets of 60 pairs, each with its own 59 pairs of the baseline, are then drawn from them.
Exit code 1 if a bound does not hold; 2 while pairs are still to be rendered.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from analysis import stats
from analysis.parity import PAIRS, SPREAD_PAIRS, dissimilarity, likeness, luma
from simulator.picture import Defect, Picture, paint
from workflows.prompts import PromptJob, draw

ROWS = 600
SETS = 500
SIDE_PX, STEPS = 512, 20
CAMPAIGN = 18
EQUAL = "equal"
# The other image of each kind of pair; the baseline's is in full precision with all its steps, on another GPU.
KINDS: Mapping[str, Mapping[str, Any]] = {
    EQUAL: {},
    "fp8 for bf16": {"precision": "fp8"},
    "a quarter of the steps": {"defect": Defect.FEWER_STEPS},
    "half of the steps": {"steps": STEPS // 2},
    "three quarters of the steps": {"steps": STEPS * 3 // 4},
}

Pool = Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Bound:
    """The least and the most of the sets that may pass; None: it is shown, and nothing is promised."""

    least: float
    most: float


BOUNDS: Mapping[str, Bound] = {
    EQUAL: Bound(0.955, 0.985),  # .97 +- two simulation errors
    "fp8 for bf16": Bound(0, 0.01),
    "a quarter of the steps": Bound(0, 0.01),
    "half of the steps": Bound(0, 0.01),
}


def row(job: PromptJob, *, side: int = SIDE_PX) -> dict[str, float]:
    """One prompt and seed: how far each kind's image is from the baseline's."""
    given = {"prompt": job.text, "seed": job.seed, "width": side, "height": side, "steps": STEPS}
    picture: dict[str, Any] = {**given, "reference_steps": STEPS}
    base = luma(paint(Picture(**picture, variant="baseline")))
    return {
        kind: dissimilarity(luma(paint(Picture(**{**picture, "variant": "candidate", **swap}))), base)
        for kind, swap in KINDS.items()
    }


def rendered(count: int, *, keep: Path | None, most: int) -> list[dict[str, float]]:
    """The rows of the file, and up to `most` more that are added to it. Raises ValueError on a strange file."""
    found = list(_kept(keep)) if keep and keep.exists() else []
    for job in draw(count, CAMPAIGN)[len(found) : len(found) + most]:
        found.append(row(job))
        if keep:
            with keep.open("a", encoding="utf-8") as file:
                file.write(json.dumps(found[-1]) + "\n")
    return found[:count]


def _kept(path: Path) -> Iterator[dict[str, float]]:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            found = json.loads(line)
        except json.JSONDecodeError:
            found = None
        if not isinstance(found, dict) or found.keys() != KINDS.keys():
            raise ValueError(f"{path}, line {number}: no row of this benchmark. Choose another file.")
        yield found


def pool(rows: Sequence[Mapping[str, float]]) -> Pool:
    """The rows by kind."""
    return {kind: np.array([each[kind] for each in rows]) for kind in KINDS}


def share_alike(found: Pool, kind: str, *, sets: int = SETS, pairs: int = PAIRS, seed: int = 1) -> float:
    """The share of sets that pass: so many pairs of the kind, and 59 of other prompts and seeds as the spread."""
    dice = np.random.default_rng([seed, *kind.encode()])
    size = found[kind].size
    if size < pairs + SPREAD_PAIRS:
        raise ValueError(f"A set takes {pairs + SPREAD_PAIRS} pairs, and there are {size}.")
    alike = 0
    for _ in range(sets):
        drawn = dice.permutation(size)
        mine, own = drawn[:pairs], drawn[pairs : pairs + SPREAD_PAIRS]
        alike += likeness(found[kind][mine].tolist(), found[EQUAL][own].tolist()).alike
    return alike / sets


def holds(kind: str, share: float) -> bool:
    """Whether a share of passing sets is within its bound."""
    bound = BOUNDS.get(kind)
    return bound is None or bound.least <= share <= bound.most


def table(found: Pool, shares: Mapping[str, float], *, sets: int) -> Table:
    """Distances of each kind, and how many sets of it pass."""
    size = found[EQUAL].size
    drawn = Table("pairs", "1 - SSIM, median", "5 % to 95 %", "sets alike", "95 %", "bound")
    for kind, share in shares.items():
        low, middle, high = np.quantile(found[kind], [0.05, 0.5, 0.95])
        limits = stats.clopper_pearson(round(share * sets), sets)
        bound = BOUNDS.get(kind)
        told = (
            "none" if bound is None else f"{bound.least:.3f}-{bound.most:.3f}" + ("" if holds(kind, share) else " NO")
        )
        drawn.add_row(
            kind,
            f"{middle:.4f}",
            f"{low:.4f}-{high:.4f}",
            f"{share:.3f}",
            f"{limits[0]:.3f}-{limits[1]:.3f}",
            told,
        )
    drawn.title = (
        f"SIMULATED. {sets} sets of {PAIRS} pairs and {SPREAD_PAIRS} of the baseline, from {size} of each kind"
    )
    return drawn


def main(arguments: Sequence[str]) -> int:
    """Render what is missing, then print the table; 0 if every bound holds."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.parity", description=__doc__)
    parser.add_argument(
        "--pool", type=Path, help="a file of one line a prompt and seed; those in it are not rendered again"
    )
    parser.add_argument("--rows", type=int, default=ROWS, help="render at most so many more in this call")
    parser.add_argument("--sets", type=int, default=SETS)
    asked = parser.parse_args(arguments)
    rows = rendered(ROWS, keep=asked.pool, most=asked.rows)
    if len(rows) < ROWS:
        print(f"{len(rows)} of {ROWS} prompts and seeds are rendered: call again with --pool.")
        return 2
    found = pool(rows)
    shares = {kind: share_alike(found, kind, sets=asked.sets) for kind in KINDS}
    Console(width=120).print(table(found, shares, sets=asked.sets))
    return 0 if all(holds(kind, share) for kind, share in shares.items()) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
