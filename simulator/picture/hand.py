"""Hands drawn finger by finger, five each: open, gripping from the side, or writing; about one unit long."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from simulator.picture.canvas import Canvas, Linear, sheen
from simulator.picture.palette import Colour, lift, mix
from simulator.picture.shapes import Point, box, capsule, ellipse, smooth

# Base and tip of index, middle, ring and little finger of an open hand, the wrist at the bottom, thumb at the left.
_FINGERS: tuple[tuple[Point, Point], ...] = (
    ((-0.165, -0.17), (-0.245, -0.60)),
    ((-0.055, -0.22), (-0.075, -0.72)),
    ((0.060, -0.20), (0.085, -0.65)),
    ((0.165, -0.12), (0.235, -0.47)),
)
_PALM: tuple[Point, ...] = (
    *((-0.165, 0.46), (-0.235, 0.16), (-0.235, -0.16), (-0.12, -0.275), (0.05, -0.285)),
    *((0.19, -0.20), (0.235, -0.04), (0.215, 0.22), (0.165, 0.46), (0, 0.52)),
)


@dataclass(frozen=True)
class Hand:
    """Whose hand: its skin (or glove, then without nails) and the sleeve above it."""

    skin: Colour
    sleeve: Colour
    gloved: bool = False

    @property
    def shade(self) -> Colour:
        """Its skin in shadow."""
        return lift(self.skin, -0.10, chroma=1.12)


def _finger(canvas: Canvas, hand: Hand, joints: list[Point], thick: float) -> None:
    """A finger through its joints, edged with shadow so that it stands out from its neighbours."""
    pairs = list(pairwise(joints))
    radii = np.linspace(thick, thick * 0.78, len(joints)).tolist()
    for grow, tone in ((0.009, hand.shade), (0.0, hand.skin)):
        for (start, end), r0, r1 in zip(pairs, radii[:-1], radii[1:], strict=True):
            canvas.shape(capsule(start, end, r0 + grow, r1 + grow), tone)
    for (start, end), r0, r1 in zip(pairs, radii[:-1], radii[1:], strict=True):
        gleam = capsule(start, end, r0 * 0.45, r1 * 0.45) - (thick * 0.32, thick * 0.2)
        canvas.shape(gleam, lift(hand.skin, 0.035), opacity=0.6)


def _nail(canvas: Canvas, hand: Hand, tip: Point, turn: float, size: float) -> None:
    if hand.gloved:
        return
    nail = ellipse(tip[0], tip[1], size * 0.62, size * 0.85, turn=turn)
    canvas.shape(nail, mix(lift(hand.skin, 0.10), (246, 190, 190), 0.5))
    canvas.shape(ellipse(tip[0], tip[1] - size * 0.2, size * 0.28, size * 0.4, turn=turn), (255, 246, 244), opacity=0.5)


def _forearm(canvas: Canvas, hand: Hand, elbow: Point, wrist: Point, thick: float) -> None:
    """Arm and sleeve from the picture's edge to the wrist."""
    canvas.shape(capsule(elbow, wrist, thick * 1.25, thick), sheen(hand.skin, degrees=0))
    arm, side = np.array(elbow), np.array([elbow[1] - wrist[1], wrist[0] - elbow[0]])
    side = side / np.hypot(*side) * thick
    cuff = np.array(wrist) + (arm - np.array(wrist)) * 0.42
    hem = cuff + (np.array(wrist) - arm) * 0.05
    sleeve = np.array([cuff - side * 1.42, cuff + side * 1.42, arm + side * 1.8, arm - side * 1.8])
    canvas.shape(sleeve, Linear(((0, lift(hand.sleeve, 0.06)), (1, lift(hand.sleeve, -0.12))), 10))
    canvas.shape(
        np.array([cuff - side * 1.5, cuff + side * 1.5, hem + side * 1.46, hem - side * 1.46]), lift(hand.sleeve, -0.07)
    )


def paint_open(canvas: Canvas, hand: Hand, *, raised: tuple[bool, ...] = (True,) * 5, back: bool = False) -> None:
    """An open hand, fingers up; `raised` (thumb first) folds the others, `back` shows nails and knuckles."""
    _forearm(canvas, hand, (0.0, 1.9), (0.0, 0.48), 0.165)
    if raised[0]:
        _finger(canvas, hand, [(-0.14, 0.16), (-0.30, -0.02), (-0.385, -0.22)], 0.068)
    palm = smooth(_PALM)
    for (base, tip), up in zip(_FINGERS, raised[1:], strict=True):
        if up:
            middle = ((base[0] + tip[0]) / 2, (base[1] + tip[1]) / 2)
            _finger(canvas, hand, [base, middle, tip], 0.062)
            if back:
                _nail(canvas, hand, (tip[0], tip[1] - 0.012), np.arctan2(tip[0] - base[0], base[1] - tip[1]), 0.036)
    canvas.shape(palm, hand.skin)
    canvas.inside(
        palm,
        smooth([(0.10, -0.3), (0.3, -0.2), (0.3, 0.5), (0.06, 0.5), (0.16, 0.1)]),
        hand.shade,
        opacity=0.45,
        soft=0.03,
    )
    if back:
        for (x, y), _ in _FINGERS:
            canvas.curve([(x - 0.022, y + 0.005), (x, y - 0.012), (x + 0.022, y + 0.005)], 0.008, hand.shade)
    else:
        _palm_lines(canvas, hand)
    _folded(canvas, hand, raised)


def _palm_lines(canvas: Canvas, hand: Hand) -> None:
    canvas.shape(ellipse(-0.13, 0.19, 0.10, 0.17, turn=0.25), lift(hand.skin, 0.03), opacity=0.6, soft=0.02)
    for line in (
        [(-0.20, -0.10), (-0.07, -0.02), (-0.03, 0.14), (-0.06, 0.36)],
        [(-0.19, -0.07), (-0.02, 0.0), (0.15, 0.08)],
        [(-0.09, -0.16), (0.04, -0.10), (0.20, -0.10)],
    ):
        canvas.curve(line, 0.0085, hand.shade, opacity=0.8)


def _folded(canvas: Canvas, hand: Hand, raised: tuple[bool, ...]) -> None:
    for (base, _), up in zip(_FINGERS, raised[1:], strict=True):
        if not up:
            _finger(canvas, hand, [(base[0], base[1] - 0.02), (base[0] * 0.92, base[1] + 0.16)], 0.066)
    if not raised[0]:
        _finger(canvas, hand, [(-0.20, 0.14), (-0.12, 0.04), (0.03, 0.0)], 0.066)


def paint_grip(canvas: Canvas, hand: Hand, *, reach: float = 0.30) -> None:
    """A hand from the right whose fingers lie across the front of a thing at the origin, `reach` wide."""
    x = reach
    _forearm(canvas, hand, (x + 0.95, 1.25), (x + 0.34, 0.30), 0.15)
    palm = smooth(
        [
            (x + 0.16, -0.24),
            (x + 0.34, -0.10),
            (x + 0.48, 0.16),
            (x + 0.40, 0.40),
            (x + 0.20, 0.42),
            (x + 0.02, 0.30),
            (x - 0.02, 0.0),
        ]
    )
    canvas.shape(palm, Linear(((0, hand.skin), (1, hand.shade)), 30))
    _finger(canvas, hand, [(x + 0.24, -0.10), (x + 0.12, -0.32), (x - 0.08, -0.42)], 0.074)
    _nail(canvas, hand, (x - 0.10, -0.435), -1.1, 0.040)
    for row in (3, 2, 1, 0):
        y = -0.16 + row * 0.135
        length = (0.40, 0.46, 0.43, 0.34)[row]
        joints = [(x + 0.20, y + 0.03), (x + 0.02, y - 0.015), (x + 0.20 - length, y + 0.02)]
        _finger(canvas, hand, joints, 0.070 if row < 3 else 0.060)
        _nail(canvas, hand, (x + 0.195 - length, y + 0.018), -1.45, 0.036)


def paint_writing(canvas: Canvas, hand: Hand, tool: Colour) -> None:
    """A hand from the right that holds a pencil whose point is at the origin."""
    _forearm(canvas, hand, (1.45, 0.85), (0.74, 0.26), 0.17)
    palm = smooth([(0.30, -0.30), (0.56, -0.26), (0.80, 0.02), (0.80, 0.30), (0.52, 0.36), (0.26, 0.20), (0.20, -0.10)])
    canvas.shape(palm, Linear(((0, hand.skin), (1, hand.shade)), 50))
    for joints in ([(0.50, 0.18), (0.30, 0.20), (0.20, 0.12)], [(0.46, 0.10), (0.24, 0.14), (0.16, 0.06)]):
        _finger(canvas, hand, joints, 0.070)
    _finger(canvas, hand, [(0.40, 0.0), (0.20, 0.04), (0.13, -0.06)], 0.068)
    _pencil(canvas, tool)
    _finger(canvas, hand, [(0.44, 0.10), (0.26, -0.04), (0.15, -0.10)], 0.072)
    _finger(canvas, hand, [(0.42, -0.24), (0.22, -0.36), (0.10, -0.20)], 0.068)
    _nail(canvas, hand, (0.098, -0.185), 0.55, 0.036)


def _pencil(canvas: Canvas, tool: Colour) -> None:
    part = canvas.at(0, 0, 1.0, turn=0.62)
    part.shape(np.array([(0, 0), (-0.036, -0.13), (0.036, -0.13)]), (232, 196, 152))
    part.shape(np.array([(0, 0), (-0.010, -0.04), (0.010, -0.04)]), (48, 46, 54))
    part.shape(box(-0.036, -0.98, -0.010, -0.12), lift(tool, 0.08))
    part.shape(box(-0.012, -0.98, 0.014, -0.12), tool)
    part.shape(box(0.012, -0.98, 0.036, -0.12), lift(tool, -0.10))
    part.shape(box(-0.038, -1.04, 0.038, -0.97), (196, 200, 206))
    part.shape(box(-0.036, -1.12, 0.036, -1.03, radius=0.025), (236, 140, 150))
