"""The node classes that the simulated ComfyUI knows, and the model files on its disk."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Graph = Mapping[str, Any]
Spec = tuple[Any, Mapping[str, Any]]

# ComfyUI's /object_info cut to what matters on the wire (no tooltips); a choice of model files is a FILE.
NODES: Mapping[str, Any] = json.loads((Path(__file__).parent / "comfy_nodes.json").read_text())

MODEL_FILES = frozenset(
    {
        "diffusion_models/flux1-dev.safetensors",
        "diffusion_models/qwen_image_2512_fp8_e4m3fn.safetensors",
        "loras/Qwen-Image-Lightning-4steps-V1.0.safetensors",
        "text_encoders/clip_l.safetensors",
        "text_encoders/qwen_2.5_vl_7b_fp8_scaled.safetensors",
        "text_encoders/t5xxl_fp16.safetensors",
        "vae/ae.safetensors",
        "vae/qwen_image_vae.safetensors",
    }
)


def outputs_of(graph: Graph) -> list[str]:
    """The output nodes of a graph whose classes are all known, in its order."""
    return [node_id for node_id, node in graph.items() if NODES[node["class_type"]]["output_node"]]


def inputs_of(class_type: str) -> dict[str, Spec]:
    """The declared inputs of a node class as (type or list of choices, options)."""
    groups = NODES[class_type]["input"]
    declared = {**groups.get("required", {}), **groups.get("optional", {})}
    return {name: (spec[0], spec[1] if len(spec) > 1 else {}) for name, spec in declared.items()}


def is_required(class_type: str, name: str) -> bool:
    """Must the input be there?"""
    return name in NODES[class_type]["input"].get("required", {})
