"""Whole demos as a reader starts them, one process each: timed, beside busy loops, and with a collector that dies."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, select

from benchmarks.judge import Check
from cli.stack import fetch
from storage.db import DataFolder, open_reader
from storage.models import Deployment, Job, Run
from words import DeploymentState, RunStatus

PATIENCE_S = 900.0  # real seconds after which a demo is given up
LOOK_S = 0.5
SPREAD_S = 150.0  # real seconds of a demo over which kills are spread: the runs take about that long
_LOOP = "while True: pass"

_DEMO = (sys.executable, "-m", "cli.main", "demo", "--no-past", "--headless", "--json")


@dataclass(kw_only=True)
class Demo:
    """How one went. `output` is what it printed; None if it ended badly, then `last_words` says more."""

    took_s: float
    output: str | None = None
    last_words: str = ""
    checks: list[Check] = field(default_factory=list)


def run_demo(*, seed: int, options: Sequence[str] = ()) -> Demo:
    """One headless demo, from its start to its document."""
    started = time.perf_counter()
    command = [*_DEMO, "--seed", str(seed), *options]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    except subprocess.TimeoutExpired:
        return Demo(took_s=time.perf_counter() - started, last_words="it did not end")
    took_s = time.perf_counter() - started
    if done.returncode != 0:
        return Demo(took_s=took_s, last_words=(done.stderr.strip().splitlines() or ["nothing"])[-1])
    return Demo(took_s=took_s, output=done.stdout)


@contextlib.contextmanager
def busy_loops(count: int) -> Iterator[None]:
    """So many processes that do nothing as fast as they can."""
    loops = [subprocess.Popen([sys.executable, "-c", _LOOP]) for _ in range(count)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def killed_again_and_again(path: Path, *, kills: int, dice: Random) -> Demo:
    """A demo whose collector is killed at `kills` random moments; the demo starts the next one each time."""
    moments = sorted(dice.uniform(5.0, SPREAD_S) for _ in range(kills))
    started = time.perf_counter()
    command = [*_DEMO, "--data", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        folder, killed, ledger = DataFolder(path), 0, None
        while process.poll() is None and time.perf_counter() - started < PATIENCE_S:
            if killed < kills and time.perf_counter() - started >= moments[killed]:
                killed += _kill_collector(folder)
            if _runs_are_over(folder):  # asking costs the simulator time: not while it is measured
                ledger = _ledger(path) or ledger
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(LOOK_S)
        process.terminate()
        process.communicate()
    checks = [Check("kills", str(killed), f"{kills}", killed == kills), *nothing_left(folder, ledger)]
    return Demo(took_s=time.perf_counter() - started, checks=checks)


def _kill_collector(folder: DataFolder) -> bool:
    """SIGKILL whoever holds the folder's lock; False while nobody does, then the next look tries again."""
    try:
        pid = int(folder.lock.read_text())
        if b"collect" not in Path(f"/proc/{pid}/cmdline").read_bytes():
            return False
        os.kill(pid, signal.SIGKILL)
    except (OSError, ValueError):
        return False
    return True


def _runs_are_over(folder: DataFolder) -> bool:
    if not folder.db.exists():
        return False
    try:
        with Session(open_reader(folder.db)) as session:
            statuses = session.exec(select(Run.status)).all()
    except DBAPIError:  # its tables are being made
        return False
    return bool(statuses) and all(RunStatus(status).final for status in statuses)


def _ledger(path: Path) -> Mapping[str, Any] | None:
    """What truly happened so far; None while, or once, no simulator answers."""
    try:
        line = json.loads((path / "simulator.json").read_text(encoding="utf-8"))
        ledger: Mapping[str, Any] = json.loads(fetch(f"{line['urls']['control']}/ledger"))
    except (OSError, ValueError):
        return None
    return ledger


def nothing_left(folder: DataFolder, ledger: Mapping[str, Any] | None) -> list[Check]:
    """Every job final, nothing paid twice, nothing left rented: by our tables and by the ledger."""
    with Session(open_reader(folder.db)) as session:
        open_jobs = [job.key for job in session.exec(select(Job)) if not job.status.final]
        runs = {f"{run.status.value}, {run.left_running} left" for run in session.exec(select(Run))}
        standing = [row.key for row in session.exec(select(Deployment)) if row.state is not DeploymentState.GONE]
    proven = f"{RunStatus.DONE.value}, 0 left"
    if ledger is None:
        return [Check("ledger", "none", "one", holds=False)]
    return [
        Check("runs", "; ".join(sorted(runs)) or "none", proven, runs == {proven}),
        _none("jobs that are not final", open_jobs),
        _none("deployments that are not gone", standing),
        _none("jobs paid twice", _twice([(job["deployment"], job["seed"]) for job in ledger["jobs"]])),
        _none("rentals paid twice", _twice([row["deployment"] for row in ledger["workers"]])),
        _none("left rented", [row["deployment"] for row in ledger["workers"] if row["closed_at"] is None]),
    ]


def _twice(keys: Sequence[Any]) -> list[Any]:
    return sorted({key for key in keys if keys.count(key) > 1})


def _none(name: str, found: Sequence[Any]) -> Check:
    return Check(name, f"{len(found)}: {found[0]}" if found else "0", "0", not found)
