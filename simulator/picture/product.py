"""Product pictures: one thing on a surface before a lit wall, with a soft shadow."""

from collections.abc import Callable

import numpy as np
from numpy.random import Generator

from simulator.picture import goods, turning
from simulator.picture.brief import Brief
from simulator.picture.canvas import Canvas, Linear, Radial
from simulator.picture.look import pick
from simulator.picture.palette import Colour, lift, mix, tinted
from simulator.picture.shapes import box, ellipse
from simulator.picture.sky import fbm

Painter = Callable[[Canvas, Colour, Brief, Generator], None]
_GOODS_COLOURS: tuple[Colour, ...] = (
    (198, 74, 66), (58, 118, 160), (226, 160, 72), (84, 130, 98), (140, 96, 168), (220, 206, 186), (70, 82, 110),
)  # fmt: skip
_SURFACES = ("table", "stone", "velvet", "cloth", "shelf", "floor", "desk", "surface", "plate")


def paint_product(canvas: Canvas, brief: Brief, rng: Generator) -> None:
    """One thing on a surface, seen from one side or the other."""
    place_product(canvas, brief, rng)
    if rng.random() < 0.5:
        canvas.mirror()


def place_product(canvas: Canvas, brief: Brief, rng: Generator) -> tuple[float, float, float]:
    """The thing the prompt names (without any, one by the seed); gives where its feet are and its scale."""
    nouns, size, painter = next((kind for kind in _KINDS if brief.has(*kind[0])), None) or pick(rng, _OPEN_KINDS)
    colour = brief.dye(*nouns) or brief.main or pick(rng, _GOODS_COLOURS)
    ground = studio(canvas, brief, rng, colour)
    x = canvas.width / 2 + rng.uniform(-0.06, 0.06)
    feet = ground + (canvas.height - ground) * rng.uniform(0.26, 0.42)
    scale = size * rng.uniform(0.94, 1.08)
    if brief.has("chair"):
        wood = mix(brief.dye("chair") or (160, 110, 72), brief.light.land, 0.15 * brief.light.lamps)
        feet = canvas.height * 0.72
        goods.paint_chair(canvas.at(x, feet + 0.01, 0.46), wood)
    _shadows(canvas, x, feet, scale * 0.62)
    _companions(canvas, brief, rng, x, feet, scale)
    painter(canvas.at(x, feet, scale), colour, brief, rng)
    return x, feet, scale


def studio(canvas: Canvas, brief: Brief, rng: Generator, colour: Colour) -> float:
    """A wall with a pool of light and a surface; gives the height of their edge."""
    ground = canvas.height * rng.uniform(0.60, 0.68)
    wall = brief.behind or tinted(mix((236, 230, 222), brief.light.haze, 0.35), colour, 0.28)
    lit = (rng.uniform(0.25, 0.5), rng.uniform(0.2, 0.45))
    canvas.wash(Radial(((0, lift(wall, 0.08)), (0.5, wall), (1, lift(wall, -0.11))), *lit, 1.15))
    if not brief.light.dark and rng.random() < 0.65:
        _window_light(canvas, rng, ground, mix(brief.light.disc, (255, 255, 255), 0.2))
    asked = brief.dye(*_SURFACES)
    wooden = brief.has("wooden", "wood") or (asked is None and rng.random() < 0.4)
    top = asked or ((176, 126, 84) if wooden else mix(wall, (250, 248, 244), 0.45))
    if asked is None and brief.behind and not wooden:
        top = lift(wall, 0.05)
    edge = np.array([(-0.1, ground), (canvas.width + 0.1, ground)])
    canvas.land(edge, Linear(((0, lift(top, -0.05)), (0.25, lift(top, 0.04)), (1, lift(top, -0.05)))))
    _grain(
        canvas, rng, ground, top, strength=0.55 if wooden else 0.35 if brief.has("stone", "velvet", "cloth") else 0.12
    )
    canvas.shape(box(-0.1, ground - 0.004, canvas.width + 0.1, ground + 0.05), (20, 14, 26), opacity=0.14, soft=0.02)
    return ground


def _window_light(canvas: Canvas, rng: Generator, ground: float, tone: Colour) -> None:
    """Four panes of sun on the wall."""
    x, y, lean = rng.uniform(0.05, 0.45) * canvas.width, rng.uniform(0.05, 0.16), rng.uniform(0.08, 0.2)
    for column in range(2):
        for row in range(2):
            left, top = x + column * 0.23, y + row * 0.235
            pane = np.array([(left, top), (left + 0.20, top), (left + 0.20, top + 0.21), (left, top + 0.21)])
            pane[:, 0] += (pane[:, 1] - y) * lean * 2
            pane[:, 1] = np.minimum(pane[:, 1] + (pane[:, 0] - x) * lean, ground)
            canvas.shape(pane, tone, opacity=0.30, soft=0.012)


def _grain(canvas: Canvas, rng: Generator, ground: float, top: Colour, *, strength: float) -> None:
    noise = fbm(rng, 60, 60, cells=9, stretch=7)
    area = (0.0, ground, canvas.width, canvas.height)
    canvas.stamp(np.clip(noise - 0.5, 0, 1) * 1.6 * strength, area, lift(top, -0.16))


def _shadows(canvas: Canvas, x: float, feet: float, wide: float) -> None:
    canvas.shadow(ellipse(x + wide * 0.45, feet + 0.006, wide * 1.05, wide * 0.17), opacity=0.30, soft=0.035)
    canvas.shadow(ellipse(x + wide * 0.08, feet + 0.004, wide * 0.75, wide * 0.09), opacity=0.42, soft=0.014)


def _companions(canvas: Canvas, brief: Brief, rng: Generator, x: float, feet: float, scale: float) -> None:
    """What lies beside the thing: an orchid, a pumpkin, an apple, or by the seed a pebble or two."""
    side = 1 if rng.random() < 0.5 else -1
    if brief.has("orchid", "flower", "rose", "tulip") and not brief.has("teapot", "vase"):
        bloom = brief.dye("orchid", "flower", "rose", "tulip") or (250, 246, 242)
        _orchid(canvas.at(x + side * scale * 0.72, feet - 0.02, scale, mirror=side < 0), bloom)
    elif brief.has("pumpkin"):
        paint_pumpkin(canvas.at(x + side * 0.3, feet, 0.24), brief.dye("pumpkin") or (232, 128, 44))
    elif rng.random() < 0.5 and not brief.has("chair"):
        for _ in range(int(rng.integers(1, 4))):
            tone = lift((186, 178, 170), rng.uniform(-0.16, 0.1))
            size, at = rng.uniform(0.03, 0.06), (x + side * rng.uniform(0.30, 0.44), feet + rng.uniform(-0.02, 0.07))
            canvas.shadow(
                ellipse(at[0] + size * 0.4, at[1] + size * 0.3, size * 1.1, size * 0.35), opacity=0.4, soft=0.01
            )
            canvas.shape(
                ellipse(at[0], at[1], size, size * 0.62),
                Radial(((0, lift(tone, 0.12)), (1, lift(tone, -0.16))), 0.35, 0.25, 0.9),
            )


def _orchid(canvas: Canvas, bloom: Colour) -> None:
    canvas.curve([(0.0, 0.02), (0.05, -0.6), (0.0, -1.05), (-0.22, -1.22)], 0.024, (88, 134, 84))
    for side in (-1, 1):
        leaf = [(0.0, 0.02), (side * 0.16, -0.12), (side * 0.40, -0.10), (side * 0.22, 0.0)]
        canvas.shape(np.array(leaf), (72, 124, 84))
    for x, y, size in ((0.05, -0.62, 0.17), (0.06, -0.88, 0.18), (-0.06, -1.10, 0.16), (-0.26, -1.22, 0.12)):
        canvas.shadow(ellipse(x + 0.02, y + 0.03, size * 0.8, size * 0.8), opacity=0.16, soft=0.02)
        turning.paint_flower(canvas.at(x, y, size), bloom)
        canvas.oval(x, y + size * 0.16, size * 0.16, size * 0.20, (196, 70, 140))


def paint_pumpkin(canvas: Canvas, colour: Colour) -> None:
    """A pumpkin in ribs, feet at the origin, one unit wide."""
    canvas.shadow(ellipse(0.15, 0.0, 0.6, 0.09), opacity=0.4, soft=0.05)
    for at, wide, tone in (
        (-0.30, 0.22, -0.08),
        (0.30, 0.22, -0.12),
        (-0.16, 0.22, 0.0),
        (0.17, 0.22, -0.05),
        (0.0, 0.2, 0.04),
    ):
        rib = ellipse(at, -0.36, wide, 0.36)
        canvas.shape(rib, Radial(((0, lift(colour, tone + 0.10)), (1, lift(colour, tone - 0.10))), 0.4, 0.3, 0.9))
    canvas.shape(np.array([(-0.05, -0.68), (-0.02, -0.88), (0.07, -0.90), (0.06, -0.68)]), (98, 116, 62))


def _turned(paint: Callable[[Canvas, Colour, Generator], None]) -> Painter:
    return lambda canvas, colour, _, rng: paint(canvas, colour, rng)


def _plain(paint: Callable[[Canvas, Colour], None]) -> Painter:
    return lambda canvas, colour, _, __: paint(canvas, colour)


def _teapot(canvas: Canvas, colour: Colour, brief: Brief, rng: Generator) -> None:
    flower = brief.dye("flower") or ((90, 130, 200) if brief.has("flower") or rng.random() < 0.4 else None)
    turning.paint_teapot(canvas, colour, flower)


def _gift(canvas: Canvas, colour: Colour, brief: Brief, rng: Generator) -> None:
    goods.paint_gift(canvas, colour, brief.dye("ribbon") or pick(rng, _GOODS_COLOURS))


_Kind = tuple[tuple[str, ...], float, Painter]
_KINDS: tuple[_Kind, ...] = (
    (("perfume",), 0.40, _turned(turning.paint_perfume)),
    (("shoe", "sneaker", "trainer", "boot"), 0.40, _turned(goods.paint_shoes)),
    (("watch", "wristwatch"), 0.44, _turned(goods.paint_watch)),
    (("bag", "handbag", "satchel", "backpack"), 0.36, _plain(goods.paint_bag)),
    (("lamp",), 0.46, lambda canvas, colour, brief, _: goods.paint_lamp(canvas, colour, brief.light)),
    (("teapot", "kettle"), 0.46, _teapot),
    (("mug", "cup"), 0.40, _turned(turning.paint_mug)),
    (("bottle", "flask"), 0.40, _turned(turning.paint_bottle)),
    (("vase",), 0.38, _turned(turning.paint_vase)),
    (("bowl", "pot", "plate"), 0.46, _plain(turning.paint_bowl)),
    (("candle",), 0.48, _plain(turning.paint_candle)),
    (("headphone", "headset"), 0.42, _plain(goods.paint_headphones)),
    (("box", "gift", "parcel"), 0.42, _gift),
    (("apple", "fruit"), 0.42, _plain(goods.paint_fruit)),
    (("sphere", "ball", "orb"), 0.48, _turned(turning.paint_sphere)),
)
_OPEN_KINDS: tuple[_Kind, ...] = tuple(
    kind for kind in _KINDS if kind[0][0] in ("bottle", "vase", "sphere", "mug", "candle")
)
PRODUCT_NOUNS: frozenset[str] = frozenset(noun for nouns, _, _ in _KINDS for noun in nouns)


def paint_named(canvas: Canvas, brief: Brief, rng: Generator, noun: str) -> None:
    """One of the things on its own, in the colour the prompt gives it; feet at the origin, one unit high."""
    nouns, _, painter = next(kind for kind in _KINDS if noun in kind[0])
    painter(canvas, brief.dye(*nouns) or brief.main or _GOODS_COLOURS[0], brief, rng)
