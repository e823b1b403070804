"""Crowds: many different people from far to near, in the setting that the prompt names."""

from collections.abc import Callable

import numpy as np
from numpy.random import Generator

from simulator.picture import venues
from simulator.picture.brief import Brief
from simulator.picture.canvas import Canvas
from simulator.picture.figure import Figure, draw_figure, paint_figure
from simulator.picture.palette import CLOTHES, Colour, lift, mix
from simulator.picture.shapes import ellipse, moved
from simulator.picture.sky import haze_colour, weather

Prop = Callable[[Canvas, Brief, Generator, str], None]
_GARMENTS = ("shirt", "coat", "jacket", "clothe", "dress", "uniform", "jersey")


def paint_crowd(canvas: Canvas, brief: Brief, rng: Generator) -> None:
    """The setting, then its people."""
    setting = next((setting for words, setting in _SETTINGS if brief.has(*words)), _square)
    setting(canvas, brief, rng)
    weather(canvas, brief, rng)


def _square(canvas: Canvas, brief: Brief, rng: Generator) -> None:
    """A city square; under umbrellas if the prompt has them."""
    ground = venues.square(canvas, brief, rng)
    prop = _umbrella if brief.has("umbrella", "umbrellas") or brief.has("rain", "rainy") else None
    _people(canvas, brief, rng, top=ground + 0.10, pose=("walk", "walk", "stand"), rows=6, prop=prop)


def _market(canvas: Canvas, brief: Brief, rng: Generator) -> None:
    ground = venues.market(canvas, brief, rng)
    _people(canvas, brief, rng, top=ground + 0.06, pose=("walk", "stand"), rows=5)


def _concert(canvas: Canvas, brief: Brief, rng: Generator) -> None:
    ground = venues.stage(canvas, brief, rng)
    dark = mix(brief.light.land, brief.dye("light", "stage") or (150, 70, 210), 0.34)
    _people(
        canvas,
        brief,
        rng,
        top=ground + 0.06,
        pose=("cheer", "cheer", "stand"),
        rows=6,
        near=0.46,
        away=1.0,
        shade=(dark, 0.72),
    )


def _runners(canvas: Canvas, brief: Brief, rng: Generator) -> None:
    ground = venues.road_bridge(canvas, brief, rng)
    _people(canvas, brief, rng, top=ground + 0.08, pose=("run",), rows=6, away=0.0, prop=_bib)


def _park(canvas: Canvas, brief: Brief, rng: Generator) -> None:
    ground = venues.park(canvas, brief, rng)
    _people(canvas, brief, rng, top=ground + 0.05, pose=("stand", "walk"), rows=5, gap=1.5, prop=None)


def _skaters(canvas: Canvas, brief: Brief, rng: Generator) -> None:
    ground = venues.ice(canvas, brief, rng)
    _people(canvas, brief, rng, top=ground + 0.06, pose=("skate", "skate", "walk"), rows=5, gap=1.7, mirrored=0.30)


def _stadium(canvas: Canvas, brief: Brief, rng: Generator) -> None:
    ground = venues.stands(canvas, brief, rng)
    _people(canvas, brief, rng, top=ground, pose=("cheer", "stand"), rows=4, away=1.0, prop=_flag)


def _platform(canvas: Canvas, brief: Brief, rng: Generator) -> None:
    ground = venues.platform(canvas, brief, rng)
    _people(canvas, brief, rng, top=ground + 0.05, pose=("stand",), rows=4, gap=1.5, prop=_luggage)


_SETTINGS: tuple[tuple[tuple[str, ...], Callable[[Canvas, Brief, Generator], None]], ...] = (
    (("concert", "festival", "stage", "club", "rave"), _concert),
    (("market", "bazaar", "stall", "fair"), _market),
    (("stadium", "arena", "spectator", "match"), _stadium),
    (("platform", "railway", "train", "station", "passenger"), _platform),
    (("skating", "ice", "frozen", "skater"), _skaters),
    (("runner", "marathon", "running", "race"), _runners),
    (("park", "picnic", "garden", "bandstand", "lawn"), _park),
)


def _people(
    canvas: Canvas, brief: Brief, rng: Generator, *, top: float, pose: tuple[str, ...], rows: int, near: float = 0.42,
    away: float = 0.3, gap: float = 1.0, shade: tuple[Colour, float] | None = None, mirrored: float = 0.0,
    prop: Prop | None = None,
) -> None:  # fmt: skip
    """Rows from feet at `top` down past the lower edge; `near` is the height of the nearest person."""
    tops, haze = brief.dyed(*_GARMENTS), haze_colour(brief)
    for row in range(rows):
        depth = row / max(rows - 1, 1)
        tall = near * (0.34 + 0.66 * depth**1.2)
        feet = top + (canvas.height + near * 0.30 - top) * depth**1.15
        x = -tall * rng.uniform(0.0, 0.3)
        while x < canvas.width + tall * 0.2:
            figure = draw_figure(rng, tops=tops, pose=pose[int(rng.integers(len(pose)))], away=away)
            figure = figure.faded(brief.light.land, 0.45 * brief.light.lamps) if shade is None else figure.faded(*shade)
            figure = figure.faded(haze, 0.42 * (1 - depth) ** 1.5)
            _stand(
                canvas,
                brief,
                rng,
                figure,
                (x, feet + rng.uniform(-0.2, 0.2) * tall * 0.3),
                tall * rng.uniform(0.92, 1.08),
                mirrored,
                prop,
            )
            x += tall * rng.uniform(0.30, 0.52) * gap * (1.25 if figure.pose in ("run", "skate") else 1)


def _stand(
    canvas: Canvas, brief: Brief, rng: Generator, figure: Figure, feet: tuple[float, float], tall: float,
    mirrored: float, prop: Prop | None,
) -> None:  # fmt: skip
    ground = canvas.at(*feet, tall)
    if mirrored:
        ghost = canvas.at(*feet, tall * 0.5)
        ghost.shape(ellipse(0, 0.42, 0.20, 0.5), figure.top, opacity=mirrored)
    ground.shape(ellipse(0.05, 0.0, 0.22, 0.035), (16, 14, 28), opacity=0.28)
    part = canvas.at(*feet, tall, mirror=figure.mirror)
    paint_figure(part, figure, detail=tall > 0.2)
    if prop:
        prop(part, brief, rng, figure.pose)


def _umbrella(canvas: Canvas, brief: Brief, rng: Generator, pose: str) -> None:
    del pose  # carried alike by all
    asked = brief.dyed("umbrella", "umbrellas")
    tone = asked[int(rng.integers(len(asked)))] if asked else CLOTHES[int(rng.integers(len(CLOTHES)))]
    tone = lift(mix(tone, brief.light.land, 0.3 * brief.light.lamps), rng.uniform(-0.06, 0.06))
    canvas.line(np.array([(0.12, -0.50), (0.05, -1.30)]), 0.014, (50, 44, 50))
    x = np.linspace(-0.36, 0.36, 25)
    roof = -1.06 - 0.26 * np.sqrt(np.clip(1 - (x / 0.36) ** 2, 0, 1))
    hem = -1.06 - 0.035 * np.abs(np.sin(np.linspace(0, 4 * np.pi, 25)))
    dome = np.concatenate([np.stack([x + 0.05, roof], -1), np.stack([x + 0.05, hem], -1)[::-1]])
    canvas.shape(dome, tone)
    canvas.shape(np.concatenate([dome[12:25], [(0.05 + 0.10, -1.09), (0.05 + 0.06, -1.25)]]), lift(tone, -0.07))
    canvas.shape(np.concatenate([dome[0:9], [(0.05 - 0.14, -1.09), (-0.13, -1.08)]]), lift(tone, 0.05))


def _bib(canvas: Canvas, brief: Brief, rng: Generator, pose: str) -> None:
    del brief, pose  # every bib is alike
    canvas.shape(np.array([(-0.055, -0.72), (0.055, -0.72), (0.055, -0.61), (-0.055, -0.61)]), (250, 250, 246))
    for x in (-0.028, 0.006):
        canvas.line(np.array([(x, -0.69), (x + rng.uniform(0.005, 0.022), -0.64)]), 0.014, (40, 40, 52))


def _flag(canvas: Canvas, brief: Brief, rng: Generator, pose: str) -> None:
    if rng.random() > 0.4:
        return
    asked = brief.dyed("flag", "flags") or ((240, 196, 50), (46, 104, 208))
    tone = asked[int(rng.integers(len(asked)))]
    hand = (0.14, -1.10) if pose == "cheer" else (0.12, -0.47)
    canvas.line(np.array([hand, (hand[0] + 0.02, hand[1] - 0.42)]), 0.014, (220, 210, 196))
    x = np.linspace(0, 0.40, 12)
    wave = 0.022 * np.sin(x * 16 + rng.uniform(0, 6))
    upper = np.stack([hand[0] + 0.02 + x, hand[1] - 0.42 + wave], -1)
    canvas.shape(np.concatenate([upper, (moved(upper, 0, 0.24))[::-1]]), tone)
    stripe = asked[-1] if tone != asked[-1] else (250, 250, 246)
    canvas.shape(np.concatenate([moved(upper, 0, 0.09), (moved(upper, 0, 0.15))[::-1]]), stripe)


def _luggage(canvas: Canvas, brief: Brief, rng: Generator, pose: str) -> None:
    if pose != "stand" or rng.random() > 0.6:
        return
    tone = mix(CLOTHES[int(rng.integers(len(CLOTHES)))], brief.light.land, 0.3 * brief.light.lamps)
    canvas.line(np.array([(0.155, -0.45), (0.165, -0.24)]), 0.012, (60, 56, 60))
    canvas.shape(np.array([(0.10, -0.25), (0.25, -0.25), (0.25, -0.02), (0.10, -0.02)]), tone)
    canvas.shape(np.array([(0.20, -0.25), (0.25, -0.25), (0.25, -0.02), (0.20, -0.02)]), lift(tone, -0.07))
