"""Runs: what ran, what is up now, and which blocks are planned? The collector acts on what a person changes of them."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import streamlit as st
from sqlmodel import Session

from storage import schedule_edits as edits
from storage.db import StorageError
from storage.models import Block, Request
from storage.plans import PlanError
from storage.schedule_lines import ScheduleLine, checks_of, schedule_lines
from ui import actions, draw, load, schedule_view
from ui.asking import ask_button, ask_reply
from ui.formats import money_text, plain
from ui.glossary import meaning
from ui.runs_view import left_told, runs_table, runs_title
from ui.source import source
from words import BlockStatus, RequestKind, ScheduleStatus

REFUSED = "schedule-refused"
OPEN = (ScheduleStatus.ACTIVE, ScheduleStatus.PAUSED)


def schedules(lines: Sequence[ScheduleLine]) -> None:
    """Those that are under way in full, the others folded."""
    if refusal := st.session_state.pop(REFUSED, None):
        st.error(plain(refusal))
    for line in lines:
        if line.schedule.status in OPEN:
            with st.container(border=True):
                shown(line)
        else:
            with st.expander(money_text(schedule_view.schedule_title(line))):
                shown(line)


def shown(line: ScheduleLine) -> None:
    """The sentence, the calendar, what went wrong, and what may be changed."""
    row = line.schedule
    mark = f" :small[:violet[{draw.SIMULATED}]]" if row.simulated else ""
    st.markdown(money_text(f"**{schedule_view.schedule_title(line)}**{mark}"), help=meaning("block"))
    st.caption(money_text(schedule_view.schedule_scope(line)))
    if row.reason:
        st.markdown(money_text(f"{row.status.value.capitalize()}: {plain(row.reason)}."))
    draw.table(schedule_view.calendar(line.blocks), simulated=row.simulated)
    for remark in schedule_view.remarks(line.blocks):
        st.caption(money_text(remark))
    told, passes = schedule_view.baseline_check(checks_of(line, load.baseline_checks(at)))
    if passes is False:
        st.warning(told, icon=":material/rule:")
    else:
        st.caption(told, help=meaning("a/a"))
    with st.container(horizontal=True, vertical_alignment="center"):
        buttons(line)


def buttons(line: ScheduleLine) -> None:
    """What its state allows."""
    row, number = line.schedule, line.schedule.id or 0
    by, now = actions.ASKED_BY, source().now()
    if row.status is ScheduleStatus.ACTIVE:
        button("Pause", f"pause-{number}", "pause", partial(edits.pause, schedule_id=number, asked_by=by))
    if row.status is ScheduleStatus.PAUSED:
        button("Resume", f"resume-{number}", "play_arrow", partial(edits.resume, schedule_id=number))
    if line.missed and row.status is not ScheduleStatus.CANCELLED:
        button(
            "Plan missed blocks anew", f"replan-{number}", "update", partial(edits.replan, schedule_id=number, now=now)
        )
    if row.status not in OPEN:
        return
    if planned := [block for block in line.blocks if block.status is BlockStatus.PLANNED]:
        with st.popover("Move or skip a block", icon=":material/edit_calendar:"):
            move_or_skip(number, planned, now)
    with st.popover("Cap", icon=":material/payments:"):
        usd = st.number_input("Cap of all blocks, $", 0.5, value=float(row.cap_usd), step=5.0, key=f"cap-{number}")
        button(
            "Set the cap", f"set-cap-{number}", "check", partial(edits.set_cap, schedule_id=number, cap_usd=cents(usd))
        )
    with st.popover("Cancel", icon=":material/cancel:"):
        st.markdown("What is planned is cancelled. A block that runs is stopped and torn down.")
        what = partial(edits.cancel, schedule_id=number, asked_by=by, now=now)
        button(f"Cancel schedule {number}", f"cancel-{number}", "cancel", what)


def cents(usd: float) -> Decimal:
    """What a form gives, as money."""
    return Decimal(f"{usd:.2f}")


def move_or_skip(number: int, planned: Sequence[Block], now: datetime) -> None:
    """One planned block, another hour or none."""
    names = {block.number: schedule_view.block_choice(block) for block in planned}
    block = st.selectbox("Block", list(names), format_func=names.__getitem__, key=f"block-{number}")
    day = st.date_input("Day, UTC", now.date() + timedelta(days=1), min_value=now.date(), key=f"day-{number}")
    hour = st.selectbox("Hour, UTC", range(24), format_func="{:02d}:00".format, key=f"hour-{number}")
    to = datetime.combine(day, time(hour), tzinfo=UTC)
    what = partial(edits.move, schedule_id=number, number=block, to=to, now=now)
    button("Move it there", f"move-{number}", "event", what)
    skip = partial(edits.skip, schedule_id=number, number=block, asked_by=actions.ASKED_BY)
    button("Skip it", f"skip-{number}", "event_busy", skip)


def button(text: str, key: str, icon: str, what: Callable[[Session], Any]) -> None:
    """A change of rows; a refusal is shown once the page is drawn again."""
    st.button(text, key=key, icon=f":material/{icon}:", on_click=carry_out, args=(what,))


def carry_out(what: Callable[[Session], Any]) -> None:
    """Change the rows, or keep the refusal: a callback cannot draw."""
    try:
        actions.change(source(), what)
    except (PlanError, StorageError) as error:
        st.session_state[REFUSED] = str(error)


def stop_everything() -> None:
    """The wish, and what the collector says is left."""
    with st.popover("Stop everything", icon=":material/front_hand:"):
        st.markdown("Cancels what is in flight, destroys all that is rented, and pauses every schedule.")
        text, help_text = "Stop everything now", meaning("stop everything")
        ask_button(text, RequestKind.STOP_ALL, {}, icon=":material/stop_circle:", help_text=help_text)
    ask_reply(RequestKind.STOP_ALL, what_is_left)


def what_is_left(request: Request) -> None:
    """By provider, as the collector's reply says."""
    st.markdown(left_told(request.reply.get("left", {})))


at = load.version(source())
lines = load.runs(at)
with source().reading() as session:
    planned = schedule_lines(session, load.costs(at).deployments)

draw.title(runs_title(lines), "Newest first. Each leads to its jobs. Costs are what the providers have billed so far.")
stop_everything()
schedules(planned)
if not lines:
    st.page_link("launch.py", label="Launch the first run", icon=":material/play_circle:")
    st.stop()

rows = runs_table(lines)
draw.frame(
    rows,
    {
        "open": st.column_config.ButtonColumn("", type="tertiary", width="small", key="open_run"),
        "run": st.column_config.NumberColumn("Run", width="small"),
        "state": st.column_config.TextColumn("State", width="small"),
        "workflow": "Workflow, GPU",
        "on": "On",
        "progress": st.column_config.ProgressColumn("Progress", format="%d %%", min_value=0, max_value=100),
        "jobs": st.column_config.TextColumn("Jobs", width="small"),
        "failed": st.column_config.NumberColumn("Failed", width="small"),
        "billed": st.column_config.TextColumn("Billed", help=meaning("cost state")),
        "left": st.column_config.TextColumn("Left running", help=meaning("left running"), width="small"),
        "asked": "Asked, UTC",
        "note": "Note",
    },
    alt="All runs with state, progress, cost and what is left running",
    key="runs",
)
if click := st.session_state.get("open_run"):
    st.switch_page("run.py", query_params={"id": str(rows["run"][click["row"]])})
