"""`bakeoff simulate`: the providers on loopback sockets."""

from pathlib import Path
from typing import Annotated

import typer

from cli.output import shared_clock
from simulator.hosting import Options, main

World = Annotated[str, typer.Option(help="A shipped world (default, demo, quiet, hostile) or a TOML file.")]
Speed = Annotated[float, typer.Option(min=0.1, max=20.0, help="World seconds per real second; above 10 clocks blur.")]
Seed = Annotated[int, typer.Option(min=0, max=2**31 - 1, help="The world's dice: the same seed gives the same truth.")]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("simulate")(simulate)


def simulate(
    world: World = "default",
    speed: Speed = 1.0,
    seed: Seed = 1,
    control: Annotated[
        bool, typer.Option(help="Open the control address: /ledger, /truth, POST /faults, POST /odd-bills.")
    ] = False,
    clock: Annotated[Path | None, typer.Option(help="A shared clock file of a running demo.")] = None,
) -> None:
    """Serve Runpod, Vast.ai and Modal as they look on the wire; prints one JSON line with the addresses."""
    if clock is not None:
        shared_clock(clock)
    main(Options(world=world, speed=speed, seed=seed, control=control, clock=clock))
