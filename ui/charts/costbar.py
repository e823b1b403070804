"""What a planned run would cost: stacked by provider, whisker to the worst case, dashed line at the cap."""

import altair as alt
import polars as pl

from ui.charts.kit import Quantity, Spec, chart, colour, finish, is_simulated

_FAR = 4.0  # a cap this many times the worst case would flatten all else: it is said, not drawn
_LABEL_FROM = 0.17  # of the axis: narrower parts have no room for their name


def costbar(parts: pl.DataFrame, *, worst_usd: float, cap_usd: float) -> Spec:
    """Columns: key, label, low, high ($, end to end), simulated."""
    highest = parts["high"].max()
    likely = highest if isinstance(highest, float) else 0.0
    near = cap_usd <= _FAR * worst_usd
    end = max(cap_usd, worst_usd) * 1.1 if near else worst_usd * 1.6
    scale = alt.Scale(domain=[0, end], nice=False)
    along = Quantity(scale=scale, axis={"tickCount": 4, "format": "$~r"})
    y = alt.Y("row:N", title=None, axis=None)
    wide = pl.col("high") - pl.col("low") > _LABEL_FROM * end
    labels = pl.when(wide).then("label").otherwise(pl.lit(""))
    middle = (pl.col("low") + pl.col("high")) / 2
    base = chart(parts.with_columns(row=pl.lit("run"), middle=middle, label=labels))
    words = f"cap ${cap_usd:,.2f}" if near else f"cap ${cap_usd:,.2f}, off the scale"
    marks = chart([{"low": likely, "high": worst_usd, "cap": min(cap_usd, end), "text": words, "row": "run"}])
    layers = [
        base.mark_bar(height=20, opacity=0.85).encode(x=along.x("low"), x2="high:Q", y=y, color=colour()),
        base.mark_text(dy=-20, fontSize=11.5).encode(x=along.x("middle"), y=y, text="label:N", color=colour("muted")),
        marks.mark_rule(strokeWidth=2).encode(x=along.x("low"), x2="high:Q", y=y, color=colour("ink")),
        marks.mark_rule(strokeDash=[4, 3], strokeWidth=1.5, opacity=1 if near else 0).encode(
            x=along.x("cap"), color=colour("ink")
        ),
        marks.mark_text(align="right", dx=-4, dy=26, fontSize=12, fontWeight=500).encode(
            x=along.x("cap"), y=y, text="text:N", color=colour("ink")
        ),
    ]
    return finish(*layers, height=120, simulated=is_simulated(parts), right_px=10)
