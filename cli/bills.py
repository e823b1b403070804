"""`bakeoff bills`: how fresh and how sure each provider's bill is, what is odd about it, and what never came."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Any

import typer
from sqlmodel import Session, col, select

from analysis import attribution, cost
from analysis.cost import PARTS
from cli.figures import document_of, dollars_of, moment, money, percent
from cli.output import AsJson, data_folder, give, plain, reading, table, world_clock
from cli.report import say_unknown
from storage import frames
from storage.bills import Freshness, freshness, gaps
from storage.models import Charge
from words import called

BILLS = ("backend", "last reading", "read at", "lines", "billed", "state", "of nobody", "in no sum", "odd", "gaps")
SUMS = ("provider", *PARTS, "not ours", "billed", "unexplained %", "state")
ODD = ("provider", "resource", "from", "amount", "currency", "flags", "counts", "id")
GAPS = ("backend", "deployment", "from", "to")
SHOWN = 40  # odd lines and gaps of a table; --json has all


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("bills")(bills)


def bills(json: AsJson = False) -> None:
    """State and freshness by backend, the sum of each bill, odd lines, what is unexplained, hours never published."""
    with reading() as session:
        shown = _document(session, world_clock(data_folder()).now())
    if json:
        give(shown)
    elif not shown["bills"]:
        typer.echo("No bill was read yet. The collector asks for them every ten minutes: `bakeoff collect`.")
    else:
        _draw(shown)


def _document(session: Session, now: datetime) -> dict[str, Any]:
    deployments, jobs, charges = frames.deployments(session), frames.jobs(session), frames.charges(session)
    falls = cost.waterfall(deployments, jobs, charges)
    odd = session.exec(select(Charge).order_by(col(Charge.charge_period_start).desc(), col(Charge.id)))
    return {
        "simulated": bool(charges["simulated"].any() or deployments["simulated"].any()),
        "now": now,
        "bills": [_fresh(row, now) for row in freshness(session, now)],
        "sums": document_of(attribution.of_providers(falls, deployments, charges)),
        "blocked": attribution.blocked(falls),
        "odd": [_line(row) for row in odd if row.flags or row.earlier],
        "gaps": [asdict(gap) for gap in gaps(session, now)],
    }


def _fresh(row: Freshness, now: datetime) -> dict[str, Any]:
    told = asdict(row)
    states = {state.value: amount for state, amount in row.by_state.items()}
    odd = {flag.value: n for flag, n in row.odd.items()}
    return told | {"age_s": (now - row.read_at).total_seconds(), "by_state": states, "odd": odd}


def _line(row: Charge) -> dict[str, Any]:
    names = ("id", "provider", "product", "resource_id", "deployment_id", "sku", "billed_cost", "billing_currency")
    return {name: getattr(row, name) for name in names} | {
        "from": row.charge_period_start,
        "to": row.charge_period_end,
        "state": row.state.value,
        "flags": row.flags,
        "counts": row.counts,
        "earlier": row.earlier,
    }


def _draw(shown: dict[str, Any]) -> None:
    mark = "SIMULATED: no real cloud, no real dollar.\n" if shown["simulated"] else ""
    typer.echo(f"{mark}Bills")
    table(BILLS, [_bill(row) for row in shown["bills"]])
    for row in shown["bills"]:
        if row["text"]:
            typer.echo(f"{called(row['backend'])}: {plain(row['text'])}")
    if shown["sums"]:
        typer.echo("\nWhere they went ($; the parts add up to what was billed)")
        table(SUMS, [_sum(row) for row in shown["sums"]])
        say_unknown(shown["sums"], "provider")
    for backend, reason in shown["blocked"].items():
        typer.echo(f"{called(backend)}: no verdict rests on this bill. {reason}")
    _some("Odd and corrected lines", ODD, [_odd(row) for row in shown["odd"]])
    _some("Hours in which a job ran and that were never billed", GAPS, [_gap(row) for row in shown["gaps"]])


def _some(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    if rows:
        more = f", the newest {SHOWN} of {len(rows)}" if len(rows) > SHOWN else ""
        typer.echo(f"\n{title}{more}")
        table(columns, rows[:SHOWN])


def _bill(row: dict[str, Any]) -> list[Any]:
    states = [f"{money(float(amount), 4)} {state}" for state, amount in row["by_state"].items()]
    out = [f"{amount.normalize():f} {currency}" for currency, amount in row["left_out"].items()]
    odd = [f"{n} {flag}" for flag, n in row["odd"].items()]
    return [
        called(row["backend"]), row["outcome"].value, moment(row["read_at"]), row["lines"],
        money(float(row["billed_usd"]), 4), ", ".join(states) or None, _nonzero(row["others_usd"]),
        ", ".join(out) or None, ", ".join(odd) or None, row["gaps"],
    ]  # fmt: skip


def _nonzero(usd: Decimal) -> str | None:
    return money(float(usd), 4) if usd else None


def _sum(row: dict[str, Any]) -> list[Any]:
    parts = [dollars_of(row[f"{part}_nano"]) for part in (*PARTS, "not_ours", "billed")]
    share = row["unexplained_nano"] / row["billed_nano"] if row["billed_nano"] else None
    return [called(row["provider"]), *parts, percent(share), row["cost_state"]]


def _odd(row: dict[str, Any]) -> list[Any]:
    flags = [*row["flags"], *(["corrected"] if row["earlier"] else [])]
    amount = None if row["billed_cost"] is None else f"{row['billed_cost'].normalize():f}"
    return [
        called(row["provider"]), row["resource_id"], moment(row["from"]), amount, row["billing_currency"],
        ", ".join(flags), "yes" if row["counts"] else "no", row["id"],
    ]  # fmt: skip


def _gap(row: dict[str, Any]) -> list[Any]:
    return [called(row["backend"]), row["key"], moment(row["start"]), moment(row["end"])]
