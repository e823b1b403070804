"""What the page Decision says until there is a verdict: what is measured, what is missing. It never says GO. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from analysis import stats
from storage.queries import RunLine
from ui.compare_view import both, of_kind
from ui.formats import (
    count,
    few,
    interval,
    listed,
    per_thousand,
    percent,
    quiet,
    seconds,
    signed,
    signed_percent,
    state_glyph,
    usd,
    whole_percent,
)
from ui.names import in_order, label
from ui.runs_view import LIVE
from ui.scope import Scope
from words import CostState, Provider, RunStatus, StartKind

BLOCKS, DAYS = 12, 3  # the least that a verdict may rest on
BASE = Provider.MODAL.value


@dataclass(frozen=True, kw_only=True)
class Move:
    """A candidate beside the baseline for one workflow and GPU: rows of metric, candidate, baseline and difference."""

    workflow: str
    gpu: str
    candidate: str
    saving: float | None  # 1 - candidate / baseline, fully loaded; None while a cost is missing
    rows: Sequence[Mapping[str, str]]
    simulated: bool

    @property
    def heading(self) -> str:
        """flux-dev on Runpod"""
        return f"{self.workflow} on {label(self.candidate)}"


@dataclass(frozen=True, kw_only=True)
class Need:
    """One thing that a verdict needs, what there is of it, and whether that is enough."""

    need: str
    have: str
    enough: bool


def decision_title(lines: Sequence[RunLine], jobs: int) -> str:
    """Nothing measured yet | Measuring | No verdict yet; never a verdict."""
    live = [line for line in lines if line.run.status in LIVE]
    if live:
        done, total = sum(line.finished for line in live), sum(line.jobs for line in live)
        if not total:
            return "Measuring: the first capacity is being rented"
        return f"Measuring: {count(done)} of {count(total)} jobs"
    if not jobs:
        return "Nothing measured yet"
    return f"No verdict yet: {count(jobs)} jobs are measured, the limits are not locked"


def decision_sentence(lines: Sequence[RunLine], moves: Sequence[Move]) -> str:
    """What can be said under the title. No cost of a workflow that is running: early on, boots weigh too much."""
    running = {line.workflow for line in lines if line.run.status in LIVE}
    said: dict[str, list[str]] = {}
    for move in moves:
        if move.saving is not None and move.workflow not in running:
            said.setdefault(f"{move.workflow} on {move.gpu}", []).append(_saving_words(move))
    if said:
        found = "; ".join(f"{name} cost {listed(words)}" for name, words in said.items())
        return f"Measured, against Modal: {found}. A first look, not a reason to move."
    if running:
        return "What it costs is told when the run is over: until then boots and idle time weigh too much."
    return "No candidate has a cost beside Modal's yet."


def figures(jobs: pl.DataFrame, lines: Sequence[RunLine], charges: pl.DataFrame) -> list[tuple[str, str, str, str]]:
    """The four at the top: name, value, what is under it, glossary term."""
    ended = jobs.filter(pl.col("outcome").is_not_null())
    good = ended.filter(pl.col("outcome") == "good").height
    billed = float(charges["billed_nano"].sum()) / 1e9
    final = float(charges.filter(pl.col("state") == CostState.FINAL)["billed_nano"].sum()) / 1e9
    share = f"{final / billed * 100:.0f} % final" if billed else "no bill yet"
    backends = in_order(jobs["backend"].to_list())
    over = sum(line.run.status is RunStatus.DONE for line in lines)
    return [
        ("Jobs ended", count(ended.height), f"of {count(jobs.height)}", "start kind"),
        ("Good images", count(good), percent(good / ended.height) if ended.height else "none yet", "good image"),
        ("Billed", usd(billed) if billed else "–", share, "cost state"),
        ("Providers", str(len(backends)), f"{over} of {len(lines)} runs done", "simulated"),
    ]


def moves(scope: Scope, cells: pl.DataFrame, arms: pl.DataFrame) -> list[Move]:
    """Every candidate of one scope, if the baseline is measured there too (`schema.CELLS`, `schema.ARM_COSTS`)."""
    measured = in_order(cells["backend"].to_list())
    if BASE not in measured:
        return []
    priced = {row["backend"]: row for row in arms.iter_rows(named=True)}
    return [_move(scope, name, cells, priced) for name in measured if name != BASE]


def needs(
    jobs: pl.DataFrame, charges: pl.DataFrame, *, card: str = "no decision card", locked: bool = False
) -> list[Need]:
    """What stands between these numbers and a verdict."""
    days = jobs["intended_at"].dt.date().drop_nulls().n_unique()
    billed, final = charges.height, charges.filter(pl.col("state") == CostState.FINAL).height
    warm = jobs.filter(pl.col("counted") & (pl.col("start_kind") == StartKind.WARM))
    by_cell = warm.group_by("workflow", "gpu", "backend").len()["len"].to_list()
    least = min(by_cell, default=0)
    return [
        Need(need="Limits written down and locked before the data", have=card, enough=locked),
        Need(
            need=f"{BLOCKS} blocks side by side on {DAYS} days",
            have=f"{days} {'day' if days == 1 else 'days'}, no blocks",
            enough=False,
        ),
        Need(
            need="Warm p95 with an interval in every cell",
            have=few(least, stats.min_n(0.95)),
            enough=least >= stats.min_n(0.95),
        ),
        Need(
            need="All bills final",
            have=f"{final} of {billed} lines final" if billed else "no bill yet",
            enough=bool(billed) and final == billed,
        ),
        Need(need="Images judged the same, pair by pair", have="not judged", enough=False),
    ]


def _move(scope: Scope, name: str, cells: pl.DataFrame, priced: Mapping[str, Any]) -> Move:
    warm = {row["backend"]: row for row in of_kind(cells, StartKind.WARM).iter_rows(named=True)}
    cold = {row["backend"]: row for row in of_kind(cells, StartKind.COLD).iter_rows(named=True)}
    sent = {row["backend"]: row for row in both(cells).iter_rows(named=True)}
    rows = [
        _cost_row(priced.get(name), priced.get(BASE)),
        _latency_row("Warm p50", "p50", 0.5, warm.get(name), warm.get(BASE)),
        _latency_row("Warm p95", "p95", 0.95, warm.get(name), warm.get(BASE)),
        _latency_row("Cold p50", "p50", 0.5, cold.get(name), cold.get(BASE)),
        _success_row(sent.get(name), sent.get(BASE)),
    ]
    return Move(
        workflow=scope.workflow,
        gpu=scope.gpu,
        candidate=name,
        saving=_saving(name, priced),
        rows=rows,
        simulated=bool(cells["simulated"].any()),
    )


def _saving(name: str, priced: Mapping[str, Any]) -> float | None:
    mine, base = (_usd(priced.get(backend)) for backend in (name, BASE))
    return 1 - mine / base if mine is not None and base else None


def _saving_words(move: Move) -> str:
    saving = move.saving or 0.0
    if abs(saving) < 0.005:
        return f"as much on {label(move.candidate)}"
    return f"{whole_percent(abs(saving))} {'less' if saving > 0 else 'more'} on {label(move.candidate)}"


def _usd(row: Mapping[str, Any] | None) -> float | None:
    return row["fully_loaded_usd_per_image"] if row else None


def _cost_row(mine: Mapping[str, Any] | None, base: Mapping[str, Any] | None) -> dict[str, str]:
    a, b = _usd(mine), _usd(base)
    state = f" {quiet(state_glyph(mine['state']))}" if mine and a is not None else ""
    return {
        "": "$ per 1,000",
        "Candidate": f"{per_thousand(a)}{state}",
        "Modal": per_thousand(b),
        "Difference": signed_percent(a / b - 1 if a is not None and b else None),
    }


def _latency_row(
    name: str, quantile: str, q: float, mine: Mapping[str, Any] | None, base: Mapping[str, Any] | None
) -> dict[str, str]:
    said = [_latency(row, quantile, q) for row in (mine, base)]
    points = [
        row[f"latency_{quantile}_s"] if row and not row[f"latency_{quantile}_withheld"] else None
        for row in (mine, base)
    ]
    ratio = f"{points[0] / points[1]:.2f}×" if points[0] is not None and points[1] else "–"
    return {"": name, "Candidate": said[0], "Modal": said[1], "Difference": ratio}


def _latency(row: Mapping[str, Any] | None, quantile: str, q: float) -> str:
    if row is None:
        return few(0, stats.min_n(q))
    if row[f"latency_{quantile}_withheld"]:
        return few(row["n"], stats.min_n(q))
    point = row[f"latency_{quantile}_s"]
    limits = interval(row[f"latency_{quantile}_lo_s"], row[f"latency_{quantile}_hi_s"], seconds)
    return f"{seconds(point) if point is not None else '> deadline'} {quiet(limits)}"


def _success_row(mine: Mapping[str, Any] | None, base: Mapping[str, Any] | None) -> dict[str, str]:
    said = [_success(row) for row in (mine, base)]
    difference = "–"
    if mine and base and min(mine["n"], base["n"]) >= stats.MIN_RATE_N:
        low, high = stats.newcombe((mine["good"], mine["n"]), (base["good"], base["n"]))
        point = mine["good"] / mine["n"] - base["good"] / base["n"]
        difference = f"{_points(point)} pp {quiet(f'[{_points(low)}, {_points(high)}]')}"
    return {"": "Success", "Candidate": said[0], "Modal": said[1], "Difference": difference}


def _success(row: Mapping[str, Any] | None) -> str:
    n = row["n"] if row else 0
    if row is None or n < stats.MIN_RATE_N:
        return few(n, stats.MIN_RATE_N)
    low, high = stats.wilson(row["good"], n)
    return f"{percent(row['good'] / n)} {quiet(interval(low, high, percent))}"


def _points(share: float) -> str:
    return signed(share * 100)
