"""Cats, dogs and foxes, sitting for their portrait."""

import numpy as np
from numpy.random import Generator

from simulator.picture.brief import Brief
from simulator.picture.canvas import Canvas, Linear, Radial
from simulator.picture.look import pick
from simulator.picture.palette import Colour, Floats, lift, mix
from simulator.picture.portrait import backdrop
from simulator.picture.shapes import ellipse, smooth

_COATS: tuple[Colour, ...] = (
    (226, 150, 80),
    (120, 122, 132),
    (62, 56, 60),
    (214, 190, 160),
    (146, 104, 74),
    (238, 234, 228),
)
_CREAM: Colour = (252, 246, 236)


def paint_animal(canvas: Canvas, brief: Brief, rng: Generator) -> None:
    """The animal the prompt names, in the coat it names."""
    backdrop(canvas, brief, rng)
    fox = brief.has("fox")
    coat = (
        brief.dye("cat", "kitten", "dog", "puppy", "fox", "fur")
        or brief.main
        or ((222, 116, 50) if fox else pick(rng, _COATS))
    )
    scale = rng.uniform(0.88, 1.04)
    at = (canvas.width / 2 + rng.uniform(-0.05, 0.05), canvas.height - 0.56 * scale)
    part = canvas.at(*at, scale, turn=rng.uniform(-0.05, 0.05), mirror=rng.random() < 0.5)
    canvas.glow(at[0], at[1], 0.6, mix(brief.light.disc, (255, 255, 255), 0.4), strength=0.3)
    _body(part, coat)
    if not fox:
        _collar(part, brief.dye("collar") or pick(rng, ((200, 54, 60), (52, 110, 190), (236, 180, 60))))
    if brief.has("dog", "puppy"):
        _dog(part, coat, rng)
    else:
        _cat(part, coat, rng, fox=fox)


def _body(canvas: Canvas, coat: Colour) -> None:
    half = [(0.10, 0.12), (0.19, 0.26), (0.27, 0.46), (0.30, 0.8)]
    body = smooth([*half, *((-x, y) for x, y in reversed(half))])
    canvas.shape(body, Linear(((0, lift(coat, 0.05)), (0.5, lift(coat, -0.03)), (1, lift(coat, -0.15))), 30))
    canvas.inside(body, ellipse(0, 0.44, 0.12, 0.22), mix(coat, _CREAM, 0.75), opacity=0.9, soft=0.02)


def _collar(canvas: Canvas, collar: Colour) -> None:
    canvas.shape(
        smooth([(-0.15, 0.20), (0, 0.255), (0.15, 0.20), (0.165, 0.245), (0, 0.305), (-0.165, 0.245)]),
        Linear(((0, lift(collar, 0.05)), (1, lift(collar, -0.1))), 0),
    )
    canvas.oval(0, 0.315, 0.032, 0.034, Radial(((0, (255, 230, 150)), (1, (190, 140, 50))), 0.35, 0.3))


def _eyes(canvas: Canvas, iris: Colour, *, x: float, y: float, size: float, slit: bool) -> None:
    for side in (-1, 1):
        almond = ellipse(side * x, y, size, size * 0.86, turn=side * -0.2)
        canvas.shape(almond, (34, 26, 28))
        canvas.shape(
            ellipse(side * x, y, size * 0.86, size * 0.74, turn=side * -0.2),
            Radial(((0, lift(iris, 0.14)), (1, lift(iris, -0.14))), 0.5, 0.6),
        )
        canvas.oval(side * x, y, size * (0.24 if slit else 0.52), size * 0.60, (18, 14, 18))
        canvas.oval(side * x - size * 0.25, y - size * 0.28, size * 0.22, size * 0.22, (255, 255, 255))


def _cat(canvas: Canvas, coat: Colour, rng: Generator, *, fox: bool) -> None:
    tall = 0.36 if fox else 0.31
    for side in (-1, 1):
        ear = smooth([(side * 0.235, -0.06), (side * 0.225, -tall), (side * 0.05, -0.19)], dense=6)
        canvas.shape(ear, lift(coat, -0.04 if side < 0 else -0.09))
        inner = smooth([(side * 0.195, -0.09), (side * 0.200, -tall + 0.055), (side * 0.09, -0.17)], dense=6)
        canvas.shape(inner, mix((236, 150, 150), coat, 0.25))
    chin = 0.215 if fox else 0.175
    half = [(0.0, -0.205), (0.13, -0.185), (0.222, -0.075), (0.245, 0.03), (0.165, 0.125), (0.06, chin)]
    head = smooth([*half, *((-x, y) for x, y in reversed(half[1:]))])
    canvas.shape(head, Linear(((0, lift(coat, 0.06)), (0.6, coat), (1, lift(coat, -0.10))), 40))
    if fox:
        _mask(canvas, head)
    elif rng.random() < 0.7:
        _stripes(canvas, head, lift(coat, -0.16))
    for side in (-1, 1):
        canvas.shape(ellipse(side * 0.042, 0.092, 0.062, 0.050), mix(coat, _CREAM, 0.85))
    iris = pick(rng, ((120, 176, 80), (232, 176, 60), (90, 150, 200)))
    _eyes(canvas, iris, x=0.098, y=-0.022, size=0.050, slit=not fox)
    _muzzle(canvas, mix((222, 120, 128), (50, 36, 40), 0.85 if fox else 0.0), y=0.058)
    for side in (-1, 1):
        for low in (-0.02, 0.01, 0.04):
            whisker = [(side * 0.075, 0.085 + low * 0.4), (side * 0.19, 0.075 + low), (side * 0.30, 0.085 + low * 2)]
            canvas.curve(whisker, 0.0035, (255, 252, 248), opacity=0.85)


def _mask(canvas: Canvas, head: Floats) -> None:
    """A fox's white cheeks."""
    cheek = np.array([(0.26, 0.0), (0.12, 0.015), (0.03, 0.10), (0.03, 0.24), (0.2, 0.2)])
    for side in (-1, 1):
        canvas.inside(head, smooth(cheek * (side, 1)), _CREAM)


def _stripes(canvas: Canvas, head: Floats, tone: Colour) -> None:
    """A tabby's brow and cheeks."""
    for x in (-0.06, 0.0, 0.06):
        canvas.inside(head, smooth([(x - 0.016, -0.22), (x + 0.016, -0.22), (x * 0.8, -0.10)]), tone)
    for side in (-1, 1):
        for y in (0.0, 0.045):
            cheek = smooth([(side * 0.26, y - 0.02), (side * 0.26, y + 0.012), (side * 0.15, y + 0.012)])
            canvas.inside(head, cheek, tone)


def _muzzle(canvas: Canvas, nose: Colour, *, y: float, size: float = 1.0) -> None:
    canvas.shape(
        smooth(
            [
                (-0.030 * size, y - 0.012),
                (0.030 * size, y - 0.012),
                (0.012 * size, y + 0.018 * size),
                (-0.012 * size, y + 0.018 * size),
            ]
        ),
        nose,
    )
    canvas.oval(-0.008 * size, y - 0.004, 0.008 * size, 0.005 * size, (255, 255, 255), opacity=0.55)
    low = y + 0.018 * size
    for side in (-1, 1):
        canvas.curve(
            [(0, low), (side * 0.004, low + 0.02), (side * 0.030, low + 0.034), (side * 0.056, low + 0.018)],
            0.0062,
            (62, 44, 46),
        )


def _dog(canvas: Canvas, coat: Colour, rng: Generator) -> None:
    half = [(0.0, -0.215), (0.12, -0.195), (0.19, -0.09), (0.185, 0.03), (0.135, 0.13), (0.06, 0.20)]
    head = smooth([*half, *((-x, y) for x, y in reversed(half[1:]))])
    canvas.shape(head, Linear(((0, lift(coat, 0.06)), (0.6, coat), (1, lift(coat, -0.10))), 40))
    blaze = smooth(
        [
            (-0.018, -0.22),
            (0.018, -0.22),
            (0.045, -0.02),
            (0.11, 0.06),
            (0.10, 0.17),
            (0.0, 0.215),
            (-0.10, 0.17),
            (-0.11, 0.06),
            (-0.045, -0.02),
        ]
    )
    canvas.inside(head, blaze, mix(coat, _CREAM, 0.88))
    for side in (-1, 1):
        ear = smooth(
            [
                (side * 0.10, -0.205),
                (side * 0.205, -0.195),
                (side * 0.285, -0.06),
                (side * 0.285, 0.12),
                (side * 0.225, 0.155),
                (side * 0.175, 0.02),
                (side * 0.165, -0.10),
            ]
        )
        canvas.shape(ear, Linear(((0, lift(coat, -0.08)), (1, lift(coat, -0.18)))))
    _eyes(canvas, pick(rng, ((112, 72, 44), (84, 56, 40), (110, 140, 170))), x=0.088, y=-0.035, size=0.036, slit=False)
    if rng.random() < 0.6:
        tongue = smooth([(-0.034, 0.125), (0.034, 0.125), (0.038, 0.19), (0.0, 0.235), (-0.038, 0.19)])
        canvas.shape(tongue, Linear(((0, (206, 84, 100)), (1, (240, 140, 150)))))
        canvas.line(np.array([(0, 0.135), (0, 0.20)]), 0.005, (196, 80, 96))
    _muzzle(canvas, (40, 32, 36), y=0.062, size=1.5)
