"""From a plan to lanes and rows."""

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from sqlmodel import Session, select

from storage.models import Deployment, Installation, Job, Prompt, Run, Workflow
from storage.plans import PlanError, insert_run, lanes, lay_out, plan_of
from tests.unit.storage.rows import AT, deployment_of, fresh, jobs_of, launch, plan
from words import JobStatus, LoadProfile, RunStatus

COLD, WARM = LoadProfile.COLD_PROBE, LoadProfile.SEQUENTIAL


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    engine = fresh(tmp_path / "bakeoff.db")
    with Session(engine) as session:
        yield session
    engine.dispose()


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"cold": 0}, "at least 1 cold and 0 warm jobs, not 0 and 2"),
        ({"warm": -1}, "not 1 and -1"),
        ({"cap_usd": Decimal(0)}, "above \\$0"),
        ({"cap_usd": Decimal(-5)}, "above \\$0"),
        ({"backends": []}, "at least one backend"),
    ],
)
def test_a_plan_that_cannot_be_run_is_refused_in_one_sentence(wrong: dict, says: str) -> None:
    with pytest.raises(PlanError, match=says):
        plan(**wrong)


@pytest.mark.parametrize("wrong", [{"workflow": "no-such"}, {"params": {"width": -8}}, {"params": {"depth": 3}}])
def test_a_plan_with_a_workflow_or_parameter_that_does_not_exist_is_refused(wrong: dict) -> None:
    with pytest.raises(ValueError, match=r"no-such|width|depth"):
        plan(**wrong)


def test_a_scaling_backend_has_one_lane_cold_first_then_warm_then_cold_probes() -> None:
    (lane,) = lanes(plan(warm=3, cold=2), "runpod", fresh_host_is_cold=False)
    assert [job.profile for job in lane.jobs] == [COLD, WARM, WARM, WARM, COLD]


def test_rented_machines_have_one_cold_job_each_and_share_the_warm_ones() -> None:
    rentals = lanes(plan(warm=5, cold=2), "vast", fresh_host_is_cold=True)
    assert [[job.profile for job in lane.jobs] for lane in rentals] == [[COLD, WARM, WARM, WARM], [COLD, WARM, WARM]]
    assert [lane.name for lane in rentals] == ["0", "1"]


def test_repeats_of_the_first_warm_job_lie_apart_and_enter_no_cell() -> None:
    (lane,) = lanes(plan(warm=5, cold=1, repeats=3), "runpod", fresh_host_is_cold=False)
    assert [job.left_out for job in lane.jobs] == [None, None, None, *[None, "cache_repeat"] * 3]
    assert {job.prompt for job in lane.jobs if job.left_out} == {lane.jobs[1].prompt}
    first, second = lanes(plan(warm=5, cold=2, repeats=3), "vast", fresh_host_is_cold=True)
    assert [sum(job.left_out is not None for job in each.jobs) for each in (first, second)] == [3, 0]
    assert len({job.prompt for job in first.jobs}) == len(first.jobs) - 3


def test_every_backend_gets_the_same_prompts_and_seeds_and_each_once() -> None:
    asked = plan(warm=20, cold=3)
    drawn = [
        Counter((job.prompt.prompt_id, job.prompt.seed) for lane in planned for job in lane.jobs)
        for planned in (
            lanes(asked, "runpod", fresh_host_is_cold=False),
            lanes(asked, "vast", fresh_host_is_cold=True),
        )
    ]
    assert drawn[0] == drawn[1]
    assert len(drawn[0]) == 23


def test_a_run_waits_with_all_that_was_asked_for(session: Session) -> None:
    session.add(Installation(token="bakeoff-abc", simulated=True, created_at=AT))
    asked = plan(note="why", asked_by="ada", idle_timeout_s=30)
    run = session.get_one(Run, insert_run(session, asked, now=AT))
    assert (run.status, run.simulated, run.asked_at, run.cap_usd) == (RunStatus.QUEUED, True, AT, Decimal(5))
    assert plan_of(run) == asked
    workflow = session.get_one(Workflow, run.workflow_hash)
    assert (workflow.name, workflow.created_at) == ("flux-dev", AT)
    insert_run(session, asked, now=AT)
    assert len(session.exec(select(Workflow)).all()) == 1


def test_what_nobody_said_of_a_run_is_empty_and_its_workers_idle_for_ten_seconds(session: Session) -> None:
    session.add(Installation(token="bakeoff-abc", simulated=True, created_at=AT))
    run = session.get_one(Run, insert_run(session, plan(), now=AT))
    assert (run.note, run.asked_by) == ("", "")
    assert plan_of(run).idle_timeout_s == 10


def test_nothing_can_be_asked_of_a_folder_that_no_collector_has_seen(session: Session) -> None:
    with pytest.raises(PlanError, match="bakeoff collect"):
        insert_run(session, plan(), now=AT)


def test_a_laid_out_run_has_a_row_for_each_deployment_and_job_with_a_key_of_its_own(session: Session) -> None:
    first, second = launch(session, cold=2), launch(session, cold=2)
    deployments = session.exec(select(Deployment).where(Deployment.run_id == first.id)).all()
    assert [row.key for row in deployments] == [
        "bakeoff-abc-r1-runpod-0",
        "bakeoff-abc-r1-vast-0",
        "bakeoff-abc-r1-vast-1",
    ]
    jobs = jobs_of(session, deployment_of(session, first, "runpod"))
    assert [job.key for job in jobs] == [f"bakeoff-abc-r1-runpod-0-j{i}" for i in range(4)]
    assert [job.position for job in jobs] == [0, 1, 2, 3]
    assert {(job.status, job.lease_token) for job in jobs} == {(JobStatus.QUEUED, 1)}
    everything = session.exec(select(Job)).all()
    assert len({job.key for job in everything}) == len(everything) == 16
    assert {job.prompt_id for job in everything} == set(session.exec(select(Prompt.id)).all())
    assert second.id != first.id


def test_laying_out_takes_the_installations_mark_and_the_runs_settings(session: Session) -> None:
    run = launch(session, idle_timeout_s=45)
    deployment = deployment_of(session, run, "vast")
    assert (deployment.gpu, deployment.idle_timeout_s, deployment.simulated) == ("L40S", 45, True)
    lay_out(session, run, lanes(plan(), "modal", fresh_host_is_cold=False), lease_token=9)
    assert {job.lease_token for job in jobs_of(session, deployment_of(session, run, "modal"))} == {9}
