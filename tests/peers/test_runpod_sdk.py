"""The official `runpod` SDK and its worker loop drive the simulator unmodified. Imports nothing of ours."""

import base64
import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest
import requests
import runpod
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
KEY = "canary-peers-runpod"
SPEED = 100  # world seconds per real second: a cold job of about a minute takes less than a second
PATIENCE_S = 30
HANDLER = """
import asyncio, runpod

async def handler(job):
    if "sleep_s" in job["input"]:
        await asyncio.sleep(job["input"]["sleep_s"])
    if "fail" in job["input"]:
        return {"error": job["input"]["fail"], "details": ["a line"]}
    return {"echo": job["input"]}

runpod.serverless.start({"handler": handler})
"""


class World:
    """One simulator process, its control address and its control plane."""

    def __init__(self, urls: dict[str, str]) -> None:
        self.jobs, self.rest, self.control = f"{urls['runpod_jobs']}/v2", f"{urls['runpod_rest']}/v2", urls["control"]
        self._serial = 0

    def endpoint(self, **changes: Any) -> str:
        """A fresh endpoint; its id. The SDK knows only GraphQL for this, which retires."""
        self._serial += 1
        body = {
            "name": f"bakeoff-peer-{self._serial}",
            "type": "QUEUE",
            "image": "runpod/worker-comfyui:5.8.5-base",
            "gpu": {"pools": ["ADA_24"]},
            "workers": {"min": 0, "max": 1, "idleTimeout": 600},
            "scaling": {"type": "QUEUE_DELAY", "queueDelay": 1},
            "timeout": 600_000,
        }
        headers = {"Authorization": f"Bearer {KEY}"}
        reply = httpx.post(f"{self.rest}/serverless", json=body | changes, headers=headers, timeout=20)
        assert reply.status_code == 201, reply.text
        return reply.json()["id"]

    def fail(self, call: str, kind: str, times: int = 1) -> None:
        """Plan a fault of the job API."""
        fault = {"service": "runpod_jobs", "call": call, "kind": kind, "times": times}
        assert httpx.post(f"{self.control}/faults", json=[fault], timeout=20).status_code == 201

    def ledger(self) -> dict[str, Any]:
        """What truly happened."""
        return httpx.get(f"{self.control}/ledger", timeout=20).json()

    def true_job(self, job_id: str) -> dict[str, Any]:
        """One job of the ledger."""
        return next(job for job in self.ledger()["jobs"] if job["job_id"] == job_id)

    def submits(self) -> int:
        """Paid job calls that took effect."""
        return self.ledger()["paid_calls"].get("runpod.submit", 0)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    command = [ROOT / ".venv/bin/python", "-m", "simulator", "--control", "--speed", str(SPEED)]
    command += ["--key", f"runpod={KEY}", "--world", "quiet"]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        found = World(json.loads(process.stdout.readline())["urls"])
        runpod.endpoint_url_base, runpod.api_key = found.jobs, KEY
        yield found
    finally:
        process.terminate()
        process.communicate()


def graph(seed: int) -> dict[str, Any]:
    """A small flux-dev job, as any user of the endpoint would send it."""
    filled = json.loads((ROOT / "workflows/flux-dev/graph.json").read_text())
    filled["positive"]["inputs"]["text"] = "a red fox at dawn"
    filled["sampler"]["inputs"]["seed"] = seed
    filled["latent"]["inputs"] |= {"width": 256, "height": 320}
    return {"workflow": filled}


def size(output: dict[str, Any]) -> tuple[int, int]:
    (picture,) = output["images"]
    with Image.open(io.BytesIO(base64.b64decode(picture["data"]))) as image:
        return image.size


def until(true: Callable[[], Any]) -> Any:
    for _ in range(PATIENCE_S * 20):
        if found := true():
            return found
        threading.Event().wait(0.05)
    raise AssertionError(f"nothing came of it in {PATIENCE_S} s")


# ---------------------------------------------------------------- Endpoint and Job


def test_a_job_runs_to_its_picture(world: World) -> None:
    job = runpod.Endpoint(world.endpoint()).run(graph(1))
    assert job.status() in ("IN_QUEUE", "IN_PROGRESS")
    assert size(job.output(timeout=PATIENCE_S)) == (256, 320)
    assert job.status() == "COMPLETED"
    assert world.true_job(job.job_id)["fate"] == "good"


def test_run_sync_gives_the_output_itself(world: World) -> None:
    assert size(runpod.Endpoint(world.endpoint()).run_sync(graph(2))) == (256, 320)


def test_a_cancelled_job_stays_cancelled(world: World) -> None:
    job = runpod.Endpoint(world.endpoint()).run(graph(3))
    assert job.cancel() == {"id": job.job_id, "status": "CANCELLED"}
    assert job.status() == "CANCELLED"
    assert world.true_job(job.job_id)["state"] == "cancelled"


def test_a_job_that_fails_has_no_output_and_its_error_only_in_the_raw_reply(world: World) -> None:
    job = runpod.Endpoint(world.endpoint()).run({"input": {"prompt": "no workflow"}})
    assert (job.status(), job.output(timeout=5)) == ("FAILED", None)
    assert job._fetch_job()["error"] == "Missing 'workflow' parameter"


def test_policy_passes_through_and_ends_a_job(world: World) -> None:
    job = runpod.Endpoint(world.endpoint()).run({"input": graph(4), "policy": {"executionTimeout": 5000}})
    assert job.output(timeout=PATIENCE_S) is None
    assert job.status() == "TIMED_OUT"
    assert job._fetch_job()["executionTime"] == 5000


def test_health_and_purge_queue_speak_of_the_endpoint(world: World) -> None:
    endpoint = runpod.Endpoint(world.endpoint())
    for seed in (5, 6, 7):
        endpoint.run(graph(seed))
    removed = endpoint.purge_queue()
    assert removed["status"] == "completed"
    health = endpoint.health()
    assert health["jobs"]["inQueue"] == 0
    assert set(health["workers"]) == {"idle", "initializing", "ready", "running", "throttled", "unhealthy"}


def test_a_wrong_key_and_an_unknown_endpoint_are_what_the_sdk_calls_them(world: World) -> None:
    with pytest.raises(RuntimeError, match="401 Unauthorized"):
        runpod.Endpoint(world.endpoint(), api_key="wrong").run(graph(8))
    with pytest.raises(requests.HTTPError, match="404"):
        runpod.Endpoint("nobody").run(graph(8))


@pytest.mark.parametrize("kind", ["rate_limited", "server_error"])
def test_a_refused_submit_is_an_error_of_the_sdk_and_no_job(world: World, kind: str) -> None:
    endpoint, before = runpod.Endpoint(world.endpoint()), world.submits()
    world.fail("/run$", kind)
    with pytest.raises(requests.HTTPError):
        endpoint.run(graph(9))
    assert world.submits() == before


@pytest.mark.parametrize(("kind", "effects"), [("drop", 0), ("lost_reply", 1)])
def test_a_submit_whose_connection_breaks_is_sent_once_by_the_sdk_too(world: World, kind: str, effects: int) -> None:
    endpoint, before = runpod.Endpoint(world.endpoint()), world.submits()
    world.fail("/run$", kind)
    with pytest.raises(requests.ConnectionError):
        endpoint.run(graph(10))
    assert world.submits() - before == effects


async def test_the_asynchronous_client_sees_the_same_job(world: World) -> None:
    endpoint_id = world.endpoint()
    async with aiohttp.ClientSession() as session:
        endpoint = runpod.AsyncioEndpoint(endpoint_id, session)
        job = await endpoint.run(graph(11))
        assert size(await job.output(timeout=PATIENCE_S)) == (256, 320)
        stopped = await endpoint.run(graph(12))
        assert (await stopped.cancel())["status"] == "CANCELLED"
        assert await stopped.status() == "CANCELLED"
        assert (await endpoint.health())["jobs"]["completed"] == 1


# ---------------------------------------------------------------- the worker loop


@contextlib.contextmanager
def worker(world: World, endpoint_id: str, folder: Path) -> Iterator[None]:
    """The SDK's own worker loop serving the endpoint, as the platform starts it."""
    (folder / "handler.py").write_text(HANDLER)
    base = f"{world.jobs}/{endpoint_id}"
    environment = os.environ | {
        "RUNPOD_WEBHOOK_GET_JOB": f"{base}/job-take/$ID?gpu=CPU",
        "RUNPOD_WEBHOOK_POST_OUTPUT": f"{base}/job-done/$RUNPOD_POD_ID/$ID?gpu=CPU",
        "RUNPOD_WEBHOOK_PING": f"{base}/ping/$RUNPOD_POD_ID?gpu=CPU",
        "RUNPOD_PING_INTERVAL": "1000",
        "RUNPOD_AI_API_KEY": KEY,
        "RUNPOD_POD_ID": "real-worker-1",
        "RUNPOD_ENDPOINT_ID": endpoint_id,
        # Else it opens a connection to a public resolver and may end itself on a small machine.
        "RUNPOD_SKIP_AUTO_SYSTEM_CHECKS": "true",
        "RUNPOD_SKIP_GPU_CHECK": "true",
    }
    command = [sys.executable, "handler.py", "--rp_log_level", "ERROR"]
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # its heartbeat is a process of its own and would stay
        process.wait(PATIENCE_S)


def test_a_real_worker_takes_jobs_posts_results_and_stops_what_is_cancelled(world: World, tmp_path: Path) -> None:
    endpoint_id = world.endpoint(env={"SIMULATOR_EXTERNAL_WORKERS": "1"})
    endpoint = runpod.Endpoint(endpoint_id)
    with worker(world, endpoint_id, tmp_path):
        job = endpoint.run({"n": 7})
        assert job.output(timeout=PATIENCE_S) == {"echo": {"n": 7}}
        raw = job._fetch_job()
        assert raw["workerId"] == "real-worker-1"
        assert raw["delayTime"] > 0
        assert raw["executionTime"] > 0

        failing = endpoint.run({"fail": "as asked"})
        assert until(lambda: failing.status() == "FAILED")
        raw = failing._fetch_job()
        assert (raw["error"], raw["output"]) == ("as asked", {"details": ["a line"]})

        long = endpoint.run({"sleep_s": 3600})
        assert until(lambda: long.status() == "IN_PROGRESS")
        long.cancel()
        after = endpoint.run({"n": 8})  # the worker is free again: it heard of it
        assert after.output(timeout=PATIENCE_S) == {"echo": {"n": 8}}
        assert long.status() == "CANCELLED"
