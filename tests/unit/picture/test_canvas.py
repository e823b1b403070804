"""The canvas: shapes land where units say, blend as asked and stay inside their outline."""

import numpy as np
import pytest

from simulator.picture.canvas import Canvas, Linear, Radial
from simulator.picture.shapes import box, capsule, ellipse, moved, ridge, smooth, turned

WHITE = (255, 255, 255)


def pixels(canvas: Canvas) -> np.ndarray:
    return np.asarray(canvas.image).astype(int)[..., 0]


def extent(canvas: Canvas) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of what is lit."""
    rows, columns = np.where(pixels(canvas) > 100)
    return columns.min(), rows.min(), columns.max(), rows.max()


def test_units_are_the_short_side_whatever_the_format() -> None:
    for size, sides in (((300, 100), (3, 1)), ((100, 250), (1, 2.5))):
        canvas = Canvas(size)
        assert (canvas.width, canvas.height) == sides
        canvas.shape(box(0.2, 0.4, 0.6, 0.8), WHITE)
        assert extent(canvas) == pytest.approx((20, 40, 60, 80), abs=1)


@pytest.mark.parametrize("opacity", [0.25, 0.5, 1.0])
def test_opacity_blends_with_what_is_there(opacity: float) -> None:
    canvas = Canvas((100, 100), (40, 40, 40))
    canvas.shape(box(0.2, 0.2, 0.8, 0.8), (240, 240, 240), opacity=opacity)
    assert pixels(canvas)[50, 50] == pytest.approx(40 + 200 * opacity, abs=2)
    assert pixels(canvas)[5, 5] == 40


def test_a_soft_edge_fades_over_its_width() -> None:
    canvas = Canvas((200, 200))
    canvas.shape(box(0.25, 0.25, 0.75, 0.75), WHITE, soft=0.05)
    row = pixels(canvas)[100]
    assert row[100] > 240
    assert 80 < row[50] < 175
    assert row[30] < 60
    assert np.all(np.diff(row[10:90]) >= -2)


def test_inside_keeps_to_the_outline() -> None:
    canvas = Canvas((100, 100))
    canvas.inside(box(0.1, 0.1, 0.5, 0.5), box(0.3, 0.0, 0.9, 0.4), WHITE)
    assert extent(canvas) == pytest.approx((30, 10, 50, 40), abs=1)
    canvas.inside(box(0.6, 0.6, 0.7, 0.7), box(0.8, 0.8, 0.9, 0.9), WHITE)
    assert extent(canvas) == pytest.approx((30, 10, 50, 40), abs=1)


def test_a_moved_scaled_and_turned_origin_carries_its_shapes() -> None:
    canvas = Canvas((200, 200))
    canvas.at(0.5, 0.5, 0.5, turn=np.pi / 2).shape(box(0.0, 0.0, 0.6, 0.2), WHITE)
    assert extent(canvas) == pytest.approx((80, 100, 100, 160), abs=1)  # what pointed right points down


def test_a_mirrored_origin_swaps_left_and_right() -> None:
    canvas = Canvas((200, 200))
    canvas.at(0.5, 0.5, mirror=True).shape(box(0.1, 0.0, 0.3, 0.2), WHITE)
    assert extent(canvas) == pytest.approx((40, 100, 80, 140), abs=1)
    canvas.mirror()
    assert extent(canvas) == pytest.approx((120, 100, 160, 140), abs=1)


@pytest.mark.parametrize(
    ("degrees", "first", "last"), [(90, (2, 50), (97, 50)), (0, (50, 2), (50, 97)), (45, (2, 2), (97, 97))]
)
def test_a_gradient_runs_its_way(degrees: float, first: tuple[int, int], last: tuple[int, int]) -> None:
    canvas = Canvas((100, 100))
    canvas.wash(Linear(((0, (20, 20, 20)), (1, (230, 230, 230))), degrees))
    assert pixels(canvas)[first] < 40 < 210 < pixels(canvas)[last]


def test_a_radial_gradient_is_brightest_at_its_middle() -> None:
    canvas = Canvas((100, 100))
    canvas.wash(Radial(((0, WHITE), (1, (0, 0, 0))), 0.3, 0.7, 0.5))
    row, column = np.unravel_index(pixels(canvas).argmax(), (100, 100))
    assert (column, row) == pytest.approx((30, 70), abs=3)
    assert pixels(canvas)[5, 95] < 5


def test_a_glow_fades_out_at_its_radius_and_may_leave_the_paper() -> None:
    canvas = Canvas((100, 100))
    canvas.glow(0.0, 0.5, 0.4, WHITE, strength=1.0)
    row = pixels(canvas)[50]
    assert row[1] > 200
    assert row[20] < 120
    assert row[41] == 0
    canvas.glow(3.0, 3.0, 0.2, WHITE)
    assert pixels(canvas)[99, 99] == 0


def test_lines_are_as_thick_as_asked_also_when_faint() -> None:
    for opacity in (1.0, 0.6):
        canvas = Canvas((200, 200))
        canvas.line(np.array([(0.2, 0.5), (0.8, 0.5)]), 0.1, WHITE, opacity=opacity)
        assert (pixels(canvas)[:, 100] > 100).sum() == pytest.approx(20, abs=2)


def test_words_turn_with_the_paper() -> None:
    flat, upright = Canvas((200, 200)), Canvas((200, 200))
    flat.write("LONG", 0.5, 0.5, 0.2, WHITE)
    upright.at(0.5, 0.5, turn=np.pi / 2).write("LONG", 0, 0, 0.2, WHITE)
    left, top, right, bottom = extent(flat)
    across, up = right - left, bottom - top
    left, top, right, bottom = extent(upright)
    assert across > 2 * up
    assert (bottom - top, right - left) == pytest.approx((across, up), abs=3)


def test_outlines_have_the_size_they_are_asked_for() -> None:
    assert np.ptp(ellipse(1, 2, 0.3, 0.1), axis=0) == pytest.approx([0.6, 0.2], abs=0.01)
    assert np.ptp(capsule((0, 0), (1, 0), 0.1, 0.2), axis=0) == pytest.approx([1.3, 0.4], abs=0.01)
    assert np.ptp(box(0, 0, 2, 1, radius=0.2), axis=0) == pytest.approx([2, 1])
    assert moved(box(0, 0, 1, 1), 2, 3).min(0) == pytest.approx([2, 3])
    assert turned(np.array([(1.0, 0.0)]), (0, 0), np.pi / 2)[0] == pytest.approx([0, 1])


def test_a_smooth_line_passes_through_its_points() -> None:
    corners = [(0.0, 0.0), (1.0, 0.2), (0.8, 1.0), (0.1, 0.7)]
    curve = smooth(corners)
    assert all(np.hypot(*(curve - corner).T).min() < 1e-9 for corner in corners)


def test_a_rough_ridge_is_more_jagged_than_a_gentle_one() -> None:
    jag = [
        np.abs(np.diff(ridge(np.random.default_rng(1), 1.0, height=0.1, rough=rough)[:, 1], 2)).mean()
        for rough in (-0.5, 1.0)
    ]
    assert jag[1] > 3 * jag[0]
