"""Runpod as it truly is in a simulated world, behind its job API and its REST v2."""

import itertools
from decimal import Decimal
from functools import partial
from typing import Any

from simulator.bystanders import bystanders, true_charges
from simulator.engine import US, us
from simulator.laws import Laws
from simulator.ledger import Rented, TrueCharge
from simulator.pool import Capacity, Pool, SimJob
from simulator.runpod.bills import Bills
from simulator.runpod.bodies import CreateEndpoint
from simulator.runpod.endpoint import Endpoint, Release, wire_id
from simulator.runpod.gateway import ROUTE, Gateway
from simulator.runpod.gpus import placed, usd_per_s
from simulator.runpod.jobs import JobsApi
from simulator.runpod.quotas import Quotas
from simulator.runpod.rest import RestApi
from simulator.runpod.settings import IDLE_DEFAULT_S, shown_settings
from simulator.site import Site
from simulator.wire import Reply, Request

DAY_US = us(86_400)


class RunpodCloud:
    """One account."""

    services: frozenset[str] = frozenset({"runpod_jobs", "runpod_rest"})

    def __init__(self, site: Site) -> None:
        self.site, self.own = site, site.world.runpod
        self.capacity = Capacity(dict(self.own.capacity))
        self.quotas = Quotas()
        self.bills = Bills(self.own, partial(site.unpublished, "runpod"))
        self.bystanders = bystanders(self.own.billing, site.engine.now_us)
        self.endpoints: dict[str, Endpoint] = {}  # deleted ones stay, for the bills
        self.templates: dict[str, dict[str, Any]] = {}
        self.serial = itertools.count(1)
        self._rest, self._jobs, self._gateway = RestApi(self), JobsApi(self), Gateway(self)

    def handle(self, request: Request) -> Reply:
        """Answer one request; the engine is at now."""
        if request.service == "runpod_rest":
            return self._rest.handle(request)
        return (self._gateway if ROUTE.fullmatch(request.path) else self._jobs).handle(request)

    def true_charges(self) -> list[TrueCharge]:
        """Everything truly billed up to now, per endpoint, hour and sku."""
        now_us = self.site.engine.now_us
        others = true_charges("runpod", self.bystanders, now_us)
        return [*self.bills.true_charges(self.endpoints.values(), now_us), *others]

    # -- endpoints ---------------------------------------------------------------------------------------

    def endpoint(self, endpoint_id: str) -> Endpoint | None:
        """One that exists now."""
        endpoint = self.endpoints.get(endpoint_id)
        if endpoint is None or endpoint.deleted_us is not None:
            return None
        self._forget(endpoint)
        return endpoint

    def create(self, asked: CreateEndpoint, template: dict[str, Any]) -> Endpoint:
        """A new endpoint at zero workers; it takes jobs at once."""
        now_us = self.site.engine.now_us
        endpoint_id = wire_id(self.site.seed, "endpoint", next(self.serial))
        body = shown_settings(asked, template, endpoint_id=endpoint_id, base=self.jobs_base, created_us=now_us)
        gpu = placed(body["gpu"]["pools"], body["gpu"]["excludedTypes"], self.own)
        endpoint = Endpoint(
            id=endpoint_id,
            body=body,
            pool=self._pool(body, gpu.world if gpu else ""),
            gpu=gpu,
            usd_per_s=usd_per_s(gpu, self.own) if gpu else Decimal(),
            created_us=now_us,
            touched_us=now_us,
            releases=[Release(version=1, at_us=now_us, diff=[])],
        )
        self.endpoints[endpoint_id] = endpoint
        for _ in range(body["workers"]["min"]):
            endpoint.pool.start_worker()
        self.site.ledger.count("runpod", "deploy")
        self.site.ledger.rented.append(
            Rented(
                backend="runpod",
                name=endpoint.name,
                resource_id=endpoint_id,
                usd_per_s=endpoint.usd_per_s * body["gpu"]["count"],
                pool=endpoint.pool,
                created_us=now_us,
            )
        )
        return endpoint

    def resize(self, endpoint: Endpoint) -> None:
        """Its worker bounds and idle timeout changed: the autoscaler obeys promptly."""
        workers = endpoint.body["workers"]
        endpoint.pool.max_workers, endpoint.pool.idle_us = workers["max"], _idle_us(workers)
        endpoint.pool.dispatch()

    def delete(self, endpoint: Endpoint) -> None:
        """All workers are terminated, open jobs are cancelled."""
        endpoint.deleted_us = self.site.engine.now_us
        endpoint.pool.close()

    @property
    def jobs_base(self) -> str:
        """Where jobs go, for `requestUrls`."""
        return self.site.bases.get("runpod_jobs", "https://api.runpod.ai")

    def _pool(self, body: dict[str, Any], gpu: str) -> Pool:
        own = self.own
        if body["flashboot"] == "OFF":  # nothing is restored from a snapshot
            own = own.model_copy(update={"restore": None, "restore_share": 0.0})
        return Pool(
            self.site.engine,
            Laws(self.site.world.model_copy(update={"runpod": own}), "runpod", self.site.seed),
            self.capacity,
            name=body["name"],
            gpu=gpu,
            max_workers=body["workers"]["max"],
            idle_us=_idle_us(body["workers"]),
            on_pick=self._picked,
        )

    def _picked(self, pool: Pool, job: SimJob) -> None:
        if job.asked.outputs:
            self.site.paint_ahead(pool, job)

    def _forget(self, endpoint: Endpoint) -> None:
        """Without requests for 3 days `workers.max` falls to 2, after 7 days to 0, and stays there: jobs then queue
        for ever until somebody raises it again (Runpod documentation, troubleshooting, 2026)."""
        idle_us = self.site.engine.now_us - endpoint.touched_us
        most = 0 if idle_us > 7 * DAY_US else 2 if idle_us > 3 * DAY_US else None
        if most is not None and endpoint.body["workers"]["max"] > most:
            endpoint.body["workers"] = {**endpoint.body["workers"], "max": most}
            self.resize(endpoint)


def _idle_us(workers: dict[str, Any]) -> int | None:
    """None where workers stay. With `workers.min` above 0 none leaves here (assumed: we never ask for it)."""
    return None if workers["min"] else workers.get("idleTimeout", IDLE_DEFAULT_S) * US
