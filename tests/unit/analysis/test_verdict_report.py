"""The report: one page for finance, appendices for engineers, and strangers' words that stay words in every format."""

from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from analysis.verdict.document import document
from analysis.verdict.render import file_of, html, markdown, message, typst
from analysis.verdict.report import Report, report, signatures
from analysis.verdict.said import NOT_VERIFIED, heard
from tests.unit.analysis.test_verdict_document import FACTS, GO, SPLIT, all_alike, blocked, early
from words import Gate

HOSTILE = "<script>alert(1)</script> | *bold* [x](http://evil.example) #import $x$ `rm`"


def said(found: Any = SPLIT) -> dict[str, Any]:
    return document(found, digest="7f3a" * 16)


class Shape(HTMLParser):
    """Tags that are opened, and what they ask the network for."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.asked: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.asked += [value for name, value in attrs if name in ("src", "href") and value]


def test_finance_reads_the_finding_its_dollars_and_what_is_asked_first() -> None:
    made = report(said())

    assert made.headline == "Split: flux-dev to Runpod, qwen stays on Modal"
    assert made.under[0].startswith("Moving flux-dev saves $")
    assert made.under[1].startswith(
        "Valid to 21 Feb 2027 · card v3 locked by ana, before the first sample · bills 97 % final"
    )
    assert made.stamp == "GPU Bake-off · IN-035 · 23 Nov 2026 · snapshot 7f3a7f3a"
    assert [section.title for section in made.first] == ["What the rule says", "We ask", "How sure", "Signed"]
    ask = made.first[1].lines
    assert ask[0] == "An epic to move flux-dev to Runpod."
    assert "after operations" in ask[1]
    assert ask[2].startswith("Outline: ")
    assert ask[3].startswith("If wrong it costs: flux-dev on Runpod, $0 for the move and as much for the way back; ")


def test_every_candidate_has_its_row_and_its_gates() -> None:
    made = report(said())
    table = made.first[0].table

    assert table is not None
    assert [row[:3] for row in table.rows] == [
        ["flux-dev", "Runpod", "GO"],
        ["flux-dev", "Vast.ai", "STAY (not worth it)"],
        ["qwen", "Runpod", "STAY (not worth it)"],
        ["qwen", "Vast.ai", "STAY (not worth it)"],
    ]
    gates = [section for section in made.rest if section.title.startswith("B. Gates")]
    assert len(gates) == 4
    assert all(section.table is not None and len(section.table.rows) == len(Gate) for section in gates)


def test_the_card_is_there_criterion_by_criterion() -> None:
    (card,) = (section for section in report(said()).rest if section.title == "A. Decision card")

    assert card.table is not None
    terms = {row[0]: row[1] for row in card.table.rows}
    assert terms["margins.saving"] == "0.1"
    assert terms["candidates"] == "runpod, vast"
    assert card.lines[0].startswith("Version 3, SHA-256 ")


@pytest.mark.parametrize(
    ("found", "asked"),
    [
        (early(SPLIT), "Nothing yet: measure on, as the plan says."),
        (blocked(all_alike(0.0), "A bill does not add up."), "Nothing yet: mend what blocks the verdict, named above."),
        (all_alike(0.0), "Nothing: stay. A new question needs a new card."),
    ],
)
def test_where_nothing_moves_nothing_is_asked(found: Any, asked: str) -> None:
    lines = report(said(found)).first[1].lines

    assert lines[0] == asked
    assert all(line.startswith("If wrong it costs: ") for line in lines[1:])
    assert [line.split()[4] for line in lines[1:]] == ["flux-dev", "qwen"]


def test_a_go_has_no_open_gate_among_what_it_is_sure_of() -> None:
    sure = report(said(all_alike(GO))).first[2].lines

    assert sure
    assert all(line.startswith(("Sure of, ", "Not sure of, ")) for line in sure[:-1])
    assert sure[-1] == "To know more: nothing, no move is open."


TURN = {
    "lever": "the price of Runpod", "now_text": "$1.44 an hour", "flip": 1.57, "flip_text": "$1.57 an hour",
    "sentence": "GO flips to STAY if the price of Runpod rises above $1.57 an hour.", "typed": True,
}  # fmt: skip
BUY = {
    "usd": 31.2, "hours": 2.0, "days": 2, "chance": 0.6, "worth_usd": None, "buys": True, "jobs": 214, "asks": [],
    "sentence": "8 more blocks.", "steps": [],
}  # fmt: skip


def explained() -> dict[str, Any]:
    """With what would turn it, costs at other volumes, and one move that is open."""
    made = said()
    first, second, *rest = made["candidates"]
    margin = TURN | {"lever": "the margin of cold latency", "typed": False, "sentence": "A margin turns it."}
    still = TURN | {"flip": None, "flip_text": None, "sentence": "It holds."}
    return made | {
        "turns": [TURN, still, margin],
        "volumes": [{"workflow": "flux-dev", "option": "Modal"}],
        "candidates": [first, second | {"buy": BUY}, *rest],
    }


def test_the_first_page_has_both_charts_and_what_an_assumption_turns() -> None:
    made = report(explained())
    change, sure = made.first[1], made.first[3]

    assert (change.title, [name for name, _ in change.pictures]) == ("What would change it?", ["volume", "tornado"])
    assert change.lines == [TURN["sentence"]]
    assert sure.lines[-1] == "To know more: 214 jobs, $31, 2 days."
    assert report(explained() | {"turns": [still for still in explained()["turns"] if not still["typed"]]}).first[
        1
    ].lines == ["No assumption turns it within what is plausible; the volume is not tried here."]


def test_a_chart_without_its_numbers_is_left_out() -> None:
    other = {"workflow": "qwen", "option": "Modal"}

    assert [name for name, _ in report(explained() | {"volumes": [other]}).first[1].pictures] == ["tornado"]
    assert [name for name, _ in report(explained() | {"turns": []}).first[1].pictures] == ["volume"]
    assert "What would change it?" not in [section.title for section in report(said()).first]


def test_engineers_find_every_input_that_turns_it_and_what_each_gate_needs() -> None:
    tables = {section.title: section.table for section in report(explained()).rest}

    assert [row[0] for row in tables["What would turn it"].rows] == [
        "the price of Runpod",
        "the margin of cold latency",
    ]
    assert [row[0] for row in tables["To know more"].rows] == ["flux-dev on Vast.ai"]
    assert {"What would turn it", "To know more"}.isdisjoint(section.title for section in report(said()).rest)


def test_pictures_stand_side_by_side() -> None:
    drawn = {"volume": "<svg>v</svg>", "tornado": "<svg>t</svg>"}

    assert html(report(explained()), drawn).count('<div class="pictures">') == 1
    assert "#grid(columns: (1fr, 1fr)" in typst(report(explained()), drawn)


def test_what_is_simulated_says_so_in_every_format() -> None:
    made = report(document(replace(SPLIT, facts=replace(FACTS, simulated=True))))

    assert markdown(made).startswith("**SIMULATED: ")
    assert '<p class="marked">SIMULATED: ' in html(made, {})
    assert "SIMULATED" in typst(made, ())
    event, second, *_ = message(made).splitlines()
    assert event == "[EVENT=VERDICT] data=SIMULATED card=v3 status=split"
    assert second == "SIMULATED: no real cloud, no real dollar"
    assert "SIMULATED" not in html(report(said()), {})


def test_the_message_is_an_event_then_the_finding_then_each_move() -> None:
    lines = message(report(said()), link="https://bakeoff.example.org/").splitlines()

    assert lines[0] == "[EVENT=VERDICT] data=measured card=v3 status=split snapshot=7f3a7f3a"
    assert lines[1] == "Split: flux-dev to Runpod, qwen stays on Modal"
    assert lines[2].startswith("Moving flux-dev saves $")
    assert lines[4].startswith("- flux-dev on Runpod: GO. Saves ")
    assert lines[-1] == "https://bakeoff.example.org/"
    assert len(lines) == 9


def test_a_message_has_twelve_lines_at_most() -> None:
    made = document(replace(SPLIT, facts=replace(FACTS, simulated=True)), digest="7f3a" * 16)
    made["candidates"] += [row | {"workflow": f"{row['workflow']}-{n}"} for n in (2, 3) for row in made["candidates"]]
    lines = message(report(heard(made, [OVERRIDE]) | {"stale": ["a price moved"]}), link="x").splitlines()

    assert len(lines) == 12
    assert lines[-2] == "- and 9 more"
    assert lines[0].split()[3:] == ["status=stale", "overridden=go", "snapshot=7f3a7f3a"]
    assert lines[3] == "Out of date: a price moved."


OVERRIDE = {
    "name": "ana", "second_name": "ben", "reason": "We leave\n[EVENT=DEPLOY] status=success", "instead": "go",
    "at": "2026-11-24T08:00:00+00:00", "snapshot": "9c2b" * 16,
}  # fmt: skip
AGREES = OVERRIDE | {"name": "cy", "second_name": None, "reason": "", "instead": None}


@pytest.mark.parametrize("words", [[OVERRIDE, AGREES], [AGREES, OVERRIDE]])
def test_an_override_ends_the_title_in_every_format_and_the_names_are_not_verified(words: list[dict[str, Any]]) -> None:
    found = heard(document(replace(SPLIT, facts=replace(FACTS, post_hoc="locked after 3 samples"))), words)
    made = report(found)
    ending = ", after the fact, overridden by ana: We leave [EVENT=DEPLOY] status=success"

    assert made.headline == f"Split: flux-dev to Runpod, qwen stays on Modal{ending}"
    assert found["state"] == "split"
    for text in (markdown(made), html(made, {}), typst(made, ()), message(made)):
        plain = text.replace("\\", "")
        assert ending in plain
        assert NOT_VERIFIED in plain
        assert "\n[EVENT=DEPLOY]" not in plain
    lines = made.first[-1].lines
    assert lines[0] == "Limits locked 23 Nov 2026 by ana (not verified)."
    assert set(lines[1:]) == {
        "ana with ben (not verified) decides GO instead, 24 Nov 2026, snapshot 9c2b9c2b: We leave [EVENT=DEPLOY] "
        "status=success",
        "cy (not verified) agrees, 24 Nov 2026, snapshot 9c2b9c2b",
    }


def test_who_only_agrees_changes_no_title_and_takes_the_line_to_sign_on_away() -> None:
    assert report(said()).first[-1].lines[0].endswith(" Signed: ______________________")
    made = report(heard(said(), [AGREES]))

    assert made.headline == "Split: flux-dev to Runpod, qwen stays on Modal"
    assert not any("____" in line for line in made.first[-1].lines)


def test_a_long_reason_is_cut_in_the_title_and_whole_beside_the_name() -> None:
    reason = " ".join(["because"] * 40)
    found = heard(said(), [OVERRIDE | {"reason": reason}])

    assert found["overridden"] == f", overridden by ana: {' '.join(['because'] * 14)} …"
    assert reason in signatures(found)[0]


def test_a_loss_has_its_sign_before_its_dollar() -> None:
    losing = report(said()).rest[2].table

    assert losing is not None
    assert losing.rows[-1][3].startswith("−$")


def test_nobody_s_word_leaves_the_document_as_it_was() -> None:
    assert heard(said(), []) == said()


def test_a_cell_says_its_intervals_or_how_many_it_needs() -> None:
    cell = {
        "workflow": "flux-dev", "backend": "vast", "gpu": "L40S", "start_kind": "cold", "n": 48, "success_rate": 0.979,
        "success_lo": 0.891, "success_hi": 0.996, "latency_p50_s": 55.37, "latency_p50_lo_s": 51.68,
        "latency_p50_hi_s": None, "latency_p95_s": 89.8, "latency_p95_lo_s": None, "latency_p95_hi_s": None,
    }  # fmt: skip
    many = cell | {"n": 72, "latency_p95_s": None, "latency_p95_lo_s": 80.0}
    (found,) = (each for each in report(said() | {"cells": [cell, many]}).rest if each.title.startswith("D, E."))

    assert found.table is not None
    assert found.table.rows[0][4:] == ["48", "97.9 [89.1, 99.6]", "55.4 [51.7, ∞]", "n 48 of 72"]
    assert found.table.rows[1][-1] == "∞ [80.0, ∞]"


def test_costs_and_prices_are_in_dollars_of_their_units() -> None:
    arm = {
        "workflow": "flux-dev", "backend": "vast", "gpu": "L40S", "deployments": 24, "jobs": 480, "good_images": 474,
        "billed_usd": 1.639, "estimated_usd": None, "state": "final", "fully_loaded_usd_per_image": 0.003459,
    }  # fmt: skip
    rest = {
        section.title: section.table
        for section in report(said() | {"arms": [arm], "prices": {"vast L40S": 111_000}}).rest
    }

    assert list(rest["C. Cost and bills"].rows[0][-5:]) == ["474", "$1.64", "–", "final", "3.46"]
    assert list(rest["I. Prices"].rows[0]) == ["Vast.ai L40S", "0.000111", "0.40"]


def _hostile() -> Report:
    found = report(said())
    section = replace(found.first[0], lines=[HOSTILE])
    return replace(found, headline=HOSTILE, first=[section])


def test_strangers_words_stay_words() -> None:
    made = _hostile()
    shape = Shape()
    shape.feed(html(made, {}))

    assert "script" not in shape.tags
    assert shape.asked == []
    assert "\\<script\\>" in markdown(made)
    assert "\\| \\*bold\\*" in markdown(made)
    assert "\\#import \\$x\\$" in typst(made, ())


def test_html_carries_its_pictures_and_asks_for_nothing() -> None:
    text = html(report(said()), {"gates 0": "<svg>one</svg>"})

    assert text.count("<svg>one</svg>") == 1
    assert "http" not in text.replace("http-equiv", "")


def test_the_pdf_s_source_names_only_pictures_that_there_are() -> None:
    text = typst(report(said()), ["gates 0"])

    assert 'image("gates-0.svg"' in text
    assert "gates-1.svg" not in text
    assert file_of("gates 12") == "gates-12.svg"


def test_a_table_in_markdown_has_a_cell_for_each_column() -> None:
    rows = [line for line in markdown(report(said())).splitlines() if line.startswith("| flux-dev")]

    assert rows
    assert all(line.replace("\\|", "").count("|") == 6 for line in rows[:2])
