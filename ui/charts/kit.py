"""What all charts share: the nine meanings, the axes, the responsive width and the SIMULATED word.

A chart names a meaning, never a colour: Streamlit fills the scale's range from `chartCategoricalColors` of the theme,
so a chart follows light and dark without a rerun. Axis and title colours read the same scale.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import altair as alt
import polars as pl

from words import Provider

KEYS = (*(provider.label for provider in Provider), "go", "nogo", "wait", "sim", "muted", "ink")
PROVIDERS = tuple(provider.label for provider in Provider)
GREY = "#808897"  # at least 3:1 on both backgrounds
ROW_PX = 26
Spec = dict[str, Any]

_SCALE = alt.Scale(domain=list(KEYS))
_SHAPES = alt.Scale(domain=list(KEYS), range=["circle", "square", "diamond", *["circle"] * 6])
_INK = alt.expr("scale('color','ink')")
_MUTED = alt.expr("scale('color','muted')")
_SIM = alt.expr("scale('color','sim')")
CONSTANTS = ("ink", "muted", "wait", "nogo")  # columns of one value each, since a datum colour takes no scale


def chart(rows: pl.DataFrame | Sequence[dict[str, Any]]) -> alt.Chart:
    """A chart on these rows, with the constant columns that `colour` may name."""
    frame = rows if isinstance(rows, pl.DataFrame) else pl.DataFrame(rows, infer_schema_length=None)
    return alt.Chart(frame.with_columns(pl.lit(name).alias(name) for name in CONSTANTS))


def colour(column: str = "key") -> alt.Color:
    """Colour by the meaning in a column; `ink`, `muted`, `wait` and `nogo` are there in every chart."""
    return alt.Color(f"{column}:N", scale=_SCALE, legend=None)


def shape() -> alt.Shape:
    """Modal a circle, Runpod a square, Vast.ai a diamond."""
    return alt.Shape("key:N", scale=_SHAPES, legend=None)


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """A quantitative axis: one scale for all layers, so that they lie on each other. `axis` overrides the kit's."""

    scale: alt.Scale
    title: str | None = None
    axis: Mapping[str, Any] = field(default_factory=dict)

    def x(self, name: str) -> alt.X:
        """The column along x."""
        return alt.X(f"{name}:Q", title=self.title, scale=self.scale, axis=_quantity_axis(self.axis))

    def bare(self, name: str) -> alt.X:
        """The column along x, without an axis: every layer must do without, or nothing is drawn."""
        return alt.X(f"{name}:Q", scale=self.scale, axis=None)

    def y(self, name: str, *, stack: Any = alt.Undefined) -> alt.Y:
        """The column along y."""
        return alt.Y(f"{name}:Q", title=self.title, scale=self.scale, axis=_quantity_axis(self.axis), stack=stack)


def rows_of(column: str, order: Sequence[str], width_px: int) -> alt.Y:
    """One row per name in the given order, labels in a column of `width_px` so that plots line up."""
    axis = alt.Axis(
        labelColor=_INK,
        domain=False,
        ticks=False,
        grid=False,
        labelFlush=False,
        labelPadding=8,
        minExtent=width_px,
        maxExtent=width_px,
    )
    return alt.Y(f"{column}:N", sort=list(order), title=None, axis=axis)


def plot_until(right_px: int) -> list[Any]:
    """A scale's range that leaves `right_px` of the width for text columns."""
    return [0, alt.expr(f"width - {right_px}")]


def at_right(offset_px: int) -> Any:
    """An x position counted from the right edge."""
    return alt.value(alt.expr(f"width - {offset_px}"))


def finish(*layers: alt.Chart | alt.LayerChart, height: int, simulated: bool, right_px: int = 6) -> Spec:
    """The layers as one specification; what is simulated says so in violet above the plot."""
    layered = alt.layer(*layers).properties(
        height=height, padding={"left": 0, "right": right_px, "top": 0 if simulated else 4, "bottom": 2}
    )
    if simulated:
        layered = layered.properties(
            title=alt.Title("SIMULATED", anchor="end", fontSize=9, fontWeight=600, color=_SIM, offset=2)
        )
    layered = (
        layered.configure_view(stroke=None)
        .configure_legend(disable=True)
        .configure_axis(labelFontSize=12.5, titleFontSize=12, titleFontWeight="normal", labelLimit=280)
    )
    spec: Spec = layered.to_dict()
    return spec


def is_simulated(rows: pl.DataFrame) -> bool:
    """Whether any row is simulated."""
    return bool(rows["simulated"].any())


def _quantity_axis(override: Mapping[str, Any]) -> alt.Axis:
    """Muted labels on a pale grid, title at the start."""
    settings: dict[str, Any] = {
        "labelColor": _MUTED,
        "titleColor": _MUTED,
        "domain": False,
        "ticks": False,
        "grid": True,
        "gridOpacity": 0.55,
        "tickCount": 5,
        "labelFlush": False,
        "titleAnchor": "start",
    }
    return alt.Axis(**{**settings, **override})
