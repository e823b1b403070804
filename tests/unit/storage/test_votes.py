"""Blind votes in the tables: who is asked what, which vote counts, and what they say together."""

from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from sqlmodel import Session, col, delete, select

from analysis.verdict.card import Card, Margins, Minima, Pinned
from analysis.votes import KNOWN_ANSWERS
from storage import pairs, votes
from storage.blobs import Blobs
from storage.models import Image, Pair, Vote
from storage.queries import data_version, verdict_version
from storage.votes import ANSWERS, Answer, Ask, VoteRefused, cast, next_ask
from tests.unit.storage.gallery import campaign, lost, picture
from tests.unit.storage.rows import after, copied
from words import VoteChoice

WORKFLOW = "flux-dev"


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path / "blobs")


@pytest.fixture
def session(tmp_path: Path, blobs: Blobs) -> Session:
    """20 pairs of a candidate and 20 of the baseline with itself, compared."""
    with Session(copied(tmp_path / "x.db")) as session:
        campaign(session, blobs, 3, jobs=10, paint=lambda seed, _: picture(seed % 5))
        campaign(session, blobs, 3, jobs=10, params={"width": 256, "height": 256}, paint=lambda *_: picture(9))
        compare(session)
        yield session


def compare(session: Session, candidate: float = 0.01) -> None:
    """As the collector does, with invented distances."""
    for each in pairs.missing(session):
        own = each.pair.other.backend == "modal"
        pairs.keep(session, [(each.pair, 0.01 if own else candidate)], at=after(9))
    session.commit()


def best(ask: Ask) -> Answer:
    """The baseline's side."""
    return "left" if ask.baseline_left else "right"


def vote(session: Session, blobs: Blobs, rater: str, answer=best, most: int = 1000) -> list[Ask]:
    """Vote until nothing is asked any more."""
    asked = []
    while len(asked) < most and (ask := next_ask(session, blobs, rater, WORKFLOW)):
        said = answer(ask) if callable(answer) and not ask.degraded else best(ask)
        cast(session, blobs, rater=rater, pair_id=ask.pair_id, answer=said, now=after(len(asked)))
        session.commit()
        asked.append(ask)
    return asked


# ---------------------------------------------------------------- what is asked


def test_every_candidate_pair_is_asked_once_and_twelve_known_answers(session: Session, blobs: Blobs) -> None:
    asked = vote(session, blobs, "ana")

    assert Counter(ask.degraded for ask in asked) == {False: 20, True: KNOWN_ANSWERS}
    assert len({ask.pair_id for ask in asked}) == 32
    assert [ask.number for ask in asked] == list(range(1, 33))
    assert {ask.of for ask in asked} == {32}
    assert next_ask(session, blobs, "ana", WORKFLOW) is None


def test_known_answers_are_pairs_of_the_baseline_with_itself(session: Session, blobs: Blobs) -> None:
    spread = set(pairs.pairs(session).filter("spread")["pair_id"])

    for ask in vote(session, blobs, "ana"):
        assert ask.degraded == (ask.pair_id in spread)
        assert sorted(ask.backends) == (["modal", "modal"] if ask.degraded else ["modal", "runpod"])


def test_one_of_each_three_has_a_known_answer_and_nothing_tells_which(session: Session, blobs: Blobs) -> None:
    places = {}
    for rater in ("ana", "ben", "cem", "dia"):
        asked = [ask.degraded for ask in vote(session, blobs, rater)]
        places[rater] = [asked[at : at + 3].index(True) for at in range(0, 30, 3)]
        assert [sum(asked[at : at + 3]) for at in range(0, 30, 3)] == [1] * 10

    assert len(set(map(tuple, places.values()))) == 4, "each rater's own"
    assert set(places["ana"]) == {0, 1, 2}


def test_raters_get_orders_and_sides_of_their_own_and_the_same_again(session: Session, blobs: Blobs) -> None:
    first = next_ask(session, blobs, "ana", WORKFLOW)
    assert next_ask(session, blobs, "ana", WORKFLOW) == first
    assert next_ask(session, blobs, "  ana ", WORKFLOW) == first

    orders = {rater: [ask.pair_id for ask in vote(session, blobs, rater)] for rater in ("ana", "ben")}
    assert orders["ana"] != orders["ben"]


def test_the_baseline_is_as_often_left_as_right(session: Session, blobs: Blobs) -> None:
    left = [ask.baseline_left for rater in "abcdef" for ask in vote(session, blobs, rater)]

    assert len(left) == 6 * 32
    assert abs(sum(left) - 96) < 3 * 192**0.5 / 2
    assert any(one == other for one, other in pairwise(left))


def test_what_is_shown_on_a_side_is_that_side_s_image(session: Session, blobs: Blobs) -> None:
    for ask in vote(session, blobs, "ana"):
        pair = session.get_one(Pair, ask.pair_id)
        base, other = (session.get_one(Image, each).sha256 for each in (pair.baseline_image_id, pair.other_image_id))
        assert ask.sha256 == ((base, other) if ask.baseline_left else (other, base))
        if not ask.degraded:
            assert ask.backends[0 if ask.baseline_left else 1] == "modal"


def test_pairs_that_come_later_are_asked_too_and_known_answers_stay_twelve(session: Session, blobs: Blobs) -> None:
    early = vote(session, blobs, "ana")
    campaign(session, blobs, 2, "modal", "vast", jobs=6, paint=lambda *_: picture(3))
    compare(session)

    late = vote(session, blobs, "ana")

    assert [ask.degraded for ask in late] == [False] * 6
    assert {ask.number for ask in late} == set(range(33, 39))
    assert not {ask.pair_id for ask in late} & {ask.pair_id for ask in early}


def test_a_pair_that_could_not_be_read_is_not_shown(session: Session, blobs: Blobs) -> None:
    gone = next_ask(session, blobs, "ana", WORKFLOW).pair_id
    session.get_one(Pair, gone).dissimilarity = None
    session.commit()

    assert gone not in {ask.pair_id for ask in vote(session, blobs, "ana")}


def test_without_a_candidate_s_pair_nobody_is_asked(tmp_path: Path, blobs: Blobs) -> None:
    with Session(copied(tmp_path / "other.db")) as session:
        assert next_ask(session, blobs, "ana", WORKFLOW) is None
        campaign(session, blobs, 3, "modal", jobs=5)
        compare(session)
        assert next_ask(session, blobs, "ana", WORKFLOW) is None


def test_a_pair_whose_image_is_gone_is_passed_over(session: Session, blobs: Blobs) -> None:
    lost(blobs, next_ask(session, blobs, "ana", WORKFLOW).sha256[1])
    gone = {ask.pair_id for ask in asked_of(session, "ben") if not all(blobs.has(each) for each in ask.sha256)}

    asked = {ask.pair_id for ask in vote(session, blobs, "ana")}

    assert gone
    assert asked
    assert not asked & gone
    assert next_ask(session, blobs, "ana", WORKFLOW) is None


def asked_of(session: Session, rater: str) -> list[Ask]:
    """Every pair as the rater would see it."""
    ids = session.exec(select(Pair.id)).all()
    return [votes._ask(session, rater, pair_id, number=0, of=0) for pair_id in ids]


def test_another_workflow_s_pairs_are_not_asked(session: Session, blobs: Blobs) -> None:
    assert next_ask(session, blobs, "ana", "qwen-image-2512") is None


# ---------------------------------------------------------------- a vote


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_vote_is_kept_as_what_it_says_of_the_two(session: Session, blobs: Blobs, answer: Answer) -> None:
    for _ in range(8):
        ask = next_ask(session, blobs, "ana", WORKFLOW)
        assert cast(session, blobs, rater=" ana", pair_id=ask.pair_id, answer=answer, now=after(5)).sha256 == ask.sha256
        row = session.exec(select(Vote).order_by(col(Vote.id).desc())).first()
        sides = {"left": ask.baseline_left, "right": not ask.baseline_left}
        if answer in sides:
            assert row.choice is (VoteChoice.BASELINE if sides[answer] else VoteChoice.OTHER)
        else:
            assert row.choice == answer
        assert (row.pair_id, row.rater, row.at, row.simulated) == (ask.pair_id, "ana", after(5), True)
        assert (row.baseline_left, row.degraded) == (ask.baseline_left, ask.degraded)


def test_a_second_vote_is_refused_in_words_and_the_first_stands(session: Session, blobs: Blobs) -> None:
    ask = next_ask(session, blobs, "ana", WORKFLOW)
    cast(session, blobs, rater="ana", pair_id=ask.pair_id, answer="left", now=after(1))
    session.commit()

    with pytest.raises(VoteRefused, match="ana has voted on this pair before: the first vote stands"):
        cast(session, blobs, rater="ana", pair_id=ask.pair_id, answer="right", now=after(2))
    session.commit()

    (kept,) = session.exec(select(Vote)).all()
    assert (kept.at, kept.choice) == (after(1), VoteChoice.BASELINE if ask.baseline_left else VoteChoice.OTHER)
    cast(session, blobs, rater="ben", pair_id=ask.pair_id, answer="right", now=after(3))
    session.commit()
    assert len(session.exec(select(Vote)).all()) == 2


@pytest.mark.parametrize("side", [0, 1])
def test_a_vote_on_a_deleted_image_is_refused(session: Session, blobs: Blobs, side: int) -> None:
    ask = next_ask(session, blobs, "ana", WORKFLOW)
    lost(blobs, ask.sha256[side])

    with pytest.raises(VoteRefused, match="An image of this pair is gone"):
        cast(session, blobs, rater="ana", pair_id=ask.pair_id, answer="left", now=after(1))
    assert session.exec(select(Vote)).all() == []


def test_a_vote_on_a_pair_that_is_gone_is_refused(session: Session, blobs: Blobs) -> None:
    ask = next_ask(session, blobs, "ana", WORKFLOW)
    session.exec(delete(Pair).where(col(Pair.id) == ask.pair_id))

    with pytest.raises(VoteRefused, match=f"no pair {ask.pair_id} any more"):
        cast(session, blobs, rater="ana", pair_id=ask.pair_id, answer="left", now=after(1))


@pytest.mark.parametrize("name", ["", "   ", "x" * 61, "a\x00b", "\u202eevil"])
def test_a_vote_needs_a_name(session: Session, blobs: Blobs, name: str) -> None:
    pair_id = next_ask(session, blobs, "ana", WORKFLOW).pair_id

    with pytest.raises(VoteRefused, match="needs its rater's name"):
        cast(session, blobs, rater=name, pair_id=pair_id, answer="left", now=after(1))
    with pytest.raises(VoteRefused, match="needs its rater's name"):
        next_ask(session, blobs, name, WORKFLOW)


def test_an_answer_that_is_none_is_refused(session: Session, blobs: Blobs) -> None:
    pair_id = next_ask(session, blobs, "ana", WORKFLOW).pair_id

    with pytest.raises(VoteRefused, match="left, right, neither or broken, not 'modal'"):
        cast(session, blobs, rater="ana", pair_id=pair_id, answer="modal", now=after(1))


def test_a_vote_is_a_new_version_of_the_data(session: Session, blobs: Blobs) -> None:
    before, ground = data_version(session), verdict_version(session)
    vote(session, blobs, "ana", most=1)

    assert data_version(session) != before
    assert verdict_version(session) != ground


# ---------------------------------------------------------------- what they say


def test_votes_of_raters_who_miss_the_known_answers_do_not_count(session: Session, blobs: Blobs) -> None:
    vote(session, blobs, "ana")
    for _ in range(32):
        ask = next_ask(session, blobs, "blind", WORKFLOW)
        cast(session, blobs, rater="blind", pair_id=ask.pair_id, answer="neither", now=after(1))
        session.commit()

    found = votes.raters(session, WORKFLOW)

    assert (found.raters, list(found.dropped)) == (["ana"], ["blind"])
    assert len(found.ballots) == 20
    assert {each.choice for each in found.ballots} == {VoteChoice.BASELINE}


def test_each_candidate_at_each_setting_is_judged_by_itself(session: Session, blobs: Blobs) -> None:
    for rater in ("ana", "ben", "cem"):
        vote(session, blobs, rater, answer=lambda _: "neither")

    found = votes.judged(session)

    assert [(each.backend, each.gpu, each.likeness.pairs, each.people.votes) for each in found] == [
        ("runpod", "L40S", 10, 30),
        ("runpod", "L40S", 10, 30),
    ]
    assert len({each.settings for each in found}) == 2
    assert {each.people.share for each in found} == {0.5}
    assert {each.simulated for each in found} == {True}
    assert {each.told.quality for each in found} == {"undecided"}


def card(session: Session, settings: str, **changes: object) -> Card:
    hash_ = pairs.pairs(session)["workflow_hash"][0]
    given = {
        "workflows": [WORKFLOW],
        "candidates": ["runpod"],
        "traffic": "ours",
        "pins": {WORKFLOW: Pinned(workflow_hash=hash_, settings=settings, gpu="L40S")},
    }
    return Card(**given | changes)


def test_the_rule_is_told_of_what_the_card_pins(session: Session) -> None:
    every = votes.judged(session)

    for each in every:
        told = votes.judgements(session, card(session, each.settings))
        assert told == {(WORKFLOW, "runpod"): each.told}
        assert told[WORKFLOW, "runpod"].why.endswith("quality: not judged by people")
    assert votes.judgements(session, card(session, "{}")) == {}
    assert votes.judgements(session, card(session, every[0].settings, candidates=["vast"])) == {}


def test_the_card_s_margin_and_raters_are_what_votes_are_held_to(tmp_path: Path, blobs: Blobs) -> None:
    with Session(copied(tmp_path / "large.db")) as session:
        campaign(session, blobs, 4, jobs=30, paint=lambda *_: picture(1))
        compare(session, candidate=0.9)
        for rater in "abcdefgh":
            vote(session, blobs, rater, answer=lambda _: "left")
        settings = pairs.pairs(session)["settings"][0]

        def told(**changes: object) -> str:
            return votes.judgements(session, card(session, settings, **changes))[WORKFLOW, "runpod"].quality

        assert told() == "alike", "sides are drawn, so that always left is as good as a coin"
        assert told(margins=Margins(preference=0.01)) == "undecided"
        assert told(minima=Minima(raters=9)) == "undecided"
