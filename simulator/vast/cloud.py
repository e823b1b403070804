"""Vast.ai as one simulated account: its console, its market, and the wrapper on each rented instance."""

from collections.abc import Mapping
from decimal import Decimal
from functools import partial
from typing import Any

from simulator.laws import Laws
from simulator.ledger import Rented, TrueCharge
from simulator.pool import Pool
from simulator.site import Site
from simulator.vast.bills import Bills
from simulator.vast.console import Console
from simulator.vast.market import Host, Market
from simulator.vast.rental import OneHost, Rental
from simulator.vast.wrapper import Wrapper
from simulator.wire import Reply, Request

_FIRST_CONTRACT = 31_000_001
_FIRST_VIRTUAL_PORT = 40_001


class VastCloud:
    """The provider. `services` names the two addresses it answers on."""

    services: frozenset[str] = frozenset({"vast_console", "vast_wrapper"})

    def __init__(self, site: Site) -> None:
        self.site = site
        self.laws = Laws(site.world, "vast", site.seed)
        self.market = Market(site.world.vast, site.seed)
        self.rentals: dict[int, Rental] = {}
        self.bills = Bills(
            site.world.vast.billing,
            self.rentals,
            opened_us=site.engine.now_us,
            unpublished=partial(site.unpublished, "vast"),
        )
        self.opened_us, self.deposit_usd = site.engine.now_us, Decimal(100)
        self._console, self._wrapper = Console(self), Wrapper(site, self._at_port)
        self._on_sockets = False

    def handle(self, request: Request) -> Reply:
        """Answer a request to the console or to a rented instance's port."""
        service = self._wrapper if request.service == "vast_wrapper" else self._console
        try:
            return service.handle(request)
        except ValueError:  # a body or parameter that is no JSON
            return Reply(status=400, body={"success": False, "error": "invalid_request", "msg": "Invalid json body"})

    def true_charges(self) -> list[TrueCharge]:
        """Everything truly billed up to now."""
        return self.bills.true_charges(self.site.engine.now_us)

    def open_rentals(self) -> list[Rental]:
        """Contracts that were not destroyed, oldest first."""
        return [rental for rental in self.rentals.values() if rental.destroyed_us is None]

    def listed_rentals(self) -> list[Rental]:
        """Those that the list shows now: it may be late with a new one, and with one that is gone."""
        now_us, laws = self.site.engine.now_us, self.laws
        as_of = [(rental, now_us - laws.lag_us(rental.id)) for rental in self.rentals.values()]
        return [rental for rental, as_of_us in as_of if rental.stood_at(as_of_us)]

    def open_rental(self, id: int) -> Rental | None:
        """One of them."""
        rental = self.rentals.get(id)
        return rental if rental and rental.destroyed_us is None else None

    def rent(self, host: Host, body: Mapping[str, Any]) -> Rental | None:
        """Make a contract and start to pull; None if no port is left for it."""
        port = self._take_port()
        if port is None:
            return None
        id, now_us = _FIRST_CONTRACT + len(self.rentals), self.site.engine.now_us
        name, env = body.get("label") or f"instance-{id}", dict(body.get("env") or {})
        price = body.get("price")
        rental = Rental(
            id=id,
            host=host,
            name=name,
            label=body.get("label"),
            image=body["image"],
            disk_gb=max(8.0, float(body.get("disk") or 8)),
            env=env,
            onstart=body.get("onstart"),
            runtype=body.get("runtype") or "ssh",
            dph_base=host.dph_base if price is None else Decimal(str(price)),
            is_bid=price is not None,
            pool=self._pool(name, host.gpu),
            port=port,
            # Without one the image makes up its own, which nobody outside can read.
            password=env.get("WEB_PASSWORD") or f"made-up-{id}",
            created_us=now_us,
            model_gb=_model_gb(env),
        )
        host.rented = True
        self.rentals[id] = rental
        self._enter(rental)
        rental.start()
        self._arm(rental)
        return rental

    def _arm(self, rental: Rental) -> None:
        """A dead man's timer in `onstart` runs from the container's start, and its host must live to carry it out."""
        life_us, worker = rental.timer_us, rental.worker
        if life_us is not None and worker is not None:
            self.site.engine.after(worker.draw.pull_us + life_us, partial(self._fire, rental))

    def _fire(self, rental: Rental) -> None:
        if rental.destroyed_us is None and rental.status(self.site.engine.now_us) == "running":
            self.destroy(rental)

    def destroy(self, rental: Rental) -> None:
        """End the contract; the host is offered again."""
        rental.destroy(self.site.engine.now_us)
        rental.host.rented = False
        if self._on_sockets:
            self.site.ports.append(rental.port)

    def _enter(self, rental: Rental) -> None:
        self.site.ledger.count("vast", "deploy")
        self.site.ledger.rented.append(
            Rented(
                backend="vast",
                name=rental.name,
                resource_id=str(rental.id),
                usd_per_s=rental.usd_per_s,
                pool=rental.pool,
                created_us=rental.created_us,
            )
        )

    def _pool(self, name: str, gpu: str) -> Pool:
        return Pool(
            self.site.engine,
            self.laws,
            OneHost(gpu),
            name=name,
            gpu=gpu,
            max_workers=1,
            idle_us=None,
            on_pick=self.site.paint_ahead,
        )

    def _take_port(self) -> int | None:
        """A port with a socket behind it; without any sockets (in process) a number is enough."""
        if self.site.ports:
            self._on_sockets = True
            return self.site.ports.pop(0)
        return None if self._on_sockets else _FIRST_VIRTUAL_PORT + len(self.rentals)

    def _at_port(self, port: int | None) -> Rental | None:
        return next((rental for rental in self.open_rentals() if rental.port == port), None)


def _model_gb(env: Mapping[str, str]) -> float:
    """What the machine downloads before it is ready: `path|bytes|url;..`, as deploy/vast/provision.sh reads it."""
    entries = [entry.split("|") for entry in str(env.get("BAKEOFF_FILES", "")).split(";") if entry]
    return sum(int(size) for _, size, _ in entries) / 1e9
