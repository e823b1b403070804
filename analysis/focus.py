"""Billing lines as a FOCUS 1.2 dataset: what each column holds for each provider is in docs/reference/focus.md.

One row per line with its amount as it stands; a line whose amount changed after its billing period had closed is two
rows, as `focus_corrections` says. The sum of BilledCost is the sum of the lines.
"""

import json
from collections.abc import Mapping

import polars as pl

from analysis.focus_columns import FOCUS
from analysis.focus_corrections import corrected
from analysis.focus_prices import UNPRICED, priced, usd
from words import Provider

USAGE, ADJUSTMENT = "Usage", "Adjustment"
COMPUTE, STORAGE = "Compute", "Storage"
SERVICES = {  # (provider, product) -> service, category, subcategory, type of its resources
    (Provider.MODAL, "app"): ("Modal Functions", COMPUTE, "Serverless Compute", "App"),
    (Provider.RUNPOD, "serverless"): ("Runpod Serverless", COMPUTE, "Serverless Compute", "Serverless Endpoint"),
    (Provider.RUNPOD, "pod"): ("Runpod Pods", COMPUTE, "Containers", "Pod"),
    (Provider.RUNPOD, "volume"): ("Runpod Network Volumes", STORAGE, "File Storage", "Network Volume"),
    (Provider.VAST, "instance"): ("Vast.ai Instances", COMPUTE, "Containers", "Instance"),
    (Provider.VAST, "volume"): ("Vast.ai Volumes", STORAGE, "Block Storage", "Volume"),
    (Provider.VAST, "serverless"): ("Vast.ai Serverless", COMPUTE, "Serverless Compute", "Serverless Worker"),
}
DEFAULT_PRODUCT = {Provider.MODAL: "app", Provider.RUNPOD: "serverless", Provider.VAST: "instance"}
_NO_TAGS = ("{}", "null")
METERS = {
    "gpu": "GPU Time",
    "cpu": "CPU Time",
    "memory": "Memory Time",
    "disk": "Disk Storage",
    "network": "Network Transfer",
    "storage": "Volume Storage",
    "fee": "Platform Fee",
    "rounding": "Rounding",
    "other": "Difference to the total",
}


def of(lines: pl.DataFrame, accounts: Mapping[str, str], listed: pl.DataFrame) -> pl.DataFrame:
    """`focus_columns.LINES` -> `focus_columns.FOCUS`, by period, provider and line; of the lines that count.

    accounts: the id of the billing account by provider. Every provider of `lines` must be in it; else KeyError.
    listed: list prices, `focus_prices.LISTED`.
    """
    if missing := set(lines["provider"]) - set(accounts):
        raise KeyError(f"no billing account of {', '.join(sorted(missing))}")
    default = pl.col("provider").replace_strict(DEFAULT_PRODUCT, return_dtype=pl.String)
    modals_gpu = (pl.col("provider") == Provider.MODAL) & (pl.col("sku") == "gpu")
    told = lines.filter("counts").with_columns(
        product=pl.when(pl.col("product") == "").then(default).otherwise("product"),
        resource_name=pl.coalesce("resource_name", "deployment"),
        gpu=pl.coalesce("gpu", pl.when(modals_gpu).then("meter")),
    )
    rows = priced(corrected(told).with_columns(billed=usd("billed_nano")), listed).with_columns(
        category=pl.when(pl.col("sku").is_in(UNPRICED)).then(pl.lit(ADJUSTMENT)).otherwise(pl.lit(USAGE))
    )
    filled = rows.select(
        *_costs(), *_account(accounts), *_periods(), *_charge(), *_pricing(), *_sku(), *_where(), *_service(), *_ours()
    )
    absent = [pl.lit(None, dtype).alias(name) for name, dtype in FOCUS.items() if name not in filled.columns]
    return (
        filled.with_columns(absent)
        .sort("ChargePeriodStart", "ProviderName", "x_charge_id", "ChargeClass")
        .select(pl.col(name).cast(dtype) for name, dtype in FOCUS.items())
    )


def _costs() -> list[pl.Expr]:
    """No bill tells a discount of its own: list, contracted and effective cost are what was billed."""
    return [pl.col("billed").alias(f"{kind}Cost") for kind in ("Billed", "Contracted", "Effective", "List")]


def _account(accounts: Mapping[str, str]) -> list[pl.Expr]:
    """Modal names its workspaces; the others' interfaces know an account by its id alone."""
    by_provider = pl.col("provider").replace_strict(dict(accounts), default=None, return_dtype=pl.String)
    return [
        by_provider.alias("BillingAccountId"),
        pl.when(pl.col("provider") == Provider.MODAL).then(by_provider).alias("BillingAccountName"),
        pl.col("billing_currency").alias("BillingCurrency"),
    ]


def _periods() -> list[pl.Expr]:
    """Billing periods are calendar months in UTC: Modal's are, and the others close none."""
    month = pl.col("billed_at").dt.truncate("1mo")
    return [
        month.alias("BillingPeriodStart"),
        month.dt.offset_by("1mo").alias("BillingPeriodEnd"),
        pl.col("charge_period_start").alias("ChargePeriodStart"),
        pl.col("charge_period_end").alias("ChargePeriodEnd"),
    ]


def _charge() -> list[pl.Expr]:
    words = pl.concat_str(
        pl.col("sku").replace_strict(METERS, default=pl.col("sku"), return_dtype=pl.String),
        pl.when(pl.col("sku") == "gpu").then(pl.format(" ({})", "gpu")).fill_null(""),
        pl.lit(" of "),
        pl.coalesce("resource_name", "resource_id"),
        pl.format(": {}", "description").fill_null(""),
    )
    return [
        pl.col("category").alias("ChargeCategory"),
        pl.col("charge_class").alias("ChargeClass"),
        words.alias("ChargeDescription"),
        pl.lit("Usage-Based").alias("ChargeFrequency"),
    ]


def _pricing() -> list[pl.Expr]:
    """Price and quantity of usage; a correction is an amount alone."""
    plain = pl.col("charge_class").is_null()
    quantity, unit = pl.when(plain).then("quantity"), pl.when(plain).then("unit")
    price = pl.when(plain).then("unit_price")
    return [
        quantity.alias("PricingQuantity"),
        unit.alias("PricingUnit"),
        price.alias("ListUnitPrice"),
        price.alias("ContractedUnitPrice"),
        quantity.alias("ConsumedQuantity"),
        unit.alias("ConsumedUnit"),
        pl.when(plain & pl.col("unit_price").is_not_null()).then(pl.lit("Standard")).alias("PricingCategory"),
        pl.when(plain).then("price_source").alias("x_price_source"),
    ]


def _sku() -> list[pl.Expr]:
    """A SKU is what was used of which service; its price's id holds the price, so that it means one price for ever."""
    which = pl.when(pl.col("sku") == "gpu").then("gpu").when(pl.col("sku") == "network").then("meter")
    sku = pl.concat_str(
        "provider", pl.lit("/"), "product", pl.lit("/"), "sku", pl.format("/{}", which.replace("", None)).fill_null("")
    )
    priced_rows = pl.col("unit_price").is_not_null() & pl.col("charge_class").is_null()
    price = pl.concat_str(
        sku, pl.lit("@"), pl.col("unit_price").cast(pl.String).str.strip_chars_end("0").str.strip_chars_end("."),
        pl.lit("/"), "unit",
    )  # fmt: skip
    meter = pl.col("sku").replace_strict(METERS, default=pl.col("sku"), return_dtype=pl.String)
    known_gpu = priced_rows & (pl.col("sku") == "gpu") & pl.col("gpu").is_not_null()
    return [
        pl.when(priced_rows).then(sku).alias("SkuId"),
        pl.when(priced_rows).then(meter).alias("SkuMeter"),
        pl.when(priced_rows).then(price).alias("SkuPriceId"),
        pl.when(known_gpu).then(_json_of_gpu()).alias("SkuPriceDetails"),
    ]


def _json_of_gpu() -> pl.Expr:
    return pl.col("gpu").map_elements(
        lambda gpu: json.dumps({"GpuCount": 1, "x_GpuModel": gpu}), return_dtype=pl.String
    )


def _where() -> list[pl.Expr]:
    """A Vast.ai host stands somewhere; Modal and Runpod choose the place anew for each worker and do not bill by it."""
    named = pl.col("resource_name") != pl.col("resource_id")
    return [
        pl.col("resource_id").alias("ResourceId"),
        pl.when(named).then("resource_name").alias("ResourceName"),
        pl.col("region").alias("RegionId"),
        pl.col("region").alias("RegionName"),
        pl.when(~pl.col("tags").is_in(_NO_TAGS)).then("tags").alias("Tags"),
    ]


def _service() -> list[pl.Expr]:
    label = pl.col("provider").replace_strict({each.value: each.label for each in Provider}, return_dtype=pl.String)
    name, category, subcategory, resource = (_told(place) for place in range(4))
    return [
        *(label.alias(column) for column in ("ProviderName", "PublisherName", "InvoiceIssuerName")),
        name.fill_null(pl.format("{} {}", label, "product")).alias("ServiceName"),
        category.fill_null(COMPUTE).alias("ServiceCategory"),
        subcategory.fill_null("Other (Compute)").alias("ServiceSubcategory"),
        resource.fill_null(pl.col("product")).alias("ResourceType"),
    ]


def _told(place: int) -> pl.Expr:
    """What SERVICES says of the product in this place; null of one that it does not know."""
    known = {f"{provider}/{product}": said[place] for (provider, product), said in SERVICES.items()}
    return pl.concat_str("provider", pl.lit("/"), "product").replace_strict(known, default=None, return_dtype=pl.String)


def _ours() -> list[pl.Expr]:
    return [
        pl.col("run_id").alias("x_run_id"),
        pl.col("workflow_hash").alias("x_workflow_hash"),
        pl.col("backend").alias("x_backend"),
        pl.col("state").alias("x_cost_state"),
        pl.col("charge_id").alias("x_charge_id"),
        pl.col("deployment").alias("x_deployment"),
        pl.when(pl.col("flags") != "[]").then("flags").alias("x_flags"),
        pl.when(pl.col("earlier") != "[]").then("earlier").alias("x_earlier_billed_costs"),
        pl.col("simulated").alias("x_simulated"),
    ]
