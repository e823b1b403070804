"""Do the intervals of money hold what they promise? Rows of `benchmarks.coverage`.

Two kinds. The jackknife of a saving alone, from means of blocks and a closed form. And everything that our pages show
of cost, by their own functions, from rows of jobs, deployments and bills as a campaign leaves them (`coverage_frames`).
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis import stats
from analysis.bases import FULLY_LOADED, MARGINAL, bases
from analysis.estimates import Jobs
from analysis.stats import Limits
from analysis.traffic.equal import Terms, key, saving
from analysis.traffic.measured import services, subjects
from analysis.traffic.poisson import poisson_worker
from analysis.traffic.profile import Curve
from analysis.traffic.replay import Setting
from analysis.traffic.service import Service
from analysis.traffic.tables import settings_table
from analysis.traffic.trials import try_settings
from benchmarks import coverage_frames as worlds
from benchmarks.coverage_frames import ARMS, COLD, WARM, Arm
from benchmarks.covering import WITHIN, Dice, Floats, Held, Row, inside, mean_of

BLOCKS = (12, 20, 24)
STATED = (0.935, 0.97)  # of jackknife-t, 12 to 24 blocks
PER_HOUR = 20.0
BLENDED, SAVING = "blended", "saving"
NO_JOBS = Jobs.exact([], [])


def rows() -> Iterator[Row]:
    """Held to what is stated within two simulation errors of ours."""
    for blocks in BLOCKS:
        where = f"{blocks} blocks"
        yield Row(what="saving, jackknife-t", where=where, stated=STATED, trial=savings(blocks), apart=None)
    for blocks in BLOCKS:
        for name in truths():
            trial = partial(in_a_world, name, blocks)
            yield Row(what=name, where=f"{blocks} blocks, rows", stated=STATED, trial=trial, apart=None)


# ---------------------------------------------------------------- as our pages compute them


def in_a_world(name: str, blocks: int, dice: Dice) -> Held:
    """Did this interval hold? All rows meet the same worlds."""
    number = int(dice.integers(2**31))
    found = of_benchmark(number, blocks) if name.startswith((MARGINAL, FULLY_LOADED)) else of_traffic(number, blocks)
    return inside(found[name], truths()[name]), None


@cache
def of_benchmark(number: int, blocks: int) -> Mapping[str, Limits]:
    """Marginal and fully loaded, in dollars per good image."""
    shown = bases(*worlds.draw(np.random.default_rng(number), blocks)).filter(unit="image")
    return {f"{row['basis']}, {row['backend']}": Limits(row["usd_lo"], row["usd_hi"]) for row in shown.to_dicts()}


@cache
def of_traffic(number: int, blocks: int) -> Mapping[str, Limits]:
    """Blended cost in dollars per good image, as the table of settings has it, and the saving as a share."""
    rows = worlds.draw(np.random.default_rng(number), blocks)
    deployed = {arm.backend: setting_of(arm) for arm in ARMS}
    known = services(*rows, subject=subjects(rows[1])[0], deployed=deployed, at=worlds.AT)
    # Without latencies there is no p95, which would take most of the time; dollars are the same.
    arms = [replace(each, warm=NO_JOBS, cold=NO_JOBS) for each in known if isinstance(each, Service)]
    terms = Terms(traffic=Curve(per_day=24 * PER_HOUR), seed=number, requests=2000, requests_per_block=400)
    tried = try_settings(arms[0], arms[1:], terms, settings={key(each): [each.setting] for each in arms})
    found = {f"{BLENDED}, {row['service'].lower()}": _limits(row) for row in settings_table(tried).to_dicts()}
    saved = saving(tried[1], tried[0])
    return found | {SAVING: saved.limits if saved else Limits(None, None)}


def _limits(row: Mapping[str, Any]) -> Limits:
    ends = (row[f"usd_per_image_{end}_nano"] for end in ("low", "high"))
    return Limits(*(None if nano is None else nano / 1e9 for nano in ends))


def setting_of(arm: Arm) -> Setting:
    """One worker, so that there is a closed form."""
    return Setting(window_s=arm.window_s, max_workers=1)


@cache
def truths() -> Mapping[str, float]:
    """What the intervals are to hold, from the laws alone: dollars per good image, and a share."""
    found = {f"{basis}, {arm.backend}": truth(arm) for basis, truth in _TRUTHS.items() for arm in ARMS}
    baseline, candidate = (found[f"{BLENDED}, {arm.backend}"] for arm in ARMS)
    return found | {SAVING: 1 - candidate / baseline}


def marginal(arm: Arm) -> float:
    return arm.nano_per_s / 1e9 * arm.work_s


def fully_loaded(arm: Arm) -> float:
    """A block's jobs, its cold ones' boots and windows, as billed, over its good images."""
    lives_s = (WARM + COLD) * arm.work_s + COLD * (arm.boot_s + arm.window_s + arm.step_s / 2)
    return arm.nano_per_s / 1e9 * lives_s * worlds.BILLED / ((WARM + COLD) * worlds.GOOD)


def blended(arm: Arm) -> float:
    """One worker under Poisson arrivals; on average half a step is added to each life."""
    worker = poisson_worker(PER_HOUR, service_s=arm.work_s, boot_s=arm.boot_s, window_s=arm.window_s)
    paid_s = worker.paid_s_per_image + worker.cold_share * arm.step_s / 2
    return arm.nano_per_s / 1e9 * paid_s * worlds.BILLED / worlds.GOOD


_TRUTHS: Mapping[str, Callable[[Arm], float]] = {MARGINAL: marginal, FULLY_LOADED: fully_loaded, BLENDED: blended}


# ---------------------------------------------------------------- a saving from means of blocks


def monthly(execution_s: float, cold_s: float, window_s: float, per_hour: float = 20.0) -> float:
    """Paid share of a month of one worker that Poisson arrivals keep: 1 - q / E[N]."""
    pace = per_hour / 3600
    gone = math.exp(-pace * window_s)
    return 1 - gone * (1 - pace * execution_s) / (1 + pace * gone * cold_s)


def savings(blocks: int) -> Callable[[Dice], Held]:
    """Candidate's window 10 s, the baseline's 300 s; 60 warm and 4 cold jobs a block, bills off by 3 %."""
    windows, hosts = (10.0, 300.0), (0.03, 0.02)
    true_c, true_b = (
        monthly(9 * mean_of(WITHIN, 0.05, host), 45 * mean_of(0.30, 0.10), window)
        for window, host in zip(windows, hosts, strict=True)
    )

    def trial(dice: Dice) -> Held:
        shared = dice.normal(0, 0.05, blocks)
        arms = [arm_costs(dice, shared, host) for host in hosts]
        without = [(cost_of(arms, windows, np.arange(blocks) != out)) for out in range(blocks)]
        low, high = stats.saving(cost_of(arms, windows, np.full(blocks, True)), without).limits()
        return low <= 1 - true_c / true_b <= high, None

    return trial


def arm_costs(dice: Dice, shared: Floats, host: float) -> tuple[Floats, Floats, Floats]:
    """Per block: mean execution, mean boot, billed over estimated."""
    blocks = shared.size
    base = 9 * np.exp(shared + dice.normal(0, host, blocks))
    warm = base * np.exp(dice.normal(0, WITHIN, (60, blocks))).mean(axis=0)
    boots = 45 * np.exp(dice.normal(0, 0.10, blocks)) * np.exp(dice.normal(0, 0.30, (4, blocks))).mean(axis=0)
    return warm, boots, np.exp(dice.normal(0, 0.03, blocks))


def cost_of(
    arms: list[tuple[Floats, Floats, Floats]], windows: tuple[float, float], kept: NDArray[np.bool_]
) -> tuple[float, float]:
    candidate, baseline = (
        float(billed[kept].mean()) * monthly(float(warm[kept].mean()), float(boots[kept].mean()), window)
        for (warm, boots, billed), window in zip(arms, windows, strict=True)
    )
    return candidate, baseline
