"""Decision keeps up: what is done while somebody reads it is judged beside the page, then the page is drawn anew."""

from contextlib import suppress

import streamlit as st

from analysis.arrivals import LoadError
from storage.card_values import CardRefused
from storage.profiles import ProfileRefused
from ui import load, load_verdict
from ui.formats import money_text
from ui.source import source
from ui.verdict_view import Document, title

LOOK_S = 5.0
_SAID = "verdict-said"


@st.fragment(run_every=LOOK_S)
def follow(at: load.Version, ground: str, drawn_at: float, *, measuring: bool) -> None:
    """ground: `load.ground` of what is shown; measuring: each job is news, not only what is done.

    drawn_at: the clock's `alive_s`; a page that was begun just now is drawn to its end, however fast things change.
    """
    here = source()
    if here.clock.alive_s() - drawn_at < LOOK_S / 2:
        return
    now = load.version(here) if measuring else at
    if now == at and load.ground(here) == ground:
        return
    with suppress(LoadError, ProfileRefused, CardRefused):  # the page says so itself
        load_verdict.said(load.version(here), here)
    st.rerun()


def tell_change(said: Document) -> None:
    """A toast where the rule places a workflow elsewhere, or in another state, than when this reader saw it last."""
    places = [(row["workflow"], row["state"], row["destination"]) for row in said["workflows"]]
    before = st.session_state.get(_SAID)
    st.session_state[_SAID] = places
    if before not in (None, places):
        st.toast(money_text(f"Verdict changed: {title(said)}"), icon=":material/balance:")
