"""How likely is the saving above the target, and does money remain? Drawn from the t distribution of the logarithm."""

import math
from dataclasses import dataclass

import numpy as np

from analysis.verdict.gates import Money

DRAWS = 100_000


@dataclass(frozen=True, kw_only=True)
class Chances:
    """Shares of so many draws. above_target: the saving exceeds it; above_zero: dollars remain a month after
    operations, None: these are not known; pays_back: within so many months."""

    above_target: float
    above_zero: float | None
    pays_back: float | None
    draws: int

    def error(self, share: float) -> float:
        """Standard error of one of them by the number of draws."""
        return math.sqrt(share * (1 - share) / self.draws)


def chances(money: Money, *, target: float, payback_months: float, draws: int = DRAWS, seed: int = 1) -> Chances | None:
    """theta + t_df se, where bills or settings cannot tell at the worse end of what they leave open. None: no cost is
    known.

    The baseline's dollars a month and operations are taken as they stand.
    """
    saving = money.saving
    if saving is None:
        return None
    t = np.random.default_rng(seed).standard_t(saving.df, draws)
    share = -np.expm1(saving.theta + saving.slack + saving.worse + t * saving.se)
    if money.baseline_usd is None or money.more_usd is None:
        above_zero = pays_back = None
    else:
        net = share * money.baseline_usd - money.more_usd
        above_zero = float((net > 0).mean())
        pays_back = float(((net > 0) & (net * payback_months >= money.one_off_usd)).mean())
    return Chances(above_target=float((share > target).mean()), above_zero=above_zero, pays_back=pays_back, draws=draws)
