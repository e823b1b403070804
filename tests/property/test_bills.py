"""Bills read twice, or in any order, give the same tables, and no second is billed twice."""

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine
from sqlmodel import Session, select

import storage.models
from backends.base import Charge as Line
from storage.billing import upsert_charges, withdraw_missing
from storage.models import Charge
from words import ChargeFlag, Provider

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ENGINE = create_engine("sqlite://")
storage.models.metadata.create_all(ENGINE)


@dataclass(frozen=True)
class Read:
    """One whole reading: when, and what came."""

    at: datetime
    lines: tuple[Line, ...]


def line(resource: int, meter: str, start: int, hours: int, usd: Decimal | None, currency: str) -> Line:
    begins = AT + start * HOUR
    return Line(
        charge_id=f"{resource}/{meter}/{start}",
        provider=Provider.RUNPOD,
        resource_id=f"ep{resource}",
        resource_name=None,
        product="serverless",
        sku=meter,
        meter=meter,
        charge_period_start=begins,
        charge_period_end=begins + hours * HOUR,
        billed_cost=usd,
        currency=currency,
        raw={"amount": str(usd), "hours": hours},
    )


LINES = st.builds(
    line,
    st.integers(0, 2),
    st.sampled_from(["gpu", "disk"]),
    st.integers(0, 5),
    st.integers(1, 3),
    st.none() | st.integers(-3, 9).map(lambda cents: Decimal(cents) / 100),
    st.sampled_from(["USD", "USD", "USD", "EUR"]),
)
BILLS = st.lists(LINES, max_size=9).map(tuple)
# An hour apart, a day apart, days apart: lines open, close, become final and change.
READS = st.lists(st.tuples(st.sampled_from([1, 24, 60]), BILLS), min_size=1, max_size=4).map(
    lambda steps: [Read(AT + sum(gap for gap, _ in steps[: n + 1]) * HOUR, lines) for n, (_, lines) in enumerate(steps)]
)


def tables(reads: Sequence[Read], chance: random.Random | None = None) -> list[dict[str, Any]]:
    """All rows after these readings; with `chance` each in pages of any order, some of them twice, each read twice."""
    with Session(ENGINE) as session:
        for read in reads:
            for _ in range(2 if chance else 1):
                for page in pages(read.lines, chance):
                    upsert_charges(session, page, now=read.at, simulated=True)
                window = {"since": AT, "until": AT + 99 * HOUR}
                withdraw_missing(session, Provider.RUNPOD, now=read.at, **window)
        session.expire_all()
        rows = [row.model_dump() for row in session.exec(select(Charge)).all()]
        session.rollback()
        return sorted(rows, key=lambda row: row["id"])


def pages(lines: Sequence[Line], chance: random.Random | None) -> list[list[Line]]:
    """Lines of one id stay together: what one id says is judged as a whole."""
    if chance is None:
        return [list(lines)]
    by_id = defaultdict(list)
    for each in chance.sample(lines, len(lines)):
        by_id[each.charge_id].append(each)
    found: list[list[Line]] = [[] for _ in range(3)]
    for group in chance.sample(list(by_id.values()), len(by_id)):
        chance.choice(found).extend(group * chance.choice([1, 2]))
    chance.shuffle(found)
    return found


@settings(max_examples=25)
@given(READS, st.integers(0, 2**16))
def test_twice_and_in_any_order_is_the_same_as_once(reads: list[Read], seed: int) -> None:
    assert tables(reads, random.Random(seed)) == tables(reads)


@settings(max_examples=25)
@given(READS)
def test_what_counts_is_on_the_newest_bill_in_dollars_and_bills_no_hour_of_a_meter_twice(reads: list[Read]) -> None:
    rows, newest = tables(reads), {each.charge_id for each in reads[-1].lines}
    ever = {each.charge_id for read in reads for each in read.lines}
    assert {row["id"] for row in rows} == ever  # nothing is dropped
    billed = set()
    for row in rows:
        assert row["counts"] == all(ChargeFlag(name).sums for name in row["flags"])
        if not row["counts"]:
            continue
        assert row["id"] in newest
        assert row["billed_cost"] is not None
        assert row["billing_currency"] == "USD"
        at = row["charge_period_start"]
        while at < row["charge_period_end"]:
            assert (row["resource_id"], row["meter"], at) not in billed
            billed.add((row["resource_id"], row["meter"], at))
            at += HOUR


@settings(max_examples=10)
@given(READS, st.data())
def test_an_older_reading_that_comes_late_changes_nothing(reads: list[Read], data: st.DataObject) -> None:
    late = data.draw(st.sampled_from(reads[-1].lines)) if reads[-1].lines else None
    if late is None:
        return
    before = tables(reads)
    with Session(ENGINE) as session:
        for read in reads:
            upsert_charges(session, read.lines, now=read.at, simulated=True)
            withdraw_missing(session, Provider.RUNPOD, since=AT, until=AT + 99 * HOUR, now=read.at)
        stale = line(9, "gpu", 0, 1, Decimal(1), "USD")
        lie = Line(**{**vars(stale), "charge_id": late.charge_id})
        upsert_charges(session, [lie], now=reads[-1].at - HOUR / 2, simulated=True)
        session.expire_all()
        rows = sorted((row.model_dump() for row in session.exec(select(Charge)).all()), key=lambda row: row["id"])
        session.rollback()
    assert rows == before
