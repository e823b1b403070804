"""Traffic on the page Decision card: which is decided on, what each provider would cost and wait under it, and more."""

from collections.abc import Callable
from functools import partial
from typing import Any

import streamlit as st
from sqlmodel import Session

from analysis.arrivals import LoadError
from analysis.traffic.blended import Blended
from analysis.traffic.measured import Unmeasured, subjects
from analysis.traffic.profile import KNOWN
from storage.db import StorageError
from storage.profiles import MOST_ROWS, ProfileRefused, add_daily, add_known, add_trace
from ui import actions, card_panels, charts, cost_panels, draw, load, load_traffic, price_panels, traffic_view
from ui.formats import count, money_text, plain
from ui.glossary import meaning
from ui.load_traffic import Question
from ui.prices import Laid
from ui.scope import settings_words
from ui.source import source

REFUSED, ADDED = "traffic-refused", "traffic-added"


def replayed(at: load.Version) -> None:
    """Our traffic, and what every provider would cost and wait under it."""
    heading = st.container()
    question = which(at)
    found: Blended | Unmeasured = Unmeasured(name=load_traffic.BASE, gpu="", reason="No run has ended yet.")
    try:
        if question is not None:
            found = load_traffic.blend(at, question, source())
    except (LoadError, ProfileRefused) as error:
        st.error(plain(str(error)), icon=":material/block:")
    heading.subheader(money_text(traffic_view.blend_title(found)), anchor=False, help=meaning("equal service"))
    if question is None:
        st.page_link("launch.py", label="Launch a run", icon=":material/play_circle:")
    elif isinstance(found, Blended):
        simulated = any(one.as_is.service.simulated for one in found.providers)
        price_panels.included(question.laid, load_traffic.layers_in_force(at))
        our_traffic(at, question.traffic, simulated=simulated)
        providers(found)
        with st.container(horizontal=True):
            query = {"view": "Cost"}
            st.page_link("compare.py", label="Cost against volume", icon=":material/show_chart:", query_params=query)
            st.page_link("providers.py", label="Hours and payback", icon=":material/schedule:")


def which(at: load.Version) -> Question | None:
    """Traffic, and the workflow with its settings; None before a run has ended."""
    found = subjects(load_traffic.ended(at).jobs)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        traffic = cost_panels.chosen_traffic(at)
        names = list(dict.fromkeys(each.workflow for each in found))
        if not names:
            return None
        workflow = st.segmented_control(
            "Workflow", names, default=names[0], key="wf", bind="query-params", required=True, help=meaning("workflow")
        )
        settings = [each.settings for each in found if each.workflow == workflow]
        chosen = settings[0]
        if len(settings) > 1:
            chosen = st.selectbox("Settings", settings, format_func=settings_words, width=220)
    return Question(str(workflow), chosen, None, traffic, Laid())


def our_traffic(at: load.Version, key: int | str, *, simulated: bool) -> None:
    """When requests come, who says so, and how many."""
    with draw.card(st.container(), "Our traffic", "requests an hour of the day", term="traffic profile"):
        asked = load_traffic.traffic(source(), key)
        st.markdown(traffic_view.traffic_words(asked))
        stored = next((row for row in load_traffic.traffic_profiles(at) if row.id == key), None)
        said = f"source: {plain(asked.source)}"
        if stored:
            said = f"by {plain(stored.made_by)}, {stored.created_at:%-d %b %Y}"
        note = f" · {plain(stored.note)}" if stored and stored.note else ""
        n = f" · {count(stored.requests)} instants" if stored and stored.requests else ""
        st.caption(f"{said}{n}{note}")
        rows = traffic_view.hour_rows(asked, simulated=simulated)
        draw.chart(charts.hours(rows), alt=traffic_view.traffic_words(asked), key="hours")


def providers(found: Blended) -> None:
    """Each at its cheapest setting that serves as well, beside each as it is deployed."""
    simulated = any(one.as_is.service.simulated for one in found.providers)
    with draw.card(st.container(), "At equal service", "this decides", term="equal service"):
        draw.table(traffic_view.equal_rows(found), simulated=simulated)
        for said in traffic_view.reasons(found):
            st.caption(plain(said))
    with draw.card(st.container(), "As deployed now", "beside it", term="as is"):
        draw.table(traffic_view.as_is_rows(found), simulated=simulated)
    st.caption(
        "Brackets: 95 %, by leaving out each block in turn. Without five blocks there is none, and below eight nothing "
        "is claimed from one.",
        help=meaning("blended"),
    )
    if said := traffic_view.left_out(found):
        st.caption(f"Not replayed: {plain(said)}")
    with st.expander(f"The {len(found.tried)} settings that were tried", icon=":material/tune:"):
        draw.frame(traffic_view.settings_rows(found.settings), alt="Every setting that was tried", key="settings")


def more_traffic() -> None:
    """Three ways to say when requests come; what cannot be is refused with its line and reason."""
    st.subheader("Another traffic profile", anchor=False, help=meaning("traffic profile"))
    if refusal := st.session_state.pop(REFUSED, None):
        st.error(plain(refusal), icon=":material/block:")
    if added := st.session_state.pop(ADDED, None):
        st.success(f"{plain(added)} is there; choose it under Traffic.", icon=":material/check:")
    name = st.text_input("Name", key="profile-name", max_chars=80, placeholder="production in October", width=280)
    by = card_panels.who()
    volume, file, known = st.tabs(["Volume and hours", "CSV of instants", "Known volumes"])
    with volume:
        per_day = st.number_input("Requests a day", 0.1, 1e6, 1000.0, step=100.0, key="profile-per-day")
        curve = st.text_input(
            "24 weights, from midnight UTC on", key="profile-curve", placeholder="empty: evenly", max_chars=400
        )
        add_button("Add volume", partial(daily, name=name, by=by, per_day=float(per_day), curve=curve), name, by)
    with file:
        upload = st.file_uploader(
            "One instant a line, ISO 8601 in UTC, ascending", type=["csv", "txt"], key="profile-file",
            help=f"Such as 2026-11-02T08:00:00Z. At most {MOST_ROWS:,} lines; the file is kept as it came.",
        )  # fmt: skip
        content = upload.getvalue() if upload is not None else None
        add_button("Add record", partial(trace, name=name, by=by, content=content), name, by)
    with known:
        choice = st.selectbox("The product's own documents project", list(KNOWN), key="profile-known")
        st.caption(plain(KNOWN[choice].source))
        what = partial(add_known, known=choice, made_by=by, now=source().now(), name=name.strip())
        add_button("Add known volume", what, name or choice, by)


def daily(session: Session, *, name: str, by: str, per_day: float, curve: str) -> Any:
    """Insert a volume with its hours. Raises ProfileRefused, LoadError."""
    weights = traffic_view.typed_curve(curve)
    return add_daily(session, name=name, per_day=per_day, made_by=by, now=source().now(), curve=weights)


def trace(session: Session, *, name: str, by: str, content: bytes | None) -> Any:
    """Insert a record. Raises ProfileRefused, with the line at fault."""
    if content is None:
        raise ProfileRefused("No file was chosen. Choose a CSV with one instant a line.")
    return add_trace(session, source().blobs, content, name=name, made_by=by, now=source().now())


def add_button(text: str, what: Callable[[Session], Any], name: str, by: str) -> None:
    """Disabled until it is said what it is called and who says so."""
    ready = bool(name.strip() and by.strip())
    key, help_text = f"add-{text}", "Needs a name for the profile, and yours above."
    st.button(
        text, key=key, icon=":material/add:", disabled=not ready, help=help_text, on_click=carry_out, args=(what,)
    )


def carry_out(what: Callable[[Session], Any]) -> None:
    """Insert the profile, or keep the refusal: a callback cannot draw."""
    try:
        st.session_state[ADDED] = actions.change(source(), lambda session: what(session).name)
    except (ProfileRefused, LoadError, StorageError) as error:
        st.session_state[REFUSED] = str(error)
