"""Every reply of the simulated REST v2, and every request of our adapter, against Runpod's published OpenAPI 3.1.

The document lies beside the project, in ../shared/data; without it there is nothing to check against.
"""

import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from backends.base import NAME_PREFIX
from backends.runpod.adapter import RunpodBackend
from simulator.inprocess import InProcessTransport
from tests.contract.stage import KEY, Bench, Stage, simulation_of
from tests.simulation.runpod_stage import CREATE, Wire, runpod_world
from tests.virtual import run

SPEC = Path(__file__).resolve().parents[2].parent / "shared/data/specs/runpod-rest-v2.openapi.json"
URN = "urn:runpod-rest-v2"


class Specification:
    """The published document as checks. `done` counts them by what was checked."""

    def __init__(self) -> None:
        self._document = json.loads(SPEC.read_text(encoding="utf-8"))
        resource = Resource(contents=self._document, specification=DRAFT202012)
        self._registry = Registry().with_resource(URN, resource)
        self.done: Counter[str] = Counter()

    def request(self, method: str, path: str, body: Any) -> None:
        """A body that we send."""
        _, operation = self._operation(method, path)
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        self._check(f"{method} {path} request", schema, body)

    def reply(self, method: str, path: str, status: int, headers: Any, body: Any) -> None:
        """A status, the headers and the body that come back."""
        template, operation = self._operation(method, path)
        responses = operation["responses"]
        assert str(status) in responses or "default" in responses, f"{method} {template} has no {status}"
        response = self._resolved(responses.get(str(status)) or responses["default"])
        named = {name.lower() for name in headers}
        if status not in (401, 410):
            assert {"ratelimit", "ratelimit-policy"} <= named, f"{method} {template} {status}"
        content = response.get("content", {})
        if not content:
            assert body in (None, b"", ""), f"{method} {template} {status} has a body"
            self.done[f"{method} {template} {status}"] += 1
            return
        kind = headers.get("content-type", "application/json").partition(";")[0]
        assert kind in content, f"{method} {template} {status} is {kind}"
        self._check(f"{method} {template} {status}", content[kind]["schema"], body)

    def paths(self) -> Iterator[tuple[str, str]]:
        """Every operation of the document."""
        for path, methods in self._document["paths"].items():
            for method in methods.keys() & {"get", "post", "patch", "delete"}:
                yield method.upper(), path

    def _check(self, what: str, schema: Any, value: Any) -> None:
        # The schema's references are relative to the document, so it is reached through the document's name.
        rooted = json.loads(json.dumps(schema).replace('"#/', f'"{URN}#/'))
        validator = Draft202012Validator(rooted, registry=self._registry, format_checker=FormatChecker())
        errors = [f"{what}: {error.json_path} {error.message}" for error in validator.iter_errors(value)]
        assert errors == []
        self.done[what] += 1

    def _operation(self, method: str, path: str) -> tuple[str, Any]:
        for template, methods in self._document["paths"].items():
            if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path) and method.lower() in methods:
                return template, methods[method.lower()]
        raise AssertionError(f"the specification has no {method} {path}")

    def _resolved(self, node: Any) -> Any:
        while "$ref" in node:
            target = self._document
            for part in node["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            node = target
        return node


class Checked(httpx.AsyncBaseTransport):
    """Passes calls on and checks those of the control plane on their way."""

    def __init__(self, inner: httpx.AsyncBaseTransport, specification: Specification) -> None:
        self._inner, self._specification = inner, specification

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(await request.aread() or b"null")
        response = await self._inner.handle_async_request(request)
        if request.url.host == "api.runpod.io":
            method, path = request.method, request.url.path
            if body is not None:
                self._specification.request(method, path, body)
            answer = json.loads(await response.aread() or b"null")
            self._specification.reply(method, path, response.status_code, response.headers, answer)
        return response


class TestSpecification:
    """Collected only where the document is."""

    __test__ = SPEC.exists()

    @pytest.fixture
    def specification(self, record_property: Any) -> Iterator[Specification]:
        found = Specification()
        yield found
        record_property("specification_checks", found.done.total())
        sys.stdout.write(f"{found.done.total()} checks against Runpod's specification: {dict(found.done)}\n")

    def test_everything_our_adapter_asks_and_hears_is_as_published(self, specification: Specification) -> None:
        async def scenario(clock: Any) -> None:
            simulation = simulation_of(runpod_world(), clock)
            transport = Checked(InProcessTransport(simulation, clock), specification)
            backend = RunpodBackend(
                jobs_url="https://api.runpod.ai/v2",
                rest_url="https://api.runpod.io/v2",
                key=KEY,
                clock=clock,
                image="runpod/worker-comfyui:5.8.5-base",
                transport=transport,
            )
            stage = Stage(simulation=simulation, clock=clock, urls={}, transport=transport)
            bench = Bench(stage=stage, backend=backend, gpu="H100")
            ref = await bench.deployed()
            await bench.finished(await bench.submit(ref))
            await backend.live(NAME_PREFIX)
            await clock.sleep(3600)
            assert await backend.charges(clock.now() - timedelta(hours=2), clock.now())
            await bench.torn_down(ref)
            await bench.torn_down(ref)
            await backend.observe(ref)
            await backend.aclose()

        run(scenario)
        assert specification.done["POST /v2/serverless request"] == 1
        assert specification.done["DELETE /v2/serverless/{id} 204"] == 1
        assert specification.done["DELETE /v2/serverless/{id} 404"] == 1
        assert specification.done.total() == 13

    def test_every_reply_of_the_simulator_is_as_published(self, specification: Specification) -> None:
        wire, template = Wire(), {"name": "t", "image": "a:1", "mounts": {"persistent": {"size": 10, "path": "/v"}}}

        def ask(method: str, path: str, body: Any = None, *, key: str | None = "right", **query: str) -> Any:
            held = {} if key == "right" else {"key": key}
            reply = wire.rest(method, path, body, **held, **query)
            headers = reply.encoded()[1]
            specification.reply(method, f"/v2{path}", reply.status, headers, reply.body)
            return reply.body

        ask("GET", "/serverless")
        first = ask("POST", "/serverless", CREATE)["id"]
        ask("POST", "/serverless", CREATE | {"scaling": {"type": "REQUEST_COUNT", "requestCount": 1}, "workers": {}})
        for bad in ({"bogus": 1}, {"gpu": {"pools": ["NOPE"]}}, {"templateId": "nobody"}):
            ask("POST", "/serverless", CREATE | bad)
        endpoint = wire.simulation.runpod.endpoints[first]
        for at_s in (0, 15, 30, 60, 200):
            if at_s == 0:
                wire.run(endpoint, 1)
                wire.run(endpoint, 2)
            wire.wait(at_s)
            ask("GET", f"/serverless/{first}/workers")
        ask("GET", f"/serverless/{first}")
        ask("PATCH", f"/serverless/{first}", {"image": "b:2", "workers": {"max": 2}})
        ask("PATCH", f"/serverless/{first}", {"bogus": 1})
        ask("GET", f"/serverless/{first}/releases")
        ask("GET", f"/serverless/{first}/workers/{endpoint.worker_id(endpoint.pool.workers[0])}/logs")
        made = ask("POST", "/templates", template)["id"]
        ask("POST", "/templates", {"name": "t"})
        ask("GET", "/templates")
        ask("GET", f"/templates/{made}")
        ask("PATCH", f"/templates/{made}", {"public": False})
        ask("DELETE", f"/templates/{made}")
        ask("GET", f"/templates/{made}")
        ask("GET", "/catalog/gpus")
        ask("GET", "/catalog/gpus", include="AVAILABILITY", product="SERVERLESS")
        ask("GET", "/catalog/gpus/NVIDIA L40S")
        ask("GET", "/catalog/gpus/nobody")
        wire.wait(1000)
        parts = ("", "/serverless", "/pods", "/endpoints", "/network-volumes", "/clusters")
        for part in parts:
            assert ask("GET", f"/billing{part}", bucketSize="hour") is not None
        assert ask("GET", "/billing/serverless", bucketSize="hour", serverlessId=first)["records"]
        ask("GET", "/serverless", key=None)
        ask("GET", "/serverless", key="wrong")
        ask("DELETE", f"/serverless/{first}")
        ask("GET", f"/serverless/{first}")
        for _ in range(61):
            wire.rest("GET", "/templates")
        ask("GET", "/templates")
        assert specification.done["GET /v2/templates 429"] == 1
        assert specification.done.total() == 39

    def test_each_operation_on_what_we_rent_is_simulated(self, specification: Specification) -> None:
        """Pods, volumes, registries, data centers and queue-less extras are no part of a bake-off."""
        wire = Wire()
        ours = re.compile(r"/v2/(serverless|templates|catalog/gpus|billing)\b")
        silent = [
            (method, path)
            for method, path in specification.paths()
            if ours.match(path)
            and wire.rest(method, re.sub(r"\{\w+\}", "x", path).removeprefix("/v2"), {}).body
            == {"title": "Not Found", "status": 404, "detail": "route not found"}
        ]
        assert silent == []
