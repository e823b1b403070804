"""`bakeoff runs`: what ran and what is up now."""

from typing import Any

import typer
from sqlmodel import Session, col, func, select

from cli.output import AsJson, give, reading, table
from storage.models import Job, Run, Workflow
from words import JobStatus

COLUMNS = (
    "run",
    "status",
    "workflow",
    "gpu",
    "backends",
    "jobs",
    "done",
    "failed",
    "cap_usd",
    "left_running",
    "simulated",
)


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("runs")(runs)


def runs(json: AsJson = False) -> None:
    """Every run with its state and progress, newest first."""
    with reading() as session:
        rows = [_row(session, run) for run in session.exec(select(Run).order_by(col(Run.id).desc()))]
    if json:
        give({"runs": rows})
    elif rows:
        table(COLUMNS, [list(row.values()) for row in rows])
    else:
        typer.echo("No run yet. Ask for one with `bakeoff launch`.")


def _row(session: Session, run: Run) -> dict[str, Any]:
    query = select(Job.status, func.count()).where(Job.run_id == run.id).group_by(col(Job.status))
    counts = {JobStatus(status): n for status, n in session.exec(query).all()}
    failed = sum(n for status, n in counts.items() if status.final and status is not JobStatus.SUCCEEDED)
    return {
        "run": run.id,
        "status": run.status.value,
        "workflow": session.get_one(Workflow, run.workflow_hash).name,
        "gpu": run.gpu,
        "backends": ", ".join(run.plan["backends"]),
        "jobs": sum(counts.values()),
        "done": sum(n for status, n in counts.items() if status.final),
        "failed": failed,
        "cap_usd": f"{run.cap_usd:.2f}",
        "left_running": run.left_running,
        "simulated": run.simulated,
    }
