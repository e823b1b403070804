"""Bills: does the bill agree?"""

from functools import partial

import streamlit as st

from analysis import spreadsheet
from ui import bills_view, charts, draw, load
from ui.glossary import meaning
from ui.source import source

at = load.version(source())
data = load.measured(at)
costs = load.costs(at)
charges = load.charge_lines(at)
now = source().now()

draw.title(
    bills_view.bills_title(costs.deployments, costs.waterfall, charges),
    "○ estimated: our prediction · ◐ open, provisional: billed, may still change · ● final: unchanged 48 h after the "
    "bucket ended and in two fetches 12 h apart. Unexplained over 5 % blocks a verdict.",
)
if not charges:
    st.page_link("runs.py", label="Runs", icon=":material/list:")
    st.stop()

top = st.grid(4, min_column_width=150, gap="small")
for name, value, under, term in bills_view.figures(costs.deployments, costs.waterfall, charges, now):
    draw.figure(top, name, value, under, term=term)

simulated = any(row.simulated for row in charges)
grid = st.grid(2, min_column_width=330, gap="small")
with draw.card(grid, "Bill against estimate", "capacity; hollow not final, filled final", term="estimated"):
    rows = bills_view.variance_rows(costs.deployments, costs.waterfall)
    if rows.height:
        said = ", ".join(f"{row['row']} {row['label']}" for row in rows.iter_rows(named=True))
        draw.chart(charts.variance(rows), alt=f"Bill against estimate: {said}")
    else:
        st.caption("No run has both a bill and an estimate yet.")
with draw.card(grid, "How fresh", "state per provider", term="cost state"):
    draw.table(bills_view.freshness(charges, now), simulated=simulated)

odd = bills_view.open_questions(costs.waterfall)
if odd.height:
    st.subheader("Open questions", anchor=False, help=meaning("unexplained"))
    columns = {
        "billed": st.column_config.NumberColumn("Billed", format="$%.4f"),
        "unexplained": st.column_config.NumberColumn("Unexplained", format="$%.4f"),
        "share": st.column_config.NumberColumn("Share", format="%.1f %%"),
    }
    draw.frame(odd, columns, alt="Deployments whose bill we cannot explain", key="odd")

st.subheader("Billing lines", anchor=False)
run_of = dict(data.deployments.select("deployment_id", "run_id").iter_rows())
table = bills_view.lines(charges, run_of)
draw.frame(
    table,
    {
        "usd": st.column_config.NumberColumn("Billed", format="$%.6f", help=meaning("billed")),
        "before": st.column_config.TextColumn("Said before", help="Earlier amounts of a line that was corrected."),
        "state": st.column_config.TextColumn("State", help=meaning("cost state")),
    },
    alt="Every billing line with its state",
    key="lines",
)
st.download_button(
    "Export lines",
    partial(spreadsheet.csv, table),
    file_name=f"{'SIMULATED-' if simulated else ''}charges.csv",
    mime="text/csv",
    icon=":material/download:",
    help="The lines above, with a column `simulated`.",
)
