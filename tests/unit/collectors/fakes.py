"""A provider in memory that keeps the backend contract, and the desk at which a collector works with it."""

import asyncio
import atexit
import io
import shutil
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from PIL import Image, ImageDraw
from sqlalchemy import Engine
from sqlmodel import Session, SQLModel, select

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
    Times,
)
from backends.errors import NotFound
from clock import Clock, VirtualClock
from collectors.context import Context
from collectors.service import Service
from storage.blobs import Blobs
from storage.db import DataFolder, open_engine
from storage.migrate import upgrade
from storage.models import Deployment as DeploymentRow
from storage.models import Event, Installation, Job, Run
from storage.plans import RunPlan, insert_run
from storage.writer import Writer
from tests import virtual
from words import DeploymentState, Feature, JobStatus, Provider, Reason

T = TypeVar("T")
TOKEN = "bakeoff-t"
RATE = Decimal("0.0005")
SIZE = {"width": 256, "height": 256}
SERVERLESS = frozenset({Feature.SCALES_TO_ZERO, Feature.DEPLOYS})
RENTED = frozenset({Feature.FRESH_HOST_IS_COLD, Feature.DEPLOYS, Feature.FINDS_JOBS})


@dataclass
class FakeJob:
    """What the provider knows of a job; `outcome` replaces the good picture at its end."""

    id: str
    key: str
    accepted_at: datetime
    image: bytes
    cancelled: bool = False


@dataclass
class FakeRental:
    """What the provider knows of a deployment."""

    ref: DeploymentRef
    created_at: datetime
    gone: bool = False
    dead: str | None = None


@dataclass
class FakeBackend:
    """`plan(verb, error, took_effect=..)` makes the next call of that verb fail, before or after its effect."""

    clock: Clock
    name: str = "alpha"
    provider: Provider = Provider.RUNPOD
    features: frozenset[Feature] = SERVERLESS
    ready_after_s: float = 30.0
    queue_s: float = 2.0
    run_s: float = 8.0
    gpus: tuple[str, ...] = ("L40S", "H100")
    offers_each: int = 3
    rate: Decimal = RATE  # of the first offer
    outcome: Callable[[FakeJob], Observation | None] = lambda _job: None
    rentals: dict[str, FakeRental] = field(default_factory=dict)
    jobs: dict[str, FakeJob] = field(default_factory=dict)
    bills: list[Charge] = field(default_factory=list)
    money: Account = field(default_factory=Account)
    calls: list[tuple[str, str]] = field(default_factory=list)  # verb, key or id
    specs: list[DeploymentSpec] = field(default_factory=list)
    _errors: dict[str, list[tuple[Exception, bool]]] = field(default_factory=dict)
    closed: bool = False

    def plan(self, verb: str, *errors: Exception, took_effect: bool = False) -> None:
        """Queue errors for a verb."""
        self._errors.setdefault(verb, []).extend((error, took_effect) for error in errors)

    def count(self, verb: str) -> int:
        """How often a verb was called."""
        return Counter(name for name, _ in self.calls)[verb]

    def standing(self) -> list[FakeRental]:
        """What costs money now."""
        return [rental for rental in self.rentals.values() if not rental.gone]

    async def _act(self, verb: str, what: str, effect: Callable[[], T]) -> T:
        self.calls.append((verb, what))
        await asyncio.sleep(0)
        planned = self._errors.get(verb)
        if not planned:
            return effect()
        error, took_effect = planned.pop(0)
        if took_effect:
            effect()
        raise error

    # ------------------------------------------------------------ the verbs

    async def offers(self, gpu: str) -> list[Offer]:
        """A few, the cheapest first; none of a GPU that it has not got."""
        return await self._act("offers", gpu, lambda: self._offers(gpu))

    async def deploy(self, spec: DeploymentSpec, key: str) -> DeploymentRef:
        """Rent."""
        self.specs.append(spec)
        return await self._act("deploy", key, lambda: self._rent(key).ref)

    async def observe(self, ref: DeploymentRef) -> Deployment:
        """Provisioning for a while, then ready."""
        return await self._act("observe", ref.key, lambda: self._seen(ref))

    async def teardown(self, ref: DeploymentRef) -> None:
        """Gone is success."""
        await self._act("teardown", ref.key, lambda: self._destroy(ref.id))

    async def live(self, prefix: str) -> list[LiveResource]:
        """What stands and starts with the prefix."""
        return await self._act("live", prefix, lambda: self._live(prefix))

    async def submit(self, ref: DeploymentRef, job: JobSpec, key: str) -> JobRef:
        """Take a job; refuses on a deployment that is gone."""
        return await self._act("submit", key, lambda: JobRef(deployment=ref, id=self._take(ref, job, key).id))

    async def poll(self, ref: JobRef, wait_s: float = 0) -> Observation:
        """Queued, running, over; holds for news where it can."""
        seen = await self._act("poll", ref.id, lambda: self._look(ref))
        if not wait_s or seen.status.final:
            return seen
        job = self.jobs[ref.id]
        ends_at = job.accepted_at + timedelta(seconds=self.queue_s + self.run_s)
        await self.clock.sleep_until(min(ends_at, self.clock.now() + timedelta(seconds=wait_s)))
        return self._look(ref)

    async def cancel(self, ref: JobRef) -> None:
        """Idempotent."""
        await self._act("cancel", ref.id, lambda: self._cancel(ref.id))

    async def charges(self, start: datetime, end: datetime) -> list[Charge]:
        """The bills that a test put there and that overlap the window."""

        def read() -> list[Charge]:
            return [bill for bill in self.bills if bill.charge_period_start < end and bill.charge_period_end > start]

        return await self._act("charges", "", read)

    async def account(self, start: datetime, end: datetime) -> Account:  # noqa: ARG002
        """What a test put there."""

        def read() -> Account:
            return self.money

        return await self._act("account", "", read)

    async def aclose(self) -> None:
        """Remember it."""
        self.closed = True

    # ------------------------------------------------------------ what they do

    def _offers(self, gpu: str) -> list[Offer]:
        if gpu not in self.gpus:
            return []
        return [
            Offer(
                backend=self.name,
                gpu=gpu,
                offer_id=f"o{number}",
                unit="s",
                usd_per_unit=self.rate + number * RATE / 10,
                usd_per_s=self.rate + number * RATE / 10,
                source="fake",
                seen_at=self.clock.now(),
            )
            for number in range(self.offers_each)
        ]

    def _rent(self, key: str) -> FakeRental:
        ref = DeploymentRef(backend=self.name, id=f"{self.name}-{len(self.rentals)}", key=key)
        self.rentals[ref.id] = FakeRental(ref, self.clock.now())
        return self.rentals[ref.id]

    def _seen(self, ref: DeploymentRef) -> Deployment:
        rental = self.rentals.get(ref.id)
        if rental is None or rental.gone:
            return Deployment(state=DeploymentState.GONE)
        if rental.dead:
            return Deployment(state=DeploymentState.FAILED, reason=rental.dead)
        ready = self.clock.now() >= rental.created_at + timedelta(seconds=self.ready_after_s)
        state = DeploymentState.READY if ready else DeploymentState.PROVISIONING
        return Deployment(state=state, usd_per_s=RATE, provenance={"gpu_name": "fake"})

    def _destroy(self, rental_id: str) -> None:
        if rental_id in self.rentals:
            self.rentals[rental_id].gone = True

    def _live(self, prefix: str) -> list[LiveResource]:
        standing = [rental for rental in self.standing() if rental.ref.key.startswith(prefix)]
        return [LiveResource(key=rental.ref.key, ref=rental.ref, usd_per_s=RATE) for rental in standing]

    def _take(self, ref: DeploymentRef, _job: JobSpec, key: str) -> FakeJob:
        if self.rentals[ref.id].gone:
            raise NotFound(f"{ref.id} is gone")
        job_id = key if Feature.FINDS_JOBS in self.features else f"{self.name}-job-{len(self.jobs)}"
        self.jobs[job_id] = FakeJob(job_id, key, self.clock.now(), picture(len(self.jobs)))
        return self.jobs[job_id]

    def _look(self, ref: JobRef) -> Observation:
        job = self.jobs.get(ref.id)
        if job is None:
            raise NotFound(f"no job {ref.id}")
        if job.cancelled:
            return Observation(status=JobStatus.CANCELLED, reason=Reason.STOPPED)
        age_s = (self.clock.now() - job.accepted_at).total_seconds()
        if age_s < self.queue_s:
            return Observation(status=JobStatus.SUBMITTED)
        if age_s < self.queue_s + self.run_s:
            return Observation(status=JobStatus.RUNNING)
        return self.outcome(job) or Observation(
            status=JobStatus.SUCCEEDED,
            times=Times(queue_s=self.queue_s, execution_s=self.run_s),
            worker_id="w1",
            images=[job.image],
            raw={"id": job.id, "status": "COMPLETED"},
        )

    def _cancel(self, job_id: str) -> None:
        if job_id in self.jobs:
            self.jobs[job_id].cancelled = True


def picture(number: int) -> bytes:
    """A 256 px PNG that no other number gives."""
    image = Image.linear_gradient("L").convert("RGB")
    ImageDraw.Draw(image).rectangle(
        (number % 200, 20, number % 200 + 40, 60 + number // 200), fill=(200, 40, number % 256)
    )
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


@dataclass
class Desk:
    """One data folder, some providers, and a collector's context; `restart` gives the next collector's."""

    folder: DataFolder
    clock: VirtualClock
    ctx: Context
    engine: Engine

    @property
    def backend(self) -> FakeBackend:
        """The first provider."""
        first = next(iter(self.ctx.backends.values()))
        assert isinstance(first, FakeBackend)
        return first

    def ask(self, *, warm: int = 2, cold: int = 1, cap: str = "50", **more: Any) -> int:
        """Insert a run on all providers, as a person does."""
        given = {"backends": tuple(self.ctx.backends), "gpu": "L40S", "params": SIZE, "idle_timeout_s": 10} | more
        plan = RunPlan(workflow="flux-dev", warm=warm, cold=cold, cap_usd=Decimal(cap), **given)
        with Session(self.engine) as session:
            run_id = insert_run(session, plan, now=self.clock.now())
            session.commit()
        return run_id

    def service(self, **more: Any) -> Service:
        """A collector on this desk."""
        return Service(self.ctx, pid=1, **more)

    def restart(self) -> "Desk":
        """The same tables and providers under a collector that knows nothing; the one before is dead."""
        backends = self.ctx.backends
        return Desk(self.folder, self.clock, context(self.folder, self.clock, backends), self.engine)

    def rows(self, model: type[SQLModel]) -> list[Any]:
        """All rows of a table, by id."""
        with Session(self.engine) as session:
            return sorted(session.exec(select(model)).all(), key=lambda row: row.id)

    def jobs(self) -> list[Job]:
        """All jobs."""
        return self.rows(Job)

    def run(self) -> Run:
        """The only run."""
        (run,) = self.rows(Run)
        return run

    def deployments(self) -> list[DeploymentRow]:
        """All deployments."""
        return self.rows(DeploymentRow)

    def told(self, kind: str | None = None) -> list[str]:
        """What happened, in sentences."""
        return [event.text for event in self.rows(Event) if kind in (None, event.kind)]

    def reasons(self) -> list[str | None]:
        """Why each job ended."""
        return [job.reason for job in self.jobs()]

    def change(self, row: SQLModel, **values: Any) -> None:
        """Write into a row behind the collector's back."""
        with Session(self.engine) as session:
            fresh = session.get_one(type(row), row.id)  # type: ignore[attr-defined]
            for name, value in values.items():
                setattr(fresh, name, value)
            session.commit()


def context(folder: DataFolder, clock: Clock, backends: Mapping[str, Any]) -> Context:
    """A fresh collector's context."""
    return Context(
        clock=clock,
        writer=Writer(open_engine(folder.db)),
        backends=backends,
        blobs=Blobs(folder.blobs),
        token=TOKEN,
        simulated=True,
    )


def play(
    path: Path,
    scenario: Callable[[Desk], Awaitable[T]],
    *backends: Callable[[Clock], FakeBackend],
) -> T:
    """Set the desk up in `path` and play the scenario in virtual time."""

    async def scene(clock: VirtualClock) -> T:
        folder = DataFolder(path)
        folder.create()
        shutil.copy(fresh_tables(), folder.db)
        engine = open_engine(folder.db)
        with Session(engine) as session:
            session.add(Installation(token=TOKEN, simulated=True, created_at=clock.now()))
            session.commit()
        made = {each.name: each for each in (make(clock) for make in backends or (FakeBackend,))}
        try:
            return await scenario(Desk(folder, clock, context(folder, clock, made), engine))
        finally:
            engine.dispose()

    return virtual.run(scene)


@cache
def fresh_tables() -> Path:
    """Migrated once for all desks of this process."""
    path = Path(tempfile.mkdtemp()) / "fresh.db"
    upgrade(path)
    atexit.register(shutil.rmtree, path.parent)
    return path


async def until(clock: VirtualClock, happened: Callable[[], bool], *, within_s: float = 3600) -> None:
    """Wait in tenths of a second until something is so."""
    for _ in range(round(within_s * 10)):
        if happened():
            return
        await clock.sleep(0.1)
    raise AssertionError("it never happened")


async def killed(task: "asyncio.Task[Any]") -> None:
    """End a task as a dying process ends it: it never writes again."""
    task.cancel()
    await asyncio.wait([task])


def reasons_of(jobs: Iterable[Job]) -> list[str]:
    """Status and reason of each job, for reading."""
    return [f"{job.status.value}:{job.reason}" for job in jobs]
