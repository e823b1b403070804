"""Launch: what would a run prove and cost? One fragment: the panel answers each change, and the address holds all."""

from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Final

import polars as pl
import streamlit as st

import workflows
from analysis.arrivals import LoadError, load_typed
from analysis.ceilings import TOLERANCE
from storage.db import StorageError
from storage.models import Request
from storage.plans import PlanError, RunPlan
from ui import actions, charts, draw, load, plan_view, power_panels
from ui.asking import ask_button, ask_reply
from ui.formats import ago, duration, money_text, plain, three_figures, usd
from ui.glossary import meaning
from ui.load_plan import Asked
from ui.names import in_order, label
from ui.source import source
from words import Provider, RequestKind

BASE = Provider.MODAL.value
IDLE_TIMEOUT_S = 10
NO_SETTINGS = "{}"  # the form asks for the workflow's own
URL: Final = "query-params"
OK, BAD, WARN = ":green[:material/check:]", ":red[:material/close:]", ":yellow[:material/warning:]"


def which_workflow() -> workflows.Workflow:
    """The one that the run executes."""
    st.subheader("What", anchor=False)
    workflow = st.segmented_control(
        "Workflow",
        workflows.names(),
        default="flux-dev",
        key="wf",
        bind=URL,
        required=True,
        help=meaning("workflow"),
    )
    return workflows.load(str(workflow))


def what(known: workflows.Workflow, candidates: list[str], gpus: list[str]) -> tuple[str, list[str]]:
    """GPU and candidates; Modal always runs beside them."""
    default = known.default_gpu if known.default_gpu in gpus else gpus[0]
    gpu = st.selectbox("GPU", gpus, index=gpus.index(default), key=f"gpu-{known.name}", width=170, help=meaning("gpu"))
    chosen = st.pills(
        "Candidates, against Modal",
        candidates,
        default=candidates,
        format_func=label,
        selection_mode="multi",
        key="on",
        bind=URL,
    )
    return gpu, [BASE, *chosen]


def how_much() -> tuple[int, int, str]:
    """Warm and cold jobs of each provider, and the load that stands for them, if one was typed."""
    st.subheader("How much", anchor=False)
    sample = st.segmented_control(
        "Sample",
        [*plan_view.SAMPLES, plan_view.CUSTOM, plan_view.UNDER_LOAD],
        default="First look",
        key="sample",
        bind=URL,
        required=True,
        wrap=True,
        help="Smoke: does it run. First look: p50, p95 and success with intervals. One block: what a schedule repeats. "
        "Custom: your own numbers. Under load: how jobs arrive, in flight or by the hour.",
    )
    if sample == plan_view.UNDER_LOAD:
        return under_load()
    left, right = st.columns(2)
    warm, cold = plan_view.SAMPLES.get(str(sample), (24, 4))
    if sample == plan_view.CUSTOM:
        warm = left.number_input("Warm jobs each", 0, 5000, warm, key="warm", bind=URL, help=meaning("warm jobs"))
        cold = right.number_input("Cold jobs each", 1, 500, cold, key="cold", bind=URL, help=meaning("cold jobs"))
    else:
        left.metric("Warm jobs each", warm, help=meaning("warm jobs"))
        right.metric("Cold jobs each", cold, help=meaning("cold jobs"))
    return int(warm), int(cold), ""


def under_load() -> tuple[int, int, str]:
    """A load profile: the first of its jobs is cold, the others are counted as warm. What is wrong with it is said."""
    left, right = st.columns([2, 3])
    profile = left.selectbox("Jobs arrive", list(plan_view.LOADS), key="load", bind=URL, help=meaning("load profile"))
    start = plan_view.LOADS[profile]
    typed = right.text_input("Parameters", start, key=f"load-{profile}", max_chars=200, help=meaning("load profile"))
    try:
        jobs = load_typed(f"{profile} {typed}").n
    except LoadError as error:
        st.error(plain(str(error)))
        st.stop()
    return jobs - 1, 1, f"{profile} {typed}"


@dataclass(frozen=True)
class Caps:
    """The run's ceilings as the form gives them."""

    usd: float
    gpu_s: int | None


def ceilings(found: plan_view.Estimate) -> Caps:
    """One and a half times the likely cost, until someone names another; GPU-seconds only where someone does."""
    start = plan_view.default_cap(found)
    left, right = st.columns(2)
    cap = left.number_input("Spend cap, $", 0.5, 500.0, start, step=0.5, key="cap", bind=URL, help=meaning("cap"))
    gpu_s = right.number_input(
        "GPU-seconds cap", 1, 10_000_000, None, step=60, key="caps", bind=URL, placeholder="none", help=meaning("cap")
    )
    return Caps(float(cap), None if gpu_s is None else int(gpu_s))


def panel(plan: plan_view.Plan, found: plan_view.Estimate, cap: float, *, simulated: bool) -> None:
    """What the run would answer, and what it would cost."""
    with st.container(border=True):
        asked = plan_view.questions(plan, simulated=simulated)
        st.markdown(f"**{plan_view.questions_title(asked, len(plan.backends))}**")
        st.caption("Planned of needed jobs. The grey side is too few: the number would be withheld.")
        draw.chart(charts.power(asked), alt="Planned of needed jobs per question")
        if found.likely_usd is None or found.worst_usd is None:
            names = ", ".join(label(name) for name in found.unpriced)
            st.warning(f"No price of {names} for {plain(plan.gpu)} yet: the cost is not known. Recheck on Providers.")
            return
        likely, worst = three_figures(found.likely_usd), three_figures(found.worst_usd)
        st.markdown(
            money_text(f"**Likely {likely}, at worst {worst}, never more than {usd(cap + found.beyond_usd)}**"),
            help=meaning("likely cost"),
        )
        st.caption(
            money_text(
                f"The cap is {usd(cap)}. Jobs in flight come home when it is met: {TOLERANCE} may add up to "
                f"{usd(found.beyond_usd)}."
            )
        )
        if found.worst_usd > cap:
            st.markdown(
                f":red-badge[:material/front_hand: the cap would stop it at {cap / found.worst_usd * 100:.0f} %]"
            )
        parts = plan_view.cost_parts(found, simulated=simulated)
        alt = f"Likely {likely}, at worst {worst}, cap {usd(cap)}"
        draw.chart(charts.costbar(parts, worst_usd=found.worst_usd, cap_usd=cap), alt=alt)
        st.caption(money_text(" · ".join(parts["label"])))
        st.markdown(f"**About {duration(found.duration)}** :gray[of the providers' time; arms run side by side]")
        st.caption(plan_view.basis(found))


def deciding(plan: plan_view.Plan, at: load.Version, *, simulated: bool) -> int | None:
    """What blocks like this run would decide; gives how many, None where no verdict could rest on them."""
    with draw.card(st.container(), "What would it decide?", "as blocks of a schedule", term="decides"):
        if plan.load:
            st.caption("How jobs arrive under load is a question of capacity: no verdict rests on it.")
        elif not (candidates := tuple(name for name in plan.backends if name != BASE)):
            st.caption("A verdict is about a candidate: choose one.")
        else:
            jobs = Asked(plan.workflow, NO_SETTINGS, plan.gpu, candidates, plan.warm, plan.cold)
            return power_panels.chosen(at, jobs, simulated=simulated)
    return None


def preflight(plan: plan_view.Plan, known: workflows.Workflow, at: load.Version, *, simulated: bool) -> None:
    """What a launch would find, as last asked."""
    st.subheader("Preflight", anchor=False)
    backends, offers, now = {row.name: row for row in load.backends(at)}, load.offers(at), source().now()
    rows: dict[str, dict[str, str]] = {name: {"Check": name} for name in ("Ready", "GPU on offer", "Cheapest", "Seen")}
    for name in plan.backends:
        row, mine = backends.get(name), [one for one in offers if one.backend == name and one.gpu == plan.gpu]
        ready = row is not None and row.state == "ready"
        rows["Ready"][label(name)] = f"{OK} ready" if ready else f"{BAD} {plain(row.state if row else 'never checked')}"
        rows["GPU on offer"][label(name)] = f"{OK} {len(mine)}" if mine else f"{WARN} none seen"
        rows["Cheapest"][label(name)] = f"${float(mine[0].usd_per_s) * 3600:.3f} an hour" if mine else "–"
        rows["Seen"][label(name)] = ago(now - mine[0].seen_at) if mine else "–"
    draw.table(list(rows.values()), simulated=simulated)
    terms = "commercial use allowed" if known.commercial_use else "no commercial use without a licence"
    st.caption(
        f"{known.size_gb:.0f} GB of model files, {known.vram_gb} GB of VRAM. Licence: {plain(known.licence)}; {terms}."
    )


def run_plan(plan: plan_view.Plan, caps: Caps, note: str) -> RunPlan:
    """The plan as the collector takes it. Raises PlanError."""
    return RunPlan(
        workflow=plan.workflow,
        gpu=plan.gpu,
        backends=list(plan.backends),
        **plan.asked,
        cap_usd=Decimal(f"{caps.usd:.2f}"),
        cap_gpu_s=caps.gpu_s,
        idle_timeout_s=plan.idle_timeout_s,
        note=note,
        asked_by=actions.ASKED_BY,
    )


@st.dialog("Launch this run?")
def confirm(plan: plan_view.Plan, found: plan_view.Estimate, caps: Caps, note: str, simulated: bool) -> None:
    """The last word before anything is rented."""
    names = ", ".join(label(name) for name in plan.backends)
    most = usd(caps.usd + found.beyond_usd)
    costs = f"Likely {three_figures(found.likely_usd)}, at worst {three_figures(found.worst_usd)}, cap {usd(caps.usd)}"
    kind = "Starts simulated resources" if simulated else "Starts **paid** resources"
    st.markdown(
        money_text(
            f"{kind} on {names}. {costs}; with the jobs in flight at the cap never more than {most}. All is torn down "
            "at the end, at the cap, and on Stop. Production Modal is not touched."
        )
    )
    agreed = True
    if simulated:
        st.markdown(f":violet[**{draw.SIMULATED}**] No real dollar.")
    else:
        agreed = st.checkbox(money_text(f"Up to {most} may go to this run"))
    with st.container(horizontal=True):
        text = money_text(f"Launch, cap {usd(caps.usd)}")
        st.button(text, type="primary", key="go", disabled=not agreed, on_click=launch_now, args=(plan, caps, note))
        if st.button("Back"):
            st.rerun()
    after_launch()


def launch_now(plan: plan_view.Plan, caps: Caps, note: str) -> None:
    """Insert the run; what comes of it waits in the session for `after_launch`, since a callback cannot draw."""
    try:
        st.session_state["launched"] = actions.launch(source(), run_plan(plan, caps, note))
    except (PlanError, StorageError) as error:
        st.session_state["refused"] = str(error)


def after_launch() -> None:
    """Go to the run that was just inserted, or say why it was not."""
    run_id, refusal = st.session_state.pop("launched", None), st.session_state.pop("refused", None)
    if refusal:
        st.error(plain(refusal))
    if run_id:
        st.switch_page("run.py", query_params={"id": str(run_id)})


def dry_run_reply(request: Request, *, simulated: bool) -> None:
    """What each provider would be asked for, and what it asks for that now."""
    rows = []
    for name, arm in request.reply.get("arms", {}).items():
        if "error" in arm:
            rows.append({"provider": label(name), "would start": "nothing", "said": str(arm["error"])})
            continue
        price = f"${float(arm['usd_per_s']) * 3600:.3f} an hour" if arm["usd_per_s"] else "no price"
        starts = f"{arm['deployments']} deployments, {arm['jobs']} jobs"
        rows.append({"provider": label(name), "would start": starts, "said": f"{arm['offers']} on offer, {price}"})
    draw.frame(pl.DataFrame(rows).with_columns(simulated=pl.lit(simulated)), alt="What a dry run found", key="dry")
    if ceiling := plan_view.ceiling_rows(request.reply.get("ceilings", {})):
        draw.table(ceiling, simulated=simulated)
        st.caption(f"Asked before each paid call; a run may end above them by {TOLERANCE}.")


def form() -> None:
    """All of it; one fragment."""
    at = load.version(source())
    data, offers, backends = load.measured(at), load.offers(at), load.backends(at)
    simulated = any(row.simulated for row in backends)
    names = [row.name for row in backends if "-" not in row.name and row.name != BASE]
    if not backends or not offers:
        st.warning(
            "No provider was asked yet: no GPU and no price is known. Start the collector with `bakeoff collect`."
        )
        return
    left, right = st.columns([10, 11], gap="large")
    with left:
        known = which_workflow()
        gpus = plan_view.fitting([offer.gpu for offer in offers], known.vram_gb)
        if not gpus:
            st.warning(f"No GPU with {known.vram_gb} GB was seen on offer.")
            return
        gpu, arms = what(known, in_order(names), gpus)
        warm, cold, arriving = how_much()
        plan = plan_view.Plan(
            workflow=known.name,
            gpu=gpu,
            backends=arms,
            warm=warm,
            cold=cold,
            idle_timeout_s=IDLE_TIMEOUT_S,
            load=arriving,
        )
        found = plan_view.estimate(plan, data.timed, data.deployments, offers, backends)
        caps = ceilings(found)
        with st.expander("More"):
            note = st.text_input("Note", placeholder="why this run", key="note", bind=URL, max_chars=200)
    with right:
        panel(plan, found, caps.usd, simulated=simulated)
        blocks = deciding(plan, at, simulated=simulated)
    preflight(plan, known, at, simulated=simulated)
    buttons(plan, found, caps, note, blocks, simulated=simulated)


def buttons(
    plan: plan_view.Plan, found: plan_view.Estimate, caps: Caps, note: str, blocks: int | None, *, simulated: bool
) -> None:
    """Launch, dry run, and the same as a command. blocks: of a schedule of such runs, where one could decide."""
    priced, alone = found.likely_usd is not None, len(plan.backends) < 2
    if alone:
        st.caption("Choose at least one candidate to run beside Modal.")
    arguments = {
        "workflow": plan.workflow,
        "gpu": plan.gpu,
        "backends": list(plan.backends),
        **plan.asked,
        "cap_usd": f"{caps.usd:.2f}",
        "cap_gpu_s": caps.gpu_s,
    }
    with st.container(horizontal=True, vertical_alignment="center"):
        text = money_text(f"Launch, cap {usd(caps.usd)}")
        if st.button(text, type="primary", icon=":material/rocket_launch:", disabled=not priced or alone):
            confirm(plan, found, caps, note, simulated)
        ask_button(
            "Dry run, free",
            RequestKind.DRY_RUN,
            arguments,
            icon=":material/science:",
            help_text=meaning("dry run"),
        )
        with st.popover("Copy as command", icon=":material/terminal:"):
            st.code(plan_view.command(plan, caps.usd, caps.gpu_s), language="shell", wrap_lines=True)
            if blocks is not None:
                st.caption(f"{blocks} blocks of it over days, and what they would decide:")
                commands = plan_view.schedule_commands(plan, caps.usd, blocks)
                st.code("\n".join(commands), language="shell", wrap_lines=True)
    ask_reply(RequestKind.DRY_RUN, partial(dry_run_reply, simulated=simulated))


draw.title(
    "Launch a run", "Nothing is spent until you confirm. Modal runs beside every candidate, so both see the same hours."
)
after_launch()
st.fragment(form)()
