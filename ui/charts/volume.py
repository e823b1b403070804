"""V: what an image costs, or how often it starts cold, against the volume; where the cheapest changes."""

import math

import altair as alt
import polars as pl

from ui.charts.kit import Quantity, Spec, chart, colour, finish, is_simulated

_LABEL_PX = 96
_SMALLEST = 1e-4
_LINES = 11  # of text, one above the other, that a plot holds
_TICKS = [first * 10**power for power in range(7) for first in (1, 3)]
_DAILY = "requests a day"


def volume(rows: pl.DataFrame, *, marks: pl.DataFrame, ours: float, unit: str = _DAILY) -> Spec:
    """$ per 1,000 good images, both axes log. unit: of x, such as `images a month`.

    rows: option, key, x, y ($ per 1,000; null: cannot serve), low, high (95 %, a band; null: none),
    dashed, simulated. marks: where two options cost the same: x, y, label. `ours`: our volume, a rule.
    """
    values = pl.concat([rows[name].cast(pl.Float64).drop_nulls() for name in ("y", "low", "high")])
    low, high = (float(values.min() or 1.0), float(values.max() or 1.0)) if values.len() else (1.0, 10.0)  # type: ignore[arg-type]
    scale = alt.Scale(type="log", domain=[max(low, _SMALLEST) * 0.8, high * 1.3], nice=False)
    money = Quantity(scale=scale, title="$ per 1,000 good images", axis={"format": "$~r", "tickCount": 4})
    return _lines(rows, money, (ours, unit), marks=marks, height=270)


def coldshare(rows: pl.DataFrame, *, per_day: float) -> Spec:
    """Share of requests that meet no ready worker, against requests a day. As `volume`, y a share, without a band."""
    share = Quantity(
        scale=alt.Scale(domain=[0, 1], nice=False), title="share that starts cold", axis={"format": "%", "tickCount": 3}
    )
    return _lines(rows, share, (per_day, _DAILY), marks=None, height=220)


def _lines(rows: pl.DataFrame, up: Quantity, at: tuple[float, str], *, marks: pl.DataFrame | None, height: int) -> Spec:
    first, last = float(rows["x"].min() or 1.0), float(rows["x"].max() or 10.0)  # type: ignore[arg-type]
    ticks = [tick for tick in _TICKS if first <= tick <= last]
    ours, unit = at
    scale = alt.Scale(type="log", domain=[first, last], nice=False, range=[0, alt.expr(f"width - {_LABEL_PX}")])
    along = Quantity(scale=scale, title=unit, axis={"format": "~s", "values": ticks, "labelOverlap": True})
    base = chart(rows)
    drawn = base.transform_filter("isValid(datum.y)")
    tooltip = [
        alt.Tooltip("option:N"),
        alt.Tooltip("x:Q", title=unit, format=",.0f"),
        alt.Tooltip("y:Q", title=str(up.title), format=".3~r"),
        *(alt.Tooltip(f"{end}:Q", title=end, format=".3~r") for end in ("low", "high") if end in rows.columns),
    ]
    detail = alt.Detail("option:N")
    layers = [
        *([_band(base, along, up)] if "low" in rows.columns and rows["low"].count() else []),
        drawn.transform_filter("!datum.dashed")
        .mark_line(strokeWidth=2.2)
        .encode(x=along.x("x"), y=up.y("y"), color=colour(), detail=detail),
        drawn.transform_filter("datum.dashed")
        .mark_line(strokeWidth=2.2, strokeDash=[5, 4])
        .encode(x=along.x("x"), y=up.y("y"), color=colour(), detail=detail),
        drawn.mark_point(size=50, opacity=0).encode(x=along.x("x"), y=up.y("y"), tooltip=tooltip),
        _ends(rows, along, up),
        *_ours(f"{ours:,.0f} {unit.partition(' ')[2]}", ours, along, up),
        *(_crossings(marks, along, up) if marks is not None and marks.height else []),
    ]
    return finish(*layers, height=height, simulated=is_simulated(rows))


def _band(base: alt.Chart, along: Quantity, up: Quantity) -> alt.Chart:
    band: alt.Chart = (
        base.transform_filter("isValid(datum.low) && isValid(datum.high)")
        .mark_area(opacity=0.16)
        .encode(x=along.x("x"), y=up.y("low"), y2="high:Q", color=colour(), detail=alt.Detail("option:N"))
    )
    return band


def _ends(rows: pl.DataFrame, along: Quantity, up: Quantity) -> alt.Chart:
    """The option's name at the right end of its line; names that would lie on each other are moved apart."""
    known = rows.filter(pl.col("y").is_not_null()).sort("option", "x")
    ends = known.group_by("option", maintain_order=True).last().sort("y", "option")
    text: alt.Chart = (
        chart(_apart(ends, up))
        .mark_text(align="left", dx=6, fontSize=12, fontWeight=600)
        .encode(x=along.x("x"), y=up.y("at"), text="option:N", color=colour())
    )
    return text


def _apart(ends: pl.DataFrame, up: Quantity) -> pl.DataFrame:
    """A column `at`: y, or a line of text above the name below it."""
    scale = up.scale.to_dict()
    low, high = scale["domain"]
    log = "type" in scale
    heights = [math.log(max(y, _SMALLEST)) if log else y for y in ends["y"].to_list()]
    step = (math.log(high / low) if log else high - low) / _LINES
    for i in range(1, len(heights)):
        heights[i] = max(heights[i], heights[i - 1] + step)
    return ends.with_columns(at=pl.Series([math.exp(h) if log else h for h in heights], dtype=pl.Float64))


def _ours(text: str, ours: float, along: Quantity, up: Quantity) -> list[alt.Chart]:
    low, high = up.scale.to_dict()["domain"]
    rule = chart([{"x": ours, "low": low, "high": high, "text": text}])
    return [
        rule.mark_rule(strokeDash=[4, 3], strokeWidth=1.4).encode(
            x=along.x("x"), y=up.y("low"), y2="high:Q", color=colour("ink")
        ),
        rule.mark_text(align="left", dx=5, dy=6, fontSize=12, fontWeight=500).encode(
            x=along.x("x"), y=up.y("high"), text="text:N", color=colour("ink")
        ),
    ]


def _crossings(marks: pl.DataFrame, along: Quantity, up: Quantity) -> list[alt.Chart]:
    points = chart(marks)
    return [
        points.mark_point(size=70, filled=True, opacity=1).encode(
            x=along.x("x"), y=up.y("y"), color=colour("ink"), tooltip=[alt.Tooltip("label:N", title="break-even")]
        )
    ]
