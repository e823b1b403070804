"""Prices laid over measured ones: a person's stored layers, and a what-if that lives in the address alone. Pure.

A what-if is an override of one backend's price, in dollars an hour of a worker; nothing of it is stored.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

import polars as pl

from analysis.layers import Layer
from storage.layers import layer_of
from storage.models import PriceLayer
from ui.formats import UNKNOWN, day_time, listed, plain, usd
from ui.names import in_order, label
from words import LayerKind

WHAT_IF = "what if"
HOUR_S = 3600
_NANO = Decimal("1e-9")
EVER = datetime(1970, 1, 1, tzinfo=UTC)
KINDS = {
    LayerKind.DISCOUNT: "discount, % off",
    LayerKind.COMMITTED: "committed price, $ an hour",
    LayerKind.OVERRIDE: "own price, $ an hour",
    LayerKind.CREDIT: "credit, $ a month",
}


class Laid(NamedTuple):
    """What is laid over measured prices; plain values, part of the key of cached answers.

    stored: whether the layers in force count. what_if: backend and dollars an hour.
    """

    stored: bool = True
    what_if: tuple[tuple[str, float], ...] = ()


LAID = Laid()


def layers_of(laid: Laid, stored: Sequence[Layer]) -> list[Layer]:
    """As `analysis.layers` takes them. A what-if is the last word, whatever is stored."""
    kept = list(stored) if laid.stored else []
    asked = dict(laid.what_if)
    return [layer for layer in kept if layer.backend not in asked] + [_what_if(*each) for each in laid.what_if]


def per_second(usd_per_h: float) -> Decimal:
    """Dollars a second, to the nano-dollar."""
    return (Decimal(str(usd_per_h)) / HOUR_S).quantize(_NANO, rounding=ROUND_HALF_UP)


def measured_rates(deployments: pl.DataFrame) -> dict[str, float]:
    """Backend -> the median of what a worker costs an hour, of these deployments."""
    found = deployments.group_by("backend").agg(pl.col("usd_per_s_nano").median())
    rates = {name: nano * HOUR_S / 1e9 for name, nano in found.iter_rows() if nano is not None}
    return {name: rates[name] for name in in_order(rates)}


def what_if_words(laid: Laid, rates: Mapping[str, float]) -> str:
    """What if: Runpod at $1.50 an hour instead of $1.91"""
    said = [f"{label(name)} at {usd(asked)} an hour instead of {usd(rates.get(name))}" for name, asked in laid.what_if]
    return f"What if: {listed(said)}"


def stored_words(stored: Sequence[PriceLayer]) -> str:
    """Prices include: partner programme (Runpod, 15 % off, by finn)"""
    return listed(
        [f"{row.name} ({label(row.backend)}, {value_words(row)}, by {plain(row.made_by or UNKNOWN)})" for row in stored]
    )


def value_words(row: PriceLayer) -> str:
    """15 % off; $1.50 an hour; $200 a month."""
    said = []
    if row.percent is not None:
        said.append(f"{row.percent:g} % off")
    if row.value is not None:
        said.append(f"{usd(float(row.value) * HOUR_S)} an hour")
    if row.monthly_usd is not None:
        said.append(f"{usd(float(row.monthly_usd))} a month")
    return ", ".join(said)


def holding(stored: Sequence[PriceLayer], now: datetime) -> list[PriceLayer]:
    """Those in force whose time is now."""
    return [row for row in stored if row.valid_from <= now and (row.valid_to is None or now < row.valid_to)]


def layer_rows(stored: Sequence[PriceLayer]) -> list[dict[str, str]]:
    """Every layer that was ever made, as a table of plain text."""
    return [
        {
            "name": row.name,
            "on": f"{label(row.backend)}{f', {row.gpu}' if row.gpu else ''}",
            "what": f"{KINDS[row.kind].split(',')[0]}: {value_words(row)}",
            "holds": _holds(row),
            "by": row.made_by,
            "reason": row.reason,
            "state": f"revoked {day_time(row.revoked_at)} by {row.revoked_by}" if row.revoked_at else "in force",
        }
        for row in stored
    ]


def new_layer(
    kind: LayerKind, backend: str, value: float, *, name: str, gpu: str | None, since: datetime, to: datetime | None
) -> Layer:
    """What the form gives. `value`: per cent, dollars an hour, or dollars a month, as its kind says."""
    return Layer(
        name=name,
        kind=kind,
        backend=backend,
        gpu=gpu,
        usd_per_s=per_second(value) if kind in (LayerKind.COMMITTED, LayerKind.OVERRIDE) else None,
        percent=value if kind is LayerKind.DISCOUNT else None,
        monthly_usd=Decimal(str(value)) if kind is LayerKind.CREDIT else None,
        valid_from=since,
        valid_to=to,
    )


def stored_layers(rows: Sequence[PriceLayer]) -> list[Layer]:
    """Rows as `analysis.layers` takes them."""
    return [layer_of(row) for row in rows]


def _what_if(backend: str, usd_per_h: float) -> Layer:
    return Layer(
        name=WHAT_IF, kind=LayerKind.OVERRIDE, backend=backend, usd_per_s=per_second(usd_per_h), valid_from=EVER
    )


def _holds(row: PriceLayer) -> str:
    since = "always" if row.valid_from == EVER else day_time(row.valid_from)
    return f"{since} to {day_time(row.valid_to)}" if row.valid_to else f"{since}, until revoked"
