"""From what a person asks for to rows: the plan of a run, and its deployments and jobs."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlmodel import Session

from storage.models import Deployment, Installation, Job, Prompt, Run, Workflow
from words import LoadProfile
from workflows import Workflow as WorkflowFile
from workflows import load
from workflows.prompts import PromptJob, draw

MOST_USD, MOST_JOBS = 1_000_000, 10_000  # a typing error, not a plan
PROMPT_CAMPAIGN = 1  # one fixed list of prompts and seeds, the same on every provider


class PlanError(ValueError):
    """A plan that cannot be run; one sentence with the cause and the way out."""


@dataclass(frozen=True, kw_only=True)
class RunPlan:
    """One run: a workflow on some backends. `warm` jobs back to back and `cold` jobs per backend."""

    workflow: str
    gpu: str
    backends: Sequence[str]
    warm: int
    cold: int
    cap_usd: Decimal
    idle_timeout_s: int = 10
    params: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""
    asked_by: str = ""

    def __post_init__(self) -> None:
        self._check_counts()
        if not isinstance(self.cap_usd, Decimal) or not self.cap_usd.is_finite():
            raise PlanError(f"The spend cap must be a number of dollars, not {self.cap_usd}.")
        if not 0 < self.cap_usd <= MOST_USD:
            raise PlanError(f"The spend cap must be above $0 and at most ${MOST_USD:,}, not ${self.cap_usd}.")
        if not self.backends or isinstance(self.backends, str):
            raise PlanError("Name at least one backend.")
        if len(set(self.backends)) < len(self.backends):
            raise PlanError(f"Name each backend once, not {', '.join(self.backends)}.")
        load(self.workflow).render({**self.params, "prompt": "check", "seed": 1})

    def _check_counts(self) -> None:
        for name in ("warm", "cold", "idle_timeout_s"):
            if type(getattr(self, name)) is not int:
                raise PlanError(f"{name} must be a whole number, not {getattr(self, name)!r}.")
        if self.warm < 0 or self.cold < 1:
            raise PlanError(
                f"A run needs at least 1 cold and 0 warm jobs, not {self.cold} and {self.warm}: "
                "the first job of a deployment is always cold."
            )
        if self.warm + self.cold > MOST_JOBS:
            raise PlanError(f"A run takes at most {MOST_JOBS:,} jobs per backend, not {self.warm + self.cold:,}.")
        if self.idle_timeout_s < 1:
            raise PlanError(f"idle_timeout_s must be at least 1, not {self.idle_timeout_s}.")


@dataclass(frozen=True, kw_only=True)
class LaneJob:
    """One planned job of a lane."""

    profile: LoadProfile
    prompt: PromptJob


@dataclass(frozen=True, kw_only=True)
class Lane:
    """One deployment and its jobs in order."""

    backend: str
    name: str
    jobs: Sequence[LaneJob]


def lanes(plan: RunPlan, backend: str, *, fresh_host_is_cold: bool) -> list[Lane]:
    """The deployments of one backend. Every backend gets the same prompts and seeds in the same order.

    A backend that scales to zero needs one deployment: its first job is cold, warm ones follow back to back, then
    cold probes after idle gaps. Where only a fresh host is cold, every cold job needs a rental of its own, and the
    warm jobs are dealt out among them.
    """
    prompts = draw(plan.warm + plan.cold, PROMPT_CAMPAIGN)
    cold = [LaneJob(profile=LoadProfile.COLD_PROBE, prompt=prompt) for prompt in prompts[: plan.cold]]
    warm = [LaneJob(profile=LoadProfile.SEQUENTIAL, prompt=prompt) for prompt in prompts[plan.cold :]]
    if not fresh_host_is_cold:
        return [Lane(backend=backend, name="0", jobs=[cold[0], *warm, *cold[1:]])]
    return [Lane(backend=backend, name=str(i), jobs=[first, *warm[i :: plan.cold]]) for i, first in enumerate(cold)]


def insert_run(session: Session, plan: RunPlan, *, now: datetime) -> int:
    """Insert the run in state queued and give its id; the collector lays out the lanes and starts it."""
    installation = session.get(Installation, 1)
    if installation is None:
        raise PlanError("The collector has never run on this data folder. Start it with `bakeoff collect`.")
    workflow = load(plan.workflow)
    _remember(session, workflow, now)
    run = Run(
        workflow_hash=workflow.hash,
        gpu=plan.gpu,
        params=dict(plan.params),
        plan={
            "workflow": plan.workflow,
            "backends": list(plan.backends),
            "warm": plan.warm,
            "cold": plan.cold,
            "idle_timeout_s": plan.idle_timeout_s,
        },
        cap_usd=plan.cap_usd,
        simulated=installation.simulated,
        asked_by=plan.asked_by,
        note=plan.note,
        asked_at=now,
    )
    session.add(run)
    session.flush()
    return _id(run.id)


def plan_of(run: Run) -> RunPlan:
    """The plan that a run row was made from."""
    return RunPlan(
        workflow=run.plan["workflow"],
        gpu=run.gpu,
        backends=run.plan["backends"],
        warm=run.plan["warm"],
        cold=run.plan["cold"],
        idle_timeout_s=run.plan["idle_timeout_s"],
        cap_usd=run.cap_usd,
        params=run.params,
        note=run.note,
        asked_by=run.asked_by,
    )


def lay_out(session: Session, run: Run, planned: Sequence[Lane], *, lease_token: int) -> None:
    """Insert the deployments and jobs of a run. Keys name installation, run, backend and lane: unique for ever."""
    installation = session.get_one(Installation, 1)
    _remember_prompts(session, planned)
    for lane in planned:
        deployment = Deployment(
            run_id=_id(run.id),
            key=f"{installation.token}-r{run.id}-{lane.backend}-{lane.name}",
            backend=lane.backend,
            gpu=run.gpu,
            idle_timeout_s=run.plan["idle_timeout_s"],
            simulated=run.simulated,
        )
        session.add(deployment)
        session.flush()
        for position, planned_job in enumerate(lane.jobs):
            prompt = planned_job.prompt
            session.add(
                Job(
                    run_id=_id(run.id),
                    deployment_id=_id(deployment.id),
                    key=f"{deployment.key}-j{position}",
                    position=position,
                    profile=planned_job.profile,
                    prompt_id=prompt.prompt_id,
                    seed=prompt.seed,
                    lease_token=lease_token,
                )
            )


def _remember(session: Session, workflow: WorkflowFile, now: datetime) -> None:
    if session.get(Workflow, workflow.hash) is None:
        session.add(
            Workflow(
                hash=workflow.hash,
                name=workflow.name,
                title=workflow.title,
                licence=workflow.licence,
                vram_gb=workflow.vram_gb,
                content=_content(workflow),
                created_at=now,
            )
        )
        session.flush()  # its run is to refer to it, and rows without a relationship are written in any order


def _remember_prompts(session: Session, planned: Sequence[Lane]) -> None:
    prompts = {job.prompt.prompt_id: job.prompt for lane in planned for job in lane.jobs}
    for prompt in prompts.values():
        session.merge(Prompt(id=prompt.prompt_id, stratum=prompt.stratum, text=prompt.text))
    session.flush()


def _content(workflow: WorkflowFile) -> dict[str, Any]:
    return {
        "graph": dict(workflow.graph),
        "parameters": {name: asdict(parameter) for name, parameter in workflow.parameters.items()},
        "files": [asdict(file) for file in workflow.files],
    }


def _id(value: int | None) -> int:
    assert value is not None  # noqa: S101 - a flushed row has its id
    return value
