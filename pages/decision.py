"""Decision: move, stay or split, and what is it worth? Until the rule has run: what is measured, what is missing."""

import streamlit as st

from analysis.arrivals import LoadError
from analysis.verdict.frozen import SnapshotError
from storage.card_values import CardRefused
from storage.profiles import ProfileRefused
from ui import decision_view, draw, following, load, load_traffic, load_verdict, price_panels, verdict_panels
from ui.formats import money_text, plain
from ui.glossary import meaning
from ui.prices import Laid
from ui.runs_view import LIVE
from ui.scope import Scope, main_scopes
from ui.source import source
from ui.status import installation
from ui.tour import tour


def beside_modal(scope: Scope) -> list[decision_view.Move]:
    """The candidates of one scope."""
    found = load.comparison(at, scope.workflow, scope.gpu, scope.settings, scope.runs)
    return decision_view.moves(scope, found.cells, found.arms)


def judged() -> load_verdict.Said:
    """The verdict, or why there is none; what cannot be replayed is said and the rest of the page drawn."""
    try:
        return load_verdict.said(at, source())
    except (LoadError, ProfileRefused, CardRefused) as error:
        st.error(plain(str(error)))
        return load_verdict.Said(None, "not judged")


def shared(name: str) -> load_verdict.Said:
    """What a frozen snapshot says; where there is none, the page ends with a sentence."""
    try:
        return load_verdict.shared(at, source(), name)
    except (CardRefused, SnapshotError) as error:
        draw.title("No such snapshot")
        st.error(plain(str(error)), icon=":material/block:")
        st.page_link("decision.py", label="What the rule says now", icon=":material/balance:")
        st.stop()


drawn_at = source().clock.alive_s()
ground = load.ground(source())  # first: what is done from here on is news
at = load.version(source())
name = st.query_params.get("snapshot", "")
lines = load.runs(at)
here = installation(source())
if here is not None and here.simulated and not name:
    tour(lines)
found = shared(name) if name else judged()
if found.document is not None:
    verdict_panels.verdict(at, found)
    if not name:
        following.tell_change(found.document)
        following.follow(at, ground, drawn_at, measuring=not any(row["look"] for row in found.document["candidates"]))
    st.stop()

data = load.measured(at)
ended = data.timed.drop_nulls("outcome").height
moves = [move for scope in main_scopes(data.jobs) for move in beside_modal(scope)]
live = next((line for line in lines if line.run.status in LIVE), None)

draw.title(decision_view.decision_title(lines, ended))
following.follow(at, ground, drawn_at, measuring=True)
if not ended and live is None:
    st.markdown(
        "A first look at one workflow on three providers takes about an hour; the launch form says what it costs."
    )
    st.page_link("launch.py", label="Launch a first look", icon=":material/play_circle:")
    st.stop()
st.markdown(money_text(decision_view.decision_sentence(lines, moves)))
with st.container(horizontal=True, vertical_alignment="center", gap="small"):
    scope = f"{len(lines)} {'run' if len(lines) == 1 else 'runs'} · the verdict comes with its locked limits"
    st.caption(scope, width="stretch")
    if live is not None:
        query = {"id": str(live.run.id)}
        st.page_link("run.py", label=f"Watch run {live.run.id}", icon=":material/visibility:", query_params=query)
    st.page_link("compare.py", label="Compare", icon=":material/align_horizontal_left:")

price_panels.included(Laid(), load_traffic.layers_in_force(at))
top = st.grid(4, min_column_width=150, gap="small")
for name, value, under, term in decision_view.figures(data.timed, lines, data.charges):
    draw.figure(top, name, value, under, term=term)

if moves:
    st.subheader("Candidates beside Modal", anchor=False)
    st.caption(
        "Estimate and 95 % interval; `n 41 of 72` stands where a number would be dishonest. "
        "No limit is drawn before a block is done."
    )
    grid = st.grid(min_column_width=430, gap="small")
    for move in moves:
        with grid.container(border=True, height="stretch", gap="xsmall"):
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.badge("NOT DECIDED", icon=":material/hourglass_empty:", color="yellow")
                st.markdown(f"**{move.heading}** :small[:gray[{move.gpu}]]")
            draw.table(move.rows, simulated=move.simulated)

st.subheader("What a verdict still needs", anchor=False, help=meaning("verdict"))
card = load_verdict.card(at)
title, locked = (card.title, card.locked) if card else ("no decision card", False)
needs = decision_view.needs(data.timed, data.charges, card=title, locked=locked)
marks = {True: ":green[:material/check:] enough", False: ":yellow[:material/hourglass_empty:] not yet"}
draw.table(
    [{"Needs": one.need, "There is": one.have, "Enough": marks[one.enough]} for one in needs],
    simulated=bool(data.jobs["simulated"].any()),
)
