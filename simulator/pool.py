"""Workers and the queue in front of them: scale from zero, pull, boot, load, one job at a time, scale down.

The same machine stands behind a Runpod endpoint, a Modal function and a rented Vast.ai instance (one worker
that never scales down). Only the wire around it differs.
"""

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

from simulator.comfy import Asked
from simulator.engine import Engine, Event
from simulator.laws import FROM_CACHE, BootDraw, Laws, RunDraw

JobState = Literal["queued", "running", "completed", "failed", "timed_out", "cancelled"]
BROKEN_IMAGES = frozenset({"black", "noise", "wrong_size", "truncated", "fewer_steps", "duplicate"})


@dataclass(kw_only=True)
class SimJob:
    """One execution and everything that is true about it. Instants in microseconds; None = has not happened."""

    id: str
    asked: Asked
    accepted_us: int
    limit_us: int | None = None  # execution limit, pick-up to end
    state: JobState = "queued"
    run: RunDraw | None = None
    worker: "SimWorker | None" = None
    start_kind: str | None = None  # cold, restored or warm, once picked up; None: first of a worker that stood ready
    picked_us: int | None = None
    load_us: int = 0
    done_us: int | None = None
    fate: str | None = None  # good, or what went wrong; None until the end
    planned_fate: str = "good"  # decided at pick-up; `fate` is what came of it
    duplicate_of: Asked | None = None
    repeat: bool = False  # this prompt and seed had been picked up here before
    cached: bool = False  # answered from the provider's cache
    end: Event | None = field(default=None, repr=False)

    @property
    def good(self) -> bool:
        """Completed with the picture that was asked for."""
        return self.state == "completed" and self.fate == "good"

    @property
    def final(self) -> bool:
        """Nothing will change any more."""
        return self.state not in ("queued", "running")


@dataclass(kw_only=True)
class SimWorker:
    """One container or host, from the decision to start it until it is gone."""

    id: str
    index: int
    gpu: str
    draw: BootDraw
    created_us: int
    known_as: str  # to the outside; with reused ids one that it shares with workers before it
    state: Literal["initializing", "starting", "idle", "running", "unhealthy", "stopped"] = "initializing"
    pulled_us: int | None = None  # the image is there, the container starts
    ready_us: int | None = None
    crashed_us: int | None = None  # its first crash at the end of a boot
    stopped_us: int | None = None
    lost: bool = False  # died on its own
    jobs: list[SimJob] = field(default_factory=list)
    loaded: str | None = None
    scaledown: Event | None = field(default=None, repr=False)


class Capacity:
    """How many workers of a GPU a provider has at all, shared by its pools."""

    def __init__(self, exists: dict[str, int]) -> None:
        self._free = dict(exists)
        self._waiting: list[Callable[[], None]] = []

    def take(self, gpu: str) -> bool:
        """Reserve one; False if there is none."""
        if self._free.get(gpu, 0) <= 0:
            return False
        self._free[gpu] -= 1
        return True

    def give_back(self, gpu: str) -> None:
        """Release one and let those who wait try again."""
        self._free[gpu] = self._free.get(gpu, 0) + 1
        waiting, self._waiting = self._waiting, []
        for retry in waiting:
            retry()

    def wait(self, retry: Callable[[], None]) -> None:
        """Call `retry` when something is given back; asking again keeps one's place in the line."""
        if retry not in self._waiting:
            self._waiting.append(retry)

    def free(self, gpu: str) -> int:
        """How many could be taken now."""
        return self._free.get(gpu, 0)


class Pool:
    """One deployment's workers and queue. `idle_us` None: workers stay until `close`."""

    def __init__(
        self,
        engine: Engine,
        laws: Laws,
        capacity: Capacity,
        *,
        name: str,
        gpu: str,
        max_workers: int,
        idle_us: int | None,
        on_pick: Callable[["Pool", SimJob], None],
        inputs_per_worker: int = 1,
        on_crash: Callable[["Pool", SimWorker], None] | None = None,
    ) -> None:
        self.engine, self.laws, self.capacity = engine, laws, capacity
        self.name, self.gpu, self.max_workers, self.idle_us = name, gpu, max_workers, idle_us
        self.workers: list[SimWorker] = []
        self.jobs: dict[str, SimJob] = {}
        self.queue: deque[SimJob] = deque()
        self.closed_us: int | None = None
        self._on_pick, self._on_crash = on_pick, on_crash
        self._inputs_per_worker = inputs_per_worker
        self._attempts: dict[tuple[int, str], int] = {}
        self._answered: set[Asked] = set()  # what a cache could give again

    # -- what the wire asks for ---------------------------------------------------------------------------

    def submit(self, job: SimJob) -> None:
        """Queue a job and scale for it."""
        self.jobs[job.id] = job
        self.queue.append(job)
        self.dispatch()

    def cancel(self, job: SimJob) -> None:
        """Stop a job at once; its worker goes on. A finished job stays as it is."""
        if job.final:
            return
        if job in self.queue:
            self.queue.remove(job)
        if job.end:
            job.end.cancel()
        self._finish(job, "cancelled", "cancelled")

    def start_worker(self) -> SimWorker | None:
        """Begin one more worker; None if it would exceed the maximum or nothing is free."""
        if self.closed_us is not None or len(self.alive()) >= self.max_workers:
            return None
        if not self.capacity.take(self.gpu):
            self.capacity.wait(self.dispatch)
            return None
        index = len(self.workers)
        draw = self.laws.boot(self.name, index)
        id, now_us = f"{self.name}-w{index}", self.engine.now_us
        worker = SimWorker(
            id=id, index=index, gpu=self.gpu, draw=draw, created_us=now_us, known_as=self._left_behind() or id
        )
        self.workers.append(worker)
        self.engine.after(draw.pull_us, partial(self._pulled, worker))
        return worker

    def close(self) -> None:
        """The deployment is deleted: workers stop now, open jobs are cancelled."""
        if self.closed_us is not None:
            return
        self.closed_us = self.engine.now_us
        for job in [*self.queue, *(job for job in self.jobs.values() if job.state == "running")]:
            self.cancel(job)  # the queue first: a worker freed by a cancelled job would pick from it
        for worker in self.alive():
            self.stop(worker)

    def alive(self) -> list[SimWorker]:
        """Workers that exist now."""
        return [worker for worker in self.workers if worker.state != "stopped"]

    def dispatch(self) -> None:
        """Give queued jobs to idle workers and start workers for the rest."""
        for worker in self.workers:
            if self.queue and worker.state == "idle":
                self._pick(worker, self.queue.popleft())
        alive = self.alive()
        open_jobs = len(self.queue) + sum(worker.state == "running" for worker in alive)
        for _ in range(math.ceil(open_jobs / self._inputs_per_worker) - len(alive) if self.queue else 0):
            if self.start_worker() is None:
                break

    def visit(self) -> None:
        """A request that takes no time: it boots a worker where none lives and starts an idle one's window anew."""
        alive = self.alive()
        if not alive:
            self.start_worker()
        for worker in alive[:1]:
            if worker.state == "idle" and worker.scaledown:
                worker.scaledown.cancel()
                self._idle(worker)

    def give_up(self, fate: str) -> None:
        """Fail the job that waits longest; no worker took it."""
        if self.queue:
            self._finish(self.queue.popleft(), "failed", fate)

    def stop(self, worker: SimWorker) -> None:
        """End a worker's life now."""
        if worker.state == "stopped":
            return
        worker.state, worker.stopped_us = "stopped", self.engine.now_us
        if worker.scaledown:
            worker.scaledown.cancel()
        self.capacity.give_back(self.gpu)

    def _left_behind(self) -> str | None:
        """The id of a worker that is gone, where the world gives ids out again."""
        if not self.laws.own.ids_reused:
            return None
        held = {worker.known_as for worker in self.alive()}
        return next((worker.known_as for worker in self.workers if worker.known_as not in held), None)

    # -- the states of a worker and a job -----------------------------------------------------------------

    def _pulled(self, worker: SimWorker) -> None:
        if worker.state == "initializing":
            worker.state, worker.pulled_us = "starting", self.engine.now_us
            self.engine.after(worker.draw.boot_us, partial(self._ready, worker))

    def _ready(self, worker: SimWorker) -> None:
        if worker.state == "starting" and worker.draw.crashes:
            worker.state, worker.crashed_us = "unhealthy", self.engine.now_us
            if self._on_crash:
                self._on_crash(self, worker)
        elif worker.state == "starting":
            worker.ready_us = self.engine.now_us
            self._idle(worker)

    def _idle(self, worker: SimWorker) -> None:
        worker.state = "idle"
        self.dispatch()
        if worker.state == "idle" and self.idle_us is not None:
            worker.scaledown = self.engine.after(self.idle_us, partial(self._scale_down, worker))

    def _scale_down(self, worker: SimWorker) -> None:
        if worker.state == "idle":
            self.stop(worker)

    def _pick(self, worker: SimWorker, job: SimJob) -> None:
        if worker.scaledown:
            worker.scaledown.cancel()
        asked = job.asked
        attempt = self._attempts[asked.seed, asked.prompt] = self._attempts.get((asked.seed, asked.prompt), 0) + 1
        job.repeat, job.cached = attempt > 1, asked in self._answered and self.laws.cached(self.name, asked, attempt)
        factor = worker.draw.host_factor * self.laws.hour_factor(self.engine.now_us)
        run = self.laws.run(self.name, asked, attempt, gpu=self.gpu, host_factor=factor)
        run = FROM_CACHE if job.cached else run
        job.start_kind = self._start_kind(worker, job)
        job.load_us = 0 if worker.loaded == asked.model else run.load_us
        job.run, job.worker, job.picked_us, job.state = run, worker, self.engine.now_us, "running"
        earlier = [other for other in worker.jobs if other.good]
        job.planned_fate = "good" if run.fate == "duplicate" and not earlier else run.fate
        job.duplicate_of = earlier[-1].asked if job.planned_fate == "duplicate" else None
        worker.jobs.append(job)
        worker.state, worker.loaded = "running", worker.loaded if job.cached else asked.model
        self._on_pick(self, job)
        self._plan_end(worker, job, run)

    def _start_kind(self, worker: SimWorker, job: SimJob) -> str | None:
        """None: started for something else and ready before this job came, it still has the weights to load.

        A rented machine always stands ready, and its first job is its cold one.
        """
        if worker.jobs:
            return "warm"
        stood = self.idle_us is not None and worker.ready_us is not None and worker.ready_us <= job.accepted_us
        return None if stood else worker.draw.kind

    def _plan_end(self, worker: SimWorker, job: SimJob, run: RunDraw) -> None:
        """Plan the job's own end, or its limit if that comes first."""
        full_us = job.load_us + run.execution_us
        if run.fate == "worker_lost":
            after_us, end = round(full_us * run.share), partial(self._lose, worker, job)
        elif run.fate in ("out_of_memory", "execution_error"):
            after_us = job.load_us + round(run.execution_us * run.share)
            end = partial(self._free, worker, job, "failed", run.fate)
        else:
            after_us, end = full_us, partial(self._free, worker, job, "completed", job.planned_fate)
        if job.limit_us is not None and after_us > job.limit_us:
            after_us, end = job.limit_us, partial(self._free, worker, job, "timed_out", "timeout")
        job.end = self.engine.after(after_us, end)

    def _free(self, worker: SimWorker, job: SimJob, state: JobState, fate: str) -> None:
        self._finish(job, state, fate)
        self._idle(worker)

    def _lose(self, worker: SimWorker, job: SimJob) -> None:
        worker.lost = True
        self._finish(job, "failed", "worker_lost")
        self.stop(worker)
        self.dispatch()

    def _finish(self, job: SimJob, state: JobState, fate: str) -> None:
        was_running = job.state == "running"
        job.state, job.fate, job.done_us = state, fate, self.engine.now_us
        if job.good:
            self._answered.add(job.asked)
        if job.worker and job.picked_us is not None and job.done_us < job.picked_us + job.load_us:
            job.worker.loaded = None  # it ended before the weights were there
        if state == "cancelled" and was_running and job.worker:
            self._idle(job.worker)
