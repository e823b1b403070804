"""What providers ask for their GPUs, over time: each price as it stood, and a market as a distribution.

A marketplace is what was on offer within a day: a host that is rented is gone for hours and comes back at its price.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from words import called

DAY = timedelta(days=1)
THRESHOLD = 0.05  # of a price: a larger change is told
LIST = "list price"  # how the source of a dated list price begins: it counts where a provider said nothing itself
_AT = pl.Datetime("us", "UTC")
OFFERS = pl.Schema(  # a price of one offer, from when it was first seen until it was last seen
    {
        "backend": pl.String(),
        "gpu": pl.String(),
        "offer_id": pl.String(),
        "unit": pl.String(),
        "usd_per_unit_nano": pl.Int64(),
        "usd_per_s_nano": pl.Int64(),
        "source": pl.String(),
        "region": pl.String(),
        "first_seen_at": _AT,
        "seen_at": _AT,
        "simulated": pl.Boolean(),
    }
)
MARKET = pl.Schema(  # nano-USD per second
    {
        "backend": pl.String(),
        "gpu": pl.String(),
        "n": pl.Int64(),  # offers
        "low_nano": pl.Int64(),
        "p25_nano": pl.Int64(),
        "median_nano": pl.Int64(),
        "p75_nano": pl.Int64(),
        "high_nano": pl.Int64(),
        "source": pl.String(),
        "seen_at": _AT,
        "simulated": pl.Boolean(),
    }
)
_KEY = ("backend", "gpu")


def standing(offers: pl.DataFrame, at: datetime) -> pl.DataFrame:
    """Of `OFFERS`, the price of each offer that was seen within the day before `at`, ordered, cheapest first."""
    there = offers.filter(pl.col("first_seen_at") <= at, pl.col("seen_at") >= at - DAY)
    theirs = there.filter(own().any().over(_KEY) == own())
    newest = theirs.sort("first_seen_at").unique([*_KEY, "offer_id"], keep="last")
    return newest.sort(*_KEY, "usd_per_s_nano", "offer_id")


def own() -> pl.Expr:
    """Was it said by the provider itself?"""
    return ~pl.col("source").str.starts_with(LIST)


def market(offers: pl.DataFrame, at: datetime) -> pl.DataFrame:
    """`MARKET` at that instant, ordered: quartiles are prices that somebody asks (of an even number the lower one)."""
    nano = pl.col("usd_per_s_nano")
    return (
        standing(offers, at)
        .group_by(_KEY)
        .agg(
            n=pl.len().cast(pl.Int64),
            low_nano=nano.min(),
            **{
                f"{name}_nano": nano.quantile(q, "lower").cast(pl.Int64)
                for name, q in (("p25", 0.25), ("median", 0.5), ("p75", 0.75))
            },
            high_nano=nano.max(),
            source=pl.col("source").sort_by("seen_at").last(),
            seen_at=pl.col("seen_at").max(),
            simulated=pl.col("simulated").any(),
        )
        .sort(_KEY)
        .select(MARKET.names())
    )


def history(offers: pl.DataFrame, until: datetime) -> pl.DataFrame:
    """`MARKET` with `at`: at the end of each UTC day since the first offer and at `until`, where there were offers."""
    days = [market(offers, at).with_columns(at=pl.lit(at, dtype=_AT)) for at in _days(offers, until)]
    empty = pl.DataFrame(schema=pl.Schema({**MARKET, "at": _AT}))
    return pl.concat([empty, *days]).sort(*_KEY, "at")


def changed(offers: pl.DataFrame, *, since: datetime, at: datetime, least: float = THRESHOLD) -> list[str]:
    """A sentence for each backend and GPU whose median moved by more than `least` between the two instants."""
    before, after = market(offers, since), market(offers, at)
    both = before.join(after, on=_KEY, how="inner", suffix="_now", maintain_order="left")
    moved = both.with_columns(change=pl.col("median_nano_now") / pl.col("median_nano") - 1)
    return [_sentence(row) for row in moved.filter(pl.col("change").abs() > least).iter_rows(named=True)]


def subject(backend: str, gpu: str) -> str:
    """How a sentence of `changed` begins."""
    return f"{called(backend)} {gpu}:"


def _sentence(row: dict[str, Any]) -> str:
    before, now = (row[name] * 3600 / 1e9 for name in ("median_nano", "median_nano_now"))
    what = "the price" if row["n_now"] == 1 else f"the median of {row['n_now']} offers"
    return (
        f"{subject(row['backend'], row['gpu'])} {what} went from ${before:.3f} to ${now:.3f} an hour "
        f"({100 * row['change']:+.1f} %); {row['source_now']}."
    )


def _days(offers: pl.DataFrame, until: datetime) -> Iterator[datetime]:
    first = offers["first_seen_at"].min()
    if isinstance(first, datetime):
        at = first.replace(hour=0, minute=0, second=0, microsecond=0) + DAY
        while at < until:
            yield at
            at += DAY
        yield until
