"""`bakeoff traffic payback`: what a move costs beside the bill, with every assumption named."""

import json

import pytest
from sqlmodel import Session

from storage.db import DataFolder, open_engine
from storage.effort import log_effort
from tests.unit.cli.conftest import AT, Command
from tests.unit.cli.test_bad_input import refused
from tests.unit.storage.rows import after, deployment_of, jobs_of, launch, ready, succeed
from words import RunStatus, StartKind

FEW = ("--requests", "100")


@pytest.fixture
def measured(known: DataFolder) -> DataFolder:
    """Two blocks on Modal and Runpod, and minutes of one deploy on each."""
    with Session(open_engine(known.db)) as session:
        for _ in range(2):
            run = launch(session, backends=["modal", "runpod"], warm=4)
            for backend in ("modal", "runpod"):
                deployment = deployment_of(session, run, backend)
                ready(deployment, f"{backend}{run.id}")
                deployment.ended_at = after(400)
                for i, job in enumerate(jobs_of(session, deployment)):
                    succeed(session, job, start_s=20 + 12 * i, kind=StartKind.WARM if i else StartKind.COLD)
            run.status, run.ended_at = RunStatus.DONE, after(500)
        for backend, minutes in (("modal", 20.0), ("runpod", 50.0)):
            log_effort(session, backend=backend, kind="deploy", minutes=minutes, by="ana", now=AT)
        session.commit()
    return known


def told(bakeoff: Command, *arguments: str) -> dict:
    bakeoff("traffic", "add", "ours", "--per-day", "200")
    return json.loads(bakeoff("traffic", "payback", *FEW, *arguments, "--json").out)


def test_without_a_saving_nothing_pays_back_and_what_is_beside_the_bill_is_told(
    bakeoff: Command, measured: DataFolder
) -> None:
    assert measured.db.exists()
    (move,) = told(bakeoff, "--often", "deploy=6", "--modal-plan", "team", "--at-rest", "runpod=7.5")["moves"]
    assert (move["workflow"], move["provider"], move["outcome"]) == ("flux-dev", "Runpod", None)
    assert move["reason"].startswith("no saving is known: not known yet whether it serves as well")
    assert move["saving_usd_per_month"] == move["payback_months"] == {"point": None, "low": None, "high": None}
    beside = move["beside_usd_per_month"]
    there, here = beside["candidate"], beside["baseline"]
    assert (there["hours"], there["ops_usd"], there["plan_usd"], there["usd"]) == (5.0, 500.0, 0.0, 507.5)
    assert (here["hours"], here["plan_usd"], here["storage_usd"], here["usd"]) == (2.0, 250.0, 0.0, 450.0)


def test_a_task_that_nobody_timed_leaves_it_unknown(bakeoff: Command, measured: DataFolder) -> None:
    assert measured.db.exists()
    (move,) = told(bakeoff)["moves"]
    assert move["beside_usd_per_month"]["candidate"]["usd"] is None
    assert move["beside_usd_per_month"]["candidate"]["unknown"] == ["debug", "logs"]
    assert move["more_usd_per_month"] is None


def test_a_person_reads_every_assumption_with_the_option_that_changes_it(
    bakeoff: Command, measured: DataFolder
) -> None:
    assert measured.db.exists()
    bakeoff("traffic", "add", "ours", "--per-day", "200")
    said = bakeoff("traffic", "payback", *FEW, "--once", "8").out
    assert said.startswith("SIMULATED")
    assert "no saving is known" in said
    assert "the move takes 8 h (--once)" in said
    assert "Modal's plan is $0.00 a month (--modal-plan; list price: modal.com/pricing" in said
    assert "storage at rest a month Modal $0.00, Runpod $0.00, Vast.ai $0.00 (--at-rest)" in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--often", "lunch=3"), ("--often", "deploy", "lunch")),
        (("--often", "deploy"), ("needs a number",)),
        (("--often", "deploy=nan"), ("from 0 to",)),
        (("--at-rest", "fal=3"), ("--at-rest", "modal, runpod, vast")),
        (("--at-rest", "vast=-1"), ("from 0 to",)),
        (("--modal-plan", "gold"), ("starter, team", "gold")),
        (("--once", "nan"), ("from 0 to",)),
        (("--requests", "1"), ("100 to",)),
        (("--workflow", "sdxl"), ("No run of sdxl has ended",)),
    ],
    ids=lambda value: "-".join(value)[:40],
)
def test_an_assumption_that_cannot_be_is_refused(
    arguments: tuple[str, ...], words: tuple[str, ...], bakeoff: Command, measured: DataFolder
) -> None:
    assert measured.db.exists()
    bakeoff("traffic", "add", "ours", "--per-day", "200")
    refused(bakeoff("traffic", "payback", *arguments), *words)


def test_the_help_of_the_simulator_names_every_control_address(bakeoff: Command) -> None:
    said = bakeoff("simulate", "--help").out
    assert all(name in said for name in ("/ledger", "/truth", "/faults", "/odd-bills"))
