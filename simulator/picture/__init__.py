"""The reference renderer: pictures that follow a prompt, painted on the CPU by plain geometry.

It is no AI model and says so in a corner of each picture. It stands in for one where the pipeline must be proven:
it is deterministic per (prompt, seed, size, steps, variant), gets measurably better with steps, differs a little
between GPUs, more between precisions, and breaks on demand. Its speed says nothing about any model.
"""

import hashlib
import io
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image

from simulator.picture import develop
from simulator.picture.scenes import compose

__all__ = ["Defect", "Picture", "paint", "paint_array"]

_SIDE_PX = (16, 4096)
_LARGE_PX = 768
_RUN_LENGTH = 3  # zlib's Z_RLE: on smooth pictures faster and smaller than its default at level 1


class Defect(StrEnum):
    """Ways in which a picture can be wrong."""

    BLACK = "black"
    NOISE = "noise"
    WRONG_SIZE = "wrong_size"
    TRUNCATED = "truncated"
    FEWER_STEPS = "fewer_steps"
    DUPLICATE = "duplicate"


@dataclass(frozen=True)
class Picture:
    """An order for one picture.

    `steps` relative to `reference_steps` says how far it converges; more than the reference adds nothing.
    `variant` labels the GPU or host: equal labels give equal pixels. Raises ValueError for a size outside
    16..4096 px, for fewer than one step, and for a duplicate without the picture it repeats.
    """

    prompt: str
    seed: int
    width: int
    height: int
    steps: int
    reference_steps: int
    variant: str = ""
    precision: Literal["bf16", "fp8"] = "bf16"
    defect: Defect | None = None
    duplicate_of: "Picture | None" = None

    def __post_init__(self) -> None:
        if not all(_SIDE_PX[0] <= side <= _SIDE_PX[1] for side in (self.width, self.height)):
            raise ValueError(f"{self.width}x{self.height} is no size: each side is {_SIDE_PX[0]} to {_SIDE_PX[1]} px.")
        if self.steps < 1 or self.reference_steps < 1:
            raise ValueError(f"{self.steps} of {self.reference_steps} steps: both are at least 1.")
        if (self.defect is Defect.DUPLICATE) != (self.duplicate_of is not None):
            raise ValueError("A duplicate names the picture it repeats in duplicate_of, and nothing else does.")


def paint(picture: Picture) -> bytes:
    """The PNG, the same bytes each time; cut off halfway if the defect says truncated."""
    if picture.duplicate_of:
        return paint(picture.duplicate_of)
    file = io.BytesIO()
    Image.fromarray(paint_array(picture)).save(file, "PNG", compress_level=1, compress_type=_RUN_LENGTH)
    png = file.getvalue()
    return png[: len(png) // 2] if picture.defect is Defect.TRUNCATED else png


def paint_array(picture: Picture) -> NDArray[np.uint8]:
    """The pixels, shape (height, width, 3), the mark included."""
    if picture.duplicate_of:
        return paint_array(picture.duplicate_of)
    image = _broken(picture).copy()  # it may be the shared one
    develop.mark(image, opacity=0.35 if picture.defect is Defect.BLACK else 0.86)
    return np.asarray(image)


def _broken(picture: Picture) -> Image.Image:
    """The picture without its mark, the defect applied."""
    if picture.defect is Defect.BLACK:
        return develop.black((picture.width, picture.height))
    if picture.defect is Defect.NOISE:
        return develop.garbled(_whole(picture, 1.0), _dice(picture.prompt, picture.seed, "noise"))
    return _whole(picture, 0.75 if picture.defect is Defect.WRONG_SIZE else 1.0)


def _whole(picture: Picture, scale: float) -> Image.Image:
    size = (int(picture.width * scale), int(picture.height * scale))
    image = _shared(picture.prompt, picture.seed, _canvas(size), _progress(picture))
    if picture.precision == "fp8":
        image = develop.lower_precision(image, _dice(picture.prompt, picture.seed, "fp8"))
    if picture.variant:
        image = develop.jitter(image, _dice(picture.prompt, picture.seed, f"variant {picture.variant}"))
    return image if image.size == size else image.resize(size, Image.Resampling.BICUBIC)


def _canvas(size: tuple[int, int]) -> tuple[int, int]:
    """A large picture is painted at half its size and enlarged: a quarter of the work, hardly softer."""
    return (size[0] // 2, size[1] // 2) if max(size) > _LARGE_PX else size


@lru_cache(maxsize=128)
def _shared(prompt: str, seed: int, size: tuple[int, int], progress: float) -> Image.Image:
    """What every provider's picture of one prompt and seed starts from; at most 128 of them are some 100 MB."""
    image = compose(prompt, _dice(prompt, seed, "scene"), size)
    return develop.denoise(image, _dice(prompt, seed, "latent"), progress)


def _progress(picture: Picture) -> float:
    """The share of the way to the converged picture; a quarter of it where steps were silently dropped."""
    share = min(1.0, picture.steps / picture.reference_steps)
    return share / 4 if picture.defect is Defect.FEWER_STEPS else share


def _dice(prompt: str, seed: int, use: str) -> Generator:
    """Randomness of its own for each use, from the prompt and seed alone: the same in every process."""
    key = hashlib.sha256(f"{use}\n{seed}\n{prompt}".encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(key[:16], "big")))
