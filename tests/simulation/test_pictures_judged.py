"""The picture check on the renderer's pictures: none of the good ones is called broken, each broken one is."""

from dataclasses import replace

import pytest

from analysis.quality import inspect
from simulator.picture import Defect, Picture, paint
from workflows.prompts import draw

SIDES = {128: 100, 256: 150, 512: 50}  # pictures of each size: 300


def pictures(side: int, count: int) -> list[Picture]:
    return [
        Picture(job.text, job.seed, side, side, 20, 20, variant="vast", precision="fp8" if number % 3 == 2 else "bf16")
        for number, job in enumerate(draw(count, campaign_seed=side))
    ]


@pytest.mark.parametrize(("side", "count"), SIDES.items())
def test_no_good_picture_is_called_broken(side: int, count: int) -> None:
    assert {inspect(paint(each), (side, side))[0].defect for each in pictures(side, count)} == {None}


@pytest.mark.parametrize("defect", [Defect.BLACK, Defect.NOISE, Defect.WRONG_SIZE, Defect.TRUNCATED])
@pytest.mark.parametrize("side", SIDES)
def test_each_defect_that_pixels_can_show_is_found(side: int, defect: Defect) -> None:
    for each in pictures(side, 15):
        assert inspect(paint(replace(each, defect=defect)), (side, side))[0].defect == defect.value, each


def test_a_picture_of_too_few_steps_passes_for_a_whole_one() -> None:
    """Soft is no defect that a picture shows by itself: seeing it takes the pictures of other providers beside it."""
    for each in pictures(256, 20):
        assert inspect(paint(replace(each, defect=Defect.FEWER_STEPS)), (256, 256))[0].defect is None
