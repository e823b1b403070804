"""How long does a verdict take? `python -m benchmarks.verdict`, about 30 seconds.

Over 20,000 jobs of two workflows on three providers: from the tables, with production's traffic replayed at equal
service after each look, and from the frozen snapshot. Each twice, which must give the same bytes. Exit code 1 if a
limit is not held.
"""

import sys
import time
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

import numpy as np
from rich.console import Console
from rich.table import Table

from analysis.traffic.profile import KNOWN
from analysis.verdict.campaigns import Plan, Side
from analysis.verdict.card import Card
from analysis.verdict.cases import cases
from analysis.verdict.document import document
from analysis.verdict.evidence import Beside, Frames, ImageJudgement
from analysis.verdict.frozen import Facts, Snapshot, digest, freeze, thaw
from benchmarks.measured import FIRST, PINNED, Measured, frames

WORKFLOWS, CANDIDATES = ("flux-dev", "qwen-image-2512"), ("runpod", "vast")
TRAFFIC = "1,000 requests a day"
PLAN = Plan(blocks=20, warm=160, cold=8)
JOBS, RAW_S, FROZEN_S = 20_000, 60.0, 2.0

_T = TypeVar("_T")


def campaign() -> Frames:
    """The tables of the campaign."""
    sides = {"modal": 1, "runpod": 1, "vast": 2}
    arms = [Measured(backend=name, side=Side(host=0.03), parts=parts) for name, parts in sides.items()]
    return frames(np.random.default_rng(1), arms, workflows=WORKFLOWS, plan=PLAN)


def from_tables(found: Frames) -> bytes:
    """The snapshot, frozen."""
    card = Card(
        workflows=WORKFLOWS, candidates=CANDIDATES, traffic=TRAFFIC, pins=dict.fromkeys(WORKFLOWS, PINNED)
    )  # fmt: skip
    alike = ImageJudgement(quality="alike", why="60 of 60 pairs")
    beside = Beside(
        traffic=dict.fromkeys(WORKFLOWS, KNOWN[TRAFFIC]),
        at=FIRST + timedelta(days=9),
        ops_usd=dict.fromkeys(("modal", *CANDIDATES), 0.0),
        images={(workflow, name): alike for workflow in WORKFLOWS for name in CANDIDATES},
        licensed=WORKFLOWS,
    )
    facts = Facts(
        at=beside.at, jobs=found.jobs.height, blocks=found.blocks.height, days=5, spent_usd=0.0, final_share=1.0,
        version=1, locked_at=FIRST, locked_by="ana", ops_usd=beside.ops_usd, simulated=True,
    )  # fmt: skip
    return freeze(Snapshot(card=card, cases=cases(card, found, beside), facts=facts))


def timed(work: Callable[[], _T]) -> tuple[_T, float]:
    """What it gives, and the seconds of the wall that it took."""
    started = time.perf_counter()
    return work(), time.perf_counter() - started


def main() -> int:
    """Print the table; 0 if every limit holds."""
    found = campaign()
    (frozen, raw_s), (again, _) = (timed(lambda: from_tables(found)) for _ in range(2))
    said = [timed(lambda: document(thaw(frozen, named=digest(frozen)))) for _ in range(2)]
    table = Table("from", "s", "limit", "same twice", title=f"A verdict over {found.jobs.height:,} jobs")
    table.add_row("tables", f"{raw_s:.1f}", f"{RAW_S:g}", str(frozen == again))
    table.add_row("snapshot", f"{said[0][1]:.2f}", f"{FROZEN_S:g}", str(said[0][0] == said[1][0]))
    Console(width=100).print(table)
    print(f"{said[0][0]['title']}. The snapshot has {len(frozen) / 1e6:.1f} MB.")
    held = raw_s <= RAW_S and said[0][1] <= FROZEN_S and frozen == again and said[0][0] == said[1][0]
    return 0 if held and found.jobs.height >= JOBS else 1


if __name__ == "__main__":
    sys.exit(main())
