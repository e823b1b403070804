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

Dice = np.random.Generator
Floats = NDArray[np.float64]

PER_HOUR = 20.0
MONTH_IMAGES = PER_HOUR * 730
BASELINE_RATE = 0.00066544  # USD per second
BASELINE_WINDOW_S, CANDIDATE_WINDOW_S = 300.0, 10.0
WARM_S, WITHIN, SHARED = 9.0, 0.12, 0.05
BOOT_S, BOOT_WITHIN, BOOT_BETWEEN = 45.0, 0.30, 0.10
BASELINE_HOST = 0.02
BILL = 0.03
STALL = 4.0  # times as long


@dataclass(frozen=True, kw_only=True)
class Side:
    """One arm's laws. slower: of warm latency; cold: of boots; price: sd of ln of what a host of a block costs."""

    host: float = BASELINE_HOST
    slower: float = 1.0
    cold: float = 1.0
    success: float = 0.99
    icc: float = 0.01
    stalls: float = 0.0
    price: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Blocks of so many warm and cold jobs; the candidate's in so many parts, on a fresh host each. looks: in parts."""

    blocks: int = 20
    warm: int = 60
    cold: int = 4
    parts: int = 1
    looks: Sequence[int] = LOOKS


LIKE = Side()
BLOCKS, HALF_BLOCKS = Plan(), Plan(parts=2, looks=LOOKS_RENTED)


@dataclass(frozen=True, kw_only=True)
class _Drawn:
    """A row for each host: latency in s of its jobs, infinite where they failed, boots, billed over estimated."""

    warm: Floats
    cold: Floats
    boots: Floats
    kappa: Floats


def campaign(dice: Dice, *, saving: float, candidate: Side, baseline: Side | None = None, plan: Plan = BLOCKS) -> Case:
    """One campaign with this true saving, all looks of its plan reached."""
    theirs = baseline or Side()
    shared = dice.normal(0, SHARED, plan.blocks)
    mine, base = _drawn(dice, candidate, shared, plan, plan.parts), _drawn(dice, theirs, shared, plan, 1)
    rates = _rate(saving, candidate, theirs), BASELINE_RATE
    looks = [_look(mine, base, rates, look // plan.parts, plan.parts) for look in plan.looks]
    return Case(workflow="w", candidate="c", looks=looks, seen=plan.looks[-1], rented=plan.parts > 1)


def _drawn(dice: Dice, side: Side, shared: Floats, plan: Plan, parts: int) -> _Drawn:
    hosts, warm, cold = plan.blocks * parts, plan.warm // parts, plan.cold // parts
    level = math.log(WARM_S * side.slower) + np.repeat(shared, parts) + dice.normal(0, side.host, hosts)
    run = np.exp(level[:, None] + dice.normal(0, WITHIN, (hosts, warm + cold)))
    run[dice.random(run.shape) < side.stalls] *= STALL
    between = dice.normal(math.log(BOOT_S * side.cold), BOOT_BETWEEN, hosts)
    boots = np.exp(between[:, None] + dice.normal(0, BOOT_WITHIN, (hosts, cold)))
    together = (1 - side.icc) / side.icc
    chance = dice.beta(side.success * together, (1 - side.success) * together, hosts)
    latency = run + np.hstack([np.zeros((hosts, warm)), boots])
    latency[dice.random(run.shape) >= chance[:, None]] = math.inf
    kappa = np.exp(dice.normal(0, BILL, hosts) + dice.normal(0, side.price, hosts))
    return _Drawn(warm=latency[:, :warm], cold=latency[:, warm:], boots=boots, kappa=kappa)


def _look(candidate: _Drawn, baseline: _Drawn, rates: tuple[float, float], blocks: int, parts: int) -> Look:
    middle = np.array([stats.quantile(row[np.isfinite(row)], 0.5) for row in baseline.warm[:blocks]])
    mine = _costs(candidate, rates[0], CANDIDATE_WINDOW_S, blocks, parts)
    base = _costs(baseline, rates[1], BASELINE_WINDOW_S, blocks, 1)
    saving = stats.saving((mine[0], base[0]), list(zip(mine[1:], base[1:], strict=True)))
    return Look(
        blocks=blocks * parts,
        candidate=_arm(candidate, middle, parts),
        baseline=_arm(baseline, middle, 1),
        money=Money(saving=saving, baseline_usd=base[0] * MONTH_IMAGES),
        quality="alike",
        bills_final=True,
        days=5,
        day_parts=4,
        hosts=blocks * parts,
    )


def _arm(drawn: _Drawn, middle: Floats, parts: int) -> Arm:
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


def _costs(drawn: _Drawn, rate: float, window_s: float, blocks: int, parts: int) -> list[float]:
    """USD per good image at the traffic: of all these blocks, then without each in turn."""
    hosts = np.arange(blocks * parts)
    kept = [hosts, *(hosts[hosts // parts != block] for block in range(blocks))]
    return [_cost(drawn.warm[of], drawn.boots[of], drawn.kappa[of], rate, window_s) for of in kept]


def _cost(warm: Floats, boots: Floats, kappa: Floats, rate: float, window_s: float) -> float:
    good = np.isfinite(warm)
    worker = poisson_worker(PER_HOUR, service_s=float(warm[good].mean()), boot_s=float(boots.mean()), window_s=window_s)
    return worker.usd_per_image(rate) * float(kappa.mean()) / float(good.mean())


def _rate(saving: float, candidate: Side, baseline: Side) -> float:
    """The candidate's price of a second at which the saving is this, by the means of the laws."""
    per_image = [
        _mean_worker(side, window_s).paid_s_per_image / side.success * math.exp(side.price**2 / 2)
        for side, window_s in ((candidate, CANDIDATE_WINDOW_S), (baseline, BASELINE_WINDOW_S))
    ]
    return (1 - saving) * BASELINE_RATE * per_image[1] / per_image[0]


def _mean_worker(side: Side, window_s: float) -> Worker:
    spread = math.exp((SHARED**2 + side.host**2 + WITHIN**2) / 2)
    service_s = WARM_S * side.slower * spread * (1 + side.stalls * (STALL - 1))
    boot_s = BOOT_S * side.cold * math.exp((BOOT_BETWEEN**2 + BOOT_WITHIN**2) / 2)
    return poisson_worker(PER_HOUR, service_s=service_s, boot_s=boot_s, window_s=window_s)
