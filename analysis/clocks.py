"""How far a worker's clock is ahead of ours, told from the jobs it did.

Each job is a request pair: it began on the worker after we had sent it, and had ended there before we saw it finished.
So offset <= began - sent and offset >= ended - finished, and all jobs of a worker together leave an interval (Marzullo
& Owicki 1983). Its middle is the estimate, half its width the uncertainty; nothing is assumed of the network.
"""

import polars as pl

WORKER = ("deployment_id", "worker_id")
_HIGH = (pl.col("worker_began_at") - pl.col("sent_at")).dt.total_microseconds()
_LOW = (pl.col("worker_ended_at") - pl.col("first_finished_at")).dt.total_microseconds()
_PAIR = _HIGH.is_not_null() & _LOW.is_not_null()


def clocks(jobs: pl.DataFrame) -> pl.DataFrame:
    """One row per worker whose clock can be told, of `schema.JOBS`: WORKER, offset_us, uncertainty_us, pairs (jobs).

    offset_us: its clock less ours. A worker whose jobs contradict each other has a clock that was set or drifts by more
    than the network hides: it has no row.
    """
    return (
        jobs.filter(_PAIR, pl.col("worker_id").is_not_null())
        .group_by(WORKER)
        .agg(high=_HIGH.min(), low=_LOW.max(), pairs=pl.len())
        .filter(pl.col("low") <= pl.col("high"))
        .select(
            *WORKER,
            offset_us=(pl.col("low") + pl.col("high")) // 2,
            uncertainty_us=(pl.col("high") - pl.col("low") + 1) // 2,
            pairs=pl.col("pairs").cast(pl.Int64),
        )
        .sort(WORKER)
    )


def ended_s() -> pl.Expr:
    """Seconds from the intended start to the worker's own end stamp, on our clock; null where its clock is not told.

    For a frame of `schema.JOBS`; the same bounds as in `clocks`, window by window.
    """
    high = _HIGH.filter(_PAIR).min().over(WORKER)
    low = _LOW.filter(_PAIR).max().over(WORKER)
    offset = pl.when(low <= high, pl.col("worker_id").is_not_null()).then((low + high) / 2)
    return ((pl.col("worker_ended_at") - pl.col("intended_at")).dt.total_microseconds() - offset) / 1e6
