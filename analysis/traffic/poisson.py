"""One worker under Poisson arrivals, in closed form: what a replay comes to in the long run, for any law of seconds.

A renewal runs from a boot to the next: the worker serves E[N] requests, and after each one that leaves it idle it is
gone with chance q before the next comes.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from analysis.traces import hourly_shares
from analysis.traffic.replay import MONTH_S, ReplayError


@dataclass(frozen=True, kw_only=True)
class Worker:
    """In the long run. gone: q, the chance that an idle worker is gone when the next request comes."""

    per_s: float
    busy_share: float  # rho
    gone: float
    per_boot: float  # E[N], requests of one worker's life

    @property
    def cold_share(self) -> float:
        return self.gone / self.per_boot

    @property
    def idle_s_per_image(self) -> float:
        return (1 - self.gone) / (self.per_s * self.per_boot)

    @property
    def paid_s_per_image(self) -> float:
        return self.up_share / self.per_s

    @property
    def up_share(self) -> float:
        """Share of the time that is paid for."""
        return 1 - self.cold_share

    def usd_per_image(self, usd_per_s: float) -> float:
        return usd_per_s * self.paid_s_per_image

    def usd_per_month(self, usd_per_s: float) -> float:
        return usd_per_s * MONTH_S * self.up_share


def poisson_worker(
    per_hour: float, *, service_s: float, boot_s: float, window_s: float = math.nan, gone: float | None = None
) -> Worker:
    """Means of seconds; `gone` (`analysis.eviction`'s cold chance) in place of the window where that is drawn.

    q = E exp(-lambda W), rho = lambda s, E[N] = (1 + lambda q b) / (1 - rho), cold share q / E[N].
    Raises ReplayError where one worker cannot keep up, or without arrivals.
    """
    per_s = per_hour / 3600
    busy_share = per_s * service_s
    if not per_hour > 0:
        raise ReplayError(f"Arrivals must be above 0 an hour, not {per_hour:g}.")
    if busy_share >= 1:
        raise ReplayError(f"One worker cannot serve {per_hour:g} requests an hour of {service_s:g} s each.")
    q = math.exp(-per_s * window_s) if gone is None else gone
    return Worker(
        per_s=per_s, busy_share=busy_share, gone=q, per_boot=(1 + per_s * q * boot_s) / (1 - busy_share)
    )  # fmt: skip


def up_share_of_curve(
    weights: Sequence[float], *, per_day: float, service_s: float, boot_s: float, window_s: float
) -> float:
    """Share of a day that one worker is paid for, each hour by its own rate; an hour without arrivals has none."""
    rates = [per_day * share for share in hourly_shares(weights)]
    workers = [
        poisson_worker(rate, service_s=service_s, boot_s=boot_s, window_s=window_s) for rate in rates if rate > 0
    ]
    return math.fsum(worker.up_share for worker in workers) / len(rates)
