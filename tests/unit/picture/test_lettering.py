"""Quoted words are drawn for true, as large as their board allows."""

from dataclasses import replace

import numpy as np
import pytest

from simulator.picture.brief import read
from simulator.picture.canvas import Canvas, text_width
from simulator.picture.lettering import paint_lettering
from simulator.picture.typeset import broken, ink_on, set_words

BOARDS = ["wooden sign", "neon sign", "poster", "book cover", "chalkboard", "birthday cake", "road sign", "ticket"]
BOARDS += ["billboard", "green mug"]


def painted(board: str, words: str) -> np.ndarray:
    brief = replace(read(f'a {board} that reads "X", at noon'), quoted=words)
    canvas = Canvas((400, 400))
    paint_lettering(canvas, brief, np.random.default_rng(5))
    return np.asarray(canvas.image).astype(int)


@pytest.mark.parametrize("board", BOARDS)
def test_the_words_are_on_the_board_and_change_nothing_else(board: str) -> None:
    changed = np.abs(painted(board, "HELLO") - painted(board, "WORLD")).max(-1) > 24
    rows, columns = np.where(changed)
    assert changed.sum() > 500
    assert rows.max() - rows.min() < 320
    assert changed.mean() < 0.25
    assert columns.max() - columns.min() > 60


@pytest.mark.parametrize("board", BOARDS)
def test_the_ink_stands_out_from_its_board(board: str) -> None:
    drawn, empty = painted(board, "MMMM"), painted(board, " ")
    difference = np.abs(drawn - empty).max(-1)
    assert np.percentile(difference[difference > 10], 80) > 50


def test_every_word_is_set_in_order_and_fits() -> None:
    words = "the quick brown fox jumps over it"
    lines, size = broken(words, width=0.6, height=0.5)
    assert " ".join(lines) == words
    assert len(lines) > 1
    assert max(map(text_width, lines)) * size <= 0.6 + 1e-9
    assert len(lines) * size <= 0.5


def test_the_number_of_lines_is_the_one_that_sets_words_largest() -> None:
    tall, wide = broken("AB CD EF", width=0.3, height=0.9), broken("AB CD EF", width=0.9, height=0.1)
    assert tall[0] == ["AB", "CD", "EF"]
    assert wide[0] == ["AB CD EF"]
    assert tall[1] > broken("ABCDEFGH", width=0.3, height=0.9)[1]


@pytest.mark.parametrize("size", [(0.8, 0.2), (0.3, 0.6)])
def test_drawn_words_stay_within_their_box(size: tuple[float, float]) -> None:
    canvas = Canvas((500, 500))
    set_words(canvas.at(0.5, 0.5), "OPEN ALL DAY LONG", size, (255, 255, 255))
    rows, columns = np.where(np.asarray(canvas.image)[..., 0] > 128)
    assert rows.max() - rows.min() <= size[1] * 500
    assert columns.max() - columns.min() <= size[0] * 500
    assert abs(rows.mean() - 250) < 25
    assert max((rows.max() - rows.min()) / size[1], (columns.max() - columns.min()) / size[0]) > 0.7 * 500


def test_ink_contrasts_with_its_paper() -> None:
    assert sum(ink_on((250, 240, 90))) < 150 < 600 < sum(ink_on((30, 40, 120)))
