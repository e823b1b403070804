"""A run's page says whether its measurements and its bill may be believed."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from sqlmodel import Session, col, select

from storage.db import DataFolder, open_engine
from storage.models import Charge, Deployment, Job
from tests.pages.conftest import Open, words
from words import CostState


def repeat(folder: Path, *, execution_us: int) -> None:
    """Three of the warm jobs on Runpod were repeats of one, and took that long."""
    with Session(open_engine(DataFolder(folder).db)) as session:
        query = select(Job).join(Deployment).where(Job.run_id == 1, Deployment.backend == "runpod")
        ended = [job for job in session.exec(query.order_by(col(Job.id).desc())) if job.execution_us]
        for job in ended[:3]:
            job.left_out, job.execution_us = "cache_repeat", execution_us
        session.commit()


def test_a_cached_side_is_said_to_be_kept_out_of_verdicts(copy: Path, open_page: Open) -> None:
    repeat(copy, execution_us=50_000)
    app = open_page(copy, "run", id="1")
    (warning,) = [one.value for one in app.warning if "cached" in one.value]
    assert warning.startswith(
        "**Runpod: cached, kept out of verdicts.** 3 repeats of one prompt and seed took 0\\.05 s"
    )


def test_an_honest_side_has_no_mark_and_what_was_not_checked_is_said(copy: Path, open_page: Open) -> None:
    repeat(copy, execution_us=8_800_000)
    said = words(open_page(copy, "run", id="1"))
    assert "cached" not in said
    assert "Modal and Vast\\.ai\\: A cache was not tested for\\: no prompt was repeated\\." in said.replace(
        "\u200b", ""
    )


def bill_of(session: Session, backend: str) -> Charge:
    """The line of the GPU of run 1 there."""
    query = select(Charge).join(Deployment).where(Deployment.run_id == 1, Deployment.backend == backend)
    return session.exec(query.where(Charge.sku == "gpu")).one()


def phantom(folder: Path, backend: str, share: float) -> None:
    """Of run 1's bill there, that share is a line that nothing explains."""
    with Session(open_engine(DataFolder(folder).db)) as session:
        line = bill_of(session, backend)
        known = {**line.model_dump(), "id": "phantom", "sku": "strange"}
        session.add(Charge(**known | {"billed_cost": line.billed_cost * Decimal(str(share / (1 - share)))}))
        session.commit()


def test_a_bill_of_which_seven_percent_are_unexplained_blocks_its_run_and_says_why(copy: Path, open_page: Open) -> None:
    phantom(copy, "runpod", 0.07)
    app = open_page(copy, "run", id="1")
    (warning,) = [one.value for one in app.warning if one.value.startswith("**Runpod")]
    assert warning.startswith(
        "**Runpod: BLOCKED (unexplained), kept out of verdicts.** Nothing that we measured explains"
    )
    assert "of Runpod\\'s bill of" in warning
    assert "the limit is 5 \\%" in warning
    assert "BLOCKED" not in words(open_page(copy, "run", id="2")), "another run's bill"


def test_a_bill_for_less_than_was_measured_blocks_its_run_too(copy: Path, open_page: Open) -> None:
    """The seeded machines of Vast.ai work on after a worker was lost, which their bill does not pay."""
    (warning,) = [one.value for one in open_page(copy, "run", id="1").warning if "BLOCKED" in one.value]
    assert warning.startswith("**Vast.ai: BLOCKED (unexplained), kept out of verdicts.** What we measured costs")


def test_a_bill_that_adds_up_blocks_nothing_and_has_no_corrections(copy: Path, open_page: Open) -> None:
    app = open_page(copy, "run", id="2")
    assert "BLOCKED" not in words(app)
    assert "Corrections" not in [one.value for one in app.subheader]


def test_a_late_correction_leaves_both_amounts_on_the_page_of_its_run_alone(copy: Path, open_page: Open) -> None:
    with Session(open_engine(DataFolder(copy).db)) as session:
        line = bill_of(session, "modal")
        before, line.same_since = line.same_since, line.same_since + timedelta(hours=20)
        told = {"billed_cost": "0.5", "state": CostState.PROVISIONAL.value, "same_since": before.isoformat()}
        line.billed_cost, line.earlier = Decimal("0.515"), [told]
        session.commit()
    app = open_page(copy, "run", id="1")
    assert "Corrections" in [one.value for one in app.subheader]
    (changed,) = [one.value for one in app.dataframe if "was" in one.value.columns]
    assert changed[["was", "now", "change"]].to_numpy().tolist() == [[0.5, 0.515, "+3.0 %"]]
    assert "Corrections" not in [one.value for one in open_page(copy, "run", id="2").subheader]
