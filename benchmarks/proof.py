"""The long proof, about 40 minutes: `python -m benchmarks.proof [--seeds 1,2,3] [--kills 10] [--estimates 200]`.

Three demos on a quiet machine and three beside two busy loops, each within its time and its bounds; then one whose
collector is killed at random moments, again and again. Last, so many worlds whose final bills our estimates have to
meet (`benchmarks.estimates`). Prints two tables; exit code 1 if any bound fails.
"""

import argparse
import json
import random
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import estimates
from benchmarks.demos import Demo, busy_loops, killed_again_and_again, run_demo
from benchmarks.judge import Check, failing, judge

LIMIT_S = 240.0  # real seconds that a demo may take
BUSY_LOOPS = 2


@dataclass(frozen=True, kw_only=True)
class Row:
    """One demo in the table."""

    name: str
    took_s: float
    checks: Sequence[Check]

    @property
    def holds(self) -> bool:
        """True if every bound does."""
        return all(check.holds for check in self.checks)


def main(arguments: Sequence[str]) -> int:
    """Run everything that was asked for; 0 if every bound holds."""
    asked = _parsed(arguments)
    rows = []
    for load, loops in (("quiet", 0), ("busy", BUSY_LOOPS)):
        for seed in asked.seeds:
            with busy_loops(loops):
                rows.append(_told(_judged(f"seed {seed}, {load}", run_demo(seed=seed))))
    if asked.kills:
        with tempfile.TemporaryDirectory(prefix="bakeoff-proof-") as folder:
            demo = killed_again_and_again(Path(folder) / "data", kills=asked.kills, dice=random.Random(asked.dice))
        rows.append(_told(Row(name=f"{asked.kills} kills", took_s=demo.took_s, checks=demo.checks)))
    Console(width=160).print(_table(rows))
    met = not asked.estimates or estimates.main(["--worlds", str(asked.estimates)]) == 0
    return 0 if met and all(row.holds for row in rows) else 1


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.proof", description=__doc__)
    parser.add_argument("--seeds", type=lambda text: [int(part) for part in text.split(",") if part], default=[1, 2, 3])
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--estimates", type=int, default=200, help="worlds with planted bills")
    parser.add_argument("--dice", type=int, default=1, help="seed of the moments of the kills")
    return parser.parse_args(arguments)


def _judged(name: str, demo: Demo) -> Row:
    in_time = Check("real time", f"{demo.took_s:.0f} s", f"<= {LIMIT_S:.0f} s", demo.took_s <= LIMIT_S)
    if demo.output is None:
        return Row(
            name=name, took_s=demo.took_s, checks=[in_time, Check("ended", demo.last_words, "a document", False)]
        )
    return Row(name=name, took_s=demo.took_s, checks=[in_time, *judge(json.loads(demo.output))])


def _told(row: Row) -> Row:
    """The row, after saying how it went: half an hour of silence would be long."""
    bad = "; ".join(failing(row.checks))
    print(f"{row.name}: {row.took_s:.0f} s, {bad or 'every bound holds'}", file=sys.stderr, flush=True)
    return row


def _table(rows: Sequence[Row]) -> Table:
    """A line for each bound of each demo."""
    table = Table("demo", "bound", "found", "allowed", "holds", title="Proof")
    for row in rows:
        for number, check in enumerate(row.checks):
            table.add_row(
                "" if number else row.name, check.name, check.found, check.allowed, "yes" if check.holds else "NO"
            )
        table.add_section()
    return table


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
