"""Prices over time: what stood when, a market as a distribution, and what is told of a change."""

from datetime import datetime, timedelta
from typing import Any

import polars as pl
import pytest

from analysis.prices import LIST, MARKET, OFFERS, changed, history, market, standing, subject
from tests.unit.analysis.samples import AT, after

HOUR, DAY = 3600, 86_400


def offer(usd_h: float, offer_id: str = "1", **said: Any) -> dict[str, Any]:
    """On offer from an hour before noon until now."""
    return {
        "backend": "vast", "gpu": "L40S", "offer_id": offer_id, "unit": "h", "usd_per_unit_nano": round(usd_h * 1e9),
        "usd_per_s_nano": round(usd_h * 1e9 / 3600), "source": "offer row", "region": None,
        "first_seen_at": after(-HOUR), "seen_at": AT, "simulated": True, **said,
    }  # fmt: skip


def offers(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=OFFERS, orient="row")


def hourly(frame: pl.DataFrame, *columns: str) -> list[tuple[float, ...]]:
    names = [f"{column}_nano" for column in columns]
    return [tuple(round(nano * 3600 / 1e9, 4) for nano in row) for row in frame.select(names).iter_rows()]


def test_a_market_is_its_distribution_and_how_many_offers_it_is_of() -> None:
    found = market(offers(*(offer(0.4 + 0.1 * i, str(i)) for i in range(5))), AT)
    assert found.schema == MARKET
    assert hourly(found, "low", "p25", "median", "p75", "high") == [(0.4, 0.5, 0.6, 0.7, 0.8)]
    assert found.select("backend", "gpu", "n", "seen_at", "simulated").rows() == [("vast", "L40S", 5, AT, True)]


def test_the_price_of_an_offer_is_its_newest_at_that_time() -> None:
    rows = offers(
        offer(0.5, first_seen_at=after(-9 * HOUR), seen_at=after(-5 * HOUR)), offer(0.7, first_seen_at=after(-4 * HOUR))
    )
    assert hourly(market(rows, AT), "median") == [(0.7,)]
    assert hourly(market(rows, after(-6 * HOUR)), "median") == [(0.5,)]
    assert market(rows, after(-10 * HOUR)).is_empty()


def test_a_host_that_was_rented_for_hours_stays_in_the_market_and_one_gone_for_days_does_not() -> None:
    rows = offers(offer(0.5), offer(0.6, "2", first_seen_at=after(-2 * DAY), seen_at=after(-20 * HOUR)))
    assert standing(rows, AT)["offer_id"].to_list() == ["1", "2"]
    assert standing(rows, after(5 * HOUR))["offer_id"].to_list() == ["1"]


def test_a_list_price_stands_only_where_the_provider_said_nothing() -> None:
    listed = offer(0.9, "list", source=f"{LIST}: somewhere, 2026-07-01")
    assert hourly(market(offers(listed), AT), "median") == [(0.9,)]
    assert hourly(market(offers(listed, offer(0.5)), AT), "low", "high") == [(0.5, 0.5)]
    assert hourly(market(offers(listed, offer(0.5, gpu="H100")), AT), "median") == [(0.5,), (0.9,)]


def test_history_has_a_day_for_each_day_with_offers() -> None:
    rows = offers(offer(0.5, first_seen_at=after(-3 * DAY), seen_at=after(-2.4 * DAY)), offer(0.8, "2"))
    found = history(rows, AT)
    midnight = datetime(2026, 11, 21, tzinfo=AT.tzinfo)
    assert list(zip(found["at"], hourly(found, "median"), strict=True)) == [
        (midnight, (0.5,)), (midnight + timedelta(days=1), (0.5,)), (AT, (0.8,)),
    ]  # fmt: skip
    assert history(offers(), AT).is_empty()


@pytest.mark.parametrize(
    ("after_usd", "words"),
    [
        (0.53, "Vast.ai L40S: the price went from $0.500 to $0.530 an hour (+6.0 %); offer row."),
        (0.47, "Vast.ai L40S: the price went from $0.500 to $0.470 an hour (-6.0 %); offer row."),
        (0.52, None),
        (0.48, None),
    ],
)
def test_a_change_is_told_beyond_the_threshold_in_either_direction(after_usd: float, words: str | None) -> None:
    rows = offers(offer(0.5, first_seen_at=after(-9 * HOUR), seen_at=after(-HOUR)), offer(after_usd))
    assert changed(rows, since=after(-9 * HOUR), at=AT) == ([words] if words else [])
    if words:
        assert words.startswith(subject("vast", "L40S"))


def test_of_a_market_the_median_is_told_and_one_dear_host_is_no_change() -> None:
    before = [offer(usd, str(i), first_seen_at=after(-9 * HOUR)) for i, usd in enumerate((0.5, 0.5, 0.6, 0.6, 0.7))]
    assert changed(offers(*before, offer(9, "9")), since=after(-9 * HOUR), at=AT) == []
    dearer = offers(*before, *(offer(0.7, str(9 + i)) for i in range(4)))
    (said,) = changed(dearer, since=after(-9 * HOUR), at=AT)
    assert "the median of 9 offers went from $0.600 to $0.700" in said


def test_what_was_not_on_offer_before_has_not_changed() -> None:
    assert changed(offers(offer(0.5), offer(0.6, gpu="H100")), since=after(-9 * HOUR), at=AT) == []
