"""How long capacity was up, as jobs and deployments tell it, and what the provider's law bills of that."""

from dataclasses import dataclass

import polars as pl

from analysis import schema, timing
from words import Reason

US = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Disk:
    """A worker's disk: so many GB beside the model files, at a list price, in steps that are billed whole."""

    spare_gb: int
    nano_per_gb_month: int
    step_us: int
    month_us: int = 730 * 3600 * US


@dataclass(frozen=True, kw_only=True)
class Law:
    """How a provider bills a worker's life at its rate; each life is rounded up to a multiple of `step_us`."""

    rented: bool  # from running until destroyed, whatever it does; else from container start to the end of its idle
    step_us: int = 1
    shown_nano: int = 1  # the step in which its bill shows amounts
    disk: Disk | None = None  # of each worker, beside its time; None: none, or at the offer's price


LAWS = {
    "modal": Law(rented=False),  # container start to finish: modal.com/pricing, 2026-07-01
    # Worker start to stop, rounded up to 1 s: Runpod docs, 2026-06-08. Disk about $0.10 a GB and month, in 5 minutes.
    "runpod": Law(rented=False, step_us=US, disk=Disk(spare_gb=20, nano_per_gb_month=100_000_000, step_us=300 * US)),
    # While running; the image pull before that is free; amounts in three decimals: docs.vast.ai, billing, 2026-08-07.
    "vast": Law(rented=True, shown_nano=1_000_000),
}
RENTED = [name for name, law in LAWS.items() if law.rented]
_STEPS = {name: law.step_us for name, law in LAWS.items()}


def lives(deployments: pl.DataFrame, jobs: pl.DataFrame) -> pl.DataFrame:
    """One row per life of a worker, `schema.LIVES`, ordered by deployment and start; backends without a law have none.

    life_us: as measured; billed_us: rounded up as the provider does.
    """
    known = with_boot(jobs.filter(pl.col("backend").is_in(list(LAWS))), deployments)
    return (
        pl.concat([_serverless(deployments, known), _rented(deployments, known)])
        .with_columns(life_us=pl.col("end_us") - pl.col("start_us"))
        .with_columns(billed_us=_stepped())
        .sort("deployment_id", "start_us", "worker_id")
        .select(schema.LIVES.names())
    )


def with_boot(jobs: pl.DataFrame, deployments: pl.DataFrame) -> pl.DataFrame:
    """Add boot_us, the start-up that this job caused (0 for warm and unknown ones), and the instants of its work.

    Where nobody says when the worker started: the whole wait in the queue on a scaling endpoint, all the time until
    ready on a rented machine. Both err high by the image pull. Where nobody says how long the job waited (Runpod's
    wait of a job that its platform tried again is the last try's): it ended as early as our looks allow.
    Adds picked_us, done_us (null where not known).
    """
    times = deployments.select("deployment_id", "idle_timeout_s", "created_at", "ready_at", "ended_at")
    rental_us = (pl.col("ready_at") - pl.col("created_at")).dt.total_microseconds()
    waited_us = pl.when(pl.col("backend").is_in(RENTED)).then(rental_us).otherwise(us("queue_s"))
    accepted_us = pl.col("accepted_at").dt.epoch("us")
    unsaid_us = pl.max_horizontal(accepted_us, pl.col("last_unfinished_at").dt.epoch("us") - execution_us())
    since_us = pl.col("picked_us") - pl.col("worker_started_at").dt.epoch("us")
    return (
        jobs.join(times, on="deployment_id", how="left", maintain_order="left")
        .with_columns(boot_s=timing.boot_s(), picked_us=pl.coalesce(accepted_us + us("queue_s"), unsaid_us))
        .with_columns(boot_us=pl.coalesce(us("boot_s"), pl.when(since_us >= 0).then(since_us), waited_us))
        .with_columns(
            boot_us=pl.when(timing.STARTED).then("boot_us").otherwise(0),
            done_us=pl.col("picked_us") + execution_us(),
        )
    )


def worker_disk_nano() -> pl.Expr:
    """What each life's disk costs by its law, from life_us and model_gb; null where there is no such law."""
    cases = [(name, law.disk) for name, law in LAWS.items() if law.disk is not None]
    return pl.coalesce(pl.when(pl.col("backend") == name).then(_disk_nano(disk)) for name, disk in cases)


def us(seconds: str) -> pl.Expr:
    """A column of seconds as integer microseconds."""
    return (pl.col(seconds) * US).round().cast(pl.Int64)


def execution_us() -> pl.Expr:
    """Picked up until done: as the provider says, else between its worker's own stamps, which one clock gave; null: not
    known.
    """
    stamped = (pl.col("worker_ended_at") - pl.col("worker_began_at")).dt.total_microseconds()
    return pl.coalesce(us("execution_s"), pl.when(stamped >= 0).then(stamped))


def _serverless(deployments: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """A life begins with the boot of a cold job and ends an idle window after the last, or with the deployment.

    The last job of a worker that died has no idle window after it.
    """
    worked = known.filter(~pl.col("backend").is_in(RENTED), pl.col("done_us").is_not_null(), pl.col("worker_id") != "")
    one = ["deployment_id", "worker_id", "life"]
    ends = deployments.select("deployment_id", gone_us=pl.col("ended_at").dt.epoch("us"))
    return (
        worked.sort("deployment_id", "picked_us", "job_id")
        .with_columns(life=timing.STARTED.cum_sum().over("deployment_id", "worker_id"))
        .group_by(one, maintain_order=True)
        .agg(
            pl.col("backend", "usd_per_s_nano").first(),
            start_us=(pl.col("picked_us") - pl.col("boot_us")).first(),
            end_us=pl.col("done_us").max(),
            idle_us=pl.when(_DIED.any()).then(0).otherwise(pl.col("idle_timeout_s").first() * US),
        )
        .join(ends, on="deployment_id", how="left")
        .with_columns(end_us=pl.min_horizontal(pl.col("end_us") + pl.col("idle_us"), "gone_us"))
        .select(_COLUMNS)
    )


def _rented(deployments: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """From running (ready less its boot, else the order) until destroyed, or until the last thing that was seen.

    A machine that died under a job was last seen running with that job: what is left of it is not billed for its GPU.
    """
    seen = known.group_by("deployment_id").agg(
        boot_us=pl.col("boot_us").max(),
        done_us=pl.col("done_us").max(),
        died_us=pl.col("last_unfinished_at").filter(_DIED).max().dt.epoch("us"),
    )
    return (
        deployments.filter(pl.col("backend").is_in(RENTED))
        .join(seen, on="deployment_id", how="left")
        .with_columns(
            worker_id=pl.col("provider_id").fill_null(""),
            start_us=pl.coalesce(
                pl.col("ready_at").dt.epoch("us") - pl.col("boot_us"), pl.col("created_at").dt.epoch("us")
            ),
            end_us=pl.coalesce("died_us", pl.col("ended_at").dt.epoch("us"), "done_us"),
        )
        .filter(pl.col("start_us").is_not_null(), pl.col("end_us").is_not_null())
        .select(_COLUMNS)
    )


_DIED = pl.col("reason") == Reason.WORKER_LOST
_COLUMNS = ["deployment_id", "worker_id", "backend", "usd_per_s_nano", "start_us", "end_us"]


def _disk_nano(disk: Disk) -> pl.Expr:
    gb = disk.spare_gb + pl.col("model_gb").ceil().cast(pl.Int64)
    steps = -(-pl.col("life_us") // disk.step_us)
    per_month = disk.month_us // disk.step_us
    return (steps * gb * disk.nano_per_gb_month + per_month // 2) // per_month


def _stepped() -> pl.Expr:
    step = pl.col("backend").replace_strict(_STEPS, return_dtype=pl.Int64)
    return -(-pl.col("life_us") // step) * step
