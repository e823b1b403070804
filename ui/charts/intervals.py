"""I: one row per provider, dot = estimate, whisker = 95 %, dashed line = limit, numbers in the right columns."""

import altair as alt
import polars as pl

from ui.charts.kit import (
    ROW_PX,
    Quantity,
    Spec,
    at_right,
    chart,
    colour,
    finish,
    is_simulated,
    plot_until,
    rows_of,
    shape,
)

LOG_FROM = 4.0  # a log axis where the largest is more than this many times the smallest
_TEXT_PX = 132


def intervals(rows: pl.DataFrame, *, limit: float | None = None, axis_format: str = "~r") -> Spec:
    """Columns: row, key, estimate, low, high (null: withheld or no interval), label, note, n, simulated.

    `label` is the estimate in words or the reason why there is none (`n 41 of 72`); `note` the interval in words.
    """
    order = rows["row"].to_list()
    some = rows["estimate"].count() > 0  # an axis without a mark says nothing
    axis = {"tickCount": 3, "grid": False, "ticks": some, "labels": some, "format": axis_format}
    along = Quantity(scale=_scale(rows, limit), axis=axis)
    y = rows_of("row", order, 62)
    base = chart(rows)
    drawn = base.transform_filter("isValid(datum.estimate)")
    layers = [
        drawn.mark_rule(strokeWidth=2.5).encode(x=along.x("low"), x2="high:Q", y=y, color=colour()),
        drawn.mark_point(filled=True, size=90, opacity=1).encode(
            x=along.x("estimate"), y=y, color=colour(), shape=shape(), tooltip=_tooltip()
        ),
        base.mark_text(align="left", fontSize=12.5, fontWeight=600).encode(
            x=at_right(_TEXT_PX - 6), y=y, text="label:N", color=colour("ink")
        ),
        base.mark_text(align="right", fontSize=12.5).encode(x=at_right(0), y=y, text="note:N", color=colour("muted")),
    ]
    if limit is not None:
        line = chart([{"limit": limit}]).mark_rule(strokeDash=[4, 3], strokeWidth=1.4)
        layers.insert(0, line.encode(x=along.x("limit"), color=colour("muted")))
    return finish(*layers, height=30 + ROW_PX * max(2, len(order)), simulated=is_simulated(rows))


def _scale(rows: pl.DataFrame, limit: float | None) -> alt.Scale:
    """The axis over all that is drawn, with room at both ends; logarithmic where it spans a lot."""
    values = [v for name in ("estimate", "low", "high") for v in rows[name].drop_nulls().to_list()]
    values += [limit] if limit is not None else []
    smallest, largest = (min(values), max(values)) if values else (0.0, 1.0)
    if smallest > 0 and largest / smallest > LOG_FROM:
        domain = [smallest * 0.85, largest * 1.15]
        return alt.Scale(type="log", domain=domain, nice=False, range=plot_until(_TEXT_PX))
    room = (largest - smallest) * 0.12 or abs(largest) * 0.05 or 1.0
    return alt.Scale(domain=[smallest - room, largest + room], nice=False, zero=False, range=plot_until(_TEXT_PX))


def _tooltip() -> list[alt.Tooltip]:
    return [
        alt.Tooltip("row:N", title="provider"),
        alt.Tooltip("label:N", title="estimate"),
        alt.Tooltip("note:N", title="95 %"),
        alt.Tooltip("n:Q", title="n"),
    ]
