"""Cached reading: frames and rows by data version, which is cheap to ask for and changes with every row that counts.

Frames are shared between sessions (`cache_resource`): nobody may change one in place. A frame is never an argument of a
cached function, since Streamlit hashes only a sample of a large one.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import NamedTuple

import polars as pl
import streamlit as st
from sqlmodel import Session, select

from analysis import attribution, bases, capacity, compare, cost, focus, marks
from analysis.layers import relaid
from analysis.timing import timed
from storage import bills, focus_lines, frames, layers, pairs, queries, schedule_lines, votes
from storage.corrections import Change, changes_of_runs
from storage.list_prices import listed
from storage.models import Backend, Charge, Offer
from storage.queries import JobDetail, RunDetail, RunLine
from ui.prices import LAID, Laid, layers_of
from ui.scope import Scope
from ui.source import Source, source_at

_KEPT = 16


class Version(NamedTuple):
    """Which data: the folder, its making, and the state it is in. Plain values: the key of every cached answer."""

    folder: str
    made_at: int
    state: str

    def reading(self) -> AbstractContextManager[Session]:
        """A read-only session on that folder."""
        return source_at(self.folder, self.made_at).reading()


class Measured(NamedTuple):
    """The frames of one version, schemas in `analysis.schema`; `timed` is the jobs with their latencies."""

    jobs: pl.DataFrame
    timed: pl.DataFrame
    deployments: pl.DataFrame
    charges: pl.DataFrame
    images: pl.DataFrame


def version(here: Source) -> Version:
    """The present data version; a few milliseconds."""
    with here.reading() as session:
        return Version(str(here.folder.path), here.made_at, queries.data_version(session))


def ground(here: Source) -> str:
    """The state of what a verdict rests on, which a live run does not move with each job; a few milliseconds."""
    with here.reading() as session:
        return queries.verdict_version(session)


@st.cache_resource(max_entries=_KEPT, show_spinner=False)
def measured(at: Version, run_ids: tuple[int, ...] | None = None) -> Measured:
    """Jobs, deployments, charges and images of these runs, or of all."""
    with at.reading() as session:
        jobs = frames.jobs(session, run_ids)
        return Measured(
            jobs=jobs,
            timed=timed(jobs),
            deployments=frames.deployments(session, run_ids),
            charges=frames.charges(session, run_ids),
            images=frames.images(session, run_ids),
        )


class Comparison(NamedTuple):
    """What `analysis.compare`, `analysis.cost` and `analysis.capacity` make of one scope."""

    jobs: pl.DataFrame
    timed: pl.DataFrame
    cells: pl.DataFrame
    deployments: pl.DataFrame
    arms: pl.DataFrame
    waterfall: pl.DataFrame
    capacity: pl.DataFrame
    failures: pl.DataFrame
    bases: pl.DataFrame
    rates: pl.DataFrame  # `layers.LAYERED`: deployments whose price something was laid over


@st.cache_resource(max_entries=_KEPT, show_spinner=False)
def comparison(
    at: Version, workflow: str, gpu: str, settings: str, run_ids: tuple[int, ...], laid: Laid = LAID
) -> Comparison:
    """Cells, arms and waterfall of one workflow at one setting on one GPU, from these runs (none named: all).

    Every dollar of it is at the prices that `laid` makes of the measured ones.
    """
    data, scope = measured(at), Scope(workflow, gpu, settings, run_ids)
    jobs = scope.of(data.jobs)
    deployments = data.deployments.filter(pl.col("deployment_id").is_in(jobs["deployment_id"].unique().implode()))
    charges = data.charges.filter(pl.col("deployment_id").is_in(deployments["deployment_id"].implode()))
    with at.reading() as session:
        over = layers_of(laid, layers.layers(session))
    deployments, jobs, charges, rates = relaid(deployments, jobs, charges, over)
    timed_jobs = timed(jobs)
    return Comparison(
        jobs=jobs,
        timed=timed_jobs,
        bases=bases.bases(deployments, jobs, charges),
        rates=rates,
        cells=compare.cells(jobs),
        deployments=compare.deployments(deployments, jobs, charges),
        arms=compare.arms(deployments, jobs, charges),
        waterfall=cost.waterfall(deployments, jobs, charges),
        capacity=capacity.capacity(deployments, timed_jobs),
        failures=capacity.failures(timed_jobs),
    )


@st.cache_resource(max_entries=_KEPT, show_spinner=False)
def baseline_checks(at: Version) -> pl.DataFrame:
    """Whether the baseline agrees with itself over all blocks, `blocks.AA`."""
    with at.reading() as session:
        return schedule_lines.baseline_checks(session)


class Costs(NamedTuple):
    """Every deployment's dollars, and where its bill went."""

    deployments: pl.DataFrame
    waterfall: pl.DataFrame


@st.cache_resource(max_entries=_KEPT, show_spinner=False)
def costs(at: Version) -> Costs:
    """Of all runs: `schema.DEPLOYMENT_COSTS` and `schema.WATERFALL`."""
    data = measured(at)
    return Costs(
        deployments=compare.deployments(data.deployments, data.jobs, data.charges),
        waterfall=cost.waterfall(data.deployments, data.jobs, data.charges),
    )


class Bills(NamedTuple):
    """How fresh each backend's bills are, whose dollars each provider's were, and how far off our estimates were."""

    fresh: Sequence[bills.Freshness]
    gaps: Sequence[bills.Gap]
    providers: pl.DataFrame  # `attribution.of_providers`
    estimates: pl.DataFrame  # `attribution.ESTIMATES`


@st.cache_resource(max_entries=_KEPT, show_spinner=False)
def bill_state(at: Version, _now: datetime) -> Bills:
    """Of all runs. `_now` only bounds how far back is looked, and is no part of the key."""
    data, found = measured(at), costs(at)
    ledger = cost.of_deployments(data.deployments, data.jobs, data.charges)
    with at.reading() as session:
        return Bills(
            fresh=bills.freshness(session, _now),
            gaps=bills.gaps(session, _now),
            providers=attribution.of_providers(found.waterfall, data.deployments, data.charges),
            estimates=attribution.estimates(ledger, found.waterfall, data.charges),
        )


@st.cache_resource(max_entries=4, show_spinner=False)
def focus_dataset(at: Version, workspace: str) -> pl.DataFrame:
    """What was billed, as FOCUS 1.2; `workspace` is Modal's billing account."""
    with at.reading() as session:
        return focus.of(focus_lines.lines(session), focus_lines.accounts(session, workspace), listed())


@st.cache_resource(max_entries=_KEPT, show_spinner=False)
def charge_lines(at: Version) -> Sequence[Charge]:
    """Every billing line with when it was fetched and what it said before."""
    with at.reading() as session:
        return session.exec(select(Charge).order_by(Charge.id)).all()


@st.cache_resource(max_entries=_KEPT, show_spinner=False)
def corrections(at: Version, run_ids: tuple[int, ...] | None = None) -> Sequence[Change]:
    """What the bill of these runs, or any line, said before it was corrected, newest first."""
    with at.reading() as session:
        return changes_of_runs(session, run_ids)


class Parity(NamedTuple):
    """Every pair that was compared (`parity.PAIRED`), and what is known of each candidate's images."""

    pairs: pl.DataFrame
    judged: Sequence[votes.Judged]


@st.cache_resource(max_entries=_KEPT, show_spinner=False)
def parity(at: Version) -> Parity:
    """Of all runs."""
    with at.reading() as session:
        return Parity(pairs=pairs.pairs(session), judged=votes.judged(session))


@st.cache_resource(max_entries=_KEPT, show_spinner=False)
def run_marks(at: Version, run_id: int) -> pl.DataFrame:
    """What is wrong with the run's measurements or its bill: `marks.marks`."""
    data = measured(at, (run_id,))
    return marks.marks(data.deployments, data.jobs, data.charges)


@st.cache_resource(max_entries=_KEPT, show_spinner=False)
def runs(at: Version) -> Sequence[RunLine]:
    """All runs, newest first."""
    with at.reading() as session:
        return queries.runs(session)


@st.cache_resource(max_entries=_KEPT, show_spinner=False)
def run(at: Version, run_id: int) -> RunDetail | None:
    """One run with deployments and events."""
    with at.reading() as session:
        return queries.run_detail(session, run_id)


@st.cache_resource(max_entries=_KEPT, show_spinner=False)
def job(at: Version, job_id: int) -> JobDetail | None:
    """One job with all that is known of it."""
    with at.reading() as session:
        return queries.job_detail(session, job_id)


@st.cache_resource(max_entries=_KEPT, show_spinner=False)
def backends(at: Version) -> Sequence[Backend]:
    """Every backend as last checked."""
    with at.reading() as session:
        return queries.backends(session)


@st.cache_resource(max_entries=_KEPT, show_spinner=False)
def offers(at: Version) -> Sequence[Offer]:
    """What each backend offered when it was last asked."""
    with at.reading() as session:
        return queries.latest_offers(session)
