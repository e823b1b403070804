"""Production's traffic on both arms at equal service, which decides; settings that are surely dearer are not tried."""

import hashlib
import math
import pickle
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np

from analysis import stats
from analysis.traffic.blended import why_none, worth_trying
from analysis.traffic.equal import Swapped, Terms, Tried, cheapest, saved
from analysis.traffic.service import Service
from analysis.traffic.trials import Trials

MOST_KEPT = 64  # some hundred kilobytes each


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """best, base: the cheapest setting of each arm that serves as well; None: none does, or it is not known.

    swapped: each as the other one is set. never_as_well: nothing serves as well, and workers that never go are surely
    slower than the margin. why: what keeps the candidate's nearest setting from it; empty where one does.
    """

    as_is: Tried
    best: Tried | None
    base: Tried | None
    swapped: Swapped | None
    never_as_well: bool
    why: str = ""

    @property
    def saving(self) -> stats.Saving | None:
        """At equal service."""
        return saved(self.best, self.base, swapped=self.swapped) if self.best and self.base else None


def replayed(candidate: Service, baseline: Service, terms: Terms) -> Replayed:
    """Raises LoadError where the traffic cannot be replayed.

    What was replayed before with the same inputs is not replayed again: a page asks after each block and each bill, and
    most looks are as they were.
    """
    key = hashlib.sha256(pickle.dumps(_told((candidate, baseline, terms)))).digest()
    if (found := _KEPT.get(key)) is None:
        found = _KEPT[key] = _replayed(candidate, baseline, terms)
        for old in list(_KEPT)[:-MOST_KEPT]:
            _KEPT.pop(old, None)  # another thread's page may have dropped it meanwhile
    return found


_KEPT: dict[bytes, Replayed] = {}


def _told(value: Any) -> Any:
    """All that a value is made of, without what it has worked out from that meanwhile."""
    if is_dataclass(value):
        return type(value).__name__, [_told(getattr(value, field.name)) for field in fields(value)]
    if isinstance(value, np.ndarray):
        return value.shape, value.dtype.str, value.tobytes()
    if isinstance(value, Mapping):
        return [(_told(name), _told(each)) for name, each in value.items()]
    if isinstance(value, list | tuple):
        return [_told(each) for each in value]
    return value


def _replayed(candidate: Service, baseline: Service, terms: Terms) -> Replayed:
    trials = Trials.of(baseline, terms)
    of_candidate, of_baseline = (trials.search(each, worth_trying(each, terms)) for each in (candidate, baseline))
    best, base = cheapest(of_candidate, candidate.name), cheapest(of_baseline, baseline.name)
    return Replayed(
        as_is=of_candidate[0],
        best=best,
        base=base,
        swapped=trials.swapped(best, base) if best and base else None,
        never_as_well=best is None and _surely_slower(trials, candidate),
        why="" if best else why_none(of_candidate, candidate.name),
    )


def _surely_slower(trials: Trials, service: Service) -> bool:
    tried = worth_trying(service, trials.terms)
    endless = [each for each in tried if each.window_s == math.inf and each.hours is None]
    ratios = [trials.tried(service, setting).ratio for setting in endless]
    lows = [ratio.limits.low for ratio in ratios if ratio is not None]
    return bool(lows) and all(low is not None and low > trials.terms.margin for low in lows)
