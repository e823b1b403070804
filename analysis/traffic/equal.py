"""Equal service: each provider, the baseline too, at its cheapest setting that serves as well as the baseline does now.

Every setting is replayed with the same arrivals and the same chances. What measured seconds leave open is carried
through by replaying again without each block in turn (jackknife), on the first days of the same arrivals.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import product

import numpy as np
from numpy.typing import NDArray

from analysis import estimates, stats
from analysis.estimates import Blend, Estimate
from analysis.eviction import Fixed
from analysis.traffic.profile import Recorded, Traffic, first_days
from analysis.traffic.replay import DAY_S, Arrivals, Replayed, ReplayError, Setting
from analysis.traffic.service import Month, Service, month_of, played

WINDOWS = (5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, math.inf)  # beside the one as deployed
MARGIN = 1.25
TAIL = 0.95
ESTIMATED_SLACK = 0.05  # of ln(cost ratio), where an arm has no bill that could tell
_Floats = NDArray[np.float64]
_PARTS = 20  # of a replay, whose spread tells what its draws leave open
_LEVELS = 100  # at which the waits of a replay enter a quantile


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What settings are tried on. alpha: one-sided, of "serves as well"; intervals that are shown are two-sided 95 %.

    requests: so many at least enter a point (a month of them, or more days if there are few); `requests_per_block`:
    each replay without a block.
    """

    traffic: Traffic
    seed: int = 1
    alpha: float = 0.05
    margin: float = MARGIN
    requests: int = 20_000
    requests_per_block: int = 2_000


@dataclass(frozen=True, kw_only=True)
class Tried:
    """A setting and what traffic would cost and wait on it. Dollars in nano-USD. What is None is not known: `reason`.

    ratio: blended p95 over the baseline's as it is now; of that one itself None, it is the measure. without: nano-USD
    per good image as if a block had not been; all_blocks: the same of all blocks, on the same days. parts: what
    each part's share of the paid seconds has beside what its length and its requests explain. cold_chance: standard
    error of the cold share by the replay's draws.
    """

    service: Service
    setting: Setting
    month: Month | None = None
    cold_share: Estimate | None = None
    nano_per_image: Estimate | None = None
    nano_per_month: Estimate | None = None
    blend: Blend | None = None
    p95_s: Estimate | None = None
    ratio: Estimate | None = None
    without: Mapping[int, float]
    all_blocks: float = math.nan
    parts: _Floats = field(default_factory=lambda: np.zeros(0))
    cold_chance: float = 0.0
    serves: bool | None = None
    reason: str

    @property
    def as_is(self) -> bool:
        return self.setting == self.service.setting


def choices(
    service: Service,
    *,
    windows: Sequence[float] = WINDOWS,
    min_workers: Sequence[int] = (),
    max_workers: Sequence[int] = (),
) -> list[Setting]:
    """As deployed, then every other window with every number of workers kept up and at most; rented ones as they are.

    Fewer workers at most make requests wait where they would start another: cheaper, as long as it serves as well.
    """
    now = service.setting
    if now.stands:
        return [now]
    others = (
        replace(now, window_s=window, min_workers=least, max_workers=most)
        for most in (now.max_workers, *max_workers)
        for least, window in product(dict.fromkeys((now.min_workers, *min_workers)), windows)
        if most is None or least < most  # as many kept up as at most: a machine that is rented
    )
    return list(dict.fromkeys((now, *others)))


def cost_of(tried: Tried) -> float:
    """Nano-USD per good image, to order by; infinite where it is not known."""
    return math.inf if tried.month is None else tried.month.nano_per_image


def key(service: Service) -> str:
    """Modal L40S."""
    return f"{service.name} {service.gpu}".strip()


def cheapest(tried: Sequence[Tried], name: str) -> Tried | None:
    """Of a provider's settings on all its GPUs, the one of least dollars per good image that serves as well."""
    serving = [each for each in tried if each.serves and each.service.name == name]
    return min(serving, key=cost_of, default=None)


@dataclass(frozen=True, kw_only=True)
class Swapped:
    """Each arm as the other one is set, where it costs less so and is not surely slower; None: it does not, or it is.

    Which window serves as well is known by samples too: one arm may be shown to serve with a shorter one by chance.
    """

    candidate: Tried | None = None
    baseline: Tried | None = None


def saving(
    candidate: Tried, baseline: Tried, *, swapped: Swapped | None = None, alpha: float = stats.TWO_SIDED
) -> Estimate | None:
    """1 - candidate's dollars per good image over the baseline's, by jackknife over the blocks of both; None: no cost.

    Of the cheapest settings it is the saving at equal service, of both as deployed the as-is saving.
    """
    if candidate.month is None or baseline.month is None:
        return None
    found = saved(candidate, baseline, swapped=swapped)
    if found is None:
        point = 1 - candidate.month.nano_per_image / baseline.month.nano_per_image
        blocks = len({*candidate.without, *baseline.without})
        return Estimate(point=point, n=blocks, blocks=blocks, needs_blocks=estimates.CLAIM_BLOCKS - blocks)
    return estimates.saving(found, alpha=alpha)


def saved(candidate: Tried, baseline: Tried, *, swapped: Swapped | None = None) -> stats.Saving | None:
    """The same by its logarithm and standard error, for limits at any alpha; None: no cost, or no two blocks.

    swapped: opens the limits to what would be saved if the baseline were set as the candidate is, in dollars of what
    it costs at its own setting, and if the candidate were set as the baseline is.
    """
    blocks = sorted({*candidate.without, *baseline.without})
    if candidate.month is None or baseline.month is None or len(blocks) < 2:
        return None
    without = [
        (candidate.without.get(block, candidate.all_blocks), baseline.without.get(block, baseline.all_blocks))
        for block in blocks
    ]
    slack = 0.0 if candidate.service.billed and baseline.service.billed else ESTIMATED_SLACK
    costs = candidate.month.nano_per_image, baseline.month.nano_per_image
    chance = _se(candidate.parts - baseline.parts)  # the same arrivals met both
    found = stats.saving(costs, without, slack=slack, chance=chance)
    return found if swapped is None else _opened(found, costs, swapped)


def _opened(found: stats.Saving, costs: tuple[float, float], swapped: Swapped) -> stats.Saving:
    mine, base = costs
    worse = math.log1p((base - cost_of(swapped.baseline)) / mine) if swapped.baseline else 0.0
    better = math.log(mine / cost_of(swapped.candidate)) if swapped.candidate else 0.0
    return replace(found, worse=worse, better=better)


# ---------------------------------------------------------------- one setting


def tried_on(service: Service, setting: Setting, came: tuple[Arrivals, Arrivals], terms: Terms) -> Tried:
    """Point from all arrivals, spread between blocks from the first days."""
    try:
        month = month_of(service, came[0], setting=setting, seed=terms.seed)
        all_blocks = month_of(service, came[1], setting=setting, seed=terms.seed)
        without = _without_each(service, setting, came[1], terms.seed)
    except ReplayError as error:
        return Tried(service=service, setting=setting, without={}, reason=str(error))
    chance = _chance(came[0], month, terms.traffic)
    dollars = partial(_dollars, chance=chance)
    cold = estimates.recomputed(
        month.replayed.cold_share,
        [each.replayed.cold_share for each in without.values()],
        scale="share",
        chance=chance.share,
    )
    blend = blend_of(service, month.replayed, _shares(service, setting, cold, came[0], terms.seed))
    return Tried(
        service=service,
        setting=setting,
        month=month,
        cold_share=cold,
        nano_per_image=dollars(month.nano_per_image, [each.nano_per_image for each in without.values()]),
        nano_per_month=dollars(month.nano, [each.nano for each in without.values()]),
        blend=blend,
        p95_s=estimates.blended_quantile(blend, TAIL) if blend else None,
        without={block: each.nano_per_image for block, each in without.items()},
        all_blocks=all_blocks.nano_per_image,
        parts=chance.parts,
        cold_chance=chance.share,
        reason="" if blend else f"no latency of warm or of cold jobs was measured on {key(service)}",
    )


def image_cost(
    service: Service, setting: Setting, came: Arrivals, traffic: Traffic, *, seed: int, requests_per_block: int
) -> Estimate:
    """Nano-USD per good image as in `Tried`: all arrivals give the point, the first days its spread between blocks.

    Raises ReplayError where its workers cannot keep up.
    """
    month = month_of(service, came, setting=setting, seed=seed)
    without = _without_each(service, setting, first_days(came, requests_per_block), seed)
    each = [left.nano_per_image for left in without.values()]
    return _dollars(month.nano_per_image, each, chance=_chance(came, month, traffic))


@dataclass(frozen=True, kw_only=True)
class _Chance:
    """What the draws of a replay leave open: standard errors of the cold share and of ln dollars; see `Tried.parts`."""

    share: float = 0.0
    dollars: float = 0.0
    parts: _Floats = field(default_factory=lambda: np.zeros(0))


def _chance(came: Arrivals, month: Month, traffic: Traffic) -> _Chance:
    """Batch means over parts of whole days (Law & Carson 1979), beside what their length and their requests explain.

    Both are fixed for the whole: a machine that never goes costs what it costs. A record has no other draw.
    """
    if isinstance(traffic, Recorded):
        return _Chance()
    days = round(came.span_s / DAY_S)
    part = np.minimum(came.at_s / came.span_s * days, days - 1).astype(np.int64) // max(1, days // _PARTS)
    length = np.bincount(np.arange(days) // max(1, days // _PARTS))
    requests, colds, paid = (
        np.bincount(part, weights=each, minlength=length.size)
        for each in (None, month.replayed.cold, month.replayed.paid_each_s)
    )
    of_colds, of_paid = (
        stats.residuals(each / whole, length / days, requests / came.n)
        for each, whole in ((colds, came.n), (paid, month.replayed.paid_s))
    )
    return _Chance(share=_se(of_colds), dollars=_se(of_paid), parts=of_paid)


def _dollars(point: float, without: Sequence[float], *, chance: _Chance) -> Estimate:
    return estimates.recomputed(point, without, least=estimates.CLAIM_BLOCKS, chance=chance.dollars)


def _se(left: _Floats) -> float:
    return stats.sum_se(left, fitted=2)


def _without_each(service: Service, setting: Setting, few: Arrivals, seed: int) -> dict[int, Month]:
    """The month without each block in turn; without the only one there is nothing to replay."""
    blocks = service.blocks if len(service.blocks) > 1 else []
    left = ((block, service.without(block)) for block in blocks)
    return {block: month_of(rest, few, setting=setting, seed=seed) for block, rest in left if not rest.missing}


def _shares(
    service: Service, setting: Setting, cold: Estimate, came: Arrivals, seed: int
) -> tuple[float, float, float]:
    """The cold share's low end, point and high end; of a window that is known as a bracket, at both of its ends too."""
    share = cold.point or 0.0
    ends = [share if end is None else end for end in (cold.limits.low, cold.limits.high)]
    if isinstance(service.window, Fixed) and setting == service.setting:
        for window_s in (service.window.low_s, service.window.high_s):
            ends.append(played(service, came, replace(setting, window_s=window_s), seed=seed).cold_share)
    return min(ends), share, max(ends)


def blend_of(service: Service, replayed: Replayed, shares: tuple[float, float, float]) -> Blend | None:
    if not service.warm.n or not service.cold.n:
        return None
    cold_waits, warm_waits = (_levels(replayed.wait_s[kept]) for kept in (replayed.cold, ~replayed.cold))
    return Blend(cold=service.cold, warm=service.warm, cold_share=shares, cold_waits=cold_waits, warm_waits=warm_waits)


def _levels(waits_s: _Floats) -> Sequence[float]:
    """The waits of a class at equally likely levels; one of 0 where nobody waits."""
    waits = np.sort(waits_s)
    if not waits.any():
        return (0.0,)
    at = ((np.arange(_LEVELS) + 0.5) / _LEVELS * waits.size).astype(np.int64)
    return tuple(waits[at].tolist())


def held(tried: Tried, measure: Tried, terms: Terms) -> Tried:
    """Held to the baseline as it is now."""
    if tried.blend is None:
        return tried
    if measure.blend is None:
        return replace(tried, reason=f"nothing to hold it to: {measure.reason}")
    ratio = estimates.blended_ratio(tried.blend, measure.blend, TAIL, alpha=terms.alpha)
    high = ratio.limits.high
    if high is None:
        why = ratio.withheld or "more than 5 % of the baseline's jobs gave no image"
        return replace(tried, ratio=ratio, reason=f"not known yet whether it serves as well: {why}")
    serves = high <= terms.margin
    said = "serves as well" if serves else "may be slower"
    times = f"at most {high:.2f} times the baseline's now" if math.isfinite(high) else "may be beyond the deadline"
    reason = f"{said}: blended p95 {times}, {terms.margin:g} allowed"
    return replace(tried, ratio=ratio, serves=serves, reason=reason)
