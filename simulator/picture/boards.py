"""Printed and iced things that carry words: poster, book, ticket, cake."""

import numpy as np
from numpy.random import Generator

from simulator.picture import turning
from simulator.picture.brief import Brief
from simulator.picture.canvas import Canvas, Linear, Radial, sheen
from simulator.picture.look import pick
from simulator.picture.palette import Colour, Floats, lift, mix, tinted
from simulator.picture.product import studio
from simulator.picture.shapes import bow, box, ellipse, moved
from simulator.picture.typeset import ink_on, set_words

_PAPERS: tuple[Colour, ...] = ((246, 206, 56), (236, 90, 76), (60, 140, 170), (246, 240, 226), (110, 170, 130))


def _ink(brief: Brief, paper: Colour) -> Colour:
    return brief.dye("letter", "word", "text", "icing", "lettering") or ink_on(paper)


def paint_poster(canvas: Canvas, brief: Brief, rng: Generator) -> None:
    """A poster on a wall: rays, a sun and hills in its own two colours under the words."""
    paper = brief.dye("poster", "flyer", "banner", "print") or brief.main or pick(rng, _PAPERS)
    wall = brief.behind or tinted((206, 202, 196), paper, 0.15)
    wall = mix(wall, brief.light.land, 0.35 * brief.light.lamps)
    canvas.wash(Radial(((0, lift(wall, 0.05)), (1, lift(wall, -0.10))), 0.35, 0.2, 1.1))
    half, tall = min(0.37, canvas.width * 0.40), min(0.46, canvas.height * 0.46)
    page = canvas.at(canvas.width / 2, canvas.height / 2, 1.0, turn=rng.uniform(-0.03, 0.03))
    sheet = box(-half, -tall, half, tall)
    page.shadow(moved(sheet, 0.014, 0.020), opacity=0.40, soft=0.022)
    page.shape(sheet, sheen(paper, degrees=70, depth=0.03))
    _emblem(page, rng, sheet, paper, half, tall)
    ink = _ink(brief, paper)
    page.shape(box(-half + 0.02, -tall + 0.02, half - 0.02, -tall + 0.028), ink)
    set_words(page.at(0, -tall * 0.48), brief.quoted, (half * 1.80, tall * 0.84), ink, weight=0.45)
    for x in (-half + 0.03, half - 0.03):
        page.shape(
            ellipse(x, -tall + 0.045, 0.014, 0.014), Radial(((0, (255, 120, 110)), (1, (170, 30, 40))), 0.35, 0.3)
        )


def _emblem(page: Canvas, rng: Generator, sheet: Floats, paper: Colour, half: float, tall: float) -> None:
    middle, first = tall * 0.52, rng.uniform(0, 0.4)
    for ray in range(14):
        turn = first + ray * 2 * np.pi / 14
        fan = np.array(
            [(0, middle), (np.cos(turn), middle + np.sin(turn)), (np.cos(turn + 0.2), middle + np.sin(turn + 0.2))]
        )
        page.inside(sheet, fan, lift(paper, 0.06), opacity=0.8)
    accent = pick(rng, ((236, 92, 72), (250, 246, 236), (44, 110, 160), (250, 170, 60)))
    page.shape(ellipse(0, middle, half * 0.36, half * 0.36), accent)
    for step, tone in enumerate((lift(accent, -0.18), lift(paper, -0.30))):
        y = tall * (0.66 + 0.13 * step)
        hill = bow([(-half, y), (-half * 0.3, y - 0.05 + 0.06 * step), (half * 0.3, y + 0.02), (half, y - 0.03)])
        page.inside(sheet, np.concatenate([hill, [(half, tall), (-half, tall)]]), tone)


def paint_book(canvas: Canvas, brief: Brief, rng: Generator) -> None:
    """A book standing on a table, a small landscape below its title."""
    cover = brief.dye("book", "cover", "novel", "magazine") or brief.main or pick(rng, _PAPERS)
    ground = studio(canvas, brief, rng, cover)
    half, tall = min(0.27, canvas.width * 0.36), 0.37
    bottom = ground + 0.16
    x = canvas.width / 2 + rng.uniform(-0.04, 0.04)
    canvas.shadow(box(x - half, bottom - 0.03, x + half + 0.16, bottom + 0.02), opacity=0.45, soft=0.03)
    canvas.shadow(box(x - half + 0.03, bottom - tall * 2 + 0.05, x + half + 0.06, bottom), opacity=0.3, soft=0.03)
    pages = np.array(
        [
            (x + half, bottom - tall * 2 + 0.012),
            (x + half + 0.035, bottom - tall * 2 + 0.034),
            (x + half + 0.035, bottom - 0.022),
            (x + half, bottom),
        ]
    )
    canvas.shape(pages, Linear(((0, (250, 244, 230)), (1, (208, 198, 178))), 0))
    front = box(x - half, bottom - tall * 2, x + half, bottom, radius=0.008)
    canvas.shape(front, sheen(cover, degrees=60, depth=0.05))
    art = brief.dye("river", "picture", "drawing") or brief.light.sky[1]
    _cover_art(canvas, front, x, bottom, half, tall, art)
    canvas.shape(box(x - half, bottom - tall * 2, x - half + 0.035, bottom), (20, 16, 22), opacity=0.16)
    set_words(
        canvas.at(x + 0.014, bottom - tall * 1.52),
        brief.quoted,
        (half * 1.66, tall * 0.72),
        _ink(brief, cover),
        weight=0.45,
    )


def _cover_art(canvas: Canvas, front: Floats, x: float, bottom: float, half: float, tall: float, art: Colour) -> None:
    hills = (
        (0.86, lift(art, 0.16, chroma=0.5)),
        (0.68, lift(art, 0.06, chroma=0.6)),
        (0.50, lift(art, -0.12, chroma=0.6)),
    )
    for height, tone in hills:
        y = bottom - tall * height
        skyline = bow(
            [
                (x - half, y),
                (x - half * 0.4, y - 0.07 * height),
                (x + half * 0.2, y + 0.03),
                (x + half * 0.6, y - 0.04),
                (x + half, y + 0.01),
            ]
        )
        canvas.inside(front, np.concatenate([skyline, [(x + half, bottom), (x - half, bottom)]]), tone)
    left = bow(
        [
            (x + 0.02, bottom - tall * 0.52),
            (x - half * 0.30, bottom - tall * 0.36),
            (x + half * 0.24, bottom - tall * 0.18),
            (x - half * 0.55, bottom),
        ]
    )
    right = bow(
        [
            (x + half * 0.55, bottom),
            (x + half * 0.52, bottom - tall * 0.17),
            (x - half * 0.10, bottom - tall * 0.36),
            (x + 0.03, bottom - tall * 0.52),
        ]
    )
    canvas.inside(front, np.concatenate([left, right]), Linear(((0, lift(art, 0.22)), (1, art))))


def paint_ticket(canvas: Canvas, brief: Brief, rng: Generator) -> None:
    """A ticket with a torn stub, lying on a table."""
    paper = brief.dye("ticket", "card", "invitation", "stamp") or brief.main or pick(rng, _PAPERS)
    table = brief.dye("table", "desk") or tinted((150, 140, 132), paper, 0.1)
    table = mix(table, brief.light.land, 0.3 * brief.light.lamps)
    canvas.wash(Radial(((0, lift(table, 0.10)), (1, lift(table, -0.10))), rng.uniform(0.2, 0.8), 0.2, 1.1))
    half, tall = min(0.43, canvas.width * 0.44), 0.215
    page = canvas.at(canvas.width / 2, canvas.height / 2, 1.0, turn=rng.uniform(-0.20, 0.20))
    sheet = box(-half, -tall, half, tall, radius=0.02)
    page.shadow(moved(sheet, 0.012, 0.022), opacity=0.45, soft=0.02)
    page.shape(sheet, sheen(paper, degrees=50, depth=0.05))
    stub = half * 0.56
    for side in (-1, 1):
        page.shape(ellipse(stub, side * tall, 0.030, 0.030), table)
    for y in np.linspace(-tall + 0.05, tall - 0.05, 11):
        page.line(np.array([(stub, y - 0.008), (stub, y + 0.008)]), 0.006, lift(paper, -0.16))
    ink = _ink(brief, paper)
    edge = box(-half + 0.025, -tall + 0.025, stub - 0.03, tall - 0.025, radius=0.012)
    page.line(np.concatenate([edge, edge[:1]]), 0.005, ink, opacity=0.7)
    set_words(page.at((stub - half) / 2, 0), brief.quoted, ((stub + half) * 0.82, tall * 1.35), ink, weight=0.5)
    at = stub + 0.035
    while at < half - 0.035:
        wide = rng.uniform(0.003, 0.010)
        page.shape(box(at, -tall * 0.6, at + wide, tall * 0.6), ink)
        at += wide + rng.uniform(0.004, 0.010)


def paint_cake(canvas: Canvas, brief: Brief, rng: Generator) -> None:
    """A cake with candles, the words in icing round its side."""
    cream = brief.dye("cake") or (252, 240, 222)
    icing = brief.dye("icing", "letter", "word") or (236, 110, 150)
    ground = studio(canvas, brief, rng, icing)
    plate = brief.dye("plate") or (246, 246, 248)
    x, feet = canvas.width / 2, ground + 0.17
    canvas.shadow(ellipse(x + 0.05, feet + 0.03, 0.44, 0.07), opacity=0.4, soft=0.03)
    canvas.shape(ellipse(x, feet + 0.006, 0.43, 0.075), sheen(lift(plate, -0.04), degrees=0))
    canvas.shape(ellipse(x, feet - 0.002, 0.39, 0.060), sheen(plate, degrees=180))
    cake = canvas.at(x, feet, 1.0)
    turning.paint_lathe(cake, [(0.335, 0.0), (0.338, 0.2), (0.335, 0.40)], cream, gloss=0.25)
    cake.shape(ellipse(0, -0.40, 0.335, 0.075), sheen(lift(cream, 0.03), degrees=20))
    _drips(cake, rng, icing)
    for place, at in enumerate(np.linspace(-0.22, 0.22, 5)):
        y = -0.41 + 0.025 * (place % 2)
        tone = ((236, 92, 100), (70, 150, 210), (246, 196, 70))[place % 3]
        cake.shape(box(at - 0.011, y - 0.13, at + 0.011, y, radius=0.006), sheen(tone, degrees=0))
        cake.glow(at, y - 0.16, 0.10, (255, 210, 120), strength=0.7)
        cake.shape(ellipse(at, y - 0.158, 0.010, 0.022), (255, 240, 190))
    set_words(cake.at(0, -0.145), brief.quoted, (0.56, 0.19), icing, weight=0.6, shade=lift(cream, -0.14))


def _drips(cake: Canvas, rng: Generator, icing: Colour) -> None:
    xs = np.linspace(-0.336, 0.336, 57)
    rim = -0.40 + 0.075 * np.sqrt(np.clip(1 - (xs / 0.336) ** 2, 0, 1))
    length = 0.022 + 0.045 * np.clip(np.sin(xs * 46 + rng.uniform(0, 6)), 0, 1) * rng.uniform(0.6, 1.0)
    top = np.stack([xs, -0.40 - 0.0745 * np.sqrt(np.clip(1 - (xs / 0.336) ** 2, 0, 1))], -1)
    low = np.stack([xs, rim + length], -1)
    cake.shape(np.concatenate([top, low[::-1]]), Linear(((0, lift(icing, 0.10)), (1, lift(icing, -0.04))), 20))
    cake.shape(ellipse(0, -0.405, 0.29, 0.055), lift(icing, 0.12), opacity=0.6)
