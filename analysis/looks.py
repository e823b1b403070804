"""When a running comparison may be judged, and how strictly at each look, so that all looks together keep alpha.

Boundaries of O'Brien & Fleming 1979: at the share t of the information z must exceed c / sqrt(t), so that early looks
ask for much and the last for little more than a single one would. alpha is one-sided.
"""

import math
from collections.abc import Sequence
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

LOOKS = (12, 16, 20)  # blocks
LOOKS_RENTED = (20, 30, 40)  # half-blocks, of rented machines

_Floats = NDArray[np.float64]
_NODES = 128
_FLOOR = -9.0  # in standard deviations at the end: nothing to speak of lies below


def boundary(looks: Sequence[float], *, alpha: float = 0.05) -> float:
    """c, for looks after so much of the plan each: blocks or shares, ascending; the last is the whole of it.

    Solved so that a Brownian motion without drift exceeds c at any look with probability alpha.
    """
    if not looks or looks[0] <= 0 or any(later <= sooner for sooner, later in pairwise(looks)):
        raise ValueError(f"Looks must be above 0 and ascend, not {list(looks)}.")
    return _boundary(tuple(look / looks[-1] for look in looks), alpha)


def alphas(looks: Sequence[float], *, alpha: float = 0.05) -> tuple[float, ...]:
    """The alpha of every bound at each look: 1 - Phi(c / sqrt(t))."""
    c = boundary(looks, alpha=alpha)
    return tuple(float(ndtr(-c / math.sqrt(look / looks[-1]))) for look in looks)


@cache
def _boundary(times: tuple[float, ...], alpha: float) -> float:
    from scipy.optimize import brentq

    return float(brentq(lambda c: _crossing(times, c) - alpha, 0.0, 8.0, xtol=1e-10))


def _crossing(times: tuple[float, ...], c: float) -> float:
    """P(the path is above c at one of the times): its density below c, carried from look to look by quadrature.

    Armitage, McPherson & Rowe 1969.
    """
    nodes, weights = _quadrature()
    at = _FLOOR + (nodes + 1) / 2 * (c - _FLOOR)
    mass = weights / 2 * (c - _FLOOR)
    density = _normal(at, math.sqrt(times[0]))
    for sooner, later in pairwise(times):
        step = _normal(at[:, None] - at[None, :], math.sqrt(later - sooner))
        density = step @ (density * mass)
    return 1 - float(density @ mass)


@cache
def _quadrature() -> tuple[_Floats, _Floats]:
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    return nodes, weights


def _normal(x: _Floats, sd: float) -> _Floats:
    density: _Floats = np.exp(-((x / sd) ** 2) / 2) / (sd * math.sqrt(2 * math.pi))
    return density
