"""From what a person asks for to rows: the plan of a run, and its deployments and jobs."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlmodel import Session

from analysis.arrivals import MOST_JOBS, Burst, LoadError, Start, cold_gap_s, load_of
from analysis.cheats import CACHE_REPEAT, spread
from storage.models import Deployment, Installation, Job, Prompt, Run, Workflow
from words import LoadProfile
from workflows import Workflow as WorkflowFile
from workflows import load
from workflows.prompts import PromptJob, draw

MOST_USD = 1_000_000  # more is a typing error, not a plan
LEAST_REPEATS = 3  # of one seed, for the cache check
_IN_PLAN = ("workflow", "warm", "cold", "repeats", "load", "idle_timeout_s", "max_workers")
AT_ONCE = Start()
PROMPT_CAMPAIGN = 1  # one fixed list of prompts and seeds, the same on every provider


class PlanError(ValueError):
    """A plan that cannot be run; one sentence with the cause and the way out."""


@dataclass(frozen=True, kw_only=True)
class RunPlan:
    """One run: a workflow on some backends, on each of them either

    `warm` jobs back to back, `repeats` of the first of them for the cache check, and `cold` jobs; or a `load`, the
    data of a profile of `analysis.arrivals`, with warm, cold and repeats 0. Ceilings: cap_usd, cap_gpu_s (seconds of
    rented GPUs).
    """

    workflow: str
    gpu: str
    backends: Sequence[str]
    cap_usd: Decimal
    warm: int = 0
    cold: int = 0
    repeats: int = 0
    load: Mapping[str, Any] | None = None
    cap_gpu_s: int | None = None
    idle_timeout_s: int = 10
    max_workers: int = 1
    params: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""
    asked_by: str = ""

    def __post_init__(self) -> None:
        self._check_whole("warm", "cold", "repeats", "idle_timeout_s", "max_workers")
        self._check_jobs()
        self._check_ceilings()
        if not self.backends or isinstance(self.backends, str):
            raise PlanError("Name at least one backend.")
        if len(set(self.backends)) < len(self.backends):
            raise PlanError(f"Name each backend once, not {', '.join(self.backends)}.")
        load(self.workflow).render({**self.params, "prompt": "check", "seed": 1})

    @property
    def jobs(self) -> int:
        """How many jobs each backend gets."""
        return load_of(self.load).n if self.load else self.warm + self.repeats + self.cold

    def _check_whole(self, *names: str) -> None:
        for name in names:
            if type(getattr(self, name)) is not int:
                raise PlanError(f"{name} must be a whole number, not {getattr(self, name)!r}.")
        for name in ("idle_timeout_s", "max_workers"):
            if getattr(self, name) < 1:
                raise PlanError(f"{name} must be at least 1, not {getattr(self, name)}.")

    def _check_jobs(self) -> None:
        if self.load is not None:
            self._check_load(self.load)
        elif self.warm < 0 or self.cold < 1:
            raise PlanError(
                f"A run needs at least 1 cold and 0 warm jobs, not {self.cold} and {self.warm}: "
                "the first job of a deployment is always cold."
            )
        if self.repeats and (self.repeats < LEAST_REPEATS or not self.warm):
            raise PlanError(f"The cache check repeats a warm job {LEAST_REPEATS} times or more, not {self.repeats}.")
        if self.jobs > MOST_JOBS:
            raise PlanError(f"A run takes at most {MOST_JOBS:,} jobs per backend, not {self.jobs:,}.")

    def _check_load(self, data: Mapping[str, Any]) -> None:
        """A load stands alone, and a burst begins from zero."""
        if self.warm or self.cold or self.repeats:
            raise PlanError("A load profile says how all jobs arrive: leave warm, cold and repeats at 0.")
        try:
            planned = load_of(data)
        except LoadError as error:
            raise PlanError(str(error)) from None
        if isinstance(planned, Burst) and planned.bursts > 1 and planned.every_s < cold_gap_s(self.idle_timeout_s):
            raise PlanError(
                f"A burst begins from zero, but after {planned.every_s:g} s the capacity of the one before is still "
                f"up: every_s must be at least {cold_gap_s(self.idle_timeout_s):g} with this idle window."
            )

    def _check_ceilings(self) -> None:
        if not isinstance(self.cap_usd, Decimal) or not self.cap_usd.is_finite():
            raise PlanError(f"The spend cap must be a number of dollars, not {self.cap_usd}.")
        if not 0 < self.cap_usd <= MOST_USD:
            raise PlanError(f"The spend cap must be above $0 and at most ${MOST_USD:,}, not ${self.cap_usd}.")
        if self.cap_gpu_s is not None and (type(self.cap_gpu_s) is not int or self.cap_gpu_s < 1):
            raise PlanError(f"cap_gpu_s must be a whole number of GPU-seconds above 0, not {self.cap_gpu_s!r}.")


@dataclass(frozen=True, kw_only=True)
class LaneJob:
    """One planned job of a lane. `left_out`: why it enters no cell, known before it runs."""

    profile: LoadProfile
    prompt: PromptJob
    start: Start = AT_ONCE
    left_out: str | None = None


@dataclass(frozen=True, kw_only=True)
class Lane:
    """One deployment and its jobs in order."""

    backend: str
    name: str
    jobs: Sequence[LaneJob]
    half: int | None = None  # of a block, on rented machines


def lanes(plan: RunPlan, backend: str, *, fresh_host_is_cold: bool) -> list[Lane]:
    """The deployments of one backend. Every backend gets the same prompts and seeds in the same order.

    A backend that scales to zero needs one deployment: its first job is cold, warm ones follow back to back, then
    cold probes after idle gaps. Where only a fresh host is cold, every cold job needs a rental of its own, and the
    warm jobs are dealt out among them. Repeats lie apart, or ComfyUI would answer them itself.
    """
    if plan.load is not None:
        return [Lane(backend=backend, name="0", jobs=_under_load(plan.load))]
    prompts = draw(plan.warm + plan.cold, PROMPT_CAMPAIGN)
    later = Start(gap_s=cold_gap_s(plan.idle_timeout_s))
    firsts = [LaneJob(profile=LoadProfile.COLD_PROBE, prompt=prompt) for prompt in prompts[: plan.cold]]
    warm = [LaneJob(profile=LoadProfile.SEQUENTIAL, prompt=prompt) for prompt in prompts[plan.cold :]]
    repeats = [replace(job, left_out=CACHE_REPEAT) for job in warm[:1] * plan.repeats]
    if not fresh_host_is_cold:
        probes = [replace(job, start=later) for job in firsts[1:]]
        return [Lane(backend=backend, name="0", jobs=[firsts[0], *spread(warm, repeats), *probes])]
    return [
        Lane(
            backend=backend,
            name=str(i),
            jobs=[first, *spread(warm[i :: plan.cold], repeats if i == 0 else [])],
            half=2 * i // plan.cold,
        )
        for i, first in enumerate(firsts)
    ]


def drawn_again(session: Session, job: Job, position: int) -> Job:
    """The row of a job that takes the place of one whose start was not what its series asks for.

    Its prompt comes from behind the planned ones, so that no other job of the deployment has had it.
    """
    plan = plan_of(session.get_one(Run, job.run_id))
    (prompt,) = draw(1, PROMPT_CAMPAIGN, start=plan.jobs + position)
    session.merge(Prompt(id=prompt.prompt_id, stratum=prompt.stratum, text=prompt.text))
    deployment = session.get_one(Deployment, job.deployment_id)
    start = Start(slot=job.slot, gap_s=(job.gap_us or 0) / 1e6)
    planned = LaneJob(profile=job.profile, prompt=prompt, start=start)
    row = job_row(deployment, position, planned, lease_token=job.lease_token or 0)
    row.redraw_of = job.id
    return row


def _under_load(data: Mapping[str, Any]) -> list[LaneJob]:
    planned = load_of(data)
    prompts = draw(planned.n, PROMPT_CAMPAIGN)
    return [
        LaneJob(profile=planned.profile, prompt=prompt, start=start)
        for prompt, start in zip(prompts, planned.starts(), strict=True)
    ]


def insert_run(session: Session, plan: RunPlan, *, now: datetime) -> int:
    """Insert the run in state queued and give its id; the collector lays out the lanes and starts it."""
    installation = session.get(Installation, 1)
    if installation is None:
        raise PlanError("The collector has never run on this data folder. Start it with `bakeoff collect`.")
    workflow = load(plan.workflow)
    remember_workflow(session, workflow, now)
    run = Run(
        workflow_hash=workflow.hash,
        gpu=plan.gpu,
        params=dict(plan.params),
        plan={name: getattr(plan, name) for name in _IN_PLAN} | {"backends": list(plan.backends)},
        cap_usd=plan.cap_usd,
        cap_gpu_s=plan.cap_gpu_s,
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
        gpu=run.gpu,
        backends=run.plan["backends"],
        cap_usd=run.cap_usd,
        cap_gpu_s=run.cap_gpu_s,
        **{name: run.plan[name] for name in _IN_PLAN if name in run.plan},  # a run of an older version lacks some
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
            half=lane.half,
            idle_timeout_s=run.plan["idle_timeout_s"],
            simulated=run.simulated,
        )
        session.add(deployment)
        session.flush()
        for position, job in enumerate(lane.jobs):
            session.add(job_row(deployment, position, job, lease_token=lease_token))


def job_row(deployment: Deployment, position: int, planned: LaneJob, *, lease_token: int) -> Job:
    """The row of a planned job; its key names its deployment and position."""
    start = planned.start
    return Job(
        run_id=deployment.run_id,
        deployment_id=_id(deployment.id),
        key=f"{deployment.key}-j{position}",
        position=position,
        profile=planned.profile,
        slot=start.slot,
        offset_us=None if start.offset_s is None else round(start.offset_s * 1e6),
        gap_us=None if start.offset_s is not None else round(start.gap_s * 1e6),
        left_out=planned.left_out,
        prompt_id=planned.prompt.prompt_id,
        seed=planned.prompt.seed,
        lease_token=lease_token,
    )


def remember_workflow(session: Session, workflow: WorkflowFile, now: datetime) -> None:
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
