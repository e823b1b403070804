"""What a planned run would cost: stacked by provider, whisker to the worst case, dashed line at the cap."""

import altair as alt
import polars as pl

from ui.charts.kit import Quantity, Spec, chart, colour, finish, is_simulated


def costbar(parts: pl.DataFrame, *, worst_usd: float, cap_usd: float) -> Spec:
    """Columns: key, label, low, high ($, end to end), simulated."""
    highest = parts["high"].max()
    likely = highest if isinstance(highest, float) else 0.0
    scale = alt.Scale(domain=[0, max(cap_usd, worst_usd) * 1.1], nice=False)
    along = Quantity(scale=scale, axis={"tickCount": 4, "format": "$~r"})
    y = alt.Y("row:N", title=None, axis=None)
    base = chart(parts.with_columns(row=pl.lit("run"), middle=(pl.col("low") + pl.col("high")) / 2))
    marks = chart([{"low": likely, "high": worst_usd, "cap": cap_usd, "text": f"cap ${cap_usd:,.0f}", "row": "run"}])
    layers = [
        base.mark_bar(height=20, opacity=0.85).encode(x=along.x("low"), x2="high:Q", y=y, color=colour()),
        base.mark_text(dy=-20, fontSize=11.5).encode(x=along.x("middle"), y=y, text="label:N", color=colour("muted")),
        marks.mark_rule(strokeWidth=2).encode(x=along.x("low"), x2="high:Q", y=y, color=colour("ink")),
        marks.mark_rule(strokeDash=[4, 3], strokeWidth=1.5).encode(x=along.x("cap"), color=colour("ink")),
        marks.mark_text(align="right", dx=-4, dy=26, fontSize=12, fontWeight=500).encode(
            x=along.x("cap"), y=y, text="text:N", color=colour("ink")
        ),
    ]
    return finish(*layers, height=120, simulated=is_simulated(parts), right_px=10)
