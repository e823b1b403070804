"""Values of a card as a person writes them: each has its type, and what is none is said with all the rest."""

from typing import Any

import pytest

from analysis.verdict.card import Card, CardError, Pinned, canonical, changes, read
from analysis.verdict.card_values import laid_over, read_values

PINS = {name: Pinned(workflow_hash=f"h-{name}", settings="{}", gpu="L40S") for name in ("flux-dev", "qwen-image-2512")}
CARD = Card(workflows=("flux-dev", "qwen-image-2512"), candidates=("runpod", "vast"), traffic="known", pins=PINS)


def edited(**values: Any) -> Card:
    return laid_over(CARD, read_values(values), PINS)


@pytest.mark.parametrize(
    ("name", "written", "line"),
    [
        ("margins.saving", "0.15", "margins.saving: 0.1 -> 0.15"),
        ("margins.payback_months", "9", "margins.payback_months: 12.0 -> 9.0"),
        ("minima.blocks", "14", "minima.blocks: 12 -> 14"),
        ("alpha", "0.1", "alpha: 0.05 -> 0.1"),
        ("looks", "12, 18 24", "looks: [12, 16, 20] -> [12, 18, 24]"),
        ("looks_rented", [24, 36], "looks_rented: [20, 30, 40] -> [24, 36]"),
        ("candidates", "vast", 'candidates: ["runpod", "vast"] -> ["vast"]'),
        ("traffic", " mine ", 'traffic: "known" -> "mine"'),
        ("votes_needed", "Yes", "votes_needed: false -> true"),
        ("licence_needed", False, "licence_needed: true -> false"),
        ("valid_days", 30, "valid_days: 90 -> 30"),
        ("pins.flux-dev.gpu", "H100", 'pins.flux-dev.gpu: "L40S" -> "H100"'),
        ("pins.flux-dev.settings", '{"b":1,"a":2}', r'pins.flux-dev.settings: "{}" -> "{\"a\": 2, \"b\": 1}"'),
    ],
)
def test_a_value_changes_what_it_names_and_nothing_else(name: str, written: Any, line: str) -> None:
    card = laid_over(CARD, read_values({name: written}), PINS)

    assert changes(CARD, card) == [line]
    assert read(canonical(card)) == card


def test_tasks_and_weights_are_given_one_by_one_replaced_or_taken_off() -> None:
    some = edited(**{"ops.deploy": "4", "ops.debug": 2})
    assert some.ops == {"deploy": 4.0, "debug": 2.0}
    assert laid_over(some, read_values({"ops": ""}), PINS).ops == {}
    assert laid_over(some, read_values({"ops": {"logs": "1"}}), PINS).ops == {"logs": 1.0}
    assert laid_over(some, read_values({"ops": "", "ops.logs": "1"}), PINS).ops == {"logs": 1.0}
    assert edited(**{"weights.flux-dev": "0.75", "weights.qwen-image-2512": "0.25"}).weight("flux-dev") == 0.75
    assert CARD.ops == {}, "the card that was edited is as it was"


def test_pins_are_those_that_are_given() -> None:
    one = laid_over(CARD, read_values({"workflows": "flux-dev"}), {"flux-dev": PINS["flux-dev"]})

    assert (one.workflows, list(one.pins)) == (("flux-dev",), ["flux-dev"])


@pytest.mark.parametrize(
    ("name", "written", "said"),
    [
        ("margins.saving", "much", "margins.saving is a number, not 'much'."),
        ("margins.saving", "0,15", "margins.saving is a number, not '0,15'."),
        ("margins.saving", "nan", "margins.saving is a number, not 'nan'."),
        ("hourly_usd", "inf", "hourly_usd is a number, not 'inf'."),
        ("minima.blocks", "12.5", "minima.blocks is a whole number"),
        ("minima.blocks", 12.5, "minima.blocks is a whole number"),
        ("minima.days", "1000001", "minima.days is a whole number of at most 1,000,000"),
        ("looks", "12, many", "looks is whole numbers"),
        ("votes_needed", "perhaps", "votes_needed is yes or no, not 'perhaps'."),
        ("traffic", "  ", "traffic is a name"),
        ("ops", "deploy", "ops is empty, or given one by one"),
        ("ops.deploy", "often", "ops.deploy is a number"),
        ("pins.flux-dev.settings", "[1]", "is a JSON object of parameters"),
        ("pins.flux-dev.settings", "{", "is a JSON object of parameters"),
        ("pins.flux-dev.workflow_hash", "x", "A card has no 'pins.flux-dev.workflow_hash'."),
        ("pins.gpu", "x", "A card has no 'pins.gpu'."),
        ("margins.price", "1", "A card has no 'margins.price'. It has alpha,"),
        ("digest", "1", "A card has no 'digest'."),
        ("ops.", "1", "A card has no 'ops.'"),
        ("", "1", "A card has no ''."),
    ],
)
def test_what_is_no_value_of_a_card_is_told(name: str, written: Any, said: str) -> None:
    with pytest.raises(CardError) as refused:
        read_values({name: written})

    assert said in str(refused.value)


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(CardError) as refused:
        read_values({"alpha": "x", "margins.price": "1", "margins.saving": "0.1"})

    assert "alpha is a number" in str(refused.value)
    assert "margins.price" in str(refused.value)
    assert "margins.saving is" not in str(refused.value)


def test_a_contradiction_between_values_is_told_by_the_card() -> None:
    with pytest.raises(CardError, match="the target must be the larger one"):
        edited(**{"margins.saving": 0.3})


def test_only_what_is_compared_can_be_pinned() -> None:
    with pytest.raises(CardError, match="does not compare 'sdxl': it pins flux-dev, qwen-image-2512"):
        edited(**{"pins.sdxl.gpu": "H100"})
