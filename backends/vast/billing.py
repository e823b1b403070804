"""Vast.ai's charges: one row per contract with its items, read day by day into billing lines; and its invoices.

Amounts come in three decimals, so a short cheap contract shows $0.000 (github.com/vast-ai/docs, 2026-08-07).
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from json import dumps
from typing import Any

from backends.addresses import path_id
from backends.base import Charge, Payment
from backends.errors import UnexpectedReply
from backends.http import Http
from backends.reading import amount_or_none, instant_or_none, pages, readable, text_or_none
from backends.vast.wire import token_of
from words import Provider

DAY = timedelta(days=1)
MOST_A_PAGE = 500  # charges; of invoices 100
_SKUS: Mapping[str, str] = {"gpu": "gpu", "disk": "disk", "bwd": "network", "bwu": "network"}


class Books:
    """The account's bills."""

    def __init__(self, console: Http) -> None:
        self._console = console

    async def charges(self, start: datetime, end: datetime) -> list[Charge]:
        """Items of every contract of the account that overlap [start, end), asked for day by day."""
        found: list[Charge] = []
        for day in days(start, end):
            params = {"select_filters": dumps(day_filter(day)), "limit": MOST_A_PAGE, "latest_first": "false"}
            for row in await self._paged("/api/v0/charges/", "charges", params):
                found += charges_of(row)
        return [line for line in found if line.charge_period_start < end and line.charge_period_end > start]

    async def payments(self, start: datetime, end: datetime) -> list[Payment]:
        """Top-ups and transfers within [start, end)."""
        when = {"gte": int(start.timestamp()), "lte": int(end.timestamp())}
        params = {"select_filters": dumps({"when": when}), "limit": 100, "latest_first": "false"}
        return [payment_of(row) for row in await self._paged("/api/v1/invoices/", "invoices", params)]

    async def _paged(self, path: str, pace: str, params: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        async def fetch(token: str | None) -> tuple[list[Mapping[str, Any]], str | None]:
            asked = {**params, "after_token": token} if token else params
            return page_of(await self._console.read("GET", path, pace=pace, params=asked))

        return await pages(fetch, path)


def days(start: datetime, end: datetime) -> Iterator[datetime]:
    """Midnights (UTC) of the days that [start, end) touches.

    Asked for whole days alone: the filter is named `day`, and an item that a window cut would change with the window.
    """
    day = start.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    while day < end:
        yield day
        day += DAY


def day_filter(day: datetime) -> dict[str, Any]:
    """`select_filters` for one day, both ends inclusive, of all that can be rented."""
    first = int(day.timestamp())
    return {"day": {"gte": first, "lte": first + 86_399}, "type": {"in": ["instance", "volume", "serverless"]}}


def page_of(reply: Any) -> tuple[list[Mapping[str, Any]], str | None]:
    """One page of rows, and the token of the next. A refusal may come with status 200."""
    rows = reply.get("results") if isinstance(reply, dict) else None
    if not isinstance(rows, list) or reply.get("success") is False:
        raise UnexpectedReply("Vast.ai answered a request for bills without results.", raw=str(reply))
    return rows, token_of(reply)


@readable("Vast.ai", str)
def charges_of(row: Mapping[str, Any]) -> list[Charge]:
    """The lines of a contract, in the form `table` or `tree`, where an endpoint's items are its workers' contracts.

    A line per item, and one more that brings their sum to the contract's own `amount`: each item is rounded by itself,
    four of them by up to $0.002 together, which is 2 % of a ten-cent rental. It is always there, so that it is kept up
    to date.
    """
    lines: list[Charge] = []
    known: dict[str, Decimal] = {}  # an item that is there twice is one line: what it leaves is in the closing one
    for item in row.get("items") or []:
        usd = amount_or_none(item.get("amount"))
        found = charges_of(item) if item.get("source") else [_line(row, item, path_id(item.get("type")), usd)]
        lines += found
        known[found[0].charge_id] = max(usd or Decimal(), known.get(found[0].charge_id, Decimal("-Infinity")))
    total = amount_or_none(row.get("amount"))
    return [*lines, _line(row, row, "rounding", None if total is None else total - sum(known.values(), Decimal()))]


@readable("Vast.ai", str)
def payment_of(row: Mapping[str, Any]) -> Payment:
    """One invoice. Its `amount` is below zero where we paid (OpenAPI, show invoices, 2026-08-07)."""
    at, amount, more = instant_or_none(row.get("start")), amount_or_none(row.get("amount")), row.get("metadata") or {}
    if at is None:
        raise UnexpectedReply("Vast.ai lists a payment without saying when.", raw=str(row))
    service = text_or_none(more.get("service")) or text_or_none(row.get("source")) or ""
    known_by = more.get("invoice_id") or f"{service}-{int(at.timestamp())}"
    return Payment(
        payment_id=f"vast/{path_id(known_by)}",
        provider=Provider.VAST,
        at=at,
        amount=None if amount is None else -amount,
        currency=str(row.get("currency") or "USD"),
        service=service,
        text=text_or_none(row.get("description")) or "",
        raw=row,
    )


def _line(row: Mapping[str, Any], span: Mapping[str, Any], kind: str, usd: Decimal | None) -> Charge:
    source, start, end = path_id(row.get("source")), *map(instant_or_none, (span.get("start"), span.get("end")))
    if start is None or end is None:
        raise UnexpectedReply(f"Vast.ai charges {source} for {kind} without saying when.", raw=str(span))
    product = text_or_none(row.get("type")) or "instance"
    return Charge(
        charge_id=f"vast/{source}/{kind}/{int(start.timestamp())}",
        provider=Provider.VAST,
        resource_id=source.removeprefix("instance-"),
        resource_name=text_or_none((row.get("metadata") or {}).get("label")),
        product=product,
        sku="storage" if (product, kind) == ("volume", "disk") else _SKUS.get(kind, kind),
        meter=kind,
        charge_period_start=start,
        charge_period_end=max(end, start + timedelta(seconds=1)),
        billed_cost=usd,
        currency=str(span.get("currency") or row.get("currency") or "USD"),
        raw={"source": source, "description": row.get("description"), "amount": row.get("amount"), "line": _bare(span)},
    )


def _bare(span: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in span.items() if name not in ("items", "metadata", "source")}
