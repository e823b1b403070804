"""How often is one of two surely cheaper where settings are searched? `python -m benchmarks.free_settings [pairs]`.

The operating characteristics hold windows fixed. Here each arm has the cheapest setting that is shown to serve as well,
by twelve blocks of 60 warm and 4 cold jobs, and the candidate costs as much a second as the baseline, or 40 % less.
Beside each other: limits that know of blocks alone, and those that are as open as it is which settings serve. About
a second a pair. Exit code 1 if of two that are alike the candidate surely saves, or of a true saving it surely does
not, more often than alpha by two errors, or if most pairs of a row say nothing.
"""

import math
import sys
from collections import Counter

from rich.console import Console
from rich.table import Table

from analysis import stats
from analysis.looks import alphas
from analysis.traffic.blended import at_best, worth_trying
from analysis.traffic.equal import Terms, cheapest, saving
from analysis.traffic.profile import Curve
from analysis.traffic.replay import Setting
from analysis.traffic.trials import Trials
from tests.unit.analysis.traffic_samples import MODAL_NANO, measured

LEAST = 0.10  # the saving that has to be shown
LOOKS, ALPHA = (12, 16, 20), 0.05
VOLUMES, PRICES = (200, 500, 1000), (1.0, 0.6)  # requests a day; the candidate's price of a second in the baseline's


def found(pairs: int, *, per_day: float, price: float) -> Counter[str]:
    """Of so many pairs at the first look: GO and STAY by limits that know of blocks alone, and by those that we use."""
    terms, alpha = Terms(traffic=Curve(per_day=per_day), requests=3000, requests_per_block=600), alphas(LOOKS)[0]
    said: Counter[str] = Counter()
    for seed in range(pairs):
        modal = measured("Modal", MODAL_NANO, Setting(window_s=300), blocks=12, seed=2 * seed + 1, service_s=3)
        other = measured(
            "Runpod", round(price * MODAL_NANO), Setting(window_s=10), blocks=12, seed=2 * seed + 2, service_s=3
        )
        trials = Trials.of(modal, terms)
        best, base = (cheapest(trials.search(each, worth_trying(each, terms)), each.name) for each in (other, modal))
        if best is None or base is None:
            said["unknown"] += 1
            continue
        ways = {"blocks": saving(best, base, alpha=alpha), "ours": at_best(best, base, trials, alpha=alpha)}
        for way, estimate in ways.items():
            if estimate and estimate.limits.low is not None and estimate.limits.high is not None:
                said[f"go by {way}"] += estimate.limits.low > LEAST
                said[f"stay by {way}"] += estimate.limits.high < LEAST
    return said


def main(arguments: list[str]) -> int:
    """Print the table."""
    pairs = int(arguments[0]) if arguments else 60
    names = ("go by blocks", "go by ours", "stay by blocks", "stay by ours", "unknown")
    table = Table("a day", "price", *names, title=f"{pairs} pairs a row, first look")
    most = 0.0
    for per_day in VOLUMES:
        for price in PRICES:
            said = found(pairs, per_day=per_day, price=price)
            table.add_row(f"{per_day}", f"{price:g}", *(f"{said[name] / pairs:.2f}" for name in names))
            wrong = said["go by ours" if price == 1 else "stay by ours"]
            most = max(most, wrong / pairs, float(2 * said["unknown"] > pairs))
    Console(width=120).print(table)
    low, high = stats.wilson(most * pairs, pairs)
    print(f"Surely wrong in at most {most:.2f} [{low:.2f}, {high:.2f}] of the pairs of a row; {ALPHA} are allowed.")
    return 0 if most <= ALPHA + 2 * math.sqrt(ALPHA * (1 - ALPHA) / pairs) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
