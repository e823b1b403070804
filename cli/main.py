"""The `bakeoff` command: one file per verb; this one only gathers them and turns expected errors into one sentence."""

import sys
from collections.abc import Sequence
from typing import NoReturn

import typer
from pydantic import ValidationError

from analysis.layers import RefusedLayer
from analysis.verdict.frozen import SnapshotError
from backends.errors import BackendError
from cli import (
    answer,
    bills,
    card,
    collect,
    compare,
    costs,
    demo,
    effort,
    export,
    launch,
    migrate,
    past,
    plan,
    prices,
    reports,
    runs,
    schedule,
    sign,
    simulate,
    stop,
    tell,
    traffic,
    up,
    verdict,
)
from cli.output import Refused
from settings import Settings, SettingsError, complaint
from simulator.world import WorldError
from storage.db import StorageError
from storage.plans import PlanError
from workflows import WorkflowError

EXPECTED = (
    Refused, RefusedLayer, SnapshotError, BackendError, SettingsError, StorageError, PlanError, WorldError,
    WorkflowError,
)  # fmt: skip

app = typer.Typer(
    name="bakeoff",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    help="Compare GPU inference providers by what they truly cost and how they truly behave. "
    "Start with `bakeoff demo`: three simulated providers, no key, no dollar.",
)
for verb in (
    demo, up, simulate, collect, launch, plan, schedule, runs, stop, compare, costs, bills, prices, traffic, effort,
    card, answer, verdict, sign, reports, tell, export, migrate, past,
):  # fmt: skip
    verb.register(app)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; an expected error is one sentence on stderr and exit code 2."""
    try:
        app(args=arguments, standalone_mode=True)
    except EXPECTED as error:
        _refuse(str(error))
    except ValidationError as error:
        if error.title != Settings.__name__:
            raise  # not the environment's fault but ours
        _refuse(complaint(error))


def _refuse(sentence: str) -> NoReturn:
    print(f"bakeoff: {sentence}", file=sys.stderr)  # noqa: T201 - the command line speaks here
    raise SystemExit(2) from None


if __name__ == "__main__":
    main()
