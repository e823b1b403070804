"""Whatever a provider sends, an adapter's parser gives values of ours or raises an error of ours; nothing else."""

import itertools
import json
import random
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import workflows
from backends.base import DeploymentRef, JobRef, JobSpec, Observation
from backends.errors import BackendError
from backends.modal.adapter import observation_of as modal_observation
from backends.modal_web import ModalWebBackend
from backends.runpod import billing as runpod_billing
from backends.runpod import wire as runpod
from backends.runpod.adapter import RunpodBackend
from backends.vast import billing as vast_billing
from backends.vast import failures as vast_failures
from backends.vast import wire as vast
from backends.vast.adapter import VastBackend
from clock import Clock
from storage.foreign import kept_document, kept_text
from tests import virtual

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOST = DeploymentRef(backend="vast", id="7", key="bakeoff-x", detail={"url": "http://8.8.8.8:4000", "boot_s": 3.0})
GRAPH = workflows.load("flux-dev").render({"prompt": "a fox", "seed": 1, "width": 256, "height": 256})
ROW: Mapping[str, Any] = {
    "id": 7, "label": "bakeoff-x", "actual_status": "running", "status_msg": "ok", "dph_base": 0.36,
    "start_date": 1_793_606_400.5, "uptime_mins": 2.0, "machine_id": 45, "public_ipaddr": "8.8.8.8",
    "ports": {"8288/tcp": [{"HostIp": "0.0.0.0", "HostPort": "40123"}]}, "gpu_name": "L40S", "geolocation": "US",
}  # fmt: skip
ENDPOINT: Mapping[str, Any] = {
    "id": "ep1", "name": "bakeoff-x", "gpu": {"pools": ["ADA_48"], "excludedTypes": ["A"], "count": 1},
    "workers": {"max": 1}, "image": "x", "flashboot": "OFF", "createdAt": "2026-11-24T10:00:00Z",
}  # fmt: skip
# Parser and an honest reply of each: hostile ones are made of it, so that they reach behind the first check.
PARSERS: Mapping[str, tuple[Callable[[Any], Any], Any]] = {
    "runpod cards": (
        runpod.cards,
        {"gpus": [{"id": "L40S", "name": "L40S", "pool": "P", "memory": 48, "price": {"serverless": 1.9},
                   "availability": "LOW"}]},
    ),
    "runpod endpoint": (runpod.endpoint, ENDPOINT),
    "runpod workers": (
        lambda reply: runpod.worker_states(runpod.workers(reply)),
        {"workers": [{"id": "w", "status": "IDLE", "startedAt": "2026-11-24T10:00:00Z", "gpuTypeId": "L40S"}]},
    ),
    "runpod job id": (runpod.job_id, {"id": "abc-u1", "status": "IN_QUEUE"}),
    "runpod done": (
        runpod.observation,
        {"id": "a", "status": "COMPLETED", "delayTime": 5, "executionTime": 9, "workerId": "w", "retries": 1,
         "output": {"images": [{"filename": "a.png", "type": "base64", "data": "iVBORw0KGgo="}]}},
    ),
    "runpod failed": (
        runpod.observation,
        {"id": "a", "status": "FAILED", "error": "boom", "output": {"details": ["a", {"b": 1}]}, "workerId": "w"},
    ),
    "runpod bill": (
        runpod_billing.charges_of,
        {"records": [{"startTime": "2026-11-24T10:00:00Z", "endTime": "2026-11-24T11:00:00Z", "serverlessId": "ep1",
                      "gpuAmount": 0.1, "cpuAmount": 0, "diskAmount": 0, "feeAmount": 0, "totalAmount": 0.2}]},
    ),
    "vast offers": (
        lambda reply: vast.offers_of(reply, "L40S", NOW),
        {"offers": [{"id": 5, "dph_base": 0.4, "machine_id": 45, "geolocation": "US"}] * 2},
    ),
    "vast order": (vast.contract_of, {"success": True, "new_contract": 7, "instance_api_key": "planted"}),
    "vast instance": (
        lambda reply: (found := vast.instance_of(reply)) and found.instants(NOW),
        {"instances": ROW},
    ),
    "vast list": (vast.page_of, {"instances": [ROW, ROW], "next_token": "t"}),
    "vast bill": (
        lambda reply: [vast_billing.charges_of(row) for row in vast_billing.page_of(reply)[0]],
        {"results": [{"source": "instance-7", "amount": "0.102", "metadata": {"label": "bakeoff-x"},
                      "start": 1_793_606_400, "end": 1_793_610_000,
                      "items": [{"type": "gpu", "start": 1_793_606_400, "end": 1_793_610_000, "amount": 0.1}]}],
         "next_token": None},
    ),
    "wrapper health": (
        vast.healthy,
        {"status": "healthy", "queues": {"generation": 0}, "gpu": {"unrecoverable": False},
         "backends": [{"system_stats": {"system": {"comfyui_version": "0.3"}, "devices": [{"name": "L40S"}]}}]},
    ),
    "wrapper workers": (
        lambda reply: vast_failures.workers_of("running", reply),
        {"status": "healthy", "queues": {"generation": 0}, "gpu": {"unrecoverable": False}},
    ),
    "wrapper done": (
        lambda reply: vast.observation_of(reply, HOST),
        {"id": "a", "status": "completed", "message": "ok",
         "output": [{"filename": "a.png", "data": "iVBORw0KGgo=", "type": "output"}],
         "timings": {"preprocess_ms": 1, "generation_ms": 9, "postprocess_ms": 2, "total_ms": 20},
         "comfyui_response": {"p": {"status": {"messages": [["execution_start", {"timestamp": 1}],
                                                             ["execution_success", {"timestamp": 9}],
                                                             ["execution_cached", {"nodes": ["4"]}]]}}}},
    ),
    "modal result": (
        lambda reply: modal_observation(reply, None),
        {"ok": True, "images": [b"\x89PNG"], "container_id": "ta-1", "call_index": 0, "received_at": 1.7e9,
         "returned_at": 1.7e9, "enter_started_at": 1.7e9, "enter_done_at": 1.7e9, "model_load_s": 2.0,
         "error": {"type": "execution", "message": "m"}},
    ),
    "vast refusal": (
        lambda reply: vast_failures.console_dialect(400, json.dumps(reply)),
        {"error": "auth_error", "msg": "x"},
    ),
    "wrapper refusal": (
        lambda reply: vast_failures.wrapper_dialect(500, json.dumps(reply)),
        {"status": "failed", "message": "x"},
    ),
}  # fmt: skip
ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 10**29, -(10**29), 1.5, -0.0, 1e300, "", "x", "\x00\x1b[2J", "\ud800", "a" * 3000,
    "../../x",
    "NaN", "Infinity", "2026-13-45T99:99:99Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59",
    "2026-11-24T10:00:00",
    [], [None], [[]], {}, {"": None}, {"a": {"b": []}}, ["x", 1, None], "iVBORw0KGgo=", "!!!not base64", 253402300800,
)  # fmt: skip
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**29), 10**29)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


def judged(parse: Callable[[Any], Any], reply: Any) -> None:
    """Parse; what came of it must be of ours, and must be possible to keep."""
    try:
        found = parse(reply)
    except BackendError as error:
        kept_text(str(error), 2000).encode()
        return
    if isinstance(found, Observation):
        assert (found.reason is None) is (found.status.value in ("submitted", "running", "succeeded"))
        assert all(isinstance(image, bytes) for image in found.images)
        assert found.worker_id is None or isinstance(found.worker_id, str)
        assert found.error is None or isinstance(found.error, str)
        json.dumps(kept_document({"raw": found.raw, "evidence": found.evidence}), allow_nan=False)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a document."""
    inner = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for name, item in inner for found in places(item, (*path, name)))]


def changed(reply: Any, path: tuple[Any, ...], odd: Any) -> Any:
    """The document with something odd in one place."""
    if not path:
        return odd
    copy = deepcopy(reply)
    place = copy
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = odd
    return copy


@pytest.mark.parametrize("name", PARSERS)
def test_an_honest_reply_is_read(name: str) -> None:
    parse, honest = PARSERS[name]
    assert parse(deepcopy(honest))


@pytest.mark.parametrize("name", PARSERS)
def test_something_odd_in_any_one_place_is_a_value_or_an_error_of_ours(name: str) -> None:
    parse, honest = PARSERS[name]
    for path in places(honest):
        for odd in ODD:
            judged(parse, changed(honest, path, deepcopy(odd)))


@pytest.mark.parametrize("name", PARSERS)
def test_any_one_place_may_be_missing(name: str) -> None:
    parse, honest = PARSERS[name]
    for path in places(honest):
        if path:
            copy = deepcopy(honest)
            place = copy
            for step in path[:-1]:
                place = place[step]
            del place[path[-1]]
            judged(parse, copy)


@pytest.mark.parametrize("name", PARSERS)
@given(reply=JSON)
@settings(max_examples=60, deadline=None)
def test_any_json_is_a_value_or_an_error_of_ours(name: str, reply: Any) -> None:
    judged(PARSERS[name][0], reply)


@pytest.mark.parametrize("name", PARSERS)
@given(seed=st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_several_odd_places_at_once_are_a_value_or_an_error_of_ours(name: str, seed: int) -> None:
    draw, (parse, reply) = random.Random(seed), PARSERS[name]
    for _ in range(draw.randrange(1, 5)):
        reply = changed(reply, draw.choice(places(reply)), draw.choice(ODD))
    judged(parse, reply)


# ---------------------------------------------------------------- whole adapters


def endless(clock: Clock, transport: httpx.AsyncBaseTransport) -> list[Any]:
    """Every adapter that speaks HTTP, on a transport of ours."""
    given = {"clock": clock, "transport": transport}
    return [
        RunpodBackend(jobs_url="https://r.test/v2", rest_url="https://s.test/v2", key="k", image="i", **given),
        VastBackend(console_url="https://v.test", key="k", image="i", web_password="p", **given),
        ModalWebBackend(urls={"flux-dev": "https://m.test/flux-dev"}, simulated=True, **given),
    ]


def calls(backend: Any) -> list[Callable[[], Any]]:
    """Every verb that reads."""
    ref = DeploymentRef(
        backend=backend.name, id="flux-dev" if backend.name == "modal-web" else "7", key="bakeoff-x", detail=HOST.detail
    )
    job = JobRef(deployment=ref, id="k")
    return [
        lambda: backend.offers("L40S"),
        lambda: backend.observe(ref),
        lambda: backend.live("bakeoff-"),
        lambda: backend.poll(job),
        lambda: backend.cancel(job),
        lambda: backend.charges(NOW - timedelta(hours=1), NOW),
        lambda: backend.submit(ref, JobSpec(graph=GRAPH, timeout_s=60), "k"),
        lambda: backend.poll(job, 5),
        lambda: backend.teardown(ref),
    ]


@pytest.mark.parametrize("which", [0, 1, 2], ids=["runpod", "vast", "modal-web"])
@given(
    status=st.sampled_from([200, 201, 204, 302, 303, 400, 404, 418, 500, 502]),
    body=st.binary(max_size=60) | JSON.map(lambda v: json.dumps(v).encode()),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_bytes_under_any_status_raise_errors_of_ours_alone(which: int, status: int, body: bytes) -> None:
    async def scenario(clock: Any) -> None:
        transport = httpx.MockTransport(lambda _request: httpx.Response(status, content=body))
        backend = endless(clock, transport)[which]
        for call in calls(backend):
            try:
                judged(lambda found: found, await call())
            except BackendError:
                continue
        await backend.aclose()

    virtual.run(scenario)


@pytest.mark.parametrize(
    ("tokens", "said"),
    [
        (itertools.count(), "has no end."),
        (itertools.cycle(["a", "b"]), "goes round in a circle: its next page came before."),
    ],
)
def test_a_list_that_never_ends_is_left(tokens: Iterator[Any], said: str) -> None:
    def page(_request: httpx.Request) -> httpx.Response:
        token = str(next(tokens))
        body = {"endpoints": [], "nextCursor": token, "instances": [], "results": [], "next_token": token}
        return httpx.Response(200, json=body)

    async def scenario(clock: Any) -> list[str]:
        told = []
        for backend in endless(clock, httpx.MockTransport(page))[:2]:
            with pytest.raises(BackendError) as caught:
                await backend.live("bakeoff-")
            told.append(str(caught.value))
        return told

    assert virtual.run(scenario) == [f"The list of {what} {said}" for what in ("endpoints", "/api/v1/instances/")]
