"""From instants to durations: what each job's latency was, as far as it can be known, and whose failure it was not.

Latency runs from the *intended* start, so that our own delay cannot hide a queue (coordinated omission), to the
result in our hands. What was never delivered took for ever: failing fast is no way to look quick.
"""

import polars as pl

from analysis.clocks import ended_s
from words import FAILURE_OF, FailureClass, JobStatus, StartKind

GOOD = "good"
COUNTED = (GOOD, FailureClass.PROVIDER.value, FailureClass.CAPACITY.value, FailureClass.QUALITY.value)
_FINAL = [status.value for status in JobStatus if status.final]
_FATE_OPEN = [JobStatus.TIMED_OUT.value, JobStatus.LOST.value, JobStatus.CANCELLED.value]
_CLASS = {reason.value: failure.value for reason, failure in FAILURE_OF.items()}
STARTED = pl.col("start_kind").is_in([StartKind.COLD.value, StartKind.RESTORED.value]).fill_null(value=False)
_NEVER = pl.lit(float("inf"))


def timed(jobs: pl.DataFrame) -> pl.DataFrame:
    """`schema.JOBS` plus the columns of `schema.TIMED`; rows and their order stay.

    outcome: good, or the failure's class; null while the job is not final.
    counted: it enters rates and quantiles: a first attempt that is good or failed by provider, capacity or quality,
    and that was not left out.
    dispatch_s: intended -> sent. bracket_lo_s, bracket_hi_s: intended -> last look that saw it unfinished, and first
    that saw it finished. latency_lo_s, latency_hi_s: what the latency can have been, infinite where it never came.
    latency_s: the point, infinite for failures, null where it does not count; corrected: by the provider's durations.
    boot_s becomes that of the job which caused it, null for all others (`boot_s`).
    """
    return (
        jobs.with_columns(outcome=_outcome(), boot_s=boot_s())
        .with_columns(
            counted=pl.col("outcome").is_in(COUNTED).fill_null(value=False)
            & pl.col("retry_of").is_null()
            & pl.col("left_out").is_null(),
            dispatch_s=_since_intended("sent_at"),
            bracket_lo_s=_since_intended("last_unfinished_at"),
            bracket_hi_s=_since_intended("first_finished_at"),
        )
        .with_columns(_corrected_s=_corrected())
        .with_columns(corrected=pl.col("_corrected_s").is_not_null())
        .with_columns(latency_lo_s=_low(), latency_hi_s=_high())
        .with_columns(latency_s=pl.when("counted").then("latency_hi_s"))
        .drop("_corrected_s")
    )


def boot_s() -> pl.Expr:
    """The start-up that a cold or restored job caused: as stamped, else from the worker's start to its pick-up."""
    seen = _since_intended("accepted_at") + pl.col("queue_s") - _since_intended("worker_started_at")
    return pl.when(STARTED).then(pl.coalesce("boot_s", pl.when(seen >= 0).then(seen)))


def good() -> pl.Expr:
    """True for jobs that gave a good image at the first attempt."""
    return pl.col("counted") & (pl.col("outcome") == GOOD)


def _outcome() -> pl.Expr:
    succeeded = pl.col("status") == JobStatus.SUCCEEDED
    failed = pl.col("reason").replace_strict(_CLASS, default=FailureClass.UNKNOWN.value, return_dtype=pl.String)
    return (
        pl.when(~pl.col("status").is_in(_FINAL))
        .then(None)
        .when(~succeeded)
        .then(failed.fill_null(FailureClass.UNKNOWN.value))
        .when(pl.col("good_image").is_null())
        .then(pl.lit(FailureClass.PROVIDER.value))  # reported as completed, without an image
        .when(pl.col("good_image"))
        .then(pl.lit(GOOD))
        .otherwise(pl.lit(FailureClass.QUALITY.value))
    )


def _corrected() -> pl.Expr:
    """accepted - intended + queue + execution, held inside the bracket that our own looks prove.

    The provider accepted the job somewhere between our sending and its answer: the middle is taken, as NTP does.
    Without its durations the worker's own end stamp is taken, its clock set by ours (`analysis.clocks`).
    """
    accepted_s = (_since_intended("sent_at") + _since_intended("accepted_at")) / 2
    told = pl.coalesce(accepted_s + pl.col("queue_s") + pl.col("execution_s"), ended_s())
    at_least = pl.max_horizontal(told, "bracket_lo_s")
    return pl.when(told.is_not_null()).then(pl.min_horizontal(at_least, "bracket_hi_s"))


def _low() -> pl.Expr:
    came = pl.coalesce("_corrected_s", "bracket_lo_s", _since_intended("accepted_at"), "dispatch_s", pl.lit(0.0))
    waited = pl.max_horizontal(
        "bracket_lo_s",
        _since_intended("accepted_at"),
        # One that its provider ended before our deadline was seen unfinished only until then.
        pl.when((pl.col("status") == JobStatus.TIMED_OUT) & pl.col("first_finished_at").is_null()).then(
            _since_intended("deadline_at")
        ),
        pl.lit(0.0),
    )
    return (
        pl.when(pl.col("outcome").is_null())
        .then(None)
        .when(pl.col("outcome") == GOOD)
        .then(came)
        .when(pl.col("status").is_in(_FATE_OPEN))
        .then(waited)
        .otherwise(_NEVER)
    )


def _high() -> pl.Expr:
    return (
        pl.when(pl.col("outcome").is_null())
        .then(None)
        .when(pl.col("outcome") == GOOD)
        .then(pl.coalesce("_corrected_s", "bracket_hi_s"))
        .otherwise(_NEVER)
    )


def _since_intended(instant: str) -> pl.Expr:
    return (pl.col(instant) - pl.col("intended_at")).dt.total_microseconds() / 1e6
