"""Prices laid over measured ones, drawn: the what-if in the address, the layers in force, how to make or revoke one."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from functools import partial
from typing import Any

import polars as pl
import streamlit as st
from sqlmodel import Session

from analysis.layers import RefusedLayer
from storage.db import StorageError
from storage.layers import add_layer, revoke_layer
from storage.models import PriceLayer
from ui import actions, draw, load, load_traffic, prices
from ui.formats import money_text, plain
from ui.glossary import meaning
from ui.names import label
from ui.prices import Laid
from ui.source import source
from words import LayerKind

REFUSED = "layer-refused"
WITH, WITHOUT = "with layers", "as measured"


def pick(rates: Mapping[str, float], stored: Sequence[PriceLayer]) -> Laid:
    """What is laid over measured prices: the layers in force unless switched off, and the what-if of the address."""
    counts = True
    if stored:
        chosen = st.segmented_control(
            "Prices", (WITH, WITHOUT), default=WITH, key="prices", bind="query-params", required=True,
            help=meaning("price layer"),
        )  # fmt: skip
        counts = chosen == WITH
    asked: list[tuple[str, float]] = []
    with st.popover("What if", icon=":material/science:", help=meaning("what if")):
        st.markdown("**What if a price were another?** $ an hour of a worker, for every GPU.")
        for name, rate in rates.items():
            value = st.number_input(
                label(name), 0.001, 1000.0, None, step=0.1, format="%.3f", key=_key(name), bind="query-params",
                placeholder=f"{rate:.3f} measured",
            )  # fmt: skip
            if value is not None:
                asked.append((name, float(value)))
    return Laid(stored=counts, what_if=tuple(asked))


def told(laid: Laid, rates: Mapping[str, float], stored: Sequence[PriceLayer]) -> None:
    """A band for a what-if, with the way back; a line for the layers in force."""
    if laid.what_if:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            text = f":yellow-badge[:material/science: WHAT IF] {prices.what_if_words(laid, rates)}. "
            st.markdown(money_text(f"{text}No dollar below was measured at that price."), width="stretch")
            st.button("Back to measured prices", icon=":material/undo:", on_click=_back, args=(tuple(rates),))
    included(laid, stored)


def included(laid: Laid, stored: Sequence[PriceLayer]) -> None:
    """A line for the layers that count here."""
    asked = dict(laid.what_if)
    holding = [row for row in prices.holding(stored, source().now()) if row.backend not in asked]
    if laid.stored and holding:
        st.info(money_text(f"Prices include {prices.stored_words(holding)}."), icon=":material/layers:")


def layers(at: load.Version, rates: Mapping[str, float], laid: Laid) -> None:
    """Every layer with who made it, one click to revoke it, and a form for another."""
    rows = load_traffic.all_layers(at)
    live = [row for row in rows if row.revoked_at is None]
    with st.expander(f"Price layers, {len(live)} in force", icon=":material/layers:"):
        st.caption(money_text(meaning("price layer").replace("\\$", "$")))
        if refusal := st.session_state.pop(REFUSED, None):
            st.error(plain(refusal))
        if rows:
            draw.frame(pl.DataFrame(prices.layer_rows(rows)), alt="Every price layer", key="layers")
        _revoke(live)
        _form(rates, dict(laid.what_if))


def _revoke(live: Sequence[PriceLayer]) -> None:
    by = st.text_input("Your name", key="who", max_chars=80, placeholder="stands beside what you change")
    with st.container(horizontal=True):
        for row in live:
            what = partial(revoke_layer, number=row.id or 0, revoked_by=by.strip(), now=source().now())
            st.button(
                f"Revoke {plain(row.name)}", key=f"revoke-{row.id}", icon=":material/layers_clear:",
                on_click=carry_out, args=(what,), disabled=not by.strip(),
            )  # fmt: skip


def _form(rates: Mapping[str, float], asked: Mapping[str, float]) -> None:
    """Another layer; it starts with what the address asks for."""
    st.markdown("**Lay another over measured prices**")
    grid = st.grid(4, min_column_width=170, gap="small")
    kind = grid.selectbox("Kind", list(prices.KINDS), format_func=prices.KINDS.__getitem__, key="layer-kind", index=2)
    backend = grid.selectbox("On", list(rates), format_func=label, key="layer-on", index=_first(rates, asked))
    start = asked.get(backend) or (10.0 if kind is LayerKind.DISCOUNT else rates.get(backend, 1.0))
    value = grid.number_input(
        prices.KINDS[kind].split(", ")[1], 0.0, value=float(start), step=0.1, format="%.3f",
        key=f"layer-value-{kind}-{backend}",
    )  # fmt: skip
    days = grid.number_input("Days, 0: until revoked", 0, 3650, 0, key="layer-days")
    name = grid.text_input("Name", key="layer-name", max_chars=80, placeholder="partner programme")
    reason = grid.text_input("Reason", key="layer-reason", max_chars=200)
    by = str(st.session_state.get("who") or "").strip()
    now = source().now()
    since = datetime.combine(now.date(), time(), tzinfo=UTC) if days else prices.EVER
    to = since + timedelta(days=days) if days else None
    layer = prices.new_layer(kind, backend, float(value), name=name, gpu=None, since=since, to=to)
    what = partial(add_layer, layer=layer, made_by=by, now=now, reason=reason)
    st.button(
        "Lay it over", icon=":material/layers:", key="layer-add", on_click=carry_out, args=(what,),
        disabled=not (by and name.strip()), help="Needs a name for the layer and yours.",
    )  # fmt: skip


def carry_out(what: Callable[[Session], Any]) -> None:
    """Change the rows, or keep the refusal: a callback cannot draw."""
    try:
        actions.change(source(), what)
    except (RefusedLayer, StorageError) as error:
        st.session_state[REFUSED] = str(error)


def _back(backends: Sequence[str]) -> None:
    for name in backends:
        st.session_state[_key(name)] = None


def _key(backend: str) -> str:
    return f"usdh-{backend}"


def _first(rates: Mapping[str, float], asked: Mapping[str, float]) -> int:
    names = list(rates)
    return next((names.index(name) for name in asked if name in rates), 0)
