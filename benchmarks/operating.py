"""How often does the whole rule say what? `python -m benchmarks.operating [campaigns]`, about 3 minutes at 1,000.

Each row draws campaigns from a world whose truth is known, takes all looks, and counts what the rule said, beside what
is stated of it. Exit code 1 if a share is further from that than two errors of both simulations together, or a share
that must stay below its limit is above it by more than two of ours.
"""

import math
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.table import Table

from analysis.verdict.campaigns import BLOCKS, HALF_BLOCKS, LIKE, Plan, Side, campaign
from analysis.verdict.card import Card
from analysis.verdict.rule import rule
from words import Verdict

STATED_FROM = 600  # campaigns behind a stated share, where nothing else is told
CARD = Card(workflows=("w",), candidates=("c",), traffic="20 an hour")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One world, what is counted, and what is stated. at_most: the stated share is a limit."""

    world: str
    counted: Verdict
    stated: float
    saving: float
    candidate: Side
    baseline: Side = LIKE
    plan: Plan = BLOCKS
    alpha: float = 0.05
    at_most: bool = False
    campaigns: int = STATED_FROM


ENDPOINT = Side(host=0.03)
MARKET = {sd: Side(host=sd, price=0.08) for sd in (0.04, 0.06)}


def rows() -> Iterator[Row]:
    """Every figure that is stated of the rule, then the limits that it keeps."""
    yield Row(
        world="endpoint, A/A", counted=Verdict.NOT_WORTH_IT, stated=0.993, saving=0, candidate=ENDPOINT, campaigns=2000
    )
    for saving, stated in ((0.10, 0.052), (0.20, 0.935), (0.30, 0.937), (0.40, 0.937)):
        yield _go(f"endpoint, saves {saving:.0%}", stated, saving, ENDPOINT)
    yield _go("endpoint, saves 20%, first of two", 0.847, 0.20, ENDPOINT, alpha=0.025)
    for sd, aa, by_saving, first in (
        (0.04, 0.942, (0.047, 0.900, 0.913), 0.785),
        (0.06, 0.940, (0.040, 0.730, 0.742), 0.545),
    ):
        yield Row(world=f"market {sd}, A/A", counted=Verdict.NOT_WORTH_IT, stated=aa, saving=0, candidate=MARKET[sd])
        for saving, stated in zip((0.10, 0.20, 0.30), by_saving, strict=True):
            yield _go(f"market {sd}, saves {saving:.0%}", stated, saving, MARKET[sd])
        yield _go(f"market {sd}, saves 20%, first of two", first, 0.20, MARKET[sd], alpha=0.025)
    yield _go("market 0.06, 40 half-blocks, saves 20%", 0.86, 0.20, MARKET[0.06], plan=HALF_BLOCKS)
    yield _go("stalls of 4% on both, saves 20%", 0.905, 0.20, Side(host=0.03, stalls=0.04), Side(stalls=0.04))
    yield _go("failures come together (ICC .05), saves 20%", 0.67, 0.20, Side(host=0.03, icc=0.05), Side(icc=0.05))
    yield from _harm()
    yield from _false()


def _harm() -> Iterator[Row]:
    for what, stated, side in (
        ("4 pp more failures", 0.69, Side(host=0.03, success=0.95)),
        ("25% slower", 1.0, Side(host=0.03, slower=1.25)),
    ):
        yield Row(world=what, counted=Verdict.NO_GO, stated=stated, saving=0.4, candidate=side)


def _false() -> Iterator[Row]:
    """One truth on its margin, or nothing saved: a GO is false, and rarer than alpha."""
    aa = (("endpoint", ENDPOINT), *((f"market {sd}", side) for sd, side in MARKET.items()))
    for name, side in aa:
        yield _false_go(f"{name}, A/A", 0.0, side)
    yield _false_go("success on its margin", 0.4, Side(host=0.03, success=0.97))
    yield _false_go("p95 on its margin", 0.4, Side(slower=1.10))
    yield _false_go("stalls on their margin", 0.4, Side(host=0.03, stalls=0.03))
    yield _false_go("saving on its margin", 0.1, ENDPOINT)


def _go(
    world: str,
    stated: float,
    saving: float,
    side: Side,
    baseline: Side = LIKE,
    *,
    alpha: float = 0.05,
    plan: Plan = BLOCKS,
) -> Row:
    return Row(
        world=world,
        counted=Verdict.GO,
        stated=stated,
        saving=saving,
        candidate=side,
        baseline=baseline,
        plan=plan,
        alpha=alpha,
    )


def _false_go(world: str, saving: float, side: Side) -> Row:
    return Row(world=world, counted=Verdict.GO, stated=0.05, saving=saving, candidate=side, at_most=True)


@dataclass(frozen=True, kw_only=True)
class Found:
    """share: of the campaigns, what the row counts; blocks: the mean at which they ended; states: share of each."""

    share: float
    blocks: float
    states: Counter[Verdict]


def measure(row: Row, campaigns: int, *, seed: int = 1) -> Found:
    """The rule over so many campaigns of the row's world."""
    dice = np.random.default_rng(seed)
    rulings = [
        rule(
            CARD,
            campaign(dice, saving=row.saving, candidate=row.candidate, baseline=row.baseline, plan=row.plan),
            alpha=row.alpha,
        )
        for _ in range(campaigns)
    ]
    states = Counter(each.state for each in rulings)
    return Found(
        share=states[row.counted] / campaigns, blocks=sum(each.blocks for each in rulings) / campaigns, states=states
    )


def allowed(row: Row, campaigns: int) -> tuple[float, float]:
    """Two errors around what is stated: of both simulations, or of ours alone above a limit."""
    p = min(max(row.stated, 0.5 / row.campaigns), 1 - 0.5 / row.campaigns)
    of = 1 / campaigns if row.at_most else 1 / campaigns + 1 / row.campaigns
    error = 2 * math.sqrt(p * (1 - p) * of)
    return (0.0 if row.at_most else row.stated - error), row.stated + error


def main(arguments: list[str]) -> int:
    """Print the table; 0 if every row is within what is allowed."""
    campaigns = int(arguments[0]) if arguments else 1000
    table = Table("world", "counted", "stated", "ours", "allowed", "blocks", "", title=f"{campaigns} campaigns a row")
    wrong = 0
    for row in rows():
        found, (low, high) = measure(row, campaigns), allowed(row, campaigns)
        held = low <= found.share <= high
        wrong += not held
        stated = f"<= {row.stated:.3f}" if row.at_most else f"{row.stated:.3f}"
        counted = f"{'false ' if row.at_most else ''}{row.counted}"
        table.add_row(
            row.world, counted, stated, f"{found.share:.3f}", f"{low:.3f} to {high:.3f}", f"{found.blocks:.1f}",
            "" if held else "outside",
        )  # fmt: skip
    Console(width=140).print(table)
    print(f"{wrong} rows are outside of what is stated." if wrong else "Every row is within what is stated.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
