"""What to buy next: chances against worked values, prices, order, when to stop, and that buying it settles the case."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.special import ndtr, ndtri, stdtrit

from analysis import stats
from analysis.estimates import Estimate
from analysis.looks import alphas
from analysis.stats import Limits
from analysis.verdict.buying import MONTHS, Purchase, _worth, buy_next
from analysis.verdict.campaigns import BLOCKS, HALF_BLOCKS, Side
from analysis.verdict.gates import Judged, Money, gates
from analysis.verdict.prospects import Prospects
from analysis.verdict.rule import Case, Ruling, rule
from benchmarks.buying import CARD, ENDPOINT, MARKET, PAIR, Row, _drawn, main, measure, rows
from words import Gate, Verdict


def case(saving: float, side: Side = ENDPOINT, *, seed: int = 1, looks: int = 1, row: Row | None = None) -> Case:
    of = row or Row(world="w", saving=saving, candidate=side)
    found = _drawn(np.random.default_rng(seed), of, of.plan)
    return replace(found, looks=found.looks[:looks])


def asked(of: Case, **changed: Any) -> tuple[Ruling, Purchase | None]:
    mine = replace(of, looks=[replace(look, **changed) for look in of.looks])
    ruling = rule(CARD, mine, alpha=CARD.alpha)
    return ruling, buy_next(CARD, mine, ruling, PAIR, HALF_BLOCKS if of.rented else BLOCKS)


def open_case(saving: float = 0.2, side: Side = ENDPOINT, *, wants: Callable[[Purchase], bool] = bool) -> Case:
    """The first that is undecided after its first look, with such a purchase."""
    return next(
        found
        for seed in range(1, 80)
        if (purchase := asked(found := case(saving, side, seed=seed))[1]) is not None and wants(purchase)
    )


def prospects(of: Case, **changed: Any) -> Prospects:
    ruling, _ = asked(of, **changed)
    return Prospects(card=CARD, look=replace(of.looks[-1], **changed), ruling=ruling, last=20)


OPEN = open_case(wants=lambda found: found.jobs is not None and not found.jobs.anew)


# ---------------------------------------------------------------- chances


def judged(gate: Gate, z: float, *, alpha: float, margin: float, half: float, least: bool, **more: Any) -> Judged:
    """An estimate so many standard errors on the good side of its margin, its limits at alpha."""
    ahead = z * half / -float(ndtri(alpha))
    point = margin + ahead if least else margin - ahead
    found = Estimate(point=point, limits=Limits(point - half, point + half), n=720, blocks=12)
    return Judged(gate=gate, estimate=found, margin=margin, least=least, passes=None, **more)


def at(z: float, t: float, c: float, *, gate: Gate = Gate.STALLS, least: bool = False) -> Prospects:
    """One gate whose statistic is z at the share t of a plan with the constant c."""
    alpha = float(ndtr(-c / math.sqrt(t)))
    found = judged(gate, z, alpha=alpha, margin=0.03, half=0.01, least=least)
    ruling = replace(asked(OPEN)[0], gates=[found], alpha=alpha)
    return Prospects(card=CARD, look=OPEN.looks[0], ruling=ruling, last=round(12 / t))


@pytest.mark.parametrize(("z", "t", "c", "chance"), [(1.5, 0.6, 1.746, 0.5922), (2.0, 0.5, 1.678, 0.8750)])
@pytest.mark.parametrize(("gate", "least"), [(Gate.STALLS, False), (Gate.SUCCESS, True)])
def test_a_gate_passes_at_the_end_with_the_worked_chance(
    z: float, t: float, c: float, chance: float, gate: Gate, least: bool
) -> None:
    found = at(z, t, c, gate=gate, least=least)
    seen = found.z(found.ruling.gates[0])

    assert (seen.passes, seen.harm) == (pytest.approx(z), pytest.approx(-z))
    assert found.c == pytest.approx(c)
    assert found.at_end(seen.passes) == pytest.approx(chance, abs=5e-5)
    harm = found.at_end(-z)
    assert found.settles(found.at_end) == pytest.approx(chance + harm, abs=5e-5)


def test_more_blocks_anew_tell_more_and_at_last_what_is_likely_now() -> None:
    found = at(1.5, 0.6, 1.746)
    chances = [found.anew(blocks)(1.5) for blocks in (12, 24, 48, 1e9)]

    assert chances == sorted(chances)
    assert chances[0] == pytest.approx(float(ndtr((1.5 - 1.746) / math.sqrt(2))), abs=1e-6)
    assert chances[-1] == pytest.approx(float(ndtr(1.5)), abs=1e-3)


def test_a_statistic_passes_its_gate_exactly_where_the_rule_does() -> None:
    """Of every gate of undecided, good and bad cases: z above the look's bound, and only then."""
    seen = {True: 0, False: 0}
    for side in (ENDPOINT, MARKET[0.06], replace(ENDPOINT, success=0.96), replace(ENDPOINT, slower=1.08)):
        for seed in range(1, 9):
            for look in case(0.2, side, seed=seed, looks=3).looks:
                alpha = alphas(CARD.looks)[0]
                of = gates(CARD, look, alpha=alpha)
                ruling = replace(asked(OPEN)[0], gates=of, alpha=alpha)
                found = Prospects(card=CARD, look=look, ruling=ruling, last=20)
                for each in of:
                    z = found.z(each)
                    if z is not None:
                        assert (z.passes > -ndtri(alpha)) == bool(each.passes)
                        assert (z.harm > -ndtri(alpha)) == each.harm
                        seen[bool(each.passes)] += 1
    assert min(seen.values()) > 50


def test_a_ratio_is_held_on_its_logarithm_and_a_saving_on_its_own() -> None:
    found = prospects(OPEN)
    alpha = found.ruling.alpha
    saving, p95 = found.ruling.of(Gate.SAVING), found.ruling.of(Gate.WARM_P95)
    of = OPEN.looks[0].money.saving
    t = float(stdtrit(of.df, 1 - alpha))

    assert found.z(saving).passes == pytest.approx(-ndtri(alpha) / t * (math.log(0.9) - of.theta) / of.se)
    point, high = p95.estimate.point, p95.estimate.limits.high
    expected = -ndtri(alpha) * math.log(1.10 / point) / math.log(high / point)
    assert found.z(p95).passes == pytest.approx(expected)


def test_what_failed_more_than_one_job_in_twenty_surely_fails_its_p95() -> None:
    endless = Estimate(point=math.inf, limits=Limits(1.2, math.inf), n=720, blocks=12)
    unknown = Estimate(point=1.0, limits=Limits(0.9, math.inf), n=720, blocks=12)
    found = at(1.5, 0.6, 1.746)
    ratio = Judged(gate=Gate.WARM_P95, estimate=endless, margin=1.1, least=False, passes=None)

    assert found.z(ratio).passes == -math.inf
    assert found.at_end(-math.inf) == 0
    assert found.z(replace(ratio, estimate=unknown)).passes == 0


def test_a_gate_without_limits_or_that_does_not_bind_has_no_say() -> None:
    found = at(1.5, 0.6, 1.746)
    (stalls,) = found.ruling.gates
    withheld = replace(stalls, gate=Gate.SUCCESS, estimate=Estimate(point=0.0, n=80, blocks=12, needs_jobs=20))
    idle = replace(stalls, gate=Gate.COLD, passes=True, why="almost no request would be cold")
    more = replace(found, ruling=replace(found.ruling, gates=[stalls, withheld, idle]))

    assert found.z(withheld) is None
    assert more.settles(more.at_end) == found.settles(found.at_end)
    assert more.guards_hold() == pytest.approx(float(ndtr(1.5)))
    assert replace(found, ruling=replace(found.ruling, gates=[withheld])).settles(found.at_end) is None


def test_hours_are_those_of_the_slower_arm_and_jobs_of_both() -> None:
    found = asked(OPEN)[1]
    jobs, slower = found.jobs, max(PAIR.candidate, PAIR.baseline, key=lambda arm: arm.block_s(60, 4))

    assert jobs.count == jobs.blocks * 2 * (jobs.plan.warm + jobs.plan.cold)
    assert found.hours == pytest.approx(jobs.blocks * slower.block_s(jobs.plan.warm, jobs.plan.cold) / 3600)
    assert all(0 < step.hours <= found.hours for step in found.steps)
    undecided = asked(OPEN, quality="undecided")[1]
    (votes,) = (step for step in undecided.steps if step.gate is Gate.QUALITY)
    assert votes.hours == pytest.approx(230 * 10 / 3600)
    assert votes.usd == pytest.approx(votes.hours * CARD.hourly_usd)
    assert undecided.hours == pytest.approx(found.hours + votes.hours)


# ---------------------------------------------------------------- worth


@pytest.mark.parametrize(("mean", "sd", "worth"), [(200, 400, 79.12 + 200), (-500, 400, 20.23)])
def test_knowing_is_worth_what_may_be_gained_where_nothing_else_is_in_doubt(
    mean: float, sd: float, worth: float
) -> None:
    """Staying gains nothing, so it is the EVPI, and what seems likely to be gained with it."""
    base, share = 1000.0, 0.2
    se = sd / (MONTHS * base * (1 - share))
    money = Money(
        saving=stats.Saving(theta=math.log(1 - share), se=se, df=11),
        baseline_usd=base,
        more_usd=50.0,
        one_off_usd=MONTHS * (share * base - 50) - mean,
    )
    found = prospects(OPEN)
    alone = replace(
        found, look=replace(found.look, money=money), ruling=replace(found.ruling, gates=[])
    )  # fmt: skip

    assert _worth(alone) == pytest.approx(worth, abs=5e-3)
    guard = judged(Gate.STALLS, 1.0, alpha=found.ruling.alpha, margin=0.03, half=0.01, least=False)
    doubted = replace(alone, ruling=replace(found.ruling, gates=[guard]))
    assert _worth(doubted) == pytest.approx(_worth(alone) * float(ndtr(1.0)))


@pytest.mark.parametrize("unknown", [{"saving": None}, {"baseline_usd": None}, {"more_usd": None}])
def test_the_worth_of_what_has_no_price_is_not_known(unknown: dict[str, None]) -> None:
    look = replace(OPEN.looks[0], money=replace(OPEN.looks[0].money, **unknown))

    assert _worth(replace(prospects(OPEN), look=look)) is None


def test_what_costs_more_than_it_is_worth_is_not_bought() -> None:
    ruling, found = asked(OPEN)
    few = OPEN.looks[0].money.baseline_usd / 1000
    poor = replace(OPEN.looks[0].money, baseline_usd=few, more_usd=0.0, one_off_usd=0.0)
    _, nothing = asked(OPEN, money=poor)

    assert ruling.state is Verdict.INSUFFICIENT
    assert found.buys
    assert found.usd < found.worth_usd
    assert not nothing.buys
    assert nothing.usd > nothing.worth_usd
    assert nothing.sentence == (
        f"Knowing more costs about ${nothing.usd:,.0f} and is worth ${nothing.worth_usd:,.0f} at most: stay."
    )


# ---------------------------------------------------------------- what is named


def test_what_is_decided_needs_nothing() -> None:
    ruling, found = asked(case(0.0))

    assert (ruling.state, found) == (Verdict.NOT_WORTH_IT, None)


def test_before_the_first_look_its_blocks_are_named() -> None:
    _, found = asked(replace(case(0.2), looks=[], seen=7))

    assert (found.jobs.blocks, found.jobs.anew, found.chance, found.worth_usd) == (5, False, None, None)
    assert found.usd == pytest.approx(5 * PAIR.block_usd(60, 4))
    assert found.sentence == f"5 more blocks: about ${found.usd:,.0f}, 2 days."


def test_the_rest_of_the_card_is_bought_where_it_likely_settles_it() -> None:
    _, found = asked(OPEN)

    assert (found.jobs.blocks, found.jobs.plan, found.jobs.anew, found.days) == (8, BLOCKS, False, 2)
    assert found.usd == pytest.approx(8 * PAIR.block_usd(60, 4))
    assert 0.5 <= found.chance <= 1
    assert found.sentence == f"8 more blocks: about ${found.usd:,.0f}, 2 days, settles it with {found.chance:.0%}."
    assert all(step.chance == pytest.approx(_end_chance(step.gate)) for step in found.steps)


def _end_chance(gate: Gate) -> float:
    found = prospects(OPEN)
    return found.at_end(found.z(found.ruling.of(gate)).passes)


def test_gates_are_finished_in_the_order_of_price_over_the_chance_to_fail() -> None:
    of = open_case(0.18, replace(MARKET[0.06], icc=0.03), wants=lambda found: len(found.steps) > 2)
    _, found = asked(of)
    ratios = [step.usd / (1 - step.chance) for step in found.steps]

    assert ratios == sorted(ratios)
    assert all(step.usd <= found.usd + 1e-9 for step in found.steps)


def test_a_gate_alone_needs_only_its_own_jobs() -> None:
    jobs = {}
    for seed in range(1, 60):
        purchase = asked(case(0.16, replace(MARKET[0.06], cold=1.1), seed=seed))[1]
        if purchase is not None and purchase.jobs is not None and not purchase.jobs.anew:
            jobs |= {step.gate: step for step in purchase.steps}

    assert jobs[Gate.COLD].usd == pytest.approx(8 * 4 * PAIR.cold_usd)
    assert jobs[Gate.COLD].what == "32 cold jobs more on each side"
    assert jobs[Gate.WARM_P95].usd == pytest.approx(8 * PAIR.block_usd(60, 0))
    assert jobs[Gate.WARM_P95].what == "480 warm jobs more on each side"
    assert jobs[Gate.SAVING].usd == jobs[Gate.SUCCESS].usd == pytest.approx(8 * PAIR.block_usd(60, 4))
    assert jobs[Gate.SAVING].what == "480 warm and 32 cold jobs more on each side"


def test_an_exhausted_plan_is_followed_by_a_new_card_and_never_stretched() -> None:
    whole = next(
        found
        for seed in range(1, 80)
        if asked(found := case(0.2, MARKET[0.06], seed=seed, looks=3))[0].state is Verdict.NOT_SHOWN
        and asked(found)[1].jobs is not None
    )
    _, found = asked(whole)
    plan = found.jobs.plan

    assert found.jobs.anew
    assert found.jobs.blocks == plan.blocks == plan.looks[-1] >= 16
    assert plan.blocks % 4 == 0
    assert found.chance >= 0.5
    assert found.sentence.startswith(
        f"A new card with {plan.blocks} blocks of 60 warm and 4 cold jobs: about ${found.usd:,.0f}, "
        f"{plan.blocks // 4} days, settles it with {found.chance:.0%}"
    )
    assert found.steps[0].chance is not None


def test_too_few_jobs_a_block_are_made_more_on_a_new_card() -> None:
    """96 of 596 jobs after 12 blocks: with all 20 there would be 160, so 20 anew have 3.73 times as many each."""
    found = at(2.5, 0.6, 1.746)
    short = Estimate(point=1.0, n=96, blocks=12, needs_jobs=500)
    withheld = Judged(gate=Gate.COLD, estimate=short, margin=1.25, least=False, passes=None, why="needs 500 more")
    both = replace(found.ruling, gates=[*found.ruling.gates, withheld])
    bought = buy_next(CARD, OPEN, both, PAIR, replace(BLOCKS, warm=16, cold=8))

    assert found.settles(found.at_end) > 0.9
    assert bought.jobs.anew
    more = 596 / (96 * bought.jobs.blocks / 12)
    assert more > 1
    assert (bought.jobs.plan.warm, bought.jobs.plan.cold) == (math.ceil(16 * more), math.ceil(8 * more))
    step = next(each for each in bought.steps if each.gate is Gate.COLD)
    assert step.chance is None


def test_jobs_that_the_rest_of_the_plan_brings_need_no_new_card() -> None:
    found = at(2.5, 0.6, 1.746)
    short = Estimate(point=1.0, n=96, blocks=12, needs_jobs=64)
    withheld = Judged(gate=Gate.COLD, estimate=short, margin=1.25, least=False, passes=None, why="needs 64 more")
    ruling = replace(found.ruling, gates=[*found.ruling.gates, withheld])
    one_more = replace(withheld, estimate=replace(short, needs_jobs=65))

    assert not buy_next(CARD, OPEN, ruling, PAIR, BLOCKS).jobs.anew
    assert buy_next(CARD, OPEN, replace(ruling, gates=[one_more]), PAIR, BLOCKS).jobs.anew


def _ruled(of: Case) -> Ruling:
    return rule(CARD, of, alpha=CARD.alpha)


def test_half_blocks_are_counted_as_such() -> None:
    row = Row(world="w", saving=0.2, candidate=MARKET[0.06], plan=HALF_BLOCKS)
    found = next(
        purchase
        for seed in range(1, 60)
        if (purchase := asked(case(0, seed=seed, row=row))[1]) is not None and purchase.jobs and not purchase.jobs.anew
    )

    assert found.jobs.blocks == 10
    assert found.sentence.startswith("20 more half-blocks: about $")
    assert found.days == 3


GOES = next(found for seed in range(1, 40) if _ruled(found := case(0.4, seed=seed)).state is Verdict.GO)


@pytest.mark.parametrize(
    ("lacks", "asks", "usd", "gate"),
    [
        ({"bills_final": False}, ["the bills of these blocks have to close"], 0, None),
        ({"quality": "undecided"}, ["230 blind votes, of at least 3 people"], 230 * 10 / 36, Gate.QUALITY),
        (
            {"money": replace(GOES.looks[0].money, more_usd=None)},
            ["minutes of the planned tasks on both providers"],
            0,
            Gate.WORTH,
        ),
    ],
)
def test_what_no_job_brings_is_asked_for_without_jobs(
    lacks: dict[str, Any], asks: list[str], usd: float, gate: Gate | None
) -> None:
    _, found = asked(GOES, **lacks)

    assert found.jobs is None
    assert [ask.startswith(said) for ask, said in zip(found.asks, asks, strict=True)] == [True]
    assert (found.usd, found.days, found.chance, found.buys) == (pytest.approx(usd), 0, None, True)
    assert [step.gate for step in found.steps] == ([] if gate is None else [gate])
    assert found.sentence == f"{found.asks[0][:1].upper()}{found.asks[0][1:]}."


def test_days_that_are_missing_need_blocks_though_every_gate_passes() -> None:
    _, found = asked(GOES, days=2)

    assert (found.jobs.blocks, found.jobs.anew, found.asks) == (8, False, [])


def test_what_no_month_settles_is_not_bought() -> None:
    """Three gates, each so near its margin that together they are open still after 120 blocks."""
    nowhere = at(0.8, 1.0, 1.746)
    held = replace(nowhere.ruling, state=Verdict.NOT_SHOWN, gates=[*nowhere.ruling.gates] * 3)
    found = buy_next(replace(CARD, looks=(8, 12)), OPEN, held, PAIR, BLOCKS)

    assert (found.jobs, found.buys, found.usd) == (None, False, 0)
    assert found.sentence == "No plan of 30 days would likely settle it: stay."


# ---------------------------------------------------------------- the proof, in small


PROVEN = (
    "endpoint, saves 20%",
    "market 0.06, saves 30%",
    "few jobs a block",
    "no votes, open bills",
    "nobody timed it",
    "4 pp more failures",
)


def test_buying_what_is_named_settles_four_fifths_of_what_was_open() -> None:
    found = [measure(row, 20) for row in rows() if row.world in PROVEN]
    undecided, bought, settled = (
        sum(getattr(each, name) for each in found) for name in ("undecided", "bought", "settled")
    )

    assert undecided > 80
    assert settled >= 0.8 * undecided
    assert settled <= bought <= undecided


def test_a_planner_that_named_too_little_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """On its margin no purchase settles a case: there the share is far below."""
    row = next(row for row in rows() if row.world == "endpoint, saves 10%")
    monkeypatch.setattr("analysis.verdict.buying.LIKELY", 0.0)
    found = measure(row, 20)

    assert found.bought >= 15
    assert found.share < 0.5


def test_the_benchmark_prints_its_table_and_says_whether_it_holds(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = next(row for row in rows() if row.world == "nobody timed it")
    monkeypatch.setattr("benchmarks.buying.rows", lambda: iter([one]))

    assert main(["4"]) == 0
    assert "4 campaigns a row" in capsys.readouterr().out
    monkeypatch.setattr("benchmarks.buying.LEAST", 1.01)
    assert main(["4"]) == 1
