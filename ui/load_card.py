"""Cached reading of the decision card and of people's answers."""

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import NamedTuple

import streamlit as st

from analysis.verdict.card import Card
from analysis.verdict.card_values import Values, read_values
from storage import answers, cards
from storage.card_values import CardRefused, drifted, proposed
from storage.cards import Version
from storage.models import Answer
from ui.load import Version as DataVersion
from words import AnswerKind

_KEPT = 8


class Shown(NamedTuple):
    """All of the card. card: what the newest version says, None without one or where it cannot be read.

    samples: jobs of its blocks that are in. voids: what an edit makes void. warnings: sentences on what is wrong.
    """

    versions: Sequence[Version]  # the newest first
    changes: Mapping[int, Sequence[str]]  # by version
    card: Card | None
    samples: int
    voids: Sequence[str]
    warnings: Sequence[str]

    @property
    def newest(self) -> Version | None:
        return self.versions[0] if self.versions else None


class Answered(NamedTuple):
    """What counts of each subject, and every answer that was given, the newest first."""

    newest: Mapping[tuple[AnswerKind, str], Answer]
    history: Sequence[Answer]


@st.cache_resource(max_entries=_KEPT, show_spinner=False)
def shown(at: DataVersion) -> Shown:
    """The card with its versions."""
    with at.reading() as session:
        known = cards.versions(session)
        changes = {each.number: cards.diff(before, each) for each, before in zip_longest(known, known[1:])}
        if not known:
            return Shown(known, changes, None, 0, (), ())
        try:
            card = known[0].card
        except CardRefused as error:
            return Shown(known, changes, None, 0, cards.voids(session), [str(error)])
        warnings = [sentence for sentence in (cards.post_hoc(known[0]), *drifted(card)) if sentence]
        return Shown(known, changes, card, cards.samples(session, card), cards.voids(session), warnings)


@st.cache_resource(max_entries=_KEPT, show_spinner=False)
def answered(at: DataVersion) -> Answered:
    """Licences, content policies and parity gaps."""
    with at.reading() as session:
        return Answered(answers.newest(session), answers.history(session))


def preview(at: DataVersion, before: Card | None, values: Values, *, repin: bool = False) -> Card:
    """What a version with these values would say; nothing is written. Raises CardRefused, CardError."""
    with at.reading() as session:
        return proposed(session, before, read_values(values), repin=repin)
