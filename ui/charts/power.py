"""Planned of needed jobs per question: the line is enough, the grey side is too few."""

import math

import altair as alt
import polars as pl

from ui.charts.kit import GREY, Quantity, Spec, at_right, chart, colour, finish, is_simulated, rows_of

_SPAN = 1.5  # doublings that fit on either side of the line


def power(rows: pl.DataFrame) -> Spec:
    """Columns: question, planned, needed, simulated."""
    order = rows["question"].to_list()
    wide = "width > 250"
    planned = f"{wide} ? datum.planned : datum.planned + '/' + slice(datum.needed, 3)"  # of is left out on a phone
    strip = f"width - ({wide} ? 128 : 96)"
    along = Quantity(scale=alt.Scale(domain=[-_SPAN, _SPAN], nice=False, range=[0, alt.expr(strip)]))
    y = rows_of("question", order, 138)
    base = chart([_place(row) for row in rows.iter_rows(named=True)])
    zone = chart([{"low": -_SPAN, "limit": 0.0}])
    layers = [
        zone.mark_rect(color=GREY, opacity=0.14).encode(x=along.bare("low"), x2="limit:Q"),
        zone.mark_rule(strokeWidth=1.5).encode(x=along.bare("limit"), color=colour("muted")),
        base.mark_point(filled=True, size=90, opacity=1).encode(x=along.bare("place"), y=y, color=colour("ink")),
        base.mark_text(align="right", fontSize=12.5, fontWeight=600, text=alt.expr(planned)).encode(
            x=alt.value(alt.expr(f"{strip} + ({wide} ? 46 : 62)")), y=y, color=colour("ink")
        ),
        base.mark_text(align="left", fontSize=12.5, text=alt.expr(f"{wide} ? datum.needed : ''")).encode(
            x=alt.value(alt.expr(f"{strip} + 51")), y=y, color=colour("muted")
        ),
        base.mark_text(align="right", fontSize=14, fontWeight=700).encode(
            x=at_right(0), y=y, text="mark:N", color=colour("tone")
        ),
    ]
    return finish(*layers, height=16 + 26 * len(order), simulated=is_simulated(rows))


def _place(row: dict[str, object]) -> dict[str, object]:
    """Doublings between planned and needed, held at the edge of the strip."""
    planned, needed = float(str(row["planned"])), float(str(row["needed"]))
    enough = planned >= needed
    place = math.log2(max(planned, 1.0) / needed)
    return {
        "question": row["question"],
        "place": max(-_SPAN + 0.2, min(_SPAN - 0.2, place)),
        "planned": f"{planned:,.0f}",
        "needed": f"of {needed:,.0f}",
        "mark": "✓" if enough else "?",
        "tone": "go" if enough else "wait",
    }
