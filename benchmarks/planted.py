"""Worlds whose bills hold what no estimate can see, and one run of about 100 jobs in each: all drawn from a seed.

Every figure is drawn as in `benchmarks.drawing`; only the bills are planted here. A picture of 256 px takes as long as
a full one does there: it is quick to paint, and the job costs what a job costs.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.drawing import DRAWN, drawn
from clock import VirtualClock
from collectors import billing
from collectors.context import Context
from collectors.service import Service
from simulator.simulation import Simulation
from simulator.world import World
from storage.db import DataFolder
from storage.plans import RunPlan
from tests.simulation.bakeoff import SMALL, plan
from tests.simulation.pictures import PooledStudio
from tests.simulation.quick import Quick, emptied
from tests.virtual import run

JOBS, COLD = 100, 3
PROVIDERS = (("modal",), ("runpod",), ("vast",), ("modal", "runpod"), ("runpod", "vast"), ("modal", "runpod", "vast"))
OFTEN = (5, 5, 4, 2, 2, 2)  # of 20 worlds
WORKLOADS = (("flux-dev", "L40S"), ("qwen-image-2512", "H100"))

EARLY_S = 3.0  # at most: whether a start is billed before the container's own word for it, nobody writes
CORRECTED = 0.03  # at most, upwards: no provider says how much it corrects
CORRECTED_AFTER_S = 86_400
FEE_USD_H = 0.0008  # Runpod's `feeAmount`, which is nowhere explained: that of the worked ledger
VOLUME_GB = (34, 60, 80)  # the weights of flux-dev; the volume and the disk of the worked ledgers
VOLUME_USD_GB_MONTH = {"runpod": 0.07, "vast": 0.15}  # Runpod's documentation, 2026-06-08; Vast.ai's ordinary disk
MONTH_H = 730
LONGER = 3  # readings, 12 h apart
STUDIO = PooledStudio()  # shared: its pictures are made once


@dataclass(frozen=True, kw_only=True)
class Planted:
    """A world and the run in it."""

    seed: int
    world: World
    plan: RunPlan


@dataclass
class Account(Quick):
    """An installation in a planted world, with keys of those providers that its run uses."""

    planted: Planted = field(kw_only=True)

    def simulated(self, clock: VirtualClock) -> Simulation:
        """That world."""
        return Simulation(self.planted.world, seed=self.seed, studio=self.studio, now=clock.now())

    def service(self, clock: VirtualClock, **hooks: Any) -> Service:
        """A collector that reads bills until those of the forgotten volume are final, too."""
        made = super().service(clock, **hooks)
        if "vast" not in self.only:  # Runpod's volume has lines of an hour, as the run
            return made
        return Service(made.ctx, pid=1, when_idle=lambda: _settle(made.ctx))


async def _settle(ctx: Context) -> None:
    """A volume's line of a day ends with the day, up to 24 h after those of the run."""
    await billing.settle(ctx)
    for _ in range(LONGER):
        ctx.clock.leap(ctx.clock.now() + billing.SETTLE_STEP)
        await billing.ingest(ctx)


def planted(seed: int, *, jobs: int = JOBS, more: Mapping[str, Any] | None = None) -> Planted:
    """The world of a seed. `jobs`: of its run; `more`: fields of `Billing` that replace what was drawn."""
    dice = Random(f"planted {seed}")
    (backends,) = dice.choices(PROVIDERS, OFTEN)
    workflow, gpu = dice.choice(WORKLOADS)
    figures = tomllib.loads(drawn(seed))
    for name in figures["models"]:
        figures["models"][name]["reference_px"] = SMALL["width"]
    for name in backends:
        lag_s = figures[name]["billing"]["lag_s"]
        figures[name]["billing"] = {"lag_s": lag_s, "source": DRAWN, **_billing(name, dice), **(more or {})}
    each = jobs // len(backends)
    cold = COLD if each > 10 * COLD else min(2, each)  # two, so that an idle window is billed
    asked = plan(workflow, gpu=gpu, backends=backends, warm=each - cold, cold=cold)
    return Planted(seed=seed, world=World.model_validate(figures), plan=asked)


def _billing(provider: str, dice: Random) -> dict[str, float]:
    """What is planted in one provider's bills: each has an early start, each other thing every second one."""
    found = {"early_s": dice.uniform(0, EARLY_S)}
    if dice.random() < 0.5:
        found |= {
            "late_correction": dice.uniform(0, CORRECTED),
            "correct_after_s": dice.uniform(0, CORRECTED_AFTER_S),
        }
    if provider in VOLUME_USD_GB_MONTH and dice.random() < 0.5:
        found["volume_usd_h"] = dice.choice(VOLUME_GB) * VOLUME_USD_GB_MONTH[provider] / MONTH_H
    if provider == "runpod" and dice.random() < 0.5:
        found["fee_usd_h"] = FEE_USD_H
    return found


def live(world: Planted, folder: Path) -> Account:
    """Its run to the end, and its bills until they are final; what an earlier one left in the folder goes."""
    made = Account(
        DataFolder(emptied(folder)), world.world.name, world.seed, STUDIO, world.plan.backends, planted=world
    )

    async def scenario(clock: VirtualClock) -> None:
        made.open(clock)
        made.ask(clock, world.plan)
        await made.collect(clock)

    run(scenario)
    return made
