"""Things that stand in a landscape: lighthouse, village, boats, palms, a river, birds."""

import numpy as np
from numpy.random import Generator

from simulator.picture.brief import Brief
from simulator.picture.canvas import Canvas, Linear, sheen
from simulator.picture.palette import Colour, Floats, Light, lift, mix
from simulator.picture.shapes import bow, box, ellipse, moved, ridge, smooth

_CREAM = (246, 240, 228)


def shaded(colour: Colour, light: Light) -> Colour:
    """A thing's own colour as the hour shows it."""
    return mix(colour, light.land, 0.6 if light.dark else 0.35 * light.lamps)


def rocky_coast(canvas: Canvas, brief: Brief, rng: Generator, horizon: float) -> None:
    """Rocks rising to one side; a lighthouse on them, its lamp lit in the dark."""
    side = float(rng.choice((-1, 1)))
    rock = shaded(brief.dye("rock", "cliff", "coast") or (92, 88, 98), brief.light)
    place = canvas.width / 2 + side * canvas.width * 0.26
    top = horizon - rng.uniform(0.0, 0.05)
    for layer in range(3):
        line = ridge(rng, canvas.width, height=0.06, rough=1.0)
        away = np.clip((line[:, 0] - place) * side + 0.24, 0, None)
        rise = np.minimum(away * 2.2, 0.34)
        line[:, 1] = (
            line[:, 1] * 0.5
            + canvas.height * (0.98 - 0.04 * (2 - layer))
            - rise * (canvas.height - top) * (1.9 - 0.55 * layer)
        )
        tone = lift(rock, 0.06 - 0.06 * layer)
        canvas.land(line, Linear(((0, lift(tone, 0.10)), (0.3, tone), (1, lift(tone, -0.14)))))
        if layer == 0 and brief.has("lighthouse"):
            foot = place + side * 0.08
            lighthouse(canvas, foot, float(np.interp(foot, line[:, 0], line[:, 1])) + 0.02, 0.44, brief)


def lighthouse(canvas: Canvas, x: float, base: float, tall: float, brief: Brief) -> None:
    """A striped tower with a gallery and a lamp."""
    wall, band = shaded(brief.dye("lighthouse") or _CREAM, brief.light), shaded((200, 52, 48), brief.light)
    low, high, top = tall * 0.11, tall * 0.068, base - tall * 0.78
    tower = np.array([(x - low, base), (x - high, top), (x + high, top), (x + low, base)])
    canvas.shape(tower, sheen(wall, degrees=0, depth=0.12))
    for part in (0.14, 0.46, 0.78):
        stripe = box(x - low, base + (top - base) * (part + 0.16), x + low, base + (top - base) * part)
        canvas.inside(tower, stripe, sheen(band, degrees=0, depth=0.10))
    canvas.shape(box(x - high * 1.5, top - tall * 0.02, x + high * 1.5, top + tall * 0.01), lift(wall, -0.3))
    lamp = (255, 236, 160)
    canvas.shape(box(x - high * 0.8, top - tall * 0.11, x + high * 0.8, top - tall * 0.02), mix(lamp, wall, 0.1))
    canvas.shape(np.array([(x - high, top - tall * 0.11), (x, top - tall * 0.20), (x + high, top - tall * 0.11)]), band)
    if brief.light.lamps > 0.2:
        y = top - tall * 0.065
        for reach in (-0.9, 0.9):
            beam = np.array([(x, y), (x + reach, y - 0.07), (x + reach, y + 0.09)])
            canvas.shape(beam, lamp, opacity=0.10 + 0.2 * brief.light.lamps, soft=0.012)
        canvas.glow(x, y, 0.22, lamp, strength=0.9)


def hill_village(canvas: Canvas, brief: Brief, rng: Generator, ground: Colour) -> None:
    """A hill to one side with houses stepping up it."""
    side = float(rng.choice((-1, 1)))
    crown = canvas.width / 2 + side * 0.22 * canvas.width
    xs = np.linspace(-0.05, canvas.width + 0.05, 120)
    rise = 0.50 * np.exp(-(((xs - crown) / 0.30) ** 2))
    line = np.stack([xs, canvas.height * 0.97 - rise + 0.012 * np.sin(xs * 31)], -1)
    canvas.land(line, Linear(((0, lift(ground, 0.06)), (1, lift(ground, -0.14)))))
    wall = shaded(brief.dye("village", "town", "house") or _CREAM, brief.light)
    lamp = mix((255, 214, 130), (70, 96, 130), 0.0 if brief.light.lamps > 0.2 else 0.9)
    for level in np.linspace(0, 1, 9):
        for x in np.sort(rng.uniform(-0.34, 0.34, 6) * (0.25 + 0.75 * level)) + crown:
            y = float(np.interp(x, xs, line[:, 1])) + 0.015 + 0.20 * level * rng.random()
            _house(canvas, rng, float(x), y, wall, lamp)


def _house(canvas: Canvas, rng: Generator, x: float, y: float, wall: Colour, lamp: Colour) -> None:
    wide, tall = rng.uniform(0.045, 0.075), rng.uniform(0.045, 0.085)
    tone = lift(wall, rng.uniform(-0.05, 0.02))
    canvas.shape(box(x, y - tall, x + wide, y), tone)
    canvas.shape(box(x + wide * 0.68, y - tall, x + wide, y), lift(tone, -0.12))
    kind = rng.random()
    if kind < 0.22:
        dome = mix((48, 108, 190), wall, 0.1)
        canvas.shape(ellipse(x + wide / 2, y - tall, wide * 0.42, wide * 0.42), sheen(dome, degrees=20))
        canvas.shape(box(x, y - tall, x + wide, y - tall * 0.55), tone)
    elif kind < 0.5:
        roof = np.array([(x - 0.006, y - tall), (x + wide / 2, y - tall * 1.45), (x + wide + 0.006, y - tall)])
        canvas.shape(roof, mix((192, 100, 72), wall, 0.15))
    for part in (0.18, 0.44):
        canvas.rect(x + wide * part, y - tall * 0.7, x + wide * (part + 0.14), y - tall * 0.4, lamp)


def rowing_boat(canvas: Canvas, x: float, y: float, size: float, hull: Colour, light: Light) -> None:
    """A boat seen from the side with its reflection."""
    tone = shaded(hull, light)
    canvas.shadow(ellipse(x, y + size * 0.17, size * 0.5, size * 0.05), opacity=0.45, soft=0.008)
    canvas.shape(
        smooth([(x - size * 0.42, y + size * 0.13), (x, y + size * 0.20), (x + size * 0.42, y + size * 0.13)]),
        tone,
        opacity=0.4,
    )
    hull_line = [(-0.52, -0.06), (-0.36, 0.11), (0, 0.15), (0.36, 0.11), (0.55, -0.10), (0, 0.005)]
    body = smooth([(x + size * dx, y + size * dy) for dx, dy in hull_line])
    canvas.shape(body, Linear(((0, lift(tone, 0.10)), (1, lift(tone, -0.12)))))
    canvas.line(
        bow([(x - size * 0.51, y - size * 0.055), (x, y + size * 0.015), (x + size * 0.54, y - size * 0.095)]),
        size * 0.028,
        lift(tone, 0.24),
    )
    for seat in (-0.15, 0.16):
        canvas.line(
            np.array([(x + size * (seat - 0.05), y - size * 0.005), (x + size * (seat + 0.05), y - size * 0.012)]),
            size * 0.03,
            (120, 84, 58),
        )


def sailing_boat(canvas: Canvas, x: float, y: float, size: float, dye: Colour | None) -> None:
    """A small sailing boat far off."""
    sail = dye or (250, 246, 238)
    canvas.shape(np.array([(x, y - size), (x, y - size * 0.12), (x - size * 0.42, y - size * 0.12)]), lift(sail, -0.06))
    canvas.shape(
        np.array(
            [(x + size * 0.03, y - size * 0.92), (x + size * 0.03, y - size * 0.12), (x + size * 0.5, y - size * 0.12)]
        ),
        sail,
    )
    hull = [
        (x - size * 0.45, y - size * 0.07),
        (x + size * 0.55, y - size * 0.07),
        (x + size * 0.36, y + size * 0.06),
        (x - size * 0.3, y + size * 0.06),
    ]
    canvas.shape(np.array(hull), (92, 52, 50))
    canvas.shape(ellipse(x, y + size * 0.12, size * 0.4, size * 0.03), sail, opacity=0.35)


def river(canvas: Canvas, valley: Floats, rng: Generator, *, top: float, tone: Colour) -> None:
    """A river winding toward the viewer through a valley."""
    bottom, x = canvas.height + 0.02, canvas.width * rng.uniform(0.4, 0.6)
    swing = rng.choice((-1, 1))
    middle = bow(
        [(x, top), (x + 0.06 * swing, top + 0.03), (x - 0.10 * swing, top + 0.09), (x + 0.05 * swing, bottom)], dense=20
    )
    wide = 0.004 + 0.16 * np.linspace(0, 1, len(middle))[:, None] ** 2 * (1, 0)
    banks = np.concatenate([middle - wide, (middle + wide)[::-1]])
    canvas.shape(banks, Linear(((0, lift(tone, 0.1)), (1, lift(tone, -0.06)))))
    canvas.inside(valley, moved(banks, 0.012, 0), lift(tone, 0.08), opacity=0.3)


def palm(canvas: Canvas, rng: Generator, x: float, leaf: Colour) -> None:
    """A leaning palm on the shore."""
    lean = 0.16 if x < canvas.width / 2 else -0.16
    base, top = canvas.height * 0.97, canvas.height * rng.uniform(0.36, 0.46)
    trunk = mix((120, 88, 62), leaf, 0.3)
    crown = (x + lean, top)
    for part, wide in ((0.0, 0.034), (0.012, 0.016)):
        canvas.curve([(x + part, base), (x + lean * 0.25 + part, (base + top) / 2), crown], wide, lift(trunk, part * 8))
    for turn in np.linspace(-2.9, 0.3, 9):
        reach = rng.uniform(0.20, 0.28)
        tip = (crown[0] + reach * np.cos(turn), crown[1] + reach * np.sin(turn) * 0.55 + 0.10)
        mid = (crown[0] + reach * 0.55 * np.cos(turn), crown[1] + reach * 0.5 * np.sin(turn))
        spine, back = bow([crown, mid, tip]), bow([tip, (mid[0], mid[1] + 0.042), crown])
        canvas.shape(np.concatenate([spine, back]), sheen(lift(leaf, rng.uniform(-0.05, 0.05)), depth=0.06))
    for dx in (-0.012, 0.012):
        canvas.oval(crown[0] + dx, crown[1] + 0.018, 0.014, 0.015, (96, 66, 44))


def cactus(canvas: Canvas, x: float, base: float, tall: float, tone: Colour) -> None:
    """A saguaro with two arms and its shadow on the sand."""
    canvas.shadow(ellipse(x + tall * 0.4, base + 0.004, tall * 0.5, tall * 0.05), opacity=0.35, soft=0.012)
    wide = tall * 0.075
    canvas.limb((x, base), (x, base - tall), wide, wide, sheen(tone, degrees=0))
    for side, low, high in ((-1, 0.42, 0.74), (1, 0.54, 0.86)):
        elbow = (x + side * tall * 0.22, base - tall * low)
        canvas.limb((x, base - tall * low), elbow, wide * 0.72, wide * 0.72, lift(tone, -0.03 * side))
        canvas.limb(elbow, (elbow[0], base - tall * high), wide * 0.72, wide * 0.66, sheen(tone, degrees=0))


def birds(canvas: Canvas, rng: Generator, tone: Colour) -> None:
    """A few birds high up."""
    x, y = rng.uniform(0.2, 0.7) * canvas.width, rng.uniform(0.08, 0.20) * canvas.height
    for _ in range(int(rng.integers(3, 7))):
        at, size = (x + rng.normal(0, 0.08), y + rng.normal(0, 0.035)), rng.uniform(0.012, 0.022)
        wing = [(at[0] - size, at[1] - size * 0.4), (at[0] - size * 0.4, at[1] - size * 0.42), at]
        canvas.curve(wing, 0.0032, tone)
        canvas.curve([at, (at[0] + size * 0.4, at[1] - size * 0.42), (at[0] + size, at[1] - size * 0.4)], 0.0032, tone)
