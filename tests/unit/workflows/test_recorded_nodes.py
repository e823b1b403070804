"""Both of our node descriptions against that of a real ComfyUI 0.8.0, and our graphs against it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import workflows
from simulator.comfy_nodes import NODES as SIMULATED
from tests.unit.conftest import SHARED
from workflows.graph import known_nodes

RECORDED: dict[str, Any] = json.loads((SHARED / "wire" / "comfy_object_info.json").read_text())["nodes"]
OURS = {"workflows": known_nodes(), "simulator": SIMULATED}
# Takes an uploaded picture, which no workflow of ours does, and validates in a way of its own.
NOT_CARRIED = {"LoadImage"}


def comparable(spec: list[Any], ours: list[Any]) -> list[Any]:
    """A recorded input without its tooltip; where ours is a FILE, the recorded list of files is one too."""
    extra = {key: value for key, value in (spec[1] if len(spec) > 1 else {}).items() if key != "tooltip"}
    if ours[0] == "FILE" and isinstance(spec[0], list):
        assert set(ours[1].get("builtin", ())) <= set(spec[0])
        return ours
    return [spec[0], extra] if extra else [spec[0]]


@pytest.mark.parametrize("whose", OURS)
def test_every_node_is_described_as_the_real_server_describes_it(
    whose: str, record_property: Callable[[str, object], None]
) -> None:
    checks = 0
    assert set(OURS[whose]) == set(RECORDED) - NOT_CARRIED
    for name, node in OURS[whose].items():
        real = RECORDED[name]
        assert (node["output"], node["output_node"]) == (real["output"], real["output_node"])
        for group in ("required", "optional"):
            given, wanted = node["input"].get(group, {}), real["input"].get(group, {})
            assert list(given) == list(wanted)
            for field in given:
                assert given[field] == comparable(wanted[field], given[field]), (name, field)
                checks += 1
    assert checks > 70
    record_property("specification_checks", checks)


def test_only_loaders_choose_files_and_each_from_its_own_folder() -> None:
    files = {
        (name, field): spec[1]["folder"]
        for name, node in known_nodes().items()
        for group in node["input"].values()
        for field, spec in group.items()
        if spec[0] == "FILE"
    }
    assert files == {
        ("UNETLoader", "unet_name"): "diffusion_models",
        ("DualCLIPLoader", "clip_name1"): "text_encoders",
        ("DualCLIPLoader", "clip_name2"): "text_encoders",
        ("CLIPLoader", "clip_name"): "text_encoders",
        ("VAELoader", "vae_name"): "vae",
        ("LoraLoaderModelOnly", "lora_name"): "loras",
        ("CheckpointLoaderSimple", "ckpt_name"): "checkpoints",
    }


@pytest.mark.parametrize("name", workflows.names())
def test_our_graphs_are_sound_by_the_real_servers_own_description(name: str) -> None:
    """Its model lists hold the official file names, so a misspelt file would be found too."""
    workflow = workflows.load(name)
    assert workflows.validate(workflow.graph, RECORDED) == []
    assert workflows.validate(workflow.render({"prompt": "a red mug", "seed": 1}), RECORDED) == []


def test_a_file_that_the_server_does_not_have_is_named() -> None:
    graph = workflows.load("flux-dev").render({"prompt": "x", "seed": 1})
    graph["vae"]["inputs"]["vae_name"] = "nope.safetensors"
    (problem,) = workflows.validate(graph, RECORDED)
    assert (problem.node, problem.field) == ("vae", "vae_name")


def test_each_workflow_names_a_model_whose_step_times_were_measured() -> None:
    models = json.loads((SHARED / "gpu_step_times.json").read_text())["models"]
    for name in workflows.names():
        shape = workflows.load(name).cost_shape({})
        assert shape.model in models
    assert workflows.load("flux-dev").cost_shape({}).forwards_per_step == models["flux-dev"]["forwards_per_step"]
    qwen = workflows.load("qwen-image-2512").cost_shape({})
    assert qwen.forwards_per_step == models["qwen-image-2512"]["forwards_per_step"]


def test_the_two_descriptions_are_one_text() -> None:
    root = Path(workflows.__file__).parent.parent
    assert (root / "workflows" / "nodes.json").read_bytes() == (root / "simulator" / "comfy_nodes.json").read_bytes()
