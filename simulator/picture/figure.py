"""Small whole people for crowds: one unit tall, feet at the origin, in a dozen flat shapes."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator

from simulator.picture.canvas import Canvas
from simulator.picture.look import pick
from simulator.picture.palette import CLOTHES, HAIRS, SKINS, Colour, lift, mix
from simulator.picture.shapes import Point, box, ellipse, smooth

_TROUSERS: tuple[Colour, ...] = ((44, 52, 78), (62, 62, 70), (98, 82, 70), (34, 34, 44), (84, 98, 118))


@dataclass(frozen=True)
class Figure:
    """One of a crowd. `pose` is stand, walk, run, cheer or skate; `away` turns the back to us."""

    skin: Colour
    hair: Colour
    top: Colour
    trousers: Colour
    long_hair: bool
    skirt: bool
    coat: bool
    pose: str
    away: bool
    mirror: bool

    def faded(self, haze: Colour, part: float) -> "Figure":
        """The same person `part` of the way into the haze."""
        return replace(
            self,
            skin=mix(self.skin, haze, part),
            hair=mix(self.hair, haze, part),
            top=mix(self.top, haze, part),
            trousers=mix(self.trousers, haze, part),
        )


def draw_figure(rng: Generator, *, tops: tuple[Colour, ...] = (), pose: str = "stand", away: float = 0.3) -> Figure:
    """Somebody; `tops` limits the clothes' colours, `away` is the share that shows its back."""
    woman = rng.random() < 0.5
    top = pick(rng, tops) if tops else pick(rng, CLOTHES)
    return Figure(
        skin=pick(rng, SKINS),
        hair=pick(rng, HAIRS),
        top=lift(top, rng.uniform(-0.05, 0.05)),
        trousers=pick(rng, _TROUSERS),
        long_hair=woman and rng.random() < 0.7,
        skirt=woman and rng.random() < 0.35 and pose in ("stand", "walk"),
        coat=rng.random() < 0.35,
        pose=pose,
        away=rng.random() < away,
        mirror=rng.random() < 0.5,
    )


# Hip at (0, -0.50), shoulders at -0.80. For each pose: two (knee, foot) and two (elbow, hand).
_LEGS: dict[str, tuple[tuple[Point, Point], ...]] = {
    "stand": (((-0.045, -0.25), (-0.05, 0.0)), ((0.045, -0.25), (0.05, 0.0))),
    "walk": (((0.02, -0.26), (-0.10, -0.01)), ((0.06, -0.26), (0.10, 0.0))),
    "run": (((-0.02, -0.26), (-0.20, -0.16)), ((0.13, -0.32), (0.12, -0.04))),
    "cheer": (((-0.045, -0.25), (-0.06, 0.0)), ((0.045, -0.25), (0.06, 0.0))),
    "skate": (((-0.10, -0.24), (-0.24, -0.08)), ((0.06, -0.26), (0.03, 0.0))),
}
_ARMS: dict[str, tuple[tuple[Point, Point], ...]] = {
    "stand": (((-0.135, -0.62), (-0.12, -0.47)), ((0.135, -0.62), (0.12, -0.47))),
    "walk": (((-0.14, -0.63), (-0.09, -0.49)), ((0.13, -0.63), (0.17, -0.50))),
    "run": (((-0.17, -0.66), (-0.10, -0.56)), ((0.12, -0.63), (0.21, -0.70))),
    "cheer": (((-0.16, -0.92), (-0.13, -1.10)), ((0.16, -0.92), (0.14, -1.10))),
    "skate": (((-0.16, -0.66), (-0.27, -0.60)), ((0.15, -0.68), (0.27, -0.74))),
}


def paint_figure(canvas: Canvas, figure: Figure, *, detail: bool) -> None:
    """The person; without `detail` (far off) the face is left out."""
    for knee, foot in _LEGS[figure.pose]:
        side = 1 if foot[0] > 0 else -1
        canvas.limb((side * 0.042, -0.50), knee, 0.050, 0.040, figure.trousers)
        canvas.limb(knee, foot, 0.040, 0.028, figure.trousers)
        canvas.oval(foot[0] + 0.015, foot[1] - 0.008, 0.045, 0.022, (36, 30, 34))
    _arm(canvas, figure, 1)
    _torso(canvas, figure)
    _arm(canvas, figure, 0)
    _head(canvas, figure, detail)


def _arm(canvas: Canvas, figure: Figure, which: int) -> None:
    elbow, hand = _ARMS[figure.pose][which]
    shoulder = ((-0.098, 0.098)[which], -0.785)
    tone = lift(figure.top, (0.03, -0.06)[which])
    canvas.limb(shoulder, elbow, 0.042, 0.035, tone)
    canvas.limb(elbow, hand, 0.034, 0.026, tone)
    canvas.oval(*hand, 0.027, 0.027, figure.skin)


def _torso(canvas: Canvas, figure: Figure) -> None:
    hem = -0.30 if figure.skirt else -0.40 if figure.coat else -0.47
    flare = 0.15 if figure.skirt else 0.112
    half = [(0.05, -0.845), (0.125, -0.80), (0.108, -0.62), (flare, hem)]
    body = np.array([*half, *((-x, y) for x, y in reversed(half))])
    canvas.shape(body, figure.top)
    shade = np.array([(0.06, -0.83), (0.125, -0.80), (0.108, -0.62), (flare, hem), (flare * 0.45, hem), (0.05, -0.62)])
    canvas.shape(shade, lift(figure.top, -0.06))
    if figure.coat and not figure.away:
        canvas.rect(-0.006, -0.80, 0.006, hem, lift(figure.top, -0.16))


def _head(canvas: Canvas, figure: Figure, detail: bool) -> None:
    y = -0.935
    if figure.long_hair:
        canvas.shape(box(-0.085, y - 0.07, 0.085, y + 0.125, radius=0.07), lift(figure.hair, -0.03))
    canvas.limb((0, -0.90), (0, -0.82), 0.032, 0.036, lift(figure.skin, -0.08))
    canvas.oval(0, y, 0.066, 0.080, figure.skin)
    if figure.away:
        canvas.oval(0, y - 0.012, 0.074, 0.080, figure.hair)
        return
    crop = smooth(
        [
            (-0.076, y + 0.005),
            (-0.072, y - 0.065),
            (0, y - 0.098),
            (0.072, y - 0.065),
            (0.076, y + 0.005),
            (0.05, y - 0.04),
            (-0.01, y - 0.052),
            (-0.05, y - 0.03),
        ],
        dense=4,
    )
    canvas.shape(crop, figure.hair)
    if detail:
        for x in (-0.024, 0.024):
            canvas.shape(ellipse(x, y + 0.006, 0.0075, 0.0095), (36, 28, 30))
        canvas.curve(
            [(-0.02, y + 0.040), (0, y + 0.047), (0.02, y + 0.040)], 0.008, mix(figure.skin, (150, 50, 50), 0.5)
        )
