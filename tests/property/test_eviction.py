"""Whatever the provider's window is, the probes bracket it."""

from hypothesis import given
from hypothesis import strategies as st

from analysis.eviction import GAPS, Fixed, Probe, probe_gaps, window_of


@given(
    st.floats(5, 3600),
    st.floats(0.3, 3),
    st.integers(1, 8),
    st.integers(0, 1000),
    st.lists(st.floats(0, 2), min_size=64, max_size=64),
)
def test_every_fixed_window_is_bracketed(
    window_s: float, factor: float, repeats: int, seed: int, late_s: list[float]
) -> None:
    """However late each job comes after its gap: what counts is the gap that was."""
    truth_s = window_s * factor
    gaps = [gap + late for gap, late in zip(probe_gaps(window_s, repeats=repeats, seed=seed), late_s, strict=False)]
    found = window_of([Probe(gap, cold=gap >= truth_s) for gap in gaps])
    assert isinstance(found, Fixed)
    assert found.low_s < truth_s <= found.high_s
    if GAPS[0] < factor < GAPS[-1]:
        assert found.low_s > 0 or min(gaps) >= truth_s
        assert found.window_s is not None


@given(st.floats(5, 3600), st.floats(0.5, 2, exclude_max=True), st.floats(0.1, 500))
def test_the_bracket_is_the_pair_of_gaps_around_the_window(window_s: float, factor: float, per_hour: float) -> None:
    truth_s = window_s * factor
    found = window_of([Probe(gap, cold=gap >= truth_s) for gap in probe_gaps(window_s)])
    assert isinstance(found, Fixed)
    assert found.high_s <= 1.5 * max(found.low_s, window_s * 0.5)
    low, point, high = found.cold_chance(per_hour)
    assert point is not None
    assert low <= point <= high
