"""P: where a job's time goes, as stacked means (only means add up); and one job's own timeline with its bracket."""

import altair as alt
import polars as pl

from ui.charts.kit import ROW_PX, Quantity, Spec, chart, colour, finish, is_simulated, plot_until, rows_of

DEPTH = {"dispatch": 0.25, "queue": 0.32, "boot": 0.44, "load": 0.58, "execute": 1.0, "fetch": 0.3}
_LABEL_FROM = 0.11  # of the axis: narrower phases have no room for their name


def phases(rows: pl.DataFrame, order: list[str]) -> Spec:
    """Columns: row, key, phase, seconds (mean), simulated; phases in the order in which they happen."""
    laid = _laid_out(rows)
    totals = laid.group_by("row", "key", maintain_order=True).agg(pl.col("end").max())
    scale = alt.Scale(domain=[0, _longest(laid)], nice=False, range=plot_until(56))
    along = Quantity(scale=scale, title="s, means of good jobs", axis={"tickCount": 4})
    y = rows_of("row", order, 62)
    base = chart(laid)
    layers = [
        base.mark_bar(height=17).encode(
            x=along.x("start"), x2="end:Q", y=y, color=colour(), opacity=_opacity(), tooltip=_tooltip()
        ),
        base.mark_text(fontSize=11, dy=-15).encode(x=along.x("middle"), y=y, text="label:N", color=colour("muted")),
        chart(totals)
        .mark_text(align="left", dx=6, fontSize=12.5, fontWeight=600)
        .encode(x=along.x("end"), y=y, text=alt.Text("end:Q", format=".1f"), color=colour("ink")),
    ]
    return finish(*layers, height=46 + (ROW_PX + 16) * len(order), simulated=is_simulated(rows))


def joblife(rows: pl.DataFrame, bracket: tuple[float, float] | None, *, started: str) -> Spec:
    """One job's phases on a line. Columns: key, phase, seconds, simulated.

    `bracket`: seconds from the intended start of the last look that saw it unfinished and the first that saw it done.
    """
    laid = _laid_out(rows.with_columns(row=pl.lit("job")))
    end = max(_longest(laid), bracket[1] if bracket else 0.0)
    scale = alt.Scale(domain=[0, end * 1.02], nice=False)
    along = Quantity(scale=scale, title=f"s since intended start, {started} UTC")
    y = alt.Y("row:N", axis=None)
    base = chart(laid)
    layers = [
        base.mark_bar(height=22).encode(
            x=along.x("start"), x2="end:Q", y=y, color=colour(), opacity=_opacity(), tooltip=_tooltip()
        ),
        base.mark_text(dy=-21, fontSize=12).encode(x=along.x("middle"), y=y, text="label:N", color=colour("ink")),
    ]
    if bracket:
        line = chart([{"low": bracket[0], "high": bracket[1], "row": "job"}])
        layers.append(
            line.mark_rule(strokeWidth=4, yOffset=20).encode(x=along.x("low"), x2="high:Q", y=y, color=colour("ink"))
        )
    return finish(*layers, height=124, simulated=is_simulated(rows))


def _laid_out(rows: pl.DataFrame) -> pl.DataFrame:
    """Seconds end to end within each row: start, end, middle, opacity, and a label where there is room for one."""
    known = rows.filter(pl.col("seconds") >= 0)
    end = pl.col("seconds").cum_sum().over("row")
    laid = known.with_columns(
        start=end - pl.col("seconds"),
        end=end,
        depth=pl.col("phase").replace_strict(DEPTH, default=0.3, return_dtype=pl.Float64),
    )
    room = pl.col("seconds") > _LABEL_FROM * pl.col("end").max()
    name = pl.format("{} {}", pl.col("phase"), pl.col("seconds").round(1))
    return laid.with_columns(
        middle=(pl.col("start") + pl.col("end")) / 2, label=pl.when(room).then(name).otherwise(pl.lit(""))
    )


def _longest(laid: pl.DataFrame) -> float:
    longest = laid["end"].max()
    return longest if isinstance(longest, float) and longest > 0 else 1.0


def _opacity() -> alt.Opacity:
    return alt.Opacity("depth:Q", scale=None, legend=None)


def _tooltip() -> list[alt.Tooltip]:
    return [alt.Tooltip("phase:N", title="phase"), alt.Tooltip("seconds:Q", title="s", format=".2f")]
