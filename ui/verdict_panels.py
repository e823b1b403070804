"""The page Decision once a card is locked, drawn: finding, figures, a card of gates for each move, signatures."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path

import polars as pl
import streamlit as st

from analysis.verdict import advice
from analysis.verdict.frozen import SnapshotError
from analysis.verdict.progress import DOCUMENTS, progress
from analysis.verdict.said import NOT_VERIFIED
from storage import signoffs
from storage.card_values import CardRefused
from storage.db import StorageError
from storage.models import SignOff
from ui import (
    actions,
    charts,
    draw,
    image_panels,
    load,
    load_traffic,
    load_verdict,
    share_panel,
    turns_panels,
    verdict_view,
)
from ui.formats import day_time, money_text, plain
from ui.glossary import meaning
from ui.load_verdict import Said
from ui.names import label
from ui.source import source
from ui.verdict_view import Document
from words import Verdict

DOCS = Path(__file__).parent.parent / "docs"
REFUSED, DONE = "signing-refused", "signing-done"


def verdict(at: load.Version, found: Said) -> None:
    """The whole page."""
    said = found.document or {}
    draw.title(verdict_view.title(said))
    if said["snapshot"]:
        _frozen(said)
    else:
        _aged(at)
    if said["sentence"]:
        st.markdown(money_text(said["sentence"]))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(money_text(verdict_view.caption(said)), width="stretch")
        _sign(said["snapshot"])
        share_panel.share(at, said)
    _told()
    top = st.grid(4, min_column_width=150, gap="small")
    for name, value, under, term in verdict_view.figures(said):
        draw.figure(top, name, value, under, term=term)
    if not any(row["look"] for row in said["candidates"]):
        st.subheader("Newest images", anchor=False)
        image_panels.newest(load.measured(at).images)
    _moves(said)
    if found.gathered is not None:
        turns_panels.turns(found)
    _more(said)
    st.subheader("Ground checks", anchor=False, help=meaning("gate"))
    draw.table(verdict_view.ground(said), simulated=said["simulated"])
    st.caption(verdict_view.aa(said), help=meaning("a/a"))
    _progress(at, said)
    _signed(at)


def _frozen(said: Document) -> None:
    """Which snapshot this is, whether it still holds, and the way to what the rule says now."""
    made_at = day_time(datetime.fromisoformat(said["made_at"]))
    if said.get("stale"):
        st.warning(money_text(f"Out of date: {'; '.join(said['stale'])}."), icon=":material/update:")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(f"Snapshot {said['snapshot'][:8]}, frozen on {made_at}: what it rests on never changes.")
        st.page_link("decision.py", label="What the rule says now", icon=":material/balance:")


def _aged(at: load.Version) -> None:
    """Whether what was signed last still holds."""
    try:
        kept = load_verdict.aged(at, source())
    except (SnapshotError, CardRefused) as error:
        st.error(plain(str(error)), icon=":material/block:")
        return
    if kept is not None and kept.reasons:
        was = f"Out of date: {'; '.join(kept.reasons)}. It was, on {day_time(kept.row.made_at)}: {plain(kept.title)}"
        st.warning(money_text(was), icon=":material/update:")


def _more(said: Document) -> None:
    """What is open, what would settle it and at what price; where knowing is worth less, that."""
    st.subheader("What would it cost to know more?", anchor=False, help=meaning("buy next"))
    rows = advice.rows(said)
    st.caption(money_text(f"To know more: {plain(advice.to_know_more(said))}."))
    if rows:
        draw.table([dict(zip(advice.HEAD, row, strict=True)) for row in rows], simulated=said["simulated"])
        st.caption("Each gate at the price of its jobs alone; those that gates share are paid once, in the last row.")


def _moves(said: Document) -> None:
    st.subheader("Which moves clear the limits?", anchor=False, help=meaning("gate"))
    st.caption(
        "The line is the limit, the grey side is not enough. Dot and whisker: estimate and interval at this look. A "
        "whisker across the line is not decided yet."
    )
    grid = st.grid(min_column_width=430, gap="small")
    for row in said["candidates"]:
        word, icon, colour = verdict_view.BADGES[row["state"]]
        with grid.container(border=True, height="stretch", gap="xsmall"):
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.badge(word, icon=icon, color=colour)  # type: ignore[arg-type]  # one of Streamlit's colours
                st.markdown(f"**{row['workflow']} on {label(row['candidate'])}**")
            st.caption(money_text(f"{row['says']} {verdict_view.basis(row)}"))
            if row["gates"]:
                rows = verdict_view.gate_rows(row, simulated=said["simulated"])
                told = "; ".join(f"{gate['gate']} {gate['estimate']} {gate['interval']}" for gate in rows.to_dicts())
                draw.chart(charts.gates(rows), alt=f"{row['workflow']} on {label(row['candidate'])}: {told}")
                if unknown := verdict_view.unknowns(row):
                    st.caption(plain(unknown))


def _sign(snapshot: str) -> None:
    """Freeze what is seen and put a name under it, or decide otherwise with a second one.

    snapshot: the frozen one that is seen; empty: what the rule says now.
    """
    with st.popover("Sign off", icon=":material/draw:", type="primary"):
        st.caption("Freezes the inputs as a snapshot and puts a name under it. Names are typed: not verified.")
        name = st.text_input("Your name", key="sign-name")
        if st.button("I agree with the rule", key="sign-agree"):
            _say(lambda: signoffs.agreed(name, now=source().now()), snapshot)
        st.divider()
        st.caption("Or decide otherwise. It is shown for ever, beside what the rule said.")
        instead = st.selectbox("Decide", [each.value for each in signoffs.INSTEAD], key="sign-instead")
        second = st.text_input("A second person", key="sign-second")
        reason = st.text_input("Reason", key="sign-reason")
        if st.button("Override", key="sign-override"):
            now = source().now()
            decided = partial(signoffs.overridden, Verdict(instead), second_name=second, reason=reason)
            _say(lambda: decided(name=name, now=now), snapshot)


def _say(word: Callable[[], SignOff], snapshot: str) -> None:
    """One transaction: the snapshot and the word on it, or neither; a word that is refused freezes nothing."""
    try:
        row = word()
        kept = share_panel.freezing(snapshot)
        actions.change(source(), lambda session: signoffs.keep(session, kept(session), row))
        st.session_state[DONE] = "Kept, with the snapshot that it is about."
    except (CardRefused, SnapshotError, StorageError) as error:
        st.session_state[REFUSED] = str(error)
    st.rerun()


def _told() -> None:
    if refused := st.session_state.pop(REFUSED, None):
        st.error(plain(refused), icon=":material/block:")
    if done := st.session_state.pop(DONE, None):
        st.success(done, icon=":material/check:")


def _progress(at: load.Version, said: Document) -> None:
    """The initiative's definition of done, ticked by evidence."""
    timed = load_traffic.effort(at).filter(~pl.col("measured"))["backend"].unique().to_list()  # by people
    lines = progress(
        said["cells"],
        said["arms"],
        timed=timed,
        snapshots=len(load_verdict.frozen(at)),
        state=said["state"],
        documents=[name for name in DOCUMENTS if (DOCS / name).is_file()],
    )
    st.subheader("Definition of done (IN-035)", anchor=False, help=meaning("definition of done"))
    marks = {True: ":green[:material/check:] done", False: ":yellow[:material/hourglass_empty:] not yet"}
    draw.table(
        [{"Line": line.text, "There is": plain(line.evidence), "Done": marks[line.done]} for line in lines],
        simulated=said["simulated"],
    )


def _signed(at: load.Version) -> None:
    """Everything that was ever signed or overridden."""
    with at.reading() as session:
        rows = [
            {
                "When": day_time(signed.at),
                "Who": plain(signed.name) + (f" with {plain(signed.second_name)}" if signed.second_name else ""),
                "Said": "agrees" if signed.instead is None else f"decides {signed.instead.value} instead",
                "Why": plain(signed.reason),
                "Of": f"{plain(snapshot.title)} ([{snapshot.digest[:8]}]({share_panel.path(snapshot.digest)}))",
            }
            for signed, snapshot in signoffs.every(session)
        ]
    if rows:
        st.subheader("Signed", anchor=False)
        st.caption(NOT_VERIFIED)
        draw.table(rows, simulated=False)
