"""The recorded replies of a real ComfyUI 0.8.0, replayed: same request, same status, same words."""

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from simulator.comfy import read_graph, refuse_request
from tests.unit.conftest import SHARED

CASES: dict[str, Any] = json.loads((SHARED / "wire" / "comfy_prompt_replies.json").read_text())["cases"]
Graph = dict[str, Any]

# What was on that server's disk: placeholders with the official names, no LoRA among them needed here.
FILES = {
    "diffusion_models/flux1-dev.safetensors",
    "diffusion_models/qwen_image_2512_fp8_e4m3fn.safetensors",
    "text_encoders/clip_l.safetensors",
    "text_encoders/qwen_2.5_vl_7b_fp8_scaled.safetensors",
    "text_encoders/t5xxl_fp16.safetensors",
    "vae/ae.safetensors",
    "vae/qwen_image_vae.safetensors",
}


def recorded_graph(case: str) -> Graph:
    (entry,) = CASES[case]["history"].values()
    graph: Graph = entry["prompt"][2]
    return deepcopy(graph)


def changed(change: Callable[[Graph], object]) -> dict[str, Any]:
    """The recorded flux request with one thing broken."""
    graph = recorded_graph("flux_valid_then_load_fails")
    change(graph)
    return {"prompt": graph, "client_id": "c1"}


def setting(node: str, name: str, value: object) -> dict[str, Any]:
    return changed(lambda graph: graph[node]["inputs"].update({name: value}))


# The recording holds replies; each request follows from its reply's own words.
REQUESTS: dict[str, Any] = {
    "flux_valid_then_load_fails": changed(lambda graph: graph),
    "steps_out_of_range": setting("sampler", "steps", 0),
    "model_missing": setting("unet", "unet_name", "nope.safetensors"),
    "input_missing": changed(lambda graph: graph["sampler"]["inputs"].pop("seed")),
    "unknown_node": changed(lambda graph: graph["sampler"].update(class_type="KSamplerX")),
    "dangling_link": setting("decode", "samples", ["ghost", 0]),
    "wrong_link_type": setting("decode", "samples", ["vae", 0]),
    "no_output_node": changed(lambda graph: graph.pop("save")),
    "empty": {"prompt": {}},
    "value_wrong_type": setting("sampler", "steps", "many"),
    "bad_enum": setting("sampler", "sampler_name", "eulerr"),
    "no_prompt_key": {"client_id": "c1"},
    "ok_first": {"prompt": recorded_graph("ok_first")},
    "ok_repeat_cached": {"prompt": recorded_graph("ok_repeat_cached")},
    "ok_preview_only": {"prompt": recorded_graph("ok_preview_only")},
}
OTHER_ROUTES = {"history_unknown", "get /api/jobs", "get /queue", "get /system_stats"}


def told(value: Any) -> Any:
    """Without what ComfyUI says to people in its editor, and without the server's own line numbers."""
    if isinstance(value, dict):
        return {key: told(item) for key, item in value.items() if key not in ("tooltip", "traceback")}
    return [told(item) for item in value] if isinstance(value, list) else value


def test_every_recorded_reply_to_a_graph_is_replayed(record_property: Callable[[str, object], None]) -> None:
    assert set(REQUESTS) | OTHER_ROUTES == set(CASES)
    assert len(REQUESTS) == 15
    record_property("specification_checks", len(REQUESTS))


@pytest.mark.parametrize("case", REQUESTS)
def test_the_simulator_answers_as_the_real_server_did(case: str) -> None:
    status, reply = CASES[case]["status"], CASES[case]["reply"]
    answer = refuse_request(REQUESTS[case], FILES)
    if status == 200:
        assert answer is None
        assert reply["node_errors"] == {}
    else:
        assert answer is not None
        assert (answer[0], told(answer[1])) == (status, told(reply))


@pytest.mark.parametrize("case", [case for case in REQUESTS if "history" in CASES[case]])
def test_the_outputs_of_a_queued_graph_are_those_that_the_server_ran(case: str) -> None:
    (entry,) = CASES[case]["history"].values()
    previews = {node for node, out in entry["outputs"].items() if out["images"][0]["type"] == "temp"}
    assert set(read_graph(entry["prompt"][2]).outputs) == set(entry["prompt"][4]) - previews


def test_the_recorded_flux_graph_is_read_as_what_it_asks_for() -> None:
    asked = read_graph(recorded_graph("flux_valid_then_load_fails"))
    assert (asked.model, asked.prompt, asked.seed) == ("flux-dev", "a lighthouse at dawn", 1)
    assert (asked.width, asked.height, asked.steps, asked.cfg) == (1024, 1024, 20, 1.0)
