"""Where a ruling turns: found by the rule, held to closed forms, and true a hundredth below and above."""

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial

import numpy as np
import pytest

from analysis.traffic.profile import MOST_PER_DAY, Curve
from analysis.verdict import levers as all_levers
from analysis.verdict.campaigns import BLOCKS, HALF_BLOCKS, Plan, Side, campaign
from analysis.verdict.card import Card, Margins
from analysis.verdict.cases import at_volume
from analysis.verdict.chance import chances
from analysis.verdict.evidence import Beside, Compared, ImageJudgement
from analysis.verdict.flips import FLIPS, Flip, flip, flips, table, tornado
from analysis.verdict.gates import Look, Money
from analysis.verdict.levers import Known, Lever, levers
from analysis.verdict.rule import Case, judge
from benchmarks.measured import FIRST, PINNED, Measured, frames
from words import Gate, Verdict

CARD = Card(workflows=("w",), candidates=("c",), traffic="known", one_off_hours=10)
KNOWN = Known(usd_per_hour=1.20, baseline_usd_per_hour=2.40, more_hours=2.0)


def case(saving: float, side: Side | None = None, *, seed: int = 5, plan: Plan = BLOCKS, looks: int = 3) -> Case:
    """Two hours of operations a month more than the baseline's, ten to move."""
    found = campaign(np.random.default_rng(seed), saving=saving, candidate=side or Side(), plan=plan)
    paid = [
        replace(look, money=replace(look.money, more_usd=200.0, one_off_usd=1000.0), cold_share_high=0.4)
        for look in found.looks
    ]
    return replace(found, looks=paid[:looks])


ONE_LOOK = case(0.4, looks=1)  # a GO
GOES = case(0.4)
STAYS = case(0.15, seed=8)  # not shown
WORSE = case(0.4, Side(slower=1.25))
RENTED = case(0.4, plan=HALF_BLOCKS)
SLOW_COLD = case(0.4, Side(cold=1.6))


def lever(of: Case, name: str, known: Known = KNOWN, card: Card = CARD) -> Lever:
    (found,) = (each for each in levers(card, of, known) if name in each.name)
    return found


def turned(of: Case, name: str, known: Known = KNOWN) -> Flip:
    return flip(CARD, of, lever(of, name, known))


def says(of: Case, changed: Lever, value: float) -> Verdict:
    card, mine = changed.change(CARD, of, value)
    return judge(card, [mine])[0].state


def limits(look: Look) -> tuple[float, float]:
    assert look.money.saving is not None
    return look.money.saving.limits(alpha=judge(CARD, [ONE_LOOK])[0].alpha)


@pytest.mark.parametrize(
    ("of", "state"),
    [
        (GOES, Verdict.GO),
        (STAYS, Verdict.NOT_SHOWN),
        (WORSE, Verdict.NO_GO),
        (RENTED, Verdict.GO),
        (SLOW_COLD, Verdict.NO_GO),
    ],
    ids=["goes", "stays", "worse", "rented", "cold"],
)
def test_the_rule_says_two_things_a_hundredth_below_and_above_each_flip(of: Case, state: Verdict) -> None:
    found = flips(CARD, of, levers(CARD, of, KNOWN))
    turning = [each for each in found if each.point is not None]

    assert {each.at_now.state for each in found} == {state}
    assert len(turning) >= (1 if state is Verdict.NO_GO else 4)
    for each in turning:
        below, above = (says(of, each.lever, (each.point or 0) * times) for times in (0.99, 1.01))
        near, far = (below, above) if each.point > each.lever.now else (above, below)
        assert (near, far) == (state, each.becomes), each.sentence


def test_where_nothing_turns_the_ends_say_the_same() -> None:
    found = flips(CARD, GOES, levers(CARD, GOES, KNOWN))
    still = [each for each in found if each.point is None]

    assert still
    for each in still:
        assert {each.at_low.state, each.at_now.state, each.at_high.state} == {Verdict.GO}
        assert "holds with" in each.sentence


def test_the_price_turns_where_the_limit_of_the_saving_is_what_the_card_asks_for() -> None:
    """1 - (1 - L) f = 0.10, of one look; and then more can be shown at the next."""
    low = limits(ONE_LOOK.looks[0])[0]
    free = replace(ONE_LOOK, looks=[_paying(ONE_LOOK.looks[0], more_usd=-1e6)])
    found = turned(free, "price of c")

    assert found.point == pytest.approx(1.20 * 0.9 / (1 - low), rel=2e-3)
    assert found.becomes is Verdict.INSUFFICIENT
    assert found.sentence == f"GO flips to INSUFFICIENT if the price of c rises above ${found.point:.3f} an hour."
    assert found.at_now.saving == pytest.approx(ONE_LOOK.looks[0].money.saving.point)
    assert found.at_high.saving == pytest.approx(1 - 2 * (1 - found.at_now.saving))


def test_the_price_of_the_baseline_moves_the_saving_and_its_dollars() -> None:
    low = limits(ONE_LOOK.looks[0])[0]
    month = ONE_LOOK.looks[0].money.baseline_usd
    free = replace(ONE_LOOK, looks=[_paying(ONE_LOOK.looks[0], more_usd=-1e6)])
    found = turned(free, "price of Modal")

    assert found.point == pytest.approx(2.40 * (1 - low) / 0.9, rel=2e-3)
    saving = 1 - (1 - found.at_now.saving) / 2
    assert found.at_high.net_usd == pytest.approx(saving * month * 2 + 1e6)


def _paying(look: Look, **values: float) -> Look:
    return replace(look, money=replace(look.money, **values))


@pytest.mark.parametrize("name", ["cost of its operations", "work of moving", "hour costs"])
def test_what_people_cost_turns_it_where_it_no_longer_pays_back_in_time(name: str) -> None:
    """12 (L base - operations) = what the move costs once, with the one that is changed."""
    low, money = limits(ONE_LOOK.looks[0])[0], ONE_LOOK.looks[0].money
    gross = low * money.baseline_usd
    expected = {
        "cost of its operations": gross - 1000 / 12,
        "work of moving": 12 * (gross - 200) / 100,
        "hour costs": 12 * gross / (12 * 2 + 10),
    }[name]
    found = turned(ONE_LOOK, name)

    assert found.point == pytest.approx(expected, rel=2e-3)
    assert found.becomes is Verdict.INSUFFICIENT


def test_a_fee_beside_the_hours_does_not_rise_with_what_an_hour_costs() -> None:
    look = ONE_LOOK.looks[0]
    of = replace(ONE_LOOK, looks=[_paying(look, more_usd=250.0)])
    _, mine = lever(of, "hour costs").change(CARD, of, 150.0)

    assert mine.looks[0].money.more_usd == 250 + 2 * 50
    assert mine.looks[0].money.one_off_usd == 10 * 150


@pytest.mark.parametrize("gate", [Gate.WARM_P95, Gate.COLD, Gate.SAVING, Gate.SUCCESS, Gate.STALLS])
def test_a_margin_turns_it_at_the_limit_of_its_gate(gate: Gate) -> None:
    name = {
        Gate.WARM_P95: "margin of warm p95", Gate.COLD: "margin of cold", Gate.SAVING: "saving that has",
        Gate.SUCCESS: "success", Gate.STALLS: "stall share",
    }[gate]  # fmt: skip
    judged = judge(CARD, [ONE_LOOK])[0].of(gate)
    limit = {
        Gate.SAVING: judged.estimate.limits.low,
        Gate.SUCCESS: -judged.estimate.limits.low,
    }.get(gate, judged.estimate.limits.high)
    found = turned(ONE_LOOK, name)

    assert judged.passes
    assert found.point == pytest.approx(limit, rel=2e-3)
    assert not found.lever.typed


def test_a_higher_saving_than_was_planned_for_may_be_asked_for() -> None:
    card, _ = lever(ONE_LOOK, "saving that has").change(CARD, ONE_LOOK, 0.55)

    assert (card.margins.saving, card.margins.target_saving) == (0.55, 0.775)
    assert replace(card.margins, saving=0.1, target_saving=0.2) == Margins()


def test_slow_boots_stop_mattering_where_almost_no_request_is_cold() -> None:
    shown = replace(SLOW_COLD, looks=[replace(look, candidate=_no_harm(look)) for look in SLOW_COLD.looks])
    found = turned(shown, "cold share")

    assert found.at_now.state is Verdict.NO_GO
    assert found.point == pytest.approx(CARD.minima.cold_share, rel=2e-3)
    assert found.becomes is Verdict.GO


def _no_harm(look: Look):
    """Over all jobs the cold ones are as the baseline's, so that the gate alone decides."""
    return replace(look.candidate, cold=look.baseline.cold)


def test_what_is_not_known_is_no_lever() -> None:
    untold = replace(ONE_LOOK, looks=[replace(_paying(ONE_LOOK.looks[0], more_usd=None), cold_share_high=None)])
    names = [each.name for each in levers(CARD, untold, Known())]

    assert [each for each in names if "price" in each or "volume" in each or "operations" in each] == []
    assert not any("cold share" in each or "hour costs" in each for each in names)
    assert levers(CARD, replace(ONE_LOOK, looks=[]), KNOWN) == []
    for half in (Known(per_day=480.0), Known(at_volume=lambda _: ONE_LOOK)):
        assert not any("volume" in each.name for each in levers(CARD, ONE_LOOK, half))


def test_a_saving_that_is_not_known_is_moved_by_no_price() -> None:
    unknown = replace(GOES, looks=[_paying(look, saving=None, baseline_usd=None) for look in GOES.looks])
    found = [turned(unknown, name) for name in ("price of c", "price of Modal")]

    assert [(each.point, each.at_now.saving, each.at_low.net_usd, each.width_usd) for each in found] == [
        (None, None, None, 0.0)
    ] * 2


def test_nothing_turns_what_is_blocked() -> None:
    stopped = replace(GOES, blocked=["The bill does not add up."])
    known = replace(KNOWN, per_day=480.0, at_volume=lambda _: GOES)

    assert {each.point for each in flips(CARD, stopped, levers(CARD, stopped, known))} == {None}


def test_a_candidate_beside_others_is_held_to_more() -> None:
    """Beside one that stays it has half of alpha, so it turns at a lower price."""
    price = lever(GOES, "price of c")
    alone, beside = flip(CARD, GOES, price), flip(CARD, GOES, price, [replace(STAYS, candidate="d")])

    assert beside.point < alone.point * 0.999


def test_what_a_person_typed_is_ordered_by_how_far_it_moves_the_first_year() -> None:
    found = flips(CARD, GOES, levers(CARD, GOES, KNOWN))
    rows = tornado(found)
    widths = [each.width_usd for each in rows]

    assert widths == sorted(widths, reverse=True)
    assert {each.lever.typed for each in rows} == {True}
    assert len(rows) == 5
    ops = next(each for each in rows if "operations" in each.lever.name)
    assert ops.width_usd == pytest.approx(12 * 20 * 100)
    once = next(each for each in rows if "moving" in each.lever.name)
    assert once.width_usd == pytest.approx((40 - 2.5) * 100)
    assert once.at_low.saving == once.at_high.saving == GOES.looks[0].money.saving.point
    assert once.at_now.year_usd == pytest.approx(12 * once.at_now.net_usd - 1000)


def test_they_are_a_table_for_charts() -> None:
    found = flips(CARD, GOES, levers(CARD, GOES, KNOWN))
    rows = table(found)

    assert rows.schema == FLIPS
    first = rows.row(0, named=True)
    assert (first["lever"], first["now"], first["flip"]) == ("the price of c", 1.2, found[0].point)
    assert (first["short"], first["now_text"]) == ("Price of c", "$1.200 an hour")
    assert first["range_text"] == "$0.600 an hour to $2.400 an hour"
    assert first["flip_text"] == f"${found[0].point:.3f} an hour"
    assert {row["flip_text"] is None for row in rows.to_dicts() if row["flip"] is None} == {True}
    assert (first["state"], first["becomes"]) == ("go", found[0].becomes.value)
    assert first["net_usd_low"] == found[0].at_low.net_usd
    assert first["year_usd_high"] == found[0].at_high.year_usd
    assert first["net_usd_low"] > first["net_usd"] > first["net_usd_high"]


# ---------------------------------------------------------------- volume


def _scaled(of: Case, calls: list[float]) -> Callable[[float], Case]:
    """Cost of an image the same at every volume, so that only the dollars move."""

    def at(per_day: float) -> Case:
        calls.append(per_day)
        times = per_day / 480
        return replace(
            of, looks=[_paying(look, baseline_usd=look.money.baseline_usd * times) for look in of.looks]
        )  # fmt: skip

    return at


def test_the_volume_turns_it_where_the_saving_no_longer_pays_for_its_operations() -> None:
    calls: list[float] = []
    known = replace(KNOWN, per_day=480.0, at_volume=_scaled(ONE_LOOK, calls))
    found = turned(ONE_LOOK, "volume", known)
    gross = limits(ONE_LOOK.looks[0])[0] * ONE_LOOK.looks[0].money.baseline_usd

    assert found.point == pytest.approx(480 * (200 + 1000 / 12) / gross, rel=2e-3)
    assert "if the volume falls below" in found.sentence
    assert len(calls) == len(set(calls)) <= 24  # each volume is replayed once
    assert 480.0 not in calls


PLAN = Plan(blocks=12, warm=16, cold=4)
OF = "flux-dev"


def test_a_volume_is_replayed_on_what_was_measured() -> None:
    """Half the price saves hundreds a month at 1,000 a day; at 30 it does not pay for 60 dollars of operations."""
    cheap = Measured(backend="runpod", side=Side(success=0.999), nano_per_s=330_000)
    measured = frames(np.random.default_rng(3), [Measured(backend="modal", side=Side(success=0.999)), cheap], plan=PLAN)
    beside = Beside(
        traffic={OF: Curve(per_day=1000)},
        at=FIRST + timedelta(days=9),
        ops_usd={"modal": 0.0, "runpod": 60.0},
        images={(OF, "runpod"): ImageJudgement(quality="alike", why="alike")},
        licensed=(OF,),
        requests=9000,
    )
    card = Card(workflows=(OF,), candidates=("runpod",), traffic="t", pins={OF: PINNED}, one_off_hours=0)
    compared = Compared(card, measured, beside, OF, "runpod")
    now, few = (at_volume(compared, per_day, requests=2000) for per_day in (1000, 30))
    worth = [judge(card, [each])[0].of(Gate.WORTH) for each in (now, few)]

    assert now.looks[0].money.baseline_usd > 3 * few.looks[0].money.baseline_usd
    assert [each.passes for each in worth] == [True, False]
    assert at_volume(compared, 1000).looks[0].money == compared.looks()[0].money != now.looks[0].money
    assert (few.blocked, few.seen) == ([], 12)


# ---------------------------------------------------------------- chances


@pytest.mark.parametrize("of", [GOES, STAYS, RENTED])
@pytest.mark.parametrize("target", [0.05, 0.1, 0.2, 0.4])
def test_drawn_chances_agree_with_the_closed_form(of: Case, target: float) -> None:
    money = of.looks[-1].money
    found = chances(money, target=target, payback_months=12)
    exact = money.saving.chance_above(target)

    assert found.draws == 100_000
    assert abs(found.above_target - exact) <= 4 * math.sqrt(max(exact * (1 - exact), 1e-5) / found.draws)


def test_what_remains_and_pays_back_is_a_saving_above_its_dollars() -> None:
    money = replace(STAYS.looks[-1].money, more_usd=60.0, one_off_usd=600.0)
    found = chances(money, target=0.1, payback_months=12)
    ask = partial(pytest.approx, abs=4 * found.error(0.5))

    assert found.above_zero == ask(money.saving.chance_above(60 / money.baseline_usd))
    assert found.pays_back == ask(money.saving.chance_above(110 / money.baseline_usd))
    assert found.pays_back < found.above_zero


@pytest.mark.parametrize("left", ["slack", "worse"])
def test_what_bills_or_settings_leave_open_counts_against_it(left: str) -> None:
    money = STAYS.looks[-1].money
    open_ = replace(money, saving=replace(money.saving, **{left: 0.05}))
    worst = replace(money.saving, theta=money.saving.theta + 0.05)

    assert chances(open_, target=0.1, payback_months=12).above_target == pytest.approx(
        worst.chance_above(0.1), abs=0.007
    )


def test_chances_of_what_is_not_known_are_not_told() -> None:
    unknown = Money(saving=None, baseline_usd=None)
    untimed = replace(GOES.looks[0].money, more_usd=None)

    assert chances(unknown, target=0.1, payback_months=12) is None
    assert chances(untimed, target=0.1, payback_months=12).above_zero is None
    assert chances(untimed, target=0.1, payback_months=12).pays_back is None


def test_the_same_seed_draws_the_same_chances() -> None:
    money = STAYS.looks[-1].money
    ask = partial(chances, money, target=0.1, payback_months=12, draws=1000)

    assert ask(seed=2) == ask(seed=2) != ask(seed=3)


def test_every_lever_is_between_its_ends() -> None:
    known = replace(KNOWN, per_day=480.0, at_volume=lambda _: GOES)
    found = levers(CARD, GOES, known)

    assert len(found) == 13
    assert len({each.short for each in found}) == 13
    busy = levers(CARD, GOES, replace(known, per_day=MOST_PER_DAY / 2))
    assert next(each for each in busy if each.short == "Volume").high == MOST_PER_DAY
    assert all(each.low <= each.now <= each.high and each.low < each.high for each in found)
    assert all_levers.usd_text(-1234.4) == "-$1,234"
    assert all_levers.usd_text(-0.4) == "$0"
