"""Whose votes count, what they say of a candidate, and how far raters agree."""

import numpy as np
import pytest

from analysis import stats, votes
from analysis.parity import likeness
from analysis.verdict.images import judgement
from analysis.votes import Ballot, Panel, Preference, kappa, panel, preference
from words import VoteChoice

BASELINE, OTHER, NEITHER, BROKEN = VoteChoice.BASELINE, VoteChoice.OTHER, VoteChoice.NEITHER, VoteChoice.BROKEN
WINS, TIE, LOSES = OTHER, NEITHER, BASELINE


def known(rater: str, right: int, of: int = 12, wrong: VoteChoice = OTHER) -> list[Ballot]:
    return [Ballot(rater, 1000 + i, BASELINE if i < right else wrong, True) for i in range(of)]


def plain(rater: str, choices: list[VoteChoice], first: int = 0) -> list[Ballot]:
    return [Ballot(rater, first + i, choice, False) for i, choice in enumerate(choices)]


def group(ballots: list[Ballot]) -> Panel:
    """Everybody is kept."""
    return Panel(ballots=ballots, raters=sorted({each.rater for each in ballots}), dropped={})


def four(wins: int, ties: int = 0, pairs: int = 60) -> Panel:
    """Four raters on the same pairs: each has so many wins and ties and loses the rest, each on pairs of its own."""
    choices = np.array([WINS] * wins + [TIE] * ties + [LOSES] * (pairs - wins - ties), dtype=object)
    dice = np.random.default_rng(1)
    return group([each for name in "abcd" for each in plain(name, list(dice.permutation(choices)))])


def judged(found: Panel, **terms: float) -> Preference:
    return preference(found, range(1000), **terms)


# ---------------------------------------------------------------- raters


@pytest.mark.parametrize(("right", "kept"), [(12, True), (10, True), (9, False), (0, False)])
def test_a_rater_is_kept_with_ten_of_twelve_known_answers(right: int, kept: bool) -> None:
    found = panel([*known("ana", right), *plain("ana", [OTHER])])

    assert (found.raters == ["ana"]) is kept
    assert (found.ballots == plain("ana", [OTHER])) is kept
    if not kept:
        assert found.dropped == {"ana": f"found {right} of 12 known answers, 10 of 12 are needed"}


def test_a_rater_who_has_not_seen_twelve_is_not_counted_yet() -> None:
    found = panel([*known("ana", 11, 11), *plain("ana", [OTHER]), *plain("ben", [OTHER])])

    assert (found.ballots, found.raters) == ([], [])
    assert found.dropped == {
        "ana": "has judged 11 of 12 pairs with a known answer",
        "ben": "has judged 0 of 12 pairs with a known answer",
    }


@pytest.mark.parametrize(("right", "kept"), [(20, True), (19, False)])
def test_with_more_known_answers_the_same_share_is_asked_for(right: int, kept: bool) -> None:
    assert (panel(known("ana", right, 24)).raters == ["ana"]) is kept


@pytest.mark.parametrize("wrong", [OTHER, NEITHER, BROKEN])
def test_nothing_but_the_better_image_is_right(wrong: VoteChoice) -> None:
    assert panel(known("ana", 9, wrong=wrong)).raters == []


def test_known_answers_are_no_votes_and_one_rater_drops_no_other() -> None:
    found = panel([*known("ana", 12), *known("ben", 3), *plain("ana", [OTHER, TIE]), *plain("ben", [OTHER])])

    assert found.ballots == plain("ana", [OTHER, TIE])
    assert (found.raters, list(found.dropped)) == (["ana"], ["ben"])


# ---------------------------------------------------------------- preference


def test_a_win_is_one_a_tie_half_and_a_loss_nothing() -> None:
    assert judged(group(plain("a", [WINS, WINS, TIE, LOSES]))).share == pytest.approx(0.625)


def test_equal_images_are_shown_to_be_equal() -> None:
    found = judged(four(wins=30))

    assert (found.votes, found.pairs, found.raters, found.needs) == (240, 60, 4, "")
    assert (found.share, found.equivalent, found.worse) == (0.5, True, False)
    assert 0.40 < found.limits.low < 0.5 < found.limits.high < 0.60
    assert found.sentence.startswith("preferred in 50 % [")
    assert found.sentence.endswith(" of 240 blind votes by 4 raters: as good, within 40 to 60 %")


def test_what_people_like_less_is_worse_and_its_upper_limit_says_so() -> None:
    found = judged(four(wins=15))

    assert (found.equivalent, found.worse) == (False, True)
    assert 0.25 < found.high < 0.40
    assert found.sentence.endswith("worse, surely below 40 %")


def test_what_people_like_more_is_neither_equal_nor_worse() -> None:
    found = judged(four(wins=45))

    assert (found.equivalent, found.worse) == (False, False)
    assert found.sentence.endswith("neither surely worse nor as good (40 %)")


def test_one_vote_a_pair_is_the_two_one_sided_tests_of_statistics() -> None:
    """230 votes on 230 pairs by three raters: the exact test passes at 105 to 125 wins, and so does this one."""

    def said(wins: int) -> Preference:
        choices = [WINS] * wins + [LOSES] * (230 - wins)
        return judged(group([Ballot("abc"[i % 3], i, choice, False) for i, choice in enumerate(choices)]))

    assert [said(wins).equivalent for wins in (104, 105, 115, 125, 126)] == [False, True, True, True, False]
    for wins in (104, 105):
        assert said(wins).p == pytest.approx(stats.tost_exact(wins, 230), abs=0.005)


def test_limits_are_of_the_pairs_and_not_of_the_votes() -> None:
    """Four raters who all say the same of a pair know no more than one."""
    choices = [WINS, LOSES] * 30
    once = judged(group(plain("a", choices)))
    often = judged(group([each for name in "abcd" for each in plain(name, choices)]))

    assert often.limits == once.limits
    assert not often.equivalent
    scores = np.array([1.0, 0.0] * 30)
    assert (once.limits.low, once.limits.high) == pytest.approx(stats.block_t(scores, alpha=0.025))


@pytest.mark.parametrize(
    ("found", "needs"),
    [
        (group(plain("a", [TIE] * 60)), "needs 2 more raters"),
        (group([each for name in "abc" for each in plain(name, [TIE] * 60)]), "needs 50 more votes"),
        (group([each for name in "abcdefghij" for each in plain(name, [TIE] * 25)]), "needs 5 more pairs"),
    ],
)
def test_nothing_is_said_before_as_much_is_in_as_was_planned(found: Panel, needs: str) -> None:
    said = judged(found)

    assert (said.needs, said.p, said.high) == (needs, None, None)
    assert (said.equivalent, said.worse) == (False, False)
    assert said.sentence.endswith(needs)


def test_a_card_may_ask_for_more_raters_and_another_margin() -> None:
    assert judged(four(wins=30), raters=5).needs == "needs 1 more raters"
    assert not judged(four(wins=30), margin=0.02).equivalent
    assert judged(four(wins=27), margin=0.01).sentence.endswith("(49 %)")


def test_broken_is_counted_apart_and_is_no_vote() -> None:
    found = judged(group(plain("a", [WINS, BROKEN, BROKEN])))

    assert (found.votes, found.broken, found.share) == (1, 2, 1.0)


def test_votes_on_other_pairs_are_not_counted() -> None:
    found = preference(group([*plain("a", [WINS] * 3), *plain("a", [LOSES] * 3, first=50)]), [0, 1, 2])

    assert (found.votes, found.share) == (3, 1.0)


def test_without_a_vote_it_says_that_nobody_judged() -> None:
    found = judged(group([]))

    assert (found.share, found.limits, found.kappa) == (None, stats.Limits(None, None), None)
    assert found.sentence == "quality: not judged by people"


def test_few_pairs_have_a_share_and_no_limits() -> None:
    found = judged(group(plain("a", [WINS] * 29)))

    assert (found.share, found.limits) == (1.0, stats.Limits(None, None))
    assert judged(group(plain("a", [WINS, LOSES] * 15))).limits.low is not None


def test_images_that_are_worse_by_the_margin_pass_in_at_most_5_campaigns_of_100() -> None:
    """Raters agree on a pair beyond chance, as they do: as if every vote stood for itself it would be more."""
    dice = np.random.default_rng(11)

    def passed() -> tuple[bool, bool]:
        of_pair = dice.beta(2, 3, 60)  # of mean .4 and sd .2
        votes = dice.random((6, 60)) < of_pair
        ballots = [Ballot(str(r), p, WINS if votes[r, p] else LOSES, False) for r in range(6) for p in range(60)]
        return judged(group(ballots)).equivalent, stats.tost(votes.ravel().astype(float)) <= 0.05

    ours, naive = np.mean([passed() for _ in range(1500)], axis=0)
    assert ours <= 0.05 + 2 * (0.05 * 0.95 / 1500) ** 0.5
    assert naive > 0.09


def test_equal_images_pass_as_often_as_was_planned() -> None:
    """230 votes, one a pair, no ties: .834 (statistics sheet); with ties more often."""
    dice = np.random.default_rng(12)

    def passed(ties: float) -> bool:
        drawn = dice.random(230)
        choices = [TIE if x < ties else WINS if x < (1 + ties) / 2 else LOSES for x in drawn]
        return judged(group([Ballot("abc"[i % 3], i, each, False) for i, each in enumerate(choices)])).equivalent

    assert np.mean([passed(0.0) for _ in range(1500)]) == pytest.approx(0.834, abs=0.025)
    assert np.mean([passed(0.3) for _ in range(1500)]) > 0.92


# ---------------------------------------------------------------- agreement


def test_two_raters_agree_as_cohen_counts_it() -> None:
    """50 cases, 20 both one way, 15 both the other, 5 and 10 apart: kappa .4."""
    said = [(OTHER, OTHER)] * 20 + [(OTHER, BASELINE)] * 5 + [(BASELINE, OTHER)] * 10 + [(BASELINE, BASELINE)] * 15
    ballots = [Ballot("ab"[i], pair, two[i], False) for pair, two in enumerate(said) for i in (0, 1)]

    assert kappa(ballots) == pytest.approx(0.4)


def test_raters_who_answer_differently_often_are_not_taken_for_one() -> None:
    """Scott's pi, which Fleiss' kappa is for two raters, would be .3939."""
    said = [(OTHER, OTHER)] * 20 + [(OTHER, BASELINE)] * 5 + [(BASELINE, OTHER)] * 10 + [(BASELINE, BASELINE)] * 15
    three = [Ballot("abc"[(pair + i) % 3], pair, two[i], False) for pair, two in enumerate(said) for i in (0, 1)]

    assert kappa(three) == pytest.approx((0.7 - (0.55**2 + 0.45**2)) / (1 - (0.55**2 + 0.45**2)))


def test_many_raters_agree_as_fleiss_counts_it() -> None:
    """Four raters, three pairs: all agree, two and two, three and one. P = (1 + 1/3 + 1/2)/3, Pe = (7^2 + 5^2)/144."""
    said = [[OTHER] * 4, [OTHER, OTHER, BASELINE, BASELINE], [OTHER, BASELINE, BASELINE, BASELINE]]
    ballots = [Ballot("abcd"[i], pair, choice, False) for pair, row in enumerate(said) for i, choice in enumerate(row)]

    agreed, chance = (1 + 1 / 3 + 1 / 2) / 3, (49 + 25) / 144
    assert kappa(ballots) == pytest.approx((agreed - chance) / (1 - chance))


def test_agreement_takes_pairs_that_two_have_judged() -> None:
    apart = [*plain("a", [OTHER] * 5), *plain("b", [OTHER] * 5, first=5)]

    assert kappa(apart) is None
    assert kappa([*plain("a", [OTHER] * 5), *plain("b", [OTHER] * 5)]) is None, "everybody always said the same"


def test_equal_images_give_no_agreement_and_pass_all_the_same() -> None:
    dice = np.random.default_rng(3)
    ballots = [
        Ballot(str(rater), pair, WINS if dice.random() < 0.5 else LOSES, False)
        for rater in range(10)
        for pair in range(60)
    ]
    found = judged(group(ballots))

    assert abs(found.kappa) < 0.05
    assert found.equivalent


# ---------------------------------------------------------------- what the rule is told

ALIKE = likeness([0.0] * 60, [0.1] * 59)
APART = likeness([0.5] * 60, [0.1] * 59)
NOBODY = judged(group([]))


@pytest.mark.parametrize(
    ("pairs", "people", "quality"),
    [
        (ALIKE, NOBODY, "alike"),
        (APART, NOBODY, "undecided"),
        (APART, judged(four(wins=30)), "alike"),
        (APART, judged(four(wins=45)), "undecided"),
        (APART, judged(four(wins=15)), "unlike"),
        (ALIKE, judged(four(wins=45)), "alike"),
        (ALIKE, judged(four(wins=15)), "unlike"),
        (likeness([], []), NOBODY, "undecided"),
    ],
)
def test_pairs_can_only_pass_and_votes_can_also_find_it_worse(pairs, people, quality: str) -> None:
    told = judgement(pairs, people)

    assert told.quality == quality
    assert told.preference_high == people.high
    assert told.why == f"{pairs.sentence}; {people.sentence}"


def test_however_far_apart_pairs_are_the_rule_is_told_no_limit_of_a_preference() -> None:
    told = judgement(likeness([2.0] * 60, [0.0] * 59), NOBODY)

    assert (told.quality, told.preference_high) == ("undecided", None)
    assert told.why.endswith("; quality: not judged by people")


def test_the_numbers_of_the_plan_are_those_of_the_statistics_sheet() -> None:
    assert (votes.KNOWN_ANSWERS, votes.LEAST_RIGHT, votes.LEAST_RATERS, votes.VOTES) == (12, 10, 3, 230)
