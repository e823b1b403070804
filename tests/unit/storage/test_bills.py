"""Readings of bills: how fresh they are, from when on they are read again, and what never came."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlmodel import Session, select

from backends.base import Payment, Statement
from storage.billing import upsert_charges
from storage.bills import WINDOW, freshness, gaps, keep_account, keep_reading, last_reading, window_start
from storage.models import BillRead, Deployment
from storage.models import Payment as PaymentRow
from storage.models import Statement as StatementRow
from tests.unit.storage.rows import AT, deployment_of, jobs_of, launch, ready, succeed
from tests.unit.storage.test_billing import HOUR, Line
from tests.unit.storage.test_billing import session as session
from words import BillOutcome, ChargeFlag, CostState, Provider

DAY = timedelta(days=1)


def reading(at: datetime, outcome: BillOutcome = BillOutcome.READ, **more: Any) -> BillRead:
    given = {"backend": "runpod", "since": at - WINDOW, "until": at, "lines": 1, "new": 0, "changed": 0}
    return BillRead(**{**given, "read_at": at, "outcome": outcome, "simulated": True, **more})


def used(session: Session) -> Deployment:
    """An endpoint on which one good job ran, from 12:00:01.75 to 12:00:10."""
    run = launch(session)
    deployment = deployment_of(session, run, "runpod")
    ready(deployment, "ep1")
    succeed(session, jobs_of(session, deployment)[0], start_s=0)
    return deployment


def bill(session: Session, at: datetime, *lines: Line) -> None:
    upsert_charges(session, lines, now=at, simulated=True)


# ---------------------------------------------------------------- readings


def test_a_reading_that_says_the_same_moves_the_last_one_on_and_one_with_news_is_kept_beside_it(
    session: Session,
) -> None:
    assert keep_reading(session, reading(AT, new=3)) is None
    before = keep_reading(session, reading(AT + HOUR))
    assert before is not None
    assert before.read_at == AT
    assert [row.read_at for row in session.exec(select(BillRead))] == [AT + HOUR]
    keep_reading(session, reading(AT + 2 * HOUR, changed=1))
    keep_reading(session, reading(AT + 3 * HOUR, BillOutcome.REFUSED, text="no right"))
    keep_reading(session, reading(AT + 4 * HOUR, BillOutcome.REFUSED, text="no right"))
    assert [row.read_at for row in session.exec(select(BillRead))] == [AT + n * HOUR for n in (1, 2, 4)]
    last, whole = last_reading(session, "runpod"), last_reading(session, "runpod", BillOutcome.READ)
    assert (last and last.outcome, whole and whole.read_at) == (BillOutcome.REFUSED, AT + 2 * HOUR)
    assert last_reading(session, "vast") is None


# ---------------------------------------------------------------- the window


def start(session: Session, now: datetime) -> datetime:
    return window_start(session, "runpod", Provider.RUNPOD, now)


def test_without_anything_open_a_few_days_are_read(session: Session) -> None:
    assert start(session, AT) == AT - WINDOW
    bill(session, AT + 48 * HOUR, Line("a"))
    bill(session, AT + 60 * HOUR, Line("a"))
    assert start(session, AT + 20 * DAY) == AT + 20 * DAY - WINDOW  # final


def test_a_line_that_is_not_final_is_read_again_however_long_the_collector_was_away(session: Session) -> None:
    bill(session, AT, Line("a"), Line("b", provider=Provider.VAST, charge_period_start=AT - 9 * DAY))
    assert start(session, AT + 20 * DAY) == AT - HOUR
    assert start(session, AT + 40 * DAY) == AT + 36 * DAY  # given up


def test_a_deployment_that_worked_and_was_never_billed_is_asked_for_from_its_birth(session: Session) -> None:
    deployment = used(session)
    assert start(session, AT + 20 * DAY) == deployment.created_at
    assert window_start(session, "vast", Provider.VAST, AT + 20 * DAY) == AT + 20 * DAY - WINDOW


def test_a_gap_is_asked_for_again(session: Session) -> None:
    used(session)
    bill(session, AT + 60 * HOUR, Line("a", charge_period_start=AT + 5 * HOUR, charge_period_end=AT + 6 * HOUR))
    bill(session, AT + 90 * HOUR, Line("a", charge_period_start=AT + 5 * HOUR, charge_period_end=AT + 6 * HOUR))
    keep_reading(session, reading(AT + 90 * HOUR))
    assert start(session, AT + 20 * DAY) == AT


# ---------------------------------------------------------------- gaps


@pytest.mark.parametrize(
    ("read_h", "outcome", "expected"),
    [
        (49, BillOutcome.READ, [AT]),
        (48.9, BillOutcome.READ, []),  # it may still come
        (49, BillOutcome.PARTIAL, []),  # nobody knows
        (49, BillOutcome.NO_REPORT, []),
    ],
)
def test_an_hour_of_work_that_a_whole_reading_two_days_later_does_not_bill_is_a_gap(
    session: Session, read_h: float, outcome: BillOutcome, expected: list[datetime]
) -> None:
    deployment = used(session)
    keep_reading(session, reading(AT + read_h * HOUR, outcome))
    found = gaps(session, AT + 60 * HOUR)
    assert [gap.start for gap in found] == expected
    assert {(gap.deployment_id, gap.end - gap.start) for gap in found} <= {(deployment.id, HOUR)}


@pytest.mark.parametrize(
    ("line", "is_gap"),
    [
        (Line("a", charge_period_start=AT, charge_period_end=AT + HOUR), False),
        (Line("a", charge_period_start=AT - DAY, charge_period_end=AT + DAY), False),
        (Line("a", charge_period_start=AT + HOUR, charge_period_end=AT + 2 * HOUR), True),
        (Line("a", charge_period_start=AT, charge_period_end=AT + HOUR, resource_id="ep2"), True),
        (Line("a", charge_period_start=AT, charge_period_end=AT + HOUR, billed_cost=None), True),
    ],
)
def test_a_line_that_counts_and_touches_the_hour_fills_the_gap(session: Session, line: Line, is_gap: bool) -> None:
    used(session)
    keep_reading(session, reading(AT + 60 * HOUR))
    bill(session, AT + 60 * HOUR, line)
    assert bool(gaps(session, AT + 60 * HOUR)) is is_gap


def test_an_hour_in_which_nothing_was_used_is_no_gap(session: Session) -> None:
    run = launch(session)
    ready(deployment_of(session, run, "runpod"), "ep1")
    session.flush()
    keep_reading(session, reading(AT + 60 * HOUR))
    assert gaps(session, AT + 60 * HOUR) == []


# ---------------------------------------------------------------- freshness


def test_freshness_says_when_how_and_what_with_odd_lines_counted_and_left_out_of_the_sum(session: Session) -> None:
    used(session)
    ours = {"charge_period_start": AT, "charge_period_end": AT + HOUR}
    keep_reading(session, reading(AT + HOUR, new=1))
    bill(
        session,
        AT + HOUR,
        Line("a", **ours),
        Line("b", billed_cost=Decimal(2), currency="EUR", **ours),
        Line("c", billed_cost=None, **ours),
        Line("d", billed_cost=Decimal(7), resource_id="stranger", **ours),
        Line("e", billed_cost=Decimal("-0.1"), **ours),
        Line("f", provider=Provider.VAST),
    )
    keep_reading(session, reading(AT + 2 * HOUR, BillOutcome.FAILED, text="away"))
    (found,) = freshness(session, AT + 2 * HOUR)
    assert (found.backend, found.outcome, found.text) == ("runpod", BillOutcome.FAILED, "away")
    assert (found.read_at, found.whole_at) == (AT + 2 * HOUR, AT + HOUR)
    assert (found.lines, found.billed_usd, found.others_usd) == (5, Decimal("0.4"), Decimal(7))
    assert found.by_state == {CostState.PROVISIONAL: Decimal("0.4")}
    assert found.left_out == {"EUR": Decimal(2), "USD": Decimal(0)}
    assert found.odd == {
        ChargeFlag.FOREIGN_CURRENCY: 1,
        ChargeFlag.UNREADABLE: 1,
        ChargeFlag.NO_RESOURCE: 1,
        ChargeFlag.NEGATIVE: 1,
    }
    assert found.gaps == 0


# ---------------------------------------------------------------- payments and totals


def test_payments_and_totals_read_again_update_their_rows(session: Session) -> None:
    paid = {"payment_id": "vast/1", "provider": Provider.VAST, "at": AT, "currency": "USD", "service": "s", "text": "t"}
    total = {"provider": Provider.MODAL, "kind": "workspace", "period_start": AT, "period_end": AT + 30 * DAY}
    for usd, at in ((Decimal(5), AT), (Decimal(6), AT + HOUR)):
        payment = Payment(**paid, amount=usd, raw={"id": 1})
        month = Statement(**total, metered_usd=usd, billed_usd=None, parts={"CPU": str(usd)})
        keep_account(session, [payment], [month], now=at, simulated=True)
    (row,), (kept,) = session.exec(select(PaymentRow)).all(), session.exec(select(StatementRow)).all()
    assert (row.amount, row.fetched_at, row.simulated) == (Decimal(6), AT + HOUR, True)
    assert (kept.metered_usd, kept.billed_usd, kept.parts) == (Decimal(6), None, {"CPU": "6"})
