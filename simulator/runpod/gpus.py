"""Runpod's GPU types, pools and list prices, as `GET /v2/catalog/gpus` lists them."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from simulator.world import ProviderWorld


@dataclass(frozen=True, kw_only=True)
class GpuType:
    """One card. `pool` is what a serverless endpoint asks for; mixed pools need `excludedTypes` to pin a card."""

    id: str
    name: str
    pool: str
    memory_gb: int
    usd_per_s: str  # serverless list price
    world: str  # what a world file calls it


def _type(name: str, type_id: str, pool: str, memory_gb: int, usd_per_s: str, world: str | None = None) -> GpuType:
    return GpuType(id=type_id, name=name, pool=pool, memory_gb=memory_gb, usd_per_s=usd_per_s, world=world or name)


# Pools: Runpod's documentation, GPU types, read 2026-08-20. Prices: its pricing page, last change 2026-06-08.
# The 5090 has no published serverless price: assumed between its neighbours.
TYPES = (
    _type("RTX A4000", "NVIDIA RTX A4000", "AMPERE_16", 16, "0.00016", "A4000"),
    _type("L4", "NVIDIA L4", "AMPERE_24", 24, "0.00019"),
    _type("RTX A5000", "NVIDIA RTX A5000", "AMPERE_24", 24, "0.00019", "A5000"),
    _type("RTX 3090", "NVIDIA GeForce RTX 3090", "AMPERE_24", 24, "0.00019"),
    _type("RTX 4090", "NVIDIA GeForce RTX 4090", "ADA_24", 24, "0.00031"),
    _type("RTX 5090", "NVIDIA GeForce RTX 5090", "ADA_32_PRO", 32, "0.00044"),
    _type("RTX A6000", "NVIDIA RTX A6000", "AMPERE_48", 48, "0.00034", "A6000"),
    _type("A40", "NVIDIA A40", "AMPERE_48", 48, "0.00034"),
    _type("L40", "NVIDIA L40", "ADA_48_PRO", 48, "0.00053"),
    _type("L40S", "NVIDIA L40S", "ADA_48_PRO", 48, "0.00053"),
    _type("RTX 6000 Ada", "NVIDIA RTX 6000 Ada Generation", "ADA_48_PRO", 48, "0.00053"),
    _type("A100 SXM", "NVIDIA A100-SXM4-80GB", "AMPERE_80", 80, "0.00076", "A100"),
    _type("A100 PCIe", "NVIDIA A100 80GB PCIe", "AMPERE_80", 80, "0.00076"),
    _type("H100 SXM", "NVIDIA H100 80GB HBM3", "ADA_80_PRO", 80, "0.00116", "H100"),
    _type("H100 PCIe", "NVIDIA H100 PCIe", "ADA_80_PRO", 80, "0.00116"),
    _type("H100 NVL", "NVIDIA H100 NVL", "ADA_80_PRO", 94, "0.00116"),
    _type("RTX PRO 6000", "NVIDIA RTX PRO 6000 Blackwell Server Edition", "BLACKWELL_96", 96, "0.00111"),
    _type("H200 SXM", "NVIDIA H200", "HOPPER_141", 141, "0.00155", "H200"),
    _type("B200", "NVIDIA B200", "BLACKWELL_180", 180, "0.00240"),
)
POOLS = frozenset(gpu.pool for gpu in TYPES)
DATA_CENTER = {"id": "EU-RO-1", "name": "EU Romania 1"}
CUDA_VERSIONS = ("12.8", "12.7", "12.6")


def usd_per_s(gpu: GpuType, own: ProviderWorld) -> Decimal:
    """What a second of a worker with this card costs in this world."""
    price = own.price.get(gpu.world)
    return Decimal(str(price.usd_per_s)) if price else Decimal(gpu.usd_per_s)


def placed(pools: list[str], excluded: list[str], own: ProviderWorld) -> GpuType | None:
    """The card that workers of this selection get: the first that exists here; None where none does.

    The scheduler takes "whichever one has capacity" (REST v2 specification); here that never changes.
    """
    allowed = [gpu for gpu in TYPES if gpu.pool in pools and gpu.id not in excluded]
    return next((gpu for gpu in allowed if gpu.world in own.capacity), None)


def listed(gpu: GpuType, own: ProviderWorld, *, free: int | None) -> dict[str, Any]:
    """The catalogue entry; with availability where `free` is given. Pod prices are assumed: 0.6 of serverless."""
    per_hour = float(usd_per_s(gpu, own) * 3600)
    entry: dict[str, Any] = {
        "id": gpu.id,
        "name": gpu.name,
        "pool": gpu.pool,
        "manufacturer": "NVIDIA",
        "memory": gpu.memory_gb,
        "secure": True,
        "community": False,
        "price": {"secure": round(per_hour * 0.6, 2), "community": 0.0, "serverless": per_hour},
        "maxCount": {"secure": 8, "community": 0},
    }
    return entry if free is None else entry | _availability(free)


def _availability(free: int) -> dict[str, Any]:
    level = "HIGH" if free > 4 else "MEDIUM" if free > 2 else "LOW" if free else "NONE"
    if level == "NONE":  # "omitted entirely when the configuration is unavailable everywhere"
        return {"availability": level, "cudaVersions": []}
    return {
        "availability": level,
        "dataCenters": [{**DATA_CENTER, "availability": level}],
        "cudaVersions": [{"version": version, "available": True} for version in CUDA_VERSIONS],
    }
