"""Things that are not turned: watch, shoes, bag, lamp, headphones, box, fruit; feet on y = 0, about one unit high."""

import numpy as np
from numpy.random import Generator

from simulator.picture.canvas import Canvas, Linear, Radial, ball, sheen
from simulator.picture.palette import Colour, Light, lift, mix
from simulator.picture.shapes import bow, box, ellipse, moved, smooth, turned

_STEEL: Colour = (196, 202, 210)


def _metal(colour: Colour) -> Linear:
    return Linear(
        (
            (0, lift(colour, 0.16)),
            (0.28, lift(colour, -0.06)),
            (0.5, lift(colour, 0.14)),
            (0.8, lift(colour, -0.14)),
            (1, lift(colour, 0.02)),
        ),
        45,
    )


def paint_watch(canvas: Canvas, colour: Colour, rng: Generator) -> None:
    """A wrist watch lying on its strap, the time by the seed."""
    strap = lift(mix(colour, (72, 52, 44), 0.55), -0.05)
    for low, high in ((-0.62, -1.24), (-0.36, 0.26)):
        side = 1 if high > low else -1
        band = smooth(
            [
                (-0.19, low),
                (-0.17, (low + high) / 2),
                (-0.145, high),
                (0.0, high + side * 0.03),
                (0.145, high),
                (0.17, (low + high) / 2),
                (0.19, low),
            ]
        )
        canvas.shape(band, Linear(((0, lift(strap, 0.08)), (0.5, strap), (1, lift(strap, -0.10))), 0))
        for x in (-0.13, 0.13):
            canvas.line(np.array([(x, low), (x * 0.85, high)]), 0.008, lift(strap, 0.14), opacity=0.7)
    canvas.shape(box(0.42, -0.54, 0.50, -0.44, radius=0.02), _metal(colour))
    canvas.shape(ellipse(0, -0.49, 0.44, 0.44), _metal(colour))
    canvas.shape(ellipse(0, -0.49, 0.385, 0.385), _metal(lift(colour, -0.16)))
    dial = mix((250, 248, 242), colour, 0.06) if rng.random() < 0.5 else mix((26, 30, 44), colour, 0.12)
    ink = (34, 34, 40) if sum(dial) > 380 else (244, 240, 230)
    canvas.shape(ellipse(0, -0.49, 0.355, 0.355), Radial(((0, lift(dial, 0.05)), (1, lift(dial, -0.06)))))
    for hour in range(12):
        mark = box(-0.012, -0.33, 0.012, -0.27 if hour % 3 else -0.235)
        canvas.shape(moved(turned(mark, (0, 0), hour * np.pi / 6), 0, -0.49), mix(colour, ink, 0.35))
    at = rng.uniform(0, 12)
    for turn, long, wide in ((at, 0.18, 0.026), (at * 12 % 12, 0.27, 0.018)):
        hand = np.array([(-wide, 0.05), (0, -long), (wide, 0.05)])
        canvas.shape(moved(turned(hand, (0, 0), turn * np.pi / 6), 0, -0.49), ink)
    canvas.shape(moved(turned(box(-0.005, -0.29, 0.005, 0.07), (0, 0), 4.0), 0, -0.49), (206, 60, 52))
    canvas.oval(0, -0.49, 0.024, 0.024, colour)
    canvas.shape(smooth([(-0.30, -0.58), (-0.10, -0.83), (0.10, -0.83), (-0.26, -0.44)]), (255, 255, 255), opacity=0.20)


def paint_shoe(canvas: Canvas, colour: Colour, accent: Colour) -> None:
    """One running shoe from the side, its toe to the right."""
    heel = [(-0.78, -0.12), (-0.80, -0.40), (-0.74, -0.62), (-0.60, -0.60), (-0.44, -0.50), (-0.22, -0.60)]
    toe = [(-0.04, -0.56), (0.24, -0.36), (0.56, -0.30), (0.80, -0.20), (0.84, -0.10), (0.0, -0.08)]
    upper = smooth([*heel, *toe])
    canvas.shape(smooth([(-0.72, -0.60), (-0.5, -0.64), (-0.24, -0.60), (-0.44, -0.46)]), lift(colour, -0.26))
    canvas.shape(upper, Linear(((0, lift(colour, 0.08)), (0.5, colour), (1, lift(colour, -0.14))), 70))
    canvas.inside(
        upper,
        smooth([(0.40, -0.42), (0.60, -0.32), (0.9, -0.22), (0.92, -0.06), (0.46, -0.06)]),
        lift(colour, -0.07),
        opacity=0.8,
    )
    canvas.inside(
        upper,
        smooth([(-0.86, -0.66), (-0.62, -0.62), (-0.60, -0.3), (-0.66, -0.06), (-0.86, -0.06)]),
        lift(colour, -0.09),
        opacity=0.8,
    )
    for start in (-0.34, -0.18):
        stripe = [(start, -0.10), (start + 0.14, -0.30), (start + 0.40, -0.40)]
        canvas.inside(upper, np.concatenate([bow(stripe), bow([(x + 0.065, y) for x, y in reversed(stripe)])]), accent)
    for step in range(5):
        x, y = -0.14 + step * 0.085, -0.55 + step * 0.055
        canvas.line(np.array([(x - 0.06, y + 0.03), (x + 0.075, y - 0.005)]), 0.030, (250, 248, 244))
    sole = smooth(
        [
            (-0.84, -0.13),
            (-0.4, -0.12),
            (0.1, -0.10),
            (0.6, -0.12),
            (0.92, -0.15),
            (0.90, -0.03),
            (0.6, 0.0),
            (-0.5, 0.0),
            (-0.84, -0.02),
        ]
    )
    canvas.shape(sole, Linear(((0, (255, 253, 250)), (1, (206, 204, 204)))))
    canvas.line(bow([(-0.80, -0.045), (0.0, -0.04), (0.86, -0.06)]), 0.026, accent)


def paint_shoes(canvas: Canvas, colour: Colour, rng: Generator) -> None:
    """A pair, the far one a step ahead."""
    accent = ((250, 246, 240), (255, 210, 80), (240, 110, 90))[int(rng.integers(3))]
    paint_shoe(canvas.at(0.22, -0.16, 0.92), lift(colour, -0.07), lift(accent, -0.06))
    canvas.shadow(ellipse(-0.05, -0.02, 0.85, 0.07), opacity=0.35, soft=0.04)
    paint_shoe(canvas.at(-0.12, 0.02, 1.0), colour, accent)


def paint_bag(canvas: Canvas, colour: Colour) -> None:
    """A leather bag with a flap, stitching and a buckle."""
    canvas.curve(
        [(-0.30, -0.74), (-0.26, -1.12), (0.0, -1.22), (0.26, -1.12), (0.30, -0.74)], 0.060, lift(colour, -0.14)
    )
    canvas.curve(
        [(-0.30, -0.76), (-0.26, -1.125), (0.0, -1.23), (0.26, -1.125), (0.30, -0.76)], 0.022, lift(colour, 0.05)
    )
    body = smooth(
        [
            (-0.60, -0.02),
            (-0.62, -0.40),
            (-0.52, -0.80),
            (0.0, -0.84),
            (0.52, -0.80),
            (0.62, -0.40),
            (0.60, -0.02),
            (0, 0.03),
        ]
    )
    canvas.shape(body, Linear(((0, lift(colour, 0.05)), (0.5, lift(colour, -0.03)), (1, lift(colour, -0.16))), 75))
    flap = smooth(
        [
            (-0.55, -0.82),
            (0, -0.87),
            (0.55, -0.82),
            (0.58, -0.50),
            (0.30, -0.30),
            (0, -0.26),
            (-0.30, -0.30),
            (-0.58, -0.50),
        ]
    )
    canvas.shape(moved(flap, 0, 0.025), (20, 10, 10), opacity=0.35, soft=0.02)
    canvas.shape(flap, Linear(((0, lift(colour, 0.12)), (1, lift(colour, -0.05))), 65))
    stitched = moved(flap * 0.93, 0, -0.038)
    for step in range(0, len(stitched) - 1, 2):
        canvas.line(stitched[step : step + 2], 0.009, lift(colour, 0.20), opacity=0.8)
    canvas.shape(box(-0.055, -0.50, 0.055, -0.16, radius=0.02), lift(colour, -0.12))
    canvas.shape(box(-0.085, -0.36, 0.085, -0.21, radius=0.02), _metal((216, 178, 96)))
    canvas.shape(box(-0.045, -0.325, 0.045, -0.245), lift(colour, -0.14))


def paint_lamp(canvas: Canvas, colour: Colour, light: Light) -> None:
    """A desk lamp on two arms; it burns brighter the darker the hour."""
    glow = 0.45 + 0.5 * light.lamps
    cone = np.array([(0.14, -0.98), (0.50, -0.86), (0.98, 0.02), (-0.14, 0.02)])
    canvas.shape(cone, (255, 226, 150), opacity=0.34 * glow + 0.04, soft=0.05)
    canvas.glow(0.36, -0.82, 1.05, (255, 220, 140), strength=0.75 * glow)
    canvas.shape(ellipse(0.42, 0.02, 0.46, 0.06), (255, 238, 186), opacity=0.6 * glow, soft=0.03)
    canvas.shape(ellipse(-0.30, 0.0, 0.30, 0.065), lift(colour, -0.16))
    canvas.shape(ellipse(-0.30, -0.035, 0.30, 0.062), sheen(colour, degrees=10))
    joint = (-0.52, -0.66)
    for start, end in (((-0.30, -0.05), joint), (joint, (0.16, -1.16))):
        canvas.limb(start, end, 0.030, 0.026, _metal(mix(_STEEL, colour, 0.15)))
    for x, y in (joint, (-0.30, -0.06), (0.16, -1.16)):
        canvas.oval(x, y, 0.048, 0.048, ball(lift(colour, -0.06)))
    shade = np.concatenate(
        [bow([(0.10, -1.20), (0.26, -1.22), (0.34, -1.12)]), bow([(0.60, -0.80), (0.36, -0.86), (0.06, -0.98)])]
    )
    canvas.shape(smooth([(0.515, -0.905), (0.55, -0.84), (0.34, -0.84), (0.13, -0.94), (0.10, -1.0)]), (255, 246, 214))
    canvas.shape(shade, Linear(((0, lift(colour, 0.12)), (0.6, colour), (1, lift(colour, -0.14))), 20))


def paint_headphones(canvas: Canvas, colour: Colour) -> None:
    """Headphones standing on their cups."""
    arc = [(-0.46, -0.40), (-0.50, -0.80), (-0.30, -1.14), (0.0, -1.24), (0.30, -1.14), (0.50, -0.80), (0.46, -0.40)]
    canvas.curve(arc, 0.10, lift(colour, -0.12))
    canvas.curve([(x * 0.985, y - 0.012) for x, y in arc], 0.045, lift(colour, 0.10))
    for side in (-1, 1):
        canvas.shape(ellipse(side * 0.36, -0.32, 0.13, 0.30), sheen((52, 48, 54), degrees=0))
        canvas.shape(
            ellipse(side * 0.47, -0.32, 0.15, 0.33),
            Radial(((0, lift(colour, 0.14)), (0.6, colour), (1, lift(colour, -0.18))), 0.4, 0.3),
        )
        canvas.shape(ellipse(side * 0.49, -0.32, 0.08, 0.18), _metal(mix(_STEEL, colour, 0.3)))


def paint_gift(canvas: Canvas, colour: Colour, ribbon: Colour) -> None:
    """A box with a ribbon and a bow."""
    canvas.shape(
        box(-0.5, -0.72, 0.5, 0.0, radius=0.02),
        Linear(((0, lift(colour, 0.07)), (0.7, colour), (1, lift(colour, -0.10))), 20),
    )
    canvas.shape(box(-0.09, -0.72, 0.09, 0.0), sheen(ribbon, degrees=0))
    canvas.shape(
        box(-0.55, -0.90, 0.55, -0.68, radius=0.02), Linear(((0, lift(colour, 0.12)), (1, lift(colour, -0.02))), 20)
    )
    canvas.shape(box(-0.10, -0.90, 0.10, -0.68), sheen(lift(ribbon, 0.03), degrees=0))
    paint_bow(canvas.at(0, -0.92, 1.0), ribbon)


def paint_bow(canvas: Canvas, ribbon: Colour) -> None:
    """The bow of a ribbon, its knot at the origin."""
    for side in (-1, 1):
        tail = np.array([(0, 0), (side * 0.10, 0.02), (side * 0.30, 0.26), (side * 0.20, 0.25), (side * 0.16, 0.32)])
        canvas.shape(tail, lift(ribbon, -0.09))
        loop = smooth([(0, 0.01), (side * 0.16, -0.20), (side * 0.40, -0.18), (side * 0.40, 0.02), (side * 0.18, 0.05)])
        canvas.shape(loop, sheen(ribbon, degrees=90, depth=0.08))
        canvas.shape(
            smooth([(side * 0.10, -0.03), (side * 0.22, -0.12), (side * 0.34, -0.09), (side * 0.30, -0.01)]),
            lift(ribbon, -0.14),
        )
    canvas.oval(0, 0, 0.075, 0.065, sheen(ribbon, degrees=60))


def paint_fruit(canvas: Canvas, colour: Colour) -> None:
    """An apple with a leaf."""
    apple = smooth(
        [
            (0, -0.80),
            (0.22, -0.90),
            (0.46, -0.76),
            (0.48, -0.42),
            (0.30, -0.08),
            (0.10, 0.0),
            (-0.10, 0.0),
            (-0.30, -0.08),
            (-0.48, -0.42),
            (-0.46, -0.76),
            (-0.22, -0.90),
        ]
    )
    canvas.shape(apple, Radial(((0, lift(colour, 0.16)), (0.4, colour), (1, lift(colour, -0.20))), 0.34, 0.3, 0.85))
    canvas.shape(ellipse(0, -0.80, 0.12, 0.045), lift(colour, -0.22), opacity=0.6, soft=0.02)
    canvas.curve([(0, -0.80), (0.02, -0.94), (0.07, -1.02)], 0.036, (96, 66, 44))
    canvas.shape(smooth([(0.05, -0.95), (0.20, -1.06), (0.36, -1.02), (0.22, -0.93)]), sheen((86, 150, 74)))
    canvas.shape(ellipse(-0.22, -0.62, 0.07, 0.12, turn=0.4), (255, 255, 255), opacity=0.55, soft=0.025)


def paint_chair(canvas: Canvas, colour: Colour) -> None:
    """A wooden chair from the front, its seat at y = 0."""
    for x in (-0.72, 0.72):
        canvas.shape(box(x - 0.06, -1.45, x + 0.06, 1.2, radius=0.05), sheen(colour, degrees=0))
    for y in (-1.30, -0.92, -0.54):
        rail = smooth([(-0.70, y), (0, y - 0.06), (0.70, y), (0.70, y + 0.18), (0, y + 0.13), (-0.70, y + 0.18)])
        canvas.shape(rail, sheen(lift(colour, 0.02), degrees=90))
    seat = np.array([(-0.80, -0.14), (0.80, -0.14), (0.92, 0.14), (-0.92, 0.14)])
    canvas.shape(seat, Linear(((0, lift(colour, 0.03)), (1, lift(colour, 0.09)))))
    canvas.shape(box(-0.92, 0.14, 0.92, 0.25, radius=0.03), lift(colour, -0.10))
