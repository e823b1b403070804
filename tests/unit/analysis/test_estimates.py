"""What jobs in blocks say, and what is withheld: composed from estimators that are proven in test_stats."""

import math

import numpy as np
import pytest

from analysis import estimates, stats
from analysis.estimates import Blend, Counts, Jobs
from analysis.stats import Limits

RNG = np.random.default_rng(8)


def jobs(blocks: int, each: int, *, between: float = 0.0, scale: float = 9.0, seed: int = 3) -> Jobs:
    dice = np.random.default_rng(seed)
    shifts = np.repeat(dice.normal(0, between, blocks), each)
    values = scale * np.exp(shifts + dice.normal(0, 0.12, blocks * each))
    return Jobs.exact(values, np.repeat(np.arange(blocks), each))


# ---------------------------------------------------------------- quantiles


def test_a_quantile_is_bounded_at_what_its_jobs_are_worth() -> None:
    arm = jobs(20, 60, between=0.05)
    found = estimates.quantile(arm, 0.95, alpha=0.05)
    slow = (arm.high <= found.point).reshape(20, 60).sum(axis=1)
    deff = stats.design_effect(slow.tolist(), [60] * 20)
    worth = stats.effective_n(1200, deff=deff, df=19, alpha=0.05)
    assert deff > 2
    assert found.deff == deff
    assert found.limits == stats.quantile_limits(arm.low, arm.high, 0.95, alpha=0.05, n_star=worth)
    assert (found.n, found.blocks, found.withheld, found.claims) == (1200, 20, None, True)


def test_a_quantile_of_ranges_counts_the_end_of_each() -> None:
    exact = jobs(8, 20)
    ranges = Jobs(low=exact.low - 1, high=exact.high + 1, block=exact.block)
    narrow, wide = (estimates.quantile(arm, 0.5) for arm in (exact, ranges))
    assert wide.limits.low == pytest.approx(narrow.limits.low - 1)
    assert wide.limits.high == pytest.approx(narrow.limits.high + 1)


def test_below_five_blocks_there_is_no_interval_and_below_eight_no_claim() -> None:
    four, five, seven, eight = (estimates.quantile(jobs(blocks, 40), 0.5) for blocks in (4, 5, 7, 8))
    assert (four.limits, four.withheld, four.claims) == (Limits(None, None), "needs 1 more block", False)
    assert four.point is not None
    assert five.limits.high is not None
    assert [each.claims for each in (five, seven, eight)] == [False, False, True]


def test_what_is_too_few_says_how_many_more_at_what_a_job_is_worth() -> None:
    found = estimates.quantile(jobs(10, 7), 0.95, alpha=0.05)
    factor = stats.few_clusters(9, alpha=0.05)
    worth = math.floor(70 * factor / found.deff)
    assert found.limits.high is None
    assert found.needs_jobs == math.ceil((59 - worth) * found.deff / factor)
    assert found.withheld == f"needs {found.needs_jobs} more"
    more = 70 + found.needs_jobs
    assert math.floor(more * factor / found.deff) == 59


def test_where_hosts_differ_more_jobs_on_the_same_ones_are_not_asked_for() -> None:
    values = np.repeat(np.exp(np.linspace(-0.4, 0.4, 10)), 12)
    found = estimates.quantile(Jobs.exact(values, np.repeat(np.arange(10), 12)), 0.9)
    assert found.deff > estimates.HOSTS_MATTER
    assert found.withheld == f"needs {found.needs_jobs} more, other hosts"


def test_nothing_has_no_quantile() -> None:
    found = estimates.quantile(Jobs.exact([], []), 0.5)
    assert (found.point, found.limits, found.withheld) == (None, Limits(None, None), "needs 5 more blocks")


def test_a_ratio_of_quantiles_is_movers_with_the_degrees_of_freedom_of_both_arms() -> None:
    candidate, baseline = jobs(20, 60, scale=9.9, seed=4), jobs(20, 60, seed=5)
    found = estimates.quantile_ratio(candidate, baseline, 0.95, alpha=0.05)
    points, limits = [], []
    for arm in (candidate, baseline):
        point = stats.quantile(arm.high, 0.95)
        hits = (arm.high <= point).reshape(20, 60).sum(axis=1).tolist()
        worth = stats.effective_n(1200, deff=stats.design_effect(hits, [60] * 20), df=38, alpha=0.05)
        points.append(point)
        limits.append(stats.quantile_limits(arm.low, arm.high, 0.95, alpha=0.05, n_star=worth))
    assert found.point == pytest.approx(points[0] / points[1])
    assert found.limits == stats.ratio_limits(tuple(points), tuple(limits))
    assert found.limits.low < 1.1 < found.limits.high


def test_a_ratio_needs_what_its_weaker_arm_needs() -> None:
    found = estimates.quantile_ratio(jobs(20, 60), jobs(8, 6), 0.95, alpha=0.05)
    assert found.needs_jobs == estimates.quantile_ratio(jobs(8, 60), jobs(8, 6), 0.95, alpha=0.05).needs_jobs > 0
    assert (found.n, found.blocks) == (48, 8)
    assert found.withheld is not None


def test_an_arm_whose_slowest_twentieth_failed_has_an_unbounded_ratio() -> None:
    broken, fine = jobs(10, 60), jobs(10, 60, seed=9)
    failed = np.where(np.arange(600) % 10 == 0, math.inf, broken.high)
    broken = Jobs(low=failed, high=failed, block=broken.block)
    up = estimates.quantile_ratio(broken, fine, 0.95, alpha=0.05)
    assert (up.point, up.limits) == (math.inf, Limits(None, math.inf))
    down = estimates.quantile_ratio(fine, broken, 0.95, alpha=0.05)
    assert (down.point, down.limits) == (None, Limits(0.0, None))


def test_relative_latency_takes_out_what_a_block_does_to_both_arms() -> None:
    arm, reference = jobs(6, 30, seed=1), jobs(6, 30, seed=2)
    slower = np.repeat([1.0, 2.0, 0.5, 1.3, 3.0, 0.7], 30)
    calm = estimates.relative(arm, reference)
    shaken = estimates.relative(
        Jobs(low=arm.low * slower, high=arm.high * slower, block=arm.block),
        Jobs.exact(reference.high * slower, reference.block),
    )
    assert np.allclose(calm.high, shaken.high)
    first = arm.high[:30] / stats.quantile(reference.high[:30], 0.5)
    assert np.allclose(calm.high[:30], first)


def test_a_job_whose_block_has_no_baseline_is_left_out() -> None:
    arm, reference = jobs(6, 30), jobs(6, 30)
    found = estimates.relative(arm, reference.where(reference.block != 2))
    assert found.n == 150
    assert 2 not in found.block


# ---------------------------------------------------------------- the blend


def blend(share: float | tuple[float, float, float], *, blocks: int = 20, **more) -> Blend:
    shares = share if isinstance(share, tuple) else (share, share, share)
    return Blend(cold=jobs(blocks, 4, scale=54.0, seed=6), warm=jobs(blocks, 60), cold_share=shares, **more)


def test_a_blend_without_cold_jobs_is_the_warm_quantile() -> None:
    mixed, warm = estimates.blended_quantile(blend(0.0), 0.95), estimates.quantile(jobs(20, 60), 0.95)
    assert mixed.point == warm.point
    assert mixed.limits.low == pytest.approx(warm.limits.low, rel=0.01)
    assert mixed.limits.high == pytest.approx(warm.limits.high, rel=0.01)


def test_a_blend_of_measured_proportions_is_the_quantile_of_all_jobs() -> None:
    mixed = blend(4 / 64)
    found = estimates.blended_quantile(mixed, 0.9)
    together = np.concatenate([mixed.cold.high, mixed.warm.high])
    assert found.point == stats.quantile(together, 0.9)
    assert found.n == 1280


def test_the_blends_variance_is_that_of_the_classes_block_sums() -> None:
    mixed = blend(0.08)
    found = estimates.blended_quantile(mixed, 0.9)
    apart = np.zeros(20)
    for arm, part in ((mixed.cold, 0.08), (mixed.warm, 0.92)):
        hit = (arm.high <= found.point).astype(float)
        for b in range(20):
            apart[b] += part * (hit[arm.block == b] - hit.mean()).sum() / arm.n
    variance = 20 / 19 * (apart**2).sum()
    assert found.deff == pytest.approx(max(1.0, variance * 1280 / 0.09))


def test_a_blends_limits_are_those_of_the_weighted_jobs_at_what_they_are_worth() -> None:
    mixed = blend(0.08, blocks=6)
    found = estimates.blended_quantile(mixed, 0.5)
    values = np.concatenate([mixed.cold.high, mixed.warm.high])
    weights = np.concatenate([np.full(24, 0.08 / 24), np.full(360, 0.92 / 360)])
    worth = stats.effective_n(384, deff=found.deff, df=5, alpha=0.025)
    assert found.limits == stats.weighted_limits((values, values, weights), 0.5, n_star=worth)


def test_each_limit_of_a_blend_takes_the_end_of_the_cold_share_that_is_worse_for_it() -> None:
    few, some, many = (estimates.blended_quantile(blend(share), 0.9) for share in (0.02, 0.05, 0.2))
    unsure = estimates.blended_quantile(blend((0.02, 0.05, 0.2)), 0.9)
    assert unsure.point == some.point
    assert unsure.limits == Limits(few.limits.low, many.limits.high)


def test_a_wait_moves_the_class_that_waits() -> None:
    still = estimates.blended_quantile(blend(0.02), 0.5)
    all_wait = estimates.blended_quantile(blend(0.02, warm_waits=[5.0], cold_waits=[5.0]), 0.5)
    assert all_wait.point == pytest.approx(still.point + 5.0)
    some_wait = estimates.blended_quantile(blend(0.0, warm_waits=[0.0, 0.0, 0.0, 100.0]), 0.7)
    assert some_wait.point == pytest.approx(stats.quantile(jobs(20, 60).high, 0.7 / 0.75), rel=0.01)


def test_a_blend_of_few_blocks_is_withheld() -> None:
    found = estimates.blended_quantile(blend(0.1, blocks=4), 0.95)
    assert (found.limits, found.withheld) == (Limits(None, None), "needs 1 more block")


def test_the_ratio_of_blends_is_movers() -> None:
    candidate, baseline = blend(0.2), blend(0.03)
    found = estimates.blended_ratio(candidate, baseline, 0.9, alpha=0.05)
    assert found.point == pytest.approx(
        estimates.blended_quantile(candidate, 0.9).point / estimates.blended_quantile(baseline, 0.9).point
    )
    assert found.limits.low < found.point < found.limits.high
    assert found.limits.low > 3


# ---------------------------------------------------------------- rates


def test_a_rate_in_blocks_is_wilsons_at_what_it_is_worth() -> None:
    counts = Counts(good=[60, 60, 60, 40, 60, 59], of=[60] * 6)
    found = estimates.rate(counts)
    deff = stats.design_effect(counts.good, counts.of)
    worth = stats.effective_n(360, deff=deff, df=5, alpha=0.025)
    assert found.limits == Limits(*stats.wilson(339 / 360 * worth, worth))
    assert found.limits.low < stats.wilson(339, 360)[0]
    assert found.point == pytest.approx(339 / 360)


@pytest.mark.parametrize(
    ("blocks", "each", "withheld"),
    [(4, 60, "needs 1 more block"), (5, 5, "needs 5 more"), (5, 6, None), (0, 0, "needs 5 more blocks")],
)
def test_a_rate_needs_thirty_jobs_in_five_blocks(blocks: int, each: int, withheld: str | None) -> None:
    found = estimates.rate(Counts(good=[each] * blocks, of=[each] * blocks))
    assert found.withheld == withheld
    assert (found.n, found.blocks, found.point) == (blocks * each, blocks, 1.0 if blocks else None)


def test_a_difference_of_rates_takes_the_larger_design_effect_of_both_arms() -> None:
    clean = Counts(good=[64] * 20, of=[64] * 20)
    rough = Counts(good=[64] * 16 + [56, 60, 62, 58], of=[64] * 20)
    deff = stats.design_effect(rough.good, rough.of)
    worth = stats.effective_n(1280, deff=deff, df=38, alpha=0.05)
    found = estimates.rate_difference(clean, rough, alpha=0.05)
    assert deff > 1
    assert found.deff == deff
    assert found.limits == Limits(*stats.newcombe((worth, worth), (rough.rate * worth, worth), alpha=0.05))
    assert found.point == pytest.approx(20 / 1280)


@pytest.mark.parametrize(
    ("blocks", "each", "withheld"),
    [(11, 60, "needs 1 more block"), (12, 8, "needs 4 more"), (12, 9, None), (20, 64, None)],
)
def test_a_difference_of_rates_needs_a_hundred_jobs_in_twelve_blocks(
    blocks: int, each: int, withheld: str | None
) -> None:
    arm = Counts(good=[each] * blocks, of=[each] * blocks)
    found = estimates.rate_difference(arm, Counts(good=[64] * 20, of=[64] * 20))
    assert found.withheld == withheld
    assert (found.limits.low is None) is (withheld is not None)
    assert found.point == 0


# ---------------------------------------------------------------- means and money


def test_a_ratio_of_means_is_block_t_on_logarithms() -> None:
    differences = [0.05, 0.02, -0.01, 0.04, 0.03, 0, 0.06, 0.02]
    base = np.repeat(np.exp(RNG.normal(3, 0.2, 8)), 5)
    candidate = Jobs.exact(base * np.exp(np.repeat(differences, 5)), np.repeat(np.arange(8), 5))
    found = estimates.mean_ratio(candidate, Jobs.exact(base, candidate.block), alpha=0.05)
    assert found.point == pytest.approx(math.exp(0.02625))
    assert found.limits.high == pytest.approx(1.04314, abs=5e-6)
    assert found.limits.low == pytest.approx(math.exp(2 * 0.02625) / found.limits.high)
    assert found.claims


def test_a_ratio_of_means_pairs_the_blocks_that_both_arms_have() -> None:
    candidate, baseline = jobs(10, 6, scale=9.9), jobs(10, 6)
    shared = baseline.where(baseline.block > 1)
    found = estimates.mean_ratio(candidate, shared)
    assert found.point == pytest.approx(1.1)
    assert found.blocks == 8


@pytest.mark.parametrize(
    ("blocks", "each", "withheld"), [(7, 9, "needs 1 more block"), (8, 4, "needs 8 more"), (8, 5, None)]
)
def test_a_ratio_of_means_needs_forty_jobs_in_eight_blocks(blocks: int, each: int, withheld: str | None) -> None:
    assert estimates.mean_ratio(jobs(blocks, each), jobs(20, 9)).withheld == withheld


def test_a_saving_needs_eight_blocks() -> None:
    found = stats.Saving(theta=math.log(0.8), se=0.05, df=7)
    eight = estimates.saving(found, alpha=0.05)
    assert eight.point == pytest.approx(0.2)
    assert eight.limits == Limits(*found.limits(alpha=0.05))
    seven = estimates.saving(stats.Saving(theta=math.log(0.8), se=0.05, df=6))
    assert (seven.limits, seven.withheld) == (Limits(None, None), "needs 1 more block")


def test_what_is_recomputed_without_each_block_has_a_jackknife_interval_in_its_own_scale() -> None:
    costs = np.array([0.90, 1.10, 1.00, 1.05, 0.95, 1.02, 0.98, 1.00])
    found = estimates.recomputed(2.0, costs.tolist(), alpha=0.05)
    low, high = stats.jackknife(math.log(2), np.log(costs), alpha=0.05)
    assert found.limits == Limits(math.exp(low), math.exp(high))
    assert (found.point, found.n, found.blocks, found.claims) == (2.0, 8, 8, True)
    shares = estimates.recomputed(0.03, [0.02, 0.04, 0.03, 0.05, 0.01], scale="share")
    assert shares.limits == Limits(0.0, stats.jackknife(0.03, [0.02, 0.04, 0.03, 0.05, 0.01])[1])
    assert estimates.recomputed(0.99, [0.98, 1.0, 0.9, 1.0, 1.0], scale="share").limits.high == 1


@pytest.mark.parametrize(
    ("least", "blocks", "withheld"),
    [(8, 7, "needs 1 more block"), (8, 8, None), (5, 4, "needs 1 more block"), (5, 5, None)],
)
def test_what_is_recomputed_needs_as_many_blocks_as_asked(least: int, blocks: int, withheld: str | None) -> None:
    found = estimates.recomputed(0.5, [0.5] * blocks, least=least)
    assert found.withheld == withheld
    assert (found.limits == Limits(None, None)) is (withheld is not None)
