"""Cached replays of production's traffic on what was measured.

A replay takes seconds, so it is kept by what it rests on, not by the data version: the runs that are over, the prices
laid over them and the traffic. A live run changes nothing here before it ends.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import polars as pl
import streamlit as st

from analysis.eviction import Drawn, Fixed, Withheld, window_of
from analysis.layers import Layer
from analysis.probes import probes
from analysis.traffic import blended, breakeven
from analysis.traffic.equal import Terms
from analysis.traffic.measured import Subject, Unmeasured, services, subjects
from analysis.traffic.profile import KNOWN, MOST_PER_DAY, Recorded, Traffic, share_of
from storage import effort as stored_effort
from storage import layers, profiles
from storage.list_prices import bought
from storage.models import PriceLayer, TrafficProfile
from storage.queries import runs
from ui.load import Version, measured
from ui.prices import Laid, holding, layers_of, stored_layers
from ui.source import Source
from words import Provider

BASE = Provider.MODAL.label
POINTS, SPAN = 15, 30.0  # of a curve, and how many times more and less than our volume
TrafficKey = int | str  # a profile's id, or the name of a known volume
_KEPT = 16


class Ended(NamedTuple):
    """Frames of runs that are over, and a digest of all that they hold."""

    deployments: pl.DataFrame
    jobs: pl.DataFrame
    charges: pl.DataFrame
    digest: str


class Question(NamedTuple):
    """What is replayed: plain values. `gpu` None: every GPU that was measured. share: of the traffic."""

    workflow: str
    settings: str
    gpu: str | None
    traffic: TrafficKey
    laid: Laid
    share: float = 1.0


class Curves(NamedTuple):
    """Cost against volume, and where two options cost the same."""

    drawn: breakeven.Curves
    break_evens: pl.DataFrame


@st.cache_resource(max_entries=_KEPT, show_spinner=False)
def ended(at: Version) -> Ended:
    """Of all runs that are over."""
    with at.reading() as session:
        over = [line.run.id or 0 for line in runs(session) if line.run.status.final]
    data = measured(at)
    deployments, jobs = (frame.filter(pl.col("run_id").is_in(over)) for frame in (data.deployments, data.jobs))
    charges = data.charges.filter(pl.col("deployment_id").is_in(deployments["deployment_id"].implode()))
    digest = "-".join(str(frame.hash_rows(seed=1).sum()) for frame in (deployments, jobs, charges))
    return Ended(deployments, jobs, charges, digest)


@st.cache_resource(max_entries=_KEPT, show_spinner=False)
def layers_in_force(at: Version) -> Sequence[PriceLayer]:
    """Price layers that nobody revoked."""
    with at.reading() as session:
        return layers.in_force(session)


@st.cache_resource(max_entries=_KEPT, show_spinner=False)
def all_layers(at: Version) -> Sequence[PriceLayer]:
    """Every price layer that was ever made, newest first."""
    with at.reading() as session:
        return layers.all_layers(session)


@st.cache_resource(max_entries=_KEPT, show_spinner=False)
def traffic_profiles(at: Version) -> Sequence[TrafficProfile]:
    """Every profile, newest first."""
    with at.reading() as session:
        return profiles.profiles(session)


@st.cache_resource(max_entries=_KEPT, show_spinner=False)
def effort(at: Version) -> pl.DataFrame:
    """`analysis.effort.EFFORT`: what people logged, and waits that deployments tell."""
    with at.reading() as session:
        return stored_effort.effort(session)


def traffic(source: Source, key: TrafficKey) -> Traffic:
    """The traffic of that profile or known volume. Raises ProfileRefused where its file is gone."""
    return KNOWN[key] if isinstance(key, str) else _stored(str(source.folder.path), source.made_at, key, source)


@st.cache_resource(max_entries=4, show_spinner="Reading the record")
def _stored(folder: str, made_at: int, number: int, _source: Source) -> Traffic:  # noqa: ARG001 - parts of the key
    """Profiles never change; the file of a record may hold a million lines."""
    with _source.reading() as session:
        return profiles.traffic_of(profiles.chosen(session, number), _source.blobs)


def blend(at: Version, question: Question, source: Source) -> blended.Blended | Unmeasured:
    """The traffic on every provider at every setting worth trying. Raises LoadError, ProfileRefused."""
    found = ended(at)
    if not [each for each in subjects(found.jobs) if _is(each, question)]:
        return Unmeasured(name=BASE, gpu="", reason=f"No run of {question.workflow} has ended yet.")
    rests = _rests_on(at, question, source)
    return _blend(rests.key, question, found, rests)


def curves(at: Version, question: Question, source: Source) -> Curves | Unmeasured:
    """Cost and cold share against volume, from a thirtieth of ours to thirty times as much."""
    found = blend(at, question, source)
    return found if isinstance(found, Unmeasured) else _curves(_rests_on(at, question, source).key, question, found)


class _Rests(NamedTuple):
    """What a replay rests on beside the measurements; `key` is what all of it holds, in plain values."""

    layers: Sequence[Layer]
    traffic: Traffic
    now: datetime
    key: tuple[object, ...]


def _rests_on(at: Version, question: Question, source: Source) -> _Rests:
    now, asked = source.now(), share_of(traffic(source, question.traffic), question.share)
    over = layers_of(question.laid, stored_layers(holding(layers_in_force(at), now)))
    came = hash(tuple(asked.offsets_s)) if isinstance(asked, Recorded) else 0
    key = (*question[:3], ended(at).digest, repr(over), asked.per_day, tuple(asked.weights), came)
    return _Rests(over, asked, now, key)


@st.cache_resource(max_entries=_KEPT, show_spinner=False)
def windows(at: Version, workflow: str, gpu: str) -> dict[str, Fixed | Drawn | Withheld]:
    """Backend -> what eviction probes tell of when its capacity goes away; empty without a probe."""
    jobs = measured(at).jobs.filter(workflow=workflow, gpu=gpu)
    return {name: window_of(sent) for name, sent in probes(jobs).items()}


def _is(subject: Subject, question: Question) -> bool:
    return (subject.workflow, subject.settings) == (question.workflow, question.settings)


@st.cache_resource(max_entries=_KEPT, show_spinner="Replaying the traffic on what was measured")
def _blend(
    key: tuple[object, ...],  # noqa: ARG001 - the cache keeps answers by it
    _question: Question,
    _ended: Ended,
    _rests: _Rests,
) -> blended.Blended | Unmeasured:
    subject = next(each for each in subjects(_ended.jobs) if _is(each, _question))
    deployments, jobs = _ended.deployments, _ended.jobs
    if _question.gpu is not None:
        deployments, jobs = deployments.filter(gpu=_question.gpu), jobs.filter(gpu=_question.gpu)
    found = services(deployments, jobs, _ended.charges, subject=subject, layers=_rests.layers, at=_rests.now)
    return blended.blended(found, Terms(traffic=_rests.traffic), baseline=BASE)


@st.cache_resource(max_entries=_KEPT, show_spinner="Replaying other volumes")
def _curves(
    key: tuple[object, ...],  # noqa: ARG001 - the cache keeps answers by it
    _question: Question,
    _found: blended.Blended,
) -> Curves:
    ours = _found.terms.traffic.per_day
    volumes = breakeven.grid(ours / SPAN, min(ours * SPAN, MOST_PER_DAY), points=POINTS)
    options = blended.options_of(_found, bought(_question.workflow))
    drawn = breakeven.curves_of(options, volumes, _found.terms.traffic, seed=_found.terms.seed)
    return Curves(drawn, breakeven.break_evens(options, volumes, drawn.costs))
