"""The frame around every page: stylesheet, SIMULATED band, the sidebar's pulse, and what stops a page."""

from pathlib import Path

import streamlit as st

from storage.models import Installation
from ui.formats import ago, money_text
from ui.glossary import meaning
from ui.source import Source
from ui.status import heartbeat, installation, silence, world_line

STATIC = Path(__file__).parent.parent / "pages" / "static"
PULSE_S = 5

# The whole stylesheet. The band: its wrapper must stick, not the keyed block. Chosen chips: the primary colour cannot
# be both a fill under white and a text on dark.
_CSS = """<style>
div:has(> .st-key-band){position:sticky;top:0;z-index:99;border-radius:0 0 6px 6px;
  background:rgba(140,90,220,.10);backdrop-filter:blur(18px)}
.st-key-band{padding:.35rem .7rem}
[data-testid="stButtonGroup"] button[data-selected="true"]{color:inherit!important}
</style>"""


def dress(source: Source) -> Installation | None:
    """Draw what surrounds a page; gives the installation, None before the first collector."""
    st.html(_CSS)
    row = installation(source)
    with st.sidebar:
        _pulse(source, row)
    if row is not None and row.simulated:
        band()
    _silence(source)
    return row


def band() -> None:
    """The violet band that stays in view: nothing below it was measured on a real cloud."""
    with st.container(key="band", horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(
            ":violet[:material/science: **SIMULATED**] :small[:violet[no real cloud, no real dollar]]",
            width="content",
            help=meaning("simulated"),
        )


def stopped_by(source: Source) -> str | None:
    """Why no page can be drawn, as one sentence with the way out; None when all is well."""
    if not source.exists:
        return f"There is no database in {source.folder.path} yet. Start the collector with `bakeoff collect`."
    state = source.state
    if state == "behind":
        return "The database is of an older version than this app: run `bakeoff migrate`."
    if state == "ahead":
        return "The database is of a newer version than this app: update the app."
    return None


def nothing_to_read(sentence: str) -> None:
    """The page in place of all pages."""
    st.html(_CSS)
    st.title("Nothing measured yet", anchor=False)
    st.warning(money_text(sentence), icon=":material/database:")
    st.caption("`make demo` shows a whole bake-off on simulated providers, without a key and without a dollar.")


@st.fragment(run_every=PULSE_S)
def _pulse(source: Source, row: Installation | None) -> None:
    beat = heartbeat(source)
    seen = f"Collector seen {ago(beat.silent)}" if beat else "No collector yet"
    real = "Real money spent: $0" if row is not None and row.simulated else ""
    lines = [line for line in (seen, real, world_line(row)) if line]
    st.caption(money_text("  \n".join(lines)))


@st.fragment(run_every=PULSE_S)
def _silence(source: Source) -> None:
    sentence = silence(heartbeat(source))
    if sentence:
        st.warning(sentence, icon=":material/schedule:")
