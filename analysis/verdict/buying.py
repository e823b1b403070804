"""What to buy next where the rule cannot decide: per open gate the chance that it passes, what finishing it costs, and
whether knowing is worth the price.

Either the rest of this card's plan, or, where that would likely leave it open too, a new card with more blocks: a plan
is never stretched. Beside jobs a decision may want votes, minutes of people, or bills that close.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from analysis.planning import buying_order, perfect_information
from analysis.verdict.campaigns import Plan
from analysis.verdict.card import Card
from analysis.verdict.expense import BLOCKS_PER_DAY, Pair, days_of
from analysis.verdict.gates import Look
from analysis.verdict.planner import MOST_BLOCKS, sized
from analysis.verdict.prospects import Prospects
from analysis.verdict.rule import Case, Ruling
from words import Gate, Verdict

LIKELY = 0.5  # the chance from which a purchase is named
EVEN = 0.5  # of a gate of which no chance can be told yet
VOTES, VOTE_S = 230, 10.0  # blind votes for equivalence within 10 points, and about how long one takes
MONTHS = 12  # over which a decision is worth what it is
LEAST_BLOCKS = 16  # of a new card

_WARM = (Gate.SUCCESS, Gate.WARM_P95, Gate.STALLS, Gate.SAVING, Gate.WORTH)
_COLD = (Gate.SUCCESS, Gate.COLD, Gate.SAVING, Gate.WORTH)


@dataclass(frozen=True, kw_only=True)
class Step:
    """What would finish one open gate. chance: that it then passes, None: not to be told. usd: estimated.

    hours: of measuring, or of people."""

    gate: Gate
    what: str
    usd: float
    hours: float
    chance: float | None


@dataclass(frozen=True, kw_only=True)
class Jobs:
    """Blocks to measure, with their jobs and parts. anew: on a new card, else on the one there is."""

    plan: Plan
    blocks: int
    anew: bool

    def usd(self, pair: Pair) -> float:
        return self.blocks * pair.block_usd(self.plan.warm, self.plan.cold)

    def hours(self, pair: Pair) -> float:
        return self.blocks * pair.block_s(self.plan.warm, self.plan.cold) / 3600

    @property
    def count(self) -> int:
        """Of both arms."""
        return 2 * self.blocks * (self.plan.warm + self.plan.cold)


@dataclass(frozen=True, kw_only=True)
class Purchase:
    """steps: the open gates in the order in which to finish them: the one that most likely fails for the least first.

    jobs: None: no job would help, or none likely settles it. asks: what no job brings. chance: that it settles the case
    (GO, surely not worth it, surely worse); None: nothing tells yet. worth_usd: what knowing is worth at most, None: it
    is not known. buys: False where it costs more than that, or nothing would settle it.
    """

    steps: Sequence[Step]
    jobs: Jobs | None
    asks: Sequence[str]
    usd: float
    hours: float
    days: int
    chance: float | None
    worth_usd: float | None
    buys: bool

    @property
    def sentence(self) -> str:
        """8 more blocks: about $19, 2 days, settles it with 91 %."""
        parts = [*([self._jobs()] if self.jobs else []), *self.asks]
        if not parts:
            return f"No plan of {MOST_BLOCKS // BLOCKS_PER_DAY} days would likely settle it: stay."
        if not self.buys:
            return f"Knowing more costs about ${self.usd:,.0f} and is worth ${self.worth_usd or 0:,.0f} at most: stay."
        said = "; ".join(parts)
        return f"{said[:1].upper()}{said[1:]}."

    def _jobs(self) -> str:
        if self.jobs is None:
            return ""
        plan, count = self.jobs.plan, self.jobs.blocks * self.jobs.plan.parts
        unit = "half-blocks" if plan.parts > 1 else "blocks"
        each = f" of {plan.warm // plan.parts} warm and {plan.cold // plan.parts} cold jobs"
        what = f"a new card with {count} {unit}{each}" if self.jobs.anew else f"{count} more {unit}"
        chance = "" if self.chance is None else f", settles it with {self.chance:.0%}"
        return f"{what}: about ${self.usd:,.0f}, {self.days} days{chance}"


def buy_next(card: Card, case: Case, ruling: Ruling, pair: Pair, plan: Plan) -> Purchase | None:
    """Of a ruling that more data can change: insufficient, or not shown; None of any other.

    plan: the jobs of a block and its parts, as they are measured.
    """
    if ruling.state not in (Verdict.INSUFFICIENT, Verdict.NOT_SHOWN):
        return None
    planned = card.looks_rented if case.rented else card.looks
    if not ruling.look:
        left = max(1, math.ceil((planned[0] - case.seen) / plan.parts))
        return _purchase([], Jobs(plan=plan, blocks=left, anew=False), [], pair, chance=None, worth=None)
    at = Prospects(card=card, look=case.looks[ruling.look - 1], ruling=ruling, last=planned[-1])
    asks = list(_asks(card, at.look, ruling))
    jobs, chance = (None, None) if asks and not at.open else _jobs(at, plan)
    steps = [*(_steps(at, pair, jobs) if jobs else []), *_people(card, ruling)]
    return _purchase(steps, jobs, asks, pair, chance=chance, worth=_worth(at))


def _purchase(
    steps: Sequence[Step],
    jobs: Jobs | None,
    asks: Sequence[str],
    pair: Pair,
    *,
    chance: float | None,
    worth: float | None,
) -> Purchase:
    votes = [step for step in steps if step.gate is Gate.QUALITY]
    usd = (jobs.usd(pair) if jobs else 0.0) + sum(step.usd for step in votes)
    return Purchase(
        steps=_ordered(steps),
        jobs=jobs,
        asks=asks,
        usd=usd,
        hours=(jobs.hours(pair) if jobs else 0.0) + sum(step.hours for step in votes),
        days=days_of(jobs.blocks) if jobs else 0,
        chance=chance,
        worth_usd=worth,
        buys=bool(jobs or asks) and (worth is None or usd <= worth),
    )


# ---------------------------------------------------------------- jobs


def _jobs(at: Prospects, plan: Plan) -> tuple[Jobs | None, float | None]:
    """The rest of this card where that likely settles it, else the smallest new one that does."""
    left, chance = math.ceil((at.last - at.look.blocks) / plan.parts), at.settles(at.at_end)
    if left and at.jobs_short(1.0) <= 1 and (chance is None or chance >= LIKELY):
        return Jobs(plan=plan, blocks=left, anew=False), chance
    for blocks in range(LEAST_BLOCKS, MOST_BLOCKS + 1, BLOCKS_PER_DAY):
        chance = at.settles(at.anew(blocks * plan.parts))
        if chance is None or chance >= LIKELY:
            more = max(1.0, at.jobs_short(blocks * plan.parts / at.last))
            richer = replace(plan, warm=math.ceil(plan.warm * more), cold=math.ceil(plan.cold * more))
            return Jobs(plan=sized(blocks, richer), blocks=blocks, anew=True), chance
    return None, None


def _steps(at: Prospects, pair: Pair, jobs: Jobs) -> Iterator[Step]:
    """Each open gate with the jobs that it alone needs of them."""
    chance = at.anew(jobs.blocks * jobs.plan.parts) if jobs.anew else at.at_end
    for judged in at.open:
        warm = jobs.plan.warm if judged.gate in _WARM else 0
        cold = jobs.plan.cold if judged.gate in _COLD else 0
        z = at.z(judged)
        yield Step(
            gate=judged.gate,
            what=f"{_counted(jobs.blocks * warm, jobs.blocks * cold)} jobs more on each side",
            usd=jobs.blocks * (pair.block_usd(warm, cold) if warm else cold * pair.cold_usd),
            hours=jobs.blocks * pair.block_s(warm, cold) / 3600,
            chance=None if z is None else chance(z.passes),
        )


def _counted(warm: int, cold: int) -> str:
    return " and ".join(f"{n:,} {kind}" for n, kind in ((warm, "warm"), (cold, "cold")) if n)


# ---------------------------------------------------------------- what no job brings


def _people(card: Card, ruling: Ruling) -> Iterator[Step]:
    if _unjudged(ruling):
        hours = VOTES * VOTE_S / 3600
        usd = hours * card.hourly_usd
        yield Step(gate=Gate.QUALITY, what=f"{VOTES} blind votes", usd=usd, hours=hours, chance=None)
    if _untimed(ruling):
        yield Step(gate=Gate.WORTH, what="minutes of the planned tasks", usd=0.0, hours=0.0, chance=None)


def _asks(card: Card, look: Look, ruling: Ruling) -> Iterator[str]:
    if not look.bills_final:
        yield "the bills of these blocks have to close: 48 hours, and two readings 12 hours apart"
    if _unjudged(ruling):
        yield f"{VOTES} blind votes, of at least {card.minima.raters} people"
    if _untimed(ruling):
        yield "minutes of the planned tasks on both providers"


def _unjudged(ruling: Ruling) -> bool:
    quality = ruling.of(Gate.QUALITY)
    return quality is not None and not quality.passes


def _untimed(ruling: Ruling) -> bool:
    """Does the saving have an estimate, and what is left of it none?"""
    saving, worth = ruling.of(Gate.SAVING), ruling.of(Gate.WORTH)
    return bool(saving and saving.estimate and worth and worth.estimate is None)


# ---------------------------------------------------------------- order and worth


def _ordered(steps: Sequence[Step]) -> list[Step]:
    chances = [EVEN if step.chance is None else step.chance for step in steps]
    return [steps[i] for i in buying_order([step.usd for step in steps], chances)]


def _worth(at: Prospects) -> float | None:
    """What knowing the truth is worth at most over a year: until the rule says GO we stay, whatever seems likely.

    So it is E max(0, net) = EVPI + max(0, mean), times the chance that no guardrail is truly broken.
    """
    money = at.look.money
    saving = money.saving
    if saving is None or money.baseline_usd is None or money.more_usd is None:
        return None
    mean = MONTHS * (saving.point * money.baseline_usd - money.more_usd) - money.one_off_usd
    sd = MONTHS * money.baseline_usd * (1 - saving.point) * saving.se
    perfect = perfect_information(mean, sd) if sd > 0 else 0.0
    return (perfect + max(0.0, mean)) * at.guards_hold()
