"""G: one row per gate, x = distance to its limit in units of |parity - limit|; grey is the side that is not enough."""

import altair as alt
import polars as pl

from ui.charts.kit import GREY, ROW_PX, Spec, at_right, chart, colour, finish, is_simulated, rows_of, shape

REACH = 3.0  # units that are drawn on each side; what lies beyond is marked at the edge
_WIDE = "width > 300"
_PLOT = f"width - ({_WIDE} ? 244 : 92)"


def gates(rows: pl.DataFrame) -> Spec:
    """Columns: gate, at, low, high (distance, clipped to REACH; null: none), estimate, interval, limit (words), mark
    (✓ ✕ ?), state (go, nogo, wait), edge, n, key, simulated.
    """
    order = rows["gate"].to_list()
    scale = alt.Scale(domain=[-REACH - 0.3, REACH + 0.2], nice=False, range=[0, alt.expr(_PLOT)])

    def x(name: str) -> alt.X:
        return alt.X(f"{name}:Q", scale=scale, axis=None)

    y, base = rows_of("gate", order, 84), chart(rows)
    drawn = base.transform_filter("isValid(datum.at)")
    zone = chart([{"from": -REACH - 0.3, "limit": 0.0}])
    wide = {name: alt.expr(f"{_WIDE} ? datum.{name} : ''") for name in ("interval", "limit")}
    layers = [
        zone.mark_rect(color=GREY, opacity=0.14).encode(x=x("from"), x2="limit:Q"),
        zone.mark_rule(strokeWidth=1.5).encode(x=x("limit"), color=colour("muted")),
        drawn.mark_rule(strokeWidth=2.5).encode(x=x("low"), x2="high:Q", y=y, color=colour()),
        drawn.mark_point(filled=True, size=90, opacity=1).encode(
            x=x("at"), y=y, color=colour(), shape=shape(), tooltip=_tooltip()
        ),
        drawn.mark_text(align="right", dx=-7, fontSize=12).encode(x=x("at"), y=y, text="edge:N", color=colour()),
        base.mark_text(align="left", fontSize=12.5, fontWeight=600).encode(
            x=alt.value(alt.expr(f"{_PLOT} + 8")), y=y, text="estimate:N", color=colour("ink")
        ),
        base.mark_text(align="left", fontSize=12.5, text=wide["interval"]).encode(
            x=alt.value(alt.expr(f"{_PLOT} + 74")), y=y, color=colour("ink")
        ),
        base.mark_text(align="right", fontSize=12, text=wide["limit"]).encode(
            x=at_right(22), y=y, color=colour("muted")
        ),
        base.mark_text(align="right", fontSize=14, fontWeight=700).encode(
            x=at_right(0), y=y, text="mark:N", color=colour("state")
        ),
    ]
    return finish(*layers, height=12 + ROW_PX * len(order), simulated=is_simulated(rows))


def _tooltip() -> list[alt.Tooltip]:
    return [
        alt.Tooltip("gate:N", title="gate"),
        alt.Tooltip("estimate:N", title="estimate"),
        alt.Tooltip("interval:N", title="interval at this look"),
        alt.Tooltip("limit:N", title="limit"),
        alt.Tooltip("n:Q", title="n"),
    ]
