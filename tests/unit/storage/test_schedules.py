"""Blocks drawn by a seed inside day-parts, what they cost, and the refusals of what cannot be kept."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import Session, select

from storage.block_cost import block_cost
from storage.models import Backend, Block, Installation, Offer, Schedule
from storage.plans import PlanError
from storage.schedule_edits import move, replan, skip
from storage.schedules import (
    PART,
    SLACK,
    ScheduleError,
    SchedulePlan,
    day_part,
    insert_schedule,
    part_start,
    run_plan,
    slots,
)
from tests.unit.storage.rows import deployment_of as deployment
from tests.unit.storage.rows import fresh, jobs_of, launch, succeed
from words import BlockStatus, Feature, StartKind

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
RATE = Decimal("0.0005")


def plan(**changes: Any) -> SchedulePlan:
    given = {"workflow": "flux-dev", "gpu": "L40S", "backends": ["modal", "vast"], "cap_usd": Decimal(200), "seed": 1}
    return SchedulePlan(**given | {"first_day": date(2026, 11, 24)} | changes)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """Two backends with prices; Vast.ai rents, its disk and downloads cost extra."""
    engine = fresh(tmp_path / "bakeoff.db")
    with Session(engine) as session:
        session.add(Installation(token="bakeoff-abc", simulated=True, created_at=NOW))
        features = {"modal": [], "runpod": [], "vast": [Feature.FRESH_HOST_IS_COLD.value]}
        for name, can in features.items():
            session.add(Backend(name=name, provider=name, features=can, simulated=True, state="ready"))
        detail = {"storage_usd_per_s": "0.0001", "network_usd_per_gb": "0.01"}
        for name, said in (("modal", {}), ("vast", detail)):
            for gpu, rate in (("L40S", RATE), ("L40S", 2 * RATE)):
                price = {"usd_per_unit": rate, "usd_per_s": rate, "unit": "s", "source": "t", "seen_at": NOW}
                row = Offer(backend=name, gpu=gpu, offer_id=str(rate), detail=said, **price)
                session.add(row)
        session.commit()
        yield session
    engine.dispose()


# ---------------------------------------------------------------- when


@given(
    seed=st.integers(0, 2**62 - 1),
    days=st.integers(1, 9),
    minutes=st.integers(1, 345),
    extra=st.integers(0, 27),
)
def test_every_block_starts_on_a_whole_hour_and_ends_in_its_day_part_even_if_it_starts_as_late_as_it_may(
    seed: int, days: int, minutes: int, extra: int
) -> None:
    lasts = timedelta(minutes=minutes)
    asked = plan(seed=seed, days=days, blocks=min(4 * days, days + extra))
    found = slots(asked, lasts)
    assert [slot.starts_at for slot in found] == sorted(slot.starts_at for slot in found)
    assert len(found) == asked.blocks
    for slot in found:
        ends = part_start(slot.starts_at.date(), slot.day_part) + PART
        assert slot.starts_at == slot.starts_at.replace(minute=0, second=0, microsecond=0)
        assert slot.day_part == day_part(slot.starts_at) == day_part(slot.latest_at)
        assert slot.starts_at + SLACK <= slot.latest_at
        assert slot.latest_at + lasts == ends
    assert len({(slot.starts_at.date(), slot.day_part) for slot in found}) == len(found), "one in a day-part"
    for spread in (Counter(slot.day_part for slot in found), Counter(slot.starts_at.date() for slot in found)):
        assert max(spread.values()) - min(spread.values()) <= 1
    assert (found[0].starts_at.date() - asked.first_day).days == 0
    assert len({slot.starts_at.date() for slot in found}) == days


def test_the_seed_draws_the_hours_and_each_block_its_own_seed() -> None:
    lasts = timedelta(minutes=40)
    first, again, other = slots(plan(), lasts), slots(plan(), lasts), slots(plan(seed=2), lasts)
    assert first == again
    assert [slot.starts_at for slot in first] != [slot.starts_at for slot in other]
    assert len({slot.seed for slot in first}) == 20
    assert {slot.starts_at.hour % 6 for seed in range(9) for slot in slots(plan(seed=seed), lasts)} == {
        0,
        1,
        2,
        3,
        4,
        5,
    }


# ---------------------------------------------------------------- what it costs


def test_unmeasured_a_block_costs_what_the_assumptions_say_by_hand(session: Session) -> None:
    found = block_cost(session, plan(warm=60, cold=4, repeats=3).block)
    # Modal, one endpoint: 67 jobs of 15 s, 4 colds of 45 s, 3 gaps of 1.2 x 10 + 3 s, an idle tail of 10 s
    modal_s = 67 * 15 + 4 * 45 + 3 * 15 + 10
    # Vast.ai, 4 rentals: 640 s to ready, 20 s to load, 1 + 15 + 3 jobs, 120 s until gone; disk, 34.4 GB of files
    vast_s = 640 + 20 + 19 * 15 + 120
    network = 4 * Decimal("0.01") * Decimal("34.4")
    by_hand = modal_s * RATE + 4 * vast_s * Decimal("0.0006") + network
    assert float(found.usd) == pytest.approx(float(by_hand), rel=0.01)
    assert found.lasts == timedelta(seconds=modal_s)
    assert found.basis.startswith("Modal 15 s a job and 45 s to start (assumed) at $1.800 an hour; Vast.ai 15 s")


def test_assumed_seconds_grow_with_the_work(session: Session) -> None:
    small, large = (block_cost(session, plan(params=params).block) for params in ({"steps": 20}, {"steps": 40}))
    assert (large.lasts - small.lasts).total_seconds() == pytest.approx(67 * 15, rel=0.001)


def test_measured_seconds_take_the_place_of_assumed_ones(session: Session) -> None:
    run = launch(session, backends=["modal"], warm=9, cold=1)
    for place, job in enumerate(jobs_of(session, deployment(session, run, "modal"))):
        succeed(session, job, start_s=20 * place, kind=StartKind.WARM if place else StartKind.COLD)
    session.flush()
    asked = plan(params={"width": 512, "height": 512}, backends=["modal", "vast"])
    found = block_cost(session, asked.block)
    assert found.basis.startswith("Modal 10 s a job and 0 s to start (measured)")
    assert "Vast.ai" in found.basis.split(";")[1]
    assert "(assumed)" in found.basis.split(";")[1]
    elsewhere = block_cost(session, plan(backends=["modal", "vast"]).block)
    assert "(measured)" not in elsewhere.basis, "other settings tell nothing"


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"cap_usd": Decimal(20)}, ("can never finish within its budget", "20 blocks", "assumed", "$20.00")),
        ({"first_day": date(2026, 11, 22)}, ("22 Nov", "already", "2026-11-24 or later")),
        ({"first_day": date(2026, 11, 23)}, ("23 Nov", "already")),
        ({"warm": 3000, "cap_usd": Decimal(90_000)}, ("six hours",)),
        ({"cold": 3}, ("Vast.ai", "even")),
        ({"gpu": "H100"}, ("No price of Modal for H100", "L40S")),
        ({"backends": ["modal", "runpod"]}, ("No price of Runpod", "nothing yet")),
        ({"backends": ["modal", "fal"]}, ("no backend 'fal'",)),
    ],
)
def test_what_cannot_be_kept_is_refused_and_nothing_is_inserted(
    changes: dict[str, Any], words: tuple[str, ...], session: Session
) -> None:
    with pytest.raises(ScheduleError) as refusal:
        insert_schedule(session, plan(**changes), now=NOW)
    assert all(word in str(refusal.value) for word in words), str(refusal.value)
    assert session.exec(select(Block)).all() == []


@pytest.mark.parametrize(
    "changes",
    [{"days": 0}, {"days": 61}, {"days": 1.5}, {"blocks": 21}, {"blocks": 4}, {"seed": -1}, {"seed": 2**62},
     {"backends": ["runpod"]}, {"cold": 0}, {"repeats": 2}, {"cap_usd": Decimal("NaN")}],
)  # fmt: skip
def test_a_plan_that_makes_no_sense_is_refused_at_once(changes: dict[str, Any]) -> None:
    with pytest.raises(PlanError):
        plan(**changes)


def test_a_whole_schedule_that_just_fits_is_taken(session: Session) -> None:
    each = block_cost(session, plan().block).usd
    insert_schedule(session, plan(cap_usd=(20 * each).quantize(Decimal("0.01")) + Decimal("0.01")), now=NOW)
    with pytest.raises(ScheduleError):
        insert_schedule(session, plan(cap_usd=20 * each - Decimal("0.01")), now=NOW)


# ---------------------------------------------------------------- rows


@pytest.fixture
def made(session: Session) -> Schedule:
    """A schedule of 20 blocks from 24 November on."""
    return session.get_one(Schedule, insert_schedule(session, plan(note="why"), now=NOW))


def block(session: Session, number: int) -> Block:
    return session.exec(select(Block).where(Block.number == number)).one()


def test_the_run_of_a_block_is_the_plan_of_the_schedule(session: Session, made: Schedule) -> None:
    found = run_plan(session, made, block(session, 7), cap_usd=Decimal(3))
    assert (found.warm, found.cold, found.repeats, found.cap_usd) == (60, 4, 3, Decimal(3))
    assert (found.workflow, found.gpu, found.backends) == ("flux-dev", "L40S", ["modal", "vast"])
    assert found.note == f"schedule {made.id}, block 7, {block(session, 7).day_part}: why"


def test_a_move_changes_day_part_and_latest_start_and_keeps_seed_and_number(session: Session, made: Schedule) -> None:
    before = block(session, 3).model_dump()
    to = datetime(2026, 12, 5, 20, tzinfo=UTC)
    move(session, made.id, 3, to, now=NOW)
    after = block(session, 3)
    assert (after.day_part, after.starts_at, after.seed) == ("evening", to, before["seed"])
    assert after.latest_at + timedelta(seconds=made.plan["block_s"]) == datetime(2026, 12, 6, tzinfo=UTC)
    made.plan = {**made.plan, "block_s": 3 * 3600.0}
    with pytest.raises(ScheduleError, match="would not end within the evening"):
        move(session, made.id, 3, datetime(2026, 12, 5, 22, tzinfo=UTC), now=NOW)


def test_missed_blocks_get_the_next_free_day_part_of_their_kind_each_once(session: Session, made: Schedule) -> None:
    for number in (1, 5):
        block(session, number).status = BlockStatus.MISSED
    skip(session, made.id, 9, asked_by="ada")
    later = datetime(2026, 11, 26, 23, tzinfo=UTC)
    added = replan(session, made.id, now=later)
    assert [(each.number, each.day_part) for each in added] == [(21, "night"), (22, "night")]
    taken = [each.starts_at.date().day for each in added]
    assert taken == [29, 30], "27 and 28 November hold their own"
    assert [each.seed for each in added] == [block(session, number).seed for number in (1, 5)]
    with pytest.raises(ScheduleError, match="planned anew already"):
        replan(session, made.id, now=later)
    added[0].status = BlockStatus.MISSED
    assert [each.number for each in replan(session, made.id, now=added[0].latest_at)] == [23]
