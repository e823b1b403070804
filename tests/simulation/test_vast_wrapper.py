"""The API wrapper on a rented instance, as it was seen in front of a real ComfyUI (@e1d04af, run 2026-11-23)."""

import base64
import io
from typing import Any

import pytest
from PIL import Image

from simulator.world import Failures
from tests.simulation.vast_desk import Desk, graph, job, world_with

HISTORY = {"x-include-comfyui-response": "1"}


def ready(**failures: float) -> tuple[Desk, int]:
    """A desk with one instance whose wrapper answers on that port."""
    desk = Desk(world_with(Failures(**failures)))
    return desk, desk.running()[1]


def test_nothing_listens_before_the_container_runs_then_the_portal_then_the_wrapper() -> None:
    desk = Desk()
    id = desk.rent()
    rental = desk.cloud.rentals[id]
    seen: list[Any] = []
    while not seen or seen[-1] != 200:
        reply = desk.knock(rental.port, "GET", "/health")
        answer = reply.cut or reply.status
        if not seen or seen[-1] != answer:
            seen.append(answer)
        desk.wait(1)

    assert seen == ["reset", 502, 200]
    worker = rental.worker
    assert worker is not None
    assert worker.ready_us is not None
    assert 0 <= desk.engine.now_us - worker.ready_us <= 2_000_000
    assert worker.pulled_us is not None
    assert worker.pulled_us < worker.ready_us


def test_a_comfyui_that_dies_again_and_again_is_latched_and_takes_no_job() -> None:
    world = world_with(Failures())
    desk = Desk(world.model_copy(update={"vast": world.vast.model_copy(update={"crash_share": 1.0})}))
    rental = desk.cloud.rentals[desk.rent()]
    desk.wait(3600)
    health = desk.knock(rental.port, "GET", "/health")
    assert (health.status, health.body["status"]) == (200, "unhealthy")
    assert (health.body["gpu"]["unrecoverable"], health.body["backends_healthy"]) == (True, "0/1")
    assert rental.status(desk.engine.now_us) == "running"  # and billed


def test_an_unknown_port_answers_nothing() -> None:
    desk, port = ready()

    assert desk.knock(port + 1, "GET", "/health").cut == "reset"


@pytest.mark.parametrize("key", [None, "guess"])
def test_only_the_password_of_the_instance_opens_it(key: str | None) -> None:
    desk, port = ready()

    assert desk.knock(port, "GET", "/health", key=key).status == 401
    assert desk.knock(port, "POST", "/generate", {"input": job()}, key=key).status == 401
    assert desk.ledger.paid_calls["vast.submit"] == 0


def test_an_instance_without_a_password_of_ours_made_up_its_own() -> None:
    desk = Desk()
    _, port = desk.running(env={"-p 8288:8288": "1"})

    assert desk.knock(port, "GET", "/health", key="").status == 401


def test_health_names_comfyui_and_the_gpu() -> None:
    desk, port = ready()
    backend = desk.knock(port, "GET", "/health").body["backends"][0]

    assert backend["system_stats"]["system"]["comfyui_version"]
    assert "L40S" in backend["system_stats"]["devices"][0]["name"]


def test_a_job_is_accepted_with_202_and_goes_from_pending_to_generating_to_completed() -> None:
    desk, port = ready()
    first, second = desk.generate(port, request_id="a"), desk.generate(port, request_id="b", seed=2)

    assert (first.status, first.body["status"], first.body["id"]) == (202, "pending", "a")
    assert second.status == 202
    statuses = [desk.knock(port, "GET", f"/result/{id}").body["status"] for id in ("a", "b")]
    assert statuses == ["generating", "pending"]
    done = desk.finished(port, "a")
    assert (done.status, done.body["status"], done.body["message"]) == (200, "completed", "Processing complete.")
    assert desk.knock(port, "GET", "/result/b").body["status"] == "completed"
    assert desk.ledger.paid_calls["vast.submit"] == 2


def test_jobs_run_one_at_a_time_in_order() -> None:
    desk, port = ready()
    for name in "abc":
        desk.generate(port, request_id=name, seed=ord(name))
    timings = [desk.finished(port, name).body["timings"] for name in "abc"]
    pool = desk.ledger.rented[0].pool

    ends = [job.done_us for job in pool.jobs.values()]
    starts = [job.picked_us for job in pool.jobs.values()]
    assert ends[0] == starts[1]
    assert ends[1] == starts[2]
    assert [
        round(timing["total_ms"] - timing["generation_ms"] - timing["postprocess_ms"], -1) > 0 for timing in timings
    ] == [
        False,
        True,
        True,
    ]


def test_timings_are_whole_milliseconds_and_the_total_counts_from_queueing() -> None:
    desk, port = ready()
    desk.generate(port, request_id="a")
    timings = desk.finished(port, "a").body["timings"]

    assert set(timings) == {
        "queued_at_ms", "preprocess_ms", "generation_ms", "postprocess_ms", "completed_at_ms", "total_ms",
    }  # fmt: skip
    assert all(isinstance(value, int) for value in timings.values())
    assert timings["total_ms"] == timings["completed_at_ms"] - timings["queued_at_ms"]


def test_the_picture_comes_as_base64_when_asked_for_and_else_as_a_path_alone() -> None:
    desk, port = ready()
    desk.generate(port, request_id="with")
    desk.generate(port, request_id="without", seed=2, return_outputs_as_base64=False)
    (given,) = desk.finished(port, "with").body["output"]
    (path_only,) = desk.finished(port, "without").body["output"]

    with Image.open(io.BytesIO(base64.b64decode(given["data"]))) as image:
        assert image.size == (256, 256)
    assert given["mimetype"] == "image/png"
    assert (given["type"], given["output_type"]) == ("output", "images")
    assert "data" not in path_only
    assert path_only["local_path"].endswith(path_only["filename"])


def test_an_id_that_was_never_given_is_a_404_whose_body_says_failed() -> None:
    desk, port = ready()
    reply = desk.knock(port, "GET", "/result/none")

    assert (reply.status, reply.body["status"], reply.body["message"]) == (404, "failed", "Request ID not found")


def test_the_same_id_again_is_accepted_and_runs_again() -> None:
    desk, port = ready()
    desk.generate(port, request_id="twice")
    desk.finished(port, "twice")

    assert desk.generate(port, request_id="twice").status == 202
    assert len(desk.ledger.rented[0].pool.jobs) == 2
    assert desk.finished(port, "twice").body["status"] == "completed"


def test_an_unknown_node_fails_without_its_cause_and_a_missing_model_with_it() -> None:
    desk, port = ready()
    unknown = {"1": {"class_type": "NoSuchNode", "inputs": {}}}
    desk.knock(port, "POST", "/generate", {"input": {"request_id": "n", "workflow_json": unknown}})
    missing = graph()
    missing["unet"]["inputs"]["unet_name"] = "absent.safetensors"
    desk.knock(port, "POST", "/generate", {"input": {"request_id": "m", "workflow_json": missing}})
    node, model = desk.finished(port, "n"), desk.finished(port, "m")

    assert (node.status, node.body["status"]) == (500, "failed")
    assert node.body["message"] == "Generation failed: ComfyUI node errors: {}"
    assert (model.status, model.body["status"]) == (500, "failed")
    assert "absent.safetensors" in model.body["message"]


@pytest.mark.parametrize("fate", ["out_of_memory", "execution_error"])
def test_what_a_node_raised_is_hidden_behind_the_wrappers_own_fault(fate: str) -> None:
    desk, port = ready(**{fate: 1.0})
    desk.generate(port, request_id="a", headers=HISTORY)
    reply = desk.finished(port, "a")

    assert (reply.status, reply.body["status"]) == (500, "failed")
    assert reply.body["message"] == '"Result" object has no field "comfyui_job_id"'
    assert reply.body["comfyui_response"] == {}
    assert reply.body["timings"]["total_ms"] > 0


def test_a_model_that_the_gpu_has_no_law_for_fails_like_a_node_that_raised() -> None:
    desk, port = ready()
    plain = {
        "1": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": 0}},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "x"}},
    }
    desk.knock(port, "POST", "/generate", {"input": {"request_id": "a", "workflow_json": plain}})

    assert desk.finished(port, "a").status == 500


def test_a_job_without_a_result_is_completed_with_no_output() -> None:
    desk, port = ready(result_missing=1.0)
    desk.generate(port, request_id="a")
    reply = desk.finished(port, "a")

    assert (reply.status, reply.body["status"], reply.body["output"]) == (200, "completed", [])


@pytest.mark.parametrize(
    "body",
    [{}, {"input": "text"}, {"input": {}}, {"input": {"workflow_json": {}, "modifier": "Text2Image"}}],
)
def test_neither_or_both_ways_to_name_a_workflow_is_a_422(body: Any) -> None:
    desk, port = ready()
    reply = desk.knock(port, "POST", "/generate", body)

    assert reply.status == 422
    assert reply.body["detail"][0]["loc"]
    assert desk.ledger.paid_calls["vast.submit"] == 0


def test_cancelling_ends_a_running_job_at_once_and_answers_499_for_it() -> None:
    desk, port = ready()
    desk.generate(port, request_id="a")
    first = desk.knock(port, "POST", "/cancel/a")
    again = desk.knock(port, "POST", "/cancel/a")
    result = desk.knock(port, "GET", "/result/a")

    assert first.body["message"] == "Successfully cancelled request a"
    assert again.body["message"] == "Request a is already cancelled"
    assert (result.status, result.body["status"]) == (499, "cancelled")
    assert desk.knock(port, "POST", "/cancel/none").status == 404
    assert [job.state for job in desk.ledger.rented[0].pool.jobs.values()] == ["cancelled"]


def test_comfyuis_own_times_come_only_when_asked_for_and_are_shorter_by_the_wrappers_waits() -> None:
    desk, port = ready()
    desk.generate(port, request_id="plain")
    desk.generate(port, request_id="told", seed=2, headers=HISTORY)
    plain, told = desk.finished(port, "plain").body, desk.finished(port, "told").body
    (entry,) = told["comfyui_response"].values()
    stamps = dict(entry["status"]["messages"])
    own_ms = stamps["execution_success"]["timestamp"] - stamps["execution_start"]["timestamp"]

    assert plain["comfyui_response"] == {}
    assert told["timings"]["generation_ms"] - own_ms == pytest.approx(desk.world.vast.overhead_s * 1000, abs=6)


def test_a_fresh_server_has_nothing_cached_and_a_warm_one_its_loaders() -> None:
    desk, port = ready()
    cached = []
    for name, seed, prompt in (("a", 1, "a fox"), ("b", 2, "a fox"), ("c", 3, "a hare")):
        desk.generate(port, request_id=name, seed=seed, prompt=prompt, headers=HISTORY)
        (entry,) = desk.finished(port, name).body["comfyui_response"].values()
        cached.append(set(dict(entry["status"]["messages"])["execution_cached"]["nodes"]))

    fresh, other_seed, other_prompt = cached
    assert fresh == set()
    assert {"unet", "clip", "vae", "positive"} <= other_seed
    assert {"unet", "clip", "vae"} <= other_prompt
    assert "positive" not in other_prompt
    assert "sampler" not in other_seed


def test_the_held_reply_comes_on_a_half_second_after_the_end() -> None:
    desk, port = ready()
    reply = desk.knock(port, "POST", "/generate/sync", {"input": job(request_id="a")})
    assert reply.hold is not None
    start_us = desk.engine.now_us
    held = None
    while held is None:
        held = reply.hold()
        desk.engine.advance(desk.engine.next_us() or desk.engine.now_us + 1_000_000)
    (done,) = desk.ledger.rented[0].pool.jobs.values()

    assert (held.status, held.body["status"]) == (200, "completed")
    assert done.done_us is not None
    answered_us = start_us + -(-(done.done_us - start_us) // 500_000) * 500_000
    assert desk.engine.now_us >= answered_us
    assert reply.hold_until_us > answered_us


def test_a_host_that_dies_takes_the_held_reply_with_it() -> None:
    desk, port = ready(worker_lost=1.0)
    reply = desk.knock(port, "POST", "/generate/sync", {"input": job(request_id="a")})
    assert reply.hold is not None
    desk.wait(600)
    held = reply.hold()

    assert held is not None
    assert held.cut == "reset"


def test_an_address_that_does_not_exist_is_a_404() -> None:
    desk, port = ready()

    assert desk.knock(port, "GET", "/nothing").status == 404
    assert desk.knock(port, "GET", "/queue-info").body["generation_queue_size"] == 0
