"""Is there a GPU when one is asked for? A result of its own: deployments are not pooled with jobs, each has its n.

A deployment of a scaling backend is ready before it has a GPU: there the wait of its cold jobs for a worker tells.
"""

from collections.abc import Iterator
from typing import Any

import polars as pl

from analysis import stats
from analysis.timing import COUNTED, GOOD, STARTED
from words import FAILURE_OF, FailureClass, Reason

CAPACITY = pl.Schema(
    {
        "backend": pl.String,
        "gpu": pl.String,
        "metric": pl.String,  # of METRICS
        "unit": pl.String,  # share, s
        "n": pl.Int64,
        "hits": pl.Int64,  # of a share
        "value": pl.Float64,  # null without `withheld`: unbounded, since that many never came
        "low": pl.Float64,
        "high": pl.Float64,  # null without `withheld`: no upper limit
        "withheld": pl.String,  # why there is no interval: "needs 14 more"
        "left_out": pl.Int64,  # ended by us, by our mistake, or nobody can tell: not in n
        "simulated": pl.Boolean,
    }
)
FAILURES = pl.Schema(
    {
        "backend": pl.String,
        "gpu": pl.String,
        "failure_class": pl.String,
        "reason": pl.String,
        "jobs": pl.Int64,
        "n": pl.Int64,  # first attempts of that backend and GPU that ended
        "example_job": pl.Int64,  # the latest
        "said": pl.String,  # what came with it
        "simulated": pl.Boolean,
    }
)
METRICS = {
    "orders_ready": "orders that got ready",
    "orders_without_capacity": "orders for which there was no capacity",
    "time_to_ready_p50": "order to ready, p50",
    "time_to_ready_p95": "order to ready, p95",
    "jobs_without_capacity": "jobs for which there was no capacity in time",
    "wait_for_worker_p50": "cold job accepted to its worker's start, p50",
    "wait_for_worker_p95": "cold job accepted to its worker's start, p95",
}
_CLASS = {reason.value: failure.value for reason, failure in FAILURE_OF.items()}
_NEVER = pl.lit(float("inf"))
_QUANTILES = ((0.5, "p50"), (0.95, "p95"))


def capacity(deployments: pl.DataFrame, timed: pl.DataFrame) -> pl.DataFrame:
    """`CAPACITY`, ordered by backend, GPU and `METRICS`; from `schema.DEPLOYMENTS` and `schema.TIMED` jobs.

    A metric that nothing was measured for has no row. Times of orders and jobs that never got a GPU are unbounded, as
    latencies are: failing fast is no way to look quick. Wilson and order statistics, two-sided 95 %.
    """
    ordered, first = _orders(deployments), timed.filter(pl.col("retry_of").is_null(), pl.col("outcome").is_not_null())
    keys = pl.concat([ordered.select("backend", "gpu"), first.select("backend", "gpu")]).unique().sort("backend", "gpu")
    rows: list[dict[str, Any]] = []
    for backend, gpu in keys.rows():
        here = (pl.col("backend") == backend) & (pl.col("gpu") == gpu)
        for row in [*_of_orders(ordered.filter(here)), *_of_jobs(first.filter(here))]:
            rows.append({"backend": backend, "gpu": gpu, **row})
    return pl.DataFrame(rows, schema=CAPACITY)


def failures(timed: pl.DataFrame) -> pl.DataFrame:
    """`FAILURES`, most first within a backend and GPU: first attempts that ended without a good image."""
    ended = timed.filter(pl.col("retry_of").is_null(), pl.col("outcome").is_not_null())
    n = ended.group_by("backend", "gpu").agg(n=pl.len().cast(pl.Int64))
    said = pl.coalesce("error", "defect")
    found = (
        ended.filter(pl.col("outcome") != GOOD)
        .sort("job_id")
        .group_by("backend", "gpu", pl.col("outcome").alias("failure_class"), _reason().alias("reason"))
        .agg(
            jobs=pl.len().cast(pl.Int64),
            example_job=pl.col("job_id").last(),
            said=said.last(),
            simulated=pl.col("simulated").any(),
        )
    )
    by = ["backend", "gpu", "jobs", "reason"]
    return (
        found.join(n, on=["backend", "gpu"]).select(FAILURES.names()).sort(by, descending=[False, False, True, False])
    )


def _reason() -> pl.Expr:
    """As kept; a job called succeeded that gave no good image has none of its own."""
    missing = pl.when(pl.col("good_image").is_null()).then(pl.lit(Reason.RESULT_MISSING.value))
    return pl.coalesce("reason", missing.otherwise(pl.lit(Reason.IMAGE_BROKEN.value)))


def _orders(deployments: pl.DataFrame) -> pl.DataFrame:
    """Orders that came to something, with `outcome` (ready, or the class of its cause) and the seconds it took."""
    ready = pl.col("ready_at").is_not_null()
    of_cause = pl.col("cause").replace_strict(_CLASS, default=FailureClass.UNKNOWN.value, return_dtype=pl.String)
    took_s = (pl.col("ready_at") - pl.coalesce("intended_at", "created_at")).dt.total_microseconds() / 1e6
    return deployments.filter(ready | pl.col("cause").is_not_null()).with_columns(
        outcome=pl.when(ready).then(pl.lit(GOOD)).otherwise(of_cause),
        took_s=pl.when(ready).then(took_s).otherwise(_NEVER),
    )


def _of_orders(orders: pl.DataFrame) -> Iterator[dict[str, Any]]:
    counted = orders.filter(pl.col("outcome").is_in(COUNTED))
    common = {"left_out": orders.height - counted.height, "simulated": bool(orders["simulated"].any())}
    if orders.is_empty():
        return
    for metric, outcome in (("orders_ready", GOOD), ("orders_without_capacity", FailureClass.CAPACITY.value)):
        hits = counted.filter(pl.col("outcome") == outcome).height
        yield {"metric": metric, **_share(hits, counted.height), **common}
    took = counted["took_s"].to_list()
    for q, name in _QUANTILES:
        yield {"metric": f"time_to_ready_{name}", **_quantile(took, took, q), **common}


def _of_jobs(jobs: pl.DataFrame) -> Iterator[dict[str, Any]]:
    counted = jobs.filter(pl.col("counted"))
    common = {"left_out": jobs.height - counted.height, "simulated": bool(jobs["simulated"].any())}
    if counted.is_empty():
        return
    missed = counted.filter(pl.col("outcome") == FailureClass.CAPACITY)
    yield {"metric": "jobs_without_capacity", **_share(missed.height, counted.height), **common}
    wait_s = (pl.col("worker_started_at") - pl.col("accepted_at")).dt.total_microseconds() / 1e6
    placed = counted.filter(STARTED, pl.col("outcome") == GOOD).select(wait_s=wait_s).filter(pl.col("wait_s") >= 0)
    if placed.is_empty():
        return  # the provider does not say when a worker starts, or no worker was started for a job
    low = [*placed["wait_s"], *missed["latency_lo_s"]]
    high = [*placed["wait_s"], *missed["latency_hi_s"]]
    for q, name in _QUANTILES:
        yield {"metric": f"wait_for_worker_{name}", **_quantile(low, high, q), **common}


def _share(hits: int, n: int) -> dict[str, Any]:
    short = stats.needs(n, stats.MIN_RATE_N)
    low, high = (None, None) if short else stats.wilson(hits, n)
    value = hits / n if n else None
    return {
        "unit": "share", "n": n, "hits": hits, "value": value, "low": low, "high": high, "withheld": _needs(short),
    }  # fmt: skip


def _quantile(low: list[float], high: list[float], q: float) -> dict[str, Any]:
    """The point too is withheld: a quantile of a handful of rentals says nothing of the next one."""
    n, short = len(high), stats.needs(len(high), stats.min_n(q))
    if short:
        none = dict.fromkeys(("value", "low", "high"))
        return {"unit": "s", "n": n, "hits": None, **none, "withheld": _needs(short)}
    limits = stats.quantile_limits(low, high, q)
    return {
        "unit": "s",
        "n": n,
        "hits": None,
        "value": _bounded(stats.quantile(high, q)),
        "low": _bounded(limits.low),
        "high": _bounded(limits.high),
        "withheld": None,
    }


def _needs(short: int) -> str | None:
    return f"needs {short} more" if short else None


def _bounded(seconds: float | None) -> float | None:
    return None if seconds is None or seconds == float("inf") else seconds
