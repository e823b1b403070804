"""How numbers, money and strangers' words are written."""

from datetime import UTC, datetime, timedelta

import pytest

from ui import formats
from ui.glossary import DEFINITIONS, meaning
from words import CostState


@pytest.mark.parametrize(
    ("write", "value", "expected"),
    [
        (formats.count, 1779, "1,779"),
        (formats.seconds, 12.64, "12.6 s"),
        (formats.seconds, 99.94, "99.9 s"),
        (formats.seconds, 99.96, "100 s"),
        (formats.seconds, 1277.0, "1,277 s"),
        (formats.seconds, float("inf"), "> deadline"),
        (formats.percent, 0.988, "98.8 %"),
        (formats.whole_percent, 0.314, "31 %"),
        (formats.signed_percent, -0.021, "−2.1 %"),
        (formats.signed_percent, 0.021, "+2.1 %"),
        (formats.signed_percent, -0.0001, "0.0 %"),
        (formats.per_thousand, 0.0214, "$21.4"),
        (formats.three_figures, 4.176, "$4.18"),
        (formats.three_figures, 118.4, "$118"),
        (formats.three_figures, 9.9999999, "$10.0"),
        (formats.three_figures, -0.0939, "−$0.0939"),
        (formats.three_figures, 0.0, "$0"),
        (formats.usd, 8.371, "$8.37"),
        (formats.usd, 0.0246, "$0.0246"),
        (formats.usd, 1234.5, "$1,234.50"),
        (formats.usd, 0.00001, "<$0.0001"),
        (formats.usd, 0.0, "$0.00"),
        (formats.usd, -0.015, "−$0.0150"),
        (formats.usd, -1234.5, "−$1,234.50"),
        (formats.whole_usd, 38.6, "$39"),
        (formats.whole_usd, -38.6, "−$39"),
        (formats.whole_usd, -0.4, "$0"),
    ],
)
def test_a_number_is_written_as_the_sheet_asks(write: formats.Formatter, value: float, expected: str) -> None:
    assert write(value) == expected


@pytest.mark.parametrize(
    "write",
    [formats.count, formats.seconds, formats.percent, formats.per_thousand, formats.usd, formats.ago, formats.day_time],
)
def test_no_data_is_a_dash_and_never_a_zero(write: formats.Formatter) -> None:
    assert write(None) == "–"


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (CostState.ESTIMATED, "~$8.41"),
        (CostState.LIST, "$8.41 list"),
        (CostState.OPEN, "$8.41 open"),
        (CostState.PROVISIONAL, "$8.41 prov."),
        (CostState.FINAL, "$8.41"),
    ],
)
def test_money_says_how_sure_it_is(state: CostState, expected: str) -> None:
    assert formats.money(8.41, state) == expected


def test_only_what_is_final_has_a_full_circle() -> None:
    assert [formats.state_glyph(state)[0] for state in CostState] == ["○", "○", "◐", "◐", "●"]


@pytest.mark.parametrize(
    ("low", "high", "write", "expected"),
    [
        (12.5, 12.7, formats.seconds, "[12.5, 12.7]"),
        (0.941, 0.98, formats.percent, "[94.1, 98.0]"),
        (20.3, 22.6, formats.three_figures, "[20.3, 22.6]"),
        (9.8, None, formats.seconds, "[9.8, ∞]"),
        (None, None, formats.seconds, ""),
    ],
)
def test_an_interval_has_no_units_and_shows_an_open_end(
    low: float | None, high: float | None, write: formats.Formatter, expected: str
) -> None:
    assert formats.interval(low, high, write) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(1, "1 s ago"), (89, "89 s ago"), (240, "4 min ago"), (7200, "2 h ago"), (259200, "3 days ago"), (-5, "0 s ago")],
)
def test_an_age_is_rounded_to_one_unit(seconds: float, expected: str) -> None:
    assert formats.ago(timedelta(seconds=seconds)) == expected


def test_instants_are_utc_and_have_no_leading_zero_in_the_day() -> None:
    at = datetime(2026, 11, 4, 14, 2, 11, tzinfo=UTC)
    assert (formats.day_time(at), formats.clock_time(at)) == ("4 Nov 14:02", "14:02:11")


def test_every_punctuation_mark_of_a_stranger_is_escaped() -> None:
    marks = "!\"#$%&'()*+,-./;<=>?[\\]^_`{|}~"
    assert formats.plain(marks) == "".join(f"\\{mark}" for mark in marks)


@pytest.mark.parametrize("text", ["http://evil.example", "www.evil.example", "me@evil.example", ":red[x]", ":smile:"])
def test_links_and_shortcuts_of_a_stranger_are_broken(text: str) -> None:
    shown = formats.plain(text).replace("\\", "")
    assert text not in shown
    assert shown.replace("\u200b", "") == text, "it still reads the same"


def test_a_stranger_cannot_break_out_of_the_line() -> None:
    assert formats.plain("a\n\n# b\t c") == "a \\# b c"


def test_dollar_signs_of_our_own_are_no_mathematics() -> None:
    assert formats.money_text("$1 and $2") == "\\$1 and \\$2"


def test_names_are_listed_as_a_person_would() -> None:
    lists = ([], ["a"], ["a", "b"], ["a", "b", "c"])
    assert [formats.listed(names) for names in lists] == ["", "a", "a and b", "a, b and c"]


def test_every_definition_is_a_sentence_safe_in_markdown() -> None:
    for term in DEFINITIONS:
        text = meaning(term)
        assert text.rstrip().endswith("."), term
        assert "$" not in text.replace("\\$", ""), term
