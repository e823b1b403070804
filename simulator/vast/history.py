"""What ComfyUI itself says of an execution: its own timestamps, and which nodes it answered from its cache."""

import json
from collections.abc import Mapping
from typing import Any

from simulator.pool import SimJob

Graph = Mapping[str, Any]


def history(
    job: SimJob, graph: Graph, cached: tuple[str, ...], *, overhead_us: int, clock_us: int = 0
) -> dict[str, Any]:
    """`GET /history/{id}` of a finished prompt, timestamps in ms by the host's clock.

    The wrapper's fixed sleeps come on top: 0.36 s of ComfyUI were 1.5 s of `generation_ms`, 4.81 were 5.53
    (ComfyUI 0.12.1 behind the wrapper, 2026-11-23). Here they are the world's overhead per job.
    """
    start_us, done_us = (job.picked_us or 0) + clock_us, (job.done_us or 0) + clock_us
    success_us = max(start_us, done_us - overhead_us)
    messages = [
        ["execution_start", {"prompt_id": job.id, "timestamp": start_us // 1000}],
        ["execution_cached", {"nodes": list(cached), "prompt_id": job.id, "timestamp": start_us // 1000}],
        ["execution_success", {"prompt_id": job.id, "timestamp": success_us // 1000}],
    ]
    image = {"filename": "ComfyUI.png", "subfolder": "", "type": "output"}
    return {
        job.id: {
            "prompt": [1, job.id, dict(graph), {}, list(job.asked.outputs)],
            "outputs": {node: {"images": [image]} for node in job.asked.outputs},
            "status": {"status_str": "success", "completed": True, "messages": messages},
            "meta": {},
        }
    }


def cached_nodes(before: Graph | None, graph: Graph) -> tuple[str, ...]:
    """Nodes whose result the server still has: those that the prompt before it computed from the same inputs.

    The default cache keeps the last prompt's results only; a fresh server has none.
    """
    if before is None:
        return ()
    known = {_signature(before, node) for node in before}
    return tuple(node for node in graph if _signature(graph, node) in known)


def _signature(graph: Graph, node: str) -> str:
    inputs = graph[node]["inputs"]
    resolved = {
        name: [_signature(graph, value[0]), value[1]] if isinstance(value, list) else value
        for name, value in sorted(inputs.items())
    }
    return json.dumps([graph[node]["class_type"], resolved])
