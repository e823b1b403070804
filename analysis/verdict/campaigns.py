"""Campaigns drawn from a world's laws straight into what a look sees: no simulator, so that thousands take seconds.

The world of reference: warm latencies lognormal around 9 s, an effect of the block that all arms share, one of the
host, boots, failures that come together, bills that scatter around estimates; production sends 20 requests an hour.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis import stats
from analysis.estimates import Counts, Jobs
from analysis.looks import LOOKS, LOOKS_RENTED
from analysis.traffic.poisson import Worker, poisson_worker
from analysis.verdict.gates import BODY, Arm, Look, Money
from analysis.verdict.rule import Case

MONTH_HOURS = 730

_Dice = np.random.Generator
_Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Side:
    """One arm's laws. slower, cold: how many times the world's warm latency and boots take.

    stalls: their share. icc: how far failures come together. The others are standard deviations of logarithms: host: of
    warm latency between hosts (or deployments); within: between jobs of one; boot_between, boot_within: the same of
    boots; bill: of billed over estimated between blocks; price: of what a host costs.
    """

    host: float = 0.02
    slower: float = 1.0
    cold: float = 1.0
    success: float = 0.99
    icc: float = 0.01
    stalls: float = 0.0
    price: float = 0.0
    within: float = 0.12
    boot_between: float = 0.10
    boot_within: float = 0.30
    bill: float = 0.03


@dataclass(frozen=True, kw_only=True)
class World:
    """What both arms share, and production: Poisson arrivals to one worker, the windows at which the arms are compared.

    warm_s, boot_s: the baseline's medians. shared: sd of the logarithm of what a block does to both. stall: times as
    long. workers: each takes its share of what comes. usd_per_s: of the baseline. more_usd, one_off_usd: what a move
    costs beside the bill, a month and once.
    """

    warm_s: float = 9.0
    boot_s: float = 45.0
    shared: float = 0.05
    stall: float = 4.0
    per_hour: float = 20.0
    workers: int = 1
    usd_per_s: float = 0.00066544
    baseline_window_s: float = 300.0
    candidate_window_s: float = 10.0
    more_usd: float = 0.0
    one_off_usd: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Blocks of so many warm and cold jobs; the candidate's in so many parts, on a fresh host each. looks: in parts."""

    blocks: int = 20
    warm: int = 60
    cold: int = 4
    parts: int = 1
    looks: Sequence[int] = LOOKS


LIKE = Side()
REFERENCE = World()
BLOCKS, HALF_BLOCKS = Plan(), Plan(parts=2, looks=LOOKS_RENTED)


@dataclass(frozen=True, kw_only=True)
class _Drawn:
    """A row for each host: latency in s of its jobs, infinite where they failed, boots, billed over estimated."""

    warm: _Floats
    cold: _Floats
    boots: _Floats
    kappa: _Floats


def campaign(
    dice: _Dice,
    *,
    saving: float,
    candidate: Side,
    baseline: Side = LIKE,
    plan: Plan = BLOCKS,
    world: World = REFERENCE,
) -> Case:
    """One campaign with this true saving, all looks of its plan reached."""
    shared = dice.normal(0, world.shared, plan.blocks)
    mine, base = (
        _drawn(dice, candidate, shared, plan, plan.parts, world),
        _drawn(dice, baseline, shared, plan, 1, world),
    )
    rates = _rate(saving, candidate, baseline, world), world.usd_per_s
    looks = [_look(mine, base, rates, look // plan.parts, plan.parts, world) for look in plan.looks]
    return Case(workflow="w", candidate="c", looks=looks, seen=plan.looks[-1], rented=plan.parts > 1)


def _drawn(dice: _Dice, side: Side, shared: _Floats, plan: Plan, parts: int, world: World) -> _Drawn:
    hosts, warm, cold = plan.blocks * parts, plan.warm // parts, plan.cold // parts
    level = math.log(world.warm_s * side.slower) + np.repeat(shared, parts) + dice.normal(0, side.host, hosts)
    run = np.exp(level[:, None] + dice.normal(0, side.within, (hosts, warm + cold)))
    run[dice.random(run.shape) < side.stalls] *= world.stall
    between = dice.normal(math.log(world.boot_s * side.cold), side.boot_between, hosts)
    boots = np.exp(between[:, None] + dice.normal(0, side.boot_within, (hosts, cold)))
    together = (1 - side.icc) / side.icc
    chance = dice.beta(side.success * together, (1 - side.success) * together, hosts)
    latency = run + np.hstack([np.zeros((hosts, warm)), boots])
    latency[dice.random(run.shape) >= chance[:, None]] = math.inf
    kappa = np.exp(dice.normal(0, side.bill, hosts) + dice.normal(0, side.price, hosts))
    return _Drawn(warm=latency[:, :warm], cold=latency[:, warm:], boots=boots, kappa=kappa)


def _look(
    candidate: _Drawn, baseline: _Drawn, rates: tuple[float, float], blocks: int, parts: int, world: World
) -> Look:
    # Where every warm job of a block failed there is no median; it is rare, and the law's own stands for it.
    middle = np.array([stats.quantile(row[np.isfinite(row)], 0.5) or world.warm_s for row in baseline.warm[:blocks]])
    mine = _costs(candidate, rates[0], world.candidate_window_s, blocks, parts, world)
    base = _costs(baseline, rates[1], world.baseline_window_s, blocks, 1, world)
    saving = stats.saving((mine[0], base[0]), list(zip(mine[1:], base[1:], strict=True)))
    return Look(
        blocks=blocks * parts,
        candidate=_arm(candidate, middle, parts),
        baseline=_arm(baseline, middle, 1),
        money=Money(
            saving=saving,
            baseline_usd=base[0] * world.per_hour * MONTH_HOURS,
            more_usd=world.more_usd,
            one_off_usd=world.one_off_usd,
        ),
        quality="alike",
        bills_final=True,
        days=5,
        day_parts=4,
        hosts=blocks * parts,
    )


def _arm(drawn: _Drawn, middle: _Floats, parts: int) -> Arm:
    """Of the blocks that have a median; a cold job belongs to its block, every other to its host."""
    hosts = middle.size * parts
    warm, cold = drawn.warm[:hosts] / np.repeat(middle, parts)[:, None], drawn.cold[:hosts]
    good, good_cold = np.isfinite(warm), np.isfinite(cold)
    every = Jobs.exact(warm.ravel(), np.repeat(np.arange(hosts), warm.shape[1]))
    colds = Jobs.exact(cold.ravel(), np.repeat(np.arange(middle.size), cold.shape[1] * parts))
    of = [warm.shape[1] + cold.shape[1]] * hosts
    return Arm(
        warm=every,
        good_warm=every.where(good.ravel()),
        cold=colds,
        good_cold=colds.where(good_cold.ravel()),
        counts=Counts(good=(good.sum(axis=1) + good_cold.sum(axis=1)).tolist(), of=of),
        stalled=Counts(good=(good & (warm > BODY)).sum(axis=1).tolist(), of=good.sum(axis=1).tolist()),
        lost=[0] * hosts,
    )


def _costs(drawn: _Drawn, rate: float, window_s: float, blocks: int, parts: int, world: World) -> list[float]:
    """USD per good image at the traffic: of all these blocks, then without each in turn."""
    hosts = blocks * parts
    warm, boots, kappa = drawn.warm[:hosts], drawn.boots[:hosts], drawn.kappa[:hosts]
    good = np.isfinite(warm)
    by_host = [np.where(good, warm, 0.0).sum(axis=1), good.sum(axis=1), boots.sum(axis=1), kappa]
    sums = np.array(by_host).reshape(4, blocks, parts).sum(axis=2)
    seconds, images, boot_s, kappas = sums.sum(axis=1, keepdims=True) - np.hstack([np.zeros((4, 1)), sums])
    left = np.array([hosts, *[hosts - parts] * blocks])
    services, shares = seconds / images, images / (left * warm.shape[1])
    each = zip(services, boot_s / (left * boots.shape[1]), kappas / left, shares, strict=True)
    return [
        _worker(float(service), float(boot), window_s, world).usd_per_image(rate) * float(billed) / float(share)
        for service, boot, billed, share in each
    ]


def _worker(service_s: float, boot_s: float, window_s: float, world: World) -> Worker:
    """One of the world's workers, each with an equal share of the arrivals."""
    return poisson_worker(world.per_hour / world.workers, service_s=service_s, boot_s=boot_s, window_s=window_s)


def _rate(saving: float, candidate: Side, baseline: Side, world: World) -> float:
    """The candidate's price of a second at which the saving is this, by the means of the laws."""
    per_image = [
        _mean_worker(side, window_s, world).paid_s_per_image / side.success * _mean_kappa(side)
        for side, window_s in ((candidate, world.candidate_window_s), (baseline, world.baseline_window_s))
    ]
    return (1 - saving) * world.usd_per_s * per_image[1] / per_image[0]


def _mean_kappa(side: Side) -> float:
    return math.exp((side.price**2 + side.bill**2) / 2)


def _mean_worker(side: Side, window_s: float, world: World) -> Worker:
    spread = math.exp((world.shared**2 + side.host**2 + side.within**2) / 2)
    service_s = world.warm_s * side.slower * spread * (1 + side.stalls * (world.stall - 1))
    boot_s = world.boot_s * side.cold * math.exp((side.boot_between**2 + side.boot_within**2) / 2)
    return _worker(service_s, boot_s, window_s, world)
