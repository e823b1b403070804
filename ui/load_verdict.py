"""The cached verdict: what the rule says now, and the snapshots that were frozen.

Gathering replays production's traffic after each look, which takes seconds: it is kept by what it rests on, and a live
run changes nothing before its block is done.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import streamlit as st

from analysis.verdict import turns as all_turns
from analysis.verdict import volumes as all_volumes
from analysis.verdict.cases import at_volume
from analysis.verdict.document import document
from analysis.verdict.flips import table
from storage import answers, cards, queries, signoffs, verdicts
from storage.cards import Version as CardVersion
from storage.models import Snapshot
from storage.verdicts import Gathered
from ui import load_traffic
from ui.load import Version
from ui.source import Source

_KEPT = 8
_SEARCH = 5_000  # requests of each replay of a search, at least; a verdict's own take four times as many


class Said(NamedTuple):
    """A verdict's document, or in a word why there is none; what it was gathered from, kept by `key`."""

    document: dict[str, Any] | None
    why: str = ""
    gathered: Gathered | None = None
    key: tuple[object, ...] = ()


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
    found = _said(_rests_on(at, version), at, source)
    if found.document is None:
        return found
    with at.reading() as session:
        return found._replace(document=signoffs.heard(session, found.document))


def shared(at: Version, source: Source, name: str) -> Said:
    """What a frozen snapshot says, by the beginning of its hash. Raises CardRefused and SnapshotError."""
    with at.reading() as session:
        return _shared(at, name, len(signoffs.every(session)), source)


@st.cache_resource(ttl=60, max_entries=_KEPT, show_spinner="Judging a frozen snapshot")
def _shared(at: Version, name: str, signed: int, _source: Source) -> Said:  # noqa: ARG001 - kept by its key
    with at.reading() as session:
        digest, found = verdicts.named(session, _source.blobs, name)
        document = verdicts.told(session, _source.blobs, name, now=_source.now())
    return Said(document, gathered=Gathered(found, ()), key=(digest,))


def _rests_on(at: Version, version: CardVersion) -> tuple[object, ...]:
    """All that a verdict rests on, in plain values."""
    row = version.row
    with at.reading() as session:
        given = tuple((answer.id, answer.score) for answer in answers.history(session))
        images = (queries.ended_pairs(session), queries.votes(session))
    effort = load_traffic.effort(at)
    profiles = tuple((each.id, each.name) for each in load_traffic.traffic_profiles(at))
    layers = repr(load_traffic.all_layers(at))
    ended = load_traffic.ended(at).digest
    return (
        row.digest,
        row.locked_at,
        row.reviewed_at,
        given,
        images,
        str(effort.hash_rows(seed=1).sum()),
        profiles,
        layers,
        ended,
    )


@st.cache_resource(max_entries=_KEPT, show_spinner="Judging what was measured")
def _said(key: tuple[object, ...], _at: Version, _source: Source) -> Said:
    with _at.reading() as session:
        found = verdicts.gathered(session, _source.blobs, now=_source.now())
    if not found.snapshot.facts.blocks:
        return Said(None, "no block")
    return Said(document(found.snapshot), gathered=found, key=key)


def turns(found: Said, number: int) -> list[dict[str, Any]]:
    """`flips.FLIPS` of that case, the volume left out; none before its first look."""
    return _turns(found.key, number, found.gathered) if found.gathered else []


@st.cache_resource(max_entries=_KEPT, show_spinner="Running the rule beside each input")
def _turns(key: tuple[object, ...], number: int, _found: Gathered) -> list[dict[str, Any]]:  # noqa: ARG001 - kept by its key
    return table(all_turns.turns(_found.snapshot, number)).to_dicts()


def by_volume(found: Said, number: int) -> list[dict[str, Any]]:
    """The same of the volume alone. It takes a minute for each look that was reached, once."""
    return _by_volume(found.key, number, found.gathered) if found.gathered else []


@st.cache_resource(max_entries=_KEPT, show_spinner="Replaying other volumes, and asking the rule at each")
def _by_volume(key: tuple[object, ...], number: int, _found: Gathered) -> list[dict[str, Any]]:  # noqa: ARG001
    turn = all_turns.by_volume(_found.snapshot, number, partial(at_volume, _found.pairs[number], requests=_SEARCH))
    return table([turn]).to_dicts() if turn else []


def volumes(found: Said, workflow: str) -> list[dict[str, Any]]:
    """What each provider costs at other volumes (`analysis.verdict.volumes.rows`); none before the first look.

    A frozen snapshot has them in its document, and no job to replay.
    """
    if found.document and found.document["snapshot"]:
        return [row for row in found.document["volumes"] if row["workflow"] == workflow]
    return _volumes(found.key, workflow, found.gathered) if found.gathered else []


@st.cache_resource(max_entries=_KEPT, show_spinner="Replaying our traffic at other volumes")
def _volumes(key: tuple[object, ...], workflow: str, _found: Gathered) -> list[dict[str, Any]]:  # noqa: ARG001
    pairs = _found.of(workflow)
    drawn = all_volumes.volumes(pairs)
    return all_volumes.rows(pairs, drawn) if drawn else []


class Aged(NamedTuple):
    """The newest snapshot that was kept, its title with what people said, and why it holds no longer, if so."""

    row: Snapshot
    title: str
    reasons: Sequence[str]


@st.cache_data(ttl=60, max_entries=_KEPT, show_spinner=False)
def aged(at: Version, _source: Source) -> Aged | None:
    """Of the newest snapshot; None before the first. Raises SnapshotError where its bytes were changed."""
    rows = frozen(at)
    if not rows:
        return None
    with at.reading() as session:
        _, found = verdicts.named(session, _source.blobs, rows[0].digest)
        title = signoffs.heard(session, rows[0].verdict)["title"]
        return Aged(rows[0], title, verdicts.stale_now(session, found, now=_source.now()))
