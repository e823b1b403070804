"""Equal service: which settings serve as well as the baseline does now, which of them is cheapest, and why."""

import math
from dataclasses import replace

import numpy as np
import pytest

from analysis import estimates, stats
from analysis.estimates import Jobs
from analysis.eviction import Fixed
from analysis.traffic.equal import MARGIN, WINDOWS, Terms, cheapest, choices, saving
from analysis.traffic.profile import Curve, Recorded, arrivals, first_days, hours_for
from analysis.traffic.replay import Setting, rented
from analysis.traffic.service import month_of
from analysis.traffic.tables import SETTINGS, settings_table
from analysis.traffic.trials import try_settings
from tests.unit.analysis.traffic_samples import MODAL_NANO, RUNPOD_NANO, VAST_NANO, measured

TERMS = Terms(traffic=Curve(per_day=1000), requests=7000, requests_per_block=1000)
NOW = Setting(window_s=300, max_workers=2)
MODAL = measured("Modal", MODAL_NANO, NOW, blocks=12, seed=1)
RUNPOD = measured("Runpod", RUNPOD_NANO, replace(NOW, window_s=10), blocks=12, seed=2)
VAST = measured("Vast.ai", VAST_NANO, rented(), blocks=12, seed=3, service_s=8)
SOME = [replace(NOW, window_s=window) for window in (10, 300, 1200)]


@pytest.fixture(scope="module")
def tried():
    return try_settings(MODAL, [RUNPOD, VAST], TERMS, settings={"Modal L40S": SOME, "Runpod L40S": SOME})


def of(tried, name: str, window_s: float):
    (found,) = (each for each in tried if (each.service.name, each.setting.window_s) == (name, window_s))
    return found


# ---------------------------------------------------------------- what is tried


def test_the_setting_as_deployed_and_every_other_window_are_tried_once() -> None:
    found = choices(MODAL)
    assert found[0] == NOW
    assert sorted(each.window_s for each in found) == sorted(WINDOWS)
    more = choices(MODAL, windows=(5, 300), min_workers=(0, 1))
    assert [(each.window_s, each.min_workers) for each in more] == [(300, 0), (5, 0), (5, 1), (300, 1)]
    assert choices(VAST) == [rented()]


def test_all_settings_are_tried_on_the_same_arrivals_the_baseline_as_it_is_first(tried) -> None:
    named = [(each.service.name, each.setting.window_s) for each in tried]
    assert named == [
        ("Modal", 300), ("Modal", 10), ("Modal", 1200),
        ("Runpod", 10), ("Runpod", 300), ("Runpod", 1200), ("Vast.ai", math.inf),
    ]  # fmt: skip
    assert [each.as_is for each in tried] == [True, False, False, True, False, False, True]
    assert {each.month.requests for each in tried} == {tried[0].month.requests}


# ---------------------------------------------------------------- who serves as well


def test_the_baseline_as_it_is_now_is_the_measure(tried) -> None:
    assert (tried[0].serves, tried[0].ratio, tried[0].reason) == (True, None, "the measure of all")


def test_a_setting_serves_as_well_if_its_blended_p95_is_surely_within_the_margin(tried) -> None:
    for each in tried[1:]:
        expected = estimates.blended_ratio(each.blend, tried[0].blend, 0.95, alpha=0.05)
        assert each.ratio == expected
        assert each.serves is (expected.limits.high <= MARGIN)
    assert [each.serves for each in tried] == [True, False, True, False, False, True, True]
    assert "may be slower: blended p95 at most" in of(tried, "Runpod", 10).reason
    assert of(tried, "Runpod", 1200).reason.startswith("serves as well: blended p95 at most 0.")


def test_the_margin_and_the_level_are_those_of_the_terms(tried) -> None:
    strict = try_settings(MODAL, [VAST], replace(TERMS, margin=0.2, alpha=0.01), settings={"Modal L40S": [NOW]})
    assert [each.serves for each in strict] == [True, False]
    assert strict[1].ratio.limits.high > tried[-1].ratio.limits.high


def test_a_quantile_blends_the_replayed_waits_and_the_cold_share(tried) -> None:
    each = of(tried, "Runpod", 300)
    run = each.month.replayed
    dice = np.random.default_rng(1)
    cold = dice.choice(each.service.cold.high, run.cold.sum())
    warm = dice.choice(each.service.warm.high, (~run.cold).sum()) + run.wait_s[~run.cold]
    plain = np.concatenate([cold, warm])
    assert each.p95_s.point == pytest.approx(np.quantile(plain, 0.95), rel=0.05)
    assert each.blend.cold_share[1] == run.cold_share
    low, share, high = each.blend.cold_share
    assert low <= share <= high
    assert (low, high) == (each.cold_share.limits.low, each.cold_share.limits.high)


def test_of_a_queue_a_quantile_blends_what_a_cold_request_waits_less_as_its_worker_was_begun_before() -> None:
    service = measured("Runpod", RUNPOD_NANO, Setting(window_s=10, max_workers=3, bound=False), blocks=12, seed=2)
    service = replace(service, load=Jobs.exact(service.boot.high * 0.6, service.boot.block))
    (each,) = try_settings(
        service, [], replace(TERMS, traffic=Curve(per_day=7200)), settings={"Runpod L40S": [service.setting]}
    )
    run = each.month.replayed
    assert (run.wait_s[run.cold] < 0).mean() > 0.2
    assert each.blend.cold_waits[0] < 0 < each.blend.warm_waits[-1]
    for tail in (0.5, 0.9, 0.95):
        assert estimates.blended_point(each.blend, tail) == pytest.approx(np.quantile(run.latency_s, tail), rel=0.05)


def test_a_window_known_as_a_bracket_widens_the_cold_share_of_the_setting_as_deployed() -> None:
    bracket = replace(MODAL, window=Fixed(n=64, low_s=200, high_s=400))
    modal, other = try_settings(bracket, [], TERMS, settings={"Modal L40S": [NOW, replace(NOW, window_s=60)]})
    ends = [month_of(MODAL, week(), setting=replace(NOW, window_s=window)).replayed.cold_share for window in (400, 200)]
    assert [modal.blend.cold_share[0], modal.blend.cold_share[2]] == ends
    assert other.blend.cold_share[2] == other.cold_share.limits.high


# ---------------------------------------------------------------- money, with its spread between blocks


def week():
    return arrivals(TERMS.traffic, hours=hours_for(TERMS.traffic, TERMS.requests))


def test_dollars_are_recomputed_without_each_block_on_the_same_first_days(tried) -> None:
    each = of(tried, "Runpod", 10)
    days = first_days(week(), 1000)
    without = {block: month_of(RUNPOD.without(block), days).nano_per_image for block in range(12)}
    assert each.without == without
    assert each.all_blocks == month_of(RUNPOD, days).nano_per_image
    point = month_of(RUNPOD, week())
    chance = stats.sum_se(each.parts, fitted=2)
    assert 0.001 < chance < 0.02
    assert each.nano_per_image == estimates.recomputed(point.nano_per_image, [*without.values()], chance=chance)
    assert each.nano_per_month.point == point.nano
    low, high = each.nano_per_image.limits.low, each.nano_per_image.limits.high
    assert 0.01 < math.log(high / low) < 0.2


def test_a_saving_is_the_jackknife_of_both_at_the_same_block(tried) -> None:
    c, b = of(tried, "Runpod", 1200), of(tried, "Modal", 300)
    found = saving(c, b, alpha=0.05)
    pairs = [(c.without[block], b.without[block]) for block in range(12)]
    chance = stats.sum_se(c.parts - b.parts, fitted=2)
    expected = stats.saving((c.month.nano_per_image, b.month.nano_per_image), pairs, chance=chance)
    assert found == estimates.saving(expected, alpha=0.05)
    as_is = saving(of(tried, "Runpod", 10), b)
    assert as_is.point > found.point


def test_what_a_replays_draws_leave_open_is_how_much_other_seeds_differ() -> None:
    """A machine around the clock costs what it costs."""
    terms = [replace(TERMS, seed=seed, requests=10_000) for seed in range(10)]
    only = {"Modal L40S": [SOME[0]]}
    found = [try_settings(cut(MODAL, 1), [cut(VAST, 1)], each, settings=only) for each in terms]
    for value, told in ((ln_cost, dollars_left_open), (share, share_left_open)):
        apart = np.std([value(modal) for _, modal, _ in found], ddof=1)
        assert 0.6 * apart < np.mean([told(modal) for _, modal, _ in found]) < 1.7 * apart
    assert all(dollars_left_open(vast) < 0.0015 for _, _, vast in found)


def test_a_record_is_what_it_is() -> None:
    record = Recorded(offsets_s=[day * 86_400.0 + hour * 3600 for day in range(7) for hour in range(24)])
    (found,) = try_settings(MODAL, [], replace(TERMS, traffic=record), settings={"Modal L40S": [NOW]})
    assert found.parts.size == 0
    assert found.cold_share.point == 1


def ln_cost(each) -> float:
    return math.log(each.month.nano_per_image)


def dollars_left_open(each) -> float:
    return stats.sum_se(each.parts, fitted=2)


def share(each) -> float:
    return each.month.replayed.cold_share


def share_left_open(each) -> float:
    return each.cold_chance


def test_without_bills_a_saving_is_less_sure(tried) -> None:
    c, b = of(tried, "Runpod", 1200), of(tried, "Modal", 300)
    unbilled = replace(b, service=replace(b.service, billed={}))
    sure, unsure = saving(c, b), saving(c, unbilled)
    assert unsure.point == sure.point
    assert math.log((1 - unsure.limits.low) / (1 - sure.limits.low)) == pytest.approx(0.05)
    assert math.log((1 - sure.limits.high) / (1 - unsure.limits.high)) == pytest.approx(0.05)


def test_a_block_that_only_one_arm_has_is_left_out_of_that_arm_alone(tried) -> None:
    c, b = of(tried, "Runpod", 1200), of(tried, "Modal", 300)
    short = replace(b, without={block: cost for block, cost in b.without.items() if block < 11})
    pairs = [(c.without[block], b.without[block] if block < 11 else b.all_blocks) for block in range(12)]
    chance = stats.sum_se(c.parts - b.parts, fitted=2)
    expected = stats.saving((c.month.nano_per_image, b.month.nano_per_image), pairs, chance=chance)
    assert saving(c, short) == estimates.saving(expected)


# ---------------------------------------------------------------- who wins, and the table


def test_each_provider_wins_with_its_cheapest_setting_that_serves_as_well(tried) -> None:
    winners = {name: cheapest(tried, name) for name in ("Modal", "Runpod", "Vast.ai", "Nobody")}
    assert {name: won and won.setting.window_s for name, won in winners.items()} == {
        "Modal": 300, "Runpod": 1200, "Vast.ai": math.inf, "Nobody": None,
    }  # fmt: skip
    assert of(tried, "Modal", 10).month.nano < of(tried, "Modal", 300).month.nano


def test_the_table_says_of_each_setting_why_it_wins_or_not(tried) -> None:
    table = settings_table(tried)
    assert table.schema == SETTINGS
    assert table["service"].to_list() == ["Modal"] * 3 + ["Runpod"] * 3 + ["Vast.ai"]
    costs = table.filter(service="Runpod")["usd_per_image_nano"].to_list()
    assert costs == sorted(costs)
    assert table.filter("wins").select("service", "window_s").rows() == [
        ("Modal", 300), ("Runpod", 1200), ("Vast.ai", math.inf),
    ]  # fmt: skip
    why = dict(zip(zip(table["service"], table["window_s"], strict=True), table["why"], strict=True))
    assert why["Modal", 300] == "the cheapest that serves as well; the measure of all"
    assert why["Modal", 10].startswith("may be slower: blended p95 at most ")
    assert why["Modal", 1200].startswith("costs 34% more than L40S, window 300 s, 2 at most; serves as well")
    row = table.row(0, named=True)
    each = of(tried, "Modal", 10)
    assert row["usd_per_month_nano"] == each.month.usd_per_month_nano
    assert row["usd_per_month_low_nano"] < row["usd_per_month_nano"] < row["usd_per_month_high_nano"]
    assert (row["cold_share"], row["p95_s"]) == (each.cold_share.point, each.p95_s.point)
    assert (row["p95_ratio_high"], row["serves"], row["as_is"]) == (each.ratio.limits.high, False, False)


# ---------------------------------------------------------------- what is not known


def test_with_few_blocks_nothing_is_claimed_and_it_says_what_it_takes() -> None:
    few = [cut(MODAL, 4), cut(RUNPOD, 4)]
    found = try_settings(few[0], few[1:], TERMS, settings={"Modal L40S": [NOW], "Runpod L40S": [NOW]})
    assert found[1].serves is None
    assert found[1].reason == "not known yet whether it serves as well: needs 1 more block"
    assert (found[1].nano_per_image.limits, found[1].nano_per_image.withheld) == (estimates.NONE, "needs 4 more blocks")
    assert saving(found[1], found[0]).withheld == "needs 4 more blocks"
    assert cheapest(found, "Runpod") is None
    assert settings_table(found)["withheld"].to_list() == ["needs 1 more block"] * 2


def test_with_one_block_there_is_a_point_alone() -> None:
    one = [cut(MODAL, 1), cut(RUNPOD, 1)]
    found = try_settings(one[0], one[1:], TERMS, settings={"Modal L40S": [NOW], "Runpod L40S": [NOW]})
    saved = saving(found[1], found[0])
    assert saved.point == pytest.approx(1 - found[1].month.nano_per_image / found[0].month.nano_per_image)
    assert (saved.limits, saved.needs_blocks) == (estimates.NONE, 8)


def test_what_was_not_measured_is_listed_with_its_reason() -> None:
    no_boot = replace(RUNPOD, boot=Jobs.exact([], []))
    no_cold = replace(VAST, cold=Jobs.exact([], []))
    found = try_settings(MODAL, [no_boot, no_cold], TERMS, settings={"Modal L40S": [NOW], "Runpod L40S": [NOW]})
    table = settings_table(found)
    assert table["why"].to_list()[1:] == [
        "It cannot be replayed: no boot time was measured on Runpod.",
        "no latency of warm or of cold jobs was measured on Vast.ai L40S",
    ]
    assert table["usd_per_image_nano"].null_count() == 1
    assert table["serves"].to_list() == [True, None, None]
    assert saving(found[1], found[0]) is None


def test_without_the_baselines_latency_there_is_nothing_to_hold_a_setting_to() -> None:
    blind = replace(MODAL, warm=Jobs.exact([], []))
    found = try_settings(blind, [VAST], TERMS, settings={"Modal L40S": [NOW]})
    assert [each.serves for each in found] == [None, None]
    assert found[1].reason.startswith("nothing to hold it to: no latency of warm")


def test_a_baseline_that_mostly_fails_is_no_measure() -> None:
    failing = replace(MODAL, warm=Jobs.exact(np.where(MODAL.warm.block < 2, math.inf, 9.0), MODAL.warm.block))
    found = try_settings(failing, [VAST], TERMS, settings={"Modal L40S": [NOW]})
    assert found[1].serves is None
    assert found[1].reason.endswith("more than 5 % of the baseline's jobs gave no image")


def cut(service, blocks: int):
    kept = range(blocks)
    each = {name: getattr(service, name) for name in ("service", "boot", "warm", "cold")}
    return replace(
        service,
        **{name: jobs.where(jobs.block < blocks) for name, jobs in each.items()},
        good={block: service.good[block] for block in kept},
        billed={block: service.billed[block] for block in kept},
    )
