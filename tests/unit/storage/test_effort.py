"""The effort log: what people enter, and what deployments tell of themselves, side by side and told apart."""

from pathlib import Path

import polars as pl
import pytest
from sqlmodel import Session

from analysis.effort import EFFORT, SUMMARY, summary
from storage.effort import MOST_MINUTES, EffortRefused, drop_effort, effort, log_effort
from storage.models import Backend
from tests.unit.storage.rows import after, copied, deployment_of, launch, ready
from words import EffortKind


@pytest.fixture
def session(tmp_path: Path) -> Session:
    with Session(copied(tmp_path / "x.db")) as session:
        for name in ("runpod", "vast"):
            session.add(Backend(name=name, provider=name, simulated=True))
        run = launch(session)
        deployment = deployment_of(session, run, "vast")
        deployment.intended_at = after(1)
        ready(deployment, "c-1")  # 9 s later
        deployment_of(session, run, "runpod").intended_at = after(1)  # it never became ready
        session.flush()
        yield session


def log(session: Session, **changes: object) -> int | None:
    given = {"backend": "runpod", "kind": "debug", "minutes": 42.0, "by": "ada", "now": after(99), "text": "why no GPU"}
    return log_effort(session, **{**given, **changes}).id


def test_typed_minutes_and_a_measured_deployment_stand_side_by_side(session: Session) -> None:
    number = log(session)
    found = effort(session)
    assert found.schema == EFFORT
    assert found.select("effort_id", "backend", "kind", "minutes", "measured", "by", "simulated").rows() == [
        (None, "vast", "deploy", 9 / 60, True, "collector", True),
        (number, "runpod", "debug", 42.0, False, "ada", True),
    ]
    assert found["at"].to_list() == [after(10), after(99)]
    assert found["deployment_id"].is_not_null().to_list() == [True, False]


def test_measured_minutes_are_never_summed_with_typed_ones(session: Session) -> None:
    log(session, backend="vast", kind="deploy", minutes=30)
    log(session, backend="vast", kind="deploy", minutes=10)
    found = summary(effort(session))
    assert found.schema == SUMMARY
    rows = found.select("backend", "kind", "measured", "n", "minutes", "median_minutes", "longest_minutes").rows()
    assert rows == [
        ("vast", "deploy", False, 2, 40.0, 20.0, 30.0),
        ("vast", "deploy", True, 1, 9 / 60, 9 / 60, 9 / 60),
    ]


def test_work_is_logged_at_the_time_at_which_it_was_done(session: Session) -> None:
    log(session, at=after(3), kind=EffortKind.SECRETS.value)
    assert effort(session).filter(kind="secrets")["at"].to_list() == [after(3)]


def test_a_mistaken_entry_is_taken_out_again(session: Session) -> None:
    drop_effort(session, log(session))
    assert effort(session).filter(pl.col("effort_id").is_not_null()).is_empty()
    with pytest.raises(EffortRefused, match="no effort entry 7"):
        drop_effort(session, 7)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"backend": "fal"}, "'fal'. Known here: runpod, vast"),
        ({"kind": "lunch"}, "'lunch'. There are: deploy, logs"),
        ({"minutes": 0}, "above 0"),
        ({"minutes": -5}, "not -5"),
        ({"minutes": float("nan")}, "not nan"),
        ({"minutes": MOST_MINUTES + 1}, "at most 1,440"),
        ({"at": after(100)}, "once it is done"),
        ({"at": after(1).replace(tzinfo=None)}, "zone"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_cannot_have_been_work_is_refused(session: Session, changes: dict[str, object], words: str) -> None:
    with pytest.raises(EffortRefused, match=words):
        log(session, **changes)
    assert effort(session).filter(pl.col("effort_id").is_not_null()).is_empty()


def test_without_an_installation_nothing_is_logged(tmp_path: Path) -> None:
    with Session(copied(tmp_path / "y.db")) as session, pytest.raises(EffortRefused, match="bakeoff collect"):
        log(session)
