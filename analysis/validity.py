"""May a run's measurements be believed? Marks per run and backend, each a sentence with its numbers.

Some keep a run out of verdicts. Answers from a cache enter no cell either (`measured`).
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import polars as pl

from analysis import cheats, schema, stats, timing
from words import FailureClass, Mark, Reason

LATE_SHARE = 0.01  # of the median latency: p99 of the dispatch delay may be that long (MLPerf LoadGen, wrk2)
OURS_SHARE = 0.02  # of the jobs that we meant to send may fail by our own mistake

_ARM = ("run_id", "backend")
_NOT_SENT = (Reason.BUDGET_REACHED.value, Reason.NOT_SENT.value)  # ours, and no mistake of ours


class _Said(NamedTuple):
    mark: Mark
    reason: str
    value: float
    limit: float


def marks(jobs: pl.DataFrame, *, late_share: float = LATE_SHARE) -> pl.DataFrame:
    """`schema.MARKS`, by run, backend and the order of `words.Mark`. Input `schema.JOBS`; a live run's may change.

    late_share: of the median latency, how long the p99 of the dispatch delay may be.

    value, limit: seconds (host_too_busy, cached, below_floor), a share (too_many_ours) or a number of jobs.
    """
    timed = timing.timed(jobs)
    arms = timed.partition_by(_ARM, as_dict=True)
    rows = [
        {name: check[name] for name in (*_ARM, "simulated")} | said._asdict() | {"excludes": said.mark.excludes}
        for check in cheats.checks(jobs).iter_rows(named=True)
        for said in _said(check, arms[check["run_id"], check["backend"]], late_share)
    ]
    return pl.DataFrame(rows, schema=schema.MARKS)


def untested(jobs: pl.DataFrame) -> list[tuple[int, str, str]]:
    """(run, backend, sentence) of what could not be checked: nobody shall take silence for a pass."""
    return [
        (check["run_id"], check["backend"], sentence)
        for check in cheats.checks(jobs).iter_rows(named=True)
        for sentence in (
            check["cached_untested"] and f"A cache was not tested for: {check['cached_untested']}.",
            check["floor_unknown"] and f"No physical floor is known: {check['floor_unknown']}.",
        )
        if sentence
    ]


def measured(jobs: pl.DataFrame) -> pl.DataFrame:
    """The rows that may enter numbers: not left out, and of no run and backend that answered from a cache."""
    cached = cheats.checks(jobs).filter("cached").select(_ARM)
    return jobs.filter(pl.col("left_out").is_null()).join(cached, on=_ARM, how="anti", maintain_order="left")


def _said(check: Mapping[str, Any], arm: pl.DataFrame, late_share: float) -> Iterator[_Said]:
    if (late := _host_too_busy(arm, late_share)) is not None:
        yield late
    for rule in _RULES:
        if (said := rule(check, arm)) is not None:
            yield said


def _host_too_busy(arm: pl.DataFrame, share: float) -> _Said | None:
    late = stats.quantile(arm["dispatch_s"].drop_nulls(), 0.99)
    latency = stats.quantile(arm["latency_s"].drop_nulls(), 0.50)
    if late is None or latency is None or late <= share * latency:
        return None
    limit = share * latency
    allowed = f"{100 * share:g} % of the median latency is {limit:.3f} s"
    reason = f"Our jobs went out late: 99 % within {late:.3f} s, where {allowed}."
    return _Said(Mark.HOST_TOO_BUSY, reason, late, limit)


def _cached(check: Mapping[str, Any], _arm: pl.DataFrame) -> _Said | None:
    if not check["cached"]:
        return None
    if answered := check["sampler_cached"]:
        reason = f"ComfyUI had the sampling of {_jobs(answered)} with a fresh prompt or seed in its cache."
        return _Said(Mark.CACHED, reason, answered, 0)
    limit = cheats.CACHED_BELOW * check["fresh_s"]
    reason = (
        f"{check['repeats']} repeats of one prompt and seed took {check['repeat_s']:.2f} s (median), fresh ones "
        f"{check['fresh_s']:.2f} s: answers come from a cache."
    )
    return _Said(Mark.CACHED, reason, check["repeat_s"], limit)


def _below_floor(check: Mapping[str, Any], _arm: pl.DataFrame) -> _Said | None:
    if not check["below_floor"]:
        return None
    floor, typical, far = check["floor_s"], check["execution_s"], check["far_below"]
    limit = cheats.typical_floor_s(floor)
    means = f"the {floor:.2f} s that the steps alone take on {check['gpu']}: a cache, a smaller model or fewer steps."
    if typical < limit:
        reason = f"{_jobs(check['executed'])} took {typical:.2f} s (median), less than {means}"
        return _Said(Mark.BELOW_FLOOR, reason, typical, limit)
    return _Said(Mark.BELOW_FLOOR, f"{far} of {_jobs(check['executed'])} took less than half of {means}", far, 0)


def _images(mark: Mark, name: str, what: str) -> Callable[[Mapping[str, Any], pl.DataFrame], _Said | None]:
    def rule(check: Mapping[str, Any], _arm: pl.DataFrame) -> _Said | None:
        n = check[name]
        return _Said(mark, f"{_jobs(n)} {what}; each counts as a failure.", n, 0) if n else None

    return rule


def _too_many_ours(_check: Mapping[str, Any], arm: pl.DataFrame) -> _Said | None:
    meant = arm.filter(pl.col("outcome").is_not_null(), ~pl.col("reason").is_in(_NOT_SENT).fill_null(value=False))
    ours = meant.filter(pl.col("outcome") == FailureClass.OURS).height
    if ours <= OURS_SHARE * meant.height:
        return None
    reason = f"{ours} of {_jobs(meant.height)} failed by our own mistake, more than 2 %."
    return _Said(Mark.TOO_MANY_OURS, reason, ours / meant.height, OURS_SHARE)


def _ended_by(mark: Mark, cause: Reason, why: str) -> Callable[[Mapping[str, Any], pl.DataFrame], _Said | None]:
    def rule(_check: Mapping[str, Any], arm: pl.DataFrame) -> _Said | None:
        n = arm.filter(pl.col("reason") == cause).height
        return _Said(mark, f"{why}: {n} of {_jobs(arm.height)} were not run.", n, 0) if n else None

    return rule


def _jobs(n: int) -> str:
    return "1 job" if n == 1 else f"{n} jobs"


_RULES = (
    _cached,
    _below_floor,
    _images(Mark.IGNORED_SEED, "duplicates", "gave the pixels of another prompt or seed"),
    _images(Mark.WRONG_SIZE, "wrong_size", "gave an image of another size than asked"),
    _images(Mark.NO_OUTPUT, "no_output", "ended as completed without an image"),
    _too_many_ours,
    _ended_by(Mark.SATURATED, Reason.SATURATED, "More came in than it could carry"),
    _ended_by(Mark.PARTIAL, Reason.BUDGET_REACHED, "A ceiling was reached"),
)
