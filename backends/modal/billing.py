"""Modal's rates and its hourly report as our money: whole rates per second, one charge per app, hour and resource."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from backends.addresses import path_id
from backends.base import Charge, Statement
from backends.errors import UnexpectedReply
from backends.reading import amount_or_none, readable
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
_LEAST_USD = Decimal("1e-9")  # what is less is no line of its own


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


@readable("Modal", str)
def charges_of(rows: list[dict[str, Any]]) -> list[Charge]:
    """A charge per resource of each row, the workspace's other apps among them.

    One more where a row's cost is not the sum of its resources, so that what we add up is what is billed.
    """
    return [charge for row in rows for charge in _split(row)]


@readable("Modal", str)
def statement_of(month: Mapping[str, Any]) -> Statement:
    """A calendar month of the workspace: providers are compared on what is metered, before credits."""
    return Statement(
        provider=Provider.MODAL,
        kind="workspace",
        period_start=month["start"],
        period_end=month["end"],
        metered_usd=amount_or_none(month["metered"]),
        billed_usd=amount_or_none(month["billed"]),
        parts={name: str(usd) for name, usd in month["parts"].items()},
    )


def months(start: datetime, end: datetime) -> Iterator[datetime]:
    """First instants of the calendar months (UTC) that [start, end) touches."""
    month = start.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    while month < end:
        yield month
        month = (month + timedelta(days=32)).replace(day=1)


def _split(row: Mapping[str, Any]) -> list[Charge]:
    parts = {resource: amount_or_none(usd) for resource, usd in sorted(row["usd_by_resource"].items())}
    total = amount_or_none(row["usd"])
    rest = None if total is None else total - sum((usd for usd in parts.values() if usd is not None), Decimal())
    lines = [(resource, _sku(resource), usd) for resource, usd in parts.items()]
    if rest is None or abs(rest) >= _LEAST_USD:
        lines.append(("cost", "other", rest))
    return [_charge(row, *line) for line in lines]


def _sku(resource: str) -> str:
    return _SKUS.get(resource.lower(), "gpu" if resource.upper() in GPUS else resource.lower())


def _charge(row: Mapping[str, Any], resource: str, sku: str, usd: Decimal | None) -> Charge:
    start: datetime = row["interval_start"]
    app_id = path_id(row["app_id"])
    part = f":{start:%M}" if start.minute else ""  # a report of whole hours has none
    return Charge(
        charge_id=f"modal/{app_id}/{start:%Y-%m-%dT%H}{part}/{resource}",
        provider=Provider.MODAL,
        resource_id=app_id,
        resource_name=row["app_name"],
        product="app",
        sku=sku,
        meter=resource,
        charge_period_start=start,
        charge_period_end=start + HOUR,
        billed_cost=usd,
        currency=str(row.get("currency") or "USD"),
        raw={
            "object_id": app_id,
            "description": row["app_name"],
            "interval_start": start.isoformat(),
            "resource": resource,
            "cost": str(usd),
            "tags": dict(row["tags"]),
        },
    )
