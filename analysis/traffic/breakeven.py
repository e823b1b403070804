"""Where the cheapest option changes with the volume: cost of a good image against images a day, and its crossings.

All volumes are the same traffic, closer together or further apart (one seed), so that cost is as good as continuous in
the volume; a crossing is bracketed on a grid, halved, and checked on both sides.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations, pairwise
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from analysis.arrivals import LoadError
from analysis.estimates import Estimate
from analysis.stats import quantile
from analysis.traffic.equal import image_cost
from analysis.traffic.profile import DAYS_PER_MONTH, Curve, Traffic, arrivals, at_volume, curve_of, hours_for
from analysis.traffic.replay import ReplayError, Setting
from analysis.traffic.service import Month, Service, half_up, month_of

CURVE = pl.Schema(
    {
        "option": pl.String,
        "per_day": pl.Float64,  # requests
        "usd_per_image_nano": pl.Int64,  # per good image; null: see reason
        "usd_per_image_low_nano": pl.Int64,  # 95 %, two-sided; null: see withheld
        "usd_per_image_high_nano": pl.Int64,
        "blocks": pl.Int64,  # that were measured; null: it was not
        "withheld": pl.String,  # why there are no limits
        "usd_per_month_nano": pl.Int64,
        "cold_share": pl.Float64,  # null: it has no workers of ours
        "wait_p95_s": pl.Float64,  # in the queue, boots left aside; null likewise
        "cheapest": pl.Boolean,  # of all options at this volume
        "reason": pl.String,
    }
)
BREAK_EVEN = pl.Schema(
    {
        "option": pl.String,
        "other": pl.String,
        "per_day": pl.Float64,  # requests a day where they cost the same; null: they nowhere do
        "usd_per_image_nano": pl.Int64,  # there, of both
        "cheaper_below": pl.String,
        "cheaper_above": pl.String,
        "verified": pl.Boolean,  # evaluated on both sides of it, a hundredth away
        "reason": pl.String,  # one sentence for people
    }
)
GRID = 25
REQUESTS = 10_000
REQUESTS_PER_BLOCK = 2_000  # of each replay without a block
_CLOSE = 0.001  # of the volume: how narrow a bracket must be
_BESIDE = 0.01


@dataclass(frozen=True, kw_only=True)
class Served:
    """A provider at a setting: serverless, or a machine rented around the clock or by hours (`replay.rented`)."""

    name: str
    service: Service
    setting: Setting


@dataclass(frozen=True, kw_only=True)
class Bought:
    """An external API at so much an image, in integer nano-USD: a line of the price list, not measured.

    source: whose word the price is, and of when.
    """

    name: str
    usd_per_image_nano: int
    source: str = ""


Option = Served | Bought


@dataclass(frozen=True, kw_only=True)
class Cost:
    """At one volume: nano-USD per good image, None with the reason; cold share, None where there are no workers."""

    nano_per_image: float | None
    good_per_month: float
    cold_share: float | None = None
    wait_p95_s: float | None = None
    reason: str = ""


Costs = Callable[[Option, float], Cost]
Spreads = Callable[[Option, float], Estimate | None]
NOT_MEASURED = "not measured"


class Curves(NamedTuple):
    """Cost against volume (`CURVE`), and what it takes to ask at one more."""

    curves: pl.DataFrame
    options: Sequence[Option]
    costs: Costs
    spreads: Spreads

    def at(self, per_day: float) -> pl.DataFrame:
        """`CURVE` at one more volume."""
        return curves(self.options, [per_day], self.costs, self.spreads)


def grid(low: float, high: float, *, points: int = GRID) -> list[float]:
    """Volumes from low to high, each as many times the one before."""
    if not 0 < low < high:
        raise LoadError(f"Volumes go from above 0 up, not from {low:g} to {high:g} a day.")
    return [float(volume) for volume in np.geomspace(low, high, points)]


def costs_of(traffic: Traffic, *, seed: int = 1, requests: int = REQUESTS) -> Costs:
    """What an option costs at a volume of this traffic; each is replayed once and remembered."""
    curve, known = curve_of(traffic), dict[tuple[str, float], Cost]()

    def cost(option: Option, per_day: float) -> Cost:
        if isinstance(option, Bought):
            return Cost(nano_per_image=option.usd_per_image_nano, good_per_month=per_day * DAYS_PER_MONTH)
        if (option.name, per_day) not in known:
            known[option.name, per_day] = _served(option, at_volume(curve, per_day), seed, requests)
        return known[option.name, per_day]

    return cost


def spreads_of(
    traffic: Traffic, *, seed: int = 1, requests: int = REQUESTS, requests_per_block: int = REQUESTS_PER_BLOCK
) -> Spreads:
    """The limits of an option's cost at a volume (`equal.image_cost`), remembered; None of a price or a failure."""
    curve, known = curve_of(traffic), dict[tuple[str, float], Estimate | None]()

    def spread(option: Option, per_day: float) -> Estimate | None:
        if isinstance(option, Bought):
            return None
        if (option.name, per_day) not in known:
            at = at_volume(curve, per_day)
            came = arrivals(at, seed=seed, hours=hours_for(at, requests))
            ask = partial(image_cost, seed=seed, requests_per_block=requests_per_block)
            try:
                known[option.name, per_day] = ask(option.service, option.setting, came, at)
            except ReplayError:
                known[option.name, per_day] = None
        return known[option.name, per_day]

    return spread


def curves(options: Sequence[Option], volumes: Sequence[float], costs: Costs, spreads: Spreads) -> pl.DataFrame:
    """`CURVE`, one row per option and volume, in the order given. Raises LoadError if two options have one name."""
    _apart(options)
    rows = [
        _point(option, volume, costs(option, volume)) | _limits(option, spreads(option, volume))
        for option in options
        for volume in volumes
    ]
    least = pl.col("usd_per_image_nano") == pl.col("usd_per_image_nano").min().over("per_day")
    return pl.DataFrame(rows, schema=CURVE).with_columns(cheapest=least.fill_null(value=False))


def curves_of(
    options: Sequence[Option],
    volumes: Sequence[float],
    traffic: Traffic,
    *,
    seed: int = 1,
    requests_per_block: int = REQUESTS_PER_BLOCK,
) -> Curves:
    """All options at all volumes of this traffic. Raises LoadError if two options have one name."""
    costs = costs_of(traffic, seed=seed)
    spreads = spreads_of(traffic, seed=seed, requests_per_block=requests_per_block)
    return Curves(curves(options, volumes, costs, spreads), options, costs, spreads)


def break_evens(options: Sequence[Option], volumes: Sequence[float], costs: Costs) -> pl.DataFrame:
    """`BREAK_EVEN`, every pair of options: one row per crossing between the volumes, or one that says there is none.

    Raises LoadError if two options have one name.
    """
    _apart(options)
    rows = [row for one, other in combinations(options, 2) for row in _pair(one, other, volumes, costs)]
    return pl.DataFrame(rows, schema=BREAK_EVEN)


def _apart(options: Sequence[Option]) -> None:
    names = [option.name for option in options]
    for name in names:
        if names.count(name) > 1:
            raise LoadError(f"Two options are called {name}; each needs a name of its own.")


# ---------------------------------------------------------------- one option


def _served(option: Served, curve: Curve, seed: int, requests: int) -> Cost:
    came = arrivals(curve, seed=seed, hours=hours_for(curve, requests))
    try:
        found: Month = month_of(option.service, came, setting=option.setting, seed=seed)
    except ReplayError as error:
        return Cost(nano_per_image=None, good_per_month=math.nan, reason=str(error))
    return Cost(
        nano_per_image=found.nano_per_image,
        good_per_month=found.good,
        cold_share=found.replayed.cold_share,
        wait_p95_s=quantile(found.replayed.wait_s.clip(0), 0.95),
    )


def _point(option: Option, volume: float, cost: Cost) -> dict[str, Any]:
    known = cost.nano_per_image is not None
    return {
        "option": option.name,
        "per_day": volume,
        "usd_per_image_nano": half_up(cost.nano_per_image) if cost.nano_per_image is not None else None,
        "usd_per_month_nano": half_up((cost.nano_per_image or 0.0) * cost.good_per_month) if known else None,
        "cold_share": cost.cold_share,
        "wait_p95_s": cost.wait_p95_s,
        "cheapest": None,
        "reason": cost.reason,
    }


def _limits(option: Option, found: Estimate | None) -> dict[str, Any]:
    if found is None:
        low, high, blocks = None, None, None
        withheld = NOT_MEASURED if isinstance(option, Bought) else None
    else:
        low, high, blocks, withheld = found.limits.low, found.limits.high, found.blocks, found.withheld
    ends = {"low": low, "high": high}
    nano = {f"usd_per_image_{name}_nano": None if end is None else half_up(end) for name, end in ends.items()}
    return {**nano, "blocks": blocks, "withheld": withheld}


# ---------------------------------------------------------------- two options


def _pair(one: Option, other: Option, volumes: Sequence[float], costs: Costs) -> list[dict[str, Any]]:
    def apart(volume: float) -> float | None:
        a, b = costs(one, volume).nano_per_image, costs(other, volume).nano_per_image
        return None if a is None or b is None else math.log(a / b)

    found = [(volume, difference) for volume in volumes if (difference := apart(volume)) is not None]
    crossings = [
        _crossing(one, other, (low, high), (apart, costs))
        for (low, before), (high, after) in pairwise(found)
        if (before < 0) != (after < 0)
    ]
    return crossings or [_none(one, other, found)]


def _crossing(
    one: Option, other: Option, bracket: tuple[float, float], of: tuple[Callable[[float], float | None], Costs]
) -> dict[str, Any]:
    """Halved until it is narrow. Below and above: who is cheaper a hundredth away, which is evaluated anew."""
    apart, costs = of
    low, high = bracket
    first = (apart(low) or 0.0) < 0
    while high / low - 1 > _CLOSE:
        middle = math.sqrt(low * high)
        if ((apart(middle) or 0.0) < 0) == first:
            low = middle
        else:
            high = middle
    at = math.sqrt(low * high)
    beside = [apart(at * (1 - _BESIDE)), apart(at * (1 + _BESIDE))]
    below, above = (one.name, other.name) if first else (other.name, one.name)
    verified = None not in beside and [(each or 0.0) < 0 for each in beside] == [first, not first]
    return {
        "option": one.name,
        "other": other.name,
        "per_day": at,
        "usd_per_image_nano": half_up(costs(one, at).nano_per_image or 0.0),
        "cheaper_below": below,
        "cheaper_above": above,
        "verified": verified,
        "reason": f"{below} is cheaper below {at:,.0f} requests a day, {above} above"
        + ("" if verified else "; they cost about the same around it"),
    }


def _none(one: Option, other: Option, found: Sequence[tuple[float, float]]) -> dict[str, Any]:
    row = dict.fromkeys(BREAK_EVEN.names()) | {"option": one.name, "other": other.name}
    if not found:
        return row | {"reason": f"there is no volume at which both {one.name} and {other.name} have a cost"}
    cheaper = one.name if found[0][1] < 0 else other.name
    said = f"{cheaper} is cheaper at every volume from {found[0][0]:,.0f} to {found[-1][0]:,.0f} requests a day"
    return row | {"cheaper_below": cheaper, "cheaper_above": cheaper, "reason": said}
