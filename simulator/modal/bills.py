"""What Modal bills: seconds of a container's life x (GPU + cores + GiB), in one row per app and hour.

Billed from the container's start to its end: boot, model load, work and the idle tail. Modal has no official sentence
on whether the image pull before it is billed; here it is not (assumed, as TaskInfo.started_at .. finished_at).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from simulator.engine import US, us
from simulator.ledger import TrueCharge
from simulator.world import ProviderWorld

if TYPE_CHECKING:
    from simulator.modal.cloud import ModalApp

HOUR_US = 3600 * US
DAY_US = 24 * HOUR_US
SKU = {"CPU": "cpu", "Memory": "memory"}  # anything else is a GPU type


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the billing report: an app in one interval."""

    app: "ModalApp"
    start_us: int
    costs: Mapping[str, Decimal]  # resource -> USD

    @property
    def usd(self) -> Decimal:
        """The row's whole cost."""
        return sum(self.costs.values(), Decimal())


class Bills:
    """The books of one workspace."""

    def __init__(self, world: ProviderWorld, apps: Mapping[str, "ModalApp"]) -> None:
        self._world, self._apps = world, apps

    def rates(self) -> dict[str, Decimal]:
        """USD per second of a physical core, a GiB and each GPU.

        Named as the SDK's documentation names billed resources: "`CPU`, `Memory`, and GPU types such as `H100`"
        (modal 1.6.4, App.sandboxes.stats); the keys of `billing.rates()` itself are not documented.
        """
        gpus = {gpu: _decimal(price.usd_per_s) for gpu, price in self._world.price.items()}
        cpu, memory = self._world.cpu_core_usd_s, self._world.memory_gib_usd_s
        return {"CPU": _decimal(cpu), "Memory": _decimal(memory), **gpus}

    def rates_of(self, gpu: str, cpu: float, memory_gib: float) -> dict[str, Decimal]:
        """What one container with these resources costs per second, by resource."""
        rates = self.rates()
        return {
            gpu: rates[gpu],
            "CPU": _decimal(cpu) * rates["CPU"],
            "Memory": _decimal(memory_gib) * rates["Memory"],
        }

    def report(self, start_us: int, end_us: int, *, step_us: int, now_us: int) -> list[Row]:
        """Published rows of whole intervals in [start rounded down, end): a partial end interval is left out."""
        seen_us = now_us - us(self._world.billing.lag_s)
        first_us = start_us // step_us * step_us
        starts = range(first_us, min(end_us, seen_us) // step_us * step_us + step_us, step_us)
        rows = (
            Row(app=app, start_us=at_us, costs=self._published(app, at_us, at_us + step_us, seen_us, now_us))
            for at_us in starts
            if at_us + step_us <= end_us
            for app in self._apps.values()
        )
        return [row for row in rows if row.costs]

    def true_charges(self, now_us: int) -> list[TrueCharge]:
        """Every cent of every hour so far, as it will stand on the final bill."""
        correction = 1 + _decimal(self._world.billing.late_correction)
        return [
            TrueCharge(
                provider="modal",
                deployment=app.name,
                resource_id=app.id,
                sku=SKU.get(resource, "gpu"),
                start_us=hour_us,
                end_us=hour_us + HOUR_US,
                usd=usd * correction,
            )
            for app in self._apps.values()
            for hour_us in _hours(app, now_us)
            for resource, usd in self._costs(app, hour_us, min(hour_us + HOUR_US, now_us)).items()
        ]

    def _published(self, app: "ModalApp", start_us: int, end_us: int, seen_us: int, now_us: int) -> dict[str, Decimal]:
        if not (costs := self._costs(app, start_us, min(end_us, seen_us))):
            return {}
        billing = self._world.billing
        corrected = now_us >= end_us + us(billing.correct_after_s)
        factor = 1 + _decimal(billing.late_correction) if corrected else Decimal(1)
        return {resource: usd * factor for resource, usd in costs.items()}

    def _costs(self, app: "ModalApp", start_us: int, end_us: int) -> dict[str, Decimal]:
        """USD by resource within [start, end); empty when no container lived then."""
        lived_us = sum(max(0, min(end_us, end) - max(start_us, start)) for start, end in _lives(app, end_us))
        if not lived_us:
            return {}
        settings = app.settings
        seconds = Decimal(lived_us) / US * (1 + _decimal(self._world.billing.phantom_share))
        per_s = self.rates_of(settings.gpu_type, settings.cpu, settings.memory_gib)
        return {resource: seconds * rate for resource, rate in per_s.items()}


def _lives(app: "ModalApp", until_us: int) -> Iterator[tuple[int, int]]:
    """Container lives, start to end; one that still lives is cut at `until_us`."""
    for worker in app.pool.workers:
        if worker.pulled_us is not None:
            yield worker.pulled_us, until_us if worker.stopped_us is None else worker.stopped_us


def _hours(app: "ModalApp", now_us: int) -> list[int]:
    """Starts of the hours in which a container of the app lived."""
    return sorted(
        {
            hour_us
            for start_us, end_us in _lives(app, now_us)
            for hour_us in range(start_us // HOUR_US * HOUR_US, end_us, HOUR_US)
        }
    )


def _decimal(value: float) -> Decimal:
    return Decimal(str(value))
