"""When a verdict holds no longer, and in which words."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from analysis.verdict.overall import Overall
from analysis.verdict.stale import Inputs, aged, fingerprint, stale, title
from words import Verdict

AT = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
THEN = Inputs(
    at=AT,
    prices={("runpod", "L40S"): 530_000, ("modal", "L40S"): 665_440, ("vast", "L40S"): 150_000},
    models={"flux-dev": "a1"},
    images={("runpod", "flux-dev"): "sha256:1"},
    bills={"runpod": {"r1": 8_000_000_000, "r2": 2_000_000_000}},
    per_day={"flux-dev": 1000.0},
)
NOW = replace(THEN, at=AT + timedelta(days=3))


def reasons(**changed: Any) -> list[str]:
    return stale(THEN, replace(NOW, **changed), valid_days=90)


def price(nano: int) -> dict[str, Any]:
    return {"prices": {**THEN.prices, ("runpod", "L40S"): nano}}


def bill(**lines: int) -> dict[str, Any]:
    return {"bills": {"runpod": {**THEN.bills["runpod"], **lines}}}


def test_what_has_not_changed_holds() -> None:
    assert reasons() == []
    assert title([]) is None


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (price(556_500), "Runpod L40S costs 5.0 % more"),
        (price(567_630), "Runpod L40S costs 7.1 % more"),
        (price(503_500), "Runpod L40S costs 5.0 % less"),
        ({"models": {"flux-dev": "b2"}}, "the model files of flux-dev have changed"),
        ({"images": {("runpod", "flux-dev"): "sha256:2"}}, "the image of flux-dev on Runpod has changed"),
        (bill(r3=100_000_001), "Runpod's bill of these blocks has changed by $0.10, 1.0 % of it"),
        (bill(r2=1_700_000_000), "Runpod's bill of these blocks has changed by $0.30, 3.0 % of it"),
        (bill(r1=7_900_000_000, r2=2_100_000_000), "Runpod's bill of these blocks has changed by $0.20, 2.0 % of it"),
        (
            {"per_day": {"flux-dev": 1501.0}},
            "flux-dev gets 1,501 requests a day, 50.1 % above the 1,000 that it was decided for",
        ),
        (
            {"per_day": {"flux-dev": 499.0}},
            "flux-dev gets 499 requests a day, 50.1 % below the 1,000 that it was decided for",
        ),
        ({"at": AT + timedelta(days=90)}, "the answer expired 21 Feb 2027"),
    ],
)
def test_what_has_changed_ages_it_at_once(changed: dict[str, Any], said: str) -> None:
    found = reasons(**changed)

    assert found == [said]
    assert title(found) == f"Out of date: {said}"


@pytest.mark.parametrize(
    "changed",
    [
        price(556_499),
        price(503_501),
        bill(r3=100_000_000),
        {"per_day": {"flux-dev": 1500.0}},
        {"per_day": {"flux-dev": 500.0}},
        {"at": AT + timedelta(days=90) - timedelta(seconds=1)},
        {"prices": {}},
        {"models": {}, "images": {}, "bills": {}, "per_day": {}},
        {"prices": {**THEN.prices, ("modal", "H100"): 1}, "models": {**THEN.models, "other": "x"}},
    ],
)
def test_little_changes_and_what_was_not_used_or_not_seen_do_not(changed: dict[str, Any]) -> None:
    assert reasons(**changed) == []


def test_a_withdrawn_line_and_a_bill_where_there_was_none_are_changes() -> None:
    without = {"runpod": {"r1": 8_000_000_000}}
    empty = replace(THEN, bills={"runpod": {}})

    assert reasons(bills=without) == ["Runpod's bill of these blocks has changed by $2.00, 20.0 % of it"]
    assert stale(empty, NOW, valid_days=90) == ["Runpod's bill of these blocks has changed by $10.00"]
    assert stale(empty, replace(empty, at=NOW.at), valid_days=90) == []


def test_what_was_free_and_still_is_has_not_changed() -> None:
    free = replace(THEN, prices={("vast", "L40S"): 0})

    assert stale(free, replace(free, at=NOW.at), valid_days=90) == []
    assert stale(free, NOW, valid_days=90) == ["Vast.ai L40S costs infinitely more"]


def test_every_reason_is_said_and_the_price_comes_first() -> None:
    found = reasons(at=AT + timedelta(days=91), models={"flux-dev": "b2"}, **price(600_000))

    assert [each.split()[0] for each in found] == ["Runpod", "the", "the"]
    assert title(found) == "Out of date: Runpod L40S costs 13.2 % more"


def test_a_verdict_that_is_out_of_date_keeps_what_it_placed() -> None:
    whole = Overall(state=Verdict.GO, placed=[], reason="every workflow goes to one provider", low_usd=251.0)

    assert aged(whole, []) == whole
    old = aged(whole, ["Runpod L40S costs 7.1 % more", "the answer expired 21 Feb 2027"])
    assert (old.state, old.low_usd) == (Verdict.STALE, 251.0)
    assert old.reason == "Runpod L40S costs 7.1 % more; the answer expired 21 Feb 2027"


def test_the_fingerprint_is_of_the_inputs_whatever_their_order_and_their_instant() -> None:
    turned = replace(NOW, prices=dict(reversed(THEN.prices.items())))

    assert fingerprint(turned) == fingerprint(THEN)
    assert len(fingerprint(THEN)) == 64
    changes = [price(530_001), {"models": {"flux-dev": "b"}}, bill(r1=1), {"per_day": {}}, {"images": {}}]
    assert len({fingerprint(replace(NOW, **each)) for each in changes} | {fingerprint(NOW)}) == 6


def test_what_belongs_to_whom_is_part_of_the_fingerprint() -> None:
    one, other = (
        replace(NOW, prices={("runpod", "L40S"): first, ("vast", "L40S"): second}) for first, second in ((1, 2), (2, 1))
    )

    assert fingerprint(one) != fingerprint(other)


def test_nothing_is_known_unless_it_is_told() -> None:
    bare = Inputs(at=AT)

    assert stale(bare, NOW, valid_days=90) == stale(THEN, replace(bare, at=NOW.at), valid_days=90) == []
    assert fingerprint(bare) == fingerprint(Inputs(at=NOW.at)) != fingerprint(THEN)
