"""A data folder with a whole campaign in its tables: blocks of days, bills that are final, a locked card, answers.

`python -m tests.pages.campaign FOLDER [saving]` makes one to look at. The jobs are drawn from a world's laws.
"""

import sys
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
from sqlmodel import Session, select

from analysis.verdict.campaigns import Plan, Side
from analysis.verdict.evidence import Frames
from benchmarks.measured import FIRST, RATE_NANO, Measured, frames
from clock import SharedClock, WallClock
from storage import answers, cards, verdicts
from storage.blobs import Blobs
from storage.db import DataFolder, open_engine
from storage.migrate import upgrade
from storage.models import (
    Backend,
    Block,
    Charge,
    Collector,
    Deployment,
    Image,
    Installation,
    Job,
    Offer,
    Prompt,
    Run,
    Schedule,
)
from storage.plans import remember_workflow
from storage.profiles import add_daily
from words import AnswerKind, BlockStatus, DeploymentState, JobStatus, LoadProfile, Provider, RunStatus, StartKind
from workflows import load

LATER = timedelta(days=9)
WORKFLOW, GPU = "flux-dev", "L40S"
FEW = Plan(blocks=12, warm=36, cold=4)
_NANO = Decimal(10**9)


def build(path: Path, *, saving: float = 0.4, plan: Plan = FEW, locked: bool = True, seed: int = 5) -> DataFolder:
    """One workflow on three providers; Runpod asks so much less for a second of the same work, Vast.ai is slower."""
    folder = DataFolder(path)
    folder.create()
    SharedClock.create(folder.clock, epoch=FIRST + LATER, speed=1.0)
    upgrade(folder.db)
    rate = round(RATE_NANO["modal"] * (1 - saving))
    arms = [
        Measured(backend="modal"),
        Measured(backend="runpod", side=Side(host=0.02, success=0.999), nano_per_s=rate),
        Measured(backend="vast", side=Side(host=0.02, slower=1.4), parts=2),
    ]
    found = frames(np.random.default_rng(seed), arms, workflows=(WORKFLOW,), plan=plan)
    with Session(open_engine(folder.db)) as session:
        _world(session)
        if locked:
            _promise(session)
        _measured(session, found)
        session.commit()
    return folder


def frozen(folder: DataFolder) -> str:
    """The hash of what the rule says of it now, frozen: in tests far cheaper to ask for than what it says now."""
    blobs, now = Blobs(folder.blobs), FIRST + LATER
    with Session(open_engine(folder.db)) as session:
        digest = verdicts.keep(session, blobs, verdicts.whole(session, blobs, now=now), now=now).digest
        session.commit()
    return digest


def _world(session: Session) -> None:
    now, seen_at = FIRST - timedelta(days=1), WallClock().now()
    session.add(Installation(token="bo-plan", simulated=True, world="drawn", seed=5, created_at=now))
    session.add(Collector(pid=1, started_at=seen_at, seen_at=seen_at, doing="idle", lease_token=1))
    for provider in Provider:
        session.add(
            Backend(
                name=provider.value, provider=provider.value, simulated=True, state="ready", checked_at=FIRST + LATER,
                features=["billed", "fresh_host_is_cold"] if provider is Provider.VAST else ["billed"],
            )
        )  # fmt: skip
    remember_workflow(session, load(WORKFLOW), now)
    session.flush()
    add_daily(session, name="ours", per_day=1000, made_by="ana", now=now)


def _promise(session: Session) -> None:
    """The card, locked before the first sample, and what people answered."""
    now = FIRST - timedelta(hours=2)
    cards.draft(session, {"workflows": [WORKFLOW]}, made_by="ana", now=now)
    cards.lock(session, by="ana", now=now)
    given = {AnswerKind.LICENCE: [WORKFLOW], AnswerKind.CONTENT: [provider.value for provider in Provider]}
    for kind, subjects in given.items():
        for subject in subjects:
            answers.answer(session, kind=kind, subject=subject, score=1, by="ben", now=now)


def _measured(session: Session, found: Frames) -> None:
    workflow = load(WORKFLOW)
    prompt = session.exec(select(Prompt)).first()
    prompt_id = prompt.id if prompt else "p"
    if prompt is None:
        session.add(Prompt(id=prompt_id, text="a fox", stratum="animal"))
    session.add(
        Schedule(
            id=1, workflow_hash=workflow.hash, gpu=GPU, cap_usd=Decimal(100), seed=1, simulated=True, asked_at=FIRST,
            plan={
                "backends": [provider.value for provider in Provider], "block_s": 3600.0, "warm": FEW.warm,
                "cold": FEW.cold,
            },
        )
    )  # fmt: skip
    session.flush()
    for row in found.blocks.iter_rows(named=True):
        session.add(_run(row, workflow.hash))
    session.flush()
    for row in found.blocks.iter_rows(named=True):
        copied = ("schedule_id", "number", "day_part", "starts_at", "latest_at", "run_id", "seed")
        session.add(Block(id=row["block_id"], status=BlockStatus.DONE, **{name: row[name] for name in copied}))
    for row in found.deployments.iter_rows(named=True):
        session.add(_offer(row))
        session.flush()
        session.add(_deployment(row))
    session.flush()
    for row in found.jobs.iter_rows(named=True):
        session.add(_job(row, prompt_id))
    session.flush()
    for row in found.jobs.filter(status="succeeded").iter_rows(named=True):
        session.add(Image(job_id=row["job_id"], sha256=f"{row['job_id']:064x}", size_bytes=1, good=True))
    session.add_all(_charge(row) for row in found.charges.iter_rows(named=True))


def _run(block: Mapping[str, Any], workflow_hash: str) -> Run:
    plan = {"backends": [provider.value for provider in Provider], "warm": 36, "cold": 4, "idle_timeout_s": 10}
    return Run(
        id=block["run_id"], workflow_hash=workflow_hash, status=RunStatus.DONE, gpu=GPU, plan=plan, cap_usd=Decimal(5),
        simulated=True, asked_by="ana", asked_at=block["starts_at"], started_at=block["starts_at"],
        ended_at=block["starts_at"] + timedelta(hours=2), left_running=0,
    )  # fmt: skip


def _offer(row: Mapping[str, Any]) -> Offer:
    rate = Decimal(row["usd_per_s_nano"]) / _NANO
    return Offer(
        id=row["deployment_id"], backend=row["backend"], gpu=GPU, offer_id=f"o{row['deployment_id']}", unit="s",
        usd_per_unit=rate, usd_per_s=rate, source="catalog", seen_at=row["created_at"],
    )  # fmt: skip


def _deployment(row: Mapping[str, Any]) -> Deployment:
    copied = ("run_id", "backend", "half", "provider_id", "idle_timeout_s", "intended_at", "created_at", "ready_at")
    return Deployment(
        id=row["deployment_id"], key=row["deployment"], gpu=GPU, state=DeploymentState.GONE, simulated=True,
        ended_at=row["ended_at"], usd_per_s=Decimal(row["usd_per_s_nano"]) / _NANO,
        **{name: row[name] for name in copied},
    )  # fmt: skip


def _job(row: Mapping[str, Any], prompt_id: str) -> Job:
    instants = ("intended_at", "sent_at", "accepted_at", "deadline_at", "last_unfinished_at", "first_finished_at")
    spans = {f"{name}_us": row[f"{name}_s"] for name in ("queue", "execution", "boot")}
    return Job(
        id=row["job_id"], run_id=row["run_id"], deployment_id=row["deployment_id"], key=row["key"],
        position=row["position"], profile=LoadProfile(row["profile"]), prompt_id=prompt_id, seed=row["seed"],
        status=JobStatus(row["status"]), reason=row["reason"], start_kind=StartKind(row["start_kind"]),
        worker_id=row["worker_id"], **{name: row[name] for name in instants},
        **{name: None if value is None else round(value * 1e6) for name, value in spans.items()},
    )  # fmt: skip


def _charge(row: Mapping[str, Any]) -> Charge:
    copied = ("provider", "resource_id", "deployment_id", "sku", "charge_period_start", "charge_period_end", "state")
    at = row["charge_period_end"] + timedelta(days=4)
    return Charge(
        id=row["charge_id"], billed_cost=Decimal(row["billed_nano"]) / _NANO, simulated=True, first_seen_at=at,
        same_since=at, fetched_at=at, **{name: row[name] for name in copied},
    )  # fmt: skip


if __name__ == "__main__":
    build(Path(sys.argv[1]), saving=float(sys.argv[2]) if len(sys.argv) > 2 else 0.4)
