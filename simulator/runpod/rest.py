"""Runpod's REST v2 control plane (OpenAPI 3.1 as published 2026-08-18): endpoints, workers, templates, catalogue.

Errors are RFC 9457 problems; lists are wrapped in an object; DELETE answers 204 without a body.
"""

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from simulator.ledger import iso
from simulator.runpod import quotas
from simulator.runpod.bodies import CreateEndpoint, CreateTemplate, Unprocessable, UpdateEndpoint, UpdateTemplate, read
from simulator.runpod.endpoint import Endpoint, Release, listed_workers, wire_id
from simulator.runpod.gpus import TYPES, listed
from simulator.runpod.rest_billing import RestBilling
from simulator.runpod.settings import CONTAINER_DEFAULTS, BadRequest, changed_settings, difference
from simulator.wire import Reply, Request

if TYPE_CHECKING:
    from simulator.runpod.cloud import RunpodCloud

_TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    410: "Gone",
    422: "Unprocessable Entity",
    429: "Too Many Requests",
}
_PROMPT = {"workers", "scaling", "timeout"}  # applied at once; everything else makes a new release


class Missing(LookupError):
    """404."""


class RestApi:
    """The control plane. `billing` is its own file."""

    def __init__(self, cloud: "RunpodCloud") -> None:
        self._cloud, self._engine = cloud, cloud.site.engine
        billing = RestBilling(cloud)
        self._routes: list[tuple[str, str, Callable[..., Reply]]] = [
            ("GET", r"/v2/serverless", self._list),
            ("POST", r"/v2/serverless", self._create),
            ("GET", r"/v2/serverless/([^/]+)", self._get),
            ("PATCH", r"/v2/serverless/([^/]+)", self._update),
            ("DELETE", r"/v2/serverless/([^/]+)", self._delete),
            ("GET", r"/v2/serverless/([^/]+)/workers", self._workers),
            ("GET", r"/v2/serverless/([^/]+)/releases", self._releases),
            ("GET", r"/v2/serverless/([^/]+)/workers/([^/]+)/logs", self._logs),
            ("GET", r"/v2/templates", self._list_templates),
            ("POST", r"/v2/templates", self._create_template),
            ("GET", r"/v2/templates/([^/]+)", self._get_template),
            ("PATCH", r"/v2/templates/([^/]+)", self._update_template),
            ("DELETE", r"/v2/templates/([^/]+)", self._delete_template),
            ("GET", r"/v2/catalog/gpus", self._gpus),
            ("GET", r"/v2/catalog/gpus/(.+)", self._gpu),
            ("GET", r"/v2/billing(?:/([a-z-]+))?", billing.report),
        ]

    def handle(self, request: Request) -> Reply:
        """Answer one call."""
        if request.path.startswith("/v1/"):
            # "retired 2026-11-15, then answers 410 Gone" (Runpod documentation, migrate from v1; dstack issue 4167)
            return _problem(410, "REST v1 was retired on 2026-11-15. Use https://api.runpod.io/v2.")
        if request.bearer is None:
            return _problem(401, "missing bearer token")
        if not self._cloud.site.key_accepted("runpod", request):
            return _problem(401, "invalid bearer token")
        now_us, holder = self._engine.now_us, "rest"
        full = self._cloud.quotas.take(holder, quotas.REST, now_us)
        reply = _too_many(full, now_us) if full else self._routed(request)
        headers = {**self._cloud.quotas.headers(holder, now_us), **reply.headers}
        return Reply(status=reply.status, body=reply.body, headers=headers)

    def _routed(self, request: Request) -> Reply:
        found = [(do, match) for method, path, do in self._routes if (match := re.fullmatch(path, request.path))
                 and method == request.method]  # fmt: skip
        if not found:
            return _problem(404, "route not found")
        do, match = found[0]
        try:
            return do(request, *match.groups())
        except Missing as error:
            return _problem(404, f"{error} not found")
        except BadRequest as error:
            return _problem(400, str(error))
        except Unprocessable as error:
            return _problem(422, str(error), errors=error.errors)

    # -- endpoints ---------------------------------------------------------------------------------------

    def _list(self, _request: Request) -> Reply:
        living = [self._cloud.endpoint(endpoint_id) for endpoint_id in self._cloud.endpoints]
        return Reply(body={"endpoints": [endpoint.body for endpoint in living if endpoint]})

    def _create(self, request: Request) -> Reply:
        asked = read(CreateEndpoint, _json(request))
        template = self._template(asked.templateId) if asked.templateId else {}
        copied = {name: template[name] for name in ("image", *CONTAINER_DEFAULTS) if name in template}
        return Reply(status=201, body=self._cloud.create(asked, copied).body)

    def _get(self, _request: Request, endpoint_id: str) -> Reply:
        return Reply(body=self._endpoint(endpoint_id).body)

    def _update(self, request: Request, endpoint_id: str) -> Reply:
        endpoint = self._endpoint(endpoint_id)
        before, endpoint.body = endpoint.body, changed_settings(endpoint.body, read(UpdateEndpoint, _json(request)))
        diff = difference(before, endpoint.body)
        if any(change["field"] not in _PROMPT for change in diff):
            version = endpoint.releases[-1].version + 1
            endpoint.releases.append(Release(version=version, at_us=self._engine.now_us, diff=diff))
        self._cloud.resize(endpoint)
        return Reply(body=endpoint.body)

    def _delete(self, _request: Request, endpoint_id: str) -> Reply:
        self._cloud.delete(self._endpoint(endpoint_id))
        return Reply(status=204)

    def _workers(self, _request: Request, endpoint_id: str) -> Reply:
        endpoint = self._endpoint(endpoint_id)
        workers = listed_workers(endpoint, self._engine.now_us)
        states = ("running", "idle", "initializing", "throttled", "unhealthy")
        summary = {state: sum(row["status"] == state.upper() for row in workers) for state in states}
        return Reply(
            body={
                "workers": workers,
                "summary": {**summary, "total": len(workers)},
                "endpointVersion": endpoint.releases[-1].version,
            }
        )

    def _releases(self, _request: Request, endpoint_id: str) -> Reply:
        endpoint = self._endpoint(endpoint_id)
        alive = len(endpoint.pool.alive())
        rollout = {"inProgress": False, "workersOnLatest": alive, "workersTotal": alive, "percentOnLatest": 100}
        releases = [_release(endpoint, release, alive) for release in reversed(endpoint.releases)]
        version = endpoint.releases[-1].version
        return Reply(body={"endpointVersion": version, "rollout": rollout, "releases": releases})

    def _logs(self, _request: Request, endpoint_id: str, worker_id: str) -> Reply:
        endpoint = self._endpoint(endpoint_id)
        worker = next((w for w in endpoint.pool.workers if endpoint.worker_id(w) == worker_id), None)
        if worker is None:
            raise Missing("worker")
        lines = [(worker.pulled_us, "Starting container."), (worker.ready_us, "worker-comfyui: ready for jobs.")]
        events = [{"ts": iso(at_us), "source": "container", "line": line} for at_us, line in lines if at_us is not None]
        stream = "".join(f"id: {event['ts']}\ndata: {json.dumps(event)}\n\n" for event in events)
        return Reply(body=stream, headers={"content-type": "text/event-stream", "cache-control": "no-cache"})

    def _endpoint(self, endpoint_id: str) -> Endpoint:
        endpoint = self._cloud.endpoint(endpoint_id)
        if endpoint is None:
            raise Missing("endpoint")
        return endpoint

    # -- templates ---------------------------------------------------------------------------------------

    def _list_templates(self, _request: Request) -> Reply:
        return Reply(body={"templates": list(self._cloud.templates.values())})

    def _create_template(self, request: Request) -> Reply:
        asked = read(CreateTemplate, _json(request)).model_dump(exclude_none=True)
        template_id = wire_id(self._cloud.site.seed, "template", next(self._cloud.serial), length=10)
        self._cloud.templates[template_id] = {**CONTAINER_DEFAULTS, **asked, "id": template_id}
        return Reply(status=201, body=self._cloud.templates[template_id])

    def _get_template(self, _request: Request, template_id: str) -> Reply:
        return Reply(body=self._template(template_id))

    def _update_template(self, request: Request, template_id: str) -> Reply:
        self._template(template_id).update(read(UpdateTemplate, _json(request)).model_dump(exclude_none=True))
        return Reply(body=self._template(template_id))

    def _delete_template(self, _request: Request, template_id: str) -> Reply:
        self._template(template_id)
        del self._cloud.templates[template_id]
        return Reply(status=204)

    def _template(self, template_id: str) -> dict[str, Any]:
        if template_id not in self._cloud.templates:
            raise Missing("template")
        return self._cloud.templates[template_id]

    # -- catalogue ---------------------------------------------------------------------------------------

    def _gpus(self, request: Request) -> Reply:
        return Reply(body={"gpus": [self._listed(request, gpu_id) for gpu_id in (gpu.id for gpu in TYPES)]})

    def _gpu(self, request: Request, gpu_id: str) -> Reply:
        if gpu_id not in {gpu.id for gpu in TYPES}:
            raise Missing("gpu type")
        return Reply(body=self._listed(request, gpu_id))

    def _listed(self, request: Request, gpu_id: str) -> dict[str, Any]:
        include, product = request.query.get("include"), request.query.get("product")
        if include not in (None, "AVAILABILITY"):
            raise Unprocessable([f"include: '{include}' is not one of AVAILABILITY"])
        if (include is None) != (product is None):
            raise BadRequest("include=AVAILABILITY and product require each other")
        gpu = next(gpu for gpu in TYPES if gpu.id == gpu_id)
        free = None
        if product is not None:
            free = self._cloud.capacity.free(gpu.world) if "SERVERLESS" in product.split(",") else 0
        return listed(gpu, self._cloud.own, free=free)


def _release(endpoint: Endpoint, release: Release, alive: int) -> dict[str, Any]:
    latest = release is endpoint.releases[-1]
    return {
        "id": wire_id(endpoint.id, "release", release.version, length=8),
        "version": release.version,
        "source": "MANUAL",
        "buildId": None,
        "createdByUserId": None,
        "workerCount": alive if latest else 0,
        "createdAt": iso(release.at_us),
        "diff": release.diff,
    }


def _json(request: Request) -> Any:
    try:
        return request.json()
    except ValueError:
        raise BadRequest("body is not valid JSON") from None


def _problem(status: int, detail: str, *, errors: list[str] | None = None) -> Reply:
    body: dict[str, Any] = {"title": _TITLES[status], "status": status, "detail": detail}
    body |= {"errors": errors} if errors else {}
    return Reply(status=status, body=body, headers={"content-type": "application/problem+json"})


def _too_many(full: quotas.Window, now_us: int) -> Reply:
    reply = _problem(429, f"rate limit exceeded for the {full.name} window")
    headers = {**reply.headers, "retry-after": str(quotas.resets_s(full, now_us))}
    return Reply(status=429, body=reply.body, headers=headers)
