"""From the measured tables to the services that traffic is replayed on: one for each backend and GPU.

Only jobs that wait for nobody enter: sequential ones and cold probes. What a backend has not been measured for is said
by the service itself (`Service.missing`), or by `Unmeasured` where not even its price is known.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple

import polars as pl

from analysis import cost, timing, validity
from analysis.estimates import Jobs
from analysis.eviction import Drawn, Fixed, window_of
from analysis.layers import Layer, rate
from analysis.lives import LAWS, RENTED, US, with_boot
from analysis.probes import probes
from analysis.traffic.replay import MONTH_S, Setting, rented
from analysis.traffic.service import Service
from words import CostState, LoadProfile, StartKind, called

# How production deploys: Modal's apps as they are (scaledown 300 s, five inputs, no limit: the product's own program of
# February 2026); Runpod's default idle timeout in REST v2 (its documentation, 2026-08-18); one machine of Vast.ai.
DEPLOYED: Mapping[str, Setting] = MappingProxyType(
    {
        "modal": Setting(window_s=300, concurrency=5, bound=False),
        "modal-web": Setting(window_s=300, concurrency=5, bound=False),
        "runpod": Setting(window_s=10, bound=False),
        "vast": rented(),
    }
)
_ALONE = [LoadProfile.SEQUENTIAL.value, LoadProfile.COLD_PROBE.value]
_SUBJECT = ("workflow", "workflow_hash", "settings")
_BLOCK = pl.coalesce("block_id", -1 - pl.col("run_id"))  # a run of no schedule is a block of its own


class Subject(NamedTuple):
    """What is compared: a workflow with its settings (canonical JSON)."""

    workflow: str
    workflow_hash: str
    settings: str


@dataclass(frozen=True, kw_only=True)
class Unmeasured:
    """A backend's GPU of which there is no service, and why: one sentence."""

    name: str
    gpu: str
    reason: str


def subjects(jobs: pl.DataFrame) -> list[Subject]:
    """What was measured of `schema.JOBS`, that with the most jobs first, of equals the newest."""
    ended = jobs.filter(pl.col("profile").is_in(_ALONE), pl.col("first_finished_at").is_not_null())
    found = ended.group_by(_SUBJECT).agg(n=pl.len(), newest=pl.col("job_id").max())
    return [Subject(*row) for row in found.sort("n", "newest", descending=True).select(_SUBJECT).iter_rows()]


def services(
    deployments: pl.DataFrame,
    jobs: pl.DataFrame,
    charges: pl.DataFrame,
    *,
    subject: Subject,
    deployed: Mapping[str, Setting] = DEPLOYED,
    layers: Sequence[Layer] = (),
    at: datetime,
) -> list[Service | Unmeasured]:
    """Of `schema.DEPLOYMENTS`, `JOBS`, `CHARGES`, by backend and GPU. `deployed`: setting by backend, else as measured.

    Price: the median of what its deployments cost a second, with the layers that hold at `at`, and the disk beside it.
    Blocks are whole ones, so that the arms of one pair up; bills count once their buckets have ended.
    """
    mine = jobs.filter(workflow_hash=subject.workflow_hash, settings=subject.settings)
    rows = deployments.join(mine.select("deployment_id").unique(), on="deployment_id", how="semi")
    alone = timing.timed(validity.measured(mine)).filter(pl.col("profile").is_in(_ALONE), "counted")
    known = with_boot(alone, rows).with_columns(load_us=cost.load_us(), block=_BLOCK)
    costs = cost.of_deployments(rows, mine, charges).join(
        rows.select("deployment_id", block=_BLOCK), on="deployment_id"
    )
    found: list[Service | Unmeasured] = []
    for (backend, gpu), of in sorted(rows.partition_by("backend", "gpu", as_dict=True).items()):
        arm = {"backend": backend, "gpu": gpu}
        nano, disk_nano = _price(of, backend, layers=layers, at=at), round(_disk_nano(of, backend))
        if nano is None:
            found.append(Unmeasured(name=called(backend), gpu=gpu, reason=f"No price of {called(backend)} was seen."))
            continue
        setting = deployed.get(backend) or Setting(window_s=sorted(of["idle_timeout_s"].mode().to_list())[0])
        found.append(
            Service(
                name=called(backend),
                gpu=gpu,
                usd_per_s_nano=nano + disk_nano,
                usd_per_boot_nano=_download_nano(of),
                steps=_steps(backend, nano, disk_nano),
                setting=setting,
                **_seconds(known.filter(**arm)),
                billed=_billed(costs.filter(**arm)),
                window=_window(mine.filter(**arm), of, setting),
                simulated=bool(of["simulated"].any()),
            )
        )
    return found


def _seconds(jobs: pl.DataFrame) -> dict[str, Any]:
    good, warm = jobs.filter(timing.good()), pl.col("start_kind") == StartKind.WARM
    booted = good.filter(timing.STARTED, pl.col("boot_us").is_not_null(), pl.col("load_us").is_not_null())
    counts = jobs.group_by("block").agg(good=timing.good().sum(), n=pl.len()).sort("block")
    return {
        "service": _exact(good.filter(warm), pl.col("execution_s")),
        "boot": _exact(booted, (pl.col("boot_us") + pl.col("load_us")) / 1e6),
        "load": _exact(booted, pl.col("load_us") / 1e6),
        "pull": _exact(good.filter(timing.STARTED), (pl.col("queue_s") - pl.col("boot_us") / 1e6).clip(0)),
        "warm": _latency(jobs.filter(warm)),
        "cold": _latency(jobs.filter(timing.STARTED)),
        "good": {block: (hits, n) for block, hits, n in counts.select("block", "good", "n").iter_rows()},
    }


def _exact(jobs: pl.DataFrame, seconds: pl.Expr) -> Jobs:
    known = jobs.select("block", seconds=seconds).drop_nulls()
    return Jobs.exact(known["seconds"].to_numpy(), known["block"].to_numpy())


def _latency(jobs: pl.DataFrame) -> Jobs:
    known = jobs.filter(pl.col("latency_hi_s").is_not_null())
    low, high, block = (known[name].to_numpy() for name in ("latency_lo_s", "latency_hi_s", "block"))
    return Jobs(low=low, high=high, block=block)


def _billed(costs: pl.DataFrame) -> dict[int, tuple[int, int]]:
    """By block, of deployments that have a bill that has ended and an estimate."""
    both = pl.col("billed_nano").is_not_null() & (pl.col("estimated_nano") > 0)
    ended = costs.filter(both, pl.col("cost_state") != CostState.OPEN)
    sums = ended.group_by("block").agg(pl.col("billed_nano", "estimated_nano").sum()).sort("block")
    return {block: (billed, estimated) for block, billed, estimated in sums.iter_rows()}


def _price(deployments: pl.DataFrame, backend: str, *, layers: Sequence[Layer], at: datetime) -> int | None:
    """Nano-USD of a second of a worker."""
    nano = deployments["usd_per_s_nano"].median()
    if not isinstance(nano, float):
        return None
    return rate(round(nano), layers, backend=backend, gpu=str(deployments["gpu"][0]), at=at).nano


def _steps(backend: str, nano: int, disk_nano: int) -> list[tuple[float, int]]:
    """What of these rates is billed in whole steps of each life, by the law; none of a machine that stays."""
    law = LAWS.get(backend)
    if law is None or law.rented:
        return []
    return [(law.step_us / US, nano), *([(law.disk.step_us / US, disk_nano)] if law.disk else [])]


def _disk_nano(deployments: pl.DataFrame, backend: str) -> float:
    """A second of a worker's disk: by its law, or at the price of the offers that were rented."""
    law, gb = LAWS.get(backend), deployments["model_gb"].median()
    if law is not None and law.disk is not None and isinstance(gb, float):
        return (law.disk.spare_gb + gb) * law.disk.nano_per_gb_month / MONTH_S
    hourly = deployments["storage_usd_per_h_nano"].median()
    return hourly / 3600 if backend in RENTED and isinstance(hourly, float) else 0.0


def _download_nano(deployments: pl.DataFrame) -> int:
    """Of the model files to a new worker, at the price of the offers that were rented; none where no GB has a price."""
    nano = deployments.select(nano=pl.col("model_gb") * pl.col("network_usd_per_gb_nano"))["nano"].median()
    return round(nano) if isinstance(nano, float) else 0


def _window(jobs: pl.DataFrame, deployments: pl.DataFrame, setting: Setting) -> Fixed | Drawn | None:
    """What probes tell of it, if they were sent to deployments with the window of this setting."""
    alike = deployments.filter(pl.col("idle_timeout_s") == setting.window_s).select("deployment_id")
    told = [window_of(each) for each in probes(jobs.join(alike, on="deployment_id", how="semi")).values()]
    return told[0] if told and isinstance(told[0], Fixed | Drawn) else None
