"""What a provider costs in hours: minutes by kind and month, and whether a move pays back. Pure."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from analysis import effort as minutes
from analysis import tco
from analysis.traffic.blended import Blended, Offered
from ui.formats import NANO, UNKNOWN, day_time, interval, listed, whole_usd
from ui.names import in_order, label
from words import EffortKind, Provider

OUTCOME = "Comes to"
KINDS = [kind.value for kind in EffortKind]


@dataclass(frozen=True, kw_only=True)
class Assumed:
    """What nobody measured: how often a month, once for the move, and what is worth the trouble."""

    per_month: Mapping[EffortKind, float]
    one_off_hours: float
    hourly_usd: float
    least_usd: float


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
    """A row per candidate: saving at equal service, operations beside it, net, payback, and what that comes to."""
    summary = minutes.summary(effort)
    base = next((one for one in found.providers if one.name == Provider.MODAL.label), None)
    moves = [one for one in found.providers if one is not base]
    return [_payback(one, base, summary, assumed, workflow) for one in moves]


def span(total_minutes: float) -> str:
    """20 min; 2.3 h from an hour and a half on"""
    return f"{total_minutes:.0f} min" if total_minutes < 90 else f"{total_minutes / 60:.1f} h"


def outcome_words(found: tco.Ownership, assumed: Assumed) -> str:
    """What a move comes to, in words."""
    least = whole_usd(assumed.least_usd)
    if found.outcome == "never":
        return "never pays back: what it costs beside the bill eats the saving"
    if found.outcome == "too_small":
        return f"saving too small to matter: at most {whole_usd(found.net.high)} a month, it takes {least}"
    if found.outcome == "pays_back":
        return f"pays back in {_months(found.payback.point)}"
    return f"not decided: the net saving may lie on either side of {least} a month"


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


def _payback(
    one: Offered, base: Offered | None, summary: pl.DataFrame, assumed: Assumed, workflow: str
) -> dict[str, str]:
    row = {"Move": f"{workflow} to {one.name}"}
    saving = _monthly_saving(one, base)
    if saving is None:
        return {**row, "Saving a month": UNKNOWN, "Operations": UNKNOWN, "Net": UNKNOWN, "Payback": UNKNOWN} | {
            OUTCOME: f"no saving is known: {one.reason}"
        }
    beside = [
        tco.beside(summary, backend, per_month=assumed.per_month, hourly_usd=assumed.hourly_usd)
        for backend in (_backend(one), Provider.MODAL.value)
    ]
    found = tco.ownership(
        saving,
        beside[0],
        beside[1],
        one_off_hours=assumed.one_off_hours,
        least_usd=assumed.least_usd,
        hourly_usd=assumed.hourly_usd,
    )
    row["Saving a month"] = _span(saving)
    if found is None:
        return {**row, "Operations": UNKNOWN, "Net": UNKNOWN, "Payback": UNKNOWN, OUTCOME: _untimed(one, beside)}
    waits = " measured waits stand for " + listed(list(beside[0].waits)) if beside[0].waits else ""
    return {
        **row,
        "Operations": f"{_signed(found.more_usd)}",
        "Net": _span(found.net),
        "Payback": _payback_words(found.payback),
        OUTCOME: outcome_words(found, assumed) + (f";{waits}" if waits else ""),
    }


def _monthly_saving(one: Offered, base: Offered | None) -> tco.Span | None:
    """Dollars a month: the share at equal service of what the baseline at its best would cost."""
    if base is None or base.best is None or base.best.month is None or one.saving is None or one.saving.point is None:
        return None
    whole = base.best.month.nano / NANO
    low, high = (None if end is None else end * whole for end in (one.saving.limits.low, one.saving.limits.high))
    return tco.Span(point=one.saving.point * whole, low=low, high=high)


def _backend(one: Offered) -> str:
    return next((each.value for each in Provider if each.label == one.name), one.name)


def _untimed(one: Offered, beside: list[tco.Beside]) -> str:
    said = [
        f"{listed(list(each.unknown))} on {name}"
        for name, each in zip((one.name, Provider.MODAL.label), beside, strict=True)
        if each.unknown
    ]
    return f"nobody has timed {listed(said)} yet"


def _span(found: tco.Span) -> str:
    return f"{_signed(found.point, plus='')} {interval(found.low, found.high, whole_usd)}".strip()


def _signed(value: float, *, plus: str = "+") -> str:
    return f"{'−' if value < 0 else plus}{whole_usd(abs(value))}"


def _payback_words(found: tco.Span) -> str:
    ends = "" if found.low is None or found.high is None else f" [{_number(found.low)}, {_number(found.high)}]"
    return f"{_months(found.point)}{ends}"


def _months(value: float) -> str:
    return "never" if math.isinf(value) else f"{value:.1f} months"


def _number(value: float) -> str:
    return "never" if math.isinf(value) else f"{value:.1f}"
