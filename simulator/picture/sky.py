"""The sky: its gradient at the hour, sun or moon, stars, clouds, rain, snow and mist."""

import numpy as np
from numpy.random import Generator
from PIL import Image

from simulator.picture.brief import Brief
from simulator.picture.canvas import Canvas, Linear
from simulator.picture.palette import Colour, Floats, lift, mix, tinted


def fbm(rng: Generator, rows: int, columns: int, *, cells: int = 3, stretch: float = 1.0) -> Floats:
    """Fractal noise 0..1, shape (rows, columns), `cells` wide at its coarsest and `stretch` times as long."""
    total = np.zeros((rows, columns))
    for octave in range(5):
        high = cells * 2**octave
        wide = max(2, round(high * columns / rows / stretch))
        grid = Image.fromarray(rng.random((high + 1, wide + 1), dtype=np.float32))
        total += np.asarray(grid.resize((columns, rows), Image.Resampling.BICUBIC)) / 2**octave
    total -= total.min()
    return total / max(float(total.max()), 1e-9)


def sky_colours(brief: Brief) -> tuple[Colour, Colour, Colour, Colour]:
    """Zenith to horizon; a sky colour named in the prompt overrides the hour's hue, any other leans on it."""
    asked, light = brief.dye("sky", "cloud"), brief.light.sky
    part = 0.75 if asked else 0.34
    toward = asked or brief.mood
    if toward is None:
        return light
    first, second, third, fourth = (
        tinted(colour, toward, part * (0.7 if i == 3 else 1)) for i, colour in enumerate(light)
    )
    if asked:
        second, third = mix(second, asked, 0.35), mix(third, asked, 0.2)
    return first, second, third, fourth


def haze_colour(brief: Brief) -> Colour:
    """The colour that distance takes."""
    return mix(brief.light.haze, sky_colours(brief)[3], 0.5)


def paint_sky(canvas: Canvas, brief: Brief, rng: Generator, *, horizon: float) -> tuple[float, float]:
    """Paint the sky down to `horizon` and below; gives the place of the sun or moon."""
    first, second, third, fourth = sky_colours(brief)
    low = min(horizon / canvas.height, 1.0)
    canvas.wash(Linear(((0, first), (low * 0.45, second), (low * 0.8, third), (low, fourth), (1, fourth))))
    if brief.light.dark:
        _stars(canvas, rng, horizon)
    at = (canvas.width * rng.choice((rng.uniform(0.16, 0.36), rng.uniform(0.62, 0.84))), 0.0)
    at = (at[0], horizon * (1 - brief.light.disc_height) - 0.02 + rng.uniform(-0.03, 0.03))
    grey = brief.has("rain", "storm", "overcast", "fog", "foggy", "cloudy", "grey", "gray")
    if not grey:
        _disc(canvas, brief, at)
    _clouds(canvas, brief, rng, horizon, heavy=0.30 if grey else 0.0)
    return at


def _stars(canvas: Canvas, rng: Generator, horizon: float) -> None:
    for _ in range(130):
        x, y = rng.uniform(0, canvas.width), horizon * rng.uniform(0, 0.95) ** 1.3
        size = 0.0011 + 0.0022 * rng.random() ** 4
        tone = mix((255, 255, 255), (120, 150, 220), float(rng.random()) * 0.7)
        canvas.rect(x, y, x + size * 1.6, y + size * 1.6, tone)
        if size > 0.0026:
            canvas.glow(x + size, y + size, size * 7, tone, strength=0.6)


def _disc(canvas: Canvas, brief: Brief, at: tuple[float, float]) -> None:
    light = brief.light
    size = 0.050 if light.disc_height > 0.4 else 0.068
    canvas.glow(*at, 0.62, light.disc, strength=0.34 if light.dark else 0.6)
    canvas.glow(*at, 0.22, light.disc, strength=0.6 if light.dark else 0.9)
    canvas.oval(*at, size, size, light.disc)
    if light.dark:
        for dx, dy, r in ((-0.3, -0.2, 0.22), (0.25, 0.3, 0.16), (0.1, -0.45, 0.12)):
            canvas.oval(at[0] + dx * size, at[1] + dy * size, r * size, r * size, lift(light.disc, -0.08))


def _clouds(canvas: Canvas, brief: Brief, rng: Generator, horizon: float, *, heavy: float) -> None:
    rows, columns = 72, round(72 * canvas.width / horizon)
    noise = fbm(rng, rows, columns, cells=2, stretch=2.6)
    cover = rng.uniform(0.50, 0.60) - heavy * 0.8
    band = np.sin(np.linspace(0, np.pi, rows))[:, None] ** 0.5
    mask = np.clip((noise - cover) * 3.2, 0, 1) * band * (0.5 if brief.light.dark and not heavy else 0.92)
    lit, under = _cloud_tones(brief, heavy)
    drop = horizon * 0.02
    canvas.stamp(mask * 0.85, (0, drop, canvas.width, horizon + drop), under)
    canvas.stamp(np.clip(mask * 1.2 - 0.15, 0, 1), (0, 0, canvas.width, horizon), lit)


def _cloud_tones(brief: Brief, heavy: float) -> tuple[Colour, Colour]:
    zenith, _, _, low = sky_colours(brief)
    asked = brief.dye("cloud")
    lit = asked or mix(low, (255, 255, 255), 0.15 if brief.light.dark else 0.7)
    if brief.light.dark:
        lit = mix(lit, zenith, 0.45)
    under = mix(mix(low, zenith, 0.35), (150, 130, 170), 0.25)
    if heavy:
        lit, under = mix(lit, (110, 116, 132), 0.55), mix(under, (52, 56, 76), 0.55)
    return lit, under


def mist(canvas: Canvas, y: float, depth: float, colour: Colour, *, opacity: float = 0.6) -> None:
    """A bank of mist about height y."""
    rows = np.linspace(-1, 1, 40)
    fade = np.exp(-(rows**2) * 4)[:, None] * np.ones((1, 4)) * opacity
    canvas.stamp(fade, (0, y - depth, canvas.width, y + depth), colour)


def weather(canvas: Canvas, brief: Brief, rng: Generator) -> None:
    """What falls in front of everything: snow, rain; or fog over it all."""
    if brief.has("snowing", "snowfall", "falling") and brief.has("snow", "snowing", "snowfall"):
        for _ in range(170):
            x, y = rng.uniform(0, canvas.width), rng.uniform(0, canvas.height)
            size = 0.003 + 0.008 * rng.random() ** 3
            canvas.oval(x, y, size, size, (252, 252, 255), opacity=rng.uniform(0.5, 0.95))
    if brief.has("rain", "rainy", "raining", "storm"):
        tone = mix(haze_colour(brief), (255, 255, 255), 0.4)
        for _ in range(90):
            x, y, long = rng.uniform(0, canvas.width), rng.uniform(0, canvas.height), rng.uniform(0.03, 0.08)
            canvas.line(np.array([(x, y), (x - long * 0.22, y + long)]), 0.0022, tone, opacity=0.4)
    if brief.has("fog", "foggy", "mist", "misty"):
        mist(canvas, canvas.height * 0.62, 0.4, haze_colour(brief), opacity=0.55)
