"""`bakeoff export`: every number recomputable outside."""

import json as jsonlib
from pathlib import Path
from typing import Annotated, Literal

import polars as pl
import typer

from analysis.spreadsheet import defused
from cli.compare import truth_of_world
from cli.output import AsJson, Refused, give, reading, say, write_text
from cli.report import document
from storage import frames

FRAMES = ("blocks", "jobs", "deployments", "charges", "images")


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("export")(export)


def export(
    out: Annotated[Path, typer.Argument(help="A folder; it is made if it is not there.")],
    form: Annotated[Literal["csv", "parquet"], typer.Option("--format", help="csv or parquet.")] = "csv",
    json: AsJson = False,
) -> None:
    """Write blocks, jobs, deployments, charges, images (raw rows) and compare.json. Simulated rows say so in a column.

    In CSV a text that a spreadsheet would run as a formula has an apostrophe before it; Parquet is as it is stored.
    """
    with reading() as session:
        parts = {f"{name}.{form}": getattr(frames, name)(session) for name in FRAMES}
        shown = jsonlib.dumps(document(session, truth_of_world()), indent=1, default=str)
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, frame in parts.items():
            _write(out / name, frame, form)
        write_text(out / "compare.json", shown)
    except (OSError, pl.exceptions.PolarsError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise Refused(f"Cannot write to {out}: {why}. Name another folder.") from None
    written = {name: frame.height for name, frame in parts.items()}
    if json:
        give({"folder": str(out), "rows": written})
    else:
        say(f"Wrote {', '.join(f'{name} ({rows} rows)' for name, rows in written.items())} and compare.json to {out}.")


def _write(path: Path, frame: pl.DataFrame, form: str) -> None:
    """The file whole or not at all."""
    part = path.with_name(f".{path.name}.part")
    try:
        defused(frame).write_csv(part) if form == "csv" else frame.write_parquet(part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
