"""Run: going well? One fragment that redraws while the run is live."""

from datetime import datetime

import polars as pl
import streamlit as st

from analysis import compare
from storage.db import StorageError
from storage.queries import RunDetail
from ui import actions, bill_rows, charts, compare_view, draw, image_panels, load, run_view
from ui.formats import clock_time, plain, quiet, usd
from ui.names import deployment_badge, label
from ui.runs_view import LIVE
from ui.source import source
from words import RequestKind, RunStatus

EVERY_S = 2


def asked_for() -> int | None:
    """The run that the address names."""
    text = st.query_params.get("id", "")
    return int(text) if text.isdecimal() else None


def not_found(run_id: int | None) -> None:
    """The page for an address that names no run."""
    draw.title("No such run", f"There is no run {run_id}." if run_id else "The address names no run: /run?id=1.")
    st.page_link("runs.py", label="All runs", icon=":material/list:")


def stop_button(detail: RunDetail) -> None:
    """Ask the collector to stop; it answers within seconds and tears everything down."""
    run_id = detail.line.run.id
    asked = st.session_state.get(f"stop-{run_id}")
    if st.button("Stop and tear down", icon=":material/stop_circle:", disabled=bool(asked)):
        try:
            st.session_state[f"stop-{run_id}"] = actions.ask(source(), RequestKind.STOP_RUN, {"run_id": run_id})
        except StorageError as error:
            st.error(plain(error))
    reply = actions.answer(source(), asked) if asked else None
    if reply is not None and "error" in reply.reply:
        st.caption(plain(reply.reply["error"]))


def head(detail: RunDetail, lines: list[run_view.ArmLine], now: datetime) -> None:
    """Title, scope and the stop button."""
    spent_usd = sum(line.spent_usd for line in lines)
    live = detail.line.run.status in (RunStatus.QUEUED, RunStatus.RUNNING)
    left, right = st.columns([5, 1.2], vertical_alignment="center")
    with left:
        draw.title(run_view.run_title(detail, lines, spent_usd))
    if live:
        with right:
            stop_button(detail)
    updates = f" · updates every {EVERY_S} s" if live else ""
    asked_by = f" · asked by {plain(detail.line.run.asked_by)}" if detail.line.run.asked_by else ""
    st.caption(f"{run_view.run_caption(detail, now)}{asked_by}{updates}")
    if detail.line.run.note:
        st.caption(f"Note: {plain(detail.line.run.note)}")


def arm_cards(lines: list[run_view.ArmLine], *, live: bool) -> None:
    """One card a provider: state, progress, spend."""
    grid = st.grid(3, min_column_width=270, gap="small")
    for line in lines:
        word, colour, icon = deployment_badge(line.state)
        with grid.container(border=True, height="stretch", gap="xsmall"):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f"**{label(line.backend)}**", width="stretch")
                st.badge(word, icon=f":material/{icon}:", color=colour)
            st.progress(line.share, text=line.counts)
            spent = f"~\\{usd(line.spent_usd)} {'so far' if live else 'estimated'}"
            st.caption(f"{spent} · {line.capacity}" if live else spent)
            if line.reason:
                st.caption(plain(line.reason))


def checks(at: load.Version, run_id: int, data: load.Measured) -> None:
    """Whether the measurements and the bill may be believed, in words, and what nobody could check."""
    for line in run_view.mark_lines(load.run_marks(at, run_id)):
        show, icon = (st.warning, "block") if line.excludes else (st.info, "info")
        show(f"**{line.heading}.** {plain(line.reason)}", icon=f":material/{icon}:")
    for text in run_view.unchecked_lines(data.jobs):
        st.caption(plain(text))


def progress_charts(detail: RunDetail, data: load.Measured, spent: pl.DataFrame, now: datetime) -> None:
    """Jobs as they finish, and the burn against the cap."""
    run = detail.line.run
    lanes = run_view.lane_rows(data.timed, run.started_at or run.asked_at)
    total = sum(run_view.latest_spend(spent).values())
    grid = st.grid(2, min_column_width=330, gap="small")
    with draw.card(grid, "Jobs as they finish", "filled warm, hollow cold, × failed"):
        if lanes.height:
            order = lanes["row"].unique(maintain_order=True).to_list()
            order = [label(name) for name in run.plan["backends"] if label(name) in order]
            draw.chart(charts.lanes(lanes, order), alt=f"{lanes.height} jobs over time", key="lanes")
        else:
            st.caption("The first job has not ended yet.")
    note = "estimated, then the forecast" if run.status in LIVE else "estimated"
    with draw.card(grid, "Spend", note, term="spent"):
        forecast = run_view.forecast(detail, total, now)
        spec = charts.burn(spent, cap_usd=float(run.cap_usd), forecast=forecast)
        draw.chart(spec, alt=f"About {usd(total)} spent of {usd(float(run.cap_usd))}", key="burn")


def images_and_numbers(data: load.Measured) -> None:
    """The newest images, and what is known so far."""
    grid = st.grid(2, min_column_width=330, gap="small")
    with draw.card(grid, "Newest images"):
        image_panels.newest(data.images)
    with draw.card(grid, "Numbers so far", "of this run, not a verdict"):
        cells = compare.cells(data.jobs)
        wanted = ("warm p50", "warm p95", "success", "cold latency")
        shown = [one for one in compare_view.cards(cells, cells.head(0)) if one.term in wanted]
        rows = [
            {"": one.heading.replace(" latency", "")}
            | {row["row"]: f"{row['label']} {quiet(row['note'])}" for row in one.rows.to_dicts()}
            for one in shown
        ]
        if rows:
            draw.table(rows, simulated=bool(data.jobs["simulated"].any()))
        else:
            st.caption("No job has ended yet.")


def body(run_id: int) -> None:
    """All of the page that changes while the run is live."""
    at = load.version(source())
    detail = load.run(at, run_id)
    if detail is None:
        not_found(run_id)
        return
    data, run, now = load.measured(at, (run_id,)), detail.line.run, source().now()
    began = run.started_at or run.asked_at
    spent = run_view.spend(data.deployments, data.jobs, began, min(run.ended_at or now, now))
    lines = run_view.arm_lines(detail, data.timed, run_view.latest_spend(spent) if spent.height else {})
    head(detail, lines, now)
    if run.status is RunStatus.QUEUED:
        st.info(
            "The collector picks it up within a few seconds. Nothing is rented yet.", icon=":material/hourglass_top:"
        )
        return
    arm_cards(lines, live=run.status in LIVE)
    checks(at, run_id, data)
    progress_charts(detail, data, spent, now)
    images_and_numbers(data)
    what_happened(detail)
    draw.corrections(bill_rows.corrections(load.corrections(at, (run_id,))))


def what_happened(detail: RunDetail) -> None:
    """Sentences of the collector, newest first; providers' words in them are data."""
    with st.container(border=True):
        st.markdown("**What happened** :small[:gray[UTC, newest first]]")
        rows = [
            {"at": clock_time(event.at), "what": event.text, "simulated": detail.line.run.simulated}
            for event in detail.events
        ]
        if rows:
            columns = {
                "at": st.column_config.TextColumn("UTC", width=70),
                "what": st.column_config.TextColumn("What", width=780),
            }
            draw.frame(pl.DataFrame(rows), columns, alt="What happened", key="events", height=260)
        else:
            st.caption("Nothing yet.")


def jobs_table(run_id: int) -> None:
    """Every job; each leads to its page."""
    st.subheader("Jobs", anchor=False)
    rows = run_view.job_rows(load.measured(load.version(source()), (run_id,)).timed)
    if rows.is_empty():
        st.caption("Jobs are laid out when the run starts.")
        return
    columns = {
        "open": st.column_config.ButtonColumn("", type="tertiary", width="small", key="open_job"),
        "latency": st.column_config.NumberColumn("Latency, s", format="%.1f"),
        "execution": st.column_config.NumberColumn("Execution, s", format="%.1f"),
    }
    draw.frame(rows, columns, alt="Jobs of the run", key="jobs", height=420)
    if click := st.session_state.get("open_job"):
        st.switch_page("job.py", query_params={"id": str(rows["job"][click["row"]])})


wanted = asked_for()
start = load.run(load.version(source()), wanted) if wanted is not None else None
if wanted is None or start is None:
    not_found(wanted)
    st.stop()
is_live = start.line.run.status in LIVE
st.fragment(body, run_every=EVERY_S if is_live else None)(wanted)
jobs_table(wanted)
with st.expander("Settings record"):
    st.json(run_view.settings_record(start), expanded=2)
