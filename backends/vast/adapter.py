"""Vast.ai: one rented machine per deployment, its jobs through the API wrapper of Vast's own ComfyUI image.

A rental is one PUT and is never repeated: it carries our key as label, by which a lost answer is found again.
"""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from ipaddress import IPv4Address
from json import dumps
from pathlib import Path
from typing import Any

from backends.addresses import Forbidden, machine_url, public
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
from backends.errors import (
    AuthFailed,
    BackendError,
    FateUnknown,
    InvalidRequest,
    NoCapacity,
    NotFound,
    NotYetGone,
    TooLarge,
    Unavailable,
    UnexpectedReply,
)
from backends.http import Http, client
from backends.reading import pages, unreadable
from backends.vast import failures, orders, wire
from backends.vast.billing import Books
from backends.vast.failures import JobEnded, doom_of
from clock import Clock
from words import STATUS_OF, DeploymentState, Feature, Provider

# World seconds between two calls of one endpoint: Vast.ai's thresholds (OpenAPI, 2026-08-07) and a tenth more, since
# they are measured where the calls arrive. Searches: 10 a minute.
PACES: Mapping[str, float] = {
    "search": 6.6,
    "create": 5.0,
    "list": 1.1,
    "one": 2.2,
    "destroy": 3.3,
    "charges": 1.1,
    "invoices": 3.3,
}
PROVISION = Path(__file__).parents[2] / "deploy" / "vast" / "provision.sh"
_HISTORY = {"X-Include-ComfyUI-Response": "1"}


class VastBackend:
    """On-demand rentals. `web_password` is the secret from which each rental's own password is derived.

    `machines`: the addresses at which a rented machine is called; what a row says beside them is refused.
    """

    name = wire.BACKEND
    provider = Provider.VAST
    features = frozenset({Feature.FRESH_HOST_IS_COLD, Feature.DEPLOYS, Feature.BILLED, Feature.FINDS_JOBS})

    def __init__(
        self,
        *,
        console_url: str,
        key: str,
        clock: Clock,
        image: str,
        web_password: str,
        hf_token: str | None = None,
        max_life_s: int = 6 * 3600,
        machines: Callable[[IPv4Address], bool] = public,
        transport: Any = None,
    ) -> None:
        self._machines = machines
        self._clock, self._image, self._hf_token = clock, image, hf_token
        self._secret, self._console_url, self._max_life_s = web_password, console_url, max_life_s
        console = client(console_url, key, transport)
        self._console = Http(console, clock, "Vast.ai", dialect=failures.console_dialect, paces=PACES)
        self._wrapper = Http(
            client("", None, transport), clock, "The wrapper on Vast.ai", dialect=failures.wrapper_dialect
        )
        self._books = Books(self._console)
        self._urls: dict[str, str] = {}  # instance -> wrapper, once seen
        self._bad_machines: set[int] = set()  # the cheapest offer is picked again otherwise, however broken

    async def offers(self, gpu: str) -> list[Offer]:
        """On-demand offers of verified hosts, cheapest first, without machines that failed us before."""
        self._check_gpu(gpu)
        body = orders.search_body(gpu, self._image, max_life_s=self._max_life_s)
        reply = await self._console.read("POST", "/api/v0/bundles/", pace="search", json=body)
        found = wire.offers_of(reply, gpu, self._clock.now())
        return [offer for offer in found if offer.detail.get("machine_id") not in self._bad_machines]

    async def deploy(self, spec: DeploymentSpec, key: str) -> DeploymentRef:
        """Rent the offer of `spec`. Raises NoCapacity when it was taken meanwhile."""
        self._check_gpu(spec.gpu)
        if spec.offer is None:
            raise InvalidRequest("Vast.ai rents one offer out of many: name the offer.")
        path = f"/api/v0/asks/{spec.offer.offer_id}/"
        reply = await self._console.send("PUT", path, pace="create", json=self._launch(spec, key).body())
        if isinstance(reply, dict) and reply.get("success") is False:  # also under HTTP 200
            raise failures.console_dialect(400, dumps(reply)) or NoCapacity(f"Vast.ai: {reply.get('msg')}")
        detail = {name: spec.offer.detail.get(name) for name in ("machine_id", "driver_version")}
        return DeploymentRef(backend=self.name, id=wire.contract_of(reply), key=key, detail=detail)

    async def observe(self, ref: DeploymentRef) -> Deployment:
        """By id, which is cheap; the list is read once for the port. Ready when the wrapper says that it is healthy."""
        seen = await self._look(ref.id)
        if seen is None:
            return Deployment(state=DeploymentState.GONE)
        if doom := doom_of(seen.status, seen.status_msg):
            self._shun(seen)
            return self._over(ref, seen, DeploymentState.FAILED, doom)
        if seen.status in failures.ASLEEP:
            return self._over(ref, seen, DeploymentState.STOPPED, seen.status_msg)
        found, health = ref, None
        try:
            url = await self._url_of(ref) if seen.status == "running" else None
        except Forbidden as error:
            self._shun(seen)
            return self._over(ref, seen, DeploymentState.FAILED, f"{error} It gave {error.raw[:100]}.")
        if url:
            found = _with(ref, url=url)
            health = await self._health(url, ref.key)
        provenance = {**seen.provenance, **self._driver(ref)}
        if (facts := wire.healthy(health)) is not None:
            provenance |= facts
            # From the container's start to the first look that finds it ready: the GPU was billed for it.
            found = _with(found, boot_s=ref.detail.get("boot_s", seen.uptime_s))
        return Deployment(
            state=DeploymentState.PROVISIONING if facts is None else DeploymentState.READY,
            workers=failures.workers_of(seen.status, health),
            usd_per_s=seen.usd_per_s,
            instants=seen.instants(self._clock.now()),
            provenance=provenance,
            ref=found,
        )

    async def teardown(self, ref: DeploymentRef) -> None:
        """Destroy the instance; one that is not there any more is a success. Stopping would go on costing storage."""
        try:
            reply = await self._console.read("DELETE", f"/api/v0/instances/{ref.id}/", pace="destroy", json={})
        except NotFound:
            return
        if isinstance(reply, dict) and reply.get("success") is False:
            raise NotYetGone(f"Vast.ai has not destroyed instance {ref.id} yet: {reply.get('msg')}")

    async def live(self, prefix: str) -> list[LiveResource]:
        """Every instance of that label, in whatever state: storage is billed until it is destroyed."""
        return [
            LiveResource(
                key=seen.label,
                ref=DeploymentRef(backend=self.name, id=seen.id, key=seen.label, detail=self._detail(seen)),
                usd_per_s=seen.usd_per_s,
            )
            for seen in await self._list()
            if seen.label.startswith(prefix)
        ]

    async def submit(self, ref: DeploymentRef, job: JobSpec, key: str) -> JobRef:
        """One POST; `key` is the job's id. Raises NotFound when its host turns out to be dead."""
        url = await self._reach(ref)
        body = orders.job_body(job.graph, key)
        try:
            await self._wrapper.send("POST", f"{url}/generate", json=body, headers=self._headers(ref.key) | _HISTORY)
        except JobEnded as ended:
            raise FateUnknown(f"The wrapper did not queue the job: {ended.reply.get('message')}") from None
        except (FateUnknown, Unavailable):
            if doom := await self._doom(ref):
                raise NotFound(f"The job has no host any more. {doom}") from None
            raise
        return JobRef(deployment=ref, id=key)

    async def poll(self, ref: JobRef, wait_s: float = 0) -> Observation:  # noqa: ARG002 - it cannot hold
        """One look; a wrapper that cannot be reached is a lost worker once the console says that its host is dead."""
        host = ref.deployment
        try:
            url = await self._reach(host)
            reply = await self._wrapper.read("GET", f"{url}/result/{ref.id}", headers=self._headers(host.key))
        except JobEnded as ended:
            reply = ended.reply
        except NotFound as error:
            reason = failures.reason_of(failures.GONE, str(error))
            return Observation(status=STATUS_OF[reason], reason=reason, error=str(error))
        except TooLarge as error:
            return unreadable(error, host.id)
        except Unavailable:
            if doom := await self._doom(host):
                return wire.lost_with_host(host, doom)
            raise
        return wire.observation_of(reply, host)

    async def cancel(self, ref: JobRef) -> None:
        """Idempotent: a job that is over, unknown, or on a dead host is as good as cancelled."""
        host = ref.deployment
        try:
            url = await self._reach(host)
            await self._wrapper.read("POST", f"{url}/cancel/{ref.id}", headers=self._headers(host.key))
        except (JobEnded, NotFound):
            return
        except Unavailable:
            if not await self._doom(host):
                raise

    async def charges(self, start: datetime, end: datetime) -> list[Charge]:
        """Items of every contract of the account that overlap [start, end), asked for day by day."""
        return await self._books.charges(start, end)

    async def account(self, start: datetime, end: datetime) -> Account:
        """Payments; Vast.ai has no total of its own."""
        return Account(payments=await self._books.payments(start, end))

    async def aclose(self) -> None:
        """Release the connections."""
        await self._console.aclose()
        await self._wrapper.aclose()

    # -- steps --------------------------------------------------------------------------------------------

    def _check_gpu(self, gpu: str) -> None:
        if gpu not in orders.GPUS:
            raise InvalidRequest(f"We know no '{gpu}' on Vast.ai. Known: {', '.join(orders.GPUS)}.")

    def _launch(self, spec: DeploymentSpec, key: str) -> orders.Launch:
        return orders.Launch(
            label=key,
            image=self._image,
            model_gb=spec.model_gb,
            files=orders.files_of(spec.workflow),
            password=self._password(key),
            hf_token=self._hf_token,
            provision=PROVISION.read_text(encoding="utf-8"),
            console_url=self._console_url,
            max_life_s=self._max_life_s,
        )

    def _password(self, key: str) -> str:
        """A rental's own password: found again after a restart, and worth nothing anywhere else."""
        return hmac.new(self._secret.encode(), key.encode(), hashlib.sha256).hexdigest()

    def _headers(self, key: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._password(key)}"}

    async def _look(self, id: str) -> wire.Instance | None:
        try:
            return wire.instance_of(await self._console.read("GET", f"/api/v0/instances/{id}/", pace="one"))
        except NotFound:
            return None

    async def _list(self, filters: Mapping[str, Any] | None = None) -> list[wire.Instance]:
        params = {"limit": 25, "order_by": '[{"col":"id","dir":"asc"}]', "select_filters": dumps(filters or {})}

        async def fetch(token: str | None) -> tuple[list[wire.Instance], str | None]:
            asked = {**params, "after_token": token} if token else params
            return wire.page_of(await self._console.read("GET", "/api/v1/instances/", pace="list", params=asked))

        return await pages(fetch, "/api/v1/instances/")

    async def _url_of(self, ref: DeploymentRef) -> str | None:
        """Where the wrapper of a running instance listens; None while no port is mapped. Raises Forbidden."""
        if known := ref.detail.get("url") or self._urls.get(ref.id):
            return machine_url(str(known), self._machines)
        found = [seen.url for seen in await self._list({"id": {"eq": int(ref.id)}}) if seen.url]
        if found:
            self._urls[ref.id] = machine_url(found[0], self._machines)
        return found[0] if found else None

    async def _reach(self, ref: DeploymentRef) -> str:
        if url := await self._url_of(ref):
            return url
        raise NotFound(f"Instance {ref.id} has no wrapper that could be reached.")

    def _over(self, ref: DeploymentRef, seen: wire.Instance, state: DeploymentState, said: str | None) -> Deployment:
        return Deployment(
            state=state,
            reason=said,
            cause=failures.cause_of(seen.status, seen.status_msg),
            workers=failures.workers_of(seen.status, None),
            usd_per_s=seen.usd_per_s,
            provenance={**seen.provenance, **self._driver(ref)},
        )

    async def _health(self, url: str, key: str) -> Any:
        """One knock without a second try: refused, or 502, only means that it is still being provisioned.

        None without an answer in JSON.
        """
        try:
            answer = await self._wrapper.exchange("GET", f"{url}/health", lost=Unavailable, headers=self._headers(key))
        except (Unavailable, UnexpectedReply):
            return None
        if answer.status_code in (401, 403):
            raise AuthFailed("The wrapper on Vast.ai refused its password.")
        try:
            return answer.json()
        except ValueError:
            return None

    async def _doom(self, ref: DeploymentRef) -> str | None:
        """Why the host of a wrapper that does not answer is dead; None if it lives or cannot be asked."""
        try:
            seen = await self._look(ref.id)
        except BackendError:
            return None
        if seen is None:
            return f"Instance {ref.id} is gone."
        if seen.status == "stopped":
            return f"Instance {ref.id} is stopped."
        if doom := doom_of(seen.status, seen.status_msg):
            self._shun(seen)
        return doom

    def _shun(self, seen: wire.Instance) -> None:
        if seen.machine_id is not None:
            self._bad_machines.add(seen.machine_id)

    def _detail(self, seen: wire.Instance) -> dict[str, Any]:
        """What a row of the list says of the place; an address that we do not call is left out."""
        detail: dict[str, Any] = {"machine_id": seen.machine_id}
        with suppress(Forbidden):
            detail |= {"url": machine_url(seen.url, self._machines)} if seen.url else {}
        return detail

    def _driver(self, ref: DeploymentRef) -> dict[str, str]:
        return {"driver": str(driver)} if (driver := ref.detail.get("driver_version")) else {}


def _with(ref: DeploymentRef, **more: Any) -> DeploymentRef:
    return replace(ref, detail={**ref.detail, **more})
