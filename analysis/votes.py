"""What people prefer, blind: who may be counted, the candidate's share of the votes, and how far raters agree.

A vote for the candidate's image is 1, for none of both 1/2, for the baseline's 0. Votes on the same pair resemble each
other, so the pair's mean score is the unit that the limits know. How many votes it takes is fixed beforehand: whoever
stops as soon as it looks good would be right too rarely.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analysis import stats
from words import VoteChoice

KNOWN_ANSWERS = 12  # of each rater: the other image was made worse on purpose
LEAST_RIGHT = 10  # by chance .019; who sees it in 95 % of them misses it with .020
LEAST_RATERS = 3
VOTES = 230  # equal images are then shown to be equal with .83; with 30 % ties more often
LEAST_PAIRS = 30  # below, the t limits of pair means are not to be trusted
MARGIN = 0.10  # around one half
ALPHA = 0.05

_SCORES = {VoteChoice.OTHER: 1.0, VoteChoice.NEITHER: 0.5, VoteChoice.BASELINE: 0.0}


class Ballot(NamedTuple):
    """One vote of one rater on one pair. degraded: a known answer, the baseline's image is the better one."""

    rater: str
    pair_id: int
    choice: VoteChoice
    degraded: bool


@dataclass(frozen=True, kw_only=True)
class Panel:
    """The votes that count: of raters who found enough of the known answers. dropped: why another's do not."""

    ballots: Sequence[Ballot]
    raters: Sequence[str]
    dropped: Mapping[str, str]


def panel(ballots: Sequence[Ballot]) -> Panel:
    """Raters kept with at least 10 of 12 known answers right, and with as large a share of more than 12."""
    known: dict[str, list[bool]] = defaultdict(list)
    for each in ballots:
        if each.degraded:
            known[each.rater].append(each.choice is VoteChoice.BASELINE)
    dropped = {}
    for rater in sorted({each.rater for each in ballots}):
        right, asked = sum(known[rater]), len(known[rater])
        if asked < KNOWN_ANSWERS:
            dropped[rater] = f"has judged {asked} of {KNOWN_ANSWERS} pairs with a known answer"
        elif right * KNOWN_ANSWERS < asked * LEAST_RIGHT:
            dropped[rater] = f"found {right} of {asked} known answers, {LEAST_RIGHT} of {KNOWN_ANSWERS} are needed"
    counted = [each for each in ballots if not each.degraded and each.rater not in dropped]
    raters = sorted({each.rater for each in ballots} - {*dropped})
    return Panel(ballots=counted, raters=raters, dropped=dropped)


@dataclass(frozen=True, kw_only=True)
class Preference:
    """The candidate's share of the votes. share: mean over pairs; None without a vote.

    broken: votes that found one of both images unfit to judge; they are in no share. limits: two-sided 95 %, None
    below 30 pairs. high: upper limit at alpha, and p: of "it is not within the margin"; None until as many votes, pairs
    and raters are in as were planned. kappa: agreement beyond chance, shown and no condition of anything.
    """

    votes: int
    pairs: int
    raters: int
    broken: int
    share: float | None
    limits: stats.Limits
    high: float | None
    p: float | None
    alpha: float
    margin: float
    needs: str  # what is missing before anything is said; empty: nothing
    kappa: float | None

    @property
    def equivalent(self) -> bool:
        """Surely within one half +- the margin."""
        return self.p is not None and self.p <= self.alpha

    @property
    def worse(self) -> bool:
        """Surely below one half by more than the margin."""
        return self.high is not None and self.high < 0.5 - self.margin

    @property
    def sentence(self) -> str:
        """The finding with its numbers; without an end mark."""
        if self.share is None:
            return "quality: not judged by people"
        span = ""
        if self.limits.low is not None and self.limits.high is not None:
            span = f" [{self.limits.low * 100:.0f}, {self.limits.high * 100:.0f}]"
        told = f"preferred in {self.share * 100:.0f} %{span} of {self.votes} blind votes by {self.raters} raters"
        return f"{told}: {self._verdict()}"

    def _verdict(self) -> str:
        low, high = (50 - self.margin * 100, 50 + self.margin * 100)
        if self.needs:
            return self.needs
        if self.equivalent:
            return f"as good, within {low:.0f} to {high:.0f} %"
        return f"worse, surely below {low:.0f} %" if self.worse else f"neither surely worse nor as good ({low:.0f} %)"


def preference(
    found: Panel, pair_ids: Sequence[int], *, margin: float = MARGIN, alpha: float = ALPHA, raters: int = LEAST_RATERS
) -> Preference:
    """Of one candidate's pairs: equivalence by two one-sided t tests (Schuirmann 1987) on the pairs' mean scores."""
    asked = frozenset(pair_ids)
    mine = [each for each in found.ballots if each.pair_id in asked]
    votes = [each for each in mine if each.choice in _SCORES]
    scores = _pair_means(votes)
    judges = len({each.rater for each in votes})
    needs = _needs(votes=len(votes), pairs=scores.size, judges=judges, raters=raters)
    low, high = stats.block_t(scores, alpha=stats.TWO_SIDED) if scores.size >= LEAST_PAIRS else (None, None)
    return Preference(
        votes=len(votes),
        pairs=scores.size,
        raters=judges,
        broken=len(mine) - len(votes),
        share=float(scores.mean()) if scores.size else None,
        limits=stats.Limits(low, high),
        high=None if needs else stats.block_t(scores, alpha=alpha)[1],
        p=None if needs else stats.tost(scores, margin=margin),
        alpha=alpha,
        margin=margin,
        needs=needs,
        kappa=kappa(mine),
    )


def _pair_means(votes: Sequence[Ballot]) -> NDArray[np.float64]:
    scores: dict[int, list[float]] = defaultdict(list)
    for each in votes:
        scores[each.pair_id].append(_SCORES[each.choice])
    return np.array([np.mean(of_pair) for of_pair in scores.values()], dtype=np.float64)


def _needs(*, votes: int, pairs: int, judges: int, raters: int) -> str:
    if judges < raters:
        return f"needs {raters - judges} more raters"
    if votes < VOTES:
        return f"needs {VOTES - votes} more votes"
    return f"needs {LEAST_PAIRS - pairs} more pairs" if pairs < LEAST_PAIRS else ""


def kappa(ballots: Sequence[Ballot]) -> float | None:
    """Agreement beyond chance on pairs that two or more raters judged: Cohen 1960 of two raters, Fleiss 1971 of more.

    None where no pair was judged twice, or where everybody always said the same. Equal images give about 0.
    """
    by_pair: dict[int, list[Ballot]] = defaultdict(list)
    for each in ballots:
        by_pair[each.pair_id].append(each)
    twice = [same for same in by_pair.values() if len(same) > 1]
    if not twice:
        return None
    raters = sorted({each.rater for same in twice for each in same})
    agreed, chance = _cohen(twice, raters) if len(raters) == 2 else _fleiss(twice)
    return None if chance >= 1 else (agreed - chance) / (1 - chance)


def _cohen(twice: Sequence[Sequence[Ballot]], raters: Sequence[str]) -> tuple[float, float]:
    """Agreement, and what each rater's own habits would give by chance."""
    said = [Counter(each.choice for same in twice for each in same if each.rater == rater) for rater in raters]
    agreed = sum(len({each.choice for each in same}) == 1 for same in twice)
    n = len(twice)
    return agreed / n, sum(said[0][choice] * said[1][choice] for choice in VoteChoice) / n**2


def _fleiss(twice: Sequence[Sequence[Ballot]]) -> tuple[float, float]:
    """The same with the habits of all raters together; a pair may have been judged by any number of them."""
    counts = np.array([[sum(each.choice is choice for each in same) for choice in VoteChoice] for same in twice], float)
    n = counts.sum(axis=1)
    agreed = ((counts**2).sum(axis=1) - n) / (n * (n - 1))
    habits = counts.sum(axis=0) / counts.sum()
    return float(agreed.mean()), float((habits**2).sum())
