"""What a person lays over the measured prices: a discount, a committed price, a price of one's own, a credit.

A layer is named, dated and reversible: everything is computed again from the same rows, without it they are as they
were. It changes the price of a worker's time; storage, network and fees stay as billed. Order, whatever the order in
which layers were made: discounts first, since they are per cent of what the provider states (several multiply); then a
committed price, which a contract states net and no discount lowers again; then an override, a person's last word.
Credits come last and lower no cost: they pay for a part of the month's metered dollars, which are what is compared.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

import polars as pl

from analysis import lines
from words import CostState, LayerKind, called

NANO = 10**9
LAYERED = pl.Schema(  # rates of `relaid`, one row per deployment whose price was changed
    {
        "deployment_id": pl.Int64,
        "backend": pl.String,
        "gpu": pl.String,
        "measured_nano": pl.Int64,  # USD per second before
        "usd_per_s_nano": pl.Int64,  # .. and after
    }
    | {"layers": pl.List(pl.String())}  # names, in the order in which they were applied
)
PAYABLE = pl.Schema(  # one provider in one month
    {
        "provider": pl.String,
        "month": pl.String,  # 2026-11, UTC, by the start of what was billed
        "metered_nano": pl.Int64,  # before credits: what costs are compared by
        "least_nano": pl.Int64,  # what commitments cost at least
        "credit_nano": pl.Int64,  # of the credits, as much as there is to pay
        "payable_nano": pl.Int64,
        "simulated": pl.Boolean,
    }
    | {"layers": pl.List(pl.String())}
)
_WANTS = {  # kind -> what it says, and nothing else
    LayerKind.DISCOUNT: ("percent",),
    LayerKind.CREDIT: ("monthly_usd",),
    LayerKind.COMMITTED: ("usd_per_s",),
    LayerKind.OVERRIDE: ("usd_per_s",),
}
_MAY = {LayerKind.COMMITTED: ("monthly_usd",)}
_CALLED = {"percent": "per cent", "usd_per_s": "dollars a second", "monthly_usd": "dollars a month"}


class RefusedLayer(ValueError):
    """A layer that cannot be; the message is a sentence for the person who asked for it."""


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One row of the table `pricelayer`. monthly_usd: the credit, or what a commitment costs at least."""

    name: str
    kind: LayerKind
    backend: str
    gpu: str | None = None  # None: every GPU
    usd_per_s: Decimal | None = None
    percent: float | None = None
    monthly_usd: Decimal | None = None
    valid_from: datetime
    valid_to: datetime | None = None
    revoked_at: datetime | None = None

    def holds(self, backend: str, gpu: str, at: datetime) -> bool:
        """Does it change this price at that instant? From its beginning until before its end, unless revoked."""
        ours = self.revoked_at is None and self.backend == backend and self.gpu in (None, gpu)
        return ours and self.valid_from <= at and (self.valid_to is None or at < self.valid_to)


class Priced(NamedTuple):
    """Nano-USD per second, and the names of the layers that made it so, in their order."""

    nano: int
    layers: tuple[str, ...]


class Relaid(NamedTuple):
    """The three frames with the layers laid over their prices, and `LAYERED`: what was changed by which."""

    deployments: pl.DataFrame
    jobs: pl.DataFrame
    charges: pl.DataFrame
    rates: pl.DataFrame


def check(layer: Layer, *, backends: Collection[str]) -> None:
    """Raises RefusedLayer for one that makes a price negative or nothing, ends before it begins, or names nobody."""
    if not layer.name.strip():
        raise RefusedLayer("A layer needs a name: it stands beside every number that it changes.")
    if layer.backend not in backends:
        known = ", ".join(sorted(backends)) or "none"
        raise RefusedLayer(f"No backend is called {layer.backend!r}. Known: {known}.")
    if layer.valid_to is not None and layer.valid_to <= layer.valid_from:
        raise RefusedLayer(f"It ends on {layer.valid_to:%Y-%m-%d %H:%M}, not after it begins.")
    if layer.kind is LayerKind.CREDIT and layer.gpu is not None:
        raise RefusedLayer("A credit is the account's: it cannot be for one GPU alone.")
    _check_figures(layer)


def rate(nano: int, layers: Iterable[Layer], *, backend: str, gpu: str, at: datetime) -> Priced:
    """A price with the layers laid over it, rounded to the nano-dollar and never below one of them."""
    held = sorted((layer for layer in layers if layer.holds(backend, gpu, at)), key=_rank)
    for kind in (LayerKind.OVERRIDE, LayerKind.COMMITTED):
        fixed = [layer for layer in held if layer.kind is kind and layer.usd_per_s is not None]
        if fixed:
            return Priced(_nano(fixed[-1].usd_per_s or Decimal()), (fixed[-1].name,))
    price, names = Decimal(nano), []
    for layer in held:
        if layer.kind is LayerKind.DISCOUNT and layer.percent is not None:
            price *= 1 - Decimal(str(layer.percent)) / 100
            names.append(layer.name)
    return Priced(max(1, int(price.to_integral_value(ROUND_HALF_UP))), tuple(names)) if names else Priced(nano, ())


def relaid(deployments: pl.DataFrame, jobs: pl.DataFrame, charges: pl.DataFrame, layers: Sequence[Layer]) -> Relaid:
    """Lay them over `schema.DEPLOYMENTS`, `schema.JOBS` and `schema.CHARGES`: what is computed from these follows.

    A layer holds for a deployment by the instant of its order. Lines of a worker's time change as its price does and
    count as estimated then, for nobody billed them. Without a layer that holds, the frames come back as they were.
    """
    rates = _rates(deployments, layers)
    if rates.is_empty():
        return Relaid(deployments, jobs, charges, rates)
    new = rates.select("deployment_id", "measured_nano", new_nano="usd_per_s_nano")
    price = pl.coalesce("new_nano", "usd_per_s_nano").alias("usd_per_s_nano")
    changed = pl.col("new_nano").is_not_null()
    estimate = pl.when(~changed).then("estimated_nano").alias("estimated_nano")  # made again from the new price
    return Relaid(
        _beside(deployments, new).with_columns(price).select(deployments.columns),
        _beside(jobs, new).with_columns(price, estimate).select(jobs.columns),
        _charged(_beside(charges, new)).select(charges.columns),
        rates,
    )


def payable(charges: pl.DataFrame, layers: Sequence[Layer]) -> pl.DataFrame:
    """`PAYABLE`: what is left to pay of each provider's month, max(metered, commitment) - credits, never below nothing.

    Of all lines of `charges` (as measured, or `relaid`). A layer counts for a month of which it holds any part.
    """
    months = charges.filter(pl.col("billed_nano").is_not_null()).group_by(
        "provider", pl.col("charge_period_start").dt.truncate("1mo").alias("begins")
    )
    sums = months.agg(pl.col("billed_nano").sum(), pl.col("simulated").any()).sort("provider", "begins")
    rows = []
    for row in sums.iter_rows(named=True):
        held = [layer for layer in layers if layer.monthly_usd and _in_month(layer, row["provider"], row["begins"])]
        least, credit = (
            sum(_nano(layer.monthly_usd or Decimal()) for layer in held if layer.kind is kind)
            for kind in (LayerKind.COMMITTED, LayerKind.CREDIT)
        )
        owed = max(row["billed_nano"], least)
        used = max(0, min(credit, owed))
        figures = {
            "metered_nano": row["billed_nano"],
            "least_nano": least,
            "credit_nano": used,
            "payable_nano": owed - used,
        }
        named = {"month": f"{row['begins']:%Y-%m}", "layers": [layer.name for layer in sorted(held, key=_rank)]}
        rows.append({"provider": row["provider"], "simulated": row["simulated"], **figures, **named})
    return pl.DataFrame(rows, schema=PAYABLE)


def _in_month(layer: Layer, provider: str, begins: datetime) -> bool:
    ends = (begins.replace(day=1) + timedelta(days=32)).replace(day=1)
    open_end = layer.valid_to is None or layer.valid_to > begins
    return (
        layer.revoked_at is None
        and layer.backend.partition("-")[0] == provider
        and layer.valid_from < ends
        and open_end
    )


def _rates(deployments: pl.DataFrame, layers: Sequence[Layer]) -> pl.DataFrame:
    rows = []
    for row in deployments.sort("deployment_id").iter_rows(named=True):
        at, nano = row["created_at"] or row["intended_at"], row["usd_per_s_nano"]
        if at is not None and nano:
            found = rate(nano, layers, backend=row["backend"], gpu=row["gpu"], at=at)
            if found.layers:
                named = {name: row[name] for name in ("deployment_id", "backend", "gpu")}
                rows.append(named | {"measured_nano": nano, "usd_per_s_nano": found.nano, "layers": [*found.layers]})
    return pl.DataFrame(rows, schema=LAYERED)


def _beside(frame: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    return frame.join(new, on="deployment_id", how="left", maintain_order="left")


def _charged(charges: pl.DataFrame) -> pl.DataFrame:
    """billed x new / measured, half up, in parts that fit 64 bits whatever was billed."""
    scaled = pl.col("new_nano").is_not_null() & (lines.purpose() == lines.TIME)
    old, new = pl.col("measured_nano"), pl.col("new_nano")
    whole, rest = pl.col("billed_nano") // old, pl.col("billed_nano") % old
    nano = whole * new + (rest * new + old // 2) // old
    return charges.with_columns(
        billed_nano=pl.when(scaled).then(nano).otherwise("billed_nano"),
        state=pl.when(scaled).then(pl.lit(CostState.ESTIMATED.value)).otherwise("state"),
    )


def _rank(layer: Layer) -> tuple[bool, datetime, str]:
    """Of several of one kind the last counts: for one GPU beats for all, later beats earlier."""
    return layer.gpu is not None, layer.valid_from, layer.name


def _check_figures(layer: Layer) -> None:
    for name in ("percent", "usd_per_s", "monthly_usd"):
        said = getattr(layer, name)
        wanted = name in _WANTS[layer.kind]
        if said is None and wanted:
            raise RefusedLayer(f"A layer of the kind {layer.kind} needs {_CALLED[name]}.")
        if said is None:
            continue
        if not wanted and name not in _MAY.get(layer.kind, ()):
            raise RefusedLayer(f"A layer of the kind {layer.kind} says nothing in {_CALLED[name]}.")
        _check_size(layer, name, Decimal(str(said)))


def _check_size(layer: Layer, name: str, said: Decimal) -> None:
    if not said.is_finite():
        raise RefusedLayer(f"{said} is no number of {_CALLED[name]}.")
    if said <= 0:
        raise RefusedLayer(f"It must be above zero, and {said} {_CALLED[name]} is not.")
    if name == "percent" and said >= 100:
        raise RefusedLayer(f"{said} per cent off would make the price of {called(layer.backend)} nothing, or less.")
    if name == "usd_per_s" and _nano(said) < 1:
        raise RefusedLayer(f"{said} dollars a second is less than a nano-dollar: it would be nothing.")


def _nano(usd: Decimal) -> int:
    return int((usd * NANO).to_integral_value(ROUND_HALF_UP))
