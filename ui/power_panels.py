"""A plan's power, drawn: per gate the blocks planned of needed, and the whole rule's once somebody asks for it."""

from collections.abc import Sequence

import streamlit as st

from analysis.verdict.card import Card
from analysis.verdict.outlook import Outlook, planned_blocks
from analysis.verdict.planner import MOST_BLOCKS, Power
from ui import charts, draw, load_plan, power_view
from ui.formats import money_text, plain
from ui.glossary import meaning
from ui.load import Version
from ui.load_plan import Asked, Rests
from ui.names import in_order
from ui.source import source

ASKED, OPEN = "power-asked", "power-open"
SECONDS_EACH = 6  # of 500 campaigns: 5 s of one slow core, and a busy machine takes longer


def chosen(at: Version, asked: Asked, *, simulated: bool) -> int:
    """What so many blocks of these jobs would decide; how many is a field of its own. Gives how many."""
    known = load_plan.rests(at, asked, source())
    start = planned_blocks(known.card, [each.like for each in known.candidates])
    blocks = int(
        st.number_input(
            "Blocks", 2, MOST_BLOCKS, start, step=4, key="blocks", bind="query-params", help=meaning("block")
        )
    )
    says(known, blocks, simulated=simulated)
    return blocks


def of_card(at: Version, card: Card, *, simulated: bool) -> None:
    """What the card's own looks would show of each workflow, once somebody asks: it replays our traffic."""
    st.subheader("What would its plan show?", anchor=False, help=meaning("decides"))
    if not st.session_state.get(OPEN):
        st.button("Planned of needed blocks", icon=":material/query_stats:", key="open-power", on_click=opened)
        return
    for workflow, pin in card.pins.items():
        warm, cold = load_plan.block_jobs(at, workflow)
        note = f"blocks of {warm} warm and {cold} cold jobs on {plain(pin.gpu)}"
        with draw.card(st.container(), plain(workflow), note):
            asked = Asked(workflow, pin.settings, pin.gpu, tuple(in_order(card.candidates)), warm, cold)
            known = load_plan.rests(at, asked, source())
            says(known, planned_blocks(known.card, [each.like for each in known.candidates]), simulated=simulated)


def opened() -> None:
    """A callback draws nothing."""
    st.session_state[OPEN] = True


def says(known: Rests, blocks: int, *, simulated: bool) -> None:
    """Planned of needed, what to raise, the power if it was asked for, and what all that rests on."""
    found = load_plan.outlooks(known, blocks)
    st.markdown(f"**{power_view.plan_title(found)}**", help=meaning("needed blocks"))
    rows = power_view.gate_rows(found, simulated=simulated)
    if rows.height:
        draw.chart(charts.power(rows), alt=power_view.plan_title(found), key=f"needed-{known.workflow}")
    raising = st.container()
    powers = the_power(known, found)
    if sentence := power_view.to_raise(found, powers):
        raising.markdown(f":material/arrow_upward: {sentence}")
    target = known.card.margins.target_saving
    st.caption(money_text(power_view.supposed(found, saving=target, version=known.version)))
    for sentence in power_view.basis_words(found):
        st.caption(money_text(plain(sentence)))


def the_power(known: Rests, found: Sequence[Outlook]) -> list[Power | None]:
    """Of each candidate, drawn once somebody has asked for that of this very plan; None until then."""
    nothing: list[Power | None] = [None] * len(found)
    if not all(each.drawable for each in found):
        return nothing
    this, seconds = repr((known, found)), SECONDS_EACH * len(found)
    if st.session_state.get(f"{ASKED}-{known.workflow}") != this:
        st.button(
            f"Power of the whole rule, about {seconds} s",
            icon=":material/casino:",
            help=meaning("power"),
            key=f"draw-{known.workflow}",
            on_click=ask,
            args=(known.workflow, this),
        )
        return nothing
    with st.spinner("Drawing campaigns and judging each by the whole rule"):
        powers: list[Power | None] = [load_plan.drawn(known, each) for each in found]
    for of, power in zip(found, powers, strict=True):
        if power is not None:
            st.markdown(power_view.power_words(of, power), help=meaning("power"))
    return powers


def ask(workflow: str, this: str) -> None:
    """Remember it: a callback draws nothing."""
    st.session_state[f"{ASKED}-{workflow}"] = this
