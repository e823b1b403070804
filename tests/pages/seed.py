"""A small but complete data folder, written through the real tables. Every number is invented and marked simulated.

`python -m tests.pages.seed FOLDER` makes one to look at. Strangers' text in it is hostile on purpose.
"""

import io
import random
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from PIL import Image as Pillow
from PIL import ImageDraw
from sqlmodel import Session, select

from analysis.cost import of_deployments
from analysis.quality import inspect
from clock import SharedClock, WallClock
from storage import frames
from storage.blobs import Blobs, thumbnail
from storage.db import DataFolder, open_engine
from storage.migrate import upgrade
from storage.models import (
    Backend,
    Charge,
    Collector,
    Deployment,
    Event,
    Image,
    Installation,
    Job,
    Observation,
    Offer,
    Request,
    Run,
)
from storage.plans import RunPlan, insert_run, lanes, lay_out
from tests.pages import seed_card, seed_costs, seed_pairs
from words import CostState, DeploymentState, JobStatus, Reason, RequestKind, RequestState, RunStatus, StartKind

EPOCH = datetime(2026, 11, 2, 8, tzinfo=UTC)
HOSTILE = (
    "<script>alert('x')</script> $x$ and $y$ [free gpus](http://evil.example) `rm` :red[!] **bold** www.evil.example"
)
HOURS_LATER = 60
FINAL_AFTER = timedelta(hours=48)


@dataclass(frozen=True)
class Arm:
    """How a provider behaves here."""

    provider: str
    usd_per_s: dict[str, str]
    boot_s: float
    load_s: float
    ready_s: float
    execution_s: dict[str, float]
    queue_s: float
    failures: dict[Reason, float]
    features: list[str] = field(default_factory=list)


ARMS = {
    "modal": Arm(
        "modal", {"L40S": "0.000665440", "H100": "0.001220440"}, 13, 24, 20, {"flux-dev": 9.0, "qwen-image-2512": 19.0},
        0.3, {Reason.EXECUTION_ERROR: 0.01}, ["billed", "deploys", "finds_jobs", "long_poll", "scales_to_zero"],
    ),
    "runpod": Arm(
        "runpod", {"L40S": "0.000530000", "H100": "0.001160000"}, 12, 21, 40,
        {"flux-dev": 8.8, "qwen-image-2512": 18.6},
        0.6, {Reason.WORKER_LOST: 0.02}, ["billed", "deploys", "scales_to_zero"],
    ),
    "vast": Arm(
        "vast", {"L40S": "0.000150000", "H100": "0.000583000"}, 0, 19, 430, {"flux-dev": 8.5, "qwen-image-2512": 18.1},
        0.2, {Reason.WORKER_LOST: 0.05, Reason.IMAGE_BROKEN: 0.03}, ["billed", "deploys", "fresh_host_is_cold"],
    ),
}  # fmt: skip


def build(path: Path, *, running: bool = True) -> DataFolder:
    """A folder with two finished runs, a third that is running when asked for, and everything beside them."""
    folder = empty(path)
    random.seed(7)
    blobs = Blobs(folder.blobs)
    with Session(open_engine(folder.db)) as session:
        _world(session)
        _finished(session, blobs, _plan("flux-dev", "L40S", warm=80, cold=6), EPOCH)
        _finished(session, blobs, _plan("qwen-image-2512", "H100", warm=22, cold=4), EPOCH + timedelta(hours=3))
        if running:
            started_at = EPOCH + timedelta(hours=HOURS_LATER) - timedelta(minutes=9)
            _running(session, blobs, _plan("flux-dev", "L40S", warm=60, cold=4, note=HOSTILE), started_at)
        _requests(session)
        seed_costs.add(session, epoch=EPOCH, now=EPOCH + timedelta(hours=HOURS_LATER), hostile=HOSTILE)
        seed_card.add(session, now=EPOCH, hostile=HOSTILE)
        seed_pairs.add(session, blobs, at=EPOCH + timedelta(hours=HOURS_LATER))
        session.commit()
    return folder


def empty(path: Path) -> DataFolder:
    """Current tables, an installation and a collector, and nothing measured."""
    folder = DataFolder(path)
    folder.create()
    SharedClock.create(folder.clock, epoch=EPOCH + timedelta(hours=HOURS_LATER), speed=1.0)
    upgrade(folder.db)
    seen_at = WallClock().now()
    with Session(open_engine(folder.db)) as session:
        session.add(
            Installation(token="bo-seed", simulated=True, world="seeded", seed=42, speed=10.0, created_at=EPOCH)
        )
        session.add(Collector(pid=1, started_at=seen_at, seen_at=seen_at, doing="1 runs", lease_token=1))
        session.commit()
    return folder


def beat(path: Path, *, silent_s: float = 0.0) -> None:
    """The collector was last heard of `silent_s` ago."""
    with Session(open_engine(DataFolder(path).db)) as session:
        session.get_one(Collector, 1).seen_at = WallClock().now() - timedelta(seconds=silent_s)
        session.commit()


def _plan(workflow: str, gpu: str, *, warm: int, cold: int, note: str = "seeded") -> RunPlan:
    return RunPlan(
        workflow=workflow,
        gpu=gpu,
        backends=list(ARMS),
        warm=warm,
        cold=cold,
        cap_usd=Decimal(20),
        note=note,
        asked_by="ana",
    )


def _world(session: Session) -> None:
    """Backends as last checked, one of them refusing in hostile words, and their offers."""
    for name, arm in ARMS.items():
        checked_at = EPOCH + timedelta(hours=HOURS_LATER, minutes=-4)
        session.add(
            Backend(
                name=name,
                provider=arm.provider,
                features=arm.features,
                simulated=True,
                state="ready",
                checked_at=checked_at,
            )
        )
        for gpu, usd in arm.usd_per_s.items():
            for age_h, factor in ((HOURS_LATER, "0.97"), (1, "1")):
                session.add(_offer(name, gpu, Decimal(usd) * Decimal(factor), age_h=age_h))
    session.flush()
    session.add(
        Backend(
            name="modal-web",
            provider="modal",
            features=[],
            simulated=True,
            state=f"Key refused (401): {HOSTILE}. Set MODAL_TOKEN_ID, then Recheck.",
            checked_at=EPOCH,
        )
    )


def _offer(name: str, gpu: str, usd: Decimal, *, age_h: float) -> Offer:
    return Offer(
        backend=name,
        gpu=gpu,
        offer_id=f"{name}-{gpu}",
        unit="GPU second",
        usd_per_unit=usd,
        usd_per_s=usd,
        source=f"simulated catalogue of {name}",
        region="EU-NL" if name != "modal" else None,
        seen_at=EPOCH + timedelta(hours=HOURS_LATER - age_h),
    )


def _begin(session: Session, plan: RunPlan, at: datetime) -> Run:
    run = session.get_one(Run, insert_run(session, plan, now=at - timedelta(seconds=20)))
    for name in plan.backends:
        fresh = "fresh_host_is_cold" in ARMS[name].features
        lay_out(session, run, lanes(plan, name, fresh_host_is_cold=fresh), lease_token=1)
    run.status, run.started_at = RunStatus.RUNNING, at
    session.flush()
    _tell(session, run, at, f"Run {run.id} starts.")
    return run


def _finished(session: Session, blobs: Blobs, plan: RunPlan, at: datetime) -> None:
    run = _begin(session, plan, at)
    ends = [_lane(session, blobs, run, row, until=None) for row in _deployments(session, run)]
    run.status, run.left_running, run.ended_at = RunStatus.DONE, 0, max(ends)
    _tell(session, run, max(ends), f"Run {run.id} is done; nothing left running.")
    _bill(session, run)


def _running(session: Session, blobs: Blobs, plan: RunPlan, at: datetime) -> None:
    run = _begin(session, plan, at)
    for row in _deployments(session, run):
        _lane(session, blobs, run, row, until=EPOCH + timedelta(hours=HOURS_LATER))
    _tell(session, run, at + timedelta(minutes=5), f"A host died: {HOSTILE}")


def _deployments(session: Session, run: Run) -> list[Deployment]:
    return list(session.exec(select(Deployment).where(Deployment.run_id == run.id)))


def _lane(session: Session, blobs: Blobs, run: Run, row: Deployment, *, until: datetime | None) -> datetime:
    """One deployment from intent to teardown with its jobs; stops where `until` cuts it."""
    arm, name = ARMS[row.backend], run.plan["workflow"]
    row.intended_at = row.created_at = run.started_at
    row.provider_id, row.usd_per_s = f"{row.backend}-{row.id}", Decimal(arm.usd_per_s[run.gpu])
    row.provenance = {"gpu_name": f"NVIDIA {run.gpu}", "driver": "570.86", "region": "EU-NL", "image": "comfy:5.8.5"}
    row.ready_at = row.created_at + timedelta(seconds=arm.ready_s * random.lognormvariate(0, 0.2))
    row.state = DeploymentState.READY
    at = row.ready_at
    if until and row.ready_at > until:
        row.state, row.ready_at = DeploymentState.PROVISIONING, None
        return until
    for job in session.exec(select(Job).where(Job.deployment_id == row.id).order_by(Job.position)):
        cold = job.profile == "cold_probe"
        at += timedelta(seconds=25 if cold and job.position else 0.4)
        if until and at > until:
            return until
        at = _job(session, blobs, row, job, at, execution_s=arm.execution_s[name], cold=cold)
    row.state, row.ended_at = DeploymentState.GONE, at + timedelta(seconds=12)
    _tell(session, run, row.ended_at, f"{row.key} is gone.")
    return row.ended_at


def _job(
    session: Session, blobs: Blobs, row: Deployment, job: Job, at: datetime, *, execution_s: float, cold: bool
) -> datetime:
    arm = ARMS[row.backend]
    boot_s = arm.boot_s * random.lognormvariate(0, 0.2) if cold else 0.0
    load_s = arm.load_s * random.lognormvariate(0, 0.15) if cold else 0.0
    queue_s = arm.queue_s * random.lognormvariate(0, 0.3) + boot_s
    slow = 1.9 if random.random() < 0.02 else 1.0
    run_s = execution_s * random.lognormvariate(0, 0.04) * slow + load_s
    job.intended_at, job.sent_at = at, at + timedelta(milliseconds=3)
    job.accepted_at = at + timedelta(milliseconds=140)
    end = job.accepted_at + timedelta(seconds=queue_s + run_s + 0.4)
    job.deadline_at = at + timedelta(seconds=600)
    job.last_unfinished_at, job.first_finished_at = end - timedelta(milliseconds=420), end
    job.provider_job_id, job.worker_id = f"pj-{job.id}", f"{row.backend}-w{row.id}"
    job.queue_us, job.execution_us = round(queue_s * 1e6), round(run_s * 1e6)
    job.boot_us, job.load_us = round(boot_s * 1e6), round(load_s * 1e6) if cold else None
    job.start_kind = StartKind.COLD if cold else StartKind.WARM
    job.evidence = {
        "worker_id": job.worker_id,
        "rule": "first job of this worker" if cold else "an earlier job ran here",
    }
    job.estimated_usd = row.usd_per_s * Decimal(str(round(queue_s + run_s, 3)))
    job.status, job.reason = JobStatus.SUCCEEDED, None
    for reason, chance in arm.failures.items():
        if random.random() < chance:
            job.status, job.reason, job.error = JobStatus.FAILED, reason.value, f"{reason.value}: {HOSTILE}"
    raw = {"id": job.provider_job_id, "status": job.status.value.upper(), "note": HOSTILE}
    session.add(Observation(job_id=job.id, seen_at=end, status=job.status, raw=raw))
    if job.reason in (None, Reason.IMAGE_BROKEN.value):
        session.add(_image(blobs, row, job))
    else:
        _tell_job(session, job, end)
    return end


def _image(blobs: Blobs, row: Deployment, job: Job) -> Image:
    """A small picture that depends on prompt and seed, a shade different on each provider, black when broken."""
    defect = "black" if job.reason else None
    content = _paint(job.seed, shade=list(ARMS).index(row.backend), broken=bool(defect))
    facts, picture = inspect(content, (128, 128))
    assert picture is not None
    return Image(
        job_id=job.id,
        sha256=blobs.put(content),
        thumbnail_sha256=blobs.put_shown(thumbnail(picture)),
        width=128,
        height=128,
        size_bytes=len(content),
        pixel_sha256=facts.pixel_sha256,
        sharpness=facts.sharpness,
        luma_mean=facts.luma_mean,
        luma_sd=facts.luma_sd,
        colourfulness=facts.colourfulness,
        good=defect is None,
        defect=defect,
    )


def _paint(seed: int, *, shade: int, broken: bool) -> bytes:
    draw_from = random.Random(seed)
    size = 128
    picture = Pillow.new("RGB", (size, size), (0, 0, 0))
    if not broken:
        hue = [draw_from.randrange(40, 215) for _ in range(6)]
        gradient = Pillow.linear_gradient("L").resize((size, size))
        sky = Pillow.new("RGB", (size, size), tuple(hue[:3]))
        picture = Pillow.composite(Pillow.new("RGB", (size, size), tuple(hue[3:])), sky, gradient)
        brush = ImageDraw.Draw(picture)
        x, y, r = draw_from.randrange(20, 108), draw_from.randrange(20, 70), draw_from.randrange(10, 26)
        brush.ellipse((x - r, y - r, x + r, y + r), fill=(250, 240 - shade, 220))
        ridge = [(i, 80 + draw_from.randrange(-18, 18)) for i in range(0, size + 16, 16)]
        brush.polygon([(0, size), *ridge, (size, size)], fill=(30 + 2 * shade, 50, 70))
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def _bill(session: Session, run: Run) -> None:
    """One line a clock hour and resource; the first run's are final, later ones provisional or open."""
    now = EPOCH + timedelta(hours=HOURS_LATER)
    session.flush()
    costs = of_deployments(frames.deployments(session), frames.jobs(session), frames.charges(session))
    estimated = {
        row: Decimal(nano) / 10**9 for row, nano in costs.select("deployment_id", "estimated_nano").iter_rows()
    }
    for row in _deployments(session, run):
        start = row.created_at.replace(minute=0, second=0, microsecond=0)
        end = row.ended_at.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        skus = {"gpu": estimated[row.id] * Decimal("1.01")}
        if row.backend == "vast":
            skus |= {"disk": Decimal("0.0021"), "network": Decimal("0.004")}
        final = now - end >= FINAL_AFTER
        for sku, usd in skus.items():
            session.add(
                Charge(
                    id=f"{row.key}-{sku}",
                    provider=ARMS[row.backend].provider,
                    resource_id=row.provider_id,
                    resource_name=row.key,
                    deployment_id=row.id,
                    sku=sku,
                    charge_period_start=start,
                    charge_period_end=end,
                    billed_cost=usd,
                    simulated=True,
                    first_seen_at=end,
                    same_since=end,
                    fetched_at=now,
                    state=CostState.FINAL if final else CostState.PROVISIONAL,
                    raw={"note": HOSTILE},
                )
            )


def _requests(session: Session) -> None:
    asked_at = EPOCH + timedelta(hours=HOURS_LATER, minutes=-2)
    arms = {"modal": {"deployments": 1, "jobs": 6, "offers": 1, "usd_per_s": "0.00066544"}, "vast": {"error": HOSTILE}}
    session.add(
        Request(
            kind=RequestKind.DRY_RUN,
            arguments={},
            state=RequestState.DONE,
            reply={"arms": arms},
            asked_by="ana",
            asked_at=asked_at,
            answered_at=asked_at + timedelta(seconds=3),
        )
    )


def _tell(session: Session, run: Run, at: datetime, text: str) -> None:
    session.add(Event(at=at, run_id=run.id, kind="run", text=text))


def _tell_job(session: Session, job: Job, at: datetime) -> None:
    text = f"Job {job.id} ended as {job.status.value}: {job.reason}. {job.error}"
    session.add(Event(at=at, run_id=job.run_id, job_id=job.id, kind="job", text=text))


if __name__ == "__main__":
    build(Path(sys.argv[1]))
