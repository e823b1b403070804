"""What a plan would show of each candidate before it is paid for, and what was measured so far to say so.

Where nothing was, the laws are those that the method was tried on: assumed, and called so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import polars as pl

from analysis.traffic.blended import Blended, Offered
from analysis.traffic.measured import Unmeasured
from analysis.verdict.campaigns import REFERENCE, Plan, Side, World
from analysis.verdict.card import Card
from analysis.verdict.pilot import Pilot, pilot
from analysis.verdict.planner import Raise, least, needed, on_card, raised
from words import Gate, called

HALVES = 2  # of a block on rented machines, each with fresh hosts
WANTED = 0.8  # of the whole rule: what a plan should have
# By the parts of a block: an endpoint's hosts vary by 3 %; a market's by 6 %, and their prices by 8 %.
ASSUMED: Mapping[int, Pilot] = MappingProxyType(
    {1: Pilot(candidate=Side(host=0.03)), HALVES: Pilot(candidate=Side(host=0.06, price=0.08))}
)
_LEAST_GOOD = 0.5  # of a side's jobs


@dataclass(frozen=True, kw_only=True)
class Basis:
    """What a plan for one candidate rests on. why: why its laws are assumed; empty: they are a pilot's.

    jobs: counted ones of both sides. days: UTC days with one. untimed: nobody has timed operations, so they count as
    costing the same on both sides.
    """

    pilot: Pilot
    jobs: int = 0
    days: int = 0
    simulated: bool = False
    untimed: bool = False
    why: str = ""

    @property
    def sentence(self) -> str:
        """Pilot: 960 jobs of both sides in 12 blocks on 3 days, measured."""
        if self.why:
            world = self.pilot.world
            hosts = f"hosts that differ by {self.pilot.candidate.host * 100:.0f} %"
            laws = f"{world.warm_s:g} s warm, {world.boot_s:g} s boots, {hosts}, {world.per_hour:g} requests an hour"
            return f"Assumed, not measured ({laws}): {self.why}"
        many = self.pilot.blocks
        said = f"Pilot: {self.jobs:,} jobs of both sides in {_counted(many, 'block')} on {_counted(self.days, 'day')}"
        said += ", simulated" if self.simulated else ", measured"
        if many < 2:
            said += "; how blocks differ is assumed, since one does not tell"
        return f"{said}{'; operations count as costing the same, since nobody timed them' if self.untimed else ''}."


@dataclass(frozen=True, kw_only=True)
class MoveCost:
    """What no job tells of a move, in dollars: more a month, None: nobody timed its operations; and once."""

    more_usd: float | None = None
    one_off_usd: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """One candidate under a plan. needs: blocks by gate, None: it could never pass. least: that the card asks for."""

    candidate: str
    basis: Basis
    plan: Plan
    needs: Mapping[Gate, int | None]
    least: int
    raised: Sequence[Raise]

    @property
    def short(self) -> Sequence[Gate]:
        """Gates that the plan's blocks are too few for."""
        return [gate for gate, blocks in self.needs.items() if blocks is None or blocks > self.plan.blocks]

    @property
    def drawable(self) -> bool:
        """Can campaigns of it be drawn: may the card speak at all, and has each host a warm job?"""
        return self.plan.blocks >= self.least and self.plan.warm >= self.plan.parts


def default_card(workflow: str, candidates: Sequence[str]) -> Card:
    """Until one is written: its own defaults."""
    return Card(workflows=(workflow,), candidates=tuple(candidates), traffic="none yet")


def one_block(warm: int, cold: int, *, rents: bool) -> Plan:
    """The jobs of a block; on rented machines in halves, where each has a cold job."""
    return Plan(warm=warm, cold=cold, parts=min(HALVES, cold) if rents else 1)


def planned_blocks(card: Card, likes: Sequence[Plan]) -> int:
    """As many as the card's last look takes, of the candidate that takes most."""
    ends = [(card.looks_rented if like.parts > 1 else card.looks)[-1] / like.parts for like in likes]
    return round(max(ends))


def outlook(
    card: Card, candidate: str, like: Plan, *, blocks: int, basis: Basis, candidates: int, saving: float | None = None
) -> Outlook:
    """Of so many blocks. candidates: how many share alpha. saving: the true one, None: the card's target."""
    plan = on_card(card, like, blocks)
    warm = max(plan.warm, plan.parts)  # a gate without a single warm job has no number of blocks
    some = replace(plan, warm=warm)
    needs = needed(card, some, basis.pilot, saving=saving, candidates=candidates)
    more = raised(card, some, basis.pilot, saving=saving, candidates=candidates)
    if plan != some:
        needs = dict.fromkeys(needs)
        more = more or [Raise("warm", warm)]
    return Outlook(candidate=candidate, basis=basis, plan=plan, needs=needs, least=least(card, like), raised=more)


def basis(
    found: Blended | Unmeasured, jobs: pl.DataFrame, candidate: str, *, baseline: str, parts: int, cost: MoveCost
) -> Basis:
    """The pilot of what was measured, at the windows at which both would be compared; else what is assumed.

    found: our traffic on it. jobs: `schema.JOBS` of the same subject and GPU.
    """
    if isinstance(found, Unmeasured):
        return assumed(parts, found.reason)
    try:
        mine, base = (_offered(found, name) for name in (candidate, baseline))
        known = pilot(mine.as_is.service, base.as_is.service, _world(found, mine, base, cost), parts=parts)
    except ValueError as error:
        return assumed(parts, str(error))
    if known.blocks < 2:  # one does not tell how hosts differ
        side = ASSUMED[parts].candidate
        known = replace(known, candidate=replace(known.candidate, host=side.host, price=side.price))
    sent = jobs.filter(pl.col("backend").is_in([candidate, baseline]), pl.col("first_finished_at").is_not_null())
    services = mine.as_is.service, base.as_is.service
    return Basis(
        pilot=known,
        jobs=sum(of for each in services for _, of in each.good.values()),
        days=sent["intended_at"].dt.date().n_unique(),
        simulated=any(each.simulated for each in services),
        untimed=cost.more_usd is None,
    )


def assumed(parts: int, why: str) -> Basis:
    """Without a pilot. why: a sentence."""
    return Basis(pilot=ASSUMED[parts], why=why)


def _offered(found: Blended, backend: str) -> Offered:
    """Raises ValueError, with why there is none."""
    name = called(backend)
    mine = next((each for each in found.providers if each.name == name), None)
    if mine is None:
        reasons = (each.reason for each in found.unmeasured if each.name == name)
        raise ValueError(next(reasons, f"Nothing was measured on {name}."))
    if (mine.as_is.service.success or 0) < _LEAST_GOOD:
        raise ValueError(f"Most jobs of {name} failed, so nothing follows for a candidate as good as the baseline.")
    return mine


def _world(found: Blended, mine: Offered, base: Offered, cost: MoveCost) -> World:
    return replace(
        REFERENCE,
        per_hour=found.terms.traffic.per_day / 24,
        baseline_window_s=_window_s(base),
        candidate_window_s=_window_s(mine),
        more_usd=cost.more_usd or 0.0,
        one_off_usd=cost.one_off_usd,
    )


def _window_s(offered: Offered) -> float:
    """At equal service; where none is known, as it is deployed."""
    return (offered.best or offered.as_is).setting.window_s


def _counted(n: int, unit: str) -> str:
    return f"{n} {unit}{'' if n == 1 else 's'}"
