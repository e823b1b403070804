"""The decision card: one spelling, one hash, and no card that contradicts itself."""

import json
import math
from dataclasses import replace
from typing import Any

import pytest

from analysis.verdict.card import Card, CardError, Margins, Minima, canonical, changes, read

CARD = Card(workflows=("flux-dev", "qwen-image-2512"), candidates=("runpod", "vast"), traffic="known")


def test_a_card_that_was_written_and_read_is_the_same_with_the_same_hash() -> None:
    again = read(canonical(CARD))

    assert again == CARD
    assert again.digest == CARD.digest
    assert len(CARD.digest) == 64


def test_the_order_in_which_a_card_is_spelled_changes_no_hash() -> None:
    shuffled = json.dumps(dict(reversed(json.loads(canonical(CARD)).items())), indent=2)

    assert read(shuffled).digest == CARD.digest


def test_any_change_changes_the_hash_and_is_named() -> None:
    edited = replace(CARD, margins=Margins(saving=0.15))

    assert edited.digest != CARD.digest
    assert changes(CARD, edited) == ["margins.saving: 0.1 -> 0.15"]
    assert changes(CARD, CARD) == []
    assert changes(CARD, replace(CARD, ops={"deploy": 2.0})) == ["ops: {} -> nothing", "ops.deploy: nothing -> 2.0"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"workflows": ()}, "names no workflows"),
        ({"candidates": ()}, "names no candidates"),
        ({"candidates": ("modal",)}, "cannot be a candidate"),
        ({"candidates": ("runpod", "runpod")}, "named twice"),
        ({"traffic": ""}, "No traffic is named"),
        ({"margins": Margins(success=0.0)}, "margins.success is a share"),
        ({"margins": Margins(stalls=1.0)}, "margins.stalls is a share"),
        ({"margins": Margins(saving=math.nan)}, "margins.saving is a share"),
        ({"margins": Margins(warm_p95=1.0)}, "margins.warm_p95 is a ratio above 1"),
        ({"margins": Margins(cold=math.inf)}, "margins.cold is a ratio above 1"),
        ({"margins": Margins(preference=0.5)}, "margins.preference is a share between 0 and 0.5"),
        ({"margins": Margins(saving=0.2)}, "the target must be the larger one"),
        ({"margins": Margins(payback_months=0)}, "must be above 0"),
        ({"alpha": 0.0}, "alpha is above 0"),
        ({"alpha": 0.21}, "alpha is above 0"),
        ({"late_share": 0.5}, "late_share is above 0"),
        ({"looks": ()}, "looks must ascend"),
        ({"looks": (12, 12, 20)}, "looks must ascend"),
        ({"looks": (4, 20)}, "no look could ever say it"),
        ({"looks_rented": (8, 10)}, "looks_rented end at 10"),
        ({"hourly_usd": -1.0}, "hourly_usd must not be below 0"),
        ({"one_off_hours": math.nan}, "one_off_hours must not be below 0"),
        ({"ops": {"coffee": 1.0}}, "ops.coffee is no kind of task"),
        ({"ops": {"deploy": -1.0}}, "ops.deploy must not be below 0"),
        ({"weights": {"flux-dev": 1.0}}, "weights must name each workflow once"),
        ({"weights": {"flux-dev": 0.5, "qwen-image-2512": 0.6}}, "add up to 1"),
        ({"weights": {"flux-dev": 1.0, "qwen-image-2512": 0.0}}, "Each weight must be above 0"),
        ({"valid_days": 0}, "must be above 0"),
        ({"valid_days": 367}, "at most 366"),
        ({"minima": Minima(blocks=0)}, "minima.blocks is at least 1, not 0"),
        ({"minima": Minima(days=0)}, "minima.days is at least 1"),
        ({"minima": Minima(hosts=-1)}, "minima.hosts is at least 1"),
        ({"minima": Minima(harm_blocks=0)}, "minima.harm_blocks is at least 1"),
        ({"minima": Minima(raters=0)}, "minima.raters is at least 1"),
        ({"minima": Minima(cold_share=1.0)}, "minima.cold_share is a share from 0 to below 1"),
        ({"minima": Minima(cold_share=-0.01)}, "minima.cold_share is a share from 0 to below 1"),
    ],
)
def test_a_card_that_contradicts_itself_is_refused_with_what_would_be_right(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(CardError, match=said):
        replace(CARD, **wrong)


def test_every_contradiction_is_said_at_once() -> None:
    with pytest.raises(CardError) as refused:
        replace(CARD, alpha=0.9, traffic="")

    assert "alpha" in str(refused.value)
    assert "traffic" in str(refused.value)


def test_the_least_that_is_sensible_is_a_card() -> None:
    least = replace(CARD, looks=(8, 12), minima=Minima(blocks=12, harm_blocks=8), alpha=0.2, valid_days=1)

    assert least.looks == (8, 12)


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"margins": {}}', '{"margins": {"x": 1}, "minima": {}}'])
def test_what_is_no_card_is_refused(text: str) -> None:
    with pytest.raises(CardError, match="no decision card"):
        read(text)


def test_a_value_of_the_wrong_kind_is_refused() -> None:
    with pytest.raises(CardError):
        read(canonical(CARD).replace('"alpha":0.05', '"alpha":"much"'))


def test_workflows_weigh_the_same_where_the_card_does_not_say() -> None:
    weighed = replace(CARD, weights={"flux-dev": 0.75, "qwen-image-2512": 0.25})

    assert CARD.weight("flux-dev") == 0.5
    assert weighed.weight("flux-dev") == 0.75
