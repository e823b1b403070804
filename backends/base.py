"""The contract between the collector and a provider: verbs and the values that go in and out.

`docs/reference/backend-contract.md` and `tests/contract` say the same thing in prose and in checks.
Every verb may be called twice; none waits for a job to finish; amounts are Decimal USD, instants UTC-aware.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from words import DeploymentState, Feature, JobStatus, Provider, Reason, WorkerState

NAME_PREFIX = "bakeoff-"  # every resource of ours carries it; nothing else is ever touched


@dataclass(frozen=True, kw_only=True)
class Offer:
    """A GPU shape that can be rented now. `usd_per_s` is the whole rate while capacity is up, per GPU worker."""

    backend: str
    gpu: str  # our name, e.g. "L40S"
    offer_id: str  # what `deploy` needs to get exactly this one; provider's own id
    unit: str  # what the provider quotes: "s" or "h"
    usd_per_unit: Decimal
    usd_per_s: Decimal
    source: str  # e.g. "catalog", "billing.rates", "offer row"
    seen_at: datetime
    region: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class DeploymentSpec:
    """What to provision: one (workflow, GPU, mode) with windows that the cold protocol relies on."""

    workflow: str
    workflow_hash: str
    gpu: str
    idle_timeout_s: int
    max_workers: int = 1
    model_gb: float = 0.0  # bytes to bring to a fresh host, decides disk
    offer: Offer | None = None  # a marketplace needs the row that was chosen


@dataclass(frozen=True, kw_only=True)
class DeploymentRef:
    """How to address a provisioned resource again; enough on its own after a restart."""

    backend: str
    id: str
    key: str  # our name for it, carries NAME_PREFIX
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """What `observe` saw.

    reason: the provider's words, cause: the same as one of ours, where the deployment will take no job (any more).
    workers: how many are in which state, a state with none left out; None where the provider does not tell.
    """

    state: DeploymentState
    reason: str | None = None
    cause: Reason | None = None
    workers: Mapping[WorkerState, int] | None = None
    usd_per_s: Decimal | None = None  # rate of one worker while it is up
    instants: Mapping[str, datetime] = field(default_factory=dict)  # provider's clock, as given
    provenance: Mapping[str, str] = field(default_factory=dict)  # gpu_name, driver, region, image, comfyui
    ref: DeploymentRef | None = None  # when observing learned more of the address (a port, an URL)


@dataclass(frozen=True, kw_only=True)
class LiveResource:
    """Something of ours that costs money now."""

    key: str
    ref: DeploymentRef
    usd_per_s: Decimal | None


@dataclass(frozen=True, kw_only=True)
class JobSpec:
    """One execution. `graph` is a filled ComfyUI graph in API format."""

    graph: Mapping[str, Any]
    timeout_s: float  # execution limit told to the provider where it has one


@dataclass(frozen=True, kw_only=True)
class JobRef:
    """How to address a job again."""

    deployment: DeploymentRef
    id: str


@dataclass(frozen=True, kw_only=True)
class Times:
    """Durations as the provider or its worker reports them, seconds; None where it does not say.

    queue_s: accepted -> picked up by a worker (boot of the worker included where the provider counts it there).
    execution_s: picked up -> finished. boot_s, load_s: parts known from the worker's own stamps.
    began_at, ended_at: picked up and done as the worker's own clock has it, which need not be ours.
    """

    queue_s: float | None = None
    execution_s: float | None = None
    boot_s: float | None = None
    load_s: float | None = None
    began_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Observation:
    """One look at a job. `raw` is the provider's reply without image bytes, kept when terminal."""

    status: JobStatus
    reason: Reason | None = None  # set on every final status but succeeded
    error: str | None = None
    times: Times = Times()
    worker_id: str | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)  # facts for the cold/warm decision
    images: Sequence[bytes] = ()
    raw: Any = None


@dataclass(frozen=True, kw_only=True)
class Charge:
    """One billing line; FOCUS names. `charge_id` is stable, so that a second fetch updates the same row.

    Lines of resources that are not ours are among them: only the tables know whose a line is.
    """

    charge_id: str
    provider: Provider
    resource_id: str  # the deployment's provider id
    resource_name: str | None  # the deployment's key where the row carries it
    sku: str  # gpu, cpu, memory, disk, network, fee; rounding = between a total and its rounded parts
    charge_period_start: datetime
    charge_period_end: datetime
    billed_cost: Decimal | None  # in `currency`; None where what is written there is no number
    raw: Mapping[str, Any]
    product: str = ""  # what the resource is: app, serverless, pod, volume, instance
    meter: str = ""  # the provider's own name of what is billed; one period of one resource has each meter once
    currency: str = "USD"


@dataclass(frozen=True, kw_only=True)
class Payment:
    """Money that went to the provider, or back: a top-up, a transfer; what charges add up to is no payment."""

    payment_id: str
    provider: Provider
    at: datetime
    amount: Decimal | None  # above zero: paid to the provider; None where what is written there is no number
    currency: str
    service: str
    text: str
    raw: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Statement:
    """The provider's own total of a period, to hold the sum of its lines against."""

    provider: Provider
    kind: str  # whose total
    period_start: datetime
    period_end: datetime
    metered_usd: Decimal | None  # before credits
    billed_usd: Decimal | None  # after credits; None where it is not told
    parts: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Account:
    """The money of an account beside its charges, as far as the provider tells."""

    payments: Sequence[Payment] = ()
    statements: Sequence[Statement] = ()


class Backend(Protocol):
    """One product of one provider. Raises only `backends.errors`."""

    name: str
    provider: Provider
    features: frozenset[Feature]

    async def offers(self, gpu: str) -> list[Offer]:
        """What can be rented now, cheapest first; free of charge."""

    async def deploy(self, spec: DeploymentSpec, key: str) -> DeploymentRef:
        """Provision with exactly one paid call; `key` becomes the name, so that a lost reply is found by `live`."""

    async def observe(self, ref: DeploymentRef) -> Deployment:
        """State, instants and rate; never waits."""

    async def teardown(self, ref: DeploymentRef) -> None:
        """Destroy it. Idempotent, gone is success; raises NotYetGone to be called again."""

    async def live(self, prefix: str) -> list[LiveResource]:
        """Everything whose name starts with `prefix` and costs money now."""

    async def submit(self, ref: DeploymentRef, job: JobSpec, key: str) -> JobRef:
        """One paid call, repeated only where it provably never took effect (429, a connection never opened)."""

    async def poll(self, ref: JobRef, wait_s: float = 0) -> Observation:
        """One look; with LONG_POLL it may hold up to `wait_s` world seconds."""

    async def cancel(self, ref: JobRef) -> None:
        """Stop a job; idempotent."""

    async def charges(self, start: datetime, end: datetime) -> list[Charge]:
        """Billing lines of the whole account that overlap [start, end), UTC, without any that is ours left out.

        Raises NotOffered where the plan has no bills to read, AuthFailed where the key may not read them.
        """

    async def account(self, start: datetime, end: datetime) -> Account:
        """Payments and the provider's own totals that touch [start, end), UTC."""

    async def aclose(self) -> None:
        """Release connections."""
