"""Cities: a skyline in hazy layers, perhaps behind water and a bridge, or a street in one-point perspective."""

from itertools import pairwise

import numpy as np
from numpy.random import Generator

from simulator.picture.brief import Brief
from simulator.picture.canvas import Canvas, Linear
from simulator.picture.land import ranges, water
from simulator.picture.landscape import near_colour
from simulator.picture.palette import CLOTHES, Colour, Floats, lift, mix, tinted
from simulator.picture.shapes import bow, box, ellipse, moved
from simulator.picture.sky import haze_colour, mist, paint_sky, weather

_LAMP = (255, 216, 140)
_GLASS = (150, 176, 200)


def paint_city(canvas: Canvas, brief: Brief, rng: Generator) -> None:
    """A street if the prompt names one, else a skyline."""
    scene = _street if brief.has("street", "alley", "avenue", "road", "neon", "cafe") else _skyline
    scene(canvas, brief, rng)
    weather(canvas, brief, rng)


def _wall(brief: Brief) -> Colour:
    return near_colour(brief, brief.dye("building", "city", "skyline", "tower") or (74, 92, 122))


def _skyline(canvas: Canvas, brief: Brief, rng: Generator) -> None:
    wet = brief.has("bridge", "river", "harbour", "bay", "lake", "water", "sea") or rng.random() < 0.45
    ground = canvas.height * (rng.uniform(0.66, 0.74) if wet else 1.02)
    paint_sky(canvas, brief, rng, horizon=min(ground, canvas.height * 0.9))
    haze, near = haze_colour(brief), _wall(brief)
    if rng.random() < 0.4:
        ranges(canvas, rng, top=ground * 0.66, bottom=ground * 0.8, layers=1, far=mix(haze, near, 0.15), near=haze)
    layers = 4 if not wet else 3
    for layer in range(layers):
        depth = (layer + 1) / layers
        colour = mix(haze, near, 0.22 + 0.78 * depth**1.3)
        top = 0.46 if not wet else 0.40
        block_row(canvas, brief, rng, ground=ground, colour=colour, depth=depth, tallest=top * (1.28 - 0.62 * depth))
        if layer < layers - 1:
            mist(canvas, ground - 0.02, 0.20, haze, opacity=0.42)
    if wet:
        canvas.shape(box(-0.1, ground - 0.016, canvas.width + 0.1, ground + 0.004), lift(near, -0.05))
        water(canvas, rng, horizon=ground, tint=mix(haze, near, 0.55), clear=0.68)
        if brief.has("bridge"):
            bridge(canvas, brief, ground + 0.02, lift(near, -0.06))


def block_row(
    canvas: Canvas, brief: Brief, rng: Generator, *, ground: float, colour: Colour, depth: float, tallest: float
) -> None:
    """One layer of buildings, taller toward the centre it favours."""
    x, centre = -0.03, rng.uniform(0.25, 0.75) * canvas.width
    while x < canvas.width:
        wide = rng.uniform(0.045, 0.105) * (0.75 + 0.5 * depth)
        favour = np.exp(-(((x - centre) / 0.38) ** 2))
        tall = tallest * (0.34 + 0.5 * rng.random() + 0.42 * favour * rng.random())
        tone = lift(colour, rng.uniform(-0.03, 0.03))
        _building(canvas, rng, (x, ground - tall, x + wide, ground), tone)
        _windows(canvas, brief, rng, (x, ground - tall, x + wide, ground), tone, depth)
        x += wide + (rng.uniform(0, 0.012) if depth > 0.6 else 0)


def _building(canvas: Canvas, rng: Generator, sides: tuple[float, float, float, float], tone: Colour) -> None:
    left, top, right, ground = sides
    wide, kind = right - left, rng.random()
    middle = (left + right) / 2
    if kind < 0.16:
        canvas.shape(np.array([(left, top), (middle, top - wide * 0.9), (right, top)]), tone)
        canvas.rect(middle - 0.0015, top - wide * 1.5, middle + 0.0015, top - wide * 0.8, tone)
    elif kind < 0.34:
        canvas.rect(left + wide * 0.18, top - wide * 0.35, right - wide * 0.18, top + 0.002, tone)
        canvas.rect(left + wide * 0.36, top - wide * 0.62, right - wide * 0.36, top - wide * 0.3, tone)
    elif kind < 0.48:
        canvas.shape(np.array([(left, top + 0.002), (left, top - wide * 0.5), (right, top + 0.002)]), tone)
    elif kind < 0.60:
        canvas.rect(middle - 0.001, top - rng.uniform(0.04, 0.09), middle + 0.001, top, tone)
    canvas.shape(box(left, top, right, ground), Linear(((0, lift(tone, 0.02)), (1, lift(tone, -0.03)))))
    canvas.rect(left + wide * 0.72, top, right, ground, lift(tone, -0.035))


def _windows(
    canvas: Canvas, brief: Brief, rng: Generator, sides: tuple[float, float, float, float], tone: Colour, depth: float
) -> None:
    """Lit at night, sky-coloured by day; far rows are too hazy to show more than a few."""
    left, top, right, ground = sides
    step_x, step_y = 0.0125 * (0.7 + 0.5 * depth), 0.0165 * (0.7 + 0.5 * depth)
    lit_part = (0.06 + 0.46 * brief.light.lamps) * (0.4 + 0.6 * depth)
    glass = mix(tone, tinted(_GLASS, brief.light.haze, 0.5), 0.12 + 0.22 * depth * (1 - brief.light.lamps))
    lamp = mix(_LAMP, tone, 0.5 * (1 - depth) + 0.35 * (1 - brief.light.lamps))
    lamps = (lamp, mix(lamp, (255, 250, 230), 0.4), mix(lamp, (250, 160, 90), 0.35), glass)
    columns = np.arange(left + step_x * 0.6, right - step_x * 0.7, step_x)
    for y in np.arange(top + step_y * 0.7, ground - step_y * 0.6, step_y):
        for x, draw in zip(columns, rng.random(len(columns)), strict=True):
            if draw < lit_part:
                canvas.rect(x, y, x + step_x * 0.55, y + step_y * 0.58, lamps[int(draw / lit_part * 3)])
            elif depth > 0.45:
                canvas.rect(x, y, x + step_x * 0.55, y + step_y * 0.58, glass)


def bridge(canvas: Canvas, brief: Brief, y: float, tone: Colour) -> None:
    """A suspension bridge across the whole picture."""
    tone = mix(brief.dye("bridge") or tone, tone, 0.3)
    deck, towers = y - 0.055, (canvas.width * 0.22, canvas.width * 0.78)
    top = deck - 0.26
    points = [
        (-0.2, deck - 0.05),
        (towers[0], top),
        (canvas.width / 2, deck - 0.02),
        (towers[1], top),
        (canvas.width + 0.2, deck - 0.05),
    ]
    cable = np.concatenate([_hang(*pair) for pair in pairwise(points)])
    for part in range(4, len(cable) - 4, 3):
        x, high = cable[part]
        canvas.rect(x - 0.0012, high, x + 0.0012, deck, lift(tone, 0.04))
    canvas.line(cable, 0.0075, lift(tone, 0.05))
    canvas.shape(
        box(-0.1, deck, canvas.width + 0.1, deck + 0.022), Linear(((0, lift(tone, 0.10)), (1, lift(tone, -0.05))))
    )
    for x in towers:
        for side in (-0.017, 0.009):
            canvas.rect(x + side, top - 0.012, x + side + 0.009, y + 0.04, tone)
        for bar in (0.0, 0.09, 0.18):
            canvas.rect(x - 0.017, top + bar, x + 0.018, top + bar + 0.010, tone)
    if brief.light.lamps > 0.2:
        for x in np.arange(0.03, canvas.width, 0.065):
            canvas.glow(x, deck - 0.012, 0.022, _LAMP, strength=0.9)


def _hang(start: tuple[float, float], end: tuple[float, float]) -> Floats:
    """A cable between two points, lowest at the lower one."""
    t = np.linspace(0, 1, 26, endpoint=False)
    low_first = start[1] > end[1]
    sag = t**2 if low_first else 1 - (1 - t) ** 2
    return np.stack([start[0] + (end[0] - start[0]) * t, start[1] + (end[1] - start[1]) * sag], -1)


def _street(canvas: Canvas, brief: Brief, rng: Generator) -> None:
    """Façades on both sides run to a vanishing point; lamps, a wet road when it rains or at night."""
    eye = (canvas.width * rng.uniform(0.42, 0.58), canvas.height * rng.uniform(0.56, 0.62))
    paint_sky(canvas, brief, rng, horizon=eye[1])
    haze, near = haze_colour(brief), _wall(brief)
    block_row(canvas, brief, rng, ground=eye[1] + 0.02, colour=mix(haze, near, 0.35), depth=0.5, tallest=0.16)
    canvas.glow(*eye, 0.5, mix(haze, (255, 244, 220), 0.4), strength=0.6)
    road = mix((88, 88, 98), brief.light.land, 0.2 + 0.5 * brief.light.lamps)
    corners = [eye, (canvas.width + 0.5, canvas.height + 0.1), (-0.5, canvas.height + 0.1)]
    canvas.shape(np.array(corners), Linear(((0, mix(road, haze, 0.5)), (1, road))))
    for side in (-1, 1):
        _facades(canvas, brief, rng, eye, side)
    _lanes(canvas, eye, mix(road, (255, 250, 235), 0.6))
    if brief.light.lamps > 0.3 or brief.has("rain", "wet"):
        _reflections(canvas, rng, eye)


def _facades(canvas: Canvas, brief: Brief, rng: Generator, eye: tuple[float, float], side: int) -> None:
    edges = [0.10, 0.19, 0.32, 0.52, 0.85, 1.35]
    for far, near in pairwise(edges):
        base = mix(_wall(brief), CLOTHES[int(rng.integers(len(CLOTHES)))], 0.42)
        base = mix(base, brief.light.land, 0.55 * brief.light.lamps)
        tone = mix(
            haze_colour(brief), tinted(base, brief.mood, 0.5) if brief.mood else base, min(1.0, 0.35 + near * 0.75)
        )
        tall = rng.uniform(0.75, 1.25)
        wall = _quad(eye, side, (far, near), (0.52, -tall))
        canvas.shape(wall, Linear(((0, lift(tone, 0.05)), (1, lift(tone, -0.06)))))
        _facade_windows(canvas, brief, rng, eye, side, (far, near), tall, tone)
        shop = CLOTHES[int(rng.integers(len(CLOTHES)))]
        glow = mix(_LAMP, (235, 240, 244), 1 - brief.light.lamps)
        canvas.shape(_quad(eye, side, (far * 1.06, near * 0.96), (0.44, 0.16)), mix(glow, tone, 0.25))
        awning = _quad(eye, side, (far * 1.02, near * 0.99), (0.20, 0.06))
        canvas.shape(
            moved(awning, -side * 0.035 * near, 0.02 * near), mix(shop, brief.light.land, 0.35 * brief.light.lamps)
        )
        canvas.shape(_quad(eye, side, (far, near), (0.52, 0.46)), lift(tone, -0.12))


def _quad(eye: tuple[float, float], side: int, across: tuple[float, float], up: tuple[float, float]) -> Floats:
    """A patch of a street wall: `across` in nearness, `up` in heights at nearness 1 (positive is down)."""
    far, near = across
    x = 0.78
    return np.array(
        [
            (eye[0] + side * x * far, eye[1] + up[1] * far),
            (eye[0] + side * x * near, eye[1] + up[1] * near),
            (eye[0] + side * x * near, eye[1] + up[0] * near),
            (eye[0] + side * x * far, eye[1] + up[0] * far),
        ]
    )


def _facade_windows(
    canvas: Canvas, brief: Brief, rng: Generator, eye: tuple[float, float], side: int, across: tuple[float, float],
    tall: float, tone: Colour,
) -> None:  # fmt: skip
    far, near = across
    glass = mix(tone, _GLASS, 0.3 * (1 - brief.light.lamps) + 0.1)
    columns = far * (near / far) ** np.linspace(0, 1, 6)
    for low in np.arange(-0.02, -tall + 0.12, -0.19):
        for left, right in pairwise(columns):
            gap = (right - left) * 0.24
            lit = rng.random() < 0.08 + 0.5 * brief.light.lamps
            pane = _quad(eye, side, (left + gap, right - gap), (low, low - 0.115))
            canvas.shape(pane, mix(_LAMP, tone, 0.15 + 0.3 * rng.random()) if lit else glass)


def _lanes(canvas: Canvas, eye: tuple[float, float], tone: Colour) -> None:
    for start in (0.16, 0.26, 0.42, 0.68, 1.05):
        low, high = eye[1] + 0.52 * start, eye[1] + 0.52 * start * 1.30
        wide = 0.018 * start
        dash = [(eye[0] - wide, low), (eye[0] + wide, low), (eye[0] + wide * 1.4, high), (eye[0] - wide * 1.4, high)]
        canvas.shape(np.array(dash), tone, opacity=0.75)


def _reflections(canvas: Canvas, rng: Generator, eye: tuple[float, float]) -> None:
    for near in (0.22, 0.36, 0.6, 0.95):
        for side in (-1, 1):
            post = np.array([eye[0] + side * 0.56 * near, eye[1]])
            top = moved(post, 0, -0.26 * near)
            canvas.line(np.array([moved(post, 0, 0.46 * near), top]), 0.008 * near + 0.001, (40, 40, 52))
            canvas.line(np.array([top, top - (side * 0.07 * near, 0)]), 0.007 * near + 0.001, (40, 40, 52))
            canvas.glow(top[0] - side * 0.07 * near, top[1] + 0.01, 0.20 * near + 0.03, _LAMP, strength=0.95)
            pool = ellipse(top[0] - side * 0.12 * near, eye[1] + 0.52 * near, 0.07 * near, 0.11 * near)
            canvas.shape(pool, _LAMP, opacity=0.26, soft=0.03)
    for _ in range(22):
        depth = rng.random()
        y, x = eye[1] + (canvas.height - eye[1]) * (0.12 + 0.85 * depth), eye[0] + rng.normal(0, 0.3) * (0.2 + depth)
        canvas.line(
            bow([(x - 0.05 * depth, y), (x, y + 0.002), (x + 0.05 * depth, y)]),
            0.002 + 0.003 * depth,
            _LAMP,
            opacity=0.25,
        )
