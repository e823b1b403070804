"""The page Decision card: write, edit, lock and review; and answers on Providers. What cannot be is said, not saved."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, col, select
from streamlit.testing.v1 import AppTest

from analysis.verdict.card import Card, Margins, Pinned, read
from storage.cards import edit
from storage.db import DataFolder, open_engine
from storage.models import Answer, Block, DecisionCard, Job, Run, Schedule
from storage.profiles import add_daily
from tests.pages import seed
from tests.pages.conftest import Open, words
from tests.pages.test_pages_do import button, rows
from ui import answer_view, card_fields
from words import AnswerKind, BlockStatus


def named(app: AppTest, name: str) -> AppTest:
    return app.text_input(key="who").set_value(name).run()


def labels(app: AppTest) -> list[str]:
    return [one.label for one in app.button]


def errors(app: AppTest) -> str:
    return "\n".join(one.value.replace("\\", "") for one in app.error)


def put_in_a_block(folder: Path) -> int:
    """The first run becomes a block of a schedule; gives how many of its jobs were measured."""
    with Session(open_engine(DataFolder(folder).db)) as session:
        run = session.exec(select(Run).order_by(col(Run.id))).first()
        of = Schedule(
            workflow_hash=run.workflow_hash, gpu=run.gpu, plan={}, cap_usd=run.cap_usd, seed=1, simulated=True,
            asked_at=seed.EPOCH,
        )  # fmt: skip
        session.add(of)
        session.flush()
        times = {"starts_at": seed.EPOCH, "latest_at": seed.EPOCH + timedelta(hours=1)}
        session.add(
            Block(
                schedule_id=of.id, number=1, day_part="morning", status=BlockStatus.DONE, run_id=run.id, seed=1, **times
            )
        )  # fmt: skip
        n = len([job for job in session.exec(select(Job).where(Job.run_id == run.id)) if job.status.final])
        session.commit()
    return n


# ---------------------------------------------------------------- the first version


@pytest.fixture
def with_traffic(empty: Path) -> Path:
    with Session(open_engine(DataFolder(empty).db)) as session:
        add_daily(session, name="ours", per_day=1000, made_by="ana", now=seed.EPOCH)
        session.commit()
    return empty


def test_without_traffic_the_way_to_a_card_is_told(empty: Path, open_page: Open) -> None:
    app = open_page(empty, "card")

    assert app.title[0].value == "There is no decision card yet: nothing can be decided"
    assert "bakeoff traffic add" in app.info[0].value.replace("\\", "")
    assert "Write the card" not in labels(app)


def test_a_card_is_written_as_it_was_typed_by_whom(with_traffic: Path, open_page: Open) -> None:
    app = open_page(with_traffic, "card")
    assert button(app, "Write the card").disabled, "nobody said who"
    named(app, "ana")
    app.multiselect(key="v0-workflows").set_value(["flux-dev"]).run()
    app.number_input(key="v0-margins.saving").set_value(15.0).run()
    app.number_input(key="v0-minima.blocks").set_value(14).run()
    app.number_input(key="v0-ops.deploy").set_value(4.0).run()
    app.text_input(key="v0-looks").set_value("12, 18, 24").run()
    button(app, "Write the card").click().run()

    (row,) = rows(with_traffic, DecisionCard)
    card = card_of(row)
    assert row.made_by == "ana"
    assert (card.workflows, card.margins, card.minima.blocks) == (("flux-dev",), Margins(saving=0.15), 14)
    assert (card.looks, card.ops, card.traffic) == ((12, 18, 24), {"deploy": 4.0}, "ours")
    assert app.title[0].value == "Card v1 is a draft: nothing can be decided on it"
    assert "Card v1 is a draft" in app.success[0].value


def card_of(row: DecisionCard) -> Card:

    return read(row.content)


# ---------------------------------------------------------------- lock and review


def test_a_draft_is_locked_with_a_typed_name_and_cannot_be_locked_again(copy: Path, open_page: Open) -> None:
    app = open_page(copy, "card")
    assert app.title[0].value == "Card v2 is a draft: nothing can be decided on it"
    assert "No sample is in: locked now" in words(app)
    assert app.button(key="card-lock").disabled, "nobody said who"
    named(app, "bo")
    app.button(key="card-lock").click().run()

    row = rows(copy, DecisionCard)[-1]
    assert (row.locked_by, row.samples_before) == ("bo", 0)
    assert app.title[0].value.startswith("Card v2 is locked since 4 Nov, before the first sample")
    assert not {"Lock v2", "Review v2"} & set(labels(app))


def test_a_card_that_was_edited_after_samples_says_so_and_asks_for_another_person(copy: Path, open_page: Open) -> None:
    n = put_in_a_block(copy)
    app = named(open_page(copy, "card"), "bo")
    assert f"{n} samples are in: locked now, the card is post hoc" in words(app)
    app.button(key="card-lock").click().run()
    assert app.title[0].value == f"Card v2 was edited after {n} samples: verdicts say so"
    assert "a second person has to review it" in app.warning[-1].value.replace("\\", "")

    app.button(key="card-review").click().run()
    assert "bo made or locked Card v2" in errors(app)
    assert rows(copy, DecisionCard)[-1].reviewed_by is None
    named(app, "cy")
    app.button(key="card-review").click().run()
    assert rows(copy, DecisionCard)[-1].reviewed_by == "cy"
    assert app.title[0].value == f"Card v2 was edited after {n} samples and reviewed by cy: verdicts say so"
    assert "Review v2" not in labels(app)


# ---------------------------------------------------------------- edits


def test_an_edit_lists_what_it_voids_and_becomes_a_version_with_its_differences(copy: Path, open_page: Open) -> None:
    app = named(open_page(copy, "card"), "bo")
    app.button(key="card-lock").click().run()
    assert "A new version voids the lock of 4 Nov 2026 by bo." in words(app).replace("\\", "")
    assert button(app, "Save as v3").disabled, "nothing differs"
    app.number_input(key="v2-margins.cold").set_value(1.3).run()
    app.toggle(key="v2-votes_needed").set_value(True).run()
    assert "margins.cold: 1.25 -> 1.3; votes_needed: false -> true" in words(app).replace("\\", "")
    button(app, "Save as v3").click().run()

    first, second, third = rows(copy, DecisionCard)
    assert (first.locked_by, second.locked_by, third.locked_by, third.made_by) == ("ana", "bo", None, "bo")
    assert app.title[0].value == "Card v3 is a draft: nothing can be decided on it"
    table = next(one.value for one in app.table if "Hash" in one.value.columns)
    assert table["Version"].to_list() == ["v3", "v2", "v1"]
    assert "margins.cold: 1.25 -> 1.3" in table["Changed"].iloc[0].replace("\\", "")
    assert table["Hash"].to_list() == [row.digest[:12] for row in (third, second, first)]


def test_a_contradiction_is_said_in_the_card_s_words_and_nothing_is_saved(copy: Path, open_page: Open) -> None:
    app = named(open_page(copy, "card"), "bo")
    app.number_input(key="v2-margins.saving").set_value(30.0).run()
    assert "A saving of 0.2 is planned for and one above 0.3 has to be shown" in errors(app)
    app.text_input(key="v2-looks").set_value("20, 12").run()
    assert "looks must ascend, not [20, 12]." in errors(app)
    app.text_input(key="v2-looks").set_value("soon").run()
    assert "looks is whole numbers" in errors(app)

    assert button(app, "Save as v3").disabled
    assert len(rows(copy, DecisionCard)) == 2


def test_workflows_that_are_taken_in_are_pinned_and_weighed(copy: Path, open_page: Open) -> None:
    app = named(open_page(copy, "card"), "bo")
    app.multiselect(key="v2-workflows").set_value(["flux-dev", "qwen-image-2512"]).run()
    app.number_input(key="v2-weight-flux-dev-of-2").set_value(80.0).run()
    assert "weights must name each workflow once and add up to 1" in errors(app)
    app.number_input(key="v2-weight-qwen-image-2512-of-2").set_value(20.0).run()
    button(app, "Save as v3").click().run()

    card = card_of(rows(copy, DecisionCard)[-1])
    assert (card.weights, card.pins["qwen-image-2512"].gpu) == ({"flux-dev": 0.8, "qwen-image-2512": 0.2}, "H100")


def test_who_edits_what_another_has_edited_meanwhile_is_told(copy: Path, open_page: Open) -> None:
    app = named(open_page(copy, "card"), "bo")
    app.number_input(key="v2-margins.cold").set_value(1.3).run()
    with Session(open_engine(DataFolder(copy).db)) as session:
        edit(session, {"alpha": 0.1}, made_by="dee", now=seed.EPOCH)
        session.commit()
    button(app, "Save as v3").click().run()

    assert "The card is at v3 by now, made by dee: look at it first." in errors(app)
    assert len(rows(copy, DecisionCard)) == 3
    assert app.title[0].value == "Card v3 is a draft: nothing can be decided on it"


def test_a_card_that_was_changed_in_the_database_decides_nothing_and_can_be_begun_anew(
    copy: Path, open_page: Open
) -> None:
    with Session(open_engine(DataFolder(copy).db)) as session:
        row = session.exec(select(DecisionCard).order_by(col(DecisionCard.id).desc())).first()
        row.content = row.content.replace('"saving":0.12', '"saving":0.01')
        session.commit()
    app = named(open_page(copy, "card"), "bo")
    assert app.title[0].value == "Card v2 cannot be read: nothing can be decided on it"
    assert "is not what was hashed" in words(app)
    assert app.button(key="card-lock").disabled
    button(app, "Save as v3").click().run()
    assert app.title[0].value == "Card v3 is a draft: nothing can be decided on it"


# ---------------------------------------------------------------- what is typed and what is held

PINS = {name: Pinned(workflow_hash="h", settings="{}", gpu="L40S") for name in ("a", "b", "c")}
CARD = Card(workflows=("a", "b"), candidates=("runpod",), traffic="t", pins={name: PINS[name] for name in "ab"})


@pytest.mark.parametrize(
    "field", [*card_fields.LIMITS, *card_fields.MINIMA, *card_fields.PEOPLE], ids=lambda field: field.key
)
def test_a_number_that_is_shown_and_typed_again_is_the_same(field: card_fields.Field) -> None:
    assert card_fields.differing(CARD, {field.key: field.held(field.shown(CARD))}) == {}
    assert type(field.held(field.shown(CARD))) is type(field.shown(CARD))


@pytest.mark.parametrize(
    ("key", "shown", "typed", "held"),
    [
        ("margins.saving", "10 %", 1.1, 0.011),
        ("margins.success", "2 pp", 3.0, 0.03),
        ("margins.warm_p95", "1.1 ×", 1.15, 1.15),
        ("minima.blocks", "12", 16, 16),
        ("minima.cold_share", "1 %", 0.5, 0.005),
        ("alpha", "0.05", 0.1, 0.1),
    ],
)
def test_shares_are_typed_in_per_cent(key: str, shown: str, typed: float, held: float) -> None:
    field = next(each for each in (*card_fields.LIMITS, *card_fields.MINIMA) if each.key == key)

    assert (field.written(CARD), field.held(typed)) == (shown, held)


def test_an_hour_is_written_in_dollars() -> None:
    assert [field.written(CARD) for field in card_fields.PEOPLE] == ["$100", "16 h"]


@pytest.mark.parametrize(
    ("weights", "chosen", "typed", "values"),
    [
        ({}, "ab", {"a": 50.0, "b": 50.0}, {}),
        ({}, "ab", {"a": 60.0, "b": 40.0}, {"weights": {"a": 0.6, "b": 0.4}}),
        ({"a": 0.7, "b": 0.3}, "ab", {"a": 70.0, "b": 30.0}, {}),
        ({"a": 0.7, "b": 0.3}, "ab", {"a": 50.0, "b": 50.0}, {"weights": {"a": 0.5, "b": 0.5}}),
        ({"a": 0.7, "b": 0.3}, "abc", {"a": 33.3333, "b": 33.3333, "c": 33.3333}, {"weights": {}}),
        ({}, "abc", {"a": 33.3333, "b": 33.3333, "c": 33.3333}, {}),
        ({"a": 0.7, "b": 0.3}, "a", {"a": 100.0}, {"weights": {}}),
    ],
)
def test_weights_are_left_alone_unless_they_or_the_workflows_change(
    weights: dict[str, float], chosen: str, typed: dict[str, float], values: dict[str, Any]
) -> None:
    card = Card(workflows=CARD.workflows, candidates=("runpod",), traffic="t", pins=CARD.pins, weights=weights)

    assert card_fields.weights_typed(card, list(chosen), typed) == values


# ---------------------------------------------------------------- answers


def test_an_answer_is_given_by_whom_and_the_ones_before_stay(copy: Path, open_page: Open) -> None:
    app = open_page(copy, "providers")
    assert "2 of 6 licences and content policies are answered, 1 with no" in words(app)
    assert "Parity gaps: Runpod lacks 0, 1 with work, 1 of 6 answered; Vast.ai not answered" in words(app)
    assert button(app, "Answer").disabled, "nobody said who"
    app.text_input(key="answer-who").set_value("cy").run()
    app.text_input(key="answer-note").set_value("bought 3 Nov").run()
    button(app, "Answer").click().run()

    mine = [row for row in rows(copy, Answer) if row.kind is AnswerKind.LICENCE]
    assert [(row.subject, row.score, row.note) for row in mine][-1] == ("flux-dev", 1, "bought 3 Nov")
    assert (len(mine), mine[-1].by, mine[0].score) == (2, "cy", 0)
    assert "2 of 6 licences and content policies are answered\n" in words(app)
    table = next(one.value for one in app.table if "Terms" in one.value.columns)
    assert table[["Answer", "By", "Note"]].iloc[0].to_list() == ["✓ yes", "cy", "bought 3 Nov"]


def test_a_parity_gap_is_scored_by_item_and_provider(copy: Path, open_page: Open) -> None:
    app = open_page(copy, "providers")
    app.text_input(key="answer-who").set_value("cy").run()
    app.selectbox(key="answer-about").set_value(AnswerKind.PARITY).run()
    app.selectbox(key="answer-provider").set_value("vast").run()
    app.selectbox(key="answer-item").set_value("auto-recovery").run()
    app.selectbox(key="answer-score-3").set_value(0).run()
    button(app, "Answer").click().run()

    row = rows(copy, Answer)[-1]
    assert (row.kind, row.subject, row.score, row.by) == (AnswerKind.PARITY, "vast auto-recovery", 0, "cy")
    table = next(one.value for one in app.table if "Item" in one.value.columns)
    assert table.set_index("Item").loc["auto-recovery", "Vast.ai"].startswith("0 ○ missing")
    assert "Vast.ai lacks 1, 0 with work, 1 of 6 answered" in words(app)


def test_what_nobody_answered_is_no_score() -> None:
    (first, *_) = answer_view.parity_rows({})

    assert first == {"Item": "deploy", "Runpod": "? not answered", "Vast.ai": "? not answered"}
    assert answer_view.answers_title({}) == "0 of 6 licences and content policies are answered"
