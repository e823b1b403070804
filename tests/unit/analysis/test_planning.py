"""Sample sizes and the worth of knowing, against worked values."""

import math

import pytest

from analysis import planning, stats


@pytest.mark.parametrize(
    ("rate", "margin", "alpha", "power", "n"),
    [
        (0.99, 0.02, 0.05, 0.8, 422),
        (0.99, 0.02, 0.05, 0.9, 559),
        (0.99, 0.02, 0.025, 0.8, 545),
        (0.99, 0.02, 0.025, 0.9, 699),
        (0.99, 0.01, 0.05, 0.8, 1384),
        (0.995, 0.01, 0.05, 0.8, 852),
        (0.98, 0.02, 0.05, 0.8, 683),
        (0.95, 0.03, 0.05, 0.8, 683),
    ],
)
def test_jobs_to_show_that_a_rate_is_not_lower(rate: float, margin: float, alpha: float, power: float, n: int) -> None:
    assert planning.rate_n(rate, rate, margin=margin, alpha=alpha, power=power) == n


def test_jobs_in_blocks_are_multiplied_by_their_design_effect() -> None:
    deff = planning.cluster_deff(60, 0.05)
    assert deff == pytest.approx(3.95)
    assert planning.rate_n(0.99, 0.99, margin=0.02, deff=deff) == pytest.approx(422 * deff, abs=deff)


def test_a_better_candidate_needs_fewer_jobs_and_one_worse_by_the_margin_never_passes() -> None:
    assert planning.rate_n(0.98, 0.99, margin=0.02) < planning.rate_n(0.98, 0.98, margin=0.02)
    with pytest.raises(ValueError, match="never"):
        planning.rate_n(0.99, 0.97, margin=0.02)


@pytest.mark.parametrize(("candidate", "baseline"), [(0.99, 0.99), (0.97, 0.99), (0.5, 0.6), (1.0, 1.0), (0.99, 1.0)])
def test_the_restricted_rates_have_the_largest_likelihood_of_all_that_differ_so(
    candidate: float, baseline: float
) -> None:
    held = planning._restricted(candidate, baseline, -0.02)
    assert held[0] - held[1] == pytest.approx(-0.02)

    def likelihood(c: float) -> float:
        return sum(
            weight * math.log(rate)
            for weight, rate in ((candidate, c), (1 - candidate, 1 - c), (baseline, c + 0.02), (1 - baseline, 0.98 - c))
            if weight
        )

    best = max((i / 20000 for i in range(1, 19600)), key=likelihood)
    assert held[0] == pytest.approx(best, abs=1e-4)


@pytest.mark.parametrize(
    ("sd", "margin", "alpha", "power", "n"),
    [(0.12, 1.10, 0.05, 0.8, 88), (0.12, 1.10, 0.05, 0.9, 122), (0.35, 1.25, 0.05, 0.8, 136)],
)
def test_jobs_to_show_a_ratio_of_p95s(sd: float, margin: float, alpha: float, power: float, n: int) -> None:
    assert planning.quantile_ratio_n(sd, margin=margin, alpha=alpha, power=power) == n


def test_order_statistics_and_blocks_cost_more_jobs() -> None:
    dear = planning.quantile_ratio_n(0.12, margin=1.10, deff=planning.ORDER_STATISTICS_COST * 2)
    assert dear == pytest.approx(1.6 * 2 * 88, abs=4)


@pytest.mark.parametrize(("host", "icc", "deff"), [(0.0632, 0.0642, 4.78), (0.1020, 0.1563, 10.22)])
def test_jobs_of_one_host_are_slow_together(host: float, icc: float, deff: float) -> None:
    found = planning.quantile_icc(host, 0.12)
    assert found == pytest.approx(icc, abs=1.5e-4)
    assert planning.cluster_deff(60, found) == pytest.approx(deff, abs=0.01)


def test_hosts_that_do_not_differ_share_nothing() -> None:
    assert planning.quantile_icc(0.0, 0.12) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(("sd", "alpha", "blocks"), [(0.12, 0.05, 11), (0.12, 0.025, 13), (0.15, 0.05, 16)])
def test_blocks_to_show_a_saving(sd: float, alpha: float, blocks: int) -> None:
    assert planning.saving_blocks(sd, least=0.10, target=0.20, alpha=alpha, power=0.9) == blocks


def test_blocks_to_show_next_to_nothing_are_told_without_counting_up_to_them() -> None:
    """So many that the t and the normal distribution agree: ((z_.95 + z_.9) / effect in sd)^2."""
    assert planning.least_blocks(1e-5, 0.1, alpha=0.05, power=0.9) == pytest.approx(8.5638e8, rel=1e-4)
    assert planning.least_blocks(10.0, 0.1, alpha=0.05, power=0.9) == 2


@pytest.mark.parametrize(("z", "t", "c", "chance"), [(1.5, 0.6, 1.746, 0.5922), (2.0, 0.5, 1.678, 0.8750)])
def test_the_chance_that_a_gate_will_pass(z: float, t: float, c: float, chance: float) -> None:
    assert planning.predictive_power(z, t, c) == pytest.approx(chance, abs=5e-5)


@pytest.mark.parametrize(("mean", "sd", "worth"), [(200, 400, 79.12), (-500, 400, 20.23), (0, 1, 0.3989)])
def test_what_knowing_the_truth_is_worth(mean: float, sd: float, worth: float) -> None:
    assert planning.perfect_information(mean, sd) == pytest.approx(worth, abs=5e-3)


def test_the_gate_that_most_likely_fails_for_the_least_money_is_finished_first() -> None:
    prices, chances = [10.0, 10.0, 1.0, 3.0], [0.9, 0.2, 0.95, 1.0]
    assert planning.buying_order(prices, chances) == [1, 2, 0, 3]


@pytest.mark.parametrize(("saving", "months"), [(480, 5.71), (150, math.inf), (200, math.inf)])
def test_payback(saving: float, months: float) -> None:
    assert planning.payback_months(1600, saving, 200) == pytest.approx(months, abs=5e-3)


def test_the_sample_sizes_of_a_tolerance_limit_agree() -> None:
    assert stats.min_n_upper(0.95) == stats.TOLERANCE_PAIRS == 59
