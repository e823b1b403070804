"""Eviction probes of a run: how long each deployment had been idle before a job, and whether the job met capacity."""

import polars as pl

from analysis import timing
from analysis.eviction import Probe
from words import LoadProfile, StartKind

_TOLD = [StartKind.COLD.value, StartKind.RESTORED.value, StartKind.WARM.value]


def probes(jobs: pl.DataFrame) -> dict[str, list[Probe]]:
    """Backend -> its probes, of `schema.JOBS`; only jobs of the eviction probe count.

    Idle from the end of the job before, corrected where the provider says when that was (`timing.timed`), to the
    sending. The first job of a deployment is no probe, nor is one whose start, or whose predecessor's end, is unknown.
    """
    ended = pl.col("intended_at") + pl.duration(microseconds=(pl.col("latency_hi_s") * 1e6).round())
    timed = timing.timed(jobs.filter(pl.col("profile") == LoadProfile.EVICTION_PROBE, pl.col("sent_at").is_not_null()))
    told = (
        timed.with_columns(ended=pl.when(pl.col("latency_hi_s").is_finite()).then(ended))
        .sort("deployment_id", "sent_at")
        .with_columns(
            gap_us=(pl.col("sent_at") - pl.col("ended").shift().over("deployment_id")).dt.total_microseconds()
        )
        .filter(pl.col("gap_us") > 0, pl.col("start_kind").is_in(_TOLD))
    )
    found: dict[str, list[Probe]] = {}
    for row in told.iter_rows(named=True):
        cold = row["start_kind"] != StartKind.WARM
        found.setdefault(row["backend"], []).append(Probe(gap_s=row["gap_us"] / 1e6, cold=cold))
    return found
