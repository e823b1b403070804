"""What pages and commands ask."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from sqlmodel import Session

from storage import queries
from storage.billing import upsert_charges
from storage.models import (
    Answer,
    Backend,
    BillRead,
    Charge,
    Collector,
    DecisionCard,
    Effort,
    Event,
    Job,
    Offer,
    PriceLayer,
    Request,
    Snapshot,
    TrafficProfile,
)
from tests.unit.storage.rows import AT, after, deployment_of, fresh, jobs_of, launch, ready, succeed
from tests.unit.storage.test_billing import Line
from words import (
    AnswerKind,
    BillOutcome,
    CostState,
    DeploymentState,
    EffortKind,
    JobStatus,
    LayerKind,
    Provider,
    RequestKind,
    RequestState,
    RunStatus,
    TrafficKind,
    Verdict,
)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    engine = fresh(tmp_path / "bakeoff.db")
    with Session(engine) as session:
        yield session
    engine.dispose()


def test_an_empty_folder_has_nobody_and_nothing(session: Session) -> None:
    assert queries.installation(session) is None
    assert queries.collector(session) is None
    assert queries.runs(session) == []
    assert queries.run_detail(session, 1) is None
    assert queries.job_detail(session, 1) is None
    assert list(queries.latest_offers(session)) == []


def test_a_run_that_waits_for_the_collector_already_names_its_backends(session: Session) -> None:
    run = launch(session)
    line = queries.runs(session)[0]
    assert (line.run.id, line.workflow, list(line.backends)) == (run.id, "flux-dev", ["runpod", "vast"])
    assert (line.jobs, line.finished, line.good_images) == (6, 0, 0)
    assert (line.billed_usd, line.cost_state) == (None, None)


def test_a_runs_progress_counts_jobs_by_status_and_good_images_once(session: Session) -> None:
    run = launch(session)
    first, second, third = jobs_of(session, deployment_of(session, run, "runpod"))
    succeed(session, first, start_s=20)
    succeed(session, first, start_s=20)  # two images of one job
    succeed(session, second, start_s=40, good=False)
    third.status = JobStatus.RUNNING
    session.flush()
    line = queries.runs(session)[0]
    assert line.by_status == {
        JobStatus.SUCCEEDED: 1,
        JobStatus.FAILED: 1,
        JobStatus.RUNNING: 1,
        JobStatus.QUEUED: 3,
    }
    assert (line.jobs, line.finished, line.good_images) == (6, 2, 1)


def test_a_runs_bill_is_the_sum_of_its_deployments_in_the_weakest_state(session: Session) -> None:
    run, other = launch(session), launch(session)
    runpod, vast = deployment_of(session, run, "runpod"), deployment_of(session, run, "vast")
    ready(runpod, "ep1")
    ready(vast, "v1")
    ready(deployment_of(session, other, "runpod"), "ep2")
    hour = timedelta(hours=1)
    settled = Line("a", billed_cost=Decimal("0.1"))
    upsert_charges(session, [settled], now=AT + 36 * hour, simulated=True)
    upsert_charges(
        session,
        [
            settled,
            Line("b", billed_cost=Decimal("0.02"), provider=Provider.VAST, resource_id="v1"),
            Line("c", billed_cost=Decimal("0.003"), charge_period_end=AT + 99 * hour),
            Line("d", billed_cost=Decimal(7), resource_id="ep2"),
            Line("e", billed_cost=Decimal(9), resource_id="stray"),
        ],
        now=AT + 48 * hour,
        simulated=True,
    )
    newest, oldest = queries.runs(session)
    assert (newest.run.id, newest.billed_usd, newest.cost_state) == (other.id, Decimal(7), CostState.PROVISIONAL)
    assert (oldest.billed_usd, oldest.cost_state) == (Decimal("0.123"), CostState.OPEN)
    assert session.get_one(Charge, "a").state is CostState.FINAL
    assert [line.run.id for line in queries.runs(session, limit=1)] == [other.id]


def test_a_run_in_detail_has_its_deployments_and_its_own_events_newest_first(session: Session) -> None:
    run, other = launch(session), launch(session)
    for row, text in ((run, "first"), (other, "not mine"), (run, "second")):
        session.add(Event(at=AT, run_id=row.id, kind="run", text=text))
        session.flush()
    detail = queries.run_detail(session, run.id)
    assert [row.backend for row in detail.deployments] == ["runpod", "vast"]
    assert [event.text for event in detail.events] == ["second", "first"]
    assert detail.line.run is run
    assert [event.text for event in queries.events(session, limit=2)] == ["second", "not mine"]


def test_events_are_the_latest_200_unless_asked_otherwise(session: Session) -> None:
    session.add_all(Event(at=AT, kind="run", text=str(number)) for number in range(201))
    session.flush()
    shown = queries.events(session)
    assert (len(shown), shown[0].text, shown[-1].text) == (200, "200", "1")


def test_a_job_in_detail_has_all_that_is_known_of_it(session: Session) -> None:
    run = launch(session)
    job, other = jobs_of(session, deployment_of(session, run, "runpod"))[:2]
    succeed(session, job, start_s=20)
    succeed(session, other, start_s=40)
    session.add(Event(at=AT, run_id=run.id, job_id=job.id, kind="job", text="mine"))
    session.add(Event(at=AT, run_id=run.id, job_id=other.id, kind="job", text="not mine"))
    session.flush()
    detail = queries.job_detail(session, job.id)
    assert (detail.job.id, detail.run.id, detail.deployment.backend) == (job.id, run.id, "runpod")
    assert (detail.workflow.name, detail.prompt.id) == ("flux-dev", job.prompt_id)
    assert [row.raw for row in detail.observations] == [{"id": job.id}]
    assert [row.job_id for row in detail.images] == [job.id]
    assert [row.text for row in detail.events] == ["mine"]


def offer(backend: str, gpu: str, usd: str, seen_s: float) -> Offer:
    price = Decimal(usd)
    return Offer(
        backend=backend, gpu=gpu, offer_id=usd, unit="s", usd_per_unit=price, usd_per_s=price, source="x",
        seen_at=after(seen_s),
    )  # fmt: skip


def test_the_latest_offers_are_those_of_the_last_look_cheapest_first(session: Session) -> None:
    session.add_all(
        [
            offer("vast", "L40S", "0.0001", 0),  # gone since
            offer("vast", "L40S", "0.0003", 60),
            offer("vast", "L40S", "0.0002", 60),
            offer("vast", "H100", "0.0009", 30),
            offer("modal", "L40S", "0.0005", 10),
        ]
    )
    session.flush()
    found = [(row.backend, row.gpu, row.offer_id) for row in queries.latest_offers(session)]
    assert found == [
        ("modal", "L40S", "0.0005"),
        ("vast", "H100", "0.0009"),
        ("vast", "L40S", "0.0002"),
        ("vast", "L40S", "0.0003"),
    ]


def test_a_request_waits_in_the_inbox_until_it_is_answered(session: Session) -> None:
    first = queries.ask(session, RequestKind.RECHECK, {}, asked_by="ada", now=AT)
    second = queries.ask(session, RequestKind.STOP_RUN, {"run_id": 1}, asked_by="ada", now=AT)
    assert [row.id for row in queries.open_requests(session)] == [first.id, second.id]
    assert (second.kind, second.arguments, second.asked_by, second.asked_at) == ("stop_run", {"run_id": 1}, "ada", AT)
    first.state = RequestState.DONE
    session.flush()
    assert [row.id for row in queries.open_requests(session)] == [second.id]


def test_backends_and_the_collector_are_found(session: Session) -> None:
    session.add(Backend(name="vast", provider="vast", simulated=True))
    session.add(Backend(name="modal", provider="modal", simulated=True))
    session.add(Collector(pid=7, started_at=AT, seen_at=AT))
    session.flush()
    assert [row.name for row in queries.backends(session)] == ["modal", "vast"]
    assert queries.collector(session).pid == 7


def test_whatever_a_page_shows_changes_the_data_version(session: Session) -> None:
    versions = [queries.data_version(session)]
    assert queries.data_version(session) == versions[0]

    def changed() -> None:
        session.flush()
        versions.append(queries.data_version(session))

    run = launch(session)
    changed()
    job = jobs_of(session, deployment_of(session, run, "runpod"))[0]
    job.status = JobStatus.SUBMITTED
    changed()
    deployment_of(session, run, "vast").state = DeploymentState.PROVISIONING
    changed()
    run.status = RunStatus.DONE
    changed()
    succeed(session, job, start_s=20)
    changed()
    session.add(Event(at=AT, kind="x", text="y"))
    changed()
    request = queries.ask(session, RequestKind.RECHECK, {}, asked_by="", now=AT)
    changed()
    session.get_one(Request, request.id).answered_at = AT
    changed()
    session.add(offer("vast", "L40S", "0.0001", 0))
    changed()
    backend = Backend(name="vast", provider="vast", simulated=True, checked_at=AT)
    session.add(backend)
    changed()
    backend.checked_at = after(1)
    changed()
    line = Line("a")
    upsert_charges(session, [line], now=AT, simulated=True)
    changed()
    upsert_charges(session, [line], now=after(1), simulated=True)
    changed()
    kind, told = EffortKind.DEPLOY, {"at": AT, "minutes": 5.0, "measured": False, "simulated": True, "created_at": AT}
    entries = [Effort(backend="vast", kind=kind, **told) for _ in range(2)]
    session.add_all(entries)
    changed()
    session.delete(entries[0])
    changed()
    layer = PriceLayer(name="a", kind=LayerKind.CREDIT, backend="vast", valid_from=AT, created_at=AT)
    session.add(layer)
    changed()
    layer.revoked_at = AT
    changed()
    session.add(TrafficProfile(name="a", kind=TrafficKind.DAILY, simulated=True, created_at=AT))
    changed()
    told = {"since": AT, "until": AT, "lines": 0, "new": 0, "changed": 0, "simulated": True}
    read = BillRead(backend="vast", read_at=AT, outcome=BillOutcome.READ, **told)
    session.add(read)
    changed()
    read.read_at = after(1)
    changed()
    card = DecisionCard(content="", digest="", made_by="ana", made_at=AT)
    session.add(card)
    changed()
    card.locked_at = AT
    changed()
    card.reviewed_at = AT
    changed()
    session.add(Answer(kind=AnswerKind.LICENCE, subject="flux-dev", score=1, by="ana", at=AT, simulated=True))
    changed()
    told = {"digest": "x", "title": "t", "valid_to": AT, "verdict": {}, "simulated": True}
    session.add(Snapshot(card_id=card.id, made_at=AT, state=Verdict.GO, **told))
    changed()
    assert len(set(versions)) == len(versions) == 26
    assert session.get_one(Job, job.id).status is JobStatus.SUCCEEDED


def test_a_verdict_may_change_with_what_is_done_and_said_and_not_with_each_job(session: Session) -> None:
    run = launch(session)
    job = jobs_of(session, deployment_of(session, run, "runpod"))[0]
    session.flush()
    before = queries.verdict_version(session)
    job.status = JobStatus.SUBMITTED
    succeed(session, job, start_s=20)
    deployment_of(session, run, "vast").state = DeploymentState.PROVISIONING
    session.flush()
    assert queries.verdict_version(session) == before

    versions = [before]
    run.status = RunStatus.DONE
    for change in (Line("a"), Answer(kind=AnswerKind.LICENCE, subject="x", score=1, by="ana", at=AT, simulated=True)):
        session.flush()
        versions.append(queries.verdict_version(session))
        if isinstance(change, Line):
            upsert_charges(session, [change], now=AT, simulated=True)
        else:
            session.add(change)
    session.flush()
    versions.append(queries.verdict_version(session))
    assert len(set(versions)) == len(versions) == 4
