"""A worker's clock, told from its jobs: never outside what they allow."""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis import schema
from analysis.clocks import clocks, ended_s

AT = datetime(2026, 11, 2, 8, tzinfo=UTC)


def jobs(offset_s: float, *, n: int = 5, seed: int = 1, worker: str | None = "w", way_s: float = 0.05) -> pl.DataFrame:
    """Jobs of ten seconds on a worker whose clock is `offset_s` ahead, over a network whose ways differ."""
    dice, rows = Random(seed), []
    for i in range(n):
        sent = AT + timedelta(seconds=60 * i)
        began = sent + timedelta(seconds=dice.uniform(0.2, 1) * way_s)
        ended = began + timedelta(seconds=10)
        seen = ended + timedelta(seconds=dice.uniform(0.2, 1) * way_s)
        rows.append(
            {
                "deployment_id": 1,
                "worker_id": worker,
                "intended_at": sent - timedelta(milliseconds=3),
                "sent_at": sent,
                "worker_began_at": began + timedelta(seconds=offset_s),
                "worker_ended_at": ended + timedelta(seconds=offset_s),
                "first_finished_at": seen,
            }
        )
    return frame(*rows)


def frame(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema={name: schema.JOBS[name] for name in rows[0]})


@given(st.floats(-3600, 3600), st.integers(1, 30), st.integers(0, 999))
def test_the_true_offset_lies_within_the_uncertainty(offset_s: float, n: int, seed: int) -> None:
    (row,) = clocks(jobs(offset_s, n=n, seed=seed)).iter_rows(named=True)
    assert abs(row["offset_us"] - offset_s * 1e6) <= row["uncertainty_us"] + 2
    assert row["uncertainty_us"] <= 50_000
    assert row["pairs"] == n


def test_more_jobs_leave_less_uncertainty() -> None:
    few, many = (clocks(jobs(2.0, n=n))["uncertainty_us"][0] for n in (1, 40))
    assert many < few


def test_each_worker_has_a_clock_of_its_own() -> None:
    both = pl.concat([jobs(2.0, worker="a"), jobs(-2.0, worker="b")])
    found = clocks(both)
    assert found["worker_id"].to_list() == ["a", "b"]
    assert found["offset_us"].to_list() == pytest.approx([2e6, -2e6], abs=50_000)


def test_a_clock_that_was_set_between_jobs_is_not_told() -> None:
    assert clocks(pl.concat([jobs(2.0), jobs(-2.0)])).is_empty()
    assert pl.concat([jobs(2.0), jobs(-2.0)]).select(ended_s())["worker_ended_at"].null_count() == 10


@pytest.mark.parametrize("missing", ["sent_at", "worker_began_at", "worker_ended_at", "first_finished_at", "worker_id"])
def test_without_a_whole_pair_nothing_is_told(missing: str) -> None:
    assert clocks(jobs(2.0).with_columns(pl.lit(None).cast(schema.JOBS[missing]).alias(missing))).is_empty()


def test_the_end_on_our_clock_is_right_within_the_uncertainty_whatever_the_workers_clock_says() -> None:
    told = jobs(-1800.0, n=8).select(ended_s().alias("s"))["s"]
    assert told.to_list() == pytest.approx([10.03] * 8, abs=0.06)


def test_a_lost_job_of_the_same_worker_takes_nothing_from_the_others() -> None:
    one = jobs(2.0, n=1).with_columns(first_finished_at=pl.lit(None).cast(schema.JOBS["first_finished_at"]))
    both = pl.concat([jobs(2.0), one])
    assert clocks(both)["pairs"].to_list() == [5]
    assert both.select(ended_s().alias("s"))["s"].null_count() == 0
