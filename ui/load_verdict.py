"""The cached verdict: what the rule says now, and the snapshots that were frozen.

Gathering replays production's traffic after each look, which takes seconds: it is kept by what it rests on, and a live
run changes nothing before its block is done.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import streamlit as st

from analysis.verdict.document import document
from storage import answers, cards, verdicts
from storage.cards import Version as CardVersion
from storage.models import Snapshot
from ui import load_traffic, turns_view
from ui.load import Version
from ui.source import Source

_KEPT = 8


class Said(NamedTuple):
    """A verdict's document with what would turn it (`turns_view.rows`), or in a word why there is none."""

    document: dict[str, Any] | None
    why: str = ""
    turns: Sequence[dict[str, str]] = ()


@st.cache_resource(max_entries=_KEPT, show_spinner=False)
def card(at: Version) -> CardVersion | None:
    """The newest version of the decision card."""
    with at.reading() as session:
        return cards.current(session)


@st.cache_resource(max_entries=_KEPT, show_spinner=False)
def frozen(at: Version) -> Sequence[Snapshot]:
    """Every snapshot that was kept, newest first."""
    with at.reading() as session:
        return verdicts.snapshots(session)


def said(at: Version, source: Source) -> Said:
    """What the rule says of all blocks that are done. Raises LoadError, ProfileRefused and CardRefused."""
    version = card(at)
    if version is None:
        return Said(None, "no card")
    if not version.locked:
        return Said(None, "draft")
    return _said(_rests_on(at, version), at, source)


def _rests_on(at: Version, version: CardVersion) -> tuple[object, ...]:
    """All that a verdict rests on, in plain values."""
    row = version.row
    with at.reading() as session:
        given = tuple((answer.id, answer.score) for answer in answers.history(session))
    effort = load_traffic.effort(at)
    profiles = tuple((each.id, each.name) for each in load_traffic.traffic_profiles(at))
    layers = repr(load_traffic.all_layers(at))
    ended = load_traffic.ended(at).digest
    return (
        row.digest,
        row.locked_at,
        row.reviewed_at,
        given,
        str(effort.hash_rows(seed=1).sum()),
        profiles,
        layers,
        ended,
    )


@st.cache_resource(max_entries=_KEPT, show_spinner="Judging what was measured")
def _said(key: tuple[object, ...], _at: Version, _source: Source) -> Said:  # noqa: ARG001 - kept by its key
    with _at.reading() as session:
        found = verdicts.gathered(session, _source.blobs, now=_source.now())
    if not found.facts.blocks:
        return Said(None, "no block")
    return Said(document(found), turns=turns_view.rows(turns_view.turns(found.card, found.cases)))


class Aged(NamedTuple):
    """The newest snapshot that was kept, and why it holds no longer; no reason: it does."""

    row: Snapshot
    reasons: Sequence[str]


@st.cache_data(ttl=60, max_entries=_KEPT, show_spinner=False)
def aged(at: Version, _source: Source) -> Aged | None:
    """Of the newest snapshot; None before the first. Raises SnapshotError where its bytes were changed."""
    rows = frozen(at)
    if not rows:
        return None
    with at.reading() as session:
        _, found = verdicts.named(session, _source.blobs, rows[0].digest)
        return Aged(rows[0], verdicts.stale_now(session, found, now=_source.now()))
