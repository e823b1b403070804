"""Words of a provider that means harm, through the tables onto every page: shown as they are, and obeyed by nobody."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import Session, col, select
from streamlit.testing.v1 import AppTest

from storage.db import DataFolder, open_engine
from storage.models import Backend, Charge, Deployment, Event, Job, Observation, Offer, Run
from tests.pages.conftest import PAGES, Open, words
from words import JobStatus, Reason, RunStatus

EVIL = (
    "=cmd|' /C calc'!A0 <script>alert(1)</script><img src=x onerror=alert(1)> $a$ [x](http://evil.example) `rm` "
    ":red[!] **b** www.evil.example \x1b[2J\x07 gnp.\u202egepj\u2066 \ud800 # title\n---\n| a | b |"
)
STEERING = ("\x1b", "\x07", "\u202e", "\u2066", "\ud800")
MARKDOWN = (
    "<script>",
    "<img src=x onerror=alert(1)>",
    "$a$",
    "](http",
    "`rm`",
    ":red[",
    "**b**",
    "www.evil",
    "\n---\n",
    "\n|",
)


@pytest.fixture
def attacked(copy: Path) -> Path:
    """A data folder in which a provider said the same thing wherever it has a say."""
    with Session(open_engine(DataFolder(copy).db)) as session:
        run = session.exec(select(Run).where(Run.status == RunStatus.DONE)).first()
        run.status, run.stop_reason = RunStatus.FAILED, EVIL
        deployments = session.exec(select(Deployment).where(Deployment.run_id == run.id)).all()
        for row in deployments:
            row.reason, row.provenance = EVIL, {EVIL: EVIL, "gpu_name": EVIL}
        job = session.exec(select(Job).where(Job.run_id == run.id).order_by(col(Job.id))).first()
        job.status, job.reason = JobStatus.FAILED, Reason.EXECUTION_ERROR.value
        job.error = job.worker_id = job.provider_job_id = EVIL
        job.evidence = {"rule": EVIL, EVIL: EVIL}
        session.add(Observation(job_id=job.id, seen_at=run.asked_at, status=job.status, raw={EVIL: [EVIL]}))
        session.add(Event(at=run.asked_at + timedelta(days=9), run_id=run.id, job_id=job.id, kind="job", text=EVIL))
        for offer in session.exec(select(Offer)).all():
            offer.region = offer.offer_id = EVIL
        for charge in session.exec(select(Charge)).all():
            charge.sku = charge.resource_name = EVIL
        for backend in session.exec(select(Backend)).all():
            backend.state = EVIL
        session.commit()
        (copy / "ids").write_text(f"{run.id} {job.id}")
    return copy


def opened(open_page: Open, folder: Path, page: str) -> AppTest:
    run_id, job_id = (folder / "ids").read_text().split()
    app = open_page(folder, page, id=job_id if page == "job" else run_id)
    assert [error.message for error in app.exception] == []
    assert [error.value for error in app.error] == [], "a card that failed"
    return app


@pytest.mark.parametrize("page", PAGES)
def test_no_page_obeys_what_a_provider_says(page: str, attacked: Path, open_page: Open) -> None:
    app = opened(open_page, attacked, page)
    said = words(app)
    cells = [str(cell) for table in app.dataframe for column in table.value for cell in table.value[column]]
    code = [block.value for block in app.code]
    assert [mark for mark in MARKDOWN if mark in said] == []
    assert [sign for sign in STEERING if sign in "".join([said, *cells, *code])] == []
    assert [cell for cell in cells if cell.startswith("=")] == []


@pytest.mark.parametrize("page", ["run", "job", "providers"])
def test_what_it_said_can_be_read_all_the_same(page: str, attacked: Path, open_page: Open) -> None:
    app = opened(open_page, attacked, page)
    said = words(app) + "".join(block.value for block in app.code)
    assert "evil" in said
    assert "\ufffd" in said


def test_a_failed_run_is_titled_with_its_reason_as_plain_text(attacked: Path, open_page: Open) -> None:
    title = opened(open_page, attacked, "run").title[0].value
    assert " failed: \\=cmd\\|" in title
    assert "\\$a\\$" in title


def test_a_job_shows_the_very_words_as_code(attacked: Path, open_page: Open) -> None:
    said, *raw = [block.value for block in opened(open_page, attacked, "job").code]
    assert "<script>alert(1)</script>" in said
    assert "=cmd|" in raw[-1]


def test_a_table_that_can_be_saved_holds_no_formula(attacked: Path, open_page: Open) -> None:
    (lines,) = [table.value for table in opened(open_page, attacked, "bills").dataframe if "before" in table.value]
    assert all(what.startswith("'=cmd|") for what in lines["what"])
