"""F: why jobs failed, per 1,000 sent, each with its Wilson interval; grouped by whose failure it was."""

import altair as alt
import polars as pl

from ui.charts.kit import Quantity, Spec, chart, colour, finish, is_simulated, rows_of, shape


def failures(rows: pl.DataFrame) -> Spec:
    """Columns: reason, key, slot (place within the row, 0 to 2), rate, low, high (per 1,000), count, n, simulated."""
    order = rows["reason"].unique(maintain_order=True).to_list()
    highest = rows["high"].max()
    scale = alt.Scale(domain=[0, highest if isinstance(highest, float) else 1.0], nice=False, clamp=True)
    along = Quantity(scale=scale, title="per 1,000 jobs, 95 % Wilson")
    y = rows_of("reason", order, 134)
    offset = alt.YOffset("slot:Q", scale=alt.Scale(domain=[3.4, -1.4]))
    base = chart(rows)
    tooltip = [
        alt.Tooltip("key:N", title="provider"),
        alt.Tooltip("reason:N"),
        alt.Tooltip("count:Q", title="jobs"),
        alt.Tooltip("n:Q", title="of"),
    ]
    whisker = base.mark_rule(strokeWidth=2).encode(x=along.x("low"), x2="high:Q", y=y, yOffset=offset, color=colour())
    point = base.mark_point(filled=True, size=58, opacity=1).encode(
        x=along.x("rate"), y=y, yOffset=offset, color=colour(), shape=shape(), tooltip=tooltip
    )
    return finish(whisker, point, height=46 + 46 * len(order), simulated=is_simulated(rows))
