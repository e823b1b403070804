"""The API wrapper on a rented instance: ComfyUI behind a small job queue, one at a time.

Ground: ai-dock/comfyui-api-wrapper at e1d04af (2026-05-08), run in front of a real ComfyUI, and its README's table of
status codes; the portal in front of it as vast-ai/base-image builds it (2026-08-21).
"""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from simulator.comfy import read_graph, refuse
from simulator.engine import US, us
from simulator.pool import SimJob
from simulator.site import Site
from simulator.vast.history import cached_nodes, history
from simulator.vast.rental import Rental
from simulator.wire import Reply, Request

COMFYUI = "0.12.1"
_PORTAL_UP_US = us(10)  # the container runs, but nothing listens yet (assumed)
_POSTPROCESS_US = us(0.004)  # as observed
_SYNC_STEP_US = us(0.5)  # /generate/sync looks for its result every 0.5 s
_SYNC_LIMIT_US = us(6 * 3600)
# A node that raises is hidden behind the wrapper's own fault, out of memory included.
_HIDDEN = '"Result" object has no field "comfyui_job_id"'
# The reply's HTTP status says how the job ended, also on /result (README, "Error handling").
_STATUS_OF = {"completed": 200, "failed": 500, "cancelled": 499}


@dataclass(kw_only=True)
class Task:
    """One request in the wrapper's memory."""

    id: str
    graph: Mapping[str, Any]
    accepted_us: int
    job: SimJob | None  # None: ComfyUI refused the graph
    refusal: str | None = None
    with_data: bool = False
    with_history: bool = False
    clock_us: int = 0  # how far the host's clock is ahead


class Wrapper:
    """The service behind one port of each rented instance."""

    def __init__(self, site: Site, at_port: Callable[[int | None], Rental | None]) -> None:
        self._site, self._at_port = site, at_port

    def handle(self, request: Request) -> Reply:
        """Answer as the instance on that port would: not at all before its container runs."""
        rental, now_us = self._at_port(request.port), self._site.engine.now_us
        worker = rental.worker if rental else None
        if rental is None or worker is None or rental.status(now_us) != "running":
            return Reply(cut="reset")
        if worker.pulled_us is None or now_us < worker.pulled_us + _PORTAL_UP_US:
            return Reply(cut="reset")
        if request.bearer != rental.password:
            return Reply(status=401)
        if worker.ready_us is None and worker.crashed_us is None:
            return Reply(status=502)  # the portal answers; the wrapper waits for the provisioning
        return self._route(rental, request)

    def _route(self, rental: Rental, request: Request) -> Reply:
        verb, _, rest = request.path.strip("/").partition("/")
        match request.method, verb, rest:
            case "GET", "health", "":
                return Reply(body=self._health(rental))
            case "POST", "generate", "" | "sync":
                return self._generate(rental, request, sync=rest == "sync")
            case "GET", "result", _ if rest:
                return self._result(rental, rest)
            case "POST", "cancel", _ if rest:
                return self._cancel(rental, rest)
            case "GET", "queue-info", "":
                return Reply(body=_queues(rental))
        return Reply(status=404, body={"detail": "Not Found"})

    def _generate(self, rental: Rental, request: Request, *, sync: bool) -> Reply:
        try:
            given = _input(request.json())
        except ValueError as error:
            return _unprocessable(str(error))
        self._site.ledger.count("vast", "submit")
        header = request.headers.get("x-include-comfyui-response", "")
        task = self._accept(rental, given, with_history=header.lower() in ("1", "true"))
        if not sync:
            return Reply(status=202, body=_result(task, "pending", "Request queued", timings=_queued(task)))
        return Reply(hold=lambda: self._when_done(rental, task), hold_until_us=task.accepted_us + _SYNC_LIMIT_US)

    def _accept(self, rental: Rental, given: Mapping[str, Any], *, with_history: bool) -> Task:
        now_us, graph = self._site.engine.now_us, given["workflow_json"]
        # Any request id is taken, also one that was used before: then it simply runs again.
        request_id = str(given.get("request_id") or f"{rental.id}-{len(rental.pool.jobs)}")
        task = Task(
            id=request_id,
            graph=graph,
            accepted_us=now_us,
            job=None,
            with_data=bool(given.get("return_outputs_as_base64")),
            with_history=with_history,
            clock_us=rental.worker.draw.clock_us if rental.worker else 0,
        )
        rental.results[request_id] = task
        if (refused := refuse(graph, version=COMFYUI)) is not None:
            errors = refused[1].get("node_errors", {}) if refused[1] else {}
            task.refusal = f"Generation failed: ComfyUI node errors: {errors}"  # {} for an unknown node: no cause
            return task
        asked = read_graph(graph)
        if (model := self._site.world.models.get(asked.model)) is None or rental.host.gpu not in model.step:  # type: ignore[call-overload]
            task.refusal = _HIDDEN  # the world has no law for this model on this GPU: it fails as a node that raises
            return task
        serial = "" if request_id not in rental.pool.jobs else f"#{len(rental.pool.jobs)}"
        task.job = SimJob(id=request_id + serial, asked=asked, accepted_us=now_us)
        rental.pool.submit(task.job)
        return task

    def _when_done(self, rental: Rental, task: Task) -> Reply | None:
        """The sync reply, on the wrapper's next look; a host that dies takes the connection with it."""
        job, now_us = task.job, self._site.engine.now_us
        if rental.status(now_us) != "running":
            return Reply(cut="reset")
        if job is not None and not job.final:
            return None
        done_us = task.accepted_us if job is None or job.done_us is None else job.done_us
        looks = -(-(done_us - task.accepted_us) // _SYNC_STEP_US)
        look_us = task.accepted_us + looks * _SYNC_STEP_US
        if now_us < look_us:
            self._site.engine.at(look_us, lambda: None)
            return None
        return self._reply(rental, task)

    def _result(self, rental: Rental, request_id: str) -> Reply:
        task = rental.results.get(request_id)
        if task is None:
            gone = {"id": request_id, "message": "Request ID not found", "status": "failed"}
            return Reply(status=404, body=gone | {"comfyui_response": {}, "output": [], "timings": {}})
        if task.job is not None and not task.job.final:
            running = task.job.state == "running"
            status, said = ("generating", "Generating") if running else ("pending", "Request queued")
            return Reply(body=_result(task, status, said, timings=_queued(task)))
        return self._reply(rental, task)

    def _reply(self, rental: Rental, task: Task) -> Reply:
        status, message = _outcome(task)
        output = self._output(rental, task) if status == "completed" else []
        body = _result(task, status, message, output=output, timings=_timings(task))
        if task.with_history and task.job is not None and status == "completed":
            overhead_us = us(rental.pool.laws.own.overhead_s)
            cached = cached_nodes(_computed_before(rental, task.job), task.graph)
            body["comfyui_response"] = history(
                task.job, task.graph, cached, overhead_us=overhead_us, clock_us=task.clock_us
            )
        return Reply(status=_STATUS_OF[status], body=body)

    def _output(self, rental: Rental, task: Task) -> list[dict[str, Any]]:
        job = task.job
        if job is None or job.fate == "result_missing":
            return []
        return [self._file(rental, task, job, node) for node in job.asked.outputs]

    def _file(self, rental: Rental, task: Task, job: SimJob, node: str) -> dict[str, Any]:
        prefix = str(task.graph[node]["inputs"].get("filename_prefix", "ComfyUI"))
        filename = f"{prefix}_{list(rental.pool.jobs).index(job.id) + 1:05}_.png"
        entry = {
            "filename": filename,
            "local_path": f"/workspace/ComfyUI/output/{task.id}/{filename}",
            "type": "output",
            "subfolder": "",
            "node_id": node,
            "output_type": "images",
        }
        if task.with_data:
            image = self._site.image(rental.pool, job)
            entry |= {"data": base64.b64encode(image).decode(), "mimetype": "image/png"}
        return entry

    def _cancel(self, rental: Rental, request_id: str) -> Reply:
        task = rental.results.get(request_id)
        if task is None:
            return Reply(status=404, body={"error": f"Request {request_id} not found"})
        if task.job is None or task.job.final:
            status = _outcome(task)[0]
            return Reply(body={"message": f"Request {request_id} is already {status}", "status": status})
        rental.pool.cancel(task.job)
        return Reply(body={"message": f"Successfully cancelled request {request_id}", "status": "cancelled"})

    def _health(self, rental: Rental) -> dict[str, Any]:
        if rental.worker and rental.worker.crashed_us is not None:
            return _unhealthy()
        device = {"name": f"cuda:0 NVIDIA {rental.host.gpu_name} : cudaMallocAsync", "type": "cuda"}
        stats = {"system": {"comfyui_version": COMFYUI, "pytorch_version": "2.8.0+cu129"}, "devices": [device]}
        latch = {"unrecoverable": False, "reason": ""}
        backend = {"base": "http://localhost:18188", "http_ok": True, "websocket_ok": True, "healthy": True}
        return {
            "status": "healthy",
            "cache_type": "memory",
            "queues": {"preprocess": 0, "generation": len(rental.pool.queue), "postprocess": 0},
            "backends_healthy": "1/1",
            "gpu": latch,
            "backends": [{**backend, "system_stats": stats, "gpu": latch}],
        }


def _unhealthy() -> dict[str, Any]:
    """ComfyUI behind it dies again and again: after three failures in a row the wrapper latches it as unrecoverable
    (its own tests, @c7bdd52); the status beside the latch is assumed."""
    latch = {"unrecoverable": True, "reason": "3 consecutive connectivity failures"}
    backend = {"base": "http://localhost:18188", "http_ok": False, "websocket_ok": False, "healthy": False}
    queues = {"preprocess": 0, "generation": 0, "postprocess": 0}
    return {
        "status": "unhealthy",
        "cache_type": "memory",
        "queues": queues,
        "backends_healthy": "0/1",
        "gpu": latch,
        "backends": [{**backend, "gpu": latch}],
    }


def _input(body: Any) -> Mapping[str, Any]:
    """The payload's `input`. Raises ValueError in a validator's words."""
    given = body.get("input") if isinstance(body, dict) else None
    if not isinstance(given, dict):
        raise ValueError("Field required: input")
    if ("workflow_json" in given) == ("modifier" in given):
        raise ValueError("Either workflow_json or modifier must be given, not both")
    if "modifier" in given:
        raise ValueError("Modifiers are not simulated; send workflow_json")
    return given


def _unprocessable(message: str) -> Reply:
    detail = [{"type": "value_error", "loc": ["body", "input"], "msg": message}]
    return Reply(status=422, body={"detail": detail})


def _result(
    task: Task, status: str, message: str, *, timings: dict[str, int], output: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    return {
        "id": task.id,
        "message": message,
        "status": status,
        "comfyui_response": {},
        "output": output or [],
        "timings": timings,
    }


def _outcome(task: Task) -> tuple[str, str]:
    """Status and message of a request that ended."""
    job = task.job
    if job is None:
        return "failed", task.refusal or ""
    if job.state == "cancelled":
        return "cancelled", "Request cancelled by client"
    return ("completed", "Processing complete.") if job.state == "completed" else ("failed", _HIDDEN)


def _computed_before(rental: Rental, job: SimJob) -> Mapping[str, Any] | None:
    """The graph that its ComfyUI ran before this one; None on a fresh server."""
    ran = job.worker.jobs if job.worker else []
    graphs = {id(task.job): task.graph for task in rental.results.values()}
    before = [graphs[id(other)] for other in ran[: ran.index(job)] if id(other) in graphs]
    return before[-1] if before else None


def _queued(task: Task) -> dict[str, int]:
    return {"queued_at_ms": _ms(task.accepted_us + task.clock_us)}


def _timings(task: Task) -> dict[str, int]:
    """Milliseconds, instants by the host's clock. `total_ms` counts from queueing: with the wait that no part names."""
    job = task.job
    done_us = task.accepted_us if job is None or job.done_us is None else job.done_us
    picked_us = done_us if job is None or job.picked_us is None else job.picked_us
    postprocess_us = min(_POSTPROCESS_US, done_us - picked_us)
    return {
        **_queued(task),
        "preprocess_ms": 0,
        "generation_ms": _ms(done_us - picked_us - postprocess_us),
        "postprocess_ms": _ms(postprocess_us),
        "completed_at_ms": _ms(done_us + task.clock_us),
        "total_ms": _ms(done_us - task.accepted_us),
    }


def _queues(rental: Rental) -> dict[str, int]:
    waiting = {"preprocess_queue_size": 0, "generation_queue_size": len(rental.pool.queue)}
    return waiting | {"postprocess_queue_size": 0}


def _ms(micros: int) -> int:
    return round(micros * 1000 / US)
