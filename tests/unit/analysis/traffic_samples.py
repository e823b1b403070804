"""Services as blocks would have measured them, from laws that a test knows."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from analysis.estimates import Jobs
from analysis.traffic.replay import Setting
from analysis.traffic.service import Service

MODAL_NANO, RUNPOD_NANO, VAST_NANO = 665_440, 530_000, 150_000  # nano-USD a second


def steady(
    name: str, nano: int, setting: Setting, *, service_s: float = 15, boot_s: float = 45, **more: Any
) -> Service:
    """Every execution and every boot takes as long as the other, in one block."""
    one = np.zeros(1, dtype=np.int64)
    return Service(
        **{
            "name": name, "gpu": "L40S", "usd_per_s_nano": nano, "setting": setting,
            "service": Jobs.exact([service_s], one), "boot": Jobs.exact([boot_s], one),
            "warm": Jobs.exact([service_s], one), "cold": Jobs.exact([boot_s + service_s], one),
            "good": {0: (1, 1)}, **more,
        }
    )  # fmt: skip


def measured(
    name: str, nano: int, setting: Setting, *, blocks: int = 20, warm: int = 60, cold: int = 4, seed: int = 1,
    service_s: float = 9, boot_s: float = 45, billed: Mapping[int, tuple[int, int]] | None = None, **more: Any,
) -> Service:  # fmt: skip
    """Lognormal executions and boots, blocks 5 % apart; bills as estimated."""
    dice = np.random.default_rng(seed)
    base = service_s * np.exp(dice.normal(0, 0.05, blocks))
    boots = boot_s * np.exp(dice.normal(0, 0.10, blocks))[:, None] * np.exp(dice.normal(0, 0.30, (blocks, cold)))
    work = base[:, None] * np.exp(dice.normal(0, 0.12, (blocks, warm)))
    after = base[:, None] * np.exp(dice.normal(0, 0.12, (blocks, cold))) + boots
    of_warm, of_cold = np.repeat(np.arange(blocks), warm), np.repeat(np.arange(blocks), cold)
    return Service(
        **{
            "name": name, "gpu": "L40S", "usd_per_s_nano": nano, "setting": setting,
            "service": Jobs.exact(work.ravel(), of_warm), "boot": Jobs.exact(boots.ravel(), of_cold),
            "warm": Jobs.exact(work.ravel(), of_warm), "cold": Jobs.exact(after.ravel(), of_cold),
            "good": dict.fromkeys(range(blocks), (warm + cold, warm + cold)),
            "billed": dict.fromkeys(range(blocks), (10**9, 10**9)) if billed is None else billed,
            **more,
        }
    )  # fmt: skip
