"""Answers are read within limits, and a parser meets only shapes that it can name."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.errors import UnexpectedReply
from backends.reading import (
    DEEPEST,
    MOST_VALUES,
    Answer,
    amount_or_none,
    instant_or_none,
    readable,
    span_s,
    text_or_none,
)


def answer(content: bytes) -> Answer:
    return Answer(status_code=200, headers={}, content=content)


def nested(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (nested(DEEPEST + 1), "nested deeper than 64 levels"),
        (nested(200_000), "nested deeper than 64 levels"),
        (b'{"a":' * 70 + b"1" + b"}" * 70, "nested deeper"),
        (b"[" + b"0," * MOST_VALUES + b"0]", "more than 500,000 values"),
        (b"[NaN]", "NaN"),
        (b"[-Infinity]", "-Infinity"),
        (b"1e999", "infinite"),
        (b"9" * 31, "more than 30 digits"),
        (b"9" * 100_000, "more than 30 digits"),
        ('"é"'.encode("utf-16"), "codec"),
        (b"\xff", "codec"),
        (b'{"a": 1', "delimiter"),
    ],
)
def test_json_beyond_the_limits_is_refused_with_the_reason(content: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        answer(content).json()


def test_json_at_the_limits_is_read() -> None:
    assert answer(nested(DEEPEST)).json() == json.loads(nested(DEEPEST))
    assert len(answer(b"[" + b"0," * (MOST_VALUES - 1) + b"0]").json()) == MOST_VALUES
    assert answer(b"9" * 30).json() == int("9" * 30)
    assert answer(b"\xef\xbb\xbf[1.5]").json() == [1.5]
    assert answer(b"").json() is None


@given(st.binary(max_size=200))
def test_any_bytes_are_json_or_a_value_error(content: bytes) -> None:
    try:
        answer(content).json()
    except ValueError:
        return


def test_text_is_utf8_with_marks_where_it_is_not() -> None:
    assert answer(b"a\xffb").text == "a\ufffdb"


@pytest.mark.parametrize(("status", "success"), [(199, False), (200, True), (299, True), (300, False)])
def test_success_is_2xx(status: int, success: bool) -> None:
    assert Answer(status_code=status, headers={}, content=b"").is_success is success


@pytest.mark.parametrize(
    "error",
    [KeyError("a"), IndexError(), TypeError(), ValueError(), AttributeError(), OverflowError(), RecursionError()],
)
def test_a_shape_that_a_parser_did_not_expect_is_an_unexpected_reply(error: Exception) -> None:
    @readable("Testco", lambda reply: f"shown {reply}")
    def parse(reply: Any, factor: int) -> int:
        if reply == "bad":
            raise error
        return len(reply) * factor

    assert parse("four", factor=2) == 8
    with pytest.raises(
        UnexpectedReply, match=f"Testco's reply cannot be read \\({type(error).__name__} in parse\\)"
    ) as it:
        parse("bad", 1)
    assert it.value.raw == "shown bad"


@pytest.mark.parametrize(
    ("value", "per_s", "seconds"),
    [
        (1500, 1000, 1.5), (0, 1, 0), (316_224_000, 1, 316_224_000), (316_224_001, 1, None), (-1, 1, None),
        (float("nan"), 1, None), (float("inf"), 1, None), (True, 1, None), ("3", 1, None),
        (None, 1, None), ([], 1, None),
    ],
)  # fmt: skip
def test_a_span_is_a_number_of_seconds_up_to_ten_years(value: Any, per_s: int, seconds: float | None) -> None:
    assert span_s(value, per_s) == seconds


@pytest.mark.parametrize("value", [-1, 4_102_444_800, float("nan"), 1e300, True, "1700000000", None, {}])
def test_an_instant_that_is_none_of_this_century_is_unknown(value: Any) -> None:
    assert instant_or_none(value) is None


def test_an_instant_is_seconds_since_1970_in_utc() -> None:
    assert instant_or_none(1_700_000_000) == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e8", 1e300, -1e8, "9" * 31, True, None, [], "1,5", ""])
def test_what_is_no_amount_of_dollars_is_none(value: Any) -> None:
    assert amount_or_none(value) is None


HOUR_OF_MODAL = "0.001195500027508846455742112000"


@pytest.mark.parametrize(
    ("value", "amount"),
    [(0.1, "0.1"), ("0.000542", "0.000542"), (-3, "-3"), (0, "0"), (HOUR_OF_MODAL, HOUR_OF_MODAL)],
)
def test_an_amount_is_exact(value: Any, amount: str) -> None:
    assert amount_or_none(value) == Decimal(amount)


def test_only_a_text_is_a_text() -> None:
    assert [text_or_none(value) for value in ("a", "", 1, None, ["a"])] == ["a", "", None, None, None]
