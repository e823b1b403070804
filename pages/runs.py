"""Runs: what ran, and what is up now?"""

import streamlit as st

from ui import draw, load
from ui.glossary import meaning
from ui.runs_view import runs_table, runs_title
from ui.source import source

at = load.version(source())
lines = load.runs(at)

draw.title(runs_title(lines), "Newest first. Each leads to its jobs. Costs are what the providers have billed so far.")
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
