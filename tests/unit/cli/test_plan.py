"""`bakeoff plan`: what blocks would show before they are paid for, as a document and as tables, or a refusal."""

import json

import pytest

from storage.db import DataFolder
from tests.unit.cli.conftest import Command
from tests.unit.cli.test_bad_input import refused


def test_as_json_it_is_what_each_gate_needs_the_power_the_cost_and_the_pilot(
    bakeoff: Command,
    measured: DataFolder,  # noqa: ARG001 - its folder
) -> None:
    asked = ("plan", "flux-dev", "--campaigns", "4", "--json")
    told = json.loads(bakeoff(*asked).out)
    endpoint, market = told["candidates"]

    assert (told["card"], told["simulated"], told["saving"], told["gpu"]) == (1, True, 0.2, "L40S")
    assert (endpoint["candidate"], endpoint["looks"], market["looks"]) == ("runpod", [12, 16, 20], [20, 30, 40])
    gates = {gate["gate"]: gate["needs"] for gate in endpoint["gates"]}
    assert [*gates] == ["success", "warm_p95", "stalls", "cold", "saving"]
    assert gates["success"] > 20
    assert {*endpoint["raise"]} <= {"blocks", "warm", "cold"} != {*endpoint["raise"]}
    assert endpoint["power"]["campaigns"] == 4
    assert endpoint["power"]["low"] <= endpoint["power"]["go"] <= endpoint["power"]["high"]
    assert endpoint["pilot"] == {
        "assumed": False, "why": "", "jobs": 960, "blocks": 12, "days": 3, "simulated": True, "operations_timed": False,
    }  # fmt: skip
    cost = told["cost"]
    assert float(cost["usd"]) == pytest.approx(20 * float(cost["block_usd"]))
    assert (cost["blocks"], cost["days"]) == (20, 5)
    assert json.loads(bakeoff(*asked).out) == told, "the same seed draws the same campaigns"


def test_for_a_person_it_is_two_tables_and_what_to_raise(bakeoff: Command, measured: DataFolder) -> None:  # noqa: ARG001
    said = bakeoff("plan", "flux-dev", "--backend", "runpod", "--blocks", "12", "--campaigns", "3")

    assert said.code == 0
    assert said.out.startswith("SIMULATED: no real cloud, no real dollar.\nflux-dev on L40S, blocks of 60 warm and 4")
    assert "blocks needed" in said.out
    assert "passes least often" in said.out
    assert "Raise " in said.out
    assert "By card v1, if a candidate truly saves 20 %" in said.out
    assert "Runpod. Pilot: 960 jobs of both sides in 12 blocks on 3 days, simulated;" in said.out
    assert "12 blocks take 3 days and cost up to $" in said.out
    assert said.err == "Drawing 3 campaigns and judging each by the whole rule. 500 take about 6 s.\n"


def test_enough_adds_blocks_until_the_rule_has_the_power(bakeoff: Command, measured: DataFolder) -> None:  # noqa: ARG001
    asked = ("--backend", "runpod", "--warm", "20", "--blocks", "12", "--campaigns", "10", "--enough", "--json")
    (found,) = json.loads(bakeoff("plan", "flux-dev", *asked).out)["candidates"]

    assert found["blocks"] == found["looks"][-1] > 12
    assert found["power"]["go"] >= 0.8


def test_what_was_never_measured_is_assumed_and_what_has_no_price_costs_nothing_known(
    bakeoff: Command,
    measured: DataFolder,  # noqa: ARG001
) -> None:
    told = json.loads(bakeoff("plan", "flux-dev", "--gpu", "H100", "--campaigns", "0", "--json").out)

    assert [each["pilot"]["assumed"] for each in told["candidates"]] == [True, True]
    assert [each["power"] for each in told["candidates"]] == [None, None]
    assert told["candidates"][0]["pilot"]["why"] == "No run of flux-dev on H100 has ended yet."
    assert told["cost"]["usd"] is None
    assert told["cost"]["basis"].startswith("No price of Modal for H100 is known")
    assert told["settings"] == "{}"


def test_before_a_card_is_written_its_defaults_are_taken(bakeoff: Command, known: DataFolder) -> None:  # noqa: ARG001
    said = bakeoff("plan", "flux-dev", "--backend", "runpod", "--campaigns", "0")

    assert "By the card's defaults, since none is written" in said.out
    assert "Runpod. Assumed, not measured" in said.out


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        (("--blocks", "1"), "A plan takes 2 to 120 blocks, not 1."),
        (("--backend", "aws"), "There is no backend 'aws'."),
        (("--backend", "modal"), "A plan is about a candidate beside Modal"),
        (("--cold", "0"), "A run needs at least 1 cold"),
        (("--saving", "1.2"), "A saving is a share from 0 to below 1, such as 0.2, not 1.2."),
        (("--campaigns", "10001"), "0 to 10,000 campaigns can be drawn"),
        (("--seed", "-1"), "The seed must be 0 or more"),
        (("--enough", "--campaigns", "0"), "Without campaigns nothing tells"),
    ],
)
def test_what_cannot_be_planned_is_refused_in_a_sentence(
    bakeoff: Command,
    known: DataFolder,  # noqa: ARG001
    arguments: tuple[str, ...],
    cause: str,
) -> None:
    refused(bakeoff("plan", "flux-dev", *arguments), cause)
