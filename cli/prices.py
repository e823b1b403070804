"""`bakeoff prices`: what providers ask now and asked before, and the layers that people laid over that."""

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

import typer
from sqlmodel import Session

from analysis.layers import Layer, RefusedLayer, rate
from analysis.prices import history as over_time
from analysis.prices import market
from cli.figures import NANO, document_of, figures, moment
from cli.launch import user
from cli.output import AsJson, Refused, data_folder, give, reading, say, table, world_clock, writing
from storage.layers import add_layer, all_layers, layers, revoke_layer
from storage.models import PriceLayer
from storage.prices import offers
from words import LayerKind, called

MARKET = ("backend", "gpu", "offers", "lowest", "25 %", "median", "75 %", "highest", "with layers", "seen", "source")
HISTORY = ("at", "backend", "gpu", "offers", "lowest", "median", "highest", "source")
LAYERS = ("layer", "name", "kind", "backend", "gpu", "says", "from", "to", "by", "reason", "revoked")
KINDS = ", ".join(LayerKind)
_QUARTERS = ("low", "p25", "median", "p75", "high")

app = typer.Typer(invoke_without_command=True)


def register(main: typer.Typer) -> None:
    """Add the verb."""
    main.add_typer(app, name="prices")


@app.callback(invoke_without_command=True)
def now(context: typer.Context, json: AsJson = False) -> None:
    """What each GPU costs an hour now, a market as its distribution; every price layer that was ever made."""
    if context.invoked_subcommand is not None:
        return
    at = world_clock(data_folder()).now()
    with reading() as session:
        shown = _document(session, at)
    if json:
        give(shown)
        return
    if shown["market"]:
        table(MARKET, [_asked(row) for row in shown["market"]])
    else:
        typer.echo("No price was seen within a day. The collector asks for them: `bakeoff collect`.")
    if shown["layers"]:
        typer.echo("\nPrice layers, the newest first")
        table(LAYERS, [_layer(row) for row in shown["layers"]])


@app.command()
def history(
    backend: Annotated[str | None, typer.Option(help="modal, runpod, vast.")] = None,
    gpu: Annotated[str | None, typer.Option(help="Such as L40S.")] = None,
    json: AsJson = False,
) -> None:
    """What each GPU cost an hour at the end of each UTC day, and now."""
    at = world_clock(data_folder()).now()
    with reading() as session:
        found = over_time(offers(session, backend=backend, gpu=gpu), at)
    if json:
        give({"history": document_of(found)})
    elif found.is_empty():
        typer.echo("No price of that was ever seen. `bakeoff prices` shows what is known.")
    else:
        table(HISTORY, [_then(row) for row in found.iter_rows(named=True)])


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="Stands beside every number that the layer changes.")],
    kind: Annotated[str, typer.Option(help=f"{KINDS}.")],
    backend: Annotated[str, typer.Option(help="modal, runpod, vast.")],
    gpu: Annotated[str | None, typer.Option(help="Only this GPU; default: all.")] = None,
    per_hour: Annotated[str | None, typer.Option(help="Dollars an hour, of committed and override.")] = None,
    percent: Annotated[float | None, typer.Option(help="Per cent off, of a discount.")] = None,
    monthly: Annotated[str | None, typer.Option(help="Dollars a month, of a credit or a commitment.")] = None,
    since: Annotated[str | None, typer.Option("--from", help="YYYY-MM-DD, UTC; default: now.")] = None,
    until: Annotated[
        str | None, typer.Option("--to", help="YYYY-MM-DD, UTC, the first day without; default: none.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Shown beside it.")] = "",
    json: AsJson = False,
) -> None:
    """Lay a discount, a committed price, a price of your own or a credit over what a backend states."""
    at = world_clock(data_folder()).now()
    hourly = _dollars(per_hour)
    layer = Layer(
        name=name,
        kind=_kind(kind),
        backend=backend,
        gpu=gpu,
        usd_per_s=None if hourly is None else hourly / 3600,
        percent=percent,
        monthly_usd=_dollars(monthly),
        valid_from=at if since is None else _day(since),
        valid_to=None if until is None else _day(until),
    )
    with writing() as session:
        row = add_layer(session, layer, made_by=user(), now=at, reason=reason)
        told = _told(row)
    if json:
        give(told)
    else:
        say(f"Layer {told['layer']} is in force. Take it off with `bakeoff prices revoke {told['layer']}`.")


@app.command()
def revoke(number: Annotated[int, typer.Argument(help="The layer; `bakeoff prices` lists them.")]) -> None:
    """Take a layer off again: every number is as it was without it. The layer stays on record."""
    with writing() as session:
        name = revoke_layer(session, number, revoked_by=user(), now=world_clock(data_folder()).now()).name
    say(f"Layer {number}, {name}, is off.")


def _document(session: Session, at: datetime) -> dict[str, Any]:
    laid = layers(session)
    rows = document_of(market(offers(session), at))
    for row in rows:
        found = rate(row["median_nano"], laid, backend=row["backend"], gpu=row["gpu"], at=at)
        row |= {"with_layers_nano": found.nano if found.layers else None, "layers": list(found.layers)}
    return {"market": rows, "layers": [_told(row) for row in all_layers(session)]}


def _told(row: PriceLayer) -> dict[str, Any]:
    names = ("name", "backend", "gpu", "percent", "monthly_usd", "valid_from", "valid_to", "made_by", "reason")
    told = {"layer": row.id, "kind": row.kind.value, **{name: getattr(row, name) for name in names}}
    return told | {"usd_per_s": row.value, "revoked_at": row.revoked_at, "revoked_by": row.revoked_by}


def _asked(row: dict[str, Any]) -> list[Any]:
    hourly = [_hourly(row[f"{name}_nano"]) for name in (*_QUARTERS, "with_layers")]
    return [called(row["backend"]), row["gpu"], row["n"], *hourly, moment(row["seen_at"]), row["source"]]


def _then(row: dict[str, Any]) -> list[Any]:
    hourly = [_hourly(row[f"{name}_nano"]) for name in ("low", "median", "high")]
    return [moment(row["at"]), called(row["backend"]), row["gpu"], row["n"], *hourly, row["source"]]


def _layer(row: dict[str, Any]) -> list[Any]:
    revoked = None if row["revoked_at"] is None else f"{moment(row['revoked_at'])} by {row['revoked_by']}"
    return [
        row["layer"], row["name"], row["kind"], called(row["backend"]), row["gpu"] or "all", _says(row),
        moment(row["valid_from"]), moment(row["valid_to"]), row["made_by"] or None, row["reason"] or None, revoked,
    ]  # fmt: skip


def _says(row: dict[str, Any]) -> str:
    parts = []
    if row["usd_per_s"] is not None:
        parts.append(f"{_hourly(row['usd_per_s'] * NANO)} an hour")
    if row["percent"] is not None:
        parts.append(f"{row['percent']:g} % off")
    if row["monthly_usd"] is not None:
        parts.append(f"${row['monthly_usd'].normalize():f} a month")
    return ", ".join(parts)


def _hourly(nano: Any) -> str | None:
    return None if nano is None else figures(float(nano) * 3600 / NANO)


def _kind(text: str) -> LayerKind:
    if text not in set(LayerKind):
        raise RefusedLayer(f"No kind of layer is called {text!r}. There are: {KINDS}.")
    return LayerKind(text)


def _dollars(text: str | None) -> Decimal | None:
    try:
        return None if text is None else Decimal(text)
    except InvalidOperation:
        raise Refused(f"An amount is a number of dollars, not '{text}'.") from None


def _day(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise Refused(f"A day is written YYYY-MM-DD, not '{text}'.") from None
