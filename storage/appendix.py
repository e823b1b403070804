"""What stands behind a verdict, frozen with it for the report's appendices: failures, gaps, images, effort, samples."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import polars as pl
from sqlmodel import Session

from analysis import capacity, effort, figures, timing, validity
from analysis.verdict.card import Card
from analysis.verdict.evidence import Frames, pinned
from storage import answers, bills, frames, votes
from storage import effort as logged
from words import AnswerKind

Rows = list[dict[str, Any]]
MOST_SAID = 120  # characters of what came with a failure
_FAILED = ("backend", "gpu", "failure_class", "reason", "jobs", "n", "example_job", "said")
_EFFORT = ("backend", "kind", "measured", "n", "minutes", "median_minutes", "longest_minutes")
_SAMPLES = (
    "run_id", "block", "workflow", "backend", "gpu", "deployment", "provider_id", "jobs", "numbers",
)  # fmt: skip


def rows(session: Session, card: Card, measured: Frames, *, now: datetime) -> dict[str, Rows]:
    """By subject, each in one order: plain values."""
    backends = (card.baseline, *card.candidates)
    return {
        "failures": _failures(card, measured),
        "gaps": _gaps(session, measured, now),
        "images": _images(session, card),
        "figures": _figures(session, card, measured),
        "effort": _effort(session, backends),
        "parity": _parity(session, card.candidates),
        "samples": _samples(measured),
    }


def _failures(card: Card, measured: Frames) -> Rows:
    """`capacity.FAILURES` of each workflow, of the jobs that may enter numbers."""
    found: Rows = []
    for workflow, pin in sorted(card.pins.items()):
        mine = timing.timed(validity.measured(measured.jobs.filter(pinned(pin), workflow=workflow)))
        told = capacity.failures(mine).with_columns(pl.col("said").str.slice(0, MOST_SAID))
        found += [{"workflow": workflow, **row} for row in told.select(_FAILED).to_dicts()]
    return found


def _gaps(session: Session, measured: Frames, now: datetime) -> Rows:
    """Hours in which a job of ours ran and that no bill has."""
    ours = set(measured.deployments["deployment_id"])
    return [
        {"backend": gap.backend, "deployment": gap.key, "start": gap.start.isoformat(), "end": gap.end.isoformat()}
        for gap in bills.gaps(session, now)
        if gap.deployment_id in ours
    ]


def _images(session: Session, card: Card) -> Rows:
    told = votes.judgements(session, card)
    return [
        {"workflow": workflow, "backend": backend, "quality": each.quality, "why": each.why}
        for (workflow, backend), each in sorted(told.items())
    ]


def _figures(session: Session, card: Card, measured: Frames) -> Rows:
    """`figures.figures` of the pictures that the card's pins made."""
    made = [measured.jobs.filter(pinned(pin), workflow=name)["job_id"] for name, pin in sorted(card.pins.items())]
    runs = measured.blocks["run_id"].drop_nulls().to_list()
    return figures.figures(frames.images(session, runs).filter(pl.col("job_id").is_in(pl.concat(made).implode())))


def _effort(session: Session, backends: Sequence[str]) -> Rows:
    """Minutes by backend and kind, logged by people and measured apart."""
    told = effort.summary(logged.effort(session)).filter(pl.col("backend").is_in(backends))
    found: Rows = told.select(_EFFORT).to_dicts()
    return found


def _parity(session: Session, candidates: Sequence[str]) -> Rows:
    """What each candidate has of what production uses; null where nobody answered."""
    newest = answers.newest(session)
    found = []
    for backend in candidates:
        for item in answers.PARITY_ITEMS:
            row = newest.get((AnswerKind.PARITY, f"{backend} {item}"))
            words, note, by = (None, "", "") if row is None else (answers.GAPS[row.score], row.note, row.by)
            found.append({"backend": backend, "item": item, "words": words, "note": note, "by": by})
    return found


def _samples(measured: Frames) -> Rows:
    """Every deployment, with its block, its name at the provider and the numbers of its jobs."""
    jobs = measured.jobs.group_by("deployment_id").agg(jobs=pl.len(), ids=pl.col("job_id").sort())
    jobs = jobs.with_columns(numbers=pl.col("ids").map_elements(_ranges, return_dtype=pl.String))
    found: Rows = (
        measured.deployments.join(jobs, on="deployment_id")
        .join(measured.blocks.select("block_id", block="number"), on="block_id", how="left")
        .sort("run_id", "deployment_id")
        .select(_SAMPLES)
        .to_dicts()
    )
    return found


def _ranges(ids: pl.Series) -> str:
    """881-897, 1204: a job that was drawn again has a number far from its lane's others."""
    runs: list[list[int]] = []
    for number in ids:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]}–{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
