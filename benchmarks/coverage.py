"""Do the intervals hold what they promise? `python -m benchmarks.coverage [campaigns]`, about 6 minutes at 1,000.

Each row repeats a campaign in a world whose truth is known and counts how often the interval held it, beside the share
that the method is stated to have, and beside what a user would compute without thinking of blocks. Exit code 1 if a row
is further than .03 from the one figure that is stated, or than two simulation errors of ours from a range.
"""

import math
import sys
from collections.abc import Callable, Iterator
from functools import cache

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.special import ndtri

from analysis import estimates, stats
from analysis.estimates import Blend, Counts, Jobs
from benchmarks import coverage_costs
from benchmarks.covering import WITHIN, Dice, Held, Row, below, inside, measure

STALL = 4.0  # a stalled job takes this many times as long


# ---------------------------------------------------------------- draws


def draw(
    dice: Dice, blocks: int, jobs: int, *, between: float = 0.0, within: float = WITHIN, stalls: float = 0.0
) -> Jobs:
    """Lognormal values of median 1: a shift per block, a draw per job, now and then a stall."""
    shifts = np.repeat(dice.normal(0, between, blocks), jobs)
    values = np.exp(shifts + dice.normal(0, within, blocks * jobs))
    values[dice.random(values.size) < stalls] *= STALL
    return Jobs.exact(values, np.repeat(np.arange(blocks), jobs))


def p95(sd: float, stalls: float = 0.0) -> float:
    """The truth of `draw`: where stalls are fewer than 5 % the p95 lies in the body."""
    return math.exp(sd * float(ndtri(0.95 / (1 - stalls))))


def flat(jobs: Jobs, *, alpha: float) -> stats.Limits:
    """As if every job stood for itself."""
    return stats.quantile_limits(jobs.low, jobs.high, 0.95, alpha=alpha)


# ---------------------------------------------------------------- trials


def one_p95(n: int, stalls: float) -> Callable[[Dice], Held]:
    """Two-sided, independent jobs; naive: the percentile bootstrap."""
    truth = p95(WITHIN, stalls)

    def trial(dice: Dice) -> Held:
        jobs = draw(dice, 1, n, stalls=stalls)
        limits = flat(jobs, alpha=stats.TWO_SIDED)
        again = np.quantile(dice.choice(jobs.high, (200, n)), 0.95, axis=1, method="inverted_cdf")
        return inside(limits, truth), bool(np.quantile(again, 0.025) <= truth <= np.quantile(again, 0.975))

    return trial


def hosts_p95(blocks: int, jobs: int) -> Callable[[Dice], Held]:
    truth = p95(math.hypot(WITHIN, 0.10))

    def trial(dice: Dice) -> Held:
        drawn = draw(dice, blocks, jobs, between=0.10)
        high = estimates.quantile(drawn, 0.95, alpha=0.05).limits.high
        return below(truth, high), below(truth, flat(drawn, alpha=0.05).high)

    return trial


def ratio_of_p95s(n: int, stalls: float) -> Callable[[Dice], Held]:
    def trial(dice: Dice) -> Held:
        arms = [draw(dice, 1, n, stalls=stalls) for _ in range(2)]
        return below(1.0, flat_ratio(arms[0], arms[1]).high), None

    return trial


def relative_p95(blocks: int, jobs: int, *, host: float, stalls: float = 0.0) -> Callable[[Dice], Held]:
    """Candidate's over the baseline's p95 of latency over the block's baseline median; with stalls, of the body."""

    def trial(dice: Dice) -> Held:
        candidate, baseline = relative_arms(dice, blocks, jobs, host=host, stalls=stalls)
        truth = relative_truth(jobs, host, stalls)
        high = estimates.quantile_ratio(candidate, baseline, 0.95, alpha=0.05).limits.high
        return below(truth, high), below(truth, flat_ratio(candidate, baseline).high)

    return trial


@cache
def relative_truth(jobs: int, host: float, stalls: float) -> float:
    arms = [relative_arms(np.random.default_rng(seed), 400, jobs, host=host, stalls=stalls) for seed in range(20)]
    return math.exp(np.mean([math.log(q95(candidate) / q95(baseline)) for candidate, baseline in arms]))


def relative_arms(dice: Dice, blocks: int, jobs: int, *, host: float, stalls: float) -> tuple[Jobs, Jobs]:
    shared = np.repeat(dice.normal(0, 0.05, blocks), jobs)
    arms = [draw(dice, blocks, jobs, between=between, stalls=stalls) for between in (host, 0.02)]
    seen = [Jobs.exact(arm.high * np.exp(shared), arm.block) for arm in arms]
    candidate, baseline = (estimates.relative(arm, seen[1]) for arm in seen)
    return (
        (candidate.where(candidate.high <= 2), baseline.where(baseline.high <= 2)) if stalls else (candidate, baseline)
    )


def flat_ratio(candidate: Jobs, baseline: Jobs) -> stats.Limits:
    arms = flat(candidate, alpha=0.05), flat(baseline, alpha=0.05)
    return stats.ratio_limits((q95(candidate), q95(baseline)), arms)


def false_pass(n: int) -> Callable[[Dice], Held]:
    """Passing at -2 points although that is the truth: independent jobs, naive is Wald."""

    def trial(dice: Dice) -> Held:
        candidate, baseline = int(dice.binomial(n, 0.97)), int(dice.binomial(n, 0.99))
        low, _ = stats.newcombe((candidate, n), (baseline, n), alpha=0.05)
        return low > -0.02, wald(candidate, baseline, n) > -0.02

    return trial


def false_pass_in_blocks(icc: float, blocks: int = 20, jobs: int = 64) -> Callable[[Dice], Held]:
    def trial(dice: Dice) -> Held:
        candidate, baseline = (counts(dice, rate, icc, blocks, jobs) for rate in (0.97, 0.99))
        low = estimates.rate_difference(candidate, baseline, alpha=0.05).limits.low
        plain = stats.newcombe((sum(candidate.good), candidate.n), (sum(baseline.good), baseline.n), alpha=0.05)
        return None if low is None else low > -0.02, plain[0] > -0.02

    return trial


def counts(dice: Dice, rate: float, icc: float, blocks: int, jobs: int) -> Counts:
    """Beta-binomial."""
    spread = 1 / icc - 1 if icc else 0.0
    rates = dice.beta(rate * spread, (1 - rate) * spread, blocks) if icc else np.full(blocks, rate)
    return Counts(good=dice.binomial(jobs, rates).tolist(), of=[jobs] * blocks)


def wald(candidate: int, baseline: int, n: int) -> float:
    c, b = candidate / n, baseline / n
    return c - b - 1.6449 * math.sqrt((c * (1 - c) + b * (1 - b)) / n)


def means(blocks: int) -> Callable[[Dice], Held]:
    """Mean of the logarithm over hosts of 20 jobs, sd .2 between them; naive: t over all jobs."""

    def trial(dice: Dice) -> Held:
        jobs = draw(dice, blocks, 20, between=0.2)
        logs = np.log(jobs.high)
        low, high = stats.block_t(logs.reshape(blocks, 20).mean(axis=1), alpha=stats.TWO_SIDED)
        naive = stats.block_t(logs, alpha=stats.TWO_SIDED)
        return low <= 0 <= high, naive[0] <= 0 <= naive[1]

    return trial


# ---------------------------------------------------------------- mixtures


def blends(share: float) -> Callable[[Dice], Held]:
    """p95 of warm and cold jobs mixed, 20 blocks of 60 and 4, the share known."""

    def trial(dice: Dice) -> Held:
        return inside(estimates.blended_quantile(blend(dice, share, 20), 0.95).limits, blend_truth(share)), None

    return trial


@cache
def blend_truth(share: float) -> float:
    return estimates.blended_quantile(blend(np.random.default_rng(99), share, 20_000), 0.95).point or math.nan


def blend(dice: Dice, share: float, blocks: int) -> Blend:
    base = 9 * np.exp(dice.normal(0, math.hypot(0.05, 0.03), blocks))
    boot = 45 * np.exp(dice.normal(0, 0.10, blocks))
    warm = base[:, None] * np.exp(dice.normal(0, WITHIN, (blocks, 60)))
    after = base[:, None] * np.exp(dice.normal(0, WITHIN, (blocks, 4)))
    cold = after + boot[:, None] * np.exp(dice.normal(0, 0.30, (blocks, 4)))
    return Blend(
        cold=Jobs.exact(cold.ravel(), np.repeat(np.arange(blocks), 4)),
        warm=Jobs.exact(warm.ravel(), np.repeat(np.arange(blocks), 60)),
        cold_share=(share, share, share),
    )


# ---------------------------------------------------------------- the table


def q95(jobs: Jobs) -> float:
    return stats.quantile(jobs.high, 0.95) or math.nan


def rows() -> Iterator[Row]:
    """The coverage that the estimators are stated to have, cell by cell; nominal .95, or .05 of false passes."""
    for n in (72, 200, 500):
        yield Row(what="p95", where=f"n {n}", stated=(0.966, 0.981), trial=one_p95(n, 0), naive="bootstrap")
    for n in (72, 200, 500):
        yield Row(
            what="p95, 4 % stalls", where=f"n {n}", stated=(0.955, 0.975), trial=one_p95(n, 0.04), naive="bootstrap"
        )
    for blocks, jobs, stated in ((8, 65, 0.944), (12, 50, 0.954), (24, 25, 0.954)):
        yield cell("p95 upper, host sd .10", f"{blocks}x{jobs}", stated, hosts_p95(blocks, jobs), naive="no blocks")
    for n, stated in ((72, 0.988), (100, 0.981), (200, 0.980), (300, 0.973), (521, 0.967), (600, 0.973)):
        yield cell("p95 ratio upper", f"n {n}", stated, ratio_of_p95s(n, 0))
    for n, stated in ((72, 0.984), (100, 0.977), (200, 0.982), (300, 0.975), (521, 0.960), (600, 0.972)):
        yield cell("p95 ratio upper, 4 % stalls", f"n {n}", stated, ratio_of_p95s(n, 0.04))
    for blocks, jobs, stated in ((8, 65, 0.949), (12, 50, 0.956), (20, 60, 0.953)):
        trial = relative_p95(blocks, jobs, host=0.10)
        yield cell("p95 ratio of r, host sd .10", f"{blocks}x{jobs}", stated, trial, naive="no blocks")
    trial = relative_p95(20, 60, host=0.06, stalls=0.04)
    yield cell("body p95 ratio, 4 % stalls, h .06", "20x60", 0.966, trial, naive="no blocks")
    for n, stated in ((307, 0.048), (521, 0.049), (700, 0.051)):
        yield cell("Newcombe, false pass", f"n {n}", stated, false_pass(n), naive="Wald")
    for icc, stated in ((0.0, 0.030), (0.02, 0.040), (0.05, 0.043)):
        yield cell("Newcombe, false pass", f"20x64, ICC {icc}", stated, false_pass_in_blocks(icc), naive="no blocks")
    for blocks, stated in ((3, 0.945), (5, 0.942), (8, 0.947), (12, 0.953), (20, 0.953)):
        yield cell("block-t, host sd .2", f"{blocks}x20", stated, means(blocks), naive="no blocks")
    for share, stated in ((0.01, 0.95), (0.03, 0.98), (0.08, 0.99), (0.2, 0.95), (0.5, 0.99)):
        yield cell("blended p95", f"cold share {share}", stated, blends(share))
    yield from coverage_costs.rows()


def cell(what: str, where: str, stated: float, trial: Callable[[Dice], Held], *, naive: str = "") -> Row:
    return Row(what=what, where=where, stated=(stated, stated), trial=trial, naive=naive)


def main(campaigns: int = 1000) -> int:
    """Print the table."""
    bad = 0
    table = Table("interval", "where", "stated", "ours", "error", "withheld", "naive")
    for row in rows():
        found = measure(row, campaigns)
        low, high = row.stated
        bad += not row.holds(found)
        naive = "-" if found.naive is None else f"{found.naive:.3f} {row.naive}"
        stated = f"{low:.3f}" if low == high else f"{low:.3f}-{high:.3f}"
        ours = f"{found.ours:.3f}" + ("" if row.holds(found) else " NO")
        table.add_row(row.what, row.where, stated, ours, f"{found.error:.3f}", f"{found.withheld:.0%}", naive)
    table.title = f"{campaigns:,} campaigns a row; error: of ours, by their number"
    Console(width=120).print(table)
    return min(bad, 1)


if __name__ == "__main__":
    sys.exit(main(*(int(argument) for argument in sys.argv[1:2])))
