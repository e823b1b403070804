"""L: jobs of a run as they finish, a row per provider: filled warm, hollow cold, × failed."""

import altair as alt
import polars as pl

from ui.charts.kit import Quantity, Spec, chart, colour, finish, is_simulated, rows_of


def lanes(jobs: pl.DataFrame, order: list[str]) -> Spec:
    """Columns: row, key, job_id, minutes (since the start), look (warm, cold, failed), simulated."""
    jitter = (pl.col("job_id").hash(seed=11) % 2001).cast(pl.Float64) / 1000 - 1
    shown = jobs.with_columns(jitter=jitter)
    latest = shown["minutes"].max()
    end = max(1.0, latest if isinstance(latest, float) else 0.0) * 1.03
    place = Quantity(scale=alt.Scale(domain=[0, end], nice=False), title="min since start").x("minutes")
    y = rows_of("row", order, 62)
    offset = alt.YOffset("jitter:Q", scale=alt.Scale(domain=[-2.2, 2.2]))
    base = chart(shown)
    tooltip = [alt.Tooltip("job_id:Q", title="job"), alt.Tooltip("look:N", title="start")]
    warm = base.transform_filter("datum.look == 'warm'").mark_circle(size=28, opacity=0.6)
    cold = base.transform_filter("datum.look == 'cold'").mark_point(size=48, strokeWidth=1.8, opacity=1)
    failed = base.transform_filter("datum.look == 'failed'").mark_text(text="×", fontSize=15, fontWeight=700)
    layers = [
        warm.encode(x=place, y=y, yOffset=offset, color=colour(), tooltip=tooltip),
        cold.encode(x=place, y=y, yOffset=offset, color=colour(), tooltip=tooltip),
        failed.encode(x=place, y=y, yOffset=offset, color=colour("nogo"), tooltip=tooltip),
    ]
    return finish(*layers, height=46 + 44 * max(2, len(order)), simulated=is_simulated(jobs))
