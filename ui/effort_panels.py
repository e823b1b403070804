"""The effort log on Providers, drawn: totals by month, entries, a form for another, and whether a move pays back."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import streamlit as st
from sqlmodel import Session

from analysis.arrivals import LoadError
from analysis.moves import LEAST_USD, OFTEN, ONE_OFF_HOURS, Assumed
from analysis.tco import HOURLY_USD
from analysis.traffic.blended import Blended
from analysis.traffic.measured import subjects
from storage.db import StorageError
from storage.effort import MOST_MINUTES, EffortRefused, log_effort
from storage.list_prices import plans
from storage.profiles import ProfileRefused
from ui import actions, cost_panels, draw, effort_view, load, load_traffic, traffic_view
from ui.formats import money_text, plain, whole_usd
from ui.glossary import meaning
from ui.load_traffic import Question
from ui.names import label
from ui.prices import Laid
from ui.source import source
from words import EffortKind, Provider

REFUSED = "effort-refused"
_MINUTES = "%.0f min"
PLANS = {plan.name: float(plan.monthly_usd) for plan in plans(Provider.MODAL)}
PLANS_SOURCE = plans(Provider.MODAL)[0].source


def effort_log(at: load.Version, backends: Sequence[str]) -> None:
    """What people's time went into, by month and provider."""
    effort = load_traffic.effort(at)
    st.subheader(effort_view.effort_title(effort), anchor=False, help=meaning("effort"))
    table = effort_view.monthly(effort)
    if table.height:
        columns: dict[str, Any] = {
            name: st.column_config.NumberColumn(name.capitalize(), format=_MINUTES) for name in effort_view.KINDS
        }
        columns["logged"] = st.column_config.NumberColumn("Logged", format=_MINUTES, help=meaning("effort"))
        columns["waits"] = st.column_config.NumberColumn("Measured waits", help="Deployments: ordered until ready.")
        columns["median wait"] = st.column_config.NumberColumn("Median wait", format="%.1f min")
        draw.frame(table, columns, alt="Minutes by month, provider and kind", key="effort-months")
    entries = effort_view.entries(effort)
    with st.expander(f"{entries.height} entries", icon=":material/list:"):
        if entries.height:
            columns = {"minutes": st.column_config.NumberColumn("Minutes", format="%.0f")}
            draw.frame(entries, columns, alt="Every entry of the effort log", key="effort-entries")
        form(backends)


def form(backends: Sequence[str]) -> None:
    """Minutes of one task."""
    if refusal := st.session_state.pop(REFUSED, None):
        st.error(plain(refusal), icon=":material/block:")
    grid = st.grid(3, min_column_width=170, gap="small")
    backend = grid.selectbox("On", list(backends), format_func=label, key="effort-on")
    kind = grid.selectbox("Kind", effort_view.KINDS, key="effort-kind")
    minutes = grid.number_input(
        "Minutes", 1.0, float(MOST_MINUTES), 15.0, step=5.0, format="%.0f", key="effort-minutes"
    )
    by = grid.text_input("Your name", key="who", max_chars=80)
    text = grid.text_input("What for", key="effort-text", max_chars=200)
    now = source().now()
    what = partial(log_effort, backend=backend, kind=kind, minutes=minutes, by=by.strip(), now=now, text=text)
    st.button(
        "Log it", icon=":material/add:", key="effort-add", disabled=not by.strip(), help="Needs your name.",
        on_click=carry_out, args=(what,),
    )  # fmt: skip


def carry_out(what: Callable[[Session], Any]) -> None:
    """Insert the entry, or keep the refusal: a callback cannot draw."""
    try:
        actions.change(source(), what)
    except (EffortRefused, StorageError) as error:
        st.session_state[REFUSED] = str(error)


def payback(at: load.Version) -> None:
    """Whether a move pays back, at equal service and our traffic, under the assumptions that the address holds."""
    st.subheader("Does a move pay back?", anchor=False, help=meaning("payback"))
    found = subjects(load_traffic.ended(at).jobs)
    if not found:
        st.caption("No run has ended yet: no saving is known.")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        traffic = cost_panels.chosen_traffic(at)
        assumed = assumptions()
    rows = []
    for workflow, settings in {each.workflow: each.settings for each in reversed(found)}.items():
        try:
            blend = load_traffic.blend(at, Question(workflow, settings, None, traffic, Laid()), source())
        except (LoadError, ProfileRefused) as error:
            st.error(plain(str(error)))
            return
        if isinstance(blend, Blended):
            rows += effort_view.payback_rows(blend, load_traffic.effort(at), assumed, workflow=workflow)
        else:
            st.caption(money_text(plain(f"{workflow}: {traffic_view.blend_title(blend)}.")))
    for row in rows:
        st.markdown(money_text(f"**{row['Move']}**: {plain(row[effort_view.OUTCOME])}."))
    if rows:
        numbers = [{name: text for name, text in row.items() if name != effort_view.OUTCOME} for row in rows]
        draw.table(numbers, simulated=bool(load_traffic.ended(at).jobs["simulated"].any()))
    st.caption(money_text(words(assumed)))


def assumptions() -> Assumed:
    """What nobody measured; all of it in the address."""
    with st.popover("Assumptions", icon=":material/tune:"):
        often = {
            kind: st.number_input(
                f"{kind.value.capitalize()}, times a month", 0.0, 1000.0, OFTEN.get(kind, 0.0), step=1.0,
                key=f"often-{kind.value}", bind="query-params",
            )
            for kind in EffortKind
        }  # fmt: skip
        once = st.number_input(
            "The move itself, hours", 0.0, 2000.0, ONE_OFF_HOURS, step=1.0, key="once", bind="query-params"
        )
        hourly = st.number_input("An hour, $", 1.0, 1000.0, HOURLY_USD, step=10.0, key="hourly", bind="query-params")
        least = st.number_input(
            "Too small to matter below, $ a month", 0.0, 1e6, LEAST_USD, step=10.0, key="least", bind="query-params"
        )
        fees = ", ".join(f"{name} {whole_usd(usd)}" for name, usd in PLANS.items())
        plan = st.selectbox(f"Modal's plan ({money_text(fees)} a month)", list(PLANS), key="plan", bind="query-params")
        rest = {
            each.value: st.number_input(
                f"Storage at rest on {each.label}, $ a month", 0.0, 1e6, 0.0, step=1.0,
                key=f"rest-{each.value}", bind="query-params",
            )
            for each in Provider
        }  # fmt: skip
    return Assumed(
        per_month=often,
        one_off_hours=once,
        hourly_usd=hourly,
        least_usd=least,
        plan_usd={Provider.MODAL.value: PLANS[plan]},
        storage_usd=rest,
    )


def words(assumed: Assumed) -> str:
    """What the table rests on."""
    often = ", ".join(f"{kind.value} {times:g}" for kind, times in assumed.per_month.items() if times)
    return (
        f"Assumed: the move takes {assumed.one_off_hours:g} h; a month {often or 'no task'}; an hour is "
        f"${assumed.hourly_usd:g}; below ${assumed.least_usd:g} a month a saving is too small to matter. Minutes are "
        f"those logged on each provider. The saving is the one at equal service. {beside_words(assumed)} All of this "
        "is assumed: change it under Assumptions."
    )


def beside_words(assumed: Assumed) -> str:
    """Plan fees and storage at rest, which no bill of a run tells."""
    fee = assumed.plan_usd.get(Provider.MODAL.value, 0.0)
    named = next(name for name, usd in PLANS.items() if usd == fee)
    saved = " and counts as saved, which holds if nothing stays on Modal" if fee else ""
    rest = ", ".join(f"{each.label} {whole_usd(assumed.storage_usd.get(each.value, 0.0))}" for each in Provider)
    return (
        f"Modal's plan {named.capitalize()} is {whole_usd(fee)} a month{saved} ({PLANS_SOURCE}); none is counted for "
        f"Runpod and Vast.ai. Storage at rest a month: {rest}."
    )
