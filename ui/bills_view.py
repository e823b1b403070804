"""What the page Bills says: does the bill agree with our estimate, and how old is what we know? Pure."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import polars as pl

from analysis import attribution
from storage.models import Charge
from ui.bill_rows import flag_words
from ui.cost_view import UNEXPLAINED_LIMIT, change, matched_bills
from ui.formats import UNKNOWN, day_time, duration, listed, percent, signed_percent, state_glyph, usd
from ui.names import in_order, label, provider_of
from words import CostState

NEWEST = 6
_NANO = 1e9
_CLOSED = (CostState.FINAL,)


def bills_title(
    deployments: pl.DataFrame, waterfall: pl.DataFrame, charges: Sequence[Charge], *, no_report: Sequence[str] = ()
) -> str:
    """Blocked, agreeing within so much, or no bill yet; and whose are still open.

    `no_report`: backends whose plan gives no bill to read.
    """
    if not charges:
        if no_report:
            return f"No bill to read on {listed([label(name) for name in no_report])}'s plan: costs stay estimated"
        return "No bill yet: Modal's and Runpod's come hourly, Vast.ai's daily"
    shares = unexplained(waterfall)
    worst = max(set(shares) & set(attribution.blocked(waterfall)), key=lambda name: abs(shares[name]), default=None)
    if worst is not None:
        return f"{label(worst)}: {percent(abs(shares[worst]))} unexplained, verdict blocked"
    changes = [change(bill) for bill in matched_bills(deployments, waterfall).values()]
    known = [abs(value) for value in changes if value is not None]
    if not known:
        agree = "Bills are in, estimates are not"
    elif max(known) > UNEXPLAINED_LIMIT:
        agree = f"Bills differ from our estimates by up to {percent(max(known))}"
    else:
        agree = f"Bills agree with our estimates within {percent(max(known))}"
    return agree + _still_open(charges)


def unexplained(waterfall: pl.DataFrame) -> dict[str, float]:
    """Per backend: unexplained / billed, signed."""
    summed = waterfall.group_by("backend").agg(pl.col("unexplained_nano", "billed_nano").sum())
    shares = {
        row["backend"]: row["unexplained_nano"] / row["billed_nano"] for row in summed.to_dicts() if row["billed_nano"]
    }
    return {name: shares[name] for name in in_order(shares)}


def figures(
    deployments: pl.DataFrame, waterfall: pl.DataFrame, charges: Sequence[Charge], now: datetime
) -> list[tuple[str, str, str, str]]:
    """The four at the top: name, value, what is under it, glossary term."""
    ours = [row for row in charges if row.deployment_id is not None]
    billed = sum(float(row.sum_usd) for row in ours)
    matched = matched_bills(deployments, waterfall).values()
    estimate = sum(bill["estimated_usd"] or 0.0 for bill in matched)
    of_these = sum(bill["billed_usd"] for bill in matched)
    strange, whole = (float(waterfall[name].sum()) / _NANO for name in ("unexplained_nano", "billed_nano"))
    waiting = [row for row in ours if row.state not in _CLOSED]
    oldest = min(waiting, key=lambda row: row.charge_period_start, default=None)
    return [
        ("Billed, all runs", usd(billed), shares_by_state(ours), "billed"),
        (
            "Our estimate",
            f"~{usd(estimate)}",
            f"billed {signed_percent(of_these / estimate - 1 if estimate else None)}",
            "estimated",
        ),
        (
            "Unexplained",
            usd(strange),
            f"{signed_percent(strange / whole if whole else None)}, limit 5 %",
            "unexplained",
        ),
        (
            "Oldest open",
            duration(now - oldest.charge_period_start) if oldest else "none",
            label(oldest.provider) if oldest else "all final",
            "open period",
        ),
    ]


def shares_by_state(charges: Sequence[Charge]) -> str:
    """● 88 %  ◐ 12 %: how much of the dollars is how sure."""
    total = sum(float(row.sum_usd) for row in charges)
    if not total:
        return UNKNOWN
    by_state = {state: sum(float(row.sum_usd) for row in charges if row.state is state) for state in CostState}
    said = [f"{state_glyph(state)} {part / total * 100:.0f} %" for state, part in by_state.items() if part]
    return ", ".join(reversed(said))


def variance_rows(deployments: pl.DataFrame, waterfall: pl.DataFrame) -> pl.DataFrame:
    """The columns of the chart `variance`: a row per provider with a bill, of the newest `NEWEST` runs."""
    newest = deployments["run_id"].unique().sort(descending=True).head(NEWEST)
    deployments = deployments.filter(pl.col("run_id").is_in(newest.implode()))
    rows = [
        _variance_row(run_id, name, bill, part)
        for (run_id,), part in deployments.sort("run_id", descending=True)
        .partition_by("run_id", as_dict=True, maintain_order=True)
        .items()
        for name, bill in matched_bills(part, waterfall).items()
    ]
    return pl.DataFrame(rows, infer_schema_length=None)


def open_questions(waterfall: pl.DataFrame) -> pl.DataFrame:
    """Deployments with more unexplained than the limit, worst first."""
    share = pl.col("unexplained_nano") / pl.col("billed_nano")
    odd = waterfall.with_columns(share=share).filter(pl.col("share").abs() > UNEXPLAINED_LIMIT)
    return odd.sort(pl.col("share").abs(), descending=True).select(
        deployment="deployment",
        run="run_id",
        billed=pl.col("billed_nano") / _NANO,
        unexplained=pl.col("unexplained_nano") / _NANO,
        share=pl.col("share") * 100,
        simulated="simulated",
    )


def lines(charges: Sequence[Charge], run_of: Mapping[int, int]) -> pl.DataFrame:
    """Every billing line, newest bucket first, with what it said before a correction."""
    newest = sorted(charges, key=lambda row: (row.charge_period_start, row.id), reverse=True)
    rows = [_line(row, run_of.get(row.deployment_id) if row.deployment_id else None) for row in newest]
    return pl.DataFrame(rows, infer_schema_length=None)


def _still_open(charges: Sequence[Charge]) -> str:
    """; the last day of Modal and the last 3 days of Vast.ai are open"""
    days: dict[str, set[date]] = {}
    for row in charges:
        if row.state not in _CLOSED and row.deployment_id is not None:
            days.setdefault(row.provider, set()).add(row.charge_period_start.date())
    if not days:
        return "; all are final"
    spans: dict[int, list[str]] = {}
    for name in in_order(days):
        spans.setdefault(len(days[name]), []).append(label(name))
    said = [f"the last {'day' if n == 1 else f'{n} days'} of {listed(names)}" for n, names in spans.items()]
    return f"; {listed(said)} {'is' if list(spans) == [1] else 'are'} open"


def _variance_row(run_id: int, backend: str, bill: Mapping[str, Any], part: pl.DataFrame) -> dict[str, object]:
    ratio = change(bill)
    beyond = ratio is not None and abs(ratio) > UNEXPLAINED_LIMIT
    state = state_glyph(bill["state"])
    return {
        "row": f"{run_id} {label(backend)}",
        "key": provider_of(backend),
        "ratio": ratio,
        "label": f"{signed_percent(ratio)} {state[:1]}",
        "final": bill["state"] == CostState.FINAL,
        "tone": "wait" if beyond else "ink",
        "simulated": bool(part["simulated"].any()),
    }


def _line(row: Charge, run_id: int | None) -> dict[str, object]:
    period = f"{day_time(row.charge_period_start)} to {row.charge_period_end:%H:%M}"
    return {
        "state": state_glyph(row.state),
        "provider": label(row.provider),
        "period": period,
        "what": row.sku,
        "usd": None if row.billed_cost is None else float(row.billed_cost),
        "run": run_id,
        "flags": flag_words(row.flags),
        "resource": row.resource_name or row.resource_id,
        "fetched": day_time(row.fetched_at),
        "before": ", ".join(usd(float(old["billed_cost"])) for old in row.earlier) or None,
        "simulated": row.simulated,
    }
