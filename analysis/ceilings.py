"""How far above its ceilings a run may end, and so what it can cost at most. Pure; the collector enforces it."""

from decimal import Decimal

WATCH_S = 5.0  # world seconds between looks at what was spent while nothing is bought
JOB_S = 600.0  # a job's deadline: no job lasts longer
DESTROY_S = 120.0  # kept to destroy a rental: it bills until it is gone, and one call every 3.3 s is all one may make
TOLERANCE = "one job per worker, as long as the longest one took, and the idle tail until its capacity is gone"


def tolerance_usd(usd_per_s: Decimal, *, workers: int, longest_job_s: float, tail_s: float) -> Decimal:
    """TOLERANCE of one deployment in dollars: what its run may cost beyond its ceiling.

    usd_per_s: of one worker. longest_job_s: from its sending to its end; for a rental that never got ready, the time
    until it was given up. tail_s: from then until nothing is billed any more.
    """
    return usd_per_s * workers * Decimal(str(longest_job_s + tail_s + WATCH_S))


def most_beyond_usd(usd_per_s: Decimal, *, workers: int, idle_s: float, scales: bool) -> Decimal:
    """The tolerance before anything is known: each worker takes a job to its deadline."""
    tail_s = idle_s if scales else DESTROY_S
    return tolerance_usd(usd_per_s, workers=workers, longest_job_s=JOB_S, tail_s=tail_s)
