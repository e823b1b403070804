"""What a person changes on a schedule: rows change here, the collector acts on them. Each refusal is one sentence."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from sqlmodel import Session, col, select

from storage import queries
from storage.models import Block, Run, Schedule
from storage.plans import MOST_USD
from storage.schedules import ScheduleError, block_row, day_part, lasts_of, part_start, slot_at
from words import BlockStatus, RequestKind, ScheduleStatus

OVER = (ScheduleStatus.DONE, ScheduleStatus.CANCELLED)
_TAKEN = (BlockStatus.PLANNED, BlockStatus.STARTED, BlockStatus.DONE)


def pause(session: Session, schedule_id: int, *, asked_by: str) -> None:
    """Start no further block; the one that runs goes on. Raises ScheduleError."""
    schedule = found(session, schedule_id)
    _only(schedule, (ScheduleStatus.ACTIVE,), "be paused")
    schedule.status, schedule.reason = ScheduleStatus.PAUSED, f"paused by {asked_by or 'a person'}"
    session.add(schedule)


def resume(session: Session, schedule_id: int) -> None:
    """Start blocks again as their time comes. Raises ScheduleError."""
    schedule = found(session, schedule_id)
    _only(schedule, (ScheduleStatus.PAUSED,), "be resumed")
    schedule.status, schedule.reason = ScheduleStatus.ACTIVE, None
    session.add(schedule)


def cancel(session: Session, schedule_id: int, *, asked_by: str, now: datetime) -> None:
    """Cancel what is planned, and ask for an end of what runs. Raises ScheduleError."""
    schedule = found(session, schedule_id)
    _only(schedule, (ScheduleStatus.ACTIVE, ScheduleStatus.PAUSED), "be cancelled")
    why = f"cancelled by {asked_by or 'a person'}"
    schedule.status, schedule.reason = ScheduleStatus.CANCELLED, why
    session.add(schedule)
    for block in blocks_of(session, schedule_id):
        if block.status is BlockStatus.PLANNED:
            block.status, block.reason = BlockStatus.CANCELLED, why
            session.add(block)
        elif block.status is BlockStatus.STARTED and not session.get_one(Run, block.run_id).status.final:
            queries.ask(session, RequestKind.STOP_RUN, {"run_id": block.run_id}, asked_by=asked_by, now=now)


def set_cap(session: Session, schedule_id: int, cap_usd: Decimal) -> None:
    """Another cap of all blocks; one that is spent already pauses it at its next block. Raises ScheduleError."""
    schedule = found(session, schedule_id)
    _only(schedule, (ScheduleStatus.ACTIVE, ScheduleStatus.PAUSED), "get another cap")
    if not cap_usd.is_finite() or not 0 < cap_usd <= MOST_USD:
        raise ScheduleError(f"The spend cap must be above $0 and at most ${MOST_USD:,}, not ${cap_usd}.")
    schedule.cap_usd = cap_usd
    session.add(schedule)


def skip(session: Session, schedule_id: int, number: int, *, asked_by: str) -> None:
    """Leave a planned block out. Raises ScheduleError."""
    block = _planned(session, schedule_id, number)
    block.status, block.reason = BlockStatus.CANCELLED, f"skipped by {asked_by or 'a person'}"
    session.add(block)


def move(session: Session, schedule_id: int, number: int, to: datetime, *, now: datetime) -> None:
    """Start a planned block at another whole UTC hour, in a day-part that holds no other. Raises ScheduleError."""
    block, schedule = _planned(session, schedule_id, number), found(session, schedule_id)
    if to.utcoffset() != timedelta() or to != to.replace(minute=0, second=0, microsecond=0):
        raise ScheduleError(f"A block starts on a whole UTC hour, not at {to.isoformat()}.")
    if to <= now:
        raise ScheduleError(f"{to:%d %b %H:%M} UTC is past; it is {now:%d %b %H:%M}.")
    others = [each for each in blocks_of(session, schedule_id) if each.id != block.id]
    if (holder := _holder(others, to)) is not None:
        raise ScheduleError(
            f"Block {holder.number} is in the {holder.day_part} of {to:%d %b} already; a day-part holds one block."
        )
    slot = slot_at(to, lasts_of(schedule), seed=block.seed)
    block.day_part, block.starts_at, block.latest_at, block.reason = slot.day_part, to, slot.latest_at, None
    session.add(block)


def replan(session: Session, schedule_id: int, *, now: datetime) -> list[Block]:
    """A new block for each missed one, with its seed, at its next free day-part. Raises ScheduleError."""
    schedule = found(session, schedule_id)
    if schedule.status is ScheduleStatus.CANCELLED:
        raise ScheduleError(f"Schedule {schedule_id} is cancelled: plan a new one.")
    known = list(blocks_of(session, schedule_id))
    missed = unreplaced(known)
    if not missed:
        raise ScheduleError(f"No block of schedule {schedule_id} was missed, or each is planned anew already.")
    added = []
    for block in missed:
        at = _next_free(known, block, now)
        slot = slot_at(at, lasts_of(schedule), seed=block.seed)
        again = block_row(schedule, max(each.number for each in known) + 1, slot)
        session.add(again)
        known.append(again)
        added.append(again)
    if schedule.status is ScheduleStatus.DONE:
        schedule.status, schedule.reason = ScheduleStatus.ACTIVE, None
        session.add(schedule)
    session.flush()
    return added


def unreplaced(blocks: Iterable[Block]) -> list[Block]:
    """Missed blocks whose seed no later block has taken over."""
    newest = {block.seed: block for block in sorted(blocks, key=lambda each: each.number)}
    return [block for block in newest.values() if block.status is BlockStatus.MISSED]


def found(session: Session, schedule_id: int) -> Schedule:
    """The schedule of this number. Raises ScheduleError."""
    schedule = session.get(Schedule, schedule_id)
    if schedule is None:
        raise ScheduleError(f"There is no schedule {schedule_id}.")
    return schedule


def blocks_of(session: Session, schedule_id: int) -> Sequence[Block]:
    """Its blocks in order of time."""
    query = select(Block).where(Block.schedule_id == schedule_id)
    return session.exec(query.order_by(col(Block.starts_at), col(Block.id))).all()


def _only(schedule: Schedule, allowed: Sequence[ScheduleStatus], what: str) -> None:
    if schedule.status not in allowed:
        raise ScheduleError(f"Schedule {schedule.id} is {schedule.status.value}: it cannot {what}.")


def _planned(session: Session, schedule_id: int, number: int) -> Block:
    found(session, schedule_id)
    query = select(Block).where(Block.schedule_id == schedule_id, Block.number == number)
    block = session.exec(query).first()
    if block is None:
        raise ScheduleError(f"Schedule {schedule_id} has no block {number}.")
    if block.status is not BlockStatus.PLANNED:
        raise ScheduleError(f"Block {number} is {block.status.value}: only a planned one can be moved or skipped.")
    return block


def _holder(blocks: Iterable[Block], at: datetime) -> Block | None:
    """The block that holds the day-part of this instant."""
    part = part_start(at.date(), day_part(at))
    held = (each for each in blocks if each.status in _TAKEN)
    return next((each for each in held if part_start(each.starts_at.date(), day_part(each.starts_at)) == part), None)


def _next_free(blocks: Sequence[Block], missed: Block, now: datetime) -> datetime:
    """The same hour of the next day that is still ahead and whose day-part no other block holds."""
    at = missed.starts_at
    while at <= now or _holder(blocks, at) is not None:
        at += timedelta(days=1)
    return at
