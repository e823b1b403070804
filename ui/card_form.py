"""The form of another version of the decision card. What contradicts is said here, and nothing is saved."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

import workflows
from analysis.verdict.card import Card, CardError, changes, flat
from storage import cards
from storage.answers import CANDIDATES
from storage.card_values import CardRefused
from ui import card_fields, card_panels, card_view, load, load_card, load_traffic
from ui.card_fields import Field
from ui.formats import money_text, plain
from ui.glossary import meaning
from ui.load_card import Shown
from ui.names import in_order, label
from ui.source import source
from words import EffortKind


def form(at: load.Version, shown: Shown) -> None:
    """Write the first version, or edit the newest."""
    number = shown.newest.number if shown.newest else 0
    try:
        base = shown.card or load_card.preview(at, None, {})
    except (CardRefused, CardError) as error:
        st.info(plain(error), icon=":material/edit_note:")
        return
    with st.expander(f"Edit: makes v{number + 1}" if number else "Write the card", icon=":material/edit:"):
        if number:
            st.caption(money_text(card_view.void_words(shown.voids)))
        left, right = st.columns(2)
        typed = _limits(left, base, number) | _assumptions(right, at, base, number)
        _save(at, shown, base, typed)


def _limits(into: DeltaGenerator, card: Card, number: int) -> dict[str, Any]:
    into.markdown("**Limits**")
    grid = into.grid(2, min_column_width=170, gap="small")
    typed = _numbers(grid, (*card_fields.LIMITS, *card_fields.MINIMA), card, number)
    for name, text in card_fields.LOOKS.items():
        written = ", ".join(map(str, getattr(card, name)))
        looks = into.text_input(text, written, key=f"v{number}-{name}", max_chars=80, help=meaning("look"))
        typed |= {} if looks == written else {name: looks}
    for name, text in card_fields.ASKED.items():
        typed[name] = into.toggle(text, getattr(card, name), key=f"v{number}-{name}", help=meaning("licence"))
    return typed


def _assumptions(into: DeltaGenerator, at: load.Version, card: Card, number: int) -> dict[str, Any]:
    into.markdown("**Assumptions**")
    kept = [row.name for row in load_traffic.traffic_profiles(at)]
    typed: dict[str, Any] = {
        "traffic": into.selectbox(
            "Traffic", kept, index=kept.index(card.traffic) if card.traffic in kept else 0, key=f"v{number}-traffic",
            help=meaning("traffic profile"),
        ),
        "candidates": into.multiselect(
            "Candidates", in_order({*CANDIDATES, *card.candidates}), list(card.candidates), format_func=label,
            key=f"v{number}-candidates",
        ),
        "workflows": into.multiselect(
            "Workflows", workflows.names(), list(card.workflows), key=f"v{number}-workflows", help=meaning("pin")
        ),
    }  # fmt: skip
    grid = into.grid(2, min_column_width=170, gap="small")
    typed |= _weights(grid, card, typed["workflows"], number)
    typed |= _numbers(grid, card_fields.PEOPLE, card, number)
    for kind in EffortKind:
        typed[f"ops.{kind.value}"] = grid.number_input(
            f"{kind.value.capitalize()}, times a month", value=card.ops.get(kind.value, 0.0), step=1.0, format="%g",
            key=f"v{number}-ops.{kind.value}", help=meaning("effort"),
        )  # fmt: skip
    for name in [each for each in typed["workflows"] if each in card.pins]:
        pinned = card.pins[name].gpu
        gpu = grid.text_input(f"GPU of {name}", pinned, key=f"v{number}-gpu-{name}", max_chars=40, help=meaning("pin"))
        typed |= {} if gpu == pinned else {f"pins.{name}.gpu": gpu}
    return typed


def _weights(grid: DeltaGenerator, card: Card, chosen: Sequence[str], number: int) -> dict[str, Any]:
    typed = {
        name: grid.number_input(
            f"{name}, % of the images", value=card_fields.weight_shown(card, chosen, name), step=5.0, format="%g",
            key=f"v{number}-weight-{name}-of-{len(chosen)}",
        )
        for name in chosen
    }  # fmt: skip
    return card_fields.weights_typed(card, chosen, typed)


def _numbers(grid: DeltaGenerator, fields: Sequence[Field], card: Card, number: int) -> dict[str, Any]:
    """Only what was changed: a value that came by another way may have more digits than the form shows."""
    found: dict[str, Any] = {}
    for field in fields:
        shown = field.shown(card)
        step, form = (1, "%d") if isinstance(shown, int) else (field.step, "%g")
        text = f"{field.label}, {field.unit}" if field.unit else field.label
        typed = grid.number_input(
            text, value=shown, step=step, format=form, key=f"v{number}-{field.key}", help=meaning(field.term)
        )
        found |= {} if typed == shown else {field.key: field.held(typed)}
    return found


def _save(at: load.Version, shown: Shown, base: Card, typed: Mapping[str, Any]) -> None:
    """What would change, or what contradicts; a button only where a version can be made of it."""
    values = card_fields.differing(base, typed)
    repin = shown.newest is not None and st.toggle(
        "Pin hash, settings and GPU as they are now", key=f"v{shown.newest.number}-repin", help=meaning("pin")
    )
    note = st.text_input("Note", key=f"v{shown.newest.number if shown.newest else 0}-note", max_chars=200)
    now, by = source().now(), card_panels.who()
    lines: list[str] = []
    try:
        lines = changes(base, load_card.preview(at, base, values, repin=repin))
    except (CardRefused, CardError) as error:
        st.error(money_text(plain(error)), icon=":material/block:")
        ready = False
    else:
        ready = bool(lines) or shown.card is None
        same = "Nothing would change." if shown.newest else "The defaults, as they stand above."
        st.caption(money_text("; ".join(plain(line) for line in lines) or same))
    if shown.newest is None:
        text, what = "Write the card", partial(cards.draft, values=_whole(base, values), made_by=by, now=now, note=note)
    else:
        number = shown.newest.number
        text = f"Save as v{number + 1}"
        what = partial(cards.edit, values=values, made_by=by, now=now, base=number, note=note, repin=repin)
    st.button(
        text, key="card-save", icon=":material/save:", disabled=not (ready and by), on_click=card_panels.carry_out,
        args=(what,), help="Needs your name, and a card that does not contradict itself.",
    )  # fmt: skip


def _whole(base: Card, values: Mapping[str, Any]) -> dict[str, Any]:
    """A first version is made of the defaults as they are then: the names that the person saw come with it."""
    seen = flat(base)
    return {name: seen[name] for name in ("workflows", "candidates", "traffic")} | dict(values)
