"""What would change a ruling, number by number: the bars of T, the lines of V, and what turns it in a table."""

from typing import Any

import pytest

from ui import turns_view

TURN = {
    "short": "Price of Runpod", "lever": "the price of Runpod", "typed": True, "flip": 1.57, "flip_text": "$1.57",
    "now_text": "$1.44", "range_text": "$0.72 to $2.88", "sentence": "GO flips to STAY if ..",
    "saving": 0.31, "saving_low": 0.6, "saving_high": -0.2,
    "year_usd": 1400.0, "year_usd_low": 5000.0, "year_usd_high": -2600.0,
}  # fmt: skip
NARROW = {
    **TURN,
    "short": "Operations",
    "flip": None,
    "flip_text": None,
    "year_usd_low": 1500.0,
    "year_usd_high": 1300.0,
}
UNTIMED = dict.fromkeys(("year_usd", "year_usd_low", "year_usd_high"))
GATE = {"gate": "warm_p95", "harm": False}


def said(*, harm: bool = False) -> dict[str, Any]:
    return {
        "simulated": True,
        "card": {"terms": {"margins.saving": 0.1}},
        "images_per_month": {"flux-dev": 30_400.0},
        "candidates": [
            {"workflow": "flux-dev", "candidate": "vast", "gates": [GATE, {**GATE, "harm": harm}]},
            {"workflow": "qwen", "candidate": "runpod", "gates": [{**GATE, "harm": True}]},
        ],
    }


def point(option: str, per_day: float = 1000.0, nano: int | None = 20_000_000, **more: Any) -> dict[str, Any]:
    ends = {f"usd_per_image_{end}_nano": nano and nano + by for end, by in (("low", -(10**6)), ("high", 10**6))}
    row = {"workflow": "flux-dev", "option": option, "per_day": per_day, "usd_per_image_nano": nano, "serves": True}
    return row | ends | more


def test_a_bar_spans_what_the_first_year_may_bring_the_widest_first() -> None:
    bars = turns_view.bars([NARROW, TURN, {**TURN, "typed": False}], said(), candidate="runpod")

    assert bars.rows.select("row", "low", "high", "now", "flip").rows() == [
        ("Price of Runpod", -2600.0, 5000.0, 1400.0, "$1.57"),
        ("Operations", 1300.0, 1500.0, 1400.0, "nowhere"),
    ]
    assert (bars.limit, bars.rows["key"].unique().to_list()) == (0.0, ["Runpod"])
    assert bars.rows["ends"][0] == "$0.72 to $2.88"


def test_while_operations_are_not_timed_the_saving_is_what_moves() -> None:
    """And what moves no saving is no bar."""
    still = {"saving_low": 0.31, "saving_high": 0.31}
    bars = turns_view.bars([{**TURN, **UNTIMED}, {**NARROW, **UNTIMED, **still}], said(), candidate="runpod")

    assert bars.rows.select("low", "high", "now").rows() == [(-0.2, 0.6, 0.31)]
    assert (bars.limit, bars.axis_format) == (0.1, ".0%")
    assert turns_view.bars([], said(), candidate="runpod").rows.is_empty()


def test_only_what_turns_it_is_listed() -> None:
    assert turns_view.rows([NARROW, TURN]) == [
        {
            "What": "the price of Runpod",
            "Now": "$1.44",
            "Turns at": "$1.57",
            "So that": "GO flips to STAY if ..",
        }
    ]


def test_a_line_is_images_a_month_and_dollars_per_thousand() -> None:
    rows = [point("Modal"), point("Modal", 2000.0, None), point("Modal", workflow="qwen")]
    frame = turns_view.lines(rows, said(), "flux-dev")

    assert frame["x"].to_list() == pytest.approx([1000 * 365 / 12, 2000 * 365 / 12])
    assert frame.select("y", "low", "high").row(0) == pytest.approx((20.0, 19.0, 21.0))
    assert frame["y"].to_list()[1] is None
    assert turns_view.lines([], said(), "flux-dev").is_empty()


def test_a_provider_that_fails_a_limit_or_may_be_slower_is_dashed() -> None:
    rows = [point("Modal"), point("Runpod", serves=False), point("Vast.ai")]

    assert turns_view.dashed(rows, said(), "flux-dev") == ["Runpod"]
    assert turns_view.dashed(rows, said(harm=True), "flux-dev") == ["Runpod", "Vast.ai"]


def test_the_cheapest_is_told_at_the_volume_that_was_chosen() -> None:
    rows = [point("Modal"), point("Runpod", nano=9_000_000), point("Modal", 5000.0, 4_000_000), point("Runpod", 5000.0)]

    assert turns_view.at_volume(rows, 30_417) == ("At 30,417 a month Runpod is cheapest: $9.00 per 1,000, Modal $20.0")
    assert turns_view.at_volume(rows, 152_083) == "At 152,083 a month Modal is cheapest: $4.00 per 1,000"


def test_the_rule_stands_at_our_volume_until_another_is_chosen() -> None:
    rows = [point("Modal"), point("Modal", 2000.0)]

    assert "30,400 a month" in str(turns_view.volume_spec(rows, said(), "flux-dev"))
    assert "60,833 a month" in str(turns_view.volume_spec(rows, said(), "flux-dev", at=60_833))
