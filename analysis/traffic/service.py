"""A provider's product as measured, and what production's traffic would cost and wait on it at a setting."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from analysis.estimates import Jobs
from analysis.eviction import Drawn, Fixed
from analysis.traffic.replay import MONTH_S, Arrivals, Replayed, ReplayError, Setting, replay

_Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Service:
    """One provider's product with one GPU: what blocks measured of it, its price, and how it is deployed now.

    service: execution seconds of good warm jobs. boot: boot and load seconds of cold ones; load: of the same jobs in
    the same order, the latter alone (none: not known apart). pull: what cold ones waited until their worker's paid life
    began. warm, cold: their latency in our hands. good: by block, good images of counted
    jobs. billed: by block, billed and estimated nano-USD; empty where there is no bill. overhead_s: how long a request
    holds its worker beyond its execution. Rates in integer nano-USD: a second of a worker, a boot (such as the network
    for model files), a month (such as a volume at rest). steps: of the first, what is billed in whole steps of each
    life, as seconds of a step and nano-USD a second.
    """

    name: str
    gpu: str
    usd_per_s_nano: int
    setting: Setting
    service: Jobs
    boot: Jobs
    warm: Jobs
    cold: Jobs
    good: Mapping[int, tuple[int, int]]
    billed: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    load: Jobs = field(default_factory=lambda: Jobs.exact([], []))
    pull: Jobs = field(default_factory=lambda: Jobs.exact([], []))
    overhead_s: float = 0.0
    usd_per_boot_nano: int = 0
    usd_per_month_nano: int = 0
    steps: Sequence[tuple[float, int]] = ()
    window: Fixed | Drawn | None = None  # as deployed, as probes have seen it
    simulated: bool = False

    @property
    def missing(self) -> str | None:
        """Why it cannot be replayed; None: it can."""
        for what, jobs in (("warm execution", self.service), ("boot", self.boot)):
            if not jobs.n or not np.isfinite(jobs.high).all():
                return f"no {what} time was measured on {self.name}"
        return None if self.success else f"no good image came from {self.name}"

    @cached_property
    def success(self) -> float | None:
        """g: good images of all counted jobs."""
        counted = sum(of for _, of in self.good.values())
        return sum(good for good, _ in self.good.values()) / counted if counted else None

    @cached_property
    def kappa(self) -> float:
        """Billed over estimated, of all blocks that have a bill; 1 where none has."""
        estimated = sum(nano for _, nano in self.billed.values())
        return sum(nano for nano, _ in self.billed.values()) / estimated if estimated else 1.0

    @property
    def blocks(self) -> list[int]:
        return sorted({*self.good, *np.unique(self.service.block).tolist(), *np.unique(self.boot.block).tolist()})

    def without(self, block: int) -> "Service":
        """As if this block had not been; what it alone has seen of boots stays out of it."""
        return replace(
            self,
            service=_without(self.service, block),
            boot=_without(self.boot, block),
            load=_without(self.load, block),
            pull=_without(self.pull, block),
            good={each: counts for each, counts in self.good.items() if each != block},
            billed={each: nano for each, nano in self.billed.items() if each != block},
        )


@dataclass(frozen=True, kw_only=True)
class Month:
    """A month of traffic on a service: requests, good images, nano-USD before they are rounded, and the replay."""

    requests: float
    nano: float
    good: float
    replayed: Replayed

    @property
    def usd_per_month_nano(self) -> int:
        return half_up(self.nano)

    @property
    def nano_per_image(self) -> float:
        return self.nano / self.good

    @property
    def usd_per_image_nano(self) -> int:
        return half_up(self.nano_per_image)


def month_of(service: Service, arrivals: Arrivals, *, setting: Setting | None = None, seed: int = 1) -> Month:
    """C_month = kappa (paid seconds x rate + what whole steps of each life add + boots x their price) + what is due at
    rest; over N_month g good images.

    setting None: as it is deployed now. Raises ReplayError where something is not measured (`missing`) or its workers
    cannot keep up.
    """
    if service.missing or service.success is None:
        raise ReplayError(f"It cannot be replayed: {service.missing}.")
    found = played(service, arrivals, setting or service.setting, seed=seed)
    months = arrivals.span_s / MONTH_S
    metered = found.paid_s * service.usd_per_s_nano + found.boots * service.usd_per_boot_nano
    metered += math.fsum(float(_stepped_s(found.lives_s, step_s).sum()) * nano for step_s, nano in service.steps)
    return Month(
        requests=arrivals.n / months,
        nano=service.kappa * metered / months + service.usd_per_month_nano,
        good=arrivals.n / months * service.success,
        replayed=found,
    )


def played(service: Service, arrivals: Arrivals, setting: Setting, *, seed: int) -> Replayed:
    """A replay with seconds drawn from the measured ones, each as likely.

    A request's draws depend on the seed and its place alone, whatever the service, the setting and the blocks left in:
    what differs between two replays is then what is compared. Raises ReplayError where the workers cannot keep up.
    """
    chances = np.random.default_rng((seed, 1)).random((arrivals.n, 3))
    seconds = drawn(service.service, chances[:, 0]) + service.overhead_s
    if (carried := carried_share(setting, arrivals, float(seconds.mean()))) >= 1:
        workers = "One worker" if setting.max_workers == 1 else f"{setting.max_workers} workers"
        raise ReplayError(f"{workers} cannot keep up: the requests are {carried:.0%} of what can be served.")
    law = service.window if setting == service.setting else None
    return replay(
        arrivals,
        setting,
        service_s=seconds,
        boot_s=drawn(service.boot, chances[:, 1]),
        load_s=_beside(service.load, service.boot, chances[:, 1]) if service.load.n else 0.0,
        pull_s=drawn(service.pull, np.random.default_rng((seed, 2)).random(arrivals.n)) if service.pull.n else 0.0,
        windows_s=_windows(law, chances[:, 2]) if isinstance(law, Drawn) else None,
    )


def carried_share(setting: Setting, arrivals: Arrivals, service_s: float) -> float:
    """Seconds of work that come, over those that the most workers have; 0 without a limit."""
    if setting.max_workers is None:
        return 0.0
    return arrivals.n * service_s / (setting.max_workers * arrivals.span_s)


def drawn(jobs: Jobs, chances: _Floats) -> _Floats:
    """The empirical quantile at each chance in [0, 1)."""
    return np.sort(jobs.high)[(chances * jobs.n).astype(np.int64)]


def _beside(part: Jobs, whole: Jobs, chances: _Floats) -> _Floats:
    """A part of what is drawn at these chances, of the same job."""
    return part.high[np.argsort(whole.high, kind="stable")][(chances * whole.n).astype(np.int64)]


def _stepped_s(lives_s: _Floats, step_s: float) -> _Floats:
    """What is billed beyond each life because a step that has begun is billed whole."""
    return np.ceil(lives_s / step_s) * step_s - lives_s


def half_up(value: float) -> int:
    """To the nearest whole nano-dollar."""
    return math.floor(value + 0.5)


def _windows(law: Drawn, chances: _Floats) -> _Floats:
    """W with P(W <= gap) = 1 / (1 + (gap / median)^-steepness)."""
    return law.median_s * (chances / (1 - chances)) ** (1 / law.steepness)


def _without(jobs: Jobs, block: int) -> Jobs:
    return jobs.where(jobs.block != block)
