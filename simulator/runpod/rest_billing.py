"""`GET /v2/billing` and its parts. Serverless is the one that we use; a world may have a pod and a volume beside it.

`/billing/endpoints` is about public model endpoints, not about serverless ones: a silent trap that gives nothing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from clock import from_us, to_us
from simulator.bystanders import Bystander
from simulator.engine import us
from simulator.ledger import iso
from simulator.odd_bills import times
from simulator.runpod.bills import Amounts
from simulator.runpod.endpoint import Endpoint
from simulator.runpod.settings import BadRequest
from simulator.wire import Reply, Request

if TYPE_CHECKING:
    from simulator.runpod.cloud import RunpodCloud

_MIDNIGHT = {"hour": 0, "minute": 0, "second": 0, "microsecond": 0}
SERVERLESS = ("gpuAmount", "cpuAmount", "diskAmount", "feeAmount")
# part -> (id filter, name of its count in the metadata, amounts beside totalAmount)
PARTS: Mapping[str, tuple[str | None, str | None, tuple[str, ...]]] = {
    "serverless": ("serverlessId", "uniqueServerlessCount", SERVERLESS),
    "pods": ("podId", "uniquePodCount", ("gpuAmount", "cpuAmount", "diskAmount")),
    "network-volumes": (
        "networkVolumeId", "uniqueNetworkVolumeCount", ("standardAmount", "highPerformanceAmount"),
    ),
    "endpoints": (None, None, ()),
    "clusters": ("clusterId", "uniqueClusterCount", ("gpuAmount", "diskAmount", "networkingAmount")),
}  # fmt: skip
ALL = (
    "podGpuAmount", "podCpuAmount", "podDiskAmount", "serverlessGpuAmount", "serverlessCpuAmount",
    "serverlessDiskAmount", "serverlessFeeAmount", "storageStandardAmount", "storageHighPerformanceAmount",
    "endpointAmount", "clusterGpuAmount", "clusterDiskAmount", "clusterNetworkingAmount",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Span:
    """The window, snapped outward to the edges of its buckets."""

    start: datetime
    end: datetime
    size: str

    def buckets(self) -> Iterator[tuple[datetime, datetime]]:
        """Every bucket of the window."""
        start = self.start
        while start < self.end:
            end = _after(start, self.size)
            yield start, end
            start = end


class RestBilling:
    """Billing history of one account."""

    def __init__(self, cloud: "RunpodCloud") -> None:
        self._cloud = cloud

    def report(self, request: Request, part: str | None) -> Reply:
        """`GET /v2/billing[/part]`. Raises BadRequest."""
        now = from_us(self._cloud.site.engine.now_us)
        span = _span(request.query, now)
        if part is None:
            return Reply(body=self._everything(span))
        if part not in PARTS:
            raise BadRequest(f"unknown billing report: {part}")
        if self._cloud.site.odd_bills.has("runpod", "no_rights"):
            return Reply(status=403, body={"title": "Forbidden", "status": 403, "detail": "missing scope: billing"})
        id_name, count_name, amounts = PARTS[part]
        wanted = request.query.get(id_name) if id_name else None
        records = self._serverless(span, wanted) if part == "serverless" else self._bystanders(span, part, wanted)
        records = self._cloud.site.odd_bills.bent("runpod", records, _RECORD)
        metadata: dict[str, Any] = {
            "query": {**_query(span), **({id_name: wanted} if id_name and wanted else {})},
            "recordCount": len(records),
            "totals": {name: _total(records, name) for name in ("totalAmount", *amounts)},
        }
        if count_name:
            metadata[count_name] = len({record[id_name] for record in records if id_name})
        return Reply(body={"records": records, "metadata": metadata})

    def _serverless(self, span: Span, wanted: str | None) -> list[dict[str, Any]]:
        chosen = [e for e in self._cloud.endpoints.values() if wanted in (None, e.id)]
        return [
            {"startTime": _text(start), "endTime": _text(end), "serverlessId": endpoint.id, **_amounts(owed)}
            for start, end in span.buckets()
            for endpoint in chosen
            if (owed := self._owed(endpoint, start, end)).total
        ]

    def _bystanders(self, span: Span, part: str, wanted: str | None) -> list[dict[str, Any]]:
        """A pod that is not ours has a GPU, a volume is a standard one."""
        kind, paid = {"pods": ("other", "gpuAmount"), "network-volumes": ("volume", "standardAmount")}.get(
            part, ("", "")
        )
        id_name, _, amounts = PARTS[part]
        return [
            {"startTime": _text(start), "endTime": _text(end), str(id_name): by.id, "totalAmount": float(usd)}
            | dict.fromkeys(amounts, 0.0)
            | {paid: float(usd)}
            for start, end in span.buckets()
            for by in self._cloud.bystanders
            if by.kind == kind and wanted in (None, by.id) and (usd := self._paid(by, start, end))
        ]

    def _paid(self, by: Bystander, start: datetime, end: datetime) -> Decimal:
        seen_us = self._cloud.site.engine.now_us - us(self._cloud.own.billing.lag_s)
        return by.usd(to_us(start), min(to_us(end), seen_us))

    def _owed(self, endpoint: Endpoint, start: datetime, end: datetime) -> Amounts:
        now_us = self._cloud.site.engine.now_us
        # No hour before its birth or after now owes anything: a year's bucket need not be walked through.
        first_us, last_us = max(to_us(start), endpoint.created_us), min(to_us(end), now_us)
        if first_us >= last_us:
            return Amounts()
        return self._cloud.bills.published(endpoint, first_us, last_us, now_us)

    def _everything(self, span: Span) -> dict[str, Any]:
        records = []
        for start, end in span.buckets():
            owed = sum((self._owed(each, start, end) for each in self._cloud.endpoints.values()), Amounts())
            paid = {by.kind: self._paid(by, start, end) for by in self._cloud.bystanders}
            known = {
                "serverlessGpuAmount": owed.gpu,
                "serverlessDiskAmount": owed.disk,
                "serverlessFeeAmount": owed.fee,
                "podGpuAmount": paid.get("other", Decimal()),
                "storageStandardAmount": paid.get("volume", Decimal()),
            }
            if total := sum(known.values(), Decimal()):
                said = {name: float(usd) for name, usd in known.items()}
                amounts = {"totalAmount": float(total), **dict.fromkeys(ALL, 0.0), **said}
                records.append({"startTime": _text(start), "endTime": _text(end), **amounts})
        totals = {name: _total(records, name) for name in ("totalAmount", *ALL)}
        return {
            "records": records,
            "metadata": {"query": _query(span), "recordCount": len(records), "totals": totals},
        }


def _amounts(owed: Amounts) -> dict[str, float]:
    """`feeAmount`, the "serverless platform fee", is explained nowhere; here it is what the world says of an hour."""
    return {
        "totalAmount": float(owed.total),
        "gpuAmount": float(owed.gpu),
        "cpuAmount": 0.0,
        "diskAmount": float(owed.disk),
        "feeAmount": float(owed.fee),
    }


class _Record:
    """How to bend a record; the specification has no currency, a record that has one says what it is."""

    def scaled(self, row: dict[str, Any], factor: float) -> dict[str, Any]:
        return {name: times(value, factor) if name.endswith("Amount") else value for name, value in row.items()}

    def worded(self, row: dict[str, Any]) -> dict[str, Any]:
        return {name: "n/a" if name.endswith("Amount") else value for name, value in row.items()}

    def later(self, row: dict[str, Any]) -> dict[str, Any]:
        start, end = (datetime.fromisoformat(row[name]) for name in ("startTime", "endTime"))
        return {**row, "startTime": _text(start + (end - start) / 2)}

    def foreign(self, row: dict[str, Any]) -> dict[str, Any]:
        return {**row, "currency": "EUR"}


_RECORD = _Record()


def _total(records: list[dict[str, Any]], name: str) -> float:
    amounts = [record[name] for record in records if not isinstance(record[name], str)]
    return float(sum((Decimal(str(amount)) for amount in amounts), Decimal()))


def _span(query: Mapping[str, str], now: datetime) -> Span:
    size = query.get("bucketSize", "day")
    if size not in ("hour", "day", "week", "month", "year"):
        raise BadRequest("bucketSize must be one of hour, day, week, month, year")
    if "lastN" in query:
        return _last(query, now, size)
    start = _instant(query, "startTime", now - timedelta(days=30))
    end = _instant(query, "endTime", now)
    if end <= start:
        raise BadRequest("endTime must be after startTime")
    edge = _floor(end, size)
    return Span(start=_floor(start, size), end=edge if edge == end else _after(edge, size), size=size)


def _last(query: Mapping[str, str], now: datetime, size: str) -> Span:
    if "startTime" in query or "endTime" in query:
        raise BadRequest("lastN and startTime/endTime are mutually exclusive")
    if not query["lastN"].isdigit() or int(query["lastN"]) < 1:
        raise BadRequest("lastN must be at least 1")
    start = _floor(now, size)
    for _ in range(int(query["lastN"]) - 1):
        start = _floor(start - timedelta(microseconds=1), size)
    return Span(start=start, end=_after(_floor(now, size), size), size=size)


def _instant(query: Mapping[str, str], name: str, default: datetime) -> datetime:
    if name not in query:
        return default
    try:
        at = datetime.fromisoformat(query[name])
    except ValueError:
        raise BadRequest(f"{name} is not an RFC 3339 date-time") from None
    if at.tzinfo is None:
        raise BadRequest(f"{name} has no time zone")
    return at


def _floor(at: datetime, size: str) -> datetime:
    at = at.astimezone(from_us(0).tzinfo)
    if size == "hour":
        return at.replace(minute=0, second=0, microsecond=0)
    midnight = at.replace(**_MIDNIGHT)  # type: ignore[arg-type]
    if size == "week":  # assumed: weeks begin on Monday
        return midnight - timedelta(days=midnight.weekday())
    day = {"month": {"day": 1}, "year": {"day": 1, "month": 1}}.get(size, {})
    return midnight.replace(**day)  # type: ignore[arg-type]


def _after(start: datetime, size: str) -> datetime:
    """The end of the bucket that starts there."""
    if size in ("hour", "day", "week"):
        return start + {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(weeks=1)}[size]
    return _floor(start + timedelta(days=32 if size == "month" else 366), size)


def _query(span: Span) -> dict[str, str]:
    return {"startTime": _text(span.start), "endTime": _text(span.end), "bucketSize": span.size}


def _text(at: datetime) -> str:
    return str(iso(to_us(at)))
