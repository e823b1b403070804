"""The tables. Words as in `docs/reference/glossary.md`; units in names, instants and money as in `storage.types`."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, MetaData
from sqlmodel import Field, SQLModel

from storage.cost_models import BillRead as BillRead
from storage.cost_models import Charge as Charge
from storage.cost_models import Effort as Effort
from storage.cost_models import Payment as Payment
from storage.cost_models import PriceLayer as PriceLayer
from storage.cost_models import Statement as Statement
from storage.cost_models import TrafficProfile as TrafficProfile
from storage.foreign import ID, SENTENCE
from storage.types import Instant, NanoUsd, Said, SaidDocument, document, said_document, word
from storage.verdict_models import Answer as Answer
from storage.verdict_models import DecisionCard as DecisionCard
from storage.verdict_models import Pair as Pair
from storage.verdict_models import SignOff as SignOff
from storage.verdict_models import Snapshot as Snapshot
from storage.verdict_models import Vote as Vote
from words import (
    BlockStatus,
    DeploymentState,
    JobStatus,
    LoadProfile,
    RequestState,
    RunStatus,
    ScheduleStatus,
    StartKind,
)

metadata: MetaData = SQLModel.metadata


class Installation(SQLModel, table=True):
    """One row: who we are. `token` is part of every resource name, so that only ours are ever touched."""

    id: int = Field(default=1, primary_key=True)
    token: str
    simulated: bool
    world: str | None = None
    seed: int | None = Field(default=None, sa_type=BigInteger)
    speed: float = 1.0
    created_at: datetime = Field(sa_type=Instant)


class Collector(SQLModel, table=True):
    """One row: the background process. Both instants are the wall's, not the world's."""

    id: int = Field(default=1, primary_key=True)
    pid: int
    started_at: datetime = Field(sa_type=Instant)
    seen_at: datetime = Field(sa_type=Instant)
    doing: str = ""
    lease_token: int = 0  # grows with every start; jobs carry the token of the process that owns them


class Workflow(SQLModel, table=True):
    """A content-hashed ComfyUI graph with its parameters and files."""

    hash: str = Field(primary_key=True)
    name: str = Field(index=True)
    title: str
    licence: str
    vram_gb: float
    content: dict[str, Any] = document()  # graph, parameters, files
    created_at: datetime = Field(sa_type=Instant)


class Prompt(SQLModel, table=True):
    """One prompt of the neutral set."""

    id: str = Field(primary_key=True)
    stratum: str
    text: str


class Backend(SQLModel, table=True):
    """One product of one provider as last checked."""

    name: str = Field(primary_key=True)
    provider: str
    features: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    simulated: bool
    state: str = Field(default="unchecked", sa_type=Said(SENTENCE))  # ready, or a sentence: the cause, the way out
    checked_at: datetime | None = Field(default=None, sa_type=Instant)


class Offer(SQLModel, table=True):
    """A GPU shape that could be rented from `first_seen_at` to `seen_at`; another price of it is another row."""

    id: int | None = Field(default=None, primary_key=True)
    backend: str = Field(index=True)
    gpu: str
    offer_id: str = Field(sa_type=Said(ID))
    unit: str
    usd_per_unit: Decimal = Field(sa_type=NanoUsd)
    usd_per_s: Decimal = Field(sa_type=NanoUsd)
    source: str
    region: str | None = Field(default=None, sa_type=Said(ID))
    first_seen_at: datetime | None = Field(default=None, sa_type=Instant)  # at this price; None: as it was last
    seen_at: datetime = Field(sa_type=Instant, index=True)
    detail: dict[str, Any] = said_document()


class Run(SQLModel, table=True):
    """A benchmark someone asked for: one workflow on several backends with a load profile."""

    id: int | None = Field(default=None, primary_key=True)
    workflow_hash: str = Field(foreign_key="workflow.hash")
    status: RunStatus = Field(default=RunStatus.QUEUED, sa_type=word(RunStatus))
    gpu: str
    params: dict[str, Any] = document()  # size, steps, cfg
    plan: dict[str, Any] = document()  # backends, warm, cold, idle_timeout_s, max_workers, load
    cap_usd: Decimal = Field(sa_type=NanoUsd)
    cap_gpu_s: int | None = None  # ceiling in seconds of rented GPUs, beside the one in dollars
    simulated: bool
    asked_by: str = ""
    note: str = ""
    asked_at: datetime = Field(sa_type=Instant)
    started_at: datetime | None = Field(default=None, sa_type=Instant)
    ended_at: datetime | None = Field(default=None, sa_type=Instant)
    stop_reason: str | None = Field(default=None, sa_type=Said(SENTENCE))
    left_running: int | None = None  # resources of ours that the providers still listed at the end; 0 is the proof


class Schedule(SQLModel, table=True):
    """A comparison that is replicated: blocks over several days, each of them one run."""

    id: int | None = Field(default=None, primary_key=True)
    workflow_hash: str = Field(foreign_key="workflow.hash")
    status: ScheduleStatus = Field(default=ScheduleStatus.ACTIVE, sa_type=word(ScheduleStatus))
    gpu: str
    params: dict[str, Any] = document()
    plan: dict[str, Any] = document()  # of every block: backends, warm, cold, idle_timeout_s
    cap_usd: Decimal = Field(sa_type=NanoUsd)  # of all blocks together
    seed: int = Field(sa_type=BigInteger)
    simulated: bool
    asked_by: str = ""
    note: str = ""
    asked_at: datetime = Field(sa_type=Instant)
    reason: str | None = None  # why it is paused or over


class Block(SQLModel, table=True):
    """One day-part of one day: the unit of replication. The arms run side by side in the run that it starts."""

    id: int | None = Field(default=None, primary_key=True)
    schedule_id: int = Field(foreign_key="schedule.id", index=True)
    number: int  # from 1, in order of time
    day_part: str  # night, morning, afternoon, evening
    status: BlockStatus = Field(default=BlockStatus.PLANNED, sa_type=word(BlockStatus))
    starts_at: datetime = Field(sa_type=Instant, index=True)  # a whole UTC hour
    latest_at: datetime = Field(sa_type=Instant)  # one that has not begun by then is missed
    run_id: int | None = Field(default=None, foreign_key="run.id", index=True)
    seed: int = Field(sa_type=BigInteger)  # draws the starting order and the A/A split
    reason: str | None = None  # why it was missed or cancelled


class Deployment(SQLModel, table=True):
    """A provisioned resource that costs money while it exists. The row is committed before the paid call."""

    id: int | None = Field(default=None, primary_key=True)
    run_id: int = Field(foreign_key="run.id", index=True)
    key: str = Field(unique=True)
    backend: str
    gpu: str
    half: int | None = None  # of its block, on rented machines: 0 or 1, each with fresh hosts
    state: DeploymentState = Field(default=DeploymentState.INTENDED, sa_type=word(DeploymentState))
    reason: str | None = Field(default=None, sa_type=Said(SENTENCE))
    cause: str | None = None  # the reason as a word, where it never became ready or died
    offer_id: int | None = Field(default=None, foreign_key="offer.id")
    provider_id: str | None = Field(default=None, sa_type=Said(ID))
    ref_detail: dict[str, Any] = said_document()
    idle_timeout_s: int
    usd_per_s: Decimal | None = Field(default=None, sa_type=NanoUsd)
    provenance: dict[str, Any] = said_document()  # gpu_name, driver, region, image, comfyui
    simulated: bool
    intended_at: datetime | None = Field(default=None, sa_type=Instant)
    created_at: datetime | None = Field(default=None, sa_type=Instant)
    ready_at: datetime | None = Field(default=None, sa_type=Instant)
    load_from: datetime | None = Field(default=None, sa_type=Instant)  # its load profile counts from here
    ended_at: datetime | None = Field(default=None, sa_type=Instant)
    lease_token: int | None = None


class Job(SQLModel, table=True):
    """One execution of the workflow = one sample. Durations `*_us` are the provider's own words; the rest are ours."""

    id: int | None = Field(default=None, primary_key=True)
    run_id: int = Field(foreign_key="run.id", index=True)
    deployment_id: int = Field(foreign_key="deployment.id", index=True)
    key: str = Field(unique=True)
    position: int  # order on its lane
    profile: LoadProfile = Field(sa_type=word(LoadProfile))
    slot: int = 0  # closed loop: the jobs of one slot follow each other
    offset_us: int | None = Field(default=None, sa_type=BigInteger)  # open loop: intended so long after `load_from`
    gap_us: int | None = Field(default=None, sa_type=BigInteger)  # closed loop: idle time after the job before it
    prompt_id: str = Field(foreign_key="prompt.id")
    seed: int = Field(sa_type=BigInteger)
    status: JobStatus = Field(default=JobStatus.QUEUED, sa_type=word(JobStatus), index=True)
    reason: str | None = None
    error: str | None = Field(default=None, sa_type=Said(SENTENCE))
    retry_of: int | None = Field(default=None, foreign_key="job.id")
    redraw_of: int | None = Field(default=None, foreign_key="job.id")  # drawn again, as that one met the wrong start
    left_out: str | None = None  # why it enters no cell, though it was measured
    provider_job_id: str | None = Field(default=None, sa_type=Said(ID))
    worker_id: str | None = Field(default=None, sa_type=Said(ID))
    start_kind: StartKind | None = Field(default=None, sa_type=word(StartKind))
    evidence: dict[str, Any] = said_document()
    intended_at: datetime | None = Field(default=None, sa_type=Instant)
    sent_at: datetime | None = Field(default=None, sa_type=Instant)
    accepted_at: datetime | None = Field(default=None, sa_type=Instant)
    deadline_at: datetime | None = Field(default=None, sa_type=Instant)
    last_unfinished_at: datetime | None = Field(default=None, sa_type=Instant)
    first_finished_at: datetime | None = Field(default=None, sa_type=Instant)
    worker_began_at: datetime | None = Field(default=None, sa_type=Instant)  # picked up, by the worker's own clock
    worker_ended_at: datetime | None = Field(default=None, sa_type=Instant)  # done, by the worker's own clock
    queue_us: int | None = Field(default=None, sa_type=BigInteger)
    execution_us: int | None = Field(default=None, sa_type=BigInteger)
    boot_us: int | None = Field(default=None, sa_type=BigInteger)
    load_us: int | None = Field(default=None, sa_type=BigInteger)
    estimated_usd: Decimal | None = Field(default=None, sa_type=NanoUsd)
    lease_token: int | None = None


class WorkerClock(SQLModel, table=True):
    """How far a worker's clock is ahead of ours: what all its jobs together allow."""

    id: int | None = Field(default=None, primary_key=True)
    deployment_id: int = Field(foreign_key="deployment.id", index=True)
    worker_id: str = Field(sa_type=Said(ID))
    offset_us: int = Field(sa_type=BigInteger)  # worker's clock less ours
    uncertainty_us: int = Field(sa_type=BigInteger)  # half the width of what is possible
    pairs: int  # jobs that bound it


class Observation(SQLModel, table=True):
    """A raw terminal reply, kept as it came but for image bytes and within the limits of `storage.foreign`."""

    id: int | None = Field(default=None, primary_key=True)
    job_id: int = Field(foreign_key="job.id", index=True)
    seen_at: datetime = Field(sa_type=Instant)
    status: JobStatus = Field(sa_type=word(JobStatus))
    raw: Any = Field(default=None, sa_column=Column(SaidDocument))


class Image(SQLModel, table=True):
    """One image of a job; bytes live in the blob folder under their SHA-256."""

    id: int | None = Field(default=None, primary_key=True)
    job_id: int = Field(foreign_key="job.id", index=True)
    sha256: str
    thumbnail_sha256: str | None = None
    pixel_sha256: str | None = None
    width: int | None = None
    height: int | None = None
    size_bytes: int = Field(sa_type=BigInteger)
    perceptual_hash: str | None = None
    sharpness: float | None = None  # variance of the Laplacian of luma
    luma_mean: float | None = None
    luma_sd: float | None = None
    colourfulness: float | None = None  # null as well where it was checked before this was measured
    good: bool
    defect: str | None = None  # what the quality checks found


class Event(SQLModel, table=True):
    """Something a person wants to read on the run's page: one sentence."""

    id: int | None = Field(default=None, primary_key=True)
    at: datetime = Field(sa_type=Instant, index=True)
    run_id: int | None = Field(default=None, foreign_key="run.id", index=True)
    deployment_id: int | None = Field(default=None, foreign_key="deployment.id")
    job_id: int | None = Field(default=None, foreign_key="job.id")
    kind: str
    text: str = Field(sa_type=Said(SENTENCE))


class Request(SQLModel, table=True):
    """What the web process asks the collector to do; it holds no keys itself."""

    id: int | None = Field(default=None, primary_key=True)
    kind: str
    arguments: dict[str, Any] = document()
    state: RequestState = Field(default=RequestState.ASKED, sa_type=word(RequestState))
    reply: dict[str, Any] = said_document()
    asked_by: str = ""
    asked_at: datetime = Field(sa_type=Instant)
    answered_at: datetime | None = Field(default=None, sa_type=Instant)
