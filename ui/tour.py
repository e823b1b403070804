"""The way through a simulated bake-off, for who sees it for the first time."""

from collections.abc import Sequence

import streamlit as st

from storage.queries import RunLine
from ui.runs_view import LIVE


def tour(lines: Sequence[RunLine]) -> None:
    """1 Verdict, 2 Why, 3 Watch, 4 Launch your own: four links in a row."""
    live = next((str(line.run.id) for line in lines if line.run.status in LIVE), None)
    with st.container(horizontal=True, gap="small"):
        st.page_link("decision.py", label="1 Verdict")
        st.page_link("compare.py", label="2 Why")
        if live:
            st.page_link("run.py", label="3 Watch", query_params={"id": live})
        else:
            st.page_link("runs.py", label="3 Watch")
        st.page_link("launch.py", label="4 Launch your own")
