"""What a case rests on beside its looks: prices that turn it, other volumes, what knowing more costs."""

from copy import copy
from dataclasses import replace
from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from analysis.traffic.breakeven import Curves
from analysis.traffic.profile import Curve
from analysis.verdict import volumes
from analysis.verdict.buying import buy_next
from analysis.verdict.campaigns import Plan, Side
from analysis.verdict.card import Card
from analysis.verdict.cases import case, pairs
from analysis.verdict.document import document, shown
from analysis.verdict.evidence import Beside, Compared
from analysis.verdict.flips import Flip, table
from analysis.verdict.frozen import Facts, Snapshot, freeze, thaw
from analysis.verdict.rests import rests
from analysis.verdict.rule import judge
from analysis.verdict.turns import by_volume, explained, turns
from benchmarks.measured import FIRST, PINNED, RATE_NANO, Measured, frames

OF, OURS = "flux-dev", 1000.0
CARD = Card(workflows=(OF,), candidates=("runpod", "vast"), traffic="t", pins={OF: PINNED}, one_off_hours=8.0)
HOURS = {"modal": 2.0, "runpod": 3.5, "vast": None}


@pytest.fixture(scope="module")
def compared() -> list[Compared]:
    """Twelve blocks; Runpod asks half the price for the same work, Vast.ai is slower on two hosts a block."""
    arms = [
        Measured(backend="modal", side=Side(success=0.999)),
        Measured(backend="runpod", side=Side(success=0.999), nano_per_s=RATE_NANO["modal"] // 2),
        Measured(backend="vast", side=Side(slower=1.4), parts=2),
    ]
    found = frames(np.random.default_rng(3), arms, plan=Plan(blocks=12, warm=16, cold=4))
    beside = Beside(
        traffic={OF: Curve(per_day=OURS)},
        at=FIRST + timedelta(days=9),
        ops_usd={name: None if hours is None else hours * 100 for name, hours in HOURS.items()},
        ops_hours=HOURS,
        licensed=(OF,),
        requests=2000,
    )
    return pairs(CARD, found, beside)


@pytest.fixture(scope="module")
def snapshot(compared: list[Compared]) -> Snapshot:
    facts = Facts(
        at=FIRST, jobs=720, blocks=12, days=3, spent_usd=9.0, final_share=1.0, version=1, locked_at=FIRST,
        locked_by="ana", rests=[rests(each) for each in compared],
        images_per_month={OF: OURS * 30}, volumes=[{"workflow": OF, "option": "Modal"}],
    )  # fmt: skip
    return Snapshot(card=CARD, cases=[case(each, []) for each in compared], facts=facts)


@pytest.fixture(scope="module")
def turned(snapshot: Snapshot) -> list[Flip]:
    return turns(snapshot, 0)


def test_prices_windows_and_a_block_are_as_they_were_measured(snapshot: Snapshot) -> None:
    runpod, vast = snapshot.facts.rests

    assert runpod.baseline.usd_per_hour == pytest.approx(RATE_NANO["modal"] * 3600 / 1e9)
    assert vast.candidate.usd_per_hour == pytest.approx(RATE_NANO["vast"] * 3600 / 1e9)
    assert (runpod.candidate.meter.probe_window_s, vast.candidate.meter.probe_window_s) == (10, 0)
    assert runpod.candidate.meter.service_s == pytest.approx(9, rel=0.1)
    assert (runpod.warm, runpod.cold, runpod.parts, vast.parts) == (16, 4, 1, 2)
    assert (runpod.per_day, runpod.more_hours, vast.more_hours) == (OURS, 1.5, None)
    assert runpod.known().usd_per_hour == runpod.candidate.usd_per_hour < runpod.known().baseline_usd_per_hour


def test_what_was_never_measured_has_no_price_and_no_plan(compared: list[Compared]) -> None:
    gone = replace(compared[0], frames=compared[0].frames.of([], []))
    found = rests(gone)

    assert (found.pair, found.plan, found.known().usd_per_hour) == (None, None, None)
    assert replace(found, warm=3).plan is None


def test_it_is_kept_in_a_snapshot_for_ever(snapshot: Snapshot, turned: list[Flip]) -> None:
    again = thaw(freeze(snapshot))

    assert again.facts.rests == snapshot.facts.rests
    assert explained(again, digest="7f3a") == document(snapshot, digest="7f3a") | {"turns": table(turned).to_dicts()}
    assert document(again)["volumes"] == [{"workflow": OF, "option": "Modal"}]


def test_a_snapshot_of_before_has_no_prices_to_turn(snapshot: Snapshot, turned: list[Flip]) -> None:
    """Frozen before it held them: it still judges, without a lever of price and without a price of knowing more."""
    bare = replace(snapshot, facts=replace(snapshot.facts, rests=()))

    assert [each for each in turned if "price" in each.lever.name]
    assert not [each for each in turns(bare, 0) if "price" in each.lever.name]
    assert by_volume(bare, 0, lambda _: bare.cases[0]) is None
    assert [row["buy"] for row in document(bare)["candidates"]] == [None, None]


def test_prices_are_among_what_turns_it_and_hold_on_both_sides(snapshot: Snapshot, turned: list[Flip]) -> None:
    """Beside the other candidate, which shares its alpha."""
    price = {each.lever.short: each for each in turned}["Price of Runpod"]
    states = []
    for times in (0.99, 1.01):
        card, mine = price.lever.change(CARD, snapshot.cases[0], price.point * times)
        states.append(judge(card, [mine, snapshot.cases[1]])[0].state)

    assert price.point > price.lever.now == snapshot.facts.rests[0].candidate.usd_per_hour
    assert states == [price.at_now.state, price.becomes]
    assert price.at_now.state is not price.becomes


def test_the_volume_is_tried_up_to_what_turns_it(snapshot: Snapshot) -> None:
    """Below so many requests a day nobody saves anything in this world."""
    of, asked = snapshot.cases[0], []

    def at(per_day: float) -> type(of):
        asked.append(per_day)
        poorer = [replace(look, money=replace(look.money, baseline_usd=0.0)) for look in of.looks]
        return of if per_day > 600 else replace(of, looks=poorer)

    found = by_volume(snapshot, 0, at)

    assert found.point == pytest.approx(600, rel=2e-3)
    assert min(asked) == pytest.approx(OURS / 5)
    assert found.sentence.endswith("if the volume falls below 600 requests a day.")


def test_what_knowing_more_costs_is_in_the_document(snapshot: Snapshot) -> None:
    found, rested = document(snapshot), snapshot.facts.rests[0]
    row = found["candidates"][0]
    bought = buy_next(CARD, snapshot.cases[0], judge(CARD, snapshot.cases)[0], rested.pair, rested.plan)

    assert row["state"] == "insufficient"
    assert (row["buy"]["usd"], row["buy"]["jobs"]) == (bought.usd, bought.jobs.count)
    assert [step["gate"] for step in row["buy"]["steps"]] == [step.gate.value for step in bought.steps]
    assert row["one_off_usd"] == CARD.one_off_hours * 100
    assert shown(found) == 0


def test_a_reader_first_asks_of_what_moves_then_of_what_is_open(snapshot: Snapshot) -> None:
    said = document(snapshot)
    closed = [{**row, "state": state} for row, state in zip(said["candidates"], ("no_go", "not_shown"), strict=True)]
    moved = [{"workflow": OF, "state": "go", "destination": "vast"}]

    assert shown({**said, "candidates": closed}) == 1
    assert shown({**said, "workflows": moved}) == 1
    assert shown({**said, "candidates": [{**row, "state": "no_go"} for row in closed]}) == 0


# ---------------------------------------------------------------- other volumes


@pytest.fixture(scope="module")
def drawn(compared: list[Compared]) -> Curves:
    found = volumes.volumes(compared)
    assert found is not None
    return found


def test_costs_are_drawn_from_a_fifth_of_our_volume_to_five_times_as_much(drawn: Curves) -> None:
    at = drawn.curves["per_day"].unique(maintain_order=True).to_list()

    assert at[volumes.POINTS - 1] == OURS
    assert (at[0], at[-1], len(at)) == (pytest.approx(OURS / 5), pytest.approx(OURS * 5), 2 * volumes.POINTS - 1)
    assert [option.name for option in drawn.options] == ["Modal", "Runpod", "Vast.ai"]


def test_each_is_drawn_at_the_setting_that_decides(compared: list[Compared], drawn: Curves) -> None:
    last = compared[0].last

    assert drawn.options[0].setting == last.base.setting
    assert drawn.options[1].setting == last.best.setting
    rows = [row for row in volumes.rows(compared, drawn) if row["per_day"] == OURS]
    assert rows[0]["usd_per_image_nano"] == pytest.approx(last.base.month.nano_per_image, rel=0.02)
    assert all(row["usd_per_image_low_nano"] < row["usd_per_image_nano"] for row in rows)


def test_whose_settings_all_may_be_slower_is_said(compared: list[Compared], drawn: Curves) -> None:
    serves = {row["option"]: row["serves"] for row in volumes.rows(compared, drawn)}

    assert serves == {
        "Modal": True,
        **{name: each.last.best is not None for name, each in zip(("Runpod", "Vast.ai"), compared, strict=True)},
    }
    none = [compared[0], copy(compared[1])]
    none[1].__dict__["last"] = replace(compared[1].last, best=None)  # as it is kept once it was replayed
    assert not any(row["serves"] for row in volumes.rows(none, drawn) if row["option"] == "Vast.ai")


def test_before_the_first_look_there_is_no_curve(compared: list[Compared]) -> None:
    early = [replace(each, card=replace(CARD, looks=(16, 20), looks_rented=(40, 80))) for each in compared]

    assert volumes.volumes(early) is None


def test_the_jobs_of_a_block_are_rounded_up(compared: list[Compared]) -> None:
    """Where one warm job of each arm is gone, a plan has a job more rather than one less."""
    of = compared[0]
    kept = of.frames.jobs.filter(~((pl.col("block_id") == 1) & (pl.col("position") == 0)))

    assert rests(replace(of, frames=replace(of.frames, jobs=kept))).warm == 16
