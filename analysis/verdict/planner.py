"""How large a plan must be, before anything is spent: the whole rule's power, from campaigns drawn by a pilot's laws.

Formulas seed the search, gate by gate; what is shown is how often the rule itself said what.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import numpy as np

from analysis import planning, stats
from analysis.looks import alphas
from analysis.verdict.campaigns import Plan, Side, World, campaign
from analysis.verdict.card import Card, CardError
from analysis.verdict.pilot import Pilot
from analysis.verdict.rule import rule
from words import Gate, Verdict

CAMPAIGNS = 500
GATE_POWER = 0.95  # of each gate, since powers multiply
MOST_BLOCKS = 120  # thirty days
LOOKS_AT = {1: (0.6, 0.8, 1.0), 2: (0.5, 0.75, 1.0)}  # shares of a plan, by the parts of its blocks
_GROWTH, _MORE_JOBS = 1.25, 1.1
_MANY = 200  # blocks from which the spread of one is told
_MOST_JOBS: Mapping[str, int] = MappingProxyType({"warm": 480, "cold": 32})  # a block: two hours of a slow workflow
_BY_JOBS: Mapping[str, Sequence[Gate]] = MappingProxyType(
    {"warm": (Gate.SUCCESS, Gate.WARM_P95, Gate.STALLS), "cold": (Gate.COLD,)}
)


@dataclass(frozen=True, kw_only=True)
class Power:
    """What the rule said in so many campaigns, in shares. passes: of each gate at the look where a campaign ended.

    blocks: until that look, on average, half-blocks of rented machines.
    """

    campaigns: int
    states: Mapping[Verdict, float]
    passes: Mapping[Gate, float]
    blocks: float

    @property
    def go(self) -> float:
        return self.states.get(Verdict.GO, 0.0)

    @property
    def limits(self) -> tuple[float, float]:
        """Of the share of GO, two-sided 95 %, by the number of campaigns (Wilson)."""
        return stats.wilson(self.go * self.campaigns, self.campaigns)

    @property
    def binding(self) -> Gate:
        """The gate that passes least often: what to measure more of."""
        return min(self.passes, key=self.passes.__getitem__)


Number = Literal["blocks", "warm", "cold"]


class Raise(NamedTuple):
    """Which number of a plan to raise, and to what."""

    number: Number
    to: int


@dataclass(frozen=True, kw_only=True)
class Sized:
    """A plan and its power."""

    plan: Plan
    power: Power


def power(
    card: Card,
    plan: Plan,
    pilot: Pilot,
    *,
    saving: float | None = None,
    candidate: Side | None = None,
    candidates: int = 1,
    campaigns: int = CAMPAIGNS,
    seed: int = 1,
) -> Power:
    """Of the whole rule under this plan. saving: the true one, None: the card's target. candidate: None: as good as the
    baseline. candidates: how many share alpha; each is held to the strictest of Holm's steps.

    Raises CardError where the plan is too small for the card.
    """
    truth = card.margins.target_saving if saving is None else saving
    side, dice, held = candidate or pilot.alike, np.random.default_rng(seed), _card(card, plan)
    rulings = [
        rule(
            held,
            campaign(
                dice, saving=truth, candidate=side, baseline=pilot.baseline, plan=plan, world=pilot.world
            ),
            alpha=card.alpha / candidates,
        )
        for _ in range(campaigns)
    ]  # fmt: skip
    passed = Counter(judged.gate for ruling in rulings for judged in ruling.gates if judged.passes)
    states = Counter(ruling.state for ruling in rulings)
    return Power(
        campaigns=campaigns,
        states={state: count / campaigns for state, count in states.items()},
        passes={gate: passed[gate] / campaigns for gate in Gate},
        blocks=sum(ruling.blocks for ruling in rulings) / campaigns,
    )


def sized(blocks: int, like: Plan) -> Plan:
    """The same jobs a block in so many blocks, looks at the same shares as the card's by default."""
    looks = [math.ceil(share * blocks) * like.parts for share in LOOKS_AT[min(like.parts, 2)]]
    return replace(like, blocks=blocks, looks=tuple(looks))


def enough(
    card: Card,
    like: Plan,
    pilot: Pilot,
    *,
    saving: float | None = None,
    wanted: float = 0.8,
    candidates: int = 1,
    campaigns: int = CAMPAIGNS,
    seed: int = 1,
) -> list[Sized]:
    """Plans as they were tried, each larger than the one before; the last has the power that is wanted, or the most
    blocks. The first is what the formulas ask for."""
    seeds = [blocks for blocks in needed(card, like, pilot, saving=saving, candidates=candidates).values() if blocks]
    blocks = min(MOST_BLOCKS, _whole_days(max([least(card, like), *seeds])))
    tried: list[Sized] = []
    while True:
        plan = sized(blocks, like)
        found = power(card, plan, pilot, saving=saving, candidates=candidates, campaigns=campaigns, seed=seed)
        tried.append(Sized(plan=plan, power=found))
        if found.go >= wanted or blocks >= MOST_BLOCKS:
            return tried
        blocks = larger(blocks)


def needed(
    card: Card, like: Plan, pilot: Pilot, *, saving: float | None = None, candidates: int = 1
) -> dict[Gate, int | None]:
    """Blocks that each gate needs alone, by formula, with the jobs a block of `like`; None: it could never pass."""
    alpha = _last_alpha(card, like, candidates)
    return _guards(card, like, pilot, alpha) | {Gate.SAVING: _saving_blocks(card, like, pilot, alpha, saving)}


def on_card(card: Card, like: Plan, blocks: int) -> Plan:
    """The same jobs a block in so many blocks: at the card's own looks where they end there, else at their shares."""
    looks = _looks(card, like)
    return replace(like, blocks=blocks, looks=looks) if looks[-1] == blocks * like.parts else sized(blocks, like)


def least(card: Card, like: Plan) -> int:
    """The fewest blocks under which the card can say anything at all; more than any plan has where none can."""
    return next((blocks for blocks in range(2, MOST_BLOCKS) if _speaks(card, on_card(card, like, blocks))), MOST_BLOCKS)


def larger(blocks: int) -> int:
    """The next size to try, in whole days."""
    return min(MOST_BLOCKS, _whole_days(blocks * _GROWTH))


def raised(card: Card, plan: Plan, pilot: Pilot, *, saving: float | None = None, candidates: int = 1) -> list[Raise]:
    """What to raise so that each gate has the blocks that it needs: blocks alone, or the jobs of each and only then
    blocks, whichever takes less measuring. Empty: nothing has to be, or nothing would help.
    """
    alone = _then_blocks(card, plan, pilot, [], saving=saving, candidates=candidates)
    if alone == []:
        return []
    richer = _richer(card, plan, pilot, _last_alpha(card, plan, candidates))
    after = _then_blocks(card, plan, pilot, richer, saving=saving, candidates=candidates)
    options = [each for each in (alone, after) if each is not None]
    return min(options, key=lambda each: _measuring_s(_with(plan, each), pilot.world), default=[])


def _then_blocks(
    card: Card, plan: Plan, pilot: Pilot, more: Sequence[Raise], *, saving: float | None, candidates: int
) -> list[Raise] | None:
    """More jobs, and beside them the blocks that are still wanted; None: more than a plan may have."""
    needs = needed(card, _with(plan, more), pilot, saving=saving, candidates=candidates).values()
    wanted = max(least(card, plan), *(math.inf if blocks is None else blocks for blocks in needs))
    if wanted <= plan.blocks:
        return [*more]
    return [*more, Raise("blocks", _whole_days(wanted))] if wanted <= MOST_BLOCKS else None


def _richer(card: Card, plan: Plan, pilot: Pilot, alpha: float) -> list[Raise]:
    """Of each kind as many more jobs as give its gates blocks enough, if as many as a block may have do."""
    found: list[Raise] = []
    numbers: Sequence[Number] = ("warm", "cold")
    for number in numbers:
        start = jobs = getattr(plan, number)
        while not _suffices(card, _with(plan, [Raise(number, jobs)]), pilot, alpha, _BY_JOBS[number]):
            jobs = math.ceil(max(jobs + 1, jobs * _MORE_JOBS) / plan.parts) * plan.parts
            if jobs > _MOST_JOBS[number]:
                break
        else:
            found += [Raise(number, jobs)] if jobs > start else []
    return found


def _suffices(card: Card, plan: Plan, pilot: Pilot, alpha: float, gates: Sequence[Gate]) -> bool:
    needs = _guards(card, plan, pilot, alpha)
    return all((needs[gate] or math.inf) <= plan.blocks for gate in gates)


def _with(plan: Plan, more: Sequence[Raise]) -> Plan:
    changed: dict[str, Any] = {each.number: each.to for each in more}
    return replace(plan, **changed)


def _measuring_s(plan: Plan, world: World) -> float:
    """Of one arm, work and boots."""
    return plan.blocks * ((plan.warm + plan.cold) * world.warm_s + plan.cold * world.boot_s)


def _speaks(card: Card, plan: Plan) -> bool:
    try:
        _card(card, plan)
    except CardError:
        return False
    return True


# ---------------------------------------------------------------- one gate by formula


def _guards(card: Card, like: Plan, pilot: Pilot, alpha: float) -> dict[Gate, int | None]:
    return {
        Gate.SUCCESS: _rate_blocks(card, like, pilot, alpha),
        Gate.WARM_P95: _p95_blocks(card, like, pilot, alpha),
        Gate.STALLS: _stall_blocks(card, like, pilot, alpha),
        Gate.COLD: _cold_blocks(card, like, pilot, alpha),
    }


def _rate_blocks(card: Card, like: Plan, pilot: Pilot, alpha: float) -> int | None:
    side, base, jobs = pilot.alike, pilot.baseline, like.warm + like.cold
    deff = planning.cluster_deff(jobs / like.parts, max(side.icc, base.icc))
    return _rates(base.success, side.success, card.margins.success, jobs=jobs, deff=deff, alpha=alpha)


def _stall_blocks(card: Card, like: Plan, pilot: Pilot, alpha: float) -> int | None:
    base, side = 1 - pilot.baseline.stalls, 1 - pilot.alike.stalls
    return _rates(base, side, card.margins.stalls, jobs=like.warm, deff=1.0, alpha=alpha)


def _rates(base: float, mine: float, margin: float, *, jobs: float, deff: float, alpha: float) -> int | None:
    try:
        n = planning.rate_n(base, mine, margin=margin, alpha=alpha, power=GATE_POWER, deff=deff)
    except ValueError:
        return None
    return max(1, math.ceil(n / jobs))


def _p95_blocks(card: Card, like: Plan, pilot: Pilot, alpha: float) -> int | None:
    side = pilot.alike
    host = math.hypot(side.host, pilot.baseline.host)  # latencies are over the baseline's median of the block
    icc = planning.quantile_icc(host, side.within)
    deff = planning.ORDER_STATISTICS_COST * planning.cluster_deff(like.warm / like.parts, icc)
    n = planning.quantile_ratio_n(side.within, margin=card.margins.warm_p95, alpha=alpha, power=GATE_POWER, deff=deff)
    return math.ceil(n / like.warm)


def _cold_blocks(card: Card, like: Plan, pilot: Pilot, alpha: float) -> int | None:
    """sd of a block's difference of mean logarithms: the boot's part of a cold latency and the work's, of both arms."""
    world = pilot.world
    boot = world.boot_s / (world.boot_s + world.warm_s)
    variance = sum(
        (boot**2 * side.boot_between**2 + (1 - boot) ** 2 * side.host**2) / parts
        + (boot**2 * side.boot_within**2 + (1 - boot) ** 2 * side.within**2) / like.cold
        for side, parts in ((pilot.alike, like.parts), (pilot.baseline, 1))
    )
    return planning.least_blocks(math.log(card.margins.cold), math.sqrt(variance), alpha=alpha, power=GATE_POWER)


def _saving_blocks(card: Card, like: Plan, pilot: Pilot, alpha: float, saving: float | None) -> int | None:
    truth = card.margins.target_saving if saving is None else saving
    if truth <= card.margins.saving:
        return None
    sd = block_sd(like, pilot, truth)
    return planning.saving_blocks(sd, least=card.margins.saving, target=truth, alpha=alpha, power=GATE_POWER)


def block_sd(like: Plan, pilot: Pilot, saving: float, *, seed: int = 1) -> float:
    """Of one block's ln(cost ratio), from the jackknife of one campaign of many blocks."""
    many = replace(like, blocks=_MANY, looks=(_MANY * like.parts,))
    drawn = campaign(
        np.random.default_rng(seed),
        saving=saving,
        candidate=pilot.alike,
        baseline=pilot.baseline,
        plan=many,
        world=pilot.world,
    )
    found = drawn.looks[0].money.saving
    return found.se * math.sqrt(_MANY) if found else math.nan


def _card(card: Card, plan: Plan) -> Card:
    return replace(card, looks_rented=plan.looks) if plan.parts > 1 else replace(card, looks=plan.looks)


def _last_alpha(card: Card, plan: Plan, candidates: int) -> float:
    return alphas(_looks(card, plan), alpha=card.alpha / candidates)[-1]


def _looks(card: Card, plan: Plan) -> tuple[int, ...]:
    return tuple(card.looks_rented if plan.parts > 1 else card.looks)


def _whole_days(blocks: float) -> int:
    """Four blocks, one in each day-part, a day."""
    return 4 * math.ceil(blocks / 4)
