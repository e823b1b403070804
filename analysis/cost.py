"""Money: what jobs and deployments should have cost, what was billed, and where the bill went.

Sums are integer nano-USD (exact, in any order); `usd` makes a Decimal of one. Estimated is never called billed.
"""

from collections.abc import Iterable
from decimal import Decimal

import polars as pl

from analysis import schema, timing
from analysis.lives import LAWS, US, lives, us, with_boot
from words import CostState, StartKind

_STRENGTH = {state.value: strength for strength, state in enumerate(CostState)}  # weakest first
_OTHER_SKUS = {"disk": "storage", "network": "network", "fee": "fee", "rounding": "rounded"}  # the rest: workers' time
_PARTS = ("good", "failed", "cold", "idle", "storage", "network", "fee", "rounding")


def usd(nano: int | None) -> Decimal | None:
    """Decimal USD of integer nano-USD."""
    return None if nano is None else Decimal(nano) / 10**9


def weakest(states: Iterable[CostState | str]) -> CostState:
    """The state of a sum: that of its weakest part. Raises ValueError without parts."""
    return min((CostState(state) for state in states), key=lambda state: _STRENGTH[state.value])


def weakest_state(state: pl.Expr) -> pl.Expr:
    """The same as an aggregate over a column of states; null of none."""
    names = {strength: name for name, strength in _STRENGTH.items()}
    strengths = state.replace_strict(_STRENGTH, return_dtype=pl.Int64)
    return strengths.min().replace_strict(names, return_dtype=pl.String)


def busy(timed: pl.DataFrame) -> pl.DataFrame:
    """Add busy_nano = execution x rate, and fill estimated_nano with it plus the boot that the job caused.

    Rounded half up to the nano-dollar per job; null where execution or rate is not known.
    """
    execution_us, boot_us = us("execution_s"), us("boot_s").fill_null(0)
    return timed.with_columns(
        busy_nano=_priced(execution_us), estimated_nano=pl.coalesce("estimated_nano", _priced(execution_us + boot_us))
    )


def of_deployments(deployments: pl.DataFrame, jobs: pl.DataFrame, charges: pl.DataFrame) -> pl.DataFrame:
    """One row per deployment, `schema.COSTS`: good images, billed and estimated sums, and the state of what is known.

    billed_nano is null until a line is billed. The estimate prices each worker's life by its provider's law; where
    there is none (a production endpoint shared with others) it prices busy seconds alone.
    """
    spent = busy(timing.timed(jobs)).group_by("deployment_id").agg(
        jobs=pl.len().cast(pl.Int64),
        good_images=(pl.col("outcome") == timing.GOOD).sum().cast(pl.Int64),
        busy_nano=_sum("estimated_nano"),
    )  # fmt: skip
    lived = lives(deployments, jobs).group_by("deployment_id").agg(lived_nano=_priced_sum("billed_us"))
    estimate = pl.when(pl.col("backend").is_in(list(LAWS))).then("lived_nano").otherwise("busy_nano")
    return (
        deployments.join(spent, on="deployment_id", how="left")
        .join(lived, on="deployment_id", how="left")
        .join(_billed(charges), on="deployment_id", how="left")
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


def waterfall(deployments: pl.DataFrame, jobs: pl.DataFrame, charges: pl.DataFrame) -> pl.DataFrame:
    """Where each bill went, `schema.WATERFALL`, one row per billed deployment, ordered; the parts add up to the bill.

    good and failed: execution less model load. cold: boot and load. idle: the lives less these. rounding: what the
    law adds to the lives, and what the bill itself calls so. storage, network, fee: as billed. unexplained: the rest.
    """
    work = with_boot(timing.timed(jobs), deployments).with_columns(load_us=_load_us()).group_by("deployment_id").agg(
        good_nano=_priced_sum(pl.when(_is_good()).then(_work_us())),
        failed_nano=_priced_sum(pl.when(~_is_good()).then(_work_us())),
        cold_nano=_priced_sum(pl.col("boot_us") + pl.col("load_us")),
    )  # fmt: skip
    lived = lives(deployments, jobs).group_by("deployment_id").agg(
        life_nano=_priced_sum("life_us"), rounding_nano=_priced_sum(pl.col("billed_us") - pl.col("life_us"))
    )  # fmt: skip
    parts = [f"{part}_nano" for part in _PARTS]
    return (
        deployments.join(_billed(charges), on="deployment_id", how="inner")
        .join(work, on="deployment_id", how="left")
        .join(lived, on="deployment_id", how="left")
        .with_columns(pl.col("good_nano", "failed_nano", "cold_nano", "life_nano", "rounding_nano").fill_null(0))
        .with_columns(
            idle_nano=pl.col("life_nano") - pl.sum_horizontal("good_nano", "failed_nano", "cold_nano"),
            rounding_nano=pl.col("rounding_nano") + pl.col("rounded_nano"),
        )
        .with_columns(unexplained_nano=pl.col("billed_nano") - pl.sum_horizontal(parts))
        .sort("deployment_id")
        .select(schema.WATERFALL.names())
    )


def _billed(charges: pl.DataFrame) -> pl.DataFrame:
    """Per deployment: billed_nano, its state, and what of it was storage, network, fees and rounding."""
    others = [
        pl.col("billed_nano").filter(pl.col("sku") == sku).sum().alias(f"{part}_nano")
        for sku, part in _OTHER_SKUS.items()
    ]
    return (
        charges.filter(pl.col("deployment_id").is_not_null())
        .group_by("deployment_id")
        .agg(pl.col("billed_nano").sum(), weakest_state(pl.col("state")).alias("cost_state"), *others)
    )


def _estimated() -> pl.Expr:
    return pl.when(pl.col("estimated_nano").is_not_null()).then(pl.lit(CostState.ESTIMATED.value))


def _is_good() -> pl.Expr:
    return (pl.col("outcome") == timing.GOOD).fill_null(value=False)


def _work_us() -> pl.Expr:
    return us("execution_s") - pl.col("load_us")


def _load_us() -> pl.Expr:
    """Model load: as the worker stamps it, else what a cold job took longer than the median good warm one; else 0."""
    execution_us = us("execution_s")
    warm = _is_good() & (pl.col("start_kind") == StartKind.WARM)
    usual_us = execution_us.filter(warm).median().over("workflow_hash", "settings", "backend", "gpu").cast(pl.Int64)
    longer_us = pl.max_horizontal(execution_us - usual_us, 0)
    told = pl.when(timing.STARTED & execution_us.is_not_null() & usual_us.is_not_null()).then(longer_us)
    return pl.coalesce(us("load_s"), told).fill_null(0)


def _priced(micros: pl.Expr) -> pl.Expr:
    return (micros * pl.col("usd_per_s_nano") + US // 2) // US


def _priced_sum(micros: str | pl.Expr) -> pl.Expr:
    return _priced(pl.col(micros) if isinstance(micros, str) else micros).sum()


def _sum(column: str) -> pl.Expr:
    """A sum that is null, not zero, where nothing is known."""
    return pl.when(pl.col(column).count() > 0).then(pl.col(column).sum()).alias(column)
