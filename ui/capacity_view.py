"""Was there a GPU when one was asked for, and whose failures were there: cards and tables of the reliability view."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from analysis import stats
from analysis.capacity import METRICS
from ui.compare_view import Card
from ui.formats import UNKNOWN, Formatter, few, interval, percent, seconds
from ui.names import in_order, label, provider_of, reason_words

Row = Mapping[str, Any]
CARDS = (
    ("time_to_ready_p50", "Time to get a GPU, p50", "order to ready", "time to get a GPU", "~r"),
    ("wait_for_worker_p50", "Wait for a worker, p50", "cold jobs", "wait for a worker", "~r"),
    ("jobs_without_capacity", "No capacity in time", "of first attempts", "no capacity", ".0%"),
)
_LEAST = {"time_to_ready_p50": 0.5, "time_to_ready_p95": 0.95, "wait_for_worker_p50": 0.5, "wait_for_worker_p95": 0.95}


def cards(capacity: pl.DataFrame) -> list[Card]:
    """A small chart for each metric that something was measured for (`capacity.CAPACITY` of one GPU)."""
    found = []
    for metric, heading, note, term, axis_format in CARDS:
        rows = {row["backend"]: row for row in capacity.filter(pl.col("metric") == metric).iter_rows(named=True)}
        if rows:
            drawn = [_drawn(rows[name]) for name in in_order(rows)]
            schema = {"estimate": pl.Float64, "low": pl.Float64, "high": pl.Float64}
            frame = pl.DataFrame(drawn, schema_overrides=schema, infer_schema_length=None)
            found.append(Card(heading=heading, note=note, term=term, rows=frame, axis_format=axis_format))
    return found


def table(capacity: pl.DataFrame) -> pl.DataFrame:
    """Every metric: provider, metric, unit, value, 95 % interval or why there is none, n, left out, simulated."""
    order = {name: place for place, name in enumerate(METRICS)}
    rows = sorted(capacity.iter_rows(named=True), key=lambda row: (_place(row["backend"]), order[row["metric"]]))
    return pl.DataFrame(
        [
            {
                "provider": label(row["backend"]),
                "metric": METRICS[row["metric"]],
                "value": _value(row),
                "95 %": row["withheld"] or interval(row["low"], row["high"], _writer(row)),
                "unit": row["unit"],
                "n": row["n"],
                "left out": row["left_out"],
                "simulated": row["simulated"],
            }
            for row in rows
        ],
        infer_schema_length=None,
    )


def failure_table(failures: pl.DataFrame) -> pl.DataFrame:
    """Failures by class (`capacity.FAILURES`), most first, each with the job that shows it best: the latest."""
    rows = failures.sort(["failure_class", "jobs", "reason", "backend"], descending=[False, True, False, False])
    return rows.select(
        open=pl.lit(":material/arrow_forward: Example"),
        whose="failure_class",
        reason=pl.col("reason").map_elements(reason_words, return_dtype=pl.String),
        provider=pl.col("backend").map_elements(label, return_dtype=pl.String),
        jobs="jobs",
        of="n",
        job="example_job",
        said="said",
        simulated="simulated",
    )


def _drawn(row: Row) -> dict[str, object]:
    """The columns of the chart `intervals`."""
    write, common = _writer(row), {"row": label(row["backend"]), "key": provider_of(row["backend"]), "n": row["n"]}
    if row["withheld"]:
        none = {"estimate": None, "low": None, "high": None, "label": few(row["n"], _least(row)), "note": ""}
        return {**common, **none, "simulated": row["simulated"]}
    return {
        **common,
        "estimate": row["value"],
        "low": row["low"],
        "high": row["high"],
        "label": _value(row),
        "note": interval(row["low"], row["high"], write),
        "simulated": row["simulated"],
    }


def _value(row: Row) -> str:
    """The point; a share of too few is told as a count, and a time that never came as what it is."""
    if row["withheld"] and row["unit"] == "share" and row["n"]:
        return f"{row['hits']} of {row['n']}"
    if row["withheld"]:
        return UNKNOWN
    return "never" if row["value"] is None else _writer(row)(row["value"])


def _writer(row: Row) -> Formatter:
    return percent if row["unit"] == "share" else seconds


def _least(row: Row) -> int:
    q = _LEAST.get(row["metric"])
    return stats.MIN_RATE_N if q is None else stats.min_n(q)


def _place(backend: str) -> tuple[int, str]:
    known = in_order(["modal", "runpod", "vast"])
    return (known.index(backend) if backend in known else len(known), backend)
