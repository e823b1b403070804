"""A provider that means harm: the job ends failed with a reason, what it sent is kept cut, and nothing else happens."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from analysis.pictures import MOST_BYTES
from backends.base import Observation, Times
from backends.errors import UnexpectedReply
from collectors.results import HEAD_BYTES, MOST_IMAGES
from collectors.runs import drive_run
from collectors.unread import PATIENCE, Unread
from storage.foreign import ID, SENTENCE
from storage.models import Image, Job
from storage.models import Observation as ObservationRow
from tests.unit.analysis import hostile_pictures as hostile
from tests.unit.collectors.fakes import Desk, FakeBackend, picture, play
from words import JobStatus, Reason, RunStatus

ENDLESS = "\x1b[2J\u202e<script>=cmd|' /C calc'!A0 " + "x" * 100_000


def succeeded(*images: bytes, **more: Any) -> Observation:
    return Observation(status=JobStatus.SUCCEEDED, images=images, **{"worker_id": "w", **more})


def after(tmp_path: Path, outcome: Observation) -> tuple[Job, list[Image], list[Any], Desk]:
    """The job, its images and raw replies once the only job of a run ended so; the run itself must be done."""

    async def scenario(desk: Desk) -> tuple[Job, list[Image], list[Any], Desk]:
        await drive_run(desk.ctx, desk.ask(warm=0, cold=1))
        (job,) = desk.jobs()
        assert desk.run().status is RunStatus.DONE
        return job, desk.rows(Image), [row.raw for row in desk.rows(ObservationRow)], desk

    return play(tmp_path, scenario, lambda clock: FakeBackend(clock, outcome=lambda _job: outcome))


@pytest.mark.parametrize(
    ("image", "defect"),
    [
        (hostile.bomb(4096, 4096), "too_large"),
        (hostile.claims(2**31 - 1, 2**31 - 1), "too_large"),
        (hostile.claims(256, 256), "truncated"),
        (hostile.other("GIF"), "undecodable"),
        (hostile.text_bomb(), "undecodable"),
        (b"<svg onload='alert(1)'>", "undecodable"),
    ],
    ids=["bomb", "claims gigapixels", "no pixels", "gif", "text bomb", "svg"],
)
def test_a_hostile_picture_fails_its_job_and_is_kept_as_it_came(tmp_path: Path, image: bytes, defect: str) -> None:
    job, (row,), _, desk = after(tmp_path, succeeded(image))
    assert (job.status, job.reason, job.error) == (JobStatus.FAILED, Reason.IMAGE_BROKEN, f"The image is {defect}.")
    assert (row.good, row.defect, row.thumbnail_sha256, row.size_bytes) == (False, defect, None, len(image))
    assert desk.ctx.blobs.get(row.sha256) == image
    assert desk.ctx.blobs.shown(row.sha256) is None


def test_of_a_picture_of_100_mb_only_the_head_is_kept(tmp_path: Path) -> None:
    image = picture(1) + bytes(100 * 2**20)
    job, (row,), _, desk = after(tmp_path, succeeded(image))
    assert (job.reason, row.defect, row.size_bytes) == (Reason.IMAGE_BROKEN, "too_large", len(image))
    assert desk.ctx.blobs.get(row.sha256) == image[:HEAD_BYTES]
    assert len(image) > MOST_BYTES


def test_more_pictures_than_a_job_can_have_fail_it_and_the_first_are_kept(tmp_path: Path) -> None:
    job, rows, _, _ = after(tmp_path, succeeded(*[picture(n) for n in range(MOST_IMAGES + 3)]))
    assert (job.reason, job.error) == (Reason.IMAGE_BROKEN, "11 images came, where one was asked for.")
    assert len(rows) == MOST_IMAGES
    assert {row.defect for row in rows} == {"too_many"}


def test_what_a_picture_carries_is_in_no_copy_that_is_shown(tmp_path: Path) -> None:
    image = hostile.png(256, 256)
    job, (row,), _, desk = after(tmp_path, succeeded(image))
    shown = [desk.ctx.blobs.shown(sha256 or "") or b"secret" for sha256 in (row.sha256, row.thumbnail_sha256)]
    assert job.status is JobStatus.SUCCEEDED
    assert desk.ctx.blobs.get(row.sha256) == image
    assert not any(b"secret" in copy for copy in shown)


def test_endless_and_steering_words_are_kept_cut_and_harmless(tmp_path: Path) -> None:
    seen = Observation(
        status=JobStatus.FAILED,
        reason=Reason.EXECUTION_ERROR,
        error=ENDLESS,
        worker_id=ENDLESS,
        evidence={"said": ENDLESS, ENDLESS: float("nan")},
        raw={"deep": [[[[ENDLESS] * 10_000] * 10] * 10], "bytes": b"\x00", "many": list(range(100_000))},
    )
    job, _, (raw,), _ = after(tmp_path, seen)
    assert (job.status, job.reason) == (JobStatus.FAILED, Reason.EXECUTION_ERROR)
    assert (len(job.error or ""), len(job.worker_id or "")) == (SENTENCE, ID)
    stored = f"{job.error}{job.worker_id}{job.evidence}{raw}"
    assert "\x1b" not in stored
    assert "\u202e" not in stored
    assert (job.error or "").startswith("\ufffd[2J\ufffd<script>=cmd|")
    assert len(str(raw)) < 200_000


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), -1.0, 1e300])
def test_a_duration_that_is_none_is_unknown(tmp_path: Path, seconds: float) -> None:
    job, _, _, _ = after(tmp_path, succeeded(picture(1), times=Times(queue_s=seconds, execution_s=8, boot_s=seconds)))
    assert (job.status, job.queue_us, job.execution_us, job.boot_us) == (JobStatus.SUCCEEDED, None, 8_000_000, None)


def test_a_worker_of_an_endless_name_is_the_same_one_each_time(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> set[str | None]:
        await drive_run(desk.ctx, desk.ask(warm=1, cold=1))
        return {name for job in desk.jobs() for name in (job.worker_id, job.evidence["worker_id"])}

    seeds = iter(range(100))
    backend = lambda clock: FakeBackend(  # noqa: E731
        clock, name="runpod", outcome=lambda _job: succeeded(picture(next(seeds)), worker_id=ENDLESS)
    )
    (known,) = play(tmp_path, scenario, backend)
    assert len(known or "") == ID


# ---------------------------------------------------------------- looks that cannot be read

STRANGE = UnexpectedReply("Testco's reply cannot be read.", raw=ENDLESS)


def looked_at(tmp_path: Path, *planned: Exception) -> tuple[Job, list[Any], int, int]:
    """The job, its raw replies, looks and cancels, where the first looks fail so."""

    async def scenario(desk: Desk) -> tuple[Job, list[Any], int, int]:
        desk.backend.plan("poll", *planned)
        await drive_run(desk.ctx, desk.ask(warm=0, cold=1))
        (job,) = desk.jobs()
        raw = [row.raw for row in desk.rows(ObservationRow)]
        return job, raw, desk.backend.count("poll"), desk.backend.count("cancel")

    return play(tmp_path, scenario)


def test_a_job_that_nobody_can_read_ends_failed_with_what_was_received_and_is_cancelled(tmp_path: Path) -> None:
    job, (raw,), _, cancels = looked_at(tmp_path, *[STRANGE] * 5000)
    assert (job.status, job.reason) == (JobStatus.FAILED, Reason.UNEXPECTED_REPLY)
    assert job.error == "Testco's reply cannot be read."
    assert raw["received"].startswith("\ufffd[2J\ufffd<script>")
    assert len(raw["received"]) == 2000
    assert cancels == 1
    waited = job.first_finished_at - job.accepted_at  # type: ignore[operator]
    assert timedelta(seconds=120) <= waited <= timedelta(seconds=150)


def test_a_passing_fault_ends_no_job(tmp_path: Path) -> None:
    job, _, looks, cancels = looked_at(tmp_path, *[STRANGE] * 20)
    assert (job.status, cancels) == (JobStatus.SUCCEEDED, 0)
    assert looks > 20


def test_patience_begins_anew_with_each_look_that_could_be_read() -> None:
    unread, now = Unread(), datetime(2026, 11, 24, 12, tzinfo=UTC)
    assert unread.given_up(STRANGE, now) is None
    assert unread.given_up(STRANGE, now + PATIENCE - timedelta(seconds=1)) is None
    unread.read()
    assert unread.given_up(STRANGE, now + PATIENCE) is None
    assert unread.given_up(STRANGE, now + 2 * PATIENCE) is not None
