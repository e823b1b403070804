"""A campaign as our tables would hold it: jobs, deployments, charges and blocks drawn from a world's laws.

No simulator runs: a verdict over 20,000 jobs can be timed, and a rule held to worlds whose truth is known, in seconds.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from analysis import cost, schema
from analysis.verdict.campaigns import BLOCKS, LIKE, REFERENCE, Plan, Side
from analysis.verdict.card import Pinned
from analysis.verdict.evidence import Frames

FIRST = datetime(2026, 11, 2, tzinfo=UTC)
PARTS = ("night", "morning", "afternoon", "evening")
PINNED = Pinned(workflow_hash="h", settings="{}", gpu="L40S")
RATE_NANO = {"modal": 665_440, "runpod": 530_000, "vast": 150_000}
IDLE_S = 10
LOOK = timedelta(milliseconds=10)

Dice = np.random.Generator


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One backend in a campaign. parts: of a block, on hosts of their own. bill: billed over estimated, on average."""

    backend: str
    side: Side = LIKE
    parts: int = 1
    nano_per_s: int | None = None
    bill: float = 1.0


@dataclass
class _Ids:
    job: int = 0
    deployment: int = 0


def frames(
    dice: Dice,
    arms: Sequence[Measured],
    *,
    workflows: Sequence[str] = ("flux-dev",),
    plan: Plan = BLOCKS,
) -> Frames:
    """Every arm in every block of every workflow, four blocks a day, all bills final."""
    ids = _Ids()
    jobs: list[dict[str, Any]] = []
    deployments: list[dict[str, Any]] = []
    blocks: list[dict[str, Any]] = []
    kappa: dict[int, float] = {}
    for workflow in workflows:
        for number in range(plan.blocks):
            block = _block(len(blocks) + 1, workflow, number)
            blocks.append(block)
            shared = float(dice.normal(0, REFERENCE.shared))
            for arm in arms:
                for half in range(arm.parts):
                    deployment = _deployment(ids, block, arm, half)
                    kappa[deployment["deployment_id"]] = arm.bill * float(np.exp(dice.normal(0, arm.side.bill)))
                    jobs += _jobs(dice, ids, deployment, arm, shared, plan)
                    deployments.append(deployment)
    tables = pl.DataFrame(deployments, schema=schema.DEPLOYMENTS), pl.DataFrame(jobs, schema=schema.JOBS)
    return Frames(
        deployments=tables[0],
        jobs=tables[1],
        charges=_charges(*tables, kappa),
        blocks=pl.DataFrame(blocks, schema=schema.BLOCKS),
    )


def _block(block_id: int, workflow: str, number: int) -> dict[str, Any]:
    at = FIRST + timedelta(hours=6 * number)
    row: dict[str, Any] = dict.fromkeys(schema.BLOCKS.names())
    return row | {
        "block_id": block_id, "schedule_id": 1, "number": number + 1, "workflow": workflow, "gpu": PINNED.gpu,
        "day_part": PARTS[number % 4], "status": "done", "starts_at": at, "latest_at": at + timedelta(hours=3),
        "run_id": block_id, "seed": block_id, "simulated": True,
    }  # fmt: skip


def _deployment(ids: _Ids, block: Mapping[str, Any], arm: Measured, half: int) -> dict[str, Any]:
    ids.deployment += 1
    row: dict[str, Any] = dict.fromkeys(schema.DEPLOYMENTS.names())
    return row | {
        "deployment_id": ids.deployment, "deployment": f"d{ids.deployment}", "provider_id": f"p{ids.deployment}",
        "half": half if arm.parts > 1 else None, "run_id": block["run_id"], "block_id": block["block_id"],
        "workflow": block["workflow"], "backend": arm.backend, "gpu": PINNED.gpu, "state": "gone",
        "idle_timeout_s": IDLE_S, "usd_per_s_nano": arm.nano_per_s or RATE_NANO[arm.backend],
        "intended_at": block["starts_at"], "created_at": block["starts_at"],
        "ready_at": block["starts_at"] + timedelta(seconds=60), "simulated": True,
    }  # fmt: skip


def _jobs(
    dice: Dice, ids: _Ids, deployment: dict[str, Any], arm: Measured, shared: float, plan: Plan
) -> Iterator[dict[str, Any]]:
    """Warm jobs back to back, then cold probes, each after the capacity has gone; the deployment ends after them."""
    side, at = arm.side, deployment["ready_at"]
    level = math.log(REFERENCE.warm_s * side.slower) + shared + float(dice.normal(0, side.host))
    boots = math.log(REFERENCE.boot_s * side.cold) + float(dice.normal(0, side.boot_between))
    together = (1 - side.icc) / side.icc
    chance = float(dice.beta(side.success * together, (1 - side.success) * together))
    kinds = [False] * (plan.warm // arm.parts) + [True] * (plan.cold // arm.parts)
    for position, cold in enumerate(kinds):
        ids.job += 1
        boot_s = float(np.exp(boots + dice.normal(0, side.boot_within))) if cold else 0.0
        run_s = float(np.exp(level + dice.normal(0, side.within)))
        run_s *= REFERENCE.stall if dice.random() < side.stalls else 1.0
        failed = dice.random() >= chance
        at += timedelta(seconds=IDLE_S + 1 if cold else 0)
        yield _job(ids.job, deployment, at, boot_s, run_s, cold=cold, failed=failed, position=position)
        at += timedelta(seconds=boot_s + run_s)
    deployment["ended_at"] = at + timedelta(seconds=IDLE_S)


def _job(
    job_id: int, deployment: Mapping[str, Any], at: datetime, boot_s: float, run_s: float, *,
    cold: bool, failed: bool, position: int,
) -> dict[str, Any]:  # fmt: skip
    row: dict[str, Any] = dict.fromkeys(schema.JOBS.names())
    copied = ("run_id", "block_id", "deployment_id", "deployment", "half", "workflow", "backend", "gpu")
    finished = at + timedelta(seconds=boot_s + run_s)
    return row | {name: deployment[name] for name in (*copied, "usd_per_s_nano")} | {
        "job_id": job_id, "key": f"k{job_id}", "workflow_hash": PINNED.workflow_hash, "settings": PINNED.settings,
        "prompt_id": f"p{position}", "seed": position, "stratum": "portrait", "position": position,
        "profile": "cold_probe" if cold else "sequential", "start_kind": "cold" if cold else "warm",
        "status": "failed" if failed else "succeeded", "reason": "execution_error" if failed else None,
        "worker_id": f"w{deployment['deployment_id']}", "intended_at": at, "sent_at": at, "accepted_at": at,
        "deadline_at": at + timedelta(minutes=20), "last_unfinished_at": finished - LOOK, "first_finished_at": finished,
        "queue_s": boot_s, "execution_s": run_s, "boot_s": boot_s if cold else None,
        "good_image": None if failed else True, "simulated": True,
    }  # fmt: skip


def _charges(deployments: pl.DataFrame, jobs: pl.DataFrame, kappa: Mapping[int, float]) -> pl.DataFrame:
    """One final line for each deployment: what we estimate, times what its bill is off."""
    empty = pl.DataFrame(schema=schema.CHARGES)
    costs = cost.of_deployments(deployments, jobs, empty).select("deployment_id", "estimated_nano")
    rows = deployments.join(costs, on="deployment_id").iter_rows(named=True)
    return pl.DataFrame([_charge(row, kappa[row["deployment_id"]]) for row in rows], schema=schema.CHARGES)


def _charge(row: Mapping[str, Any], kappa: float) -> dict[str, Any]:
    hour = row["created_at"].replace(minute=0, second=0)
    return {
        "charge_id": f"c{row['deployment_id']}", "provider": row["backend"], "resource_id": row["provider_id"],
        "deployment_id": row["deployment_id"], "sku": "gpu", "description": None, "charge_period_start": hour,
        "charge_period_end": hour + timedelta(hours=1), "billed_nano": round(row["estimated_nano"] * kappa),
        "state": "final", "simulated": True,
    }  # fmt: skip
