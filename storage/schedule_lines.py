"""Schedules as pages and commands list them: how far each is, what it cost, what was missed."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl
from sqlmodel import Session, col, select

from analysis import blocks as in_blocks
from analysis import compare, validity
from analysis.cost import weakest
from analysis.timing import timed
from storage import frames
from storage.models import Block, Schedule, Workflow
from storage.schedule_edits import blocks_of, unreplaced
from words import BlockStatus, CostState


@dataclass(frozen=True, kw_only=True)
class ScheduleLine:
    """A schedule with its blocks in order of time. usd: billed, else estimated; None until something is known."""

    schedule: Schedule
    workflow: str
    blocks: Sequence[Block]
    usd: float | None = None
    cost_state: CostState | None = None  # the weakest of its parts

    def count(self, status: BlockStatus) -> int:
        """How many of its blocks are in this state."""
        return sum(block.status is status for block in self.blocks)

    @property
    def wanted(self) -> int:
        """Blocks that it is to have: without those that were cancelled, and a missed one and its successor once."""
        return len({block.seed for block in self.blocks if block.status is not BlockStatus.CANCELLED})

    @property
    def missed(self) -> Sequence[Block]:
        """Missed, and not planned anew."""
        return unreplaced(self.blocks)

    @property
    def next(self) -> Block | None:
        """The next planned block."""
        return next((block for block in self.blocks if block.status is BlockStatus.PLANNED), None)


def schedule_lines(session: Session, costs: pl.DataFrame | None = None) -> list[ScheduleLine]:
    """All schedules, newest first. costs: `schema.DEPLOYMENT_COSTS` of all runs, if the caller has it."""
    query = select(Schedule, Workflow.name).join(Workflow, col(Workflow.hash) == Schedule.workflow_hash)
    return [
        _line(session, schedule, workflow, costs)
        for schedule, workflow in session.exec(query.order_by(col(Schedule.id).desc()))
    ]


def _line(session: Session, schedule: Schedule, workflow: str, costs: pl.DataFrame | None) -> ScheduleLine:
    blocks = blocks_of(session, schedule.id or 0)
    runs = [block.run_id for block in blocks if block.run_id is not None]
    spent = _costs(session, runs) if costs is None else costs.filter(pl.col("run_id").is_in(runs))
    known = spent.with_columns(usd=pl.coalesce("billed_usd", "estimated_usd")).filter(pl.col("usd").is_not_null())
    return ScheduleLine(
        schedule=schedule,
        workflow=workflow,
        blocks=blocks,
        usd=float(known["usd"].sum()) if known.height else None,
        cost_state=weakest(CostState(state) for state in known["state"].drop_nulls()) if known.height else None,
    )


def _costs(session: Session, runs: Sequence[int]) -> pl.DataFrame:
    return compare.deployments(
        frames.deployments(session, runs), frames.jobs(session, runs), frames.charges(session, runs)
    )


def baseline_checks(session: Session) -> pl.DataFrame:
    """`blocks.AA` of all blocks that were measured: whether the baseline agrees with itself."""
    planned = frames.blocks(session)
    jobs = frames.jobs(session, planned["run_id"].drop_nulls().to_list())
    return in_blocks.aa(timed(validity.measured(jobs)), planned)


def checks_of(line: ScheduleLine, checks: pl.DataFrame) -> pl.DataFrame:
    """The rows of this schedule's workflow, settings and GPU."""
    row = line.schedule
    settings = json.dumps(row.params, sort_keys=True)
    return checks.filter(workflow_hash=row.workflow_hash, settings=settings, gpu=row.gpu)
