"""Landscapes: which ground, water and landmarks a prompt asks for, laid from far to near."""

from collections.abc import Callable

import numpy as np
from numpy.random import Generator

from simulator.picture import landmarks
from simulator.picture.brief import Brief
from simulator.picture.canvas import Canvas, Linear
from simulator.picture.land import (
    dunes,
    fir,
    hills,
    ranges,
    round_tree,
    rows_of_crop,
    shore,
    treeline,
    water,
)
from simulator.picture.palette import Colour, lift, mix, tinted
from simulator.picture.shapes import bow
from simulator.picture.sky import haze_colour, mist, paint_sky, weather

Scene = Callable[[Canvas, Brief, Generator], None]
_SNOW = (244, 248, 255)


def paint_landscape(canvas: Canvas, brief: Brief, rng: Generator) -> None:
    """The scene whose words the prompt holds; without any, one of four by the seed."""
    scene = next((scene for words, scene in _SCENES if brief.has(*words)), None)
    if scene is None:
        scene = (_mountains, _lake, _sea, _meadow)[int(rng.integers(4))]
    scene(canvas, brief, rng)
    weather(canvas, brief, rng)


def near_colour(brief: Brief, natural: Colour) -> Colour:
    """The colour of near ground: natural by day, sunk into the land's tone of the hour, dyed by the prompt."""
    return _at_hour(brief, natural, brief.ground)


def _at_hour(brief: Brief, natural: Colour, dye: Colour | None) -> Colour:
    tone = mix(natural, brief.light.land, 0.72 if brief.light.dark else 0.25 + 0.4 * brief.light.lamps)
    return tinted(tone, dye, 0.8) if dye else tone


def _snowy(brief: Brief) -> bool:
    return brief.has("snow", "snowy", "winter", "frozen", "icy")


def _far(brief: Brief) -> Colour:
    far = mix(haze_colour(brief), _at_hour(brief, (96, 120, 150), brief.mood), 0.38)
    return tinted(far, brief.mood, 0.6) if brief.mood else far


def _mountains(canvas: Canvas, brief: Brief, rng: Generator) -> None:
    horizon = canvas.height * rng.uniform(0.58, 0.68)
    paint_sky(canvas, brief, rng, horizon=horizon)
    near = _at_hour(brief, (60, 84, 112), brief.mood)
    snow = mix(_SNOW, brief.light.haze, 0.35 + 0.4 * brief.light.dark) if _snowy(brief) or rng.random() < 0.35 else None
    low = canvas.height * 0.86
    ranges(canvas, rng, top=horizon * 0.66, bottom=low, layers=4, far=_far(brief), near=near, snow=snow)
    mist(canvas, horizon * 1.08, 0.14, haze_colour(brief), opacity=0.35)
    if brief.has("valley", "green", "river", "meadow", "hill"):
        grass = near_colour(brief, (78, 140, 74))
        outline = hills(canvas, rng, top=low - 0.14, bottom=low, layers=3, far=mix(grass, _far(brief), 0.4), near=grass)
        if brief.has("river", "stream"):
            landmarks.river(canvas, outline, rng, top=low - 0.05, tone=mix(haze_colour(brief), (90, 150, 200), 0.5))
    dark = near_colour(brief, (28, 62, 58))
    treeline(canvas, rng, y=canvas.height * 0.97, size=rng.uniform(0.12, 0.2), colour=dark, foot=lift(dark, -0.05))
    landmarks.birds(canvas, rng, mix(dark, haze_colour(brief), 0.3))


def _lake(canvas: Canvas, brief: Brief, rng: Generator) -> None:
    horizon = canvas.height * rng.uniform(0.50, 0.60)
    paint_sky(canvas, brief, rng, horizon=horizon)
    snow = _SNOW if _snowy(brief) or rng.random() < 0.3 else None
    near = _at_hour(brief, (52, 88, 104), brief.mood)
    ranges(canvas, rng, top=horizon * 0.58, bottom=horizon * 0.98, layers=3, far=_far(brief), near=near, snow=snow)
    dark = near_colour(brief, (26, 64, 56))
    for depth in (0.45, 0.0):
        tone = mix(dark, haze_colour(brief), depth)
        size = (0.17 if brief.has("forest", "wood", "pine") else 0.09) * (1 - depth * 0.4)
        treeline(canvas, rng, y=horizon - 0.02 * depth, size=size, colour=tone, foot=lift(tone, -0.04))
    asked = brief.dye("lake", "water", "river")
    water(canvas, rng, horizon=horizon, tint=asked or mix(haze_colour(brief), near, 0.45), clear=0.45 if asked else 0.7)
    mist(canvas, horizon, 0.05, haze_colour(brief), opacity=0.4)
    if brief.has("boat", "canoe", "ship") or rng.random() < 0.25:
        hull = brief.dye("boat", "canoe", "ship") or (176, 60, 52)
        at = canvas.width * rng.uniform(0.3, 0.7), horizon + (canvas.height - horizon) * 0.46
        landmarks.rowing_boat(canvas, *at, 0.26, hull, brief.light)
    _reeds(canvas, rng, lift(dark, -0.04))


def _reeds(canvas: Canvas, rng: Generator, tone: Colour) -> None:
    side = rng.choice((0.0, canvas.width))
    for _ in range(42):
        x = side + rng.normal(0, 0.10)
        tip = canvas.height - rng.uniform(0.04, 0.20) * max(0.2, 1 - abs(x - side) / 0.3)
        canvas.curve(
            [(x, canvas.height + 0.02), (x, (tip + canvas.height) / 2), (x + rng.normal(0, 0.02), tip)], 0.005, tone
        )


def _sea(canvas: Canvas, brief: Brief, rng: Generator) -> None:
    horizon = canvas.height * rng.uniform(0.46, 0.56)
    paint_sky(canvas, brief, rng, horizon=horizon)
    sea = brief.dye("sea", "ocean", "bay", "water") or mix((44, 128, 170), brief.mood or (44, 128, 170), 0.4)
    sea = mix(sea, brief.light.land, 0.6 if brief.light.dark else 0.1 + 0.3 * brief.light.lamps)
    far = mix(_far(brief), haze_colour(brief), 0.2)
    if rng.random() < 0.6 or brief.has("island"):
        ranges(canvas, rng, top=horizon - 0.03, bottom=horizon + 0.02, layers=1, far=far, near=far)
    water(canvas, rng, horizon=horizon, tint=sea, clear=0.42)
    _swell(canvas, rng, horizon, mix(sea, (255, 255, 255), 0.55))
    if brief.has("lighthouse", "cliff", "rock", "rocky"):
        landmarks.rocky_coast(canvas, brief, rng, horizon)
    elif brief.has("village", "town", "house"):
        landmarks.hill_village(canvas, brief, rng, near_colour(brief, (112, 128, 84)))
    elif not brief.has("harbour", "bay", "ocean", "boat", "ship", "yacht"):
        _beach(canvas, brief, rng)
    boats = (
        4 if brief.has("harbour") else int(brief.has("boat", "ship", "sail", "sailing", "yacht") or rng.random() < 0.4)
    )
    for boat in range(boats):
        at = canvas.width * rng.uniform(boat, boat + 1) / boats, horizon + 0.03 + 0.03 * boat
        landmarks.sailing_boat(canvas, *at, rng.uniform(0.11, 0.16) + 0.04 * boat, brief.dye("boat", "sail", "ship"))


def _swell(canvas: Canvas, rng: Generator, horizon: float, foam: Colour) -> None:
    for _ in range(26):
        far = rng.random() ** 1.3
        x, y = rng.uniform(0, canvas.width), horizon + 0.01 + (canvas.height - horizon) * 0.8 * far
        long = 0.03 + 0.14 * far
        crest = [(x - long, y), (x - long * 0.3, y - 0.008 * far), (x + long * 0.4, y), (x + long, y - 0.003)]
        canvas.line(bow(crest), 0.0015 + 0.004 * far, foam, opacity=0.55)


def _beach(canvas: Canvas, brief: Brief, rng: Generator) -> None:
    sand = near_colour(brief, brief.dye("sand", "beach") or (236, 212, 168))
    foam = mix((255, 255, 255), brief.light.haze, 0.5 if brief.light.dark else 0.15)
    shore(canvas, rng, top=canvas.height * 0.74, sand=sand, foam=foam)
    landmarks.palm(canvas, rng, canvas.width * rng.choice((0.12, 0.86)), near_colour(brief, (36, 96, 70)))


def _desert(canvas: Canvas, brief: Brief, rng: Generator) -> None:
    horizon = canvas.height * rng.uniform(0.48, 0.58)
    paint_sky(canvas, brief, rng, horizon=horizon)
    dye = brief.dye("desert", "dune", "sand") or brief.mood or (222, 150, 84)
    sand = lift(mix(dye, brief.light.land, 0.22 * brief.light.lamps), -0.16 * brief.light.lamps**2)
    dunes(canvas, rng, top=horizon, sand=sand, haze=mix(haze_colour(brief), dye, 0.3))
    if brief.has("cactus", "camel") or rng.random() < 0.4:
        landmarks.cactus(
            canvas, canvas.width * rng.uniform(0.15, 0.3), canvas.height * 0.9, 0.24, near_colour(brief, (52, 100, 70))
        )


def _meadow(canvas: Canvas, brief: Brief, rng: Generator) -> None:
    horizon = canvas.height * rng.uniform(0.54, 0.62)
    paint_sky(canvas, brief, rng, horizon=horizon)
    natural = (232, 190, 82) if brief.has("wheat", "corn", "barley") else (104, 160, 84)
    natural = (150, 116, 196) if brief.has("lavender") else natural
    dye = brief.dye("field", "meadow", "wheat", "flower", "hill") or natural
    crop = mix(dye, brief.light.land, 0.62 if brief.light.dark else 0.55 * brief.light.lamps)
    green = near_colour(brief, (82, 138, 84))
    hills(canvas, rng, top=horizon - 0.08, bottom=horizon, layers=3, far=_far(brief), near=green)
    rows_of_crop(canvas, rng, horizon=horizon + 0.02, crop=crop, soil=lift(crop, -0.16))
    if brief.has("tree", "oak") or rng.random() < 0.6:
        leaf = mix(brief.dye("tree") or (70, 128, 72), brief.light.land, 0.15 + 0.5 * brief.light.lamps)
        at = canvas.width * rng.choice((rng.uniform(0.2, 0.36), rng.uniform(0.62, 0.8))), horizon + 0.06
        round_tree(canvas, rng, *at, rng.uniform(0.36, 0.46), leaf)
    landmarks.birds(canvas, rng, lift(green, -0.1))


def _forest(canvas: Canvas, brief: Brief, rng: Generator) -> None:
    horizon = canvas.height * rng.uniform(0.60, 0.66)
    paint_sky(canvas, brief, rng, horizon=horizon)
    snowy = _snowy(brief)
    green = near_colour(brief, brief.dye("forest", "tree", "wood") or (34, 92, 70))
    ground = mix(_SNOW, brief.light.sky[2], 0.42) if snowy else near_colour(brief, (86, 128, 78))
    for layer in range(3):
        tone = mix(haze_colour(brief), green, 0.25 + 0.22 * layer)
        treeline(
            canvas,
            rng,
            y=horizon - 0.03 + 0.03 * layer,
            size=0.22 + 0.05 * layer,
            colour=tone,
            foot=mix(tone, haze_colour(brief), 0.4),
        )
    mist(canvas, horizon - 0.02, 0.09, haze_colour(brief), opacity=0.5)
    hills(
        canvas,
        rng,
        top=horizon + 0.02,
        bottom=canvas.height * 0.88,
        layers=3,
        far=mix(ground, haze_colour(brief), 0.3),
        near=ground,
    )
    snow = mix(_SNOW, ground, 0.25) if snowy else None
    for depth in np.sort(rng.random(9)):
        y = horizon + 0.06 + (canvas.height - horizon) * 0.9 * depth**1.4
        tall = 0.24 + 0.46 * depth
        x = canvas.width * (0.5 + (rng.uniform(0.16, 0.58) * rng.choice((-1, 1))))
        canvas.shadow(
            bow([(x - tall * 0.2, y), (x, y + 0.012), (x + tall * 0.5, y + 0.02), (x, y - 0.01)]),
            opacity=0.3,
            soft=0.012,
        )
        fir(canvas, x, y, tall, mix(haze_colour(brief), green, 0.65 + 0.35 * depth), snow=snow)
    if not snowy and not brief.light.dark:
        _beams(canvas, rng, brief.light.disc)


def _beams(canvas: Canvas, rng: Generator, tone: Colour) -> None:
    """Sunlight falling between the trees."""
    x = rng.uniform(0.2, 0.7) * canvas.width
    for _ in range(4):
        foot, wide = x + rng.uniform(-0.5, 0.5), rng.uniform(0.05, 0.13)
        beam = np.array([(x, -0.05), (x + 0.03, -0.05), (foot + wide, canvas.height), (foot, canvas.height)])
        canvas.shape(beam, Linear(((0, tone), (1, tone))), opacity=0.13, soft=0.02)


_SCENES: tuple[tuple[tuple[str, ...], Scene], ...] = (
    (("desert", "dune", "canyon", "sahara"), _desert),
    (("sea", "ocean", "beach", "coast", "bay", "shore", "harbour", "island", "lighthouse", "cliff"), _sea),
    (("lake", "pond", "fjord", "waterfall"), _lake),
    (("mountain", "valley", "peak", "alps", "river"), _mountains),
    (("forest", "wood", "pine", "jungle"), _forest),
    (("field", "meadow", "wheat", "lavender", "garden", "park", "farm", "hill", "tree"), _meadow),
)
