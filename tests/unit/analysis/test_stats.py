"""Every estimator against worked values: computed for the method's definition, not by this code."""

import math
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.special import bdtr, ndtri

from analysis import stats
from analysis.stats import Limits, Ranks

ROOT = Path(__file__).parents[3]

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


# n, q; the exact confidence of its two ranks.
CONFIDENCES = [
    (20, 0.5, 0.9586), (59, 0.5, 0.9637), (72, 0.5, 0.9556), (73, 0.5, 0.9656), (100, 0.5, 0.9648), (300, 0.5, 0.9569),
    (521, 0.5, 0.9562), (1000, 0.5, 0.9537), (72, 0.95, 0.9655), (73, 0.95, 0.9659), (100, 0.95, 0.9826),
    (300, 0.95, 0.9672), (521, 0.95, 0.9563), (1000, 0.95, 0.9581),
]  # fmt: skip


@pytest.mark.parametrize(("n", "q", "confidence"), CONFIDENCES)
def test_ranks_hold_a_quantile_with_their_exact_confidence(n: int, q: float, confidence: float) -> None:
    ranks = stats.quantile_ranks(n, q)
    assert bdtr(ranks.high - 1, n, q) - bdtr(ranks.low - 1, n, q) == pytest.approx(confidence, abs=5e-5)


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


@pytest.mark.parametrize(
    ("n", "deff", "factor", "more"),
    [(58, 1.0, 1.0, 14), (72, 1.0, 1.0, 0), (80, 1.0, 1.0, 0), (60, 2.2, 1.0, 27), (60, 2.2, 0.8, 33)],
)
def test_what_is_withheld_says_how_many_more(n: int, deff: float, factor: float, more: int) -> None:
    assert stats.needs(n, 72, deff=deff, factor=factor) == more


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
    assert stats.quantile_limits(values, values, 0.5, n_star=20.4) == Limits(30.0, 75.0)
    assert stats.quantile_limits(values, values, 0.95, n_star=20.4) == Limits(85.0, None)
    assert stats.quantile_limits(values, values, 0.5, n_star=5.9) == Limits(None, None)


# ---------------------------------------------------------------- money


def costs(*ratios: float) -> list[tuple[float, float]]:
    return [(ratio * 100, 100.0) for ratio in ratios]


def test_a_saving_is_known_by_what_each_block_changes() -> None:
    """theta of a mean of logs: then the jackknife is exactly the t interval of that mean."""
    logs = np.array([-0.2, -0.25, -0.15, -0.3, -0.22, -0.1, -0.28, -0.18])
    total, blocks = logs.sum(), logs.size
    without = costs(*np.exp((total - logs) / (blocks - 1)))
    found = stats.saving(costs(math.exp(logs.mean()))[0], without)
    low, high = stats.block_t(logs, alpha=0.05)
    assert found.point == pytest.approx(1 - math.exp(logs.mean()))
    assert found.limits(alpha=0.05) == pytest.approx((1 - math.exp(high), 1 - math.exp(low)))
    assert found.df == 7


def test_the_chance_of_a_saving_agrees_with_its_limits() -> None:
    found = stats.Saving(theta=math.log(0.8), se=0.06, df=11)
    low, high = found.limits(alpha=0.05)
    assert (found.chance_above(low), found.chance_above(high)) == pytest.approx((0.95, 0.05))
    assert found.chance_above(0.2) == pytest.approx(0.5)


def test_a_saving_without_spread_is_certain() -> None:
    found = stats.saving((80, 100), costs(0.8, 0.8, 0.8))
    assert (found.chance_above(0.19), found.chance_above(0.21)) == (1.0, 0.0)
    assert found.limits() == pytest.approx((0.2, 0.2))


def test_a_cost_that_no_bill_can_tell_widens_both_limits() -> None:
    tight, slack = (stats.saving((80, 100), costs(0.79, 0.8, 0.82), slack=slack) for slack in (0.0, 0.05))
    (low, high), (lower, higher) = tight.limits(), slack.limits()
    assert (1 - lower, 1 - higher) == pytest.approx(((1 - low) * math.exp(0.05), (1 - high) * math.exp(-0.05)))


def test_what_no_spread_tells_opens_one_limit_alone() -> None:
    plain = stats.Saving(theta=math.log(0.8), se=0.06, df=11)
    low, high = plain.limits(alpha=0.05)

    worse, better = replace(plain, worse=0.1), replace(plain, better=0.2)
    assert worse.limits(alpha=0.05) == pytest.approx((1 - (1 - low) * math.exp(0.1), high))
    assert better.limits(alpha=0.05) == pytest.approx((low, 1 - (1 - high) * math.exp(-0.2)))
    assert worse.point == better.point == plain.point


def test_one_block_shows_no_spread_of_a_saving() -> None:
    with pytest.raises(ValueError, match="at least two"):
        stats.saving((80, 100), costs(0.8))


def test_the_jackknife_of_a_mean_is_students_interval() -> None:
    values = np.array([4.0, 5.5, 3.2, 6.1, 4.9, 5.0])
    without = (values.sum() - values) / 5
    assert stats.jackknife_se(without) == pytest.approx(values.std(ddof=1) / math.sqrt(6))
    assert stats.jackknife(float(values.mean()), without, alpha=0.05) == pytest.approx(
        stats.block_t(values, alpha=0.05)
    )
    assert stats.jackknife(10.0, without) == pytest.approx(
        tuple(10 - values.mean() + np.array(stats.block_t(values, alpha=0.025)))
    )
    with pytest.raises(ValueError, match="at least two"):
        stats.jackknife_se([1.0])


def test_the_error_of_a_sum_is_that_of_its_parts_beside_what_is_known_of_them() -> None:
    values = np.array([4.0, 5.5, 3.2, 6.1, 4.9, 5.0])
    left = stats.residuals(values, np.ones(6))
    assert left == pytest.approx(values - values.mean())
    assert stats.sum_se(left, fitted=1) == pytest.approx(values.std(ddof=1) * math.sqrt(6))
    length, requests = np.array([1.0, 1, 1, 2]), np.array([3.0, 5, 4, 9])
    assert stats.residuals(2 * length + 3 * requests, length, requests) == pytest.approx(np.zeros(4), abs=1e-12)
    assert stats.sum_se([1.0, -1.0], fitted=2) == 0


def test_what_a_replay_leaves_open_adds_to_what_the_blocks_do() -> None:
    pairs = costs(0.79, 0.8, 0.82)
    alone, more = stats.saving((80, 100), pairs), stats.saving((80, 100), pairs, chance=0.05)
    assert more.se == pytest.approx(math.hypot(alone.se, 0.05))
    low, high = stats.jackknife(3.0, [1.0, 1.0, 1.0], chance=0.5)
    assert (high - 3, 3 - low) == pytest.approx((0.5 * 4.30265, 0.5 * 4.30265), rel=1e-5)


# ---------------------------------------------------------------- mixtures


def test_a_weighted_quantile_of_equal_weights_is_the_quantile() -> None:
    values = [6.0, 1.0, 4.0, 2.0, 3.0, 5.0]
    for q in (0.01, 0.5, 0.51, 2 / 3, 0.95, 1.0):
        assert stats.weighted_quantile(values, [1 / 6] * 6, q) == stats.quantile(values, q)


def test_weight_counts_as_often() -> None:
    assert stats.weighted_quantile([1.0, 9.0], [0.94, 0.06], 0.95) == 9.0
    assert stats.weighted_quantile([1.0, 9.0], [0.96, 0.04], 0.95) == 1.0
    assert stats.weighted_quantile([9.0, 1.0, 5.0], [0.2, 0.5, 0.3], 0.7, side="below") == 1.0
    assert stats.weighted_quantile([9.0, 1.0, 5.0], [0.2, 0.5, 0.3], 0.8, side="below") == 5.0
    assert stats.weighted_quantile([9.0, 1.0], [0.5, 0.5], 0.2, side="below") == 1.0


@pytest.mark.parametrize(("q", "n_star"), [(0.5, 100.0), (0.5, 20.4), (0.95, 100.0), (0.95, 20.4), (0.5, 5.9)])
def test_weighted_limits_of_equal_weights_are_those_of_ranks(q: float, n_star: float) -> None:
    values = np.arange(1.0, 101.0)
    found = stats.weighted_limits((values, values + 0.5, np.full(100, 0.01)), q, n_star=n_star)
    assert found == stats.quantile_limits(values, values + 0.5, q, n_star=n_star)


def test_infinite_points_bound_a_ratio_on_their_own_side_only() -> None:
    fine, broken = Limits(8.0, 10.0), Limits(20.0, math.inf)
    assert stats.ratio_limits((math.inf, 9.0), (broken, fine)) == Limits(None, math.inf)
    assert stats.ratio_limits((9.0, math.inf), (fine, broken)) == Limits(0.0, None)
    assert stats.ratio_limits((25.0, 9.0), (broken, fine)).high == math.inf


# ---------------------------------------------------------------- tests and tolerance


def test_holm() -> None:
    assert stats.holm([0.012, 0.03, 0.04, 0.20]) == pytest.approx([0.048, 0.09, 0.09, 0.20])
    assert stats.holm([0.20, 0.04, 0.012, 0.03]) == pytest.approx([0.20, 0.09, 0.048, 0.09])
    assert stats.holm([0.9, 0.8]) == [1.0, 1.0]
    assert stats.holm([]) == []


@pytest.mark.parametrize(("wins", "n", "p"), [(108, 215, 0.0023), (105, 230, 0.0469), (104, 230, 0.0615)])
def test_equivalence_of_votes(wins: int, n: int, p: float) -> None:
    assert stats.tost_exact(wins, n) == pytest.approx(p, abs=5e-5)
    assert stats.tost_exact(n - wins, n) == pytest.approx(p, abs=5e-5)


def test_votes_that_prove_equivalence() -> None:
    passes = [wins for wins in range(231) if stats.tost_exact(wins, 230) <= 0.05]
    assert passes == list(range(105, 126))


@pytest.mark.parametrize(("n", "power"), [(215, 0.781), (230, 0.834)])
def test_equal_images_are_found_equal_by_so_many_votes(n: int, power: float) -> None:
    passes = [wins for wins in range(n + 1) if stats.tost_exact(wins, n) <= 0.05]
    assert bdtr(passes[-1], n, 0.5) - bdtr(passes[0] - 1, n, 0.5) == pytest.approx(power, abs=2e-3)


def test_votes_with_ties_are_scores() -> None:
    scores = [1.0] * 80 + [0.5] * 70 + [0.0] * 80
    half = 1.6515 * np.std(scores, ddof=1) / math.sqrt(230)
    assert half < 0.1
    assert stats.tost(scores) < 0.05
    assert stats.tost([*[1.0] * 110, *[0.5] * 70, *[0.0] * 50]) > 0.05
    assert stats.tost(scores) == pytest.approx(stats.tost([1 - score for score in scores]))
    assert stats.tost([0.5] * 10) == 0.0
    assert stats.tost([1.0] * 10) == 1.0


def test_t_equivalence_at_its_edge_is_an_interval_inside_the_margin() -> None:
    """p = alpha exactly where the one-sided limit touches the margin."""
    scores = np.array([1.0] * 70 + [0.5] * 60 + [0.0] * 60)
    _, high = stats.block_t(scores, alpha=0.05)
    assert stats.tost(scores, margin=high - 0.5) == pytest.approx(0.05)


def test_a_tolerance_limit_takes_59() -> None:
    assert stats.tolerance_limit(np.linspace(0, 0.1, 58)) is None
    assert stats.tolerance_limit(np.linspace(0, 0.1, 59)) == pytest.approx(0.1)
    assert 1 - 0.95**59 > 0.95 > 1 - 0.95**58


def test_four_of_sixty_pairs_may_exceed_it() -> None:
    """Then at most 15 % do, with confidence 95 %."""
    uppers = [stats.clopper_pearson(exceeders, 60, alpha=0.05)[1] for exceeders in range(7)]
    assert [upper <= 0.15 for upper in uppers] == [True] * 5 + [False] * 2
    assert [bdtr(4, 60, beyond) for beyond in (0.15, 0.30)] == pytest.approx([0.042, 0.000], abs=5e-4)


# ---------------------------------------------------------------- alone in this


def test_nothing_else_computes_an_interval() -> None:
    """Whoever needs a normal or a t quantile computes one: they are in these modules alone."""
    mine = {"stats", "estimates", "looks", "planning", "eviction", "prospects"}  # the last one: chances
    houses = ("analysis", "backends", "cli", "collectors", "pages", "storage", "ui", "workflows")
    others = [path for house in houses for path in (ROOT / house).rglob("*.py") if path.stem not in mine]
    found = re.compile(r"scipy|statsmodels|NormalDist|\b(?:1\.96|1\.64|2\.576|1\.645)\b|\bstdev\b|\.sem\(")
    assert len(others) > 50
    assert [path.name for path in others if found.search(path.read_text(encoding="utf-8"))] == []


def test_the_web_does_not_load_the_slow_half_of_scipy() -> None:
    code = "import sys, analysis.estimates, analysis.looks, analysis.planning, analysis.eviction; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert not {"scipy.stats", "scipy.optimize", "statsmodels"} & set(loaded.split())
