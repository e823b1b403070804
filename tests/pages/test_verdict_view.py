"""What the verdict's page says of a document, number by number."""

from typing import Any

import pytest

from ui import verdict_view
from ui.charts import gates
from ui.charts.gates import REACH

QUALITY = {
    "gate": "quality",
    "passes": None,
    "harm": False,
    "margin": 0.4,
    "least": True,
    "why": "no pair was compared",
}


def gate(name: str, value: float | None, low: float | None, high: float | None, **said: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "gate": name, "passes": True, "harm": False, "margin": 0.1, "least": True, "why": "", "n": 700, "value": value,
        "low": low, "high": high, "words": {"estimate": "31 %", "interval": "[26, 36]", "bound": "> 10 %"},
    }  # fmt: skip
    return row | said


def candidate(*rows: dict[str, Any], **said: Any) -> dict[str, Any]:
    return {"candidate": "runpod", "workflow": "flux-dev", "state": "go", "look": 1, "blocks": 12, "gates": rows} | said


def only(row: dict[str, Any]) -> dict[str, Any]:
    return verdict_view.gate_rows(candidate(row), simulated=True).to_dicts()[0]


@pytest.mark.parametrize(
    ("row", "at", "low", "high"),
    [
        (gate("saving", 0.31, 0.26, 0.36), 2.1, 1.6, 2.6),  # (.31 - .10) / .10
        (gate("warm_p95", 1.04, 1.01, 1.07, margin=1.1, least=False), 0.6, 0.3, 0.9),  # (1.10 - 1.04) / .10
        (gate("success", -0.031, -0.046, -0.021, margin=-0.02), -0.55, -1.3, -0.05),
        (gate("saving", 0.9, 0.85, 0.95), REACH, REACH, REACH),
    ],
)
def test_a_gate_is_drawn_by_its_distance_to_the_limit(row: dict[str, Any], at: float, low: float, high: float) -> None:
    drawn = only(row)

    assert [drawn[name] for name in ("at", "low", "high")] == pytest.approx([at, low, high])


@pytest.mark.parametrize(
    ("said", "mark", "state"),
    [
        ({"passes": True}, "✓", "go"),
        ({"passes": False, "harm": True}, "✕", "nogo"),
        ({"passes": False}, "?", "wait"),
        ({"passes": None}, "?", "wait"),
    ],
)
def test_what_does_not_pass_is_open_until_it_is_harm(said: dict[str, Any], mark: str, state: str) -> None:
    drawn = only(gate("saving", 0.05, 0.02, 0.2, **said))

    assert (drawn["mark"], drawn["state"]) == (mark, state)


def test_a_number_without_an_interval_is_not_drawn() -> None:
    drawn = only(gate("success", -0.005, None, None, passes=None))

    assert (drawn["at"], drawn["low"], drawn["high"]) == (None, None, None)


def test_far_below_the_limit_the_edge_says_so() -> None:
    assert only(gate("saving", -0.9, -0.95, -0.8))["edge"] == "◂"
    assert only(gate("saving", 0.2, 0.15, 0.3))["edge"] == ""


def test_gates_come_in_the_order_in_which_finance_reads_them() -> None:
    rows = [gate(name, 0.2, 0.1, 0.3) for name in ("success", "saving", "warm_p95")]

    assert verdict_view.gate_rows(candidate(*rows), simulated=True)["gate"].to_list() == [
        "Saving",
        "Warm p95",
        "Success",
    ]


def test_the_chart_has_every_gate_and_says_that_it_is_simulated() -> None:
    rows = verdict_view.gate_rows(candidate(gate("saving", 0.31, 0.26, 0.36)), simulated=True)
    spec = gates(rows)

    assert spec["title"]["text"] == "SIMULATED"
    assert len(spec["layer"]) == 9


def test_what_no_more_blocks_would_close_is_said() -> None:
    worth = gate("worth", None, None, None, passes=None, why="nobody has timed its operations")
    short = gate("success", -0.01, None, None, passes=None, why="needs 2 more blocks")
    row = candidate(worth, short, {**gate("quality", None, None, None), **QUALITY})

    assert verdict_view.unknowns(row) == (
        "Net a month: nobody has timed its operations. Image parity: no pair was compared."
    )


def document(*candidates: dict[str, Any], **said: Any) -> dict[str, Any]:
    places = [
        {"workflow": each["workflow"], "state": each["state"], "destination": each["candidate"]} for each in candidates
    ]
    return {
        "workflows": places, "candidates": candidates, "jobs": 4811, "blocks": 40, "days": 5, "spent_usd": 63.1,
        "final_share": 0.97,
        "valid_to": "2027-02-21T00:00:00+00:00", "simulated": True,
        "card": {"version": 3, "locked_by": "ana", "post_hoc": "", "terms": {"margins.target_saving": 0.2}},
    } | said  # fmt: skip


def test_the_figures_are_those_of_the_move_that_goes() -> None:
    go = candidate(gate("worth", 251.0, 206.0, 299.0), gate("saving", 0.31, 0.26, 0.36))

    assert verdict_view.figures(document(go)) == [
        ("Saving a month", "$251", "$206 to $299", "worth"),
        ("Saving", "31 %", "[26, 36]", "saving"),
        ("Chance of ≥ 20 %", "–", "no look yet", "chance"),
        ("Spent to know", "$63.10", "97.0 % of it final", "cost state"),
    ]


@pytest.mark.parametrize(("share", "said"), [(0.973, "97 %"), (1.0, "> 99 %"), (0.0, "< 1 %"), (0.01, "1 %")])
def test_no_draw_makes_a_chance_certain(share: float, said: str) -> None:
    go = candidate(chances={"target": 0.2, "above_target": share})

    assert verdict_view.figures(document(go))[2] == ("Chance of ≥ 20 %", said, "flux-dev on Runpod", "chance")


def test_the_record_of_the_baseline_against_itself_is_told() -> None:
    assert "0 of 9 comparisons in 3 schedules outside their limits" in verdict_view.aa(
        document(aa={"schedules": 3, "comparisons": 9, "outside": 0})
    )
    assert "takes five blocks" in verdict_view.aa(document(aa={"schedules": 0, "comparisons": 0, "outside": 0}))


def test_where_nothing_moves_no_figure_is_made_up() -> None:
    stay = candidate(gate("worth", 251.0, 206.0, 299.0), state="not_worth_it")
    month, share, *_ = verdict_view.figures(document(stay, final_share=None))

    assert (month[1:3], share[1:3]) == (("–", "nothing moves"), ("–", "no candidate is a go"))
    assert verdict_view.figures(document(stay, final_share=None))[3][2] == "no bill yet"


def test_the_caption_says_what_was_promised_and_when() -> None:
    late = document(card={"version": 4, "locked_by": "ben", "post_hoc": "locked after 212 samples"})

    assert verdict_view.caption(document()) == (
        "Valid to 21 Feb 2027 · card v3 locked by ana, before the first sample · 4,811 jobs in 40 blocks"
    )
    assert "card v4 locked by ben, locked after 212 samples" in verdict_view.caption(late)


def test_a_blocked_move_says_why_on_the_ground() -> None:
    rows = verdict_view.ground(document(candidate(state="blocked", reason="A bill does not add up."), candidate()))

    assert [row["Why not"] for row in rows] == ["A bill does not add up.", ""]
    assert verdict_view.basis(candidate(look=0, blocks=7)) == ""


def test_the_figures_of_two_moves_are_summed_and_one_that_was_not_chosen_is_in_no_sum() -> None:
    first = candidate(gate("worth", 251.0, 206.0, 299.0), gate("saving", 0.31, 0.26, 0.36))
    second = candidate(gate("worth", 100.0, 80.0, 120.0), gate("saving", 0.2, 0.15, 0.25), workflow="qwen")
    passed_over = candidate(gate("worth", 900.0, 800.0, 999.0), candidate="vast")
    said = document(passed_over, first, second)
    said["workflows"] = said["workflows"][1:]

    month, share, *_ = verdict_view.figures(said)
    assert month[1:3] == ("$351", "$286 to $419")
    assert share[1:3] == ("–", "2 workflows move: see each")
