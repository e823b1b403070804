"""A finished job: its image checked and kept, its start kind decided, everything written in one transaction."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from threading import BoundedSemaphore
from typing import Any

from sqlalchemy import bindparam, insert
from sqlmodel import Session, col, or_, select

from analysis.pictures import MOST_BYTES
from analysis.quality import ImageFacts, inspect
from backends.base import Observation, Times
from backends.reading import span_s
from collectors.context import Context
from collectors.starts import decided
from storage.blobs import thumbnail
from storage.foreign import ID, kept_text
from storage.models import Event, Image, Job
from storage.models import Observation as ObservationRow
from storage.writer import guarded_update
from words import STATUS_OF, JobStatus, Reason

MOST_IMAGES = 8  # of one job; a workflow saves one
MOST_KEPT = 5_000  # images of which is remembered what was found
HEAD_BYTES = 64 * 1024  # kept of an image that is too large to be one of ours
_SAME_PIXELS = (
    select(Image.id)
    .join(Job, col(Job.id) == Image.job_id)
    .where(Job.deployment_id == bindparam("lane"), Image.pixel_sha256 == bindparam("pixels"))
    .where(or_(col(Job.prompt_id) != bindparam("prompt"), col(Job.seed) != bindparam("number")))
    .limit(1)
)
_TOLD, _SEEN = insert(ObservationRow), insert(Image)  # no objects, no unit of work: there is one of each for every job
_decoding = BoundedSemaphore(2)  # the checks of the largest image that is taken need up to a gigabyte


@dataclass(frozen=True, kw_only=True)
class Kept:
    """One image whose bytes are in the blob folder."""

    facts: ImageFacts
    sha256: str
    thumbnail_sha256: str | None
    size_bytes: int


async def finish(
    ctx: Context, job: Job, seen: Observation, *, finished_at: datetime, asked_size: tuple[int, int] | None
) -> None:
    """Keep the images, then write the final row, the raw reply and the images together."""
    loop = asyncio.get_running_loop()
    kept = [await loop.run_in_executor(None, _keep, ctx, image, asked_size) for image in seen.images[:MOST_IMAGES]]
    written_at = ctx.clock.now()

    def write(session: Session) -> None:
        defect = _defect(session, job, kept) if len(seen.images) <= MOST_IMAGES else "too_many"
        values = _values(job, seen, finished_at=finished_at, defect=defect)
        values |= decided(session, job, values, seen.evidence, looked=ctx.looked)
        if guarded_update(session, Job, job.id, ctx.lease_token, values):
            _add_rows(session, job, seen, kept, defect=defect, at=written_at)
            if values["status"] is not JobStatus.SUCCEEDED:
                session.add(_event(job, values, written_at))

    await ctx.writer.run(write)


def _keep(ctx: Context, image: bytes, asked_size: tuple[int, int] | None) -> Kept:
    """Its bytes, its facts and its thumbnail. The list of prompts and seeds is the same in each block: what gave the
    same bytes is not checked again.
    """
    sha256 = ctx.blobs.put(image if len(image) <= MOST_BYTES else image[:HEAD_BYTES])
    what = (sha256, len(image), asked_size)
    known: Kept | None = ctx.kept.get(what)
    if known is None or not _shown(ctx, known):
        known = ctx.kept[what] = _checked(ctx, sha256, image, asked_size)
        if len(ctx.kept) > MOST_KEPT:
            ctx.kept.pop(next(iter(ctx.kept)), None)  # two threads check images: the other may have dropped it
    return known


def _shown(ctx: Context, kept: Kept) -> bool:
    return kept.thumbnail_sha256 is None or ctx.blobs.has(kept.thumbnail_sha256)


def _checked(ctx: Context, sha256: str, image: bytes, asked_size: tuple[int, int] | None) -> Kept:
    with _decoding:
        facts, picture = inspect(image, asked_size)
        small = None if picture is None else thumbnail(picture)
    return Kept(
        facts=facts,
        sha256=sha256,
        thumbnail_sha256=None if small is None else ctx.blobs.put_shown(small),
        size_bytes=len(image),
    )


def _defect(session: Session, job: Job, kept: list[Kept]) -> str | None:
    """The first defect of the images; pixels that another prompt or seed gave before are one as well."""
    for image in kept:
        if image.facts.defect:
            return image.facts.defect
        if image.facts.pixel_sha256 and _seen_before(session, job, image.facts.pixel_sha256):
            return "duplicate"
    return None


def _seen_before(session: Session, job: Job, pixel_sha256: str) -> bool:
    """Did another prompt or another seed give these pixels here? The same ones again are right to give them again."""
    given = {"lane": job.deployment_id, "pixels": pixel_sha256, "prompt": job.prompt_id, "number": job.seed}
    return session.connection().execute(_SAME_PIXELS, given).first() is not None


def _values(job: Job, seen: Observation, *, finished_at: datetime, defect: str | None) -> dict[str, Any]:
    reason = Reason.IMAGE_BROKEN if defect and seen.status is JobStatus.SUCCEEDED else seen.reason
    if seen.status is JobStatus.SUCCEEDED and not seen.images:
        reason = Reason.RESULT_MISSING
    return {
        "status": STATUS_OF[reason] if reason else seen.status,
        "reason": reason.value if reason else None,
        "error": seen.error or (_told(defect, len(seen.images)) if defect else None),
        "worker_id": None if seen.worker_id is None else kept_text(seen.worker_id, ID),  # as the rows before have it
        "last_unfinished_at": job.last_unfinished_at,
        "first_finished_at": finished_at,
        "worker_began_at": seen.times.began_at,
        "worker_ended_at": seen.times.ended_at,
        **_durations(seen.times),
    }


def _told(defect: str, images: int) -> str:
    return f"{images:,} images came, where one was asked for." if defect == "too_many" else f"The image is {defect}."


def _durations(times: Times) -> dict[str, int | None]:
    parts = {"queue": times.queue_s, "execution": times.execution_s, "boot": times.boot_s, "load": times.load_s}
    return {f"{name}_us": _us(span_s(value)) for name, value in parts.items()}


def _us(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1e6)


def _add_rows(
    session: Session, job: Job, seen: Observation, kept: list[Kept], *, defect: str | None, at: datetime
) -> None:
    told = {"job_id": job.id, "seen_at": at, "status": seen.status, "raw": seen.raw}
    session.connection().execute(_TOLD, told)
    for image in kept:
        session.connection().execute(_SEEN, _row(image) | {"job_id": job.id, "good": defect is None, "defect": defect})


def _row(image: Kept) -> dict[str, Any]:
    return {
        "sha256": image.sha256,
        "thumbnail_sha256": image.thumbnail_sha256,
        "size_bytes": image.size_bytes,
        "pixel_sha256": image.facts.pixel_sha256,
        "width": image.facts.width,
        "height": image.facts.height,
        "perceptual_hash": image.facts.perceptual_hash,
        "sharpness": image.facts.sharpness,
        "luma_mean": image.facts.luma_mean,
        "luma_sd": image.facts.luma_sd,
        "colourfulness": image.facts.colourfulness,
    }


def _event(job: Job, values: dict[str, Any], at: datetime) -> Event:
    text = f"Job {job.id} ended as {values['status'].value}: {values['reason']}."
    return Event(at=at, run_id=job.run_id, deployment_id=job.deployment_id, job_id=job.id, kind="job", text=text)
