"""Is it a whole picture at all? Bytes in, facts out; what it shows is for people to judge."""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from analysis.pictures import NoPicture, pixels

# Defaults, not data: they must flag none of 300 images of the baseline.
BLACK_MEAN, WHITE_MEAN = 3.0, 252.0
FLAT_SD = 5.0
FLAT_SHARE = 0.99
NOISE_CORRELATION = 0.2  # neighbours, and the colours of a detail, agree far more in any picture; in noise, not at all
GRAIN_SD = 12.0  # of luma 0-255, at more than half of all pixels: film grain stays below 5

_Floats = NDArray[np.float64]  # (height, width), or (height, width, 3)
_WHITE_TO_MEDIAN = 0.6745 * 20**0.5  # median |Laplacian| of white noise of sd 1: the kernel's squares add up to 20


@dataclass(frozen=True, kw_only=True)
class ImageFacts:
    """What can be said of one image; None where its pixels could not be read.

    luma 0-255; sharpness = variance of the Laplacian of luma; entropy in bits of the luma histogram;
    defect: undecodable, too_large, truncated, wrong_size, black, flat (one tone, white included), noise, or None.
    """

    width: int | None = None
    height: int | None = None
    pixel_sha256: str | None = None
    perceptual_hash: str | None = None
    sharpness: float | None = None
    luma_mean: float | None = None
    luma_sd: float | None = None
    entropy: float | None = None
    defect: str | None = None


def inspect(image: bytes, expected_size: tuple[int, int] | None) -> ImageFacts:
    """Decode the image and measure it; `expected_size` is (width, height) as asked for, None to skip that check."""
    try:
        colour = pixels(image)
    except NoPicture as error:
        width, height = error.size
        return ImageFacts(width=width, height=height, defect=error.defect)
    width, height = colour.size
    luma = np.asarray(colour.convert("L"), dtype=np.float64)
    return ImageFacts(
        width=width,
        height=height,
        pixel_sha256=hashlib.sha256(b"%dx%d" % (width, height) + colour.tobytes()).hexdigest(),
        perceptual_hash=_perceptual_hash(colour),
        sharpness=_sharpness(luma),
        luma_mean=float(luma.mean()),
        luma_sd=float(luma.std()),
        entropy=_entropy(luma),
        defect="wrong_size" if expected_size not in (None, (width, height)) else _defect(luma, colour),
    )


def _defect(luma: _Floats, colour: Image.Image) -> str | None:
    if luma.mean() < BLACK_MEAN:
        return "black"
    most_common = np.bincount(luma.astype(np.uint8).ravel(), minlength=256).max()
    if luma.mean() > WHITE_MEAN or luma.std() < FLAT_SD or most_common > FLAT_SHARE * luma.size:
        return "flat"
    if _neighbours_agree(luma) < NOISE_CORRELATION:
        return "noise"
    if _grain(luma) > GRAIN_SD and _colours_agree(np.asarray(colour, dtype=np.float64)) < NOISE_CORRELATION:
        return "noise"
    return None


def _neighbours_agree(luma: _Floats) -> float:
    """Correlation of each pixel with the one to its right and the one below, the larger of both."""
    centred = luma - luma.mean()
    right = (centred[:, :-1] * centred[:, 1:]).mean()
    below = (centred[:-1] * centred[1:]).mean()
    return float(max(right, below) / centred.var())


def _grain(luma: _Floats) -> float:
    """Standard deviation of the noise, from the median pixel (Donoho 1995, on the Laplacian); 0 below 3 x 3 pixels."""
    if min(luma.shape) < 3:
        return 0.0
    return float(np.median(np.abs(_laplacian(luma))) / _WHITE_TO_MEDIAN)


def _colours_agree(rgb: _Floats) -> float:
    """Correlation of the details of red, green and blue: edges and texture show in all three, coloured noise apart.

    0.65 and more in photographs, 1 in a grey one; less only in drawings of flat colours, which have no grain.
    """
    shared = np.cov(_laplacian(rgb).reshape(-1, 3).T)
    return float((shared.sum() / np.trace(shared) - 1) / 2)


def _laplacian(values: _Floats) -> _Floats:
    """Four times each inner pixel less its four neighbours, per channel."""
    around = values[:-2, 1:-1] + values[2:, 1:-1] + values[1:-1, :-2] + values[1:-1, 2:]
    inner: _Floats = 4 * values[1:-1, 1:-1] - around
    return inner


def _sharpness(luma: _Floats) -> float | None:
    """Variance of the 4-neighbour Laplacian (Pech-Pacheco et al. 2000); None below 3 x 3 pixels."""
    return float(_laplacian(luma).var()) if min(luma.shape) >= 3 else None


def _entropy(luma: _Floats) -> float:
    """Shannon entropy of the luma histogram, bits: 0 for one tone, at most 8."""
    shares = np.bincount(luma.astype(np.uint8).ravel(), minlength=256) / luma.size
    shares = shares[shares > 0]
    return float(-(shares * np.log2(shares)).sum()) + 0.0


def _perceptual_hash(picture: Image.Image) -> str:
    import imagehash  # 0.3 s, and only who checks images needs it

    return str(imagehash.phash(picture))
