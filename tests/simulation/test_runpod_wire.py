"""Runpod's wire as its documents and recordings say: job API, REST v2, workers. Bills: test_runpod_bills.py."""

import base64
import io
import re
from typing import Any

import pytest
from PIL import Image

from simulator.wire import Request
from simulator.world import Failures
from tests.simulation.runpod_stage import CREATE, Wire, graph, runpod_world

UNPINNED = {"gpu": {"pools": ["ADA_48_PRO"]}}


def failing(**rates: float) -> Wire:
    return Wire(runpod_world(failures=Failures(**rates)))


# ---------------------------------------------------------------- jobs


def test_a_job_goes_from_queue_over_progress_to_a_picture_with_whole_milliseconds() -> None:
    wire = Wire()
    endpoint = wire.endpoint()
    job = wire.run(endpoint)
    assert re.fullmatch(r"[0-9a-z]{8}-[0-9a-z]{4}-[0-9a-z]{4}-[0-9a-z]{4}-[0-9a-z]{12}-u1", job)
    assert wire.status(endpoint, job) == {"id": job, "status": "IN_QUEUE"}
    while (seen := wire.status(endpoint, job))["status"] == "IN_QUEUE":
        wire.wait(1)
    assert set(seen) == {"id", "status", "delayTime", "workerId"}  # delayTime is known while it runs
    last = wire.finish(endpoint, job)
    assert set(last) == {"id", "status", "delayTime", "executionTime", "workerId", "output"}
    (true,) = endpoint.pool.jobs.values()
    assert last["delayTime"] == round((true.picked_us - true.accepted_us) / 1000)
    assert last["executionTime"] == round((true.done_us - true.picked_us) / 1000)
    (picture,) = last["output"]["images"]
    assert (picture["type"], picture["filename"]) == ("base64", "bakeoff_00001_.png")
    with Image.open(io.BytesIO(base64.b64decode(picture["data"]))) as image:
        assert image.size == (256, 256)


@pytest.mark.parametrize(
    ("fate", "status", "rest"),
    [
        ("result_missing", "COMPLETED", {}),
        ("worker_lost", "FAILED", {"error": "job timed out after 1 retries", "retries": 1}),
    ],
)
def test_what_the_platform_says_when_the_result_or_the_worker_is_lost(fate: str, status: str, rest: dict) -> None:
    wire = failing(**{fate: 1.0})
    endpoint = wire.endpoint()
    last = wire.finish(endpoint, wire.run(endpoint))
    assert last["status"] == status
    common = ("id", "status", "delayTime", "executionTime", "workerId")
    assert {key: last[key] for key in last if key not in common} == rest


@pytest.mark.parametrize(
    ("fate", "words"), [("out_of_memory", "out of memory"), ("execution_error", "illegal memory access")]
)
def test_what_worker_comfyui_says_when_a_node_fails(fate: str, words: str) -> None:
    wire = failing(**{fate: 1.0})
    endpoint = wire.endpoint()
    last = wire.finish(endpoint, wire.run(endpoint))
    assert (last["status"], last["error"]) == ("FAILED", "Job processing failed")
    (detail,) = last["output"]["details"]
    assert detail.startswith("Workflow execution error: Node Type: KSampler, Node ID: sampler, Message: ")
    assert words in detail


def test_a_job_over_its_own_limit_times_out_at_the_limit() -> None:
    wire = Wire()
    endpoint = wire.endpoint(timeout=900_000)
    last = wire.finish(endpoint, wire.run(endpoint, policy={"executionTimeout": 5000}))
    assert (last["status"], last["executionTime"]) == ("TIMED_OUT", 5000)
    assert "error" not in last


def test_without_a_limit_of_its_own_the_endpoints_counts_and_then_ten_minutes() -> None:
    wire = Wire()
    strict, lax = wire.endpoint(timeout=6000), wire.endpoint(name="bakeoff-lax", timeout=0)
    assert wire.finish(strict, wire.run(strict))["executionTime"] == 6000
    wire.run(lax)
    assert next(iter(lax.pool.jobs.values())).limit_us == 600_000_000


def test_a_result_is_kept_for_thirty_minutes_and_then_forgotten() -> None:
    wire = Wire()
    endpoint = wire.endpoint()
    job = wire.run(endpoint)
    wire.finish(endpoint, job)
    wire.wait(29 * 60)
    assert wire.status(endpoint, job)["status"] == "COMPLETED"
    wire.wait(61)
    assert wire.jobs("GET", f"/{endpoint.id}/status/{job}").status == 404


def test_a_job_older_than_its_ttl_is_deleted_whatever_it_is_doing() -> None:
    wire = Wire()
    endpoint = wire.endpoint()
    job = wire.run(endpoint, policy={"ttl": 40_000})
    wire.wait(39)
    assert wire.status(endpoint, job)["status"] == "IN_PROGRESS"
    wire.wait(1)
    assert wire.jobs("GET", f"/{endpoint.id}/status/{job}").status == 404
    assert [true.state for true in endpoint.pool.jobs.values()] == ["cancelled"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "JSON"),
        (b"[]", "input"),
        ({}, "input"),
        ({"input": {"workflow": {}}, "policy": {"executionTimeout": 4999}}, "executionTimeout"),
        ({"input": {"workflow": {}}, "policy": {"ttl": 9999}}, "ttl"),
        ({"input": {"workflow": {}}, "policy": {"ttl": True}}, "ttl"),
        ({"input": "x" * (10 * 2**20)}, "10 MB"),
    ],
)
def test_a_request_that_cannot_be_right_is_a_400(body: Any, words: str) -> None:
    wire = Wire()
    endpoint = wire.endpoint()
    reply = wire.jobs("POST", f"/{endpoint.id}/run", body)
    assert reply.status == 400
    assert words in reply.body["error"]
    assert endpoint.jobs == {}


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({}, "job timed out after 1 retries"),
        ({"prompt": "x"}, "Missing 'workflow' parameter"),
        ("a cat", "Missing 'workflow' parameter"),
        ({"workflow": {"1": {"class_type": "Nope", "inputs": {}}}}, "Node 'Nope' not found|Nope does not exist"),
    ],
)
def test_what_the_worker_cannot_run_fails_in_its_words(given: Any, error: str) -> None:
    wire = Wire()
    endpoint = wire.endpoint()
    job = wire.jobs("POST", f"/{endpoint.id}/run", {"input": given}).body["id"]
    last = wire.status(endpoint, job)
    assert last["status"] == "FAILED"
    assert re.search(error, last["error"])


def test_a_graph_that_only_previews_completes_without_a_picture() -> None:
    wire = Wire()
    endpoint = wire.endpoint()
    preview = {**graph(), "save": {"class_type": "PreviewImage", "inputs": {"images": ["decode", 0]}}}
    job = wire.jobs("POST", f"/{endpoint.id}/run", {"input": {"workflow": preview}}).body["id"]
    assert wire.finish(endpoint, job)["output"] == {"status": "success_no_images", "images": []}


def test_a_graph_without_a_model_takes_next_to_no_time() -> None:
    wire = Wire()
    endpoint = wire.endpoint()
    plain = {
        "1": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 32, "batch_size": 1, "color": 255}},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "plain"}},
    }
    job = wire.jobs("POST", f"/{endpoint.id}/run", {"input": {"workflow": plain}}).body["id"]
    last = wire.finish(endpoint, job)
    assert last["executionTime"] == 500  # the world's overhead
    assert last["output"]["images"][0]["filename"] == "plain_00001_.png"


def test_cancelling_a_queued_and_a_running_job_and_one_that_is_done() -> None:
    wire = Wire()
    endpoint = wire.endpoint()
    done = wire.run(endpoint, 1)
    wire.finish(endpoint, done)
    running, queued = wire.run(endpoint, 2), wire.run(endpoint, 3)
    wire.wait(1)
    for job in (queued, running):
        assert wire.jobs("POST", f"/{endpoint.id}/cancel/{job}").body == {"id": job, "status": "CANCELLED"}
    assert wire.jobs("POST", f"/{endpoint.id}/cancel/{done}").body["status"] == "COMPLETED"
    assert wire.jobs("POST", f"/{endpoint.id}/cancel/nobody").status == 404


def test_a_retry_takes_the_same_id_and_input_and_only_what_failed() -> None:
    wire = failing(execution_error=1.0)
    endpoint = wire.endpoint()
    job = wire.run(endpoint)
    assert wire.jobs("POST", f"/{endpoint.id}/retry/{job}").status == 400
    wire.finish(endpoint, job)
    assert wire.jobs("POST", f"/{endpoint.id}/retry/{job}").body == {"id": job, "status": "IN_QUEUE"}
    assert "output" not in wire.status(endpoint, job)
    assert wire.finish(endpoint, job)["status"] == "FAILED"
    assert len(endpoint.pool.jobs) == 2
    assert wire.simulation.ledger.paid_calls["runpod.submit"] == 2


def test_purging_removes_what_is_queued_and_leaves_what_runs() -> None:
    wire = Wire()
    endpoint = wire.endpoint()
    wire.finish(endpoint, wire.run(endpoint, 1))
    running, *queued = (wire.run(endpoint, seed) for seed in (2, 3, 4))
    assert wire.jobs("POST", f"/{endpoint.id}/purge-queue").body == {"removed": 2, "status": "completed"}
    assert wire.status(endpoint, running)["status"] == "IN_PROGRESS"
    assert {wire.status(endpoint, job)["status"] for job in queued} == {"CANCELLED"}


def test_health_counts_scaled_down_workers_as_idle_and_ready() -> None:
    wire = Wire()
    endpoint = wire.endpoint()
    nobody = {"idle": 0, "initializing": 0, "ready": 0, "running": 0, "throttled": 0, "unhealthy": 0}
    assert wire.jobs("GET", f"/{endpoint.id}/health").body["workers"] == nobody
    wire.run(endpoint)
    assert wire.jobs("GET", f"/{endpoint.id}/health").body["workers"] == nobody | {"initializing": 1}
    wire.finish(endpoint, next(iter(endpoint.jobs)))
    wire.wait(31)
    seen = wire.jobs("GET", f"/{endpoint.id}/health").body
    assert seen["workers"] == nobody | {"idle": 1, "ready": 1}
    assert seen["jobs"] == {"completed": 1, "failed": 0, "inProgress": 0, "inQueue": 0, "retried": 0}


def test_runsync_waits_for_the_result_and_otherwise_says_how_far_it_is() -> None:
    wire = Wire()
    endpoint = wire.endpoint()
    body = {"input": {"workflow": graph()}}
    reply = wire.jobs("POST", f"/{endpoint.id}/runsync", body, wait="2000")
    assert reply.body["id"].startswith("sync-")
    assert reply.hold is not None
    assert reply.hold() is None
    job = reply.body["id"]
    wire.finish(endpoint, job)
    assert reply.hold().body["status"] == "COMPLETED"
    wire.wait(61)
    assert wire.jobs("GET", f"/{endpoint.id}/status/{job}").status == 404  # kept for a minute only
    assert wire.jobs("POST", f"/{endpoint.id}/runsync", body, wait="999").status == 400


def test_requests_and_stream_answer() -> None:
    wire = Wire()
    endpoint = wire.endpoint()
    job = wire.run(endpoint)
    assert wire.jobs("GET", f"/{endpoint.id}/requests").body["requests"] == [{"id": job, "status": "IN_QUEUE"}]
    assert wire.jobs("GET", f"/{endpoint.id}/stream/{job}").body == {"status": "IN_QUEUE", "stream": []}


@pytest.mark.parametrize(
    ("method", "path", "key", "status"),
    [
        ("POST", "/{id}/run", None, 401),
        ("POST", "/{id}/run", "another", 401),
        ("POST", "/nobody/run", "canary-runpod-key", 404),
        ("GET", "/{id}/run", "canary-runpod-key", 404),
        ("GET", "/{id}/status/nobody", "canary-runpod-key", 404),
        ("GET", "/{id}", "canary-runpod-key", 404),
    ],
)
def test_who_may_not_or_asks_for_nothing_is_refused(method: str, path: str, key: str | None, status: int) -> None:
    wire = Wire()
    endpoint = wire.endpoint()
    assert wire.jobs(method, path.format(id=endpoint.id), {"input": {"a": 1}}, key=key).status == status
    assert endpoint.jobs == {}


def test_more_than_two_purges_in_ten_seconds_are_too_many() -> None:
    wire = Wire()
    endpoint = wire.endpoint()
    replies = [wire.jobs("POST", f"/{endpoint.id}/purge-queue").status for _ in range(3)]
    assert replies == [200, 200, 429]
    wire.wait(10)
    assert wire.jobs("POST", f"/{endpoint.id}/purge-queue").status == 200


# ---------------------------------------------------------------- workers


def workers(wire: Wire, endpoint: Any) -> list[dict[str, Any]]:
    return wire.rest("GET", f"/serverless/{endpoint.id}/workers").body["workers"]


def test_a_worker_initializes_runs_idles_and_leaves_the_list_after_its_idle_timeout() -> None:
    wire = Wire()
    endpoint = wire.endpoint()
    assert workers(wire, endpoint) == []
    job = wire.run(endpoint)
    (pulling,) = workers(wire, endpoint)
    assert (pulling["status"], pulling["startedAt"], pulling["uptimeSeconds"]) == ("INITIALIZING", None, None)
    true = endpoint.pool.workers[0]
    wire.wait(true.draw.pull_us / 1e6 + 2)
    (booting,) = workers(wire, endpoint)
    assert (booting["status"], booting["uptimeSeconds"]) == ("INITIALIZING", 2)
    assert booting["startedAt"] is not None
    wire.wait(true.draw.boot_us / 1e6)
    assert workers(wire, endpoint)[0]["status"] == "RUNNING"
    last = wire.finish(endpoint, job)
    (idle,) = workers(wire, endpoint)
    assert idle["status"] == "IDLE"
    assert (idle["id"], idle["startedAt"]) == (last["workerId"], booting["startedAt"])
    assert idle["gpuTypeId"] == "NVIDIA L40S"
    wire.wait(30)
    assert workers(wire, endpoint) == []


def test_a_worker_keeps_its_id_when_it_scales_down_and_up_but_not_its_start() -> None:
    wire = Wire()
    endpoint = wire.endpoint()
    first = wire.finish(endpoint, wire.run(endpoint, 1))["workerId"]
    started = workers(wire, endpoint)[0]["startedAt"]
    wire.wait(100)
    assert wire.finish(endpoint, wire.run(endpoint, 2))["workerId"] == first
    assert workers(wire, endpoint)[0]["startedAt"] != started
    assert [true.start_kind for true in endpoint.pool.jobs.values()] == ["cold", "cold"]


def test_the_place_of_a_worker_that_died_gets_a_new_id() -> None:
    wire = failing(worker_lost=1.0)
    endpoint = wire.endpoint()
    ids = [wire.finish(endpoint, wire.run(endpoint, seed))["workerId"] for seed in (1, 2)]
    assert ids[0] != ids[1]


def test_workers_side_by_side_have_ids_of_their_own() -> None:
    wire = Wire()
    endpoint = wire.endpoint(workers={"max": 3})
    jobs = [wire.run(endpoint, seed) for seed in (1, 2, 3)]
    assert len({wire.finish(endpoint, job)["workerId"] for job in jobs}) == 3


def test_workers_that_crash_leave_the_job_in_the_queue_and_the_list_says_unhealthy() -> None:
    """In the queue it looks like missing capacity: only the list and /health tell (runpod-mcp issue 62, 2026)."""
    wire = Wire(runpod_world(crash_share=1.0))
    endpoint = wire.endpoint()
    job = wire.run(endpoint)
    wire.wait(3600)
    assert wire.status(endpoint, job)["status"] == "IN_QUEUE"
    body = wire.rest("GET", f"/serverless/{endpoint.id}/workers").body
    assert body["summary"] == {
        "running": 0, "idle": 0, "initializing": 0, "throttled": 0, "unhealthy": 1, "total": 1,
    }  # fmt: skip
    (row,) = body["workers"]
    assert (row["status"], row["startedAt"] is not None) == ("UNHEALTHY", True)
    workers = wire.jobs("GET", f"/{endpoint.id}/health").body["workers"]
    assert (workers["unhealthy"], workers["ready"], workers["throttled"]) == (1, 0, 0)


def test_jobs_without_capacity_wait_and_the_list_says_throttled() -> None:
    wire = Wire(runpod_world(capacity={"L40S": 0}))
    endpoint = wire.endpoint()
    job = wire.run(endpoint)
    wire.wait(3600)
    assert wire.status(endpoint, job)["status"] == "IN_QUEUE"
    body = wire.rest("GET", f"/serverless/{endpoint.id}/workers").body
    assert body["summary"] == {
        "running": 0, "idle": 0, "initializing": 0, "throttled": 1, "unhealthy": 0, "total": 1,
    }  # fmt: skip
    assert body["workers"][0]["gpuTypeId"] is None


def test_with_flashboot_off_nothing_is_restored_and_with_it_on_it_may_be() -> None:
    world = runpod_world()
    restore = world.runpod.boot.model_copy(update={"median_s": 1.0})
    wire = Wire(runpod_world(restore=restore, restore_share=1.0))
    off, on = wire.endpoint(), wire.endpoint(name="bakeoff-on", flashboot="FLASHBOOT")
    for endpoint in (off, on):
        wire.finish(endpoint, wire.run(endpoint))
    assert [endpoint.pool.workers[0].draw.kind for endpoint in (off, on)] == ["cold", "restored"]


@pytest.mark.parametrize(("days", "most"), [(2.9, 3), (3.1, 2), (6.9, 2), (7.1, 0)])
def test_an_endpoint_that_nobody_asks_loses_its_workers_for_good(days: float, most: int) -> None:
    wire = Wire()
    endpoint = wire.endpoint(workers={"max": 3})
    wire.finish(endpoint, wire.run(endpoint))
    wire.wait(days * 86_400)
    assert wire.rest("GET", f"/serverless/{endpoint.id}").body["workers"]["max"] == most
    job = wire.run(endpoint, 2)
    wire.wait(600)
    assert wire.status(endpoint, job)["status"] == ("IN_QUEUE" if most == 0 else "COMPLETED")


def test_active_workers_are_there_from_the_start_and_stay() -> None:
    wire = Wire()
    endpoint = wire.endpoint(workers={"min": 1, "max": 2})
    wire.wait(4000)
    assert [worker["status"] for worker in workers(wire, endpoint)] == ["IDLE"]


# ---------------------------------------------------------------- control plane


def test_an_endpoint_is_made_shown_listed_changed_and_deleted() -> None:
    wire = Wire()
    made = wire.rest("POST", "/serverless", CREATE)
    path = f"/serverless/{made.body['id']}"
    assert made.body["requestUrls"]["status"] == f"https://api.runpod.ai/v2/{made.body['id']}/status/{{job_id}}"
    assert wire.rest("GET", path).body == made.body
    assert wire.rest("GET", "/serverless").body == {"endpoints": [made.body]}
    changed = wire.rest("PATCH", path, {"workers": {"max": 4}}).body
    assert changed == made.body | {"workers": {"min": 0, "max": 4, "idleTimeout": 30}}
    deleted = wire.rest("DELETE", path)
    assert (deleted.status, deleted.body) == (204, None)
    assert wire.rest("GET", path).status == 404
    assert wire.rest("GET", "/serverless").body == {"endpoints": []}
    assert wire.jobs("POST", f"/{made.body['id']}/run", {"input": {"a": 1}}).status == 404


def test_deleting_ends_the_workers_and_cancels_the_jobs() -> None:
    wire = Wire()
    endpoint = wire.endpoint()
    wire.run(endpoint)
    wire.wait(20)
    wire.rest("DELETE", f"/serverless/{endpoint.id}")
    assert endpoint.pool.alive() == []
    assert [true.state for true in endpoint.pool.jobs.values()] == ["cancelled"]


def test_more_workers_are_used_at_once_when_the_maximum_is_raised() -> None:
    wire = Wire()
    endpoint = wire.endpoint()
    for seed in (1, 2, 3):
        wire.run(endpoint, seed)
    assert len(endpoint.pool.alive()) == 1
    wire.rest("PATCH", f"/serverless/{endpoint.id}", {"workers": {"max": 3}})
    assert len(endpoint.pool.alive()) == 3


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({"bogus": 1}, 422, "$: additional properties 'bogus' not allowed"),
        ({"gpu": {"pools": ["ADA_24"], "colour": "red"}}, 422, "$.gpu: additional properties 'colour' not allowed"),
        ({"workers": {"idleTimeout": 3601}}, 422, "workers.idleTimeout"),
        ({"scaling": {"type": "QUEUE_DELAY", "queueDelay": 0.1}}, 422, "queueDelay"),
        ({"scaling": {"type": "GUESS"}}, 422, "scaling"),
        ({"name": ""}, 422, "name"),
        ({"gpu": {"pools": ["NOPE"]}}, 400, "NOPE"),
        ({"gpu": {"pools": ["ADA_24"], "excludedTypes": ["NVIDIA GeForce RTX 4090"]}}, 400, "leaves no GPU type"),
        ({"gpu": None}, 400, "exactly one of gpu and cpu"),
        ({"image": None}, 400, "image is required"),
        ({"templateId": "nobody"}, 404, "template"),
        ({"scaling": {"type": "REQUEST_COUNT", "requestCount": 1}}, 400, "idleTimeout"),
    ],
)
def test_a_body_that_cannot_be_right_is_a_problem_that_says_why(change: dict, status: int, words: str) -> None:
    wire = Wire()
    reply = wire.rest("POST", "/serverless", CREATE | change)
    assert (reply.status, reply.headers["content-type"]) == (status, "application/problem+json")
    assert reply.body["status"] == status
    assert words in " ".join([reply.body["detail"], *reply.body.get("errors", [])])
    assert wire.simulation.ledger.paid_calls["runpod.deploy"] == 0


def test_with_request_count_there_is_no_idle_timeout_to_show() -> None:
    wire = Wire()
    body = CREATE | {"scaling": {"type": "REQUEST_COUNT", "requestCount": 2}, "workers": {"max": 2}}
    assert wire.rest("POST", "/serverless", body).body["workers"] == {"min": 0, "max": 2}


def test_what_is_left_out_gets_the_observed_defaults() -> None:
    wire = Wire()
    few = {name: CREATE[name] for name in ("name", "type", "image", "scaling")} | UNPINNED
    body = wire.rest("POST", "/serverless", few).body
    assert body["timeout"] == 0  # the specification says 300000
    assert body["workers"] == {"min": 0, "max": 3, "idleTimeout": 10}
    assert (body["flashboot"], body["disk"]) == ("OFF", 20)


def test_a_template_is_copied_once_and_fields_of_the_endpoint_win() -> None:
    wire = Wire()
    template = wire.rest("POST", "/templates", {"name": "t", "image": "a:1", "env": {"A": "1"}, "disk": 50}).body
    assert (template["startSsh"], template["startJupyter"], template["serverless"]) == (True, True, False)
    body = {**CREATE, "image": None, "templateId": template["id"], "disk": 70}
    made = wire.rest("POST", "/serverless", body).body
    assert (made["image"], made["disk"], made["env"]) == ("a:1", 70, {"A": "1"})
    path = f"/templates/{template['id']}"
    assert wire.rest("PATCH", path, {"image": "a:2"}).body["image"] == "a:2"
    assert wire.rest("GET", f"/serverless/{made['id']}").body["image"] == "a:1"
    assert wire.rest("GET", "/templates").body["templates"][0]["image"] == "a:2"
    assert wire.rest("DELETE", path).status == 204
    assert wire.rest("GET", path).status == 404


def test_a_new_image_is_a_new_release_and_a_new_size_is_none() -> None:
    wire = Wire()
    endpoint = wire.endpoint()
    wire.rest("PATCH", f"/serverless/{endpoint.id}", {"workers": {"max": 2}})
    wire.rest("PATCH", f"/serverless/{endpoint.id}", {"image": "b:2"})
    body = wire.rest("GET", f"/serverless/{endpoint.id}/releases").body
    assert [release["version"] for release in body["releases"]] == [2, 1]
    assert body["releases"][0]["diff"] == [{"field": "image", "old": CREATE["image"], "new": "b:2"}]


def test_a_workers_log_is_a_stream_of_events() -> None:
    wire = Wire()
    endpoint = wire.endpoint()
    last = wire.finish(endpoint, wire.run(endpoint))
    reply = wire.rest("GET", f"/serverless/{endpoint.id}/workers/{last['workerId']}/logs")
    assert reply.headers["content-type"] == "text/event-stream"
    assert reply.body.count("data: ") == 2
    assert wire.rest("GET", f"/serverless/{endpoint.id}/workers/nobody/logs").status == 404


def test_the_catalogue_prices_cards_per_hour_and_tells_stock_only_when_asked() -> None:
    wire = Wire()
    plain = wire.rest("GET", "/catalog/gpus").body["gpus"]
    l40s = next(gpu for gpu in plain if gpu["name"] == "L40S")
    assert (l40s["id"], l40s["pool"], l40s["memory"]) == ("NVIDIA L40S", "ADA_48_PRO", 48)
    assert l40s["price"]["serverless"] == 1.908
    assert "availability" not in l40s
    stock = wire.rest("GET", "/catalog/gpus", include="AVAILABILITY", product="SERVERLESS").body["gpus"]
    levels = {gpu["name"]: gpu["availability"] for gpu in stock}
    assert (levels["L40S"], levels["L40"], levels["RTX 4090"]) == ("HIGH", "NONE", "HIGH")
    assert wire.rest("GET", "/catalog/gpus/NVIDIA L40S").body == l40s
    assert wire.rest("GET", "/catalog/gpus/nobody").status == 404
    assert wire.rest("GET", "/catalog/gpus", include="AVAILABILITY").status == 400
    assert wire.rest("GET", "/catalog/gpus", include="PRICES").status == 422


def test_an_unpinned_pool_gives_a_card_that_exists_there() -> None:
    endpoint = Wire().endpoint(**UNPINNED)
    assert endpoint.gpu.id == "NVIDIA L40S"


def test_every_answer_to_an_authenticated_call_tells_the_quota_and_the_sixty_first_is_too_many() -> None:
    wire = Wire()
    replies = [wire.rest("GET", "/serverless") for _ in range(61)]
    assert replies[0].headers["RateLimit"].startswith('"minute";r=59;t=60, "hour";r=2999;t=3600')
    assert replies[0].headers["RateLimit-Policy"] == '"minute";q=60;w=60, "hour";q=3000;w=3600, "day";q=50000;w=86400'
    assert [reply.status for reply in replies] == [200] * 60 + [429]
    assert replies[-1].headers["retry-after"] == "60"
    wire.wait(60)
    assert wire.rest("GET", "/serverless").status == 200
    assert "RateLimit" not in wire.rest("GET", "/serverless", key=None).headers


@pytest.mark.parametrize(("key", "words"), [(None, "missing bearer token"), ("x", "invalid bearer token")])
def test_without_the_right_key_nothing_is_shown_or_made(key: str | None, words: str) -> None:
    wire = Wire()
    reply = wire.rest("POST", "/serverless", CREATE, key=key)
    assert (reply.status, reply.body["title"], reply.body["detail"]) == (401, "Unauthorized", words)
    assert wire.simulation.runpod.endpoints == {}


def test_the_first_generation_is_gone() -> None:
    request = Request(service="runpod_rest", method="GET", path="/v1/billing/endpoints")
    reply = Wire().simulation.runpod.handle(request)
    assert reply.status == 410
    assert "v2" in reply.body["detail"]
