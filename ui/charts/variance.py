"""R: bill / estimate - 1 per run and provider; the grey beyond ±5 % blocks a verdict."""

import altair as alt
import polars as pl

from ui.charts.kit import GREY, Quantity, Spec, chart, colour, finish, is_simulated, plot_until, rows_of, shape

LIMIT = 0.05
_SPAN = 0.12  # the axis ends here; what is farther out is drawn at the edge and its number still says it


def variance(rows: pl.DataFrame) -> Spec:
    """Columns: row, key, ratio (bill / estimate - 1; null: no bill), label, final (filled), tone, simulated."""
    order = rows["row"].to_list()
    scale = alt.Scale(domain=[-_SPAN, _SPAN], nice=False, clamp=True, range=plot_until(118))
    along = Quantity(scale=scale, axis={"format": "+.0%", "values": [-0.1, -LIMIT, 0, LIMIT, 0.1]})
    y = rows_of("row", order, 116)
    zones = chart([{"low": -_SPAN, "high": -LIMIT}, {"low": LIMIT, "high": _SPAN}])
    base = chart(rows.with_columns(zero=pl.lit(0.0)))
    drawn = base.transform_filter("isValid(datum.ratio)")
    place = along.x("ratio")
    layers = [
        zones.mark_rect(color=GREY, opacity=0.14).encode(x=along.x("low"), x2="high:Q"),
        drawn.mark_rule(strokeWidth=2.5).encode(x=along.x("zero"), x2="ratio:Q", y=y, color=colour()),
        drawn.transform_filter("!datum.final")
        .mark_point(size=80, strokeWidth=1.8, opacity=1)
        .encode(x=place, y=y, color=colour(), shape=shape()),
        drawn.transform_filter("datum.final")
        .mark_point(size=80, filled=True, opacity=1)
        .encode(x=place, y=y, color=colour(), shape=shape()),
        base.mark_text(align="right", fontSize=12.5, fontWeight=600).encode(
            x=alt.value(alt.expr("width")), y=y, text="label:N", color=colour("tone")
        ),
    ]
    return finish(*layers, height=40 + 27 * max(2, len(order)), simulated=is_simulated(rows))
