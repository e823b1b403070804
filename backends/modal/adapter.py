"""Modal as a backend: one app per deployment, one spawned call per job, its times from Modal's own call list."""

import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal
from reprlib import Repr
from typing import Any, TypeVar

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from backends.base import (
    NAME_PREFIX,
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
    Statement,
)
from backends.errors import (
    BackendError,
    FateUnknown,
    InvalidRequest,
    NotFound,
    RateLimited,
    Unavailable,
    UnexpectedReply,
)
from backends.modal.billing import GPUS, charges_of, container_rate, months, rate_of, statement_of, whole_hours
from backends.modal.failures import EXPECTED, RETURNED, named, reason_of, state_of, workers_of
from backends.modal.stamps import evidence_of, times_of, worker_of
from backends.modal.wire import InnerClient
from backends.reading import readable, unreadable
from clock import Clock
from words import STATUS_OF, DeploymentState, Feature, JobStatus, Provider, Reason, WorkerState

T = TypeVar("T")
RATES_LIVE = timedelta(hours=1)
WINDOW_S = (2, 3600)  # scaledown_window, as Modal bounds it
_TRIES = 6
_REMEMBERED = 2000
_LATE_S = 2.0  # world seconds between looks for the line of a call that died: only that names its container
_PROVENANCE = (
    ("gpu_name", "gpu"),
    ("driver", "driver"),
    ("region", "region"),
    ("image", "image_id"),
    ("comfyui", "comfyui"),
)


class ModalBackend:
    """Our own app on Modal, the baseline. `cpu` (physical cores) and `memory_gib` are requested for each container."""

    name = "modal"
    provider = Provider.MODAL
    # No FINDS_JOBS: nothing that Modal lists of a call carries our key.
    features = frozenset({Feature.LONG_POLL, Feature.SCALES_TO_ZERO, Feature.BILLED, Feature.DEPLOYS})

    def __init__(
        self, *, client: InnerClient, clock: Clock, cpu: Decimal = Decimal(4), memory_gib: Decimal = Decimal(32)
    ) -> None:
        self._client, self._clock = client, clock
        self._cpu, self._memory_gib = cpu, memory_gib
        self._rates: tuple[datetime, Mapping[str, Decimal]] | None = None
        self._rows: OrderedDict[str, Mapping[str, Any]] = OrderedDict()  # call id -> its line when it was last seen
        self._seen: dict[str, dict[str, str]] = {}  # app id -> what its containers said of themselves

    async def offers(self, gpu: str) -> list[Offer]:
        modal_gpu = _modal_gpu(gpu)
        rates = await self._ask("billing.rates", self._client.rates)
        offer = Offer(
            backend=self.name,
            gpu=gpu,
            offer_id=modal_gpu,
            unit="s",
            usd_per_unit=rate_of(rates, modal_gpu.rstrip("!")),
            usd_per_s=self._rate(rates, modal_gpu),
            source="billing.rates",
            seen_at=self._clock.now(),
            detail={"cpu_cores": str(self._cpu), "memory_gib": str(self._memory_gib)},
        )
        return [offer]

    async def deploy(self, spec: DeploymentSpec, key: str) -> DeploymentRef:
        modal_gpu = _modal_gpu(spec.gpu)
        if not WINDOW_S[0] <= spec.idle_timeout_s <= WINDOW_S[1]:
            raise InvalidRequest(f"Modal's scaledown window is 2 to 3600 s, not {spec.idle_timeout_s}.")
        app = {
            "name": key,
            "gpu": modal_gpu,
            "cpu": float(self._cpu),
            "memory_gib": float(self._memory_gib),
            "scaledown_s": spec.idle_timeout_s,
            "max_containers": spec.max_workers,
            "tags": {"project": NAME_PREFIX.rstrip("-"), "workflow": spec.workflow, "gpu": spec.gpu},
        }
        app_id = await self._pay("deploy", lambda: self._client.deploy(app))
        return DeploymentRef(backend=self.name, id=app_id, key=key, detail={"gpu": modal_gpu})

    async def observe(self, ref: DeploymentRef) -> Deployment:
        """A deployed app is ready: its first call boots a container."""
        apps = await self._ask("app list", self._client.apps)
        app = next((app for app in apps if app["id"] == ref.id), None)
        if app is None:
            return Deployment(state=DeploymentState.GONE)
        modal_gpu = ref.detail.get("gpu")
        rate = None if modal_gpu is None else self._rate(await self._recent_rates(), modal_gpu)
        return Deployment(
            state=DeploymentState.READY if app["state"] == "deployed" else DeploymentState.PROVISIONING,
            workers=await self._workers(ref),
            usd_per_s=rate,
            instants={"created_at": app["created_at"]},
            provenance=self._seen.get(ref.id) or _asked(modal_gpu),
        )

    async def teardown(self, ref: DeploymentRef) -> None:
        try:
            await self._ask("app stop", lambda: self._client.stop(ref.id))
        except NotFound:
            return

    async def live(self, prefix: str) -> list[LiveResource]:
        """Every app of ours that is not stopped. One without a container costs nothing until somebody calls it."""
        apps = await self._ask("app list", self._client.apps)
        found = []
        for app in apps:
            if app["name"].startswith(prefix):
                with suppress(NotFound):  # stopped since it was listed
                    found.append(await self._live(app))
        return found

    async def submit(self, ref: DeploymentRef, job: JobSpec, key: str) -> JobRef:  # noqa: ARG002 - see FINDS_JOBS
        call_id = await self._pay("spawn", lambda: self._client.spawn(ref.key, job.graph, job.timeout_s))
        return JobRef(deployment=ref, id=call_id)

    async def poll(self, ref: JobRef, wait_s: float = 0) -> Observation:
        until = self._clock.now() + timedelta(seconds=wait_s)
        try:
            state, value = await self._ask("get", lambda: self._client.get(ref.id, wait_s))
        except NotFound as error:
            return _ended(reason_of("not_found", str(error)), str(error), row=None, raw=None)
        row = await self._row(ref)
        if state == "pending":
            running = row is not None and row["status"] == "running"
            status = JobStatus.RUNNING if running else JobStatus.SUBMITTED
            return Observation(status=status, worker_id=worker_of({}, row))
        if state == "done":
            seen = _result(value, row)
            self._seen[ref.deployment.id] = {
                name: str(seen.evidence[of]) for name, of in _PROVENANCE if seen.evidence.get(of)
            }
            return seen
        while not worker_of({}, row) and self._clock.now() < until:  # it died, and the list is late
            await self._clock.sleep(min(_LATE_S, (until - self._clock.now()).total_seconds()))
            row = await self._row(ref)
        end = state_of(state, None if row is None else row["status"])
        if end is None:
            raise UnexpectedReply(f"Modal gave the call back as {state}.", raw=str(value))
        return _ended(reason_of(end, value or ""), value or end, row=row, raw={"state": end, "error": value})

    async def cancel(self, ref: JobRef) -> None:
        try:
            await self._ask("cancel", lambda: self._client.cancel(ref.id))
        except NotFound:
            return

    async def charges(self, start: datetime, end: datetime) -> list[Charge]:
        """Rows of the hourly report; NotOffered where the plan has none (Starter): costs stay estimated then."""
        first, last = whole_hours(start, end)
        try:
            return charges_of(await self._ask("billing.report", lambda: self._client.report(first, last)))
        except ArithmeticError as error:  # the SDK makes numbers of them
            raise UnexpectedReply("Modal's report holds an amount that is no number.") from error

    async def account(self, start: datetime, end: datetime) -> Account:
        """The workspace's own totals of the months that [start, end) touches."""
        found = [await self._summary(month) for month in months(start, end)]
        return Account(statements=found)

    async def _summary(self, month: datetime) -> Statement:
        return statement_of(await self._ask("billing.summary", lambda: self._client.summary(month)))

    async def aclose(self) -> None:
        await self._client.aclose()

    async def _live(self, app: Mapping[str, Any]) -> LiveResource:
        """The app with its GPU, which only its tags tell, and the rate of a container."""
        tags = await self._ask("app tags", lambda: self._client.tags(app["id"]))
        modal_gpu = GPUS.get(tags.get("gpu", ""))
        detail = {} if modal_gpu is None else {"gpu": modal_gpu}
        ref = DeploymentRef(backend=self.name, id=app["id"], key=app["name"], detail=detail)
        rate = None if modal_gpu is None else self._rate(await self._recent_rates(), modal_gpu)
        return LiveResource(key=ref.key, ref=ref, usd_per_s=rate)

    async def _row(self, ref: JobRef) -> Mapping[str, Any] | None:
        """The job's line in Modal's call list, the last that was seen where the list has it no more or cannot be had.

        None where it was never seen, which costs us its times only.
        """
        try:
            rows = await self._ask("function calls", lambda: self._client.calls(ref.deployment.key))
        except BackendError:
            rows = []
        row = next((row for row in rows if row["call_id"] == ref.id), None)
        if row is None:
            return self._rows.get(ref.id)
        self._rows[ref.id] = row
        if len(self._rows) > _REMEMBERED:
            self._rows.popitem(last=False)
        return row

    async def _workers(self, ref: DeploymentRef) -> Mapping[WorkerState, int] | None:
        """The app's containers; None where Modal does not tell, which costs a look nothing else."""
        try:
            return workers_of(await self._ask("stats", lambda: self._client.stats(ref.key)))
        except BackendError:
            return None

    async def _recent_rates(self) -> Mapping[str, Decimal]:
        now = self._clock.now()
        if self._rates is None or now - self._rates[0] > RATES_LIVE:
            self._rates = now, await self._ask("billing.rates", self._client.rates)
        return self._rates[1]

    def _rate(self, rates: Mapping[str, Decimal], modal_gpu: str) -> Decimal:
        return container_rate(rates, modal_gpu.rstrip("!"), cpu=self._cpu, memory_gib=self._memory_gib)

    async def _ask(self, verb: str, call: Callable[[], Awaitable[T]]) -> T:
        try:
            return await call()
        except EXPECTED as error:
            raise named(error, verb, Unavailable) from error

    async def _pay(self, verb: str, call: Callable[[], Awaitable[T]]) -> T:
        """A call with a price: repeated only where Modal said that it did nothing (throttled)."""

        async def once() -> T:
            try:
                return await call()
            except EXPECTED as error:
                raise named(error, verb, FateUnknown) from error

        retrying = AsyncRetrying(
            sleep=self._clock.sleep,
            stop=stop_after_attempt(_TRIES),
            wait=wait_exponential(max=60),
            retry=retry_if_exception_type(RateLimited),
            reraise=True,
        )
        return await retrying(once)


class _Brief(Repr):
    """A value's beginning, whatever its size; of bytes only their number."""

    def repr_bytes(self, value: bytes, _level: int) -> str:
        return f"{len(value):,} bytes"


def _result(value: Any, row: Mapping[str, Any] | None) -> Observation:
    """The end of a call that returned: a value that cannot be read is a failure with what it said."""
    try:
        return observation_of(value, row)
    except UnexpectedReply as error:
        return unreadable(error, worker_of({}, row))


@readable("Modal", _Brief().repr)
def observation_of(result: Any, row: Mapping[str, Any] | None) -> Observation:
    """What our deployed function returned, with the call's line in Modal's list. Raises UnexpectedReply."""
    if not isinstance(result, dict) or "ok" not in result:
        raise UnexpectedReply(
            "The call returned something that is not our function's result.", raw=_Brief().repr(result)
        )
    images = tuple(image for image in result.get("images") or () if isinstance(image, bytes))
    raw = {**result, "images": [_digest(image) for image in images]}
    if not result["ok"] or not images:
        kind, message = _said(result.get("error"))
        return _ended(reason_of(RETURNED, f"{kind}: {message}"), message, row=row, raw=raw, result=result)
    return Observation(
        status=JobStatus.SUCCEEDED,
        times=times_of(result, row),
        worker_id=worker_of(result, row),
        evidence=evidence_of(result, row),
        images=images,
        raw=raw,
    )


def _said(error: Any) -> tuple[str, str]:
    """Type and message of an error of our function; a result without an image and without an error has neither."""
    if error is None:
        return "no_image", "No image came with the result."
    return (str(error.get("type")), str(error.get("message"))) if isinstance(error, Mapping) else ("", str(error))


def _ended(
    reason: Reason, error: str, *, row: Mapping[str, Any] | None, raw: Any, result: Mapping[str, Any] | None = None
) -> Observation:
    stamps = result or {}
    return Observation(
        status=STATUS_OF[reason],
        reason=reason,
        error=error,
        times=times_of(stamps, row),
        worker_id=worker_of(stamps, row),
        evidence=evidence_of(stamps, row),
        raw=raw,
    )


def _asked(modal_gpu: str | None) -> dict[str, str]:
    """What is known of the place before any container spoke: the GPU that was asked for."""
    return {} if modal_gpu is None else {"gpu_name": modal_gpu.rstrip("!")}


def _digest(image: bytes) -> dict[str, Any]:
    return {"sha256": hashlib.sha256(image).hexdigest(), "bytes": len(image)}


def _modal_gpu(gpu: str) -> str:
    if gpu not in GPUS:
        raise InvalidRequest(f"Modal has no GPU '{gpu}'. Known: {', '.join(GPUS)}.")
    return GPUS[gpu]
