"""What a run may cost beyond its ceilings."""

from decimal import Decimal

from analysis.ceilings import DESTROY_S, JOB_S, WATCH_S, most_beyond_usd, tolerance_usd
from collectors.load import TIMEOUT_S

USD = Decimal("0.001")


def test_the_tolerance_is_a_job_a_worker_and_the_tail() -> None:
    seconds = 2 * (90 + 30 + WATCH_S)
    assert tolerance_usd(USD, workers=2, longest_job_s=90, tail_s=30) == USD * Decimal(str(seconds))


def test_before_anything_is_known_each_worker_takes_a_job_to_its_deadline() -> None:
    scaled = most_beyond_usd(USD, workers=3, idle_s=10, scales=True)
    rented = most_beyond_usd(USD, workers=1, idle_s=10, scales=False)
    assert scaled == USD * Decimal(str(3 * (JOB_S + 10 + WATCH_S)))
    assert rented == USD * Decimal(str(JOB_S + DESTROY_S + WATCH_S))


def test_the_deadline_is_the_collectors() -> None:
    assert JOB_S == TIMEOUT_S
