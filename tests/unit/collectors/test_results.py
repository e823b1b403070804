"""What a finished job's pictures are held to: nobody else's pixels."""

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
