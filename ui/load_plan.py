"""Cached answers to what a plan would show: quick ones by formula, and the power of the whole rule, drawn on request.

They are kept by what they rest on (card, plan, pilot), not by the data version: a live run changes no pilot before it
has ended, and what took seconds to draw stays.
"""

from collections.abc import Sequence
from typing import NamedTuple

import streamlit as st

from analysis.arrivals import LoadError
from analysis.traffic.blended import Blended
from analysis.traffic.measured import Unmeasured
from analysis.traffic.profile import KNOWN
from analysis.verdict.campaigns import Plan
from analysis.verdict.card import Card
from analysis.verdict.outlook import Basis, Outlook, basis, default_card, one_block, outlook
from analysis.verdict.planner import Power, power
from storage import card_values, verdicts
from storage.profiles import ProfileRefused
from ui import load, load_card, load_traffic
from ui.load import Version
from ui.load_traffic import Question, TrafficKey
from ui.prices import Laid
from ui.source import Source
from words import Feature

_KEPT = 32


class Asked(NamedTuple):
    """The jobs of a block against these candidates, and of what. settings: canonical JSON."""

    workflow: str
    settings: str
    gpu: str
    candidates: tuple[str, ...]
    warm: int
    cold: int


class Candidate(NamedTuple):
    """Its jobs of a block, and what is known of it."""

    name: str
    like: Plan
    basis: Basis


class Rests(NamedTuple):
    """The newest card (version None: its defaults, none is written), and the candidates."""

    workflow: str
    card: Card
    version: int | None
    candidates: Sequence[Candidate]


def rests(at: Version, asked: Asked, source: Source) -> Rests:
    """What a plan of these jobs rests on; the first time it replays our traffic, which takes seconds."""
    shown = load_card.shown(at)
    card = shown.card or default_card(asked.workflow, asked.candidates)
    found = _replayed(at, asked, card, source)
    jobs = load_traffic.ended(at).jobs.filter(workflow=asked.workflow, settings=asked.settings, gpu=asked.gpu)
    rented = {row.name for row in load.backends(at) if Feature.FRESH_HOST_IS_COLD in row.features}
    with at.reading() as session:
        costs = verdicts.move_costs(session, card, asked.candidates)
    candidates = []
    for name in asked.candidates:
        like = one_block(asked.warm, asked.cold, rents=name in rented)
        known = basis(found, jobs, name, baseline=card.baseline, parts=like.parts, cost=costs[name])
        candidates.append(Candidate(name, like, known))
    return Rests(asked.workflow, card, shown.newest.number if shown.card and shown.newest else None, candidates)


def block_jobs(at: Version, workflow: str) -> tuple[int, int]:
    """Warm and cold jobs of the workflow's blocks."""
    with at.reading() as session:
        return card_values.block_jobs(session, workflow)


def outlooks(known: Rests, blocks: int) -> list[Outlook]:
    """Of so many blocks of them, by formula."""
    card, many = known.card, len(known.candidates)
    return [_outlook(repr((card, each, blocks, many)), card, each, blocks, many) for each in known.candidates]


def drawn(known: Rests, of: Outlook) -> Power:
    """The power of the whole rule under it, from 500 campaigns: about ten seconds the first time."""
    many = len(known.candidates)
    return _power(repr((known.card, of.plan, of.basis.pilot, many)), known.card, of, many)


def _replayed(at: Version, asked: Asked, card: Card, source: Source) -> Blended | Unmeasured:
    share = card.weight(asked.workflow) if asked.workflow in card.workflows else 1.0
    question = Question(asked.workflow, asked.settings, asked.gpu, _traffic(at, card), Laid(), share)
    try:
        return load_traffic.blend(at, question, source)
    except (LoadError, ProfileRefused) as error:
        return Unmeasured(name=load_traffic.BASE, gpu=asked.gpu, reason=str(error))


def _traffic(at: Version, card: Card) -> TrafficKey:
    """The card's, else the newest, else the product's first known volume."""
    kept = load_traffic.traffic_profiles(at)
    chosen = next((row for row in kept if row.name == card.traffic), kept[0] if kept else None)
    return next(iter(KNOWN)) if chosen is None else chosen.id or 0


@st.cache_data(max_entries=_KEPT, show_spinner=False)
def _outlook(key: str, _card: Card, _of: Candidate, _blocks: int, _many: int) -> Outlook:  # noqa: ARG001 - kept by it
    return outlook(_card, _of.name, _of.like, blocks=_blocks, basis=_of.basis, candidates=_many)


@st.cache_data(max_entries=_KEPT, show_spinner=False)
def _power(key: str, _card: Card, _of: Outlook, _many: int) -> Power:  # noqa: ARG001 - kept by its key
    return power(_card, _of.plan, _of.basis.pilot, candidates=_many)
