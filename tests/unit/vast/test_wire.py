"""Vast.ai's replies read into values, and what is sent."""

import base64
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from backends.base import DeploymentRef
from backends.errors import UnexpectedReply
from backends.vast import orders, wire
from words import JobStatus, Reason

NOW = datetime(2026, 11, 2, 8, tzinfo=UTC)
ROW: dict[str, Any] = {
    "id": 7,
    "label": "bakeoff-a",
    "actual_status": "running",
    "status_msg": "success",
    "dph_base": 0.36,
    "start_date": 1_793_606_400.5,
    "uptime_mins": 2.0,
    "machine_id": 45,
    "public_ipaddr": " 203.0.113.9 ",
    "ports": {"8288/tcp": [{"HostIp": "0.0.0.0", "HostPort": "40123"}]},
    "gpu_name": "L40S",
    "geolocation": "Texas, US",
    "image_uuid": "vastai/comfy:x",
    "extra_env": [["WEB_PASSWORD", "planted-secret"]],
}
LAUNCH: dict[str, Any] = {
    "label": "bakeoff-a",
    "image": "vastai/comfy:x",
    "model_gb": 34.2,
    "files": [("vae/ae.safetensors", 335, "https://example.com/ae")],
    "password": "pw",
    "hf_token": "hf",
    "provision": '#!/bin/bash\necho it\'s "here"\n',
    "console_url": "https://console.vast.ai",
    "max_life_s": 3600,
}


# -- what is sent --------------------------------------------------------------------------------------------


def test_a_search_asks_for_what_the_image_and_the_models_need() -> None:
    body = orders.search_body("A100-80GB", "vastai/comfy:v1-cuda-12.9-py312", max_life_s=3600)

    assert body["gpu_name"] == {"in": ["A100 SXM4", "A100 PCIE"]}
    assert body["gpu_ram"] == {"gte": 79_000}  # the 40 GB card has the same name
    assert body["cuda_max_good"] == {"gte": 12.9}
    assert body["disk_space"] == {"gte": body["allocated_storage"]}
    assert body["num_gpus"] == {"eq": 1}
    assert body["verified"] == body["rentable"] == {"eq": True}
    assert body["duration"] == {"gte": 3600}
    assert body["type"] == "ondemand"


def test_an_image_without_a_cuda_version_asks_for_none() -> None:
    assert "cuda_max_good" not in orders.search_body("L40S", "vastai/comfy:latest", max_life_s=1)


@pytest.mark.parametrize("gpu", orders.GPUS)
def test_every_gpu_is_spelt_with_spaces(gpu: str) -> None:
    assert not any("_" in name for name in orders.search_body(gpu, "x", max_life_s=1)["gpu_name"]["in"])


def test_an_order_is_on_demand_and_cancelled_where_it_cannot_start() -> None:
    body = orders.Launch(**LAUNCH).body()

    assert body["label"] == "bakeoff-a"
    assert "price" not in body  # it would make the rental interruptible
    assert body["cancel_unavail"] is True
    assert body["target_state"] == "running"
    assert body["runtype"].startswith("ssh")  # onstart does not run under `args`


@pytest.mark.parametrize(("model_gb", "disk"), [(10.0, 80), (34.2, 80), (60.1, 106)])
def test_the_disk_has_room_for_the_models(model_gb: float, disk: int) -> None:
    assert orders.Launch(**LAUNCH | {"model_gb": model_gb}).body()["disk"] == disk


def test_the_environment_is_an_object_with_ports_as_keys() -> None:
    env = orders.Launch(**LAUNCH).body()["env"]

    assert env["-p 8288:8288"] == "1"
    assert env["WEB_PASSWORD"] == "pw"
    assert env["HF_TOKEN"] == "hf"
    assert env["BAKEOFF_FILES"] == "vae/ae.safetensors|335|https://example.com/ae"
    assert "localhost:8288:18288:" in env["PORTAL_CONFIG"]
    assert "ComfyUI" in env["PORTAL_CONFIG"]
    assert all(isinstance(value, str) for value in env.values())
    assert "HF_TOKEN" not in orders.Launch(**LAUNCH | {"hf_token": None}).body()["env"]


def test_the_start_command_writes_the_script_sets_the_timer_and_starts_the_image() -> None:
    script, timer, start = orders.Launch(**LAUNCH).body()["onstart"].split("\n")

    assert base64.b64decode(script.split()[1]).decode() == LAUNCH["provision"]
    assert timer.startswith("(sleep 3600; curl ")
    assert "$CONTAINER_API_KEY" in timer
    assert '/api/v0/instances/"$CONTAINER_ID/"' in timer.replace("'", "")
    assert timer.endswith("&")
    assert start == "entrypoint.sh"


def test_a_launch_shows_no_secret() -> None:
    assert "pw" not in repr(orders.Launch(**LAUNCH))


# -- the console ---------------------------------------------------------------------------------------------


def test_offers_are_sorted_by_the_gpus_price_and_keep_their_row() -> None:
    rows = [{"id": 2, "dph_base": 0.72, "machine_id": 5}, {"id": 1, "dph_base": 0.36, "geolocation": "Texas, US"}]
    first, second = wire.offers_of({"offers": rows}, "L40S", NOW)

    assert (first.offer_id, first.region, first.usd_per_unit) == ("1", "Texas, US", Decimal("0.36"))
    assert first.usd_per_s == Decimal("0.0001")
    assert second.detail["machine_id"] == 5


def test_an_offer_keeps_what_will_explain_its_bill_and_its_speed() -> None:
    prices = {"dph_base": 0.36, "dph_total": 0.4, "storage_cost": 0.15, "storage_total_cost": 0.01}
    network = {"inet_up_cost": 0.002, "inet_down_cost": 0.003, "inet_down": 800}
    machine = {"machine_id": 5, "host_id": 6, "gpu_name": "L40S", "gpu_ram": 46068, "driver_version": "570.1"}
    trust = {"reliability": 0.99, "verification": "verified", "geolocation": "Texas, US", "cuda_max_good": 12.9}
    row = prices | network | machine | trust | {"disk_space": 500}
    (offer,) = wire.offers_of({"offers": [row | {"id": 1, "ask_contract_id": 1}]}, "L40S", NOW)

    shared = {"storage_usd_per_s": str(Decimal("0.01") / 3600), "network_usd_per_gb": "0.003"}
    assert offer.detail == row | {"disk_gb": orders.DISK_GB} | shared


@pytest.mark.parametrize(("row", "shown"), [([1], "list"), (None, "NoneType"), ({"id": 3, "b": 1}, "['b', 'id']")])
def test_what_cannot_be_read_is_shown_as_its_names_or_its_kind(row: Any, shown: str) -> None:
    with pytest.raises(UnexpectedReply) as caught:
        wire.money(row, "dph_base")

    assert caught.value.raw == shown


@pytest.mark.parametrize(
    "reply", [None, [], {}, {"offers": {"id": 1}}, {"offers": [{"id": 1}]}, {"offers": [{"dph_base": 1}]}]
)
def test_a_search_that_cannot_be_read_is_named(reply: Any) -> None:
    with pytest.raises(UnexpectedReply) as caught:
        wire.offers_of(reply, "L40S", NOW)
    assert caught.value.raw in (str(reply), "['id']", "['dph_base']")


def test_a_price_that_is_no_number_is_named() -> None:
    with pytest.raises(UnexpectedReply, match="dph_base"):
        wire.offers_of({"offers": [{"id": 1, "dph_base": "cheap"}]}, "L40S", NOW)


@pytest.mark.parametrize(
    "reply",
    [None, {}, {"success": True}, {"success": False, "new_contract": 5}, {"success": True, "new_contract": "5"}],
)
def test_an_order_without_a_contract_number_is_named_and_never_shows_the_key(reply: Any) -> None:
    with pytest.raises(UnexpectedReply) as caught:
        wire.contract_of({**reply, "instance_api_key": "planted-secret"} if isinstance(reply, dict) else reply)
    assert "planted-secret" not in caught.value.raw


def test_a_contract_number_is_the_instances_id() -> None:
    assert wire.contract_of({"success": True, "new_contract": 5, "instance_api_key": "k"}) == "5"


def test_an_instance_is_read_without_its_environment() -> None:
    seen = wire.instance_of({"instances": ROW})

    assert seen is not None
    assert (seen.id, seen.label, seen.status, seen.machine_id) == ("7", "bakeoff-a", "running", 45)
    assert seen.usd_per_s == Decimal("0.0001")
    assert seen.url == "http://203.0.113.9:40123"
    assert seen.provenance == {"gpu_name": "L40S", "region": "Texas, US", "image": "vastai/comfy:x"}
    assert "planted-secret" not in repr(seen)


def test_the_containers_start_is_its_uptime_ago_and_the_contracts_as_given() -> None:
    seen = wire.instance_of({"instances": ROW})

    assert seen is not None
    assert seen.instants(NOW) == {
        "contract_started": datetime.fromtimestamp(1_793_606_400.5, UTC),
        "container_started": NOW - timedelta(minutes=2),
    }


def test_nulls_of_a_starting_instance_are_no_data() -> None:
    bare = {"id": 7, "dph_base": 0.36} | dict.fromkeys(("label", "actual_status", "start_date", "uptime_mins", "ports"))
    seen = wire.instance_of({"instances": bare})

    assert seen is not None
    assert (seen.label, seen.status, seen.url, seen.instants(NOW)) == ("", None, None, {})


@pytest.mark.parametrize("gone", [None, [], {}])
def test_an_instance_that_is_gone_is_none(gone: Any) -> None:
    assert wire.instance_of({"instances": gone}) is None


def test_an_instance_may_come_in_a_list() -> None:
    seen = wire.instance_of({"instances": [ROW]})

    assert seen is not None
    assert seen.id == "7"


@pytest.mark.parametrize(
    "ports", [None, {}, [8288], {"22/tcp": [{"HostPort": "1"}]}, {"8288/tcp": []}, {"8288/tcp": None}]
)
def test_without_a_mapped_port_there_is_no_address(ports: Any) -> None:
    seen = wire.instance_of({"instances": {**ROW, "ports": ports}})

    assert seen is not None
    assert seen.url is None


@pytest.mark.parametrize("reply", [None, [], {"success": True}, {"instances": None}, {"instances": {}}])
def test_a_listing_that_cannot_be_read_is_never_an_empty_one(reply: Any) -> None:
    with pytest.raises(UnexpectedReply):
        wire.page_of(reply)


def test_a_row_that_cannot_be_read_shows_its_fields_and_not_its_secrets() -> None:
    with pytest.raises(UnexpectedReply) as caught:
        wire.page_of({"instances": [{**ROW, "id": None}]})

    assert "extra_env" in caught.value.raw
    assert "planted-secret" not in caught.value.raw


@pytest.mark.parametrize("reply", [None, {}, {"instance": {}}])
def test_a_look_without_an_instance_is_named(reply: Any) -> None:
    with pytest.raises(UnexpectedReply):
        wire.instance_of(reply)


# -- the wrapper ---------------------------------------------------------------------------------------------

HOST = DeploymentRef(backend="vast", id="7", key="bakeoff-a", detail={"machine_id": 45, "boot_s": 240.5})
PNG = b"\x89PNG picture"
FILE = {"filename": "a.png", "node_id": "save", "data": base64.b64encode(PNG).decode(), "mimetype": "image/png"}
TIMINGS = {"queued_at_ms": 1, "preprocess_ms": 10, "generation_ms": 4000, "postprocess_ms": 5, "total_ms": 5015}
HISTORY = {
    "p": {
        "prompt": [1, "p", {"big": "graph"}, {}, []],
        "status": {
            "messages": [
                ["execution_start", {"timestamp": 1000}],
                ["execution_cached", {"nodes": ["unet"], "timestamp": 1001}],
                ["execution_success", {"timestamp": 4250}],
            ]
        },
    }
}
DONE: dict[str, Any] = {
    "id": "a",
    "message": "Processing complete.",
    "status": "completed",
    "comfyui_response": HISTORY,
    "output": [FILE],
    "timings": TIMINGS,
}


def test_a_finished_job_has_its_picture_times_and_evidence() -> None:
    seen = wire.observation_of(DONE, HOST)

    assert (seen.status, seen.reason, seen.error, seen.images) == (JobStatus.SUCCEEDED, None, None, (PNG,))
    assert (seen.times.queue_s, seen.times.execution_s, seen.times.boot_s) == (1.0, 4.015, 240.5)
    assert seen.worker_id == "7"
    assert seen.evidence == {"worker_id": "7", "machine_id": 45, "comfyui_s": 3.25, "cached_nodes": ["unet"]}


def test_the_kept_reply_has_no_picture_and_no_graph() -> None:
    raw = wire.observation_of(DONE, HOST).raw

    assert raw["output"][0]["data"]["bytes"] == len(PNG)
    assert len(raw["output"][0]["data"]["sha256"]) == 64
    assert "prompt" not in raw["comfyui_response"]["p"]
    assert raw["comfyui_response"]["p"]["status"] == HISTORY["p"]["status"]
    assert DONE["output"][0]["data"] == FILE["data"]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("pending", JobStatus.SUBMITTED),
        ("queued", JobStatus.SUBMITTED),
        ("preprocessing", JobStatus.SUBMITTED),
        ("generating", JobStatus.RUNNING),
        ("generated", JobStatus.RUNNING),
    ],
)
def test_an_open_job_waits_or_runs(status: str, expected: JobStatus) -> None:
    seen = wire.observation_of({**DONE, "status": status, "output": []}, HOST)

    assert (seen.status, seen.reason, seen.raw) == (expected, None, None)


@pytest.mark.parametrize("output", [[], [{**FILE, "data": None, "error": "file too large"}], None])
def test_completed_without_a_picture_is_a_missing_result(output: Any) -> None:
    seen = wire.observation_of({**DONE, "output": output}, HOST)

    assert (seen.status, seen.reason, seen.images) == (JobStatus.FAILED, Reason.RESULT_MISSING, ())


def test_a_failed_job_keeps_its_message_and_shows_no_picture() -> None:
    seen = wire.observation_of({**DONE, "status": "failed", "message": "ComfyUI node errors: {}"}, HOST)

    assert (seen.status, seen.reason, seen.images) == (JobStatus.FAILED, Reason.INVALID_REQUEST, ())
    assert seen.error == "ComfyUI node errors: {}"
    assert wire.observation_of({**DONE, "status": "failed", "message": None}, HOST).error == "failed"


@pytest.mark.parametrize("timings", [None, {}, {**TIMINGS, "generation_ms": None}])
def test_times_that_were_not_measured_are_no_data(timings: Any) -> None:
    times = wire.observation_of({**DONE, "timings": timings}, HOST).times

    assert (times.queue_s, times.execution_s) == (None, None)


def test_a_total_that_is_missing_leaves_the_wait_unknown_and_one_too_small_is_no_wait() -> None:
    without = {name: value for name, value in TIMINGS.items() if name != "total_ms"}

    assert wire.observation_of({**DONE, "timings": without}, HOST).times.queue_s is None
    assert wire.observation_of({**DONE, "timings": {**TIMINGS, "total_ms": 4000}}, HOST).times.queue_s == 0


def test_a_history_without_stamps_gives_no_evidence() -> None:
    for history in (None, {}, {"p": {}}, {"p": {"status": {"messages": [["execution_start", {"timestamp": 1}]]}}}):
        seen = wire.observation_of({**DONE, "comfyui_response": history}, HOST)
        assert seen.evidence == {"worker_id": "7", "machine_id": 45}


@pytest.mark.parametrize("reply", [None, [], {}, {"status": 5}])
def test_a_reply_without_a_status_is_named(reply: Any) -> None:
    with pytest.raises(UnexpectedReply):
        wire.observation_of(reply, HOST)


def test_a_picture_that_is_no_base64_is_a_broken_one_and_no_failed_look() -> None:
    seen = wire.observation_of({**DONE, "output": [{**FILE, "data": "abc"}]}, HOST)

    assert (seen.status, seen.reason, seen.images) == (JobStatus.FAILED, Reason.IMAGE_BROKEN, ())
    assert seen.raw["output"][0]["data"]["bytes"] == 3


def test_only_a_healthy_wrapper_is_ready() -> None:
    stats = {"system": {"comfyui_version": "0.12.1"}, "devices": [{"name": "cuda:0 NVIDIA L40S"}]}

    assert wire.healthy({"status": "healthy", "backends": [{"system_stats": stats}]}) == {
        "comfyui": "0.12.1",
        "gpu_device": "cuda:0 NVIDIA L40S",
    }
    assert wire.healthy({"status": "healthy"}) == {}
    assert wire.healthy({"status": "healthy", "backends": [{}]}) == {}
    assert wire.healthy({"status": "unhealthy"}) is None
    assert wire.healthy({"status": "healthy", "gpu": {"unrecoverable": True}}) is None
    assert wire.healthy("up") is None
