"""A bill of 50,000 lines read by the collector: how long, and how much memory at its peak.

`python -m benchmarks.bills`: about half a minute. Exit code 1 if a line is lost, counted twice, or more memory is used
than stated. Each reading runs in a process of its own, whose peak is the operating system's figure.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from sqlmodel import Session, func, select

from backends.base import Account, Charge
from benchmarks.tables import Measured
from clock import VirtualClock
from collectors.billing import ingest
from collectors.context import Context
from storage.blobs import Blobs
from storage.db import open_engine
from storage.migrate import upgrade
from storage.models import Charge as Row
from storage.writer import Writer
from words import Feature, Provider

LINES = 50_000
MOST_MB = 110  # beyond what the program itself takes: 73 MB were measured, and half as much for other machines
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
_SKUS = ("gpu", "cpu", "disk", "fee")
_HOURS = 95  # of the window


class Books:
    """A provider that has a bill and nothing else."""

    name, provider, features = "runpod", Provider.RUNPOD, frozenset({Feature.BILLED})

    def __init__(self, lines: int) -> None:
        self._lines = lines

    async def charges(self, start: datetime, end: datetime) -> list[Charge]:  # noqa: ARG002
        """As many lines as were asked for, a resource after the other, each an hour of one amount."""
        return [_line(number) for number in range(self._lines)]

    async def account(self, start: datetime, end: datetime) -> Account:  # noqa: ARG002
        """Nothing."""
        return Account()


def measure(lines: int = LINES) -> Measured:
    """One table: the first reading, and the same once more."""
    found = read_apart(lines)
    return Measured(
        title=f"A bill of {lines:,} lines",
        columns=("", "first reading", "the same again"),
        rows=[
            ["s", f"{found['first_s']:.1f}", f"{found['again_s']:.1f}"],
            ["lines/s", f"{lines / found['first_s']:,.0f}", f"{lines / found['again_s']:,.0f}"],
            ["peak memory, MB", f"{found['first_mb']:.0f}", f"{found['again_mb']:.0f}"],
        ],
        note=f"Memory beyond {found['before_mb']:.0f} MB of the program itself; at most {MOST_MB} MB are allowed.",
    )


def read_apart(lines: int) -> dict[str, Any]:
    """The figures of a process of its own. Raises AssertionError if a line was lost or counted twice."""
    command = [sys.executable, "-m", "benchmarks.bills", "--child", "--lines", str(lines)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["lines"] == [lines, lines], found  # noqa: S101
    assert found["usd"] == str(sum((_line(n).billed_cost or Decimal() for n in range(lines)), Decimal()))  # noqa: S101
    return found


def _line(number: int) -> Charge:
    resource_id, rest = divmod(number, _HOURS * len(_SKUS))
    hour, sku = divmod(rest, len(_SKUS))
    start = NOW - (hour + 1) * HOUR
    return Charge(
        charge_id=f"runpod/ep{resource_id:04}/{start:%Y-%m-%dT%H:%MZ}/{_SKUS[sku]}",
        provider=Provider.RUNPOD,
        resource_id=f"ep{resource_id:04}",
        resource_name=None,
        product="serverless",
        sku=_SKUS[sku],
        meter=f"{_SKUS[sku]}Amount",
        charge_period_start=start,
        charge_period_end=start + HOUR,
        billed_cost=Decimal("0.25"),
        raw={
            "startTime": start.isoformat(),
            "serverlessId": f"ep{resource_id:04}",
            "totalAmount": 1.0,
            "gpuAmount": 0.25,
        },
    )


def _child(lines: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        sys.stdout.write(json.dumps(asyncio.run(_twice(Path(folder), lines))))


async def _twice(folder: Path, lines: int) -> dict[str, Any]:
    upgrade(folder / "bakeoff.db")
    engine = open_engine(folder / "bakeoff.db")
    loop = asyncio.get_running_loop()
    clock = VirtualClock(loop, NOW - timedelta(seconds=loop.time()))
    writer = Writer(engine)
    books: Any = Books(lines)
    ctx = Context(
        clock=clock,
        writer=writer,
        backends={"runpod": books},
        blobs=Blobs(folder / "blobs"),
        token="bakeoff-bench",  # noqa: S106
        simulated=True,
    )
    found: dict[str, Any] = {"before_mb": _peak_mb(), "lines": []}
    amount: Any = Row.billed_cost  # alone: whole rows would be memory of this measurement, not of the reading
    for name in ("first", "again"):
        clock.leap(clock.now() + HOUR)
        started = loop.time()
        await ingest(ctx)
        found[f"{name}_s"] = loop.time() - started
        found[f"{name}_mb"] = _peak_mb() - found["before_mb"]
        with Session(engine) as session:
            found["lines"].append(session.exec(select(func.count()).select_from(Row)).one())
            found["usd"] = str(sum(session.exec(select(amount).where(Row.counts)), Decimal()))
    await writer.close()
    engine.dispose()
    return found


def _peak_mb() -> float:
    """Since this program began: `ru_maxrss` of a child starts at what its parent had, which may be more (Linux)."""
    told = Path("/proc/self/status").read_text(encoding="ascii")
    return int(told.partition("VmHWM:")[2].split()[0]) / 1024


def main(arguments: list[str]) -> int:
    """Print the table, or, as the child, the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bills", description=__doc__)
    parser.add_argument("--lines", type=int, default=LINES)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.child:
        _child(asked.lines)
        return 0
    measured = measure(asked.lines)
    table = Table(*measured.columns, title=measured.title, caption=measured.note, title_justify="left")
    for row in measured.rows:
        table.add_row(*row)
    Console(width=120).print(table)
    return int(max(float(figure) for figure in measured.rows[-1][1:]) > MOST_MB)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
