"""The snapshot and what is said of it: the same bytes for ever, and every title from its state."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from analysis.verdict.campaigns import Side, campaign
from analysis.verdict.card import Card
from analysis.verdict.document import document, gate_of, judged
from analysis.verdict.frozen import Facts, Snapshot, SnapshotError, digest, freeze, thaw
from analysis.verdict.gates import Look
from analysis.verdict.rule import Case
from analysis.verdict.said import listed
from words import Gate, Verdict

AT = datetime(2026, 11, 23, tzinfo=UTC)
CARD = Card(workflows=("flux-dev", "qwen"), candidates=("runpod", "vast"), traffic="known")
FACTS = Facts(
    at=AT, jobs=4811, blocks=40, days=5, spent_usd=63.1, final_share=0.97, version=3, locked_at=AT, locked_by="ana",
    images_per_month={"flux-dev": 38_000.0, "qwen": 4_000.0}, ops_usd={"modal": 0.0, "runpod": 0.0, "vast": 0.0},
)  # fmt: skip


def case(workflow: str, candidate: str, saving: float, side: Side | None = None, **said: Any) -> Case:
    """Rented machines have looks of their own; here both have the same."""
    made = campaign(np.random.default_rng(5), saving=saving, candidate=side or Side(host=0.02))
    return replace(made, workflow=workflow, candidate=candidate, **said)


def snapshot(*cases: Case, facts: Facts = FACTS) -> Snapshot:
    return Snapshot(card=CARD, cases=cases, facts=facts)


GO = 0.4
SPLIT = snapshot(
    case("flux-dev", "runpod", GO),
    case("flux-dev", "vast", 0.0),
    case("qwen", "runpod", 0.0),
    case("qwen", "vast", 0.0),
)


def all_alike(saving: float, side: Side | None = None, **said: Any) -> Snapshot:
    return snapshot(*(case(of, name, saving, side, **said) for of in CARD.workflows for name in CARD.candidates))


# ---------------------------------------------------------------- frozen


def test_a_snapshot_that_is_thawed_is_the_same_and_freezes_to_the_same_bytes() -> None:
    frozen = freeze(SPLIT)
    again = thaw(frozen, named=digest(frozen))

    assert freeze(again) == frozen
    assert document(again) == document(SPLIT)
    assert json.dumps(document(again)) == json.dumps(document(SPLIT))


def test_failures_stay_endless_and_what_is_not_known_stays_unknown() -> None:
    look = SPLIT.cases[0].looks[0]
    (thawed,) = thaw(freeze(snapshot(replace(SPLIT.cases[0], looks=[look])))).cases
    arm = thawed.looks[0].candidate

    assert np.isinf(look.candidate.warm.high).any()
    assert np.array_equal(arm.warm.high, look.candidate.warm.high)
    assert arm.warm.block.dtype == np.int64
    assert thawed.looks[0].cold_share_high is None
    assert thawed.looks[0].money == look.money


def test_bytes_that_were_changed_are_refused_by_their_name() -> None:
    frozen = freeze(SPLIT)

    with pytest.raises(SnapshotError, match="has been changed"):
        thaw(frozen.replace(b"63.1", b"13.1"), named=digest(frozen))


@pytest.mark.parametrize("frozen", [b"", b"[]", b"{}", b"\xff", b'{"format":1}', b'{"format":1,"card":{},"cases":[]}'])
def test_what_is_no_snapshot_is_refused(frozen: bytes) -> None:
    with pytest.raises(SnapshotError, match="no snapshot"):
        thaw(frozen)


def test_a_snapshot_of_another_format_says_so() -> None:
    with pytest.raises(SnapshotError, match="format 1, not 2"):
        thaw(freeze(SPLIT).replace(b'"format":1', b'"format":2'))


# ---------------------------------------------------------------- titles


def blocked(found: Snapshot, sentence: str) -> Snapshot:
    first, *rest = found.cases
    return replace(found, cases=[replace(first, blocked=[sentence]), *[replace(one, looks=one.looks) for one in rest]])


def early(found: Snapshot) -> Snapshot:
    return replace(found, cases=[replace(one, looks=[], seen=7) for one in found.cases])


def undone(found: Snapshot) -> Snapshot:
    def open_bills(look: Look) -> Look:
        return replace(look, bills_final=False)

    return replace(found, cases=[replace(one, looks=[open_bills(look) for look in one.looks]) for one in found.cases])


@pytest.mark.parametrize(
    ("made", "state", "title"),
    [
        (lambda: SPLIT, Verdict.SPLIT, "Split: flux-dev to Runpod, qwen stays on Modal"),
        (lambda: all_alike(GO), Verdict.GO, "Go: move flux-dev and qwen to Runpod"),
        (lambda: all_alike(0.0), Verdict.NOT_WORTH_IT, "Stay on Modal: no candidate saves 10 %"),
        (lambda: all_alike(0.11), Verdict.NOT_SHOWN, "Stay on Modal: 20 blocks did not show a saving of 10 %"),
        (
            lambda: all_alike(GO, Side(slower=1.3)),
            Verdict.NO_GO,
            "No-go: Runpod fails warm p95 on flux-dev, Vast.ai fails warm p95 on flux-dev, Runpod fails warm p95 on "
            "qwen, Vast.ai fails warm p95 on qwen",
        ),
        (
            lambda: early(SPLIT),
            Verdict.INSUFFICIENT,
            "Measuring: the first look is after 12 blocks, and there are 7",
        ),
        (lambda: undone(SPLIT), Verdict.INSUFFICIENT, "Not enough to decide: bills are not final"),
        (
            lambda: blocked(all_alike(0.0), "Nothing explains 7 % of the bill."),
            Verdict.BLOCKED,
            "Blocked: Nothing explains 7 % of the bill",
        ),
    ],
)
def test_the_title_is_the_finding(made: Callable[[], Snapshot], state: Verdict, title: str) -> None:
    found = document(made())

    assert (found["state"], found["title"]) == (state.value, title)


def test_a_card_that_was_edited_after_the_first_sample_says_so_in_every_title() -> None:
    late = replace(SPLIT, facts=replace(FACTS, post_hoc="The card was edited after 212 samples."))

    assert document(late)["title"].endswith(", after the fact")
    assert not document(SPLIT)["title"].endswith(", after the fact")


def test_what_moves_says_what_it_saves_and_when_that_has_paid() -> None:
    said = document(SPLIT)["sentence"]
    rulings, whole = judged(SPLIT)
    worth = rulings[0].of(Gate.WORTH)

    assert worth is not None
    assert worth.estimate is not None
    assert worth.estimate.point is not None
    assert said.startswith(f"Moving flux-dev saves ${worth.estimate.point:,.0f} a month [")
    assert " at 38,000 images, pays back in " in said
    assert whole.low_usd == pytest.approx(rulings[0].gross_low_usd)
    assert document(all_alike(0.0))["sentence"] == ""


def test_each_candidate_says_why() -> None:
    says = [row["says"] for row in document(SPLIT)["candidates"]]

    assert says[0].startswith("Saves ")
    assert says[0].endswith("every guardrail holds.")
    assert says[1].endswith("the card asks for 10 %.")
    slow = document(all_alike(GO, Side(slower=1.3)))["candidates"][0]["says"]
    assert slow.startswith("Fails warm p95: 1.3")
    assert slow.endswith(", limit 1.10×.")


def test_a_no_go_names_what_failed_and_not_a_gate_that_held() -> None:
    good, stalled = all_alike(GO), all_alike(GO, Side(stalls=0.12))
    never = [replace(each, looks=[replace(look, never_as_well=True) for look in each.looks]) for each in good.cases]
    lenient = replace(stalled.card, margins=replace(stalled.card.margins, stalls=0.5))

    found = (replace(good, cases=never), replace(stalled, card=lenient))
    says = [document(each)["candidates"][0]["says"] for each in found]
    assert says[0] == "No window serves our traffic as well: even workers that never go are slower."
    assert says[1].startswith("Fails warm p95 over all jobs: ")
    assert says[1].endswith(", limit 1.10×.")
    worse = [
        replace(
            each, looks=[replace(look, preference_high=0.39, quality_why="people prefer it") for look in each.looks]
        )
        for each in good.cases
    ]
    assert document(replace(good, cases=worse))["candidates"][0]["says"] == "Fails image parity: people prefer it."


def test_every_number_has_its_limits_its_n_and_its_margin() -> None:
    (row, *_) = document(SPLIT)["candidates"]

    assert [gate["gate"] for gate in row["gates"]] == [gate.value for gate in Gate]
    warm = gate_of(row["gates"], Gate.WARM_P95)
    assert warm is not None
    assert warm["low"] < warm["value"] < warm["high"] <= warm["margin"]
    assert (warm["blocks"], warm["passes"], warm["n"] > 600) == (row["blocks"], True, True)
    assert gate_of([], Gate.COLD) is None


def test_names_are_listed_as_a_person_does() -> None:
    assert (listed([]), listed(["a"]), listed("ab"), listed("abc"), listed("aab")) == (
        "",
        "a",
        "a and b",
        "a, b and c",
        "a and b",
    )
