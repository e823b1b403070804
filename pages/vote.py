"""Vote: which is better? Two images, no names; each vote is saved at once."""

import streamlit as st

from storage import votes
from storage.db import StorageError
from storage.votes import Answer, Ask, VoteRefused
from ui import actions, draw, load
from ui.formats import plain
from ui.glossary import meaning
from ui.source import source
from ui.vote_view import BUTTONS, counted, results, sides, whose


def asked_of(rater: str, workflow: str) -> Ask | None:
    """The next pair for this rater."""
    with source().reading() as session:
        return votes.next_ask(session, source().blobs, rater, workflow)


def save(rater: str, pair_id: int, answer: Answer) -> None:
    """Keep the vote; what was shown is remembered for one sentence, whatever went wrong for another."""
    here = source()
    st.session_state.pop("voted", None)
    try:
        st.session_state["voted"] = actions.change(
            here,
            lambda session: votes.cast(
                session, here.blobs, rater=rater, pair_id=pair_id, answer=answer, now=here.now()
            ),
        )
    except (StorageError, VoteRefused) as error:
        st.session_state["refused"] = str(error)


def pictures(ask: Ask) -> None:
    """Left and right; one below the other on a phone."""
    mark = f" · :violet[{draw.SIMULATED}]" if ask.simulated else ""
    both = sides(source().blobs, ask)
    for name, content, column in zip(("Left", "Right"), both, st.columns(2), strict=True):
        if content is None:
            column.warning(f"{name}: this image cannot be shown.")
        else:
            column.image(content, caption=f"{name}{mark}", alt=f"{name}: {ask.prompt}", width="stretch")


def ballot(rater: str, ask: Ask) -> None:
    """The pair and the four answers, each with its key."""
    st.caption(f"{plain(ask.prompt)} · pair {ask.number} of {ask.of}")
    pictures(ask)
    with st.container(horizontal=True, horizontal_alignment="center", gap="small"):
        for answer, words, shortcut in BUTTONS:
            st.button(words, key=f"vote-{answer}", shortcut=shortcut, on_click=save, args=(rater, ask.pair_id, answer))


def outcome(rater: str, workflow: str) -> None:
    """What all votes say; only for who has none left to cast."""
    at = load.version(source())
    judged = load.parity(at).judged
    with at.reading() as session:
        panel = votes.raters(session, workflow)
    st.info(counted(panel, rater))
    draw.table(results(judged, workflow), simulated=any(each.simulated for each in judged))


draw.title("Which is better?", "The same prompt and seed on two providers. Names are hidden until your vote is in.")
known = list(dict.fromkeys(each.workflow for each in load.parity(load.version(source())).judged))
if not known:
    st.info("No pair yet: images are compared as jobs finish.")
    st.page_link("launch.py", label="Launch a run", icon=":material/play_circle:")
    st.stop()
with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
    chosen = st.segmented_control("Workflow", known, default=known[0], key="wf", bind="query-params", required=True)
    typed = st.text_input("Your name", key="rater", max_chars=votes.MOST_NAME, help=meaning("vote"))
if said := st.session_state.pop("refused", None):
    st.error(plain(said))
if cast := st.session_state.pop("voted", None):
    st.caption(f"Saved: {whose(cast)}")
if not typed.strip():
    st.info("Type your name to begin. Your votes are kept under it.")
    st.stop()
try:
    named = votes.rater_name(typed)
    pair = asked_of(named, chosen)
except VoteRefused as error:
    st.error(plain(error))
    st.stop()
if pair is None:
    outcome(named, chosen)
else:
    ballot(named, pair)
st.page_link("gallery.py", label="Gallery", icon=":material/photo_library:", query_params={"wf": chosen})
