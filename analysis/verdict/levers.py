"""The numbers behind a ruling that may be other than we think; each changes one input of a case and no other."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from math import log

from analysis import stats
from analysis.traffic.profile import MOST_PER_DAY
from analysis.verdict.card import Card, Margins
from analysis.verdict.gates import Look, Money
from analysis.verdict.rule import Case
from words import called

Change = Callable[[Card, Case, float], tuple[Card, Case]]
AtVolume = Callable[[float], Case]  # requests a day -> the same case with that traffic replayed on what it measured

TIMES = 2.0  # how far a price may be off, either way
VOLUME_TIMES = 5.0
OPS_HOURS = 10.0  # of a month, either way
ONE_OFF_TIMES = 4.0
COLD_SHARES = (0.001, 1.0)
MARGINS = {  # ends of what somebody might sign; a ratio of 1 could never be shown
    "success": (0.005, 0.10),
    "warm_p95": (1.02, 1.50),
    "stalls": (0.005, 0.10),
    "cold": (1.02, 2.00),
    "saving": (0.01, 0.60),
    "payback_months": (1.0, 60.0),
}


@dataclass(frozen=True, kw_only=True)
class Lever:
    """One input. now: its value in the case, between low and high, the ends of what is plausible. write: a value with
    its unit. typed: a person's assumption that moves the money; else a limit of the card, or measured. short: its name
    beside a bar."""

    name: str
    short: str
    now: float
    low: float
    high: float
    change: Change
    write: Callable[[float], str]
    typed: bool = True


@dataclass(frozen=True, kw_only=True)
class Known:
    """What a case rests on and its looks do not tell; None: not known, so there is no such lever.

    Prices in USD an hour of a worker. per_day: requests. more_hours: a month of operations, candidate less baseline.
    """

    usd_per_hour: float | None = None
    baseline_usd_per_hour: float | None = None
    per_day: float | None = None
    more_hours: float | None = None
    at_volume: AtVolume | None = None


def levers(card: Card, case: Case, known: Known) -> list[Lever]:
    """Every lever that this case has, assumptions first. None of a case before its first look."""
    if not case.looks:
        return []
    return [*_prices(card, case, known), *_volume(known), *_operations(card, case, known), *_limits(card, case)]


def _prices(card: Card, case: Case, known: Known) -> Iterator[Lever]:
    def candidate(of: float) -> Change:
        return _money(lambda money, usd: _dearer(money, usd / of))

    def baseline(of: float) -> Change:
        return _money(lambda money, usd: _baseline_dearer(money, usd / of))

    for name, now, change in (
        (case.candidate, known.usd_per_hour, candidate),
        (card.baseline, known.baseline_usd_per_hour, baseline),
    ):
        if now:
            yield Lever(
                name=f"the price of {called(name)}",
                short=f"Price of {called(name)}",
                now=now,
                low=now / TIMES,
                high=now * TIMES,
                change=change(now),
                write=lambda usd: f"${usd:.3f} an hour",
            )


def _volume(known: Known) -> Iterator[Lever]:
    now, at_volume = known.per_day, known.at_volume
    if now is not None and at_volume is not None:
        yield Lever(
            name="the volume",
            short="Volume",
            now=now,
            low=now / VOLUME_TIMES,
            high=min(now * VOLUME_TIMES, MOST_PER_DAY),
            change=lambda card, case, per_day: (card, replace(at_volume(per_day), blocked=case.blocked)),
            write=lambda per_day: f"{per_day:,.0f} requests a day",
        )


def _operations(card: Card, case: Case, known: Known) -> Iterator[Lever]:
    money = case.looks[-1].money
    rate, hours = card.hourly_usd, known.more_hours
    if money.more_usd is not None:
        yield Lever(
            name="the cost of its operations beside the baseline's",
            short="Operations",
            now=money.more_usd,
            low=money.more_usd - OPS_HOURS * rate,
            high=money.more_usd + OPS_HOURS * rate,
            change=_money(lambda money, usd: replace(money, more_usd=usd)),
            write=lambda usd: f"{usd_text(usd)} a month",
        )
    if rate and hours is not None:
        yield Lever(
            name="what a person's hour costs",
            short="A person's hour",
            now=rate,
            low=rate / TIMES,
            high=rate * TIMES,
            change=_money(lambda money, usd: _by_the_hour(card, money, hours, usd)),
            write=usd_text,
        )
    if rate and card.one_off_hours:
        yield Lever(
            name="the work of moving once",
            short="Work of moving",
            now=card.one_off_hours,
            low=card.one_off_hours / ONE_OFF_TIMES,
            high=card.one_off_hours * ONE_OFF_TIMES,
            change=_money(lambda money, hours: replace(money, one_off_usd=hours * rate)),
            write=lambda hours: f"{hours:.1f} hours",
        )


def _limits(card: Card, case: Case) -> Iterator[Lever]:
    share = case.looks[-1].cold_share_high
    if share is not None:
        low, high = COLD_SHARES
        yield Lever(
            name="the upper limit of its cold share",
            short="Cold share",
            now=share,
            low=min(low, share),
            high=high,
            change=_looks(lambda look, value: replace(look, cold_share_high=value)),
            write=_percent,
            typed=False,
        )
    for field, (low, high) in MARGINS.items():
        now = getattr(card.margins, field)
        yield Lever(
            name=_CALLED[field],
            short=_CALLED[field].removeprefix("the ").capitalize(),
            now=now,
            low=min(low, now),
            high=max(high, now),
            change=_margin(field),
            write=_WRITTEN.get(field, _percent),
            typed=False,
        )


def usd_text(usd: float) -> str:
    """-$1,234: whole dollars, the sign before the dollar."""
    return f"{'-' if round(usd) < 0 else ''}${abs(usd):,.0f}"


def _percent(share: float) -> str:
    return f"{share * 100:.2f} %"


_CALLED = {
    "success": "the margin of the success rate",
    "warm_p95": "the margin of warm p95",
    "stalls": "the margin of the stall share",
    "cold": "the margin of cold latency",
    "saving": "the saving that has to be shown",
    "payback_months": "the time to pay back",
}
_WRITTEN: dict[str, Callable[[float], str]] = {
    "warm_p95": lambda ratio: f"{ratio:.3f} times",
    "cold": lambda ratio: f"{ratio:.3f} times",
    "payback_months": lambda months: f"{months:.1f} months",
}


# ---------------------------------------------------------------- changes


def _looks(change: Callable[[Look, float], Look]) -> Change:
    return lambda card, case, value: (card, replace(case, looks=[change(look, value) for look in case.looks]))


def _money(change: Callable[[Money, float], Money]) -> Change:
    return _looks(lambda look, value: replace(look, money=change(look.money, value)))


def _margin(field: str) -> Change:
    """The target of the plan stays above the saving that has to be shown; no ruling depends on it."""

    def change(card: Card, case: Case, value: float) -> tuple[Card, Case]:
        margins: Margins = replace(card.margins, **{field: value, **_target(card.margins, field, value)})
        return replace(card, margins=margins), case

    return change


def _target(margins: Margins, field: str, value: float) -> dict[str, float]:
    return {"target_saving": max(margins.target_saving, (1 + value) / 2)} if field == "saving" else {}


def _dearer(money: Money, times: float) -> Money:
    """theta = ln(candidate / baseline) moves by ln(times), exactly, and its standard error not at all."""
    return replace(money, saving=_shifted(money.saving, log(times)))


def _baseline_dearer(money: Money, times: float) -> Money:
    month = None if money.baseline_usd is None else money.baseline_usd * times
    return replace(money, saving=_shifted(money.saving, -log(times)), baseline_usd=month)


def _shifted(saving: stats.Saving | None, by: float) -> stats.Saving | None:
    return None if saving is None else replace(saving, theta=saving.theta + by)


def _by_the_hour(card: Card, money: Money, hours: float, usd: float) -> Money:
    """Plan fees and storage beside the hours stay as they are."""
    more = None if money.more_usd is None else money.more_usd + hours * (usd - card.hourly_usd)
    return replace(money, more_usd=more, one_off_usd=card.one_off_hours * usd)
