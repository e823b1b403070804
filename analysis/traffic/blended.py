"""Production's traffic on every provider: each at its cheapest setting that serves as well, and as it is now."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from analysis import stats
from analysis.estimates import Estimate
from analysis.traffic import breakeven
from analysis.traffic.breakeven import Bought, Option, Served
from analysis.traffic.equal import Terms, Tried, cheapest, choices, saving
from analysis.traffic.measured import Unmeasured
from analysis.traffic.replay import Setting, rented
from analysis.traffic.service import Service
from analysis.traffic.tables import settings_table
from analysis.traffic.trials import Trials

HOURS = ((6, 22), (8, 20))  # of each UTC day, in which machines might be rented instead of around the clock
MOST_MACHINES = 20
KEPT_UP, AT_MOST = (0, 1), (1, 2)  # workers that might be kept up, and at most, beside as many as deployed


@dataclass(frozen=True, kw_only=True)
class Offered:
    """One provider. best: its cheapest setting that serves as well; None: none does, or it is not known: `reason`.

    Savings against the baseline: at equal service of both at their best; as is of both as they are deployed.
    """

    name: str
    as_is: Tried
    best: Tried | None
    saving: Estimate | None
    as_is_saving: Estimate | None
    reason: str


@dataclass(frozen=True, kw_only=True)
class Blended:
    """Every setting that was tried, the providers in order, the baseline first, and those that could not be."""

    terms: Terms
    tried: Sequence[Tried]
    providers: Sequence[Offered]
    unmeasured: Sequence[Unmeasured]

    @property
    def settings(self) -> pl.DataFrame:
        """`tables.SETTINGS`."""
        return settings_table(self.tried)


def blended(services: Sequence[Service | Unmeasured], terms: Terms, *, baseline: str) -> Blended | Unmeasured:
    """Replay the traffic on all services at all settings worth trying. `baseline`: a service's name; the first of its.

    Gives why not where the baseline itself is not measured. Raises LoadError where the traffic cannot be replayed.
    """
    known = [each for each in services if isinstance(each, Service) and each.missing is None]
    measures = [each for each in known if each.name == baseline]
    rest = [_why(each) for each in services if isinstance(each, Unmeasured) or each.missing is not None]
    if not measures:
        why = next((each.reason for each in rest if each.name == baseline), f"Nothing was measured on {baseline}.")
        return Unmeasured(name=baseline, gpu="", reason=why)
    others = [each for each in known if each is not measures[0]]
    trials = Trials.of(measures[0], terms)
    tried = [one for each in (measures[0], *others) for one in trials.search(each, worth_trying(each, terms))]
    names = list(dict.fromkeys(each.name for each in (measures[0], *others)))
    return Blended(
        terms=terms, tried=tried, providers=[_offered(tried, name, trials) for name in names], unmeasured=rest
    )


def worth_trying(service: Service, terms: Terms) -> list[Setting]:
    """Every window with none or one worker kept up, and one, two or as many as deployed at most; rented ones as many as
    the traffic needs and one more, by the hour."""
    now = service.setting
    if not now.stands:
        return choices(service, min_workers=KEPT_UP, max_workers=AT_MOST)
    busy = terms.traffic.per_day / 86_400 * (float(service.service.high.mean()) + service.overhead_s)
    least = min(MOST_MACHINES, math.floor(busy) + 1)
    more = [rented(n, hours=hours) for n in (least, least + 1) for hours in (None, *HOURS)]
    return list(dict.fromkeys((now, *more)))


def volumes(
    found: Blended, at: Sequence[float], bought: Sequence[Bought] = (), *, requests: int = breakeven.REQUESTS
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """`breakeven.CURVE` and `breakeven.BREAK_EVEN` over these requests a day, of every provider's best and the others.

    A rented machine stands around the clock too; an external price is a line. `requests` enter a point at least.
    """
    options = options_of(found, bought)
    terms = found.terms
    costs = breakeven.costs_of(terms.traffic, seed=terms.seed, requests=requests)
    spreads = breakeven.spreads_of(
        terms.traffic, seed=terms.seed, requests=requests, requests_per_block=terms.requests_per_block
    )
    return breakeven.curves(options, at, costs, spreads), breakeven.break_evens(options, at, costs)


def options_of(found: Blended, bought: Sequence[Bought] = ()) -> list[Option]:
    """Each provider at its best, or as it is where nothing serves as well or is known to."""
    options: list[Option] = []
    for offered in found.providers:
        chosen = offered.best or offered.as_is
        options.append(Served(name=offered.name, service=chosen.service, setting=chosen.setting))
        around = rented()
        if chosen.service.setting.hours is None and chosen.setting.stands and chosen.setting != around:
            options.append(Served(name=f"{offered.name} around the clock", service=chosen.service, setting=around))
    return [*options, *bought]


def _offered(tried: Sequence[Tried], name: str, trials: Trials) -> Offered:
    baseline = trials.measure.service.name
    as_is = next(each for each in tried if each.service.name == name and each.as_is)
    measure, best = tried[0], cheapest(tried, name)
    least = cheapest(tried, baseline)
    return Offered(
        name=name,
        as_is=as_is,
        best=best,
        saving=None if name == baseline or best is None or least is None else at_best(best, least, trials),
        as_is_saving=None if name == baseline else saving(as_is, measure),
        reason=best.reason if best else why_none(tried, name),
    )


def at_best(best: Tried, least: Tried, trials: Trials, *, alpha: float = stats.TWO_SIDED) -> Estimate | None:
    """The saving at equal service, its limits as open as it is which settings serve as well."""
    return saving(best, least, swapped=trials.swapped(best, least), alpha=alpha)


def why_none(tried: Sequence[Tried], name: str) -> str:
    """Why no setting of it serves as well: that of the one that comes nearest, else of the first."""
    mine = [each for each in tried if each.service.name == name]
    near = [each for each in mine if each.ratio is not None and each.ratio.point is not None]
    chosen = min(near, key=lambda each: each.ratio.point if each.ratio and each.ratio.point else math.inf, default=None)
    return (chosen or mine[0]).reason


def _why(service: Service | Unmeasured) -> Unmeasured:
    if isinstance(service, Unmeasured):
        return service
    reason = service.missing or ""
    return Unmeasured(name=service.name, gpu=service.gpu, reason=f"{reason[:1].upper()}{reason[1:]}.")
