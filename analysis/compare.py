"""The comparison itself: cells (what a job meets) and deployments (what it all cost).

A cell is workflow hash and settings x backend x GPU x start kind. Jobs whose start kind is not known enter none.
Money is in `*_usd` as floats, for display; the exact integers are in `analysis.cost`.
"""

from collections.abc import Mapping
from typing import Any

import polars as pl

from analysis import cheats, cost, schema, stats, timing, validity
from words import FailureClass, StartKind

CELL = ("workflow", "workflow_hash", "settings", "backend", "gpu", "start_kind")
_KNOWN = [kind.value for kind in StartKind if kind is not StartKind.UNKNOWN]
_DISCARDED = (
    pl.col("left_out").is_not_null() & (pl.col("left_out") != cheats.CACHE_REPEAT) & (pl.col("outcome") == timing.GOOD)
)
_PHASES = ("dispatch_s", "queue_s", "boot_s", "load_s", "execution_s")


def cells(jobs: pl.DataFrame) -> pl.DataFrame:
    """`schema.CELLS`, ordered by key. Input `schema.JOBS`.

    n: counted first attempts (good, or failed by provider, capacity or quality) that `validity.measured` keeps.
    left_out: ended jobs that it does not keep; discarded: of these, good ones whose start was not what their series
    asks for, or that warmed a deployment up. Phase means are of good jobs.
    latency_p50_s: null if unbounded (that many failed). Limits are two-sided 95 %; `*_withheld` says why one is
    missing, in words: "needs 14 more".
    """
    kept = pl.col("job_id").is_in(validity.measured(jobs)["job_id"].implode())
    timed = cost.busy(timing.timed(jobs)).with_columns(kept=kept)
    known = timed.filter(pl.col("start_kind").is_in(_KNOWN), pl.col("retry_of").is_null())
    groups = known.partition_by(CELL, as_dict=True)
    rows = [_cell(dict(zip(CELL, key, strict=True)), group) for key, group in groups.items()]
    return pl.DataFrame([row for row in rows if row["n"]], schema=schema.CELLS).sort(CELL)


def deployments(deployments: pl.DataFrame, jobs: pl.DataFrame, charges: pl.DataFrame) -> pl.DataFrame:
    """`schema.DEPLOYMENT_COSTS`, one row per deployment, ordered: fully loaded = every dollar / good images.

    Of the bill where there is one, else of the estimate; `state` says which.
    """
    return _loaded(cost.of_deployments(deployments, jobs, charges), "billed_nano", "estimated_nano").select(
        schema.DEPLOYMENT_COSTS.names()
    )


def arms(deployments: pl.DataFrame, jobs: pl.DataFrame, charges: pl.DataFrame) -> pl.DataFrame:
    """`schema.ARM_COSTS`: the same summed by workflow, backend and GPU; a sum takes the weakest state of its parts."""
    return _loaded(cost.arms(cost.of_deployments(deployments, jobs, charges)), "cost_nano").select(
        schema.ARM_COSTS.names()
    )


def _cell(key: Mapping[str, Any], group: pl.DataFrame) -> dict[str, Any]:
    kept, left_out = group.filter("kept"), group.filter(~pl.col("kept"))
    counted = kept.filter("counted")
    good = counted.filter(timing.good())
    n = counted.height
    marginal = good["busy_nano"].mean()
    return {
        **key,
        "n": n,
        "good": good.height,
        "ours": kept.filter(pl.col("outcome") == FailureClass.OURS).height,
        "fate_unknown": kept.filter(pl.col("outcome") == FailureClass.UNKNOWN).height,
        "left_out": left_out.filter(pl.col("outcome").is_not_null()).height,
        "discarded": left_out.filter(_DISCARDED).height,
        **_success(good.height, n),
        **_latency(counted, 0.50, "p50"),
        **_latency(counted, 0.95, "p95"),
        **{phase: good[phase].mean() for phase in _PHASES},
        "marginal_usd_per_image": marginal / 1e9 if isinstance(marginal, float) else None,
        "simulated": bool(group["simulated"].any()),
    }


def _success(good: int, n: int) -> dict[str, Any]:
    short = stats.needs(n, stats.MIN_RATE_N)
    low, high = (None, None) if short else stats.wilson(good, n)
    return {
        "success_rate": good / n if n else None,
        "success_lo": low,
        "success_hi": high,
        "success_withheld": _withheld(short),
    }


def _latency(counted: pl.DataFrame, q: float, name: str) -> dict[str, Any]:
    known = counted.filter(pl.col("latency_s").is_not_null())
    low, high = known["latency_lo_s"].to_numpy(), known["latency_hi_s"].to_numpy()
    short = stats.needs(known.height, stats.min_n(q))
    limits = stats.Limits(None, None) if short else stats.quantile_limits(low, high, q)
    return {
        f"latency_{name}_s": _bounded(stats.quantile(high, q)),
        f"latency_{name}_lo_s": _bounded(limits.low),
        f"latency_{name}_hi_s": _bounded(limits.high),
        f"latency_{name}_withheld": _withheld(short),
    }


def _loaded(costs: pl.DataFrame, *money: str) -> pl.DataFrame:
    """Rename the state, add dollars, and divide what is known by the good images; null where there is none."""
    per_image = pl.coalesce(*money) / 1e9 / pl.col("good_images")
    return costs.rename({"cost_state": "state"}).with_columns(
        pl.col("billed_nano", "estimated_nano").truediv(1e9).name.map(lambda name: name.replace("_nano", "_usd")),
        fully_loaded_usd_per_image=pl.when(pl.col("good_images") > 0).then(per_image),
    )


def _withheld(short: int) -> str | None:
    return f"needs {short} more" if short else None


def _bounded(seconds: float | None) -> float | None:
    return None if seconds is None or seconds == float("inf") else seconds
