"""`bakeoff schedule` and `bakeoff schedules`: a comparison in blocks over several days."""

import secrets
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

import polars as pl
import typer
from sqlmodel import Session

from cli.launch import dollars, user
from cli.output import AsJson, Refused, data_folder, give, reading, say, table, world_clock, writing
from storage import schedule_edits as edits
from storage.models import Block
from storage.schedule_lines import ScheduleLine, baseline_checks, checks_of, schedule_lines
from storage.schedules import SchedulePlan, Slot, check, insert_schedule
from words import BlockStatus, called
from workflows import load

COLUMNS = ("schedule", "status", "workflow", "gpu", "backends", "done", "planned", "missed", "usd", "cost", "cap_usd")
BLOCKS = ("block", "day", "day_part", "starts_at", "status", "run", "reason")

CHECKS = ("a/a", "blocks", "jobs", "value", "low", "high", "passes", "withheld")


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command("schedule")(schedule)
    app.command("schedules")(schedules)


def schedule(
    workflow: Annotated[str, typer.Argument(help="flux-dev, qwen-image-2512 or qwen-image-2512-fast.")],
    cap: Annotated[str, typer.Option(help="Spend cap of all blocks together in dollars.")],
    blocks: Annotated[int, typer.Option(help="Blocks in all; at most one in each day-part of each day.")] = 20,
    days: Annotated[int, typer.Option(help="Days over which they are spread.")] = 5,
    first_day: Annotated[str | None, typer.Option(help="YYYY-MM-DD, UTC; default: tomorrow.")] = None,
    gpu: Annotated[str | None, typer.Option(help="GPU; default: what production uses for the workflow.")] = None,
    backend: Annotated[list[str] | None, typer.Option(help="modal, runpod, vast; repeat the option.")] = None,
    warm: Annotated[int, typer.Option(help="Warm jobs per backend and block.")] = 60,
    cold: Annotated[int, typer.Option(help="Cold jobs per backend and block.")] = 4,
    repeats: Annotated[int, typer.Option(help="Repeats of one warm job, for the cache check.")] = 3,
    size: Annotated[int | None, typer.Option(help="Width and height in pixels.")] = None,
    steps: Annotated[int | None, typer.Option(help="Denoiser steps.")] = None,
    seed: Annotated[
        int | None, typer.Option(help="Draws hours, starting orders and splits; default: a new one.")
    ] = None,
    note: Annotated[str, typer.Option(help="Shown beside the schedule.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the blocks and their cost; plan nothing.")] = False,
    json: AsJson = False,
) -> None:
    """Plan blocks over several days, each a run of its own that the collector starts in its time."""
    now = world_clock(data_folder()).now()
    sizes = {"width": size, "height": size, "steps": steps}
    plan = SchedulePlan(
        workflow=workflow, gpu=gpu or load(workflow).default_gpu, backends=backend or ["modal", "runpod", "vast"],
        cap_usd=dollars(cap), seed=secrets.randbits(32) if seed is None else seed,
        first_day=_day(first_day) if first_day else (now + timedelta(days=1)).date(), days=days, blocks=blocks,
        warm=warm, cold=cold, repeats=repeats, note=note, asked_by=user(),
        params={name: value for name, value in sizes.items() if value is not None},
    )  # fmt: skip
    with reading() if dry_run else writing() as session:
        cost, slots = check(session, plan, now=now)
        made = None if dry_run else insert_schedule(session, plan, now=now)
    told = {"schedule": made, "seed": plan.seed, "block_usd": str(cost.usd), "block_s": cost.lasts.total_seconds()}
    planned = [_slot(number, slot) for number, slot in enumerate(slots, 1)]
    if json:
        return give({**told, "basis": cost.basis, "blocks": planned})
    table(list(planned[0]), [list(row.values()) for row in planned])
    each = f"{cost.lasts.total_seconds() / 60:.0f} minutes and up to ${cost.usd:.2f} a block ({cost.basis})"
    after = f"Watch it with `bakeoff schedules {made}` or on the page Runs." if made else "Nothing was planned."
    say(f"{f'Schedule {made}' if made else 'It would be'}: {plan.blocks} blocks, {each}. {after}")


def schedules(
    schedule: Annotated[int | None, typer.Argument(help="Only this one, with its blocks.")] = None,
    pause: Annotated[bool, typer.Option("--pause", help="Start no further block.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Start blocks again.")] = False,
    cancel: Annotated[bool, typer.Option("--cancel", help="Cancel what is planned, stop what runs.")] = False,
    replan: Annotated[bool, typer.Option("--replan", help="Plan each missed block anew.")] = False,
    skip: Annotated[int | None, typer.Option(help="Leave this block out.")] = None,
    move: Annotated[int | None, typer.Option(help="Move this block; with --to.")] = None,
    to: Annotated[str | None, typer.Option(help="YYYY-MM-DDTHH, a whole hour, UTC.")] = None,
    cap: Annotated[str | None, typer.Option(help="Another spend cap of all blocks together, dollars.")] = None,
    json: AsJson = False,
) -> None:
    """Schedules with their progress and cost; one of them with its blocks, or changed."""
    asked = {"pause": pause, "resume": resume, "cancel": cancel, "replan": replan,
             "skip": skip is not None, "move": move is not None or to is not None, "cap": cap is not None}  # fmt: skip
    wanted = [name for name, given in asked.items() if given]
    if len(wanted) > 1:
        raise Refused(f"One change at a time, not {' and '.join(wanted)}.")
    if wanted and schedule is None:
        raise Refused(f"Name the schedule to {wanted[0]}; `bakeoff schedules` lists them.")
    if wanted and schedule is not None:
        with writing() as session:
            _change(session, schedule, wanted[0], skip=skip, move=move, to=to, cap=cap)
    with reading() as session:
        lines = [line for line in schedule_lines(session) if schedule in (None, line.schedule.id)]
        checks = baseline_checks(session)
    if schedule is not None and not lines:
        raise Refused(f"There is no schedule {schedule}. `bakeoff schedules` lists them.")
    _show(lines, checks, with_blocks=schedule is not None, json=json)


def _change(
    session: Session, number: int, what: str, *, skip: int | None, move: int | None, to: str | None, cap: str | None
) -> None:
    now, by = world_clock(data_folder()).now(), user()
    match what:
        case "pause":
            edits.pause(session, number, asked_by=by)
        case "resume":
            edits.resume(session, number)
        case "cancel":
            edits.cancel(session, number, asked_by=by, now=now)
        case "replan":
            edits.replan(session, number, now=now)
        case "skip" if skip is not None:
            edits.skip(session, number, skip, asked_by=by)
        case "cap" if cap is not None:
            edits.set_cap(session, number, dollars(cap))
        case _:
            if move is None or to is None:
                raise Refused("A move names the block and its new hour: --move 7 --to 2026-12-01T14.")
            edits.move(session, number, move, _hour(to), now=now)


def _show(lines: list[ScheduleLine], checks: pl.DataFrame, *, with_blocks: bool, json: bool) -> None:
    rows = [_row(line) for line in lines]
    aa = [[_check(row) for row in checks_of(line, checks).iter_rows(named=True)] for line in lines]
    if json:
        blocks = [[_block(block) for block in line.blocks] for line in lines]
        told = zip(rows, blocks, aa, strict=True)
        give({"schedules": [row | {"blocks": each, "aa": found} for row, each, found in told]})
    elif not rows:
        typer.echo("No schedule yet. Plan one with `bakeoff schedule`.")
    else:
        table(COLUMNS, [list(row.values())[: len(COLUMNS)] for row in rows])
        for line, found in zip(lines, aa, strict=True) if with_blocks else []:
            table(BLOCKS, [list(_block(block).values()) for block in line.blocks])
            table(CHECKS, [list(row.values()) for row in found])


def _row(line: ScheduleLine) -> dict[str, Any]:
    row = line.schedule
    return {
        "schedule": row.id,
        "status": row.status.value,
        "workflow": line.workflow,
        "gpu": row.gpu,
        "backends": ", ".join(called(name) for name in row.plan["backends"]),
        "done": f"{line.count(BlockStatus.DONE)} of {line.wanted}",
        "planned": line.count(BlockStatus.PLANNED),
        "missed": len(line.missed),
        "usd": None if line.usd is None else f"{line.usd:.4f}",
        "cost": line.cost_state.value if line.cost_state else None,
        "cap_usd": f"{row.cap_usd:.2f}",
        "reason": row.reason,
        "simulated": row.simulated,
    }


def _block(block: Block) -> dict[str, Any]:
    return {
        "block": block.number,
        "day": f"{block.starts_at:%Y-%m-%d}",
        "day_part": block.day_part,
        "starts_at": f"{block.starts_at:%H:%M}",
        "status": block.status.value,
        "run": block.run_id,
        "reason": block.reason,
    }


def _check(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("metric", "blocks", "jobs", "value", "low", "high", "passes", "withheld")}


def _slot(number: int, slot: Slot) -> dict[str, Any]:
    return {
        "block": number,
        "day": f"{slot.starts_at:%Y-%m-%d}",
        "day_part": slot.day_part,
        "starts_at": f"{slot.starts_at:%H:%M}",
        "latest_at": f"{slot.latest_at:%H:%M}",
    }


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Refused(f"The first day is written YYYY-MM-DD, not '{text}'.") from None


def _hour(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(f"The new hour is written YYYY-MM-DDTHH, UTC, not '{text}'.") from None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
