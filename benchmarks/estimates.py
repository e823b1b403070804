"""Do our estimates meet the final bills? `python -m benchmarks.estimates [--worlds 200] [--first 1] [--keep FILE]`.

200 worlds with a run of about 100 jobs each (`benchmarks.planted`), some 8 minutes of one core. Per run the median
error of the estimate is at most 2 %, the p95 at most 5 %, and what is beyond 5 % is in `unexplained` and blocks the run
(`benchmarks.final_bills`). Exit code 1 if any of it does not hold.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from analysis import stats
from benchmarks import keeping
from benchmarks.final_bills import BEYOND, RUN, SHOWN, WITH_VOLUME, Bill, Looked, look
from benchmarks.judge import Check
from benchmarks.planted import JOBS, planted
from tests.simulation.quick import scratch, settle
from words import called

MEDIAN, P95 = 0.02, 0.05
VIEWS = (SHOWN, WITH_VOLUME)
TOLD = 20  # worlds between two words on how far it is


def main(arguments: Sequence[str]) -> int:
    """Look at the worlds that were asked for; 0 if every bound holds."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.estimates", description=__doc__)
    parser.add_argument("--worlds", type=int, default=200)
    parser.add_argument("--first", type=int, default=1, help="seed of the first world")
    parser.add_argument("--keep", type=Path, help="a file of one line a world; those in it are not lived again")
    asked = parser.parse_args(arguments)
    settle()
    seen = list(looked(range(asked.first, asked.first + asked.worlds), keep=asked.keep))
    Console(width=140).print(_table(seen))
    checks = bounds(seen)
    for check in checks:
        print(f"{check.name}: {check.found}, allowed {check.allowed}{'' if check.holds else ': DOES NOT HOLD'}")
    return 0 if all(check.holds for check in checks) else 1


def looked(seeds: Sequence[int], *, jobs: int = JOBS, keep: Path | None = None) -> Iterator[Looked]:
    """Each world, those first that an earlier call kept."""
    kept = {row["seed"]: _read(row) for row in (keeping.rows(keep) if keep else [])}
    yield from (kept[seed] for seed in seeds if seed in kept)
    with scratch() as folder:
        for number, seed in enumerate([seed for seed in seeds if seed not in kept], start=1):
            seen = look(planted(seed, jobs=jobs), folder)
            if keep:
                keeping.add(asdict(seen), keep)
            if number % TOLD == 0:
                print(f"{number} worlds", file=sys.stderr, flush=True)
            yield seen


def _read(row: dict[str, Any]) -> Looked:
    return Looked(**{**row, "bills": [Bill(**bill) for bill in row["bills"]]})


def bounds(seen: Sequence[Looked]) -> list[Check]:
    """Median and p95 of the runs' absolute errors in either view, and what does not hold in single worlds."""
    wrong = [f"world {each.seed}: {text}" for each in seen for text in each.wrong]
    checks = [Check("worlds that do not hold", f"{len(wrong)}: {wrong[0]}" if wrong else "0", "0", not wrong)]
    for view in VIEWS:
        errors = [abs(bill.error) for bill in _bills(seen, view, RUN)]
        for name, q, most in (("median", 0.5, MEDIAN), ("p95", 0.95, P95)):
            found = stats.quantile(errors, q)
            holds = found is not None and found <= most
            shown = "not known" if found is None else f"{found:.2%}"
            checks.append(Check(f"{name} error {view}", shown, f"<= {most:.0%}", holds))
    return checks


def _bills(seen: Sequence[Looked], view: str, of: str) -> list[Bill]:
    return [bill for each in seen for bill in each.bills if (bill.view, bill.of) == (view, of)]


def _table(seen: Sequence[Looked]) -> Table:
    """A line for the runs in each view, and for each backend's part of them as information."""
    table = Table("final bill", "of", "n", "median error", "p95", "largest", "beyond 5 %", "blocked", "unexplained")
    table.title = f"Estimates beside final bills: {len(seen)} worlds, {sum(each.jobs for each in seen):,} jobs"
    for view in VIEWS:
        backends = sorted({bill.of for each in seen for bill in each.bills} - {RUN})
        for of in (RUN, *backends):
            table.add_row(view if of == RUN else "", of if of == RUN else called(of), *_cells(seen, view, of))
        table.add_section()
    table.caption = (
        f"Simulated. Errors are sizes of estimated / billed - 1, in brackets 95 % limits; the bounds, of runs: median "
        f"{MEDIAN:.0%}, p95 {P95:.0%}. Beyond {BEYOND:.0%}, blocked: how many. "
        "Unexplained: its sum over that of billed - estimated."
    )
    return table


def _cells(seen: Sequence[Looked], view: str, of: str) -> Iterator[str]:
    bills = _bills(seen, view, of)
    errors = [abs(bill.error) for bill in bills]
    yield str(len(bills))
    yield from (_with_limits(errors, q) for q in (0.5, 0.95))
    yield f"{max(errors):.2%}" if errors else "-"
    yield str(sum(bill.beyond != 0 for bill in bills))
    yield str(sum(bool(each.blocked.get(view)) for each in seen)) if of == RUN else str(sum(b.strange for b in bills))
    gap = sum(bill.billed - bill.estimated for bill in bills)
    yield f"{sum(bill.unexplained for bill in bills) / gap:.0%}" if gap else "-"


def _with_limits(errors: Sequence[float], q: float) -> str:
    point, limits = stats.quantile(errors, q), stats.quantile_limits(errors, errors, q)
    if point is None:
        return "-"
    ends = ["?" if end is None else f"{end:.2%}" for end in (limits.low, limits.high)]
    return f"{point:.2%} [{', '.join(ends)}]"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
