"""Jobs in blocks: latency relative to the baseline beside it, the counts of every block, and the A/A check.

A block is one day-part of one day with the arms side by side; rented machines have two half-blocks in it, each with
fresh hosts, and a half-block is then what is replicated. Jobs that enter are `timing.timed(validity.measured(jobs))`.
"""

import math
from random import Random
from typing import Any, NamedTuple

import polars as pl

from analysis import stats, timing
from analysis.estimates import LEAST_BLOCKS, Counts, Jobs
from words import Provider, StartKind

BASELINE = Provider.MODAL.value
FAMILY = 0.01  # two-sided, over all workflows and metrics of an A/A check
STALLED = 2.0  # a good warm job that took more than twice its block's median
TAIL = 0.95

COMPARED = ("workflow", "workflow_hash", "settings", "gpu")
_ARM = (*COMPARED, "block_id", "half", "unit", "backend", "start_kind")
METRICS = ("latency", "tail", "success")

RELATIVE = pl.Schema({"unit": pl.Int64, "r_lo": pl.Float64, "r_hi": pl.Float64, "r": pl.Float64})
BLOCK_ARMS = pl.Schema(
    {
        "workflow": pl.String,
        "workflow_hash": pl.String,
        "settings": pl.String,
        "gpu": pl.String,
        "block_id": pl.Int64,
        "half": pl.Int64,  # null: the whole block
        "unit": pl.Int64,  # what is replicated: the block, or its half
        "backend": pl.String,
        "start_kind": pl.String,
        "n": pl.Int64,  # counted
        "good": pl.Int64,
        "stalled": pl.Int64,  # good, and more than twice the block's median
        "ln_latency": pl.Float64,  # mean over good jobs, ln s
        "latency_p50_s": pl.Float64,  # of good jobs
        "simulated": pl.Boolean,
    }
)


class AARecord(NamedTuple):
    """How often the baseline was held to itself, and how often it was told from itself: at most one honest schedule of
    a hundred, by FAMILY."""

    schedules: int
    comparisons: int
    outside: int


AA = pl.Schema(
    {
        "workflow": pl.String,
        "workflow_hash": pl.String,
        "settings": pl.String,
        "gpu": pl.String,
        "metric": pl.String,
        "blocks": pl.Int64,
        "jobs": pl.Int64,
        "value": pl.Float64,  # latency: ratio of the halves; tail, success: difference of their shares
        "low": pl.Float64,
        "high": pl.Float64,
        "neutral": pl.Float64,  # the value of no difference
        "passes": pl.Boolean,  # null: withheld
        "withheld": pl.String,
        "simulated": pl.Boolean,
    }
)
_IN_BLOCK = pl.col("block_id").is_not_null() & pl.col("counted")
_WARM = pl.col("start_kind") == StartKind.WARM


def relative(jobs: pl.DataFrame) -> pl.DataFrame:
    """The counted jobs of blocks with the columns of RELATIVE; rows keep their order.

    r: latency over the median of the baseline's good warm jobs of the same block, infinite for a failure, null in a
    block without such a job. unit: numbers blocks, and the halves of rented ones apart.
    """
    there = jobs.filter(_IN_BLOCK)
    ours = there.filter(timing.good() & _WARM & (pl.col("backend") == BASELINE))
    middle = ours.group_by(*COMPARED, "block_id").agg(_median=pl.col("latency_hi_s").quantile(0.5, "lower"))
    scaled = there.join(middle, on=[*COMPARED, "block_id"], how="left", maintain_order="left")
    return scaled.with_columns(
        unit=2 * pl.col("block_id") + pl.col("half").fill_null(0),
        r_lo=pl.col("latency_lo_s") / pl.col("_median"),
        r_hi=pl.col("latency_hi_s") / pl.col("_median"),
        r=pl.col("latency_s") / pl.col("_median"),
    ).drop("_median")


def arms(jobs: pl.DataFrame) -> pl.DataFrame:
    """`BLOCK_ARMS`, ordered by key: what each arm did in each block, or half of one, by start kind."""
    good, seconds = timing.good(), pl.col("latency_hi_s")
    return (
        relative(jobs)
        .group_by(_ARM)
        .agg(
            n=pl.len(),
            good=good.sum(),
            stalled=(good & (pl.col("r") > STALLED)).fill_null(value=False).sum(),
            ln_latency=seconds.filter(good).log().mean(),
            latency_p50_s=seconds.filter(good).quantile(0.5, "lower"),
            simulated=pl.col("simulated").any(),
        )
        .cast({"n": pl.Int64, "good": pl.Int64, "stalled": pl.Int64})
        .select(BLOCK_ARMS.names())
        .sort(_ARM)
    )


def values(jobs: pl.DataFrame, column: str = "r", *, by: str = "unit") -> Jobs:
    """For `analysis.estimates`: r (of `relative`) or latency of these jobs, known ones; each belongs to a `by`.

    To pair a rented arm's jobs with the baseline's, which has no halves, take them by block_id.
    """
    low, high = ("r_lo", "r_hi") if column == "r" else ("latency_lo_s", "latency_hi_s")
    known = jobs.filter(pl.col(high).is_not_null())
    return Jobs(low=known[low].to_numpy(), high=known[high].to_numpy(), block=known[by].to_numpy())


def shares(of: pl.DataFrame, hits: str = "good", total: str = "n") -> Counts:
    """For `analysis.estimates`: hits of all, per unit, from rows of `arms`."""
    units = of.group_by("unit").agg(pl.col(hits, total).sum()).filter(pl.col(total) > 0).sort("unit")
    return Counts(good=units[hits].to_list(), of=units[total].to_list())


# ---------------------------------------------------------------- A/A


def aa(jobs: pl.DataFrame, blocks: pl.DataFrame, *, family: float = FAMILY) -> pl.DataFrame:
    """`AA`: the baseline against itself, one row per workflow and metric. Input as above, and `schema.BLOCKS`.

    The warm baseline jobs of every block are split in two by the block's seed; block-t on the differences of the block
    means, at `family` shared among all rows (Bonferroni: with Holm, the first rejection is decided at the same level).
    tail: the share above the baseline's p95. A row that does not pass says that the harness itself tells apart what
    is the same: nothing measured with it may decide. At a look of several, give that look's share of FAMILY.
    """
    split = halves(jobs, blocks)
    groups = split.partition_by(COMPARED, as_dict=True)
    alpha = family / 2 / max(1, len(groups) * len(METRICS))
    rows = [
        {**dict(zip(COMPARED, key, strict=True)), **row}
        for key, group in groups.items()
        for row in _compared(group, alpha)
    ]
    return pl.DataFrame(rows, schema=AA).sort(COMPARED, maintain_order=True)


def aa_record(jobs: pl.DataFrame, blocks: pl.DataFrame) -> AARecord:
    """Of every schedule that there was, each with an error of its own. Input as `aa`."""
    of = blocks.sort("schedule_id", "starts_at").partition_by("schedule_id", maintain_order=True)
    found = [aa(jobs.join(group, on="block_id", how="semi"), group) for group in of]
    told = pl.concat([pl.DataFrame(schema=AA), *found]).drop_nulls("passes")
    judged = sum(each["passes"].count() > 0 for each in found)
    return AARecord(schedules=judged, comparisons=told.height, outside=told.filter(~pl.col("passes")).height)


def halves(jobs: pl.DataFrame, blocks: pl.DataFrame) -> pl.DataFrame:
    """`relative` of the baseline's warm jobs, with `side` 0 or 1; the split depends on block and jobs' ids alone."""
    ours = relative(jobs).filter(_WARM & (pl.col("backend") == BASELINE))
    seeds: dict[int, int] = dict(blocks.select("block_id", "seed").iter_rows())
    sides: dict[int, int] = {}
    for (block_id,), group in ours.partition_by("block_id", as_dict=True).items():
        ids = sorted(group["job_id"])
        Random(f"aa {seeds[block_id]}").shuffle(ids)
        sides |= {job_id: int(2 * place >= len(ids)) for place, job_id in enumerate(ids)}
    side = pl.col("job_id").replace_strict(sides, return_dtype=pl.Int64) if sides else pl.lit(0, pl.Int64)
    return ours.with_columns(side=side)


def _compared(group: pl.DataFrame, alpha: float) -> list[dict[str, Any]]:
    """One row per metric."""
    limit = stats.quantile(group["r_hi"].drop_nulls(), TAIL)
    means = group.group_by("block_id", "side").agg(
        latency=pl.col("latency_hi_s").filter(timing.good()).log().mean(),
        tail=(pl.col("r_hi") > limit).mean(),
        success=timing.good().cast(pl.Float64).mean(),
    )
    apart = means.filter(side=0).join(means.filter(side=1), on="block_id", suffix="_other").sort("block_id")
    about = {"jobs": group.height, "simulated": bool(group["simulated"].any())}
    return [about | _row(apart, metric, alpha) for metric in METRICS]


def _row(apart: pl.DataFrame, metric: str, alpha: float) -> dict[str, Any]:
    differences = (apart[metric] - apart[f"{metric}_other"]).drop_nulls().drop_nans()
    blocks = differences.len()
    neutral = 1.0 if metric == "latency" else 0.0
    row: dict[str, Any] = dict.fromkeys(("value", "low", "high", "passes", "withheld"))
    row |= {"metric": metric, "blocks": blocks, "neutral": neutral}
    if blocks < LEAST_BLOCKS:
        return row | {"withheld": f"needs {LEAST_BLOCKS - blocks} more blocks"}
    mean = float(differences.to_numpy().mean())
    low, high = stats.block_t(differences.to_numpy(), alpha=alpha)
    value, low, high = (_unit(metric, each) for each in (mean, low, high))
    return row | {"value": value, "low": low, "high": high, "passes": low <= neutral <= high}


def _unit(metric: str, difference: float) -> float:
    return math.exp(difference) if metric == "latency" else difference
