"""Which pairs are missing in the tables, and what is kept of those that were compared."""

import json
from collections import Counter
from pathlib import Path

import pytest
from sqlmodel import Session, select

from analysis.parity import PAIRED
from storage import pairs, queries
from storage.blobs import Blobs
from storage.models import Deployment, Image, Job, Pair, Run
from storage.queries import data_version, verdict_version
from tests.unit.storage.gallery import campaign, finish, picture
from tests.unit.storage.rows import after, copied, jobs_of
from words import RunStatus


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path / "blobs")


@pytest.fixture
def session(tmp_path: Path) -> Session:
    with Session(copied(tmp_path / "x.db")) as session:
        yield session


def compare(session: Session, values: float | None = 0.01) -> int:
    """As the collector does, with invented distances."""
    found = pairs.missing(session)
    pairs.keep(session, [(each.pair, values) for each in found], at=after(9))
    session.flush()
    return len(found)


def test_images_of_the_same_prompt_and_seed_are_compared_with_the_baseline_s(session: Session, blobs: Blobs) -> None:
    campaign(session, blobs, 1, "modal", "runpod", "vast", jobs=5)

    found = pairs.missing(session)

    assert Counter(each.pair.other.backend for each in found) == {"runpod": 5, "vast": 5}
    for each in found:
        one, other = (session.get_one(Image, shot.image_id) for shot in each.pair)
        assert each.sha256 == (one.sha256, other.sha256)
        jobs = [session.get_one(Job, image.job_id) for image in (one, other)]
        assert len({(job.prompt_id, job.seed) for job in jobs}) == 1
        assert session.get_one(Deployment, jobs[0].deployment_id).backend == "modal"


def test_blocks_compare_the_baseline_with_itself(session: Session, blobs: Blobs) -> None:
    campaign(session, blobs, 2, "modal", jobs=4)
    campaign(session, blobs, 1, "modal", jobs=4, gpu="H100")
    campaign(session, blobs, 1, "modal", jobs=4, params={"width": 256, "height": 256})

    assert len(pairs.missing(session)) == 4, "neither another GPU nor other settings"


@pytest.mark.parametrize("why", ["failed", "broken", "left out"])
def test_only_good_images_of_counted_jobs_are_compared(session: Session, blobs: Blobs, why: str) -> None:
    (run,) = campaign(session, blobs, 1, jobs=3)
    lane = session.exec(select(Deployment).where(Deployment.run_id == run.id, Deployment.backend == "runpod")).one()
    job = jobs_of(session, lane)[0]
    image = session.exec(select(Image).where(Image.job_id == job.id)).one()
    if why == "failed":
        job.status = "failed"
    elif why == "broken":
        image.good = False
    else:
        job.left_out = "ran into a cache"
    session.flush()

    assert job.id not in {session.get_one(Image, each.pair.other.image_id).job_id for each in pairs.missing(session)}
    assert len(pairs.missing(session)) == 2


def test_of_a_job_with_several_images_the_first_is_compared(session: Session, blobs: Blobs) -> None:
    (run,) = campaign(session, blobs, 1, jobs=2)
    for job in session.exec(select(Job).where(Job.run_id == run.id)).all():
        finish(session, blobs, job, picture(7))

    found = pairs.missing(session)

    first = [
        min(image.id for image in session.exec(select(Image).where(Image.job_id == job.id)))
        for job in jobs_in(session, run)
    ]
    assert {shot.image_id for each in found for shot in each.pair} == set(first)
    assert len(found) == 2


def jobs_in(session: Session, run: Run) -> list[Job]:
    return list(session.exec(select(Job).where(Job.run_id == run.id)))


def test_what_was_kept_is_not_missing_and_what_is_there_is_not_kept_twice(session: Session, blobs: Blobs) -> None:
    campaign(session, blobs, 2, jobs=4)
    found = pairs.missing(session)

    assert compare(session) == 8
    pairs.keep(session, [(each.pair, 0.5) for each in found], at=after(10))
    session.flush()

    assert pairs.missing(session) == []
    assert {row.dissimilarity for row in session.exec(select(Pair))} == {0.01}
    assert len(session.exec(select(Pair)).all()) == 8


def test_the_frame_tells_candidates_from_the_spread(session: Session, blobs: Blobs) -> None:
    campaign(session, blobs, 2, jobs=3)
    compare(session)

    frame = pairs.pairs(session)

    assert frame.schema == PAIRED
    assert frame["pair_id"].is_sorted()
    assert sorted(frame.select("backend", "spread").rows()) == [("modal", True)] * 3 + [("runpod", False)] * 3
    assert set(frame["gpu"]) == {"L40S"}
    assert set(frame["workflow"]) == {"flux-dev"}
    assert set(frame["simulated"]) == {True}
    assert [json.loads(each) for each in frame["settings"].unique()] == [{"width": 512, "height": 512}]
    for row in frame.iter_rows(named=True):
        for side in ("baseline", "other"):
            assert session.get_one(Image, row[f"{side}_image_id"]).job_id == row[f"{side}_job_id"]


def test_no_pair_is_an_empty_frame(session: Session) -> None:
    assert pairs.pairs(session).schema == PAIRED
    assert pairs.pairs(session).is_empty()
    assert pairs.missing(session) == []
    assert pairs.newest_image(session) == 0


def test_a_pair_that_could_not_be_read_is_kept_without_a_distance(session: Session, blobs: Blobs) -> None:
    campaign(session, blobs, 1, jobs=3)
    compare(session, None)

    assert pairs.pairs(session)["dissimilarity"].to_list() == [None] * 3
    assert pairs.missing(session) == []


def test_each_candidate_is_held_to_the_spread_at_its_own_settings_and_gpu(session: Session, blobs: Blobs) -> None:
    for gpu in ("L40S", "H100"):
        campaign(session, blobs, 8, jobs=62, gpu=gpu, paint=lambda *_: picture(1))
    for each in pairs.missing(session):
        own = each.pair.other.backend == "modal"
        distance = 0.02 if each.pair.other.subject[2] == "H100" else 0.01
        pairs.keep(session, [(each.pair, distance if own else 0.015)], at=after(9))
    session.flush()
    frame = pairs.pairs(session)

    found = {gpu: pairs.likeness_of(frame.filter(gpu=gpu, spread=False), frame) for gpu in ("L40S", "H100")}

    assert {gpu: (each.limit, each.beyond, each.pairs) for gpu, each in found.items()} == {
        "L40S": (0.01, 60, 60),
        "H100": (0.02, 0, 60),
    }


def test_a_new_pair_is_a_new_version_of_the_data(session: Session, blobs: Blobs) -> None:
    (run,) = campaign(session, blobs, 1, jobs=2)
    before, ground = data_version(session), verdict_version(session)
    compare(session)

    assert data_version(session) != before
    assert verdict_version(session) == ground, "its run is not over"
    run.status = RunStatus.DONE
    session.flush()
    assert queries.ended_pairs(session) == len(session.exec(select(Pair)).all()) > 0
