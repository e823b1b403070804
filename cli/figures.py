"""How the verbs about money write numbers, and frames as documents. A dash is what is not known; it is never 0."""

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import polars as pl

from analysis.cost import dollars
from analysis.estimates import Estimate
from words import CostState

NANO = 10**9


def document_of(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """The rows for JSON, which has no infinity: null instead."""
    return [{name: finite(value) for name, value in row.items()} for row in frame.iter_rows(named=True)]


def finite(value: Any) -> Any:
    """The value, None for a number that JSON has not."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def limits(found: Estimate | None, *, size: float = 1.0) -> dict[str, Any]:
    """An estimate over `size` for JSON: point, limits, and why there are none."""
    if found is None:
        return {"point": None, "low": None, "high": None, "withheld": "not known"}
    ends = [found.point, found.limits.low, found.limits.high]
    point, low, high = (None if each is None else finite(each / size) for each in ends)
    return {"point": point, "low": low, "high": high, "withheld": found.withheld}


def interval(found: Mapping[str, Any], form: str = ".2f", *, unit: str = "") -> str | None:
    """14.8 [13.1, 16.2], or 14.8 (needs 3 more blocks)."""
    if found["point"] is None:
        return None
    point = f"{found['point']:{form}}{unit}"
    if found["low"] is None and found["high"] is None:
        return f"{point} ({found['withheld']})" if found["withheld"] else point
    low, high = ("?" if end is None else f"{end:{form}}" for end in (found["low"], found["high"]))
    return f"{point} [{low}, {high}]"


def dollars_of(nano: float | None, places: int = 4) -> str | None:
    """Nano-USD as $1.2345, with its sign before the dollar."""
    return None if nano is None else money(nano / NANO, places)


def money(usd: float | None, places: int = 2) -> str | None:
    """-$0.03"""
    if usd is None or not math.isfinite(usd):
        return None
    return dollars(usd, places)


def figures(usd: float | None) -> str | None:
    """Dollars at any size, three figures at least: $214, $21.4, $0.0000542."""
    if usd is None or not math.isfinite(usd):
        return None
    places = 2 if not usd else max(0, 2 - math.floor(math.log10(abs(usd))))
    return money(usd, min(places, 12))


def percent(share: float | None, places: int = 1) -> str | None:
    """2.1 %"""
    return None if share is None or not math.isfinite(share) else f"{100 * share:.{places}f} %"


def stated(text: str | None, state: str | None) -> str | None:
    """An estimated amount has a tilde before it."""
    return f"~{text}" if text and state in (CostState.ESTIMATED, CostState.LIST) else text


def moment(at: datetime | None) -> str | None:
    """2026-11-23 12:00, UTC."""
    return None if at is None else f"{at:%Y-%m-%d %H:%M}"
