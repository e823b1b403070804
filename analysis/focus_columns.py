"""The columns of a FOCUS 1.2 dataset as we export it, in order, and of the billing lines that it is made from.

Names and types are those of the specification (FinOps Open Cost and Usage Specification 1.2); ours begin with `x_` and
come last. Columns of what none of the three providers has (availability zones, capacity reservations, sub accounts,
prices in a second currency, kinds of billing accounts) are left out: docs/reference/focus.md names each with its
criterion.
"""

from collections.abc import Mapping

import polars as pl
from polars.datatypes import DataTypeClass

_AT = pl.Datetime("us", "UTC")
MONEY = pl.Decimal(38, 9)  # USD to the nano-dollar, which is what we keep
QUANTITY = pl.Decimal(38, 12)  # so fine that price x quantity is the cost to the nano-dollar

Columns = Mapping[str, pl.DataType | DataTypeClass]

# A billing line with what we know of its deployment; null = not known, or it has none.
LINES: Columns = {
    "charge_id": pl.String,
    "provider": pl.String,
    "resource_id": pl.String,
    "resource_name": pl.String,
    "product": pl.String,  # what the resource is: app, serverless, pod, volume, instance; empty: not told
    "sku": pl.String,
    "meter": pl.String,  # the provider's own name of what is billed
    "description": pl.String,
    "tags": pl.String,  # a JSON object
    "charge_period_start": _AT,
    "charge_period_end": _AT,
    "billed_nano": pl.Int64,
    "billing_currency": pl.String,
    "flags": pl.String,  # a JSON array of `ChargeFlag`
    "counts": pl.Boolean,  # False: a flag keeps it out of every sum
    "state": pl.String,
    "same_since": _AT,  # the amount is as it is since then
    "earlier": pl.String,  # JSON: the amounts that it had before, oldest first
    "simulated": pl.Boolean,
    "run_id": pl.Int64,
    "workflow_hash": pl.String,
    "backend": pl.String,
    "deployment": pl.String,
    "gpu": pl.String,
    "region": pl.String,
    "gpu_unit": pl.String,  # of the offer that was taken: s, h
    "gpu_usd_nano": pl.Int64,  # its price per unit
    "storage_usd_per_gb_month": pl.String,
    "down_usd_per_gb": pl.String,
    "up_usd_per_gb": pl.String,
}

# What is kept of a line beside `schema.CHARGES`.
KEPT: Columns = {
    "charge_id": pl.String,
    "product": pl.String,
    "meter": pl.String,
    "resource_name": pl.String,
    "billing_currency": pl.String,
    "amount_nano": pl.Int64,  # in its currency, also of a line that is in no sum; null: it is no number
    "flags": pl.String,
    "first_seen_at": _AT,
    "same_since": _AT,
    "fetched_at": _AT,
    "earlier": pl.String,
    "raw": pl.String,  # JSON, as the provider said it
}

FOCUS: Columns = {
    "BilledCost": MONEY,
    "BillingAccountId": pl.String,
    "BillingAccountName": pl.String,
    "BillingCurrency": pl.String,
    "BillingPeriodEnd": _AT,
    "BillingPeriodStart": _AT,
    "ChargeCategory": pl.String,
    "ChargeClass": pl.String,
    "ChargeDescription": pl.String,
    "ChargeFrequency": pl.String,
    "ChargePeriodEnd": _AT,
    "ChargePeriodStart": _AT,
    "CommitmentDiscountCategory": pl.String,
    "CommitmentDiscountId": pl.String,
    "CommitmentDiscountName": pl.String,
    "CommitmentDiscountQuantity": QUANTITY,
    "CommitmentDiscountStatus": pl.String,
    "CommitmentDiscountType": pl.String,
    "CommitmentDiscountUnit": pl.String,
    "ConsumedQuantity": QUANTITY,
    "ConsumedUnit": pl.String,
    "ContractedCost": MONEY,
    "ContractedUnitPrice": QUANTITY,
    "EffectiveCost": MONEY,
    "InvoiceId": pl.String,
    "InvoiceIssuerName": pl.String,
    "ListCost": MONEY,
    "ListUnitPrice": QUANTITY,
    "PricingCategory": pl.String,
    "PricingQuantity": QUANTITY,
    "PricingUnit": pl.String,
    "ProviderName": pl.String,
    "PublisherName": pl.String,
    "RegionId": pl.String,
    "RegionName": pl.String,
    "ResourceId": pl.String,
    "ResourceName": pl.String,
    "ResourceType": pl.String,
    "ServiceCategory": pl.String,
    "ServiceName": pl.String,
    "ServiceSubcategory": pl.String,
    "SkuId": pl.String,
    "SkuMeter": pl.String,
    "SkuPriceDetails": pl.String,  # a JSON object
    "SkuPriceId": pl.String,
    "Tags": pl.String,  # a JSON object
    "x_run_id": pl.Int64,
    "x_workflow_hash": pl.String,
    "x_backend": pl.String,
    "x_cost_state": pl.String,
    "x_charge_id": pl.String,
    "x_deployment": pl.String,
    "x_flags": pl.String,  # a JSON array: what is odd about the line
    "x_price_source": pl.String,  # offer, list, amount; null: it has no price
    "x_earlier_billed_costs": pl.String,  # a JSON array: what the line said before, oldest first
    "x_simulated": pl.Boolean,
}
