"""`bakeoff stop` asks, waits for the proof, and keeps the wish where nobody hears it."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlmodel import Session, select

from storage.db import DataFolder, lock_folder, open_engine
from storage.models import Request, Run
from storage.plans import RunPlan, insert_run
from tests.unit.cli.conftest import Command
from words import RequestKind, RequestState, RunStatus

AT = datetime(2026, 11, 2, 8, tzinfo=UTC)
NOTHING: Mapping[str, Any] = {"runs": [1], "left": {"modal": 0, "vast": 0}}


@pytest.fixture
def launched(known: DataFolder) -> DataFolder:
    with Session(open_engine(known.db)) as session:
        insert_run(
            session, RunPlan(workflow="flux-dev", gpu="L40S", backends=["modal"], cap_usd=Decimal(5), cold=1), now=AT
        )
        session.commit()
    return known


@contextmanager
def collector(folder: DataFolder, reply: Mapping[str, Any], state: RequestState = RequestState.DONE) -> Iterator[None]:
    """Holds the folder's lock and answers the next request."""
    over = threading.Event()

    def work() -> None:
        engine = open_engine(folder.db)
        while not over.wait(0.02):
            with Session(engine) as session:
                for row in session.exec(select(Request).where(Request.state == RequestState.ASKED)):
                    row.state, row.reply = state, dict(reply)
                    session.add(row)
                session.commit()

    with lock_folder(folder):
        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def requests(folder: DataFolder) -> list[tuple[str, dict[str, Any]]]:
    with Session(open_engine(folder.db)) as session:
        return [(row.kind, row.arguments) for row in session.exec(select(Request))]


@pytest.mark.parametrize(
    ("arguments", "asked"), [(("1",), (RequestKind.STOP_RUN, {"run_id": 1})), (("--all",), (RequestKind.STOP_ALL, {}))]
)
def test_the_answer_of_the_collector_is_told(
    bakeoff: Command, launched: DataFolder, arguments: tuple[str, ...], asked: Any
) -> None:
    with collector(launched, NOTHING):
        said = bakeoff("stop", *arguments)
    assert (said.code, said.out) == (0, "")
    assert said.err == "Left running: Modal 0, Vast.ai 0.\n"
    assert requests(launched) == [asked]


def test_json_holds_the_proof(bakeoff: Command, launched: DataFolder) -> None:
    with collector(launched, NOTHING):
        said = bakeoff("stop", "--all", "--json")
    assert said.code == 0
    assert json.loads(said.out) == {"request": 1, "state": "done", **NOTHING}


@pytest.mark.parametrize(("left", "shown"), [(1, "1"), (None, "unknown")])
def test_what_is_left_or_unknown_is_no_success(
    bakeoff: Command, launched: DataFolder, left: int | None, shown: str
) -> None:
    with collector(launched, {"runs": [1], "left": {"modal": 0, "vast": left}}):
        said = bakeoff("stop", "1")
    assert said.code == 1
    assert said.err.startswith(f"Left running: Modal 0, Vast.ai {shown}. The collector goes on trying")


def test_without_a_collector_the_wish_is_kept_and_the_way_out_is_named(bakeoff: Command, launched: DataFolder) -> None:
    said = bakeoff("stop", "--all")
    assert said.code == 1
    assert "No collector runs on" in said.err
    assert "nothing was stopped yet" in said.err
    assert "`bakeoff collect`" in said.err
    assert requests(launched) == [(RequestKind.STOP_ALL, {})]
    assert json.loads(bakeoff("stop", "1", "--json").out) == {"request": 2, "state": "asked", "runs": [], "left": {}}


def test_a_refusal_of_the_collector_is_one_sentence(bakeoff: Command, launched: DataFolder) -> None:
    with collector(launched, {"error": "Run 1 is done already."}, RequestState.REFUSED):
        said = bakeoff("stop", "1")
    assert (said.code, said.err) == (2, "bakeoff: Run 1 is done already.\n")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "Name one run, as in `bakeoff stop 3`, or everything with `bakeoff stop --all`."),
        (("1", "--all"), "Name one run"),
        (("9",), "There is no run 9. `bakeoff runs` lists them."),
    ],
)
def test_a_wish_for_nothing_is_refused(
    bakeoff: Command, launched: DataFolder, arguments: tuple[str, ...], says: str
) -> None:
    said = bakeoff("stop", *arguments)
    assert said.code == 2
    assert said.err.startswith(f"bakeoff: {says}")
    assert requests(launched) == []


def test_a_run_that_is_over_is_not_stopped_again(bakeoff: Command, launched: DataFolder) -> None:
    with Session(open_engine(launched.db)) as session:
        run = session.get_one(Run, 1)
        run.status = RunStatus.DONE
        session.add(run)
        session.commit()
    assert bakeoff("stop", "1").err == "bakeoff: Run 1 is done already.\n"


def test_a_launch_takes_a_ceiling_in_gpu_seconds(bakeoff: Command, known: DataFolder) -> None:
    assert bakeoff("launch", "flux-dev", "--cap", "5", "--cap-gpu-seconds", "900").code == 0
    with Session(open_engine(known.db)) as session:
        assert session.get_one(Run, 1).cap_gpu_s == 900


def test_a_ceiling_of_no_gpu_seconds_is_refused(bakeoff: Command, known: DataFolder) -> None:
    said = bakeoff("launch", "flux-dev", "--cap", "5", "--cap-gpu-seconds", "0")
    assert said.code == 2
    assert "cap_gpu_s must be a whole number of GPU-seconds above 0" in said.err
    assert requests(known) == []
