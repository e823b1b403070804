"""Runpod's job API: `/v2/{endpoint_id}/run` and its neighbours.

Source: Runpod documentation, operation reference and send requests, 2026-08-20.
"""

import re
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from simulator.comfy import read_graph, refuse, worker_comfyui_error
from simulator.engine import us
from simulator.pool import SimJob
from simulator.runpod import quotas
from simulator.runpod.endpoint import Endpoint, Job, Outside, times_of, wire_id
from simulator.runpod.results import NO_WORKFLOW, WORKER_LOST, Simulated
from simulator.wire import Reply, Request

if TYPE_CHECKING:
    from simulator.runpod.cloud import RunpodCloud

STATUS = {
    "queued": "IN_QUEUE",
    "running": "IN_PROGRESS",
    "completed": "COMPLETED",
    "failed": "FAILED",
    "timed_out": "TIMED_OUT",
    "cancelled": "CANCELLED",
}
RUN_BODY_LIMIT, RUNSYNC_BODY_LIMIT = 10 * 2**20, 20 * 2**20
RUN_KEPT_US, RUNSYNC_KEPT_US = us(30 * 60), us(60)
DEFAULT_EXECUTION_MS, DEFAULT_TTL_MS = 600_000, 86_400_000
WEEK_MS = 7 * 86_400_000
POLICY_MS = {"executionTimeout": (5_000, WEEK_MS), "ttl": (10_000, WEEK_MS)}
_ROUTES = {
    ("POST", "run"), ("POST", "runsync"), ("GET", "status"), ("GET", "stream"), ("POST", "cancel"),
    ("POST", "retry"), ("POST", "purge-queue"), ("GET", "health"), ("GET", "requests"),
}  # fmt: skip


class JobsApi:
    """The job API of every endpoint. Bodies of its 4xx are not documented: assumed `{"error": text}`."""

    def __init__(self, cloud: "RunpodCloud") -> None:
        self._cloud, self._engine = cloud, cloud.site.engine

    def handle(self, request: Request) -> Reply:
        """Answer one call."""
        found = re.fullmatch(r"/v2/([^/]+)/([a-z-]+)(?:/([^/]+))?", request.path)
        if not found or (request.method, found[2]) not in _ROUTES:
            return _error(404, "not found")
        if not self._cloud.site.key_accepted("runpod", request):
            return Reply(status=401)  # an empty body was seen
        endpoint = self._cloud.endpoint(found[1])
        if endpoint is None:
            return _error(404, "endpoint not found")
        window = quotas.JOBS.get(found[2])
        if window and self._cloud.quotas.take(f"{endpoint.id}/{window.name}", (window,), self._engine.now_us):
            return _error(429, "too many requests")
        return self._answer(endpoint, found[2], found[3], request)

    def _answer(self, endpoint: Endpoint, verb: str, job_id: str | None, request: Request) -> Reply:
        match verb:
            case "run":
                return self._run(endpoint, request)
            case "runsync":
                return self._runsync(endpoint, request)
            case "health":
                return Reply(body=health(endpoint))
            case "requests":
                return Reply(body={"requests": [self.shown(job) for job in endpoint.jobs.values()]})
            case "purge-queue":
                return self._purge(endpoint)
        verbs: dict[str, Callable[[Endpoint, Job], Reply]] = {
            "status": lambda _, job: Reply(body=self.shown(job)),
            "stream": lambda _, job: Reply(body={"status": STATUS[job.attempt.state], "stream": []}),
            "cancel": self._cancel,
            "retry": self._retry,
        }
        job = self._job(endpoint, job_id)
        return verbs[verb](endpoint, job) if job else _error(404, "job not found")

    # -- taking jobs in ----------------------------------------------------------------------------------

    def _run(self, endpoint: Endpoint, request: Request) -> Reply:
        if problem := _problem(request, RUN_BODY_LIMIT):
            return _error(400, problem)
        job = self._accept(endpoint, request.json(), prefix="", kept_us=RUN_KEPT_US)
        return Reply(body={"id": job.id, "status": "IN_QUEUE"})

    def _runsync(self, endpoint: Endpoint, request: Request) -> Reply:
        if problem := _problem(request, RUNSYNC_BODY_LIMIT):
            return _error(400, problem)
        wait = request.query.get("wait", "90000")
        if not wait.isdigit() or not 1000 <= int(wait) <= 300_000:
            return _error(400, "wait must be between 1000 and 300000 milliseconds")
        job = self._accept(endpoint, request.json(), prefix="sync-", kept_us=RUNSYNC_KEPT_US)

        def finished() -> Reply | None:
            return Reply(body=self.shown(job)) if job.attempt.done_us is not None else None

        until_us = self._engine.now_us + us(int(wait) / 1000)
        return Reply(body={"id": job.id, "status": "IN_QUEUE"}, hold=finished, hold_until_us=until_us)

    def _accept(self, endpoint: Endpoint, body: dict[str, Any], *, prefix: str, kept_us: int) -> Job:
        self._cloud.site.ledger.count("runpod", "submit")
        now_us = endpoint.touched_us = self._engine.now_us
        digits = wire_id(endpoint.id, "job", len(endpoint.jobs), length=32)
        uuid = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
        job = Job(
            id=f"{prefix}{uuid}-u1",
            input=body["input"],
            policy=body.get("policy") or {},
            accepted_us=now_us,
            kept_us=kept_us,
            attempt=Outside(),
        )
        endpoint.jobs[job.id] = job
        self._start(endpoint, job)
        ttl_us = int(job.policy.get("ttl", DEFAULT_TTL_MS)) * 1000
        self._engine.at(now_us + ttl_us, partial(self._expire, endpoint, job))
        return job

    def _start(self, endpoint: Endpoint, job: Job) -> None:
        if endpoint.external:
            job.attempt = Outside()
            return
        if refusal := _refusal(job.input):
            # A worker would boot and pick it up to say so; that life is not simulated.
            job.attempt = self._failed(refusal)
            return
        graph = job.input["workflow"]
        limit_ms = job.policy.get("executionTimeout") or endpoint.body["timeout"] or DEFAULT_EXECUTION_MS
        sim = SimJob(
            id=job.id if job.attempts == 1 else f"{job.id}#{job.attempts}",
            asked=read_graph(graph),
            accepted_us=job.accepted_us,
            limit_us=int(limit_ms) * 1000,
        )
        job.attempt = Simulated(job=sim, graph=graph, endpoint=endpoint, site=self._cloud.site)
        endpoint.pool.submit(sim)

    def _failed(self, shown: dict[str, Any]) -> Outside:
        return Outside(state="failed", done_us=self._engine.now_us, shown=shown)

    # -- one job -----------------------------------------------------------------------------------------

    def shown(self, job: Job) -> dict[str, Any]:
        """The job as `/status` shows it. `output`, `error` and `retries` only when there are any."""
        body = {"id": job.id, "status": STATUS[job.attempt.state], **times_of(job)}
        if job.attempt.worker_id:
            body["workerId"] = job.attempt.worker_id
        return body | (job.attempt.outcome() if job.attempt.done_us is not None else {})

    def _job(self, endpoint: Endpoint, job_id: str | None) -> Job | None:
        """None for what was never known, has outlived its ttl, or ended too long ago."""
        job = endpoint.jobs.get(job_id or "")
        if job is None or job.expired:
            return None
        done_us = job.attempt.done_us
        return None if done_us is not None and self._engine.now_us - done_us > job.kept_us else job

    def _cancel(self, endpoint: Endpoint, job: Job) -> Reply:
        self._end(endpoint, job)
        return Reply(body={"id": job.id, "status": STATUS[job.attempt.state]})

    def _end(self, endpoint: Endpoint, job: Job) -> None:
        attempt = job.attempt
        if isinstance(attempt, Simulated):
            endpoint.pool.cancel(attempt.job)
        elif isinstance(attempt, Outside) and attempt.done_us is None:
            if attempt.worker_id:
                endpoint.stopping.setdefault(attempt.worker_id, []).append(job.id)
            attempt.state, attempt.done_us = "cancelled", self._engine.now_us

    def _expire(self, endpoint: Endpoint, job: Job) -> None:
        self._end(endpoint, job)
        job.expired = True

    def _retry(self, endpoint: Endpoint, job: Job) -> Reply:
        """Only what failed or timed out; same id and input, the old output is dropped."""
        if job.attempt.state not in ("failed", "timed_out"):
            return _error(400, "only FAILED or TIMED_OUT jobs can be retried")
        self._cloud.site.ledger.count("runpod", "submit")
        endpoint.touched_us = job.accepted_us = self._engine.now_us
        job.attempts += 1
        self._start(endpoint, job)
        return Reply(body={"id": job.id, "status": "IN_QUEUE"})

    def _purge(self, endpoint: Endpoint) -> Reply:
        queued = [job for job in endpoint.jobs.values() if job.attempt.state == "queued"]
        for job in queued:
            self._end(endpoint, job)
        return Reply(body={"removed": len(queued), "status": "completed"})


def health(endpoint: Endpoint) -> dict[str, Any]:
    """Jobs and workers by state. `idle` and `ready` count scaled-down flex workers too: an endpoint at zero showed
    2 and 2 (Runpod's own plug-in notes, live test gp15, 2026-08-20)."""
    states = [job.attempt.state for job in endpoint.jobs.values()]
    workers = [worker.state for worker in endpoint.pool.alive()]
    asleep = max(0, endpoint.seen_workers - len(workers))
    idle = workers.count("idle") + asleep
    return {
        "jobs": {
            "completed": states.count("completed"),
            "failed": states.count("failed") + states.count("timed_out"),
            "inProgress": states.count("running"),
            "inQueue": states.count("queued"),
            "retried": sum(job.attempts - 1 for job in endpoint.jobs.values()),
        },
        "workers": {
            "idle": idle,
            "initializing": workers.count("initializing") + workers.count("starting"),
            "ready": idle + workers.count("running"),
            "running": workers.count("running"),
            "throttled": endpoint.throttled(),
            "unhealthy": workers.count("unhealthy"),
        },
    }


def _problem(request: Request, limit: int) -> str | None:
    """Why a new job is not taken; None when it is."""
    if len(request.body) > limit:
        return f"request body exceeds {limit // 2**20} MB"
    try:
        body = request.json()
    except ValueError:
        return "body is not valid JSON"
    if not isinstance(body, dict) or "input" not in body:
        return "input is required"
    policy = body.get("policy") or {}
    for name, (least, most) in POLICY_MS.items():
        value = policy.get(name, least)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            return f"policy.{name} must be between {least} and {most} milliseconds"
    return None


def _refusal(given: Any) -> dict[str, Any] | None:
    """What the worker fails with at once; None for a graph that it runs."""
    if not given:
        # "Job has missing field(s): id or input" in the worker, then this (plug-in notes, live test gp15).
        return dict(WORKER_LOST)
    if not isinstance(given, dict) or not given.get("workflow"):
        return {"error": NO_WORKFLOW}
    refused = refuse(given["workflow"])
    return {"error": worker_comfyui_error(refused[1])} if refused else None


def _error(status: int, text: str) -> Reply:
    return Reply(status=status, body={"error": text})
