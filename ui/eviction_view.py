"""When idle capacity goes away, as probes tell: the chart's frames and the words for it. Pure."""

import math

import polars as pl

from analysis.eviction import Drawn, Fixed, Withheld
from analysis.traffic.profile import Traffic
from ui.formats import duration_s
from ui.names import in_order, label, provider_of


def eviction_rows(windows: dict[str, Fixed | Drawn | Withheld], *, simulated: bool) -> pl.DataFrame:
    """The columns of the chart `eviction`, from half of the shortest bracket to three times the longest."""
    known = {name: windows[name] for name in in_order(windows) if not isinstance(windows[name], Withheld)}
    ends = [end for law in known.values() for end in _ends(law) if 0 < end < math.inf]
    if not ends:
        return pl.DataFrame()
    low, high = min(ends) / 2, max(ends) * 3
    steps = [low * (high / low) ** (i / 60) for i in range(61)]
    rows = [_chance(name, law, gap, simulated=simulated) for name, law in known.items() for gap in steps]
    return pl.DataFrame(rows, infer_schema_length=None)


def window_words(windows: dict[str, Fixed | Drawn | Withheld]) -> list[str]:
    """Modal: capacity goes away after 290 to 310 s idle (n 64)."""
    return [f"{label(name)}: {_window(windows[name])} (n {windows[name].n})." for name in in_order(windows)]


def gap_rows(traffic: Traffic) -> pl.DataFrame:
    """Gaps between requests if they came evenly within each hour, `x` in s; the rug of `eviction`."""
    total = sum(traffic.weights)
    paces = [traffic.per_day * weight / total for weight in traffic.weights if weight > 0]
    return pl.DataFrame({"x": [3600 / pace for pace in paces]})


def _ends(law: Fixed | Drawn | Withheld) -> tuple[float, ...]:
    if isinstance(law, Fixed):
        return (law.low_s, law.high_s)
    return (law.median_s,) if isinstance(law, Drawn) else ()


def _chance(name: str, law: Fixed | Drawn | Withheld, gap_s: float, *, simulated: bool) -> dict[str, object]:
    found = law.cold_after(gap_s) if not isinstance(law, Withheld) else None
    return {
        "option": label(name), "key": provider_of(name), "x": gap_s, "y": found and found.point,
        "low": found and found.low, "high": found and found.high, "simulated": simulated,
    }  # fmt: skip


def _window(law: Fixed | Drawn | Withheld) -> str:
    if isinstance(law, Withheld):
        return law.reason
    if isinstance(law, Drawn):
        return f"half is gone after {duration_s(law.median_s)} idle, drawn anew each time"
    high = duration_s(law.high_s) if math.isfinite(law.high_s) else "any gap tried"
    return f"capacity goes away after {duration_s(law.low_s)} to {high} idle"
