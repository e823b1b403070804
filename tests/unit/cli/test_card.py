"""`bakeoff card` and `bakeoff answer`: what is typed becomes a version, a lock, a review, an answer, or a refusal."""

import json
from typing import Any

import pytest
from sqlmodel import Session, select

from analysis.verdict.card import read
from storage.db import DataFolder, open_engine, open_reader
from storage.models import Answer, DecisionCard
from storage.profiles import add_daily
from tests.unit.cli.conftest import AT, Command
from tests.unit.cli.test_bad_input import refused
from tests.unit.storage.campaign import measured_block, schedule


@pytest.fixture
def folder_with_traffic(known: DataFolder) -> DataFolder:
    with Session(open_engine(known.db)) as session:
        add_daily(session, name="ours", per_day=1000, made_by="ana", now=AT)
        session.commit()
    return known


@pytest.fixture
def written(folder_with_traffic: DataFolder, bakeoff: Command) -> DataFolder:
    """Version 1, a draft by ana."""
    assert bakeoff("card", "new", "workflows=flux-dev", "--by", "ana").code == 0
    return folder_with_traffic


def measure(folder: DataFolder) -> None:
    with Session(open_engine(folder.db)) as session:
        measured_block(session, schedule(session))
        session.commit()


def rows(folder: DataFolder, model: type = DecisionCard) -> list[Any]:
    with Session(open_reader(folder.db)) as session:
        return list(session.exec(select(model)))


def shown(bakeoff: Command) -> dict[str, Any]:
    return json.loads(bakeoff("card", "show", "--json").out)


def test_a_new_card_is_shown_with_every_value_and_where_it_stands(
    bakeoff: Command, folder_with_traffic: DataFolder
) -> None:
    assert bakeoff("card").out == "There is no decision card yet. Write one with `bakeoff card new`.\n"
    assert shown(bakeoff) == {"current": None, "versions": []}
    said = bakeoff("card", "new", "workflows=flux-dev", "ops.deploy=4", "--by", "ana", "--note", "first")
    assert (said.code, said.out) == (0, "")
    assert said.err.startswith("Card v1 is a draft: nothing can be decided on it. Lock it before the first sample")

    (row,) = rows(folder_with_traffic)
    assert (row.made_by, row.note, read(row.content).ops) == ("ana", "first", {"deploy": 4.0})
    told = shown(bakeoff)["current"]
    assert (told["version"], told["samples"], told["post_hoc"]) == (1, 0, "")
    assert (told["values"]["margins.saving"], told["values"]["ops.deploy"], told["values"]["traffic"]) == (
        0.1, 4.0, "ours",
    )  # fmt: skip
    lines = bakeoff("card").out.splitlines()
    assert lines[0] == "Card v1 is a draft: nothing can be decided on it."
    assert ["looks", "12,16,20"] in [line.split() for line in lines]
    assert ["licence_needed", "yes"] in [line.split() for line in lines]
    assert "not verified" in bakeoff("card").out


def test_what_is_shown_can_be_set_as_it_is(bakeoff: Command, written: DataFolder) -> None:
    values = [line.split(None, 1) for line in bakeoff("card").out.split("\n\n")[0].splitlines()[2:]]
    given = ["=".join(each if len(each) == 2 else (each[0], "")).rstrip() for each in values]
    settable = [text for text in given if not text.startswith("pins.flux-dev.workflow_hash")]
    assert len(settable) > 30

    refused(bakeoff("card", "set", *settable, "--by", "ana"), "says all of that already: nothing would change")
    assert len(rows(written)) == 1


def test_an_edit_tells_what_it_changed_and_what_it_voids(bakeoff: Command, written: DataFolder) -> None:
    bakeoff("card", "lock", "--by", "ana")
    said = bakeoff("card", "set", "margins.saving=0.15", "--by", "bo", "--note", "asked by Finn")

    assert said.err.startswith("Card v2 is a draft: nothing can be decided on it. margins.saving: 0.1 -> 0.15.")
    assert "It voids the lock of" in said.err
    assert said.err.rstrip().endswith("by ana.")
    newest, oldest = shown(bakeoff)["versions"]
    assert (newest["made_by"], newest["changes"], newest["note"], newest["locked"]) == (
        "bo", ["margins.saving: 0.1 -> 0.15"], "asked by Finn", False,
    )  # fmt: skip
    assert (oldest["locked_by"], oldest["samples_before"], oldest["changes"]) == ("ana", 0, [])
    assert [len(each["hash"]) for each in (newest, oldest)] == [64, 64]
    assert json.loads(bakeoff("card", "set", "alpha=0.1", "--by", "bo", "--json").out)["voids"] == []
    assert len(rows(written)) == 3


def test_a_card_is_locked_by_name_and_once(bakeoff: Command, written: DataFolder) -> None:
    told = json.loads(bakeoff("card", "lock", "--by", "ana", "--json").out)
    assert (told["locked"], told["decides"], told["samples_before"], told["post_hoc"]) == (True, True, 0, "")
    assert told["title"].startswith("Card v1 is locked since ")

    refused(bakeoff("card", "lock", "--by", "bo"), "Card v1 is locked already", "by ana")
    refused(bakeoff("card", "review", "--by", "bo"), "nothing has to be reviewed")
    assert rows(written)[0].locked_by == "ana"


def test_a_card_that_is_edited_after_samples_needs_another_person(bakeoff: Command, written: DataFolder) -> None:
    bakeoff("card", "lock", "--by", "ana")
    measure(written)
    bakeoff("card", "set", "margins.saving=0.05", "--by", "ana")
    said = bakeoff("card", "lock", "--by", "bo")
    assert "Card v2 was edited after 6 samples: verdicts say so." in said.err
    assert "a second person has to review it" in said.err
    assert "a second person has to review it" in bakeoff("card").out.splitlines()[1]

    for name in ("ana", "Bo"):
        refused(bakeoff("card", "review", "--by", name), "a second person has to review it")
    assert rows(written)[1].reviewed_by is None
    told = json.loads(bakeoff("card", "review", "--by", "cy", "--json").out)
    assert (told["decides"], told["reviewed_by"], told["post_hoc"]) == (True, "cy", "")


def test_a_workflow_is_pinned_anew_when_asked(bakeoff: Command, written: DataFolder) -> None:
    with Session(open_engine(written.db)) as session:
        schedule(session, gpu="H100")
        session.commit()
    said = bakeoff("card", "set", "--repin", "--by", "ana")
    assert 'pins.flux-dev.gpu: "L40S" -> "H100"' in said.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("set", "margins.saving=0.3"), ("the target must be the larger one",)),
        (("set", "margins.saving=0.3", "alpha=0.9"), ("alpha is above 0", "the target must be the larger one")),
        (("set", "margins.saving=much"), ("margins.saving is a number, not 'much'",)),
        (("set", "margins.saving"), ("key=value", "'margins.saving'")),
        (("set", "alpha=0.1", "alpha=0.2"), ("alpha is given twice",)),
        (("set", "price=1"), ("A card has no 'price'",)),
        (("set", "traffic=theirs"), ("No traffic is kept by the name 'theirs'", "ours")),
        (("set", "workflows=sdxl"), ("There is no workflow 'sdxl'",)),
        (("set",), ("nothing would change",)),
        (("new",), ("There is a card already, v1",)),
        (("lock", "--by", "  "), ("who says so",)),
        (("review", "--by", "bo"), ("lock it first",)),
    ],
    ids=lambda value: "-".join(value)[:40],
)
def test_what_cannot_be_done_to_a_card_is_one_sentence_and_changes_nothing(
    arguments: tuple[str, ...], words: tuple[str, ...], bakeoff: Command, written: DataFolder
) -> None:
    refused(bakeoff("card", *arguments), *words)
    (row,) = rows(written)
    assert (row.locked_at, row.reviewed_at) == (None, None)


@pytest.mark.parametrize("arguments", [("lock", "--by", "a"), ("review", "--by", "a"), ("set", "alpha=0.1")])
def test_before_there_is_a_card_the_way_to_one_is_told(
    arguments: tuple[str, ...], bakeoff: Command, known: DataFolder
) -> None:
    refused(bakeoff("card", *arguments), "bakeoff card new")
    assert rows(known) == []


def test_without_traffic_a_card_says_how_to_add_some(bakeoff: Command, known: DataFolder) -> None:
    refused(bakeoff("card", "new"), "bakeoff traffic add")
    assert rows(known) == []


# ---------------------------------------------------------------- answers


def test_every_question_is_listed_until_it_is_answered(bakeoff: Command, known: DataFolder) -> None:
    told = json.loads(bakeoff("answer", "--json").out)["answers"]
    assert {(each["score"], each["by"]) for each in told} == {(None, None)}
    assert len(told) == 3 + 3 + 12
    assert bakeoff("answer", "--history").out.startswith("Nobody has answered anything yet.")

    said = bakeoff("answer", "licence", "flux-dev", "yes", "--by", "ana", "--note", "bought 3 Nov")
    assert said.err == "The licence of flux-dev: yes, says ana. What was said before is kept.\n"
    bakeoff("answer", "content", "runpod", "NO", "--by", "bo")
    told = json.loads(bakeoff("answer", "parity", "vast", "auto-recovery", "1", "--by", "cy", "--json").out)
    assert (told["subject"], told["score"], told["answer"], told["by"]) == (
        "vast auto-recovery", 1, "with work", "cy",
    )  # fmt: skip
    assert [(row.subject, row.score, row.by, row.note) for row in rows(known, Answer)] == [
        ("flux-dev", 1, "ana", "bought 3 Nov"), ("runpod", 0, "bo", ""), ("vast auto-recovery", 1, "cy", ""),
    ]  # fmt: skip
    text = bakeoff("answer").out
    assert "bought 3 Nov" in text
    assert "not answered" in text
    assert "not verified" in text


def test_the_newest_answer_is_listed_and_the_history_has_all(bakeoff: Command, known: DataFolder) -> None:
    for said, name in (("no", "ana"), ("yes", "bo")):
        bakeoff("answer", "licence", "flux-dev", said, "--by", name)
    told = {each["subject"]: each for each in json.loads(bakeoff("answer", "--json").out)["answers"]}
    assert (told["flux-dev"]["answer"], told["flux-dev"]["by"]) == ("yes", "bo")
    every = json.loads(bakeoff("answer", "--history", "--json").out)["answers"]
    assert [(each["answer"], each["by"]) for each in every] == [("yes", "bo"), ("no", "ana")]
    assert len(rows(known, Answer)) == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("licence", "sdxl", "yes"), ("Nothing to answer is called 'sdxl'", "flux-dev")),
        (("licence", "flux-dev", "perhaps"), ("yes or no, not 'perhaps'",)),
        (("content", "fal", "yes"), ("modal, runpod, vast",)),
        (("parity", "modal", "secrets", "2"), ("runpod deploy",)),
        (("parity", "runpod", "coffee", "1"), ("runpod secrets",)),
        (("parity", "runpod", "secrets", "3"), ("0 missing", "not 3")),
        (("licence", "flux-dev", "yes", "--by", " "), ("who says so",)),
    ],
    ids=lambda value: "-".join(value)[:40],
)
def test_what_cannot_be_answered_is_one_sentence_and_no_row(
    arguments: tuple[str, ...], words: tuple[str, ...], bakeoff: Command, known: DataFolder
) -> None:
    refused(bakeoff("answer", *arguments), *words)
    assert rows(known, Answer) == []
