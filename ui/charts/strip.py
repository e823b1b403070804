"""S: one mark is one job, on a log axis of seconds; cold jobs, being few, get larger marks and no quantile."""

from typing import Literal

import altair as alt
import polars as pl

from ui.charts.kit import Quantity, Spec, chart, colour, finish, is_simulated, rows_of, shape

MOST = 400  # marks a row; above that a seeded sample
_TITLE = "s, log scale; one mark is one job, × = failed"
_ROW_PX = 66
_DOT_ROW_PX = 44


def strip(jobs: pl.DataFrame, marks: pl.DataFrame, order: list[str]) -> Spec:
    """Warm jobs with their quantiles.

    jobs: row, key, job_id, latency_s (null: failed, drawn as x at the edge), simulated.
    marks: row, key, quantile ("p50"), value, low, high (null: no interval), label.
    """
    shown, along = _placed(_sampled(jobs))
    y = rows_of("row", order, 62)
    offset = alt.YOffset("jitter:Q", scale=alt.Scale(domain=[-2.6, 2.6]))
    base, quantiles = chart(shown), chart(marks)
    layers = [
        base.transform_filter("isValid(datum.latency_s)")
        .mark_circle(size=15, opacity=0.36)
        .encode(x=along.x("latency_s"), y=y, yOffset=offset, color=colour()),
        _failed(base, along, y, offset),
        quantiles.transform_filter("isValid(datum.low)")
        .mark_rule(strokeWidth=7, opacity=0.35)
        .encode(x=along.x("low"), x2="high:Q", y=y, color=colour()),
        quantiles.mark_tick(thickness=2.5, size=34, opacity=1).encode(x=along.x("value"), y=y, color=colour("ink")),
        _label(quantiles, "p50", "right").encode(x=along.x("value"), y=y, text="label:N", color=colour("ink")),
        _label(quantiles, "p95", "left").encode(x=along.x("value"), y=y, text="label:N", color=colour("ink")),
    ]
    return finish(*layers, height=44 + _ROW_PX * len(order), simulated=is_simulated(jobs))


def dots(jobs: pl.DataFrame, order: list[str]) -> Spec:
    """Few jobs, each drawn large. Columns: row, key, job_id, latency_s (null: failed), simulated."""
    shown, along = _placed(jobs)
    y = rows_of("row", order, 62)
    offset = alt.YOffset("jitter:Q", scale=alt.Scale(domain=[-3.4, 3.4]))
    base = chart(shown)
    tooltip = [
        alt.Tooltip("row:N", title="provider"),
        alt.Tooltip("job_id:Q", title="job"),
        alt.Tooltip("latency_s:Q", title="s", format=".1f"),
    ]
    points = base.transform_filter("isValid(datum.latency_s)").mark_point(size=70, strokeWidth=1.9, opacity=1)
    layers = [
        points.encode(x=along.x("latency_s"), y=y, yOffset=offset, color=colour(), shape=shape(), tooltip=tooltip),
        _failed(base, along, y, offset),
    ]
    return finish(*layers, height=44 + _DOT_ROW_PX * max(2, len(order)), simulated=is_simulated(jobs))


def _failed(base: alt.Chart, along: Quantity, y: alt.Y, offset: alt.YOffset) -> alt.Chart:
    missing: alt.Chart = base.transform_filter("!isValid(datum.latency_s)")
    crosses: alt.Chart = missing.mark_text(text="×", fontSize=14, fontWeight=700)
    return crosses.encode(x=along.x("edge"), y=y, yOffset=offset, color=colour("nogo"))


def _label(quantiles: alt.Chart, quantile: str, align: Literal["left", "right"]) -> alt.Chart:
    """p50 is written to the left of its tick and p95 to the right, so that they never meet."""
    one: alt.Chart = quantiles.transform_filter(f"datum.quantile == '{quantile}'")
    text: alt.Chart = one.mark_text(align=align, dy=-26, dx=6 if align == "right" else -6, fontSize=12, fontWeight=500)
    return text


def _placed(jobs: pl.DataFrame) -> tuple[pl.DataFrame, Quantity]:
    """Each job's place: a spread across the row that depends on the job alone, so that marks stay where they are."""
    latest, smallest = jobs["latency_s"].max(), jobs["latency_s"].min()
    edge = (latest if isinstance(latest, float) else 1.0) * 1.12
    low = (smallest if isinstance(smallest, float) else edge / 2) * 0.92
    end = edge if jobs["latency_s"].null_count() else edge / 1.12
    scale = alt.Scale(type="log", domain=[max(low, 1e-3), end * 1.03], nice=False, clamp=True)
    spread = (pl.col("job_id").hash(seed=11) % 2001).cast(pl.Float64) / 1000 - 1
    along = Quantity(scale=scale, title=_TITLE, axis={"format": "~r", "tickCount": 6})
    return jobs.with_columns(jitter=spread, edge=pl.lit(edge)), along


def _sampled(jobs: pl.DataFrame) -> pl.DataFrame:
    parts = [part if part.height <= MOST else part.sample(MOST, seed=7) for part in jobs.partition_by("row")]
    return pl.concat(parts) if parts else jobs
