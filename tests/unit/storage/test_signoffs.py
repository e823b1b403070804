"""What people said to a verdict goes with what was found, under the card that it was found under."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, select

from storage import signoffs
from storage.card_values import CardRefused
from storage.models import DecisionCard, SignOff, Snapshot
from tests.unit.storage.rows import after, copied
from words import Verdict

GO = "Go: move flux-dev to Runpod"


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    with Session(copied(tmp_path / "x.db")) as session:
        session.add(DecisionCard(id=1, content="{}", digest="c1", made_by="ana", made_at=after(0)))
        session.flush()
        yield session


def snapshot(session: Session, name: str, title: str = GO, card: str = "c1", state: Verdict = Verdict.GO) -> Snapshot:
    row = Snapshot(
        digest=name * 16, card_id=1, made_at=after(1), state=state, title=title, valid_to=after(9), simulated=False,
        verdict={"snapshot": name * 16, "title": title, "card": {"digest": card}},
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


def override(session: Session, of: Snapshot, name: str = "ana") -> SignOff:
    word = signoffs.overridden(Verdict.NO_GO, name=name, second_name="ben", reason="Too risky.", now=after(5))
    return signoffs.keep(session, of, word)


def title(session: Session, of: Snapshot) -> Any:
    return signoffs.heard(session, of.verdict)["title"]


def test_an_override_outlives_its_snapshot_until_the_rule_says_something_else(session: Session) -> None:
    first, later = snapshot(session, "7f3a"), snapshot(session, "9c2b")
    other, anew = snapshot(session, "aaaa", title="Stay on Modal"), snapshot(session, "bbbb", card="c2")
    override(session, first)

    assert title(session, first) == title(session, later) == f"{GO}, overridden by ana: Too risky."
    assert [title(session, each) for each in (other, anew)] == ["Stay on Modal", GO]
    (word,) = signoffs.heard(session, later.verdict)["signed"]
    assert word == {
        "name": "ana", "second_name": "ben", "reason": "Too risky.", "instead": "no_go", "at": after(5).isoformat(),
        "snapshot": "7f3a" * 16,
    }  # fmt: skip


def test_the_newest_override_ends_the_title_and_a_later_agreement_leaves_it(session: Session) -> None:
    row = snapshot(session, "7f3a")
    override(session, row)
    override(session, row, name="cy")
    signoffs.keep(session, row, signoffs.agreed("dan", now=after(6)))

    assert title(session, row) == f"{GO}, overridden by cy: Too risky."
    assert [each["name"] for each in signoffs.heard(session, row.verdict)["signed"]] == ["dan", "cy", "ana"]


def test_a_word_that_was_said_or_changes_nothing_is_refused(session: Session) -> None:
    row = snapshot(session, "7f3a", state=Verdict.NO_GO)
    signoffs.keep(session, row, signoffs.agreed("ana", now=after(5)))

    with pytest.raises(CardRefused, match="has said so"):
        signoffs.keep(session, row, signoffs.agreed(" ANA", now=after(6)))
    with pytest.raises(CardRefused, match="The rule says no_go already"):
        override(session, row)
    assert len(session.exec(select(SignOff)).all()) == 1
