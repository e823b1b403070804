"""Runpod's bills: one record per endpoint, pod or volume and hour, split into a line per kind of amount."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from backends.addresses import path_id
from backends.base import Charge, Statement
from backends.errors import UnexpectedReply
from backends.reading import amount_or_none, readable
from backends.runpod import wire
from words import Provider


@dataclass(frozen=True, kw_only=True)
class Part:
    """One of the reports: its path below /billing, the field that names the resource, the amounts of a record."""

    path: str
    id_name: str
    product: str
    amounts: Mapping[str, str]  # field -> sku


# `/billing/endpoints` is about public model endpoints, not about ours: it would answer with nothing (OpenAPI of
# REST v2, 2026-08-18).
SERVERLESS = Part(
    path="serverless",
    id_name="serverlessId",
    product="serverless",
    amounts={"gpuAmount": "gpu", "cpuAmount": "cpu", "diskAmount": "disk", "feeAmount": "fee"},
)
PARTS = (
    SERVERLESS,
    Part(
        path="pods",
        id_name="podId",
        product="pod",
        amounts={"gpuAmount": "gpu", "cpuAmount": "cpu", "diskAmount": "disk"},
    ),
    Part(
        path="network-volumes",
        id_name="networkVolumeId",
        product="volume",
        amounts={"standardAmount": "storage", "highPerformanceAmount": "storage"},
    ),
)
_LEAST_USD = Decimal("1e-9")  # what is less is no line of its own: a float's error, or nothing


@readable("Runpod", str)
def charges_of(reply: Any, part: Part = SERVERLESS) -> list[Charge]:
    """`GET /v2/billing/{part}?bucketSize=hour`. An hour in progress is among them and still grows.

    The records name resources by id only, and neither jobs nor GPUs: one endpoint per deployment makes them ours.
    """
    return [charge for record in wire.rows(reply, "records") for charge in _split(record, part)]


@readable("Runpod", str)
def statements_of(reply: Any) -> list[Statement]:
    """`GET /v2/billing?bucketSize=day`: all products of the account; the day in progress still grows."""
    return [
        Statement(
            provider=Provider.RUNPOD,
            kind="account",
            period_start=wire.instant(record, "startTime"),
            period_end=wire.instant(record, "endTime"),
            metered_usd=amount_or_none(record.get("totalAmount")),
            billed_usd=None,
            parts={name: str(usd) for name, usd in record.items() if name.endswith("Amount") and usd},
        )
        for record in wire.rows(reply, "records")
    ]


def _split(record: Mapping[str, Any], part: Part) -> list[Charge]:
    amounts = {name: amount_or_none(record.get(name)) for name in part.amounts}
    total = amount_or_none(record.get("totalAmount"))
    known = sum((usd for usd in amounts.values() if usd is not None), Decimal())
    # Nothing explains a difference; it is kept, so that what we add up is what is billed.
    rest = None if total is None else total - known
    lines = [(name, part.amounts[name], usd) for name, usd in amounts.items()] + [("totalAmount", "other", rest)]
    return [_charge(record, part, *line) for line in lines if line[2] is None or abs(line[2]) >= _LEAST_USD]


def _charge(record: Mapping[str, Any], part: Part, meter: str, sku: str, usd: Decimal | None) -> Charge:
    start, end = wire.instant(record, "startTime"), wire.instant(record, "endTime")
    if end <= start:
        raise UnexpectedReply("Runpod bills a period that ends before it begins.", raw=str(record))
    resource_id = path_id(record.get(part.id_name))
    kind = "" if part is SERVERLESS else f"{part.product}/"
    known_by = sku if part.product != "volume" or sku == "other" else meter
    return Charge(
        charge_id=f"runpod/{kind}{resource_id}/{start:%Y-%m-%dT%H:%MZ}/{known_by}",
        provider=Provider.RUNPOD,
        resource_id=resource_id,
        resource_name=None,
        product=part.product,
        sku=sku,
        meter=meter,
        charge_period_start=start,
        charge_period_end=end,
        billed_cost=usd,
        currency=str(record.get("currency") or "USD"),
        raw=record,
    )
