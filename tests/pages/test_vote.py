"""Voting blind: nothing names a provider, each vote is saved at once, and all of them say something at the end."""

import io
import re
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image as Pillow
from PIL.PngImagePlugin import PngInfo
from sqlmodel import Session, select
from streamlit.testing.v1 import AppTest

from analysis.parity import dissimilarity, luma
from analysis.pictures import pixels
from storage.blobs import Blobs
from storage.db import DataFolder, open_engine, open_reader
from storage.models import Vote
from storage.pairs import keep, missing, pairs
from storage.votes import Ask, cast, next_ask
from tests.pages.conftest import Open, words
from tests.unit.storage.gallery import campaign, lost
from tests.unit.storage.rows import after
from ui import vote_view
from words import VoteChoice


@pytest.fixture
def pool(empty: Path) -> Path:
    """A folder with 6 pairs of a candidate and 13 of the baseline with itself."""
    with Session(open_engine(DataFolder(empty).db)) as session:
        campaign(session, blobs(empty), 3, "modal", jobs=13)
        campaign(session, blobs(empty), 1, "modal", "runpod", jobs=6)
        keep(session, [(each.pair, 0.01) for each in missing(session)], at=after(9))
        session.commit()
    return empty


def blobs(folder: Path) -> Blobs:
    return Blobs(DataFolder(folder).blobs)


def named(open_page: Open, folder: Path, name: str = "ana") -> AppTest:
    app = open_page(folder, "vote")
    return app.text_input(key="rater").set_value(name).run()


def asked(folder: Path, name: str = "ana") -> Ask | None:
    with Session(open_reader(DataFolder(folder).db)) as session:
        return next_ask(session, blobs(folder), name, "flux-dev")


def shown(app: AppTest) -> list[str]:
    """The texts that stand for the two images, and where these are served from."""
    return [f"{one.alt} {one.url}" for block in app.get("image") for one in block.proto.imgs]


def press(app: AppTest, answer: str) -> AppTest:
    return app.button(key=f"vote-{answer}").click().run()


def votes(folder: Path) -> list[Vote]:
    with Session(open_reader(DataFolder(folder).db)) as session:
        return list(session.exec(select(Vote).order_by(Vote.id)))


def test_a_name_comes_first(pool: Path, open_page: Open) -> None:
    app = open_page(pool, "vote")

    assert app.title[0].value == "Which is better?"
    assert "Type your name to begin" in words(app)
    assert not [one for one in app.button if one.key.startswith("vote-")]
    assert shown(app) == []


def test_two_images_and_four_answers_with_their_keys(pool: Path, open_page: Open) -> None:
    app = named(open_page, pool)
    ask = asked(pool)

    assert [text.split(":")[0] for text in shown(app)] == ["Left", "Right"]
    assert all(ask.prompt in text for text in shown(app))
    buttons = [one for one in app.button if (one.key or "").startswith("vote-")]
    assert [(one.label, one.proto.shortcut) for one in buttons] == [
        ("Left", "left"), ("No difference", "down"), ("Right", "right"), ("Broken", "x")
    ]  # fmt: skip
    assert f"pair 1 of {ask.of}" in words(app)


def test_nothing_on_the_page_names_a_provider_before_the_vote(pool: Path, open_page: Open) -> None:
    app = named(open_page, pool)
    ask = asked(pool)
    everything = words(app) + "".join(shown(app)) + repr(app.get("page_link"))

    for name in ("Modal", "Runpod", "runpod", *ask.sha256):
        assert name not in everything


def test_each_vote_is_saved_at_once_and_then_it_says_whose_they_were(pool: Path, open_page: Open) -> None:
    app = named(open_page, pool)
    for number in range(1, 5):
        ask = asked(pool)
        app = press(app, "left")

        rows = votes(pool)
        assert len(rows) == number
        assert (rows[-1].pair_id, rows[-1].rater) == (ask.pair_id, "ana")
        assert rows[-1].choice is (VoteChoice.BASELINE if ask.baseline_left else VoteChoice.OTHER)
        assert f"Saved: {vote_view.whose(ask)}" in words(app)
        assert f"pair {number + 1} of" in words(app)


def test_a_vote_from_a_page_that_was_open_twice_is_refused_in_words(pool: Path, open_page: Open) -> None:
    one, other = named(open_page, pool), named(open_page, pool)
    press(one, "left")
    other = press(other, "right")

    assert other.error[0].value.startswith("ana has voted on this pair before")
    assert len(votes(pool)) == 1
    assert "pair 2 of" in words(other)
    assert "Saved:" not in words(other)


def test_an_image_that_goes_away_under_the_page_is_no_vote(pool: Path, open_page: Open) -> None:
    app = named(open_page, pool)
    ask = asked(pool)
    for sha256 in ask.sha256:
        lost(blobs(pool), sha256)
        blobs(pool)._shown_path(sha256).unlink(missing_ok=True)

    app = press(app, "left")

    assert "An image of this pair is gone" in app.error[0].value
    assert votes(pool) == []
    assert app.exception == []


def test_of_a_known_answer_the_other_side_is_visibly_worse_and_of_all_else_both_are_as_they_are(pool: Path) -> None:
    seen = 0
    while ask := asked(pool):
        both = vote_view.sides(blobs(pool), ask)
        originals = [pixels(blobs(pool).get(sha256)).tobytes() for sha256 in ask.sha256]
        same = [pixels(content).tobytes() == original for content, original in zip(both, originals, strict=True)]
        assert same == ([ask.baseline_left, not ask.baseline_left] if ask.degraded else [True, True])
        if ask.degraded:
            seen += 1
            assert dissimilarity(*map(luma, both)) > 0.15
        with Session(open_engine(DataFolder(pool).db)) as session:
            cast(session, blobs(pool), rater="ana", pair_id=ask.pair_id, answer="left", now=after(1))
            session.commit()

    assert seen == 12


def test_large_images_are_shown_at_1024_px_and_without_what_came_with_them(pool: Path) -> None:
    wide = Pillow.effect_noise((1600, 800), 40).convert("RGB")
    file = io.BytesIO()
    wide.save(file, "PNG", pnginfo=secret())
    sha256 = blobs(pool).put(file.getvalue())
    both = vote_view.sides(blobs(pool), replace(asked(pool), sha256=(sha256, sha256), degraded=False))

    assert [pixels(content).size for content in both] == [(1024, 512)] * 2
    assert b"the whole graph" not in b"".join(both)


def secret() -> PngInfo:
    info = PngInfo()
    info.add_text("prompt", "the whole graph")
    return info


def test_what_is_no_picture_any_more_is_not_shown(pool: Path) -> None:
    sha256 = blobs(pool).put(b"no picture")

    assert vote_view.sides(blobs(pool), replace(asked(pool), sha256=(sha256, "0" * 64))) == (None, None)


def test_who_has_judged_everything_sees_what_all_votes_say(pool: Path, open_page: Open) -> None:
    app = named(open_page, pool)
    while ask := asked(pool):
        app = press(app, "neither" if not ask.degraded else "left" if ask.baseline_left else "right")

    [table] = app.table
    [row] = table.value.to_dict("records")
    assert (row[""], row["Votes"], row["Raters"]) == ("Runpod on L40S".replace(" ", "\u00a0"), "6 of 230", "1")
    assert row["People"] == "preferred in 50 % of 6 blind votes by 1 raters: needs 2 more raters"
    assert "Your votes count, beside those of 0 others" in words(app)


def test_who_misses_the_known_answers_is_told_so(pool: Path, open_page: Open) -> None:
    while ask := asked(pool, "eve"):
        with Session(open_engine(DataFolder(pool).db)) as session:
            cast(session, blobs(pool), rater="eve", pair_id=ask.pair_id, answer="neither", now=after(1))
            session.commit()

    app = named(open_page, pool, "eve")

    assert "Your votes do not count: your name found 0 of 12 known answers" in words(app)


@pytest.mark.parametrize("name", ["\u202eevil", "a\x07b"])
def test_a_name_that_is_none_is_refused_in_words(pool: Path, open_page: Open, name: str) -> None:
    app = named(open_page, pool, name)

    assert app.exception == []
    assert "needs its rater" in app.error[0].value
    assert votes(pool) == []


def test_a_rater_s_name_is_never_markdown(pool: Path, open_page: Open) -> None:
    one, other = (named(open_page, pool, "[x](http://evil.example)") for _ in range(2))
    press(one, "left")
    other = press(other, "left")

    assert "](http" not in other.error[0].value


def test_without_a_pair_it_says_where_they_come_from(empty: Path, open_page: Open) -> None:
    app = open_page(empty, "vote")

    assert "images are compared as jobs finish" in words(app)


# ---------------------------------------------------------------- the gallery


def test_the_gallery_shows_each_pair_s_distance_and_leads_to_the_vote(pool: Path, open_page: Open) -> None:
    app = open_page(pool, "gallery")

    assert "Runpod differs by 0.0100; Modal's own spread is not known yet" in words(app)
    assert "Vote blind" in [one.proto.label for one in app.get("page_link")]
    [table] = app.table
    [row] = table.value.to_dict("records")
    assert row["Pairs"] == "6 of 60"
    assert row["Found"] == "needs 46 more pairs of the baseline with itself, for its own spread"
    assert row["People"] == "quality: not judged by people"


def test_once_the_spread_is_known_the_title_counts_the_pairs_within_it(empty: Path, open_page: Open) -> None:
    with Session(open_engine(DataFolder(empty).db)) as session:
        campaign(session, blobs(empty), 8, jobs=62, paint=lambda *_: b"no picture is looked at here")
        for number, each in enumerate(missing(session)):
            own = each.pair.other.backend == "modal"
            keep(session, [(each.pair, 0.02 if own else 0.01 + 0.001 * (number % 12))], at=after(9))
        session.commit()
        frame = pairs(session).filter(spread=False)
    within = frame.filter(dissimilarity=0.02).height + (frame["dissimilarity"] < 0.02).sum()

    app = open_page(empty, "gallery", order="largest difference")

    assert app.title[0].value.startswith(f"{within} of 60 pairs look the same")
    assert 0 < within < 60
    said = re.findall(r"Runpod differs by (0\.\d{4}), (beyond|within) Modal's own 0\.0200", words(app))
    assert said
    assert said[0] == ("0.0210", "beyond")
    assert [float(value) for value, _ in said] == sorted((float(value) for value, _ in said), reverse=True)
