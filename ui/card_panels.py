"""The decision card, drawn: limits and assumptions, the lock and the review, the versions."""

from collections.abc import Callable
from functools import partial
from typing import Any

import streamlit as st
from sqlmodel import Session

from analysis.verdict.card import Card
from storage import cards
from storage.card_values import CardRefused
from storage.cards import LONGEST_NAME, Version
from storage.db import StorageError
from ui import actions, card_fields, card_view, draw
from ui.formats import money_text, plain
from ui.glossary import meaning
from ui.load_card import Shown
from ui.source import source

REFUSED, DONE = "card-refused", "card-done"
WHO = "who"


def told() -> None:
    """What the last click came to."""
    if refusal := st.session_state.pop(REFUSED, None):
        st.error(plain(refusal), icon=":material/block:")
    if done := st.session_state.pop(DONE, None):
        st.success(plain(done), icon=":material/check:")


def who() -> str:
    """The name that was typed on this page."""
    return str(st.session_state.get(WHO) or "").strip()


def sign(shown: Shown) -> None:
    """A name, and what may be done with it: lock a draft, or review what was locked after the first sample."""
    newest = shown.newest
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input(
            "Your name", key=WHO, max_chars=LONGEST_NAME, placeholder="kept as typed, not verified", width=280
        )
        if newest is not None and not newest.locked:
            what = partial(cards.lock, by=who(), now=source().now(), number=newest.number)
            _button(f"Lock v{newest.number}", what, key="card-lock", icon=":material/lock:", ready=bool(shown.card))
        elif newest is not None and not newest.decides:
            what = partial(cards.review, by=who(), now=source().now(), number=newest.number)
            _button(f"Review v{newest.number}", what, key="card-review", icon=":material/how_to_reg:", ready=True)
    if newest is not None and not newest.locked:
        st.caption(card_view.lock_words(shown), help=meaning("post hoc"))


def says(card: Card, *, simulated: bool) -> None:
    """Limits on the left, assumptions on the right."""
    left, right = st.columns(2)
    with draw.card(left, "Limits", "what has to be shown", term="margin"):
        draw.table(card_fields.limit_rows(card), simulated=simulated)
    with draw.card(right, "Assumptions", "what nobody measures", term="pin"):
        draw.table(card_view.assumption_rows(card), simulated=simulated)


def versions(shown: Shown, *, simulated: bool) -> None:
    """Every version that was ever made."""
    st.subheader("Versions", anchor=False, help=meaning("decision card"))
    draw.table(card_view.version_rows(shown.versions, shown.changes), simulated=simulated)
    st.caption("Names are as they were typed: not verified.")


def carry_out(what: Callable[[Session], Version]) -> None:
    """Change the card, or keep the refusal: a callback cannot draw."""
    try:
        st.session_state[DONE] = actions.change(source(), lambda session: f"{what(session).title}.")
    except (CardRefused, StorageError) as error:
        st.session_state[REFUSED] = str(error)


def _button(text: str, what: Any, *, key: str, icon: str, ready: bool) -> None:
    st.button(
        text, key=key, icon=icon, type="primary", disabled=not (who() and ready), help="Needs your name.",
        on_click=carry_out, args=(what,),
    )  # fmt: skip


def warnings(shown: Shown) -> None:
    """Why it may not decide yet, and what it compares that has changed since."""
    for sentence in shown.warnings:
        st.warning(money_text(plain(sentence)), icon=":material/warning:")
