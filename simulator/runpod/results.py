"""What worker-comfyui 5.8.5 posts for a job, and what the platform makes of a worker that died or ran too long.

The handler returns `{"images": [..]}`, or `{"error": str, "details": [str]}`, which the platform shows as a top-level
`error` beside `output.details` (worker-comfyui @d2a5572 and runpod SDK 1.7.13, run 2026-11-23).
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from simulator.pool import JobState, SimJob
from simulator.runpod.endpoint import Endpoint
from simulator.site import Site

_MESSAGES = {
    # ComfyUI reports it as an execution error like any other; only the text tells.
    "out_of_memory": "Allocation on device 0 would exceed allowed memory. (out of memory)",
    "execution_error": "CUDA error: an illegal memory access was encountered",
}
# A dead worker is only seen by its job running out; "after 1 retries" also stands for bad payloads (Runpod's own
# plug-in notes, live test gp15, 2026-08-20).
WORKER_LOST = {"error": "job timed out after 1 retries", "retries": 1}
NO_WORKFLOW = "Missing 'workflow' parameter"


@dataclass(kw_only=True)
class Simulated:
    """An attempt by a worker of the pool."""

    job: SimJob
    graph: Mapping[str, Any]
    endpoint: Endpoint
    site: Site

    @property
    def state(self) -> JobState:
        """As the pool has it."""
        return self.job.state

    @property
    def picked_us(self) -> int | None:
        """When a worker took it."""
        return self.job.picked_us

    @property
    def done_us(self) -> int | None:
        """When it ended."""
        return self.job.done_us

    @property
    def worker_id(self) -> str | None:
        """The wire's id of its worker."""
        return self.endpoint.worker_id(self.job.worker) if self.job.worker else None

    def outcome(self) -> dict[str, Any]:
        """What a finished one shows beside its times."""
        if self.job.state == "completed":
            return self._completed()
        if self.job.fate == "worker_lost":
            return dict(WORKER_LOST)
        if self.job.fate in _MESSAGES:
            return self._raised(_MESSAGES[self.job.fate])
        return {}  # timed out or cancelled: the status says it all

    def _completed(self) -> dict[str, Any]:
        if self.job.fate == "result_missing":
            # The upload of the result was refused, mostly above 10 to 20 MB, and the platform still says
            # COMPLETED (worker-comfyui issues 167 and 129).
            return {}
        if not self.job.asked.outputs:
            return {"output": {"status": "success_no_images", "images": []}}
        data = base64.b64encode(self.site.image(self.endpoint.pool, self.job)).decode()
        return {"output": {"images": [{"filename": self._filename(), "type": "base64", "data": data}]}}

    def _raised(self, message: str) -> dict[str, Any]:
        samplers = [key for key, node in self.graph.items() if "Sampler" in node["class_type"]]
        node = (samplers or [next(iter(self.graph))])[0]
        kind = self.graph[node]["class_type"]
        detail = f"Workflow execution error: Node Type: {kind}, Node ID: {node}, Message: {message}"
        return {"error": "Job processing failed", "output": {"details": [detail]}}

    def _filename(self) -> str:
        prefix = self.graph[self.job.asked.outputs[0]]["inputs"]["filename_prefix"]
        number = self.job.worker.jobs.index(self.job) + 1 if self.job.worker else 1
        return f"{prefix}_{number:05}_.png"
