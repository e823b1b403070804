"""Providers: is each ready, is anything left running, what does it cost?"""

import streamlit as st

from storage.models import Request
from ui import answer_panels, draw, effort_panels, load, providers_view
from ui.asking import ask_button, ask_reply
from ui.formats import clock_time, plain
from ui.names import in_order, label
from ui.source import source
from words import RequestKind

at = load.version(source())
now = source().now()
backends = {row.name: row for row in load.backends(at)}
simulated_of = {name: row.simulated for name, row in backends.items()}

draw.title(
    providers_view.providers_title(list(backends.values()), simulated=any(simulated_of.values())),
    "Keys live in the collector alone, under the providers' own names: MODAL_TOKEN_ID and MODAL_TOKEN_SECRET, "
    "RUNPOD_API_KEY, VAST_API_KEY. This page knows none.",
)


def answered(request: Request) -> None:
    """What a recheck came to."""
    when = clock_time(request.answered_at)
    st.caption(f"Checked at {when} UTC. Reload to see the newest states and prices.")


ask_button(
    "Recheck, free",
    RequestKind.RECHECK,
    {},
    icon=":material/refresh:",
    help_text="Asks each provider's read-only calls for state and prices.",
)
ask_reply(RequestKind.RECHECK, answered)
grid = st.grid(3, min_column_width=270, gap="small")
for name in in_order(backends):
    row = backends[name]
    ready = row.state == providers_view.READY
    with grid.container(border=True, height="stretch", gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center"):
            mark = f" :small[:violet[{draw.SIMULATED}]]" if row.simulated else ""
            st.markdown(f"**{plain(label(name))}**{mark}", width="stretch")
            if ready:
                st.badge("ready", icon=":material/check:", color="green")
            else:
                st.badge("not ready", icon=":material/close:", color="red")
        if not ready:
            st.markdown(plain(row.state))
        st.caption(providers_view.checked(row, now))
        if row.features:
            st.caption("can: " + ", ".join(plain(feature.replace("_", " ")) for feature in row.features))
if not backends:
    st.info("The collector writes here what it finds. Start it with `bakeoff collect`.", icon=":material/dns:")

live = providers_view.live_resources(load.measured(at).deployments, now)
st.subheader(providers_view.live_title(live).replace("$", "\\$"), anchor=False)
if live.height:
    columns = {
        "open": st.column_config.ButtonColumn("", type="tertiary", width="small", key="open_run"),
        "rate": draw.dollars("$ an hour", places=3),
        "up": "Up since",
    }
    draw.frame(live, columns, alt="Resources of ours that cost money now", key="live")
    if click := st.session_state.get("open_run"):
        st.switch_page("run.py", query_params={"id": str(live["run"][click["row"]])})
    st.caption("Stop and tear down on the run's page; resources that we did not make are never touched.")

st.subheader("Prices", anchor=False)
prices = providers_view.price_rows(load.offers(at), simulated_of, now)
if prices.height:
    columns = {"an hour": draw.dollars("$ an hour", places=3)}
    draw.frame(prices, columns, alt="Prices with source and age", key="prices")
else:
    st.caption("No price was seen yet.")

if backends:
    effort_panels.effort_log(at, in_order(backends))
    effort_panels.payback(at)
answer_panels.answers(at, simulated=any(simulated_of.values()))
