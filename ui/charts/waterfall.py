"""W: where a provider's dollars per 1,000 good images go, as floating bars that end in what is billed."""

import altair as alt
import polars as pl

from ui.charts.kit import Quantity, Spec, chart, colour, finish, is_simulated, rows_of


def waterfall(rows: pl.DataFrame, *, upper: float) -> Spec:
    """Columns: part, low, high ($ per 1,000), label, key (what colours it), depth (opacity), simulated.

    `upper` is the axis end, shared by the providers' panels.
    """
    order = rows["part"].to_list()
    scale = alt.Scale(domain=[0, max(upper, 1e-9) * 1.12], nice=False)
    along = Quantity(scale=scale, axis={"tickCount": 4, "format": "$~r"})
    y = rows_of("part", order, 92)
    base = chart(rows.with_columns(right=pl.max_horizontal("low", "high")))
    bar = base.mark_bar(height=13).encode(
        x=along.x("low"),
        x2="high:Q",
        y=y,
        color=colour(),
        opacity=alt.Opacity("depth:Q", scale=None, legend=None),
        tooltip=[alt.Tooltip("part:N"), alt.Tooltip("label:N", title="$ per 1,000")],
    )
    text = base.mark_text(align="left", dx=5, fontSize=12, fontWeight=500).encode(
        x=along.x("right"), y=y, text="label:N", color=colour("ink")
    )
    return finish(bar, text, height=34 + 24 * max(3, len(order)), simulated=is_simulated(rows), right_px=22)
