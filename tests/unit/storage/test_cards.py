"""The decision card: versions are added and never changed, and what was locked after the first sample says so."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, select

from analysis.verdict.card import Card, Pinned, canonical, read
from storage import cards
from storage.card_values import CardRefused, drifted, pin
from storage.cards import Version, current, deciding, draft, edit, lock, post_hoc, review, versions, voids
from storage.models import DecisionCard, Job, Schedule, Snapshot, TrafficProfile
from tests.unit.storage.campaign import TRAFFIC, begin, measured_block, schedule
from tests.unit.storage.rows import AT, after, copied, launch
from words import JobStatus, ScheduleStatus, Verdict
from workflows import load

ANA = {"made_by": "ana", "now": AT}
ONE = {"workflows": "flux-dev"}


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return copied(tmp_path / "x.db")


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with Session(engine) as session:
        begin(session)
        yield session


def rows(session: Session) -> list[DecisionCard]:
    session.expire_all()
    return list(session.exec(select(DecisionCard)))


def locked(session: Session, **values: Any) -> Version:
    draft(session, ONE | values, **ANA)
    return lock(session, by="ana", now=after(60))


# ---------------------------------------------------------------- the first version


def test_a_card_of_the_defaults_pins_what_production_uses(session: Session) -> None:
    made = draft(session, ONE, note=" to begin with ", **ANA)
    (row,) = rows(session)

    assert (made.number, str(made), made.locked, made.decides) == (1, "Card v1", False, False)
    assert (row.made_by, row.made_at, row.note, row.locked_at, row.samples_before) == (
        "ana", AT, "to begin with", None, None,
    )  # fmt: skip
    known = load("flux-dev")
    card = read(row.content)
    assert (card.workflows, card.candidates, card.traffic) == (("flux-dev",), ("runpod", "vast"), TRAFFIC)
    pinned = card.pins["flux-dev"]
    assert (pinned.workflow_hash, pinned.settings, pinned.gpu) == (known.hash, "{}", known.default_gpu)
    assert row.digest == card.digest


def test_a_workflow_is_pinned_as_its_newest_schedule_has_it_before_any_run(session: Session) -> None:
    schedule(session, gpu="H100", params={"width": 512, "steps": 4})
    schedule(session, gpu="A100").status = ScheduleStatus.CANCELLED
    launch(session, params={"width": 768}, backends=["modal"])
    assert (pin(session, "flux-dev").gpu, pin(session, "flux-dev").settings) == ("H100", '{"steps": 4, "width": 512}')

    for row in session.exec(select(Schedule)):
        row.status = ScheduleStatus.CANCELLED
    assert (pin(session, "flux-dev").gpu, pin(session, "flux-dev").settings) == ("L40S", '{"width": 768}')


def test_the_workflows_of_the_defaults_are_those_that_were_planned(session: Session) -> None:
    schedule(session, "qwen-image-2512", gpu="H100")

    assert draft(session, {}, **ANA).card.workflows == ("qwen-image-2512",)


def test_there_is_one_card_with_versions(session: Session) -> None:
    draft(session, ONE, **ANA)

    with pytest.raises(CardRefused, match="There is a card already, v1"):
        draft(session, ONE, **ANA)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"margins.saving": 0.3}, "the target must be the larger one"),
        ({"margins.saving": "much"}, "margins.saving is a number, not 'much'"),
        ({"minima.blocks": 30}, "no look could ever say it"),
        ({"workflows": "sdxl"}, "There is no workflow 'sdxl'"),
        ({"candidates": "fal"}, "No backend is called 'fal'. Known here: modal, runpod, vast"),
        ({"candidates": "modal"}, "modal is the baseline"),
        ({"baseline": "aws"}, "No backend is called 'aws'"),
        ({"traffic": "theirs"}, "No traffic is kept by the name 'theirs'. There are: ours."),
        ({"pins.sdxl.gpu": "H100"}, "does not compare 'sdxl'"),
        ({"price": 1}, "A card has no 'price'"),
    ],
)
def test_what_contradicts_itself_or_is_unknown_leaves_no_row(
    session: Session, values: dict[str, Any], said: str
) -> None:
    with pytest.raises(CardRefused) as refused:
        draft(session, ONE | values, **ANA)
    assert said in str(refused.value)
    assert rows(session) == []

    draft(session, ONE, **ANA)
    with pytest.raises(CardRefused) as refused:
        edit(session, values, **ANA)
    assert said in str(refused.value)
    assert len(rows(session)) == 1


@pytest.mark.parametrize("name", ["", "  ", "\t\n"])
def test_nobody_cannot_make_or_lock_a_card(session: Session, name: str) -> None:
    with pytest.raises(CardRefused, match="who says so"):
        draft(session, ONE, made_by=name, now=AT)
    assert rows(session) == []
    draft(session, ONE, **ANA)
    with pytest.raises(CardRefused, match="who says so"):
        lock(session, by=name, now=AT)
    assert rows(session)[0].locked_at is None


def test_without_traffic_there_is_no_card(session: Session) -> None:
    session.delete(session.exec(select(TrafficProfile)).one())
    with pytest.raises(CardRefused, match="bakeoff traffic add"):
        draft(session, ONE, **ANA)


# ---------------------------------------------------------------- edits


def test_an_edit_is_a_new_version_that_says_what_differs_and_leaves_the_old_one_as_it_was(session: Session) -> None:
    before = locked(session)
    kept = before.row.model_dump()
    made = edit(session, {"margins.saving": "0.15", "ops.deploy": 4}, made_by="bo", now=after(90), note="asked by Finn")

    first, second = rows(session)
    assert first.model_dump() == kept
    assert (second.made_by, second.note, second.locked_at, made.number) == ("bo", "asked by Finn", None, 2)
    newest, oldest = versions(session)
    assert cards.diff(oldest, newest) == [
        "margins.saving: 0.1 -> 0.15",
        "ops: {} -> nothing",
        "ops.deploy: nothing -> 4.0",
    ]
    assert cards.diff(None, oldest) == []
    assert newest.row.digest != oldest.row.digest


def test_an_edit_that_changes_nothing_is_refused(session: Session) -> None:
    locked(session)
    with pytest.raises(CardRefused, match="Card v1 says all of that already"):
        edit(session, {"margins.saving": 0.1, "looks": "12, 16, 20"}, **ANA)
    assert len(rows(session)) == 1


def test_workflows_that_stay_keep_their_pins_until_all_are_pinned_anew(session: Session) -> None:
    draft(session, ONE, **ANA)
    schedule(session, gpu="H100")
    both = edit(session, {"workflows": "flux-dev, qwen-image-2512"}, **ANA).card
    assert {name: pinned.gpu for name, pinned in both.pins.items()} == {
        "flux-dev": load("flux-dev").default_gpu,
        "qwen-image-2512": load("qwen-image-2512").default_gpu,
    }
    assert edit(session, {}, repin=True, **ANA).card.pins["flux-dev"].gpu == "H100"


def test_who_looked_at_an_older_version_can_neither_edit_lock_nor_review(session: Session) -> None:
    draft(session, ONE, **ANA)
    edit(session, {"alpha": 0.1}, made_by="bo", now=after(1))
    for act in (
        lambda: edit(session, {"alpha": 0.15}, base=1, **ANA),
        lambda: lock(session, by="ana", now=after(2), number=1),
        lambda: review(session, by="cy", now=after(2), number=1),
    ):
        with pytest.raises(CardRefused, match="The card is at v2 by now, made by bo"):
            act()
    assert lock(session, by="ana", now=after(2), number=2).locked


@pytest.mark.parametrize("act", [edit, lock, review, deciding], ids=lambda act: act.__name__)
def test_before_there_is_a_card_the_way_to_one_is_told(session: Session, act: Any) -> None:
    given = {edit: {"values": {"alpha": 0.1}, **ANA}, deciding: {}}.get(act, {"by": "ana", "now": AT})
    with pytest.raises(CardRefused, match="bakeoff card new"):
        act(session, **given)
    assert current(session) is None
    assert (versions(session), voids(session)) == ([], [])


def test_an_edit_voids_the_lock_the_review_and_the_verdicts_on_the_version_before_it(session: Session) -> None:
    draft(session, ONE, **ANA)
    assert voids(session) == []
    measured_block(session, schedule(session))
    version = lock(session, by="ana", now=after(60))
    review(session, by="bo", now=after(61))
    for digest, title in (("a", "Go: move flux-dev"), ("b", "Stay on Modal")):
        session.add(
            Snapshot(
                digest=digest, card_id=version.row.id, made_at=AT, state=Verdict.GO, title=title, valid_to=after(9),
                verdict={}, simulated=True,
            )
        )  # fmt: skip
    assert voids(session) == [
        "the lock of 23 Nov 2026 by ana",
        "the review of 23 Nov 2026 by bo",
        "the verdict of 23 Nov 2026: Stay on Modal",
        "the verdict of 23 Nov 2026: Go: move flux-dev",
    ]
    edit(session, {"alpha": 0.1}, **ANA)
    assert voids(session) == []
    lock(session, by="bo", now=after(99))
    assert voids(session) == ["the lock of 23 Nov 2026 by bo"], "verdicts on the version before it are void already"


# ---------------------------------------------------------------- lock and review


def test_a_card_that_was_locked_before_the_first_sample_decides(session: Session) -> None:
    schedule(session)
    version = locked(session)
    (row,) = rows(session)

    assert (row.locked_by, row.locked_at, row.samples_before) == ("ana", after(60), 0)
    assert (version.decides, version.post_hoc, post_hoc(version)) == (True, False, "")
    assert version.title == "Card v1 is locked since 23 Nov, before the first sample"
    assert deciding(session).number == 1
    with pytest.raises(CardRefused, match="before the first sample: nothing has to be reviewed"):
        review(session, by="bo", now=after(61))


def test_a_first_version_that_was_locked_late_was_not_edited_but_locked(session: Session) -> None:
    row = draft(session, ONE, **ANA).row
    row.locked_by, row.locked_at, row.samples_before = "ana", AT, 1

    assert current(session).title == "Card v1 was locked after 1 sample: verdicts say so"


def test_a_draft_decides_nothing(session: Session) -> None:
    version = draft(session, ONE, **ANA)
    assert version.title == "Card v1 is a draft: nothing can be decided on it"
    assert post_hoc(version) == ""
    with pytest.raises(CardRefused, match="Card v1 is a draft: nothing can be decided on it"):
        deciding(session)
    with pytest.raises(CardRefused, match="is a draft: lock it first"):
        review(session, by="bo", now=after(1))


def test_a_card_is_locked_once(session: Session) -> None:
    locked(session)
    with pytest.raises(CardRefused, match="is locked already, since 23 Nov 2026 by ana"):
        lock(session, by="bo", now=after(99))
    assert (rows(session)[0].locked_by, rows(session)[0].locked_at) == ("ana", after(60))


def test_samples_are_jobs_of_blocks_of_its_workflows_that_are_over(session: Session) -> None:
    version = draft(session, ONE, **ANA)
    launch(session, backends=["modal"])  # no block
    other = schedule(session, "qwen-image-2512", gpu="H100")
    measured_block(session, other, workflow="qwen-image-2512")
    assert cards.samples(session, version.card) == 0

    of = schedule(session)
    run = measured_block(session, of)
    assert cards.samples(session, version.card) == 6
    unsent = session.exec(select(Job).where(Job.run_id == run.id, Job.status == JobStatus.QUEUED)).all()
    for job, status in zip(unsent, (JobStatus.CANCELLED, JobStatus.LOST), strict=True):
        job.status = status
    assert cards.samples(session, version.card) == 7
    assert cards.samples(session, replace(version.card, workflows=("qwen-image-2512",), pins={})) == 6


def test_an_edit_after_samples_is_post_hoc_until_a_second_person_has_reviewed_it(session: Session) -> None:
    locked(session)
    measured_block(session, schedule(session))
    assert deciding(session).decides, "samples after the lock are what it is for"
    edit(session, {"margins.saving": 0.05}, made_by="bo", now=after(600))
    version = lock(session, by="ana", now=after(700))

    assert (version.row.samples_before, version.post_hoc, version.decides) == (6, True, False)
    assert version.title == "Card v2 was edited after 6 samples: verdicts say so"
    assert post_hoc(deciding(session)) == (
        "The card was edited after 6 samples: "
        "v2 was locked on 23 Nov 2026 by ana, and a second person has to review it."
    )
    for name in ("ana", "bo", " Ana ", "A N A", "BO"):
        with pytest.raises(CardRefused, match="a second person has to review it"):
            review(session, by=name, now=after(800))
    assert rows(session)[1].reviewed_at is None
    reviewed = review(session, by=" Cy  Twombly ", now=after(800))
    assert (reviewed.row.reviewed_by, reviewed.row.reviewed_at) == ("Cy Twombly", after(800))
    assert (reviewed.decides, reviewed.post_hoc, post_hoc(reviewed)) == (True, True, "")
    assert reviewed.title == "Card v2 was edited after 6 samples and reviewed by Cy Twombly: verdicts say so"
    with pytest.raises(CardRefused, match="was reviewed on 23 Nov 2026 by Cy Twombly"):
        review(session, by="dee", now=after(900))


def test_a_card_of_a_workflow_that_has_changed_since_cannot_be_locked(session: Session) -> None:
    made = draft(session, ONE, **ANA)
    old = replace(made.card.pins["flux-dev"], workflow_hash="0" * 64)
    _put(session, made.row, replace(made.card, pins={"flux-dev": old}))
    assert drifted(current(session).card) == ["The workflow flux-dev has changed since the card was made."]
    with pytest.raises(CardRefused, match="Edit the card to pin it as it is now"):
        lock(session, by="ana", now=after(1))
    assert rows(session)[0].locked_at is None

    edit(session, {}, repin=True, **ANA)
    assert lock(session, by="ana", now=after(2)).decides


def test_a_workflow_that_is_gone_is_told() -> None:
    pinned = Pinned(workflow_hash="x", settings="{}", gpu="L40S")
    card = Card(workflows=["sdxl"], candidates=["runpod"], traffic="t", pins={"sdxl": pinned})
    assert drifted(card) == ["There is no workflow sdxl any more."]


def test_content_that_was_changed_in_the_database_is_no_card(session: Session) -> None:
    version = locked(session)
    version.row.content = version.row.content.replace('"saving":0.1', '"saving":0.01')
    with pytest.raises(CardRefused, match="Card v1 is not what was hashed"):
        assert deciding(session).card
    (told,) = cards.diff(versions(session)[0], versions(session)[0])
    assert "is not what was hashed" in told

    assert edit(session, ONE, **ANA).card.margins.saving == 0.1, "begun anew from the defaults"
    assert lock(session, by="ana", now=after(9)).number == 2


def test_two_who_lock_at_once_are_one_lock_and_one_refusal(engine: Engine) -> None:
    with Session(engine) as session:
        begin(session)
        draft(session, ONE, **ANA)
        session.commit()
    said: list[str] = []

    def press(name: str) -> None:
        with Session(engine) as session:
            try:
                lock(session, by=name, now=after(5))
                session.commit()
                said.append("locked")
            except CardRefused as error:
                said.append(str(error))

    both = [threading.Thread(target=press, args=(name,)) for name in ("ana", "bo")]
    for each in both:
        each.start()
    for each in both:
        each.join()
    assert len([each for each in said if each == "locked"]) == 1
    assert len([each for each in said if "is locked already" in each]) == 1


def _put(session: Session, row: DecisionCard, card: Card) -> None:
    row.content, row.digest = canonical(card), card.digest
    session.flush()
