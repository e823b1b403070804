"""From a prompt to a finished scene, before any defect of steps, precision or hardware."""

import numpy as np
from numpy.random import Generator
from PIL import Image

from simulator.picture.animal import paint_animal
from simulator.picture.brief import Brief, Subject, read
from simulator.picture.canvas import Canvas
from simulator.picture.city import paint_city
from simulator.picture.crowd import paint_crowd
from simulator.picture.hands import paint_hands
from simulator.picture.landscape import Scene, paint_landscape
from simulator.picture.lettering import paint_lettering
from simulator.picture.portrait import paint_portrait
from simulator.picture.product import paint_product

SCENES: dict[Subject, Scene] = {
    Subject.LANDSCAPE: paint_landscape,
    Subject.CITY: paint_city,
    Subject.PORTRAIT: paint_portrait,
    Subject.ANIMAL: paint_animal,
    Subject.CROWD: paint_crowd,
    Subject.HANDS: paint_hands,
    Subject.PRODUCT: paint_product,
    Subject.LETTERING: paint_lettering,
}
_LIT_BY_THE_ROOM = {Subject.PORTRAIT, Subject.ANIMAL, Subject.PRODUCT, Subject.HANDS, Subject.LETTERING}
_PAPER_PX = (512, 2048)  # least and greatest long side of the paper, whatever size is asked for
_SLENDER = 3.0  # beyond this ratio of sides a scene is stretched rather than composed


def compose(prompt: str, rng: Generator, size: tuple[int, int]) -> Image.Image:
    """The scene of a prompt at `size` (width, height) pixels; the composition does not depend on the size."""
    brief = read(prompt, choice=float(rng.random()))
    canvas = Canvas(_paper(size))
    SCENES[brief.subject](canvas, brief, rng)
    if brief.subject in _LIT_BY_THE_ROOM and not brief.has("neon"):
        _by_the_hour(canvas, brief)
    if canvas.image.size == (size[0] * 2, size[1] * 2):
        return canvas.image.reduce(2)
    return canvas.image.resize(size, Image.Resampling.HAMMING)


def _paper(size: tuple[int, int]) -> tuple[int, int]:
    """Twice the size if that is within bounds."""
    width, height = max(size[0], size[1] / _SLENDER), max(size[1], size[0] / _SLENDER)
    least, greatest = _PAPER_PX
    scale = min(max(2.0, least / max(size)), greatest / max(size))
    return max(2, round(width * scale)), max(2, round(height * scale))


def _by_the_hour(canvas: Canvas, brief: Brief) -> None:
    """The hour's light on an indoor scene: a tint, and in the dark a pool of lamplight around the subject."""
    ambient = brief.light.ambient
    table = [min(255, round(value * part)) for part in ambient for value in range(256)]
    dim = canvas.image.point(table)
    x, y = np.meshgrid(np.linspace(-1, 1, 48), np.linspace(-1, 1, 48))
    pool = np.exp(-(x**2 + y**2) * 2.2) * 0.55 * brief.light.lamps
    mask = Image.fromarray(np.uint8(pool * 255)).resize(dim.size, Image.Resampling.BILINEAR)
    dim.paste(canvas.image, (0, 0), mask)
    canvas.image.paste(dim)
