"""The rule's states, each from a campaign that deserves it, and what it says in worlds whose truth is known."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from analysis.estimates import Counts
from analysis.looks import alphas
from analysis.verdict.campaigns import BLOCKS, HALF_BLOCKS, Plan, Side, campaign
from analysis.verdict.card import Card, Margins, Minima
from analysis.verdict.gates import Look, gates
from analysis.verdict.rule import Case, Ruling, judge, rule
from benchmarks.operating import Row, allowed, measure, rows
from words import Gate, Verdict

CARD = Card(workflows=("w",), candidates=("c",), traffic="known")
LIKE = Side(host=0.02)


def drawn(saving: float, side: Side = LIKE, *, seed: int = 1, plan: Plan = BLOCKS) -> Case:
    return campaign(np.random.default_rng(seed), saving=saving, candidate=side, plan=plan)


GOOD = drawn(0.4, seed=5)  # goes at its first look
DEAR = drawn(0.13, seed=5)  # saves enough, and too little to be shown


def each_look(case: Case, change: Callable[[Look], Look]) -> Case:
    return replace(case, looks=[change(look) for look in case.looks])


def with_(**values: Any) -> Callable[[Look], Look]:
    return lambda look: replace(look, **values)


def money(**values: Any) -> Callable[[Look], Look]:
    return lambda look: replace(look, money=replace(look.money, **values))


def said(case: Case, card: Card = CARD) -> Ruling:
    return judge(card, [case])[0]


def test_what_saves_enough_and_is_no_worse_is_a_go_at_the_first_look() -> None:
    ruling = said(GOOD)

    assert (ruling.state, ruling.look, ruling.blocks, ruling.gate) == (Verdict.GO, 1, 12, None)
    assert [each.gate for each in ruling.gates] == list(Gate)
    assert all(each.passes for each in ruling.gates)
    assert ruling.alpha == alphas(CARD.looks)[0]
    assert 0.1 < ruling.saving_low < 0.4


def test_before_the_first_look_nothing_is_said() -> None:
    ruling = said(replace(GOOD, looks=[], seen=7))

    assert (ruling.state, ruling.look, ruling.gates) == (Verdict.INSUFFICIENT, 0, ())
    assert ruling.reason == "the first look is after 12 blocks, and there are 7"


def test_a_blocked_case_is_blocked_whatever_it_measured() -> None:
    ruling = said(replace(GOOD, blocked=["The bill does not add up.", "A host is still rented."]))

    assert (ruling.state, ruling.gate) == (Verdict.BLOCKED, None)
    assert ruling.reason == "The bill does not add up. A host is still rented."
    assert ruling.gates


@pytest.mark.parametrize(
    ("side", "gate"),
    [
        (Side(slower=1.25), Gate.WARM_P95),
        (Side(success=0.85), Gate.SUCCESS),
        (Side(stalls=0.2), Gate.STALLS),
        (Side(cold=1.6), Gate.COLD),
    ],
)
def test_what_is_surely_worse_is_a_no_go_however_cheap(side: Side, gate: Gate) -> None:
    ruling = said(drawn(0.4, side))

    assert (ruling.state, ruling.gate) == (Verdict.NO_GO, gate)


def test_stalls_that_only_show_over_all_jobs_are_harm_too() -> None:
    """A gate that is open forgives them, the p95 of all jobs does not."""
    found = drawn(0.4, Side(stalls=0.12))
    lenient = replace(CARD, margins=Margins(stalls=0.5))

    assert said(found, lenient).state is Verdict.NO_GO
    assert said(found, lenient).reason.startswith("over all jobs")


def test_no_window_that_serves_as_well_is_a_no_go() -> None:
    ruling = said(each_look(GOOD, with_(never_as_well=True)))

    assert (ruling.state, ruling.gate) == (Verdict.NO_GO, Gate.WARM_P95)
    assert "even workers that never go are slower" in ruling.reason


def test_people_who_surely_prefer_the_baseline_make_a_no_go() -> None:
    worse = with_(quality="unlike", preference_high=0.35)
    doubtful = with_(quality="unlike", preference_high=0.45)

    assert (said(each_look(GOOD, worse)).state, said(each_look(GOOD, worse)).gate) == (Verdict.NO_GO, Gate.QUALITY)
    assert said(each_look(GOOD, doubtful)).state is Verdict.NOT_SHOWN


def test_images_that_nobody_has_judged_leave_it_open_at_the_end() -> None:
    ruling = said(each_look(GOOD, with_(quality="undecided", quality_why="no pair was compared")))

    assert (ruling.state, ruling.gate, ruling.reason) == (Verdict.INSUFFICIENT, Gate.QUALITY, "no pair was compared")


def test_a_saving_that_is_surely_too_small_is_not_worth_it() -> None:
    ruling = said(drawn(0.0))

    assert (ruling.state, ruling.gate) == (Verdict.NOT_WORTH_IT, Gate.SAVING)


def test_operations_that_surely_eat_the_saving_make_it_not_worth_it() -> None:
    ruling = said(each_look(GOOD, money(more_usd=1e6)))

    assert (ruling.state, ruling.gate) == (Verdict.NOT_WORTH_IT, Gate.WORTH)


def test_operations_that_nobody_timed_leave_it_open() -> None:
    ruling = said(each_look(GOOD, money(more_usd=None)))

    assert (ruling.state, ruling.gate) == (Verdict.INSUFFICIENT, Gate.WORTH)
    assert ruling.reason == "nobody has timed its operations"


def test_a_move_that_pays_back_too_late_is_not_shown() -> None:
    saved = GOOD.looks[0].money
    assert saved.saving is not None
    assert saved.baseline_usd is not None
    low = saved.saving.limits(alpha=alphas(CARD.looks)[0])[0] * saved.baseline_usd

    def state(months: float) -> Verdict:
        return said(replace(each_look(GOOD, money(one_off_usd=low * months)), looks=_first(GOOD, low * months))).state

    assert state(11.9) is Verdict.GO
    assert state(12.1) is Verdict.INSUFFICIENT


def _first(case: Case, one_off_usd: float) -> Sequence[Look]:
    return [money(one_off_usd=one_off_usd)(case.looks[0])]


def test_a_cost_that_is_not_known_leaves_it_open() -> None:
    ruling = said(each_look(GOOD, money(saving=None)))

    assert (ruling.state, ruling.gate) == (Verdict.INSUFFICIENT, Gate.SAVING)


def test_a_cost_that_is_not_known_says_why() -> None:
    why = "no setting of it is known to serve as well: may be slower"
    gates_ = {each.gate: each.why for each in said(each_look(GOOD, money(saving=None, why=why))).gates}

    assert gates_[Gate.SAVING] == gates_[Gate.WORTH] == why


def left_open(case: Case, **open_: float) -> Case:
    """The same, where it is not known which settings serve as well."""
    return each_look(
        case, lambda look: replace(look, money=replace(look.money, saving=replace(look.money.saving, **open_)))
    )


def test_a_saving_that_rests_on_the_baselines_setting_is_no_go() -> None:
    """Set as the candidate is, the baseline would cost as little: 40 % less of it is then no saving of the move."""
    ruling = said(left_open(GOOD, worse=0.45))
    saving = ruling.of(Gate.SAVING)

    assert ruling.state is Verdict.NOT_SHOWN
    assert saving is not None
    assert (saving.passes, saving.harm) == (False, False)
    assert saving.why == "set as the candidate is, the baseline would cost less, and it is not surely slower so"


def test_a_loss_that_rests_on_the_candidates_setting_is_no_reason_to_stay() -> None:
    dear = drawn(-0.3, seed=5)
    ruling = said(left_open(dear, better=0.6))
    saving = ruling.of(Gate.SAVING)

    assert said(dear).state is Verdict.NOT_WORTH_IT
    assert ruling.state is Verdict.NOT_SHOWN
    assert saving is not None
    assert (saving.passes, saving.harm) == (False, False)
    assert saving.why == "set as the baseline is, the candidate would cost less, and it is not surely slower so"


def test_settings_that_are_left_open_and_turn_nothing_are_not_spoken_of() -> None:
    assert [each.why for each in said(left_open(GOOD, worse=0.01, better=3.0)).gates] == [
        each.why for each in said(GOOD).gates
    ]


def test_while_looks_remain_it_waits_for_the_next_one() -> None:
    ruling = said(replace(DEAR, looks=DEAR.looks[:1]))

    assert (ruling.state, ruling.gate) == (Verdict.INSUFFICIENT, Gate.SAVING)
    assert ruling.reason == "the next look is after 16 blocks"


def test_a_plan_that_is_exhausted_without_showing_it_ends_there() -> None:
    ruling = said(DEAR)

    assert (ruling.state, ruling.look, ruling.blocks) == (Verdict.NOT_SHOWN, 3, 20)
    assert ruling.reason == "20 blocks did not show it"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (with_(bills_final=False), "bills are not final"),
        (with_(days=2), "needs 1 more days"),
        (with_(day_parts=3), "needs blocks in 1 more day-parts"),
        (with_(hosts=7), "needs 1 more hosts"),
        (with_(blocks=11), "needs 1 more blocks"),
    ],
)
def test_what_a_go_needs_beside_its_gates(change: Callable[[Look], Look], reason: str) -> None:
    ruling = said(each_look(GOOD, change))

    assert (ruling.state, ruling.gate, ruling.reason) == (Verdict.INSUFFICIENT, None, reason)


def test_hosts_that_are_not_ours_to_count_are_not_asked_for() -> None:
    assert said(each_look(GOOD, with_(hosts=None))).state is Verdict.GO


def test_what_was_decided_at_a_look_stays_whatever_comes_after() -> None:
    worse = drawn(0.4, Side(success=0.5)).looks[1:]

    assert said(replace(GOOD, looks=[GOOD.looks[0], *worse])).state is Verdict.GO


def test_cold_latency_does_not_bind_where_almost_no_request_is_cold() -> None:
    slow = drawn(0.4, Side(cold=1.6))
    late = with_(cold_share_high=0.01)

    assert said(slow).state is Verdict.NO_GO
    assert said(each_look(slow, with_(cold_share_high=0.011))).state is Verdict.NO_GO
    found = gates(CARD, late(slow.looks[0]), alpha=0.05)[3]
    assert (found.gate, found.passes, found.harm) == (Gate.COLD, True, False)
    assert found.why == "at most 1.0 % of requests would be cold"


def test_lost_jobs_count_as_the_candidates_failures_before_it_may_pass() -> None:
    def lose(each: int) -> Case:
        lost = {blocks: [each] * blocks for blocks in (12, 16, 20)}
        return each_look(GOOD, lambda look: replace(look, candidate=replace(look.candidate, lost=lost[look.blocks])))

    assert said(lose(0)).state is Verdict.GO
    ruling = said(lose(3))
    success = ruling.of(Gate.SUCCESS)
    assert (ruling.state, ruling.gate) == (Verdict.NOT_SHOWN, Gate.SUCCESS)
    assert success is not None
    assert success.why == "it does not hold with lost jobs as the candidate's failures"


def test_rented_machines_have_looks_of_their_own() -> None:
    rented = drawn(0.4, plan=HALF_BLOCKS)

    assert [look.blocks for look in rented.looks] == [20, 30, 40]
    ruling = said(rented)
    assert ruling.alpha == alphas(CARD.looks_rented)[ruling.look - 1]


def test_no_harm_is_claimed_from_fewer_than_eight_blocks() -> None:
    few = drawn(0.4, Side(slower=1.5), plan=Plan(blocks=7, looks=(7,)))
    card = replace(CARD, looks=(8, 12), minima=Minima(blocks=8))

    found = gates(card, few.looks[0], alpha=0.05)
    assert not any(each.harm for each in found)
    assert found[1].passes is False  # though it surely does not pass


def test_two_candidates_share_alpha_and_the_second_is_held_to_more_once_the_first_goes() -> None:
    """Holm's steps: a candidate that passes only at the whole alpha is a GO beside a GO, and not beside a stay."""
    between = next(
        case
        for seed in range(2, 200)
        if rule(CARD, case := drawn(0.16, seed=seed), alpha=0.05).state is Verdict.GO
        and rule(CARD, case, alpha=0.025).state is not Verdict.GO
    )
    both = replace(CARD, candidates=("a", "b"))
    first = [replace(GOOD, candidate="a"), replace(between, candidate="b")]
    alone = [replace(DEAR, candidate="a"), replace(between, candidate="b")]

    assert [each.state for each in judge(both, first)] == [Verdict.GO, Verdict.GO]
    assert judge(both, alone)[1].state is not Verdict.GO
    assert [each.candidate for each in judge(both, list(reversed(first)))] == ["b", "a"]


def test_workflows_are_decisions_of_their_own() -> None:
    cases = [replace(GOOD, workflow="one"), replace(drawn(0.0), workflow="other")]

    assert [each.state for each in judge(CARD, cases)] == [Verdict.GO, Verdict.NOT_WORTH_IT]
    assert judge(CARD, cases)[0].alpha == alphas(CARD.looks)[0]


def test_the_same_inputs_give_the_same_ruling() -> None:
    assert said(drawn(0.2, seed=5)) == said(drawn(0.2, seed=5))


KNOWN = ("endpoint, A/A", "endpoint, saves 10%", "endpoint, saves 20%", "25% slower", "success on its margin")


@pytest.mark.parametrize("row", [row for row in rows() if row.world in KNOWN], ids=lambda row: f"{row.world}")
def test_it_says_as_often_what_is_stated_of_it(row: Row) -> None:
    low, high = allowed(row, 100)

    assert low <= measure(row, 100).share <= high


def test_a_rule_that_asked_for_less_would_be_noticed() -> None:
    row = next(row for row in rows() if row.world == "saving on its margin")
    low, high = allowed(row, 100)

    assert not low <= measure(replace(row, saving=0.16), 100).share <= high


def test_a_rate_of_an_arm_without_jobs_is_withheld() -> None:
    empty = Counts(good=[0] * 12, of=[0] * 12)
    look = replace(GOOD.looks[0], candidate=replace(GOOD.looks[0].candidate, counts=empty))

    found = gates(CARD, look, alpha=0.05)[0]
    assert (found.passes, found.withheld) == (None, True)
