"""What must hold for every sample, not only for the worked ones."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from analysis import stats

QUANTILES = st.sampled_from([0.05, 0.5, 0.9, 0.95, 0.99])
SECONDS = st.floats(0.01, 1e4, allow_nan=False) | st.just(math.inf)
SAMPLES = st.lists(SECONDS, min_size=1, max_size=200)
COUNTS = st.integers(1, 3000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(st.integers(1, 2000), QUANTILES, st.sampled_from([0.025, 0.05, 0.01211]))
def test_ranks_are_inside_the_sample_in_order_and_keep_their_promise(n: int, q: float, alpha: float) -> None:
    ranks = stats.quantile_ranks(n, q, alpha=alpha)
    at_rank = max(1, math.ceil(q * n))
    if ranks.low is not None:
        assert 1 <= ranks.low <= at_rank
        assert binomial_at_most(ranks.low - 1, n, q) < alpha
    if ranks.high is not None:
        assert at_rank <= ranks.high <= n
        assert binomial_at_most(ranks.high - 1, n, q) >= 1 - alpha
    assert (ranks.low is None) is ((1 - q) ** n >= alpha)
    assert (ranks.high is None) is (1 - q**n < 1 - alpha)


@given(SAMPLES, QUANTILES)
def test_a_quantile_lies_between_its_limits_and_is_a_value_of_the_sample(values: list[float], q: float) -> None:
    point = stats.quantile(values, q)
    limits = stats.quantile_limits(values, values, q)
    assert point in values
    assert limits.low is None or limits.low <= point
    assert limits.high is None or limits.high >= point


@given(SAMPLES, QUANTILES, st.randoms())
def test_the_order_of_the_jobs_does_not_matter(values: list[float], q: float, random) -> None:
    shuffled = random.sample(values, len(values))
    assert stats.quantile(values, q) == stats.quantile(shuffled, q)
    assert stats.quantile_limits(values, values, q) == stats.quantile_limits(shuffled, shuffled, q)


@given(COUNTS)
def test_a_rates_limits_hold_it_and_stay_between_0_and_1(counts: tuple[int, int]) -> None:
    good, n = counts
    for low, high in (stats.wilson(good, n), stats.clopper_pearson(good, n)):
        assert 0 <= low <= good / n + 1e-12
        assert good / n - 1e-12 <= high <= 1


@given(COUNTS)
def test_failures_and_successes_are_mirror_images(counts: tuple[int, int]) -> None:
    good, n = counts
    low, high = stats.wilson(good, n)
    assert np.allclose(stats.wilson(n - good, n), (1 - high, 1 - low))


@given(COUNTS, COUNTS)
def test_a_difference_turns_its_sign_with_its_arms(a: tuple[int, int], b: tuple[int, int]) -> None:
    low, high = stats.newcombe(a, b)
    assert low - 1e-12 <= a[0] / a[1] - b[0] / b[1] <= high + 1e-12
    assert np.allclose(stats.newcombe(b, a), (-high, -low))


@given(
    st.lists(st.integers(1, 30).flatmap(lambda m: st.tuples(st.integers(0, m), st.just(m))), min_size=2, max_size=30)
)
def test_blocks_never_make_a_sample_worth_more_than_it_is(blocks: list[tuple[int, int]]) -> None:
    hits, sizes = zip(*blocks, strict=True)
    deff = stats.design_effect(hits, sizes)
    n = sum(sizes)
    assert deff >= 1
    assert stats.effective_n(n, deff=deff, df=len(blocks) - 1, alpha=0.05) <= n


def binomial_at_most(k: int, n: int, q: float) -> float:
    """Summed term by term, in logarithms."""
    terms = (
        math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1) + i * math.log(q) + (n - i) * math.log(1 - q)
        for i in range(k + 1)
    )
    return math.fsum(math.exp(term) for term in terms)
