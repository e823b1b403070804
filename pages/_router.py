"""The entry of every request: page settings, navigation, the frame, then the page. `app.py` says why it lives here."""

import streamlit as st

from ui import chrome
from ui.source import source

st.set_page_config(
    page_title="GPU Bake-off",
    page_icon=str(chrome.STATIC / "favicon.png"),
    layout="wide",
    initial_sidebar_state=232,
)
page = st.navigation(
    {
        "Decide": [
            st.Page("decision.py", title="Decision", icon=":material/balance:", default=True),
            st.Page("compare.py", title="Compare", icon=":material/align_horizontal_left:"),
            st.Page("gallery.py", title="Gallery", icon=":material/photo_library:"),
        ],
        "Measure": [
            st.Page("launch.py", title="Launch", icon=":material/play_circle:"),
            st.Page("runs.py", title="Runs", icon=":material/list:"),
            st.Page("run.py", title="Run", visibility="hidden"),
            st.Page("job.py", title="Job", visibility="hidden"),
            st.Page("vote.py", title="Vote", visibility="hidden"),
        ],
        "Check": [
            st.Page("bills.py", title="Bills", icon=":material/receipt_long:"),
            st.Page("card.py", title="Decision card", icon=":material/rule:"),
            st.Page("providers.py", title="Providers", icon=":material/dns:"),
        ],
    }
)
st.logo(str(chrome.STATIC / "logo.svg"), size="medium")

here = source()
if reason := chrome.stopped_by(here):
    chrome.nothing_to_read(reason)
    st.stop()
chrome.dress(here)
page.run()
