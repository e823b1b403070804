"""Licences, content policies and parity gaps on Providers, drawn: what counts, a form for another answer, all given."""

from collections.abc import Callable
from functools import partial
from typing import Any

import polars as pl
import streamlit as st
from sqlmodel import Session

from storage.answers import CANDIDATES, PARITY_ITEMS, answer, scores, subjects
from storage.card_values import CardRefused
from storage.cards import LONGEST_NAME
from storage.db import StorageError
from ui import actions, answer_view, draw, load, load_card
from ui.formats import plain
from ui.glossary import meaning
from ui.names import label
from ui.source import source
from words import AnswerKind

REFUSED = "answer-refused"
ABOUT = {AnswerKind.LICENCE: "Licence", AnswerKind.CONTENT: "Content policy", AnswerKind.PARITY: "Parity gap"}


def answers(at: load.Version, *, simulated: bool) -> None:
    """What no measurement answers, with who and when; and another answer."""
    known = load_card.answered(at)
    st.subheader(answer_view.answers_title(known.newest), anchor=False, help=meaning("licence"))
    draw.table(answer_view.licence_rows(known.newest), simulated=simulated)
    st.subheader(answer_view.parity_title(known.newest), anchor=False, help=meaning("parity gap"))
    draw.table(answer_view.parity_rows(known.newest), simulated=simulated)
    st.caption("The newest answer counts. Names are as they were typed: not verified.")
    _form()
    if known.history:
        with st.expander(f"{len(known.history)} answers in all", icon=":material/history:"):
            rows = pl.DataFrame(answer_view.history_rows(known.history), infer_schema_length=None)
            draw.frame(rows, alt="Every answer that was ever given", key="answers")


def _form() -> None:
    if refusal := st.session_state.pop(REFUSED, None):
        st.error(plain(refusal), icon=":material/block:")
    grid = st.grid(3, min_column_width=170, gap="small")
    kind = grid.selectbox("About", list(ABOUT), format_func=ABOUT.__getitem__, key="answer-about")
    if kind is AnswerKind.PARITY:
        provider = grid.selectbox("Of", CANDIDATES, format_func=label, key="answer-provider")
        subject = f"{provider} {grid.selectbox('Item', PARITY_ITEMS, key='answer-item')}"
    else:
        words = label if kind is AnswerKind.CONTENT else str
        subject = grid.selectbox("Of", subjects(kind), format_func=words, key=f"answer-of-{kind.value}")
    may = scores(kind)
    score = grid.selectbox("Answer", list(may), format_func=may.__getitem__, key=f"answer-score-{len(may)}")
    by = grid.text_input(
        "Your name", key="answer-who", max_chars=LONGEST_NAME, placeholder="kept as typed, not verified"
    ).strip()
    note = grid.text_input("Note", key="answer-note", max_chars=200)
    now = source().now()
    what = partial(answer, kind=kind, subject=subject, score=score, by=by, now=now, note=note)
    st.button(
        "Answer", icon=":material/check:", key="answer-add", disabled=not by, help="Needs your name.",
        on_click=_carry_out, args=(what,),
    )  # fmt: skip


def _carry_out(what: Callable[[Session], Any]) -> None:
    """Insert the answer, or keep the refusal: a callback cannot draw."""
    try:
        actions.change(source(), what)
    except (CardRefused, StorageError) as error:
        st.session_state[REFUSED] = str(error)
