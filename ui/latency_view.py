"""Jobs as marks, phases as bars and failures as rates: the frames of the latency and reliability charts. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import polars as pl

from analysis import stats
from ui.compare_view import of_kind
from ui.formats import seconds
from ui.names import failure_class, in_order, label, provider_of, reason_words
from words import FailureClass, StartKind

CLASSES = (FailureClass.PROVIDER, FailureClass.CAPACITY, FailureClass.QUALITY, FailureClass.UNKNOWN, FailureClass.OURS)
_PHASES = ("dispatch", "queue", "boot", "load", "execute")


def order_of(frame: pl.DataFrame) -> list[str]:
    """The row labels of a frame with a backend, in the pages' order."""
    return [label(name) for name in in_order(frame["backend"].to_list())]


def marks(timed: pl.DataFrame, kind: StartKind) -> pl.DataFrame:
    """Counted jobs of one start kind for `strip` and `dots`: row, key, job_id, latency_s (null: failed), simulated."""
    mine = timed.filter(pl.col("counted") & (pl.col("start_kind") == kind))
    names = in_order(mine["backend"].to_list())
    return mine.select(
        "backend",
        row=pl.col("backend").replace_strict({name: label(name) for name in names}, default=""),
        key=pl.col("backend").replace_strict({name: provider_of(name) for name in names}, default="muted"),
        job_id="job_id",
        latency_s=pl.when(pl.col("latency_s").is_finite()).then("latency_s"),
        simulated="simulated",
    )


def quantile_marks(cells: pl.DataFrame) -> pl.DataFrame:
    """The quantiles of the warm cells that are not withheld: row, key, quantile, value, low, high, label, simulated."""
    rows = [mark for row in of_kind(cells, StartKind.WARM).iter_rows(named=True) for mark in _quantiles(row)]
    schema = {"row": pl.String, "key": pl.String, "quantile": pl.String, "value": pl.Float64, "low": pl.Float64}
    return pl.DataFrame(rows, schema={**schema, "high": pl.Float64, "label": pl.String, "simulated": pl.Boolean})


def phase_means(cells: pl.DataFrame, kind: StartKind) -> pl.DataFrame:
    """Means of good jobs, since only means of phases add up: row, key, phase, seconds, simulated.

    Where a provider counts the boot into the queue and the model load into the execution, they are taken out of them.
    """
    rows = [part for row in of_kind(cells, kind).iter_rows(named=True) for part in _phases(row)]
    schema = {"row": pl.String, "key": pl.String, "phase": pl.String, "seconds": pl.Float64, "simulated": pl.Boolean}
    return pl.DataFrame(rows, schema=schema)


def failure_rows(timed: pl.DataFrame) -> pl.DataFrame:
    """Reasons with their rate per 1,000 first attempts, Wilson, grouped by class; the columns of `failures`."""
    ended = timed.filter(pl.col("outcome").is_not_null() & pl.col("retry_of").is_null())
    ended = ended.filter(pl.col("outcome") != FailureClass.CANCELLED)
    names = in_order(ended["backend"].to_list())
    sent = {name: ended.filter(pl.col("backend") == name).height for name in names}
    reasons = ended["reason"].drop_nulls().unique().to_list()
    rows = [
        _failure(ended, reason, name, slot, sent[name])
        for reason in sorted(reasons, key=_by_class)
        for slot, name in enumerate(names)
    ]
    return pl.DataFrame(rows, infer_schema_length=None)


def failed_jobs(timed: pl.DataFrame) -> pl.DataFrame:
    """The failed jobs themselves, newest first, with the provider's own words."""
    failed = timed.filter(pl.col("outcome").is_not_null() & (pl.col("outcome") != "good")).sort(
        "job_id", descending=True
    )
    return failed.select(
        open=pl.lit(":material/arrow_forward: Job"),
        job="job_id",
        run="run_id",
        provider=pl.col("backend").map_elements(label, return_dtype=pl.String),
        reason=pl.col("reason").map_elements(reason_words, return_dtype=pl.String),
        start="start_kind",
        worker="worker_id",
        said="error",
        simulated="simulated",
    )


def small_print(cells: pl.DataFrame) -> list[str]:
    """What is left out of the success rate, said beside it."""
    ours, unknown = int(cells["ours"].sum()), int(cells["fate_unknown"].sum())
    said = [f"{ours} failed on our side and are left out"] if ours else []
    return said + ([f"{unknown} have an unknown fate and are left out"] if unknown else [])


def _quantiles(row: Mapping[str, Any]) -> Iterator[dict[str, object]]:
    for name in ("p50", "p95"):
        value = row[f"latency_{name}_s"]
        if value is not None and row[f"latency_{name}_withheld"] is None:
            yield {
                "row": label(row["backend"]),
                "key": provider_of(row["backend"]),
                "quantile": name,
                "value": value,
                "low": row[f"latency_{name}_lo_s"],
                "high": row[f"latency_{name}_hi_s"],
                "label": f"{name} {seconds(value).removesuffix(' s')}",
                "simulated": row["simulated"],
            }


def _phases(row: Mapping[str, Any]) -> Iterator[dict[str, object]]:
    for phase, value in zip(_PHASES, _split(row), strict=False):
        yield {
            "row": label(row["backend"]),
            "key": provider_of(row["backend"]),
            "phase": phase,
            "seconds": value,
            "simulated": row["simulated"],
        }


class Phases(NamedTuple):
    """Seconds of one job, or means of many; None where the provider does not say.

    `before`: a boot that came before the job was sent, on a machine that is rented first. It is no part of the latency.
    """

    dispatch: float | None
    queue: float | None
    boot: float | None
    load: float | None
    execute: float | None
    before: float | None


def split_phases(
    *,
    dispatch_s: float | None,
    queue_s: float | None,
    boot_s: float | None,
    load_s: float | None,
    execution_s: float | None,
) -> Phases:
    """Each phase without the others: where the wait in the queue holds the boot, it is taken out of it, and likewise
    the load out of the execution. A boot longer than the wait cannot be part of it: it came before.
    """
    inside = boot_s is None or (queue_s is not None and boot_s <= queue_s)
    boot = boot_s if inside else None
    return Phases(
        dispatch=dispatch_s,
        queue=None if queue_s is None else max(0.0, queue_s - (boot or 0.0)),
        boot=boot,
        load=load_s,
        execute=None if execution_s is None else max(0.0, execution_s - (load_s or 0.0)),
        before=None if inside else boot_s,
    )


def boots_before(cells: pl.DataFrame, kind: StartKind) -> list[str]:
    """Sentences on boots that are no part of the latency."""
    found = ((row["backend"], _split(row).before) for row in of_kind(cells, kind).iter_rows(named=True))
    return [
        f"Not in it: {label(name)} boots {seconds(s)} before the job, when the host is rented."
        for name, s in found
        if s
    ]


def _split(row: Mapping[str, Any]) -> Phases:
    return split_phases(
        dispatch_s=row["dispatch_s"],
        queue_s=row["queue_s"],
        boot_s=row["boot_s"],
        load_s=row["load_s"],
        execution_s=row["execution_s"],
    )


def _failure(ended: pl.DataFrame, reason: str, backend: str, slot: int, n: int) -> dict[str, object]:
    mine = ended.filter((pl.col("backend") == backend) & (pl.col("reason") == reason))
    low, high = stats.wilson(mine.height, n) if n else (0.0, 1.0)
    return {
        "reason": reason_words(reason),
        "key": provider_of(backend),
        "slot": slot,
        "rate": 1000 * mine.height / n if n else None,
        "low": 1000 * low,
        "high": 1000 * high,
        "count": mine.height,
        "n": n,
        "simulated": bool(ended["simulated"].any()),
    }


def _by_class(reason: str) -> tuple[int, str]:
    found = failure_class(reason)
    return (CLASSES.index(found) if found in CLASSES else len(CLASSES), reason)
