"""Does buying what the planner names settle what was undecided? `python -m benchmarks.buying [campaigns]`, a minute.

Each row draws campaigns from a world whose truth is known and lets the rule see the first look. Where that is not
enough, what the planner names is bought: the rest of the card, a new card, votes, bills that close, minutes. Settled
means that the rule then says GO, surely not worth it or surely worse; a plan that was exhausted without showing it is
not. Exit code 1 if less than four fifths of what was bought are settled.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from rich.console import Console
from rich.table import Table

from analysis import stats
from analysis.verdict.buying import VOTES, Jobs, Purchase, buy_next
from analysis.verdict.campaigns import BLOCKS, HALF_BLOCKS, LIKE, Plan, Side, World, campaign
from analysis.verdict.card import Card
from analysis.verdict.expense import Meter, Pair
from analysis.verdict.gates import Look
from analysis.verdict.rule import Case, Ruling, rule
from words import Verdict

LEAST = 0.8  # of what was bought
SETTLED = (Verdict.GO, Verdict.NO_GO, Verdict.NOT_WORTH_IT)
CARD = Card(workflows=("w",), candidates=("c",), traffic="20 an hour")
WORLD = World(more_usd=60.0, one_off_usd=800.0)
PAIR = Pair(
    baseline=Meter(usd_per_s=0.00066544, service_s=9, boot_s=45, window_s=20, probe_window_s=20),
    candidate=Meter(usd_per_s=0.00053, service_s=9, boot_s=45, window_s=10, probe_window_s=10),
)
ENDPOINT = Side(host=0.03)
MARKET = {sd: Side(host=sd, price=0.08) for sd in (0.04, 0.06)}


@dataclass(frozen=True, kw_only=True)
class Row:
    """A world, and what its first look lacks beside numbers."""

    world: str
    saving: float
    candidate: Side = ENDPOINT
    baseline: Side = LIKE
    plan: Plan = BLOCKS
    alpha: float = CARD.alpha
    lacks: Sequence[str] = ()  # votes, bills, minutes


def rows() -> Iterator[Row]:
    """Worlds in which a first look often is not enough."""
    for saving in (0.05, 0.10, 0.15, 0.20, 0.30):
        yield Row(world=f"endpoint, saves {saving:.0%}", saving=saving)
    yield Row(world="endpoint, saves 20%, first of two", saving=0.2, alpha=CARD.alpha / 2)
    for sd, side in MARKET.items():
        for saving in (0.20, 0.30):
            yield Row(world=f"market {sd}, saves {saving:.0%}", saving=saving, candidate=side)
    yield Row(world="market 0.06, half-blocks, saves 20%", saving=0.2, candidate=MARKET[0.06], plan=HALF_BLOCKS)
    stalled = replace(ENDPOINT, stalls=0.04)
    yield Row(world="stalls of 4% on both", saving=0.3, candidate=stalled, baseline=replace(LIKE, stalls=0.04))
    together = replace(ENDPOINT, icc=0.05)
    yield Row(world="failures come together", saving=0.3, candidate=together, baseline=replace(LIKE, icc=0.05))
    yield Row(world="4 pp more failures", saving=0.3, candidate=replace(ENDPOINT, success=0.95))
    yield Row(world="8% slower", saving=0.3, candidate=replace(ENDPOINT, slower=1.08))
    yield Row(world="few jobs a block", saving=0.3, plan=replace(BLOCKS, warm=10, cold=2))
    yield Row(world="no votes, open bills", saving=0.4, lacks=("votes", "bills"))
    yield Row(world="nobody timed it", saving=0.4, lacks=("minutes",))


@dataclass(frozen=True, kw_only=True)
class Found:
    """Of so many campaigns: open ones after the first look, what of them was bought, what that settled and cost.

    promised: the mean chance that was named where one could be told.
    """

    campaigns: int
    undecided: int
    bought: int
    settled: int
    usd: float
    promised: float | None

    @property
    def share(self) -> float | None:
        return self.settled / self.bought if self.bought else None


def measure(row: Row, campaigns: int, *, seed: int = 1) -> Found:
    """Draw, look once, buy, and ask again."""
    dice = np.random.default_rng(seed)
    undecided, named, settled = 0, list[Purchase](), 0
    for _ in range(campaigns):
        whole = _drawn(dice, row, row.plan)
        seen = replace(whole, looks=[_lacking(look, row.lacks) for look in whole.looks[:1]])
        ruling = rule(CARD, seen, alpha=row.alpha)
        purchase = buy_next(CARD, seen, ruling, PAIR, row.plan)
        undecided += purchase is not None
        if purchase is not None and purchase.buys:
            named.append(purchase)
            settled += _after(dice, row, whole, seen, purchase).state in SETTLED
    chances = [each.chance for each in named if each.chance is not None]
    return Found(
        campaigns=campaigns,
        undecided=undecided,
        bought=len(named),
        settled=settled,
        usd=sum(each.usd for each in named) / max(1, len(named)),
        promised=sum(chances) / len(chances) if chances else None,
    )


def _after(dice: np.random.Generator, row: Row, whole: Case, seen: Case, purchase: Purchase) -> Ruling:
    """What the rule says once everything that was named is there."""
    card, case = _measured(dice, row, whole, seen, purchase.jobs)
    wins = int(dice.binomial(VOTES, 0.5))
    voted = "votes" not in row.lacks or stats.tost_exact(wins, VOTES, margin=card.margins.preference) <= card.alpha
    looks = [replace(look, quality="alike" if voted else "undecided", bills_final=True) for look in case.looks]
    timed = [replace(look, money=replace(look.money, more_usd=WORLD.more_usd)) for look in looks]
    return rule(card, replace(case, looks=timed), alpha=row.alpha)


def _measured(dice: np.random.Generator, row: Row, whole: Case, seen: Case, jobs: Jobs | None) -> tuple[Card, Case]:
    if jobs is None:
        return CARD, seen
    if not jobs.anew:
        return CARD, whole
    plan = jobs.plan
    card = replace(CARD, looks_rented=plan.looks) if plan.parts > 1 else replace(CARD, looks=plan.looks)
    return card, _drawn(dice, row, plan)


def _drawn(dice: np.random.Generator, row: Row, plan: Plan) -> Case:
    return campaign(dice, saving=row.saving, candidate=row.candidate, baseline=row.baseline, plan=plan, world=WORLD)


def _lacking(look: Look, lacks: Sequence[str]) -> Look:
    if "votes" in lacks:
        look = replace(look, quality="undecided")
    if "minutes" in lacks:
        look = replace(look, money=replace(look.money, more_usd=None))
    return replace(look, bills_final="bills" not in lacks)


def main(arguments: list[str]) -> int:
    """Print the table; 0 if four fifths of what was bought are settled."""
    campaigns = int(arguments[0]) if arguments else 200
    title = f"{campaigns} campaigns a row; what is undecided after the first look"
    table = Table("world", "undecided", "bought", "settled", "promised", "mean price", title=title)
    every = [(row, measure(row, campaigns)) for row in rows()]
    for row, found in every:
        table.add_row(
            row.world, str(found.undecided), str(found.bought), _share(found.share), _share(found.promised),
            f"${found.usd:,.0f}",
        )  # fmt: skip
    undecided, bought, settled = (
        sum(getattr(found, name) for _, found in every) for name in ("undecided", "bought", "settled")
    )
    low, high = stats.wilson(settled, bought)
    Console(width=120).print(table)
    print(
        f"Undecided after the first look: {undecided:,}. Nothing was worth buying for {undecided - bought:,} of them."
    )
    print(
        f"Of {bought:,} bought, {settled / bought:.1%} [{low:.1%}, {high:.1%}] are settled; {LEAST:.0%} are asked for."
    )
    return 0 if settled >= LEAST * bought else 1


def _share(share: float | None) -> str:
    return "none" if share is None else f"{share:.3f}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
