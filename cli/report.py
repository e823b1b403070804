"""The comparison as one document: our cells and deployments, each beside the simulator's truth where there is one."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import polars as pl
import typer
from sqlmodel import Session, col, func, select

from analysis import capacity, compare, timing
from analysis import marks as all_marks
from analysis.attribution import unknown_work
from cli.figures import finite, moment, money
from cli.output import table
from storage import frames
from storage.corrections import changes_of_runs
from storage.models import Backend, Deployment, Installation, Job
from words import Feature, Mark, Reason, called

CELL_KEY = ("workflow", "backend", "gpu", "start_kind")
CELL_FIELDS = (
    *CELL_KEY,
    "n",
    "left_out",
    "discarded",
    "success_rate",
    "latency_s",
    "queue_s",
    "execution_s",
    "marginal_usd_per_image",
)
DEPLOYMENT_FIELDS = (
    "deployment",
    "workflow",
    "backend",
    "gpu",
    "good_images",
    "billed_usd",
    "fully_loaded_usd_per_image",
)
MARK_COLUMNS = ("run", "backend", "mark", "kept out", "reason")
CORRECTED_COLUMNS = ("backend", "resource", "sku", "from", "was", "now", "changed at")
MARK_FIELDS = ("run_id", "backend", "mark", "excludes", "reason", "value", "limit")


def document(session: Session, truth: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Simulated flag, jobs, paid calls, marks, corrections, cells, deployments, capacity and failures; `truth` is the
    simulator's own account.
    """
    jobs = frames.jobs(session)
    installation = session.get(Installation, 1)
    cells = [_cell(row) for row in compare.cells(jobs).iter_rows(named=True)]
    billed = compare.deployments(frames.deployments(session), jobs, frames.charges(session))
    deployments = [{name: row[name] for name in DEPLOYMENT_FIELDS} for row in billed.iter_rows(named=True)]
    if truth is not None:
        _beside(cells, truth["cells"], CELL_KEY)
        _beside(deployments, truth["deployments"], ("deployment",))
    shown = {
        "simulated": bool(installation and installation.simulated),
        "jobs": jobs.height,
        "paid_calls": paid_calls(session),
        **believed(session),
        "cells": cells,
        "deployments": deployments,
        **_reliability(session, jobs),
    }
    return shown if truth is None else {**shown, "truth": {name: truth[name] for name in ("jobs", "paid_calls")}}


def _reliability(session: Session, jobs: pl.DataFrame) -> dict[str, Any]:
    """Time to get a GPU, missing capacity, and failures by class: unit, n, and interval or the reason for none.

    example_url: that job's page, below the address of the web server.
    """
    timed = timing.timed(jobs)
    failed = capacity.failures(timed).iter_rows(named=True)
    return {
        "capacity": capacity.capacity(frames.deployments(session), timed).to_dicts(),
        "failures": [{**row, "example_url": f"/job?id={row['example_job']}"} for row in failed],
    }


def believed(session: Session, run_ids: Sequence[int] | None = None) -> dict[str, Any]:
    """What is wrong with these runs' measurements and bills, or with every run's, and what the bills said before."""
    known = (of(session, run_ids) for of in (frames.deployments, frames.jobs, frames.charges))
    found = all_marks.marks(*known).iter_rows(named=True)
    return {
        "marks": [{name: finite(row[name]) for name in MARK_FIELDS} for row in found],
        "corrected": [asdict(change) for change in changes_of_runs(session, run_ids)],
    }


def draw_believed(shown: Mapping[str, Any]) -> None:
    """The marks and corrections of a document as tables; nothing where there is none."""
    if shown.get("marks"):
        typer.echo("\nMarks (what is wrong with a run on a backend, and whether it is kept out of verdicts)")
        table(MARK_COLUMNS, [_mark(row) for row in shown["marks"]])
    if shown.get("corrected"):
        typer.echo("\nCorrected lines of the bill ($; a dash: withdrawn or unreadable)")
        table(CORRECTED_COLUMNS, [_corrected(row) for row in shown["corrected"]])


def say_unknown(falls: Sequence[Mapping[str, Any]], name: str) -> None:
    """Beneath a waterfall: whose idle time holds work of unknown length."""
    for row in falls:
        if said := unknown_work(row):
            typer.echo(f"{called(row[name])}: {said}")


def _mark(row: Mapping[str, Any]) -> list[Any]:
    kept_out = "yes" if row["excludes"] else "no"
    return [row["run_id"], row["backend"], Mark(row["mark"]).label, kept_out, row["reason"]]


def _corrected(row: Mapping[str, Any]) -> list[Any]:
    was, now = (None if row[name] is None else money(float(row[name]), 6) for name in ("was", "now"))
    start, seen_at = moment(row["period_start"]), moment(row["seen_at"])
    return [called(row["provider"]), row["resource"], row["sku"], start, was, now, seen_at]


def paid_calls(session: Session) -> int:
    """Orders and submissions that a provider took, as far as we know: rentals and acknowledged jobs.

    A job whose acknowledgement was lost counts too: we sent it, and it may well be paid for.
    """
    renting = [row.name for row in session.exec(select(Backend)) if Feature.DEPLOYS in row.features]
    rented = (
        select(func.count())
        .select_from(Deployment)
        .where(col(Deployment.provider_id).is_not(None), col(Deployment.backend).in_(renting))
    )
    sent = (
        select(func.count())
        .select_from(Job)
        .where(col(Job.provider_job_id).is_not(None) | col(Job.reason).in_([Reason.FATE_UNKNOWN, Reason.OUR_FAULT]))
    )
    return int(session.exec(rented).one()) + int(session.exec(sent).one())


def _cell(row: Mapping[str, Any]) -> dict[str, Any]:
    named = {name: row[name] for name in CELL_FIELDS if name != "latency_s"}
    return named | {"latency_s": {"p50": row["latency_p50_s"], "p95": row["latency_p95_s"]}}


def _beside(ours: Sequence[dict[str, Any]], true: Sequence[Mapping[str, Any]], key: Sequence[str]) -> None:
    by_key = {tuple(row[name] for name in key): row for row in true}
    for row in ours:
        row["truth"] = by_key.get(tuple(row[name] for name in key))
