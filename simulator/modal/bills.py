"""What Modal bills: seconds of a container's life x (GPU + cores + GiB), in one row per app and hour.

Billed from the container's start to its end: boot, model load, work and the idle tail. Modal has no official sentence
on whether the image pull before it is billed; here it is not (assumed, as TaskInfo.started_at .. finished_at).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from simulator.bystanders import bystanders, true_charges
from simulator.engine import US, us
from simulator.ledger import TrueCharge
from simulator.world import ProviderWorld

if TYPE_CHECKING:
    from simulator.modal.cloud import ModalApp

HOUR_US = 3600 * US
DAY_US = 24 * HOUR_US
SKU = {"CPU": "cpu", "Memory": "memory"}  # anything else is a GPU type


@dataclass(frozen=True, kw_only=True)
class OtherApp:
    """An app of the workspace that is not ours."""

    id: str
    name: str
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the billing report: an app in one interval."""

    app: "ModalApp | OtherApp"
    start_us: int
    costs: Mapping[str, Decimal]  # resource -> USD
    words: str | None = None  # said instead of each amount

    @property
    def usd(self) -> Decimal:
        """The row's whole cost."""
        return sum(self.costs.values(), Decimal())


class Bills:
    """The books of one workspace."""

    def __init__(
        self,
        world: ProviderWorld,
        apps: Mapping[str, "ModalApp"],
        *,
        opened_us: int = 0,
        unpublished: Callable[[int], bool] = lambda _hour_us: False,
    ) -> None:
        self._world, self._apps, self._unpublished = world, apps, unpublished
        self._others = [by for by in bystanders(world.billing, opened_us) if by.kind == "other"]

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
        spans = [(at_us, at_us + step_us) for at_us in starts if at_us + step_us <= end_us]
        lived = [
            (app, {at_us // step_us * step_us for at_us in self._hours(app, now_us)}) for app in self._apps.values()
        ]
        ours = (
            Row(app=app, start_us=at_us, costs=self._published(app, at_us, until_us, seen_us, now_us))
            for at_us, until_us in spans
            if not self._unpublished(at_us)
            for app, hours_us in lived
            if at_us in hours_us
        )
        others = (
            Row(app=OtherApp(id=f"ap-{by.id}", name=by.name), start_us=at_us, costs={"CPU": usd})
            for at_us, until_us in spans
            for by in self._others
            if (usd := by.usd(at_us, min(until_us, seen_us)))
        )
        return [*(row for row in ours if row.costs), *others]

    def true_charges(self, now_us: int) -> list[TrueCharge]:
        """Every cent of every hour so far, as it will stand on the final bill."""
        correction = 1 + _decimal(self._world.billing.late_correction)
        ours = [
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
            for hour_us in self._hours(app, now_us)
            for resource, usd in self._costs(app, hour_us, min(hour_us + HOUR_US, now_us)).items()
        ]
        return [*ours, *true_charges("modal", self._others, now_us)]

    def _published(self, app: "ModalApp", start_us: int, end_us: int, seen_us: int, now_us: int) -> dict[str, Decimal]:
        if not (costs := self._costs(app, start_us, min(end_us, seen_us))):
            return {}
        billing = self._world.billing
        corrected = now_us >= end_us + us(billing.correct_after_s)
        factor = 1 + _decimal(billing.late_correction) if corrected else Decimal(1)
        return {resource: usd * Decimal(str(factor)) for resource, usd in costs.items()}

    def _costs(self, app: "ModalApp", start_us: int, end_us: int) -> dict[str, Decimal]:
        """USD by resource within [start, end); empty when no container lived then."""
        lived_us = sum(max(0, min(end_us, end) - max(start_us, start)) for start, end in self._lives(app, end_us))
        if not lived_us:
            return {}
        settings = app.settings
        seconds = Decimal(lived_us) / US * (1 + _decimal(self._world.billing.phantom_share))
        per_s = self.rates_of(settings.gpu_type, settings.cpu, settings.memory_gib)
        return {resource: seconds * rate for resource, rate in per_s.items()}

    def _lives(self, app: "ModalApp", until_us: int) -> Iterator[tuple[int, int]]:
        """Container lives as they are billed, start to end; one that still lives is cut at `until_us`."""
        early_us = us(self._world.billing.early_s)
        for worker in app.pool.workers:
            if worker.pulled_us is not None:
                start_us = max(worker.created_us, worker.pulled_us - early_us)
                yield start_us, until_us if worker.stopped_us is None else worker.stopped_us

    def _hours(self, app: "ModalApp", now_us: int) -> list[int]:
        """Starts of the hours in which a container of the app lived."""
        return sorted(
            {
                hour_us
                for start_us, end_us in self._lives(app, now_us)
                for hour_us in range(start_us // HOUR_US * HOUR_US, end_us, HOUR_US)
            }
        )


class Shape:
    """How to bend a row. Its currency is not on the wire: Modal bills in USD."""

    def scaled(self, row: Row, factor: float) -> Row:
        """All amounts times a factor."""
        return replace(row, costs={resource: usd * Decimal(str(factor)) for resource, usd in row.costs.items()})

    def worded(self, row: Row) -> Row:
        """Amounts as words."""
        return replace(row, words="n/a")

    def later(self, row: Row) -> Row:
        """Half an hour later."""
        return replace(row, start_us=row.start_us + HOUR_US // 2)

    def foreign(self, row: Row) -> Row:
        """As it was."""
        return row


def _decimal(value: float) -> Decimal:
    return Decimal(str(value))
