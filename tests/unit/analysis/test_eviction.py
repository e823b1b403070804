"""From probes to the scaledown window, in worlds whose window is known."""

import math
from collections import Counter
from random import Random

import numpy as np
import pytest
from scipy import stats

from analysis.eviction import Drawn, Fixed, Probe, Withheld, probe_gaps, window_of

WINDOW_S = 300.0


def test_the_gaps_lie_around_the_window_each_as_often_and_in_a_seeds_order() -> None:
    gaps = probe_gaps(60.0, repeats=3, seed=7)
    assert Counter(gaps) == {60.0 * factor: 3 for factor in (0.5, 0.67, 0.8, 0.9, 1.1, 1.25, 1.5, 2.0)}
    assert gaps == probe_gaps(60.0, repeats=3, seed=7)
    assert gaps != probe_gaps(60.0, repeats=3, seed=8)
    assert gaps != sorted(gaps)
    assert len(probe_gaps(60.0)) == 64


def test_a_fixed_window_lies_between_the_longest_warm_gap_and_the_shortest_cold_one() -> None:
    found = window_of(probes_of(lambda: WINDOW_S))
    assert found == Fixed(n=64, low_s=270.0, high_s=WINDOW_S * 1.1)
    assert found.window_s == pytest.approx(WINDOW_S)


def test_both_ends_of_the_bracket_are_carried_on() -> None:
    chance = Fixed(n=64, low_s=270.0, high_s=330.0).cold_chance(42.0)
    assert chance.point == pytest.approx(0.030197, abs=5e-7)  # exp(-42/3600 x 300)
    assert (chance.low, chance.high) == pytest.approx((math.exp(-3.85), math.exp(-3.15)))


def test_a_window_longer_than_every_gap_has_no_middle_and_one_end() -> None:
    found = window_of([Probe(10.0, cold=False), Probe(20.0, cold=False)])
    assert found == Fixed(n=2, low_s=20.0, high_s=math.inf)
    assert found.window_s is None
    assert found.cold_chance(60.0) == (0.0, None, pytest.approx(math.exp(-1 / 3)))


def test_a_window_shorter_than_every_gap_is_bracketed_from_zero() -> None:
    found = window_of([Probe(10.0, cold=True), Probe(20.0, cold=True)])
    assert found == Fixed(n=2, low_s=0.0, high_s=10.0)
    assert found.window_s == 5.0
    assert found.cold_chance(60.0).high == 1.0


def test_no_probe_tells_nothing() -> None:
    assert window_of([]) == Withheld(n=0, needs=1, reason="no probe yet")


def test_overlapping_gaps_need_64_probes() -> None:
    probes = probes_of(lognormal(Random(1), 0.3))
    found = window_of(probes[:40])
    assert isinstance(found, Withheld)
    assert (found.n, found.needs) == (40, 24)
    assert "needs 24 more" in found.reason
    assert isinstance(window_of(probes[:63]), Withheld)
    assert isinstance(window_of(probes), Drawn)


def test_one_gap_that_was_warm_and_cold_is_an_overlap_and_can_be_fitted() -> None:
    probes = probes_of(lambda: WINDOW_S)
    at = next(i for i, probe in enumerate(probes) if probe.gap_s == 270.0)
    found = window_of([*probes[:at], Probe(270.0, cold=True), *probes[at + 1 :]])
    assert isinstance(found, Drawn)
    assert 270 < found.median_s < 330
    low, point, high = found.cold_chance(42.0)
    assert low < point < high


def test_one_gap_alone_tells_no_window() -> None:
    found = window_of([Probe(300.0, cold=i % 2 == 0) for i in range(64)])
    assert isinstance(found, Withheld)
    assert found.needs == 1


def test_capacity_that_goes_away_without_regard_to_the_gap_has_no_window() -> None:
    probes = [Probe(gap, cold=gap < WINDOW_S) for gap in probe_gaps(WINDOW_S)]
    found = window_of(probes)
    assert isinstance(found, Withheld)
    assert found.needs == 0


def test_a_drawn_window_is_told_by_its_median_and_how_sharply_it_ends() -> None:
    dice = Random(4)
    probes = [Probe(gap, cold=dice.random() < gone(gap, 300.0, 8.0)) for _ in range(40) for gap in probe_gaps(300.0)]
    found = window_of(probes)
    assert isinstance(found, Drawn)
    assert found.median_s == pytest.approx(300, rel=0.02)
    assert found.steepness == pytest.approx(8, rel=0.06)


def test_a_window_that_ends_anywhere_is_still_a_law() -> None:
    dice = Random(4)
    probes = [Probe(gap, cold=dice.random() < gone(gap, 300.0, 0.8)) for _ in range(40) for gap in probe_gaps(300.0)]
    found = window_of(probes)
    assert isinstance(found, Drawn)
    assert found.steepness == pytest.approx(0.8, rel=0.2)


def test_the_chance_of_a_cold_start_is_the_mean_over_the_law_of_the_window() -> None:
    law = Drawn(n=64, median_s=300.0, steepness=6.0, centre_s=250.0, covariance=np.diag([0.1, 1.0]))
    dice = np.random.default_rng(2)
    u = dice.random(400_000)
    windows = 300.0 * (u / (1 - u)) ** (1 / 6.0)
    for per_hour in (2.0, 20.0, 120.0):
        drawn = np.exp(-per_hour / 3600 * windows).mean()
        assert law.cold_chance(per_hour).point == pytest.approx(drawn, rel=0.01)


def test_the_limits_of_that_chance_follow_from_the_spread_of_the_fit() -> None:
    """The delta method, its slopes by finite differences."""
    covariance = np.array([[0.1, 0.05], [0.05, 1.0]])
    level, steepness, centre_s = -1.1, 6.0, 250.0

    def law(level: float, steepness: float) -> Drawn:
        median_s = centre_s * math.exp(-level / steepness)
        return Drawn(n=64, median_s=median_s, steepness=steepness, centre_s=centre_s, covariance=covariance)

    def logit_q(level: float, steepness: float) -> float:
        q = law(level, steepness).cold_chance(20.0).point
        return math.log(q / (1 - q))

    step = 1e-4
    slope = np.array(
        [
            logit_q(level + step, steepness) - logit_q(level - step, steepness),
            logit_q(level, steepness + step) - logit_q(level, steepness - step),
        ]
    ) / (2 * step)
    half = 1.998972 * math.sqrt(slope @ covariance @ slope)
    low, point, high = law(level, steepness).cold_chance(20.0)
    assert (math.log(low / (1 - low)), math.log(high / (1 - high))) == pytest.approx(
        (math.log(point / (1 - point)) - half, math.log(point / (1 - point)) + half), rel=1e-4
    )


LAWS = {
    "lognormal, sd .25": lambda dice: WINDOW_S * math.exp(dice.gauss(0, 0.25)),
    "gamma, cv .3": lambda dice: dice.gammavariate(1 / 0.3**2, WINDOW_S * 0.3**2),
    "uniform, 200 to 400 s": lambda dice: dice.uniform(200, 400),
}


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
def test_the_limits_hold_the_truth_of_a_window_drawn_anew_each_idle_period(law) -> None:
    dice, rates = Random(11), (6.0, 20.0, 42.0)
    drawn = np.array([law(dice) for _ in range(100_000)])
    truths = [float(np.exp(-per_hour / 3600 * drawn).mean()) for per_hour in rates]
    held = []
    for _ in range(800):
        found = window_of(probes_of(lambda: law(dice)))
        assert isinstance(found, Drawn)
        chances = [found.cold_chance(per_hour) for per_hour in rates]
        held.append([chance.low <= truth <= chance.high for chance, truth in zip(chances, truths, strict=True)])
    assert np.mean(held, axis=0) == pytest.approx(0.955, abs=0.02)  # .95 to .98, less what 800 may miss


def probes_of(window) -> list[Probe]:
    return [Probe(gap, cold=gap >= window()) for gap in probe_gaps(WINDOW_S)]


def lognormal(dice: Random, spread: float):
    return lambda: WINDOW_S * math.exp(dice.gauss(0, spread))


def gone(gap_s: float, median_s: float, steepness: float) -> float:
    return 1 / (1 + (gap_s / median_s) ** -steepness)


def test_after_a_gap_within_the_bracket_nothing_is_known() -> None:
    law = Fixed(n=9, low_s=290, high_s=310)
    found = {gap: law.cold_after(gap) for gap in (290, 300, 310)}
    assert found == {290: (0, 0, 0), 300: (0, None, 1), 310: (1, 1, 1)}


def test_the_chance_after_a_gap_is_the_law_with_limits_that_widen_away_from_the_probes() -> None:
    covariance = np.array([[0.1, 0.05], [0.05, 1.0]])
    law = Drawn(n=64, median_s=300.0, steepness=6.0, centre_s=250.0, covariance=covariance)
    found = law.cold_after(400.0)
    assert found.point == pytest.approx(gone(400.0, 300.0, 6.0))
    x = math.log(400 / 250)
    half = stats.t.ppf(0.975, 62) * math.sqrt(0.1 + 2 * 0.05 * x + x * x)
    ends = [1 / (1 + math.exp(-(6 * math.log(400 / 300) + sign * half))) for sign in (-1, 1)]
    assert (found.low, found.high) == pytest.approx(tuple(ends))
