"""The Cost view of Compare, drawn: waterfalls, two bases apart, cost and cold share against volume, eviction."""

import streamlit as st

from analysis.arrivals import LoadError
from analysis.bases import FULLY_LOADED, MARGINAL
from analysis.traffic.measured import Unmeasured
from analysis.traffic.profile import KNOWN
from storage.profiles import ProfileRefused
from ui import charts, cost_view, draw, eviction_view, load, load_traffic, traffic_view
from ui.formats import count, money_text, plain
from ui.glossary import meaning
from ui.load_traffic import Question
from ui.names import label
from ui.source import source

VOLUMES = (10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000)


def waterfalls(found: load.Comparison) -> None:
    """Where each bill went, a panel per provider on one axis."""
    falls = cost_view.falls(found.waterfall, found.deployments)
    grid = st.grid(3, min_column_width=300, gap="small")
    for name, fall in falls.items():
        rows = cost_view.waterfall_rows(name, fall)
        total = rows["label"][-1]
        with draw.card(grid, label(name), f"{total} per 1,000 good images, n {count(fall['good_images'])}"):
            st.caption(cost_view.fall_caption(fall), help=meaning("unexplained"))
            alt = f"{label(name)}: " + ", ".join(f"{row['part']} {row['label']}" for row in rows.iter_rows(named=True))
            draw.chart(charts.waterfall(rows, upper=cost_view.upper(falls)), alt=alt)


def two_bases(found: load.Comparison) -> None:
    """Marginal beside fully loaded, each with its limits; no number of one enters a sum of the other."""
    simulated = bool(found.jobs["simulated"].any())
    grid = st.grid(min_column_width=560, gap="small")
    for basis, heading, note in (
        (MARGINAL, "Marginal", "what one more image costs while a worker is up"),
        (FULLY_LOADED, "Fully loaded", "every dollar of the benchmark's deployments"),
    ):
        with draw.card(grid, heading, note, term=basis.replace("_", " ")):
            draw.table(cost_view.basis_rows(found.bases, basis), simulated=simulated)
    st.caption(
        "Two bases, never in one sum. Brackets: 95 % over blocks, a run of no schedule being one of its own. What our "
        "traffic would cost is neither: it is replayed below.",
        help=meaning("blended"),
    )


def volume(at: load.Version, question: Question) -> None:
    """Cost and cold share against requests a day; the slider moves our volume."""
    st.subheader("At our traffic", anchor=False, help=meaning("blended"))
    try:
        found = load_traffic.blend(at, question, source())
        known = load_traffic.curves(at, question, source())
    except (LoadError, ProfileRefused) as error:
        st.error(plain(str(error)))
        return
    if isinstance(found, Unmeasured) or isinstance(known, Unmeasured):
        st.caption(plain(traffic_view.blend_title(found)) + ".")
        return
    simulated = any(one.as_is.service.simulated for one in found.providers)
    ours = max(1, round(found.terms.traffic.per_day))
    per_day = slider(ours)
    here = known.drawn.at(per_day)
    st.markdown(money_text(f"**{traffic_view.volume_title(here, per_day)}**"))
    st.caption(money_text(" ".join(traffic_view.changes(known.break_evens))))
    grid = st.grid(2, min_column_width=330, gap="small")
    with draw.card(grid, "Cost against volume", "dashed: not shown to serve as well, or not measured", term="blended"):
        dashed = [
            *traffic_view.unproven(found),
            *(one.name for one in known.drawn.options if traffic_view.key_of(one.name) == "muted"),
        ]
        rows = traffic_view.volume_rows(known.drawn.curves, dashed, simulated=simulated)
        spec = charts.volume(rows, marks=traffic_view.crossing_rows(known.break_evens), ours=per_day)
        draw.chart(spec, alt=f"Cost against volume. {' '.join(traffic_view.changes(known.break_evens))}", key="volume")
        for said in traffic_view.bought_words(known.drawn.options):
            st.caption(money_text(said))
    with draw.card(grid, "Cold share against volume", "of requests that meet no ready worker", term="cold share"):
        rows = traffic_view.cold_rows(known.drawn.curves, simulated=simulated)
        draw.chart(charts.coldshare(rows, per_day=per_day), alt="Cold share against volume", key="coldshare")
    draw.table(traffic_view.at_ours_rows(here, simulated=simulated), simulated=False)
    bands = traffic_view.band_words(known.drawn.curves)
    st.caption(
        f"{bands} Where bands overlap it is not shown who is cheaper; break-evens and cold shares are points. At our "
        "own volume the Decision card has the limits of all."
    )
    st.page_link("card.py", label="Traffic, settings and intervals", icon=":material/tune:")


def slider(ours: int) -> int:
    """Requests a day, round numbers and our own."""
    options = sorted(
        {ours, *(each for each in VOLUMES if ours / load_traffic.SPAN <= each <= ours * load_traffic.SPAN)}
    )
    chosen = st.select_slider(
        "Images a day",
        options,
        value=ours,
        format_func=lambda each: f"{each:,}{' (ours)' if each == ours else ''}",
        key="perday",
        bind="query-params",
        help=meaning("blended"),
    )
    return int(chosen)


def eviction(at: load.Version, question: Question, *, simulated: bool) -> None:
    """When idle capacity goes away, from probes."""
    windows = load_traffic.windows(at, question.workflow, question.gpu or "")
    with draw.card(st.container(), "Chance of a cold start", "by how long nothing ran before", term="eviction"):
        rows = eviction_view.eviction_rows(windows, simulated=simulated)
        if rows.height:
            gaps = eviction_view.gap_rows(load_traffic.traffic(source(), question.traffic))
            draw.chart(charts.eviction(rows, gaps), alt="Chance of a cold start by idle gap", key="eviction")
        for said in eviction_view.window_words(windows):
            st.caption(plain(said))
        if not windows:
            st.caption(
                "No eviction probe yet. Launch one under load with the profile `eviction_probe`; until then the "
                "windows are those that were set."
            )


def chosen_traffic(at: load.Version) -> int | str:
    """The profile in the address, else the newest, else the product's first known volume."""
    names = traffic_choices(at)
    keys = list(names)
    chosen = st.selectbox(
        "Traffic",
        keys,
        format_func=names.__getitem__,
        key="traffic",
        bind="query-params",
        width=280,
        help=meaning("traffic profile"),
    )
    return chosen if chosen in names else keys[0]


def traffic_choices(at: load.Version) -> dict[int | str, str]:
    """Profiles, newest first, then the product's known volumes."""
    names: dict[int | str, str] = {row.id or 0: row.name for row in load_traffic.traffic_profiles(at)}
    stored = set(names.values())
    return names | {name: f"{name} (projected)" for name in KNOWN if name not in stored}
