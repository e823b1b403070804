"""`bakeoff up`: collector and web server on real providers."""

import asyncio
from collections.abc import Sequence

import typer

from cli.collect import TouchProduction
from cli.output import Refused, data_folder, say
from cli.processes import Supervisor
from cli.stack import require_loopback, start_collector, start_web
from settings import Settings, simulated_world
from storage.migrate import upgrade


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("up")(up)


def up(touch_production: TouchProduction = False) -> None:
    """Start the collector and the web server. Needs a spend cap; serves loopback only: there is no sign-in yet."""
    settings = Settings()
    if settings.spend_cap_usd is None and simulated_world(settings) is None:
        raise Refused("Real providers need a spend cap: set BAKEOFF_SPEND_CAP_USD, or try `bakeoff demo` first.")
    require_loopback(settings.address)
    asyncio.run(_up(settings, ["--touch-production"] if touch_production else []))


async def _up(settings: Settings, options: Sequence[str]) -> None:
    folder = data_folder(settings)
    folder.create()
    upgrade(folder.db)
    supervisor = Supervisor()
    try:
        await start_collector(supervisor, folder, *options)
        url = await start_web(supervisor, folder, address=settings.address, port=settings.port)
        say(f"GPU Bake-off is at {url}. Ctrl-C ends it.")
        child = await supervisor.ended()
        raise Refused(f"The {child.name} ended with code {child.process.returncode}.")
    finally:
        await supervisor.stop()
