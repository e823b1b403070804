"""A face in plain shapes: the origin between the eyes' height and the nose, the chin 0.19 below it."""

import numpy as np

from simulator.picture.canvas import Canvas, Linear, Radial
from simulator.picture.look import Look
from simulator.picture.palette import Colour, Floats, lift, mix
from simulator.picture.shapes import bow, ellipse, smooth

_BLUSH = (216, 84, 78)
_EYE_Y, _MOUTH_Y = -0.015, 0.108


def outline(look: Look) -> Floats:
    """The closed line of a head from crown to chin."""
    jaw, chin = 0.094 + 0.012 * look.jaw, 0.040 + 0.010 * look.jaw
    half = [(0.0, -0.205), (0.078, -0.19), (0.122, -0.125), (0.130, -0.03), (0.124, 0.055), (jaw, 0.132), (chin, 0.186)]
    return smooth([*half, (0.0, 0.193), *((-x, y) for x, y in reversed(half[1:]))])


def paint_head(canvas: Canvas, look: Look, turn: float) -> None:
    """Neck, ears and face; `turn` (-0.025..0.025) moves the features as the head turns."""
    shade = lift(look.skin, -0.10, chroma=1.12)
    neck = 0.058 if look.woman else 0.074
    throat = smooth(
        [
            (-neck, 0.08),
            (neck, 0.08),
            (neck * 1.02, 0.24),
            (neck * 1.7, 0.33),
            (0, 0.38),
            (-neck * 1.7, 0.33),
            (-neck * 1.02, 0.24),
        ]
    )
    chest = smooth([(-0.12, 0.28), (0.12, 0.28), (0.11, 0.42), (0, 0.50), (-0.11, 0.42)])
    canvas.shape(chest, look.skin)
    canvas.shape(throat, Linear(((0, lift(shade, -0.05)), (0.45, shade), (1, look.skin))))
    for side in (-1, 1):
        ear = ellipse(side * 0.130 - turn * 0.6, 0.005, 0.022, 0.042, turn=side * -0.15)
        canvas.shape(ear, mix(look.skin, shade, 0.35 if side < 0 else 0.8))
        canvas.oval(side * 0.131 - turn * 0.6, 0.008, 0.010, 0.024, shade, opacity=0.6)
    head = outline(look)
    canvas.shape(head, Linear(((0, lift(look.skin, 0.035)), (0.55, look.skin), (1, lift(look.skin, -0.035))), 35))
    side_shade = smooth(
        [
            (0.06 + turn, -0.22),
            (0.19, -0.2),
            (0.2, 0.2),
            (0.02, 0.23),
            (0.055 + turn, 0.15),
            (0.094 + turn, 0.06),
            (0.088 + turn, -0.06),
        ]
    )
    canvas.inside(head, side_shade, shade, opacity=0.55, soft=0.006)
    for side in (-1, 1):
        canvas.inside(head, ellipse(side * 0.072 + turn, 0.062, 0.040, 0.028), _BLUSH, opacity=0.17, soft=0.014)
    _features(canvas, look, turn)


def _features(canvas: Canvas, look: Look, turn: float) -> None:
    for side in (-1, 1):
        _eye(canvas, look, side * 0.056 + turn, side)
        _brow(canvas, look, side * 0.058 + turn, side)
    _nose(canvas, look, turn)
    _mouth(canvas, look, turn)
    if look.old:
        line = lift(look.skin, -0.12)
        for side in (-1, 1):
            canvas.curve(
                [(side * 0.036 + turn, 0.066), (side * 0.056 + turn, 0.092), (side * 0.058 + turn, 0.118)], 0.0036, line
            )
            canvas.curve(
                [(side * 0.036 + turn, 0.016), (side * 0.058 + turn, 0.022), (side * 0.078 + turn, 0.014)], 0.003, line
            )
        for y in (-0.112, -0.096):
            canvas.curve([(-0.05 + turn, y), (turn, y - 0.006), (0.05 + turn, y)], 0.003, line)


def _eye(canvas: Canvas, look: Look, x: float, side: int) -> None:
    y, wide, tall = _EYE_Y, 0.0285, 0.0150 if not look.old else 0.0125
    lid = lift(look.skin, -0.18)
    canvas.shape(ellipse(x, y - 0.006, wide * 1.25, tall * 1.5), lid, opacity=0.22, soft=0.004)
    across, down = wide * side, tall
    almond = smooth(
        [
            *((x - across, y + 0.002), (x - across * 0.3, y - down), (x + across * 0.5, y - down * 0.85)),
            *((x + across, y - 0.003), (x + across * 0.4, y + down * 0.75), (x - across * 0.4, y + down * 0.7)),
        ]
    )
    canvas.shape(almond, (250, 247, 243))
    iris = ellipse(x + 0.001, y - 0.001, 0.0138, 0.0138)
    canvas.inside(
        almond, iris, Radial(((0, lift(look.eyes, 0.14)), (0.55, look.eyes), (1, lift(look.eyes, -0.14))), 0.5, 0.6)
    )
    canvas.inside(almond, ellipse(x + 0.001, y - 0.001, 0.0064, 0.0064), (18, 14, 18))
    canvas.oval(x - 0.004, y - 0.006, 0.0036, 0.0036, (255, 255, 255))
    lash = (34, 24, 26) if look.woman else mix((40, 28, 28), lid, 0.35)
    upper = [
        (x - side * wide, y + 0.002),
        (x - side * wide * 0.3, y - tall),
        (x + side * wide * 0.5, y - tall * 0.85),
        (x + side * wide * 1.08, y - 0.005),
    ]
    canvas.curve(upper, 0.0056 if look.woman else 0.0044, lash)
    if look.woman:
        canvas.curve([(x + side * wide * 0.95, y - 0.004), (x + side * wide * 1.35, y - 0.014)], 0.0042, lash)


def _brow(canvas: Canvas, look: Look, x: float, side: int) -> None:
    thick = 0.0085 if look.woman else 0.0125
    tone = mix(look.hair, (60, 40, 36), 0.35)
    inner, outer = (x - side * 0.032, -0.052), (x + side * 0.042, -0.052)
    top = bow([inner, (x + side * 0.006, -0.068), outer])
    low = bow([outer, (x + side * 0.006, -0.068 + thick * 1.1), (inner[0], inner[1] + thick)])
    canvas.shape(np.concatenate([top, low]), tone)


def _nose(canvas: Canvas, look: Look, turn: float) -> None:
    shade = lift(look.skin, -0.09, chroma=1.1)
    tip = turn * 1.35
    side = smooth(
        [
            (tip + 0.006, -0.035),
            (tip + 0.016, 0.012),
            (tip + 0.027, 0.052),
            (tip + 0.016, 0.064),
            (tip, 0.060),
            (tip + 0.006, 0.02),
        ]
    )
    canvas.shape(side, shade, opacity=0.75)
    canvas.oval(tip - 0.004, 0.046, 0.009, 0.009, lift(look.skin, 0.07), opacity=0.6)
    canvas.curve(
        [(tip - 0.019, 0.055), (tip - 0.008, 0.064), (tip, 0.060), (tip + 0.008, 0.064), (tip + 0.021, 0.055)],
        0.0042,
        lift(shade, -0.10),
    )


def _mouth(canvas: Canvas, look: Look, turn: float) -> None:
    x, y, wide = turn * 1.1, _MOUTH_Y, 0.038 + 0.012 * look.smile
    up = 0.010 * look.smile
    natural = mix(lift(look.skin, -0.13), (186, 60, 66), 0.42 if look.woman else 0.22)
    left, right = (x - wide, y - up), (x + wide, y - up)
    upper = [left, (x - 0.012, y - 0.011), (x, y - 0.008), (x + 0.012, y - 0.011), right]
    canvas.shape(np.concatenate([bow(upper), bow([right, (x, y + up * 0.9 + 0.001), left])]), lift(natural, -0.05))
    lower = np.concatenate([bow([left, (x, y + up * 0.9 + 0.001), right]), bow([right, (x, y + 0.016 + up), left])])
    canvas.shape(lower, natural)
    if look.smile > 0.62:
        left, right = (x - wide * 0.8, y - up * 0.6), (x + wide * 0.8, y - up * 0.6)
        teeth = np.concatenate([bow([left, (x, y - 0.002), right]), bow([right, (x, y + up * 0.95), left])])
        canvas.shape(teeth, (250, 248, 244))
    canvas.oval(x, y + 0.010 + up, 0.014, 0.003, (255, 236, 232), opacity=0.28)
    canvas.shape(ellipse(x, y + 0.030 + up, 0.024, 0.006), lift(look.skin, -0.1), opacity=0.35, soft=0.004)


def paint_glasses(canvas: Canvas, turn: float, tone: Colour = (46, 40, 48)) -> None:
    """Round glasses with a faint glare."""
    for side in (-1, 1):
        x = side * 0.057 + turn
        lens = ellipse(x, _EYE_Y, 0.046, 0.043)
        canvas.shape(lens, (214, 232, 244), opacity=0.16)
        canvas.inside(
            lens,
            np.array([(x - 0.04, 0.0), (x - 0.005, -0.07), (x + 0.012, -0.07), (x - 0.03, 0.02)]),
            (255, 255, 255),
            opacity=0.25,
        )
        canvas.line(np.concatenate([lens, lens[:2]]), 0.0062, tone)
        canvas.curve([(x + side * 0.045, -0.024), (side * 0.128, -0.03)], 0.0058, tone)
    canvas.curve([(-0.012 + turn, -0.018), (turn, -0.026), (0.012 + turn, -0.018)], 0.0058, tone)


def paint_beard(canvas: Canvas, look: Look, colour: Colour, turn: float) -> None:
    """A full beard with moustache; it is painted before the mouth is redrawn on it."""
    full = 0.235 if look.old else 0.212
    lip = [(-0.070, 0.078), (-0.030, 0.080), (0.0, 0.088), (0.030, 0.080), (0.070, 0.078)]
    chin = [(0.122, 0.11), (0.078, full * 0.93), (0, full), (-0.078, full * 0.93), (-0.122, 0.11)]
    inner = [(-0.131, 0.01), (-0.116, 0.045), *((x + turn, y) for x, y in lip), (0.116, 0.045), (0.131, 0.01)]
    beard = smooth([*inner, *chin])
    canvas.shape(beard, Linear(((0, lift(colour, 0.05)), (1, lift(colour, -0.06))), 40))
    for x in np.linspace(-0.085, 0.085, 9):
        canvas.curve([(x * 1.05, 0.13), (x, 0.17), (x * 0.8, full - 0.012)], 0.0028, lift(colour, 0.07), opacity=0.5)
    moustache = smooth(
        [
            (turn, 0.078),
            (0.030 + turn, 0.076),
            (0.062 + turn, 0.104),
            (0.030 + turn, 0.100),
            (turn, 0.094),
            (-0.030 + turn, 0.100),
            (-0.062 + turn, 0.104),
            (-0.030 + turn, 0.076),
        ]
    )
    canvas.shape(moustache, lift(colour, 0.02))
    _mouth(canvas, look, turn)
