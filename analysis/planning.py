"""How much must be measured, and what is it worth? Sample sizes, blocks, the chance that a gate will pass.

Formulas seed a plan; the power that is shown comes from simulated campaigns. alpha is one-sided.
"""

import math
from collections.abc import Sequence

from scipy.special import nctdtr, ndtr, ndtri, owens_t, stdtrit

ORDER_STATISTICS_COST = 1.6  # n times this for distribution-free limits to have the formula's power


def cluster_deff(size: float, icc: float) -> float:
    """1 + (m - 1) ICC: how many jobs of blocks of m say as much as one independent job (Kish 1965)."""
    return 1 + (size - 1) * icc


def rate_n(
    baseline: float, candidate: float, *, margin: float, alpha: float = 0.05, power: float = 0.8, deff: float = 1.0
) -> int:
    """Jobs of each arm to show that the candidate's rate is not `margin` below the baseline's.

    n = (z_alpha sqrt(V~) + z_power sqrt(V))^2 / (difference + margin)^2, V~ at the largest likelihood under a
    difference of -margin (Farrington & Manning 1990). Raises ValueError where the candidate truly is that far below.
    """
    ahead = candidate - baseline + margin
    if ahead <= 0:
        raise ValueError("A candidate that is worse by the margin can never be shown not to be.")
    held_c, held_b = _restricted(candidate, baseline, -margin)
    under, true = (_variance(c, b) for c, b in ((held_c, held_b), (candidate, baseline)))
    root = float(ndtri(1 - alpha)) * math.sqrt(under) + float(ndtri(power)) * math.sqrt(true)
    return math.ceil((root / ahead) ** 2 * deff)


def quantile_ratio_n(
    sd: float, *, margin: float, q: float = 0.95, alpha: float = 0.05, power: float = 0.8, deff: float = 1.0
) -> int:
    """Jobs of each arm to show a ratio of quantiles, truly 1, below `margin`; sd of the logarithm, normal.

    2 (z_alpha + z_power)^2 (k sd)^2 deff / ln(margin)^2, k = sqrt(q (1-q)) / phi(z_q), 2.1132 at p95: the asymptotic n.
    Distribution-free limits take `ORDER_STATISTICS_COST` times as many.
    """
    per_sd = math.sqrt(q * (1 - q)) / _density(float(ndtri(q)))
    z = float(ndtri(1 - alpha) + ndtri(power))
    return math.ceil(2 * (z * per_sd * sd / math.log(margin)) ** 2 * deff)


def quantile_icc(sd_host: float, sd_within: float, *, q: float = 0.95) -> float:
    """Correlation, between jobs of one host, of "above the q quantile": normal logarithms.

    (P(both above) - (1-q)^2) / (q (1-q)); both above by Owen 1956: Phi(-k) - 2 T(k, sqrt((1-rho)/(1+rho))).
    """
    rho = sd_host**2 / (sd_host**2 + sd_within**2)
    k = float(ndtri(q))
    both = 1 - q - 2 * float(owens_t(k, math.sqrt((1 - rho) / (1 + rho))))
    return (both - (1 - q) ** 2) / (q * (1 - q))


def least_blocks(effect: float, sd: float, *, alpha: float = 0.05, power: float = 0.9) -> int:
    """The fewest blocks that show an effect of this size by a t test; sd of one block's difference.

    For a saving, effect = ln((1 - least) / (1 - target)) and sd that of ln(cost ratio). Noncentral t, exact.
    """
    in_sd = abs(effect) / sd
    normal = max(0.0, float(ndtri(1 - alpha) + ndtri(power))) / in_sd  # squared: a t test never needs fewer
    blocks = max(2, math.floor(normal**2))
    while _t_power(blocks, in_sd, alpha) < power:
        blocks += 1
    return blocks


def saving_blocks(sd: float, *, least: float, target: float, alpha: float = 0.05, power: float = 0.9) -> int:
    """The fewest blocks to show a saving above `least` if it truly is `target`."""
    return least_blocks(math.log((1 - least) / (1 - target)), sd, alpha=alpha, power=power)


def predictive_power(z: float, t: float, c: float) -> float:
    """The chance that a gate passes at the end, z being its statistic at the share t of the plan and c the last bound.

    Phi((z - c sqrt(t)) / sqrt(1 - t)) (Spiegelhalter, Freedman & Blackburn 1986).
    """
    return float(ndtr((z - c * math.sqrt(t)) / math.sqrt(1 - t)))


def buying_order(prices: Sequence[float], chances: Sequence[float]) -> list[int]:
    """In which order to finish gates that must all pass: ascending price / (1 - chance), cheapest until one fails."""
    worth = [price / (1 - chance) if chance < 1 else math.inf for price, chance in zip(prices, chances, strict=True)]
    return sorted(range(len(worth)), key=worth.__getitem__)


def perfect_information(mean: float, sd: float) -> float:
    """What knowing the truth would be worth, in the unit of a normal net benefit that decides at 0 (EVPI).

    sd (phi(u) - u Phi(-u)), u = |mean| / sd (Raiffa & Schlaifer 1961).
    """
    u = abs(mean) / sd
    return sd * (_density(u) - u * float(ndtr(-u)))


def payback_months(one_off: float, monthly_saving: float, more_ops: float) -> float:
    """Months until a one-off cost is back; infinite: never."""
    net = monthly_saving - more_ops
    return one_off / net if net > 0 else math.inf


def _restricted(candidate: float, baseline: float, difference: float) -> tuple[float, float]:
    """Rates of largest likelihood that differ by `difference`, arms of one size: the root of a cubic in closed form."""
    a = 2.0
    b = -(2 + candidate + baseline + 3 * difference)
    c = difference**2 + difference * (2 * candidate + 2) + candidate + baseline
    d = -candidate * difference * (1 + difference)
    v = (b / (3 * a)) ** 3 - b * c / (6 * a * a) + d / (2 * a)
    u = math.copysign(math.sqrt(max(0.0, (b / (3 * a)) ** 2 - c / (3 * a))), v)
    angle = (math.pi + math.acos(max(-1.0, min(1.0, v / u**3)))) / 3 if u else math.pi / 2
    held = 2 * u * math.cos(angle) - b / (3 * a)
    return held, held - difference


def _variance(candidate: float, baseline: float) -> float:
    return candidate * (1 - candidate) + baseline * (1 - baseline)


def _t_power(blocks: int, effect_in_sd: float, alpha: float) -> float:
    df = blocks - 1
    return 1 - float(nctdtr(df, effect_in_sd * math.sqrt(blocks), stdtrit(df, 1 - alpha)))


def _density(x: float) -> float:
    return math.exp(-x * x / 2) / math.sqrt(2 * math.pi)
