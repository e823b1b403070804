"""Boundaries against worked values, an independent integral, and simulated paths."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from analysis import looks

THIRDS, FIFTHS = (1, 2, 3), (1, 2, 3, 4, 5)
# Simulated to three decimals: looks; c at alpha .05 and what alpha that leaves each look; the same at .025
BOUNDARIES = [
    ((1, 2), 1.6781, (0.00882, 0.0467), 1.9773, (0.00258, 0.0240)),
    (THIRDS, 1.7094, (0.00153, 0.0181, 0.0437), 2.0040, (2.6e-4, 0.00706, 0.0225)),
    ((1, 2, 3, 4), 1.7333, (2.6e-4, 0.00712, 0.0227, 0.0415), 2.0242, (2.6e-5, 0.0021, 0.00971, 0.0215)),
    (FIFTHS, 1.7510, (4.5e-5, 0.00282, 0.0119, 0.0251, 0.0400), 2.0404, (2.5e-6, 6.3e-4, 0.00422, 0.0113, 0.0207)),
    ((0.6, 0.8, 1), 1.7457, (0.01211, 0.02548, 0.04043), 2.0381, (0.00425, 0.01134, 0.02077)),
    ((0.5, 0.75, 1), 1.7329, (0.00713, 0.0227, 0.04156), 2.0241, (0.0021, 0.00971, 0.02148)),
]


@pytest.mark.parametrize(("when", "c", "alphas", "c_half", "alphas_half"), BOUNDARIES)
def test_the_boundary_and_what_it_leaves_each_look(
    when: tuple, c: float, alphas: tuple, c_half: float, alphas_half: tuple
) -> None:
    assert looks.boundary(when) == pytest.approx(c, abs=5e-4)
    assert looks.boundary(when, alpha=0.025) == pytest.approx(c_half, abs=5e-4)
    assert looks.alphas(when) == pytest.approx(alphas, rel=0.02)
    assert looks.alphas(when, alpha=0.025) == pytest.approx(alphas_half, rel=0.02)


@pytest.mark.parametrize("when", [(0.5, 1), (0.6, 0.8, 1), (0.05, 0.97, 1)])
@pytest.mark.parametrize("alpha", [0.05, 0.025, 0.0125])
def test_all_looks_together_keep_alpha(when: tuple, alpha: float) -> None:
    c = looks.boundary(when, alpha=alpha)
    stays_below = multivariate_normal(cov=np.minimum.outer(when, when), abseps=1e-7, releps=1e-7).cdf([c] * len(when))
    assert 1 - stays_below == pytest.approx(alpha, abs=2e-6)


def test_the_planned_looks_are_shares_of_the_last() -> None:
    assert looks.boundary(looks.LOOKS) == looks.boundary((0.6, 0.8, 1))
    assert looks.boundary(looks.LOOKS_RENTED) == looks.boundary((0.5, 0.75, 1))
    assert looks.alphas(looks.LOOKS) == pytest.approx((0.01211, 0.02548, 0.04043), abs=3e-5)


def test_a_single_look_has_all_of_alpha() -> None:
    assert looks.boundary([20]) == pytest.approx(1.6449, abs=5e-5)
    assert looks.alphas([20], alpha=0.01) == pytest.approx((0.01,))


def test_chance_alone_crosses_the_boundary_at_some_look_as_rarely_as_promised() -> None:
    when = np.array([0.3, 0.35, 0.9, 1.0])
    steps = np.random.default_rng(5).normal(size=(200_000, 4)) * np.sqrt(np.diff(when, prepend=0))
    crossed = (steps.cumsum(axis=1) > looks.boundary(when.tolist())).any(axis=1).mean()
    assert crossed == pytest.approx(0.05, abs=0.0015)


@pytest.mark.parametrize("when", [[], [0, 1], [-1, 1], [1, 1], [2, 1]])
def test_looks_that_do_not_ascend_are_refused(when: list[float]) -> None:
    with pytest.raises(ValueError, match="ascend"):
        looks.boundary(when)
