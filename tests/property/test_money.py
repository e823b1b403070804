"""Money and brackets, for jobs of every kind: sums close, order does not matter, nothing appears from nowhere."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis import attribution, compare, cost, timing
from storage.types import NanoUsd
from tests.unit.analysis.samples import AT, charge, charges, deployment, deployments, job, jobs
from words import STATUS_OF, CostState, JobStatus, Reason

BACKENDS = ("modal", "runpod", "vast", "modal-web")
INSTANTS = st.none() | st.integers(0, 10**9).map(lambda us: AT + timedelta(microseconds=us))
DURATIONS = st.none() | st.integers(0, 10**8).map(lambda us: us / 1e6)


@st.composite
def anything(draw: st.DrawFn) -> dict[str, Any]:
    """A job in any state the tables allow."""
    reason = draw(st.none() | st.sampled_from(list(Reason)))
    status = STATUS_OF[reason] if reason else draw(st.sampled_from(list(JobStatus)))
    owner = draw(st.integers(1, len(BACKENDS)))
    return job(
        deployment_id=owner, backend=BACKENDS[owner - 1], status=status.value, reason=reason and reason.value,
        start_kind=draw(st.sampled_from(["cold", "restored", "warm", "unknown", None])),
        worker_id=draw(st.sampled_from(["w1", "w2", None])), retry_of=draw(st.sampled_from([None, 1])),
        intended_at=draw(INSTANTS), sent_at=draw(INSTANTS), accepted_at=draw(INSTANTS), deadline_at=draw(INSTANTS),
        last_unfinished_at=draw(INSTANTS), first_finished_at=draw(INSTANTS), queue_s=draw(DURATIONS),
        execution_s=draw(DURATIONS), boot_s=draw(DURATIONS), load_s=draw(DURATIONS),
        usd_per_s_nano=draw(st.none() | st.integers(0, 10**7)), good_image=draw(st.sampled_from([None, True, False])),
    )  # fmt: skip


PRICED = {"storage_usd_per_h_nano": 16_438_356, "network_usd_per_gb_nano": 2_000_000, "model_gb": 34.2}
RENTED = deployments(*(deployment(deployment_id=i, backend=name, **PRICED) for i, name in enumerate(BACKENDS, 1)))
JOBS = st.lists(anything(), max_size=12).map(lambda rows: jobs(*rows))
LINES = st.lists(
    st.builds(
        charge,
        st.none() | st.integers(-(10**9), 10**12),
        provider=st.sampled_from(["modal", "runpod", "vast"]),
        resource_id=st.sampled_from(["ep1", "ep2"]),
        deployment_id=st.integers(1, len(BACKENDS)) | st.none(),
        sku=st.sampled_from(["gpu", "cpu", "memory", "disk", "network", "fee", "rounding", "storage", "other"]),
        description=st.sampled_from([None, "12.345 GB at $2.00/TB"]),
        state=st.sampled_from([state.value for state in CostState]),
    ),
    max_size=12,
).map(lambda rows: charges(*rows))
PARTS = [f"{part}_nano" for part in cost.PARTS]
VOLUMES = ["ep2"]


@settings(deadline=None)
@given(JOBS, LINES)
def test_the_parts_of_every_bill_add_up_to_it(measured: pl.DataFrame, bill: pl.DataFrame) -> None:
    found = cost.waterfall(RENTED, measured, bill)
    assert (found.select(pl.sum_horizontal(PARTS)).to_series() == found["billed_nano"]).all()
    ours = bill.filter(pl.col("deployment_id").is_not_null(), pl.col("billed_nano").is_not_null())
    assert found["billed_nano"].sum() == ours["billed_nano"].sum()
    assert found.height == ours["deployment_id"].n_unique()
    assert (
        found.select(pl.col("good_nano", "failed_nano", "cold_nano", "idle_nano").min())
        .to_series()
        .drop_nulls()
        .ge(0)
        .all()
    )


@settings(deadline=None, max_examples=30)
@given(JOBS, LINES)
def test_runs_and_providers_add_up_to_every_line_that_came(measured: pl.DataFrame, bill: pl.DataFrame) -> None:
    falls = cost.waterfall(RENTED, measured, bill, volumes=VOLUMES)
    providers = attribution.of_providers(falls, RENTED, bill, volumes=VOLUMES)
    for sums in (attribution.summed(falls, "run_id"), attribution.summed(falls, "run_id", "backend"), providers):
        parts = pl.sum_horizontal(pl.col("^.*_nano$").exclude("billed_nano"))
        assert (sums.select(parts).to_series() == sums["billed_nano"]).all()
    assert providers["billed_nano"].sum() == bill["billed_nano"].sum()
    assert attribution.summed(falls, "run_id")["billed_nano"].sum() == falls["billed_nano"].sum()


@settings(deadline=None)
@given(JOBS, LINES)
def test_every_deployment_has_one_row_and_no_dollar_is_lost(measured: pl.DataFrame, bill: pl.DataFrame) -> None:
    costs = cost.of_deployments(RENTED, measured, bill)
    assert costs["deployment_id"].to_list() == [1, 2, 3, 4]
    ours = bill.filter(pl.col("deployment_id").is_not_null(), pl.col("billed_nano").is_not_null())
    assert costs["billed_nano"].sum() == ours["billed_nano"].sum()
    arms = cost.arms(costs)
    assert arms["billed_nano"].sum() == costs["billed_nano"].sum()
    assert arms["good_images"].sum() == costs["good_images"].sum()


@settings(deadline=None)
@given(JOBS, st.randoms())
def test_cells_do_not_depend_on_the_order_of_the_rows(measured: pl.DataFrame, random) -> None:
    order = random.sample(range(measured.height), measured.height)
    here, there = compare.cells(measured), compare.cells(measured[order])
    assert here.drop(pl.selectors.float()).equals(there.drop(pl.selectors.float()))
    assert here["n"].sum() == timing.timed(measured).filter("counted", pl.col("start_kind").is_in(KNOWN)).height


KNOWN = ["cold", "restored", "warm"]


@given(JOBS)
def test_what_is_good_lies_in_its_bracket_and_what_failed_has_no_upper_end(measured: pl.DataFrame) -> None:
    for row in timing.timed(measured).iter_rows(named=True):
        low, high = row["latency_lo_s"], row["latency_hi_s"]
        if row["outcome"] is None:
            assert low is high is None
        elif row["outcome"] != timing.GOOD:
            assert high == float("inf")
        elif row["corrected"]:
            assert low == high
            assert row["bracket_hi_s"] is None or high <= row["bracket_hi_s"]
        assert row["latency_s"] is None or row["counted"]


@given(st.decimals(-1_000_000, 1_000_000, places=9))
def test_money_survives_the_database_exactly(usd: Decimal) -> None:
    column = NanoUsd()
    nano = column.process_bind_param(usd, None)
    assert column.process_result_value(nano, None) == usd == cost.usd(nano)
