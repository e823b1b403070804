"""What Vast.ai bills a contract: the GPU while it runs, storage until it is destroyed, every byte of network.

Ground (github.com/vast-ai/docs, 2026-08-07): GPU per second while running, a plain instance's loading is free;
storage per second from creation to destroy; bandwidth per byte both ways. Image pulls are not billed here (only
implied by Vast's own offer scoring). The account is charged exactly; the charges API shows three decimals.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from simulator.bystanders import Bystander, bystanders, true_charges
from simulator.engine import US, us
from simulator.ledger import TrueCharge
from simulator.odd_bills import times
from simulator.vast.rental import Rental
from simulator.world import Billing

DAY_US = 86400 * US
MILL = Decimal("0.001")
SKU: Mapping[str, str] = {"gpu": "gpu", "disk": "disk", "bwd": "network", "bwu": "network"}
BYTES_PER_PIXEL = 1.5  # of a PNG that a worker sends back (assumed: a 1024 px picture was 1.1 to 1.9 MB)


@dataclass(frozen=True, kw_only=True)
class Item:
    """One billed thing of one contract within a span: exact amount, microseconds."""

    kind: str  # gpu, disk, bwd, bwu
    start_us: int
    end_us: int
    usd: Decimal
    description: str


class Bills:
    """The books of one account."""

    def __init__(
        self,
        billing: Billing,
        rentals: Mapping[int, Rental],
        *,
        opened_us: int = 0,
        unpublished: Callable[[int], bool] = lambda _day_us: False,
    ) -> None:
        self._billing, self._rentals, self._unpublished = billing, rentals, unpublished
        self._bystanders = bystanders(billing, opened_us)

    def true_charges(self, now_us: int) -> list[TrueCharge]:
        """Everything billed so far, as it will stand on the final bill."""
        factor, early_us = self._factor(corrected=True), us(self._billing.early_s)
        ours = [
            TrueCharge(
                provider="vast",
                deployment=rental.name,
                resource_id=str(rental.id),
                sku=SKU[item.kind],
                start_us=item.start_us,
                end_us=item.end_us,
                usd=item.usd * factor,
            )
            for rental in self._rentals.values()
            for item in items(rental, 0, now_us, early_us)
        ]
        return [*ours, *true_charges("vast", self._bystanders, now_us)]

    def published(self, start_us: int, end_us: int, now_us: int) -> list[dict[str, Any]]:
        """The charges of the days that [start, end] touches: a row per contract, seen after the billing lag."""
        first_us, last_us = start_us // DAY_US * DAY_US, end_us // DAY_US * DAY_US + DAY_US
        seen_us = min(last_us, now_us - us(self._billing.lag_s))
        if self._unpublished(first_us):
            return []
        early_us = us(self._billing.early_s)
        rows = ((rental, list(items(rental, first_us, seen_us, early_us))) for rental in self._rentals.values())
        ours = [self._row(rental, found, now_us) for rental, found in rows if found]
        others = [_other(by, max(first_us, by.since_us), seen_us) for by in self._bystanders]
        return [*ours, *(row for row in others if row["start"] < row["end"])]

    def _row(self, rental: Rental, found: list[Item], now_us: int) -> dict[str, Any]:
        ended_us = rental.destroyed_us
        late = ended_us is not None and now_us >= ended_us + us(self._billing.correct_after_s)
        factor = self._factor(corrected=late)
        start_us, end_us = min(item.start_us for item in found), max(item.end_us for item in found)
        days = (end_us - 1) // DAY_US - start_us // DAY_US + 1
        return {
            "start": start_us // US,
            "end": -(-end_us // US),
            "type": "instance",
            "source": f"instance-{rental.id}",
            "description": f"Instance {rental.id} Charges - {days} day{'s' if days > 1 else ''}",
            "amount": _shown(sum((item.usd for item in found), Decimal()) * factor),
            "metadata": {"label": rental.label} if rental.label else {},
            "items": [_item(item, factor) for item in found],
        }

    def _factor(self, *, corrected: bool) -> Decimal:
        phantom = 1 + Decimal(str(self._billing.phantom_share))
        return phantom * (1 + Decimal(str(self._billing.late_correction))) if corrected else phantom


def items(rental: Rental, from_us: int, to_us: int, early_us: int = 0) -> Iterator[Item]:
    """What is billed for the time in [from, to): the GPU from `early` before its start, nothing that did not happen."""
    yield from _gpu(rental, from_us, to_us, early_us)
    yield from _disk(rental, from_us, to_us)
    yield from _downloads(rental, from_us, to_us)
    yield from _uploads(rental, from_us, to_us)


def _gpu(rental: Rental, from_us: int, to_us: int, early_us: int) -> Iterator[Item]:
    worker = rental.worker
    if worker and worker.pulled_us is not None:
        begins_us = max(rental.created_us, worker.pulled_us - early_us)
        for start_us, end_us in _within(begins_us, worker.stopped_us, from_us, to_us):
            hours = Decimal(end_us - start_us) / US / 3600
            text = f"{hours:.3f} hours at ${rental.dph_base:.3f}/hour"
            yield Item(kind="gpu", start_us=start_us, end_us=end_us, usd=hours * rental.dph_base, description=text)


def _disk(rental: Rental, from_us: int, to_us: int) -> Iterator[Item]:
    for start_us, end_us in _within(rental.created_us, rental.destroyed_us, from_us, to_us):
        hours = Decimal(end_us - start_us) / US / 3600
        usd = hours * rental.host.storage_usd_h(rental.disk_gb)
        text = f"{rental.disk_gb:.1f} GB for {hours:.3f} hours at ${rental.host.storage_cost:.3f}/GB/month"
        yield Item(kind="disk", start_us=start_us, end_us=end_us, usd=usd, description=text)


def _downloads(rental: Rental, from_us: int, to_us: int) -> Iterator[Item]:
    """The model files, evenly over the time from running to ready."""
    worker = rental.worker
    if not worker or worker.pulled_us is None or not rental.model_gb:
        return
    ends_us = worker.pulled_us + worker.draw.boot_us
    stops_us = ends_us if worker.stopped_us is None else min(ends_us, worker.stopped_us)
    for start_us, end_us in _within(worker.pulled_us, stops_us, from_us, to_us):
        gb = Decimal(str(rental.model_gb)) * (end_us - start_us) / worker.draw.boot_us
        yield _bytes("bwd", rental, gb, start_us, end_us)


def _uploads(rental: Rental, from_us: int, to_us: int) -> Iterator[Item]:
    done = [job for job in rental.pool.jobs.values() if job.state == "completed" and job.done_us is not None]
    sent = [(job.done_us, job.asked) for job in done if job.done_us is not None and from_us <= job.done_us < to_us]
    if sent:
        total_bytes = sum(asked.width * asked.height for _, asked in sent) * Decimal(str(BYTES_PER_PIXEL))
        ends = [at for at, _ in sent]
        yield _bytes("bwu", rental, total_bytes / 10**9, min(ends), max(ends) + 1)


def _bytes(kind: str, rental: Rental, gb: Decimal, start_us: int, end_us: int) -> Item:
    text = f"{gb:.3f} GB at ${rental.host.network_cost * 1000:.2f}/TB"
    return Item(kind=kind, start_us=start_us, end_us=end_us, usd=gb * rental.host.network_cost, description=text)


def _within(start_us: int, end_us: int | None, from_us: int, to_us: int) -> Iterable[tuple[int, int]]:
    first, last = max(start_us, from_us), to_us if end_us is None else min(end_us, to_us)
    return [(first, last)] if first < last else []


def _other(by: Bystander, start_us: int, end_us: int) -> dict[str, Any]:
    """A volume, or a worker of an endpoint that is not ours."""
    kind, item = ("volume", "disk") if by.kind == "volume" else ("serverless", "gpu")
    span = {"start": start_us // US, "end": end_us // US, "amount": _shown(by.usd(start_us, end_us)), "metadata": {}}
    return {
        **span,
        "type": kind,
        "source": by.id if by.kind == "volume" else f"instance-{by.id}",
        "description": by.name,
        "metadata": {"label": by.name} if by.kind == "volume" else {"endpoint_id": 1, "workergroup_id": 1},
        "items": [{**span, "type": item, "source": None, "description": by.name, "items": []}],
    }


def tree(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The form `tree`: workers stand below their endpoint, all else as in a table."""
    endpoints: dict[int, list[dict[str, Any]]] = {}
    for row in rows:
        if (endpoint_id := row["metadata"].get("endpoint_id")) is not None:
            endpoints.setdefault(endpoint_id, []).append(row)
    plain = [row for row in rows if "endpoint_id" not in row["metadata"]]
    return [*plain, *(_endpoint(endpoint_id, workers) for endpoint_id, workers in endpoints.items())]


def _endpoint(id: int, workers: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "start": min(row["start"] for row in workers),
        "end": max(row["end"] for row in workers),
        "type": "serverless",
        "source": f"endpoint-{id}",
        "description": f"Endpoint {id}",
        "amount": float(sum((Decimal(str(row["amount"])) for row in workers), Decimal())),
        "metadata": {"endpoint_id": id},
        "items": workers,
    }


class Shape:
    """How to bend a row: its items with it. The API has no currency, a row that has one says what it is."""

    def scaled(self, row: dict[str, Any], factor: float) -> dict[str, Any]:
        """All amounts times a factor."""
        return {**row, "amount": times(row["amount"], factor), "items": [self.scaled(i, factor) for i in row["items"]]}

    def worded(self, row: dict[str, Any]) -> dict[str, Any]:
        """Amounts as words."""
        return {**row, "amount": "n/a", "items": [self.worded(item) for item in row["items"]]}

    def later(self, row: dict[str, Any]) -> dict[str, Any]:
        """The second half of each time."""
        start = (row["start"] + row["end"]) // 2
        return {**row, "start": start, "items": [self.later(item) for item in row["items"]]}

    def foreign(self, row: dict[str, Any]) -> dict[str, Any]:
        """In EUR."""
        return {**row, "currency": "EUR"}


def _item(item: Item, factor: Decimal) -> dict[str, Any]:
    return {
        "start": item.start_us // US,
        "end": -(-item.end_us // US),
        "type": item.kind,
        "source": None,
        "description": item.description,
        "amount": _shown(item.usd * factor),
        "metadata": {},
        "items": [],
    }


def _shown(usd: Decimal) -> float:
    """Three decimals, as the API gives them: a short cheap contract shows $0.000."""
    return float(usd.quantize(MILL, ROUND_HALF_UP))
