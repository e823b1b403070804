"""`bakeoff export`: every number recomputable outside."""

import json as jsonlib
from pathlib import Path
from typing import Annotated, Literal

import typer

from cli.compare import truth_of_world
from cli.output import AsJson, Refused, give, reading, say, write_text
from cli.report import document
from storage import frames

FRAMES = ("jobs", "deployments", "charges", "images")


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("export")(export)


def export(
    out: Annotated[Path, typer.Argument(help="A folder; it is made if it is not there.")],
    form: Annotated[Literal["csv", "parquet"], typer.Option("--format", help="csv or parquet.")] = "csv",
    json: AsJson = False,
) -> None:
    """Write jobs, deployments, charges, images (raw rows) and compare.json. Simulated rows say so in a column."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Refused(f"Cannot write to {out}: {error.strerror}. Name another folder.") from None
    written: dict[str, int] = {}
    with reading() as session:
        for name in FRAMES:
            frame = getattr(frames, name)(session)
            path = out / f"{name}.{form}"
            part = path.with_name(f".{path.name}.part")
            frame.write_csv(part) if form == "csv" else frame.write_parquet(part)
            part.replace(path)
            written[path.name] = frame.height
        write_text(out / "compare.json", jsonlib.dumps(document(session, truth_of_world()), indent=1, default=str))
    if json:
        give({"folder": str(out), "rows": written})
    else:
        say(f"Wrote {', '.join(f'{name} ({rows} rows)' for name, rows in written.items())} and compare.json to {out}.")
