"""What a ComfyUI graph asks for, read from its links as the server would run it."""

from collections import deque
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from simulator.comfy_nodes import MODEL_FILES, Graph, inputs_of, outputs_of
from simulator.comfy_refusals import node_errors, refuse, refuse_request, worker_comfyui_error

__all__ = [
    "MODEL_FILES",
    "UNKNOWN_MODEL",
    "Asked",
    "node_errors",
    "read_graph",
    "refuse",
    "refuse_request",
    "worker_comfyui_error",
]

MODEL_OF_FILE = {"flux1-dev": "flux-dev", "qwen_image_2512": "qwen-image-2512"}
UNKNOWN_MODEL = "unknown"

# Which input of which node class says it; the one nearest to the output counts.
TEXTS = {"CLIPTextEncode": "text", "ConditioningZeroOut": "conditioning"}
SEEDS = {"KSampler": "seed", "RandomNoise": "noise_seed", "ImageAddNoise": "seed"}
STEPS = {"KSampler": "steps", "BasicScheduler": "steps"}
CFGS = {"KSampler": "cfg"}
LORAS = {"LoraLoaderModelOnly": "lora_name"}
SIZED = ("ImageScale", "EmptySD3LatentImage", "EmptyLatentImage", "EmptyImage", "SolidMask")


@dataclass(frozen=True)
class Asked:
    """What one graph asks for. A graph without a sampler asks for 0 denoiser steps of an unknown model."""

    model: str  # "flux-dev", "qwen-image-2512" or "unknown"
    files: tuple[str, ...]  # "folder/name", sorted
    prompt: str
    negative: str
    seed: int
    width: int
    height: int
    steps: int
    cfg: float
    lora: str | None
    outputs: tuple[str, ...]  # nodes that save an image; a preview is none, the workers do not return it

    @property
    def workflow(self) -> str:
        """The name that a bake-off knows it by: a distilled LoRA makes it the fast variant."""
        return f"{self.model}-fast" if self.lora else self.model


def read_graph(graph: Graph) -> Asked:
    """Follow the links of a graph that `refuse` lets pass, from its first output back to its loaders.

    Node ids mean nothing. With several outputs the first that saves an image is read.
    """
    ends = outputs_of(graph)
    saves = tuple(node for node in ends if graph[node]["class_type"] != "PreviewImage")
    root = (*saves, *ends)[0]
    files = tuple(sorted({file for end in ends for file in _files(graph, end)}))
    return Asked(
        model=_model(files),
        files=files,
        prompt=_text(graph, root, ("positive", "guider")),
        negative=_text(graph, root, ("negative",)),
        seed=int(_nearest(graph, root, SEEDS, 0)),
        width=int(_nearest(graph, root, dict.fromkeys(SIZED, "width"), 0)),
        height=int(_nearest(graph, root, dict.fromkeys(SIZED, "height"), 0)),
        steps=int(_nearest(graph, root, STEPS, 0)),
        cfg=float(_nearest(graph, root, CFGS, 1.0)),
        lora=_nearest(graph, root, LORAS, None),
        outputs=saves,
    )


def _upstream(graph: Graph, start: str) -> Iterator[str]:
    """`start` and every node it depends on, the nearest first."""
    queue, seen = deque([start]), {start}
    while queue:
        yield (node := queue.popleft())
        links = [value[0] for value in graph[node]["inputs"].values() if isinstance(value, list)]
        fresh = [source for source in dict.fromkeys(links) if source in graph and source not in seen]
        queue += fresh
        seen |= set(fresh)


def _nearest(graph: Graph, start: str, inputs: Mapping[str, str], default: Any) -> Any:
    for node in _upstream(graph, start):
        if name := inputs.get(graph[node]["class_type"]):
            value = graph[node]["inputs"].get(name, default)
            return default if isinstance(value, list) else value
    return default


def _text(graph: Graph, root: str, names: tuple[str, ...]) -> str:
    """The text behind the nearest input of one of these names; a zeroed conditioning is no text."""
    for node in _upstream(graph, root):
        for name in names:
            if isinstance(link := graph[node]["inputs"].get(name), list):
                return str(_nearest(graph, link[0], TEXTS, ""))
    return ""


def _files(graph: Graph, end: str) -> Iterator[str]:
    for node in _upstream(graph, end):
        for name, (kind, extra) in inputs_of(graph[node]["class_type"]).items():
            value = graph[node]["inputs"].get(name)
            if kind == "FILE" and value not in (None, *extra.get("builtin", ())):
                yield f"{extra['folder']}/{value}"


def _model(files: Collection[str]) -> str:
    names = [file.partition("/")[2] for file in files]
    return next((m for start, m in MODEL_OF_FILE.items() for n in names if n.startswith(start)), UNKNOWN_MODEL)
