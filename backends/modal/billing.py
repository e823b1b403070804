"""Modal's rates and its hourly report as our money: whole rates per second, one charge per app, hour and resource."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from backends.base import Charge
from backends.errors import UnexpectedReply
from words import Provider

HOUR = timedelta(hours=1)
# Our GPU names as Modal spells them. "H100" may be upgraded to an H200 at its price, "H100!" is pinned.
GPUS: Mapping[str, str] = {
    "T4": "T4",
    "L4": "L4",
    "A10": "A10",
    "L40S": "L40S",
    "A100-40GB": "A100-40GB",
    "A100-80GB": "A100-80GB",
    "H100": "H100!",
    "H200": "H200",
    "B200": "B200",
}
# "billed resource: `CPU`, `Memory`, and GPU types such as `H100`", and "subject to change" (modal 1.6.4, App docs).
_SKUS: Mapping[str, str] = {"cpu": "cpu", "memory": "memory"}
# Prices are quoted per second; the dearest GPU costs 0.0018, so a figure above this is of another unit.
_DEAREST_USD_PER_S = Decimal("0.02")


def container_rate(rates: Mapping[str, Decimal], gpu: str, *, cpu: Decimal, memory_gib: Decimal) -> Decimal:
    """USD per second of one container: GPU + cores + GiB. GPU alone is 11 to 23 % too low.

    No region is pinned, so there is no multiplier. Raises UnexpectedReply when a needed key is missing or is no price
    per second.
    """
    return rate_of(rates, gpu) + cpu * rate_of(rates, "CPU") + memory_gib * rate_of(rates, "Memory")


def rate_of(rates: Mapping[str, Decimal], resource: str) -> Decimal:
    """One resource's USD per second; letter case of the key does not matter."""
    by_name = {key.lower(): rate for key, rate in rates.items()}
    rate = by_name.get(resource.lower())
    if rate is None:
        raise UnexpectedReply(f"Modal's rates name no {resource}.", raw=str(sorted(rates)))
    if not 0 < rate < _DEAREST_USD_PER_S:
        raise UnexpectedReply(f"Modal's rate of {resource} is {rate}, no price per second.", raw=str(dict(rates)))
    return rate


def whole_hours(start: datetime, end: datetime) -> tuple[datetime, datetime]:
    """The period widened to whole hours: the report rounds its start down and leaves a partial last hour out."""
    first = start.replace(minute=0, second=0, microsecond=0)
    last = end.replace(minute=0, second=0, microsecond=0)
    return first, last if last == end else last + HOUR


def charges_of(rows: list[dict[str, Any]], prefix: str) -> list[Charge]:
    """A charge per resource of each row of ours; the workspace's other apps are none of our business."""
    return [
        _charge(row, resource, usd)
        for row in rows
        if row["app_name"].startswith(prefix)
        for resource, usd in sorted(row["usd_by_resource"].items())
    ]


def _charge(row: Mapping[str, Any], resource: str, usd: Decimal) -> Charge:
    start: datetime = row["interval_start"]
    return Charge(
        charge_id=f"modal/{row['app_id']}/{start:%Y-%m-%dT%H}/{resource}",
        provider=Provider.MODAL,
        resource_id=row["app_id"],
        resource_name=row["app_name"],
        sku=_SKUS.get(resource.lower(), "gpu" if resource.upper() in GPUS else resource.lower()),
        charge_period_start=start,
        charge_period_end=start + HOUR,
        billed_cost=usd,
        raw={
            "object_id": row["app_id"],
            "description": row["app_name"],
            "interval_start": start.isoformat(),
            "resource": resource,
            "cost": str(usd),
            "tags": dict(row["tags"]),
        },
    )
