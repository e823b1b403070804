"""Every console call and reply of a rental's life against Vast.ai's published OpenAPI (2026-08-07).

The document has errors; where the guides, the official client or Vast's own QA code say otherwise they win, and the
correction is written down in `corrected`. Collected only where the document lies beside the project.
"""

import copy
import json
import re
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

from backends.addresses import loopback
from backends.base import NAME_PREFIX
from backends.errors import NoCapacity
from backends.vast.adapter import VastBackend
from simulator.inprocess import InProcessTransport
from simulator.world import Failures
from tests.contract.stage import IN_PROCESS, KEY, Bench, Stage, contract_world, play_in_process
from tests.contract.test_vast import IMAGE
from words import Provider

SPEC = Path(__file__).resolve().parents[3] / "shared" / "data" / "specs" / "vast.openapi.json"
ANY: dict[str, Any] = {}


class Recorder(httpx.AsyncBaseTransport):
    """Passes everything on and remembers what went to the console and what came back."""

    def __init__(self, inner: InProcessTransport) -> None:
        self._inner, self.calls = inner, []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._inner.handle_async_request(request)
        await response.aread()
        if request.url.host == "console.vast.ai":
            self.calls.append((request, response))
        return response


async def a_life(stage: Stage) -> list[tuple[httpx.Request, httpx.Response]]:
    """A rental from the search to its bill, with a taken offer and a missing instance on the way."""
    recorder = Recorder(stage.transport)
    backend = VastBackend(
        console_url=stage.urls["vast_console"],
        key=KEY,
        clock=stage.clock,
        image=IMAGE,
        web_password="secret",
        hf_token="hf-secret",
        machines=loopback,
        transport=recorder,
    )
    bench = Bench(stage=stage, backend=backend, gpu="L40S")
    spec = await bench.spec()
    ref = await backend.deploy(spec, f"{NAME_PREFIX}spec")
    with pytest.raises(NoCapacity):
        await backend.deploy(spec, f"{NAME_PREFIX}late")
    ref, _ = await bench.until_ready(ref)
    await bench.finished(await bench.submit(ref))
    await backend.live(NAME_PREFIX)
    await more_calls(recorder, stage)
    await backend.teardown(ref)
    await backend.teardown(ref)
    await backend.observe(ref)
    stage.clock.leap(stage.clock.now() + timedelta(days=1))
    await backend.charges(stage.clock.now() - timedelta(days=2), stage.clock.now())
    await backend.aclose()
    return recorder.calls


async def more_calls(recorder: Recorder, stage: Stage) -> None:
    """What the adapter has no use for: labels, logs, invoices, the account, and the errors of bad requests."""
    headers = {"Authorization": f"Bearer {KEY}"}
    now_s = int(stage.clock.now().timestamp())
    await stage.clock.sleep(5)
    async with httpx.AsyncClient(transport=recorder, base_url=IN_PROCESS["vast_console"], headers=headers) as client:
        id = (await client.get("/api/v1/instances/")).json()["instances"][0]["id"]
        await client.put(f"/api/v0/instances/{id}/", json={"label": "renamed"})
        await client.put(f"/api/v0/instances/request_logs/{id}/", json={"tail": "10"})
        await client.put("/api/v0/instances/request_logs/1/", json={})
        when = json.dumps({"when": {"gte": now_s - 10**6, "lte": now_s}})
        await client.get("/api/v1/invoices/", params={"select_filters": when})
        await client.get("/api/v0/users/current/")
        await client.put("/api/v0/asks/1/", json={"image": "x"})
        await client.get("/api/v0/charges/")
        await stage.clock.sleep(5)
        await client.get("/api/v1/instances/", params={"select_filters": json.dumps({"dph_total": {"lt": 1}})})
        await client.post("/api/v0/bundles/", json={"colour": {"eq": "red"}})


def corrected(spec: dict[str, Any]) -> dict[str, Any]:
    """The document without its errors."""
    spec = copy.deepcopy(spec)
    instance = spec["components"]["schemas"]["Instance"]["properties"]
    instance["extra_env"] = ANY  # pairs, not strings: guide, and `for name, value` in the client
    instance["ports"] = ANY  # an object of mappings, only in the list
    instance["start_date"] = {"type": ["number", "null"]}  # null while nothing is known: the client trips over it
    listed = answer(spec, "/api/v1/instances", "get", "200")["properties"]["instances"]["items"]["properties"]
    listed["start_date"] = {"type": ["number", "null"]}
    one = answer(spec, "/api/v0/instances/{id}", "get", "200")["properties"]
    one["instances"] = {"anyOf": [one["instances"], {"type": "null"}]}  # null once destroyed (easy-server#125)
    order = spec["paths"]["/api/v0/asks/{id}"]["put"]["requestBody"]["content"]["application/json"]["schema"]
    order["properties"]["env"] = {"type": "object"}  # a JSON object: guide and client agree, the document shows flags
    search = spec["paths"]["/api/v0/bundles"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    pair = search["properties"]["order"]  # two items are field and direction: the limit belongs to the inner list
    pair["items"] |= {"minItems": pair.pop("minItems"), "maxItems": pair.pop("maxItems")}
    return spec


def answer(spec: dict[str, Any], path: str, method: str, status: str) -> dict[str, Any]:
    return spec["paths"][path][method]["responses"][status]["content"]["application/json"]["schema"]


def problems(spec: dict[str, Any], request: httpx.Request, response: httpx.Response) -> Iterator[str]:
    """Where a call or its reply departs from the document; one line each."""
    path = re.sub(r"/\d+$", "/{id}", request.url.path.rstrip("/"))
    operation = spec["paths"][path][request.method.lower()]
    said = f"{request.method} {path} {response.status_code}"
    if request.content and "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        yield from (f"{said} request: {line}" for line in failures(spec, schema, json.loads(request.content)))
    told = operation["responses"].get(str(response.status_code))
    if told is None:
        yield f"{said} is not documented"
        return
    schema = told["content"]["application/json"]["schema"]
    yield from (f"{said}: {line}" for line in failures(spec, schema, response.json()))


def failures(spec: dict[str, Any], schema: dict[str, Any], value: Any) -> list[str]:
    whole = {**schema, "components": spec["components"]}
    return [f"{error.json_path} {error.message}"[:200] for error in Draft202012Validator(whole).iter_errors(value)]


def undocumented(schema: dict[str, Any], row: dict[str, Any]) -> set[str]:
    return set(row) - set(schema["properties"])


if SPEC.exists():

    @pytest.fixture(scope="module")
    def spec() -> dict[str, Any]:
        return corrected(json.loads(SPEC.read_text(encoding="utf-8")))

    @pytest.fixture(scope="module")
    def calls() -> list[tuple[httpx.Request, httpx.Response]]:
        return play_in_process(contract_world(Provider.VAST, Failures()), a_life)

    def test_every_call_and_reply_is_as_documented(
        spec: dict[str, Any], calls: list[Any], record_property: Any, capsys: pytest.CaptureFixture[str]
    ) -> None:
        found = [line for request, response in calls for line in problems(spec, request, response)]
        kinds = {
            (request.method, re.sub(r"\d+", "", request.url.path), response.status_code) for request, response in calls
        }

        assert found == []
        assert len(kinds) >= 17
        record_property("specification_checks", len(calls))
        with capsys.disabled():
            sys.stdout.write(f"\nVast.ai OpenAPI: {len(calls)} replies of {len(kinds)} kinds checked\n")

    def test_instances_have_no_field_that_nobody_documents(spec: dict[str, Any], calls: list[Any]) -> None:
        """Bandwidth prices are documented for offers alone; whether instances have them is open: nothing reads them."""
        listed = answer(spec, "/api/v1/instances", "get", "200")["properties"]["instances"]["items"]
        rows = [
            row
            for request, response in calls
            if request.url.path == "/api/v1/instances/" and response.status_code == 200
            for row in response.json()["instances"]
        ]

        assert rows
        assert undocumented(listed, rows[0]) <= {"inet_up_cost", "inet_down_cost"}

    def test_a_wrong_type_is_seen(spec: dict[str, Any], calls: list[Any]) -> None:
        request, response = next(call for call in calls if call[0].method == "PUT" and call[1].status_code == 200)
        wrong = httpx.Response(200, json={**response.json(), "new_contract": "many"})

        assert list(problems(spec, request, wrong))
