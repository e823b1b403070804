"""Are our numbers true whatever the world is like? `python -m benchmarks.worlds [--seeds 1,2,3,4,5] [--drawn 12]`.

Whole bake-offs in virtual time (both workflows, three providers) in the shipped worlds and in worlds that are drawn,
each held to its ledger. Virtual time has no noise, so the bounds are tight. Then forecasts of traffic that nobody
has seen, 2,000 requests each, are held to what it is billed (`benchmarks.blended`). Exit code 1 if any bound fails.

Two things nobody can see from outside. No check of a picture tells that it took fewer steps than were asked for: such
jobs count as good with us. And how some jobs started is unknown, as of a container that died under its first call and
never said whether it was booted or came from a snapshot. So that the rest can be compared, the truth here
says what we say; a column counts them. What we measured and left out of every cell is left out of the truth's too.
"""

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from rich.console import Console
from rich.table import Table
from sqlmodel import col, select

from analysis import cost
from analysis.cheats import CACHE_REPEAT
from benchmarks import blended
from benchmarks.demos import nothing_left
from benchmarks.drawing import PROVIDERS, write
from benchmarks.judge import Check, failing, judge, worst
from benchmarks.tables import timed
from simulator.ledger import truth
from simulator.pool import SimJob
from simulator.world import Billing, load_world, shipped
from storage import frames
from storage.models import Charge, Job
from tests.simulation.bakeoff import Bakeoff, bakeoff, plan
from words import CostState, JobStatus, StartKind

WARM, COLD = 24, 3
WITHIN = 0.02  # of the truth
UNEXPLAINED = 0.01  # of the bill, beside what this world bills for nothing
_COLUMNS = ("warm p50", "marginal cost", "fully loaded cost", "unexplained")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One bake-off."""

    world: str
    seed: int
    took_s: float
    checks: Sequence[Check]
    jobs: int = 0
    failed: int = 0
    unseen: int = 0


def main(arguments: Sequence[str]) -> int:
    """Run everything that was asked for; 0 if every bound holds."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.worlds", description=__doc__)
    parser.add_argument("--worlds", type=lambda text: text.split(","), default=shipped())
    parser.add_argument("--seeds", type=lambda text: [int(part) for part in text.split(",") if part], default=[1, 2, 3])
    parser.add_argument("--drawn", type=int, default=12, help="how many worlds to draw")
    parser.add_argument("--traces", type=int, default=2, help="how many seeds of traffic to forecast and send")
    parser.add_argument("--first", type=int, default=1, help="seed of the first world that is drawn")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="bakeoff-worlds-") as folder:
        drawn = [(str(write(Path(folder), seed)), seed) for seed in range(asked.first, asked.first + asked.drawn)]
        known = [(world, seed) for world in asked.worlds for seed in asked.seeds]
        rows = [_told(_row(Path(folder), world, seed)) for world, seed in known + drawn]
        traces = blended.measure(Path(folder), seeds=range(1, asked.traces + 1))
    console = Console(width=150)
    console.print(_table(rows))
    if traces:
        console.print(blended.table(traces))
    bad = [check for row in rows for check in row.checks if not check.holds]
    return 1 if bad or any(not each.holds for _, each in traces) else 0


def _row(folder: Path, world: str, seed: int) -> Row:
    """One bake-off, held to its ledger. One that breaks down is a bound that fails, and the others go on."""
    plans = plan("flux-dev", warm=WARM, cold=COLD), plan("qwen-image-2512", warm=WARM, cold=COLD, gpu="H100")
    name = Path(world).stem
    with tempfile.TemporaryDirectory(dir=folder) as data:
        try:
            made, took_s = timed(lambda: bakeoff(Path(data), *plans, world=world, seed=seed))
        except Exception as error:
            return Row(world=name, seed=seed, took_s=0.0, checks=[Check("ran", repr(error)[:100], "to its end", False)])
        unseen = _overlook(made)
        jobs = [job for rented in made.simulation.ledger.rented for job in rented.pool.jobs.values()]
        return Row(
            world=name,
            seed=seed,
            took_s=took_s,
            checks=_checks(made),
            jobs=len(jobs),
            failed=sum(not job.good for job in jobs),
            unseen=unseen,
        )


def _overlook(made: Bakeoff) -> int:
    """Make the ledger say of the jobs that nobody can tell apart what we say of them; how many there were."""
    jobs = [job for rented in made.simulation.ledger.rented for job in rented.pool.jobs.values()]
    unseen = [job for job in jobs if job.state == "completed" and job.fate == "fewer_steps"]
    with made.reading() as session:
        unknown = session.exec(select(Job.provider_job_id).where(Job.start_kind == StartKind.UNKNOWN)).all()
    untold = [job for job in jobs if job.id in set(unknown)]
    for job in unseen:
        job.fate = "good"
    for job in untold:
        job.start_kind = None
    return len(unseen) + len(untold)


def _leave_out(made: Bakeoff) -> None:
    """The ledger's cells without those that are in none of ours, repeats apart: it leaves these out itself."""
    with made.reading() as session:
        query = select(Job.provider_job_id).where(col(Job.left_out).is_not(None), Job.left_out != CACHE_REPEAT)
        left_out = set(session.exec(query))
    for job in (job for rented in made.simulation.ledger.rented for job in rented.pool.jobs.values()):
        job.start_kind = None if job.id in left_out else job.start_kind


def _checks(made: Bakeoff) -> list[Check]:
    alike = _job_by_job(made)
    _leave_out(made)
    shown = made.document()
    true = truth(made.simulation.ledger)
    planned = 2 * len(PROVIDERS) * (WARM + COLD)
    return [
        *judge(shown, jobs=planned, warm_cells=1, cold_n=1, within=WITHIN),
        *nothing_left(made.folder, made.simulation.ledger.as_json()),
        Check("cells", str(len(shown["cells"])), str(len(true["cells"])), len(shown["cells"]) == len(true["cells"])),
        alike,
        _all_final(made),
        worst("unexplained", _unexplained(made), UNEXPLAINED),
    ]


def _job_by_job(made: Bakeoff) -> Check:
    """Every job that a provider took: the start kind and the end that it truly had."""
    true = {job.id: job for rented in made.simulation.ledger.rented for job in rented.pool.jobs.values()}
    with made.reading() as session:
        ours = {job.provider_job_id: job for job in session.exec(select(Job)) if job.provider_job_id}
    wrong = [
        f"{job.key}: {true[name].fate}" for name, job in ours.items() if name in true and not _alike(job, true[name])
    ]
    wrong += [f"{name} is in one only" for name in ours.keys() ^ true.keys()]
    return Check("jobs unlike the ledger's", f"{len(wrong)}: {wrong[0]}" if wrong else "0", "0", not wrong)


def _alike(ours: Job, true: SimJob) -> bool:
    return (
        ours.start_kind == (true.start_kind or StartKind.UNKNOWN) and (ours.status is JobStatus.SUCCEEDED) == true.good
    )


def _all_final(made: Bakeoff) -> Check:
    with made.reading() as session:
        states = set(session.exec(select(Charge.state)))
    return Check("bills", ", ".join(sorted(states)) or "none", "final", states == {CostState.FINAL})


def _unexplained(made: Bakeoff) -> list[float]:
    """Per backend: the share of its bill that nothing explains, less what this world bills for nothing.

    A worker's time for nothing is found; a phantom byte or gigabyte is not, since the bill alone tells how many.
    """
    with made.reading() as session:
        fall = cost.waterfall(frames.deployments(session), frames.jobs(session), frames.charges(session))
    sums = fall.group_by("backend").agg(pl.col("^.*_nano$").sum()).sort("backend")
    world = load_world(made.world)
    return [
        abs(row["unexplained_nano"] - _for_nothing(world.provider(row["backend"]).billing) * _time_nano(row))
        / row["billed_nano"]
        for row in sums.iter_rows(named=True)
    ]


def _time_nano(row: Mapping[str, Any]) -> int:
    return int(row["billed_nano"] - row["storage_nano"] - row["network_nano"] - row["fee_nano"])


def _for_nothing(billing: Billing) -> float:
    """The share of a final bill that stands for no second of any worker."""
    return 1 - 1 / ((1 + billing.phantom_share) * (1 + billing.late_correction))


def _told(row: Row) -> Row:
    """The row, after saying how it went."""
    bad = "; ".join(failing(row.checks))
    print(f"{row.world} {row.seed}: {row.took_s:.0f} s, {bad or 'every bound holds'}", file=sys.stderr, flush=True)
    return row


def _table(rows: Sequence[Row]) -> Table:
    """A line for each bake-off; below the bounds that fail, in words."""
    table = Table("world", "seed", "jobs", "failed", "unseen", *_COLUMNS, "other bounds", title="Worlds")
    for row in rows:
        found = {check.name: check for check in row.checks}
        others = [check for name, check in found.items() if name not in _COLUMNS]
        cells = [_shown(found[name]) if name in found else "-" for name in _COLUMNS]
        bad = "; ".join(failing(others))
        counts = (row.jobs, row.failed, row.unseen)
        table.add_row(row.world, str(row.seed), *map(str, counts), *cells, bad or f"all {len(others)} hold")
    table.caption = f"Bounds: {WITHIN:.0%} of the truth. Unseen: too few steps, or a start that nobody can tell."
    return table


def _shown(check: Check) -> str:
    return check.found.removesuffix(" off") + ("" if check.holds else " NO")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
