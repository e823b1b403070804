"""Every provider's settings tried on the same arrivals, with limits only for what may be the cheapest."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from analysis import estimates
from analysis.estimates import Estimate
from analysis.traffic.equal import TAIL, Swapped, Terms, Tried, blend_of, choices, cost_of, held, key, tried_on
from analysis.traffic.profile import arrivals, first_days, hours_for
from analysis.traffic.replay import Arrivals, ReplayError, Setting
from analysis.traffic.service import Service, month_of

_FEW_MORE = 1.1  # of few requests a p95 is this uncertain


def try_settings(
    baseline: Service, candidates: Sequence[Service], terms: Terms, *, settings: Mapping[str, Sequence[Setting]]
) -> list[Tried]:
    """Every setting of every service; `settings`: those of a service by its name and GPU (`key`), else `choices`.

    The baseline as it is now comes first. Raises LoadError where the traffic cannot be replayed.
    """
    trials = Trials.of(baseline, terms)
    found = [trials.measure]
    for service in (baseline, *candidates):
        for setting in settings.get(key(service)) or choices(service):
            if service is not baseline or setting != baseline.setting:
                found.append(trials.tried(service, setting))
    return found


@dataclass(frozen=True, kw_only=True)
class Trials:
    """What every setting is tried on: the same arrivals, the first days of them, and the baseline as it is now."""

    came: Arrivals
    few: Arrivals
    terms: Terms
    measure: Tried

    @classmethod
    def of(cls, baseline: Service, terms: Terms) -> "Trials":
        """Raises LoadError where the traffic cannot be replayed."""
        came = arrivals(terms.traffic, seed=terms.seed, hours=hours_for(terms.traffic, terms.requests))
        few = first_days(came, terms.requests_per_block)
        measure = tried_on(baseline, baseline.setting, (came, few), terms)
        if measure.blend:
            measure = replace(measure, serves=True, reason="the measure of all")
        return cls(came=came, few=few, terms=terms, measure=measure)

    def tried(self, service: Service, setting: Setting) -> Tried:
        """With its limits, held to the baseline as it is now."""
        if service.name == self.measure.service.name and setting == self.measure.setting:
            return self.measure
        return held(tried_on(service, setting, (self.came, self.few), self.terms), self.measure, self.terms)

    def search(self, service: Service, settings: Sequence[Setting]) -> list[Tried]:
        """Every setting; with limits the one as deployed, and by their cost all up to the first that serves as well.

        Cost and p95 of the others are points of the first days: they are dearer, or their p95 is beyond its margin
        already, or they cannot be replayed.
        """
        seen = {setting: self._glance(service, setting) for setting in settings}
        places = {setting: i for i, setting in enumerate(settings)}
        hopeful = [setting for setting, glance in seen.items() if glance.serves is None and glance.month is not None]
        found: dict[Setting, Tried] = {service.setting: self.tried(service, service.setting)}
        for setting in sorted(hopeful, key=lambda each: (cost_of(seen[each]), places[each])):
            found[setting] = self.tried(service, setting)
            if found[setting].serves:
                break
        return [found.get(setting) or seen[setting] for setting in dict.fromkeys((service.setting, *settings))]

    def swapped(self, candidate: Tried, baseline: Tried) -> Swapped:
        """Each as the other one is set."""
        return Swapped(candidate=self._as(baseline, candidate), baseline=self._as(candidate, baseline))

    def _as(self, model: Tried, tried: Tried) -> Tried | None:
        """This service as that one is set; None where it cannot be, costs no less so, or is surely slower."""
        if tried.service.setting.stands or model.setting.stands:
            return None
        workers = {name: getattr(model.setting, name) for name in ("window_s", "min_workers", "max_workers")}
        setting = replace(tried.service.setting, **workers)
        if setting == tried.setting:
            return None
        found = self.tried(tried.service, setting)
        low = found.ratio.limits.low if found.ratio else None
        slower = low is not None and low > self.terms.margin
        return None if slower or cost_of(found) >= cost_of(tried) else found

    def _glance(self, service: Service, setting: Setting) -> Tried:
        """By the first days, without limits. serves: False where it surely does not, else None."""
        try:
            month = month_of(service, self.few, setting=setting, seed=self.terms.seed)
        except ReplayError as error:
            return Tried(service=service, setting=setting, without={}, reason=str(error))
        share = month.replayed.cold_share
        blend = blend_of(service, month.replayed, (share, share, share))
        p95_s = estimates.blended_point(blend, TAIL) if blend else None
        beyond = p95_s is not None and p95_s > self._most_s
        return Tried(
            service=service,
            setting=setting,
            month=month,
            cold_share=_point(share),
            nano_per_image=_point(month.nano_per_image),
            nano_per_month=_point(month.nano),
            p95_s=None if p95_s is None else _point(p95_s),
            without={},
            serves=False if beyond else None,
            reason=f"may be slower: its blended p95 is {p95_s:.0f} s" if beyond else "dearer than one that serves",
        )

    @property
    def _most_s(self) -> float:
        """A blended p95 that may still serve as well, the first days being few."""
        now = self.measure.p95_s.point if self.measure.p95_s else None
        return math.inf if now is None else now * self.terms.margin * _FEW_MORE


def _point(value: float) -> Estimate:
    return Estimate(point=value, n=0, blocks=0)
