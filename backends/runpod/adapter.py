"""Runpod Serverless as a backend: one queue endpoint per deployment, through its job API and its REST v2."""

import math
from collections import OrderedDict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from backends.base import (
    Account,
    Charge,
    Deployment,
    DeploymentRef,
    DeploymentSpec,
    JobRef,
    JobSpec,
    LiveResource,
    Observation,
    Offer,
)
from backends.errors import InvalidRequest, NoCapacity, NotFound, TooLarge, UnexpectedReply
from backends.http import Http, client
from backends.reading import pages, unreadable
from backends.runpod import wire
from backends.runpod.billing import PARTS, charges_of, statements_of
from backends.runpod.failures import GONE, reason_of
from clock import Clock
from words import STATUS_OF, DeploymentState, Feature, Provider, Reason, WorkerState

SOURCE = "catalog"
PRICES_LIVE = timedelta(hours=1)
# REST v2 allows 60 calls a minute (RateLimit-Policy of its specification, 2026-08-18): one a second.
PACES = {"rest": 1.0}
# A cold series has to be cold: a start from a FlashBoot snapshot cannot be told from a boot, so it is off.
FLASHBOOT = "OFF"
QUEUE_DELAY_S = 1
# Of a job in the queue, beyond its execution limit. Counts from the submit, deletes the job in any state.
QUEUE_LIMIT_S = 3600
EXECUTION_LIMIT_S = (5, 7 * 86_400)
ENDPOINT_TIMEOUT_MS = 3_600_000  # each job brings its own; left out, 0 was observed where 300000 is documented
SPARE_DISK_GB = 20
_REMEMBERED = 2000
_LOOKS = 2  # at the worker list for one job: each costs one of the calls that all endpoints share


class RunpodBackend:
    """`jobs_url` and `rest_url` include `/v2`. `image` may hold `{workflow}`, for images with baked-in weights."""

    name = "runpod"
    provider = Provider.RUNPOD
    # No FINDS_JOBS: a job carries no key of ours and is listed nowhere.
    features = frozenset({Feature.SCALES_TO_ZERO, Feature.DEPLOYS, Feature.BILLED})

    def __init__(
        self,
        *,
        jobs_url: str,
        rest_url: str,
        key: str,
        clock: Clock,
        image: str,
        transport: Any = None,
    ) -> None:
        self._clock, self._image = clock, image
        self._jobs = Http(client(jobs_url, key, transport), clock, "Runpod")
        self._rest = Http(client(rest_url, key, transport), clock, "Runpod", paces=PACES)
        self._priced: tuple[datetime, list[wire.Card]] | None = None
        self._workers_of: OrderedDict[str, tuple[int, Mapping[str, Any]]] = OrderedDict()  # job id -> looks, evidence

    # -- capacity ----------------------------------------------------------------------------------------

    async def offers(self, gpu: str) -> list[Offer]:
        """The card's serverless list price; account discounts are not in it. NoCapacity while none is free."""
        cards = await self._catalogue()
        card = _chosen(gpu, cards)
        if card.availability == "NONE":
            raise NoCapacity(f"Runpod has no {gpu} for serverless workers now.")
        return [
            Offer(
                backend=self.name,
                gpu=gpu,
                offer_id=card.type_id,
                unit="h",
                usd_per_unit=card.usd_per_hour,
                usd_per_s=card.usd_per_hour / 3600,
                source=SOURCE,
                seen_at=self._clock.now(),
                detail={"pool": card.pool, "memory_gb": card.memory_gb, "availability": card.availability},
            )
        ]

    async def deploy(self, spec: DeploymentSpec, key: str) -> DeploymentRef:
        """One queue endpoint, scaled to zero, pinned to the one card: the rest of its pool is excluded."""
        cards = await self._prices()
        card = _chosen(spec.gpu, cards)
        others = [other.type_id for other in cards if other.pool == card.pool and other is not card]
        body = {
            "name": key,
            "type": "QUEUE",
            "image": self._image.replace("{workflow}", spec.workflow),
            "gpu": {"pools": [card.pool], "excludedTypes": others, "count": 1},
            "workers": {"min": 0, "max": spec.max_workers, "idleTimeout": spec.idle_timeout_s},
            "scaling": {"type": "QUEUE_DELAY", "queueDelay": QUEUE_DELAY_S},
            "timeout": ENDPOINT_TIMEOUT_MS,
            "flashboot": FLASHBOOT,
            "disk": SPARE_DISK_GB + math.ceil(spec.model_gb),
        }
        made = wire.endpoint(await self._rest.send("POST", "/serverless", pace="rest", json=body))
        if made.name != key:
            raise UnexpectedReply(f"Runpod answered the order of {key} with {made.name}.")
        return DeploymentRef(backend=self.name, id=made.id, key=key)

    async def observe(self, ref: DeploymentRef) -> Deployment:
        """Ready as soon as it exists: it takes jobs at once, with no worker yet.

        STOPPED: workers.max fell to 0, which Runpod does after 7 days without a request; jobs would queue for ever.
        """
        try:
            endpoint = wire.endpoint(await self._read(f"/serverless/{ref.id}"))
            workers = wire.workers(await self._read(f"/serverless/{ref.id}/workers"))
        except NotFound:
            return Deployment(state=DeploymentState.GONE)
        cards = await self._prices()
        pinned = _pinned(endpoint, cards)
        asleep, states = endpoint.max_workers == 0, wire.worker_states(workers)
        return Deployment(
            state=DeploymentState.STOPPED if asleep else DeploymentState.READY,
            reason="Runpod set its workers.max to 0." if asleep else _trouble(states),
            cause=Reason.WORKER_LOST if asleep else None,
            workers=states,
            usd_per_s=_rate(endpoint, cards),
            instants={"created_at": endpoint.created_at},
            provenance=_provenance(endpoint, workers, pinned),
        )

    async def teardown(self, ref: DeploymentRef) -> None:
        """Delete the endpoint: its workers end, open jobs are cancelled."""
        try:
            await self._rest.read("DELETE", f"/serverless/{ref.id}", pace="rest")
        except NotFound:
            return

    async def live(self, prefix: str) -> list[LiveResource]:
        """Endpoints by name. Each may rent workers at any time, so it counts even while it has none."""
        endpoints = [wire.endpoint(row) for row in await self._pages("/serverless", "endpoints")]
        ours = [endpoint for endpoint in endpoints if endpoint.name.startswith(prefix)]
        cards = await self._prices() if ours else []
        return [
            LiveResource(
                key=endpoint.name,
                ref=DeploymentRef(backend=self.name, id=endpoint.id, key=endpoint.name),
                usd_per_s=_rate(endpoint, cards),
            )
            for endpoint in ours
        ]

    # -- jobs --------------------------------------------------------------------------------------------

    async def submit(self, ref: DeploymentRef, job: JobSpec, key: str) -> JobRef:  # noqa: ARG002
        """`POST /run`. There is no idempotency key, so a lost answer is a lost job; `key` has no place to go."""
        least_s, most_s = EXECUTION_LIMIT_S
        limit_s = min(max(job.timeout_s, least_s), most_s)
        ttl_s = min(limit_s + QUEUE_LIMIT_S, most_s)
        policy = {"executionTimeout": round(limit_s * 1000), "ttl": round(ttl_s * 1000)}
        body = {"input": {"workflow": job.graph}, "policy": policy}
        return JobRef(deployment=ref, id=wire.job_id(await self._jobs.send("POST", f"/{ref.id}/run", json=body)))

    async def poll(self, ref: JobRef, wait_s: float = 0) -> Observation:  # noqa: ARG002 - no LONG_POLL
        """`GET /status`. With the first sight of a job's worker comes one look at the worker list: when its life began.

        404: never known, older than its ttl, or finished more than 30 minutes ago.
        """
        try:
            reply = await self._jobs.read("GET", f"/{ref.deployment.id}/status/{ref.id}")
        except NotFound as error:
            reason = reason_of(GONE, str(error))
            return Observation(status=STATUS_OF[reason], reason=reason, error=str(error))
        except TooLarge as error:
            return unreadable(error)
        seen = wire.observation(reply)
        evidence = {**await self._worker_facts(ref, seen), **seen.evidence}
        return Observation(**{**vars(seen), "evidence": evidence})

    async def cancel(self, ref: JobRef) -> None:
        """Cancel a queued or running job; a finished or forgotten one is left as it is."""
        try:
            await self._jobs.read("POST", f"/{ref.deployment.id}/cancel/{ref.id}")
        except NotFound:
            return

    # -- bills -------------------------------------------------------------------------------------------

    async def charges(self, start: datetime, end: datetime) -> list[Charge]:
        """Hour buckets of every endpoint, pod and volume of the account; Runpod snaps [start, end) outward itself."""
        if end <= start:
            return []  # Runpod answers 400
        window = {"startTime": _text(start), "endTime": _text(end), "bucketSize": "hour"}
        found: list[Charge] = []
        for part in PARTS:
            found += charges_of(await self._read(f"/billing/{part.path}", **window), part)
        return found

    async def account(self, start: datetime, end: datetime) -> Account:
        """The account's own total of each day that [start, end) touches."""
        window = {"startTime": _text(start), "endTime": _text(end), "bucketSize": "day"}
        return Account(statements=statements_of(await self._read("/billing", **window)))

    async def aclose(self) -> None:
        """Release connections."""
        await self._jobs.aclose()
        await self._rest.aclose()

    # -- reading -----------------------------------------------------------------------------------------

    async def _read(self, path: str, **query: str) -> Any:
        return await self._rest.read("GET", path, pace="rest", params=query)

    async def _pages(self, path: str, name: str) -> list[Mapping[str, Any]]:
        async def fetch(cursor: str | None) -> tuple[list[Mapping[str, Any]], str | None]:
            reply = await self._read(path, **({"cursor": cursor} if cursor else {}))
            return wire.rows(reply, name), wire.next_page(reply)

        return await pages(fetch, name)

    async def _catalogue(self) -> list[wire.Card]:
        """The catalogue as it is now."""
        query = {"include": "AVAILABILITY", "product": "SERVERLESS"}
        cards = wire.cards(await self._read("/catalog/gpus", **query))
        self._priced = (self._clock.now(), cards)
        return cards

    async def _prices(self) -> list[wire.Card]:
        """The catalogue, for what does not change by the minute."""
        if self._priced and self._clock.now() - self._priced[0] < PRICES_LIVE:
            return self._priced[1]
        return await self._catalogue()

    async def _worker_facts(self, ref: JobRef, seen: Observation) -> Mapping[str, Any]:
        """The worker that took the job first, after what wait; since when it lives, on which card and where.

        Should the platform try the job again, its final reply tells of the last attempt only. The list is read once per
        job, once more if it is late and does not show the worker, and never where the look would have to wait for it.
        """
        if seen.worker_id is None:
            return {}
        looks, known = self._workers_of.get(ref.id, (0, {}))
        if "worker_started_at" in known or looks == _LOOKS:
            return known
        first = {"first_worker_id": seen.worker_id, "first_queue_s": seen.times.queue_s}
        facts: dict[str, Any] = {"worker_id": seen.worker_id, **first, **known, "flashboot": FLASHBOOT}
        reply = await self._rest.glance(f"/serverless/{ref.deployment.id}/workers", pace="rest")
        listed = [worker for worker in _workers(reply) if worker.id == seen.worker_id]
        for worker in sorted(listed, key=lambda worker: worker.started_at or ""):  # the latest life, if it shows two
            facts |= {"worker_started_at": worker.started_at, "gpu_name": worker.type_id, "region": worker.data_center}
        self._remember(ref.id, looks + (reply is not None), facts)
        return facts

    def _remember(self, job_id: str, looks: int, facts: Mapping[str, Any]) -> None:
        self._workers_of[job_id] = (looks, facts)
        if len(self._workers_of) > _REMEMBERED:
            self._workers_of.popitem(last=False)


def _workers(reply: Any) -> list[wire.Worker]:
    """Those of a reply that may have any shape."""
    try:
        return [] if reply is None else wire.workers(reply)
    except UnexpectedReply:
        return []


def _chosen(gpu: str, cards: list[wire.Card]) -> wire.Card:
    """The card that we call `gpu`."""
    found = [card for card in cards if gpu in (card.name, card.type_id) or wire.TYPE_IDS.get(gpu) == card.type_id]
    if not found:
        raise InvalidRequest(f"Runpod has no serverless GPU '{gpu}'. It has {', '.join(card.name for card in cards)}.")
    return found[0]


def _pinned(endpoint: wire.Endpoint, cards: list[wire.Card]) -> list[wire.Card]:
    """The cards that the endpoint's workers can get."""
    return [card for card in cards if card.pool in endpoint.pools and card.type_id not in endpoint.excluded]


def _rate(endpoint: wire.Endpoint, cards: list[wire.Card]) -> Decimal | None:
    """USD per second of one worker; the dearest card where several are possible."""
    prices = [card.usd_per_hour for card in _pinned(endpoint, cards)]
    return max(prices) * endpoint.gpu_count / 3600 if prices else None


def _provenance(endpoint: wire.Endpoint, workers: list[wire.Worker], pinned: list[wire.Card]) -> Mapping[str, str]:
    """What is known: the card from a worker, or because only one is possible."""
    types = {worker.type_id for worker in workers if worker.type_id} or {card.type_id for card in pinned}
    regions = {worker.data_center for worker in workers if worker.data_center}
    known = {
        "gpu_name": types.pop() if len(types) == 1 else None,
        "region": regions.pop() if len(regions) == 1 else None,
        "image": endpoint.image,
        "flashboot": endpoint.flashboot,
    }
    return {name: value for name, value in known.items() if value is not None}


def _trouble(states: Mapping[WorkerState, int]) -> str | None:
    """Capacity that is missing and workers that crash look alike in a queue; only the worker list tells."""
    if WorkerState.UNHEALTHY in states:
        return f"{states[WorkerState.UNHEALTHY]} of its workers fail their health check."
    if WorkerState.THROTTLED in states:
        return f"{states[WorkerState.THROTTLED]} of its workers wait for capacity."
    return None


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
