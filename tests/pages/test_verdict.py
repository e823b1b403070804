"""The page Decision once a card is locked: the finding, its gates, and what people say to it."""

import json
import shutil
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from sqlmodel import Session, select
from streamlit.testing.v1 import AppTest

from analysis.verdict.frozen import digest
from storage import cards, effort
from storage.blobs import Blobs
from storage.db import DataFolder, open_engine
from storage.models import Image, Job, Pair, Run, SignOff, Snapshot, TrafficProfile, Vote
from tests.pages import campaign
from tests.pages.conftest import Open, words
from ui import following, load, load_verdict
from ui.source import source
from words import EffortKind, VoteChoice


@pytest.fixture(scope="module")
def decided(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A campaign with twelve blocks, measured under a locked card."""
    return campaign.build(tmp_path_factory.mktemp("campaign")).path


@pytest.fixture
def page(decided: Path, open_page: Open) -> AppTest:
    return open_page(decided, "decision")


def test_the_title_is_what_the_rule_says(page: AppTest) -> None:
    assert page.title[0].value == "Not enough to decide: the next look is after 16 blocks"
    assert not page.exception


def test_it_says_what_it_rests_on(page: AppTest) -> None:
    said = words(page)

    assert "card v1 locked by ana, before the first sample" in said
    assert "1,440 jobs in 12 blocks" in said
    assert "Valid to 9 Feb 2027" in said
    assert "Net a month: nobody has timed its operations." in said.replace("\\", "")
    assert [metric.label for metric in page.metric] == ["Saving a month", "Saving", "Chance of ≥ 20 %", "Spent to know"]


def test_each_move_has_its_state_its_sentence_and_its_gates(page: AppTest) -> None:
    said = words(page)

    assert "**flux-dev on Runpod**" in said
    assert "The next look is after 16 blocks. Look 1, 12 blocks." in said
    assert "Fails warm p95: 1.4" in said
    assert "limit 1.10×. Look 1, 20 blocks." in said


def test_the_ground_is_checked_for_each_move(page: AppTest) -> None:
    ground = page.table[2].value

    assert ground["Move"].to_list() == ["flux-dev on Runpod", "flux-dev on Vast.ai"]
    assert all("yes" in said for said in ground["May be decided"])


@pytest.fixture
def own(decided: Path, tmp_path: Path) -> Path:
    """A folder that a test may change."""
    return Path(shutil.copytree(decided, tmp_path / "own"))


def _pressed(app: AppTest, key: str, **typed: str) -> AppTest:
    for name, text in typed.items():
        app.text_input(key=f"sign-{name}").set_value(text)
    app.button(key=key).click()
    return app.run()


def _rows(folder: Path) -> tuple[list[SignOff], list[Snapshot]]:
    with Session(open_engine(DataFolder(folder).db)) as session:
        return list(session.exec(select(SignOff))), list(session.exec(select(Snapshot)))


def test_a_signature_freezes_what_was_seen(own: Path, open_page: Open) -> None:
    app = _pressed(open_page(own, "decision"), "sign-agree", name="ana")
    (signed,), (snapshot,) = _rows(own)

    assert (signed.name, signed.instead, signed.snapshot_id) == ("ana", None, snapshot.id)
    assert snapshot.title == app.title[0].value
    assert digest(Blobs(DataFolder(own).blobs).get(snapshot.digest)) == snapshot.digest
    assert {row["option"] for row in snapshot.verdict["volumes"]} == {"Modal", "Runpod", "Vast.ai"}
    assert json.loads(json.dumps(snapshot.verdict))["snapshot"] == snapshot.digest
    assert "agrees" in app.table[-1].value["Said"].to_list()


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"name": "ana"}, "needs a second person"),
        ({"name": "ana", "second": "Ana "}, "is the first"),
        ({"name": "ana", "second": "ben"}, "needs a reason"),
        ({"second": "ben", "reason": "because"}, "give a name"),
    ],
)
def test_an_override_without_a_second_person_or_a_reason_changes_nothing(
    typed: dict[str, str], said: str, own: Path, open_page: Open
) -> None:
    app = _pressed(open_page(own, "decision"), "sign-override", **typed)

    assert said in app.error[0].value
    assert _rows(own) == ([], [])


def test_an_override_is_shown_for_ever(own: Path, open_page: Open) -> None:
    app = _pressed(open_page(own, "decision"), "sign-override", name="ana", second="ben", reason="We leave anyway.")
    (signed,), _ = _rows(own)

    assert (signed.instead, signed.second_name) == ("go", "ben")
    assert app.title[0].value.endswith("16 blocks\\, overridden by ana\\: We leave anyway\\.")
    assert "names are as typed, not verified" in words(app)
    assert "ana with ben" in app.table[-1].value["Who"].to_list()[0]
    again = open_page(own, "decision")
    assert again.table[-1].value["Why"].to_list() == ["We leave anyway\\."]
    assert again.title[0].value == app.title[0].value


def test_a_shared_snapshot_says_what_it_said_after_the_card_was_edited(own: Path, open_page: Open) -> None:
    app = open_page(own, "decision")
    app.button(key="share-freeze").click()
    app.run()
    _, (row,) = _rows(own)
    with Session(open_engine(DataFolder(own).db)) as session:
        cards.edit(session, {"margins.saving": "0.15"}, made_by="ana", now=campaign.FIRST + campaign.LATER)
        session.commit()
    assert open_page(own, "decision").title[0].value.startswith("No verdict yet")
    frozen = open_page(own, "decision", snapshot=row.digest[:16])
    said = words(frozen)

    assert (frozen.title[0].value, list(frozen.exception)) == (row.title, [])
    assert f"Snapshot {row.digest[:8]}, frozen on 11 Nov" in said
    assert "1,440 jobs in 12 blocks" in said
    assert frozen.code[0].value.endswith(f"/?snapshot={row.digest[:16]}")
    assert frozen.table[0].value["So that"].to_list()
    assert "At 30,417 a month Vast.ai is cheapest: $" in said.replace("\\", "")
    assert [each for each in (*frozen.toggle, *frozen.button) if each.key in ("volumes", "search-0")] == []

    signed = _pressed(frozen, "sign-agree", name="ana")
    (word,), rows = _rows(own)
    assert (word.snapshot_id, len(rows)) == (row.id, 1)
    assert "agrees" in signed.table[-1].value["Said"].to_list()


def test_a_snapshot_that_is_not_there_or_was_changed_is_one_sentence(own: Path, open_page: Open) -> None:
    app = open_page(own, "decision", snapshot="0" * 16)
    assert app.title[0].value == "No such snapshot"
    assert "no snapshot that begins with" in app.error[0].value

    _pressed(open_page(own, "decision"), "sign-agree", name="ana")
    _, (row,) = _rows(own)
    path = Blobs(DataFolder(own).blobs).path(row.digest)
    path.write_bytes(path.read_bytes().replace(b'"jobs":1440', b'"jobs":9440'))
    app = open_page(own, "decision", snapshot=row.digest[:16])
    assert "has been changed" in app.error[0].value
    assert list(app.exception) == []


def test_what_would_turn_it_is_said_with_its_value(page: AppTest) -> None:
    turns = page.table[0].value

    assert "INSUFFICIENT flips to STAY" in str(turns["So that"].to_list())
    assert {"Now", "Turns at"} <= {*turns.columns}
    assert {"the price of Runpod", "the price of Modal"} <= {*turns["What"].to_list()}


def test_another_move_has_inputs_of_its_own_that_turn_it(page: AppTest) -> None:
    page.segmented_control(key="move").set_value("flux-dev on Vast.ai").run()

    assert not page.exception
    assert "NO-GO flips to" in str(page.table[0].value["So that"].to_list())
    assert page.button(key="search-1").label == "Search the volume"


def test_other_volumes_are_replayed_once_they_are_asked_for(page: AppTest) -> None:
    before = len(page.get("vega_lite_chart"))
    page.toggle(key="volumes").set_value(True).run()

    assert not page.exception
    assert len(page.get("vega_lite_chart")) == before + 1
    ours = next(each for each in page.select_slider if each.label == "Images a month")
    assert ours.value == pytest.approx(1000 * 365 / 12)
    assert "At 30,417 a month Vast.ai is cheapest: $" in words(page).replace("\\", "")
    ours.set_value(5000 * 365 / 12).run()
    assert "At 152,083 a month Vast.ai is cheapest: $" in words(page).replace("\\", "")


def test_what_knowing_more_costs_is_said_of_what_is_open(page: AppTest) -> None:
    rows = page.table[1].value

    assert set(rows["Move"]) == {"flux-dev on Runpod"}
    assert rows["Gate"].to_list()[-1] == "all"
    assert "230 blind votes" in rows["Needs"].to_list()
    assert "To know more: 640 jobs, $" in words(page).replace("\\", "")


def test_what_was_signed_says_that_it_is_out_of_date(own: Path, open_page: Open) -> None:
    _pressed(open_page(own, "decision"), "sign-agree", name="ana")
    with Session(open_engine(DataFolder(own).db)) as session:
        (profile,) = session.exec(select(TrafficProfile)).all()
        profile.per_day = 3000.0
        session.commit()
    st.cache_data.clear()
    app = open_page(own, "decision")

    (said,) = [warning.value for warning in app.warning if "Out of date: " in warning.value]
    assert "It was, on " in said


def test_a_licence_that_nobody_answered_blocks(tmp_path: Path, open_page: Open) -> None:
    folder = campaign.build(tmp_path / "draft", locked=False).path
    with Session(open_engine(DataFolder(folder).db)) as session:
        cards.draft(session, {"workflows": ["flux-dev"]}, made_by="ana", now=campaign.FIRST + campaign.LATER)
        cards.lock(session, by="ana", now=campaign.FIRST + campaign.LATER)
        session.commit()
    app = open_page(folder, "decision")

    assert app.title[0].value.startswith("Blocked: ")
    assert app.title[0].value.endswith(", after the fact")


def test_without_a_locked_card_no_verdict_is_said(tmp_path: Path, open_page: Open) -> None:
    app = open_page(campaign.build(tmp_path / "draft", locked=False).path, "decision")

    assert app.title[0].value.startswith("No verdict yet")


def test_minutes_that_were_logged_let_the_net_saving_be_told(own: Path, open_page: Open) -> None:
    with Session(open_engine(DataFolder(own).db)) as session:
        for backend in ("modal", "runpod", "vast"):
            for kind in (EffortKind.DEPLOY, EffortKind.LOGS, EffortKind.DEBUG):
                effort.log_effort(
                    session, backend=backend, kind=kind, minutes=10.0, by="ana", now=campaign.FIRST + campaign.LATER
                )
        session.commit()

    assert "nobody has timed" not in words(open_page(own, "decision"))


# ---------------------------------------------------------------- while somebody reads it


def test_what_is_done_while_it_is_read_is_judged_and_drawn(own: Path, open_page: Open, monkeypatch: Any) -> None:
    app = open_page(own, "decision")
    assert [toast.value for toast in app.toast] == []
    grounds = chain(["as it was", "a block later"], repeat("a block later"))
    asked: list[str] = []
    monkeypatch.setattr(following, "LOOK_S", 0.0)
    monkeypatch.setattr(load, "ground", lambda _: asked.append(next(grounds)) or asked[-1])
    app.session_state["verdict-said"] = [("flux-dev", "not_worth_it", "modal")]

    app.run()

    assert app.title[0].value.startswith("Not enough to decide")
    assert len(asked) == 4, "the page and its look for news, and both again once there is some"
    assert [toast.value for toast in app.toast] == [f"Verdict changed: {app.title[0].value}"]
    assert not app.exception


def test_a_vote_is_a_reason_to_judge_again(own: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("BAKEOFF_DATA_DIR", str(own))
    here = source()
    before = load_verdict.said(load.version(here), here)
    with Session(open_engine(DataFolder(own).db)) as session:
        one, other = session.exec(select(Image).limit(2)).all()
        job = session.get_one(Job, other.job_id)
        run = session.get_one(Run, job.run_id)
        pair = Pair(
            workflow_hash=run.workflow_hash,
            settings="{}",
            backend="runpod",
            prompt_id=job.prompt_id,
            seed=job.seed,
            baseline_image_id=one.id,
            other_image_id=other.id,
            dissimilarity=0.1,
            compared_at=campaign.FIRST,
        )
        session.add(pair)
        session.flush()
        told = {"baseline_left": True, "degraded": False, "at": campaign.FIRST, "simulated": True}
        session.add(Vote(pair_id=pair.id, rater="ana", choice=VoteChoice.NEITHER, **told))
        session.commit()

    assert load_verdict.said(load.version(here), here).key != before.key
