"""The tables of the page Bills: buckets, what is odd, what was corrected, how far off our estimates were. Pure."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import polars as pl

from analysis import stats
from analysis.attribution import beyond_limit
from analysis.cost import weakest
from storage.bills import Freshness
from storage.corrections import Change
from storage.models import Charge
from ui.formats import UNKNOWN, ago, count, day_time, percent, quiet, signed_percent, state_glyph, usd
from ui.names import in_order, label
from words import BillOutcome, ChargeFlag, CostState

SHOWN: Mapping[str, Callable[[Charge], bool]] = {
    "all": lambda row: True,  # noqa: ARG005 - takes the row like the others
    "not final": lambda row: row.state is not CostState.FINAL,
    "flagged": lambda row: bool(row.flags),
    "corrected": lambda row: bool(row.earlier),
}
FLAG_WORDS = {
    ChargeFlag.NO_RESOURCE: "no resource of ours",
    ChargeFlag.NEGATIVE: "negative",
    ChargeFlag.TWO_AMOUNTS: "two amounts",
    ChargeFlag.FOREIGN_CURRENCY: "foreign currency",
    ChargeFlag.UNREADABLE: "unreadable",
    ChargeFlag.OVERLAPPING: "overlapping",
    ChargeFlag.WITHDRAWN: "withdrawn",
}
_OUTCOMES = {
    BillOutcome.READ: "✓ read",
    BillOutcome.PARTIAL: "? in part",
    BillOutcome.FAILED: "× failed",
    BillOutcome.REFUSED: "× refused",
    BillOutcome.NO_REPORT: "no report",
}


def freshness(found: Sequence[Freshness], now: datetime) -> list[dict[str, str]]:
    """Per backend: how its last reading ended and when, how sure its dollars are, what is odd, hours never billed."""
    by_name = {row.backend: row for row in found}
    return [_fresh(by_name[name], now) for name in in_order(by_name)]


def buckets(charges: Sequence[Charge]) -> pl.DataFrame:
    """A row per provider and day on which a billed period began, newest first: dollars, weakest state, lines, age."""
    days: dict[tuple[str, Any], list[Charge]] = {}
    for row in charges:
        days.setdefault((row.provider, row.charge_period_start.date()), []).append(row)
    order = in_order(name for name, _ in days)
    keys = sorted(days, key=lambda key: (-key[1].toordinal(), order.index(key[0])))
    return pl.DataFrame([_bucket(name, day, days[name, day]) for name, day in keys], infer_schema_length=None)


def odd_lines(charges: Sequence[Charge]) -> pl.DataFrame:
    """How many lines carry each flag, by provider; the dollars of those that count, and what is in no sum."""
    rows = []
    for flag in ChargeFlag:
        flagged = [row for row in charges if flag in row.flags]
        for name in in_order(row.provider for row in flagged):
            rows.append(_odd(flag, name, [row for row in flagged if row.provider == name]))
    return pl.DataFrame(rows, infer_schema_length=None)


def corrections(changes: Sequence[Change]) -> pl.DataFrame:
    """Lines whose amount changed once their bucket had ended: a row per change with both versions, in that order."""
    return pl.DataFrame([_change(change) for change in changes], infer_schema_length=None)


def error_history(estimates: pl.DataFrame) -> list[dict[str, str]]:
    """Per backend over its runs (`attribution.ESTIMATES`): the newest, median and largest error of our estimate."""
    rows = []
    for name in in_order(estimates["backend"].to_list()):
        mine = estimates.filter(pl.col("backend") == name, pl.col("error").is_not_null()).sort("at")
        errors = mine["error"].to_list()
        if errors:
            sizes = [abs(error) for error in errors]
            rows.append(
                {
                    "Provider": label(name),
                    "Runs": count(len(errors)),
                    "Newest": signed_percent(errors[-1]),
                    "Median size": percent(stats.quantile(sizes, 0.5)),
                    "Largest": percent(max(sizes)),
                }
            )
    return rows


def unexplained_parts(sums: pl.DataFrame) -> list[dict[str, str]]:
    """By provider (`attribution.of_providers`): billed, unexplained, and whether that is more than a verdict bears."""
    by_name = {row["provider"]: row for row in sums.iter_rows(named=True)}
    return [_unexplained(name, by_name[name]) for name in in_order(by_name)]


def flag_words(flags: Sequence[str]) -> str | None:
    """no resource of ours, negative"""
    return ", ".join(FLAG_WORDS[ChargeFlag(name)] for name in flags) or None


def _fresh(row: Freshness, now: datetime) -> dict[str, str]:
    whole = UNKNOWN if row.whole_at is None else ago(now - row.whole_at)
    parts = [
        f"{state_glyph(state)} {usd(float(row.by_state[state]))}"
        for state in reversed(CostState)
        if row.by_state.get(state)
    ]
    odd = sum(row.odd.values())
    return {
        "Provider": label(row.backend),
        "Last reading": f"{_OUTCOMES[row.outcome]}, {ago(now - row.read_at)}",
        "Whole window": whole,
        "Billed": ", ".join(parts) or UNKNOWN,
        "Lines": count(row.lines),
        "Flagged": count(odd),
        "Gaps": f"{count(row.gaps)} h",
    }


def _bucket(name: str, day: Any, rows: Sequence[Charge]) -> dict[str, object]:
    counted = [row for row in rows if row.counts]
    return {
        "day": f"{day.day} {day:%b}",
        "provider": label(name),
        "usd": float(sum(row.sum_usd for row in rows)),
        "state": state_glyph(weakest(row.state for row in counted)) if counted else UNKNOWN,
        "lines": len(rows),
        "flagged": sum(bool(row.flags) for row in rows),
        "corrected": sum(bool(row.earlier) for row in rows),
        "fetched": day_time(max(row.fetched_at for row in rows)),
        "simulated": any(row.simulated for row in rows),
    }


def _odd(flag: ChargeFlag, name: str, rows: Sequence[Charge]) -> dict[str, object]:
    left_out = [f"{row.billed_cost:,.2f} {row.billing_currency}" for row in rows if not row.counts and row.billed_cost]
    return {
        "flag": FLAG_WORDS[flag],
        "provider": label(name),
        "lines": len(rows),
        "usd": float(sum(row.sum_usd for row in rows)),
        "in no sum": ", ".join(left_out[:3]) + (f" and {len(left_out) - 3} more" if len(left_out) > 3 else "") or None,
        "simulated": any(row.simulated for row in rows),
    }


def _change(change: Change) -> dict[str, object]:
    before, after = float(change.was), None if change.now is None else float(change.now)
    return {
        "seen": day_time(change.seen_at),
        "provider": label(change.provider),
        "what": change.sku,
        "period": day_time(change.period_start),
        "was": before,
        "now": after,
        "change": signed_percent(after / before - 1 if before and after is not None else None),
        "was state": state_glyph(change.was_state),
        "resource": change.resource,
        "simulated": change.simulated,
    }


def _unexplained(name: str, row: Mapping[str, Any]) -> dict[str, str]:
    billed = row["billed_nano"] - row["not_ours_nano"]
    share = row["unexplained_nano"] / billed if billed else None
    beyond = beyond_limit({**row, "billed_nano": billed})
    return {
        "Provider": label(name),
        "Billed, ours": f"{usd(billed / 1e9)} {quiet(state_glyph(row['cost_state']))}",
        "Unexplained": usd(row["unexplained_nano"] / 1e9),
        "Share": f"{signed_percent(share)}{' ×' if beyond else ''}",
        "Not ours": usd(row["not_ours_nano"] / 1e9) if row["not_ours_nano"] else UNKNOWN,
    }
