"""Production's traffic on both arms at equal service, which decides; settings that are surely dearer are not tried."""

import math
from dataclasses import dataclass

from analysis import stats
from analysis.traffic.blended import worth_trying
from analysis.traffic.equal import Terms, Tried, cheapest, saved
from analysis.traffic.service import Service
from analysis.traffic.trials import Trials


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """best, base: the cheapest setting of each arm that serves as well; None: none does, or it is not known.

    never_as_well: nothing serves as well, and workers that never go are surely slower than the margin.
    """

    as_is: Tried
    best: Tried | None
    base: Tried | None
    never_as_well: bool

    @property
    def saving(self) -> stats.Saving | None:
        """At equal service."""
        return saved(self.best, self.base) if self.best and self.base else None


def replayed(candidate: Service, baseline: Service, terms: Terms) -> Replayed:
    """Raises LoadError where the traffic cannot be replayed."""
    trials = Trials.of(baseline, terms)
    of_candidate, of_baseline = (trials.search(each, worth_trying(each, terms)) for each in (candidate, baseline))
    best = cheapest(of_candidate, candidate.name)
    return Replayed(
        as_is=of_candidate[0],
        best=best,
        base=cheapest(of_baseline, baseline.name),
        never_as_well=best is None and _surely_slower(trials, candidate),
    )


def _surely_slower(trials: Trials, service: Service) -> bool:
    tried = worth_trying(service, trials.terms)
    endless = [each for each in tried if each.window_s == math.inf and each.hours is None]
    ratios = [trials.tried(service, setting).ratio for setting in endless]
    lows = [ratio.limits.low for ratio in ratios if ratio is not None]
    return bool(lows) and all(low is not None and low > trials.terms.margin for low in lows)
