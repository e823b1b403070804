"""What a move of our traffic to each candidate comes to: the saving at equal service against what the move costs."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from analysis import effort as minutes
from analysis import tco
from analysis.cost import dollars
from analysis.tco import Beside, Ownership, Span
from analysis.traffic.blended import Blended, Offered
from words import EffortKind, Provider

OFTEN: Mapping[EffortKind, float] = {EffortKind.DEPLOY: 4.0, EffortKind.LOGS: 4.0, EffortKind.DEBUG: 2.0}
ONE_OFF_HOURS, LEAST_USD = 16.0, 50.0
_NANO = 1e9


@dataclass(frozen=True, kw_only=True)
class Assumed:
    """What nobody measured: tasks a month, hours of the move itself, what is too small to matter, and what is due
    beside the meter: plan fees and storage at rest in dollars a month by backend, none where a backend is not named.
    """

    per_month: Mapping[EffortKind, float] = field(default_factory=lambda: dict(OFTEN))
    one_off_hours: float = ONE_OFF_HOURS
    hourly_usd: float = tco.HOURLY_USD
    least_usd: float = LEAST_USD
    plan_usd: Mapping[str, float] = field(default_factory=dict)
    storage_usd: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Move:
    """To a candidate. saving: dollars a month at equal service, before what is beside the bill; None: `said` has why.

    owned: None while the saving or the minutes of a planned task are not known. said: what it comes to, in words.
    """

    name: str
    saving: Span | None
    candidate: Beside
    baseline: Beside
    owned: Ownership | None
    said: str


def moves(found: Blended, effort: pl.DataFrame, assumed: Assumed, *, baseline: Provider) -> list[Move]:
    """Every candidate of the replay. `effort`: `analysis.effort.EFFORT`."""
    summary = minutes.summary(effort)
    base = next((one for one in found.providers if one.name == baseline.label), None)
    return [_move(one, base, summary, assumed, baseline) for one in found.providers if one is not base]


def _move(one: Offered, base: Offered | None, summary: pl.DataFrame, assumed: Assumed, baseline: Provider) -> Move:
    saving = _monthly(one, base)
    there, here = (_beside(summary, backend, assumed) for backend in (_backend(one), baseline.value))
    owned = None
    if saving is not None:
        owned = tco.ownership(
            saving,
            there,
            here,
            one_off_hours=assumed.one_off_hours,
            least_usd=assumed.least_usd,
            hourly_usd=assumed.hourly_usd,
        )
    if saving is None:
        said = f"no saving is known: {one.reason}"
    elif owned is None:
        said = _untimed({one.name: there, baseline.label: here})
    else:
        waits = f"; measured waits stand for {_and(there.waits)}" if there.waits else ""
        said = outcome_words(owned, least_usd=assumed.least_usd) + waits
    return Move(name=one.name, saving=saving, candidate=there, baseline=here, owned=owned, said=said)


def outcome_words(found: Ownership, *, least_usd: float) -> str:
    """What a move comes to, in words."""
    least = dollars(least_usd, 0)
    if found.outcome == "never":
        return "never pays back: what it costs beside the bill eats the saving"
    if found.outcome == "too_small":
        most = dollars(found.net.point if found.net.high is None else found.net.high, 0)
        return f"saving too small to matter: at most {most} a month, it takes {least}"
    if found.outcome == "pays_back":
        return f"pays back in {months_words(found.payback.point)}"
    return f"not decided: the net saving may lie on either side of {least} a month"


def months_words(months: float) -> str:
    """5.3 months, or never."""
    return "never" if math.isinf(months) else f"{months:.1f} months"


def _monthly(one: Offered, base: Offered | None) -> Span | None:
    """Dollars a month: the share at equal service of what the baseline at its best would cost."""
    if base is None or base.best is None or base.best.month is None or one.saving is None or one.saving.point is None:
        return None
    whole = base.best.month.nano / _NANO
    low, high = (None if end is None else end * whole for end in (one.saving.limits.low, one.saving.limits.high))
    return Span(point=one.saving.point * whole, low=low, high=high)


def _beside(summary: pl.DataFrame, backend: str, assumed: Assumed) -> Beside:
    return tco.beside(
        summary,
        backend,
        per_month=assumed.per_month,
        hourly_usd=assumed.hourly_usd,
        plan_usd=assumed.plan_usd.get(backend, 0.0),
        storage_usd=assumed.storage_usd.get(backend, 0.0),
    )


def _backend(one: Offered) -> str:
    return next((each.value for each in Provider if each.label == one.name), one.name)


def _untimed(beside: Mapping[str, Beside]) -> str:
    said = [f"{_and(each.unknown)} on {name}" for name, each in beside.items() if each.unknown]
    return f"nobody has timed {_and(said)} yet"


def _and(names: tuple[str, ...] | list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)
