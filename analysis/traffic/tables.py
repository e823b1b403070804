"""The settings that were tried, as a table: what each would cost and wait, and why the winner wins."""

import math
from collections.abc import Sequence
from typing import Any

import polars as pl

from analysis.estimates import Estimate
from analysis.traffic.equal import Tried, cheapest
from analysis.traffic.service import half_up

SETTINGS = pl.Schema(
    {
        "service": pl.String,
        "gpu": pl.String,
        "window_s": pl.Float64,  # infinite: a worker stays
        "concurrency": pl.Int64,
        "min_workers": pl.Int64,
        "max_workers": pl.Int64,  # null: no limit
        "hours": pl.String,  # of rented machines, UTC: "8-20"; null: around the clock
        "as_is": pl.Boolean,  # as deployed now
        "requests_per_month": pl.Float64,
        "good_per_month": pl.Float64,
        "cold_share": pl.Float64,
        "cold_share_low": pl.Float64,
        "cold_share_high": pl.Float64,
        "p95_s": pl.Float64,  # blended
        "p95_low_s": pl.Float64,
        "p95_high_s": pl.Float64,
        "p95_ratio": pl.Float64,  # to the baseline as it is now; null: it is that itself, or not known
        "p95_ratio_high": pl.Float64,  # one-sided
        "usd_per_image_nano": pl.Int64,  # per good image
        "usd_per_image_low_nano": pl.Int64,
        "usd_per_image_high_nano": pl.Int64,
        "usd_per_month_nano": pl.Int64,
        "usd_per_month_low_nano": pl.Int64,
        "usd_per_month_high_nano": pl.Int64,
        "paid_s_per_image": pl.Float64,
        "serves": pl.Boolean,  # as well as the baseline does now; null: not known
        "wins": pl.Boolean,  # the service's cheapest that serves as well
        "why": pl.String,
        "withheld": pl.String,  # why an interval is missing
        "simulated": pl.Boolean,
    }
)


def settings_table(tried: Sequence[Tried]) -> pl.DataFrame:
    """`SETTINGS`, one row for each setting tried, by service in the order given, the cheapest first, unknown last."""
    names = list(dict.fromkeys(each.service.name for each in tried))
    winners = {name: cheapest(tried, name) for name in names}
    ordered = sorted(tried, key=lambda each: (names.index(each.service.name), _cost(each)))
    return pl.DataFrame([_row(each, winners[each.service.name]) for each in ordered], schema=SETTINGS)


def _row(tried: Tried, winner: Tried | None) -> dict[str, Any]:
    setting, service, month = tried.setting, tried.service, tried.month
    return {
        "service": service.name,
        "gpu": service.gpu,
        "window_s": setting.window_s,
        "concurrency": setting.concurrency,
        "min_workers": setting.min_workers,
        "max_workers": setting.max_workers,
        "hours": None if setting.hours is None else f"{setting.hours[0]}-{setting.hours[1]}",
        "as_is": tried.as_is,
        "requests_per_month": None if month is None else month.requests,
        "good_per_month": None if month is None else month.good,
        **_limits("cold_share", tried.cold_share),
        **_limits("p95{}_s", tried.p95_s),
        "p95_ratio": None if tried.ratio is None else tried.ratio.point,
        "p95_ratio_high": None if tried.ratio is None else tried.ratio.limits.high,
        **_nano("usd_per_image{}_nano", tried.nano_per_image),
        **_nano("usd_per_month{}_nano", tried.nano_per_month),
        "paid_s_per_image": None if month is None else month.replayed.paid_s / month.replayed.n,
        "serves": tried.serves,
        "wins": tried is winner,
        "why": _why(tried, winner),
        "withheld": None if tried.p95_s is None else tried.p95_s.withheld,
        "simulated": service.simulated,
    }


def _why(tried: Tried, winner: Tried | None) -> str:
    if tried is winner:
        return f"the cheapest that serves as well; {tried.reason}"
    if tried.serves and winner is not None:
        more = _cost(tried) / _cost(winner) - 1
        return f"costs {more:.0%} more than {_name(winner)}; {tried.reason}"
    return tried.reason


def _name(tried: Tried) -> str:
    """L40S, window 60 s, 1 kept up."""
    setting = tried.setting
    window = "never gone" if math.isinf(setting.window_s) else f"window {setting.window_s:g} s"
    kept = f", {setting.min_workers} kept up" if setting.min_workers else ""
    most = f", {setting.max_workers} at most" if setting.max_workers else ""
    return f"{tried.service.gpu}, {window}{kept}{most}"


def _cost(tried: Tried) -> float:
    return math.inf if tried.month is None else tried.month.nano_per_image


def _limits(name: str, found: Estimate | None) -> dict[str, float | None]:
    """Point, low and high under the names of the schema."""
    pattern = name if "{}" in name else name + "{}"
    low, high = (None, None) if found is None else (found.limits.low, found.limits.high)
    point = None if found is None else found.point
    return {pattern.format(""): point, pattern.format("_low"): low, pattern.format("_high"): high}


def _nano(name: str, found: Estimate | None) -> dict[str, int | None]:
    return {each: None if value is None else half_up(value) for each, value in _limits(name, found).items()}
