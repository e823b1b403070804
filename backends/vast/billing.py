"""Vast.ai's charges: one row per contract with its items, read day by day into billing lines.

Amounts come in three decimals, so a short cheap contract shows $0.000 (github.com/vast-ai/docs, 2026-08-07).
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from backends.addresses import path_id
from backends.base import NAME_PREFIX, Charge
from backends.errors import UnexpectedReply
from backends.reading import instant_or_none, readable
from backends.vast.wire import money, token_of
from words import Provider

DAY = timedelta(days=1)
_SKUS: Mapping[str, str] = {"gpu": "gpu", "disk": "disk", "bwd": "network", "bwu": "network"}


def days(start: datetime, end: datetime) -> Iterator[datetime]:
    """Midnights (UTC) of the days that [start, end) touches.

    Asked for whole days alone: the filter is named `day`, and an item that a window cut would change with the window.
    """
    day = start.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    while day < end:
        yield day
        day += DAY


def day_filter(day: datetime) -> dict[str, Any]:
    """`select_filters` for one day, both ends inclusive."""
    first = int(day.timestamp())
    return {"day": {"gte": first, "lte": first + 86_399}, "type": {"in": ["instance"]}}


def page_of(reply: Any) -> tuple[list[Mapping[str, Any]], str | None]:
    """One page of rows, and the token of the next."""
    rows = reply.get("results") if isinstance(reply, dict) else None
    if not isinstance(rows, list):
        raise UnexpectedReply("Vast.ai answered a request for charges without results.", raw=str(reply))
    return rows, token_of(reply)


@readable("Vast.ai", str)
def charges_of(row: Mapping[str, Any]) -> list[Charge]:
    """The lines of a contract of ours; contracts of other names are none of our business.

    A line per item, and one more that brings their sum to the contract's own `amount`: each item is rounded by itself,
    four of them by up to $0.002 together, which is 2 % of a ten-cent rental. It is always there, so that it is kept up
    to date.
    """
    label = (row.get("metadata") or {}).get("label")
    if not isinstance(label, str) or not label.startswith(NAME_PREFIX):
        return []
    lines = [_line(row, item, path_id(item.get("type")), money(item, "amount")) for item in row.get("items") or []]
    rest = money(row, "amount") - sum((line.billed_cost for line in lines), Decimal())
    return [*lines, _line(row, row, "rounding", rest)]


def _line(row: Mapping[str, Any], span: Mapping[str, Any], kind: str, usd: Decimal) -> Charge:
    source, start, end = path_id(row.get("source")), *map(instant_or_none, (span.get("start"), span.get("end")))
    if start is None or end is None:
        raise UnexpectedReply(f"Vast.ai charges {source} for {kind} without saying when.", raw=str(span))
    return Charge(
        charge_id=f"vast/{source}/{kind}/{int(start.timestamp())}",
        provider=Provider.VAST,
        resource_id=source.removeprefix("instance-"),
        resource_name=row["metadata"]["label"],
        sku=_SKUS.get(kind, kind),
        charge_period_start=start,
        charge_period_end=max(end, start + timedelta(seconds=1)),
        billed_cost=usd,
        raw={"source": source, "description": row.get("description"), "amount": row.get("amount"), "line": _bare(span)},
    )


def _bare(span: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in span.items() if name not in ("items", "metadata", "source")}
