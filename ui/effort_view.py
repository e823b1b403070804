"""What a provider costs in hours: minutes by kind and month, and whether a move pays back. Pure."""

import math

import polars as pl

from analysis import tco
from analysis.moves import Assumed, Move, months_words, moves
from analysis.traffic.blended import Blended
from ui.formats import UNKNOWN, day_time, interval, whole_usd
from ui.names import in_order, label
from words import EffortKind, Provider

OUTCOME = "Comes to"
KINDS = [kind.value for kind in EffortKind]


def effort_title(effort: pl.DataFrame) -> str:
    """Vast.ai took 2.3 h of people's time, Runpod 1.8 h, Modal 20 min"""
    logged = effort.filter(~pl.col("measured"))
    if logged.is_empty():
        return "Nobody has logged an hour yet"
    sums = logged.group_by("backend").agg(pl.col("minutes").sum()).sort("minutes", descending=True)
    first, *rest = [(label(name), span(total)) for name, total in sums.iter_rows()]
    others = "".join(f", {name} {took}" for name, took in rest)
    return f"{first[0]} took {first[1]} of people's time{others}"


def monthly(effort: pl.DataFrame) -> pl.DataFrame:
    """A row per month and provider: logged minutes by kind and in all; waits that deployments tell stand apart."""
    rows = effort.with_columns(month=pl.col("at").dt.strftime("%Y-%m"))
    order = in_order(rows["backend"].to_list())
    found = []
    for month in sorted(rows["month"].unique().to_list(), reverse=True):
        for name in order:
            mine = rows.filter(month=month, backend=name)
            if mine.height:
                found.append(_month(month, name, mine))
    return pl.DataFrame(found, infer_schema_length=None)


def entries(effort: pl.DataFrame) -> pl.DataFrame:
    """What people logged or a command measured, newest first."""
    rows = [
        {
            "at": day_time(row["at"]),
            "provider": label(row["backend"]),
            "kind": row["kind"],
            "minutes": row["minutes"],
            "how": "measured" if row["measured"] else "logged",
            "by": row["by"],
            "what": row["text"],
            "note": row["note"] or None,
            "simulated": row["simulated"],
        }
        for row in effort.filter(pl.col("effort_id").is_not_null()).sort("at", descending=True).iter_rows(named=True)
    ]
    return pl.DataFrame(rows, infer_schema_length=None)


def payback_rows(found: Blended, effort: pl.DataFrame, assumed: Assumed, *, workflow: str) -> list[dict[str, str]]:
    """A row per candidate: saving at equal service, what is beside the bill, net, payback, and what that comes to."""
    return [_payback(move, workflow) for move in moves(found, effort, assumed, baseline=Provider.MODAL)]


def span(total_minutes: float) -> str:
    """20 min; 2.3 h from an hour and a half on"""
    return f"{total_minutes:.0f} min" if total_minutes < 90 else f"{total_minutes / 60:.1f} h"


def _month(month: str, name: str, rows: pl.DataFrame) -> dict[str, object]:
    logged, told = rows.filter(~pl.col("measured")), rows.filter("measured")
    by_kind = dict(logged.group_by("kind").agg(pl.col("minutes").sum()).iter_rows())
    kinds = {kind: by_kind.get(kind) for kind in KINDS}
    waits = told["minutes"].median()
    return {
        "month": month,
        "provider": label(name),
        "logged": float(logged["minutes"].sum()) if logged.height else None,
        **kinds,
        "waits": told.height or None,
        "median wait": waits,
        "simulated": bool(rows["simulated"].any()),
    }


def _payback(move: Move, workflow: str) -> dict[str, str]:
    owned = move.owned
    return {
        "Move": f"{workflow} to {move.name}",
        "Saving a month": _span(move.saving) if move.saving else UNKNOWN,
        "Beside the bill": _signed(owned.more_usd) if owned else UNKNOWN,
        "Net": _span(owned.net) if owned else UNKNOWN,
        "Payback": _payback_words(owned.payback) if owned else UNKNOWN,
        OUTCOME: move.said,
    }


def _span(found: tco.Span) -> str:
    return f"{_signed(found.point, plus='')} {interval(found.low, found.high, whole_usd)}".strip()


def _signed(value: float, *, plus: str = "+") -> str:
    return f"{'−' if value < 0 else plus}{whole_usd(abs(value))}"


def _payback_words(found: tco.Span) -> str:
    ends = "" if found.low is None or found.high is None else f" [{_number(found.low)}, {_number(found.high)}]"
    return f"{months_words(found.point)}{ends}"


def _number(value: float) -> str:
    return "never" if math.isinf(value) else f"{value:.1f}"
