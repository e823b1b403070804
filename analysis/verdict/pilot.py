"""What a first measurement says of how much things vary: the laws by which campaigns of a plan are drawn.

Moments on logarithms: variance within blocks, that of block means beyond what the jobs in them explain, and how far the
arms rise and fall together. What a pilot cannot tell (two blocks at least, a failure at least) is as in the world of
reference.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from analysis import stats
from analysis.estimates import Jobs
from analysis.traffic.service import Service
from analysis.verdict.campaigns import LIKE, REFERENCE, Side, World
from analysis.verdict.gates import BODY

BUSY = 0.8  # so much of a worker's time at most, where campaigns are drawn
_MOST_ICC = 0.5

_Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Pilot:
    """The laws, and of how many blocks they are: 0, they are assumed."""

    world: World = REFERENCE
    candidate: Side = LIKE
    baseline: Side = LIKE
    blocks: int = 0

    @property
    def alike(self) -> Side:
        """The candidate with its own spread, yet neither slower nor less reliable: what a plan is made for."""
        base = self.baseline
        return replace(self.candidate, slower=1.0, cold=1.0, success=base.success, icc=base.icc, stalls=base.stalls)


def pilot(candidate: Service, baseline: Service, world: World, *, parts: int = 1) -> Pilot:
    """From both products as measured. `world`: production and the windows at which both are compared.

    parts: of the candidate's blocks, on hosts of their own: its block means vary that much less than its hosts.
    Raises ValueError where one of them was not measured, or not beside the other.
    """
    for each in (candidate, baseline):
        if each.missing:
            raise ValueError(f"A pilot measures both: {each.missing}.")
    medians = {block: stats.quantile(_finite(_of(baseline.warm, block)), 0.5) for block in baseline.blocks}
    bodies = [_body(each.warm, medians) for each in (candidate, baseline)]
    if empty := next((each.name for each, body in zip((candidate, baseline), bodies, strict=True) if not body.n), None):
        raise ValueError(
            f"A pilot measures both side by side: no warm job of {empty} took at most {BODY:g} times {baseline.name}'s "
            "median of its block."
        )
    logs, boots = [_logs(body) for body in bodies], [_logs(_finite_jobs(each.boot)) for each in (candidate, baseline)]
    shared = max(0.0, _together(*logs))
    sides = [
        _side(service, medians, (log, boot), shared=shared, parts=many)
        for service, log, boot, many in zip((candidate, baseline), logs, boots, (parts, 1), strict=True)
    ]
    mine = replace(sides[0], slower=math.exp(logs[0].mean - logs[1].mean), cold=math.exp(boots[0].mean - boots[1].mean))
    known = len({*logs[0].blocks} & {*logs[1].blocks})
    return Pilot(
        world=_scaled(world, baseline, logs[1].mean, boots[1].mean, math.sqrt(shared) if known > 1 else None),
        candidate=mine,
        baseline=sides[1],
        blocks=known,
    )


def _scaled(world: World, baseline: Service, warm: float, boot: float, shared: float | None) -> World:
    # Campaigns hold a worker for a job's whole latency, which is more than its execution.
    work = max(float(baseline.service.high.mean()), float(_finite(baseline.warm.high).mean()))
    return replace(
        world,
        warm_s=math.exp(warm),
        boot_s=math.exp(boot),
        shared=REFERENCE.shared if shared is None else shared,
        workers=max(1, math.ceil(world.per_hour / 3600 * work / BUSY)),
        usd_per_s=baseline.usd_per_s_nano / 1e9,
    )


def _side(
    service: Service,
    medians: dict[int, float | None],
    logs: tuple["_Logs", "_Logs"],
    *,
    shared: float,
    parts: int,
) -> Side:
    warm, boot = logs
    between, boots = warm.between, boot.between
    ratios = np.log([billed / of for billed, of in service.billed.values() if billed > 0 and of > 0])
    good, of = (sum(pair[i] for pair in service.good.values()) for i in (0, 1))
    return Side(
        host=LIKE.host if between is None else math.sqrt(max(0.0, between - shared) * parts),
        within=LIKE.within if warm.within is None else math.sqrt(warm.within),
        boot_between=LIKE.boot_between if boots is None else math.sqrt(boots * parts),
        boot_within=LIKE.boot_within if boot.within is None else math.sqrt(boot.within),
        bill=float(ratios.std(ddof=1)) * math.sqrt(parts) if ratios.size > 1 else LIKE.bill,
        success=(good + 0.5) / (of + 1),  # Jeffreys: a pilot without a failure does not say that there are none
        icc=_icc([pair[0] for pair in service.good.values()], [pair[1] for pair in service.good.values()]),
        stalls=_stalls(service.warm, medians),
    )


def _icc(good: Sequence[int], of: Sequence[int]) -> float:
    """(deff - 1) / (m - 1), of failures; no less than the reference's, since few failures show no spread."""
    size = sum(of) / len(of) if of else 0.0
    if len(of) < 2 or size <= 1:
        return LIKE.icc
    return min(_MOST_ICC, max(LIKE.icc, (stats.design_effect(good, of) - 1) / (size - 1)))


def _stalls(warm: Jobs, medians: dict[int, float | None]) -> float:
    """Share of good warm jobs beyond the body."""
    r = warm.high / _unit(warm, medians)
    good = np.isfinite(r)
    return float((r[good] > BODY).mean()) if good.any() else 0.0


# ---------------------------------------------------------------- moments


@dataclass(frozen=True, kw_only=True)
class _Logs:
    """Of logarithms: block means by block, and variances; None: not to be told from so few."""

    blocks: dict[int, float]
    mean: float
    within: float | None
    between: float | None  # of block means, beyond what `within` explains


def _logs(jobs: Jobs) -> _Logs:
    groups = {int(block): np.log(_of(jobs, int(block))) for block in np.unique(jobs.block)}
    means = {block: float(values.mean()) for block, values in groups.items()}
    spare = sum(values.size - 1 for values in groups.values())
    squares = sum(float(((values - values.mean()) ** 2).sum()) for values in groups.values())
    within = squares / spare if spare else None
    each = float(np.mean([1 / values.size for values in groups.values()]))
    between = None
    if len(means) > 1 and within is not None:
        between = max(0.0, float(np.var(list(means.values()), ddof=1)) - within * each)
    return _Logs(blocks=means, mean=float(np.mean(list(means.values()))), within=within, between=between)


def _together(candidate: _Logs, baseline: _Logs) -> float:
    """Covariance of the arms' block means: what a block does to both."""
    both = sorted({*candidate.blocks} & {*baseline.blocks})
    if len(both) < 2:
        return REFERENCE.shared**2
    pairs = np.array([[candidate.blocks[block], baseline.blocks[block]] for block in both])
    return float(np.cov(pairs.T, ddof=1)[0, 1])


def _body(warm: Jobs, medians: dict[int, float | None]) -> Jobs:
    r = warm.high / _unit(warm, medians)
    return warm.where(np.isfinite(r) & (r <= BODY))


def _unit(jobs: Jobs, medians: dict[int, float | None]) -> _Floats:
    """The baseline's median in each job's block; where it has none, nothing is known of the job."""
    return np.array([medians.get(block) or math.nan for block in jobs.block.tolist()])


def _of(jobs: Jobs, block: int) -> _Floats:
    found: _Floats = jobs.high[jobs.block == block]
    return found


def _finite(values: _Floats) -> _Floats:
    found: _Floats = values[np.isfinite(values)]
    return found


def _finite_jobs(jobs: Jobs) -> Jobs:
    return jobs.where(np.isfinite(jobs.high))
