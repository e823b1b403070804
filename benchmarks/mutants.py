"""Do the tests notice when the code is wrong? `python -m benchmarks.mutants [--sample 200] [--seed 1] [--minutes 90]`.

Each mutant lives in a copy of the checkout, alone, for as long as the tests of its module need to fail. One that
passes them all survives, and is shown. A mutant that runs out of its time is dead: somebody would notice.
Exit code 1 below 85 % killed, 2 if the tests fail without any mutant.
"""

import argparse
import contextlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from rich.console import Console
from rich.table import Table

from benchmarks.mutating import PACKAGES, TESTS, Mutant, sample, tests_for

ROOT = Path(__file__).parents[1]
BOUND = 0.85
LANES = 2
LIMIT_S = 120.0  # the tests of a module take 25 s at most, on an idle core
MEMORY_BYTES = 4 << 30  # a mutant may ask for all there is
PYTEST = ("-m", "pytest", "-x", "-q", "--no-header", "--tb=no", "-p", "no:cacheprovider")
_LEFT_OUT = shutil.ignore_patterns(".venv*", ".git", ".*_cache", ".hypothesis", "*.egg-info", "__pycache__")


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What became of a mutant. `end`: killed, time limit or survived."""

    mutant: Mutant
    end: str
    took_s: float


def main(arguments: Sequence[str]) -> int:
    """Run the sample in the time given and print the table and the survivors."""
    asked = _parsed(arguments)
    stop_at = time.perf_counter() + asked.minutes * 60
    mutants = sample(ROOT, asked.sample, asked.seed)[asked.skip :]
    with tempfile.TemporaryDirectory(prefix="bakeoff-mutants-") as folder:
        lanes = [_lane(Path(folder) / str(number)) for number in range(asked.lanes)]
        if not _passes_without(lanes[0]):
            print("The tests fail without any mutant: run `make test` first.", file=sys.stderr)
            return 2
        verdicts = list(_judged(mutants, lanes, stop_at))
    _show(verdicts, drawn=len(mutants), seed=asked.seed)
    killed = sum(verdict.end != "survived" for verdict in verdicts)
    return 0 if verdicts and killed >= BOUND * len(verdicts) else 1


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mutants", description=__doc__)
    parser.add_argument("--sample", type=int, default=200, help="how many mutants to draw")
    parser.add_argument("--seed", type=int, default=1, help="of the draw; a longer sample begins with the shorter one")
    parser.add_argument("--skip", type=int, default=0, help="so many of the sample were judged by an earlier call")
    parser.add_argument("--minutes", type=float, default=90.0, help="after which no further mutant begins")
    parser.add_argument("--lanes", type=int, default=LANES, help="how many mutants live at a time")
    return parser.parse_args(arguments)


def _lane(folder: Path) -> Path:
    """A copy of the checkout, with the recorded data beside it as beside the original."""
    copy = folder / "checkout"
    shutil.copytree(ROOT, copy, ignore=_LEFT_OUT, symlinks=True)
    (folder / "shared").symlink_to(ROOT.parent / "shared")
    return copy


def _passes_without(lane: Path) -> bool:
    named = sorted({path for paths in TESTS.values() for path in paths})
    done = _run(lane, [*named, "-n", str(LANES)], limit_s=10 * LIMIT_S)
    if done is None or done.returncode != 0:
        print("did not end" if done is None else done.stdout[-2000:], file=sys.stderr)
        return False
    return True


def _judged(mutants: Sequence[Mutant], lanes: Sequence[Path], stop_at: float) -> Iterator[Verdict]:
    """Verdicts in the order of the sample; those that did not get their turn in time are left out."""
    free: SimpleQueue[Path] = SimpleQueue()
    for lane in lanes:
        free.put(lane)

    def turn(numbered: tuple[int, Mutant]) -> Verdict | None:
        number, mutant = numbered
        if time.perf_counter() > stop_at:
            return None
        lane = free.get()
        try:
            verdict = _verdict(mutant, lane, number)
        finally:
            free.put(lane)
        told = f"{number + 1}/{len(mutants)} {verdict.took_s:5.1f} s {verdict.end}: {mutant.path}:{mutant.line}"
        print(told, file=sys.stderr, flush=True)
        return verdict

    with ThreadPoolExecutor(len(lanes)) as threads:
        yield from (verdict for verdict in threads.map(turn, enumerate(mutants)) if verdict)


def _verdict(mutant: Mutant, lane: Path, number: int) -> Verdict:
    file = lane / mutant.path
    started = time.perf_counter()
    with _in_place(file, mutant.source, number):
        done = _run(lane, tests_for(mutant.path), limit_s=LIMIT_S)
    end = "time limit" if done is None else "killed" if done.returncode else "survived"
    return Verdict(mutant=mutant, end=end, took_s=time.perf_counter() - started)


@contextlib.contextmanager
def _in_place(file: Path, source: str, number: int) -> Iterator[None]:
    """The file with another text. Its time is its own each time, or Python would take the compiled file of before."""
    before, was = file.read_text(encoding="utf-8"), file.stat()
    file.write_text(source, encoding="utf-8")
    os.utime(file, (was.st_atime, was.st_mtime - 10 * (number + 1)))
    try:
        yield
    finally:
        file.write_text(before, encoding="utf-8")
        os.utime(file, (was.st_atime, was.st_mtime))


def _run(lane: Path, tests: Sequence[str], *, limit_s: float) -> subprocess.CompletedProcess[str] | None:
    """Run these tests in that copy up to the first that fails; None if they were still running at the limit."""
    command = [sys.executable, *PYTEST, *tests]
    with subprocess.Popen(
        command, cwd=lane, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    ) as process:
        resource.prlimit(process.pid, resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
        try:
            said, _ = process.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            return None
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # and whatever it started
    return subprocess.CompletedProcess(command, process.returncode, said)


def _show(verdicts: Sequence[Verdict], *, drawn: int, seed: int) -> None:
    """The table, and below it the survivors."""
    table = Table("package", "mutants", "killed", "time limit", "survived", "share killed", title="Mutants")
    for package in (*PACKAGES, "all"):
        of_it = [verdict for verdict in verdicts if package in ("all", verdict.mutant.package)]
        ends = [verdict.end for verdict in of_it]
        counts = [ends.count(end) for end in ("killed", "time limit", "survived")]
        share = f"{1 - counts[2] / len(ends):.0%}" if ends else "-"
        table.add_row(package, str(len(ends)), *map(str, counts), share)
    table.caption = f"{len(verdicts)} of {drawn} drawn with seed {seed}; bound: {BOUND:.0%} killed"
    for verdict in verdicts:
        if verdict.end == "survived":
            print(verdict.mutant.diff, end="\n\n")
    Console(width=100).print(table)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
