"""`bakeoff export`: every number recomputable outside."""

import json as jsonlib
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import polars as pl
import typer
from sqlmodel import Session

from analysis import cost, focus
from cli.compare import truth_of_world
from cli.export_files import Form, TooLong, write
from cli.output import AsJson, Refused, give, reading, say
from cli.report import document
from settings import Settings
from storage import focus_lines, frames
from storage.list_prices import listed
from words import Provider

FRAMES = ("blocks", "jobs", "deployments", "charges", "images")


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("export")(export)


def export(
    out: Annotated[Path, typer.Argument(help="A folder; it is made if it is not there.")],
    form: Annotated[Form, typer.Option("--format", help="csv, parquet or xlsx.")] = "csv",
    account: Annotated[
        list[str] | None,
        typer.Option("--account", metavar="PROVIDER=ID", help="Id of a billing account, for focus; may be repeated."),
    ] = None,
    json: AsJson = False,
) -> None:
    """Write blocks, jobs (the samples), deployments, charges, allocations (where each bill went), images, the FOCUS 1.2
    dataset `focus`, and compare.json. Simulated rows say so in a column.

    csv and parquet: a file per table. xlsx: a workbook with a sheet per table. In CSV a text that a spreadsheet would
    run as a formula has an apostrophe before it; the others hold it as it is, as text.
    """
    told = _told(account or ())
    with reading() as session:
        tables = _tables(session, focus_lines.accounts(session, Settings().modal_workspace) | told)
        shown = jsonlib.dumps(document(session, truth_of_world()), indent=1, default=str)
    try:
        _write(out, tables, shown, form)
    except TooLong as error:
        raise Refused(str(error)) from None
    except (OSError, pl.exceptions.PolarsError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise Refused(f"Cannot write to {out}: {why}. Name another folder.") from None
    rows = {f"{name}.{form}": frame.height for name, frame in tables.items()}
    if json:
        give({"folder": str(out), "rows": rows})
    else:
        say(f"Wrote {', '.join(f'{name} ({count} rows)' for name, count in rows.items())} and compare.json to {out}.")


def _tables(session: Session, accounts: Mapping[str, str]) -> dict[str, pl.DataFrame]:
    tables = {name: getattr(frames, name)(session) for name in FRAMES}
    tables["allocations"] = cost.waterfall(tables["deployments"], tables["jobs"], tables["charges"])
    tables["charges"] = tables["charges"].join(focus_lines.kept(session), on="charge_id", maintain_order="left")
    tables["focus"] = focus.of(focus_lines.lines(session), accounts, listed())
    return tables


def _told(account: Sequence[str]) -> dict[str, str]:
    """`PROVIDER=ID` as a mapping; refuses what is none."""
    told = {}
    for each in account:
        provider, _, known_as = each.partition("=")
        if provider not in set(Provider) or not known_as.strip():
            names = ", ".join(Provider)
            raise Refused(f"--account takes PROVIDER=ID with one of {names}, not {each!r}.")
        told[provider] = known_as.strip()
    return told


def _write(out: Path, tables: Mapping[str, pl.DataFrame], shown: str, form: Form) -> None:
    """All files or none: they are written aside, and take their places once each of them is whole."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out, prefix=".export-") as folder:
        aside = Path(folder)
        write(aside, tables, form)
        (aside / "compare.json").write_text(shown, encoding="utf-8")
        made = [path.name for path in aside.iterdir()]
        if blocked := [name for name in made if (out / name).is_dir()]:
            raise IsADirectoryError(0, f"{blocked[0]} is a folder")
        for name in made:
            (aside / name).replace(out / name)
