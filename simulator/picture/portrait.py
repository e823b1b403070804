"""Portraits: a backdrop of light and colour (or a blurred scene that the prompt names) and one person."""

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageFilter

from simulator.picture import face, hair
from simulator.picture.brief import Brief
from simulator.picture.canvas import Canvas, Linear, Radial
from simulator.picture.city import paint_city
from simulator.picture.landscape import paint_landscape
from simulator.picture.look import Look, cast
from simulator.picture.palette import Colour, Floats, lift, mix
from simulator.picture.shapes import bow, box, moved, smooth
from simulator.picture.sky import sky_colours, weather

_SCENES = (
    ("harbour", "beach", "sea", "mountain", "forest", "garden", "field", "lake", "coast", "desert", "park", "city",
     "street", "skyline"),
    ("city", "street", "skyline", "cafe"),
)  # fmt: skip


def paint_portrait(canvas: Canvas, brief: Brief, rng: Generator) -> None:
    """One person, cast from the prompt, before a backdrop."""
    look = cast(brief, rng)
    backdrop(canvas, brief, rng)
    turn, scale = rng.uniform(-0.022, 0.022), rng.uniform(1.12, 1.30)
    x = canvas.width * 0.5 + rng.uniform(-0.05, 0.05)
    y = canvas.height - scale * rng.uniform(0.435, 0.47)
    canvas.glow(x, y, 0.62, mix(brief.light.disc, (255, 255, 255), 0.3), strength=0.28)
    paint_bust(canvas.at(x, y, scale, turn=rng.uniform(-0.05, 0.05), mirror=rng.random() < 0.5), look, rng, turn)
    weather(canvas, brief, rng)


def paint_bust(canvas: Canvas, look: Look, rng: Generator, turn: float) -> None:
    """Head and shoulders about the origin of the canvas."""
    hair.hair_behind(canvas, look, rng)
    if look.outfit == "hood":
        _hood(canvas, look.dress)
    face.paint_head(canvas, look, turn)
    _dress(canvas, look)
    if look.beard:
        face.paint_beard(canvas, look, look.beard, turn)
    hair.hair_before(canvas, look, rng, turn)
    if look.earrings:
        _earrings(canvas, look.earrings, turn)
    if look.scarf:
        _scarf(canvas, look.scarf)
    if look.hat:
        hair.paint_hat(canvas, *look.hat)
    if look.glasses:
        face.paint_glasses(canvas, turn)


def backdrop(canvas: Canvas, brief: Brief, rng: Generator) -> None:
    """The scene behind, out of focus; or a wall in the prompt's background colour with points of light."""
    outdoors, urban = _SCENES
    if brief.has(*outdoors) and not brief.has("wall", "background", "backdrop"):
        size = (max(64, canvas.image.width // 5), max(64, canvas.image.height // 5))
        small = Canvas(size)
        (paint_city if brief.has(*urban) else paint_landscape)(small, brief, rng)
        soft = small.image.filter(ImageFilter.GaussianBlur(min(size) / 70))
        canvas.image.paste(soft.resize(canvas.image.size, Image.Resampling.BICUBIC))
        tone: Colour = brief.light.disc
    else:
        tone = _wall(canvas, brief, rng)
    for _ in range(16):
        at = rng.uniform(0, canvas.width), rng.uniform(0, canvas.height * 0.8)
        size_u = rng.uniform(0.02, 0.075)
        canvas.oval(*at, size_u, size_u, lift(tone, rng.uniform(0.02, 0.18)), opacity=rng.uniform(0.06, 0.22))


def _wall(canvas: Canvas, brief: Brief, rng: Generator) -> Colour:
    """A lit wall; its colour asked for, or complementing the hour."""
    asked = brief.behind
    tone = asked or brief.mood or mix(sky_colours(brief)[int(rng.integers(1, 3))], (214, 204, 196), 0.25)
    lit = (rng.uniform(0.2, 0.8), rng.uniform(0.1, 0.4))
    canvas.wash(Radial(((0, lift(tone, 0.13)), (0.5, tone), (1, lift(tone, -0.13))), *lit, 1.1))
    return tone


def _shoulders(look: Look) -> Floats:
    wide = 0.30 if look.woman else 0.345
    half = [(0.075, 0.262), (0.13, 0.295), (wide * 0.82, 0.335), (wide * 1.08, 0.42), (wide * 1.22, 0.60)]
    return np.concatenate([bow([*((-x, y) for x, y in reversed(half)), *half]), [(0.6, 0.9), (-0.6, 0.9)]])


def _dress(canvas: Canvas, look: Look) -> None:
    outline = _body(look)
    fill = Linear(((0, lift(look.dress, 0.05)), (0.5, look.dress), (1, lift(look.dress, -0.10))), 30)
    canvas.shape(outline, fill)
    canvas.inside(
        outline,
        smooth([(0.14, 0.3), (0.5, 0.4), (0.6, 0.9), (0.2, 0.9), (0.24, 0.6)]),
        lift(look.dress, -0.12),
        opacity=0.45,
        soft=0.02,
    )
    _OUTFITS[look.outfit](canvas, look, outline)


def _body(look: Look) -> Floats:
    """Shoulders with a neckline cut into them."""
    shoulders = _shoulders(look)
    deep = {"vneck": 0.43, "suit": 0.46, "shirt": 0.36, "coat": 0.40}.get(look.outfit, 0.305)
    half = 0.085
    cut = bow(
        [(-half, 0.262), (-half * 0.5, (0.27 + deep) / 2), (0, deep), (half * 0.5, (0.27 + deep) / 2), (half, 0.262)]
    )
    left = shoulders[shoulders[:, 0] < -half]
    right = shoulders[shoulders[:, 0] > half]
    upper_right, corners = right[right[:, 1] < 0.89], [(0.6, 0.9), (-0.6, 0.9)]
    return np.concatenate([left[left[:, 1] < 0.89], cut, upper_right, corners])


def _crew(canvas: Canvas, look: Look, outline: Floats) -> None:
    if look.striped:
        for y in np.arange(0.36, 0.9, 0.075):
            band = np.concatenate(
                [
                    bow([(-0.6, y + 0.05), (0, y), (0.6, y + 0.05)]),
                    bow([(0.6, y + 0.085), (0, y + 0.032), (-0.6, y + 0.085)]),
                ]
            )
            canvas.inside(outline, band, mix(look.dress, (252, 248, 240), 0.72), opacity=0.85)
    canvas.curve(
        [(-0.084, 0.264), (-0.045, 0.296), (0, 0.307), (0.045, 0.296), (0.084, 0.264)], 0.018, lift(look.dress, -0.07)
    )


def _vneck(canvas: Canvas, look: Look, outline: Floats) -> None:
    canvas.inside(
        outline,
        smooth([(-0.3, 0.4), (-0.12, 0.5), (-0.16, 0.9), (-0.3, 0.9)]),
        lift(look.dress, 0.08),
        opacity=0.35,
        soft=0.02,
    )
    canvas.curve([(-0.086, 0.264), (-0.043, 0.35), (0, 0.43)], 0.009, lift(look.dress, -0.10))
    canvas.curve([(0.086, 0.264), (0.043, 0.35), (0, 0.43)], 0.009, lift(look.dress, -0.12))


def _shirt(canvas: Canvas, look: Look, outline: Floats) -> None:
    canvas.inside(outline, box(-0.018, 0.35, 0.018, 0.9), lift(look.dress, -0.05), opacity=0.8)
    for y in (0.43, 0.52):
        canvas.oval(0, y, 0.0075, 0.0075, lift(look.dress, -0.22))
    for side in (-1, 1):
        collar = np.array([(side * 0.088, 0.240), (side * 0.004, 0.352), (side * 0.085, 0.395), (side * 0.128, 0.282)])
        canvas.shape(moved(collar, 0, 0.008), (20, 16, 26), opacity=0.22, soft=0.006)
        canvas.shape(collar, sheen_of(look.dress, side))


def sheen_of(colour: Colour, side: int) -> Colour:
    """The lit or the shaded half of a symmetric piece."""
    return lift(colour, 0.05 if side < 0 else -0.03)


def _suit(canvas: Canvas, look: Look, outline: Floats) -> None:
    _front(canvas, outline, (246, 244, 240), 0.085, 0.62)
    tie = np.array([(-0.018, 0.335), (0.018, 0.335), (0.030, 0.60), (0, 0.66), (-0.030, 0.60)])
    canvas.shape(tie, look.second)
    _lapels(canvas, look)


def _coat(canvas: Canvas, look: Look, outline: Floats) -> None:
    _front(canvas, outline, mix(look.second, (240, 234, 226), 0.55), 0.085, 0.75)
    _lapels(canvas, look)


def _front(canvas: Canvas, outline: Floats, tone: Colour, half: float, low: float) -> None:
    front = np.array([(-half, 0.262), (0, 0.33), (half, 0.262), (half * 0.9, 0.4), (0, low), (-half * 0.9, 0.4)])
    canvas.shape(front, tone)
    canvas.inside(outline, np.array([(0, 0.33), (half, 0.262), (half, 0.4), (0, low)]), lift(tone, -0.06))


def _lapels(canvas: Canvas, look: Look) -> None:
    for side in (-1, 1):
        lapel = np.array(
            [
                (side * 0.082, 0.245),
                (side * 0.132, 0.285),
                (side * 0.165, 0.395),
                (side * 0.120, 0.41),
                (side * 0.135, 0.445),
                (side * 0.01, 0.70),
                (side * 0.045, 0.42),
            ]
        )
        canvas.shape(moved(lapel, 0, 0.01), (16, 12, 22), opacity=0.25, soft=0.008)
        canvas.shape(lapel, lift(look.dress, 0.07 if side < 0 else -0.01))


def _hood_front(canvas: Canvas, look: Look, outline: Floats) -> None:
    canvas.inside(outline, box(-0.006, 0.3, 0.006, 0.9), lift(look.dress, -0.24), opacity=0.9)
    for side in (-1, 1):
        collar = smooth(
            [
                (side * 0.10, 0.225),
                (side * 0.150, 0.27),
                (side * 0.11, 0.36),
                (side * 0.012, 0.415),
                (side * 0.02, 0.335),
                (side * 0.075, 0.285),
            ]
        )
        canvas.shape(collar, sheen_of(look.dress, side))
        canvas.curve([(side * 0.035, 0.36), (side * 0.042, 0.46)], 0.006, lift(look.dress, -0.22))


def _hood(canvas: Canvas, colour: Colour) -> None:
    """A hood pushed back: it frames the neck."""
    hood = smooth([(-0.20, 0.10), (-0.235, 0.22), (-0.19, 0.33), (0.19, 0.33), (0.235, 0.22), (0.20, 0.10), (0, 0.05)])
    canvas.shape(hood, Linear(((0, lift(colour, -0.20)), (1, lift(colour, -0.10)))))


def _scarf(canvas: Canvas, colour: Colour) -> None:
    tail = smooth([(0.03, 0.30), (0.135, 0.31), (0.165, 0.60), (0.155, 0.80), (0.055, 0.80), (0.06, 0.56)])
    canvas.shape(moved(tail, 0.012, 0.01), (16, 12, 22), opacity=0.3, soft=0.012)
    canvas.shape(tail, Linear(((0, lift(colour, -0.04)), (1, lift(colour, -0.12)))))
    wrap = smooth(
        [
            (-0.155, 0.215),
            (-0.08, 0.190),
            (0, 0.222),
            (0.08, 0.190),
            (0.155, 0.215),
            (0.180, 0.285),
            (0.10, 0.355),
            (-0.02, 0.375),
            (-0.12, 0.350),
            (-0.182, 0.280),
        ]
    )
    canvas.shape(wrap, Linear(((0, lift(colour, 0.06)), (0.6, colour), (1, lift(colour, -0.11)))))
    for low in (0.0, 0.045, 0.085):
        fold = [(-0.165 + low * 0.4, 0.245 + low), (-0.02, 0.272 + low * 1.05), (0.165 - low * 0.5, 0.235 + low)]
        canvas.curve(fold, 0.006, lift(colour, -0.10), opacity=0.75)


def _earrings(canvas: Canvas, colour: Colour, turn: float) -> None:
    for side in (-1, 1):
        x = side * 0.138 - turn * 0.6
        canvas.oval(x, 0.058, 0.0085, 0.0085, lift(colour, 0.06))
        canvas.oval(x, 0.083, 0.0145, 0.020, Linear(((0, lift(colour, 0.12)), (1, lift(colour, -0.12)))))


_OUTFITS = {"crew": _crew, "vneck": _vneck, "shirt": _shirt, "suit": _suit, "coat": _coat, "hood": _hood_front}
