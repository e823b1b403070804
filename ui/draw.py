"""The few ways in which pages draw: a titled card, a chart with its text, a table whose simulated rows say so."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from html import escape
from typing import Any

import polars as pl
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from analysis.spreadsheet import defused
from ui import faults
from ui.charts.kit import Spec
from ui.formats import NO_BREAK, money_text
from ui.glossary import meaning

SIMULATED = "SIMULATED"


def title(text: str, caption: str = "") -> None:
    """The finding, then its scope. Both are our own words; strangers' text in them went through `plain`."""
    st.title(money_text(text), anchor=False)
    if caption:
        st.caption(money_text(caption))


@contextmanager
def card(into: DeltaGenerator, heading: str, note: str = "", *, term: str | None = None) -> Iterator[None]:
    """A bordered card in a grid: heading, a quiet note beside it, a definition behind the question mark.

    If its content fails, the card says so and the rest of the page is still drawn.
    """
    with into.container(border=True, height="stretch", gap="xsmall"):
        quiet = f" :small[:gray[{note}]]" if note else ""
        st.markdown(money_text(f"**{heading}**{quiet}"), help=meaning(term) if term else None)
        try:
            yield
        except Exception as error:
            faults.tell(error)


def figure(into: DeltaGenerator, name: str, value: str, under: str, *, term: str | None = None) -> None:
    """One of the large figures at the top of a page; `name` has at most 16 characters."""
    into.metric(
        name,
        value,
        under,
        delta_color="off",
        delta_arrow="off",
        border=True,
        height="stretch",
        help=meaning(term) if term else None,
    )


def chart(spec: Spec, *, alt: str, key: str | None = None) -> None:
    """A specification from `ui.charts`, with the text that stands for it."""
    st.vega_lite_chart(spec, width="stretch", alt=alt, key=key)


def frame(
    rows: pl.DataFrame,
    columns: Mapping[str, Any] | None = None,
    *,
    alt: str,
    key: str | None = None,
    height: int | None = None,
) -> None:
    """A table to scroll and export; its cells are never Markdown. A column `simulated` becomes a violet word."""
    marked = defused(_marked(rows))  # the table can be saved as CSV from its own menu
    config = {name: _heading(name) for name in marked.columns} | dict(columns or {})
    if "source" in marked.columns:
        config["source"] = _source_column()
    st.dataframe(
        marked,
        hide_index=True,
        width="stretch",
        height=height or "auto",
        column_config=config,
        key=key,
        alt=alt,
        placeholder=UNKNOWN_CELL,
    )


def table(rows: Sequence[Mapping[str, str]], *, simulated: bool) -> None:
    """A small table of our own Markdown; one more column says SIMULATED where the rows are."""
    mark = {"Source": f":violet[{SIMULATED}]"} if simulated else {}
    data = pl.DataFrame([{name: _cell(text, name) for name, text in row.items()} | mark for row in rows])
    st.table(data, border="horizontal", hide_index=True)


def dollars(heading: str, *, places: int, help: str | None = None) -> Any:
    """A column of numbers in USD. As a currency, since a printf format writes the sign behind the dollar: $-0.0150."""
    return st.column_config.NumberColumn(heading, format="dollar", step=10.0**-places, help=help)


def corrections(changed: pl.DataFrame) -> None:
    """Lines of a bill that said something else before, both versions (`bill_rows.corrections`); nothing without one."""
    if changed.is_empty():
        return
    st.subheader("Corrections", anchor=False, help=meaning("correction"))
    columns = {name: dollars(name.capitalize(), places=6) for name in ("was", "now")}
    frame(changed, columns, alt="Lines that were corrected, both versions", key="corrections")


def picture(url: str | None, *, alt: str, missing: str, ratio: float = 1.0, simulated: bool) -> None:
    """An image as wide as its column, loaded when it comes into view; a grey tile where there is none.

    `ratio` is width / height. A simulated one carries the word on its corner.
    """
    box = f"width:100%;aspect-ratio:{ratio:.4f};border-radius:6px;display:block;"
    if url is None:
        grey = "background:rgba(128,136,151,.18);display:flex;align-items:center;justify-content:center;"
        st.html(f'<div style="{box}{grey}font-size:.8rem;text-align:center;padding:.4rem">{escape(missing)}</div>')
        return
    image = (
        f'<img src="{escape(url)}" alt="{escape(alt)}" loading="lazy" decoding="async" style="{box}object-fit:cover">'
    )
    mark = f'<span style="{_CORNER}">{SIMULATED}</span>' if simulated else ""
    st.html(f'<div style="position:relative">{image}{mark}</div>')


_CORNER = (
    "position:absolute;left:4px;bottom:4px;padding:0 4px;border-radius:3px;font-size:9px;line-height:14px;"
    "font-weight:600;background:rgba(15,17,20,.72);color:#C5A1F7"
)
UNKNOWN_CELL = "–"


def _cell(text: str, column: str) -> str:
    """Our own Markdown for a table cell; a row's name stays on one line, and `> deadline` is no quotation."""
    kept = text if column else text.replace(" ", NO_BREAK)
    return money_text(f"\\{kept}" if kept.startswith(">") else kept)


def _marked(rows: pl.DataFrame) -> pl.DataFrame:
    if "simulated" not in rows.columns:
        return rows
    word = pl.when("simulated").then(pl.lit([SIMULATED])).otherwise(pl.lit(["measured"]))
    first = [name for name in ("open",) if name in rows.columns]
    rest = [name for name in rows.columns if name not in (*first, "simulated")]
    return rows.select(*first, word.alias("source"), *rest)


def _heading(name: str) -> str:
    return "GPU" if name == "gpu" else name[:1].upper() + name[1:]


def _source_column() -> Any:
    return st.column_config.MultiselectColumn(
        "Source",
        options=[SIMULATED, "measured"],
        color=["violet", "gray"],
        width=104,
        help=meaning("simulated"),
    )
