"""The blended cost of traffic that nobody has seen, told from a measured campaign, against what it is then billed."""

from pathlib import Path

import pytest

from analysis.traffic.profile import Curve
from analysis.traffic.replay import Setting
from benchmarks.blended import BACKENDS, SMALL_RUN, WITHIN, Case, forecasts

REQUESTS = 300
EVENLY = Curve(per_day=24 * REQUESTS)
BUSY_THEN_QUIET = Curve(per_day=12 * REQUESTS, weights=(2.0, 1.0) * 12)
CASES = (
    Case(name="one worker", setting=Setting(window_s=10, max_workers=1, bound=False), curve=EVENLY, hours=1, seed=1),
    Case(
        name="three workers",
        setting=Setting(window_s=30, max_workers=3, bound=False),
        curve=BUSY_THEN_QUIET,
        hours=2,
        seed=2,
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_blended_cost_of_a_trace_never_seen_is_within_5_percent_of_what_it_is_billed(
    case: Case, tmp_path: Path
) -> None:
    found = forecasts(tmp_path, case, campaign=[SMALL_RUN] * 3)
    assert [each.backend for each in found] == list(BACKENDS)
    for each in found:
        assert each.requests == REQUESTS
        assert each.boots >= REQUESTS // 10, "enough lives that boots and windows count"
        assert abs(each.error) <= WITHIN, each
