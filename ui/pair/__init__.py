"""Two images in one view: slider, side by side, difference, flicker; zoom and pan stay in step."""

from pathlib import Path
from typing import NamedTuple

import streamlit as st

_HERE = Path(__file__).parent
_component = st.components.v2.component(
    "pair",
    html=(_HERE / "pair.html").read_text(encoding="utf-8"),
    css=(_HERE / "pair.css").read_text(encoding="utf-8"),
    js=(_HERE / "pair.js").read_text(encoding="utf-8"),
)


class Side(NamedTuple):
    """One image: where it is served from, and whose it is."""

    url: str
    label: str


def pair(left: Side, right: Side, *, simulated: bool, key: str) -> None:
    """Draw the viewer. The images are addresses, not bytes; the view's state lives in the browser."""
    data = {
        "left": left.url,
        "right": right.url,
        "leftLabel": left.label,
        "rightLabel": right.label,
        "mark": "SIMULATED" if simulated else "",
    }
    _component(data=data, key=key, height="content")
