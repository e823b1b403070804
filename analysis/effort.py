"""Minutes that a provider takes: what people logged, and waits that were measured. The two are never in one sum."""

import polars as pl

from words import EffortKind

EFFORT = pl.Schema(
    {
        "effort_id": pl.Int64(),  # null: told by a deployment's own instants
        "deployment_id": pl.Int64(),  # null: logged by a person, or measured around a command
        "at": pl.Datetime("us", "UTC"),
        "backend": pl.String(),
        "kind": pl.String(),
        "minutes": pl.Float64(),
        "measured": pl.Boolean(),
        "by": pl.String(),
        "text": pl.String(),
        "note": pl.String(),
        "simulated": pl.Boolean(),
    }
)
SUMMARY = pl.Schema(
    {
        "backend": pl.String(),
        "kind": pl.String(),
        "measured": pl.Boolean(),
        "n": pl.Int64(),
        "minutes": pl.Float64(),  # in all
        "median_minutes": pl.Float64(),
        "longest_minutes": pl.Float64(),
        "first_at": pl.Datetime("us", "UTC"),
        "last_at": pl.Datetime("us", "UTC"),
        "simulated": pl.Boolean(),
    }
)


def measured(deployments: pl.DataFrame) -> pl.DataFrame:
    """`EFFORT`: how long each deployment of `schema.DEPLOYMENTS` took from its order until it was ready.

    A serverless endpoint is ready as soon as the provider has it: its first job boots. Those that never were have none.
    """
    lasted = (pl.col("ready_at") - pl.col("intended_at")).dt.total_microseconds()
    return (
        deployments.filter(lasted >= 0)
        .select(
            "deployment_id",
            "backend",
            "simulated",
            effort_id=pl.lit(None, dtype=pl.Int64),
            at=pl.col("ready_at"),
            kind=pl.lit(EffortKind.DEPLOY.value),
            minutes=lasted / 60e6,
            measured=pl.lit(value=True),
            by=pl.lit("collector"),
            text=pl.format("{}: ordered until ready", "deployment"),
            note=pl.lit(""),
        )
        .sort("at", "deployment_id")
        .select(EFFORT.names())
    )


def summary(effort: pl.DataFrame) -> pl.DataFrame:
    """`SUMMARY` of `EFFORT`, by backend and kind, logged and measured apart."""
    minutes = pl.col("minutes")
    return (
        effort.group_by("backend", "kind", "measured")
        .agg(
            n=pl.len().cast(pl.Int64),
            minutes=minutes.sum(),
            median_minutes=minutes.median(),
            longest_minutes=minutes.max(),
            first_at=pl.col("at").min(),
            last_at=pl.col("at").max(),
            simulated=pl.col("simulated").any(),
        )
        .sort("backend", "kind", "measured")
        .select(SUMMARY.names())
    )
