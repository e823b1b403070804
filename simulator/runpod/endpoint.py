"""One serverless endpoint: its settings, its workers and its jobs. Jobs are served by the pool, or by real workers."""

import hashlib
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal, Protocol

from simulator.engine import US
from simulator.ledger import iso
from simulator.pool import JobState, Pool, SimWorker
from simulator.runpod.gpus import DATA_CENTER, GpuType

_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
# An endpoint with this variable in its `env` has no simulated workers: the official SDK's worker loop takes its jobs.
EXTERNAL_WORKERS = "SIMULATOR_EXTERNAL_WORKERS"


class Attempt(Protocol):
    """One execution of a job, whoever does it. Instants in microseconds."""

    @property
    def state(self) -> JobState: ...
    @property
    def picked_us(self) -> int | None: ...
    @property
    def done_us(self) -> int | None: ...
    @property
    def worker_id(self) -> str | None: ...

    def outcome(self) -> dict[str, Any]:
        """`output`, `error`, `retries` of a finished attempt: whichever the platform shows."""


@dataclass(kw_only=True)
class Outside:
    """An attempt by a worker that is not simulated, or one that no worker ever saw."""

    state: JobState = "queued"
    picked_us: int | None = None
    done_us: int | None = None
    worker_id: str | None = None
    shown: dict[str, Any] = field(default_factory=dict)

    def outcome(self) -> dict[str, Any]:
        """What the worker posted."""
        return self.shown


@dataclass(kw_only=True)
class Job:
    """A job on the wire. `attempt` is its latest."""

    id: str
    input: Any
    policy: dict[str, Any]
    accepted_us: int
    kept_us: int  # how long its result is kept after its end
    attempt: Attempt
    attempts: int = 1
    expired: bool = False  # its ttl ran out: deleted, whatever it was doing


@dataclass(kw_only=True)
class Release:
    """One version of the settings."""

    version: int
    at_us: int
    diff: list[dict[str, Any]]


@dataclass(kw_only=True)
class Endpoint:
    """`body`: the settings as the wire shows them."""

    id: str
    body: dict[str, Any]
    pool: Pool
    gpu: GpuType | None  # the card that its workers get; None: nothing of the selection exists
    usd_per_s: Decimal
    created_us: int
    touched_us: int  # last job
    deleted_us: int | None = None
    jobs: dict[str, Job] = field(default_factory=dict)
    releases: list[Release] = field(default_factory=list)
    stopping: dict[str, list[str]] = field(default_factory=dict)  # real worker -> jobs it is told to stop
    _ids: list[str] = field(default_factory=list)  # wire id by index of the pool's worker
    _slots: list[SimWorker] = field(default_factory=list)  # the latest holder of each slot

    @property
    def name(self) -> str:
        """The caller's name for it."""
        return str(self.body["name"])

    @property
    def external(self) -> bool:
        """Served by real workers."""
        return EXTERNAL_WORKERS in self.body["env"]

    def worker_id(self, worker: SimWorker) -> str:
        """The wire's id of a worker of the pool.

        A flex worker keeps its id when it scales down and up again, so the same id does not prove the same life
        (inferred from jobs seen in the wild): ids belong to slots, and a slot gets a new one when its worker died.
        """
        for fresh in self.pool.workers[len(self._ids) :]:
            free = (n for n, held in enumerate(self._slots) if _gone_by(held, fresh.created_us))
            slot = next(free, len(self._slots))
            kept = None
            if slot < len(self._slots) and (self.pool.laws.own.ids_reused or not self._slots[slot].lost):
                kept = self._ids[self._slots[slot].index]
            self._slots[slot : slot + 1] = [fresh]
            self._ids.append(kept or wire_id(self.id, "worker", fresh.index))
        return self._ids[worker.index]

    @property
    def seen_workers(self) -> int:
        """Slots that ever held a worker."""
        if self.pool.workers:
            self.worker_id(self.pool.workers[-1])
        return len(self._slots)

    def throttled(self) -> int:
        """Workers that are wanted and that no capacity can be found for."""
        missing = min(len(self.pool.queue), self.pool.max_workers - len(self.pool.alive()))
        return max(0, missing) if self.gpu is None or not self.pool.capacity.free(self.pool.gpu) else 0


def _gone_by(worker: SimWorker, at_us: int) -> bool:
    return worker.stopped_us is not None and worker.stopped_us <= at_us


def wire_id(*key: object, length: int = 14) -> str:
    """A lower-case id as Runpod's look, always the same for the same key."""
    number = int.from_bytes(hashlib.sha256("/".join(map(str, key)).encode()).digest()[:16])
    digits = []
    for _ in range(length):
        number, digit = divmod(number, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(digits)


WorkerStatus = Literal["RUNNING", "IDLE", "INITIALIZING", "THROTTLED", "UNHEALTHY"]
_STATUS: dict[str, WorkerStatus] = {
    "initializing": "INITIALIZING",
    "starting": "INITIALIZING",  # "starting up, not yet ready" (REST v2), though billed already
    "idle": "IDLE",
    "running": "RUNNING",
    "unhealthy": "UNHEALTHY",
    "stopped": "IDLE",  # listed although it left
}


def listed_workers(endpoint: Endpoint, now_us: int) -> list[dict[str, Any]]:
    """The active workers as `GET /v2/serverless/{id}/workers` lists them; scaled-down ones are not returned."""
    common = {"isStale": False, "version": endpoint.releases[-1].version, "image": endpoint.body["image"]}
    common["gpuCount"] = endpoint.body["gpu"]["count"]
    rows = [_placed(endpoint, worker, now_us) for worker in endpoint.pool.workers if _listed(worker, now_us)]
    rows += [_unplaced(endpoint, number) for number in range(endpoint.throttled())]
    return [{**common, **row} for row in rows]


def _listed(worker: SimWorker, now_us: int) -> bool:
    """Some seconds after it came, and until some seconds after it left."""
    as_of_us = now_us - worker.draw.lag_us
    return worker.created_us <= as_of_us and (worker.stopped_us is None or as_of_us < worker.stopped_us)


def _placed(endpoint: Endpoint, worker: SimWorker, now_us: int) -> dict[str, Any]:
    # "Null if it has not started": until then the image is being pulled. By the worker's own clock.
    started_us = None if worker.pulled_us is None else worker.pulled_us + worker.draw.clock_us
    return {
        "id": endpoint.worker_id(worker),
        "status": _STATUS[worker.state],
        "uptimeSeconds": None if started_us is None else (now_us - started_us) // US,
        "gpuTypeId": endpoint.gpu.id if endpoint.gpu else None,
        "dataCenterId": DATA_CENTER["id"],
        "startedAt": iso(started_us),
    }


def _unplaced(endpoint: Endpoint, number: int) -> dict[str, Any]:
    nulls = dict.fromkeys(("uptimeSeconds", "gpuTypeId", "dataCenterId", "startedAt"))
    return {"id": wire_id(endpoint.id, "throttled", number), "status": "THROTTLED", **nulls}


def times_of(job: Job) -> dict[str, int]:
    """`delayTime` and `executionTime`, whole milliseconds, as far as they are known."""
    attempt, times = job.attempt, {}
    if attempt.picked_us is not None:
        times["delayTime"] = round((attempt.picked_us - job.accepted_us) / 1000)
        if attempt.done_us is not None:
            times["executionTime"] = round((attempt.done_us - attempt.picked_us) / 1000)
    return times
