"""Things turned on a wheel or blown: vessels as an outline of revolution with light that follows the form."""

from collections.abc import Sequence

import numpy as np
from numpy.random import Generator

from simulator.picture.canvas import Canvas, Linear, Radial, ball, sheen
from simulator.picture.palette import Colour, Floats, lift, mix
from simulator.picture.shapes import Point, bow, box, ellipse, moved, smooth

Profile = Sequence[tuple[float, float]]  # (radius, height above the table), from the foot up


def paint_lathe(canvas: Canvas, profile: Profile, colour: Colour, *, gloss: float = 0.7) -> Floats:
    """A solid of revolution about x = 0 standing on y = 0; gives its outline."""
    side = bow([(radius, -height) for radius, height in profile])
    foot = profile[0][0]
    round_foot = ellipse(0, 0, foot, foot * 0.13)[1:24]
    outline = np.concatenate([side[::-1], round_foot, (side * (-1, 1))])
    dark, lit = lift(colour, -0.20, chroma=0.95), lift(colour, 0.10)
    bands = ((0, lift(colour, -0.10)), (0.24, lit), (0.48, colour), (0.86, dark), (1, lift(colour, -0.13)))
    canvas.shape(outline, Linear(bands, 0))
    for centre, half, strength in ((-0.52, 0.13, 0.62), (-0.44, 0.05, 0.5), (0.86, 0.05, 0.22)):
        strip = np.concatenate([side * (centre - half, 1), (side * (centre + half, 1))[::-1]])
        canvas.inside(outline, strip, mix(colour, (255, 255, 255), 0.85), opacity=strength * gloss, soft=0.012)
    return outline


def paint_rim(canvas: Canvas, radius: float, height: float, colour: Colour, inside: Colour) -> None:
    """The open mouth of a vessel and what is in it."""
    canvas.shape(ellipse(0, -height, radius, radius * 0.20), sheen(lift(colour, 0.08), degrees=0))
    inner = ellipse(0, -height + 0.004, radius * 0.90, radius * 0.155)
    canvas.shape(inner, Linear(((0, lift(inside, -0.14)), (1, inside)), 20))


def paint_mug(canvas: Canvas, colour: Colour, rng: Generator) -> None:
    """A mug with a handle, full of coffee."""
    side = 1 if rng.random() < 0.5 else -1
    handle = [
        (side * 0.40, -0.78),
        (side * 0.66, -0.76),
        (side * 0.72, -0.50),
        (side * 0.60, -0.26),
        (side * 0.38, -0.22),
    ]
    canvas.curve(handle, 0.105, lift(colour, -0.16))
    canvas.curve([(x - 0.012, y - 0.014) for x, y in handle], 0.06, lift(colour, 0.04))
    paint_lathe(canvas, [(0.405, 0.0), (0.425, 0.05), (0.43, 0.5), (0.44, 0.95)], colour)
    paint_rim(canvas, 0.44, 0.95, colour, (84, 50, 32))
    for start in (-0.12, 0.08):
        steam = bow([(start, -1.05), (start + 0.07, -1.22), (start - 0.05, -1.38), (start + 0.05, -1.58)])
        canvas.shape(
            np.concatenate([steam - (0.02, 0), (moved(steam, 0.03, 0))[::-1]]), (255, 255, 255), opacity=0.20, soft=0.02
        )


def paint_bottle(canvas: Canvas, colour: Colour, rng: Generator) -> None:
    """A glass bottle: light shines through its middle, and it bears a label."""
    neck, shoulder = rng.uniform(0.075, 0.10), rng.uniform(0.86, 1.02)
    profile = [
        (0.235, 0.0),
        (0.25, 0.05),
        (0.255, shoulder - 0.28),
        (0.20, shoulder - 0.05),
        (neck * 1.1, shoulder + 0.12),
        (neck, 1.42),
    ]
    outline = paint_lathe(canvas, profile, lift(colour, -0.06), gloss=1.0)
    glow = ellipse(0.06, -0.42, 0.13, 0.40)
    canvas.inside(outline, glow, lift(colour, 0.22, chroma=1.1), opacity=0.5, soft=0.05)
    label = box(-0.255, -0.56, 0.255, -0.20)
    canvas.inside(outline, label, Linear(((0, (226, 218, 200)), (0.3, (252, 248, 238)), (1, (206, 196, 180))), 0))
    for y in (-0.46, -0.40, -0.30):
        canvas.rect(-0.12, y, 0.12, y + 0.018, (120, 108, 96))
    cork = box(-neck * 0.92, -1.55, neck * 0.92, -1.38, radius=0.02)
    canvas.shape(cork, sheen((190, 146, 100), degrees=0))
    canvas.rect(-neck * 1.15, -1.42, neck * 1.15, -1.36, lift(colour, -0.12))


def paint_perfume(canvas: Canvas, colour: Colour, rng: Generator) -> None:
    """A square cut-glass flask with a metal cap."""
    half = rng.uniform(0.30, 0.36)
    body = box(-half, -0.80, half, 0.02, radius=0.07)
    canvas.shape(body, Linear(((0, lift(colour, 0.16)), (0.45, lift(colour, 0.05)), (1, lift(colour, -0.12))), 55))
    inner = box(-half + 0.07, -0.66, half - 0.07, -0.06, radius=0.04)
    canvas.shape(inner, Linear(((0, lift(colour, 0.10)), (0.16, lift(colour, -0.03)), (1, lift(colour, -0.14))), 90))
    for facet, tone, opacity in (
        ([(-half, -0.74), (-half + 0.07, -0.66), (-half + 0.07, -0.06), (-half, 0.0)], (255, 255, 255), 0.35),
        ([(half, -0.74), (half - 0.07, -0.66), (half - 0.07, -0.06), (half, 0.0)], (20, 10, 30), 0.16),
        ([(-0.16, -0.66), (-0.02, -0.66), (-0.22, -0.06), (-0.26, -0.06), (-0.26, -0.20)], (255, 255, 255), 0.22),
    ):
        canvas.inside(body, np.array(facet), tone, opacity=opacity)
    canvas.shape(box(-0.10, -0.90, 0.10, -0.79), sheen((214, 196, 150), degrees=0, depth=0.16))
    canvas.shape(
        box(-0.15, -1.20, 0.15, -0.89, radius=0.03),
        Linear(((0, (170, 140, 84)), (0.3, (250, 234, 190)), (0.6, (206, 172, 104)), (1, (128, 98, 56))), 0),
    )


def paint_vase(canvas: Canvas, colour: Colour, rng: Generator) -> None:
    """A vase with flowers of its own choosing."""
    for lean in (-0.34, -0.12, 0.10, 0.32):
        tip = (lean * 1.5, -1.42 - rng.uniform(0, 0.28))
        canvas.curve([(lean * 0.15, -0.9), (lean * 0.8, -1.2), tip], 0.022, (74, 120, 76))
        paint_flower(canvas.at(*tip, 0.16), ((240, 120, 140), (250, 200, 90), (250, 246, 240))[int(rng.integers(3))])
    belly = rng.uniform(0.30, 0.42)
    paint_lathe(canvas, [(0.18, 0.0), (belly, 0.34), (belly * 0.8, 0.66), (0.13, 0.88), (0.19, 1.02)], colour)
    paint_rim(canvas, 0.19, 1.02, colour, lift(colour, -0.25))


def paint_teapot(canvas: Canvas, colour: Colour, flower: Colour | None) -> None:
    """A round teapot, with painted flowers if they have a colour."""
    spout = smooth(
        [
            (0.34, -0.52),
            (0.62, -0.44),
            (0.70, -0.66),
            (0.84, -0.80),
            (0.80, -0.86),
            (0.60, -0.74),
            (0.52, -0.66),
            (0.36, -0.70),
        ]
    )
    canvas.shape(spout, Linear(((0, lift(colour, 0.04)), (1, lift(colour, -0.18)))))
    handle = [(-0.38, -0.72), (-0.70, -0.78), (-0.78, -0.46), (-0.62, -0.22), (-0.38, -0.24)]
    canvas.curve(handle, 0.085, lift(colour, -0.14))
    canvas.curve([(x - 0.01, y - 0.014) for x, y in handle], 0.045, lift(colour, 0.04))
    outline = paint_lathe(canvas, [(0.27, 0.0), (0.44, 0.16), (0.50, 0.42), (0.40, 0.70), (0.23, 0.84)], colour)
    canvas.shape(ellipse(0, -0.84, 0.25, 0.06), sheen(lift(colour, -0.06), degrees=0))
    canvas.shape(ellipse(0, -0.87, 0.225, 0.075), sheen(lift(colour, 0.03), degrees=10))
    canvas.shape(ellipse(0, -0.97, 0.06, 0.055), ball(colour))
    if flower:
        for x, y, size in ((-0.18, -0.46, 0.13), (0.12, -0.36, 0.15), (0.26, -0.58, 0.09), (-0.02, -0.64, 0.09)):
            canvas.inside(outline, ellipse(x + size, y + size * 0.9, size * 0.7, size * 0.3, turn=0.6), (90, 140, 100))
            paint_flower(canvas.at(x, y, size), flower)


def paint_bowl(canvas: Canvas, colour: Colour) -> None:
    """A wide bowl."""
    paint_lathe(canvas, [(0.22, 0.0), (0.26, 0.06), (0.50, 0.30), (0.62, 0.56)], colour)
    paint_rim(canvas, 0.62, 0.56, colour, lift(colour, -0.16))


def paint_candle(canvas: Canvas, colour: Colour) -> None:
    """A lit candle in its own light."""
    paint_lathe(canvas, [(0.24, 0.0), (0.25, 0.3), (0.24, 0.78)], colour, gloss=0.4)
    paint_rim(canvas, 0.24, 0.78, colour, lift(colour, 0.12))
    canvas.line(np.array([(0, -0.78), (0.005, -0.88)]), 0.014, (50, 40, 40))
    canvas.glow(0, -1.0, 0.85, (255, 200, 110), strength=0.75)
    canvas.shape(
        smooth([(0, -0.84), (0.06, -0.94), (0.0, -1.16), (-0.06, -0.94)]),
        Radial(((0, (255, 250, 224)), (1, (255, 176, 70))), 0.5, 0.7),
    )


def paint_sphere(canvas: Canvas, colour: Colour, rng: Generator) -> None:
    """A polished sphere with a band round it."""
    globe = ellipse(0, -0.5, 0.5, 0.5)
    stops = (
        (0, lift(colour, 0.22, chroma=0.7)),
        (0.30, lift(colour, 0.04)),
        (0.75, lift(colour, -0.17)),
        (1, lift(colour, -0.26)),
    )
    canvas.shape(globe, Radial(stops, 0.34, 0.28, 0.86))
    if rng.random() < 0.5:
        low = rng.uniform(-0.5, -0.2)
        band = np.concatenate(
            [
                bow([(-0.6, low - 0.1), (0, low + 0.06), (0.6, low - 0.1)]),
                bow([(0.6, low + 0.0), (0, low + 0.17), (-0.6, low + 0.0)]),
            ]
        )
        canvas.inside(globe, band, (255, 255, 255), opacity=0.30)
    canvas.inside(globe, ellipse(0.08, -0.02, 0.36, 0.10), (255, 246, 232), opacity=0.22, soft=0.05)
    canvas.shape(ellipse(-0.17, -0.74, 0.085, 0.055, turn=-0.6), (255, 255, 255), opacity=0.85, soft=0.016)


def paint_flower(canvas: Canvas, colour: Colour, *, petals: int = 5) -> None:
    """A flower seen from the front, about one unit across the middle of its petals."""
    for turn in np.linspace(0, 2 * np.pi, petals, endpoint=False) - np.pi / 2:
        at: Point = (0.42 * float(np.cos(turn)), 0.42 * float(np.sin(turn)))
        canvas.shape(ellipse(*at, 0.46, 0.30, turn=float(turn)), lift(colour, 0.04 * float(np.cos(turn - 4))))
    canvas.oval(0, 0, 0.20, 0.20, (246, 196, 72) if sum(colour) < 700 else (240, 170, 90))
