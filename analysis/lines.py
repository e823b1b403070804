"""Billing lines: what each is for, whose it is, and how exact it says it is.

A line of a worker's time is held against the lives of workers; the others say themselves what they are for. What is
for nothing that we know or ordered is nobody's: it stays unexplained.
"""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from analysis.lives import LAWS
from words import CostState

TIME, STORAGE, NETWORK, FEE, ROUNDING, OTHER = "time", "storage", "network", "fee", "rounding", "other"
PURPOSE = {
    "gpu": TIME,
    "cpu": TIME,
    "memory": TIME,
    "disk": STORAGE,
    "network": NETWORK,
    "fee": FEE,
    "rounding": ROUNDING,
}
VOLUME = "storage"  # the sku of a shared volume: it is ours if it is named
_SHOWN = {name: law.shown_nano for name, law in LAWS.items()}
_STRENGTH = {state.value: strength for strength, state in enumerate(CostState)}  # weakest first
_QUANTITY = r"^([\d.]+) GB at \$([\d.]+)/TB$"  # Vast.ai's words for network


def weakest_state(state: pl.Expr) -> pl.Expr:
    """The weakest of a column of states, as an aggregate; null of none."""
    names = {strength: name for name, strength in _STRENGTH.items()}
    strengths = state.replace_strict(_STRENGTH, return_dtype=pl.Int64)
    return strengths.min().replace_strict(names, return_dtype=pl.String)


def by_deployment(charges: pl.DataFrame, volumes: Collection[str] = ()) -> pl.DataFrame:
    """One row per billed deployment: billed_nano, cost_state, and `*_nano` by purpose, with how many lines of time and
    storage there are and half of the step in which such a line is shown (0: exact).

    Network is quantity x price where the line tells them and differs by less than that; the difference is rounding.
    """
    known = charges.filter(pl.col("deployment_id").is_not_null(), pl.col("billed_nano").is_not_null())
    return (
        known.with_columns(purpose=purpose(volumes), half_nano=_half())
        .with_columns(exact_nano=_exact())
        .group_by("deployment_id")
        .agg(
            pl.col("billed_nano").sum(),
            weakest_state(pl.col("state")).alias("cost_state"),
            _of(TIME),
            _of(STORAGE),
            _of(FEE),
            network_nano=pl.col("exact_nano").filter(purpose=NETWORK).sum(),
            rounded_nano=_sum(ROUNDING) + (pl.col("billed_nano") - pl.col("exact_nano")).filter(purpose=NETWORK).sum(),
            time_slack_nano=pl.col("half_nano").filter(purpose=TIME).sum(),
            storage_slack_nano=pl.col("half_nano").filter(purpose=STORAGE).sum(),
            storage_lines=(pl.col("purpose") == STORAGE).sum().cast(pl.Int64),
        )
    )


def of_nobody(charges: pl.DataFrame, volumes: Collection[str] = ()) -> pl.DataFrame:
    """The lines of no deployment, each with its purpose."""
    mine = charges.filter(pl.col("deployment_id").is_null(), pl.col("billed_nano").is_not_null())
    return mine.with_columns(purpose=purpose(volumes))


def allocated(charges: pl.DataFrame, deployments: pl.DataFrame, volumes: Collection[str]) -> pl.DataFrame:
    """The lines, those of the named volumes split over the provider's deployments by the time they shared.

    To the nano-dollar: the shares of a line add up to it. One in whose period nothing was up stays nobody's.
    """
    shared = pl.col("deployment_id").is_null() & pl.col("resource_id").is_in(list(volumes))
    if not volumes or charges.filter(shared).is_empty():
        return charges
    owners = list(deployments.sort("deployment_id").iter_rows(named=True))
    split = [share for line in charges.filter(shared).iter_rows(named=True) for share in _shares(line, owners)]
    return pl.concat([charges.filter(~shared), pl.DataFrame(split, schema=charges.schema, orient="row")])


def _shares(line: Mapping[str, Any], owners: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    mine = [(owner["deployment_id"], _shared_us(line, owner)) for owner in owners if _same_provider(line, owner)]
    together = sum(shared_us for _, shared_us in mine)
    if not together or line["billed_nano"] is None:
        yield dict(line)
        return
    up_to_us = given = 0
    for deployment_id, shared_us in mine:
        up_to_us += shared_us
        nano = line["billed_nano"] * up_to_us // together - given
        given += nano
        if shared_us:
            share = {"charge_id": f"{line['charge_id']}/{deployment_id}", "deployment_id": deployment_id}
            yield {**line, **share, "billed_nano": nano}


def _same_provider(line: Mapping[str, Any], owner: Mapping[str, Any]) -> bool:
    return str(owner["backend"]).partition("-")[0] == str(line["provider"])


def _shared_us(line: Mapping[str, Any], owner: Mapping[str, Any]) -> int:
    begun: datetime | None = owner["created_at"]
    if begun is None:
        return 0
    start: datetime = max(begun, line["charge_period_start"])
    end: datetime = min(owner["ended_at"] or line["charge_period_end"], line["charge_period_end"])
    return max(0, (end - start) // timedelta(microseconds=1))


def purpose(volumes: Collection[str] = ()) -> pl.Expr:
    """What a line is for, by its sku; a shared volume is storage if it is one of ours."""
    ours = (pl.col("sku") == VOLUME) & pl.col("resource_id").is_in(list(volumes))
    return pl.when(ours).then(pl.lit(STORAGE)).otherwise(pl.col("sku").replace_strict(PURPOSE, default=OTHER))


def _half() -> pl.Expr:
    """Half of the step in which the provider shows amounts; an amount in whole nano-dollars is exact."""
    return pl.col("provider").replace_strict(_SHOWN, default=1, return_dtype=pl.Int64) // 2


def _exact() -> pl.Expr:
    """Quantity x price as the line tells them, if that is what it shows; else what it shows."""
    told = pl.col("description").str.extract_groups(_QUANTITY)
    gb, usd_per_tb = (told.struct.field(name).cast(pl.Float64, strict=False) for name in ("1", "2"))
    nano = (gb * usd_per_tb * 1e6).round().cast(pl.Int64)
    near = (pl.col("billed_nano") - nano).abs() <= pl.col("half_nano")
    return pl.when(near).then(nano).otherwise("billed_nano")


def _of(purpose: str) -> pl.Expr:
    return _sum(purpose).alias(f"{purpose}_nano")


def _sum(purpose: str) -> pl.Expr:
    return pl.col("billed_nano").filter(purpose=purpose).sum()
