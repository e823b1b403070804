"""Does more come in than capacity can carry? Told from how latency and jobs in flight grow, while a load runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

BATCHES = 8
LEAST = 30  # jobs
WINDOW = 120  # the latest so many jobs
GROWTH = 2.0  # from the first batch to the last


@dataclass(frozen=True, kw_only=True)
class Load:
    """One finished job of an open loop: its latency from the intended start, and what was in flight at its end."""

    latency_s: float
    in_flight: int


def saturated(ended: Sequence[Load]) -> bool:
    """True once both latency and jobs in flight have risen through every batch of the window, and doubled.

    Batch means (Law & Carson 1979) rather than single jobs, since neighbours in a queue are alike. A queue that is
    stable wanders: it seldom rises eight times in a row, and twofold, in both.
    """
    window = ended[-WINDOW:]
    if len(window) < LEAST:
        return False
    return _rises([each.latency_s for each in window]) and _rises([each.in_flight + 1 for each in window])


def _rises(values: Sequence[float]) -> bool:
    size = len(values) // BATCHES
    tail = values[len(values) - size * BATCHES :]
    means = [sum(tail[i * size : (i + 1) * size]) / size for i in range(BATCHES)]
    steady = all(before < after for before, after in pairwise(means))
    return steady and means[-1] >= GROWTH * means[0]
