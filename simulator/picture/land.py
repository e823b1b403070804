"""What lies under the sky: ranges, hills, trees, dunes, fields and water that mirrors what stands above it."""

import numpy as np
from numpy.random import Generator
from PIL import Image

from simulator.picture.canvas import Canvas, Linear, sheen
from simulator.picture.palette import Colour, Floats, lift, mix
from simulator.picture.shapes import below, bow, ellipse, moved, ridge, smooth


def ranges(
    canvas: Canvas, rng: Generator, *, top: float, bottom: float, layers: int, far: Colour, near: Colour,
    snow: Colour | None = None,
) -> None:  # fmt: skip
    """Mountain layers from hazy and high to dark and low; with `snow`, white above a ragged line."""
    for layer in range(layers):
        depth = (layer + 1) / layers
        colour = mix(far, near, depth**1.25)
        skyline = _peaks(canvas, rng, height=0.20 * (1.2 - 0.6 * depth), rough=1.0 - 0.5 * depth)
        skyline[:, 1] += top + (bottom - top) * (layer + 0.5) / layers
        foot = mix(colour, far, 0.55 * (1 - 0.4 * depth))
        outline = canvas.land(skyline, Linear(((0, colour), (0.30, mix(colour, foot, 0.5)), (0.7, foot), (1, foot))))
        _facets(canvas, rng, skyline, outline, colour)
        if snow and depth < 0.75:
            _snow_caps(canvas, rng, skyline, outline, mix(snow, far, 0.2 + 0.2 * (1 - depth)))


def _peaks(canvas: Canvas, rng: Generator, *, height: float, rough: float) -> Floats:
    """Rolling noise plus one to three summits."""
    skyline = ridge(rng, canvas.width, height=height * 0.55, rough=rough)
    x = skyline[:, 0]
    for _ in range(int(rng.integers(1, 4))):
        at, wide = rng.uniform(0.05, 0.95) * canvas.width, rng.uniform(0.16, 0.34)
        skyline[:, 1] -= height * rng.uniform(0.5, 1.1) * np.clip(1 - np.abs(x - at) / wide, 0, 1) ** 1.15
    return skyline


def _facets(canvas: Canvas, rng: Generator, skyline: Floats, outline: Floats, colour: Colour) -> None:
    """The side away from the sun: from each summit down to the right."""
    calm = np.convolve(skyline[:, 1], np.ones(15) / 15, "same")
    tops = [i for i in range(12, 245) if calm[i] == calm[i - 12 : i + 13].min()]
    for top in tops:
        right = top
        while right < 250 and calm[right + 1] > calm[right]:
            right += 1
        x, y = skyline[top]
        fall = skyline[right, 1] - y
        if fall < 0.02:
            continue
        foot = [(x + rng.uniform(-0.3, 0.1) * fall * (1.4 - t), y + fall * t * 1.6) for t in (1.0, 0.75, 0.5, 0.25)]
        side = np.concatenate([skyline[top : right + 1], np.array(foot)])
        canvas.inside(outline, side, lift(colour, -0.07), opacity=0.55)


def _snow_caps(canvas: Canvas, rng: Generator, skyline: Floats, outline: Floats, snow: Colour) -> None:
    highest, lowest = skyline[:, 1].min(), skyline[:, 1].max()
    line = highest + (lowest - highest) * 0.42
    edge = np.stack([skyline[::4, 0], line + rng.uniform(-0.024, 0.024, len(skyline[::4]))], -1)
    cap = np.concatenate([[(edge[0, 0], highest - 0.01)], edge, [(edge[-1, 0], highest - 0.01)]])
    canvas.inside(outline, cap, snow, opacity=0.92)
    shade = moved(cap, 0.012, 0.006)
    canvas.inside(outline, np.minimum(shade, moved(cap, 0.02, -0.03)), lift(snow, 0.03), opacity=0.5)


def hills(
    canvas: Canvas, rng: Generator, *, top: float, bottom: float, layers: int, far: Colour, near: Colour
) -> Floats:
    """Soft rolling ground; gives the outline of the nearest hill."""
    outline = canvas.frame
    for layer in range(layers):
        depth = (layer + 1) / layers
        colour = mix(far, near, depth)
        skyline = ridge(rng, canvas.width, height=0.05, rough=-0.55)
        skyline[:, 1] += top + (bottom - top) * layer / max(layers - 1, 1)
        outline = canvas.land(skyline, Linear(((0, lift(colour, 0.05)), (0.5, colour), (1, lift(colour, -0.08)))))
    return outline


def treeline(canvas: Canvas, rng: Generator, *, y: float, size: float, colour: Colour, foot: Colour) -> None:
    """A row of fir trees as one silhouette standing on a rolling line at y."""
    ground = ridge(rng, canvas.width, height=0.025, rough=0.2)
    points: list[tuple[float, float]] = []
    x = -size
    while x < canvas.width + size:
        base = y + float(np.interp(x, ground[:, 0], ground[:, 1]))
        tall, wide = size * rng.uniform(0.6, 1.25), size * rng.uniform(0.16, 0.24)
        points += [(x - wide, base)]
        for tier in (0.25, 0.5, 0.75):
            points += [(x - wide * (1 - tier), base - tall * tier), (x - wide * (1.15 - tier), base - tall * tier)]
        points += [(x, base - tall)]
        for tier in (0.75, 0.5, 0.25):
            points += [(x + wide * (1.15 - tier), base - tall * tier), (x + wide * (1 - tier), base - tall * tier)]
        points += [(x + wide, base)]
        x += wide * rng.uniform(1.1, 2.3)
    canvas.land(np.array(points), Linear(((0, colour), (0.35, mix(colour, foot, 0.4)), (1, foot))))


def fir(canvas: Canvas, x: float, base: float, tall: float, colour: Colour, *, snow: Colour | None = None) -> None:
    """One fir, lit from the left, its tiers under snow if a snow colour is given."""
    canvas.shape(
        np.array([(x - 0.02 * tall, base), (x, base - tall * 0.4), (x + 0.02 * tall, base)]), lift(colour, -0.1)
    )
    for tier in range(5):
        low, wide = base - tall * (0.08 + 0.17 * tier), tall * (0.25 - 0.042 * tier)
        peak = low - tall * 0.30
        canvas.shape(smooth([(x - wide, low), (x, peak), (x + wide, low), (x, low + wide * 0.22)], dense=3), colour)
        canvas.shape(np.array([(x, peak), (x + wide * 0.95, low), (x + wide * 0.15, low)]), lift(colour, -0.06))
        if snow:
            drift = [(x - wide * 0.86, low - 0.02 * tall), (x, peak), (x + wide * 0.5, low - 0.09 * tall),
                     (x + wide * 0.05, low - 0.10 * tall), (x - wide * 0.3, low - 0.04 * tall)]  # fmt: skip
            canvas.shape(np.array(drift), snow)


def round_tree(canvas: Canvas, rng: Generator, x: float, base: float, tall: float, colour: Colour) -> None:
    """A broad-leaved tree: trunk, and a crown of overlapping lit tufts."""
    trunk = mix((84, 58, 44), colour, 0.25)
    canvas.shadow(ellipse(x + tall * 0.12, base, tall * 0.38, tall * 0.045), opacity=0.35, soft=tall * 0.03)
    sides = [(x - tall * 0.045, base), (x - tall * 0.02, base - tall * 0.5), (x + tall * 0.02, base - tall * 0.5)]
    canvas.shape(np.array([*sides, (x + tall * 0.05, base)]), sheen(trunk, degrees=0))
    for level, tone in ((0.0, -0.08), (0.05, 0.0), (0.11, 0.07)):
        for _ in range(9):
            turn, out = rng.uniform(0, 6.28), rng.uniform(0, 0.24)
            tuft = (
                x + tall * (out * 1.25 * np.cos(turn) - level * 0.6),
                base - tall * (0.66 + out * np.sin(turn) + level),
            )
            size = tall * (1 - level * 2.2)
            canvas.oval(*tuft, size * 0.16, size * 0.14, lift(colour, tone))


def dunes(canvas: Canvas, rng: Generator, *, top: float, sand: Colour, haze: Colour) -> None:
    """Dunes, each with a lit side and a shaded side that meet in a winding crest."""
    for layer in range(4):
        depth = (layer + 1) / 4
        colour = mix(haze, sand, 0.35 + 0.65 * depth)
        peak = rng.uniform(0.15, 0.85) * canvas.width
        y, swing = top + (canvas.height - top) * 0.17 * layer**1.35, 0.05 + 0.07 * depth
        left, right = y + swing * rng.uniform(0.7, 1.4), y + swing * rng.uniform(0.8, 1.6)
        crest = bow([(-0.1, left), (peak * 0.5, y + swing * 0.42), (peak, y - swing), (peak + 0.22, y + swing * 0.1),
                     (canvas.width + 0.1, right)], dense=24)  # fmt: skip
        outline = canvas.land(crest, Linear(((0, lift(colour, 0.05)), (0.5, colour), (1, lift(colour, -0.03)))))
        keel = bow([(peak, y - swing), (peak - 0.05, y + swing * 0.9), (peak + 0.12, y + swing * 2.4),
                    (peak + 0.02, y + swing * 4.5), (peak + 0.2, canvas.height + 0.3)], dense=16)  # fmt: skip
        lee = np.concatenate([keel, [(canvas.width + 0.2, canvas.height + 0.3), (canvas.width + 0.2, y - swing)]])
        canvas.inside(outline, lee, Linear(((0, lift(colour, -0.16)), (1, lift(colour, -0.06)))), opacity=0.9)


def rows_of_crop(canvas: Canvas, rng: Generator, *, horizon: float, crop: Colour, soil: Colour) -> None:
    """A field whose rows run to one point on the horizon."""
    canvas.land(np.array([(-0.1, horizon), (canvas.width + 0.1, horizon)]), Linear(((0, lift(crop, 0.05)), (1, soil))))
    eye = rng.uniform(0.3, 0.7) * canvas.width
    spread = np.linspace(-3.2, 3.2, 44)
    for left, right in zip(spread[::2], spread[1::2], strict=True):
        row = np.array([(eye, horizon), (eye + left, canvas.height + 0.05), (eye + right, canvas.height + 0.05)])
        canvas.shape(row, Linear(((0, crop), (1, lift(crop, -0.03 + 0.05 * rng.random())))), opacity=0.9)
    for _ in range(340):
        depth = rng.random() ** 0.6
        y = horizon + (canvas.height - horizon) * depth
        x, size = rng.uniform(0, canvas.width), 0.003 + 0.012 * depth
        stem = np.array([(x, y), (x + rng.uniform(-0.3, 0.3) * size, y - size * 3)])
        canvas.line(stem, 0.0015 + 0.0022 * depth, lift(crop, rng.uniform(-0.1, 0.13)))


def water(canvas: Canvas, rng: Generator, *, horizon: float, tint: Colour, clear: float = 0.55) -> None:
    """Below the horizon a rippled mirror of what is above it, `clear` of the way between tint and mirror."""
    top, height = round(horizon * canvas.unit), canvas.image.height
    if top >= height - 4:
        return
    deep, width = (height - top) // 2, canvas.image.width // 2
    scene = canvas.image.crop((0, max(0, 2 * top - height), canvas.image.width, top)).reduce(2)
    above = np.asarray(scene.transpose(Image.Transpose.FLIP_TOP_BOTTOM))
    far = np.linspace(0, 1, deep)
    phase = np.cumsum(2.2 / (1.5 + 26 * far)) * (700 / deep) * 1.7
    swing = (np.sin(phase) + 0.6 * np.sin(phase * 0.37 + 1)) * (0.001 + 0.016 * far) * canvas.unit / 2
    columns = np.clip(np.arange(width)[None] + swing.astype(int)[:, None], 0, min(width, above.shape[1]) - 1)
    mirror = above[np.minimum(np.arange(deep), len(above) - 1)[:, None], columns]
    part = (clear * (1 - 0.45 * far)).astype(np.float32)[:, None, None]
    tone = (np.array(tint) * (1.0 - 0.28 * far[:, None])).astype(np.float32)[:, None] * (1 - part)
    surface = Image.fromarray((mirror * part + tone).astype(np.uint8))
    canvas.image.paste(surface.resize((canvas.image.width, height - top), Image.Resampling.BILINEAR), (0, top))
    _glints(canvas, rng, horizon, mix(tint, (255, 255, 255), 0.5))


def _glints(canvas: Canvas, rng: Generator, horizon: float, tone: Colour) -> None:
    for _ in range(46):
        far = rng.random() ** 1.5
        y = horizon + (canvas.height - horizon) * far
        x, long = rng.uniform(0, canvas.width), 0.02 + 0.10 * far * rng.random()
        canvas.shape(ellipse(x, y, long, 0.0008 + 0.0022 * far), tone, opacity=0.10 + 0.18 * (1 - far))


def shore(canvas: Canvas, rng: Generator, *, top: float, sand: Colour, foam: Colour) -> None:
    """A beach in the foreground with wet sand and a line of foam."""
    line = ridge(rng, canvas.width, height=0.03, rough=-0.5)
    line[:, 1] += top + 0.10 * (line[:, 0] - canvas.width * 0.5) * rng.choice((-1, 1))
    for lift_by, tone, opacity in ((-0.030, foam, 0.55), (-0.016, foam, 0.95), (0.0, lift(sand, -0.10), 1.0)):
        wave = moved(line, 0, lift_by)
        wave[:, 1] += 0.006 * np.sin(line[:, 0] * 21 + lift_by * 300)
        canvas.shape(below(wave, canvas.height + 0.01), tone, opacity=opacity)
    canvas.land(moved(line, 0, 0.035), Linear(((0, lift(sand, -0.03)), (0.4, sand), (1, lift(sand, -0.05)))))
