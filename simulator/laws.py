"""Fates and durations, each drawn from its own key: the order in which calls arrive cannot change the truth."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

from simulator.comfy import Asked
from simulator.engine import us
from simulator.world import Duration, ProviderWorld, World

Start = Literal["cold", "restored"]


@dataclass(frozen=True)
class BootDraw:
    """How one worker comes up; durations in microseconds."""

    kind: Start
    pull_us: int
    boot_us: int
    host_factor: float
    crashes: bool = False  # at the end of its boot, again and again
    clock_us: int = 0  # how far its clock is ahead of the true one
    lag_us: int = 0  # how late lists show that it came, and that it left


@dataclass(frozen=True)
class RunDraw:
    """How one job goes; durations in microseconds. `share` is how far a worker gets before it is lost."""

    load_us: int
    execution_us: int
    fate: str  # "good" or a field of world.Failures
    share: float


# An answer from a cache: a look-up and a transfer; no load, no step, no failure.
FROM_CACHE = RunDraw(load_us=0, execution_us=us(0.05), fate="good", share=1.0)


class Laws:
    """One provider's laws in one seeded world."""

    def __init__(self, world: World, provider: str, seed: int) -> None:
        self.world, self.provider, self.seed = world, provider, seed
        self.own: ProviderWorld = world.provider(provider)
        self._hosts: float | None = (
            None  # that booted, times their bad share; an endpoint of Runpod has laws of its own
        )

    def boot(self, deployment: str, index: int) -> BootDraw:
        """The `index`-th worker of a deployment."""
        dice = self._dice("worker", deployment, index)
        restored = self.own.restore is not None and dice.random() < self.own.restore_share
        law = self.own.restore if restored and self.own.restore else self.own.boot
        return BootDraw(
            kind="restored" if restored else "cold",
            pull_us=_draw(self.own.pull, dice),
            boot_us=_draw(law, dice),
            host_factor=math.exp(dice.gauss(0, self.own.host_sigma)) * self._bad(deployment),
            crashes=dice.random() < self.own.crash_share,
            clock_us=us(self._dice("clock", deployment, index).uniform(-1, 1) * self.own.clock_skew_s),
            lag_us=self.lag_us(deployment, index),
        )

    def _bad(self, deployment: str) -> float:
        """Every so many-th of those that boot, from a drawn one on: at a tenth four of 40, whatever the seed."""
        before = self._dice("bad host", deployment).random() if self._hosts is None else self._hosts
        self._hosts = before + self.own.bad_host_share
        return self.own.bad_host_factor if math.floor(self._hosts) > math.floor(before) else 1.0

    def hour_factor(self, now_us: int) -> float:
        """On GPU work at this time of the day: 1 at midnight, 1 + `day_drift` at noon, a cosine in between."""
        day = now_us / us(86_400)
        return 1 + self.own.day_drift * (1 - math.cos(2 * math.pi * day)) / 2

    def lag_us(self, *listed: object) -> int:
        """How late a list shows what changes of this one."""
        most_s = self.own.listing_lag_s
        return us(self._dice("list", *listed).uniform(0, most_s)) if most_s else 0

    def run(self, deployment: str, asked: Asked, attempt: int, *, gpu: str, host_factor: float) -> RunDraw:
        """One execution of what was asked, the `attempt`-th with these very inputs on this deployment."""
        dice = self._dice("job", deployment, asked.seed, asked.prompt, attempt)
        model = self.world.models.get(asked.model)  # type: ignore[call-overload]
        jitter = math.exp(dice.gauss(0, self.own.job_sigma))
        ideal = ideal_s(self.world, asked, gpu)
        execution_s = (ideal or 0.0) * self.own.work_share * host_factor * jitter + self.own.overhead_s
        load_us = _draw(model.load[self.provider], dice) if model else 0
        fate = _fate(self.own, dice)
        return RunDraw(
            load_us=load_us,
            execution_us=us(execution_s),
            fate="out_of_memory" if ideal is None else fate,
            share=dice.uniform(0.1, 0.9),
        )

    def cached(self, deployment: str, asked: Asked, attempt: int) -> bool:
        """Does the provider answer what was asked for before from a cache?"""
        return self._dice("cache", deployment, asked.seed, asked.prompt, attempt).random() < self.own.cache_share

    def _dice(self, *key: object) -> Random:
        return Random("/".join(map(str, (self.seed, self.provider, *key))))


def ideal_s(world: World, asked: Asked, gpu: str) -> float | None:
    """Seconds on a perfect host: steps x forwards x step(size) + fixed part; None where the model does not fit the GPU.

    True classifier-free guidance (cfg > 1) doubles the forwards. Step time grows with pixels^1.1: the
    exponent between the two measured sizes of qwen-image-2512 (1024: 0.2005 s, 1328: 0.3568 s on an H100).
    A graph without a model of the world takes no GPU time of its own.
    """
    model = world.models.get(asked.model)  # type: ignore[call-overload]
    if model is None:
        return 0.0
    if gpu not in model.step:
        return None
    forwards = 2 if asked.cfg > 1 else 1
    size = (asked.width * asked.height / model.reference_px**2) ** 1.1
    return float(asked.steps * forwards * model.step[gpu].s * size + model.fixed_s)


def _draw(law: Duration, dice: Random) -> int:
    return us(law.median_s * math.exp(dice.gauss(0, law.sigma)))


def _fate(own: ProviderWorld, dice: Random) -> str:
    rates: Sequence[tuple[str, float]] = list(own.failures.model_dump().items())
    roll = dice.random()
    for name, rate in rates:
        if roll < rate:
            return name
        roll -= rate
    return "good"
