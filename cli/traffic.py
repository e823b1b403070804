"""`bakeoff traffic`: when requests of production come, and what they would cost and wait on each provider."""

from pathlib import Path
from typing import Annotated, Any

import typer
from sqlmodel import Session

from analysis.moves import LEAST_USD, ONE_OFF_HOURS
from analysis.tco import HOURLY_USD
from analysis.traffic.profile import KNOWN
from cli.figures import moment
from cli.launch import user
from cli.output import AsJson, Refused, data_folder, give, reading, say, table, world_clock, writing
from cli.payback import assumed_of, paid_back
from cli.payback import draw as draw_payback
from cli.replays import draw, replayed
from storage.blobs import Blobs
from storage.models import TrafficProfile
from storage.profiles import MOST_BYTES, add_daily, add_known, add_trace, profiles
from words import EffortKind

PROFILES = ("traffic", "name", "kind", "requests a day", "busiest hour", "requests", "by", "made", "note")

app = typer.Typer(invoke_without_command=True)


def register(main: typer.Typer) -> None:
    """Add the verb."""
    main.add_typer(app, name="traffic")


@app.callback(invoke_without_command=True)
def listed(context: typer.Context, json: AsJson = False) -> None:
    """Every traffic profile, the newest first; a replay takes the newest unless told otherwise."""
    if context.invoked_subcommand is not None:
        return
    with reading() as session:
        rows = [_told(row) for row in profiles(session)]
    if json:
        give({"profiles": rows, "known": {name: each.source for name, each in KNOWN.items()}})
    elif not rows:
        typer.echo("No traffic is known yet. Add some with `bakeoff traffic add`; the product's own volumes are:")
        table(("--known", "from"), [[name, each.source] for name, each in KNOWN.items()])
    else:
        table(PROFILES, [_row(row) for row in rows])


@app.command()
def add(
    name: Annotated[str | None, typer.Argument(help="Shown beside every number that rests on it.")] = None,
    per_day: Annotated[float | None, typer.Option(help="Requests a day.")] = None,
    curve: Annotated[
        str | None, typer.Option(help="With --per-day: 24 weights from midnight UTC on, with commas; default: flat.")
    ] = None,
    csv: Annotated[Path | None, typer.Option(help="File of past instants, one a line, UTC, ascending.")] = None,
    known: Annotated[str | None, typer.Option(help=f"A volume of the product: {'; '.join(KNOWN)}.")] = None,
    note: Annotated[str, typer.Option(help="Where it is from.")] = "",
    json: AsJson = False,
) -> None:
    """Add traffic: so many a day along a curve, a file of instants, or one of the product's own volumes."""
    if sum(given is not None for given in (per_day, csv, known)) != 1:
        raise Refused("Say one of --per-day, --csv and --known.")
    if curve is not None and per_day is None:
        raise Refused("A curve goes with --per-day.")
    content = None if csv is None else _content(csv)
    weights = None if curve is None else _weights(curve)
    with writing() as session:
        row = _insert(session, name or "", per_day=per_day, weights=weights, content=content, known=known, note=note)
        told = _told(row)
    if json:
        give(told)
    else:
        say(f"Traffic {told['traffic']}: {told['per_day']:,.0f} requests a day. Try `bakeoff traffic replay`.")


@app.command()
def replay(
    number: Annotated[int | None, typer.Argument(help="The traffic profile; default: the newest.")] = None,
    workflow: Annotated[str | None, typer.Option(help="Default: the one with the most jobs.")] = None,
    gpu: Annotated[str | None, typer.Option(help="Only this GPU; default: all that were measured.")] = None,
    volumes: Annotated[
        str | None, typer.Option(help="LOW-HIGH requests a day for break-evens; default: a thirtieth to thirtyfold.")
    ] = None,
    requests: Annotated[
        int, typer.Option(help="Requests that enter a point at least: fewer are faster and rougher.")
    ] = 20_000,
    as_stated: Annotated[
        bool, typer.Option("--as-stated", help="Leave price layers off: prices as the providers state them.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Each provider at its cheapest setting that serves as well as the baseline does now, and as it is; break-evens."""
    folder = data_folder()
    with reading() as session:
        shown = replayed(
            session, Blobs(folder.blobs), world_clock(folder).now(),
            number=number, workflow=workflow, gpu=gpu, between=_span(volumes), requests=requests,
            with_layers=not as_stated,
        )  # fmt: skip
    if json:
        give(shown)
    else:
        draw(shown)


@app.command()
def payback(
    number: Annotated[int | None, typer.Argument(help="The traffic profile; default: the newest.")] = None,
    workflow: Annotated[str | None, typer.Option(help="Default: each that was measured.")] = None,
    gpu: Annotated[str | None, typer.Option(help="Only this GPU; default: all that were measured.")] = None,
    often: Annotated[
        list[str] | None,
        typer.Option(help=f"KIND=TIMES a month a task comes up, may be repeated: {', '.join(EffortKind)}."),
    ] = None,
    at_rest: Annotated[
        list[str] | None, typer.Option(help="BACKEND=DOLLARS a month for storage at rest, may be repeated.")
    ] = None,
    modal_plan: Annotated[str, typer.Option(help="Modal's plan: starter, team.")] = "starter",
    once: Annotated[float, typer.Option(help="Hours that the move itself takes.")] = ONE_OFF_HOURS,
    hourly: Annotated[float, typer.Option(help="Dollars for a person's hour.")] = HOURLY_USD,
    least: Annotated[float, typer.Option(help="Dollars a month below which a saving is too small.")] = LEAST_USD,
    requests: Annotated[int, typer.Option(help="Requests that enter a point at least.")] = 20_000,
    as_stated: Annotated[
        bool, typer.Option("--as-stated", help="Leave price layers off: prices as the providers state them.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Total cost of ownership: the saving at equal service against hours, fees and storage; when a move pays back."""
    folder = data_folder()
    assumed = assumed_of(often or (), at_rest or (), plan=modal_plan, once=once, hourly=hourly, least=least)
    with reading() as session:
        shown = paid_back(
            session, Blobs(folder.blobs), world_clock(folder).now(),
            number=number, workflow=workflow, gpu=gpu, requests=requests, with_layers=not as_stated, assumed=assumed,
        )  # fmt: skip
    if json:
        give(shown)
    else:
        draw_payback(shown)


def _insert(
    session: Session,
    name: str,
    *,
    per_day: float | None,
    weights: list[float] | None,
    content: bytes | None,
    known: str | None,
    note: str,
) -> TrafficProfile:
    folder = data_folder()
    now, by = world_clock(folder).now(), user()
    if per_day is not None:
        return add_daily(session, name=name, per_day=per_day, curve=weights, note=note, made_by=by, now=now)
    if known is not None:
        return add_known(session, known=known, name=name, made_by=by, now=now)
    return add_trace(session, Blobs(folder.blobs), content or b"", name=name, note=note, made_by=by, now=now)


def _content(path: Path) -> bytes:
    """At most one byte more than a trace may have."""
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror}.") from None


def _weights(text: str) -> list[float]:
    try:
        return [float(weight) for weight in text.split(",")]
    except ValueError:
        raise Refused(f"A curve is 24 numbers with commas between them, not '{text[:60]}'.") from None


def _span(text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    low, _, high = text.partition("-")
    try:
        return float(low), float(high)
    except ValueError:
        raise Refused(f"Volumes are written LOW-HIGH, such as 100-30000, not '{text}'.") from None


def _told(row: TrafficProfile) -> dict[str, Any]:
    names = ("name", "per_day", "curve", "requests", "instants_sha256", "note", "made_by", "simulated", "created_at")
    return {"traffic": row.id, "kind": row.kind.value, **{name: getattr(row, name) for name in names}}


def _row(row: dict[str, Any]) -> list[Any]:
    curve = row["curve"] or []
    busiest = f"{curve.index(max(curve)):02}:00, {100 * max(curve):.1f} %" if len(set(curve)) > 1 else "flat"
    requests = None if row["requests"] is None else f"{row['requests']:,}"
    told = [row["traffic"], row["name"], row["kind"], f"{row['per_day']:,.1f}", busiest, requests]
    return [*told, row["made_by"] or None, moment(row["created_at"]), row["note"] or None]
