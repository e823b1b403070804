"""Colours and light: mixing in OKLab, the colour words of a prompt, and what each hour does to a scene."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Colour = tuple[int, int, int]
Stops = Sequence[tuple[float, Colour]]
Floats = NDArray[np.float64]

# Björn Ottosson, "A perceptual color space for image processing" (2020): linear sRGB -> LMS -> OKLab.
_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
_FROM_LMS = np.linalg.inv(_TO_LMS)
_FROM_LAB = np.linalg.inv(_TO_LAB)
_LMS_ROWS: list[list[float]] = _FROM_LMS.tolist()
_LAB_ROWS: list[list[float]] = _FROM_LAB.tolist()


def to_lab(rgb: object) -> Floats:
    """OKLab of sRGB 0..255; any shape whose last axis is 3."""
    unit = np.asarray(rgb, float) / 255
    linear = np.where(unit <= 0.04045, unit / 12.92, ((unit + 0.055) / 1.055) ** 2.4)
    lab: Floats = np.cbrt(linear @ _TO_LMS.T) @ _TO_LAB.T
    return lab


def from_lab(lab: object) -> Floats:
    """sRGB 0..255 as floats, clipped to the gamut channel by channel."""
    linear = np.clip((np.asarray(lab, float) @ _FROM_LAB.T) ** 3 @ _FROM_LMS.T, 0, 1)
    unit = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    rgb: Floats = np.clip(unit * 255, 0, 255)
    return rgb


@lru_cache(maxsize=4096)
def _lab(colour: Colour) -> tuple[float, float, float]:
    light, green_red, blue_yellow = to_lab(colour).tolist()
    return light, green_red, blue_yellow


def _colour(light: float, a: float, b: float) -> Colour:
    """`from_lab` for one colour in plain floats: scenes ask thousands of times, where numpy's calls cost most."""
    long, medium, short = (
        (row[0] * light + row[1] * a + row[2] * b) ** 3 for row in _LAB_ROWS
    )  # fmt: skip
    red, green, blue = (
        _gamma(row[0] * long + row[1] * medium + row[2] * short) for row in _LMS_ROWS
    )  # fmt: skip
    return red, green, blue


def _gamma(linear: float) -> int:
    linear = min(1.0, max(0.0, linear))
    return round(255 * (linear * 12.92 if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055))


@lru_cache(maxsize=4096)
def mix(first: Colour, second: Colour, part: float) -> Colour:
    """The colour `part` (0..1) of the way from first to second, as the eye sees it."""
    start, end = _lab(first), _lab(second)
    light, a, b = (x + (y - x) * part for x, y in zip(start, end, strict=True))
    return _colour(light, a, b)


@lru_cache(maxsize=4096)
def lift(colour: Colour, lightness: float, *, chroma: float = 1.0) -> Colour:
    """The same hue, lighter (or darker, below 0) by `lightness` of the 0..1 scale, its chroma multiplied."""
    light, a, b = _lab(colour)
    return _colour(min(1.0, max(0.0, light + lightness)), a * chroma, b * chroma)


def tinted(colour: Colour, toward: Colour, part: float) -> Colour:
    """The lightness of `colour` with its hue and chroma drawn `part` of the way to those of `toward`."""
    (light, a, b), (_, goal_a, goal_b) = _lab(colour), _lab(toward)
    return _colour(light, a + (goal_a - a) * part, b + (goal_b - b) * part)


def ramp(stops: Stops, at: Floats) -> NDArray[np.uint8]:
    """Colours of a gradient at places 0..1: any shape in, the same shape with a last axis of 3 out."""
    places = [place for place, _ in stops]
    lab = to_lab([colour for _, colour in stops])
    fine = np.linspace(0, 1, 512)
    table = np.rint(from_lab(np.stack([np.interp(fine, places, lab[:, i]) for i in range(3)], -1)))
    picked: NDArray[np.uint8] = table.astype(np.uint8)[np.clip(at * 511, 0, 511).astype(int)]
    return picked


NAMED: dict[str, Colour] = {
    "red": (206, 44, 48),
    "crimson": (176, 24, 52),
    "scarlet": (222, 52, 40),
    "burgundy": (112, 26, 46),
    "maroon": (118, 30, 40),
    "coral": (244, 124, 102),
    "orange": (238, 128, 40),
    "amber": (240, 166, 44),
    "terracotta": (196, 100, 70),
    "copper": (184, 108, 68),
    "bronze": (160, 116, 66),
    "brown": (122, 80, 52),
    "chocolate": (92, 58, 42),
    "beige": (222, 204, 174),
    "tan": (204, 168, 126),
    "cream": (246, 236, 214),
    "ivory": (246, 242, 228),
    "gold": (216, 170, 66),
    "golden": (222, 172, 70),
    "yellow": (246, 206, 56),
    "mustard": (212, 164, 50),
    "lime": (160, 208, 62),
    "green": (52, 146, 84),
    "emerald": (26, 138, 100),
    "olive": (124, 130, 66),
    "mint": (156, 220, 190),
    "teal": (30, 136, 138),
    "turquoise": (56, 186, 186),
    "cyan": (64, 190, 214),
    "blue": (46, 104, 208),
    "azure": (70, 150, 230),
    "cobalt": (38, 76, 180),
    "navy": (34, 48, 98),
    "indigo": (72, 62, 158),
    "purple": (128, 66, 178),
    "violet": (140, 84, 206),
    "lavender": (180, 158, 224),
    "magenta": (204, 56, 150),
    "pink": (240, 142, 178),
    "rose": (222, 110, 132),
    "white": (240, 240, 238),
    "silver": (192, 198, 206),
    "grey": (138, 144, 152),
    "gray": (138, 144, 152),
    "charcoal": (62, 66, 74),
    "black": (40, 42, 48),
}


class Hour(StrEnum):
    """The time of day that a prompt asks for."""

    DAWN = "dawn"
    MORNING = "morning"
    NOON = "noon"
    SUNSET = "sunset"
    DUSK = "dusk"
    NIGHT = "night"


@dataclass(frozen=True)
class Light:
    """What an hour does: sky from zenith to horizon, haze, land, sun or moon, and how many lamps burn."""

    sky: tuple[Colour, Colour, Colour, Colour]
    haze: Colour
    land: Colour
    disc: Colour
    disc_height: float  # 0 at the horizon, 1 at the zenith
    ambient: tuple[float, float, float]  # multiplies an indoor scene
    lamps: float  # 0..1

    @property
    def dark(self) -> bool:
        """Whether stars and lamps show."""
        return self.lamps > 0.5


LIGHTS: dict[Hour, Light] = {
    Hour.DAWN: Light(
        sky=((86, 108, 176), (186, 150, 196), (248, 190, 170), (255, 228, 190)),
        haze=(246, 206, 190),
        land=(58, 60, 98),
        disc=(255, 244, 220),
        disc_height=0.20,
        ambient=(0.98, 0.90, 0.92),
        lamps=0.25,
    ),
    Hour.MORNING: Light(
        sky=((92, 158, 220), (152, 200, 236), (210, 232, 240), (248, 244, 226)),
        haze=(220, 232, 232),
        land=(38, 92, 84),
        disc=(255, 252, 232),
        disc_height=0.48,
        ambient=(1.0, 0.99, 0.95),
        lamps=0.0,
    ),
    Hour.NOON: Light(
        sky=((36, 118, 206), (88, 166, 232), (152, 206, 242), (216, 236, 244)),
        haze=(196, 222, 234),
        land=(34, 104, 72),
        disc=(255, 255, 244),
        disc_height=0.80,
        ambient=(1.03, 1.03, 1.02),
        lamps=0.0,
    ),
    Hour.SUNSET: Light(
        sky=((66, 50, 118), (176, 78, 128), (244, 134, 92), (255, 208, 128)),
        haze=(244, 160, 116),
        land=(62, 34, 74),
        disc=(255, 238, 190),
        disc_height=0.14,
        ambient=(1.02, 0.86, 0.74),
        lamps=0.35,
    ),
    Hour.DUSK: Light(
        sky=((24, 30, 78), (64, 64, 138), (140, 100, 164), (232, 160, 144)),
        haze=(122, 98, 152),
        land=(24, 26, 62),
        disc=(250, 226, 214),
        disc_height=0.30,
        ambient=(0.66, 0.62, 0.82),
        lamps=0.8,
    ),
    Hour.NIGHT: Light(
        sky=((6, 10, 32), (12, 24, 62), (24, 46, 98), (48, 78, 132)),
        haze=(40, 64, 112),
        land=(8, 14, 34),
        disc=(244, 246, 255),
        disc_height=0.62,
        ambient=(0.36, 0.41, 0.58),
        lamps=1.0,
    ),
}

SKINS: tuple[Colour, ...] = (
    (250, 220, 198),
    (240, 200, 170),
    (226, 176, 140),
    (204, 150, 112),
    (172, 116, 82),
    (134, 86, 62),
    (98, 62, 48),
)
HAIRS: tuple[Colour, ...] = (
    (34, 28, 32),
    (58, 40, 34),
    (98, 62, 42),
    (150, 100, 62),
    (206, 164, 104),
    (166, 78, 46),
    (176, 174, 178),
)
CLOTHES: tuple[Colour, ...] = (
    (44, 62, 102),
    (176, 62, 58),
    (222, 166, 72),
    (60, 118, 104),
    (236, 226, 208),
    (112, 78, 130),
    (70, 74, 84),
    (206, 118, 96),
    (88, 140, 180),
)
