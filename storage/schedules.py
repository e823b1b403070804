"""A comparison that is replicated: blocks over several days, each a run of its own inside one day-part.

A block starts on a whole UTC hour and ends, with its idle tail, inside its day-part: an hourly bill row belongs to one
block. On rented machines it is two half-blocks, each with fresh hosts (`storage.plans.lanes`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_UP, Decimal
from functools import cached_property
from random import Random
from typing import Any

from sqlmodel import Session, col, select

from storage.block_cost import BlockCost, UnknownPrice, block_cost
from storage.models import Backend, Block, Installation, Run, Schedule, Workflow
from storage.plans import PlanError, RunPlan, remember_workflow
from words import Feature, Provider, called
from workflows import load

BASELINE = Provider.MODAL.value
DAY_PARTS = {"night": 0, "morning": 6, "afternoon": 12, "evening": 18}  # each six hours from this one, UTC
PART = timedelta(hours=6)
SLACK = timedelta(minutes=15)  # a block may begin at least so much late: a collector may be restarting
MOST_DAYS, MOST_AHEAD_DAYS = 60, 366  # more is a typing error, not a plan
_SEEDS = 62  # bits


class ScheduleError(PlanError):
    """A schedule that cannot be kept, or a change to one that cannot be made: one sentence."""


@dataclass(frozen=True, kw_only=True)
class SchedulePlan:
    """Blocks of one workflow on Modal and its candidates. `cap_usd` is of all blocks together.

    Fewer blocks than day-parts are spread evenly over the days and over the four parts.
    """

    workflow: str
    gpu: str
    backends: Sequence[str]
    cap_usd: Decimal
    seed: int
    first_day: date
    days: int = 5
    blocks: int = 20
    warm: int = 60
    cold: int = 4
    repeats: int = 3
    idle_timeout_s: int = 10
    params: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""
    asked_by: str = ""

    def __post_init__(self) -> None:
        for name in ("days", "blocks", "seed"):
            if type(getattr(self, name)) is not int:
                raise ScheduleError(f"{name} must be a whole number, not {getattr(self, name)!r}.")
        if not 1 <= self.days <= MOST_DAYS:
            raise ScheduleError(f"A schedule takes 1 to {MOST_DAYS} days, not {self.days}.")
        if not self.days <= self.blocks <= self.days * len(DAY_PARTS):
            raise ScheduleError(
                f"{self.days} days hold {self.days} to {self.days * len(DAY_PARTS)} blocks, at least one a day and one "
                f"in each day-part at most, not {self.blocks}."
            )
        if not 0 <= self.seed < 2**_SEEDS:
            raise ScheduleError(f"The seed must be from 0 to 2^{_SEEDS} - 1, not {self.seed}.")
        if BASELINE not in self.backends:
            raise ScheduleError(f"Every block measures the baseline beside its candidates: add {BASELINE}.")
        assert self.block  # noqa: S101 - its own checks: raises PlanError

    @cached_property
    def block(self) -> RunPlan:
        """One block as a run, with the whole cap."""
        return RunPlan(
            workflow=self.workflow,
            gpu=self.gpu,
            backends=list(self.backends),
            cap_usd=self.cap_usd,
            warm=self.warm,
            cold=self.cold,
            repeats=self.repeats,
            idle_timeout_s=self.idle_timeout_s,
            params=dict(self.params),
            note=self.note,
            asked_by=self.asked_by,
        )


@dataclass(frozen=True, kw_only=True)
class Slot:
    """When one block is to run. seed: of its starting order and A/A split."""

    day_part: str
    starts_at: datetime
    latest_at: datetime
    seed: int


def slots(plan: SchedulePlan, lasts: timedelta) -> list[Slot]:
    """The blocks in order of time; the hour is drawn from those that a block of this length fits in by the seed."""
    random = Random(plan.seed)
    parts = random.sample(list(DAY_PARTS), len(DAY_PARTS))
    where = [(k * plan.days // plan.blocks, parts[k % len(parts)]) for k in range(plan.blocks)]
    found = []
    for day, part in sorted(where, key=lambda each: (each[0], DAY_PARTS[each[1]])):
        hour = random.choice(hours_that_fit(lasts))
        starts_at = part_start(plan.first_day + timedelta(days=day), part) + timedelta(hours=hour)
        found.append(slot_at(starts_at, lasts, seed=random.getrandbits(_SEEDS)))
    return found


def slot_at(starts_at: datetime, lasts: timedelta, *, seed: int) -> Slot:
    """The slot of a block that starts at this whole hour. Raises ScheduleError where it does not fit."""
    part = day_part(starts_at)
    latest_at = part_start(starts_at.date(), part) + PART - lasts
    if latest_at < starts_at + SLACK:
        raise ScheduleError(
            f"A block takes {_minutes(lasts)}, so one that starts at {starts_at:%H:%M} would not end within the "
            f"{part}, which ends at {(DAY_PARTS[part] + 6) % 24:02d}:00 UTC."
        )
    return Slot(day_part=part, starts_at=starts_at, latest_at=latest_at, seed=seed)


def hours_that_fit(lasts: timedelta) -> list[int]:
    """Hours into a day-part at which a block can start. Raises ScheduleError if there is none."""
    fit = [hour for hour in range(6) if timedelta(hours=hour) + SLACK + lasts <= PART]
    if not fit:
        raise ScheduleError(
            f"A block of this plan takes {_minutes(lasts)}, and a day-part has six hours: plan fewer jobs a block."
        )
    return fit


def day_part(at: datetime) -> str:
    """night, morning, afternoon or evening, UTC."""
    return list(DAY_PARTS)[at.hour // 6]


def part_start(day: date, part: str) -> datetime:
    """The instant at which it begins."""
    return datetime.combine(day, time(DAY_PARTS[part]), tzinfo=UTC)


def check(session: Session, plan: SchedulePlan, *, now: datetime) -> tuple[BlockCost, list[Slot]]:
    """What a block costs, and when each would run. Raises ScheduleError with the reason why it cannot be kept."""
    _check_backends(session, plan)
    try:
        cost = block_cost(session, plan.block)
    except UnknownPrice as error:
        raise ScheduleError(str(error)) from None
    whole = (cost.usd * plan.blocks).quantize(Decimal("0.01"), rounding=ROUND_UP)
    if whole > plan.cap_usd:
        raise ScheduleError(
            f"It can never finish within its budget: {plan.blocks} blocks at up to ${cost.usd:.2f} each come to "
            f"${whole}, and the cap is ${plan.cap_usd:.2f} ({cost.basis}). Raise the cap or plan fewer blocks or jobs."
        )
    planned = slots(plan, cost.lasts)
    if planned[0].starts_at <= now:
        raise ScheduleError(
            f"Its first block would start on {planned[0].starts_at:%d %b %H:%M} UTC, and it is {now:%d %b %H:%M} "
            f"already: begin on {now + timedelta(days=1):%Y-%m-%d} or later."
        )
    if planned[0].starts_at > now + timedelta(days=MOST_AHEAD_DAYS):
        raise ScheduleError(f"{plan.first_day} is more than a year ahead.")
    return cost, planned


def insert_schedule(session: Session, plan: SchedulePlan, *, now: datetime) -> int:
    """Insert the schedule with its blocks and give its id; the collector starts each in its time. Raises PlanError."""
    installation = session.get(Installation, 1)
    if installation is None:
        raise PlanError("The collector has never run on this data folder. Start it with `bakeoff collect`.")
    cost, planned = check(session, plan, now=now)
    workflow = load(plan.workflow)
    remember_workflow(session, workflow, now)
    schedule = Schedule(
        workflow_hash=workflow.hash,
        gpu=plan.gpu,
        params=dict(plan.params),
        plan=_kept(plan, cost),
        cap_usd=plan.cap_usd,
        seed=plan.seed,
        simulated=installation.simulated,
        asked_by=plan.asked_by,
        note=plan.note,
        asked_at=now,
    )
    session.add(schedule)
    session.flush()
    for number, slot in enumerate(planned, 1):
        session.add(block_row(schedule, number, slot))
    session.flush()
    return schedule.id or 0


def block_row(schedule: Schedule, number: int, slot: Slot) -> Block:
    """A planned block."""
    return Block(
        schedule_id=schedule.id or 0,
        number=number,
        day_part=slot.day_part,
        starts_at=slot.starts_at,
        latest_at=slot.latest_at,
        seed=slot.seed,
    )


def run_plan(session: Session, schedule: Schedule, block: Block, *, cap_usd: Decimal) -> RunPlan:
    """The run of one block. Raises PlanError or WorkflowError, also if the workflow is no longer the same."""
    name = session.get_one(Workflow, schedule.workflow_hash).name
    if load(name).hash != schedule.workflow_hash:
        raise ScheduleError(f"The workflow {name} has changed since this was planned: cancel it and plan anew.")
    kept = {name: schedule.plan[name] for name in ("backends", "warm", "cold", "repeats", "idle_timeout_s")}
    note = f"schedule {schedule.id}, block {block.number}, {block.day_part}"
    return RunPlan(
        workflow=name,
        gpu=schedule.gpu,
        cap_usd=cap_usd,
        params=schedule.params,
        note=f"{note}: {schedule.note}" if schedule.note else note,
        asked_by=schedule.asked_by,
        **kept,
    )


def starting_order(session: Session, run: Run) -> int:
    """The seed that draws in which order the arms of a run start: its block's, where it has one."""
    seed = session.exec(select(Block.seed).where(col(Block.run_id) == run.id)).first()
    return run.id or 0 if seed is None else seed


def lasts_of(schedule: Schedule) -> timedelta:
    """How long one of its blocks was estimated to take."""
    return timedelta(seconds=float(schedule.plan["block_s"]))


def _kept(plan: SchedulePlan, cost: BlockCost) -> dict[str, Any]:
    names = ("warm", "cold", "repeats", "idle_timeout_s", "days", "blocks")
    return {name: getattr(plan, name) for name in names} | {
        "backends": list(plan.backends),
        "first_day": plan.first_day.isoformat(),
        "block_usd": str(cost.usd),
        "block_s": cost.lasts.total_seconds(),
        "basis": cost.basis,
    }


def _check_backends(session: Session, plan: SchedulePlan) -> None:
    known = {row.name: row for row in session.exec(select(Backend))}
    for name in plan.backends:
        if name not in known:
            raise ScheduleError(f"There is no backend '{name}'. Known here: {', '.join(sorted(known)) or 'none yet'}.")
        if Feature.FRESH_HOST_IS_COLD.value in known[name].features and plan.cold % 2:
            raise ScheduleError(
                f"On {called(name)} a block is two half-blocks with fresh hosts each, and each cold job is a host: "
                f"cold must be even, not {plan.cold}."
            )


def _minutes(span: timedelta) -> str:
    return f"{span.total_seconds() / 60:,.0f} minutes"
