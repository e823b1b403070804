"""The floor against what was measured, and its silence where nothing was."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from analysis.step_times import MEASURED, StepTime, Work, floor_s
from workflows import load

DATA = Path(__file__).resolve().parents[4] / "shared" / "data" / "gpu_step_times.json"
FLUX = Work("flux-dev", 1024, 1024, 20, 1)


def published() -> dict[str, Any]:
    return json.loads(DATA.read_text(encoding="utf-8"))


def test_every_step_time_is_the_measured_median_and_none_is_missing() -> None:
    found = set()
    for card, said in published()["gpus"].items():
        for name, times in said.items():
            if named := re.fullmatch(r"(flux-dev|qwen)_(\d+)_(step|forward)_s", name):
                model = {"qwen": "qwen-image-2512"}.get(named[1], named[1])
                found.add(StepTime(model, card.split()[0], int(named[2]), times["median"]))
    assert found == set(MEASURED)


def test_the_floor_is_steps_by_forwards_by_step_time() -> None:
    assert floor_s(FLUX, "H100") == pytest.approx(20 * 0.1811)
    assert floor_s(Work("qwen-image-2512", 1328, 1328, 50, 2), "H200") == pytest.approx(50 * 2 * 0.3441)


def test_the_floor_is_that_of_the_measured_images_within_what_comes_on_top_of_the_steps() -> None:
    derived = published()["derived_H100_s_per_image"]
    assert floor_s(FLUX, "H100") == pytest.approx(derived["flux-dev 1024 20 steps"] - 0.09, abs=0.01)
    assert floor_s(Work("qwen-image-2512", 1328, 1328, 50, 2), "H100") == pytest.approx(
        derived["qwen-image-2512 1328 50 steps"], abs=0.1
    )


@pytest.mark.parametrize(("px", "near"), [(1024, 1024), (1100, 1024), (1250, 1328), (2048, 1328), (256, 1024)])
def test_other_sizes_scale_from_the_nearest_measured_one(px: int, near: int) -> None:
    step = {1024: 0.2005, 1328: 0.3568}[near]
    assert floor_s(Work("qwen-image-2512", px, px, 1, 1), "H100") == pytest.approx(step * (px / near) ** 2.2)


def test_the_exponent_is_what_lies_between_the_two_sizes_measured() -> None:
    at_1024 = floor_s(Work("qwen-image-2512", 1024, 1024, 1, 1), "H100")
    assert at_1024 == pytest.approx(0.3568 * (1024 / 1328) ** 2.2, rel=0.01)


@pytest.mark.parametrize("gpu", ["L40S", "RTX 4090", "H1000", "A100"])
def test_no_floor_is_invented_for_a_gpu_without_a_measured_step(gpu: str) -> None:
    assert floor_s(FLUX, gpu) is None


def test_a_model_without_a_measured_step_has_none_either() -> None:
    assert floor_s(FLUX._replace(model="sdxl"), "H100") is None


def test_the_work_is_what_a_workflow_says_of_itself() -> None:
    assert Work._fields == load("flux-dev").cost_shape({})._fields
    assert floor_s(Work(*load("flux-dev").cost_shape({})), "H100") == pytest.approx(3.622)
