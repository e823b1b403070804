"""Is it a whole picture at all? Bytes in, facts out; what it shows is for people to judge."""

import hashlib
import math
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

_Ints = NDArray[np.int16]  # (height, width), or (height, width, 3)
_STEEPEST = 4 * 255  # what a Laplacian can be at most
_WHITE_TO_MEDIAN = 0.6745 * 20**0.5  # median |Laplacian| of white noise of sd 1: the kernel's squares add up to 20


@dataclass(frozen=True, kw_only=True)
class ImageFacts:
    """What can be said of one image; None where its pixels could not be read.

    luma 0-255; sharpness = variance of the Laplacian of luma; colourfulness: 0 grey, 15 slight, 59 high, 109 extreme;
    defect: undecodable, too_large, truncated, wrong_size, black, flat (one tone, white included), noise, or None.
    """

    width: int | None = None
    height: int | None = None
    pixel_sha256: str | None = None
    perceptual_hash: str | None = None
    sharpness: float | None = None
    luma_mean: float | None = None
    luma_sd: float | None = None
    colourfulness: float | None = None
    defect: str | None = None


@dataclass(frozen=True)
class _Tally:
    """How often each whole number occurs: mean, spread and median of a million of them at once, and exactly."""

    values: NDArray[np.int64]
    counts: NDArray[np.int64]

    @property
    def shares(self) -> NDArray[np.float64]:
        found: NDArray[np.float64] = self.counts / self.counts.sum()
        return found

    @property
    def mean(self) -> float:
        return float(self.shares @ self.values)

    @property
    def variance(self) -> float:
        return float(self.shares @ (self.values - self.mean) ** 2)

    @property
    def median_size(self) -> float:
        """The median of their absolute values."""
        sizes = np.bincount(np.abs(self.values), weights=self.counts).cumsum()
        low, high = np.searchsorted(sizes, [(sizes[-1] + 1) // 2, sizes[-1] // 2 + 1])
        return float(low + high) / 2


def inspect(image: bytes, expected_size: tuple[int, int] | None) -> tuple[ImageFacts, Image.Image | None]:
    """Decode the image and measure it; its pixels too, where it has any, for what else is made of them.

    `expected_size` is (width, height) as asked for, None to skip that check.
    """
    try:
        colour = pixels(image)
    except NoPicture as error:
        width, height = error.size
        return ImageFacts(width=width, height=height, defect=error.defect), None
    return _measured(colour, expected_size), colour


def _measured(colour: Image.Image, expected_size: tuple[int, int] | None) -> ImageFacts:
    width, height = colour.size
    grey = colour.convert("L")
    luma, tones = np.asarray(grey, dtype=np.int16), _Tally(np.arange(256), np.asarray(grey.histogram()))
    details = _counted(_laplacian(luma), most=_STEEPEST) if min(luma.shape) >= 3 else None
    wrong_size = expected_size not in (None, (width, height))
    return ImageFacts(
        width=width,
        height=height,
        pixel_sha256=hashlib.sha256(b"%dx%d" % (width, height) + colour.tobytes()).hexdigest(),
        perceptual_hash=_perceptual_hash(colour),
        sharpness=None if details is None else details.variance,
        luma_mean=tones.mean,
        luma_sd=math.sqrt(tones.variance),
        colourfulness=_colourfulness(np.asarray(colour, dtype=np.int16)),
        defect="wrong_size" if wrong_size else _defect(luma, tones, details, colour),
    )


def _defect(luma: _Ints, tones: _Tally, details: _Tally | None, colour: Image.Image) -> str | None:
    if tones.mean < BLACK_MEAN:
        return "black"
    if tones.mean > WHITE_MEAN or math.sqrt(tones.variance) < FLAT_SD or tones.shares.max() > FLAT_SHARE:
        return "flat"
    if _neighbours_agree(luma, tones) < NOISE_CORRELATION:
        return "noise"
    if _grain(details) > GRAIN_SD and _colours_agree(np.asarray(colour, dtype=np.int16)) < NOISE_CORRELATION:
        return "noise"
    return None


def _neighbours_agree(luma: _Ints, tones: _Tally) -> float:
    """Correlation of each pixel with the one to its right and the one below, the larger of both."""
    centred = luma - tones.mean
    right = np.einsum("ij,ij->", centred[:, :-1], centred[:, 1:]) / max(1, centred[:, 1:].size)
    below = np.einsum("ij,ij->", centred[:-1], centred[1:]) / max(1, centred[1:].size)
    return float(max(right, below) / tones.variance)


def _grain(details: _Tally | None) -> float:
    """Standard deviation of the noise, from the median pixel (Donoho 1995, on the Laplacian); 0 below 3 x 3 pixels."""
    return 0.0 if details is None else details.median_size / _WHITE_TO_MEDIAN


def _colours_agree(rgb: _Ints) -> float:
    """Correlation of the details of red, green and blue: edges and texture show in all three, coloured noise apart.

    0.65 and more in photographs, 1 in a grey one; less only in drawings of flat colours, which have no grain.
    """
    shared = np.cov(_laplacian(rgb).reshape(-1, 3).T)
    return float((shared.sum() / np.trace(shared) - 1) / 2)


def _laplacian(values: _Ints) -> _Ints:
    """Four times each inner pixel less its four neighbours, per channel: its variance is how sharp a picture is
    (Pech-Pacheco et al. 2000).
    """
    around = values[:-2, 1:-1] + values[2:, 1:-1] + values[1:-1, :-2] + values[1:-1, 2:]
    inner: _Ints = 4 * values[1:-1, 1:-1] - around
    return inner


def _counted(values: _Ints, *, most: int) -> _Tally:
    """Of whole numbers from -most to most."""
    return _Tally(np.arange(-most, most + 1), np.bincount(values.ravel() + most, minlength=2 * most + 1))


def _colourfulness(rgb: _Ints) -> float:
    """Spread and mean of the opponent colours (Hasler and Suesstrunk 2003): sigma + 0.3 mu."""
    red, green, blue = (rgb[..., channel] for channel in range(3))
    yellow_blue = _counted(red + green - 2 * blue, most=510)  # twice (red + green) / 2 - blue: whole numbers
    red_green = _counted(red - green, most=255)
    spread = math.sqrt(red_green.variance + yellow_blue.variance / 4)
    return spread + 0.3 * math.hypot(red_green.mean, yellow_blue.mean / 2)


def _perceptual_hash(picture: Image.Image) -> str:
    import imagehash  # 0.3 s, and only who checks images needs it

    return str(imagehash.phash(picture))
