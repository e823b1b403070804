"""B: what a run has spent, stacked by provider, its forecast and its cap."""

from typing import NamedTuple

import altair as alt
import polars as pl

from ui.charts.kit import GREY, PROVIDERS, Quantity, Spec, chart, colour, finish, is_simulated

_FAR = 6.0  # a cap this many times the likely cost would flatten all else: it is said, not drawn


class Point(NamedTuple):
    """Minutes since the start, and dollars spent by then."""

    minutes: float
    usd: float


def burn(spent: pl.DataFrame, *, cap_usd: float, forecast: Point | None = None) -> Spec:
    """Columns: key, minutes, usd (spent until then, estimated), simulated; every key at every minute.

    `forecast`: where the run would end at its present pace; None when it has ended.
    """
    now = _latest(spent)
    ahead = forecast if forecast and forecast.minutes > now.minutes else None
    end = max(now.minutes, ahead.minutes if ahead else 0.0, 1.0)
    likely = max(now.usd, ahead.usd if ahead else 0.0)
    near = cap_usd <= _FAR * likely
    top = max(cap_usd, likely) if near else 1.5 * (likely or cap_usd)
    across = Quantity(scale=alt.Scale(domain=[0, end], nice=False), title="min since start").x("minutes")
    money = Quantity(scale=alt.Scale(domain=[0, top * 1.14], nice=False), axis={"tickCount": 4, "format": "$~r"})
    order = pl.col("key").replace_strict({key: i for i, key in enumerate(PROVIDERS)}, default=9, return_dtype=pl.Int64)
    words = "everything stops" if near else "off the scale"
    cap = chart([{"usd": min(cap_usd, top), "minutes": 0.0, "text": f"cap ${cap_usd:,.2f}: {words}"}])
    layers = [
        chart(spent.with_columns(order=order))
        .mark_area(opacity=0.85)
        .encode(x=across, y=money.y("usd", stack="zero"), color=colour(), order=alt.Order("order:Q")),
        *(_forecast(now, ahead, across, money) if ahead else []),
        cap.mark_rule(strokeDash=[4, 3], strokeWidth=1.5, opacity=1 if near else 0).encode(
            y=money.y("usd"), color=colour("ink")
        ),
        cap.mark_text(align="left", dx=4, dy=-9, fontSize=12, fontWeight=500).encode(
            x=across, y=money.y("usd"), text="text:N", color=colour("ink")
        ),
    ]
    return finish(*layers, height=178, simulated=is_simulated(spent))


def _latest(spent: pl.DataFrame) -> Point:
    totals = spent.group_by("minutes").agg(pl.col("usd").sum()).sort("minutes")
    return Point(*totals.row(-1)) if totals.height else Point(0.0, 0.0)


def _forecast(now: Point, end: Point, across: alt.X, money: Quantity) -> list[alt.Chart]:
    """From here to there, as wide as the worst case of the launch panel."""
    ahead = chart(
        [
            {"minutes": now.minutes, "usd": now.usd, "low": now.usd, "high": now.usd, "text": ""},
            {
                "minutes": end.minutes,
                "usd": end.usd,
                "low": now.usd + (end.usd - now.usd) * 0.75,
                "high": now.usd + (end.usd - now.usd) * 1.34,
                "text": f"likely ${end.usd:,.2f}",
            },
        ]
    )
    return [
        ahead.mark_area(color=GREY, opacity=0.18).encode(x=across, y=money.y("low"), y2="high:Q"),
        ahead.mark_line(strokeDash=[4, 3], strokeWidth=1.5).encode(x=across, y=money.y("usd"), color=colour("muted")),
        ahead.mark_text(align="right", dy=-12, fontSize=12, fontWeight=500).encode(
            x=across, y=money.y("usd"), text="text:N", color=colour("ink")
        ),
    ]
