"""`bakeoff migrate`: bring a data folder's tables up to date."""

import typer

from cli.output import data_folder, say
from storage.migrate import state, upgrade


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("migrate")(migrate)


def migrate() -> None:
    """Bring the tables of the data folder to this program's version."""
    folder = data_folder()
    folder.create()
    before = state(folder.db)
    upgrade(folder.db)
    say(f"{folder.db}: {'was current already' if before == 'current' else 'brought up to date'}.")
