"""Hair and hats on a head drawn by `face`: what lies behind the head, and what lies over the brow."""

import numpy as np
from numpy.random import Generator

from simulator.picture.canvas import Canvas, Linear, sheen
from simulator.picture.look import Look
from simulator.picture.palette import Colour, Floats, lift, mix
from simulator.picture.shapes import Point, bow, box, ellipse, moved, smooth


def hair_behind(canvas: Canvas, look: Look, rng: Generator) -> None:
    """The mass behind neck and ears."""
    dark = lift(look.hair, -0.07)
    fill = Linear(((0, look.hair), (0.5, dark), (1, lift(dark, -0.05))))
    if look.style in ("long", "wavy"):
        wave = 0.02 if look.style == "wavy" else 0.0
        half = [
            (0.0, -0.235),
            (0.10, -0.21),
            (0.155, -0.12),
            (0.163, 0.0),
            (0.160 + wave, 0.10),
            (0.182 - wave, 0.21),
            (0.168 + wave, 0.33),
            (0.10, 0.385),
        ]
        canvas.shape(smooth([*half, *((-x, y) for x, y in reversed(half[1:]))]), fill)
    elif look.style == "bob":
        half = [(0.0, -0.235), (0.10, -0.21), (0.158, -0.12), (0.172, 0.0), (0.178, 0.10), (0.150, 0.178), (0.09, 0.17)]
        canvas.shape(smooth([*half, *((-x, y) for x, y in reversed(half[1:]))]), fill)
    elif look.style == "bun":
        canvas.shape(ellipse(0.02, -0.262, 0.072, 0.066), sheen(look.hair))
        canvas.shape(ellipse(0, -0.06, 0.146, 0.172), fill)
    elif look.style == "curly":
        reach = 0.185 if look.woman else 0.155
        for turn in np.linspace(2.6, 6.9, 22):
            x, y = reach * np.cos(turn), -0.055 + reach * 1.0 * np.sin(turn)
            wide, tall = (0.05 + 0.022 * rng.random(2)).tolist()
            canvas.oval(x, y + 0.01, wide, tall, lift(dark, rng.uniform(-0.03, 0.03)))
        canvas.oval(0, -0.06, reach, reach, dark)


def hair_before(canvas: Canvas, look: Look, rng: Generator, turn: float) -> None:
    """Fringe, parting or crop over the brow."""
    if look.style == "bald":
        canvas.oval(-0.04, -0.155, 0.03, 0.014, lift(look.skin, 0.08), opacity=0.5)
        return
    crop = _fringe(look, turn)
    canvas.shape(crop, Linear(((0, lift(look.hair, 0.06)), (0.6, look.hair), (1, lift(look.hair, -0.07))), 40))
    if look.style == "curly":
        for x in np.linspace(-0.125, 0.125, 9):
            y = -0.135 - 0.055 * (1 - (x / 0.14) ** 2)
            canvas.oval(x, y + rng.uniform(-0.012, 0.012), 0.034, 0.032, lift(look.hair, rng.uniform(-0.03, 0.05)))
        return
    part = -0.045 if look.style in ("side", "long", "bob") else 0.0
    for at in np.linspace(-0.105, 0.105, 11):
        strand = [(part + (at - part) * 0.25, -0.222), (at * 0.8, -0.195), (at * 1.12, -0.135 + 0.3 * abs(at))]
        canvas.inside(crop, _ribbon(strand, 0.0028), lift(look.hair, 0.10), opacity=0.30)
    if look.style in ("long", "wavy", "bob"):
        _locks(canvas, look)


# The line of the hair along the brow, from the right temple to the left.
_BROW: dict[str, list[Point]] = {
    "long": [(0.116, -0.06), (0.096, -0.115), (0.03, -0.165), (-0.05, -0.182), (-0.098, -0.115), (-0.116, -0.06)],
    "bob": [(0.118, -0.07), (0.088, -0.088), (0.0, -0.094), (-0.088, -0.088), (-0.118, -0.07)],
    "quiff": [(0.121, -0.08), (0.098, -0.148), (0.02, -0.160), (-0.07, -0.150), (-0.105, -0.125), (-0.121, -0.08)],
    "side": [(0.122, -0.075), (0.104, -0.112), (0.04, -0.128), (-0.05, -0.172), (-0.108, -0.118), (-0.122, -0.075)],
    "short": [(0.122, -0.078), (0.104, -0.132), (0.05, -0.152), (-0.02, -0.146), (-0.104, -0.132), (-0.122, -0.078)],
}
_BROW |= {"wavy": _BROW["long"], "bun": _BROW["long"], "curly": _BROW["short"]}


def _fringe(look: Look, turn: float) -> Floats:
    """The closed outline of hair from temple over the crown to temple and back along the brow."""
    temple, side = (0.142, -0.03), (0.150, -0.12)
    if not look.woman and look.style != "curly":
        temple, side = (0.133, -0.035), (0.140, -0.11)
    crown = [(-0.105, -0.208), (0.0, -0.240), (0.105, -0.208)]
    if look.style == "quiff":
        crown = [(-0.108, -0.215), (-0.01, -0.278), (0.11, -0.238)]
    brow = [(x + turn * (abs(x) < 0.06), y) for x, y in _BROW[look.style]]
    return smooth([(-temple[0], temple[1]), (-side[0], side[1]), *crown, side, temple, *brow])


def _locks(canvas: Canvas, look: Look) -> None:
    """Hair that falls in front of the ears."""
    low = 0.15 if look.style == "bob" else 0.31
    for side in (-1, 1):
        lock = smooth(
            [
                (side * 0.128, -0.09),
                (side * 0.162, -0.06),
                (side * 0.172, 0.08),
                (side * 0.172, low),
                (side * 0.128, low * 0.98),
                (side * 0.136, 0.10),
                (side * 0.119, 0.0),
            ]
        )
        canvas.shape(lock, sheen(look.hair, degrees=90, depth=0.06))
        canvas.curve(
            [(side * 0.15, -0.04), (side * 0.158, 0.08), (side * 0.15, low * 0.9)],
            0.004,
            lift(look.hair, 0.10),
            opacity=0.35,
        )


def _ribbon(points: list[tuple[float, float]], width: float) -> Floats:
    spine = bow(points)
    return np.concatenate([spine - (width, 0), (moved(spine, width, 0))[::-1]])


def paint_hat(canvas: Canvas, kind: str, colour: Colour) -> None:
    """A cap, a knitted hat or a hat with a brim."""
    {"cap": _cap, "knit": _knit, "brim": _brim}[kind](canvas, colour)


def _cap(canvas: Canvas, colour: Colour) -> None:
    dome = smooth(
        [
            (-0.148, -0.10),
            (-0.150, -0.17),
            (-0.09, -0.245),
            (0.0, -0.266),
            (0.09, -0.245),
            (0.150, -0.17),
            (0.148, -0.10),
            (0.0, -0.122),
        ]
    )
    canvas.shape(dome, Linear(((0, lift(colour, 0.08)), (0.6, colour), (1, lift(colour, -0.10))), 35))
    for x in (-0.07, 0.0, 0.07):
        canvas.curve([(x * 0.3, -0.262), (x, -0.2), (x * 1.15, -0.125)], 0.003, lift(colour, -0.09))
    peak = smooth(
        [
            (-0.150, -0.112),
            (-0.07, -0.132),
            (0.07, -0.132),
            (0.150, -0.112),
            (0.165, -0.082),
            (0.06, -0.092),
            (-0.06, -0.092),
            (-0.165, -0.082),
        ]
    )
    canvas.shape(moved(peak, 0, 0.012), (20, 14, 22), opacity=0.28, soft=0.008)
    canvas.shape(peak, Linear(((0, lift(colour, -0.05)), (1, lift(colour, -0.16)))))
    canvas.oval(0, -0.266, 0.011, 0.007, lift(colour, -0.1))


def _knit(canvas: Canvas, colour: Colour) -> None:
    canvas.oval(0, -0.302, 0.045, 0.043, mix(colour, (255, 250, 244), 0.75))
    canvas.oval(-0.008, -0.31, 0.03, 0.026, (255, 252, 248), opacity=0.6)
    dome = smooth(
        [
            (-0.146, -0.12),
            (-0.142, -0.20),
            (-0.075, -0.272),
            (0.075, -0.272),
            (0.142, -0.20),
            (0.146, -0.12),
            (0, -0.13),
        ]
    )
    canvas.shape(dome, Linear(((0, lift(colour, 0.08)), (0.6, colour), (1, lift(colour, -0.10))), 35))
    for x in np.linspace(-0.12, 0.12, 9):
        canvas.curve(
            [(x * 0.55, -0.265), (x * 0.95, -0.21), (x * 1.08, -0.145)], 0.004, lift(colour, -0.08), opacity=0.7
        )
    band = box(-0.154, -0.160, 0.154, -0.095, radius=0.028)
    canvas.shape(band, Linear(((0, lift(colour, 0.09)), (1, lift(colour, -0.06)))))
    for x in np.linspace(-0.138, 0.138, 19):
        canvas.curve([(x, -0.152), (x, -0.104)], 0.0036, lift(colour, -0.09), opacity=0.7)


def _brim(canvas: Canvas, colour: Colour) -> None:
    brim = ellipse(0, -0.128, 0.265, 0.050)
    canvas.shape(moved(brim, 0, 0.016), (20, 14, 22), opacity=0.3, soft=0.01)
    canvas.shape(brim, Linear(((0, lift(colour, 0.03)), (1, lift(colour, -0.14)))))
    dome = smooth(
        [(-0.140, -0.14), (-0.138, -0.22), (-0.10, -0.290), (0.10, -0.290), (0.138, -0.22), (0.140, -0.14), (0, -0.118)]
    )
    canvas.shape(dome, sheen(colour, degrees=30))
    ribbon = np.concatenate(
        [bow([(-0.141, -0.182), (0, -0.160), (0.141, -0.182)]), bow([(0.141, -0.142), (0, -0.118), (-0.141, -0.142)])]
    )
    canvas.shape(ribbon, lift(colour, -0.24))
