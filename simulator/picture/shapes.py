"""Plain geometry: outlines as arrays of points, shape (n, 2), in units of the picture's short side."""

from collections.abc import Sequence
from math import cos, pi, sin

import numpy as np
from numpy.random import Generator

from simulator.picture.palette import Floats

Point = tuple[float, float]


def ellipse(x: float, y: float, rx: float, ry: float, *, turn: float = 0.0) -> Floats:
    """An ellipse about (x, y), turned by `turn` radians."""
    around = np.linspace(0, 2 * pi, 48, endpoint=False)
    return turned(np.stack([x + rx * np.cos(around), y + ry * np.sin(around)], -1), (x, y), turn)


def superellipse(x: float, y: float, rx: float, ry: float, power: float) -> Floats:
    """Between an ellipse (power 2) and a rectangle (power 6 and more)."""
    around = np.linspace(0, 2 * pi, 64, endpoint=False)
    c, s = np.cos(around), np.sin(around)
    return np.stack(
        [
            x + rx * np.sign(c) * np.abs(c) ** (2 / power),
            y + ry * np.sign(s) * np.abs(s) ** (2 / power),
        ],
        -1,
    )


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
    quarter = np.linspace(0, pi / 2, 8)
    return np.concatenate(
        [
            np.stack([x + radius * np.cos(at + quarter), y + radius * np.sin(at + quarter)], -1)
            for x, y, at in corners
        ]
    )


def turned(points: Floats, about: Point, angle: float) -> Floats:
    """The points turned clockwise (y points down) by `angle` radians about a point."""
    if not angle:
        return points
    c, s = cos(angle), sin(angle)
    return (points - about) @ np.array([[c, s], [-s, c]]) + about


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
    heading = np.arctan2(y1 - y0, x1 - x0)
    back = heading + pi / 2 + np.linspace(0, pi, 14)
    front = heading - pi / 2 + np.linspace(0, pi, 14)
    return np.concatenate(
        [
            np.stack([x0 + r0 * np.cos(back), y0 + r0 * np.sin(back)], -1),
            np.stack([x1 + r1 * np.cos(front), y1 + r1 * np.sin(front)], -1),
        ]
    )


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
