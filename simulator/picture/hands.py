"""Pictures of hands: what they hold or do, as the prompt says."""

from collections.abc import Callable

import numpy as np
from numpy.random import Generator

from simulator.picture import goods, turning
from simulator.picture.brief import Brief
from simulator.picture.canvas import Canvas, Linear, Radial, ball, sheen
from simulator.picture.hand import Hand, paint_grip, paint_open, paint_writing
from simulator.picture.look import pick
from simulator.picture.palette import CLOTHES, SKINS, Colour, lift, mix
from simulator.picture.portrait import backdrop
from simulator.picture.product import PRODUCT_NOUNS, paint_named, studio
from simulator.picture.shapes import bow, box, ellipse, smooth

Act = Callable[[Canvas, Brief, Generator], None]
_GESTURES = (
    (True, True, True, True, True),
    (False, True, True, False, False),
    (True, True, True, True, True),
    (False, True, False, False, False),
    (True, False, False, False, True),
)


def paint_hands(canvas: Canvas, brief: Brief, rng: Generator) -> None:
    """The act whose words the prompt holds; without any, a gesture."""
    act = next((act for words, act in _ACTS if brief.has(*words)), None)
    if act is None:
        act = _holding if brief.has("holding", "hold") or not brief.words.isdisjoint(PRODUCT_NOUNS) else _gesture
    act(canvas, brief, rng)


def _hand(brief: Brief, rng: Generator) -> Hand:
    glove = brief.dye("glove", "gloves", "mitten") or (pick(rng, CLOTHES) if brief.has("glove", "mitten") else None)
    skin = pick(rng, SKINS)
    sleeve = brief.dye("sleeve", "sweater", "shirt") or pick(rng, CLOTHES)
    return Hand(skin=glove or skin, sleeve=sleeve, gloved=glove is not None)


def _both(canvas: Canvas, brief: Brief, rng: Generator, at: tuple[float, float], *, scale: float, reach: float) -> None:
    """A hand from each side, or only the right one if the prompt speaks of a single hand."""
    hand = _hand(brief, rng)
    sides = (False,) if brief.has("single", "one") or _single(brief) else (True, False)
    for mirror in sides:
        paint_grip(canvas.at(*at, scale, mirror=mirror), hand, reach=reach)


def _single(brief: Brief) -> bool:
    return brief.has("glove") and not brief.has("two")


def _holding(canvas: Canvas, brief: Brief, rng: Generator) -> None:
    """A thing held up between both hands."""
    backdrop(canvas, brief, rng)
    at = (canvas.width / 2 + rng.uniform(-0.03, 0.03), canvas.height * rng.uniform(0.44, 0.52))
    canvas.glow(*at, 0.6, mix(brief.light.disc, (255, 255, 255), 0.4), strength=0.45)
    thing = canvas.at(at[0], at[1] + 0.21, 0.50)
    noun = next((word for word in sorted(brief.words & PRODUCT_NOUNS)), None)
    if brief.has("snowball", "snow"):
        _snowball(canvas.at(*at, 0.5))
    elif noun:
        paint_named(thing, brief, rng, noun)
    elif brief.has("flower", "rose"):
        turning.paint_vase(thing, brief.main or (120, 150, 190), rng)
    else:
        goods.paint_fruit(thing, brief.main or (206, 60, 52))
    _both(canvas, brief, rng, at, scale=0.56, reach=0.40)


def _snowball(canvas: Canvas) -> None:
    canvas.shape(
        ellipse(0, 0, 0.46, 0.45),
        Radial(((0, (255, 255, 255)), (0.6, (232, 238, 250)), (1, (176, 190, 222))), 0.36, 0.3, 0.9),
    )
    for x, y in ((-0.2, -0.2), (0.1, -0.28), (0.22, 0.05), (-0.1, 0.12), (0.02, -0.06)):
        canvas.shape(ellipse(x, y, 0.07, 0.05), (206, 216, 238), opacity=0.55, soft=0.02)


def _potter(canvas: Canvas, brief: Brief, rng: Generator) -> None:
    clay = brief.dye("clay", "bowl", "pot") or (166, 108, 76)
    studio(canvas, brief, rng, clay)
    at = (canvas.width / 2, canvas.height * 0.60)
    wheel = canvas.at(at[0], at[1] + 0.15, 1.0)
    wheel.shape(box(-0.42, 0.0, 0.42, 0.07, radius=0.03), (92, 88, 92))
    wheel.shape(ellipse(0, 0, 0.42, 0.085), sheen((128, 124, 128), degrees=0))
    wheel.shape(ellipse(0, -0.005, 0.30, 0.055), lift(clay, -0.12))
    turning.paint_bowl(canvas.at(at[0], at[1] + 0.15, 0.52), clay)
    hand = _hand(brief, rng)
    muddy = Hand(skin=mix(hand.skin, clay, 0.22), sleeve=hand.sleeve)
    for mirror in (True, False):
        paint_grip(canvas.at(at[0], at[1] + 0.03, 0.50, mirror=mirror), muddy, reach=0.44)


def _writing(canvas: Canvas, brief: Brief, rng: Generator) -> None:
    tone = brief.behind or mix((206, 176, 140), brief.light.haze, 0.3)
    canvas.wash(Radial(((0, lift(tone, 0.06)), (1, lift(tone, -0.10))), 0.3, 0.3, 1.1))
    paper = brief.dye("paper") or (250, 249, 245)
    tilt = rng.uniform(-0.10, 0.06)
    sheet = canvas.at(canvas.width * 0.42, canvas.height * 0.56, 1.0, turn=tilt)
    sheet.shadow(box(-0.37, -0.38, 0.41, 0.60), opacity=0.3, soft=0.025)
    sheet.shape(box(-0.38, -0.40, 0.40, 0.58), sheen(paper, degrees=60, depth=0.03))
    for line in range(9):
        sheet.line(
            np.array([(-0.32, -0.28 + line * 0.085), (0.34, -0.28 + line * 0.085)]),
            0.0025,
            (150, 170, 206),
            opacity=0.7,
        )
    for line in range(int(rng.integers(2, 4))):
        x = np.linspace(-0.31, 0.30 if line < 2 else 0.02, 90)
        wobble = 0.012 * np.sin(x * 120 + line) * np.sin(x * 23 + 2 * line) - 0.008
        sheet.line(np.stack([x, -0.285 + line * 0.085 + wobble], -1), 0.0045, (58, 60, 84))
    pencil = brief.dye("pencil", "pen", "crayon") or brief.main or (240, 190, 60)
    canvas.shadow(smooth([(0.46, 0.62), (0.7, 0.56), (1.0, 0.80), (0.9, 1.0), (0.6, 0.86)]), opacity=0.3, soft=0.04)
    paint_writing(canvas.at(canvas.width * 0.42, canvas.height * 0.58, 0.62), _hand(brief, rng), pencil)


def _piano(canvas: Canvas, brief: Brief, rng: Generator) -> None:
    wood = (38, 30, 34)
    canvas.wash(Linear(((0, lift(mix(wood, brief.light.haze, 0.28), 0.05)), (0.3, wood), (1, lift(wood, -0.06)))))
    canvas.glow(canvas.width * 0.3, 0.05, 0.7, brief.light.disc, strength=0.3)
    top, bottom = canvas.height * 0.30, canvas.height * 0.76
    wide = 0.092
    start = -rng.uniform(0, wide * 3)
    keys = np.arange(start, canvas.width, wide)
    for x in keys:
        canvas.shape(
            box(x + 0.002, top, x + wide - 0.002, bottom, radius=0.008),
            Linear(((0, (206, 200, 192)), (0.25, (250, 247, 240)), (1, (255, 253, 248)))),
        )
        canvas.shape(box(x + 0.002, bottom - 0.01, x + wide - 0.002, bottom + 0.02, radius=0.008), (214, 206, 196))
    for place, x in enumerate(keys):
        if place % 7 not in (2, 6):
            left = x + wide * 0.70
            canvas.shape(
                box(left + 0.008, top, left + wide * 0.6 + 0.008, top + 0.29), (20, 16, 20), opacity=0.35, soft=0.01
            )
            canvas.shape(
                box(left, top, left + wide * 0.6, top + 0.28, radius=0.008), sheen((44, 40, 46), degrees=0, depth=0.08)
            )
    canvas.shape(box(-0.1, top - 0.03, canvas.width + 0.1, top), (120, 30, 36))
    hand = _hand(brief, rng)
    for mirror, x in ((True, 0.27), (False, 0.73)):
        y = canvas.height * rng.uniform(0.76, 0.82)
        canvas.shadow(ellipse(canvas.width * x + 0.02, y - 0.07, 0.17, 0.20), opacity=0.35, soft=0.03)
        paint_open(
            canvas.at(canvas.width * x, y, 0.47, turn=(0.16 if mirror else -0.16), mirror=mirror), hand, back=True
        )


def _planting(canvas: Canvas, brief: Brief, rng: Generator) -> None:
    backdrop(canvas, brief, rng)
    soil = brief.dye("soil", "earth") or (74, 52, 42)
    line = bow(
        [
            (-0.1, canvas.height * 0.60),
            (canvas.width * 0.5, canvas.height * 0.55),
            (canvas.width + 0.1, canvas.height * 0.61),
        ]
    )
    canvas.land(line, Linear(((0, lift(soil, 0.06)), (1, lift(soil, -0.08)))))
    for _ in range(110):
        x, y = rng.uniform(0, canvas.width), canvas.height * rng.uniform(0.60, 1.0)
        canvas.oval(x, y, rng.uniform(0.006, 0.02), rng.uniform(0.005, 0.012), lift(soil, rng.uniform(-0.07, 0.08)))
    at = (canvas.width / 2, canvas.height * 0.64)
    seedling(canvas.at(at[0], at[1], 0.42), brief.dye("seedling", "plant", "leaf") or (86, 168, 82))
    canvas.shape(ellipse(at[0], at[1] + 0.03, 0.20, 0.07), ball(lift(soil, 0.03)))
    _both(canvas, brief, rng, (at[0], at[1] + 0.05), scale=0.52, reach=0.30)


def seedling(canvas: Canvas, leaf: Colour) -> None:
    """A young plant, roots at the origin, one unit tall."""
    canvas.curve([(0, 0.05), (0.02, -0.3), (-0.01, -0.66)], 0.045, lift(leaf, -0.06))
    for side, y, size in ((-1, -0.36, 0.36), (1, -0.44, 0.42), (-1, -0.66, 0.34), (1, -0.68, 0.30)):
        blade = smooth(
            [
                (0, y),
                (side * size * 0.45, y - size * 0.42),
                (side * size, y - size * 0.36),
                (side * size * 0.55, y - size * 0.02),
            ]
        )
        canvas.shape(blade, sheen(lift(leaf, 0.03 if side < 0 else -0.03), degrees=70))
        canvas.curve(
            [(0, y), (side * size * 0.5, y - size * 0.22), (side * size * 0.88, y - size * 0.32)],
            0.010,
            lift(leaf, 0.12),
            opacity=0.8,
        )


def _ribbon(canvas: Canvas, brief: Brief, rng: Generator) -> None:
    colour = brief.dye("box", "gift", "parcel") or brief.main or (128, 66, 178)
    ribbon = brief.dye("ribbon", "bow") or (238, 128, 40)
    ground = studio(canvas, brief, rng, colour)
    at = (canvas.width / 2, ground + 0.22)
    canvas.shadow(ellipse(at[0] + 0.06, at[1], 0.34, 0.05), opacity=0.4, soft=0.03)
    goods.paint_gift(canvas.at(*at, 0.60), colour, ribbon)
    _both(canvas, brief, rng, (at[0], at[1] - 0.50), scale=0.46, reach=0.48)


def _circle(canvas: Canvas, brief: Brief, rng: Generator) -> None:
    """Many open hands that meet in the middle."""
    backdrop(canvas, brief, rng)
    middle = (canvas.width / 2, canvas.height / 2)
    canvas.glow(*middle, 0.5, mix(brief.light.disc, (255, 255, 255), 0.4), strength=0.6)
    first = rng.uniform(0, 2 * np.pi)
    order = rng.permutation(len(SKINS)).tolist()
    for place in range(5):
        turn = first + place * 2 * np.pi / 5
        x, y = middle[0] - 0.27 * np.sin(turn), middle[1] + 0.27 * np.cos(turn)
        hand = Hand(skin=SKINS[order[place]], sleeve=CLOTHES[(place * 2 + order[0]) % len(CLOTHES)])
        paint_open(canvas.at(x, y, 0.36, turn=turn, mirror=bool(place % 2)), hand, back=True)


def _gesture(canvas: Canvas, brief: Brief, rng: Generator) -> None:
    """One or two raised hands."""
    backdrop(canvas, brief, rng)
    hand = _hand(brief, rng)
    pair = brief.has("two", "pair") or rng.random() < 0.35
    raised = pick(rng, _GESTURES)
    back = all(raised) and rng.random() < 0.3
    first = rng.random() < 0.5
    for place, x in enumerate((0.30, 0.70) if pair else (0.5,)):
        part = canvas.at(
            canvas.width * x, canvas.height * rng.uniform(0.52, 0.58), 0.48 if pair else 0.64,
            turn=rng.uniform(-0.16, 0.16), mirror=bool(place) != first,
        )  # fmt: skip
        paint_open(part, hand, raised=raised, back=back)


_ACTS: tuple[tuple[tuple[str, ...], Act], ...] = (
    (("potter", "clay", "pottery"), _potter),
    (("pencil", "pen", "writing", "drawing", "paper"), _writing),
    (("piano", "keyboard", "pianist"), _piano),
    (("planting", "seedling", "soil", "gardener"), _planting),
    (("ribbon", "tying", "wrapping"), _ribbon),
    (("circle", "meeting", "together", "team"), _circle),
)
