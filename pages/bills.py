"""Bills: does the bill agree?"""

import io
from collections.abc import Sequence
from functools import partial

import polars as pl
import streamlit as st

from analysis import spreadsheet
from storage.models import Charge
from ui import bill_rows, bills_view, charts, draw, load
from ui.formats import money_text, plain
from ui.glossary import meaning
from ui.names import label
from ui.source import modal_workspace, source
from words import BillOutcome

CSV, PARQUET = "text/csv", "application/vnd.apache.parquet"


def readings(found: load.Bills) -> None:
    """What is wrong with the reading of bills, each as one sentence with the way out."""
    for row in found.fresh:
        if row.outcome is BillOutcome.NO_REPORT:
            text = f"**{label(row.backend)}: no bill to read.** {plain(row.text)} Its costs stay ○ estimated."
            st.info(money_text(text), icon=":material/receipt_long:")
        elif row.text:
            st.warning(money_text(f"**{label(row.backend)}.** {plain(row.text)}"), icon=":material/warning:")


def agreement(found: load.Bills, charges: Sequence[Charge], *, simulated: bool) -> None:
    """Bill against estimate, run by run, and how fresh each provider's bill is."""
    grid = st.grid(2, min_column_width=330, gap="small")
    with draw.card(
        grid, "Bill against estimate", f"newest {bills_view.NEWEST} runs; ● final, ◐ not yet", term="estimated"
    ):
        rows = bills_view.variance_rows(costs.deployments, costs.waterfall)
        if rows.height:
            said = ", ".join(f"{row['row']} {row['label']}" for row in rows.iter_rows(named=True))
            draw.chart(charts.variance(rows), alt=f"Bill against estimate: {said}")
        else:
            st.caption("No run has both a bill and an estimate yet.")
        history = bill_rows.error_history(found.estimates)
        if history:
            st.caption("The error of our estimate over all runs, estimated / billed - 1:")
            draw.table(history, simulated=simulated)
    with draw.card(
        grid, "What is unexplained", "by provider; lines of no resource of ours stand apart", term="unexplained"
    ):
        draw.table(bill_rows.unexplained_parts(found.providers), simulated=simulated)
        flagged = bill_rows.odd_lines(charges)
        if flagged.height:
            columns = {"usd": draw.dollars("In sums", places=4)}
            draw.frame(flagged, columns, alt="Flagged lines by flag and provider", key="flags")
            st.caption("Flagged lines are kept and counted; `in no sum` holds what is in no dollar above.")
        else:
            st.caption("No line is flagged: each bills a resource of ours once, in dollars.")


def fresh(found: load.Bills, charges: Sequence[Charge], *, simulated: bool) -> None:
    """State per provider, then per bucket."""
    st.subheader("How fresh", anchor=False, help=meaning("cost state"))
    if found.fresh:
        draw.table(bill_rows.freshness(found.fresh, source().now()), simulated=simulated)
    if found.gaps:
        hours = ", ".join(f"{label(gap.backend)} {gap.start:%-d %b %H:%M}" for gap in found.gaps[:5])
        more = f" and {len(found.gaps) - 5} more" if len(found.gaps) > 5 else ""
        st.warning(
            f"{len(found.gaps)} hours in which jobs of ours ran were never billed: {hours}{more}. They are asked for "
            "again at each reading.",
            icon=":material/event_busy:",
        )
    columns = {
        "usd": draw.dollars("Billed", places=4, help=meaning("billed")),
        "state": st.column_config.TextColumn("Weakest state", help=meaning("cost state")),
    }
    draw.frame(bill_rows.buckets(charges), columns, alt="Billed by provider and day, with its state", key="buckets")


def questions() -> None:
    """Deployments whose bill we cannot explain, and lines that said something else before."""
    odd = bills_view.open_questions(costs.waterfall)
    if odd.height:
        st.subheader("Open questions", anchor=False, help=meaning("unexplained"))
        columns = {
            "billed": draw.dollars("Billed", places=4),
            "unexplained": draw.dollars("Unexplained", places=4),
            "share": st.column_config.NumberColumn("Share", format="%.1f %%"),
        }
        draw.frame(odd, columns, alt="Deployments whose bill we cannot explain", key="odd")
    draw.corrections(bill_rows.corrections(load.corrections(at)))


def lines(charges: Sequence[Charge], *, simulated: bool) -> None:
    """Every line, or those of one kind; each with what it said before."""
    st.subheader("Billing lines", anchor=False)
    names = list(bill_rows.SHOWN)
    shown = st.segmented_control(
        "Show", names, default=names[0], key="lines-of", bind="query-params", required=True, help=meaning("flag")
    )
    table = bills_view.lines([row for row in charges if bill_rows.SHOWN[shown](row)], run_of)
    if table.is_empty():
        st.caption(f"No line is {shown}.")
    else:
        columns = {
            "usd": draw.dollars("Billed", places=6, help=meaning("billed")),
            "before": st.column_config.TextColumn("Said before", help=meaning("correction")),
            "state": st.column_config.TextColumn("State", help=meaning("cost state")),
            "flags": st.column_config.TextColumn("Flags", help=meaning("flag")),
        }
        draw.frame(table, columns, alt="Billing lines with their state", key="lines")
    exports(table, simulated=simulated)


def exports(table: pl.DataFrame, *, simulated: bool) -> None:
    """The lines above, and all of what was billed as FOCUS; made when asked for."""
    mark = "SIMULATED-" if simulated else ""
    with st.container(horizontal=True):
        for text, name, make, mime in (
            ("Export lines", "charges.csv", partial(spreadsheet.csv, table), CSV),
            ("Export FOCUS 1.2, CSV", "focus.csv", lambda: spreadsheet.csv(focus()), CSV),
            ("Parquet", "focus.parquet", lambda: parquet(focus()), PARQUET),
        ):
            st.download_button(
                text, make, file_name=f"{mark}{name}", mime=mime, icon=":material/download:", help=meaning("focus")
            )


def focus() -> pl.DataFrame:
    """All of what was billed."""
    return load.focus_dataset(at, modal_workspace())


def parquet(table: pl.DataFrame) -> bytes:
    """As one file."""
    out = io.BytesIO()
    table.write_parquet(out)
    return out.getvalue()


at = load.version(source())
data = load.measured(at)
costs = load.costs(at)
charges = load.charge_lines(at)
state = load.bill_state(at, source().now())
run_of = dict(data.deployments.select("deployment_id", "run_id").iter_rows())
without = [row.backend for row in state.fresh if row.outcome is BillOutcome.NO_REPORT]

draw.title(
    bills_view.bills_title(costs.deployments, costs.waterfall, charges, no_report=without),
    "○ estimated: our prediction · ◐ open, provisional: billed, may still change · ● final: unchanged 48 h after the "
    "bucket ended and in two fetches 12 h apart. Unexplained over 5 % blocks a verdict.",
)
readings(state)
if not charges:
    st.page_link("runs.py", label="Runs", icon=":material/list:")
    st.stop()

top = st.grid(4, min_column_width=150, gap="small")
for name, value, under, term in bills_view.figures(costs.deployments, costs.waterfall, charges, source().now()):
    draw.figure(top, name, value, under, term=term)

is_simulated = any(row.simulated for row in charges)
agreement(state, charges, simulated=is_simulated)
fresh(state, charges, simulated=is_simulated)
questions()
lines(charges, simulated=is_simulated)
