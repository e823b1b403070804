"""Dated public list prices, and images that can be bought instead: `list_prices.toml`, read once."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from analysis.focus_prices import LISTED
from analysis.prices import LIST
from analysis.traffic.breakeven import Bought

_FILE = Path(__file__).with_name("list_prices.toml")
_SECONDS = {"s": 1, "h": 3600}


@dataclass(frozen=True, kw_only=True)
class ListPrice:
    """What a provider's list, or one end of a market's range, says of a GPU. usd_per_s: the whole worker."""

    backend: str
    gpu: str
    offer_id: str
    unit: str
    usd_per_unit: Decimal
    usd_per_s: Decimal
    source: str
    as_of: datetime


@cache
def list_prices() -> tuple[ListPrice, ...]:
    """All of them, by backend and GPU in the order of the file."""
    return tuple(
        price for backend, said in _document().items() if "gpu" in said for price in _of_backend(backend, said)
    )


@cache
def listed() -> pl.DataFrame:
    """What is billed beside a GPU, `analysis.focus_prices.LISTED`; shared, nobody may change it."""
    rows = [
        (backend, meter["product"], sku, Decimal(meter["usd"]), meter["unit"])
        for backend, said in _document().items()
        if "gpu" in said
        for sku, meter in said.get("meter", {}).items()
    ]
    return pl.DataFrame(rows, schema=LISTED, orient="row")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A plan of a provider, USD a month."""

    name: str
    monthly_usd: Decimal
    source: str


@cache
def plans(backend: str) -> tuple[Plan, ...]:
    """Its plans, the cheapest first; none of a provider that has none."""
    said = _document()[backend]
    found = [
        Plan(name=name, monthly_usd=Decimal(usd), source=_source(said)) for name, usd in said.get("plan", {}).items()
    ]
    return tuple(sorted(found, key=lambda plan: plan.monthly_usd))


@cache
def bought(workflow: str) -> tuple[Bought, ...]:
    """What else an image of that workflow can be bought for: a line beside the providers."""
    return tuple(
        Bought(
            name=row["name"],
            usd_per_image_nano=int(Decimal(row["usd_per_image"]) * 10**9),
            source=_source(row),
        )
        for row in _document()["reference"]
        if row["workflow"] == workflow
    )


def _of_backend(backend: str, said: Mapping[str, Any]) -> list[ListPrice]:
    beside = sum(Decimal(each["usd"]) * each.get("ours", 0) for each in said.get("meter", {}).values())
    as_of = datetime.combine(said["as_of"], time(), UTC)
    return [
        ListPrice(
            backend=backend,
            gpu=gpu,
            offer_id=f"list {gpu}" + (f" {end}" if len(usd) > 1 else ""),
            unit=said["unit"],
            usd_per_unit=Decimal(each),
            usd_per_s=Decimal(each) / _SECONDS[said["unit"]] + beside,
            source=_source(said),
            as_of=as_of,
        )
        for gpu, usd in said["gpu"].items()
        for end, each in zip(("low", "high"), usd, strict=False)
    ]


def _source(said: Mapping[str, Any]) -> str:
    return f"{LIST}: {said['source']}, {said['as_of']:%Y-%m-%d}"


def _document() -> dict[str, Any]:
    return tomllib.loads(_FILE.read_text(encoding="utf-8"))
