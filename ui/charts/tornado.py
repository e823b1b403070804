"""T: one row per assumption, the widest first: a bar from its low to its high end, a tick at what is now; grey is the
side that is not enough."""

import altair as alt
import polars as pl

from ui.charts.kit import GREY, ROW_PX, Quantity, Spec, at_right, chart, colour, finish, is_simulated, rows_of

_TEXT_PX = 116
_WIDE = "width > 300"


def tornado(rows: pl.DataFrame, *, limit: float, title: str, axis_format: str) -> Spec:
    """Columns: row, low, high, now (in the axis' unit), flip (where the ruling turns, in words), ends (what the bar
    spans, in words), key, simulated. `limit`: grey lies below it.
    """
    order = rows["row"].to_list()
    first, last = _domain(rows, limit)
    room = alt.expr(f"width - ({_WIDE} ? {_TEXT_PX} : 8)")
    scale = alt.Scale(domain=[first, last], nice=False, zero=False, range=[0, room])
    axis = {"tickCount": 4, "format": axis_format, "labelOverlap": True}
    along = Quantity(scale=scale, title=title, axis=axis)
    y, base = rows_of("row", order, 104), chart(rows)
    zone = chart([{"from": first, "limit": limit}])
    tooltip = [
        alt.Tooltip("row:N", title="assumption"),
        alt.Tooltip("ends:N", title="bar from"),
        alt.Tooltip("flip:N", title="turns at"),
    ]
    layers = [
        zone.mark_rect(color=GREY, opacity=0.14).encode(x=along.x("from"), x2="limit:Q"),
        zone.mark_rule(strokeWidth=1.5).encode(x=along.x("limit"), color=colour("muted")),
        base.mark_bar(height=12, opacity=0.75).encode(
            x=along.x("low"), x2="high:Q", y=y, color=colour(), tooltip=tooltip
        ),
        base.mark_tick(thickness=2.5, size=20, opacity=1).encode(x=along.x("now"), y=y, color=colour("ink")),
        base.mark_text(align="right", fontSize=12.5, text=alt.expr(f"{_WIDE} ? datum.flip : ''")).encode(
            x=at_right(0), y=y, color=colour("ink")
        ),
    ]
    return finish(*layers, height=48 + ROW_PX * max(2, len(order)), simulated=is_simulated(rows))


def _domain(rows: pl.DataFrame, limit: float) -> tuple[float, float]:
    """All bars and the limit, with room at both ends."""
    values = [limit, *(value for name in ("low", "high", "now") for value in rows[name].to_list())]
    room = (max(values) - min(values)) * 0.06 or 1.0
    return min(values) - room, max(values) + room
