"""Bytes that claim to be a picture, opened within limits. Nobody else decodes what a stranger sent."""

import io
import struct
import zlib
from typing import Any

from PIL import Image, ImageFilter

FORMATS = ("PNG", "JPEG", "WEBP")  # ComfyUI saves PNG; of the forty formats that Pillow reads, most are traps for us
MOST_BYTES = 20 * 2**20  # the largest picture that a workflow can ask for has 2048 x 2048 pixels: 12 MiB of pure noise
MOST_PIXELS = 2**23  # twice that picture; the checks need up to 100 bytes a pixel. Pillow alone stops at 179 million
_WORSE_BLUR, _WORSE_QUALITY = 0.02, 12  # of the shorter side; of 95
# What Pillow's readers raise on hostile files; DecompressionBombWarning where warnings are errors.
_UNREADABLE = (
    OSError,
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    RecursionError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)


class NoPicture(Exception):
    """Why not, in one word: undecodable, too_large (bytes or pixels), truncated; and its size where it has one."""

    def __init__(self, defect: str, size: tuple[int, int] | tuple[None, None] = (None, None)) -> None:
        super().__init__(f"The image is {defect}.")
        self.defect, self.size = defect, size


def pixels(image: bytes) -> Image.Image:
    """The first frame as RGB, with nothing beside its pixels. Raises NoPicture; decodes only what is small enough."""
    if len(image) > MOST_BYTES:
        raise NoPicture("too_large")
    picture = _opened(image)
    if picture.width * picture.height > MOST_PIXELS:
        raise NoPicture("too_large", picture.size)
    try:
        colour = picture.convert("RGB")
    except _UNREADABLE as error:
        raise NoPicture("truncated", picture.size) from error
    colour.info = {}  # Pillow would write an ICC profile found there into every copy
    return colour


def encoded(picture: Image.Image, form: str, **settings: Any) -> bytes:
    """The picture's pixels as a file of this format and no more: no EXIF, no text, no colour profile."""
    target = io.BytesIO()
    picture.save(target, form, **settings)
    return target.getvalue()


def worsened(picture: Image.Image) -> Image.Image:
    """So blurred and so coarsely packed that anybody sees it: a pair with it in has a known answer."""
    soft = picture.filter(ImageFilter.GaussianBlur(min(picture.size) * _WORSE_BLUR))
    return pixels(encoded(soft, "JPEG", quality=_WORSE_QUALITY))


def _opened(image: bytes) -> Image.Image:
    """Its header is read, nothing is decoded."""
    try:
        return Image.open(io.BytesIO(image), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise NoPicture("too_large") from error
    except _UNREADABLE as error:
        raise NoPicture("undecodable") from error
