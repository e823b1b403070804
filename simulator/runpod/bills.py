"""What Runpod bills: each worker's life in whole seconds, from container start to stop, in hour buckets.

Start, model load, work and idle tail are billed; the image pull before is not (Runpod documentation, pricing and
workers overview, 2026-06-29). Disk is billed in intervals of five minutes while the worker lives.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from simulator.engine import US, us
from simulator.ledger import TrueCharge
from simulator.runpod.endpoint import Endpoint
from simulator.world import ProviderWorld

HOUR_US = 3600 * US
_SECOND_US = US
_DISK_US = 300 * US
_MONTH_US = 730 * HOUR_US  # assumed: a month of a storage price is a twelfth of 8,760 hours


@dataclass(frozen=True, kw_only=True)
class Amounts:
    """What one endpoint owes for some time, USD."""

    gpu: Decimal = Decimal()
    disk: Decimal = Decimal()
    fee: Decimal = Decimal()

    @property
    def total(self) -> Decimal:
        """All of them."""
        return self.gpu + self.disk + self.fee

    def times(self, factor: Decimal) -> "Amounts":
        """Scaled."""
        return Amounts(gpu=self.gpu * factor, disk=self.disk * factor, fee=self.fee * factor)

    def __add__(self, other: "Amounts") -> "Amounts":
        return Amounts(gpu=self.gpu + other.gpu, disk=self.disk + other.disk, fee=self.fee + other.fee)


class Bills:
    """The books of one account; endpoints stay in them when they are deleted."""

    def __init__(self, own: ProviderWorld, unpublished: Callable[[int], bool]) -> None:
        self._own, self._unpublished = own, unpublished

    def published(self, endpoint: Endpoint, start_us: int, end_us: int, now_us: int) -> Amounts:
        """What the billing API says about whole hours [start, end) at `now`: late, and perhaps corrected later."""
        billing = self._own.billing
        hours = [hour_us for hour_us in _hours(start_us, end_us) if not self._unpublished(hour_us)]
        parts = [self._hour(endpoint, hour_us, now_us - us(billing.lag_s)) for hour_us in hours]
        corrected = [
            part.times(self._correction() if now_us >= hour_us + HOUR_US + us(billing.correct_after_s) else Decimal(1))
            for hour_us, part in zip(hours, parts, strict=True)
        ]
        return sum(corrected, Amounts())

    def true_charges(self, endpoints: Iterable[Endpoint], now_us: int) -> list[TrueCharge]:
        """Every cent so far, as the final bill will have it."""
        return list(self._charges(endpoints, now_us))

    def _charges(self, endpoints: Iterable[Endpoint], now_us: int) -> Iterator[TrueCharge]:
        for endpoint in endpoints:
            for hour_us in _hours(endpoint.created_us, now_us):
                owed = self._hour(endpoint, hour_us, now_us).times(self._correction())
                for sku, usd in (("gpu", owed.gpu), ("disk", owed.disk), ("fee", owed.fee)):
                    if usd:
                        yield TrueCharge(
                            provider="runpod",
                            deployment=endpoint.name,
                            resource_id=endpoint.id,
                            sku=sku,
                            start_us=hour_us,
                            end_us=hour_us + HOUR_US,
                            usd=usd,
                        )

    def _hour(self, endpoint: Endpoint, hour_us: int, seen_us: int) -> Amounts:
        """One hour's seconds and disk intervals, as far as they had begun by `seen_us`."""
        early_us = us(self._own.billing.early_s)
        lives = [(start, min(end, seen_us)) for start, end in _lives(endpoint, seen_us, early_us)]
        seconds = sum(_begun(start, end, _SECOND_US, hour_us) for start, end in lives)
        intervals = sum(_begun(start, end, _DISK_US, hour_us) for start, end in lives)
        count, disk_gb = endpoint.body["gpu"]["count"], endpoint.body["disk"]
        disk_usd = Decimal(disk_gb) * _decimal(self._own.disk_usd_gb_month) * _DISK_US / _MONTH_US
        fee = _decimal(self._own.billing.fee_usd_h) if seconds else Decimal()
        amounts = Amounts(gpu=seconds * count * endpoint.usd_per_s, disk=intervals * disk_usd, fee=fee)
        return amounts.times(1 + _decimal(self._own.billing.phantom_share))

    def _correction(self) -> Decimal:
        return 1 + _decimal(self._own.billing.late_correction)


def _lives(endpoint: Endpoint, until_us: int, early_us: int) -> Iterator[tuple[int, int]]:
    for worker in endpoint.pool.workers:
        if worker.pulled_us is not None:
            # An unhealthy worker is not billed (Runpod documentation, workers overview, 2026-06-29).
            ends = [at for at in (worker.crashed_us, worker.stopped_us) if at is not None]
            yield max(worker.created_us, worker.pulled_us - early_us), min(ends, default=until_us)


def _begun(start_us: int, end_us: int, step_us: int, hour_us: int) -> int:
    """How many steps of a life [start, end) began within the hour. A step that has begun is billed whole."""
    steps = max(0, -((start_us - end_us) // step_us))
    first = max(0, -((start_us - hour_us) // step_us))
    last = max(0, -((start_us - hour_us - HOUR_US) // step_us))
    return max(0, min(steps, last) - first)


def _hours(start_us: int, end_us: int) -> range:
    return range(start_us // HOUR_US * HOUR_US, end_us, HOUR_US)


def _decimal(value: float) -> Decimal:
    return Decimal(str(value))
