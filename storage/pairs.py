"""Pairs of images: which are still to be compared, what was found, and all of them as a frame."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl
from sqlalchemy import func, select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from analysis.pairing import Done, Shot, Wanted, wanted
from analysis.parity import PAIRED, Likeness, likeness
from storage.models import Deployment, Image, Job, Pair, Run, Workflow
from words import JobStatus, Provider

BASELINE = Provider.MODAL.value


@dataclass(frozen=True)
class ToCompare:
    """A pair that is still to be compared, with the names of both blobs."""

    pair: Wanted
    sha256: tuple[str, str]


def newest_image(session: Session) -> int:
    """The id of the newest image; 0 without one."""
    return session.execute(select(func.max(col(Image.id)))).scalar_one() or 0


def missing(session: Session, *, baseline: str = BASELINE) -> list[ToCompare]:
    """Every pair that is still to be compared, in the order of `analysis.pairing.wanted`."""
    shots: dict[int, Shot] = {}
    names: dict[int, str] = {}
    subjects = {run_id: (hash_, json.dumps(params, sort_keys=True)) for run_id, hash_, params in session.execute(_RUNS)}
    for sha256, run_id, job_id, gpu, image_id, *made in session.execute(_GOOD):
        if job_id not in shots:
            shots[job_id] = Shot(image_id, (*subjects[run_id], gpu), *made)
            names[image_id] = sha256
    done = [Done(*row) for row in session.execute(_DONE)]
    found = wanted(list(shots.values()), done, baseline=baseline)
    return [ToCompare(pair, (names[pair.baseline.image_id], names[pair.other.image_id])) for pair in found]


_MADE: Sequence[Any] = (
    *(Image.sha256, Job.run_id, Job.id, Deployment.gpu, Image.id),
    *(Deployment.backend, Job.deployment_id, Job.worker_id, Job.prompt_id, Job.seed),
)
_GOOD = (  # one that is left out of all cells is left out here too
    select(*_MADE)
    .join(Job, col(Job.id) == Image.job_id)
    .join(Deployment, col(Deployment.id) == Job.deployment_id)
    .where(col(Job.status) == JobStatus.SUCCEEDED, col(Image.good).is_(True), col(Job.left_out).is_(None))
    .order_by(col(Image.id))
)
_RUNS = select(col(Run.id), col(Run.workflow_hash), col(Run.params))
_DONE = select(col(Pair.baseline_image_id), col(Pair.other_image_id), col(Pair.dissimilarity).is_not(None))


def keep(session: Session, compared: Sequence[tuple[Wanted, float | None]], *, at: datetime) -> None:
    """Insert what was found of each pair; None: one of its images cannot be read. What is there already stays."""
    for (base, other), dissimilarity in compared:
        there = select(col(Pair.id)).where(
            col(Pair.baseline_image_id) == base.image_id, col(Pair.other_image_id) == other.image_id
        )
        if session.execute(there).first() is None:
            workflow, settings, _ = other.subject
            session.add(
                Pair(
                    workflow_hash=workflow,
                    settings=settings,
                    backend=other.backend,
                    prompt_id=other.prompt_id,
                    seed=other.seed,
                    baseline_image_id=base.image_id,
                    other_image_id=other.image_id,
                    dissimilarity=dissimilarity,
                    compared_at=at,
                )
            )


def pairs(session: Session) -> pl.DataFrame:
    """One row per pair, `parity.PAIRED`, ordered by pair_id."""
    return pl.DataFrame([tuple(row) for row in session.execute(_PAIRS)], schema=PAIRED, orient="row")


_base_image, _base_job, _base_lane = aliased(Image), aliased(Job), aliased(Deployment)
_PAIRED: Sequence[Any] = (
    *(Pair.id, Workflow.name, Pair.workflow_hash, Pair.settings, Deployment.gpu),
    *(Pair.backend, _base_lane.backend == Pair.backend, Pair.prompt_id, Pair.seed),
    *(Pair.baseline_image_id, Pair.other_image_id, _base_image.job_id, Image.job_id),
    *(Pair.dissimilarity, Run.simulated),
)
_PAIRS = (
    select(*_PAIRED)
    .join(Workflow, col(Workflow.hash) == Pair.workflow_hash)
    .join(Image, col(Image.id) == Pair.other_image_id)
    .join(Job, col(Job.id) == Image.job_id)
    .join(Deployment, col(Deployment.id) == Job.deployment_id)
    .join(Run, col(Run.id) == Job.run_id)
    .join(_base_image, col(_base_image.id) == Pair.baseline_image_id)
    .join(_base_job, col(_base_job.id) == _base_image.job_id)
    .join(_base_lane, col(_base_lane.id) == _base_job.deployment_id)
    .order_by(col(Pair.id))
)


def likeness_of(mine: pl.DataFrame, every: pl.DataFrame) -> Likeness:
    """A candidate's pairs held to the baseline's own spread at the same settings on the same GPU; both of `pairs`."""
    own = every.filter("spread").join(mine, on=["workflow_hash", "settings", "gpu"], how="semi").sort("pair_id")
    return likeness(mine["dissimilarity"].to_list(), own["dissimilarity"].to_list())
