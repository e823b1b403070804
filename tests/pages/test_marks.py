"""A run's page says whether its measurements may be believed."""

from pathlib import Path

from sqlmodel import Session, col, select

from storage.db import DataFolder, open_engine
from storage.models import Deployment, Job
from tests.pages.conftest import Open, words


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
