"""The blended cost of traffic that nobody has seen, told from a measured campaign, against what it is then billed."""

import pytest

from analysis.traffic.profile import Curve
from analysis.traffic.replay import Setting
from benchmarks.blended import BACKENDS, SMALL_RUN, WITHIN, Case, Forecast, forecasts

BURSTY = Case(
    name="bursty: three workers come and go",
    setting=Setting(window_s=10, max_workers=3, bound=False),
    curve=Curve(per_day=24 * 220),
    hours=1,
    seed=1,
)
ONE = Case(
    name="one worker",
    setting=Setting(window_s=10, max_workers=1, bound=False),
    curve=Curve(per_day=24 * 130),
    hours=1,
    seed=2,
)
BUSY_THEN_QUIET = Case(
    name="three workers, a busy hour and a quiet one",
    setting=Setting(window_s=30, max_workers=3, bound=False),
    curve=Curve(per_day=12 * 130, weights=(2.0, 1.0) * 12),
    hours=2,
    seed=3,
)
CASES = (BURSTY, ONE, BUSY_THEN_QUIET)
CAMPAIGN = [SMALL_RUN | {"warm": 24}] * 3  # of few jobs the share of good images alone may be 4 % off


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[Case, list[Forecast]]:
    return forecasts(tmp_path_factory.mktemp("traces"), CASES, campaign=CAMPAIGN)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_blended_cost_of_a_trace_never_seen_is_within_5_percent_of_what_it_is_billed(case: Case, found) -> None:
    assert [each.backend for each in found[case]] == list(BACKENDS)
    requests = len(case.trace.offsets_s)
    for each in found[case]:
        assert each.requests == requests
        assert each.boots >= requests // 10, "enough lives that boots and windows count"
        assert abs(each.error) <= WITHIN, each
