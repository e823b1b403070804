"""A canvas in units of its short side: gradients, soft edges, glows, shadows and lettering on Pillow.

Scenes draw at about twice the final size and are averaged down, which smooths every edge at once.
"""

from copy import copy
from dataclasses import dataclass
from functools import lru_cache
from math import atan2, ceil, cos, degrees, radians, sin

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

from simulator.picture.palette import Colour, Floats, Stops, lift, ramp
from simulator.picture.shapes import Point, below, bow, box, capsule, ellipse

_COARSE_PX = 48  # gradients are laid on a grid this fine and stretched
_COARSE = np.meshgrid(np.linspace(-1, 1, _COARSE_PX), np.linspace(-1, 1, _COARSE_PX))
_SOFT_PX = 3.0  # a soft edge is blurred at the scale where its radius is this many pixels

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Linear:
    """A gradient over the box of the shape it fills; 90 degrees runs down, 0 to the right."""

    stops: Stops
    degrees: float = 90.0

    def raster(self, size: tuple[int, int]) -> Image.Image:
        """The gradient, stretched to `size` pixels."""
        if self.degrees in (0, 90):
            along = ramp(self.stops, np.linspace(0, 1, size[self.degrees == 90]))
            strip = along[:, None] if self.degrees == 90 else along[None]
            return Image.fromarray(strip).resize(size, Image.Resampling.NEAREST)
        x, y = _COARSE
        c, s = cos(radians(self.degrees)), sin(radians(self.degrees))
        at = (x * c + y * s) / (abs(c) + abs(s)) / 2 + 0.5
        return Image.fromarray(ramp(self.stops, at)).resize(size, Image.Resampling.BILINEAR)


@dataclass(frozen=True)
class Radial:
    """A gradient from (x, y) of the shape's box (0..1) outward; `reach` 1 ends a box's height away."""

    stops: Stops
    x: float = 0.5
    y: float = 0.5
    reach: float = 0.75

    def raster(self, size: tuple[int, int]) -> Image.Image:
        """The gradient, stretched to `size` pixels."""
        x, y = (_COARSE[0] + 1) / 2 - self.x, (_COARSE[1] + 1) / 2 - self.y
        at = np.hypot(x * size[0] / max(size[1], 1), y) / self.reach
        return Image.fromarray(ramp(self.stops, at)).resize(size, Image.Resampling.BILINEAR)


Fill = Colour | Linear | Radial


def sheen(colour: Colour, *, degrees: float = 60.0, depth: float = 0.10) -> Linear:
    """A colour lit from one side: lighter where the gradient starts, darker where it ends."""
    return Linear(((0, lift(colour, depth)), (1, lift(colour, -depth))), degrees)


def ball(colour: Colour, *, x: float = 0.35, y: float = 0.3) -> Radial:
    """A colour on a sphere lit from (x, y) of its box."""
    lit = lift(colour, 0.16, chroma=0.9)
    return Radial(((0, lit), (0.45, colour), (1, lift(colour, -0.24, chroma=0.9))), x, y, 0.85)


class Canvas:
    """`width` and `height` in units of the short side (one of them is 1); x runs right, y down."""

    def __init__(self, size: tuple[int, int], colour: Colour = (0, 0, 0)) -> None:
        self.image = Image.new("RGB", size, colour)
        self._draw = ImageDraw.Draw(self.image)
        self.unit: float = min(size)
        self.width, self.height = size[0] / self.unit, size[1] / self.unit
        self.frame = box(0, 0, self.width, self.height)
        self._turn = np.eye(2) * self.unit
        self._origin = np.zeros(2)

    def at(self, x: float, y: float, scale: float = 1.0, *, turn: float = 0.0, mirror: bool = False) -> "Canvas":
        """The same paper with its origin at (x, y), units `scale` long, turned clockwise by `turn` radians."""
        part = copy(self)
        part.unit = self.unit * scale
        part._origin = self._place(np.array([(x, y)]))[0]
        flip = np.array([[-1.0 if mirror else 1.0, 0], [0, 1]])
        part._turn = flip @ np.array([[cos(turn), sin(turn)], [-sin(turn), cos(turn)]]) @ self._turn * scale
        return part

    def mirror(self) -> None:
        """Swap left and right of all that is painted so far."""
        self.image.paste(self.image.transpose(Image.Transpose.FLIP_LEFT_RIGHT))

    def wash(self, fill: Fill) -> None:
        """Cover everything."""
        self.shape(self.frame, fill)

    def shape(self, points: Floats, fill: Fill, *, opacity: float = 1.0, soft: float = 0.0) -> None:
        """Fill an outline; `soft` blurs its edge by that many units."""
        if opacity == 1 and not soft and isinstance(fill, tuple):
            self._draw.polygon(self._px(points), fill=fill)
        elif area := self._area(points, soft):
            self._lay(fill, area, self._box(points), self._mask(points, area, soft), opacity)

    def inside(self, outline: Floats, points: Floats, fill: Fill, *, opacity: float = 1.0, soft: float = 0.0) -> None:
        """Fill only the part of a shape that lies inside an outline."""
        bounds, reach = self._area(outline, 0), self._area(points, soft)
        if bounds and reach and (area := _meet(bounds, reach)):
            mask = ImageChops.multiply(self._mask(outline, area, 0), self._mask(points, area, soft))
            self._lay(fill, area, self._box(points), mask, opacity)

    def line(self, points: Floats, width: float, colour: Colour, *, opacity: float = 1.0) -> None:
        """A line with round ends and joints, `width` units thick."""
        if opacity < 1:
            sides = np.gradient(points, axis=0)[:, ::-1] * (-1, 1)
            sides *= width / 2 / np.maximum(np.hypot(*sides.T), 1e-9)[:, None]
            self.shape(np.concatenate([points + sides, (points - sides)[::-1]]), colour, opacity=opacity)
            return
        px, wide = self._px(points), width * self.unit
        self._draw.line(px, fill=colour, width=max(1, round(wide)), joint="curve")
        if wide > 3:
            for x, y in (px[0], px[-1]):
                self._draw.circle((x, y), wide / 2 - 0.5, fill=colour)

    def curve(self, points: list[Point], width: float, colour: Colour, *, opacity: float = 1.0) -> None:
        """A smooth line through the points."""
        self.line(bow(points), width, colour, opacity=opacity)

    def rect(self, left: float, top: float, right: float, bottom: float, fill: Colour) -> None:
        """A plain upright rectangle on paper that is not turned: cheap enough for thousands of windows."""
        (x0, y0), (x1, y1) = self._place(np.array([(left, top), (right, bottom)])).tolist()
        if x1 > x0 and y1 > y0:
            self._draw.rectangle((x0, y0, max(x0, x1 - 1), max(y0, y1 - 1)), fill=fill)

    def oval(self, x: float, y: float, rx: float, ry: float, fill: Fill, *, opacity: float = 1.0) -> None:
        """A filled ellipse about (x, y)."""
        self.shape(ellipse(x, y, rx, ry), fill, opacity=opacity)

    def limb(self, start: Point, end: Point, r0: float, r1: float, fill: Fill) -> None:
        """A filled capsule."""
        self.shape(capsule(start, end, r0, r1), fill)

    def glow(self, x: float, y: float, radius: float, colour: Colour, *, strength: float = 0.8) -> None:
        """Light that fades out at `radius`."""
        middle = self._place(np.array([(x, y)]))[0]
        left, top = (round(value) for value in (middle - radius * self.unit).tolist())
        side = max(2, round(2 * radius * self.unit))
        area = _clip((left, top, left + side, top + side), self.image.size)
        if area:
            span = 160 / side
            part = tuple((value - (left, top)[i % 2]) * span for i, value in enumerate(area))
            size = (area[2] - area[0], area[3] - area[1])
            mask = _halo(round(strength * 100)).resize(size, Image.Resampling.BILINEAR, part)
            self.image.paste(colour, area, mask)

    def shadow(self, points: Floats, *, opacity: float = 0.4, soft: float = 0.02, tone: Colour = (14, 12, 26)) -> None:
        """A soft dark shape."""
        self.shape(points, tone, opacity=opacity, soft=soft)

    def land(self, skyline: Floats, fill: Fill, *, bottom: float | None = None) -> Floats:
        """Fill all that lies under a skyline; gives the outline."""
        outline = below(skyline, self.height + 0.01 if bottom is None else bottom)
        self.shape(outline, fill)
        return outline

    def stamp(self, mask: Floats, area: tuple[float, float, float, float], colour: Colour) -> None:
        """Lay a colour through a coarse mask (h, w) of 0..1, stretched over an area in units."""
        if at := _clip(self._box(np.array(area).reshape(2, 2)), self.image.size):
            grey = Image.fromarray(np.uint8(np.clip(mask, 0, 1) * 255))
            size = (at[2] - at[0], at[3] - at[1])
            self.image.paste(colour, at, grey.resize(size, Image.Resampling.BICUBIC))

    def write(
        self, words: str, x: float, y: float, size: float, colour: Colour, *, weight: float = 0.0, turn: float = 0.0,
        soft: float = 0.0, opacity: float = 1.0,
    ) -> None:  # fmt: skip
        """Words centred on (x, y), `size` units from line to line; weight thickens the strokes, soft blurs them."""
        mask = _lettering(words, round(size * self.unit), weight, round(soft * self.unit))
        lean = turn + atan2(self._turn[0, 1], self._turn[0, 0])
        if lean:
            mask = mask.rotate(-degrees(lean), Image.Resampling.BILINEAR, expand=True)
        if opacity < 1:
            mask = mask.point(_fainter(round(opacity, 3)))
        middle = self._place(np.array([(x, y)]))[0]
        at = (round(middle[0] - mask.width / 2), round(middle[1] - mask.height / 2))
        self.image.paste(colour, (*at, at[0] + mask.width, at[1] + mask.height), mask)

    def _place(self, points: Floats) -> Floats:
        placed: Floats = points @ self._turn + self._origin
        return placed

    def _px(self, points: Floats) -> list[Point]:
        return list(map(tuple, self._place(points).tolist()))

    def _box(self, points: Floats) -> Box:
        placed = self._place(points)
        left, top, right, bottom = (round(value) for value in (*placed.min(0), *placed.max(0)))
        return left, top, right, bottom

    def _area(self, points: Floats, soft: float) -> Box | None:
        left, top, right, bottom = self._box(points)
        pad = ceil(soft * self.unit * 2.5) + 1
        return _clip((left - pad, top - pad, right + pad, bottom + pad), self.image.size)

    def _mask(self, points: Floats, area: Box, soft: float) -> Image.Image:
        size = (area[2] - area[0], area[3] - area[1])
        shrink = max(1.0, soft * self.unit / _SOFT_PX)
        small = (max(1, round(size[0] / shrink)), max(1, round(size[1] / shrink)))
        mask = Image.new("L", small)
        scale = np.array([small[0] / size[0], small[1] / size[1]])
        px = (self._place(points) - area[:2]) * scale
        ImageDraw.Draw(mask).polygon(list(map(tuple, px.tolist())), fill=255)
        if not soft:
            return mask
        blurred = mask.filter(ImageFilter.GaussianBlur(soft * self.unit / shrink))
        return blurred.resize(size, Image.Resampling.BILINEAR)

    def _lay(self, fill: Fill, area: Box, span: Box, mask: Image.Image, opacity: float) -> None:
        if opacity < 1:
            mask = mask.point(_fainter(round(opacity, 3)))
        if isinstance(fill, tuple):
            self.image.paste(fill, area, mask)
            return
        size = (max(1, span[2] - span[0]), max(1, span[3] - span[1]))
        part = (area[0] - span[0], area[1] - span[1], area[2] - span[0], area[3] - span[1])
        self.image.paste(_cut(fill.raster(size), part), area, mask)


def _cut(image: Image.Image, part: Box) -> Image.Image:
    """A part of an image; what lies outside repeats its edge."""
    if part == (0, 0, *image.size):
        return image
    size = (part[2] - part[0], part[3] - part[1])
    inner = _clip(part, image.size) or (0, 0, 1, 1)
    at = (inner[0] - part[0], inner[1] - part[1])
    out = image.resize(size, Image.Resampling.NEAREST, inner)
    out.paste(image.crop(inner), at)
    return out


def _clip(area: Box, size: tuple[int, int]) -> Box | None:
    return _meet(area, (0, 0, *size))


def _meet(one: Box, other: Box) -> Box | None:
    """Where two boxes overlap."""
    left, top = max(one[0], other[0]), max(one[1], other[1])
    right, bottom = min(one[2], other[2]), min(one[3], other[3])
    return (left, top, right, bottom) if right > left and bottom > top else None


@lru_cache(maxsize=1024)
def _fainter(opacity: float) -> list[int]:
    return [round(value * opacity) for value in range(256)]


@lru_cache(maxsize=64)
def _halo(percent: int) -> Image.Image:
    """A disc of light, 160 px wide, falling off softly to its edge."""
    x, y = np.meshgrid(np.linspace(-1, 1, 160), np.linspace(-1, 1, 160))
    fall = np.clip(1 - np.hypot(x, y), 0, 1) ** 2.2
    return Image.fromarray(np.uint8(fall * 255 * percent / 100))


def _lettering(words: str, size_px: int, weight: float, soft_px: int) -> Image.Image:
    """The mask of a line of words, its box as tight as the letters."""
    face = _face(max(6, size_px))
    stroke = round(weight * size_px * 0.1)
    left, top, right, bottom = face.getbbox(words, stroke_width=stroke)
    pad = 1 + 3 * soft_px
    mask = Image.new("L", (ceil(right - left) + 2 * pad, ceil(bottom - top) + 2 * pad))
    ImageDraw.Draw(mask).text((pad - left, pad - top), words, fill=255, font=face, stroke_width=stroke)
    return mask.filter(ImageFilter.GaussianBlur(soft_px)) if soft_px else mask


def text_width(words: str) -> float:
    """How wide a line of words is, in its own line heights."""
    return float(_face(100).getlength(words)) / 100


@lru_cache(maxsize=32)
def _face(size_px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Aileron, which Pillow carries: no font of the machine is needed."""
    return ImageFont.load_default(size_px)
