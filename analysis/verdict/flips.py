"""What would flip a ruling: one input changed at a time, the rule itself asked again, and the value where it turns.

A flip is looked for outwards from the value now, its bracket halved, and checked: the rule has to say two different
things a hundredth below and above it, else none is reported.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from analysis.verdict.card import Card
from analysis.verdict.gates import Money
from analysis.verdict.levers import Lever
from analysis.verdict.rule import Case, Ruling, judge
from analysis.verdict.said import STATES
from words import Verdict

STEPS = 4  # between now and each end of what is plausible
CLOSE = 0.001  # of the value: how narrow a bracket must be
MOST_HALVINGS = 40  # around 0 a bracket is narrow beside what is plausible after 20
BESIDE = 0.01  # how far from a flip it is checked
YEAR = 12  # months over which a move is held against what it costs once

FLIPS = pl.Schema(
    {
        "workflow": pl.String,
        "candidate": pl.String,
        "lever": pl.String,
        "short": pl.String,
        "typed": pl.Boolean,  # an assumption of a person that moves the money
        "now": pl.Float64,
        "low": pl.Float64,  # ends of what is plausible
        "high": pl.Float64,
        "state": pl.String,  # now
        "state_low": pl.String,
        "state_high": pl.String,
        "saving": pl.Float64,  # points; null: not known
        "saving_low": pl.Float64,  # at the low end of the lever, not a limit; so the next ones
        "saving_high": pl.Float64,
        "net_usd": pl.Float64,  # a month
        "net_usd_low": pl.Float64,
        "net_usd_high": pl.Float64,
        "year_usd": pl.Float64,  # of the first twelve months, less what the move costs once
        "year_usd_low": pl.Float64,
        "year_usd_high": pl.Float64,
        "flip": pl.Float64,  # null: no flip within the ends
        "becomes": pl.String,  # beyond the flip
        "now_text": pl.String,  # with its unit
        "flip_text": pl.String,
        "range_text": pl.String,
        "sentence": pl.String,
    }
)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What the rule says at one value, and the money behind it: points, None where not known."""

    state: Verdict
    saving: float | None = None
    net_usd: float | None = None  # a month
    year_usd: float | None = None


@dataclass(frozen=True, kw_only=True)
class Flip:
    """A lever on one case. point: where the state changes, None: nowhere between its ends; becomes: what it then is."""

    workflow: str
    candidate: str
    lever: Lever
    at_now: Outcome
    at_low: Outcome
    at_high: Outcome
    point: float | None
    becomes: Verdict | None

    @property
    def width_usd(self) -> float:
        """How far the money of the first year moves between the ends of the lever; 0 where it is not known."""
        ends = [each.year_usd for each in (self.at_low, self.at_now, self.at_high) if each.year_usd is not None]
        return max(ends) - min(ends) if ends else 0.0

    @property
    def sentence(self) -> str:
        """GO flips to STAY (not shown) if the price of Runpod rises above $1.234 an hour."""
        lever, state = self.lever, STATES[self.at_now.state]
        if self.point is None or self.becomes is None:
            return (
                f"{state} holds with {lever.name} anywhere from {lever.write(lever.low)} to {lever.write(lever.high)}."
            )
        way = "rises above" if self.point > lever.now else "falls below"
        return f"{state} flips to {STATES[self.becomes]} if {lever.name} {way} {lever.write(self.point)}."


def flips(card: Card, case: Case, found: Sequence[Lever], others: Sequence[Case] = ()) -> list[Flip]:
    """Each lever's, in the order given. `others`: further candidates of the workflow, who share its alpha."""
    return [flip(card, case, lever, others) for lever in found]


def flip(card: Card, case: Case, lever: Lever, others: Sequence[Case] = ()) -> Flip:
    """The flip that is nearest to the value now, if there is one that holds."""
    ask = _asked(card, case, lever, others)
    now = ask(lever.now)
    point = _nearest(lever, lambda value: ask(value).state is now.state)
    becomes = None if point is None else ask(_beyond(lever, point)).state
    return Flip(
        workflow=case.workflow,
        candidate=case.candidate,
        lever=lever,
        at_now=now,
        at_low=ask(lever.low),
        at_high=ask(lever.high),
        point=point,
        becomes=becomes,
    )


def tornado(found: Sequence[Flip]) -> list[Flip]:
    """The assumptions that a person typed, that which moves the money furthest first."""
    return sorted((each for each in found if each.lever.typed), key=lambda each: -each.width_usd)


def table(found: Sequence[Flip]) -> pl.DataFrame:
    """`FLIPS`, one row for each, in the order given."""
    return pl.DataFrame([_row(each) for each in found], schema=FLIPS)


# ---------------------------------------------------------------- asking


def _asked(card: Card, case: Case, lever: Lever, others: Sequence[Case]) -> Callable[[float], Outcome]:
    """What the rule says with the lever at a value, each asked for once; money as of the look that decides now."""
    known: dict[float, Outcome] = {}
    look = _ruling(card, case, others).look

    def ask(value: float) -> Outcome:
        if value not in known:
            changed, mine = (card, case) if value == lever.now else lever.change(card, case, value)
            known[value] = _outcome(_ruling(changed, mine, others).state, mine.looks[look - 1].money if look else None)
        return known[value]

    return ask


def _ruling(card: Card, case: Case, others: Sequence[Case]) -> Ruling:
    return judge(card, [case, *others])[0]


def _outcome(state: Verdict, money: Money | None) -> Outcome:
    if money is None or money.saving is None:
        return Outcome(state=state)
    saving = money.saving.point
    if money.baseline_usd is None or money.more_usd is None:
        return Outcome(state=state, saving=saving)
    net = saving * money.baseline_usd - money.more_usd
    return Outcome(state=state, saving=saving, net_usd=net, year_usd=YEAR * net - money.one_off_usd)


# ---------------------------------------------------------------- where it turns


def _nearest(lever: Lever, holds: Callable[[float], bool]) -> float | None:
    for inside, outside in _brackets(lever, holds):
        point = _halved(lever, inside, outside, holds)
        apart = BESIDE * (abs(point) or (lever.high - lever.low))
        if holds(point - apart) != holds(point + apart):
            return point
    return None


def _brackets(lever: Lever, holds: Callable[[float], bool]) -> Iterator[tuple[float, float]]:
    """(still the state now, no more), on either side, the nearest first."""
    sides = [_steps(lever, end) for end in (lever.high, lever.low) if end != lever.now]
    for step in range(1, STEPS + 1):
        for at in sides:
            if all(holds(value) for value in at[:step]) and not holds(at[step]):
                yield at[step - 1], at[step]


def _steps(lever: Lever, end: float) -> list[float]:
    """From now to that end, each as many times the one before; evenly where a value may be 0 or below."""
    shares = [step / STEPS for step in range(STEPS + 1)]
    if lever.low > 0:
        return [lever.now * (end / lever.now) ** share for share in shares[:-1]] + [end]
    return [lever.now + (end - lever.now) * share for share in shares]


def _halved(lever: Lever, inside: float, outside: float, holds: Callable[[float], bool]) -> float:
    """Until the bracket is narrow beside its value; around 0 beside what is plausible."""
    least = CLOSE**2 * (lever.high - lever.low)
    for _ in range(MOST_HALVINGS):
        if abs(outside - inside) <= max(CLOSE * max(abs(inside), abs(outside)), least):
            break
        middle = math.sqrt(inside * outside) if lever.low > 0 else (inside + outside) / 2
        inside, outside = (middle, outside) if holds(middle) else (inside, middle)
    return (inside + outside) / 2


def _beyond(lever: Lever, point: float) -> float:
    """A hundredth further from the value now than the flip."""
    apart = BESIDE * (abs(point) or (lever.high - lever.low))
    return point + apart if point > lever.now else point - apart


def _row(found: Flip) -> dict[str, object]:
    lever = found.lever
    ends = {"": found.at_now, "_low": found.at_low, "_high": found.at_high}
    return {
        "workflow": found.workflow,
        "candidate": found.candidate,
        "lever": lever.name,
        "short": lever.short,
        "typed": lever.typed,
        "now": lever.now,
        "low": lever.low,
        "high": lever.high,
        **{f"state{end}": each.state.value for end, each in ends.items()},
        **{f"{name}{end}": getattr(each, name) for end, each in ends.items() for name in _MONEY},
        "flip": found.point,
        "becomes": None if found.becomes is None else found.becomes.value,
        "now_text": lever.write(lever.now),
        "range_text": f"{lever.write(lever.low)} to {lever.write(lever.high)}",
        "flip_text": None if found.point is None else lever.write(found.point),
        "sentence": found.sentence,
    }


_MONEY = ("saving", "net_usd", "year_usd")
