"""What the replay says on a page: titles claim no more than the limits allow; what is not known is a dash."""

import math
from dataclasses import replace

import polars as pl
import pytest

from analysis.arrivals import LoadError
from analysis.estimates import Estimate
from analysis.eviction import Fixed, Withheld
from analysis.stats import Limits
from analysis.traffic.blended import Blended, blended, options_of
from analysis.traffic.breakeven import CURVE, Bought
from analysis.traffic.equal import Terms
from analysis.traffic.measured import Unmeasured
from analysis.traffic.profile import Curve
from analysis.traffic.replay import Setting, rented
from tests.unit.analysis.traffic_samples import MODAL_NANO, RUNPOD_NANO, VAST_NANO, measured
from ui import eviction_view, traffic_view

TERMS = Terms(traffic=Curve(per_day=1000), requests=400, requests_per_block=60)


@pytest.fixture(scope="module")
def found() -> Blended:
    services = [
        measured("Modal", MODAL_NANO, Setting(window_s=300), blocks=6, seed=1),
        measured("Runpod", RUNPOD_NANO, Setting(window_s=10), blocks=6, seed=2),
        measured("Vast.ai", VAST_NANO, rented(), blocks=6, seed=3),
        Unmeasured(name="Fourth", gpu="L40S", reason="No price of Fourth was seen."),
    ]
    told = blended(services, TERMS, baseline="Modal")
    assert isinstance(told, Blended)
    return told


def with_saving(found: Blended, point: float, low: float | None, high: float | None) -> Blended:
    """Vast.ai saves so much, the others nothing."""
    estimate = Estimate(point=point, limits=Limits(low, high), n=8, blocks=8, needs_blocks=0 if low is not None else 3)
    told = [replace(one, saving=estimate if one.name == "Vast.ai" else None) for one in found.providers]
    return replace(found, providers=told)


@pytest.mark.parametrize(
    ("saving", "title"),
    [
        ((0.31, 0.26, 0.36), "Serving as well, Vast.ai costs 31 % less [26, 36] than Modal"),
        ((-0.2, -0.3, -0.1), "Serving as well, Vast.ai costs 20 % more [10, 30] than Modal"),
        ((0.05, -0.02, 0.11), "No cost difference shows yet at equal service: Vast.ai 5 % [−2, 11]"),
        ((0.31, None, None), "Serving as well, Vast.ai costs 31 % less (needs 3 more blocks) than Modal"),
    ],
)
def test_the_title_claims_what_the_limits_allow(found: Blended, saving: tuple, title: str) -> None:
    assert traffic_view.blend_title(with_saving(found, *saving)) == title


def test_what_is_not_known_is_the_title(found: Blended) -> None:
    nothing = Unmeasured(name="Modal", gpu="", reason="No price of Modal was seen.")
    said = traffic_view.blend_title(nothing)
    assert said == "What our traffic would cost is not known: no price of Modal was seen"
    none = replace(found, providers=[replace(one, saving=None) for one in found.providers])
    assert traffic_view.blend_title(none) == "No candidate is known to serve our traffic as well as Modal does now"


def test_each_provider_is_told_at_its_best_and_as_deployed(found: Blended) -> None:
    best, now = traffic_view.equal_rows(found), traffic_view.as_is_rows(found)
    assert [row[""] for row in best] == ["Modal", "Runpod", "Vast.ai"]
    assert best[0]["Saving"] == now[0]["Saving"] == "baseline"
    assert now[1]["Setting"] == "L40S, window 10 s"
    assert now[2]["Setting"] == "L40S, 1 rented around the clock"
    assert all("[" in row["$ per 1,000"] for row in now), "six blocks give limits"


def test_where_nothing_serves_as_well_there_is_a_dash_and_the_reason(found: Blended) -> None:
    none = [replace(one, best=None, saving=None, reason="too slow") for one in found.providers]
    row = traffic_view.equal_rows(replace(found, providers=none))[2]
    assert (row["$ per 1,000"], row["Saving"]) == ("–", "–")
    assert traffic_view.reasons(replace(found, providers=none))[1] == "Vast.ai: too slow."
    assert "Vast.ai" in traffic_view.unproven(replace(found, providers=none))


def test_every_setting_that_was_tried_is_listed_and_winners_are_marked(found: Blended) -> None:
    rows = traffic_view.settings_rows(found.settings)
    assert rows.height == len(found.tried)
    assert rows.filter(wins="✓").height == sum(one.best is not None for one in found.providers)
    assert traffic_view.left_out(found) == "No price of Fourth was seen."


def curve(*rows: tuple[str, int | None, float | None]) -> pl.DataFrame:
    told = [
        {"option": name, "per_day": 50.0, "usd_per_image_nano": nano, "cold_share": cold, "cheapest": i == 0}
        for i, (name, nano, cold) in enumerate(rows)
    ]
    return pl.DataFrame([{name: row.get(name) for name in CURVE} for row in told], schema=CURVE)


def test_the_cheapest_at_a_volume_is_named_beside_modal() -> None:
    here = curve(("Vast.ai around the clock", 12_000_000, 0.0), ("Modal", 21_400_000, 0.2), ("Runpod", None, None))
    said = traffic_view.volume_title(here, 50)
    assert said == "At 50 a day Vast.ai around the clock is cheapest: $12.0 per 1,000, Modal $21.4"
    nobody = traffic_view.volume_title(curve(("Runpod", None, None)), 50)
    assert nobody == "At 50 a day nothing that was measured keeps up"


def test_an_option_has_its_providers_colour_and_an_external_price_none() -> None:
    rows = traffic_view.volume_rows(
        curve(("Vast.ai around the clock", 12_000_000, 0.0), ("FAL flux/dev", 25_000_000, None)),
        ["FAL flux/dev"], simulated=True,
    )  # fmt: skip
    assert rows.select("key", "y", "dashed").rows() == [("Vast.ai", 12.0, False), ("muted", 25.0, True)]


def test_a_bought_image_says_what_it_costs_by_whose_word_and_that_nobody_measured_it(found: Blended) -> None:
    line = Bought(name="FAL flux/dev", usd_per_image_nano=25_000_000, source="list price: theirs, 2026-02-07")
    said = traffic_view.bought_words(options_of(found, [line]))
    assert said == ["FAL flux/dev: $25.0 per 1,000, not measured (list price: theirs, 2026-02-07)."]


def banded(option: str, low: int | None, *, blocks: int | None = 10, withheld: str | None = None) -> dict:
    high = None if low is None else low + 2_000_000
    return {
        "option": option, "per_day": 50.0, "usd_per_image_nano": 21_000_000, "usd_per_image_low_nano": low,
        "usd_per_image_high_nano": high, "blocks": blocks, "withheld": withheld, "cheapest": False, "reason": "",
    }  # fmt: skip


def test_a_cost_at_a_volume_has_its_limits_beside_it_or_why_there_are_none() -> None:
    told = [
        banded("Modal", 20_000_000), banded("Runpod", None, blocks=6, withheld="needs 2 more blocks"),
        banded("FAL flux/dev", None, blocks=None, withheld="not measured"),
    ]  # fmt: skip
    here = pl.DataFrame([{name: row.get(name) for name in CURVE} for row in told], schema=CURVE)
    shown = {
        row["Option"]: row["$ per 1,000"].replace("\u00a0", " ")
        for row in traffic_view.at_ours_rows(here, simulated=True)
    }
    assert "[20.0, 22.0]" in shown["Modal"].replace("\\", "")
    assert "needs 2 more blocks" in shown["Runpod"]
    assert "not measured" in shown["FAL flux/dev"]
    assert traffic_view.band_words(here) == (
        "Bands are 95 % limits: the replay repeated without each of the 10 measured blocks. "
        "Runpod has no band: needs 2 more blocks."
    )
    rows = traffic_view.volume_rows(here, [], simulated=True)
    assert rows["low"].to_list() == [pytest.approx(20.0), None, None]
    assert rows["high"].to_list() == [pytest.approx(22.0), None, None]


def test_a_price_that_has_no_workers_has_no_cold_share() -> None:
    here = curve(("Modal", 21_000_000, 0.2), ("FAL flux/dev", 25_000_000, None))
    assert traffic_view.cold_rows(here, simulated=True).select("option", "y").rows() == [("Modal", 0.2)]
    shown = traffic_view.at_ours_rows(here, simulated=True)
    assert [row["Source"] for row in shown] == [":violet[SIMULATED]", "list price"]


def test_a_window_is_told_with_its_bracket_or_why_there_is_none() -> None:
    windows = {
        "runpod": Withheld(n=9, needs=55, reason="warm after longer gaps than cold ones: needs 55 more probes"),
        "modal": Fixed(n=64, low_s=290, high_s=310),
        "vast": Fixed(n=8, low_s=600, high_s=math.inf),
    }
    said = eviction_view.window_words(windows)
    assert said[0] == "Modal: capacity goes away after 5 min to 5 min idle (n 64)."
    assert said[2] == "Vast.ai: capacity goes away after 10 min to any gap tried idle (n 8)."
    rows = eviction_view.eviction_rows(windows, simulated=True)
    assert rows["option"].unique().sort().to_list() == ["Modal", "Vast.ai"]
    between = rows.filter(pl.col("x").is_between(290, 310, closed="none"), option="Modal")
    assert between["y"].null_count() == between.height, "within the bracket nothing is known"
    assert eviction_view.eviction_rows({}, simulated=True).is_empty()


def test_traffic_is_told_by_day_month_and_busiest_hour() -> None:
    peak = Curve(per_day=2400, weights=[1.0] * 23 + [2.0])
    assert traffic_view.traffic_words(peak) == "2,400 requests a day, 73,000 a month, 8 % of them in the busiest hour"
    assert traffic_view.hour_rows(peak, simulated=True)["per_hour"].to_list()[22:] == [96.0, 192.0]


def test_typed_weights_are_numbers_or_say_which_is_none() -> None:
    assert traffic_view.typed_curve(" ") is None
    assert traffic_view.typed_curve("1, 2 3") == [1.0, 2.0, 3.0]
    with pytest.raises(LoadError, match="'two' is no weight"):
        traffic_view.typed_curve("1, two")
