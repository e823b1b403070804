"""`bakeoff report`: the verdict as a document for others, from a frozen snapshot or from what is measured now."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from cli.output import Refused, say
from cli.verdict import explained_of
from ui.reporting import FORMATS, made


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(report)


def report(
    out: Annotated[Path, typer.Option(help="The file to write.")],
    form: Annotated[str, typer.Option("--format", help=f"{', '.join(FORMATS)}; default: by the file's ending.")] = "",
    snapshot: Annotated[str | None, typer.Option(help="A frozen one: the beginning of its hash.")] = None,
) -> None:
    """One page for finance, appendices for engineers. Asks no network."""
    chosen = form or out.suffix.removeprefix(".").lower()
    if chosen not in FORMATS:
        given = repr(chosen) if chosen else "nothing"
        raise Refused(f"A report is one of {', '.join(FORMATS)}, not {given}: name it with --format.")
    if not os.path.isdir(out.parent):  # a path's own is_dir raises where a name is too long
        raise Refused(f"There is no folder {out.parent} to write {out.name} to.")
    said = explained_of(snapshot)
    if said is None:
        raise typer.Exit(20)
    content = made(said, chosen)
    part = out.with_name(f".{out.name}.part")
    try:
        part.write_bytes(content)
        part.replace(out)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        raise Refused(f"{out} cannot be written: {error.strerror}. Nothing was changed.") from None
    say(f"{out}: {said['title']}")
