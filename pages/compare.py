"""Compare: how do the three differ, and why? Four views of the same rows; every filter is in the address."""

from functools import partial

import polars as pl
import streamlit as st

from analysis import spreadsheet
from ui import (
    capacity_view,
    charts,
    compare_view,
    cost_panels,
    cost_view,
    draw,
    latency_view,
    load,
    load_traffic,
    price_panels,
    prices,
)
from ui.formats import listed, state_glyph
from ui.glossary import meaning
from ui.load_traffic import Question
from ui.prices import Laid
from ui.runs_view import LIVE
from ui.scope import Scope, choices, scope_words, settings_words
from ui.source import source
from words import StartKind

VIEWS = ("Summary", "Cost", "Latency", "Reliability")

at = load.version(source())
everything = load.measured(at)
view = st.segmented_control(
    "View", VIEWS, default=VIEWS[0], key="view", bind="query-params", label_visibility="collapsed", required=True
)
head = st.container()
if everything.jobs.is_empty():
    with head:
        draw.title("Nothing to compare yet", "A run on two providers fills this page.")
        st.page_link("launch.py", label="Launch a run", icon=":material/play_circle:")
    st.stop()


def pick() -> tuple[Scope, Laid, dict[str, float]]:
    """The filters: workflow, GPU, settings where there are several, runs, prices; and the measured $ an hour."""
    jobs = everything.jobs
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        names = choices(jobs, "workflow")
        workflow = st.segmented_control(
            "Workflow", names, default=names[0], key="wf", bind="query-params", required=True, help=meaning("workflow")
        )
        jobs = jobs.filter(pl.col("workflow") == workflow)
        gpus = choices(jobs, "gpu")
        gpu = st.segmented_control(
            "GPU",
            gpus,
            default=gpus[0],
            key=f"gpu-{workflow}",
            bind="query-params",
            required=True,
            help=meaning("gpu"),
        )
        jobs = jobs.filter(pl.col("gpu") == gpu)
        settings = choices(jobs, "settings")
        setting = settings[0]
        if len(settings) > 1:
            setting = st.selectbox("Settings", settings, format_func=settings_words, width=220)
        ids = sorted(jobs["run_id"].unique().to_list())
        which = (
            f"Run{'' if len(ids) == 1 else 's'} {listed([str(i) for i in ids])}" if len(ids) < 5 else f"{len(ids)} runs"
        )
        popover = st.popover(which, icon=":material/filter_list:")
        runs = popover.multiselect("Only these runs", ids, key="runs", bind="query-params")
        chosen = Scope(str(workflow), str(gpu), setting, tuple(sorted(runs)))
        rates = prices.measured_rates(everything.deployments.filter(workflow=workflow, gpu=gpu))
        laid = price_panels.pick(rates, load_traffic.layers_in_force(at))
        st.space("stretch")
        export(chosen)
    return chosen, laid, rates


def export(chosen: Scope) -> None:
    """The jobs behind the page."""
    rows = chosen.of(everything.timed)
    st.download_button(
        "Export",
        partial(spreadsheet.csv, rows),
        file_name=f"{'SIMULATED-' if rows['simulated'].any() else ''}{chosen.workflow}-{chosen.gpu}-jobs.csv",
        mime="text/csv",
        icon=":material/download:",
        help="The jobs behind this page, one a row, with a column `simulated`.",
    )


def summary(found: load.Comparison) -> None:
    """Six small charts and the same as a table."""
    grid = st.grid(3, min_column_width=300, gap="small")
    for one in compare_view.cards(found.cells, found.arms):
        with draw.card(grid, one.heading, one.note, term=one.term):
            draw.chart(charts.intervals(one.rows, axis_format=one.axis_format), alt=one.alt)
    st.caption(
        "Dot: estimate. Whisker: 95 % interval. A number is withheld below the n it needs. "
        "Costs carry no interval before there are blocks on several days."
    )
    draw.frame(compare_view.table(found.cells, found.arms), alt="The same numbers as a table")


def costs(found: load.Comparison) -> None:
    """Where each bill went, two bases apart, cost against volume, and the prices laid over."""
    cost_panels.waterfalls(found)
    cost_panels.two_bases(found)
    traffic = cost_panels.chosen_traffic(at)
    question = Question(scope.workflow, scope.settings, scope.gpu, traffic, laid)
    cost_panels.volume(at, question)
    cost_panels.eviction(at, question, simulated=bool(found.jobs["simulated"].any()))
    price_panels.layers(at, rates, laid)


def latency(found: load.Comparison) -> None:
    """Each warm job, where the time goes, and the few cold ones one by one."""
    warm, cold = (latency_view.marks(found.timed, kind) for kind in (StartKind.WARM, StartKind.COLD))
    if warm.height:
        with draw.card(st.container(), "Warm latency", "intended start to image in hand", term="latency"):
            spec = charts.strip(warm, latency_view.quantile_marks(found.cells), latency_view.order_of(warm))
            draw.chart(spec, alt="Warm latency of every job, with p50 and p95 where n allows")
    grid = st.grid(2, min_column_width=330, gap="small")
    for kind in (StartKind.WARM, StartKind.COLD):
        parts = latency_view.phase_means(found.cells, kind)
        if parts.height:
            with draw.card(grid, f"Where a {kind.value} job's time goes", term="phases"):
                rows = parts["row"].unique(maintain_order=True).to_list()
                draw.chart(charts.phases(parts, rows), alt=f"Mean phases of a {kind.value} job")
                for said in latency_view.boots_before(found.cells, kind):
                    st.caption(said)
    if cold.height:
        counts = ", ".join(f"{row['row']} {row['len']}" for row in cold.group_by("row").len().sort("row").to_dicts())
        with draw.card(st.container(), "Cold jobs, one by one", f"n {counts}", term="cold latency"):
            draw.chart(charts.dots(cold, latency_view.order_of(cold)), alt="Cold latency of every job")


def reliability(found: load.Comparison) -> None:
    """Success with its interval, and why jobs failed."""
    grid = st.grid(2, min_column_width=330, gap="small")
    shown = [one for one in compare_view.cards(found.cells, found.arms) if one.term == "success"]
    for one in shown:
        with draw.card(grid, one.heading, one.note, term=one.term):
            draw.chart(charts.intervals(one.rows, axis_format=one.axis_format), alt=one.alt)
            for line in latency_view.small_print(found.cells):
                st.caption(line)
    why = latency_view.failure_rows(found.timed)
    with draw.card(grid, "Why jobs failed", "of first attempts", term="failure class"):
        if why.height:
            draw.chart(charts.failures(why), alt="Failures by reason and provider")
        else:
            st.caption("No job failed.")
    gpus(found)
    failed = latency_view.failed_jobs(found.timed)
    if failed.height:
        st.subheader("Failed jobs", anchor=False)
        columns = {
            "open": st.column_config.ButtonColumn("", type="tertiary", width="small", key="open_job"),
            "said": st.column_config.TextColumn("As the provider said it", width=380),
        }
        draw.frame(failed, columns, alt="Failed jobs", key="failed")
        if click := st.session_state.get("open_job"):
            st.switch_page("job.py", query_params={"id": str(failed["job"][click["row"]])})


def gpus(found: load.Comparison) -> None:
    """Time to get a GPU and missing capacity, a result of their own; failures by class, each with an example."""
    st.subheader("Was there a GPU?", anchor=False, help=meaning("no capacity"))
    grid = st.grid(3, min_column_width=300, gap="small")
    for one in capacity_view.cards(found.capacity):
        with draw.card(grid, one.heading, one.note, term=one.term):
            draw.chart(charts.intervals(one.rows, axis_format=one.axis_format), alt=one.alt)
    if found.capacity.height:
        draw.frame(capacity_view.table(found.capacity), alt="Time to get a GPU and missing capacity, n and interval")
    if found.failures.height:
        st.subheader("Failures by class", anchor=False, help=meaning("failure class"))
        shown = capacity_view.failure_table(found.failures)
        columns = {
            "open": st.column_config.ButtonColumn("", type="tertiary", width="small", key="open_example"),
            "said": st.column_config.TextColumn("As the provider said it", width=380),
        }
        draw.frame(shown, columns, alt="Failures by class, with an example", key="failures")
        if click := st.session_state.get("open_example"):
            st.switch_page("job.py", query_params={"id": str(shown["job"][click["row"]])})


scope, laid, rates = pick()
found = load.comparison(at, scope.workflow, scope.gpu, scope.settings, scope.runs, laid)
titles = {
    "Summary": lambda: compare_view.summary_title(found.cells, found.arms, scope.workflow),
    "Cost": lambda: cost_view.cost_title(cost_view.falls(found.waterfall, found.deployments), found.arms, found.bases),
    "Latency": lambda: compare_view.latency_title(found.cells, found.timed),
    "Reliability": lambda: compare_view.reliability_title(found.cells),
}
live = any(line.run.status in LIVE and line.workflow == scope.workflow for line in load.runs(at))
states = sorted({state_glyph(state) for state in found.arms["state"].drop_nulls()})
with head:
    draw.title(
        titles[view]() + (", what if" if laid.what_if else "") + (", still counting" if live else ""),
        scope_words(scope, found.jobs, states) + " · no verdict: its rule needs blocks on several days",
    )
    price_panels.told(laid, rates, load_traffic.layers_in_force(at))
{"Summary": summary, "Cost": costs, "Latency": latency, "Reliability": reliability}[view](found)
