"""What would change a ruling, drawn: cost against volume, and how far each assumption moves the money."""

import streamlit as st

from analysis.verdict.document import shown
from ui import draw, load_verdict, turns_view
from ui.formats import count, money_text
from ui.glossary import meaning
from ui.load_verdict import Said
from ui.names import label
from ui.verdict_view import Document

_SEARCHED = "volume-searched"


def turns(found: Said) -> None:
    """The whole section, redrawn by itself: what it asks for takes seconds."""
    st.fragment(_turns)(found)


def _turns(found: Said) -> None:
    said = found.document or {}
    st.subheader("What would change it?", anchor=False, help=meaning("flip"))
    number = _chosen(said)
    row = said["candidates"][number]
    if not row["look"]:
        st.caption("No look was reached yet, so there is no ruling that could turn.")
        return
    grid = st.grid(min_column_width=430, gap="small")
    with draw.card(grid, "Cost against volume", "dashed: fails a limit, or not shown to serve as well", term="blended"):
        _volumes(found, row["workflow"])
    with draw.card(grid, "What is assumed", f"{row['workflow']} on {label(row['candidate'])}", term="tornado"):
        place = st.container()
        rows = [*load_verdict.turns(found, number), *_searched(found, number)]
        with place:
            _bars(said, row, rows)
    with st.expander("Every input that turns it, the card's limits too", icon=":material/swap_horiz:"):
        listed = turns_view.rows(rows)
        st.caption("One input at a time; the rule was run 1 % on each side." if listed else "Nothing turns it.")
        if listed:
            draw.table(listed, simulated=said["simulated"])


def _chosen(said: Document) -> int:
    """Of which move: one that goes, else one that is open, else the first; in the address."""
    names = [f"{row['workflow']} on {label(row['candidate'])}" for row in said["candidates"]]
    if len(names) == 1:
        return 0
    first = names[shown(said)]
    chosen = st.segmented_control("Move", names, default=first, key="move", bind="query-params", required=True)
    return names.index(chosen or first)


def _volumes(found: Said, workflow: str) -> None:
    """Drawn on demand, since each point is a replay; of a frozen snapshot at once."""
    said = found.document or {}
    st.caption("What an image would cost at other volumes, each provider at the setting that it is compared at.")
    asked = "Replay other volumes: a few seconds, once"
    if not said["snapshot"] and not st.toggle(asked, key="volumes", bind="query-params"):
        return
    drawn = load_verdict.volumes(found, workflow)
    if not drawn:
        st.caption("No cost of it is known.")
        return
    frame, ours = turns_view.lines(drawn, said, workflow), turns_view.ours(said, workflow)
    options = sorted(frame["x"].unique().to_list())
    near = min(options, key=lambda each: abs(each - ours))
    at = st.select_slider(
        "Images a month",
        options,
        value=near,
        format_func=lambda each: f"{count(each)}{' (ours)' if each == near else ''}",
        key=f"month-{workflow}",
        help=meaning("blended"),
    )
    title = turns_view.at_volume(drawn, at)
    st.markdown(money_text(f"**{title}**"))
    draw.chart(turns_view.volume_spec(drawn, said, workflow, at=at), alt=f"Cost against volume. {title}", key="turn-v")
    st.caption("Bands: 95 %, the replay repeated without each block. At another volume another setting may be cheaper.")


def _searched(found: Said, number: int) -> list[Document]:
    """The volume at which it turns, once somebody asked; a snapshot has no job to replay."""
    if (found.document or {})["snapshot"]:
        st.caption("The volume is no bar: a snapshot holds no job that could be replayed at another.")
        return []
    asked: set[tuple[object, ...]] = st.session_state.setdefault(_SEARCHED, set())
    this = (*found.key, number)  # new data is searched when somebody asks again
    if this not in asked:
        looks = (found.document or {})["candidates"][number]["look"]
        st.caption(
            "The volume is no bar yet: all traffic is replayed at each volume that is tried, a few minutes for each "
            f"look ({looks} so far), once."
        )
        st.button(
            "Search the volume", icon=":material/search:", key=f"search-{number}", on_click=asked.add, args=(this,)
        )
        return []
    rows: list[Document] = [*load_verdict.by_volume(found, number)]
    for row in rows:
        st.caption(money_text(row["sentence"]))
    return rows


def _bars(said: Document, row: Document, rows: list[Document]) -> None:
    bars = turns_view.bars(rows, said, candidate=row["candidate"])
    if bars.rows.is_empty():
        st.caption("No assumption moves money that is known: nobody has priced or timed it.")
        return
    told = "; ".join(f"{each['row']} turns at {each['flip']}" for each in bars.rows.to_dicts())
    draw.chart(bars.spec, alt=f"{bars.title}: {told}", key="turn-t")
    st.caption(
        f"Bar: {bars.title}, between the ends of what is plausible; tick: now. Grey: {bars.grey}. Right: the "
        "value at which the rule says something else."
    )
