"""All marks of runs: on what was measured (`analysis.validity`) and on what it was billed (`analysis.attribution`)."""

import polars as pl

from analysis import attribution, cost, validity
from words import Mark

_ORDER = {mark.value: place for place, mark in enumerate(Mark)}


def marks(deployments: pl.DataFrame, jobs: pl.DataFrame, charges: pl.DataFrame) -> pl.DataFrame:
    """`schema.MARKS`, by run, backend and the order of `words.Mark`. Input: `schema.DEPLOYMENTS`, `JOBS`, `CHARGES`.

    Of whole runs: a bill is held against all that was measured under it. A live run's marks and open bills may change.
    """
    bills = attribution.marks(cost.waterfall(deployments, jobs, charges))
    place = pl.col("mark").replace_strict(_ORDER, return_dtype=pl.Int64)
    return pl.concat([validity.marks(jobs), bills]).sort("run_id", "backend", place)
