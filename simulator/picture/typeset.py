"""Setting words: as many lines as make them largest within a board."""

from itertools import pairwise

from simulator.picture.canvas import Canvas, text_width
from simulator.picture.palette import Colour, to_lab

_LEADING = 1.02  # from line to line, in sizes


def ink_on(paper: Colour) -> Colour:
    """Black or white, whichever reads better on a colour."""
    return (26, 26, 32) if to_lab(paper)[0] > 0.66 else (250, 248, 242)


def broken(words: str, *, width: float, height: float) -> tuple[list[str], float]:
    """The lines that let the words be set largest in a box, and that size."""
    parts = words.split() or [words]
    best: tuple[list[str], float] = ([words], 0.0)
    for count in range(1, min(len(parts), 5) + 1):
        lines = _lines(parts, count)
        size = min(width / max(map(text_width, lines)), height / (len(lines) * _LEADING))
        if size > best[1]:
            best = (lines, size)
    return best


def _lines(parts: list[str], count: int) -> list[str]:
    """Words in about equally long lines."""
    total = sum(map(len, parts)) + len(parts) - 1
    ends, run = [0], 0
    for place, part in enumerate(parts[:-1], 1):
        run += len(part) + 1
        if run >= total * len(ends) / count and len(ends) < count:
            ends.append(place)
    return [" ".join(parts[start:end]) for start, end in pairwise([*ends, len(parts)])]


def set_words(
    canvas: Canvas, words: str, size: tuple[float, float], ink: Colour, *, weight: float = 0.3, soft: float = 0.0,
    shade: Colour | None = None,
) -> None:  # fmt: skip
    """Write words about the origin, filling a box of `size`; `shade` sets a drop shadow under them."""
    lines, tall = broken(words, width=size[0], height=size[1])
    for place, line in enumerate(lines):
        y = (place - (len(lines) - 1) / 2) * tall * _LEADING
        if shade:
            canvas.write(line, tall * 0.035, y + tall * 0.045, tall, shade, weight=weight)
        canvas.write(line, 0, y, tall, ink, weight=weight, soft=soft)
