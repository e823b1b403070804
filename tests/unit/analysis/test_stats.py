"""Every estimator against worked values: computed for the method's definition, not by this code."""

import math

import numpy as np
import pytest
from scipy.special import ndtri

from analysis import stats
from analysis.stats import Limits, Ranks

# n; ranks for p50 and p95 (two-sided 95 %), and for p95 one-sided.
RANKS = [
    (20, (6, 15), (17, None), (17, None)),
    (59, (22, 38), (52, None), (53, 59)),
    (72, (28, 45), (64, 72), (65, 72)),
    (73, (28, 46), (65, 73), (66, 73)),
    (100, (40, 61), (90, 100), (91, 99)),
    (300, (133, 168), (277, 293), (279, 292)),
    (521, (238, 284), (485, 505), (487, 504)),
    (1000, (469, 532), (936, 964), (938, 962)),
]


@pytest.mark.parametrize(("n", "p50", "p95", "p95_one_sided"), RANKS)
def test_the_ranks_that_bound_a_quantile(n: int, p50: tuple, p95: tuple, p95_one_sided: tuple) -> None:
    assert stats.quantile_ranks(n, 0.5) == Ranks(*p50)
    assert stats.quantile_ranks(n, 0.95) == Ranks(*p95)
    assert stats.quantile_ranks(n, 0.95, alpha=0.05) == Ranks(*p95_one_sided)


def test_no_values_have_no_ranks() -> None:
    assert stats.quantile_ranks(0, 0.5) == Ranks(None, None)


@pytest.mark.parametrize(
    ("q", "two_sided", "one_sided"), [(0.5, 6, 5), (0.9, 36, 29), (0.95, 72, 59), (0.99, 368, 299)]
)
def test_the_smallest_sample_of_each_quantile(q: float, two_sided: int, one_sided: int) -> None:
    assert (stats.min_n(q), stats.min_n_upper(q)) == (two_sided, one_sided)
    assert stats.quantile_ranks(two_sided, q).high is not None
    assert stats.quantile_ranks(two_sided - 1, q).high is None


@pytest.mark.parametrize(("alpha", "n"), [(0.0125, 86), (0.01211, 87)])
def test_the_smallest_sample_of_a_p95_at_an_interim_look(alpha: float, n: int) -> None:
    assert stats.min_n_upper(0.95, alpha=alpha) == n


@pytest.mark.parametrize(("n", "deff", "more"), [(58, 1.0, 14), (72, 1.0, 0), (80, 1.0, 0), (60, 2.2, 27)])
def test_what_is_withheld_says_how_many_more(n: int, deff: float, more: int) -> None:
    assert stats.needs(n, 72, deff=deff) == more


WILSON = [
    (0, 20, 0, 0.1611),
    (20, 20, 0.8389, 1),
    (99, 100, 0.9455, 0.9982),
    (297, 300, 0.9710, 0.9966),
    (516, 521, 0.9777, 0.9959),
]


@pytest.mark.parametrize(("good", "n", "low", "high"), WILSON)
def test_wilson(good: int, n: int, low: float, high: float) -> None:
    assert stats.wilson(good, n) == pytest.approx((low, high), abs=5e-5)


def test_wilson_one_sided() -> None:
    assert stats.wilson(516, 521, alpha=0.05)[0] == pytest.approx(0.98042, abs=5e-6)


@pytest.mark.parametrize(("good", "n", "low", "high"), [(0, 72, 0, 0.0499), (3, 60, 0.0104, 0.1392)])
def test_clopper_pearson(good: int, n: int, low: float, high: float) -> None:
    assert stats.clopper_pearson(good, n) == pytest.approx((low, high), abs=5e-5)
    assert stats.clopper_pearson(n - good, n) == pytest.approx((1 - high, 1 - low), abs=5e-5)


@pytest.mark.parametrize(("good", "n", "high"), [(0, 59, 0.0495), (0, 300, 0.0099), (4, 60, 0.1461)])
def test_clopper_pearson_upper(good: int, n: int, high: float) -> None:
    assert stats.clopper_pearson(good, n, alpha=0.05)[1] == pytest.approx(high, abs=5e-5)


@pytest.mark.parametrize(
    ("candidate", "baseline", "limits"),
    [
        ((56, 70), (48, 80), (0.0524, 0.3339)),
        ((516, 521), (518, 521), (-0.01707, 0.00849)),
        ((505, 521), (516, 521), (-0.04050, -0.00385)),
        ((521, 521), (521, 521), (-0.00732, 0.00732)),
    ],
)
def test_newcombe(candidate: tuple, baseline: tuple, limits: tuple) -> None:
    assert stats.newcombe(candidate, baseline) == pytest.approx(limits, abs=5e-5)


def test_newcombe_lower() -> None:
    assert stats.newcombe((516, 521), (518, 521), alpha=0.05)[0] == pytest.approx(-0.01440, abs=5e-6)


def test_newcombe_of_clustered_jobs() -> None:
    alpha = 0.04043
    worth = stats.effective_n(1280, deff=1.6, df=38, alpha=alpha)
    low, high = stats.newcombe((1264 / 1280 * worth, worth), (1267 / 1280 * worth, worth), alpha=alpha)
    assert (low, high) == pytest.approx((-0.01271, 0.00778), abs=5e-6)


def test_the_design_effect_of_unequal_blocks() -> None:
    assert stats.design_effect([5, 5, 3, 5], [5, 5, 5, 5]) == pytest.approx(2.2222, abs=5e-5)


@pytest.mark.parametrize("hits", [[5, 5, 5], [0, 0, 0], [4, 4, 4]])
def test_blocks_that_agree_have_no_design_effect(hits: list[int]) -> None:
    assert stats.design_effect(hits, [5, 5, 5]) == 1.0


def test_one_block_shows_no_spread_between_blocks() -> None:
    with pytest.raises(ValueError, match="at least two"):
        stats.design_effect([4], [5])


def test_the_effective_sample_size() -> None:
    assert stats.effective_n(1, deff=1, df=38, alpha=0.05) == pytest.approx(0.95184, abs=5e-6)
    assert math.floor(stats.effective_n(1200, deff=2.2, df=38, alpha=0.05)) == 519


@pytest.mark.parametrize(("n", "high"), [(100, 1.11224), (521, 1.05941), (1200, 1.04869)])
def test_the_upper_limit_of_a_ratio_of_p95s(n: int, high: float) -> None:
    baseline = 9 * np.exp(0.12 * ndtri((np.arange(1, n + 1) - 0.5) / n))
    found = ratio_of(baseline * 1.03, baseline)
    assert found.high == pytest.approx(high, abs=5e-6)
    assert ratio_of(baseline, baseline * 1.03).low == pytest.approx(1 / high, abs=5e-6)


def test_a_ratio_of_too_few_has_no_limit_on_the_side_that_needs_them() -> None:
    few, many = np.full(10, 9.0), np.full(100, 9.0)
    assert ratio_of(few, many) == Limits(low=1.0, high=None)
    assert ratio_of(many, few) == Limits(low=None, high=1.0)


def ratio_of(candidate: np.ndarray, baseline: np.ndarray) -> Limits:
    arms = (candidate, baseline)
    points = tuple(stats.quantile(arm, 0.95) for arm in arms)
    return stats.ratio_limits(points, tuple(stats.quantile_limits(arm, arm, 0.95, alpha=0.05) for arm in arms))


def test_block_t() -> None:
    differences = [0.05, 0.02, -0.01, 0.04, 0.03, 0, 0.06, 0.02]
    low, high = stats.block_t(differences, alpha=0.05)
    assert (low + high) / 2 == pytest.approx(0.02625)
    assert math.exp(high) == pytest.approx(1.04314, abs=5e-6)


@pytest.mark.parametrize(("q", "value"), [(0.5, 3.0), (0.51, 4.0), (0.95, 6.0), (0.01, 1.0), (0.0, 1.0)])
def test_a_quantile_is_the_value_at_rank_ceil_of_q_n(q: float, value: float) -> None:
    assert stats.quantile([6, 1, 4, 2, 3, 5], q) == value


def test_a_failure_counts_as_longer_than_everything() -> None:
    assert stats.quantile([1.0, math.inf, 2.0], 0.5) == 2.0
    assert stats.quantile([1.0, math.inf, math.inf], 0.5) == math.inf
    assert stats.quantile([], 0.5) is None


def test_limits_come_from_the_pessimistic_end_of_each_bracket() -> None:
    low = np.arange(1.0, 21.0)
    assert stats.quantile_limits(low, low + 0.5, 0.5) == Limits(6.0, 15.5)
    assert stats.quantile_limits(low[::-1], low[::-1] + 0.5, 0.5) == Limits(6.0, 15.5)


def test_limits_of_clustered_jobs_are_wider() -> None:
    values = np.arange(1.0, 101.0)
    assert stats.quantile_limits(values, values, 0.5) == Limits(40.0, 61.0)
    assert stats.quantile_limits(values, values, 0.5, n_star=20.4) == Limits(29.0, 74.0)
    assert stats.quantile_limits(values, values, 0.95, n_star=20.4) == Limits(83.0, None)
    assert stats.quantile_limits(values, values, 0.5, n_star=5.9) == Limits(None, None)
