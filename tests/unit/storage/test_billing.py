"""Bills: a line fetched again updates its row, and becomes final by the rule alone."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import create_engine
from sqlmodel import Session, select

import storage.models
from storage.billing import Ingested, state_of, upsert_charges, withdraw_missing
from storage.models import Charge
from tests.unit.storage.rows import AT, deployment_of, launch, ready
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
def session() -> Iterator[Session]:
    engine = create_engine("sqlite://")
    storage.models.metadata.create_all(engine)
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


# ---------------------------------------------------------------- what is odd


def flags(session: Session, id: str = "a") -> list[str]:
    return session.get_one(Charge, id).flags


@pytest.mark.parametrize(
    ("changes", "expected", "sums"),
    [
        ({}, [], "0.5"),
        ({"billed_cost": Decimal("-0.5")}, ["negative"], "-0.5"),
        ({"billed_cost": Decimal("-0.0004"), "sku": "rounding"}, [], "-0.0004"),  # a difference of roundings
        ({"billed_cost": None}, ["unreadable"], "0"),
        ({"currency": "EUR"}, ["foreign_currency"], "0"),
        ({"currency": "eur", "billed_cost": Decimal(-1)}, ["foreign_currency", "negative"], "0"),
        ({"currency": "usd"}, [], "0.5"),
    ],
)
def test_what_is_odd_is_kept_and_flagged_and_in_no_sum_where_it_is_no_amount_in_dollars(
    session: Session, changes: dict[str, Any], expected: list[str], sums: str
) -> None:
    run = launch(session)
    ready(deployment_of(session, run, "runpod"), "ep1")
    session.flush()
    fetch(session, AT, Line("a", **changes))
    row = session.get_one(Charge, "a")
    assert (row.flags, row.sum_usd, row.counts) == (expected, Decimal(sums), Decimal(sums) != 0)


def test_a_line_of_nothing_of_ours_is_flagged_and_counts_for_whoever_asks_for_all(session: Session) -> None:
    fetch(session, AT, Line("a"))
    row = session.get_one(Charge, "a")
    assert (row.flags, row.deployment_id, row.counts) == (["no_resource"], None, True)


def test_two_amounts_under_one_id_are_one_line_the_larger_and_the_other_is_kept_beside_it(session: Session) -> None:
    small, large = Line("a", raw={"usd": 1}), Line("a", billed_cost=Decimal(2), raw={"usd": 2})
    assert fetch(session, AT, large, small) == Ingested(new=1, changed=0, same=1)
    row = session.get_one(Charge, "a")
    assert (row.billed_cost, row.raw) == (Decimal(2), {"usd": 2, "also": [{"usd": 1}]})
    assert "two_amounts" in row.flags
    fetch(session, AT + HOUR, large)
    assert "two_amounts" not in flags(session)


def test_an_amount_that_could_not_be_read_for_a_while_is_no_version_of_its_own(session: Session) -> None:
    for hours, usd in ((1, "0.5"), (2, None), (3, "0.5")):
        fetch(session, AT + hours * HOUR, Line("a", billed_cost=usd and Decimal(usd)))
    row = session.get_one(Charge, "a")
    assert [old["billed_cost"] for old in row.earlier] == ["0.5"]
    assert (row.billed_cost, row.same_since, row.counts) == (Decimal("0.5"), AT + 3 * HOUR, True)


def overlapping(session: Session) -> set[str]:
    return {row.id for row in session.exec(select(Charge)) if "overlapping" in row.flags}


def hours(id: str, first: float, last: float, **more: Any) -> Line:
    period = {"charge_period_start": AT + first * HOUR, "charge_period_end": AT + last * HOUR}
    return Line(id, **{"meter": "gpuAmount", **period, **more})


def test_of_lines_that_bill_the_same_time_twice_the_one_that_begins_first_counts(session: Session) -> None:
    fetch(session, AT, hours("first", 0, 2), hours("second", 1, 3), hours("third", 2, 4))
    assert overlapping(session) == {"second"}
    assert session.get_one(Charge, "second").counts is False


def test_a_longer_period_counts_before_its_parts(session: Session) -> None:
    fetch(session, AT, hours("hour", 0, 1), hours("day", 0, 24), hours("later", 5, 6))
    assert overlapping(session) == {"hour", "later"}


def test_what_differs_in_resource_or_meter_or_shares_a_rounded_second_does_not_overlap(session: Session) -> None:
    second = 1 / 3600
    fetch(
        session,
        AT,
        hours("a", 0, 1),
        hours("b", 0, 1, meter="diskAmount"),
        hours("c", 0, 1, resource_id="ep2"),
        hours("d", 0, 1, product="pod"),
        hours("e", 1 - second, 2),
        hours("f", 0, 1, meter=""),
        hours("g", 0, 1, provider=Provider.VAST),
    )
    assert overlapping(session) == set()


def test_an_overlap_ends_when_the_line_that_it_overlaps_was_withdrawn(session: Session) -> None:
    fetch(session, AT, hours("first", 0, 2), hours("second", 1, 3))
    fetch(session, AT + HOUR, hours("second", 1, 3))
    assert overlapping(session) == {"second"}
    withdraw_missing(session, Provider.RUNPOD, since=AT, until=AT + 3 * HOUR, now=AT + HOUR)
    assert overlapping(session) == set()


def test_a_line_that_a_whole_reading_of_its_time_no_longer_has_is_withdrawn_and_comes_back(session: Session) -> None:
    def read(at: datetime, *lines: Line, since: datetime = AT - HOUR, until: datetime = AT) -> int:
        fetch(session, at, *lines)
        return withdraw_missing(session, Provider.RUNPOD, since=since, until=until, now=at)

    vast = Line("v", provider=Provider.VAST)
    assert read(AT + HOUR, Line("a"), vast) == 0
    assert read(AT + 2 * HOUR, since=AT - HOUR / 2) == 0  # it begins before what was read
    assert read(AT + 2 * HOUR, until=AT - HOUR / 2) == 0  # it ends after it
    assert read(AT + 2 * HOUR) == 1
    row = session.get_one(Charge, "a")
    assert (row.counts, row.billed_cost, row.state) == (False, Decimal("0.5"), CostState.PROVISIONAL)
    assert [old["billed_cost"] for old in row.earlier] == ["0.5"]
    assert flags(session, "v") == ["no_resource"]
    assert read(AT + 60 * HOUR) == 0  # still gone: no news
    assert row.state is CostState.FINAL
    assert read(AT + 61 * HOUR, Line("a")) == 0
    assert (row.counts, row.state, len(row.earlier)) == (True, CostState.PROVISIONAL, 1)


def test_an_older_reading_says_nothing_about_a_row(session: Session) -> None:
    fetch(session, AT + HOUR, Line("a"))
    assert fetch(session, AT, Line("a", billed_cost=Decimal(9))) == Ingested(new=0, changed=0, same=1)
    assert session.get_one(Charge, "a").billed_cost == Decimal("0.5")
