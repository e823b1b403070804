"""Pictures whose subject is written words: set as large as their board allows, drawn for true."""

from collections.abc import Callable

import numpy as np
from numpy.random import Generator

from simulator.picture.boards import paint_book, paint_cake, paint_poster, paint_ticket
from simulator.picture.brief import Brief
from simulator.picture.canvas import Canvas, Linear, Radial, sheen
from simulator.picture.city import paint_city
from simulator.picture.landscape import paint_landscape
from simulator.picture.look import pick
from simulator.picture.palette import Colour, Floats, lift, mix
from simulator.picture.product import PRODUCT_NOUNS, paint_pumpkin, place_product, studio
from simulator.picture.shapes import box
from simulator.picture.typeset import ink_on, set_words

Form = Callable[[Canvas, Brief, Generator], None]


def paint_lettering(canvas: Canvas, brief: Brief, rng: Generator) -> None:
    """The board the prompt names: neon, wood, chalk, poster, book, cake, ticket, road sign; or a labelled thing."""
    form = next((form for words, form in _FORMS if brief.has(*words)), None)
    if form is None and not brief.words.isdisjoint(PRODUCT_NOUNS - {"box"}):
        form = _labelled
    (form or pick(rng, (paint_poster, _wood, _billboard)))(canvas, brief, rng)


def _wall(canvas: Canvas, brief: Brief, rng: Generator) -> Colour:
    """A wall of boards or bricks."""
    tone = brief.behind or pick(rng, ((126, 142, 120), (150, 120, 104), (96, 116, 140)))
    tone = mix(tone, brief.light.land, 0.45 * brief.light.lamps)
    canvas.wash(Radial(((0, lift(tone, 0.08)), (1, lift(tone, -0.12))), 0.4, 0.25, 1.1))
    seam = lift(tone, -0.08)
    if rng.random() < 0.5:
        for y in np.arange(0.05, canvas.height, 0.115):
            canvas.line(np.array([(0, y), (canvas.width, y)]), 0.004, seam)
    else:
        for row, y in enumerate(np.arange(0, canvas.height, 0.062)):
            canvas.line(np.array([(0, y), (canvas.width, y)]), 0.003, seam)
            for x in np.arange(0.075 * (row % 2), canvas.width, 0.15):
                canvas.line(np.array([(x, y), (x, y + 0.062)]), 0.003, seam)
    return tone


def _wood(canvas: Canvas, brief: Brief, rng: Generator) -> None:
    """A hanging board of planks."""
    _wall(canvas, brief, rng)
    wood = brief.dye("sign", "board") or pick(rng, ((166, 112, 68), (136, 90, 58), (188, 140, 92)))
    wood = mix(wood, brief.light.land, 0.3 * brief.light.lamps)
    x, y = canvas.width / 2 + rng.uniform(-0.03, 0.03), canvas.height * rng.uniform(0.48, 0.60)
    half, tall = min(rng.uniform(0.36, 0.42), canvas.width * 0.42), rng.uniform(0.20, 0.25)
    board = canvas.at(x, y, 1.0, turn=rng.uniform(-0.025, 0.025))
    for side in (-0.7, 0.7):
        board.line(np.array([(half * side, -tall), (half * side, -tall - 0.20)]), 0.010, (46, 42, 46))
    board.line(np.array([(-half * 0.95, -tall - 0.20), (half * 0.95, -tall - 0.20)]), 0.018, (46, 42, 46))
    board.shadow(box(-half + 0.02, -tall + 0.04, half + 0.03, tall + 0.05), opacity=0.45, soft=0.025)
    for plank in range(3):
        top = -tall + plank * tall * 2 / 3
        tone = lift(wood, rng.uniform(-0.04, 0.04))
        slat = box(
            -half - rng.uniform(0, 0.012), top, half + rng.uniform(0, 0.012), top + tall * 2 / 3 - 0.006, radius=0.012
        )
        board.shape(slat, sheen(tone, degrees=80, depth=0.06))
        for _ in range(7):
            at, long = rng.uniform(-half, half * 0.6), rng.uniform(0.05, 0.25)
            grain_y = top + rng.uniform(0.02, tall * 0.6)
            board.line(
                np.array([(at, grain_y), (min(at + long, half), grain_y + 0.004)]),
                0.003,
                lift(tone, -0.09),
                opacity=0.7,
            )
    ink = brief.dye("letter", "word", "text") or mix((255, 248, 228), wood, 0.05)
    set_words(board, brief.quoted, (half * 1.84, tall * 1.7), ink, weight=0.5, shade=lift(wood, -0.28))
    if brief.light.lamps > 0.3:
        canvas.glow(x, y - tall - 0.16, 0.55, (255, 214, 140), strength=0.55)


def _neon(canvas: Canvas, brief: Brief, rng: Generator) -> None:
    """Glass tubes glowing in a dark window."""
    tone = (
        brief.dye("neon", "sign", "letter", "light")
        or brief.main
        or pick(rng, ((255, 70, 130), (60, 210, 240), (255, 160, 50)))
    )
    dark = mix((16, 16, 30), brief.behind or tone, 0.10)
    canvas.wash(Radial(((0, lift(dark, 0.07)), (1, lift(dark, -0.05))), 0.5, 0.5, 0.8))
    half, tall = min(0.43, canvas.width * 0.43), min(0.36, canvas.height * 0.36)
    x, y = canvas.width / 2, canvas.height * 0.5
    pane = canvas.at(x, y)
    for at in (-half * 0.5, half * 0.5):
        glass = np.array(
            [(at - 0.2, -tall - 0.1), (at - 0.05, -tall - 0.1), (at - 0.25, tall + 0.1), (at - 0.4, tall + 0.1)]
        )
        pane.shape(glass, (190, 200, 230), opacity=0.05)
    frame = lift(dark, -0.10)
    for side in (-1, 1):
        canvas.shape(
            box(x + side * (half + 0.04) - 0.022, 0, x + side * (half + 0.04) + 0.022, canvas.height),
            sheen(frame, degrees=0),
        )
        canvas.shape(
            box(0, y + side * (tall + 0.08) - 0.022, canvas.width, y + side * (tall + 0.08) + 0.022),
            sheen(frame, degrees=90),
        )
    pane.glow(0, 0, 0.62, tone, strength=0.55)
    second = pick(rng, ((90, 200, 255), (255, 214, 110), (190, 120, 255)))
    ring = box(-half * 0.93, -tall * 0.62, half * 0.93, tall * 0.62, radius=0.07)
    _tube(pane, np.concatenate([ring, ring[:1]]), second)
    size = (half * 1.62, tall * 0.92)
    set_words(pane, brief.quoted, size, tone, weight=0.75, soft=0.022)
    set_words(pane, brief.quoted, size, lift(tone, 0.05), weight=0.55, soft=0.005)
    set_words(pane, brief.quoted, size, mix(tone, (255, 255, 255), 0.82), weight=0.12)


def _tube(canvas: Canvas, path: Floats, tone: Colour) -> None:
    for width, opacity in ((0.040, 0.16), (0.022, 0.35)):
        canvas.line(path, width, tone, opacity=opacity)
    canvas.line(path, 0.010, lift(tone, 0.08))
    canvas.line(path, 0.004, mix(tone, (255, 255, 255), 0.8))


def _chalk(canvas: Canvas, brief: Brief, rng: Generator) -> None:
    """A framed slate on a table."""
    ground = studio(canvas, brief, rng, (196, 150, 110))
    x, half = canvas.width / 2 - 0.03, min(0.36, canvas.width * 0.38)
    top, bottom = 0.10, ground + 0.13
    canvas.shadow(box(x - half, top + 0.05, x + half + 0.06, bottom + 0.02), opacity=0.4, soft=0.03)
    canvas.shape(box(x - half, top, x + half, bottom, radius=0.012), sheen((170, 116, 70), degrees=70))
    slate = mix((44, 52, 50), brief.dye("chalkboard", "blackboard") or (44, 52, 50), 0.7)
    canvas.shape(
        box(x - half + 0.035, top + 0.035, x + half - 0.035, bottom - 0.035), sheen(slate, degrees=50, depth=0.05)
    )
    for _ in range(5):
        at = rng.uniform(x - half * 0.6, x + half * 0.6), rng.uniform(top + 0.1, bottom - 0.1)
        canvas.glow(*at, 0.16, (150, 156, 154), strength=0.12)
    board = canvas.at(x, (top + bottom) / 2)
    set_words(board, brief.quoted, (half * 1.72, (bottom - top) * 0.74), (246, 244, 236), weight=0.12)
    for y in (-0.42, 0.42):
        swash = np.linspace(-half * 0.5, half * 0.5, 40)
        board.line(
            np.stack([swash, y * (bottom - top) * 0.94 + 0.008 * np.sin(swash * 60)], -1), 0.005, (240, 214, 140)
        )
    if brief.has("pumpkin"):
        paint_pumpkin(canvas.at(x + half * 0.86, bottom + 0.10, 0.30), brief.dye("pumpkin") or (232, 128, 44))


def _road(canvas: Canvas, brief: Brief, rng: Generator) -> None:
    """A sign on posts in open country."""
    paint_landscape(canvas, brief, rng)
    plate = brief.dye("sign") or (36, 92, 190)
    half, tall = min(0.40, canvas.width * 0.42), 0.20
    x, y = canvas.width / 2, canvas.height * 0.42
    for side in (-0.6, 0.6):
        canvas.shape(
            box(x + half * side - 0.014, y, x + half * side + 0.014, canvas.height + 0.1),
            sheen((150, 156, 164), degrees=0),
        )
    canvas.shape(box(x - half, y - tall, x + half, y + tall, radius=0.03), (244, 246, 248))
    canvas.shape(
        box(x - half + 0.012, y - tall + 0.012, x + half - 0.012, y + tall - 0.012, radius=0.022),
        sheen(plate, degrees=70, depth=0.04),
    )
    ink = brief.dye("letter", "word", "text") or ink_on(plate)
    set_words(canvas.at(x, y), brief.quoted, (half * 1.76, tall * 1.5), ink, weight=0.4)


def _billboard(canvas: Canvas, brief: Brief, rng: Generator) -> None:
    """A lit hoarding above a city."""
    paint_city(canvas, brief, rng)
    plate = (
        brief.dye("billboard", "sign", "board", "screen")
        or brief.main
        or pick(rng, ((240, 196, 60), (30, 90, 170), (246, 244, 238), (200, 60, 70)))
    )
    half, tall, x, y = min(0.42, canvas.width * 0.44), 0.21, canvas.width / 2, canvas.height * 0.36
    for side in (-0.55, 0.55):
        canvas.shape(
            box(x + half * side - 0.02, y, x + half * side + 0.02, canvas.height + 0.1), sheen((60, 62, 72), degrees=0)
        )
    canvas.shadow(box(x - half, y - tall + 0.03, x + half + 0.02, y + tall + 0.04), opacity=0.4, soft=0.02)
    canvas.shape(box(x - half - 0.015, y - tall - 0.015, x + half + 0.015, y + tall + 0.015), (52, 54, 62))
    canvas.shape(
        box(x - half, y - tall, x + half, y + tall), Linear(((0, lift(plate, 0.07)), (1, lift(plate, -0.05))), 80)
    )
    ink = brief.dye("letter", "word", "text") or ink_on(plate)
    set_words(canvas.at(x, y), brief.quoted, (half * 1.78, tall * 1.6), ink, weight=0.5)


def _labelled(canvas: Canvas, brief: Brief, rng: Generator) -> None:
    """A thing with the words on a label across it."""
    x, feet, scale = place_product(canvas, brief, rng)
    label = canvas.at(x, feet - 0.40 * scale, scale)
    label.shape(box(-0.31, -0.135, 0.31, 0.135, radius=0.012), sheen((250, 246, 236), degrees=0, depth=0.04))
    set_words(label, brief.quoted, (0.56, 0.23), brief.dye("letter", "word") or (44, 42, 48), weight=0.3)


_FORMS: tuple[tuple[tuple[str, ...], Form], ...] = (
    (("neon",), _neon),
    (("cake", "icing"), paint_cake),
    (("chalkboard", "blackboard", "chalk", "menu"), _chalk),
    (("book", "cover", "novel", "magazine"), paint_book),
    (("ticket", "card", "invitation", "stamp"), paint_ticket),
    (("poster", "flyer", "banner", "print"), paint_poster),
    (("road", "highway", "motorway", "direction"), _road),
    (("billboard", "hoarding", "screen", "times"), _billboard),
    (("wooden", "wood", "shop", "sign", "plaque"), _wood),
)
