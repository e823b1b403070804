"""Campaigns straight as rows of analysis: deployments, jobs and bills of two arms in blocks, from laws that are known.

Warm executions lognormal, median 9 s, sd of the logarithm .12; a block shared by the arms .05; a host .02 or .03; boots
of median 45 s, .30 within a block and .10 between; 1 % fail, more alike within a block (ICC .01); bills off by .03 a
block.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl

from analysis import schema
from benchmarks.covering import WITHIN, Dice, Floats, mean_of
from words import CostState, JobStatus, LoadProfile, Reason, StartKind

AT = datetime(2026, 11, 23, tzinfo=UTC)
WARM, COLD = 60, 4  # jobs of a block on each arm: a cold one, the warm ones, the other cold ones
SHARED, WITHIN_BOOT, BOOT = 0.05, 0.30, 0.10
GOOD, ICC = 0.99, 0.01
BILL = 0.03
BILLED = mean_of(BILL)  # over estimated
_US = 1_000_000
_DAY_US = 86_400 * _US
_JOBS = WARM + COLD
_STARTED = np.array([True] + [False] * WARM + [True] * (COLD - 1))


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One provider's side: window, spread of its hosts, nano-USD a second, the whole step that lives are billed in."""

    backend: str
    window_s: float
    host: float
    nano_per_s: int
    step_s: float = 0.0

    @property
    def work_s(self) -> float:
        """Mean execution."""
        return 9 * mean_of(WITHIN, SHARED, self.host)

    @property
    def boot_s(self) -> float:
        return 45 * mean_of(WITHIN_BOOT, BOOT)


ARMS = (
    Arm(backend="modal", window_s=300, host=0.02, nano_per_s=665_440),
    Arm(backend="runpod", window_s=10, host=0.03, nano_per_s=530_000, step_s=1),
)


def draw(dice: Dice, blocks: int) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """`schema.DEPLOYMENTS`, `JOBS`, `CHARGES` of one campaign."""
    shared = dice.normal(0, SHARED, blocks)
    parts = [_arm(dice, arm, shared, first=number * blocks) for number, arm in enumerate(ARMS)]
    deployments, jobs, charges = (pl.concat(part) for part in zip(*parts, strict=True))
    return deployments, jobs, charges


def _arm(dice: Dice, arm: Arm, shared: Floats, *, first: int) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """first: deployments before this arm's; one a block."""
    blocks = shared.size
    host = shared + dice.normal(0, arm.host, blocks)
    work_us = _us(9 * np.exp(host[:, None] + dice.normal(0, WITHIN, (blocks, _JOBS))))
    spread = dice.normal(0, BOOT, blocks)[:, None] + dice.normal(0, WITHIN_BOOT, (blocks, _JOBS))
    boot_us = np.where(_STARTED, _us(45 * np.exp(spread)), 0)
    alike = 1 / ICC - 1
    good = dice.random((blocks, _JOBS)) < dice.beta(GOOD * alike, (1 - GOOD) * alike, blocks)[:, None]
    gap_us = np.where(_STARTED, round((1.2 * arm.window_s + 3) * _US), 0)
    done_us = np.cumsum(gap_us + boot_us + work_us, axis=1) + _begin_us(blocks)[:, None]
    numbers = np.arange(1, blocks + 1)
    own = {"deployment_id": first + numbers, "run_id": np.ones_like(numbers), "block_id": numbers}
    jobs = _jobs(arm, {name: np.repeat(each, _JOBS) for name, each in own.items()}, work_us, boot_us, done_us, good)
    gone_us = done_us[:, -1] + round(arm.window_s * _US)
    nano = _lives_s(arm, work_us, boot_us) * arm.nano_per_s * np.exp(dice.normal(0, BILL, blocks))
    return _deployments(arm, own, gone_us), jobs, _charges(arm, own, gone_us, nano)


def _lives_s(arm: Arm, work_us: Any, boot_us: Any) -> Floats:
    """Seconds of all lives of a block as they are billed: from a boot to the end of the window after the last job."""
    life = np.cumsum(_STARTED) - 1
    lives_s = np.stack([(work_us + boot_us)[:, life == each].sum(axis=1) for each in range(COLD)]) / _US + arm.window_s
    return np.asarray((np.ceil(lives_s / arm.step_s) * arm.step_s if arm.step_s else lives_s).sum(axis=0))


def _jobs(arm: Arm, own: Mapping[str, Any], work_us: Any, boot_us: Any, done_us: Any, good: Any) -> pl.DataFrame:
    blocks = good.shape[0]
    started, ok = np.tile(_STARTED, blocks), good.ravel()
    came_us = (done_us - work_us - boot_us).ravel()
    known = pl.DataFrame({**own, "started": started, "ok": ok, "boot_us": boot_us.ravel(), "work_us": work_us.ravel()})
    instants = dict.fromkeys(("intended_at", "sent_at", "accepted_at", "last_unfinished_at"), _at(came_us))
    is_good = pl.when("ok")
    return _whole(
        known,
        schema.JOBS,
        **instants,
        first_finished_at=_at(done_us.ravel()),
        job_id=pl.int_range(pl.len()) + pl.col("deployment_id").first() * _JOBS,
        queue_s=pl.col("boot_us") / _US,
        boot_s=pl.when("started").then(pl.col("boot_us") / _US),
        load_s=pl.lit(0.0),
        execution_s=pl.col("work_us") / _US,
        start_kind=pl.when("started").then(pl.lit(StartKind.COLD.value)).otherwise(pl.lit(StartKind.WARM.value)),
        profile=pl.when("started")
        .then(pl.lit(LoadProfile.COLD_PROBE.value))
        .otherwise(pl.lit(LoadProfile.SEQUENTIAL.value)),
        status=is_good.then(pl.lit(JobStatus.SUCCEEDED.value)).otherwise(pl.lit(JobStatus.FAILED.value)),
        reason=pl.when(~pl.col("ok")).then(pl.lit(Reason.EXECUTION_ERROR.value)),
        good_image=is_good.then(pl.lit(True)),
        usd_per_s_nano=pl.lit(arm.nano_per_s),
        **_said(arm, worker_id="w", workflow_hash="h", settings="{}"),
    )


def _deployments(arm: Arm, own: Mapping[str, Any], gone_us: Any) -> pl.DataFrame:
    begin = _at(_begin_us(gone_us.size))
    return _whole(
        pl.DataFrame(dict(own)),
        schema.DEPLOYMENTS,
        intended_at=begin,
        created_at=begin,
        ready_at=begin,
        ended_at=_at(gone_us),
        idle_timeout_s=pl.lit(round(arm.window_s)),
        usd_per_s_nano=pl.lit(arm.nano_per_s),
        **_said(arm, state="gone"),
    )


def _charges(arm: Arm, own: Mapping[str, Any], gone_us: Any, nano: Floats) -> pl.DataFrame:
    return _whole(
        pl.DataFrame({"deployment_id": own["deployment_id"]}),
        schema.CHARGES,
        charge_id=pl.col("deployment_id").cast(pl.String),
        charge_period_start=_at(_begin_us(gone_us.size)),
        charge_period_end=_at(gone_us),
        billed_nano=pl.Series(np.rint(nano).astype(np.int64)),
        provider=pl.lit(arm.backend),
        sku=pl.lit("gpu"),
        state=pl.lit(CostState.FINAL.value),
        simulated=pl.lit(True),
    )


def _said(arm: Arm, **more: str) -> dict[str, pl.Expr]:
    words = {"backend": arm.backend, "gpu": "L40S", "workflow": "flux-dev", **more}
    return {name: pl.lit(word) for name, word in words.items()} | {"simulated": pl.lit(True)}


def _whole(known: pl.DataFrame, columns: pl.Schema, **more: pl.Expr | pl.Series) -> pl.DataFrame:
    """All columns of the schema; what is not said is null."""
    full = known.with_columns(**more)
    nulls = [pl.lit(None, dtype).alias(name) for name, dtype in columns.items() if name not in full.columns]
    return full.with_columns(nulls).select(pl.col(name).cast(dtype) for name, dtype in columns.items())


def _begin_us(blocks: int) -> Any:
    """A block a day."""
    return round(AT.timestamp() * _US) + np.arange(blocks) * _DAY_US


def _at(micros: Any) -> pl.Series:
    return pl.Series(micros).cast(pl.Datetime("us", "UTC"))


def _us(seconds: Floats) -> Any:
    return np.rint(seconds * _US).astype(np.int64)
