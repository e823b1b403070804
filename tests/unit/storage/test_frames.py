"""Tables as typed frames: every column, its unit, and null where nothing is known."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from sqlmodel import Session, select

from analysis import schema
from storage import frames
from storage.billing import upsert_charges
from storage.models import Block, Charge, Offer, Schedule, Workflow
from tests.unit.storage.rows import AT, after, deployment_of, fresh, jobs_of, launch, ready, succeed
from tests.unit.storage.test_billing import Line
from words import BlockStatus, DeploymentState, LoadProfile, Reason, StartKind
from workflows import load


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    engine = fresh(tmp_path / "bakeoff.db")
    with Session(engine) as session:
        yield session
    engine.dispose()


@pytest.mark.parametrize("name", ["blocks", "jobs", "deployments", "charges", "images"])
def test_no_rows_make_an_empty_frame_of_the_schema(session: Session, name: str) -> None:
    frame = getattr(frames, name)(session)
    assert frame.height == 0
    assert frame.schema == getattr(schema, name.upper())


def test_a_finished_job_has_every_column_in_its_unit(session: Session) -> None:
    run = launch(session)
    deployment = deployment_of(session, run, "runpod")
    ready(deployment, "ep1")
    job = jobs_of(session, deployment)[0]
    succeed(session, job, start_s=20, kind=StartKind.COLD)
    job.evidence = {"worker_started_at": after(8.5).isoformat().replace("+00:00", "Z")}
    job.worker_began_at, job.worker_ended_at = after(21.5), after(29.75)
    job.boot_us, job.load_us, job.estimated_usd = 12_000_000, 21_500_000, Decimal("0.00437")
    session.flush()
    frame = frames.jobs(session)
    assert frame.schema == schema.JOBS
    row = frame.row(0, named=True)
    assert row == {
        "job_id": job.id, "key": "bakeoff-abc-r1-runpod-0-j0", "run_id": 1, "block_id": None,
        "deployment_id": deployment.id, "deployment": "bakeoff-abc-r1-runpod-0", "half": None,
        "workflow": "flux-dev", "workflow_hash": run.workflow_hash,
        "settings": '{"height": 512, "width": 512}', "model": "flux-dev", "width": 512,
        "height": 512, "steps": 20, "forwards_per_step": 1,
        "backend": "runpod", "gpu": "L40S", "prompt_id": job.prompt_id, "stratum": row["stratum"],
        "seed": job.seed, "profile": LoadProfile.COLD_PROBE.value, "position": 0,
        "slot": 0, "offset_s": None, "gap_s": 0.0,
        "status": "succeeded", "reason": None, "error": None, "start_kind": "cold", "worker_id": "w1",
        "worker_started_at": after(8.5),
        "retry_of": None, "redraw_of": None, "left_out": None,
        "intended_at": after(20), "sent_at": after(20.01), "accepted_at": after(20.05),
        "deadline_at": None, "last_unfinished_at": after(29), "first_finished_at": after(30),
        "worker_began_at": after(21.5), "worker_ended_at": after(29.75), "queue_s": 1.5,
        "execution_s": 8.25, "boot_s": 12.0, "load_s": 21.5, "usd_per_s_nano": 530_000, "estimated_nano": 4_370_000,
        "good_image": True, "defect": None, "sampler_cached": None, "simulated": True,
    }  # fmt: skip
    assert row["stratum"]


def test_a_job_that_was_drawn_again_says_so_in_words_and_ids(session: Session) -> None:
    run = launch(session)
    first, again = jobs_of(session, deployment_of(session, run, "runpod"))[:2]
    first.left_out, again.redraw_of, again.slot, again.gap_us, again.offset_us = "cache_repeat", first.id, 2, None, 1
    session.flush()
    rows = frames.jobs(session).filter(pl.col("job_id").is_in([first.id, again.id]))
    assert rows["left_out"].to_list() == ["cache_repeat", None]
    assert rows.row(1, named=True)["redraw_of"] == first.id
    assert (rows["slot"][1], rows["gap_s"][1], rows["offset_s"][1]) == (2, None, 1e-6)


@pytest.mark.parametrize(
    ("nodes", "cached"),
    [(None, None), ("sampler", None), ([], False), (["unet", {}], False), (["unet", "sampler"], True)],
)
def test_only_a_cached_sampler_is_a_cached_result(session: Session, nodes: object, cached: bool | None) -> None:
    run = launch(session)
    jobs_of(session, deployment_of(session, run, "vast"))[0].evidence = {"cached_nodes": nodes}
    session.flush()
    frame = frames.jobs(session).filter(pl.col("backend") == "vast")
    assert frame["sampler_cached"].to_list() == [cached, None, None]


def test_a_workflow_that_has_changed_since_says_nothing_of_the_work(session: Session) -> None:
    run = launch(session)
    known = session.get_one(Workflow, run.workflow_hash)
    session.add(Workflow(**{**known.model_dump(), "hash": "old"}))
    session.add(Workflow(**{**known.model_dump(), "hash": "strange", "name": "nobody-ships-it"}))
    session.flush()
    other = launch(session, params={"steps": 4})
    run.workflow_hash = "old"
    session.flush()
    frame = frames.jobs(session)
    assert frame.group_by("run_id", maintain_order=True).agg(pl.col("steps", "model").unique()).rows() == [
        (run.id, [None], [None]),
        (other.id, [4], ["flux-dev"]),
    ]
    run.workflow_hash = "strange"
    session.flush()
    assert frames.jobs(session, [run.id])["model"].null_count() == frames.jobs(session, [run.id]).height


@pytest.mark.parametrize("said", [None, "soon", "2026-11-23T12:00:00"])
def test_an_instant_of_evidence_that_cannot_be_read_is_null(session: Session, said: str | None) -> None:
    run = launch(session)
    jobs_of(session, deployment_of(session, run, "runpod"))[0].evidence = {"worker_started_at": said}
    session.flush()
    assert frames.jobs(session)["worker_started_at"][0] is None


def test_a_job_that_waits_has_nulls_and_no_zeros(session: Session) -> None:
    launch(session)
    row = frames.jobs(session).row(0, named=True)
    unknown = {
        "intended_at", "sent_at", "accepted_at", "first_finished_at", "queue_s", "execution_s", "boot_s", "load_s",
        "usd_per_s_nano", "estimated_nano", "good_image", "start_kind", "worker_id", "defect",
    }  # fmt: skip
    assert {name for name in unknown if row[name] is not None} == set()


def test_a_broken_image_is_no_good_image_and_says_its_defect(session: Session) -> None:
    run = launch(session)
    job, other = jobs_of(session, deployment_of(session, run, "runpod"))[:2]
    succeed(session, job, start_s=20, good=False)
    succeed(session, other, start_s=40)
    frame = frames.jobs(session)
    assert frame["good_image"].to_list()[:3] == [False, True, None]
    assert frame["defect"].to_list()[:3] == ["black", None, None]
    assert frames.images(session)["good"].to_list() == [False, True]


def test_one_bad_image_of_two_makes_the_job_not_good(session: Session) -> None:
    run = launch(session)
    job = jobs_of(session, deployment_of(session, run, "runpod"))[0]
    succeed(session, job, start_s=20)
    succeed(session, job, start_s=20, good=False)
    frame = frames.jobs(session)
    assert frame.height == 6
    assert frame["good_image"][0] is False


def test_rows_are_of_the_runs_asked_for_and_in_order(session: Session) -> None:
    first, second = launch(session), launch(session)
    for frame in (frames.jobs, frames.deployments):
        assert frame(session, [second.id])["run_id"].unique().to_list() == [second.id]
        assert frame(session, [])["run_id"].to_list() == []
        everything = frame(session)
        assert everything["run_id"].unique().sort().to_list() == [first.id, second.id]
        assert everything[:, 0].is_sorted()
    assert frames.images(session, [first.id]).height == 0


def test_settings_that_are_equal_are_equal_as_text(session: Session) -> None:
    launch(session, params={"width": 512, "height": 768})
    launch(session, params={"height": 768, "width": 512})
    assert frames.jobs(session)["settings"].n_unique() == 1


def test_deployments_and_their_bill(session: Session) -> None:
    run = launch(session)
    deployment = deployment_of(session, run, "runpod")
    ready(deployment, "ep1")
    deployment.intended_at = after(1)
    line = Line("a", resource_id="ep1", billed_cost=Decimal("0.000000007"))
    stray = Line("b", resource_id="somebody-elses")
    upsert_charges(session, [line, stray], now=AT, simulated=True)
    row = frames.deployments(session).row(0, named=True)
    assert row == {
        "deployment_id": 1, "deployment": "bakeoff-abc-r1-runpod-0", "half": None, "run_id": 1,
        "block_id": None, "workflow": "flux-dev",
        "backend": "runpod", "gpu": "L40S", "state": "ready", "cause": None, "provider_id": "ep1", "idle_timeout_s": 10,
        "usd_per_s_nano": 530_000, "storage_usd_per_h_nano": None, "network_usd_per_gb_nano": None,
        "model_gb": pytest.approx(load("flux-dev").size_gb), "intended_at": after(1), "created_at": after(2),
        "ready_at": after(10), "ended_at": None, "simulated": True,
    }  # fmt: skip
    charges = frames.charges(session)
    assert charges.row(0, named=True) == {
        "charge_id": "a", "provider": "runpod", "resource_id": "ep1", "deployment_id": 1, "sku": "gpu",
        "description": None, "charge_period_start": AT - timedelta(hours=1), "charge_period_end": AT, "billed_nano": 7,
        "state": "provisional", "simulated": True,
    }  # fmt: skip
    assert charges["deployment_id"].to_list() == [1, None]
    session.exec(select(Charge).where(Charge.id == "a")).one().counts = False
    session.flush()
    assert frames.charges(session)["billed_nano"].to_list() == [None, 500_000_000]
    assert frames.charges(session, [run.id])["charge_id"].to_list() == ["a"]


def test_what_a_rental_costs_beside_its_gpu_comes_from_the_offer_it_took(session: Session) -> None:
    deployment = deployment_of(session, launch(session), "vast")
    beside = {"storage_usd_per_s": str(Decimal(12) / 730 / 3600), "network_usd_per_gb": "0.002"}
    offer = Offer(
        backend="vast", gpu="L40S", offer_id="1", unit="h", usd_per_unit=Decimal(1), usd_per_s=Decimal(1),
        source="offer", seen_at=AT, detail=beside,
    )  # fmt: skip
    session.add(offer)
    session.flush()
    deployment.offer_id = offer.id
    raw = {"line": {"description": "0.030 GB at $2.00/TB"}}
    upsert_charges(session, [Line("a", resource_name=deployment.key, raw=raw)], now=AT, simulated=True)
    session.flush()
    (row,) = frames.deployments(session).filter(deployment_id=deployment.id).iter_rows(named=True)
    assert (row["storage_usd_per_h_nano"], row["network_usd_per_gb_nano"]) == (16_438_356, 2_000_000)
    assert frames.charges(session)["description"].to_list() == ["0.030 GB at $2.00/TB"]


def test_a_deployment_that_failed_says_its_cause(session: Session) -> None:
    deployment = deployment_of(session, launch(session), "vast")
    deployment.state, deployment.cause = DeploymentState.FAILED, Reason.NO_CAPACITY.value
    session.flush()
    (row,) = frames.deployments(session).filter(backend="vast").iter_rows(named=True)
    assert (row["cause"], row["intended_at"], row["ready_at"]) == ("no_capacity", None, None)


def test_an_image_names_prompt_job_and_blob(session: Session) -> None:
    run = launch(session)
    job = jobs_of(session, deployment_of(session, run, "vast"))[0]
    succeed(session, job, start_s=20)
    frame = frames.images(session)
    assert frame.schema == schema.IMAGES
    row = frame.row(0, named=True)
    assert (row["job_id"], row["backend"], row["prompt_id"], row["seed"]) == (job.id, "vast", job.prompt_id, job.seed)
    assert (row["width"], row["height"], row["sha256"]) == (512, 512, f"{job.id:064x}")
    assert row["prompt"]
    assert row["workflow"] == "flux-dev"


def test_jobs_and_deployments_of_a_block_say_which_and_its_half(session: Session) -> None:
    run, other = launch(session, cold=2), launch(session)
    schedule = Schedule(
        workflow_hash=run.workflow_hash, gpu="L40S", cap_usd=Decimal(9), seed=1, simulated=True, asked_at=AT
    )
    session.add(schedule)
    session.flush()
    named = {"schedule_id": schedule.id, "day_part": "night", "latest_at": after(60), "seed": 5}
    planned = Block(number=2, starts_at=after(90_000), **named)
    begun = Block(number=1, starts_at=AT, run_id=run.id, status=BlockStatus.STARTED, **named)
    session.add_all([planned, begun])
    session.flush()

    frame = frames.blocks(session, schedule.id)
    assert frame.schema == schema.BLOCKS
    assert frame.select("block_id", "number", "run_id", "status", "workflow", "seed", "starts_at").rows() == [
        (begun.id, 1, run.id, "started", "flux-dev", 5, AT),
        (planned.id, 2, None, "planned", "flux-dev", 5, after(90_000)),
    ]
    assert frames.blocks(session, 99).is_empty()
    for of in (frames.jobs(session), frames.deployments(session)):
        assert dict(of.select("run_id", "block_id").unique().rows()) == {run.id: begun.id, other.id: None}
        rented = of.filter(pl.col("run_id") == run.id, pl.col("backend") == "vast")
        assert set(rented["half"]) == {0, 1}
        assert set(of.filter(pl.col("backend") == "runpod")["half"]) == {None}
