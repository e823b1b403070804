"""What the page Providers says: is each ready, is anything left running, what does it cost now? Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import polars as pl

from storage.models import Backend, Offer
from ui.formats import UNKNOWN, ago, day_time, listed, three_figures
from ui.names import in_order, label
from words import DeploymentState

READY = "ready"
_OVER = [DeploymentState.GONE.value, DeploymentState.FAILED.value, DeploymentState.INTENDED.value]


def providers_title(backends: Sequence[Backend], *, simulated: bool) -> str:
    """All three are ready | Runpod is not ready | Simulated world: no keys needed."""
    compared = [row for row in backends if row.name in in_order(["modal", "runpod", "vast"])] or list(backends)
    if not compared:
        return "No provider was checked yet"
    waiting = [row for row in compared if row.state != READY]
    if waiting:
        verb = "is" if len(waiting) == 1 else "are"
        return f"{listed([label(row.name) for row in waiting])} {verb} not ready"
    names = listed([label(name) for name in in_order(row.name for row in compared)])
    if simulated:
        return f"Simulated world: no keys needed, {names} are ready"
    return f"{names} are ready" if len(compared) > 1 else f"{names} is ready"


def checked(row: Backend, now: datetime) -> str:
    """When it was last asked."""
    return f"checked {ago(now - row.checked_at)}" if row.checked_at else "never checked"


def live_resources(deployments: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """Deployments that cost money now, oldest first: since, $/h, run."""
    up = deployments.filter(~pl.col("state").is_in(_OVER) & pl.col("ended_at").is_null()).sort("created_at")
    rows = [
        {
            "open": ":material/arrow_forward: Run",
            "run": row["run_id"],
            "provider": label(row["backend"]),
            "gpu": row["gpu"],
            "state": row["state"],
            "up": ago(now - row["created_at"]) if row["created_at"] else UNKNOWN,
            "rate": row["usd_per_s_nano"] * 3600 / 1e9 if row["usd_per_s_nano"] else None,
            "resource": row["deployment"],
            "simulated": row["simulated"],
        }
        for row in up.iter_rows(named=True)
    ]
    return pl.DataFrame(rows, infer_schema_length=None)


def live_title(live: pl.DataFrame) -> str:
    """3 resources are up, $4.85 an hour"""
    if live.is_empty():
        return "Nothing of ours is up"
    an_hour = float(live["rate"].fill_null(0.0).sum())
    verb = "resource is" if live.height == 1 else "resources are"
    return f"{live.height} {verb} up, {three_figures(an_hour)} an hour"


def price_rows(offers: Sequence[Offer], simulated_of: Mapping[str, bool], now: datetime) -> pl.DataFrame:
    """Offers as last seen, cheapest first within backend and GPU, with source and age."""
    order = {name: place for place, name in enumerate(in_order(offer.backend for offer in offers))}
    rows = [
        {
            "provider": label(offer.backend),
            "gpu": offer.gpu,
            "an hour": float(offer.usd_per_s) * 3600,
            "as quoted": f"${float(offer.usd_per_unit):.6g} per {offer.unit}",
            "region": offer.region or UNKNOWN,
            "from": offer.source,
            "seen": day_time(offer.seen_at),
            "age": ago(now - offer.seen_at),
            "offer": offer.offer_id,
            "simulated": simulated_of.get(offer.backend, False),
        }
        for offer in sorted(offers, key=lambda one: (order[one.backend], one.gpu, one.usd_per_s))
    ]
    return pl.DataFrame(rows, infer_schema_length=None)
