"""What Launch and Decision card say of a plan's power: planned of needed, what to raise, and what it rests on."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from analysis.verdict.outlook import Outlook, assumed, default_card, one_block, outlook
from analysis.verdict.planner import Power, Raise
from tests.pages.conftest import Open, words
from tests.pages.test_pages_do import button
from ui import power_view
from words import Gate, Verdict

CARD = default_card("flux-dev", ("runpod", "vast"))


def under(blocks: int, *, warm: int = 60, cold: int = 4, names: Sequence[str] = ("runpod", "vast")) -> list[Outlook]:
    """Both under a plan, assumed; Vast.ai on rented machines."""
    found = []
    for name in names:
        like = one_block(warm, cold, rents=name == "vast")
        known = assumed(like.parts, "Nothing was measured.")
        found.append(outlook(CARD, name, like, blocks=blocks, basis=known, candidates=len(names)))
    return found


def power(go: float, binding: Gate = Gate.SUCCESS) -> Power:
    passes = dict.fromkeys(Gate, 1.0) | {binding: go}
    states = {Verdict.GO: go, Verdict.NOT_SHOWN: 1 - go}
    return Power(campaigns=500, states=states, passes=passes, blocks=18.0)


def test_needed_blocks_are_those_of_the_candidate_that_needs_most() -> None:
    found = under(20)
    rows = power_view.gate_rows(found, simulated=True)

    assert rows["question"].to_list() == ["Success", "Warm p95", "Stalls", "Cold latency", "Saving"]
    assert rows["planned"].to_list() == [20] * 5
    assert rows["needed"].to_list() == [max(each.needs[gate] or 0 for each in found) for gate in found[0].needs]
    assert rows["simulated"].to_list() == [True] * 5
    assert power_view.plan_title(found) == "20 blocks settle 4 of the 5 gates that jobs decide"
    assert power_view.plan_title(under(24)) == "24 blocks settle 5 of the 5 gates that jobs decide"


def test_a_gate_that_can_never_pass_has_no_row_and_is_not_settled() -> None:
    assert power_view.gate_rows(under(20, warm=0), simulated=True).is_empty()
    assert power_view.plan_title(under(20, warm=0)).startswith("20 blocks settle 0 of the 5")


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        ({"blocks": 24}, ""),
        ({"blocks": 20}, "Raise Blocks to 24: success of Runpod needs 23 blocks like these."),
        ({"blocks": 8, "warm": 400, "cold": 30}, "Raise Blocks to 12: the card asks for 12 blocks at least."),
        ({"blocks": 20, "warm": 5, "cold": 1, "names": ["runpod"]},
         "Raise Warm jobs each to 57 and Cold jobs each to 2: success of Runpod needs 129 blocks like these."),
        ({"blocks": 20, "warm": 0, "names": ["runpod"]},
         "Raise Warm jobs each to 57: without a warm job most gates have no number."),
    ],
)  # fmt: skip
def test_it_says_which_field_to_raise_and_why(plan: dict, said: str) -> None:
    found = under(**plan)

    assert power_view.to_raise(found, [None] * len(found)) == said


def test_once_the_power_is_drawn_it_counts_and_the_formulas_do_not() -> None:
    short, ample = under(20), under(24)

    assert power_view.to_raise(short, [power(0.84), power(0.9)]) == ""
    assert power_view.to_raise(short, [power(0.84), power(0.62)]) == (
        "Raise Blocks to 28: the rule says GO for Vast.ai in 62 % of campaigns, and 80 % are wanted."
    )
    assert power_view.to_raise(ample, [power(0.79), power(0.9)]).startswith(
        "Raise Blocks to 32: the rule says GO for R"
    )
    assert power_view.to_raise(under(120), [power(0.5), power(0.9)]) == (
        "No plan of 120 blocks settles it: the rule says GO for Runpod in 50 % of campaigns, and 80 % are wanted."
    )


def test_a_power_is_told_with_its_interval_its_campaigns_and_what_fails() -> None:
    endpoint, market = under(20)

    assert power_view.power_words(endpoint, power(0.84)) == (
        "**Runpod: GO in 84 % [81, 87] of 500 campaigns**, after 18 blocks on average. Success passes least often."
    )
    assert power_view.power_words(market, power(1.0)) == (
        "**Vast.ai: GO in 100 % [99, 100] of 500 campaigns**, after 9 blocks on average."
    )


def test_what_all_rest_on_is_said_once_for_those_that_rest_on_the_same() -> None:
    both, same = under(20), under(20, cold=1)

    assert [each.partition(". ")[0] for each in power_view.basis_words(both)] == ["Runpod", "Vast.ai"]
    (only,) = power_view.basis_words(same)
    assert only.startswith("Runpod and Vast.ai. Assumed, not measured (9 s warm, 45 s boots, hosts that differ by 3 %")
    said = power_view.supposed(both, saving=0.2, version=None)
    assert said.startswith("By the card's defaults, since none is written, if a candidate truly saves 20 %")
    assert "The 2 candidates share its alpha." in said
    assert power_view.supposed(both[:1], saving=0.2, version=3).startswith("By card v3, if")
    assert both[0].raised == [Raise("blocks", 24)]


# ---------------------------------------------------------------- on pages


def test_launch_says_what_blocks_of_its_jobs_would_decide_and_follows_each_field(seeded: Path, open_page: Open) -> None:
    app = open_page(seeded, "launch")
    assert "What would it decide?" in words(app)
    assert "20 blocks settle 4 of the 5 gates that jobs decide" in words(app)
    assert "success of Runpod needs" in words(app)
    assert "in 1 block on 1 day, simulated; how blocks differ is assumed" in words(app).replace("\\", "")
    assert "bakeoff plan flux-dev --gpu L40S" in app.code[1].value
    assert "--blocks 20 --days 5 --cap 70" in app.code[1].value

    app.number_input(key="blocks").set_value(12).run()
    assert "12 blocks settle" in words(app)
    assert "Raise " in words(app)
    assert not app.exception


@pytest.mark.parametrize(
    ("sample", "on", "said"),
    [("Under load", ["runpod"], "no verdict rests on it"), ("First look", [], "A verdict is about a candidate")],
)
def test_where_no_verdict_could_rest_on_the_form_it_says_so(
    seeded: Path, open_page: Open, sample: str, on: list[str], said: str
) -> None:
    app = open_page(seeded, "launch")
    app.segmented_control(key="sample").set_value(sample).run()
    app.get_by_key("on").set_value(on).run()

    assert said in words(app)
    assert "gates that jobs decide" not in words(app)
    assert len(app.code) == 1


def test_without_a_pilot_launch_says_that_its_laws_are_assumed(seeded: Path, open_page: Open) -> None:
    app = open_page(seeded, "launch")
    app.segmented_control(key="wf").set_value("qwen-image-2512-fast").run()

    assert "Assumed, not measured (9 s warm, 45 s boots" in words(app).replace("\\", "")
    assert "20 blocks settle" in words(app)


def test_the_power_is_drawn_when_asked_for_and_belongs_to_the_plan_it_was_asked_of(
    seeded: Path, open_page: Open
) -> None:
    app = open_page(seeded, "launch")
    app.get_by_key("on").set_value(["runpod"]).run()
    app.number_input(key="blocks").set_value(12).run()
    assert "campaigns" not in words(app)

    button(app, "Power of the whole rule").click().run()
    assert "of 500 campaigns" in words(app)
    assert not [one for one in app.button if one.label.startswith("Power")]

    app.number_input(key="blocks").set_value(16).run()
    assert "campaigns" not in words(app)
    assert button(app, "Power of the whole rule")


def test_the_card_says_what_its_own_looks_would_show_once_asked(seeded: Path, open_page: Open) -> None:
    app = open_page(seeded, "card")
    assert "gates that jobs decide" not in words(app)

    button(app, "Planned of needed blocks").click().run()

    assert "20 blocks settle" in words(app)
    assert "blocks of 60 warm and 4 cold jobs" in words(app).replace("\\", "")
    assert not app.exception
