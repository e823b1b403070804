"""Our collector beside what a user would write and beside Locust, doing the same work at the same provider, one run:
`python -m benchmarks.harness [--quick] [--contenders ours,script,locust]`; five minutes on a machine with nothing
else to do.

Real sockets on loopback, the simulated provider in a process of its own, real seconds. Prints one table with ratios and
one with our bounds beside the machine's own floor; exit code 1 if a bound fails. docs/reference/harness.md explains
each line.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import harness_ours
from benchmarks.harness_load import QUICK, Load, Watch, now_s, requests
from benchmarks.harness_table import Contender, bounds, compared, plain
from benchmarks.judge import failing
from cli.stack import fetch
from storage.db import DataFolder

LOCUST = Path(".venv-locust/bin/python")
CONTENDERS = ("script", "locust", "ours")  # ours last: its endpoints get ready meanwhile
LEAD_S = 3.0  # a contender's own start
BESIDE_S = 2.0  # what starting and ending a process takes at most
COUNT_S = 0.25


@dataclass
class Provider:
    """The provider's process: its ready line, and the calls that it has counted so far."""

    line: Mapping[str, Any]
    counts: list[tuple[float, Mapping[str, int]]] = field(default_factory=list)

    def ask(self, what: str) -> Any:
        """`truth` or `counts`."""
        return json.loads(fetch(f"{self.line['urls']['control']}/{what}"))

    def count(self, until: threading.Event) -> None:
        """Ask again and again."""
        while not until.wait(COUNT_S):
            self.counts.append((now_s(), self.ask("counts")))


@contextmanager
def provider(spaces: int) -> Iterator[Provider]:
    """One that has so many endpoints made."""
    command = [sys.executable, "-m", "benchmarks.harness_provider", str(spaces)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None  # noqa: S101 - opened with PIPE
        made, over = Provider(json.loads(process.stdout.readline())), threading.Event()
        counting = threading.Thread(target=made.count, args=(over,), daemon=True)
        counting.start()
        try:
            yield made
        finally:
            over.set()
            counting.join()
            process.terminate()


def main(arguments: Sequence[str]) -> int:
    """Every contender in turn, then the tables; 0 if our bounds hold."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.harness", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="100 in flight, no bound on time: does it all work?")
    parser.add_argument("--contenders", type=lambda text: text.split(","), default=list(CONTENDERS))
    parser.add_argument("--json", action="store_true", help="the figures as one document instead of tables")
    asked = parser.parse_args(arguments)
    if "locust" in asked.contenders and not LOCUST.exists():
        parser.error("Locust is not installed: `make harness` does it, or leave it out with --contenders ours,script")
    load = QUICK if asked.quick else Load()
    with tempfile.TemporaryDirectory(prefix="bakeoff-harness-") as folder:
        found = run(load, [name for name in CONTENDERS if name in asked.contenders], Path(folder))
    checks = bounds(load, found["ours"], timed=not asked.quick) if "ours" in found else []
    if asked.json:
        print(json.dumps({name: plain(contender.figures(load)) for name, contender in found.items()}))
    else:
        _show(load, found, checks)
    for bad in failing(checks):
        print(bad, file=sys.stderr)
    return 0 if all(check.holds for check in checks) else 1


def run(load: Load, names: Sequence[str], folder: Path) -> dict[str, Contender]:
    """Each contender on endpoints of its own, one after the other."""
    others = [name for name in names if name != "ours"]
    with provider(2 * load.spaces * len(others)) as made:
        collector, data, start_at = None, None, 0.0
        if "ours" in names:
            busy_s = len(others) * (LEAD_S + load.took_s + BESIDE_S)
            start_at = now_s() + max(busy_s, harness_ours.ready_after_s(load)) + load.floor_s + BESIDE_S
            data = harness_ours.prepare(folder / "data", made.line, load, start_at)
            collector = harness_ours.start(data)
        found = {}
        try:
            for number, name in enumerate(others):
                ids = made.line["endpoints"][2 * load.spaces * number :][: 2 * load.spaces]
                found[name] = _script(name, load, made, ids)
            if collector is not None and data is not None:
                found["ours"] = _ours(load, data, collector, start_at)
        finally:
            if collector is not None:
                _end(collector)
        truth = made.ask("truth")
        for contender in found.values():
            contender.truth, contender.counts = truth, made.counts
        return found


def _script(name: str, load: Load, made: Provider, ids: Sequence[str]) -> Contender:
    python, module = (LOCUST, "benchmarks/peer_locust.py") if name == "locust" else (sys.executable, "")
    command = [str(python), module] if module else [str(python), "-m", "benchmarks.user_script"]
    urls = [f"{made.line['urls']['runpod_jobs']}/v2/{each}" for each in ids]
    start_at = now_s() + LEAD_S
    plan = {"start_at": start_at, "key": "simulated", "jobs": requests(load, urls)}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None  # noqa: S101 - opened with PIPE
        process.stdin.write(json.dumps(plan) + "\n")
        process.stdin.flush()
        with Watch(process.pid) as watch:
            _say(f"{name}: {load.took_s:.0f} s")
            _sleep_until(start_at + load.took_s)
        output, _ = process.communicate()
    return Contender(start_at=start_at, endpoints=ids, told=json.loads(output), looks=watch.looks, used=watch.used)


def _ours(load: Load, data: DataFolder, collector: "subprocess.Popen[bytes]", start_at: float) -> Contender:
    _sleep_until(start_at - load.floor_s - BESIDE_S)
    before = floor_ms(load)
    with Watch(collector.pid) as watch:
        _say(f"ours: {start_at - now_s() + load.took_s:.0f} s")
        _sleep_until(start_at)
        if late := harness_ours.late_endpoints(data, start_at):
            log = (data.path / "collector.log").read_text()[-2000:]
            raise SystemExit(f"{late} of our endpoints were not ready at the start. The collector said:\n{log}")
        _sleep_until(start_at + load.took_s)
    told = harness_ours.told(data)
    contender = Contender(
        start_at=start_at,
        endpoints=harness_ours.endpoints(data),
        told=told,
        looks=watch.looks,
        used=watch.used,
    )
    _end(collector)
    contender.floors_ms = (before, floor_ms(load))
    return contender


def floor_ms(load: Load) -> float:
    """How late the machine's own timers are now, p99: as many sleepers as jobs in flight, and nothing else to do."""
    command = [sys.executable, "-m", "benchmarks.timer_floor", str(load.levels[-2]), str(load.floor_s)]
    return float(subprocess.check_output(command, text=True).split()[0])


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Ours alone: it is told twice to go, since its jobs never come home once the measuring is over."""
    process.terminate()
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _sleep_until(at: float) -> None:
    threading.Event().wait(max(0.0, at - now_s()))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _show(load: Load, found: Mapping[str, Contender], checks: Sequence[Any]) -> None:
    console = Console(width=150)
    console.print(compared(load, found))
    table = Table("bound", "found", "allowed", "holds", title="Our bounds", title_justify="left")
    for check in checks:
        table.add_row(check.name, check.found, check.allowed, "yes" if check.holds else "NO")
    console.print(table)
    console.print(f"load average {' '.join(f'{part:.2f}' for part in os.getloadavg())}, {os.cpu_count()} cores")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
