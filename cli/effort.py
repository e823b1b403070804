"""`bakeoff effort`: minutes that each provider takes, by kind, logged by people or measured."""

import subprocess
import time
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from analysis.effort import summary
from cli.figures import document_of, moment
from cli.launch import user
from cli.output import AsJson, Refused, data_folder, give, reading, say, table, world_clock, writing
from storage.effort import MOST_MINUTES, drop_effort, effort, log_effort
from words import EffortKind, called

SUMMARY = ("backend", "kind", "measured", "n", "minutes", "median", "longest", "since", "until")
LOG = ("entry", "at", "backend", "kind", "minutes", "measured", "by", "text", "note")
KINDS = ", ".join(EffortKind)

app = typer.Typer(invoke_without_command=True)


def register(main: typer.Typer) -> None:
    """Add the verb."""
    main.add_typer(app, name="effort")


@app.callback(invoke_without_command=True)
def log(context: typer.Context, json: AsJson = False) -> None:
    """Minutes per task by backend and kind: what people logged and what was measured, never in one sum."""
    if context.invoked_subcommand is not None:
        return
    with reading() as session:
        found = effort(session)
    sums = summary(found)
    if json:
        give({"summary": document_of(sums), "entries": document_of(found)})
    elif found.is_empty():
        typer.echo("Nothing was logged or measured yet. Log work with `bakeoff effort add`.")
    else:
        table(SUMMARY, [_sum(row) for row in sums.iter_rows(named=True)])
        typer.echo("\nEntries, the newest last")
        table(LOG, [_entry(row) for row in found.iter_rows(named=True)])


@app.command()
def add(
    backend: Annotated[str, typer.Argument(help="modal, runpod, vast.")],
    kind: Annotated[str, typer.Argument(help=f"{KINDS}.")],
    minutes: Annotated[float, typer.Argument(help="How many minutes it took a person.")],
    text: Annotated[str, typer.Option(help="What was done.")] = "",
    note: Annotated[str, typer.Option(help="Shown beside it.")] = "",
    at: Annotated[str | None, typer.Option(help="YYYY-MM-DDTHH:MM, UTC; default: now.")] = None,
    json: AsJson = False,
) -> None:
    """Log work on a provider."""
    when = None if at is None else _instant(at)
    _log(backend, kind, minutes, {"text": text, "note": note, "at": when}, as_json=json)


@app.command()
def drop(number: Annotated[int, typer.Argument(help="The entry; `bakeoff effort` lists them.")]) -> None:
    """Take an entry out again that was logged by mistake."""
    with writing() as session:
        drop_effort(session, number)
    say(f"Entry {number} is gone.")


@app.command("time")
def timed(
    backend: Annotated[str, typer.Argument(help="modal, runpod, vast.")],
    kind: Annotated[str, typer.Argument(help=f"{KINDS}.")],
    command: Annotated[list[str], typer.Argument(help="After --: the command, such as one that fetches logs.")],
    limit: Annotated[float, typer.Option(help="Minutes after which it is ended.")] = 30,
    json: AsJson = False,
) -> None:
    """Run a command and log how long it took as measured: `bakeoff effort time modal logs -- modal app logs NAME`."""
    if not 0 < limit <= MOST_MINUTES:
        raise Refused(f"The limit is above 0 and at most {MOST_MINUTES:,} minutes, not {limit:g}.")
    began = time.perf_counter()
    try:
        ended = f"exit code {subprocess.run(command, timeout=limit * 60, check=False).returncode}"
    except subprocess.TimeoutExpired:
        ended = f"ended after {limit:g} minutes, which is the limit"
    except OSError as error:
        raise Refused(f"{command[0]} cannot be run: {error.strerror}.") from None
    minutes = (time.perf_counter() - began) / 60
    _log(backend, kind, minutes, {"text": " ".join(command), "note": ended, "measured": True}, as_json=json)


def _log(backend: str, kind: str, minutes: float, more: dict[str, Any], *, as_json: bool) -> None:
    now = world_clock(data_folder()).now()
    with writing() as session:
        number = log_effort(session, backend=backend, kind=kind, minutes=minutes, by=user(), now=now, **more).id
    if as_json:
        give({"entry": number, "minutes": minutes})
    else:
        say(f"Entry {number}: {minutes:.1f} minutes of {kind} on {called(backend)}.")


def _instant(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(f"The time is written YYYY-MM-DDTHH:MM, UTC, not '{text}'.") from None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _sum(row: dict[str, Any]) -> list[Any]:
    amounts = [f"{row[name]:.1f}" for name in ("minutes", "median_minutes", "longest_minutes")]
    told = [called(row["backend"]), row["kind"], "yes" if row["measured"] else "no", row["n"]]
    return [*told, *amounts, moment(row["first_at"]), moment(row["last_at"])]


def _entry(row: dict[str, Any]) -> list[Any]:
    number, by = row["effort_id"], row["by"] or None
    told = [number, moment(row["at"]), called(row["backend"]), row["kind"], f"{row['minutes']:.1f}"]
    return [*told, "yes" if row["measured"] else "no", by, row["text"] or None, row["note"] or None]
