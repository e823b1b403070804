"""What Runs says of schedules: a sentence, a calendar of blocks, and what was missed. Pure."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import polars as pl

from storage.models import Block
from storage.schedule_lines import ScheduleLine
from storage.schedules import DAY_PARTS, day_part
from ui.formats import day_time, listed, money, plain, signed, usd
from ui.names import label
from words import BlockStatus, ScheduleStatus

NOTHING = "–"
_STATE = {
    BlockStatus.PLANNED: "○",
    BlockStatus.STARTED: "▶ running",
    BlockStatus.DONE: "✓ done",
    BlockStatus.MISSED: "× missed",
    BlockStatus.CANCELLED: "– left out",
}
_STANDS = {
    ScheduleStatus.ACTIVE: "",
    ScheduleStatus.PAUSED: " is paused",
    ScheduleStatus.DONE: " is over",
    ScheduleStatus.CANCELLED: " is cancelled",
}


def schedule_title(line: ScheduleLine) -> str:
    """Schedule 3: 7 of 20 blocks done, ~$8.41 of $60.00; Schedule 3 is paused: .."""
    row, done = line.schedule, line.count(BlockStatus.DONE)
    spent = "nothing spent yet" if line.usd is None else money(line.usd, line.cost_state)
    missed = f", {len(line.missed)} missed" if line.missed else ""
    cost = f"{spent}, cap {usd(float(row.cap_usd))}"
    return f"Schedule {row.id}{_STANDS[row.status]}: {done} of {line.wanted} blocks done{missed}, {cost}"


def schedule_scope(line: ScheduleLine) -> str:
    """flux-dev, L40S · Modal and Runpod · 60 warm + 4 cold cold jobs a block · next 4 Nov 02:00 UTC"""
    row, plan = line.schedule, line.schedule.plan
    parts = [
        f"{line.workflow}, {plain(row.gpu)}",
        listed([label(name) for name in plan["backends"]]),
        f"{plan['warm']} warm + {plan['cold']} cold jobs a block",
    ]
    if line.next is not None and row.status is ScheduleStatus.ACTIVE:
        parts.append(f"next {day_time(line.next.starts_at)} UTC")
    return " · ".join([*parts, *([plain(row.note)] if row.note else [])])


def calendar(blocks: Sequence[Block]) -> list[dict[str, str]]:
    """A row a day, a column a day-part (UTC), the blocks of each with their state in words; none: a dash."""
    cells: dict[date, dict[str, list[str]]] = {}
    for block in blocks:
        row = cells.setdefault(block.starts_at.date(), {part: [] for part in DAY_PARTS})
        row[day_part(block.starts_at)].append(_cell(block))
    return [
        {"Day, UTC": f"{day.day} {day:%b}"}
        | {
            f"{part.capitalize()} {hour}–{hour + 6}": ", ".join(row[part]) or NOTHING
            for part, hour in DAY_PARTS.items()
        }
        for day, row in sorted(cells.items())
    ]


def remarks(blocks: Sequence[Block]) -> list[str]:
    """One sentence for each block that was missed, waits past its hour, or ended early; reasons as plain text."""
    return [
        f"Block {block.number}, {block.day_part} of {block.starts_at.day} {block.starts_at:%b}, {_what(block)}: "
        f"{plain(block.reason)}."
        for block in blocks
        if block.reason is not None and block.status is not BlockStatus.CANCELLED
    ]


def baseline_check(checks: pl.DataFrame) -> tuple[str, bool | None]:
    """What A/A says in a sentence, and whether it passes; None while there are too few blocks. checks: `blocks.AA`."""
    known = checks.filter(pl.col("passes").is_not_null())
    if known.is_empty():
        short = checks["withheld"].drop_nulls()
        return f"A/A: {short[0] if short.len() else 'no block is measured yet'}.", None
    told = "; ".join(_check(row) for row in known.iter_rows(named=True))
    if known["passes"].all():
        return f"A/A: the baseline agrees with itself over {max(known['blocks'].to_list())} blocks ({told}).", True
    return f"A/A: the baseline differs from itself, so nothing measured here may decide ({told}).", False


def block_choice(block: Block) -> str:
    """7, 4 Nov 14:00"""
    return f"{block.number}, {day_time(block.starts_at)}"


def _check(row: Mapping[str, Any]) -> str:
    """latency 1.002× [0.987, 1.017]; success +0.1 pp [−0.9, +1.1]"""
    if row["metric"] == "latency":
        return f"latency {row['value']:.3f}× [{row['low']:.3f}, {row['high']:.3f}]"
    low, value, high = (signed(100 * row[name]) for name in ("low", "value", "high"))
    return f"{row['metric']} {value} pp [{low}, {high}]"


def _cell(block: Block) -> str:
    if block.status is BlockStatus.PLANNED:
        return f"{block.number} {_STATE[block.status]} {block.starts_at:%H:%M}"
    return f"{block.number} {_STATE[block.status]}"


def _what(block: Block) -> str:
    if block.status is BlockStatus.PLANNED:
        return "waits"
    return "was missed" if block.status is BlockStatus.MISSED else "ended early"
