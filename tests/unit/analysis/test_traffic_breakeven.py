"""Where the cheapest option changes with the volume."""

import math

import pytest

from analysis.arrivals import LoadError
from analysis.traffic.breakeven import (
    BREAK_EVEN,
    CURVE,
    Bought,
    Served,
    break_evens,
    costs_of,
    curves,
    grid,
    spreads_of,
)
from analysis.traffic.equal import Terms
from analysis.traffic.poisson import poisson_worker
from analysis.traffic.profile import Curve, Recorded
from analysis.traffic.replay import Setting, rented
from analysis.traffic.trials import try_settings
from tests.unit.analysis.traffic_samples import MODAL_NANO, RUNPOD_NANO, VAST_NANO, measured, steady

API = Bought(name="API", usd_per_image_nano=25_000_000)
ALWAYS = Served(name="Vast.ai, always on", service=steady("Vast.ai", VAST_NANO, rented()), setting=rented())
ONE = Setting(window_s=60, max_workers=1)
MODAL = Served(name="Modal", service=steady("Modal", MODAL_NANO, ONE), setting=ONE)
RUNPOD = Served(name="Runpod", service=steady("Runpod", RUNPOD_NANO, ONE), setting=ONE)
VOLUMES = grid(50, 6000, points=9)
COSTS = costs_of(Curve(per_day=1000), requests=2000)
SPREADS = spreads_of(Curve(per_day=1000), requests=2000)


def test_a_machine_around_the_clock_and_an_api_break_even_where_730_hours_buy_as_many_images() -> None:
    (row,) = break_evens([ALWAYS, API], VOLUMES, COSTS).iter_rows(named=True)
    assert row["per_day"] == pytest.approx(394.20 / 0.025 / 730 * 24, rel=0.002)
    assert (row["cheaper_below"], row["cheaper_above"], row["verified"]) == ("API", "Vast.ai, always on", True)
    assert row["usd_per_image_nano"] == pytest.approx(25_000_000, rel=0.002)
    assert row["reason"] == "API is cheaper below 518 requests a day, Vast.ai, always on above"


def test_serverless_and_a_machine_break_even_where_the_closed_form_says() -> None:
    (row,) = break_evens([MODAL, ALWAYS], VOLUMES, COSTS).iter_rows(named=True)
    up_share = VAST_NANO / MODAL_NANO  # beyond it, a month of the dearer rate is more than one of the cheaper
    found = poisson_worker(row["per_day"] / 24, service_s=15, boot_s=45, window_s=60).up_share
    assert found == pytest.approx(up_share, rel=0.05)
    assert (row["cheaper_below"], row["cheaper_above"]) == ("Modal", "Vast.ai, always on")


def test_every_crossing_holds_on_both_sides_of_it() -> None:
    rows = break_evens([MODAL, RUNPOD, ALWAYS, API], VOLUMES, COSTS)
    assert rows.schema == BREAK_EVEN
    assert len(rows) >= 6
    options = {option.name: option for option in (MODAL, RUNPOD, ALWAYS, API)}
    for row in rows.drop_nulls("per_day").iter_rows(named=True):
        assert row["verified"]
        for factor, cheaper in ((0.97, row["cheaper_below"]), (1.03, row["cheaper_above"])):
            dearer = row["other"] if cheaper == row["option"] else row["option"]
            cheap, dear = (COSTS(options[name], row["per_day"] * factor).nano_per_image for name in (cheaper, dearer))
            assert cheap < dear


def test_where_one_is_always_cheaper_there_is_no_break_even_and_it_says_so() -> None:
    (row,) = break_evens([MODAL, RUNPOD], VOLUMES[:-1], COSTS).iter_rows(named=True)
    assert (row["per_day"], row["verified"], row["cheaper_below"], row["cheaper_above"]) == (
        None, None, "Runpod", "Runpod",
    )  # fmt: skip
    assert row["reason"].startswith("Runpod is cheaper at every volume from 50 to ")


def test_what_cannot_carry_a_volume_has_no_cost_there() -> None:
    table = curves([ALWAYS, API], [1000, 6000], COSTS, SPREADS)
    assert table.schema == CURVE
    assert table.select("option", "per_day", "usd_per_image_nano", "cheapest").rows() == [
        ("Vast.ai, always on", 1000, 12_960_000, True),
        ("Vast.ai, always on", 6000, None, False),
        ("API", 1000, 25_000_000, False),
        ("API", 6000, 25_000_000, True),
    ]
    assert table["usd_per_month_nano"].to_list()[0] == 394_200_000_000
    assert table["usd_per_month_nano"].to_list()[2] == pytest.approx(1000 * 730 / 24 * 25_000_000)
    assert table["cold_share"].to_list() == [0, None, None, None]
    assert table["reason"].to_list()[1] == "One worker cannot keep up: the requests are 104% of what can be served."
    (row,) = break_evens([ALWAYS, API], [6000, 7000], COSTS).iter_rows(named=True)
    assert row["reason"] == "there is no volume at which both Vast.ai, always on and API have a cost"


def test_the_cold_share_falls_with_the_volume_and_the_waits_grow() -> None:
    table = curves([MODAL], VOLUMES[:-1], COSTS, SPREADS)
    shares, waits = table["cold_share"].to_list(), table["wait_p95_s"].to_list()
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 0.8
    assert waits[-1] > waits[0]
    assert table["usd_per_month_nano"].is_sorted()


def test_a_record_is_scaled_by_its_hours_of_the_day() -> None:
    record = Recorded(offsets_s=[hour * 3600.0 + second for hour in (9, 10) for second in range(0, 3000, 300)])
    costs = costs_of(record, requests=500)
    spread, packed = costs_of(Curve(per_day=20), requests=500)(MODAL, 20), costs(MODAL, 20)
    assert packed.nano_per_image < spread.nano_per_image  # all come in two hours: fewer boots, less idle
    assert packed.good_per_month == pytest.approx(20 * 730 / 24)


def test_volumes_go_up_by_equal_factors() -> None:
    assert grid(10, 1000, points=3) == pytest.approx([10, 100, 1000])
    for low, high in ((0, 10), (10, 10), (5, 1)):
        with pytest.raises(LoadError, match="Volumes go from above 0 up"):
            grid(low, high)
    assert math.isclose(grid(1, 2)[-1], 2)


def test_two_options_of_one_name_are_told_apart_before_they_are_mixed_up() -> None:
    options = [API, ALWAYS, Bought(name="API", usd_per_image_nano=1)]
    for table, given in ((curves, (COSTS, SPREADS)), (break_evens, (COSTS,))):
        with pytest.raises(LoadError, match="Two options are called API"):
            table(options, VOLUMES, *given)


def test_at_our_volume_a_curve_has_the_limits_that_the_replay_of_our_traffic_has() -> None:
    service = measured("Modal", MODAL_NANO, ONE, blocks=10)
    terms = Terms(traffic=Curve(per_day=1000), requests=2000, requests_per_block=500)
    tried = try_settings(service, [], terms, settings={"Modal L40S": [ONE]})[0].nano_per_image
    assert tried is not None
    spreads = spreads_of(terms.traffic, requests=2000, requests_per_block=500)
    (row,) = curves([Served(name="Modal", service=service, setting=ONE)], [1000], COSTS, spreads).to_dicts()
    assert row["usd_per_image_nano"] == round(tried.point)
    assert row["usd_per_image_low_nano"] == pytest.approx(tried.limits.low, abs=1)
    assert row["usd_per_image_high_nano"] == pytest.approx(tried.limits.high, abs=1)
    assert row["usd_per_image_low_nano"] < row["usd_per_image_nano"] < row["usd_per_image_high_nano"]
    assert (row["blocks"], row["withheld"]) == (10, None)


def test_too_few_blocks_and_a_price_have_no_limits_and_say_why() -> None:
    few = Served(name="Modal", service=measured("Modal", MODAL_NANO, ONE, blocks=6), setting=ONE)
    table = curves([few, API, ALWAYS], [6000], COSTS, SPREADS)
    names = ["option", "usd_per_image_low_nano", "usd_per_image_high_nano", "blocks", "withheld"]
    assert table.select(names).rows() == [
        ("Modal", None, None, 6, "needs 2 more blocks"),
        ("API", None, None, None, "not measured"),
        ("Vast.ai, always on", None, None, None, None),
    ]
