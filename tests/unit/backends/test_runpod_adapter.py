"""What the Runpod backend asks for: bodies, reads per job, names. What everybody promises is in tests/contract."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import httpx
import pytest

from backends.base import NAME_PREFIX, DeploymentRef, JobRef, JobSpec
from backends.errors import InvalidRequest, NoCapacity, UnexpectedReply
from backends.runpod.adapter import RunpodBackend
from simulator.faults import Fault
from simulator.inprocess import InProcessTransport
from simulator.world import World
from tests import virtual
from tests.contract.stage import IN_PROCESS, KEY, Bench, Stage, simulation_of
from tests.simulation.runpod_stage import runpod_world
from words import DeploymentState, JobStatus, Provider


class Tape(httpx.AsyncBaseTransport):
    """Passes calls on and remembers them: (method, path) and body."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner
        self.calls: list[str] = []
        self.bodies: list[Any] = []
        self.queries: list[dict[str, str]] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.calls.append(f"{request.method} {request.url.path}")
        self.bodies.append(json.loads(await request.aread() or b"null"))
        self.queries.append(dict(request.url.params))
        return await self._inner.handle_async_request(request)

    def of(self, start: str) -> list[Any]:
        """Bodies of the calls that start so."""
        return [body for call, body in zip(self.calls, self.bodies, strict=True) if call.startswith(start)]


def play(scenario: Callable[[Bench, Tape], Awaitable[Any]], world: World | None = None, *, gpu: str = "L40S") -> Any:
    async def scene(clock: Any) -> Any:
        simulation = simulation_of(world or runpod_world(), clock)
        tape = Tape(InProcessTransport(simulation, clock))
        backend = backend_on(tape, clock)
        stage = Stage(simulation=simulation, clock=clock, urls=IN_PROCESS, transport=tape)
        try:
            return await scenario(Bench(stage=stage, backend=backend, gpu=gpu), tape)
        finally:
            await backend.aclose()

    return virtual.run(scene)


def backend_on(transport: httpx.AsyncBaseTransport, clock: Any) -> RunpodBackend:
    return RunpodBackend(
        jobs_url="https://api.runpod.ai/v2",
        rest_url="https://api.runpod.io/v2",
        key=KEY,
        clock=clock,
        image="registry/comfy-{workflow}:1",
        transport=transport,
    )


def test_a_deployment_is_pinned_to_one_card_scaled_to_zero_and_without_flashboot() -> None:
    async def scenario(bench: Bench, tape: Tape) -> None:
        spec = replace(await bench.spec(), idle_timeout_s=77, max_workers=2, model_gb=34.2)
        await bench.backend.deploy(spec, f"{NAME_PREFIX}x")
        assert tape.of("POST /v2/serverless") == [
            {
                "name": "bakeoff-x",
                "type": "QUEUE",
                "image": "registry/comfy-flux-dev:1",
                "gpu": {
                    "pools": ["ADA_48_PRO"],
                    "excludedTypes": ["NVIDIA L40", "NVIDIA RTX 6000 Ada Generation"],
                    "count": 1,
                },
                "workers": {"min": 0, "max": 2, "idleTimeout": 77},
                "scaling": {"type": "QUEUE_DELAY", "queueDelay": 1},
                "timeout": 3_600_000,
                "flashboot": "OFF",
                "disk": 55,
            }
        ]

    play(scenario)


@pytest.mark.parametrize(
    ("gpu", "type_id", "usd_per_s"),
    [
        ("L40S", "NVIDIA L40S", "0.00053"),
        ("H100", "NVIDIA H100 80GB HBM3", "0.00116"),
        ("H100 NVL", "NVIDIA H100 NVL", None),
        ("NVIDIA H200", "NVIDIA H200", "0.00155"),
        ("RTX 4090", "NVIDIA GeForce RTX 4090", "0.00031"),
    ],
)
def test_an_offer_is_the_card_we_mean_at_its_exact_price(gpu: str, type_id: str, usd_per_s: str | None) -> None:
    async def scenario(bench: Bench, _tape: Tape) -> None:
        if usd_per_s is None:
            with pytest.raises(NoCapacity, match="H100 NVL"):
                await bench.backend.offers(gpu)
            return
        (offer,) = await bench.backend.offers(gpu)
        assert (offer.offer_id, offer.usd_per_s) == (type_id, Decimal(usd_per_s))
        assert offer.usd_per_unit == Decimal(usd_per_s) * 3600
        assert (offer.unit, offer.source) == ("h", "catalog")

    play(scenario)


def test_offers_and_deploy_need_two_calls_and_the_rate_no_third_within_the_hour() -> None:
    async def scenario(bench: Bench, tape: Tape) -> None:
        ref = await bench.deploy()
        await bench.backend.observe(ref)
        assert tape.calls[:2] == ["GET /v2/catalog/gpus", "POST /v2/serverless"]
        assert tape.calls.count("GET /v2/catalog/gpus") == 1
        bench.clock.leap(bench.clock.now() + timedelta(hours=1))
        await bench.backend.observe(ref)
        assert tape.calls.count("GET /v2/catalog/gpus") == 2
        await bench.backend.offers("L40S")  # an offer is always what the catalogue says now
        assert tape.calls.count("GET /v2/catalog/gpus") == 3

    play(scenario)


def test_a_ready_endpoint_says_on_what_card_it_will_run_before_any_worker_does() -> None:
    async def scenario(bench: Bench, _tape: Tape) -> None:
        ref = await bench.deployed()
        seen = await bench.backend.observe(ref)
        assert seen.provenance == {
            "gpu_name": "NVIDIA L40S", "image": "registry/comfy-flux-dev:1", "flashboot": "OFF",
        }  # fmt: skip
        assert seen.instants == {"created_at": datetime(2026, 11, 2, 8, 0, 1, tzinfo=UTC)}
        await bench.finished(await bench.submit(ref))
        assert (await bench.backend.observe(ref)).provenance["region"] == "EU-RO-1"

    play(scenario)


def test_an_earlier_answer_that_comes_again_is_no_answer_to_an_order() -> None:
    """Else two of our deployments would be one endpoint, and the bill of one would be the other's."""

    async def scenario(bench: Bench, tape: Tape) -> None:
        await bench.backend.deploy(await bench.spec(), f"{NAME_PREFIX}x")
        bench.stage.simulation.faults.planned.append(Fault(service="runpod_rest", call="POST", kind="stale"))
        with pytest.raises(UnexpectedReply, match="order of bakeoff-y with bakeoff-x"):
            await bench.backend.deploy(await bench.spec(), f"{NAME_PREFIX}y")
        assert len(tape.of("POST /v2/serverless")) == 2

    play(scenario)


def test_a_queue_without_capacity_is_told_from_a_healthy_one() -> None:
    async def scenario(bench: Bench, _tape: Tape) -> None:
        ref = await bench.deployed()
        bench.simulation.runpod.capacity.take("L40S")
        await bench.submit(ref)
        seen = await bench.backend.observe(ref)
        assert (seen.state, seen.reason) == (DeploymentState.READY, "1 of its workers wait for capacity.")

    play(scenario, runpod_world(capacity={"L40S": 1}))


def test_an_endpoint_that_runpod_put_to_sleep_is_stopped() -> None:
    async def scenario(bench: Bench, _tape: Tape) -> None:
        ref = await bench.deployed()
        bench.clock.leap(bench.clock.now() + timedelta(days=8))
        seen = await bench.backend.observe(ref)
        assert (seen.state, seen.reason) == (DeploymentState.STOPPED, "Runpod set its workers.max to 0.")

    play(scenario)


@pytest.mark.parametrize(("timeout_s", "execution_ms"), [(600, 600_000), (0.2, 5000), (1e9, 604_800_000), (7.25, 7250)])
def test_a_job_carries_its_limit_within_what_runpod_takes_and_outlives_it_by_an_hour(
    timeout_s: float, execution_ms: int
) -> None:
    async def scenario(bench: Bench, tape: Tape) -> None:
        ref = await bench.deployed()
        await bench.submit(ref, timeout_s=timeout_s)
        (body,) = tape.of(f"POST /v2/{ref.id}/run")
        assert body["policy"] == {"executionTimeout": execution_ms, "ttl": min(execution_ms + 3_600_000, 604_800_000)}
        assert body["input"]["workflow"]["sampler"]["inputs"]["seed"] == 1

    play(scenario)


def test_the_worker_list_is_read_once_per_job_while_it_runs() -> None:
    async def scenario(bench: Bench, tape: Tape) -> None:
        ref = await bench.deployed()
        tape.calls.clear()
        job = await bench.submit(ref)
        last = await bench.finished(job)
        await bench.backend.poll(job)
        assert tape.calls.count(f"GET /v2/serverless/{ref.id}/workers") == 1
        (worker,) = bench.rented()[0].pool.workers
        started = datetime.fromisoformat(last.evidence["worker_started_at"])
        assert started == datetime.fromtimestamp(worker.pulled_us / 1e6, UTC)
        assert last.evidence == {
            "worker_id": last.worker_id,
            "first_worker_id": last.worker_id,
            "first_queue_s": last.times.queue_s,
            "flashboot": "OFF",
            "worker_started_at": last.evidence["worker_started_at"],
            "gpu_name": "NVIDIA L40S",
            "region": "EU-RO-1",
        }

    play(scenario)


def test_a_job_first_seen_when_it_is_done_still_learns_of_its_worker() -> None:
    async def scenario(bench: Bench, tape: Tape) -> None:
        ref = await bench.deployed()
        job = await bench.submit(ref)
        await bench.clock.sleep(75)
        seen = await bench.backend.poll(job)
        assert seen.status is JobStatus.SUCCEEDED
        assert "worker_started_at" in seen.evidence
        assert tape.calls.count(f"GET /v2/{ref.id}/status/{job.id}") == 1

    play(scenario)


def test_a_worker_that_is_gone_leaves_the_start_unknown() -> None:
    async def scenario(bench: Bench, _tape: Tape) -> None:
        ref = await bench.deployed()
        job = await bench.submit(ref)
        await bench.clock.sleep(600)
        seen = await bench.backend.poll(job)
        assert seen.worker_id
        first = {"first_worker_id": seen.worker_id, "first_queue_s": seen.times.queue_s}
        assert seen.evidence == {"worker_id": seen.worker_id, "flashboot": "OFF"} | first

    play(scenario)


def test_a_worker_list_that_cannot_be_had_costs_no_look_and_is_asked_for_again() -> None:
    async def scenario(bench: Bench, _tape: Tape) -> None:
        ref = await bench.deployed()
        job = await bench.submit(ref)
        await bench.clock.sleep(40)
        broken = Fault(service="runpod_rest", call="workers$", kind="garbage", times=1)
        bench.simulation.faults.planned.append(broken)
        running = await bench.backend.poll(job)
        assert running.status is JobStatus.RUNNING
        assert "worker_started_at" not in running.evidence
        assert "worker_started_at" in (await bench.finished(job)).evidence

    play(scenario)


def test_no_look_waits_for_the_worker_list() -> None:
    async def scenario(bench: Bench, tape: Tape) -> None:
        ref = await bench.deployed()
        jobs = [await bench.submit(ref) for _ in range(2)]
        await bench.clock.sleep(40)
        tape.calls.clear()
        began = bench.clock.now()
        first, second = [await bench.backend.poll(job) for job in jobs]
        await bench.backend.poll(jobs[0])
        assert bench.clock.now() == began
        assert tape.calls.count(f"GET /v2/serverless/{ref.id}/workers") == 1
        assert "worker_started_at" in first.evidence
        assert "worker_started_at" not in second.evidence

    play(scenario)


def test_a_list_that_does_not_show_the_worker_is_read_once_more_and_no_oftener() -> None:
    async def scenario(bench: Bench, tape: Tape) -> None:
        ref = await bench.deployed()
        job = await bench.submit(ref)
        await bench.clock.sleep(40)
        for worker in bench.rented()[0].pool.workers:
            worker.draw = replace(worker.draw, lag_us=10**12)
        tape.calls.clear()
        assert "worker_started_at" not in (await bench.finished(job)).evidence
        assert tape.calls.count(f"GET /v2/serverless/{ref.id}/workers") == 2

    play(scenario)


def test_the_life_that_began_last_counts_where_the_list_still_shows_an_earlier_one() -> None:
    now, later = "2026-11-23T10:00:00Z", "2026-11-23T11:00:00Z"
    rows = [{"id": "w", "status": "IDLE", "startedAt": at} for at in (later, now, None)]
    job = {"id": "j", "status": "IN_PROGRESS", "workerId": "w", "delayTime": 400}
    seen = alone(
        {"https://api.runpod.ai/v2/e/status/j": job, f"{LIST}/e/workers": {"workers": rows}},
        lambda backend: backend.poll(JobRef(deployment=DeploymentRef(backend="runpod", id="e", key="k"), id="j")),
    )
    assert seen.evidence["worker_started_at"] == later


def test_the_memory_of_workers_is_bounded() -> None:
    async def scenario(bench: Bench, _tape: Tape) -> int:
        for number in range(2005):
            bench.backend._remember(str(number), 1, {})
        return len(bench.backend._workers_of)

    assert play(scenario) == 2000


def test_a_second_of_the_control_plane_is_one_call() -> None:
    async def scenario(bench: Bench, _tape: Tape) -> float:
        start = bench.clock.now()
        for _ in range(130):  # 60 a minute are allowed
            await bench.backend.live(NAME_PREFIX)
        return (bench.clock.now() - start).total_seconds()

    assert play(scenario) == pytest.approx(129)


def test_charges_ask_for_hours_in_utc_and_nothing_for_an_empty_period() -> None:
    async def scenario(bench: Bench, tape: Tape) -> None:
        east = timezone(timedelta(hours=2))
        start = datetime(2026, 11, 2, 8, tzinfo=east)
        assert await bench.backend.charges(start, start) == []
        assert tape.calls == []
        await bench.backend.charges(start, start + timedelta(hours=3))
        assert tape.calls == [f"GET /v2/billing/{part}" for part in ("serverless", "pods", "network-volumes")]
        assert (
            tape.queries
            == [{"startTime": "2026-11-02T06:00:00Z", "endTime": "2026-11-02T09:00:00Z", "bucketSize": "hour"}] * 3
        )

    play(scenario)


def test_deploying_a_card_that_is_none_names_those_that_are() -> None:
    async def scenario(bench: Bench, _tape: Tape) -> None:
        with pytest.raises(InvalidRequest, match=r"no serverless GPU 'K80'.*L40S"):
            await bench.backend.deploy(replace(await bench.spec(), gpu="K80"), bench.key())

    play(scenario)


# ---------------------------------------------------------------- what the simulator does not do


def answering(replies: dict[str, Any]) -> httpx.MockTransport:
    return httpx.MockTransport(lambda request: httpx.Response(200, json=replies[str(request.url)]))


def alone(replies: dict[str, Any], scenario: Callable[[RunpodBackend], Awaitable[Any]]) -> Any:
    return virtual.run(lambda clock: scenario(backend_on(answering(replies), clock)))


def endpoint(name: str, pools: list[str]) -> dict[str, Any]:
    return {
        "id": f"id-{name}", "name": name, "gpu": {"pools": pools, "count": 2}, "workers": {"min": 0, "max": 1},
        "flashboot": "OFF", "createdAt": "2026-11-02T08:00:00Z",
    }  # fmt: skip


def catalogue_card(name: str, pool: str, usd: float) -> dict[str, Any]:
    return {"id": f"NVIDIA {name}", "name": name, "pool": pool, "memory": 48, "price": {"serverless": usd}}


CATALOGUE = "https://api.runpod.io/v2/catalog/gpus?include=AVAILABILITY&product=SERVERLESS"
LIST = "https://api.runpod.io/v2/serverless"


def test_a_list_in_pages_is_read_to_its_end() -> None:
    replies = {
        LIST: {"endpoints": [endpoint("bakeoff-a", ["P"])], "nextCursor": "c2"},
        f"{LIST}?cursor=c2": {"endpoints": [endpoint("other", ["P"]), endpoint("bakeoff-b", ["Q"])]},
        CATALOGUE: {"gpus": [catalogue_card("A", "P", 3.6), catalogue_card("B", "P", 7.2)]},
    }
    found = alone(replies, lambda backend: backend.live(NAME_PREFIX))
    assert [(live.key, live.ref.id) for live in found] == [("bakeoff-a", "id-bakeoff-a"), ("bakeoff-b", "id-bakeoff-b")]
    assert [live.usd_per_s for live in found] == [Decimal("0.004"), None]  # two GPUs of the dearest card; no such pool


def test_unhealthy_workers_are_told_from_missing_capacity() -> None:
    worker = {"id": "w", "gpuCount": 1, "isStale": False}
    replies = {
        f"{LIST}/e1": endpoint("bakeoff-a", ["P"]),
        f"{LIST}/e1/workers": {"workers": [worker | {"status": "UNHEALTHY"}, worker | {"status": "THROTTLED"}]},
        CATALOGUE: {"gpus": []},
    }
    ref = DeploymentRef(backend="runpod", id="e1", key="bakeoff-a")
    seen = alone(replies, lambda backend: backend.observe(ref))
    assert seen.reason == "1 of its workers fail their health check."
    assert (seen.usd_per_s, "gpu_name" in seen.provenance) == (None, False)


@pytest.mark.parametrize("reply", [[], {}, {"id": 7}, None])
def test_a_paid_call_whose_answer_cannot_be_read_is_an_unexpected_reply(reply: Any) -> None:
    ref = DeploymentRef(backend="runpod", id="e1", key="bakeoff-a")
    replies = {"https://api.runpod.ai/v2/e1/run": reply}
    with pytest.raises(UnexpectedReply):
        alone(replies, lambda backend: backend.submit(ref, JobSpec(graph={}, timeout_s=60), "k"))


def test_it_is_runpod_and_promises_no_more_than_it_keeps() -> None:
    backend = virtual.run(_built)
    assert (backend.name, backend.provider) == ("runpod", Provider.RUNPOD)
    assert sorted(backend.features) == ["billed", "deploys", "scales_to_zero"]
    assert JobRef(deployment=DeploymentRef(backend="runpod", id="e", key="k"), id="j").deployment.id == "e"


async def _built(clock: Any) -> RunpodBackend:
    return backend_on(answering({}), clock)
