"""What machines do to a picture: too few steps, another GPU's rounding, 8-bit weights, breakage, and the mark."""

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from simulator.picture.palette import Floats

VIOLET = (122, 63, 192)  # the colour that means "simulated" throughout the pages
MARK = "SIMULATED - reference renderer"
_SHORT_MARK = "SIMULATED"
_BLUR = 0.035  # of the short side, before the first step
_NOISE = 0.78  # share of noise before the first step
_JITTER_PX, _JITTER_TONE = 0.16, 0.9  # per 512 px, per 255
_FP8_PX, _FP8_TONE = 1.3, 4.0


def denoise(image: Image.Image, rng: Generator, progress: float) -> Image.Image:
    """The picture after `progress` (0..1) of its steps: blur and noise both gone at 1, which is the picture itself.

    Structure settles before detail, as in diffusion: noise falls with the sixth power of what is left, blur with
    the third.
    """
    if progress >= 1:
        return image
    left = 1 - progress
    soft = image.filter(ImageFilter.GaussianBlur(min(image.size) * _BLUR * left**3))
    return Image.blend(soft, latent_noise(rng, image.size), _NOISE * left**6)


def latent_noise(rng: Generator, size: tuple[int, int]) -> Image.Image:
    """Coloured noise: blotches of an eighth of the picture's resolution under a finer grain."""
    coarse = _grid(rng, size, cell_px=max(size) / 64)
    return Image.blend(coarse, _grid(rng, size, cell_px=max(size) / 256), 0.45)


def _grid(rng: Generator, size: tuple[int, int], *, cell_px: float) -> Image.Image:
    cells = rng.integers(0, 256, (max(2, round(size[1] / cell_px)), max(2, round(size[0] / cell_px)), 3), np.uint8)
    return Image.fromarray(cells).resize(size, Image.Resampling.BILINEAR)


def jitter(image: Image.Image, rng: Generator) -> Image.Image:
    """The same job on another GPU: edges move by a fraction of a pixel, tones by a step or none."""
    return _drift(image, rng, shift_px=_JITTER_PX, tone=_JITTER_TONE)


def lower_precision(image: Image.Image, rng: Generator) -> Image.Image:
    """The same job with fp8 weights: shapes shift a little, tones a little more."""
    return _drift(image, rng, shift_px=_FP8_PX, tone=_FP8_TONE)


def _drift(image: Image.Image, rng: Generator, *, shift_px: float, tone: float) -> Image.Image:
    reach = shift_px * max(image.size) / 512
    warped = image.transform(image.size, Image.Transform.MESH, _mesh(image.size, rng, reach), Image.Resampling.BILINEAR)
    moved = np.asarray(warped, np.int16)
    for channel in range(3):
        moved[..., channel] += np.rint(_slow(rng, image.size, tone)).astype(np.int16)
    return Image.fromarray(moved.clip(0, 255).astype(np.uint8))


def _slow(rng: Generator, size: tuple[int, int], swing: float) -> Floats:
    """A slowly varying field of about +-swing, shape (height, width)."""
    grid = Image.fromarray(rng.uniform(-swing, swing, (9, 9)).astype(np.float32))
    return np.asarray(grid.resize(size, Image.Resampling.BICUBIC), float)


def _mesh(size: tuple[int, int], rng: Generator, reach: float) -> list[tuple[tuple[int, ...], tuple[float, ...]]]:
    """Pillow's mesh: target boxes and the source corners that fill them, inner corners moved by up to `reach`."""
    xs, ys = (np.linspace(0, side, 9).round().astype(int).tolist() for side in size)
    source = np.stack(np.meshgrid(xs, ys), -1).astype(float)
    source[1:-1, 1:-1] += rng.choice((-1, 1), (7, 7, 2)) * rng.uniform(0.5, 1.0, (7, 7, 2)) * reach
    return [
        (
            (xs[column], ys[row], xs[column + 1], ys[row + 1]),
            tuple(source[[row, row + 1, row + 1, row], [column, column, column + 1, column + 1]].ravel().tolist()),
        )
        for row in range(8)
        for column in range(8)
        if xs[column + 1] > xs[column] and ys[row + 1] > ys[row]
    ]


def black(size: tuple[int, int]) -> Image.Image:
    """What a decoder gives for not-a-number."""
    return Image.new("RGB", size)


def garbled(image: Image.Image, rng: Generator) -> Image.Image:
    """A picture lost under blocks of colour and grain, as from broken weights."""
    width, height = image.size
    cells = rng.integers(0, 256, (max(2, height // 20), max(2, width // 20), 3), np.uint8)
    blocks = Image.fromarray(cells).resize(image.size, Image.Resampling.NEAREST)
    grain = Image.fromarray(rng.integers(0, 256, (height, width, 3), np.uint8))
    return Image.blend(Image.blend(image, blocks, 0.62), grain, 0.35)


def mark(image: Image.Image, *, opacity: float = 0.86) -> None:
    """Burn the violet chip into the lower right corner: whatever page shows this picture, it says what it is."""
    width, height = image.size
    size = max(7.0, min(width, height) * 0.0225)
    text = MARK if _face(size).getlength(MARK) + 2 * size < width * 0.9 else _SHORT_MARK
    face = _face(size)
    left, top, right, bottom = face.getbbox(text)
    pad_x, pad_y, margin = round(size * 0.6), round(size * 0.42), round(size * 0.7)
    chip = Image.new("RGBA", (round(right - left) + 2 * pad_x, round(bottom - top) + 2 * pad_y))
    draw = ImageDraw.Draw(chip)
    box = (0, 0, chip.width - 1, chip.height - 1)
    draw.rounded_rectangle(box, radius=chip.height // 3, fill=(*VIOLET, round(255 * opacity)))
    ink = tuple(round(v + (255 - v) * opacity) for v in VIOLET)
    draw.text((pad_x - left, pad_y - top), text, fill=(*ink, 255), font=face)
    at = (max(0, width - chip.width - margin), max(0, height - chip.height - margin))
    image.paste(chip.convert("RGB"), at, chip.getchannel("A"))


def _face(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
