"""H: when requests come: a bar an hour of the UTC day."""

import altair as alt
import polars as pl

from ui.charts.kit import Quantity, Spec, chart, colour, finish, is_simulated


def hours(rows: pl.DataFrame) -> Spec:
    """Columns: hour (0 to 23), per_hour (requests), simulated."""
    along = Quantity(
        scale=alt.Scale(domain=[0, 24], nice=False),
        title="hour of the day, UTC",
        axis={"values": [0, 6, 12, 18, 24], "grid": False},
    )
    up = Quantity(
        scale=alt.Scale(domain=[0, float(rows["per_hour"].max() or 1.0) * 1.1], nice=False),  # type: ignore[arg-type]
        axis={"tickCount": 3, "format": "~s"},
    )
    bars = chart(rows.with_columns(low=pl.col("hour") + 0.08, high=pl.col("hour") + 0.92, zero=pl.lit(0.0)))
    bar = bars.mark_rect(opacity=0.6).encode(
        x=along.x("low"),
        x2="high:Q",
        y=up.y("zero"),
        y2="per_hour:Q",
        color=colour("muted"),
        tooltip=[alt.Tooltip("hour:Q"), alt.Tooltip("per_hour:Q", title="requests", format=".1f")],
    )
    return finish(bar, height=130, simulated=is_simulated(rows))
