"""Colour arithmetic: what it keeps and what it changes."""

import numpy as np
import pytest

from simulator.picture.palette import NAMED, from_lab, lift, mix, ramp, tinted, to_lab

COLOURS = sorted(set(NAMED.values()))


@pytest.mark.parametrize("colour", [*COLOURS, (0, 0, 0), (255, 255, 255)])
def test_oklab_and_back_gives_the_same_colour(colour: tuple[int, int, int]) -> None:
    assert np.abs(from_lab(to_lab(colour)) - colour).max() < 0.01
    assert mix(colour, (1, 2, 3), 0.0) == colour


def test_oklab_of_white_and_red_is_as_published() -> None:
    assert to_lab((255, 255, 255)) == pytest.approx([1, 0, 0], abs=1e-3)
    assert to_lab((255, 0, 0)) == pytest.approx([0.628, 0.225, 0.126], abs=1e-3)


def test_a_mix_runs_from_the_first_colour_to_the_second() -> None:
    first, second = (20, 40, 200), (240, 220, 30)
    lightness = [to_lab(mix(first, second, part))[0] for part in (0, 0.25, 0.5, 0.75, 1)]
    assert np.diff(lightness) == pytest.approx([np.ptp(lightness) / 4] * 4, abs=0.01)
    assert mix(first, second, 1) == second


def test_lift_changes_lightness_alone() -> None:
    before, up, down = (to_lab(c) for c in ((120, 90, 70), lift((120, 90, 70), 0.1), lift((120, 90, 70), -0.1)))
    assert up - before == pytest.approx([0.1, 0, 0], abs=0.01)
    assert down - before == pytest.approx([-0.1, 0, 0], abs=0.01)
    assert np.hypot(*to_lab(lift((120, 90, 70), 0, chroma=0.5))[1:]) < 0.6 * np.hypot(*before[1:])


def test_a_tint_takes_the_hue_and_leaves_the_lightness() -> None:
    base, toward = (120, 120, 120), NAMED["blue"]
    half, whole = to_lab(tinted(base, toward, 0.5)), to_lab(tinted(base, toward, 0.9))
    assert half[0] == pytest.approx(to_lab(base)[0], abs=0.01)
    assert half[2] == pytest.approx(to_lab(toward)[2] / 2, abs=0.01)
    assert whole[2] < half[2]


def test_a_ramp_meets_its_stops_and_keeps_the_shape() -> None:
    places = np.array([[0.0, 0.5], [0.75, 1.0]])
    colours = ramp(((0, (10, 20, 30)), (0.5, (200, 40, 60)), (1, (250, 250, 250))), places)
    assert colours.shape == (2, 2, 3)
    assert colours.dtype == np.uint8
    assert np.abs(colours[0, 0].astype(int) - (10, 20, 30)).max() <= 1
    assert np.abs(colours[0, 1].astype(int) - (200, 40, 60)).max() <= 3
    assert np.abs(colours[1, 1].astype(int) - (250, 250, 250)).max() <= 1
