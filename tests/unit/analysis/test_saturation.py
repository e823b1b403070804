"""Saturation: caught while it builds up, and not seen in a queue that is merely busy."""

from random import Random

import pytest

from analysis.saturation import LEAST, Load, saturated

SERVICE_S = 10.0


def queue(*, utilisation: float, seed: int, n: int = 400) -> list[Load]:
    """A serial worker under Poisson arrivals: Lindley's recursion, in flight counted at each end."""
    dice = Random(seed)
    arrives, free_at, ends, seen = 0.0, 0.0, [], []
    for _ in range(n):
        arrives += dice.expovariate(utilisation / SERVICE_S)
        free_at = max(free_at, arrives) + SERVICE_S * dice.uniform(0.9, 1.1)
        ends.append((arrives, free_at))
    for arrived, end in ends:
        in_flight = sum(begun <= end < done for begun, done in ends)
        seen.append(Load(latency_s=end - arrived, in_flight=in_flight))
    return seen


def caught_after(loads: list[Load]) -> int | None:
    return next((n for n in range(1, len(loads) + 1) if saturated(loads[:n])), None)


@pytest.mark.parametrize("utilisation", [1.5, 2.0, 4.0])
def test_an_overloaded_worker_is_caught_while_it_builds_up(utilisation: float) -> None:
    for seed in range(20):
        caught = caught_after(queue(utilisation=utilisation, seed=seed))
        assert caught is not None
        assert caught <= 120


@pytest.mark.parametrize("utilisation", [0.3, 0.6, 0.8])
def test_a_busy_worker_that_keeps_up_is_left_alone(utilisation: float) -> None:
    alarms = sum(caught_after(queue(utilisation=utilisation, seed=seed, n=200)) is not None for seed in range(60))
    assert alarms == 0


def test_too_few_jobs_say_nothing() -> None:
    rising = [Load(latency_s=float(i + 1), in_flight=i) for i in range(LEAST)]
    assert saturated(rising)
    assert not saturated(rising[:-1])


def test_latency_that_rises_without_a_queue_is_no_saturation() -> None:
    assert not saturated([Load(latency_s=float(i + 1), in_flight=1) for i in range(100)])
    assert not saturated([Load(latency_s=10.0, in_flight=i) for i in range(100)])
