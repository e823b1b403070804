"""`bakeoff compare`: the providers side by side."""

from typing import Any

import typer

from cli.output import AsJson, give, ids, reading, table
from cli.report import CELL_KEY, DEPLOYMENT_FIELDS, document, draw_believed
from cli.stack import truth_of
from settings import Settings, simulated_world


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("compare")(compare)


def compare(json: AsJson = False) -> None:
    """Latency, success and cost per workflow, provider and start kind; a dash where there are too few samples."""
    with reading() as session:
        shown = document(session, truth_of_world())
    if json:
        give(shown)
        return
    mark = "SIMULATED: no real cloud, no real dollar.\n" if shown["simulated"] else ""
    typer.echo(f"{mark}Cells (latency in s from intended start, marginal in $ per good image)")
    table(
        [*CELL_KEY, "n", "left out", "success", "p50 s", "p95 s", "marginal $"],
        [
            [
                *ids(cell, *CELL_KEY, "n", "left_out"),
                _percent(cell["success_rate"]),
                *_latency(cell),
                _usd(cell["marginal_usd_per_image"]),
            ]
            for cell in shown["cells"]
        ],
    )
    typer.echo("\nDeployments (billed; fully loaded in $ per good image)")
    table(DEPLOYMENT_FIELDS, [ids(row, *DEPLOYMENT_FIELDS) for row in shown["deployments"]])
    draw_believed(shown)


def truth_of_world() -> dict[str, Any] | None:
    """The simulator's own account, None on real providers or where its control address is shut or silent."""
    line = simulated_world(Settings())
    if line is None or "control" not in line["urls"]:
        return None
    try:
        return truth_of(line)
    except OSError:
        return None


def _latency(cell: dict[str, dict[str, float | None]]) -> list[str | None]:
    return [None if value is None else f"{value:.1f}" for value in cell["latency_s"].values()]


def _percent(rate: float | None) -> str | None:
    return None if rate is None else f"{rate * 100:.1f} %"


def _usd(amount: float | None) -> str | None:
    return None if amount is None else f"{amount:.5f}"
