"""Was it honest work? Per run and backend: answers from a cache, faster than the GPU can be, somebody else's pixels.

A run repeats one prompt and seed for the cache check. ComfyUI itself keeps the results of the prompt before, so that a
repeat whose sampling it had is no evidence against the provider; a fresh prompt whose sampling it had is.
"""

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any, TypeVar

import polars as pl

from analysis import schema, timing
from analysis.step_times import Work, floor_s
from words import JobStatus, Reason

CACHE_REPEAT = "cache_repeat"  # `left_out` of a job that repeats another for the cache check
CACHED_BELOW = 0.5  # of fresh executions, median against median: 3 repeats of jobs that spread by 12 % never get there
LEAST_REPEATS = 2  # one of the three may have failed
HOSTS_APART = 0.10  # how much faster than the measured card another of its model may be; assumed, none was measured
FAR_BELOW = 0.5  # of the floor: a single job as fast as that was not computed

_T = TypeVar("_T")
_ARM = ("run_id", "backend")
_WORK = Work._fields


def checks(jobs: pl.DataFrame) -> pl.DataFrame:
    """`schema.CHECKS`, one row per run and backend, ordered. Input `schema.JOBS`.

    cached: null where it could not be tested, and `cached_untested` says why. below_floor: null where no floor is
    known, and `floor_unknown` says why.
    """
    groups = jobs.partition_by(_ARM, as_dict=True, maintain_order=True)
    rows = [{**dict(zip(_ARM, key, strict=True)), **_check(group)} for key, group in groups.items()]
    return pl.DataFrame(rows, schema=schema.CHECKS).sort(_ARM)


def typical_floor_s(floor: float) -> float:
    """What the median of a run's executions must reach, seconds."""
    return (1 - HOSTS_APART) * floor


def spread(jobs: Sequence[_T], repeats: Sequence[_T]) -> list[_T]:
    """The jobs of a lane with the repeats of its first one, each behind another of its last jobs as far as they go.

    Back to back ComfyUI would answer the second repeat itself: it keeps what the prompt before computed.
    """
    between = jobs[max(1, len(jobs) - len(repeats)) :]
    dealt = [each for pair in zip_longest(between, repeats) for each in pair if each is not None]
    return [*jobs[: len(jobs) - len(between)], *dealt]


def _check(group: pl.DataFrame) -> dict[str, Any]:
    repeated = pl.col("left_out").eq_missing(CACHE_REPEAT)
    first = group.row(0, named=True)
    return {
        "gpu": first["gpu"],
        **_cache(group.filter(~repeated), group.filter(repeated)),
        **_floor(first, group.filter(~repeated)),
        "duplicates": _count(group, pl.col("defect") == "duplicate"),
        "wrong_size": _count(group, pl.col("defect") == "wrong_size"),
        "no_output": _count(group, pl.col("reason") == Reason.RESULT_MISSING),
        "simulated": bool(group["simulated"].any()),
    }


def _cache(fresh: pl.DataFrame, repeats: pl.DataFrame) -> dict[str, Any]:
    """Repeats against fresh prompts that met a ready worker."""
    warm = _executed(fresh).filter(~timing.STARTED, pl.col("left_out").is_null())
    computed = _executed(repeats).filter(~pl.col("sampler_cached").fill_null(value=False))
    answered = _count(fresh, pl.col("sampler_cached"))
    repeat_s, fresh_s = _median(computed), _median(warm)
    untested = _untested(repeats, computed, warm)
    hit = repeat_s is not None and fresh_s is not None and not untested and repeat_s < CACHED_BELOW * fresh_s
    return {
        "repeats": computed.height,
        "repeat_s": repeat_s,
        "fresh": warm.height,
        "fresh_s": fresh_s,
        "sampler_cached": answered,
        "cached": True if hit or answered else None if untested else False,
        "cached_untested": untested,
    }


def _untested(repeats: pl.DataFrame, computed: pl.DataFrame, warm: pl.DataFrame) -> str | None:
    if repeats.is_empty():
        return "no prompt was repeated"
    if computed.height < LEAST_REPEATS:
        own = _count(repeats, pl.col("sampler_cached"))
        why = f", {own} came from ComfyUI's own cache" if own else ""
        return f"{computed.height} of {repeats.height} repeats can be compared{why}"
    return "no fresh prompt met a ready worker" if warm.is_empty() else None


def _floor(first: Mapping[str, Any], fresh: pl.DataFrame) -> dict[str, Any]:
    known = all(first[name] is not None for name in _WORK)
    floor = floor_s(Work(*(first[name] for name in _WORK)), first["gpu"]) if known else None
    execution = _executed(fresh)["execution_s"]
    typical = _median(_executed(fresh))
    far = 0 if floor is None else int((execution < FAR_BELOW * floor).sum())
    below = None if floor is None or typical is None else typical < typical_floor_s(floor) or far > 0
    return {
        "floor_s": floor,
        "floor_unknown": None if floor is not None else _why_unknown(first) if known else "its workflow has changed",
        "executed": execution.len(),
        "execution_s": typical,
        "far_below": far,
        "below_floor": below,
    }


def _why_unknown(first: Mapping[str, Any]) -> str:
    return f"no step of {first['model']} was measured on {first['gpu']}"


def _executed(jobs: pl.DataFrame) -> pl.DataFrame:
    """Jobs that gave an image, good or not, and whose execution is known."""
    gave = (pl.col("status") == JobStatus.SUCCEEDED) | (pl.col("reason") == Reason.IMAGE_BROKEN)
    return jobs.filter(gave, pl.col("execution_s").is_not_null())


def _median(jobs: pl.DataFrame) -> float | None:
    middle = jobs["execution_s"].median()
    return middle if isinstance(middle, float) else None


def _count(jobs: pl.DataFrame, which: pl.Expr) -> int:
    return jobs.filter(which.fill_null(value=False)).height
