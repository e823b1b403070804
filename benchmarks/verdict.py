"""How long does a verdict take? `python -m benchmarks.verdict`, about a minute and a half.

Over 20,000 jobs of two workflows on three providers: from the tables, with production's traffic replayed at equal
service after each look and at other volumes, from the frozen snapshot, and as a report in each format. The verdicts
twice, which must give the same. Exit code 1 if a limit is not held.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TypeVar

import numpy as np
from rich.console import Console
from rich.table import Table

from analysis import compare
from analysis.traffic.profile import DAYS_PER_MONTH, KNOWN
from analysis.verdict import volumes
from analysis.verdict.campaigns import Plan, Side
from analysis.verdict.card import Card
from analysis.verdict.cases import case, pairs
from analysis.verdict.document import document
from analysis.verdict.evidence import Beside, Compared, Frames, ImageJudgement
from analysis.verdict.frozen import Facts, Snapshot, digest, freeze, thaw
from analysis.verdict.rests import rests
from analysis.verdict.turns import explained
from benchmarks.measured import FIRST, PINNED, Measured, frames
from ui.reporting import FORMATS, made

WORKFLOWS, CANDIDATES = ("flux-dev", "qwen-image-2512"), ("runpod", "vast")
TRAFFIC = "1,000 requests a day"
PLAN = Plan(blocks=20, warm=160, cold=8)
JOBS, RAW_S, VOLUMES_S, FROZEN_S, REPORT_S = 20_000, 60.0, 30.0, 2.0, 10.0

_T = TypeVar("_T")


def campaign() -> Frames:
    """The tables of the campaign."""
    sides = {"modal": 1, "runpod": 1, "vast": 2}
    arms = [Measured(backend=name, side=Side(host=0.03), parts=parts) for name, parts in sides.items()]
    return frames(np.random.default_rng(1), arms, workflows=WORKFLOWS, plan=PLAN)


def from_tables(found: Frames) -> tuple[Snapshot, list[Compared]]:
    """The snapshot without costs at other volumes, and what those are replayed from."""
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
    compared = pairs(card, found, beside)
    facts = Facts(
        at=beside.at, jobs=found.jobs.height, blocks=found.blocks.height, days=5, spent_usd=0.0, final_share=1.0,
        version=1, locked_at=FIRST, locked_by="ana", ops_usd=beside.ops_usd, simulated=True,
        cells=compare.cells(found.jobs).to_dicts(),
        arms=compare.arms(found.deployments, found.jobs, found.charges).to_dicts(),
        images_per_month={name: traffic.per_day * DAYS_PER_MONTH for name, traffic in beside.traffic.items()},
        rests=[rests(each) for each in compared],
    )  # fmt: skip
    return Snapshot(card=card, cases=[case(each) for each in compared], facts=facts), compared


def reported(frozen: bytes, form: str) -> bytes:
    """The snapshot's report, with what would turn it."""
    return made(explained(thaw(frozen, named=digest(frozen))), form)


def timed(work: Callable[[], _T]) -> tuple[_T, float]:
    """What it gives, and the seconds of the wall that it took."""
    started = time.perf_counter()
    return work(), time.perf_counter() - started


def main() -> int:
    """Print the table; 0 if every limit holds."""
    found = campaign()
    ((made_of, compared), raw_s), ((again, _), _) = (timed(lambda: from_tables(found)) for _ in range(2))
    drawn, volumes_s = timed(lambda: volumes.of_all(compared))
    frozen = freeze(replace(made_of, facts=replace(made_of.facts, volumes=drawn)))
    said = [timed(lambda: document(thaw(frozen, named=digest(frozen)))) for _ in range(2)]
    reports = {form: timed(partial(reported, frozen, form)) for form in FORMATS}
    same = freeze(made_of) == freeze(again) and said[0][0] == said[1][0]
    rows = [("verdict from tables", raw_s, RAW_S), ("costs at other volumes, to freeze it", volumes_s, VOLUMES_S)]
    rows += [("verdict from snapshot", said[0][1], FROZEN_S)]
    rows += [(f"report, {form}, {len(report) / 1e3:,.0f} kB", s, REPORT_S) for form, (report, s) in reports.items()]
    table = Table("what", "s", "limit, s", "of the limit", title=f"A verdict over {found.jobs.height:,} jobs")
    for what, s, limit in rows:
        table.add_row(what, f"{s:.2f}", f"{limit:g}", f"{s / limit:.0%}")
    Console(width=100).print(table)
    print(f"{said[0][0]['title']}. The snapshot has {len(frozen) / 1e6:.1f} MB. The same twice: {same}.")
    return 0 if same and all(s <= limit for _, s, limit in rows) and found.jobs.height >= JOBS else 1


if __name__ == "__main__":
    sys.exit(main())
