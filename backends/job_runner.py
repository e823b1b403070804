"""The product's own job interface over any backend, so that its callers stay unchanged.

`RunPodJobRunner` of the product (libs/business, image-generation.service.ts) has four methods and no more: no cancel,
no times, no endpoint in `getJobStatus`. Names and fields are the product's, hence the camel case and its booleans.
"""

import base64
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, Protocol

from backends.base import NAME_PREFIX, Backend, DeploymentRef, JobRef, JobSpec
from words import JobStatus
from workflows import Workflow

# As the product sends them to Modal today.
NEGATIVE = "deformed, blurry, bad anatomy, ugly, low quality"
NEGATIVE_SAFE = f"{NEGATIVE}, nsfw, nude, naked"
SEEDS = 2**32
TIMEOUT_S = 600.0

_OPEN = {JobStatus.QUEUED: "IN_QUEUE", JobStatus.SUBMITTED: "IN_QUEUE", JobStatus.RUNNING: "IN_PROGRESS"}
Inputs = Mapping[str, Any]
Graph = Mapping[str, Any]


class RunPodJobRunner(Protocol):
    """The product's interface. `getJobStatus` gives `status`, and `output` or `error` where there is one."""

    async def submitBaseImages(
        self, *, prompt: str, nsfw: bool, seed: int | None = None, useZImage: bool = False
    ) -> str:
        """Text to image; the external job id."""

    async def submitFaceSwap(self, *, baseImageUrl: str, prompt: str, nsfw: bool, seed: int | None = None) -> str:
        """A known face on a new picture; the external job id."""

    async def submitCharacterSheet(self, *, baseImageUrl: str, nsfw: bool, angles: list[str] | None = None) -> str:
        """One character from several angles; the external job id."""

    async def getJobStatus(self, jobId: str) -> dict[str, Any]:
        """IN_QUEUE, IN_PROGRESS, COMPLETED or FAILED. The product takes any other word for "processing", for ever."""


def base_images(workflow: Workflow, seeds: Callable[[], int] | None = None) -> Callable[[Inputs], Graph]:
    """How the product's base image is asked of a workflow; without a seed, or with -1, one is drawn."""
    draw = seeds or (lambda: Random().randrange(SEEDS))

    def graph(given: Inputs) -> Graph:
        seed = given["seed"]
        negative = NEGATIVE if given["nsfw"] else NEGATIVE_SAFE
        params = {"prompt": given["prompt"], "seed": draw() if seed in (None, -1) else seed}
        takes_negative = {"negative": negative} if "negative" in workflow.parameters else {}
        return workflow.render(params | takes_negative)

    return graph


@dataclass(kw_only=True)
class JobRunner:
    """`RunPodJobRunner` over one deployment of one backend. Errors of `backends.errors` pass through.

    graphs: task -> how its inputs become a ComfyUI graph; tasks are base_image, z_image, face_swap and
    character_sheet. A task without one gives a job that has FAILED and says so, as the product's Modal runner does
    with its character sheet.
    """

    backend: Backend
    deployment: DeploymentRef
    graphs: Mapping[str, Callable[[Inputs], Graph]]
    timeout_s: float = TIMEOUT_S
    new_key: Callable[[], str] = lambda: f"{NAME_PREFIX}{uuid.uuid4()}"
    _refused: dict[str, str] = field(default_factory=dict, init=False)

    async def submitBaseImages(
        self, *, prompt: str, nsfw: bool, seed: int | None = None, useZImage: bool = False
    ) -> str:
        """Text to image; the external job id."""
        task = "z_image" if useZImage else "base_image"
        return await self._submit(task, {"prompt": prompt, "nsfw": nsfw, "seed": seed})

    async def submitFaceSwap(self, *, baseImageUrl: str, prompt: str, nsfw: bool, seed: int | None = None) -> str:
        """A known face on a new picture; the external job id."""
        given = {"baseImageUrl": baseImageUrl, "prompt": prompt, "nsfw": nsfw, "seed": seed}
        return await self._submit("face_swap", given)

    async def submitCharacterSheet(self, *, baseImageUrl: str, nsfw: bool, angles: list[str] | None = None) -> str:
        """One character from several angles; the external job id."""
        return await self._submit("character_sheet", {"baseImageUrl": baseImageUrl, "nsfw": nsfw, "angles": angles})

    async def getJobStatus(self, jobId: str) -> dict[str, Any]:
        """Where the job stands, in the product's words. An unknown id is FAILED, as in its Modal runner."""
        if jobId in self._refused:
            return {"status": "FAILED", "error": self._refused[jobId]}
        seen = await self.backend.poll(JobRef(deployment=self.deployment, id=jobId))
        if not seen.status.final:
            return {"status": _OPEN[seen.status]}
        if seen.status is JobStatus.SUCCEEDED:
            return {"status": "COMPLETED", "output": _output(seen.images)}
        # Cancelled, timed out and lost too: the product would wait for ever on any word but FAILED.
        return {"status": "FAILED", "error": seen.error or f"The job ended as {seen.status.value}."}

    async def _submit(self, task: str, given: Inputs) -> str:
        key = self.new_key()
        if task not in self.graphs:
            self._refused[key] = f"No workflow of this deployment does {task}."
            return key
        job = JobSpec(graph=self.graphs[task](given), timeout_s=self.timeout_s)
        return (await self.backend.submit(self.deployment, job, key)).id


def _output(images: Any) -> dict[str, Any]:
    """The shape that the product's Runpod handlers give: pictures as data URLs."""
    urls = [f"data:image/png;base64,{base64.b64encode(image).decode()}" for image in images]
    return {"images": urls, "status": "completed", "count": len(urls)}
