"""What something costs, on two bases that are never in one sum.

Marginal: the seconds in which good images were made, at the rate of their worker: what one more costs while a worker
is up. Fully loaded: every dollar of the deployments, billed where there is a bill, else estimated: what the benchmark
paid. What production would pay is neither: it is replayed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from analysis import cost
from analysis.estimates import LEAST_BLOCKS, Estimate, recomputed
from analysis.lines import weakest_state
from analysis.lives import US, lives
from words import CostState

MARGINAL, FULLY_LOADED = "marginal", "fully_loaded"
BASES = pl.Schema(  # of `bases.bases`: one arm on one basis in one unit
    {
        "workflow": pl.String,
        "backend": pl.String,
        "gpu": pl.String,
        "basis": pl.String,  # marginal, fully_loaded: never in one sum
        "unit": pl.String,  # image, thousand_images, job, hour, gpu_s
        "usd": pl.Float64,  # for one of the unit; null: there is none of it
        "usd_lo": pl.Float64,
        "usd_hi": pl.Float64,
        "withheld": pl.String,  # why there are no limits
        "claims": pl.Boolean,  # enough blocks to rest a claim on the limits
        "cost_nano": pl.Int64,
        "of_units": pl.Float64,  # images, jobs, hours or seconds that cost it
        "blocks": pl.Int64,
        "cost_state": pl.String,
        "simulated": pl.Boolean,
    }
)
_ARM = ("workflow", "backend", "gpu")
_HOUR_US = 3600 * US


@dataclass(frozen=True, kw_only=True)
class _Unit:
    """So many of a column of the clusters are one of it."""

    name: str
    column: str
    size: float


def bases(deployments: pl.DataFrame, jobs: pl.DataFrame, charges: pl.DataFrame) -> pl.DataFrame:
    """`BASES`, ordered by workflow, backend, GPU, basis and unit.

    Clusters: blocks, the halves of rented ones apart; a deployment of no block is one of its own. hour and gpu_s are of
    one worker: marginal, while it makes good images; fully loaded, while it is up.
    """
    clusters = _clusters(deployments, jobs, charges)
    arms = clusters.partition_by(_ARM, as_dict=True, maintain_order=True)
    rows = [row for key, arm in arms.items() for row in _arm(dict(zip(_ARM, key, strict=True)), arm)]
    return pl.DataFrame(rows, schema=BASES)


def _clusters(deployments: pl.DataFrame, jobs: pl.DataFrame, charges: pl.DataFrame) -> pl.DataFrame:
    """One row per arm and cluster: its dollars on both bases, and what they were paid for."""
    costs = cost.of_deployments(deployments, jobs, charges)
    up = lives(deployments, jobs).group_by("deployment_id").agg(up_us=pl.col("life_us").sum())
    whole = pl.coalesce("billed_nano", "estimated_nano")
    unit = pl.when(pl.col("block_id").is_not_null()).then(2 * pl.col("block_id") + pl.col("half").fill_null(0))
    return (
        costs.join(cost.work(deployments, jobs), on="deployment_id", how="left")
        .join(up, on="deployment_id", how="left")
        .join(deployments.select("deployment_id", "block_id", "half"), on="deployment_id", how="left")
        .with_columns(cluster=pl.coalesce(unit, -1 - pl.col("deployment_id")), whole_nano=whole)
        .group_by(*_ARM, "cluster")
        .agg(
            pl.col("good_nano", "good_us", "whole_nano", "up_us", "good_images", "jobs").sum(),
            weakest_state(pl.col("cost_state")),
            pl.col("simulated").any(),
        )
        .sort(*_ARM, "cluster")
    )


def _arm(key: Mapping[str, str], arm: pl.DataFrame) -> Iterator[dict[str, Any]]:
    simulated = bool(arm["simulated"].any())
    billed = arm.select(weakest_state(pl.col("cost_state"))).item()
    for basis, dollars, seconds, state in (
        (MARGINAL, "good_nano", "good_us", CostState.ESTIMATED.value),
        (FULLY_LOADED, "whole_nano", "up_us", billed),
    ):
        for unit in _units(seconds):
            found = _per(arm[dollars].to_list(), arm[unit.column].to_list(), size=unit.size)
            yield {**key, "basis": basis, "unit": unit.name, **found, "cost_state": state, "simulated": simulated}


def _units(seconds: str) -> Sequence[_Unit]:
    return (
        _Unit(name="image", column="good_images", size=1),
        _Unit(name="thousand_images", column="good_images", size=1000),
        _Unit(name="job", column="jobs", size=1),
        _Unit(name="hour", column=seconds, size=_HOUR_US),
        _Unit(name="gpu_s", column=seconds, size=US),
    )


def _per(nano: Sequence[int], amount: Sequence[int], *, size: float) -> dict[str, Any]:
    found = _ratio(nano, amount, size=1e9 / size)
    return {
        "usd": found and found.point,
        "usd_lo": found and found.limits.low,
        "usd_hi": found and found.limits.high,
        "withheld": found.withheld if found else "there is none of it yet",
        "claims": found is not None and found.claims,
        "cost_nano": sum(nano),
        "of_units": sum(amount) / size,
        "blocks": len(nano),
    }


def _ratio(of: Sequence[int], per: Sequence[int], *, size: float) -> Estimate | None:
    """Sum over sum / size, with jackknife limits; without them where one cluster has all there is of either."""
    whole, blocks = (sum(of), sum(per)), len(of)
    if whole[1] <= 0:
        return None
    without = [(whole[0] - one, whole[1] - other) for one, other in zip(of, per, strict=True)]
    point = whole[0] / whole[1] / size
    if blocks >= LEAST_BLOCKS and min(map(min, without)) <= 0:
        return Estimate(point=point, n=blocks, blocks=blocks, needs_blocks=1)
    return recomputed(point, [one / other / size if other else 0.0 for one, other in without])
