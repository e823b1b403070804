"""Reading bills: in one piece or by days, kept as far as it came, told when that is news."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, select

from backends.base import Account, Charge, Statement
from backends.errors import AuthFailed, NotOffered, Retired, Unavailable, UnexpectedReply
from collectors import billing
from collectors.billing import LINES_AT_ONCE, days, ingest, parts, settle
from storage.models import BillRead, Deployment
from storage.models import Charge as ChargeRow
from storage.models import Statement as StatementRow
from tests.unit.collectors.fakes import Desk, FakeBackend, play
from tests.virtual import EPOCH
from words import BillOutcome, Feature, Provider

BILLED = frozenset({Feature.SCALES_TO_ZERO, Feature.DEPLOYS, Feature.BILLED})
DAY = timedelta(days=1)


def billed(path: Path, scenario: Any) -> Any:
    return play(path, scenario, lambda clock: FakeBackend(clock, features=BILLED))


def line(id: str, days_ago: float, usd: str = "0.5") -> Charge:
    start = EPOCH - days_ago * DAY
    return Charge(
        charge_id=id,
        provider=Provider.RUNPOD,
        resource_id="ep1",
        resource_name=None,
        sku="gpu",
        charge_period_start=start,
        charge_period_end=start + timedelta(hours=1),
        billed_cost=Decimal(usd),
        raw={},
    )


def reads(desk: Desk) -> list[BillRead]:
    with Session(desk.engine) as session:
        return list(session.exec(select(BillRead).order_by(BillRead.id)))


def ids(desk: Desk) -> list[str]:
    return [row.id for row in desk.rows(ChargeRow)]


def test_a_window_that_can_be_read_is_one_call_and_says_nothing(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.backend.bills = [line("a", 1), line("b", 2)]
        assert await ingest(desk.ctx) == 2
        assert await ingest(desk.ctx) == 0
        (read,) = reads(desk)
        assert (read.outcome, read.lines, read.text, read.unread) == (BillOutcome.READ, 2, "", [])
        assert (read.since, read.until) == (EPOCH - 4 * DAY, EPOCH)
        assert desk.backend.count("charges") == 2
        assert desk.told("billing") == []

    billed(tmp_path, scenario)


def test_a_day_that_fails_stops_no_other_and_is_asked_for_again(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.backend.bills = [line("first day", 3.9), line("later", 2)]
        garbage = UnexpectedReply("page 3 is garbage")
        desk.backend.plan("charges", garbage, garbage)
        assert await ingest(desk.ctx) == 1
        assert ids(desk) == ["later"]
        (read,) = reads(desk)
        assert (read.outcome, read.unread) == (BillOutcome.PARTIAL, [(EPOCH - 4 * DAY).isoformat()])
        assert await ingest(desk.ctx) == 1
        assert ids(desk) == ["first day", "later"]
        assert desk.told("billing") == [
            "1 of 5 days of the bills of alpha could not be read: page 3 is garbage",
            "Bills of alpha can be read again.",
        ]

    billed(tmp_path, scenario)


def test_a_line_of_a_day_that_could_not_be_read_is_not_withdrawn(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.backend.bills = [line("first day", 3.9), line("later", 2), line("last", 1)]
        await ingest(desk.ctx)
        desk.backend.bills = desk.backend.bills[2:]
        away = UnexpectedReply("garbage")
        desk.clock.leap(EPOCH + timedelta(minutes=1))
        desk.backend.plan("charges", away, away)
        assert await ingest(desk.ctx) == 1
        flagged = {row.id: row.flags for row in desk.rows(ChargeRow)}
        assert flagged == {
            "first day": ["no_resource"], "last": ["no_resource"], "later": ["no_resource", "withdrawn"],
        }  # fmt: skip

    billed(tmp_path, scenario)


def test_a_provider_that_is_away_is_left_after_two_days(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.backend.plan("charges", *[Unavailable("away")] * 9)
        assert await ingest(desk.ctx) == 0
        assert desk.backend.count("charges") == 3
        assert await ingest(desk.ctx) == 0
        (read,) = reads(desk)
        assert (read.outcome, len(read.unread)) == (BillOutcome.FAILED, 5)
        assert desk.told("billing") == ["Bills of alpha could not be read: away"]  # once, not each time

    billed(tmp_path, scenario)


@pytest.mark.parametrize(
    ("error", "outcome", "said"),
    [
        (NotOffered("Team only."), BillOutcome.NO_REPORT, "alpha's plan has no bills to read, so that its costs stay"),
        (AuthFailed("No."), BillOutcome.REFUSED, "The key may not read the bills of alpha; its costs stay estimated"),
        (Retired("v1 is gone"), BillOutcome.FAILED, "Bills of alpha could not be read: v1 is gone"),
    ],
)
def test_what_holds_for_every_day_is_asked_once_and_said_once(
    tmp_path: Path, error: Exception, outcome: BillOutcome, said: str
) -> None:
    async def scenario(desk: Desk) -> None:
        desk.backend.plan("charges", error, error)
        await ingest(desk.ctx)
        await ingest(desk.ctx)
        assert desk.backend.count("charges") == 2
        assert [read.outcome for read in reads(desk)] == [outcome]
        (told,) = desk.told("billing")
        assert told.startswith(said)
        assert str(error) in told

    billed(tmp_path, scenario)


def test_nobody_waits_for_the_bills_of_a_plan_that_has_none(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> list[str]:
        desk.ask(warm=0)
        desk.backend.plan("charges", *[NotOffered("Team only.")] * 99)
        await desk.service().run(until=lambda: True)
        await settle(desk.ctx)
        return desk.told(billing.SETTLED)

    assert billed(tmp_path, scenario) == ["All bills are final."]


def test_who_watches_gets_a_pause_before_each_leap_and_is_told_of_it(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> tuple[float, list[str]]:
        desk.ask(warm=0)
        await desk.service().run(until=lambda: True)
        began_s = desk.clock.alive_s()
        (rented,) = desk.rows(Deployment)
        desk.backend.bills = [replace(line("c1", 0), resource_name=rented.key)]
        await settle(desk.ctx, pause_s=6.0)
        return desk.clock.alive_s() - began_s, desk.told(billing.LEAPT)

    paused_s, told = billed(tmp_path, scenario)
    assert set(told) == {"Bills close: +12 h."}
    assert paused_s >= 6.0 * len(told) > 6.0


def test_lines_of_nobody_we_know_keep_no_demo_waiting(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> list[str]:
        desk.backend.bills = [line("stranger", 0)]
        await settle(desk.ctx)
        return desk.told(billing.SETTLED)

    assert billed(tmp_path, scenario) == ["All bills are final."]


def test_payments_and_totals_are_read_once_a_day_and_their_failure_is_no_news(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        month = Statement(
            provider=Provider.MODAL,
            kind="workspace",
            period_start=EPOCH,
            period_end=EPOCH + 30 * DAY,
            metered_usd=Decimal(3),
            billed_usd=Decimal(1),
            parts={},
        )
        desk.backend.money = Account(statements=[month])
        desk.backend.plan("account", Unavailable("away"))
        for hours, called in ((0, 1), (1, 1), (20, 2), (24, 2), (48, 3)):
            desk.clock.leap(EPOCH + timedelta(hours=hours))
            await ingest(desk.ctx)
            assert desk.backend.count("account") == called
        (row,) = desk.rows(StatementRow)
        assert (row.metered_usd, row.billed_usd) == (Decimal(3), Decimal(1))
        assert desk.told("billing") == []

    billed(tmp_path, scenario)


def test_days_are_cut_at_midnight_and_leave_nothing_out() -> None:
    start, end = EPOCH - 2 * DAY, EPOCH
    cuts = days(start, end)
    assert [cut.hour for cut, _ in cuts] == [8, 0, 0]
    assert [first for first, _ in cuts[1:]] == [last for _, last in cuts[:-1]]
    assert (cuts[0][0], cuts[-1][1]) == (start, end)
    midnight = EPOCH.replace(hour=0)
    assert days(midnight, midnight + DAY) == [(midnight, midnight + DAY)]


def test_parts_keep_what_one_id_says_together() -> None:
    lines = [line(f"{n:05}", 1) for n in range(LINES_AT_ONCE)] + [line(f"{LINES_AT_ONCE - 1:05}", 1, "7"), line("z", 1)]
    assert [len(part) for part in parts(lines)] == [LINES_AT_ONCE + 1, 1]
    assert parts([]) == []
