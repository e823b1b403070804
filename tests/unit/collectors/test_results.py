"""What a finished job's pictures are held to: nobody else's pixels."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from backends.base import Observation, Times
from collectors.runs import drive_run
from storage.models import Image
from tests.unit.collectors.fakes import Desk, FakeBackend, FakeJob, picture, play
from words import JobStatus


@pytest.mark.parametrize(
    ("shown", "defects"),
    [
        ([0, 1, 1, 1, 1], [None] * 5),  # the repeats of one prompt and seed show what it showed
        ([1, 1, 1, 1, 1], [None, *["duplicate"] * 4]),  # another prompt had these pixels first
        ([0, 1, 1, 0, 1], [None, None, None, "duplicate", None]),  # a repeat that shows another prompt's picture
    ],
)
def test_pixels_are_a_duplicate_only_of_another_prompt_or_seed(
    tmp_path: Path, shown: Sequence[int], defects: Sequence[str | None]
) -> None:
    def outcome(job: FakeJob) -> Observation:
        image = picture(shown[int(job.id.rpartition("-")[2])])
        times = Times(queue_s=2.0, execution_s=8.0)
        return Observation(status=JobStatus.SUCCEEDED, images=[image], times=times, worker_id="w1")

    async def scenario(desk: Desk) -> list[str | None]:
        await drive_run(desk.ctx, desk.ask(warm=1, cold=1, repeats=3))
        return [image.defect for image in desk.rows(Image)]

    assert play(tmp_path, scenario, lambda clock: FakeBackend(clock, outcome=outcome)) == defects


def test_bytes_that_come_again_are_kept_as_before_and_their_lost_thumbnail_is_drawn_again(tmp_path: Path) -> None:
    seen = Observation(status=JobStatus.SUCCEEDED, images=[picture(0)], times=Times(execution_s=8.0), worker_id="w1")

    async def scenario(desk: Desk) -> None:
        await drive_run(desk.ctx, desk.ask(warm=0, cold=1))
        shutil.rmtree(desk.folder.blobs / "shown")
        await drive_run(desk.ctx, desk.ask(warm=0, cold=1))
        await drive_run(desk.ctx, desk.ask(warm=0, cold=1, params={"width": 512, "height": 512}))

        first, again, other = desk.rows(Image)
        assert (again.sha256, again.thumbnail_sha256) == (first.sha256, first.thumbnail_sha256)
        assert (again.pixel_sha256, again.defect) == (first.pixel_sha256, None)
        assert next((desk.folder.blobs / "shown").rglob(first.thumbnail_sha256)).is_file()
        assert other.defect == "wrong_size", "the same bytes, where another size was asked for"

    play(tmp_path, scenario, lambda clock: FakeBackend(clock, outcome=lambda _: seen))
