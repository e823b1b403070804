"""Plain geometry: outlines as arrays of points, shape (n, 2), in units of the picture's short side."""

from collections.abc import Sequence
from math import atan2, cos, pi, sin

import numpy as np
from numpy.random import Generator

from simulator.picture.palette import Floats

Point = tuple[float, float]
_ROUND = np.linspace(0, 2 * pi, 48, endpoint=False)
_CIRCLE = np.stack([np.cos(_ROUND), np.sin(_ROUND)], -1)
_QUARTER = np.linspace(0, pi / 2, 8)
_HALF = np.linspace(0, pi, 14)


def ellipse(x: float, y: float, rx: float, ry: float, *, turn: float = 0.0) -> Floats:
    """An ellipse about (x, y), turned by `turn` radians."""
    return turned(_CIRCLE * (rx, ry) + (x, y), (x, y), turn)


def box(left: float, top: float, right: float, bottom: float, *, radius: float = 0.0) -> Floats:
    """A rectangle, its corners rounded by `radius`."""
    if radius <= 0:
        return np.array([(left, top), (right, top), (right, bottom), (left, bottom)])
    radius = min(radius, (right - left) / 2, (bottom - top) / 2)
    corners = (
        (right - radius, bottom - radius, 0.0),
        (left + radius, bottom - radius, pi / 2),
        (left + radius, top + radius, pi),
        (right - radius, top + radius, 3 * pi / 2),
    )
    return np.concatenate(
        [np.stack([x + radius * np.cos(at + _QUARTER), y + radius * np.sin(at + _QUARTER)], -1) for x, y, at in corners]
    )


def moved(points: Floats, dx: float, dy: float) -> Floats:
    """The points shifted by (dx, dy)."""
    shifted: Floats = points + np.array((dx, dy))
    return shifted


def turned(points: Floats, about: Point, angle: float) -> Floats:
    """The points turned clockwise (y points down) by `angle` radians about a point."""
    if not angle:
        return points
    c, s = cos(angle), sin(angle)
    placed: Floats = (points - about) @ np.array([[c, s], [-s, c]]) + about
    return placed


def smooth(points: Sequence[Point] | Floats, *, dense: int = 8) -> Floats:
    """A closed Catmull-Rom curve through the points."""
    p1 = np.asarray(points, float)
    p0, p2, p3 = np.roll(p1, 1, 0), np.roll(p1, -1, 0), np.roll(p1, -2, 0)
    t = np.linspace(0, 1, dense, endpoint=False)[None, :, None]
    a, b = 2 * p1, p2 - p0
    c, d = 2 * p0 - 5 * p1 + 4 * p2 - p3, 3 * p1 - p0 - 3 * p2 + p3
    curve: Floats = 0.5 * (a[:, None] + b[:, None] * t + c[:, None] * t**2 + d[:, None] * t**3)
    return curve.reshape(-1, 2)


def bow(points: Sequence[Point], *, dense: int = 10) -> Floats:
    """An open Catmull-Rom curve from the first point to the last."""
    ends = [points[0], *points, points[-1]]
    return smooth(ends, dense=dense)[dense : -2 * dense + 1]


def capsule(start: Point, end: Point, r0: float, r1: float) -> Floats:
    """A limb: round ends of radius r0 and r1, straight sides."""
    (x0, y0), (x1, y1) = start, end
    around = atan2(y1 - y0, x1 - x0) + pi / 2 + _HALF
    out = np.stack([np.cos(around), np.sin(around)], -1)
    return np.concatenate([out * r0 + start, out * -r1 + end])


def ridge(rng: Generator, width: float, *, height: float, rough: float) -> Floats:
    """A fractal skyline over 0..width: shape (257, 2), y about 0, negative is up; rough 0 rolls, 1 is jagged."""
    heights = np.zeros(2)
    swing = height
    while len(heights) < 257:
        middles = (heights[1:] + heights[:-1]) / 2 + rng.normal(0, swing, len(heights) - 1)
        heights = np.insert(heights, range(1, len(heights)), middles)
        swing *= 0.40 + 0.16 * rough
    heights -= heights.mean()
    return np.stack([np.linspace(-0.02, width + 0.02, 257), heights], -1)


def below(skyline: Floats, bottom: float) -> Floats:
    """The closed outline of all that lies under a skyline, down to `bottom`."""
    return np.concatenate([skyline, [(skyline[-1, 0], bottom), (skyline[0, 0], bottom)]])
