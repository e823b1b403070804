"""How fast a GPU can denoise: measured forward passes, the ground of the physical floor.

Measured 2026-11-23: one forward pass, batch 1, bf16, PyTorch 2.11.0+cu130 and the model classes of diffusers 0.42.1 at
their published sizes, random weights (timing does not depend on them), median of 8 to 12 CUDA event timings after three
warm-ups, on one H100 80GB HBM3 and one H200 141GB. On any other GPU nothing was measured, and nothing is assumed.
"""

import math
from typing import NamedTuple

# Step time grows with pixels^1.1: between the two measured sizes of qwen-image-2512, 1024 and 1328 px.
PIXELS_EXPONENT = 1.1


class Work(NamedTuple):
    """The denoiser work of a job: steps x forwards_per_step forwards of `model` at width x height px."""

    model: str
    width: int
    height: int
    steps: int
    forwards_per_step: int


class StepTime(NamedTuple):
    """Seconds of one forward pass at px x px."""

    model: str
    gpu: str
    px: int
    s: float


MEASURED = (
    StepTime("flux-dev", "H100", 1024, 0.1811),
    StepTime("flux-dev", "H200", 1024, 0.1722),
    StepTime("qwen-image-2512", "H100", 1024, 0.2005),
    StepTime("qwen-image-2512", "H100", 1328, 0.3568),
    StepTime("qwen-image-2512", "H200", 1024, 0.1905),
    StepTime("qwen-image-2512", "H200", 1328, 0.3441),
)


def floor_s(work: Work, gpu: str) -> float | None:
    """Seconds that the steps alone take: text encoders, VAE and transfer come on top. None if none was measured.

    steps x forwards x step x (pixels / measured pixels)^1.1, from the measured size that is nearest.
    """
    pixels = work.width * work.height
    known = [each for each in MEASURED if (each.model, each.gpu) == (work.model, gpu)]
    if not known:
        return None
    nearest = min(known, key=lambda each: abs(math.log(pixels / each.px**2)))
    step_s: float = nearest.s * (pixels / nearest.px**2) ** PIXELS_EXPONENT
    return work.steps * work.forwards_per_step * step_s
