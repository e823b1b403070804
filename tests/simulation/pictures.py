"""Pictures from a small pool made once: a seed of the crash tests has no time to paint each of its own."""

import hashlib
import io
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from simulator.picture import Defect, Picture

POOL = 8
BLOCK_PX = 32  # the pool's pictures are made of flat blocks: quick to encode, and no check takes them for noise
_STAMP = 12  # bytes of the digest that are drawn into a corner, so that no two pictures have the same pixels


class PooledStudio:
    """Hands out one of the pool's pictures with a stamp of its own; broken ones are broken as the painter's are."""

    def __init__(self) -> None:
        self.image = lru_cache(maxsize=2048)(_compose)

    def order(self, picture: Picture) -> None:
        """Nothing to prepare."""


def _compose(picture: Picture) -> bytes:
    if picture.duplicate_of:
        return _compose(picture.duplicate_of)
    digest = hashlib.sha256(f"{picture.prompt}/{picture.seed}/{picture.variant}/{picture.defect}".encode()).digest()
    pixels = _pooled(digest[0] % POOL, *_size(picture)).copy()
    pixels[:8, : 4 * _STAMP] = np.repeat(np.frombuffer(digest[:_STAMP], np.uint8), 4)[None, :, None]
    if picture.defect is Defect.BLACK:
        pixels[:] = 0
    if picture.defect is Defect.NOISE:
        pixels = np.random.default_rng(list(digest)).integers(0, 256, pixels.shape, np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=1)
    png = file.getvalue()
    return png[: len(png) // 2] if picture.defect is Defect.TRUNCATED else png


def _size(picture: Picture) -> tuple[int, int]:
    if picture.defect is Defect.WRONG_SIZE:
        return picture.height // 2, picture.width // 2
    return picture.height, picture.width


@cache
def _pooled(number: int, height: int, width: int) -> NDArray[np.uint8]:
    """Flat blocks of colours drawn from the number: shape (height, width, 3)."""
    dice = np.random.default_rng(number)
    blocks = dice.integers(30, 226, (-(-height // BLOCK_PX), -(-width // BLOCK_PX), 3), np.uint8)
    return blocks.repeat(BLOCK_PX, 0).repeat(BLOCK_PX, 1)[:height, :width]
