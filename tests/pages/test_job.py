"""One job's page in words: what happened, how long it took, what it cost and how we know."""

from datetime import timedelta
from decimal import Decimal

import pytest

from storage.models import Deployment, Image, Job, Prompt, Run, Workflow
from storage.queries import JobDetail
from tests.pages.frames import START
from ui import job_view
from words import JobStatus, LoadProfile, StartKind


def detail(
    *, good: bool = True, usd_per_s: str | None = "0.001", backend: str = "runpod", **values: object
) -> JobDetail:
    job = Job(
        **{
            "id": 1204, "run_id": 17, "deployment_id": 1, "key": "k", "position": 0, "profile": LoadProfile.SEQUENTIAL,
            "prompt_id": "product-01", "seed": 7, "status": JobStatus.SUCCEEDED, "start_kind": StartKind.COLD,
            "intended_at": START, "sent_at": START + timedelta(seconds=0.1),
            "last_unfinished_at": START + timedelta(seconds=45.62),
            "first_finished_at": START + timedelta(seconds=46.3), "queue_us": 15_000_000, "boot_us": 12_000_000,
            "load_us": 20_000_000, "execution_us": 30_000_000, **values,
        }
    )  # fmt: skip
    return JobDetail(
        job=job,
        run=Run(id=17, workflow_hash="h", gpu="L40S", cap_usd=Decimal(1), simulated=True, asked_at=START),
        deployment=Deployment(
            run_id=17, key="d", backend=backend, gpu="L40S", idle_timeout_s=10, simulated=True,
            usd_per_s=None if usd_per_s is None else Decimal(usd_per_s),
        ),
        workflow=Workflow(hash="h", name="flux-dev", title="t", licence="l", vram_gb=48, created_at=START),
        prompt=Prompt(id="product-01", stratum="product", text="a red mug"),
        observations=[], events=[],
        images=[Image(job_id=1204, sha256="0" * 64, size_bytes=1, good=good)],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("found", "title"),
    [
        (detail(), "Job 1,204: good image, cold start, 46.3 s, ~$0.0420"),
        (detail(estimated_usd=Decimal("0.0246")), "Job 1,204: good image, cold start, 46.3 s, ~$0.0246"),
        (detail(good=False, start_kind=None), "Job 1,204: broken image, start unknown, 46.3 s, ~$0.0300"),
        (detail(usd_per_s=None), "Job 1,204: good image, cold start, 46.3 s, –"),
        (detail(status=JobStatus.FAILED, reason="worker_lost"), "Job 1,204 failed: worker lost (provider)"),
        (detail(status=JobStatus.TIMED_OUT, reason="stuck_in_queue"), "Job 1,204 timed out: stuck in queue (capacity)"),
        (detail(status=JobStatus.LOST, reason="fate_unknown"), "Job 1,204 is lost: sent, never answered"),
        (detail(status=JobStatus.RUNNING), "Job 1,204 is running"),
    ],
)
def test_the_title_says_how_it_ended(found: JobDetail, title: str) -> None:
    assert job_view.job_title(found) == title


def test_the_phases_add_up_to_the_latency() -> None:
    rows = job_view.phase_rows(detail())
    assert rows["phase"].to_list() == ["dispatch", "queue", "boot", "load", "execute", "fetch"]
    assert rows["seconds"].to_list() == pytest.approx([0.1, 3.0, 12.0, 20.0, 10.0, 1.2])
    assert rows["seconds"].sum() == pytest.approx(46.3)


def test_a_host_that_was_rented_before_the_job_is_no_part_of_its_time() -> None:
    found = detail(backend="vast", queue_us=60_000, boot_us=288_000_000, load_us=None, execution_us=26_000_000)
    assert "boot" not in job_view.phase_rows(found)["phase"].to_list()
    assert job_view.boot_before(found) == "The host took 288 s to boot, before this job was sent: not in its latency."
    assert job_view.boot_before(detail()) == ""


def test_the_bracket_is_told_in_seconds_between_two_looks() -> None:
    assert job_view.bracket_words(detail().job) == "black bar: finished between two looks, 0.68 s apart"
    assert job_view.bracket(detail(last_unfinished_at=None).job) is None


def test_the_cost_names_its_seconds_its_price_and_its_state() -> None:
    assert job_view.cost_line(detail(usd_per_s="0.00053")) == (
        "~$0.0223: 42.0 s x $0.00053/s. ○ estimated; bills are by deployment."
    )
    assert job_view.cost_line(detail(execution_us=None)) == "Not known: the seconds or the price are missing."


def test_instants_are_counted_from_the_intended_start() -> None:
    rows = job_view.instant_rows(detail(deadline_at=START + timedelta(seconds=600))).to_dicts()
    assert [(row["instant"], row["since intended"]) for row in rows] == [
        ("intended start", "+0.000 s"),
        ("sent", "+0.100 s"),
        ("last seen unfinished", "+45.620 s"),
        ("first seen finished", "+46.300 s"),
        ("deadline", "+600.000 s"),
    ]
    assert rows[1]["UTC"] == "08:00:00.100"


def test_the_rule_comes_before_the_facts() -> None:
    lines = job_view.evidence_lines({"worker_id": "w7", "rule": "first job of this worker"})
    assert lines == [("rule", "first job of this worker"), ("worker_id", "w7")]


def test_every_phase_is_told_in_seconds_or_with_the_reason_why_not() -> None:
    rows = {row["phase"]: row for row in job_view.phase_table(detail(load_us=None)).iter_rows(named=True)}
    assert rows["dispatch"]["took"] == "0.1 s"
    assert rows["boot"]["took"] == "12.0 s"
    assert rows["fetch"]["took"] == "1.2 s"
    assert rows["load"]["took"] == "–"
    assert "part of the execution" in rows["load"]["why there is none"]
    assert all((row["took"] == "–") == bool(row["why there is none"]) for row in rows.values())
    assert all(row["simulated"] for row in rows.values())


def test_a_warm_job_does_not_pay_for_the_boot_of_its_machine() -> None:
    told = {"queue_us": 60_000, "boot_us": 288_000_000, "load_us": None, "execution_us": 8_600_000}
    warm = detail(backend="vast", start_kind=StartKind.WARM, **told)
    cold = detail(backend="vast", start_kind=StartKind.COLD, **told)
    assert job_view.estimate_usd(warm) == pytest.approx(0.0086)
    assert job_view.estimate_usd(cold) == pytest.approx(0.2966)
    assert job_view.cost_line(warm).startswith("~$0.0086: 8.6 s x $0.001/s")
