"""A campaign's images without a provider: blocks of runs whose jobs all gave a picture of their prompt and seed."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image as Pillow
from sqlmodel import Session, select

from storage.blobs import Blobs
from storage.models import Deployment, Image, Job, Run
from tests.unit.storage.rows import jobs_of, launch
from words import JobStatus

SIDE = 64


def picture(seed: int, drift: int = 0) -> bytes:
    """Flat tiles drawn from the seed; `drift` moves every tone by so much at most."""
    dice = np.random.default_rng(seed)
    tiles = dice.integers(20, 220, (8, 8, 3)).repeat(SIDE // 8, 0).repeat(SIDE // 8, 1)
    moved = tiles + np.random.default_rng((seed, drift)).integers(-drift, drift + 1, tiles.shape)
    file = io.BytesIO()
    Pillow.fromarray(np.clip(moved, 0, 255).astype(np.uint8)).save(file, "PNG")
    return file.getvalue()


def campaign(
    session: Session,
    blobs: Blobs,
    blocks: int,
    *backends: str,
    jobs: int = 12,
    paint: Callable[[int, int], bytes] = picture,
    **plan: object,
) -> list[Run]:
    """Runs of the same prompts and seeds, every job good; the pictures of each deployment drift a little apart."""
    runs = []
    for _ in range(blocks):
        run = launch(session, backends=list(backends or ("modal", "runpod")), warm=jobs - 1, cold=1, **plan)
        for lane in session.exec(select(Deployment).where(Deployment.run_id == run.id)).all():
            for job in jobs_of(session, lane):
                finish(session, blobs, job, paint(job.seed, lane.id))
        runs.append(run)
    return runs


def finish(session: Session, blobs: Blobs, job: Job, content: bytes, *, good: bool = True) -> Image:
    """The job's one image; a job that has none yet has succeeded."""
    job.status, job.worker_id = JobStatus.SUCCEEDED, f"w{job.deployment_id}"
    image = Image(
        job_id=job.id,
        sha256=blobs.put(content),
        size_bytes=len(content),
        width=SIDE,
        height=SIDE,
        good=good,
        defect=None if good else "black",
    )
    session.add(image)
    session.flush()
    return image


def lost(blobs: Blobs, sha256: str) -> None:
    """Somebody deleted its file."""
    Path(blobs.path(sha256)).unlink()
