"""Bills: a line fetched again updates its row, and becomes final by the rule alone."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session

from storage.billing import Ingested, state_of, upsert_charges
from storage.models import Charge
from tests.unit.storage.rows import AT, deployment_of, fresh, launch, ready
from words import CostState, Provider

HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Line:
    """A billing line as a backend gives it; it bills the hour before `AT`."""

    charge_id: str
    provider: Provider = Provider.RUNPOD
    resource_id: str = "ep1"
    resource_name: str | None = None
    sku: str = "gpu"
    charge_period_start: datetime = AT - HOUR
    charge_period_end: datetime = AT
    billed_cost: Decimal | None = Decimal("0.5")
    raw: Mapping[str, Any] = field(default_factory=dict)
    product: str = "serverless"
    meter: str = ""
    currency: str = "USD"


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    engine = fresh(tmp_path / "bakeoff.db")
    with Session(engine) as session:
        yield session
    engine.dispose()


def fetch(session: Session, at: datetime, *lines: Line) -> Ingested:
    return upsert_charges(session, lines, now=at, simulated=True)


def state(session: Session) -> CostState:
    return session.get_one(Charge, "a").state


def test_a_fetch_counts_new_changed_and_unchanged_lines(session: Session) -> None:
    line = Line("a", raw={"first": 1})
    assert fetch(session, AT, line) == Ingested(new=1, changed=0, same=0)
    assert fetch(session, AT + HOUR, replace(line, raw={"second": 2}), Line("b")) == Ingested(new=1, changed=0, same=1)
    assert fetch(session, AT + HOUR, replace(line, billed_cost=Decimal("0.6"))) == Ingested(0, 1, 0)
    row = session.get_one(Charge, "a")
    assert (row.billed_cost, row.raw, row.simulated) == (Decimal("0.6"), {"first": 1}, True)
    assert (row.first_seen_at, row.fetched_at) == (AT, AT + HOUR)


def test_the_same_line_twice_in_one_fetch_is_one_row(session: Session) -> None:
    assert fetch(session, AT, Line("a"), Line("a")) == Ingested(new=1, changed=0, same=1)


def test_an_amount_finer_than_the_column_keeps_is_the_same_at_the_next_fetch(session: Session) -> None:
    line = Line("a", billed_cost=Decimal("0.0049140198620"))
    fetch(session, AT, line)
    session.commit()  # the next fetch reads what the column kept
    assert fetch(session, AT + HOUR, line, line) == Ingested(new=0, changed=0, same=2)
    assert fetch(session, AT + HOUR, replace(line, billed_cost=Decimal("0.0049140211"))) == Ingested(0, 1, 0)


def test_a_bucket_is_open_until_its_end(session: Session) -> None:
    fetch(session, AT - timedelta(microseconds=1), Line("a"))
    assert state(session) is CostState.OPEN
    fetch(session, AT, Line("a"))
    assert state(session) is CostState.PROVISIONAL


@pytest.mark.parametrize(
    ("first_h", "last_h", "expected"),
    [
        (36, 48, CostState.FINAL),
        (36.01, 48, CostState.PROVISIONAL),  # the two fetches are less than 12 h apart
        (1, 47.99, CostState.PROVISIONAL),  # 48 h have not passed
        (1, 48, CostState.FINAL),
        (50, 50, CostState.PROVISIONAL),  # seen once
        (50, 62, CostState.FINAL),
    ],
)
def test_a_line_is_final_48_h_after_its_end_once_two_fetches_12_h_apart_agree(
    session: Session, first_h: float, last_h: float, expected: CostState
) -> None:
    fetch(session, AT + first_h * HOUR, Line("a"))
    fetch(session, AT + last_h * HOUR, Line("a"))
    assert state(session) is expected


def test_a_change_starts_the_wait_anew(session: Session) -> None:
    fetch(session, AT + 30 * HOUR, Line("a"))
    fetch(session, AT + 44 * HOUR, Line("a", billed_cost=Decimal("0.6")))
    fetch(session, AT + 50 * HOUR, Line("a", billed_cost=Decimal("0.6")))
    assert state(session) is CostState.PROVISIONAL
    fetch(session, AT + 56 * HOUR, Line("a", billed_cost=Decimal("0.6")))
    assert state(session) is CostState.FINAL


def test_a_final_line_that_changes_is_provisional_again_and_keeps_what_it_said(session: Session) -> None:
    fetch(session, AT + 36 * HOUR, Line("a"))
    fetch(session, AT + 48 * HOUR, Line("a"))
    fetch(session, AT + 60 * HOUR, Line("a", billed_cost=Decimal("0.515")))
    row = session.get_one(Charge, "a")
    assert (row.state, row.billed_cost) == (CostState.PROVISIONAL, Decimal("0.515"))
    (before,) = row.earlier
    assert before == {
        "billed_cost": "0.5",
        "state": "final",
        "same_since": (AT + 36 * HOUR).isoformat(),
        "fetched_at": (AT + 48 * HOUR).isoformat(),
    }
    fetch(session, AT + 61 * HOUR, Line("a", billed_cost=Decimal("0.52")))
    session.expire_all()
    assert [earlier["state"] for earlier in session.get_one(Charge, "a").earlier] == ["final", "provisional"]


def test_the_growth_of_an_open_bucket_is_no_correction(session: Session) -> None:
    fetch(session, AT - HOUR / 2, Line("a", billed_cost=Decimal("0.2"), charge_period_end=AT + HOUR))
    fetch(session, AT, Line("a", billed_cost=Decimal("0.4"), charge_period_end=AT + HOUR))
    row = session.get_one(Charge, "a")
    assert (row.earlier, row.same_since, row.state) == ([], AT, CostState.OPEN)


def test_a_period_that_moves_is_a_change_too(session: Session) -> None:
    fetch(session, AT, Line("a"))
    later = Line("a", charge_period_end=AT + HOUR)
    assert fetch(session, AT, later).changed == 1
    assert session.get_one(Charge, "a").charge_period_end == AT + HOUR
    assert state(session) is CostState.OPEN


def test_a_line_belongs_to_the_deployment_it_names_else_to_the_one_with_its_id(session: Session) -> None:
    run = launch(session)
    runpod, vast = deployment_of(session, run, "runpod"), deployment_of(session, run, "vast")
    ready(runpod, "same-id")
    ready(vast, "same-id")
    session.flush()
    lines = {
        "by_id": Line("by_id", resource_id="same-id"),
        "other_provider": Line("other_provider", provider=Provider.VAST, resource_id="same-id"),
        "by_name": Line("by_name", resource_id="unknown", resource_name=vast.key, provider=Provider.VAST),
        "stray": Line("stray", resource_id="unknown", resource_name="not-ours"),
    }
    fetch(session, AT, *lines.values())
    found = {name: session.get_one(Charge, name).deployment_id for name in lines}
    assert found == {"by_id": runpod.id, "other_provider": vast.id, "by_name": vast.id, "stray": None}


def test_a_stray_line_finds_its_deployment_once_that_is_known(session: Session) -> None:
    run = launch(session)
    fetch(session, AT, Line("a"))
    assert session.get_one(Charge, "a").deployment_id is None
    deployment = deployment_of(session, run, "runpod")
    ready(deployment, "ep1")
    session.flush()
    fetch(session, AT, Line("a"))
    assert session.get_one(Charge, "a").deployment_id == deployment.id


def test_more_lines_than_one_query_takes_are_all_kept(session: Session) -> None:
    lines = [Line(f"c{i}") for i in range(1201)]
    assert fetch(session, AT, *lines).new == 1201
    assert fetch(session, AT, *lines).same == 1201


def test_a_state_never_needs_more_than_the_instants() -> None:
    assert state_of(end=AT, same_since=AT, fetched_at=AT + 48 * HOUR) is CostState.FINAL
