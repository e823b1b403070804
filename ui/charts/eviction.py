"""E: the chance that a job starts cold, by how long nothing ran before it; our own gaps as a rug."""

import altair as alt
import polars as pl

from ui.charts.kit import Quantity, Spec, chart, colour, finish, is_simulated

_TICKS = [1, 5, 15, 60, 300, 900, 3600, 14400]
_WORDS = (
    "datum.value < 60 ? datum.value + ' s' : datum.value < 3600 ? datum.value / 60 + ' min' : datum.value / 3600 + ' h'"
)


def eviction(rows: pl.DataFrame, gaps: pl.DataFrame) -> Spec:
    """rows: option, key, x (idle gap in s), y, low, high (chances; null: not known), simulated. gaps: x, ours."""
    first, last = float(rows["x"].min() or 1.0), float(rows["x"].max() or 10.0)  # type: ignore[arg-type]
    axis = {"values": [tick for tick in _TICKS if first <= tick <= last], "labelExpr": _WORDS, "labelOverlap": True}
    scale = alt.Scale(type="log", domain=[first, last], nice=False, clamp=True)
    along = Quantity(scale=scale, title="idle before the job", axis=axis)
    up = Quantity(scale=alt.Scale(domain=[0, 1], nice=False), title="chance of a cold start", axis={"format": "%"})
    base, detail = chart(rows), alt.Detail("option:N")
    named = rows.filter(pl.col("y") >= 0.5).sort("option", "x").group_by("option", maintain_order=True).first()
    layers = [
        base.mark_area(opacity=0.16).encode(x=along.x("x"), y=up.y("low"), y2="high:Q", color=colour(), detail=detail),
        base.transform_filter("isValid(datum.y)")
        .mark_line(strokeWidth=2.2)
        .encode(x=along.x("x"), y=up.y("y"), color=colour(), detail=detail),
        chart(gaps.with_columns(zero=pl.lit(0.0), tip=pl.lit(0.05)))
        .mark_rule(opacity=0.5, strokeWidth=1)
        .encode(x=along.x("x"), y=up.y("zero"), y2="tip:Q", color=colour("muted")),
        chart(named.with_columns(place=0.5 + 0.12 * pl.int_range(pl.len())))
        .mark_text(align="left", dx=8, fontSize=12, fontWeight=600)
        .encode(x=along.x("x"), y=up.y("place"), text="option:N", color=colour()),
    ]
    return finish(*layers, height=220, simulated=is_simulated(rows))
