"""Our side of the harness: a data folder whose runs begin at one instant, and the collector as `bakeoff up` starts it.

Each endpoint is a run of its own with a trace as its load. Runs are laid out ahead, since the start of their load is
set: ordering twenty endpoints takes a minute at the one call a second that Runpod's REST allows.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
from sqlmodel import Session, col, select

from analysis import timing
from backends.base import NAME_PREFIX
from benchmarks.harness_load import Load
from benchmarks.harness_provider import GPU, MOST_WORKERS
from cli.output import write_text
from clock import WallClock, from_us, to_us
from storage import frames
from storage.db import DataFolder, open_engine, open_reader
from storage.migrate import upgrade
from storage.models import Deployment, Installation, Job, Run
from storage.plans import RunPlan, insert_run, lanes, lay_out
from words import DeploymentState, RunStatus

CALLS_A_SPACE = 5  # of Runpod's REST until an endpoint is ready, one a second
START_S = 24  # of the collector, on a machine that has three others to start


def ready_after_s(load: Load) -> float:
    """How long the collector takes until its endpoints are ready."""
    return START_S + 2 * load.spaces * CALLS_A_SPACE


def prepare(path: Path, line: Mapping[str, Any], load: Load, start_at: float) -> DataFolder:
    """A data folder with everything planned; `line`: the provider's ready line, `start_at`: seconds since 1970."""
    folder = DataFolder(path)
    folder.create()
    upgrade(folder.db)
    write_text(folder.path / "simulator.json", json.dumps(line))
    now, load_from = WallClock().now(), from_us(round(start_at * 1e6))
    with Session(open_engine(folder.db)) as session:
        session.add(Installation(token=f"{NAME_PREFIX}harness", simulated=True, created_at=now))
        for space, offsets in enumerate(load.offsets_s()):
            plan = RunPlan(
                workflow="flux-dev",
                gpu=GPU,
                backends=("runpod",),
                cap_usd=Decimal(1_000_000),
                load={"profile": "trace", "offsets_s": offsets},
                idle_timeout_s=3600,
                max_workers=MOST_WORKERS,
                params=load.params(space),
            )
            run = session.get_one(Run, insert_run(session, plan, now=now))
            lay_out(session, run, lanes(plan, "runpod", fresh_host_is_cold=False), lease_token=0)
            run.status, run.started_at = RunStatus.RUNNING, now
            session.add(run)
        session.flush()
        for deployment in session.exec(select(Deployment)):
            deployment.load_from = load_from
            session.add(deployment)
        session.commit()
    return folder


def start(folder: DataFolder) -> subprocess.Popen[bytes]:
    """The collector; what it says goes into the folder. It ends once its stdin does."""
    with (folder.path / "collector.log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "cli.main", "collect"],
            env={**os.environ, "BAKEOFF_DATA_DIR": str(folder.path)},
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
        )


def late_endpoints(folder: DataFolder, start_at: float) -> int:
    """How many were not ready at the start: the schedule could not be kept then, and nobody was slow."""
    with Session(open_reader(folder.db)) as session:
        rows = session.exec(select(Deployment)).all()
    begins = from_us(round(start_at * 1e6)) - timedelta(seconds=1)
    return sum(row.state is not DeploymentState.READY or row.ready_at is None or row.ready_at > begins for row in rows)


def told(folder: DataFolder) -> list[dict[str, Any]]:
    """What our rows say of each job that was sent; instants in seconds since 1970.

    seen: its first finished look; unseen: the last before; corrected: its end by the provider's durations.
    """
    with Session(open_reader(folder.db)) as session:
        jobs = timing.timed(frames.jobs(session)).filter(pl.col("sent_at").is_not_null())
        names = dict(session.exec(select(col(Job.id), col(Job.provider_job_id))).all())
    return [_told(row, names[row["job_id"]]) for row in jobs.iter_rows(named=True)]


def _told(row: Mapping[str, Any], name: str | None) -> dict[str, Any]:
    due = to_us(row["intended_at"]) / 1e6
    mine = {"due": due, "sent": to_us(row["sent_at"]) / 1e6, "id": name}
    if row["outcome"] is None:
        return mine
    if row["outcome"] != timing.GOOD:
        return {**mine, "error": row["reason"]}
    return {
        **mine,
        "seen": due + row["bracket_hi_s"],
        "unseen": due + row["bracket_lo_s"],
        "corrected": due + row["latency_s"],
    }


def endpoints(folder: DataFolder) -> list[str]:
    """The provider's ids, in the order of the plan."""
    with Session(open_reader(folder.db)) as session:
        rows = session.exec(select(Deployment).order_by(col(Deployment.id))).all()
    return [row.provider_id or "" for row in rows]
