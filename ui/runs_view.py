"""What the page Runs says: its title and its rows. Pure."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

import polars as pl

from storage.queries import RunLine
from ui.formats import UNKNOWN, day_time, state_glyph, usd
from ui.names import label, run_state
from words import CostState, JobStatus, RunStatus

LIVE = frozenset({RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.TEARING_DOWN})


def runs_title(lines: Sequence[RunLine]) -> str:
    """1 run is live, 16 are done, $63.10 billed"""
    if not lines:
        return "No run yet"
    live = sum(line.run.status in LIVE for line in lines)
    over = len(lines) - live
    billed = [line.billed_usd for line in lines if line.billed_usd is not None]
    spent = f"{usd(float(sum(billed, Decimal())))} billed" if billed else "nothing billed yet"
    return f"{live} {'run is' if live == 1 else 'runs are'} live, {over} {'is' if over == 1 else 'are'} over, {spent}"


def runs_table(lines: Sequence[RunLine]) -> pl.DataFrame:
    """One row a run, newest first; `open` is a button, `progress` a share in percent."""
    return pl.DataFrame([_row(line) for line in lines], infer_schema_length=None)


def failed_jobs(line: RunLine) -> int:
    """Jobs that ended without success and were not cancelled by a person or a stop."""
    quiet = (JobStatus.SUCCEEDED, JobStatus.CANCELLED)
    return sum(n for status, n in line.by_status.items() if status.final and status not in quiet)


def left_running(line: RunLine) -> str:
    """✓ 0 left, the proof; otherwise how many, or that nobody has looked yet."""
    if line.run.status in LIVE:
        return "up"
    if line.run.left_running is None:
        return "not checked"
    return "✓ 0 left" if line.run.left_running == 0 else f"{line.run.left_running} left"


def left_told(left: Mapping[str, int | None]) -> str:
    """After a stop of everything: ✓ Nothing is left running; else what each provider still lists."""
    if all(count == 0 for count in left.values()):
        return "✓ Nothing is left running."
    parts = [f"{label(name)} {'could not be asked' if count is None else count}" for name, count in left.items()]
    return f"**Left running: {', '.join(parts)}.** The collector goes on trying."


def _row(line: RunLine) -> dict[str, object]:
    state = CostState(line.cost_state) if line.cost_state else None
    return {
        "open": ":material/arrow_forward: Open",
        "simulated": line.run.simulated,
        "run": line.run.id,
        "state": run_state(line.run.status),
        "workflow": f"{line.workflow}, {line.run.gpu}",
        "on": ", ".join(label(name) for name in line.backends),
        "progress": 100 * line.finished / line.jobs if line.jobs else 0.0,
        "jobs": f"{line.finished} of {line.jobs}" if line.jobs else UNKNOWN,
        "failed": failed_jobs(line),
        "billed": f"{state_glyph(state)} {usd(float(line.billed_usd or 0))}" if state else "not yet",
        "left": left_running(line),
        "asked": day_time(line.run.asked_at),
        "note": line.run.note,
    }
