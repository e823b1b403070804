"""`bakeoff runs`: what ran and what is up now; of one run, whether its measurements may be believed."""

from typing import Annotated, Any

import typer
from sqlmodel import Session, col, func, select

from analysis import validity
from cli.output import AsJson, Refused, give, plain, reading, table
from cli.report import believed, draw_believed
from storage import frames
from storage.models import Job, Run, Workflow
from words import JobStatus, called

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


def runs(
    run: Annotated[int | None, typer.Argument(help="Only this run, with what its checks found.")] = None,
    json: AsJson = False,
) -> None:
    """Every run with its state and progress, newest first; or one of them with its marks."""
    with reading() as session:
        shown = _all(session) if run is None else _one(session, run)
    if json:
        give(shown)
    elif not shown["runs"]:
        typer.echo("No run yet. Ask for one with `bakeoff launch`.")
    else:
        _draw(shown)


def _all(session: Session) -> dict[str, Any]:
    return {"runs": [_row(session, run) for run in session.exec(select(Run).order_by(col(Run.id).desc()))]}


def _one(session: Session, run_id: int) -> dict[str, Any]:
    run = session.get(Run, run_id)
    if run is None:
        raise Refused(f"There is no run {run_id}. `bakeoff runs` lists them.")
    jobs = frames.jobs(session, [run_id])
    unchecked = [{"backend": backend, "reason": reason} for _, backend, reason in validity.untested(jobs)]
    return {"runs": [_row(session, run)], **believed(session, [run_id]), "unchecked": unchecked}


def _draw(shown: dict[str, Any]) -> None:
    table(COLUMNS, [list(row.values()) for row in shown["runs"]])
    draw_believed(shown)
    for row in shown.get("unchecked", []):
        typer.echo(f"{called(row['backend'])}: {plain(row['reason'])}")


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
