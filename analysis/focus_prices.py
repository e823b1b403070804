"""What a billing line was priced by: unit price, unit and where the price is from.

No bill of the three states a quantity that can be computed with (Modal and Runpod give amounts alone, Vast.ai's words
are rounded to three decimals), so the quantity is the amount over the price: what was billed, in the unit of its price.
"""

from decimal import Decimal

import polars as pl

from analysis.focus_columns import MONEY, QUANTITY, Columns
from words import Provider

OFFER, LIST, AMOUNT = "offer", "list", "amount"
UNPRICED = ("rounding", "other", "fee")  # no basis is published for these: they are adjustments
_UNITS = {"s": "GPU-Seconds", "h": "GPU-Hours"}
LISTED: Columns = {  # dated public list prices of what is billed beside a GPU
    "provider": pl.String,
    "product": pl.String,
    "sku": pl.String,
    "listed": QUANTITY,  # USD
    "listed_unit": pl.String,
}


def priced(lines: pl.DataFrame, listed: pl.DataFrame) -> pl.DataFrame:
    """Add unit_price, unit, price_source and quantity = billed / unit_price; all null for what is never priced.

    The offer that the deployment took comes first, then the list price (`LISTED`). Where neither is known the amount
    is its own measure: so many USD at one USD each, which price_source says.
    """
    return (
        lines.with_columns(offered=_offered(), offered_unit=_offered_unit())
        .join(listed, on=["provider", "product", "sku"], how="left", maintain_order="left")
        .with_columns(price_source=_source())
        .with_columns(unit_price=_by_source("offered", "listed", pl.lit(Decimal(1)).cast(QUANTITY)))
        .with_columns(
            unit=_by_source("offered_unit", "listed_unit", pl.col("billing_currency")),
            quantity=pl.col("billed").cast(QUANTITY) / pl.col("unit_price"),
        )
        .drop("offered", "offered_unit", "listed", "listed_unit")
    )


def usd(nano: str) -> pl.Expr:
    """Integer nano-USD as exact Decimal USD."""
    return (pl.col(nano).cast(MONEY) / pl.lit(Decimal(10**9))).cast(MONEY)


def _offered() -> pl.Expr:
    """The unit price of the deployment's own offer."""
    vast = pl.col("provider") == Provider.VAST
    return (
        pl.when(pl.col("sku") == "gpu")
        .then(usd("gpu_usd_nano").cast(QUANTITY))
        .when(vast & (pl.col("sku") == "disk"))
        .then(pl.col("storage_usd_per_gb_month").cast(QUANTITY))
        .when(vast & (pl.col("meter") == "bwu"))
        .then(pl.col("up_usd_per_gb").cast(QUANTITY))
        .when(vast & (pl.col("sku") == "network"))
        .then(pl.col("down_usd_per_gb").cast(QUANTITY))
    )


def _offered_unit() -> pl.Expr:
    others = {"disk": "GB-Months", "network": "GB"}
    unit = pl.col("gpu_unit").replace_strict(_UNITS, default=None, return_dtype=pl.String)
    other = pl.col("sku").replace_strict(others, default=None, return_dtype=pl.String)
    return pl.when(pl.col("sku") == "gpu").then(unit).otherwise(other)


def _source() -> pl.Expr:
    offered = (pl.col("offered") > 0) & pl.col("offered_unit").is_not_null()
    return (
        pl.when(pl.col("sku").is_in(UNPRICED))
        .then(None)
        .when(offered)
        .then(pl.lit(OFFER))
        .when(pl.col("listed").is_not_null())
        .then(pl.lit(LIST))
        .otherwise(pl.lit(AMOUNT))
    )


def _by_source(offer: str, listed: str, amount: pl.Expr) -> pl.Expr:
    source = pl.col("price_source")
    return pl.when(source == OFFER).then(offer).when(source == LIST).then(listed).when(source == AMOUNT).then(amount)
