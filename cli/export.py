"""`bakeoff export`: every number recomputable outside."""

import json as jsonlib
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import polars as pl
import typer

from analysis.spreadsheet import defused
from cli.compare import truth_of_world
from cli.output import AsJson, Refused, give, reading, say
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
        _write(out, parts, shown, form)
    except (OSError, pl.exceptions.PolarsError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise Refused(f"Cannot write to {out}: {why}. Name another folder.") from None
    written = {name: frame.height for name, frame in parts.items()}
    if json:
        give({"folder": str(out), "rows": written})
    else:
        say(f"Wrote {', '.join(f'{name} ({rows} rows)' for name, rows in written.items())} and compare.json to {out}.")


def _write(out: Path, parts: Mapping[str, pl.DataFrame], shown: str, form: str) -> None:
    """All files or none: they are written aside, and take their places once each of them is whole."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out, prefix=".export-") as folder:
        aside = Path(folder)
        for name, frame in parts.items():
            defused(frame).write_csv(aside / name) if form == "csv" else frame.write_parquet(aside / name)
        (aside / "compare.json").write_text(shown, encoding="utf-8")
        made = [path.name for path in aside.iterdir()]
        if blocked := [name for name in made if (out / name).is_dir()]:
            raise IsADirectoryError(0, f"{blocked[0]} is a folder")
        for name in made:
            (aside / name).replace(out / name)
