"""Vast.ai's market: which hosts offer what at which price, drawn from the world's price, spread, capacity and seed."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import Any

from simulator.vast.filters import matches, sort_key
from simulator.world import ProviderWorld

MONTH_H = 730  # storage is quoted per GB and month; the hours of a month are not documented (assumed)
# The market's own GPU names, with spaces ("RTX_4090" is the client's spelling), and VRAM in MB.
WIRE_GPUS: Mapping[str, tuple[str, int]] = {
    "RTX 4090": ("RTX 4090", 24564),
    "RTX 5090": ("RTX 5090", 32607),
    "L40S": ("L40S", 46068),
    "A100-80GB": ("A100 SXM4", 81920),
    "H100": ("H100 SXM", 81559),
    "H200": ("H200", 143771),
}
_PLACES = ("California, US", "Texas, US", "Washington, US", "Quebec, CA", "Sweden, SE", "Norway, NO", "Japan, JP")
_DRIVERS = ("570.133.20", "575.57.08", "580.95.05", "580.105.08")
_UNVERIFIED, _CRAMPED, _SLOW = 2, 1, 1  # hosts per GPU beyond the capacity, cheaper, each with a flaw
# What a search assumes unless told otherwise (published OpenAPI, 2026-08-07).
_DEFAULTS: Mapping[str, Any] = {"verified": {"eq": True}, "rentable": {"eq": True}, "rented": {"eq": False}}
_NO_FILTERS = frozenset({"order", "limit", "type", "allocated_storage", "disable_bundling", "select_cols"})
OFFERED_S = 60 * 86400.0  # how long an offer stands


@dataclass(kw_only=True)
class Host:
    """One machine with one GPU to rent. Prices in USD: the GPU per hour, storage per GB and month, network per GB."""

    offer_id: int
    machine_id: int
    host_id: int
    gpu: str  # the world's name
    dph_base: Decimal
    storage_cost: Decimal
    network_cost: Decimal
    reliability: float
    verified: bool
    disk_space: float
    inet_down: float  # Mb/s
    geolocation: str
    driver: str
    rented: bool = False

    @property
    def gpu_name(self) -> str:
        """As the wire spells it."""
        return WIRE_GPUS.get(self.gpu, (self.gpu, 0))[0]

    @property
    def gpu_ram(self) -> int:
        """MB."""
        return WIRE_GPUS.get(self.gpu, ("", 49152))[1]

    def storage_usd_h(self, disk_gb: float) -> Decimal:
        """What `disk_gb` cost per hour."""
        return self.storage_cost * Decimal(str(disk_gb)) / MONTH_H

    def hardware(self) -> dict[str, Any]:
        """What an offer and an instance both say of the machine."""
        return {
            "machine_id": self.machine_id,
            "host_id": self.host_id,
            "gpu_name": self.gpu_name,
            "gpu_arch": "nvidia",
            "num_gpus": 1,
            "gpu_ram": self.gpu_ram,
            "gpu_frac": 0.125,
            "gpu_lanes": 16,
            "gpu_mem_bw": 1008.0,
            "bw_nvlink": 0.0,
            "cpu_arch": "amd64",
            "cpu_name": "EPYC 9354",
            "cpu_cores": 128,
            "cpu_cores_effective": 16.0,
            "cpu_ram": 515_000,
            "disk_name": "Samsung PM9A3",
            "disk_bw": 4200.0,
            "pci_gen": 4.0,
            "pcie_bw": 24.0,
            "mobo_name": "K15PG-D24",
            "total_flops": 91.6,
            "reliability2": self.reliability,
            "geolocation": self.geolocation,
            "verification": "verified" if self.verified else "unverified",
            "static_ip": True,
            "direct_port_count": 250,
            "inet_up_cost": float(self.network_cost),
            "inet_down_cost": float(self.network_cost),
            "storage_cost": float(self.storage_cost),
            "webpage": None,
        }

    def prices(self, disk_gb: float, dph_base: Decimal | None = None) -> dict[str, Any]:
        """`dph_total` holds the allocated storage and no bandwidth."""
        base, storage = dph_base or self.dph_base, self.storage_usd_h(disk_gb)
        parts = {
            "gpuCostPerHour": float(base),
            "diskHour": float(storage),
            "totalHour": float(base + storage),
            "discountTotalHour": 0,
            "discountedTotalPerHour": float(base + storage),
        }
        return {
            "dph_base": float(base),
            "dph_total": float(base + storage),
            "storage_total_cost": float(storage),
            "min_bid": float(self.min_bid),
            "search": parts,
            "instance": parts,
        }

    @property
    def min_bid(self) -> Decimal:
        """The lowest interruptible price: half of the fixed one (published: often 50 % and more cheaper)."""
        return (self.dph_base / 2).quantize(Decimal("0.000001"))


class Market:
    """Every host of a seeded world. An offer vanishes while it is rented."""

    def __init__(self, world: ProviderWorld, seed: int) -> None:
        self.hosts = {host.offer_id: host for gpu in world.price for host in _hosts(world, gpu, seed)}
        self._offers: dict[tuple[int, float, bool], dict[str, Any]] = {}

    def search(self, query: Mapping[str, Any], now_s: float) -> list[dict[str, Any]]:
        """Offers that match, sorted and cut. Raises ValueError naming a field that no offer has."""
        wanted = {**_DEFAULTS, **{name: test for name, test in query.items() if name not in _NO_FILTERS}}
        disk_gb = float(query.get("allocated_storage") or 8)
        bid = query.get("type") in ("bid", "interruptible")
        rows = [self._offer(host, disk_gb, now_s, bid=bid) for host in self.hosts.values() if not host.rented]
        found = [row for row in rows if matches(row, wanted)]
        for field, direction in reversed(_order(query)):
            found.sort(key=sort_key(field), reverse=direction == "desc")
        return found[: int(query["limit"])] if query.get("limit") else found

    def _offer(self, host: Host, disk_gb: float, now_s: float, *, bid: bool) -> dict[str, Any]:
        """What a host offers changes with the question and the time alone: each question is asked again and again."""
        asked = host.offer_id, disk_gb, bid
        if asked not in self._offers:
            self._offers[asked] = _offer(host, disk_gb, bid=bid)
        return {**self._offers[asked], "start_date": now_s, "end_date": now_s + OFFERED_S}


def _order(query: Mapping[str, Any]) -> Sequence[Sequence[str]]:
    return query.get("order") or [["score", "desc"]]


def _hosts(world: ProviderWorld, gpu: str, seed: int) -> list[Host]:
    flaws: list[Mapping[str, Any]] = [{}] * world.capacity.get(gpu, 0)
    flaws += [{"verified": False}] * _UNVERIFIED + [{"disk_space": 40.0}] * _CRAMPED
    flaws += [{"inet_down": 90.0}] * _SLOW
    return [_host(world, gpu, Random(f"{seed}/vast/host/{gpu}/{index}"), flaw) for index, flaw in enumerate(flaws)]


def _host(world: ProviderWorld, gpu: str, dice: Random, flaw: Mapping[str, Any]) -> Host:
    spread = math.exp(dice.gauss(0, world.price_spread))
    cheaper = 0.8 if flaw else 1.0
    traits: dict[str, Any] = {
        "verified": True,
        "disk_space": round(dice.uniform(300, 2000), 1),
        "inet_down": round(dice.uniform(700, 8000), 1),
        **flaw,
    }
    return Host(
        offer_id=dice.randrange(20_000_000, 30_000_000),
        machine_id=dice.randrange(10_000, 60_000),
        host_id=dice.randrange(50_000, 200_000),
        gpu=gpu,
        dph_base=Decimal(f"{world.price[gpu].usd_per_s * 3600 * spread * cheaper:.6f}"),
        storage_cost=Decimal(str(world.disk_usd_gb_month)),
        network_cost=Decimal(str(world.network_usd_gb)),
        reliability=round(dice.uniform(0.985, 0.9998), 7),
        geolocation=dice.choice(_PLACES),
        driver=dice.choice(_DRIVERS),
        **traits,
    )


def _offer(host: Host, disk_gb: float, *, bid: bool) -> dict[str, Any]:
    prices = host.prices(disk_gb, host.min_bid if bid else None)
    return {
        "id": host.offer_id,
        "ask_contract_id": host.offer_id,
        "bundle_id": host.offer_id * 7,
        **host.hardware(),
        **prices,
        "reliability": host.reliability,
        "gpu_total_ram": host.gpu_ram,
        "disk_space": host.disk_space,
        "inet_down": host.inet_down,
        "inet_up": host.inet_down,
        "internet_down_cost_per_tb": float(host.network_cost * 1000),
        "internet_up_cost_per_tb": float(host.network_cost * 1000),
        "cuda_max_good": 12.9 if host.driver < "580" else 13.0,
        "driver_version": host.driver,
        "compute_cap": 890,
        "duration": OFFERED_S,
        "start_date": 0.0,
        "end_date": OFFERED_S,
        "rentable": True,
        "rented": False,
        "is_bid": bid,
        "external": None,
        "dlperf": 100.0,
        "dlperf_per_dphtotal": 100.0 / prices["dph_total"],
        "discounted_dph_total": prices["dph_total"],
        "score": 100.0 * host.reliability / prices["dph_total"],
        "hosting_type": 0,
        "resource_type": "gpu",
    }
