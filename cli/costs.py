"""`bakeoff costs`: what was paid, on which basis, where it went, and how far off our estimates were."""

from typing import Annotated, Any

import polars as pl
import typer
from sqlmodel import Session

from analysis import attribution, cost
from analysis.bases import bases
from analysis.layers import relaid
from cli.figures import document_of, dollars_of, figures, interval, percent, stated
from cli.output import AsJson, Refused, give, plain, reading, table
from cli.report import say_unknown
from storage import frames
from storage.layers import layers
from storage.models import Run
from words import called

BASES = ("workflow", "backend", "gpu", "basis", "for one", "usd", "of", "blocks", "state")
PARTS = ("backend", *cost.PARTS, "billed", "unexplained %", "state")
ESTIMATES = ("run", "backend", "estimated", "billed", "error", "unexplained", "state")


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("costs")(costs)


def costs(
    run: Annotated[int | None, typer.Argument(help="Only this run.")] = None,
    as_stated: Annotated[
        bool, typer.Option("--as-stated", help="Leave price layers off: prices as the providers state them.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Marginal and fully loaded cost with n and interval, where each bill went, and estimates beside bills.

    What production would pay is neither: `bakeoff traffic replay`.
    """
    with reading() as session:
        shown = _document(session, run, with_layers=not as_stated)
    if json:
        give(shown)
    elif not shown["bases"]:
        typer.echo("Nothing was measured yet. Ask for a run with `bakeoff launch`.")
    else:
        _draw(shown)


def _document(session: Session, run: int | None, *, with_layers: bool) -> dict[str, Any]:
    if run is not None and session.get(Run, run) is None:
        raise Refused(f"There is no run {run}. `bakeoff runs` lists them.")
    ids = None if run is None else [run]
    deployments, jobs, charges = (of(session, ids) for of in (frames.deployments, frames.jobs, frames.charges))
    laid = relaid(deployments, jobs, charges, layers(session) if with_layers else [])
    falls = cost.waterfall(deployments, jobs, charges)
    per_deployment = cost.of_deployments(deployments, jobs, charges)
    return {
        "simulated": bool(deployments["simulated"].any()),
        "bases": document_of(bases(laid.deployments, laid.jobs, laid.charges)),
        "layers": sorted({name for names in laid.rates["layers"] for name in names}),
        "waterfall": document_of(_shared(attribution.summed(falls, "backend"))),
        "estimates": document_of(attribution.estimates(per_deployment, falls, charges)),
        "blocked": attribution.blocked(falls),
    }


def _shared(sums: pl.DataFrame) -> pl.DataFrame:
    return sums.with_columns(
        unexplained_share=pl.when(pl.col("billed_nano") != 0).then(pl.col("unexplained_nano") / pl.col("billed_nano"))
    )


def _draw(shown: dict[str, Any]) -> None:
    mark = "SIMULATED: no real cloud, no real dollar.\n" if shown["simulated"] else ""
    laid = f" with the price layers {', '.join(map(plain, shown['layers']))}" if shown["layers"] else ""
    typer.echo(f"{mark}Bases, never mixed ($ for one of the unit{laid}; 95 % over blocks; ~ is estimated)")
    table(BASES, [_basis(row) for row in shown["bases"]])
    if shown["waterfall"]:
        typer.echo("\nWhere each bill went ($; the parts add up to it)")
        table(PARTS, [_parts(row) for row in shown["waterfall"]])
        say_unknown(shown["waterfall"], "backend")
        typer.echo("\nEstimated beside billed")
        table(ESTIMATES, [_estimate(row) for row in shown["estimates"]])
    else:
        typer.echo("\nNo bill yet: all of this is estimated.")
    for backend, reason in shown["blocked"].items():
        typer.echo(f"{called(backend)}: no verdict rests on this bill. {reason}")


def _basis(row: dict[str, Any]) -> list[Any]:
    ends = {"point": row["usd"], "low": row["usd_lo"], "high": row["usd_hi"], "withheld": row["withheld"]}
    told = row["withheld"] if row["usd"] is None else stated(interval(ends, _form(row["usd"])), row["cost_state"])
    of = f"{row['of_units']:,.0f}" if row["of_units"] >= 10 else f"{row['of_units']:.3g}"
    arm = [row["workflow"], called(row["backend"]), row["gpu"], row["basis"], row["unit"]]
    return [*arm, told, of, row["blocks"], row["cost_state"]]


def _form(usd: float) -> str:
    """As many places as `figures` would give."""
    places = (figures(usd) or "").partition(".")[2]
    return f".{len(places)}f"


def _parts(row: dict[str, Any]) -> list[Any]:
    parts = [dollars_of(row[f"{part}_nano"]) for part in (*cost.PARTS, "billed")]
    return [called(row["backend"]), *parts, percent(row["unexplained_share"]), row["cost_state"]]


def _estimate(row: dict[str, Any]) -> list[Any]:
    amounts = [dollars_of(row[f"{name}_nano"]) for name in ("estimated", "billed")]
    error = None if row["error"] is None else f"{100 * row['error']:+.1f} %"
    return [
        row["run_id"],
        called(row["backend"]),
        *amounts,
        error,
        dollars_of(row["unexplained_nano"]),
        row["cost_state"],
    ]
