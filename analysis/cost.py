"""Money: what jobs and deployments should have cost, what was billed, and where the bill went.

Sums are integer nano-USD (exact, in any order); `usd` makes a Decimal of one. Estimated is never called billed.
"""

from collections.abc import Collection, Iterable, Iterator
from decimal import Decimal

import polars as pl

from analysis import lines, schema, timing
from analysis.lines import weakest_state as weakest_state
from analysis.lives import LAWS, US, execution_us, lives, us, with_boot, worker_disk_nano
from words import CostState, JobStatus, StartKind

PARTS = ("good", "failed", "cold", "idle", "storage", "network", "fee", "rounding", "unexplained")
_STRENGTH = list(CostState)  # weakest first
_WORK = ("good_nano", "failed_nano", "cold_nano")
_LIVED = ("life_nano", "stepped_nano")


def usd(nano: int | None) -> Decimal | None:
    """Decimal USD of integer nano-USD."""
    return None if nano is None else Decimal(nano) / 10**9


def dollars(amount: float | Decimal, places: int) -> str:
    """How every dollar is written: -$0.0150, the sign before the dollar; none where it rounds to nothing."""
    return f"{'-' if round(float(amount), places) < 0 else ''}${abs(amount):,.{places}f}"


def weakest(states: Iterable[CostState | str]) -> CostState:
    """The state of a sum: that of its weakest part. Raises ValueError without parts."""
    return min((CostState(state) for state in states), key=_STRENGTH.index)


def busy(timed: pl.DataFrame) -> pl.DataFrame:
    """Add busy_nano = execution x rate, and fill estimated_nano with it plus the boot that the job caused.

    Rounded half up to the nano-dollar per job; null where execution or rate is not known.
    """
    caused_us = execution_us() + us("boot_s").fill_null(0)
    return timed.with_columns(
        busy_nano=_priced(execution_us()), estimated_nano=pl.coalesce("estimated_nano", _priced(caused_us))
    )


def of_deployments(
    deployments: pl.DataFrame, jobs: pl.DataFrame, charges: pl.DataFrame, *, volumes: Collection[str] = ()
) -> pl.DataFrame:
    """One row per deployment, `schema.COSTS`: good images, billed and estimated sums, and the state of what is known.

    billed_nano is null until a line is billed. The estimate prices each worker's life by its provider's law, its disk,
    and a rented machine's download of the model files; where there is no law (a production endpoint shared with others)
    it prices busy seconds alone. Fees are not estimated.
    """
    spent = busy(timing.timed(jobs)).group_by("deployment_id").agg(
        jobs=pl.len().cast(pl.Int64),
        good_images=(pl.col("outcome") == timing.GOOD).sum().cast(pl.Int64),
        busy_nano=_sum("estimated_nano"),
    )  # fmt: skip
    lived = pl.col("life_nano") + pl.col("stepped_nano")
    beside = pl.sum_horizontal("worker_disk_nano", _rented_disk(), _download())  # null counts as nothing
    estimate = pl.when(pl.col("backend").is_in(list(LAWS))).then(lived + beside).otherwise("busy_nano")
    return (
        deployments.join(spent, on="deployment_id", how="left")
        .join(_lived(deployments, jobs), on="deployment_id", how="left")
        .join(lines.by_deployment(lines.allocated(charges, deployments, volumes)), on="deployment_id", how="left")
        .with_columns(pl.col("jobs", "good_images").fill_null(0), estimated_nano=estimate)
        .with_columns(cost_state=pl.coalesce("cost_state", _estimated()))
        .sort("deployment_id")
        .select(schema.COSTS.names())
    )


def arms(costs: pl.DataFrame) -> pl.DataFrame:
    """Deployments summed by workflow, backend and GPU, `schema.ARMS`: the bill where there is one, else the estimate.

    cost_nano is null if nothing is known of any; cost_state is the weakest of the parts.
    """
    return (
        costs.with_columns(cost_nano=pl.coalesce("billed_nano", "estimated_nano"))
        .group_by("workflow", "backend", "gpu")
        .agg(
            pl.len().cast(pl.Int64).alias("deployments"),
            pl.col("jobs", "good_images").sum(),
            _sum("cost_nano"),
            _sum("billed_nano"),
            _sum("estimated_nano"),
            weakest_state(pl.col("cost_state")),
            pl.col("simulated").any(),
        )
        .sort("workflow", "backend", "gpu")
        .select(schema.ARMS.names())
    )


def waterfall(
    deployments: pl.DataFrame, jobs: pl.DataFrame, charges: pl.DataFrame, *, volumes: Collection[str] = ()
) -> pl.DataFrame:
    """Where each bill went, `schema.WATERFALL`, one row per billed deployment, ordered; the parts add up to the bill.

    good and failed: execution less model load. cold: boot and load. idle: the lives less these. rounding: what the
    law adds to the lives, what the bill itself calls so, and what lies within the step in which the bill shows an
    amount. storage: at the offer's price where one is known, else as billed. network, fee: as billed. unexplained: the
    rest. unknown_jobs: whose work nobody tells the length of; it is in idle, or unexplained.

    `volumes`: ids of shared volumes that are ours; their lines are split over the deployments that were up.
    """
    billed = lines.by_deployment(lines.allocated(charges, deployments, volumes), volumes)
    return (
        deployments.join(billed, on="deployment_id", how="inner")
        .join(work(deployments, jobs), on="deployment_id", how="left")
        .join(_lived(deployments, jobs), on="deployment_id", how="left")
        .with_columns(pl.col(*_WORK, *_LIVED, "unknown_jobs").fill_null(0), disk_nano=_rented_disk())
        .with_columns(life_nano=pl.max_horizontal("life_nano", pl.sum_horizontal(_WORK)))
        .with_columns(idle_nano=pl.col("life_nano") - pl.sum_horizontal(_WORK))
        .with_columns(*_storage_and_rounding())
        .with_columns(unexplained_nano=pl.col("billed_nano") - pl.sum_horizontal(f"{part}_nano" for part in PARTS[:-1]))
        .sort("deployment_id")
        .select(schema.WATERFALL.names())
    )


def work(deployments: pl.DataFrame, jobs: pl.DataFrame) -> pl.DataFrame:
    """Per deployment that has jobs: good_nano, failed_nano, cold_nano as in the waterfall, good_us of execution, and
    unknown_jobs, which worked for nobody says how long.
    """
    known = with_boot(timing.timed(jobs), deployments).with_columns(load_us=load_us())
    return known.group_by("deployment_id").agg(
        good_nano=_priced_sum(pl.when(_is_good()).then(_work_us())),
        failed_nano=_priced_sum(pl.when(~_is_good()).then(_work_us())),
        cold_nano=_priced_sum(pl.col("boot_us") + pl.col("load_us")),
        good_us=pl.when(_is_good()).then(_work_us()).sum(),
        unknown_jobs=_unknown().sum().cast(pl.Int64),
    )


def _lived(deployments: pl.DataFrame, jobs: pl.DataFrame) -> pl.DataFrame:
    """Per deployment: life_nano, what its law adds to it, and what the disks of its workers cost by that law."""
    disks = lives(deployments, jobs).join(deployments.select("deployment_id", "model_gb"), on="deployment_id")
    return disks.group_by("deployment_id").agg(
        life_nano=_priced_sum("life_us"),
        stepped_nano=_priced_sum(pl.col("billed_us") - pl.col("life_us")),
        worker_disk_nano=_sum_known(worker_disk_nano()),
    )


def _storage_and_rounding() -> Iterator[pl.Expr]:
    """A part is what it should be; a difference that the bill cannot show is rounding, a larger one is not explained.

    Lines of time without a step, and disks without a price, are compared with nothing.
    """
    known = pl.col("disk_nano").is_not_null() & (pl.col("storage_lines") > 0)
    beside = pl.when(known).then(pl.col("storage_nano") - pl.col("disk_nano")).otherwise(0)
    late = pl.col("time_nano") - pl.col("life_nano") - pl.col("stepped_nano")
    yield pl.when(known).then("disk_nano").otherwise("storage_nano").alias("storage_nano")
    yield (
        pl.col("stepped_nano")
        + pl.col("rounded_nano")
        + pl.when(beside.abs() <= pl.col("storage_slack_nano")).then(beside).otherwise(0)
        + pl.when(late.abs() <= pl.col("time_slack_nano")).then(late).otherwise(0)
    ).alias("rounding_nano")


def _download() -> pl.Expr:
    """The model files over a rented machine's network; null where it has no price or never became ready."""
    gb = pl.when(pl.col("ready_at").is_not_null()).then("model_gb")
    return (gb * pl.col("network_usd_per_gb_nano")).round().cast(pl.Int64)


def _rented_disk() -> pl.Expr:
    """What a rented disk costs from order to end at its offer's price; null where that or the end is not known."""
    lasted_us = (pl.col("ended_at") - pl.col("created_at")).dt.total_microseconds()
    hour_us = 3600 * US
    return (lasted_us * pl.col("storage_usd_per_h_nano") + hour_us // 2) // hour_us


def _estimated() -> pl.Expr:
    return pl.when(pl.col("estimated_nano").is_not_null()).then(pl.lit(CostState.ESTIMATED.value))


def _is_good() -> pl.Expr:
    return (pl.col("outcome") == timing.GOOD).fill_null(value=False)


def _work_us() -> pl.Expr:
    return execution_us() - pl.col("load_us")


def _unknown() -> pl.Expr:
    """It is over and a worker had it, for nobody says how long."""
    ran = (pl.col("status") == JobStatus.SUCCEEDED) | (pl.col("worker_id").fill_null("") != "")
    return pl.col("outcome").is_not_null() & ran & execution_us().is_null()


def load_us() -> pl.Expr:
    """Model load: as the worker stamps it, else what a cold job took longer than the median good warm one; else 0."""
    warm = _is_good() & (pl.col("start_kind") == StartKind.WARM)
    usual_us = execution_us().filter(warm).median().over("workflow_hash", "settings", "backend", "gpu").cast(pl.Int64)
    longer_us = pl.max_horizontal(execution_us() - usual_us, 0)
    told = pl.when(timing.STARTED & execution_us().is_not_null() & usual_us.is_not_null()).then(longer_us)
    return pl.coalesce(us("load_s"), told).fill_null(0)


def _priced(micros: pl.Expr) -> pl.Expr:
    return (micros * pl.col("usd_per_s_nano") + US // 2) // US


def _priced_sum(micros: str | pl.Expr) -> pl.Expr:
    return _priced(pl.col(micros) if isinstance(micros, str) else micros).sum()


def _sum(column: str) -> pl.Expr:
    return _sum_known(pl.col(column)).alias(column)


def _sum_known(values: pl.Expr) -> pl.Expr:
    """A sum that is null, not zero, where nothing is known."""
    return pl.when(values.count() > 0).then(values.sum())
