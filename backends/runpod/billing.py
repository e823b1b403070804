"""Runpod's serverless bill: one record per endpoint and hour, split into a charge per kind of amount."""

from decimal import Decimal
from typing import Any

from backends.addresses import path_id
from backends.base import Charge
from backends.runpod import wire
from words import Provider

_SKUS = {"gpuAmount": "gpu", "cpuAmount": "cpu", "diskAmount": "disk", "feeAmount": "fee"}


def charges_of(reply: Any) -> list[Charge]:
    """`GET /v2/billing/serverless?bucketSize=hour`. An hour in progress is among them and still grows.

    The records name endpoints by id only, and neither jobs nor GPUs: one endpoint per deployment makes them ours.
    """
    return [charge for record in wire.rows(reply, "records") for charge in _split(record)]


def _split(record: Any) -> list[Charge]:
    amounts = {sku: wire.money(record, name) for name, sku in _SKUS.items()}
    # Nothing explains a difference; it is kept, so that what we add up is what is billed.
    amounts["other"] = wire.money(record, "totalAmount") - sum(amounts.values(), Decimal())
    return [_charge(record, sku, usd) for sku, usd in amounts.items() if abs(usd) >= Decimal("1e-9")]


def _charge(record: Any, sku: str, usd: Decimal) -> Charge:
    start, end = wire.instant(record, "startTime"), wire.instant(record, "endTime")
    endpoint_id = path_id(record.get("serverlessId"))
    return Charge(
        charge_id=f"runpod/{endpoint_id}/{start:%Y-%m-%dT%H:%MZ}/{sku}",
        provider=Provider.RUNPOD,
        resource_id=endpoint_id,
        resource_name=None,
        sku=sku,
        charge_period_start=start,
        charge_period_end=end,
        billed_cost=usd,
        raw=record,
    )
