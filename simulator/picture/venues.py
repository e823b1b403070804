"""Where crowds gather. Each setting paints itself and gives the height at which its ground begins."""

import numpy as np
from numpy.random import Generator

from simulator.picture.brief import Brief
from simulator.picture.canvas import Canvas, Linear, sheen
from simulator.picture.city import block_row, bridge
from simulator.picture.land import hills, ranges, round_tree, treeline
from simulator.picture.landscape import near_colour
from simulator.picture.palette import CLOTHES, Colour, lift, mix
from simulator.picture.shapes import bow, box, ellipse
from simulator.picture.sky import haze_colour, paint_sky

_LAMP = (255, 214, 140)


def _by_hour(colour: Colour, brief: Brief) -> Colour:
    return mix(colour, brief.light.land, 0.55 * brief.light.lamps)


def _paving(canvas: Canvas, brief: Brief, ground: float, tone: Colour) -> None:
    floor = _by_hour(tone, brief)
    far = mix(floor, haze_colour(brief), 0.45)
    canvas.land(np.array([(-0.1, ground), (canvas.width + 0.1, ground)]), Linear(((0, far), (1, lift(floor, -0.04)))))
    eye, line = canvas.width / 2, lift(floor, -0.05)
    for foot in np.linspace(-2.4, 2.4, 17):
        seam = np.array([(eye + foot * 0.16, ground), (eye + foot, canvas.height)])
        canvas.line(seam, 0.0028, line, opacity=0.6)
    for depth in (0.05, 0.13, 0.25, 0.43, 0.68):
        y = ground + (canvas.height - ground) * depth
        canvas.line(np.array([(0, y), (canvas.width, y)]), 0.0016 + 0.003 * depth, line, opacity=0.6)


def square(canvas: Canvas, brief: Brief, rng: Generator) -> float:
    """A paved square with town houses behind."""
    ground = canvas.height * 0.42
    paint_sky(canvas, brief, rng, horizon=ground)
    haze = haze_colour(brief)
    tone = _by_hour(mix((150, 132, 128), CLOTHES[int(rng.integers(len(CLOTHES)))], 0.2), brief)
    for depth, tall in ((0.5, 0.34), (0.9, 0.26)):
        block_row(
            canvas, brief, rng, ground=ground, colour=mix(haze, tone, 0.2 + 0.7 * depth), depth=depth, tallest=tall
        )
    _paving(canvas, brief, ground, (168, 160, 158))
    if brief.light.lamps > 0.3:
        for x in np.arange(0.08, canvas.width, 0.21):
            canvas.line(np.array([(x, ground + 0.02), (x, ground - 0.12)]), 0.005, (38, 36, 46))
            canvas.glow(x, ground - 0.125, 0.10, _LAMP)
            canvas.shape(ellipse(x, ground + 0.10, 0.03, 0.09), _LAMP, opacity=0.3, soft=0.02)
    return ground


def market(canvas: Canvas, brief: Brief, rng: Generator) -> float:
    """Two rows of stalls with striped awnings and heaps of fruit."""
    ground = canvas.height * 0.44
    paint_sky(canvas, brief, rng, horizon=ground)
    haze = haze_colour(brief)
    tone = _by_hour((176, 140, 120), brief)
    block_row(canvas, brief, rng, ground=ground, colour=mix(haze, tone, 0.6), depth=0.8, tallest=0.34)
    _paving(canvas, brief, ground, (190, 172, 150))
    asked = brief.dyed("stall", "awning", "tent") or ((204, 62, 56), (240, 190, 70))
    x = -0.08 + rng.uniform(-0.05, 0.05)
    place = 0
    while x < canvas.width:
        _stall(canvas, brief, rng, (x, ground + 0.055), _by_hour(asked[place % len(asked)], brief))
        x, place = x + rng.uniform(0.27, 0.31), place + 1
    _bunting(canvas, rng, asked)
    return ground


def _stall(canvas: Canvas, brief: Brief, rng: Generator, at: tuple[float, float], tone: Colour) -> None:
    part = canvas.at(*at, 0.25)
    wood = _by_hour((140, 98, 64), brief)
    part.rect(0.02, -0.72, 0.06, 0, wood)
    part.rect(0.94, -0.72, 0.98, 0, wood)
    part.shape(box(0.02, -0.34, 0.98, 0.0), sheen(wood, degrees=90))
    for spot in np.linspace(0.08, 0.92, 13):
        fruit = ((222, 60, 50), (240, 150, 40), (120, 176, 70), (240, 206, 70), (140, 70, 130))[int(spot * 5) % 5]
        part.oval(spot, -0.36 - 0.03 * rng.random(), 0.045, 0.045, _by_hour(fruit, brief))
    for stripe in range(8):
        left, right = stripe / 8, (stripe + 1) / 8
        colour = tone if stripe % 2 else mix((250, 246, 238), brief.light.land, 0.4 * brief.light.lamps)
        slope = np.array(
            [
                (0.08 + left * 0.84, -1.0),
                (0.08 + right * 0.84, -1.0),
                (right * 1.1 - 0.05, -0.70),
                (left * 1.1 - 0.05, -0.70),
            ]
        )
        part.shape(slope, colour)
        scallop = ellipse((left + right) / 2 * 1.1 - 0.05, -0.70, 0.069, 0.055)
        part.shape(scallop, lift(colour, -0.06))


def _bunting(canvas: Canvas, rng: Generator, tones: tuple[Colour, ...]) -> None:
    for start in (0.03, 0.10):
        line = bow(
            [
                (-0.02, start),
                (canvas.width * 0.3, start + 0.07),
                (canvas.width * 0.65, start + 0.06),
                (canvas.width + 0.02, start - 0.01),
            ],
            dense=14,
        )
        canvas.line(line, 0.0026, (90, 80, 80))
        for step, (x, y) in enumerate(line[::2].tolist()):
            tone = (*tones, (250, 246, 238))[(step + int(rng.integers(2))) % (len(tones) + 1)]
            canvas.shape(np.array([(x - 0.014, y), (x + 0.014, y), (x, y + 0.034)]), tone)


def stage(canvas: Canvas, brief: Brief, rng: Generator) -> float:
    """A lit stage at night with beams fanning out over the heads."""
    ground = canvas.height * 0.52
    tone = brief.dye("light", "stage", "beam") or brief.mood or (168, 70, 220)
    night = mix((12, 10, 30), tone, 0.20)
    canvas.wash(
        Linear(((0, night), (0.35, mix(night, tone, 0.55)), (0.56, mix(tone, (255, 240, 255), 0.25)), (1, night)))
    )
    left, right = canvas.width * 0.5 - 0.40, canvas.width * 0.5 + 0.40
    canvas.glow(canvas.width / 2, ground - 0.08, 0.62, mix(tone, (255, 255, 255), 0.45), strength=0.9)
    for x in np.linspace(left + 0.04, right - 0.04, 7):
        spread, colour = rng.uniform(-0.55, 0.55), mix(tone, pick_light(rng), 0.45)
        beam = np.array(
            [
                (x - 0.006, ground - 0.36),
                (x + 0.006, ground - 0.36),
                (x + spread + 0.09, canvas.height * 0.98),
                (x + spread - 0.09, canvas.height * 0.98),
            ]
        )
        canvas.shape(beam, colour, opacity=0.20, soft=0.006)
        up = np.array(
            [
                (x - 0.006, ground - 0.34),
                (x + 0.006, ground - 0.34),
                (x - spread + 0.06, -0.02),
                (x - spread - 0.06, -0.02),
            ]
        )
        canvas.shape(up, colour, opacity=0.26, soft=0.006)
        canvas.glow(x, ground - 0.35, 0.05, (255, 250, 255), strength=0.95)
    frame = mix(night, (0, 0, 0), 0.4)
    for side in (left, right):
        canvas.rect(side - 0.03, ground - 0.40, side + 0.03, ground + 0.05, frame)
    canvas.rect(left, ground - 0.40, right, ground - 0.36, frame)
    canvas.shape(box(left - 0.04, ground, right + 0.04, ground + 0.06), frame)
    for x in (left + 0.2, canvas.width / 2, right - 0.2):
        _player(canvas.at(x, ground, 0.17), frame)
    return ground


def pick_light(rng: Generator) -> Colour:
    """A stage lamp's colour."""
    return ((255, 120, 190), (110, 170, 255), (255, 255, 255), (255, 200, 120))[int(rng.integers(4))]


def _player(canvas: Canvas, tone: Colour) -> None:
    canvas.limb((-0.09, 0), (-0.03, -0.45), 0.045, 0.06, tone)
    canvas.limb((0.10, 0), (0.03, -0.45), 0.045, 0.06, tone)
    canvas.limb((0, -0.45), (0, -0.72), 0.09, 0.11, tone)
    canvas.oval(0, -0.91, 0.085, 0.10, tone)
    canvas.limb((-0.22, -0.42), (0.34, -0.62), 0.07, 0.02, tone)
    canvas.limb((0.1, -0.74), (0.26, -0.56), 0.04, 0.03, tone)


def road_bridge(canvas: Canvas, brief: Brief, rng: Generator) -> float:
    """The deck of a bridge leading away, the city behind it."""
    ground = canvas.height * 0.46
    paint_sky(canvas, brief, rng, horizon=ground)
    haze = haze_colour(brief)
    near = near_colour(brief, (74, 92, 122))
    for depth, tall in ((0.4, 0.34), (0.7, 0.22)):
        block_row(canvas, brief, rng, ground=ground, colour=mix(haze, near, depth), depth=depth, tallest=tall)
    bridge(canvas, brief, ground + 0.03, mix(haze, near, 0.85))
    _paving(canvas, brief, ground, (126, 126, 134))
    for side in (-1, 1):
        rail = np.array(
            [(canvas.width / 2 + side * 0.40, ground), (canvas.width / 2 + side * 1.2, canvas.height * 0.9)]
        )
        for up in (0.0, 0.04):
            canvas.line(rail - (0, up + 0.02), 0.008, lift(near, -0.05))
    return ground


def park(canvas: Canvas, brief: Brief, rng: Generator) -> float:
    """A lawn with trees, a bandstand and picnic blankets."""
    ground = canvas.height * 0.44
    paint_sky(canvas, brief, rng, horizon=ground)
    grass = _by_hour(brief.dye("park", "garden", "lawn", "grass") or (96, 160, 84), brief)
    leaf = mix(grass, (34, 84, 58), 0.5)
    hills(
        canvas,
        rng,
        top=ground - 0.10,
        bottom=ground - 0.02,
        layers=2,
        far=mix(leaf, haze_colour(brief), 0.5),
        near=mix(leaf, haze_colour(brief), 0.2),
    )
    for x in (0.06, 0.20, 0.80, 0.94):
        round_tree(
            canvas, rng, canvas.width * x, ground + 0.03, rng.uniform(0.26, 0.36), lift(leaf, rng.uniform(-0.03, 0.04))
        )
    canvas.land(
        np.array([(-0.1, ground), (canvas.width + 0.1, ground)]),
        Linear(((0, lift(grass, 0.06)), (1, lift(grass, -0.06)))),
    )
    _bandstand(canvas.at(canvas.width / 2, ground + 0.05, 0.34), brief)
    for _ in range(9):
        y = ground + rng.uniform(0.14, 0.5)
        cloth = CLOTHES[int(rng.integers(len(CLOTHES)))]
        _rug(canvas.at(rng.uniform(0.05, canvas.width - 0.05), y, 0.05 + 0.11 * (y - ground)), _by_hour(cloth, brief))
    return ground


def _rug(canvas: Canvas, cloth: Colour) -> None:
    canvas.shape(np.array([(-1, 0), (0.8, -0.14), (1.1, 0.30), (-0.7, 0.44)]), cloth)
    canvas.line(np.array([(-0.3, -0.05), (0.0, 0.4)]), 0.1, mix(cloth, (255, 255, 255), 0.6), opacity=0.8)


def _bandstand(canvas: Canvas, brief: Brief) -> None:
    wall, roof = _by_hour((244, 240, 230), brief), _by_hour((176, 74, 66), brief)
    canvas.shape(box(-0.52, -0.14, 0.52, 0.0), sheen(wall, degrees=90))
    for x in (-0.44, -0.22, 0.0, 0.22, 0.44):
        canvas.rect(x - 0.018, -0.62, x + 0.018, -0.12, lift(wall, -0.05))
    canvas.rect(-0.46, -0.28, 0.46, -0.25, wall)
    canvas.shape(bow([(-0.58, -0.60), (-0.30, -0.76), (0.0, -1.0), (0.30, -0.76), (0.58, -0.60)]), roof)
    canvas.shape(np.array([(0, -1.0), (0.30, -0.76), (0.58, -0.60), (0.12, -0.60)]), lift(roof, -0.06))
    canvas.rect(-0.58, -0.62, 0.58, -0.58, lift(wall, 0.02))


def ice(canvas: Canvas, brief: Brief, rng: Generator) -> float:
    """A frozen lake among snowy hills and fir trees."""
    ground = canvas.height * 0.46
    paint_sky(canvas, brief, rng, horizon=ground)
    haze, snow = haze_colour(brief), mix((244, 248, 255), brief.light.haze, 0.25)
    far = mix(haze, (120, 130, 170), 0.45)
    ranges(canvas, rng, top=ground * 0.66, bottom=ground, layers=2, far=mix(haze, far, 0.5), near=far, snow=snow)
    dark = _by_hour((52, 78, 92), brief)
    treeline(canvas, rng, y=ground, size=0.10, colour=dark, foot=mix(dark, snow, 0.6))
    sheet = mix(mix((206, 226, 240), brief.light.sky[2], 0.30), (255, 255, 255), 0.2)
    canvas.land(
        np.array([(-0.1, ground + 0.01), (canvas.width + 0.1, ground + 0.01)]),
        Linear(((0, mix(sheet, brief.light.sky[3], 0.6)), (1, lift(sheet, -0.08)))),
    )
    for _ in range(26):
        y = ground + 0.04 + (canvas.height - ground) * rng.random()
        x, long = rng.uniform(0, canvas.width), rng.uniform(0.05, 0.2)
        canvas.line(
            bow([(x, y), (x + long * 0.5, y + rng.uniform(-0.02, 0.02)), (x + long, y + rng.uniform(-0.03, 0.03))]),
            0.0022,
            (255, 255, 255),
            opacity=0.6,
        )
    return ground


def stands(canvas: Canvas, brief: Brief, rng: Generator) -> float:
    """The far stand full of people as dots of colour, and the pitch between it and us."""
    top, pitch = canvas.height * 0.20, canvas.height * 0.50
    paint_sky(canvas, brief, rng, horizon=top + 0.1)
    asked = brief.dyed("flag", "shirt", "jersey") or ((240, 196, 50), (46, 104, 208))
    canvas.shape(
        np.array([(-0.1, top + 0.04), (canvas.width + 0.1, top + 0.04), (canvas.width + 0.1, pitch), (-0.1, pitch)]),
        _by_hour((84, 86, 100), brief),
    )
    canvas.shape(
        np.array(
            [(-0.1, top - 0.05), (canvas.width + 0.1, top - 0.05), (canvas.width + 0.1, top + 0.05), (-0.1, top + 0.03)]
        ),
        _by_hour((210, 214, 222), brief),
    )
    tones = (*asked, *asked, (244, 240, 232), (200, 70, 60), (60, 64, 80), (220, 180, 150))
    for row, y in enumerate(np.linspace(top + 0.07, pitch - 0.03, 15)):
        size = 0.0055 + 0.0003 * row
        xs = np.arange(-0.01 + size * (row % 2), canvas.width, size * 2.5)
        for x, which in zip(xs, rng.integers(len(tones), size=len(xs)).tolist(), strict=True):
            canvas.rect(x, y, x + size * 1.7, y + size * 2.4, _by_hour(tones[which], brief))
            canvas.rect(x + size * 0.4, y - size * 1.1, x + size * 1.3, y, (196, 150, 120))
    grass = _by_hour((78, 158, 78), brief)
    for stripe in range(9):
        left, right = -1.2 + stripe * 0.38, -1.2 + (stripe + 1) * 0.38
        eye = canvas.width / 2
        canvas.shape(
            np.array(
                [
                    (eye + left * 0.5, pitch),
                    (eye + right * 0.5, pitch),
                    (eye + right, canvas.height),
                    (eye + left, canvas.height),
                ]
            ),
            lift(grass, 0.02 * (-1) ** stripe),
        )
    canvas.line(np.array([(-0.1, pitch + 0.02), (canvas.width + 0.1, pitch + 0.02)]), 0.006, (250, 250, 246))
    ring = ellipse(canvas.width / 2, pitch + 0.11, 0.22, 0.055)
    canvas.line(np.concatenate([ring, ring[:2]]), 0.005, (250, 250, 246), opacity=0.9)
    return canvas.height * 0.74


def platform(canvas: Canvas, brief: Brief, rng: Generator) -> float:
    """A railway platform under a canopy with a train standing at it."""
    ground = canvas.height * 0.56
    paint_sky(canvas, brief, rng, horizon=ground * 0.8)
    tone = _by_hour(brief.dye("train", "carriage") or (58, 120, 96), brief)
    train = canvas.at(0, ground, 1)
    train.shape(
        box(-0.05, -0.31, canvas.width + 0.05, 0.03, radius=0.03),
        Linear(((0, lift(tone, 0.10)), (0.4, tone), (1, lift(tone, -0.10)))),
    )
    train.rect(-0.05, -0.085, canvas.width + 0.05, -0.065, mix(tone, (250, 240, 210), 0.75))
    pane = mix((196, 222, 236), _LAMP, brief.light.lamps)
    for x in np.arange(-0.02 + rng.uniform(0, 0.05), canvas.width, 0.155):
        train.shape(box(x, -0.245, x + 0.105, -0.125, radius=0.014), lift(tone, -0.2))
        train.shape(
            box(x + 0.006, -0.239, x + 0.099, -0.131, radius=0.01), Linear(((0, pane), (1, lift(pane, -0.14))), 60)
        )
    roof = _by_hour((104, 88, 84), brief)
    canvas.shape(
        np.array([(-0.1, 0.0), (canvas.width + 0.1, 0.0), (canvas.width + 0.1, 0.09), (-0.1, 0.13)]),
        sheen(roof, degrees=90),
    )
    for x in np.arange(0.0, canvas.width, 0.045):
        canvas.shape(np.array([(x, 0.085), (x + 0.045, 0.085), (x + 0.0225, 0.15)]), lift(roof, 0.08))
    _paving(canvas, brief, ground + 0.02, (178, 172, 168))
    edge = mix((244, 208, 84), brief.light.land, 0.3 * brief.light.lamps)
    canvas.shape(box(-0.1, ground + 0.03, canvas.width + 0.1, ground + 0.045), edge)
    for x in (canvas.width * 0.2, canvas.width * 0.8):
        canvas.shape(box(x - 0.014, 0.1, x + 0.014, ground + 0.10), sheen(lift(roof, -0.05), degrees=0))
    return ground
